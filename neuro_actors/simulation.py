"""A network brought to life: the nursery of its neurons, and the way in and out."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
import trio
from numpy.typing import ArrayLike

from .arrays import Array, as_batch, frozen
from .channels import Channels, Engine, Statistics, Waiting, engine
from .errors import InputError, LogError, SimulationError
from .examples import as_examples
from .gradient import Gradient, StepResult
from .learning import Optimizer
from .log.recording import Recording, as_recording
from .messages import Step
from .network import Network
from .parameters import Parameters
from .society import collector_off, live_together
from .sums import Sums, named

if TYPE_CHECKING:
    from .log.writer import LogWriter


@dataclass(frozen=True, slots=True, eq=False)
class _Outcome:
    step: int
    predictions: Array
    losses: Array | None = None
    weights: Array | None = None  # the gradient, in a step without learning
    biases: Array | None = None
    input_urgencies: Array | None = None

    @property
    def loss(self) -> float:
        assert self.losses is not None
        return float(np.add.accumulate(self.losses)[-1] / len(self.losses))


class Simulation:
    """A living society; made by `open_simulation`.

    Steps go one after another: one that is asked for while another is under way waits for its turn. Cancelling a call
    only stops the waiting: a step that has begun is finished by the society, wholly, before the next one begins (or
    dropped, where the block is left). A failure is told by the call that waits for the step, or else by the next one.
    """

    def __init__(
        self, network: Network, channels: Channels, sums: Sums, log: LogWriter | None, patience: float
    ) -> None:
        self._network = network
        self._channels = channels
        self._sums = sums
        self._port = channels.environment
        self._log = log
        self._patience = patience
        self._turn = trio.Lock()
        self._number = 0
        self._under_way: Step | None = None
        self._failure: SimulationError | None = None
        self._failure_told = False
        self._closed = False
        self._committed: Array | None = None  # by the last step that learnt, where `_network` does not hold it yet
        self._patient = trio.CancelScope()
        self._parameters = Parameters(network)

    # --- what users call -----------------------------------------------------------------------------------------

    async def predict(self, x: ArrayLike) -> Array:
        """The outputs' activations, (batch, n_outputs). x: (batch, n_inputs)."""
        return (await self._run(as_batch("x", x, self._network.inputs))).predictions

    async def gradient(
        self, x: ArrayLike, targets: ArrayLike, loss: str = "squared_error", wrt_inputs: bool = False
    ) -> Gradient:
        """The gradient of the mean loss, out of what the neurons found by themselves; nobody learns.

        x: (batch, n_inputs); targets: (batch, n_outputs); wrt_inputs: let urgencies reach the inputs too.
        """
        outcome = await self._run(*as_examples(self._network, x, targets, loss), loss, wrt_inputs=bool(wrt_inputs))
        assert outcome.weights is not None
        assert outcome.biases is not None
        inputs = None
        if outcome.input_urgencies is not None:
            inputs = frozen(-outcome.input_urgencies / len(outcome.predictions))
        weights, biases = frozen(outcome.weights), frozen(outcome.biases)
        return Gradient(self._network, outcome.loss, outcome.predictions, weights, biases, inputs)

    async def train_step(
        self, x: ArrayLike, targets: ArrayLike, loss: str = "squared_error", *, optimizer: Optimizer
    ) -> StepResult:
        """One step in which every neuron learns from its own urgencies. The optimiser is a description, such as
        `na.SGD(0.1)`: an equal one continues the state that each neuron keeps of it, another one starts afresh."""
        if isinstance(optimizer, type) or not (hasattr(optimizer, "start") and hasattr(optimizer, "update")):
            raise InputError(f"optimizer must be such as na.SGD(0.1) or na.Adam(), got {optimizer!r}")
        outcome = await self._run(*as_examples(self._network, x, targets, loss), loss, optimizer)
        return StepResult(outcome.step, outcome.loss, outcome.predictions)

    async def network(self) -> Network:
        """The network with the parameters that its neurons committed last. After a failure: before the failed step."""
        if self._failure is None and not self._closed:
            async with self._turn:
                await self._finish()
        else:
            await trio.lowlevel.checkpoint()
        if self._committed is not None:
            self._network = self._network.with_parameters(*self._parameters.by_element(self._committed))
            self._committed = None
        return self._network

    def who_waits(self) -> tuple[Waiting, ...]:
        """In a step under way: who waits for whom. Between steps, nobody."""
        step = self._under_way
        return () if step is None else tuple(w for w in self._channels.waiting() if w.step == step.number)

    def statistics(self) -> Statistics:
        """How many messages were sent, and how full each mailbox ever was."""
        return self._channels.statistics()

    # --- a step --------------------------------------------------------------------------------------------------

    @trio.lowlevel.enable_ki_protection  # an interrupt reaches what waits: no step is left half begun, or half told
    async def _run(
        self,
        rows: Array,
        wanted: Array | None = None,
        loss: str | None = None,
        optimizer: Optimizer | None = None,
        wrt_inputs: bool = False,
    ) -> _Outcome:
        async with self._turn:
            if self._closed:
                raise SimulationError("this simulation is closed: open another one with na.open_simulation")
            await self._finish()
            x = frozen(np.ascontiguousarray(rows.T))
            told = None if wanted is None else frozen(np.ascontiguousarray(wanted.T))
            self._number += 1
            step = Step(self._number, loss, optimizer, wrt_inputs)
            self._under_way = step
            try:
                self._port.begin(step, x, told)
            except BaseException as error:  # such as an interrupt: a step that has begun by half can never end
                self._fail(f"step {step.number} could not begin: {error!r}", error)
                raise
            outcome = await self._finish()
        assert outcome is not None
        return outcome

    @trio.lowlevel.enable_ki_protection
    async def _finish(self) -> _Outcome | None:
        """See the step under way to its end, and say what came of it. If cancelled, it can be called again."""
        step = self._under_way
        if step is not None and self._failure is None:
            with trio.CancelScope(deadline=trio.current_time() + self._patience) as self._patient:
                try:
                    with np.errstate(all="ignore"):  # what is not finite is refused, with a name
                        await self._port.end()
                except Exception as error:
                    self._fail(f"step {step.number} failed: {error}", error)
                else:
                    self._under_way = None
                    outcome = self._concluded(step)
                    self._logged()
                    return outcome
            if self._failure is None:
                waiting = [str(w) for w in self.who_waits()]
                lines = "\n  ".join(waiting[:12] + [f"… and {len(waiting) - 12} more"] * (len(waiting) > 12))
                self._fail(f"step {step.number} did not end within {self._patience:g} s:\n  {lines}", None)
        if self._failure is not None:
            self._failure_told = True
            raise SimulationError(str(self._failure)) from self._failure.__cause__
        return None

    def _concluded(self, step: Step) -> _Outcome:
        """Copies, all of it: the port's arrays are the next step's too."""
        port = self._port
        predictions = frozen(port.predictions.T.copy())
        if step.loss is None:
            return _Outcome(step.number, predictions)
        if step.optimizer is not None:
            self._committed = port.commits.copy()
            return _Outcome(step.number, predictions, port.losses)
        weights, biases = self._parameters.by_element(port.commits, negated=True)
        felt = port.urgencies.T.copy() if step.wrt_inputs else None
        return _Outcome(step.number, predictions, port.losses, weights, biases, felt)

    def _logged(self) -> None:
        try:
            if self._log is not None:
                self._log.finish()
        except LogError as error:
            self._fail(str(error), error)
            self._failure_told = True
            raise

    def _fail(self, story: str, cause: BaseException | None) -> None:
        failure = SimulationError(story)
        failure.__cause__ = cause
        self._failure = failure
        self._patient.cancel()
        self._channels.stop()

    # --- life and death ------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        try:
            with trio.CancelScope(shield=True):  # it ends by itself when the channels are stopped
                await live_together(self._network, self._channels, self._sums)
        except SimulationError as error:
            self._fail(str(error), error.__cause__)

    def _close(self) -> None:
        self._closed = True
        if self._under_way is not None and self._failure is None:
            self._failure_told = True  # whoever still waits is told; who left the block knows
            self._fail(f"the simulation was closed while step {self._under_way.number} was under way", None)
        self._channels.stop()


