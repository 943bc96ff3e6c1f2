"""Compares the rounds of one step, each member on its own mail.

Most steps have one round. One through time has a round for each tick, and one for each tick on the
way back: there the environment repeats what delays hear, and what they feel. So what a round was
about follows from the mail of the rounds before it, by the laws that are checked here:

1. A delay says in a tick what it heard so many ticks before, in the last round of that tick; 0
   where there was no such tick.
2. What a delay feels on the way back is handed on as the urgency of what it heard; 0 where there is
   no such tick, or where it is cut by the rule's window.
3. The urgency of a parameter is the sum over the ticks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..network.cell import make_cell
from ..network.field import count_positions
from ..network.gradient import Gradient
from ..network.network import Network
from ..neuron.messages import Step
from ..neuron.time_round import TimeRound
from ..support.arrays import Array
from .reference.cells import Cells
from .reference.each_neuron import each_neuron
from .reference.rounding import gamma
from .reference.step_mail import Comparison, Mail
from .reference.unroll import Masks, draw_masks

Rounds = Sequence[tuple[Step, Mail]]


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """The comparison of a step.

    Attributes:
        rounds: The comparisons of its rounds.
        gradient: The gradient that the neurons should have committed, and a bound of its entries.
            None in a step that only predicts.
    """

    rounds: list[Comparison]
    gradient: tuple[Gradient, Gradient] | None


def split_into_steps(rounds: Rounds) -> Iterator[Rounds]:
    """Yield the rounds of each step.

    Args:
        rounds: Those of all steps, in order.
    """
    places = [TimeRound.read(step.round) for step, _ in rounds]
    starts = [n for n, here in enumerate(places) if here is None or here.place == 0]
    for start, end in zip(starts, [*starts[1:], len(rounds)], strict=True):
        yield rounds[start:end]


def compare_step(
    network: Network,
    rounds: Rounds,
    x: Array,
    targets: Array,
    direction: tuple[Array, Array] | None = None,
    window: int | None = None,
) -> Compared:
    """Compare what each member sent in a step with what it should have sent.

    Args:
        network: The network, with the parameters of the step.
        rounds: The rounds of the step.
        x: The values of the inputs. Shape (batch, *positions, n_inputs), or (batch, ticks,
            *positions, n_inputs) of a network with delays.
        targets: The targets. Shape (batch, *positions, n_outputs), likewise.
        direction: A value for each weight, shape (n_synapses,), and for each bias, shape
            (n_neurons,), in a step with tangents.
        window: After how many ticks urgencies are cut, as in `rules.ThroughTime`.
    """
    number = rounds[0][0].number if rounds[-1][0].loss else None  # a prediction has no masks
    masks = draw_masks(network, len(x), x.shape[1:2] if network.delays else (), number)
    if network.delays:
        return _compare_time(network, rounds, x, targets, window, masks)
    ((step, mail),) = rounds
    along, own = direction if step.tangent else None, _at(0, masks)
    found = each_neuron(network, x, targets, step.loss, mail, step.wrt_inputs, along, own)
    return Compared(found, found[-1].gradients(network) if step.loss else None)


def _at(t: int, masks: Masks) -> dict[int, Array]:
    """Return the masks of a tick, by the position of the dropout."""
    return {k: mask for (tick, k), mask in masks.items() if tick == t}


def _compare_time(
    network: Network, rounds: Rounds, x: Array, targets: Array, window: int | None, masks: Masks
) -> Compared:
    cell = make_cell(network)
    time = _Time(network, cell, x, targets, window)
    found: list[Comparison] = []
    back: dict[int, Comparison] = {}
    for step, mail in rounds:
        here = TimeRound.read(step.round)
        assert here is not None
        t = here.tick - 1
        given = time.inputs(t), time.targets(t) if here.back else None
        (one,) = each_neuron(cell, *given, step.loss, mail, step.wrt_inputs, masks=_at(t, masks))
        found.append(one)
        if here.back:
            back[t] = one
            time.back[t] = mail
        else:
            time.forward[t] = mail
    return Compared(found, time.gradient(back) if back else None)


class _Time:
    """What the rounds of a step through time are about.

    forward, back: The last mail of each tick, from 0 on, and of its round on the way back.
    """

    def __init__(
        self, network: Network, cell: Network, x: Array, targets: Array, window: int | None
    ) -> None:
        self.network, self.cell, self.window = network, cell, window
        self.cells, self.batch, self.ticks = Cells(cell), len(x), x.shape[1]
        wide, self.wide = (count_positions(g) for g in (cell.output_grid, cell.input_grid))
        self.x = x.reshape(self.batch, self.ticks, self.wide, -1)
        self.wanted = targets.reshape(self.batch, self.ticks, wide, -1)
        self.forward: dict[int, Mail] = {}
        self.back: dict[int, Mail] = {}
        places = {int(k): i for i, k in enumerate(np.flatnonzero(cell.is_input))}
        self.delays = [(places[k], to, later) for k, (to, later) in cell.delayed.items()]
        self.named = [i for k, i in places.items() if k not in cell.delayed]

    def inputs(self, t: int) -> Array:
        """Return what the environment hands to the inputs of the cell in a tick; see law 1."""
        found = np.zeros((self.batch, self.wide, len(self.named) + len(self.delays)))
        found[:, :, self.named] = self.x[:, t]
        for row, to, later in self.delays:
            if t - later in self.forward:
                said = self.forward[t - later].activations
                found[:, :, row] = said[:, self.cells.of(np.array([to]))]
        return found.reshape(self.batch, *self.cell.input_grid, -1)

    def targets(self, t: int) -> Array:
        """Return the targets of the round back to a tick; see law 2."""
        handed = np.zeros((self.batch, self.wide, len(self.delays)))
        for k, (row, _, later) in enumerate(self.delays):
            is_cut = self.window is not None and t // self.window != (t + later) // self.window
            if t + later in self.back and not is_cut:
                felt = self.back[t + later].input_urgencies.reshape(self.batch, -1, self.wide)
                handed[:, :, k] = felt[:, row]
        both = np.concatenate([self.wanted[:, t], handed], axis=2)
        return both.reshape(self.batch, *self.cell.output_grid, -1)

    def gradient(self, back: dict[int, Comparison]) -> tuple[Gradient, Gradient]:
        """Return the gradient that the neurons should have committed, and its bound; see law 3."""
        pairs = [back[t].gradients(self.cell) for t in range(self.ticks)]
        expected, limit = (self._joined([pair[k] for pair in pairs]) for k in (0, 1))
        more = {}
        for name in ("weights", "biases"):
            sizes = sum(np.abs(getattr(g, name)) + getattr(e, name) for g, e in pairs)
            n = len(getattr(expected, name))
            more[name] = getattr(limit, name) + gamma(self.ticks) * np.asarray(sizes)[:n]
        return expected, replace(limit, **more)

    def _joined(self, parts: list[Gradient]) -> Gradient:
        """Return the sum over the ticks, without what the cell has beside the network."""
        network = self.network
        n, n_outputs = (len(network.weights), len(network.ids)), len(network.outputs)
        inputs = [np.asarray(part.inputs)[..., self.named] for part in parts]
        return Gradient(
            network,
            sum(part.loss for part in parts),
            np.stack([part.predictions[..., :n_outputs] for part in parts], axis=1),
            np.sum([part.weights for part in parts], axis=0)[: n[0]],
            np.sum([part.biases for part in parts], axis=0)[: n[1]],
            np.stack(inputs, axis=1),
        )
