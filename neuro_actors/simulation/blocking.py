"""Ordinary functions around a society: they return when it is done, wherever they are called.

A script calls `trio.run`. A notebook already runs an event loop, and trio cannot start inside
it; there the society lives in a thread of its own, and the caller waits for the thread.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Generic, TypeVar

import trio
from numpy.typing import ArrayLike

from ..channels.choose_channels import ChannelsChoice, uses_virtual_time
from ..cluster.settings import Cluster
from ..network.function_names import AnyLoss
from ..network.gradient import Gradient
from ..network.network import Network
from ..neuron.sums import SumsChoice
from ..rules import Rule
from ..support.arrays import Array
from ..support.hints import explains_arguments
from ..support.signal_exceptions import HandlerExceptions, passes_handler_exceptions
from .opening import open_simulation

_T = TypeVar("_T")


@explains_arguments
@passes_handler_exceptions
def gradient(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: AnyLoss = "squared_error",
    channels: ChannelsChoice = "bundled",
    wrt_inputs: bool = False,
    sums: SumsChoice = "ordered",
    micro_batches: int | None = None,
    in_flight: int | None = None,
    engine: str | Cluster | None = None,
    rule: Rule | None = None,
) -> Gradient:
    """Compute one gradient with a society of neurons, which lives for this call only.

    The function may be called anywhere, also in a notebook. Inside an event loop it blocks the
    loop; a trio program should use `async with na.open_simulation(...)` instead. (asyncio
    delivers a Ctrl-C only after its loop continues.)

    Args:
        network: The network.
        x: Examples. Shape (batch, n_inputs), float64 or convertible. Of a network with delays:
            shape (batch, ticks, n_inputs), or a list of sequences of different lengths.
        targets: What the outputs should say. Shape (batch, n_outputs), float64 or convertible. What
            is masked does not count: its loss is 0.
        loss: Name of the loss, a key of `na.LOSSES`. The gradient is that of its mean over the
            examples.
        channels: The engine that carries the messages, as in `na.open_simulation`.
        wrt_inputs: Compute the gradient with respect to `x` too.
        sums: "ordered" adds in synapse order. "blas" is faster, without a promise for the last
            bits.
        micro_batches: Split the batch into so many parts, to need less memory. None: no split.
        in_flight: How many micro-batches may be under way at the same time. None is 1.
        engine: Where the neurons live. None is this process; `na.Ray(...)` is many machines.
        rule: The local rule of the neurons, from `na.rules`. None is backpropagation, through time
            if the network has delays.

    Returns:
        Loss, predictions, and the gradient by weight (n_synapses,), by bias (n_neurons,), and
        by input (batch, n_inputs) if `wrt_inputs` is true.

    Raises:
        InputError: An argument is wrong.
        SimulationError: A neuron failed. The error names it.

    Examples:
        >>> import neuro_actors as na
        >>> net = na.Network.from_matrices([[[0.6]]], [[0.0]], ["identity"])
        >>> found = na.gradient(net, [[1.0]], [[1.0]])
        >>> print(f"{found.loss:.2f} {found.weights[0]:.2f}")
        0.16 -0.80
    """

    async def society() -> Gradient:
        async with open_simulation(
            network,
            channels,
            sums=sums,
            micro_batches=micro_batches,
            in_flight=in_flight,
            engine=engine,
            rule=rule,
        ) as simulation:
            return await simulation.gradient(x, targets, loss, wrt_inputs)

    return run(society, channels)


@explains_arguments
@passes_handler_exceptions
def hessian_vector_product(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    weights: ArrayLike,
    biases: ArrayLike,
    loss: AnyLoss = "squared_error",
    channels: ChannelsChoice = "bundled",
    sums: SumsChoice = "ordered",
    engine: str | Cluster | None = None,
) -> Gradient:
    """Multiply the Hessian of the mean loss by a direction, with a society of neurons.

    The product says how fast the gradient changes when the parameters move along the direction.
    Each neuron computes its own part from messages; no matrix is built. Where the function may
    be called: see `na.gradient`.

    Args:
        network: The network.
        x: Examples. Shape (batch, n_inputs).
        targets: What the outputs should say. Shape (batch, n_outputs).
        weights: The direction's part for the weights. Shape (n_synapses,).
        biases: The direction's part for the biases. Shape (n_neurons,). The entries of inputs,
            which have no bias, are ignored.
        loss: Name of the loss, a key of `na.LOSSES`.
        channels: The engine that carries the messages, as in `na.open_simulation`.
        sums: "ordered" or "blas", as in `na.gradient`.
        engine: Where the neurons live, as in `na.gradient`.

    Returns:
        The product, with the sign of the gradient, in `.weights` (n_synapses,) and `.biases`
        (n_neurons,). Its loss and predictions are those at the network's own parameters.

    Raises:
        InputError: An argument is wrong; or an activation function or the loss has no second
            derivative.
        SimulationError: A neuron failed. The error names it.

    Examples:
        >>> import neuro_actors as na
        >>> net = na.Network.from_matrices([[[0.6]]], [[0.0]], ["identity"])
        >>> product = na.hessian_vector_product(net, [[3.0]], [[1.0]], [1.0], [0.0, 0.0])
        >>> product.weights  # the loss is (3 w - 1)², its second derivative 2 · 3²
        array([18.])
    """

    async def society() -> Gradient:
        async with open_simulation(network, channels, sums=sums, engine=engine) as simulation:
            return await simulation.hessian_vector_product(x, targets, weights, biases, loss)

    return run(society, channels)


@explains_arguments
@passes_handler_exceptions
def predict(
    network: Network,
    x: ArrayLike,
    channels: ChannelsChoice = "bundled",
    sums: SumsChoice = "ordered",
    engine: str | Cluster | None = None,
) -> Array:
    """Compute the outputs for some examples, with a society of neurons.

    Where the function may be called: see `na.gradient`.

    Args:
        network: The network.
        x: Examples. Shape (batch, n_inputs), float64 or convertible.
        channels: The engine that carries the messages, as in `na.open_simulation`.
        sums: "ordered" or "blas", as in `na.gradient`.
        engine: Where the neurons live, as in `na.gradient`.

    Returns:
        The activations of the outputs, float64, read-only. Shape (batch, n_outputs).

    Raises:
        InputError: An argument is wrong.
        SimulationError: A neuron failed. The error names it.

    Examples:
        >>> import neuro_actors as na
        >>> net = na.Network.from_matrices([[[2.0, 1.0]]], [[0.5]], ["identity"])
        >>> na.predict(net, [[1.0, 2.0], [0.0, 0.0]])
        array([[4.5],
               [0.5]])
    """

    async def society() -> Array:
        async with open_simulation(network, channels, sums=sums, engine=engine) as simulation:
            return await simulation.predict(x)

    return run(society, channels)


def run(society: Callable[[], Awaitable[_T]], channels: ChannelsChoice = "bundled") -> _T:
    """Run an async function to its end, from ordinary code.

    It calls `trio.run`: in this thread, or in a thread of its own if this one runs an event
    loop already. With `na.Unreliable` channels the clock is virtual: delays take no real time.

    Args:
        society: An async function without arguments, which opens a simulation and uses it.
        channels: The channels that it uses, which decide the clock.

    Returns:
        What `society` returned.

    Raises:
        BaseException: What `society` raised, or what a signal handler raised. Then the society is
            cancelled first.
        KeyboardInterrupt: Ctrl-C. The society is cancelled first.
    """
    clock = None
    if uses_virtual_time(channels):
        from trio.testing import MockClock  # slow to import, so only where it is needed

        clock = MockClock(autojump_threshold=0)
    this = _Run(society, clock)
    if not _in_event_loop():
        with HandlerExceptions(this.cancel):
            this.run()
    else:
        this.run_in_thread()
    return this.result


class _Run(Generic[_T]):
    """One call of `trio.run`, which a signal handler or another thread may cancel.

    Args:
        society: The async function to run.
        clock: The clock; None is the real one.
    """

    def __init__(self, society: Callable[[], Awaitable[_T]], clock: trio.abc.Clock | None) -> None:
        self._society, self._clock = society, clock
        self._scope = trio.CancelScope()
        self._token: trio.lowlevel.TrioToken | None = None
        self._is_cancelled = False
        self._results: list[_T] = []
        self._errors: list[BaseException] = []
        self._has_ended = threading.Event()

    @property
    def result(self) -> _T:
        """What the function has returned. Raises what it has raised in its thread."""
        if self._errors:
            raise self._errors[0]
        return self._results[0]

    def cancel(self) -> None:
        """Cancel the function. It may be called at any time, also between two instructions."""
        self._is_cancelled = True
        if self._token is not None:
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._scope.cancel)

    def run(self) -> None:
        """Run the function to its end."""
        trio.run(self._main, clock=self._clock)

    def run_in_thread(self) -> None:
        """Run the function to its end in another thread, in the context of this one."""
        run = partial(copy_context().run, self._note_errors)
        thread = threading.Thread(target=run, name="neuro_actors", daemon=True)
        try:
            thread.start()
            self._wait_ended()
        except BaseException:  # an interrupt: cancel the society too, whatever it is doing
            self.cancel()
            if thread.ident is not None:
                self._wait_ended()
            raise

    def _wait_ended(self) -> None:
        # An interrupted `Thread.join` says of a thread that runs that it has ended (Python 3.11).
        # On Windows nothing interrupts a wait without a time limit.
        while not self._has_ended.wait(0.2 if os.name == "nt" else None):
            pass

    def _note_errors(self) -> None:
        try:
            self.run()
        except BaseException as error:
            self._errors.append(error)
        finally:
            self._has_ended.set()

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        if not self._is_cancelled:
            with self._scope:
                self._results.append(await self._society())


def _in_event_loop() -> bool:
    if trio.lowlevel.in_trio_run():
        return True
    asyncio = sys.modules.get("asyncio.events")
    return asyncio is not None and asyncio._get_running_loop() is not None