@asynccontextmanager
async def open_simulation(
    network: Network,
    channels: str | Engine = "bundled",
    log: str | PathLike[str] | Recording | None = None,
    *,
    sums: str = "ordered",
    patience: float = math.inf,
) -> AsyncIterator[Simulation]:
    """Bring a network to life: `async with na.open_simulation(net) as simulation`.

    channels: the engine that carries mail: "bundled", in arrays, which is fast; "memory", one object a message, which is
        the one to read; or one of your own (see `neuro_actors.channels`). All give the same bits.
    log: a file to record every message into; it must not exist yet. Or an `na.Recording`, which says what of them.
    sums: "ordered", numpy's own sums, added in synapse order; or "blas", which is faster, and whose bits are promised
        by nobody: they depend on the BLAS library, its version and its threads, and are equal between runs and engines
        on one machine as far as that was measured (OpenBLAS on one thread). Rounding stays within the same bounds.
    patience: how many seconds a call may wait for its step; then it raises `SimulationError`, which says who waits for whom.

    A neuron's failure raises one `SimulationError`, which names it, from the call that waits for the step; the society
    is gone then. On leaving the block, by whatever way, every task has ended.
    """
    if not isinstance(network, Network):
        raise InputError(f"network must be an na.Network, got {type(network).__name__}")
    if isinstance(patience, bool) or not isinstance(patience, (int, float)) or not patience > 0:
        raise InputError(f"patience must be a positive number of seconds, got {patience!r}")
    network.check_activations()
    if not trio.lowlevel.in_trio_run():
        raise SimulationError("open_simulation needs trio.run; elsewhere, as in a notebook, use na.gradient or na.train")
    make, added = engine(channels), named(sums)
    writer = None
    if log is not None:
        from .log.writer import LogWriter  # pyarrow is imported only where a log is asked for

        writer = LogWriter(as_recording(log), network, sums)
    error: BaseException | None = None
    try:
        with collector_off():
            made = make(network, writer)
        with closing(made) as carriers:
            simulation = Simulation(network, carriers, added, writer, patience)
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(simulation._live)
                    try:
                        yield simulation
                    except BaseException as caught:  # kept aside, for the nursery would wrap it into a group
                        error = caught
                    simulation._close()
            except BaseException as ending:  # cancelled from outside, or an interrupt that struck a neuron
                if isinstance(ending, BaseExceptionGroup) and ending.subgroup(KeyboardInterrupt):
                    error = KeyboardInterrupt()
                elif error is None or isinstance(error, trio.Cancelled):
                    raise
        if error is None and not simulation._failure_told:
            error = simulation._failure
    finally:
        if writer is not None:
            try:
                writer.close()
            except LogError as failed:
                error = error or failed
    if error is not None:
        try:
            raise error
        finally:
            del error  # it refers to this frame
