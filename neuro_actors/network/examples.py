"""A batch with its targets, checked against the network and the loss that they are meant for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..support.arrays import Array, freeze
from ..support.columns import in_another_order, index_of
from ..support.errors import InputError
from ..support.hints import describe_no_network
from ..support.labelled_arrays import as_batch, as_floats, check_order
from ..support.text import format_count, quote
from . import functions
from .field import Grid
from .network import Network
from .own_functions import is_original
from .sequences import as_targets, lengths_of, pad_sequences


def as_examples(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: str,
    which: str = "",
    axes: Grid = (),
) -> tuple[Array, Array]:
    """Convert a batch and its targets to float64 arrays.

    Args:
        network: The network that the batch is meant for.
        x: The values of the inputs. Shape (batch, *positions, n_inputs).
        targets: What the outputs should be. Shape (batch, *positions, n_outputs).
        loss: The name of the loss.
        which: Text that an error has before "x" and "targets", such as "validation ".
        axes: The sizes of axes between the batch and the positions, as of ticks.

    Returns:
        New arrays of shapes (batch, *positions, n_inputs) and (batch, *positions, n_outputs).
        Targets that do not count are NaN, see `masks.py`.

    Raises:
        InputError: A shape is wrong, a value is not finite, the loss is unknown, or it is not
            defined for these targets.
    """
    functions.loss(loss)
    rows = as_rows(network, x, which, axes)
    grid = network.output_grid
    wanted = as_targets(f"{which}targets", targets, network.outputs, axes, grid, x)
    if (labels := index_of(x)) is not None and in_another_order(index_of(targets), labels):
        raise InputError(
            f"{which}targets: its rows bear the labels of those of {which}x, in another order: "
            "sort both alike, or take their rows in their order with .to_numpy()"
        )
    if len(rows) != len(wanted):
        raise InputError(
            f"{which}x has {format_count(len(rows), 'example')}, but {which}targets has "
            f"{len(wanted):,}: each example needs its target"
        )
    functions.check_domain(loss, np.full_like(wanted, 0.5), wanted)
    return rows, wanted


def as_training_examples(
    network: Network, x: ArrayLike, targets: ArrayLike, loss: str, axes: Grid = ()
) -> tuple[Array, Array]:
    """Convert a batch to learn from: see `as_examples`.

    Args:
        network: The network that the batch is meant for.
        x: The values of the inputs. Shape (batch, n_inputs).
        targets: What the outputs should be. Shape (batch, n_outputs).
        loss: The name of the loss.
        axes: As in `as_examples`.

    Returns:
        New arrays of the shapes of `as_examples`.

    Raises:
        InputError: As `as_examples`; or outputs can leave what the loss takes.
    """
    found = as_examples(network, x, targets, loss, axes=axes)
    activations = [network.activations[k] for k in network.output_positions.tolist()]
    functions.check_outputs(loss, network.outputs, activations)
    return found


def describe_squashed_outputs(network: Network, loss: str) -> str:
    """Say that a loss on logits follows outputs that are probabilities already; empty if not.

    The sigmoid twice is what no user wants, mostly. It is well defined, so it is no error.

    Args:
        network: The network.
        loss: The name of the loss, which is known.
    """
    steps = {"sigmoid_cross_entropy": "the sigmoid", "softmax_cross_entropy": "the softmax"}
    if loss not in steps or not is_original(loss, functions.LOSSES[loss]):
        return ""
    for k in network.output_positions.tolist():
        name = network.activations[k]
        if name in ("sigmoid", "hardsigmoid") and is_original(name, functions.ACTIVATIONS[name]):
            other = ", or use loss='cross_entropy'" * (loss == "sigmoid_cross_entropy")
            return (
                f"{loss} applies {steps[loss]} itself, and output {quote(network.ids[k])} has the "
                f"activation {name!r} already: let the outputs be 'identity'{other}"
            )
    return ""


def as_rows(network: Network, x: ArrayLike, which: str = "", axes: Grid = ()) -> Array:
    """Convert a batch to a float64 array.

    Args:
        network: The network that the batch is meant for.
        x: The values of the inputs. Shape (batch, n_inputs).
        which: Text that an error has before "x".
        axes: As in `as_examples`.

    Returns:
        A new array of shape (batch, *axes, *positions, n_inputs).

    Raises:
        InputError: The shape is wrong, a value is not finite, or `network` is no network.
    """
    if not isinstance(network, Network):
        raise InputError(describe_no_network(network))
    has_ends = axes and lengths_of(x) is not None
    later = [network.ids[k] for k, (_, ticks) in network.delays.items() if ticks < 0]
    if has_ends and later:
        raise InputError(
            f"{which}x: its sequences have different lengths, and the delay {later[0]!r} hears "
            "later ticks, so it would hear what fills them up: make a batch of each length"
        )
    padded = pad_sequences(f"{which}x", x, axes)
    return as_batch(f"{which}x", padded, network.inputs, network.input_grid, axes)


def to_rows(values: Array) -> Array:
    """Lay out a batch as members of a society hold it: a row for each input or output.

    Args:
        values: Shape (batch, *positions, n).

    Returns:
        Read-only, C-contiguous. Shape (n, batch · positions), example after example.
    """
    return freeze(np.ascontiguousarray(values.reshape(-1, values.shape[-1]).T))


def widen(examples: slice, positions: int) -> slice:
    """Return the columns of some examples, in rows that have several columns for each.

    Args:
        examples: A run of examples.
        positions: How many columns each example has.
    """
    start, stop = examples.start, examples.stop
    return slice(start and start * positions, stop and stop * positions)


def from_rows(rows: Array, grid: Grid = ()) -> Array:
    """Return a batch from the rows of inputs or outputs: the way back of `to_rows`.

    Args:
        rows: Shape (n, batch · positions).
        grid: The grid of the positions.

    Returns:
        C-contiguous. Shape (batch, *positions, n).
    """
    columns = np.ascontiguousarray(rows.T)
    return columns.reshape(-1, *grid, len(rows)) if grid else columns


def as_direction(network: Network, weights: ArrayLike, biases: ArrayLike) -> tuple[Array, Array]:
    """Convert a direction in the space of all parameters to float64 arrays.

    Args:
        network: The network whose parameters they are.
        weights: The direction's component for each synapse. Shape (n_synapses,).
        biases: The direction's component for each neuron, the inputs included. Shape (n_neurons,).

    Returns:
        New arrays of shapes (n_synapses,) and (n_neurons,).

    Raises:
        InputError: A shape is wrong, or a value is not finite.
    """
    return (
        _component("weights", weights, range(len(network.weights)), "synapse"),
        _component("biases", biases, network.ids, "neuron, the inputs included"),
    )


def _component(name: str, values: ArrayLike, owners: Sequence[object], owner: str) -> Array:
    n = len(owners)
    array = as_floats(f"the direction's {name}", values)
    check_order(f"the direction's {name}", values, owners)
    if array.shape != (n,):
        raise InputError(
            f"the direction's {name}: expected shape ({n},), one for each {owner}, "
            f"got {array.shape}"
        )
    return array
