"""The same from ordinary code: one call that returns when the society is done, wherever it is called from."""

from __future__ import annotations

import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import trio
from numpy.typing import ArrayLike

from ..channels.interface import Engine
from ..channels.unreliable.settings import Unreliable
from ..cluster.settings import Cluster
from ..network.gradient import Gradient
from ..network.network import Network
from ..support.validation import Array
from .opening import open_simulation

_T = TypeVar("_T")


def gradient(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: str = "squared_error",
    channels: str | Engine = "bundled",
    wrt_inputs: bool = False,
    sums: str = "ordered",
    micro_batches: int | None = None,
    in_flight: int | None = None,
    engine: str | Cluster | None = None,
) -> Gradient:
    """Open a society, ask it for one gradient, and close it; see `Simulation.gradient`, and `open_simulation`.

    Inside an event loop (a notebook, a trio program) it works too, and holds that loop up meanwhile: in trio, prefer
    `async with na.open_simulation(...)`. (asyncio keeps a Ctrl-C for itself until it is back in its loop.)
    """

    async def society() -> Gradient:
        async with open_simulation(
            network,
            channels,
            sums=sums,
            micro_batches=micro_batches,
            in_flight=in_flight,
            engine=engine,
        ) as simulation:
            return await simulation.gradient(x, targets, loss, wrt_inputs)

    return run(society, channels)


def hessian_vector_product(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    weights: ArrayLike,
    biases: ArrayLike,
    loss: str = "squared_error",
    channels: str | Engine = "bundled",
    sums: str = "ordered",
    engine: str | Cluster | None = None,
) -> Gradient:
    """The same for one product of the Hessian with a direction; see `Simulation.hessian_vector_product`."""

    async def society() -> Gradient:
        async with open_simulation(network, channels, sums=sums, engine=engine) as simulation:
            return await simulation.hessian_vector_product(x, targets, weights, biases, loss)

    return run(society, channels)


def predict(
    network: Network,
    x: ArrayLike,
    channels: str | Engine = "bundled",
    sums: str = "ordered",
    engine: str | Cluster | None = None,
) -> Array:
    """The predictions, (batch, n_outputs), of a society opened for this one question; see `gradient`."""

    async def society() -> Array:
        async with open_simulation(network, channels, sums=sums, engine=engine) as simulation:
            return await simulation.predict(x)

    return run(society, channels)


def run(society: Callable[[], Awaitable[_T]], channels: str | Engine = "bundled") -> _T:
    """`trio.run`, in a thread of its own where this one is running an event loop already. What is waited for in a storm
    passes in virtual time."""
    clock = None
    if isinstance(channels, Unreliable):
        from trio.testing import MockClock  # which imports a good deal

        clock = MockClock(autojump_threshold=0)
    if not _inside_a_loop():
        return trio.run(society, clock=clock)
    results: list[_T] = []
    errors: list[BaseException] = []
    scope = trio.CancelScope()
    tokens: list[trio.lowlevel.TrioToken] = []
    wanted = True

    async def cancellable() -> None:
        tokens.append(trio.lowlevel.current_trio_token())
        if wanted:
            with scope:
                results.append(await society())

    def thread() -> None:
        try:
            trio.run(cancellable, clock=clock)
        except BaseException as error:
            errors.append(error)

    worker = threading.Thread(target=thread, name="neuro_actors", daemon=True)
    try:
        worker.start()
        worker.join()
    except BaseException:  # an interrupt: take the society along, wherever it is
        wanted = False
        for token in tokens:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(scope.cancel)
        if worker.is_alive():
            worker.join()
        raise
    if errors:
        raise errors[0]
    return results[0]


def _inside_a_loop() -> bool:
    if trio.lowlevel.in_trio_run():
        return True
    asyncio = sys.modules.get("asyncio.events")
    return asyncio is not None and asyncio._get_running_loop() is not None
