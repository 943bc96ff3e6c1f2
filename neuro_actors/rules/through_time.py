"""Backpropagation through time, by mail: a network with delays goes through a sequence.

The society is the network's cell (`network/cell.py`): what the network is in one tick. A step of a
sequence of T ticks has 2 T rounds:

    forward    tick 1, …, tick T. The environment repeats what each delay heard so many ticks ago.
               (In a prediction these rounds are all, and are called "tick 1 of T of a prediction":
               what learns, as dropout does, is told apart by its round.)
    backward   tick T, …, tick 1 once more, now with the targets of that tick. What a delay feels
               as its urgency, it feels for what it heard so many ticks ago. So the environment
               repeats it there: the loss node hands it on as the urgency of what the delay hears.
    learn      once, at the end: a parameter's urgency is the sum over all ticks.

A network in which delays hear later ticks goes through the sequence several times, there and back
(`network/passes.py`): "tick 1 of T, pass 1 of 2". The environment repeats what was said last. The
rounds backward are the rounds forward in the opposite order. In the last pass forward all that is
said is right, in the last pass backward, which is pass 1, all urgencies are: they alone are added.

The environment computes nothing here: it repeats. The loss of an example is the sum over its ticks.

Source: Werbos, Proc. IEEE 78, 1990; truncated: Williams, Peng, Neural Computation 2, 1990.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..network.cell import DelayRows, make_cell
from ..network.examples import widen
from ..network.field import count_positions
from ..network.network import Network
from ..network.passes import count_passes
from ..network.sequences import count_ticks, lengths_of
from ..neuron.local_rule import NOTHING, LocalRule, NeuronRule
from ..neuron.loss_node import LossNode
from ..neuron.messages import Step
from ..neuron.sums import Sums
from ..neuron.time_round import PREDICTION, TimeRound
from ..support.arrays import Array, freeze
from ..support.errors import InputError
from ..support.scalars import as_whole_number
from ..support.validation import as_flag
from .rule import Answer, Round, Rule, own


@dataclass(frozen=True)
class ThroughTime(Rule):
    """Backpropagation through time. See the head of this file.

    Data have one axis more: x has the shape (batch, ticks, *positions, n_inputs), targets and
    predictions likewise.

    Attributes:
        ticks: How many ticks a sequence has. None: as many as x has.
        window: After how many ticks urgencies are cut (truncated backpropagation): what a delay
            repeats still goes from one window to the next, its urgency does not go back. None:
            never.
        carry: Whether each call goes on where the one before ended: its first ticks hear what was
            said in the last ticks of the call before, whether that predicted or learned. Urgencies
            do not go back to earlier calls. `simulation.forget()` begins anew.
    """

    ticks: int | None = None
    window: int | None = None
    carry: bool = False
    _memory: dict[int, Array] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("ticks", "window"):
            value = getattr(self, name)
            if value is not None:
                value = as_whole_number(f"ThroughTime: {name}", value, 1)
                object.__setattr__(self, name, value)
        as_flag("ThroughTime: carry", self.carry)

    def society(self, network: Network) -> Network:
        """See `Rule.society`: the network's cell.

        Raises:
            InputError: The network has no delays, or the rule carries on and a delay hears later
                ticks.
        """
        if not network.delays:
            raise InputError(
                "ThroughTime needs a network with delays, such as na.Delay('h before', of='h'): "
                "add one, or leave the rule out"
            )
        later = [network.ids[k] for k, (_, ticks) in network.delays.items() if ticks < 0]
        if self.carry and later:
            raise InputError(
                f"ThroughTime: carry=True: the delay {later[0]!r} hears later ticks, which "
                "only the next call brings: leave carry out"
            )
        return make_cell(network)

    def for_society(self) -> ThroughTime:
        """See `Rule.for_society`."""
        return replace(self)  # with a memory of its own

    def forget(self) -> None:
        """See `Rule.forget`."""
        self._memory.clear()

    def for_part(self, network: Network, examples: slice, batch: int) -> ThroughTime:
        """See `Rule.for_part`: it remembers the columns of its own sequences."""
        wide = count_positions(network.input_grid)
        held = self._remembered(batch * wide)
        part = replace(self)
        part._memory.update((t, rows[:, widen(examples, wide)]) for t, rows in held.items())
        return part

    def take_over(self, parts: Sequence[Rule]) -> None:
        """See `Rule.take_over`."""
        memories = [part._memory for part in parts if isinstance(part, ThroughTime)]
        self._memory.clear()
        for t in memories[0]:
            self._memory[t] = np.concatenate([memory[t] for memory in memories], axis=1)

    def fit(self, x: ArrayLike) -> ThroughTime:
        """See `Rule.fit`: the ticks are those of x, if the rule does not say how many.

        Args:
            x: The batch. Shape (batch, ticks, *positions, n_inputs), or a list of sequences of
                different lengths.

        Raises:
            InputError: x has no axis of ticks; or its sequences have different lengths, and the
                rule carries on.
        """
        if self.carry and lengths_of(x) is not None:
            raise InputError(
                "x: its sequences have different lengths, and with ThroughTime(carry=True) the "
                "next call goes on at their ends: hand over windows of one length"
            )
        if self.ticks is not None:
            return self
        fitted = replace(self, ticks=count_ticks(x))
        object.__setattr__(fitted, "_memory", self._memory)
        return fitted

    @property
    def axes(self) -> tuple[int, ...]:
        """See `Rule.axes`."""
        return () if self.ticks is None else (self.ticks,)

    def neuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `Rule.neuron`."""
        return TimeNeuron(*own(network, k), sums)

    def neuron_of_round(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `Rule.neuron_of_round`."""
        return LocalRule(*own(network, k), sums)

    def loss_node(self, network: Network) -> LossNode:
        """See `Rule.loss_node`."""
        from_input = network.is_input[network.output_positions]
        return TimeLossNode(from_input, count_positions(network.output_grid), len(network.delayed))

    def predicting(self, network: Network, x: Array) -> Generator[Round, Answer, Array]:
        """See `Rule.predicting`."""
        rows = DelayRows.of(network)
        said, _, delayed = yield from self._forward(network, rows, x, PREDICTION)
        self._remember(rows, delayed)
        return _join(said, count_positions(network.output_grid))

    def rounds_with_targets(
        self, network: Network, x: Array, targets: Array
    ) -> Generator[Round, Answer, Answer]:
        """See `Rule.rounds_with_targets`."""
        rows, ticks, passes = DelayRows.of(network), self._ticks, count_passes(network)
        wide, wide_in = (count_positions(g) for g in (network.output_grid, network.input_grid))
        said, inputs, delayed = yield from self._forward(network, rows, x)
        wanted = _split(targets, ticks, wide)
        urgencies: dict[int, Array] = {}
        losses, by_inputs = [NOTHING] * ticks, [NOTHING] * ticks
        for place in range(passes * ticks, 2 * passes * ticks):
            here = TimeRound.at(place, ticks, passes)
            t = here.tick - 1
            handed = self._handed(rows, urgencies, t, wanted[t].shape[1])
            answer = yield Round(
                inputs[t],
                str(here),
                wrt_inputs=True,
                learns=here.is_last,
                targets=freeze(np.concatenate([wanted[t], handed])),
            )
            urgencies[t] = answer.input_urgencies[rows.delays]
            by_inputs[t], losses[t] = answer.input_urgencies[rows.inputs], answer.losses
        total = np.add.accumulate(np.stack(losses), axis=0)[-1]
        self._remember(rows, delayed)
        return Answer(_join(said, wide), freeze(total), _join(by_inputs, wide_in))

    @property
    def _ticks(self) -> int:
        assert self.ticks is not None
        return self.ticks

    def _forward(
        self, network: Network, rows: DelayRows, x: Array, what: str = ""
    ) -> Generator[Round, Answer, tuple[list[Array], list[Array], dict[int, Array]]]:
        """Go through all ticks.

        Return what the outputs said and what the inputs were handed, tick after tick; and what the
        delays heard, by tick: those of the calls before have negative numbers.
        """
        xs, passes = (
            _split(x, self._ticks, count_positions(network.input_grid)),
            count_passes(network),
        )
        said, given = [NOTHING] * self._ticks, [NOTHING] * self._ticks
        delayed = self._remembered(xs[0].shape[1])
        for place in range(passes * self._ticks):
            here = TimeRound.at(place, self._ticks, passes)
            t = here.tick - 1
            inputs = np.zeros((len(rows.inputs) + len(rows.delays), xs[t].shape[1]))
            inputs[rows.inputs] = xs[t]
            for k, (row, later) in enumerate(zip(rows.delays.tolist(), rows.ticks, strict=True)):
                if t - later in delayed:
                    inputs[row] = delayed[t - later][k]
            given[t] = freeze(inputs)
            answer = yield Round(given[t], f"{here}{what}", predicts=True)
            n = len(answer.predictions) - len(rows.delays)
            said[t], delayed[t] = answer.predictions[:n], answer.predictions[n:]
        return said, given, delayed

    def _remembered(self, columns: int) -> dict[int, Array]:
        """Return what the delays heard in the ticks of the calls before."""
        for held in self._memory.values():
            if held.shape[1] != columns:
                raise InputError(
                    f"x: the call before had {held.shape[1]:,} sequences (times positions), this "
                    f"one has {columns:,}: pass the next window of the same sequences, or call "
                    "simulation.forget() first"
                )
        return dict(self._memory)

    def _remember(self, rows: DelayRows, delayed: Mapping[int, Array]) -> None:
        """Keep what the delays heard in the last ticks, for the next call."""
        if self.carry:
            self._memory.clear()
            for t in range(self._ticks - max(rows.ticks), self._ticks):
                if t in delayed:
                    self._memory[t - self._ticks] = delayed[t].copy()

    def _handed(
        self, rows: DelayRows, urgencies: Mapping[int, Array], t: int, columns: int
    ) -> Array:
        """Return the urgency of what each delay heard at a tick: what it felt as it repeated it."""
        handed = np.zeros((len(rows.ticks), columns))
        for k, later in enumerate(rows.ticks):
            is_cut = self.window is not None and t // self.window != (t + later) // self.window
            if t + later in urgencies and not is_cut:
                handed[k] = urgencies[t + later][k]
        return handed


class TimeNeuron(LocalRule):
    """A neuron that adds up the urgencies of its parameters over all ticks, and learns in the last.

    Args:
        own: As `LocalRule`.

    Attributes:
        total: Their sum over the ticks that are done. Shape (fan_in + 1,), or (0,) before them.
    """

    __slots__ = ("total",)
    STATE = ("state", "total")

    def __init__(self, *own: Any) -> None:
        super().__init__(*own)
        self.total = NOTHING

    def conclude(self, step: Step, wanted: Array, commit_out: Array) -> None:
        """See `LocalRule.conclude`: it learns in the last round alone, from the sum over all ticks.

        Before that it commits the urgencies of the tick alone. (Those of passes before the last
        one are not right yet; they are not added.)

        Args:
            step: The step.
            wanted: The urgencies of the parameters in this tick. Shape (fan_in + 1,).
            commit_out: Receives the new parameters, or the sum, in the last round; before that it
                holds the urgencies of the tick. Shape (fan_in + 1,).
        """
        here = TimeRound.read(step.round) or TimeRound(True, 1, 1)
        total = wanted if here.begins_sum else self.total + wanted
        if not here.is_last:
            super().conclude(replace(step, optimizer=None), total, commit_out)
            self.total = freeze(np.array(total))
        else:
            commit_out[...] = total
            super().conclude(step, total, commit_out)
            self.total = NOTHING


class TimeLossNode(LossNode):
    """A loss node that also hands on the urgencies of what delays hear.

    Attributes:
        handed: How many of its last outputs are heard by delays. Their targets are urgencies.
    """

    __slots__ = ("handed",)

    def __init__(self, from_input: NDArray[np.bool_], positions: int, handed: int) -> None:
        """Make the loss node's rule.

        Args:
            from_input: True where an output is itself an input. Shape (n_outputs,).
            positions: How many positions the outputs live at.
            handed: See above.
        """
        super().__init__(from_input, positions)
        self.handed = handed

    def evaluate(
        self, step: Step, predictions: Array, targets: Array, urgencies_out: Array
    ) -> Array:
        """See `LossNode.evaluate`."""
        n = len(predictions) - self.handed
        of_outputs, of_delays = np.split(urgencies_out, [len(urgencies_out) - self.handed])
        of_delays[...] = targets[n:]
        only = LossNode(self.from_input[:n], self.positions)
        return only.evaluate(step, predictions[:n], targets[:n], of_outputs)


def _split(rows: Array, ticks: int, positions: int) -> list[Array]:
    """Return the columns of each tick. Shape (n, batch · positions) each.

    Args:
        rows: Example after example, tick after tick. Shape (n, batch · ticks · positions).
        ticks: How many ticks there are.
        positions: How many positions.
    """
    n = len(rows)
    by_tick = rows.reshape(n, -1, ticks, positions).transpose(2, 0, 1, 3)
    return [freeze(np.ascontiguousarray(one).reshape(n, -1)) for one in by_tick]


def _join(parts: Sequence[Array], positions: int) -> Array:
    """Return the columns of all ticks: the way back of `_split`."""
    n = parts[0].shape[0]
    by_tick = np.stack(parts).reshape(len(parts), n, -1, positions)
    return freeze(np.ascontiguousarray(by_tick.transpose(1, 2, 0, 3)).reshape(n, -1))
