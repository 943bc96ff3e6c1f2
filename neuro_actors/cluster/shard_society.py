"""The part of a society that lives in one worker: the members of one shard, in their lanes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import trio

from ..channels.bundled.bundled_channels import Bundled
from ..neuron.messages import Step
from ..neuron.sums import choose_sums
from ..rules.rule_json import rule_from_json
from ..society.actor import RESPONDS, MemberFailure
from ..society.pipeline import run_lanes
from ..support.arrays import Array
from ..support.signal_exceptions import is_from_handler
from .committed_state import neuron_states
from .gathered_record import ShardRecorder
from .proxies import ShardRule
from .replicas import ReplicatedRule
from .shard import Shard
from .shard_channels import ShardChannels, activations_cross
from .worker_messages import CutRows, Direction, RunStep, StartJob, StepDone

LEARN_AT_ONCE = 1000  # neurons, between two points where other tasks may run


class ShardSociety:
    """The society of one shard.

    Attributes:
        shard: The shard.
        rule: Has the state of all neurons.
        lanes: The channels of the shard's network, one for each step that may be in progress.
    """

    def __init__(self, start: StartJob, send: Callable[[int, CutRows], None]) -> None:
        """Make the members; `run` starts them.

        Args:
            start: The job.
            send: Sends rows to another shard, by its number. It must not wait.
        """
        shard = self.shard = Shard.from_arrays(start.shard, start.shard_arrays)
        network, n_own = shard.network, len(shard.members)
        neurons = np.flatnonzero(network.n_parameters[:n_own]).tolist()  # own members come first
        ends = np.cumsum(network.n_parameters[neurons]).tolist()
        self._parts = list(zip(neurons, map(slice, [0, *ends], ends), strict=False))
        states = neuron_states(network, neurons, start.optimizer, start.updates, start.state)
        totals = {} if start.total is None else {k: start.total[part] for k, part in self._parts}
        self.rule = ReplicatedRule(rule_from_json(start.rule), states, totals)
        self._sums = choose_sums(start.sums)
        self._recorders = [
            ShardRecorder(shard) if start.record else None for _ in range(start.lanes)
        ]
        self.lanes = [
            ShardChannels(Bundled(network, recorder), shard, partial(self._send_rows, lane))
            for lane, recorder in enumerate(self._recorders)
        ]
        self._send = send
        self._other_shard = {b.number: b.sender for b in shard.bundles_in}
        self._other_shard |= {b.number: b.receiver for b in shard.bundles_out}
        self._begun = 0
        self._unsent, self._all_sent = set[int](), trio.Event()  # bundles of the last step

    async def run(self) -> None:
        """Run all members, until `close` or a failure.

        Raises:
            SimulationError: A member failed.
        """
        rule = ShardRule(self.rule, self.shard)
        await run_lanes(self.shard.network, self.lanes, rule, self._sums, lambda: False)

    def close(self) -> None:
        """Called once, when no member runs any more."""
        for lane in self.lanes:
            lane.close()

    # --- steps ------------------------------------------------------------------------------------

    def begin(self, request: RunStep) -> int:
        """Begin a step in the next lane, and return the lane.

        All shards of a replica begin the same steps in the same order.
        """
        lane, self._begun = self._begun % len(self.lanes), self._begun + 1
        step = request.step
        self._unsent = {b.number for b in self.shard.bundles_out if activations_cross(b)}
        self._all_sent = trio.Event()
        direction = () if request.direction is None else (request.direction,)
        self.lanes[lane].environment.begin(step, request.x, request.targets, *direction)
        return lane

    async def wait_sent(self) -> None:
        """Wait until all activations of the last step have been sent that other shards wait for.

        If the next step began before, all lanes would go through each level side by side, and the
        other shards would wait for the last of them.
        """
        if self._unsent:
            await self._all_sent.wait()

    async def wait_end(
        self, request: RunStep, lane: int, generation: int
    ) -> tuple[StepDone, Array]:
        """Wait until a step has ended.

        Returns:
            What the driver must know of it, and what the shard's own neurons committed, one neuron
            after another (n_commits,).
        """
        port, step = self.lanes[lane].environment, request.step
        await port.wait_end()
        recorder = self._recorders[lane]
        done = StepDone(
            generation=generation,
            number=step.number,
            predictions=port.predictions.copy(),
            losses=port.losses.copy(),
            urgencies=port.input_urgencies.copy() if step.wrt_inputs else None,
            record=None if recorder is None else recorder.read(step),
        )
        return done, port.commits

    # --- rows that cross the cut ------------------------------------------------------------------

    def _send_rows(
        self, lane: int, bundle: int, direction: Direction, number: int, values: Array
    ) -> None:
        if direction == "forward":
            self._unsent.discard(bundle)
            if not self._unsent:
                self._all_sent.set()
        self._send(self._other_shard[bundle], CutRows(lane, bundle, direction, number, values))

    def receive_rows(self, rows: CutRows) -> None:
        """Take rows from another shard."""
        self.lanes[rows.lane].deliver(rows.bundle, rows.direction, rows.number, rows.values)

    # --- learning ---------------------------------------------------------------------------------

    async def learn(self, step: Step, mean: Array) -> Array:
        """Let all neurons conclude a batch, and return what they commit, one neuron after another.

        Args:
            step: The batch's last step; without an optimizer no neuron learns.
            mean: The mean urgencies of all parameters (n_commits,).

        Raises:
            SimulationError: A neuron failed.
        """
        commits = mean.copy()
        for first in range(0, len(self._parts), LEARN_AT_ONCE):
            await trio.lowlevel.checkpoint()
            with np.errstate(
                all="ignore"
            ):  # what is not finite is refused, under the neuron's name
                for k, part in self._parts[first : first + LEARN_AT_ONCE]:
                    try:
                        self.rule.learn(k, step, mean[part], commits[part])
                    except Exception as error:
                        if is_from_handler(error):
                            raise
                        name = self.shard.network.ids[k]
                        raise MemberFailure(name, step.number, RESPONDS, error) from error
        return commits

    def optimizer_state(self) -> Sequence[Array]:
        """Return each state of the optimizer (n_commits,), one neuron after another."""
        states = [self.rule.lanes[k][0].state.optimizer_state for k, _ in self._parts]
        return [np.concatenate(parts) for parts in zip(*states, strict=True)]

    def total(self) -> Array | None:
        """Return the sums over the ticks of a sequence in progress (n_commits,); None before it."""
        totals = [self.rule.total_of(k) for k, _ in self._parts]
        found = [total for total in totals if total is not None]
        return np.concatenate(found) if found else None
