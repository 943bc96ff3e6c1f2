"""Finds the members whose messages do not follow from the formulas that the page prints.

They lived by another rule than backpropagation, or the log was changed. The page prints no formula
of theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..network import functions
from ..network.dropout import read_dropout
from ..network.field import count_positions
from ..network.masks import skip_masked
from ..neuron.dropout_rule import REPEAT
from ..rules.batch_round import BatchRound
from .position_rows import PositionRows
from .step_values import into_interneurons, received_columns, synapse_rows

if TYPE_CHECKING:
    from collections.abc import Set

    from ..log.steps import RecordedStep
    from ..network.elements import Interneuron
    from ..network.network import Network
    from ..support.arrays import Array, Indices
    from .step_values import StepNumbers

NEAR = 1e-9  # relative; another machine's functions differ by far less


def find_contradictions(
    network: Network,
    step: RecordedStep,
    numbers: StepNumbers,
    unknown: Set[str],
    losses: Set[str],
    earlier: Array | None = None,
) -> list[int]:
    """Return the members that contradict the formulas.

    Args:
        network: The network with the parameters that the step began with.
        step: The step.
        numbers: Its numbers.
        unknown: Names of functions and combinations that are other ones here than in the run.
        losses: Names of the losses that are the same here as in the run.
        earlier: The urgencies that the parameters had in the ticks before this round, which commits
            add to those of this one. Shape (n_parameters,). None: there are none.

    Returns:
        Positions of neurons, and that of the loss node behind them, from the least on.
    """
    odd = np.zeros(len(network.ids) + 1, dtype=bool)
    rows = PositionRows(network.n_positions)
    kinds = np.array(network.activations)
    is_learner = ~network.is_input & ~network.is_interneuron
    with np.errstate(all="ignore"):
        for name in set(network.activations) & set(functions.ACTIVATIONS) - set(unknown):
            here = np.flatnonzero((kinds == name) & is_learner)
            at = rows.index(here)
            expected = functions.activation(name).value(numbers.signals[at].copy())
            apart = _differ(expected, numbers.activations[at]).any(axis=1)
            odd[np.repeat(here, rows.count[here])[apart]] = True
        plain = np.flatnonzero(is_learner[network.targets])
        targets = network.targets[plain]
        sent = synapse_rows(network, plain)
        v = numbers.signal_urgencies[rows.index(targets)]
        urgencies = sent.from_columns(step.urgencies[plain], step.info.batch)
        apart = _differ(sent.each(network.weights[plain])[:, None] * v, urgencies).any(axis=1)
        odd[np.repeat(targets, sent.count)[apart]] = True
        for k in _odd_interneurons(network, rows, numbers, unknown):
            odd[k] = True
        if step.info.mode == "gradient":
            odd[:-1] |= _odd_commits(network, rows, step, numbers, earlier)
        odd[-1] = _is_loss_odd(network, step, losses)
    return np.flatnonzero(odd).tolist()


def _odd_interneurons(
    network: Network, rows: PositionRows, numbers: StepNumbers, unknown: Set[str]
) -> list[int]:
    """The interneurons whose activation or messages do not follow from what they received."""
    into = into_interneurons(network)
    sent, found = synapse_rows(network, into), []
    for k, node in network.interneurons.items():
        dropout = read_dropout(node.combination)
        if dropout is None and (
            node.combination in unknown or node.combination not in functions.COMBINATIONS
        ):
            continue
        received = received_columns(network, rows, numbers.activations, k)
        a, slopes = _combine(node, received, rows.to_columns(numbers.slopes, k))
        back = slopes * rows.to_columns(numbers.urgencies, k)
        if node.field is not None:
            back = node.field.scatter_rows(back)
        mine = np.searchsorted(into, network.incoming.of(k)).tolist()
        messages = np.stack([sent.to_columns(numbers.messages, i) for i in mine])
        is_odd = _differ(a, rows.to_columns(numbers.activations, k)).any()
        if is_odd or _differ(back, messages).any():
            found.append(k)
    return found


def _combine(node: Interneuron, received: Array, mask: Array) -> tuple[Array, Array]:
    """What an interneuron makes of what it received, and its slopes. `mask`: that of a dropout."""
    is_dropout = read_dropout(node.combination) is not None
    combination = REPEAT if is_dropout else functions.COMBINATIONS[node.combination]
    nothing = 0.0 if combination.nothing is None else combination.nothing
    terms = received if node.field is None else node.field.gather_rows(received, nothing)
    if is_dropout:
        return np.asarray(terms[0] * mask), mask[None]
    value = np.asarray(combination.value(terms))
    return value, np.asarray(combination.slopes(terms, value))


def _is_loss_odd(network: Network, step: RecordedStep, losses: Set[str]) -> bool:
    """Whether the losses, and the urgencies of the outputs, do not follow from the predictions."""
    loss, handed = step.info.loss, len(network.delayed)
    if loss is None:
        return False
    positions = count_positions(network.output_grid)
    columns, n = step.info.batch * positions, len(network.outputs) - handed
    p, t, blame = (rows[:, :columns] for rows in (step.predictions, step.targets, step.blame))
    if _differ(t[n:], blame[n:]).any():  # what delays hear has its urgency from a tick later
        return True
    if loss not in losses or loss not in functions.LOSSES:
        return False
    p, t = p[:n].T.copy(), t[:n].T.copy()
    known = skip_masked(functions.loss(loss), t)
    if _differ(-known.slope(p, t).T, blame[:n]).any():
        return True
    expected = functions.sum_positions(np.asarray(known.value(p, t)), step.info.batch)
    return len(step.losses) == step.info.batch and bool(_differ(expected, step.losses).any())


def _odd_commits(
    network: Network,
    rows: PositionRows,
    step: RecordedStep,
    numbers: StepNumbers,
    earlier: Array | None,
) -> NDArray[np.bool_]:
    """Whether each neuron's commit differs from the means that its mail gives."""
    info, odd = step.info, np.zeros(len(network.ids), dtype=bool)
    at = BatchRound.of(info.number, info.round, info.micro_batch)
    if at.is_last and at.parts > 1:  # the commit is that of the whole batch
        return odd
    v, x, batch = numbers.signal_urgencies, numbers.activations, step.info.batch
    plain = np.flatnonzero(~network.is_interneuron[network.targets])
    targets = network.targets[plain]
    before = np.zeros(len(network.weights) + len(odd)) if earlier is None else earlier
    products = x[rows.index(network.sources[plain])] * v[rows.index(targets)]
    means, sizes = _sums(products, rows.count[targets], batch)
    means, sizes = means + before[plain], sizes + np.abs(before[plain])
    odd[targets[np.abs(means - step.weights[plain]) > NEAR * sizes]] = True
    means, sizes = _sums(v, rows.count, batch)
    of_biases = before[len(network.weights) :]
    means, sizes = means + of_biases, sizes + np.abs(of_biases)
    return odd | (np.abs(means - step.biases) > NEAR * sizes)


def _sums(rows: Array, positions: Indices, batch: int) -> tuple[Array, Array]:
    """The mean over the examples of the sum over the positions, and that of the absolute values."""
    means, sizes = rows.sum(axis=1) / batch, np.abs(rows).sum(axis=1) / batch
    if not len(positions):
        return means, sizes
    starts = np.append(0, np.cumsum(positions)[:-1])
    return np.add.reduceat(means, starts), np.add.reduceat(sizes, starts)


def _differ(expected: Array, found: Array) -> NDArray[np.bool_]:
    """Whether numbers differ by more than rounding; NaN, which is not known, differs from none."""
    most = np.maximum(np.abs(expected), np.abs(found))
    apart: NDArray[np.bool_] = np.abs(expected - found) > NEAR * most + 1e-300
    return apart
