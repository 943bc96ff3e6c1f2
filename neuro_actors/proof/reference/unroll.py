"""Any network as a plain one: each neuron at one position, and all in one tick.

The plain network has a node for each neuron, each of its positions and each tick. So it has no
receptive fields, no delays and no rounds, and shares nothing with how a society does them.

    an input            an input for each position and tick
    a neuron            a neuron; its synapses come from its sources at the same position and tick
    an interneuron      an interneuron with as many sources as it combines there: source after
                        source, each at the positions that the field lists. Where it hears nothing,
                        it is a number that never changes: an input
    a delay             an interneuron that adds up one source: its neuron, so many ticks before.
                        Where there is no such tick, it is an input whose value is 0. Where
                        urgencies are cut, it is an input too, with the value that it repeats
    a dropout           a product of its source and an input, the mask that it draws in the step;
                        in a prediction it adds up its source

A parameter of the network has a copy at each position and tick. Its derivative is the sum over its
copies. What leads to no output is left out: the derivatives of these copies are 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ...network.dropout import draw_mask, read_dropout
from ...network.elements import Input, Interneuron, Neuron, Synapse
from ...network.examples import as_examples, as_rows
from ...network.field import NOWHERE, Grid
from ...network.gradient import Gradient
from ...network.network import Network
from ...network.sequences import count_ticks
from ...support.arrays import Array, Indices
from ...support.errors import InputError
from ...support.scalars import as_whole_number
from .interneurons import value_of_nothing
from .matrices import Matrices

NO_COPY = -1  # of no parameter, and of no value of x
Masks: TypeAlias = dict[tuple[int, int], Array]


def is_plain(network: Network) -> bool:
    """Return whether each neuron lives at one position, and there are no delays or dropouts.

    Args:
        network: The network.
    """
    is_at_one = len(network.grids) == 1 and network.grids[0] == ()
    return is_at_one and not network.delays and not dropouts_of(network)


@dataclass(frozen=True, slots=True, eq=False)
class Unrolled:
    """A network as a plain one, and what each element of it is a copy of.

    Attributes:
        of: The network.
        plain: The plain network; the network itself, if it is one.
        axes: The sizes of axes of x behind that of the batch, but for the last one: of ticks, if
            there are delays, and of the inputs' positions.
        out_axes: The same of targets and predictions.
        weight_of: The synapse of the network that each synapse of `plain` is a copy of; NO_COPY if
            it leads into an interneuron. Shape (n_plain_synapses,).
        bias_of: The neuron whose bias each neuron of `plain` has a copy of; NO_COPY if it has none.
            Shape (n_plain_neurons,).
        input_of: The place of each input of `plain` among the values of an example, which are laid
            out as in x; NO_COPY for one whose value never changes. Shape (n_plain_inputs,).
        constants: The value of each input that is not one of x, else 0. Shape (n_plain_inputs,), or
            (batch, n_plain_inputs).
    """

    of: Network
    plain: Network
    axes: Grid
    out_axes: Grid
    weight_of: Indices
    bias_of: Indices
    input_of: Indices
    constants: Array

    @property
    def n_rows(self) -> int:
        """How many rows of outputs an example has, each with a loss: ticks times positions."""
        return int(np.prod(self.out_axes, dtype=np.intp))

    def inputs(self, x: Array) -> Array:
        """Return the inputs of the plain network.

        Args:
            x: Shape (batch, *axes, n_inputs).

        Returns:
            Shape (batch, n_plain_inputs).
        """
        if self.plain is self.of:
            return x
        flat = x.reshape(len(x), -1)
        return np.where(self.input_of == NO_COPY, self.constants, flat[:, self.input_of])

    def values(self, x: Array) -> dict[int, Array]:
        """Return what the nodes say, by their number.

        Args:
            x: Shape (batch, *axes, n_inputs).

        Returns:
            Shape (batch,) each.
        """
        _, a = Matrices(self.plain, None).forward(self.inputs(x))
        return {int(name[1:]): a[:, k] for k, name in enumerate(self.plain.ids)}

    def targets(self, targets: Array) -> Array:
        """Return the targets of the plain network. Shape (batch, n_plain_outputs).

        Args:
            targets: Shape (batch, *out_axes, n_outputs).
        """
        return targets.reshape(len(targets), -1)

    def predictions(self, predictions: Array) -> Array:
        """Return the predictions of the network. Shape (batch, *out_axes, n_outputs).

        Args:
            predictions: Those of the plain network. Shape (batch, n_plain_outputs).
        """
        return predictions.reshape(len(predictions), *self.out_axes, -1)

    def with_parameters(self, weights: Array, biases: Array) -> Network:
        """Return the plain network with other parameters.

        Args:
            weights: The weight of each synapse of the network. Shape (n_synapses,).
            biases: The bias of each of its neurons. Shape (n_neurons,).
        """
        copies = np.where(self.weight_of == NO_COPY, 1.0, weights[self.weight_of])
        return self.plain.with_parameters(copies, _copies(biases, self.bias_of))

    def direction(self, weights: Array, biases: Array) -> tuple[Array, Array]:
        """Return a direction in the space of the plain network's parameters.

        Args:
            weights: The direction's component for each synapse of the network. Shape
                (n_synapses,).
            biases: That for each neuron. Shape (n_neurons,).

        Returns:
            Arrays of shapes (n_plain_synapses,) and (n_plain_neurons,).
        """
        return _copies(weights, self.weight_of), _copies(biases, self.bias_of)

    def fold(self, found: Gradient) -> Gradient:
        """Return the network's gradient.

        Args:
            found: The gradient of the plain network.
        """
        if self.plain is self.of:
            return found
        inputs = found.inputs
        if inputs is not None:
            flat = np.zeros((len(inputs), int(np.prod(self.axes)) * len(self.of.inputs)))
            there = self.input_of != NO_COPY
            flat[:, self.input_of[there]] = inputs[:, there]
            inputs = flat.reshape(len(inputs), *self.axes, -1)
        return Gradient(
            self.of,
            found.loss,
            self.predictions(found.predictions),
            sum_of_copies(found.weights, self.weight_of, len(self.of.weights)),
            sum_of_copies(found.biases, self.bias_of, len(self.of.ids)),
            inputs,
        )


def _copies(values: Array, owners: Indices) -> Array:
    return np.where(owners == NO_COPY, 0.0, values[owners])


def sum_of_copies(values: Array, owners: Indices, n: int) -> Array:
    """Add up what belongs to the copies of each element.

    Args:
        values: A number for each copy. Shape (n_copies,).
        owners: What each is a copy of, or NO_COPY. Shape (n_copies,).
        n: How many elements there are.

    Returns:
        Shape (n,).
    """
    there = owners != NO_COPY
    return np.asarray(np.bincount(owners[there], values[there], n), dtype=np.float64)


def as_plain(network: Network, x: ArrayLike, step: int | None = None) -> tuple[Unrolled, Array]:
    """Unroll a network, and lay out its inputs.

    Args:
        network: The network.
        x: The values of the inputs. Shape (batch, *positions, n_inputs), or (batch, ticks,
            *positions, n_inputs) of a network with delays.
        step: The number of the step whose masks dropouts have. None: that of a prediction, none.

    Returns:
        The unrolled network, and the inputs of the plain one, of shape (batch, n_plain_inputs).

    Raises:
        InputError: `x` has another shape, or a value that is not finite.
    """
    ticks = _ticks_of(network, x)
    rows = as_rows(network, x, axes=ticks)
    unrolled = unroll(network, *ticks, masks=draw_masks(network, len(rows), ticks, step))
    return unrolled, unrolled.inputs(rows)


def as_plain_examples(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: str,
    step: int | None = None,
    window: int | None = None,
) -> tuple[Unrolled, Array, Array]:
    """Unroll a network, and lay out a batch with its targets.

    Args:
        network: The network.
        x: The values of the inputs, as in `as_plain`. Shape (batch, …, n_inputs).
        targets: What the outputs should be. Shape (batch, *positions, n_outputs), likewise.
        loss: The name of the loss.
        step: The number of the step whose masks dropouts have; through time of its first round.
        window: After how many ticks urgencies are cut, as in `rules.ThroughTime`. None: never.

    Returns:
        The unrolled network, the inputs and the targets of the plain one.

    Raises:
        InputError: As `as_examples`; or a network with a dropout has no step.
    """
    ticks = _ticks_of(network, x)
    rows, wanted = as_examples(network, x, targets, loss, axes=ticks)
    if step is None and (dropouts := dropouts_of(network)):
        name = network.ids[next(iter(dropouts))]
        raise InputError(
            f"interneuron {name!r} draws another mask in each step: say which, as step=1 for the "
            "first step of a society"
        )
    masks = draw_masks(network, len(rows), ticks, step)
    unrolled = unroll(network, *ticks, masks=masks)
    if window is not None and ticks:
        window = as_whole_number("window", window, 1)
        held = unrolled.values(rows)
        unrolled = unroll(network, *ticks, masks=masks, window=window, held=held)
    return unrolled, unrolled.inputs(rows), unrolled.targets(wanted)


def dropouts_of(network: Network) -> dict[int, tuple[float, int]]:
    """Return the rate and the seed of each dropout, by its position.

    Args:
        network: The network.
    """
    found = {k: read_dropout(node.combination) for k, node in network.interneurons.items()}
    return {k: one for k, one in found.items() if one is not None}


def draw_masks(network: Network, batch: int, ticks: Grid, step: int | None) -> Masks:
    """Return the mask of each dropout at each tick, as the interneurons draw them.

    Args:
        network: The network.
        batch: How many examples there are.
        ticks: How many ticks; () if there is no time.
        step: The number of the step; through time of its first round. None: it predicts.

    Returns:
        By tick, from 0 on, and position of the dropout. Shape (batch, positions) each.
    """
    found: Masks = {}
    if step is not None:
        for k, (rate, seed) in dropouts_of(network).items():
            for t in range(ticks[0] if ticks else 1):
                drawn_for = (step, t + 1) if ticks else (step,)
                n = int(network.n_positions[k])
                mask = draw_mask(rate, seed, network.ids[k], drawn_for, batch * n)
                found[t, k] = mask.reshape(batch, n)
    return found


def _ticks_of(network: object, x: ArrayLike) -> Grid:
    if not isinstance(network, Network) or not network.delays:
        return ()
    return (count_ticks(x),)


def unroll(
    network: Network,
    ticks: int = 1,
    *,
    masks: Masks | None = None,
    window: int | None = None,
    held: Mapping[int, Array] | None = None,
) -> Unrolled:
    """Unroll a network.

    Args:
        network: The network.
        ticks: How many ticks it goes through, if it has delays.
        masks: By tick and position of a dropout its mask. Shape (batch, positions) each. None:
            dropouts leave nothing out.
        window: After how many ticks urgencies are cut. None: never.
        held: What `Unrolled.values` returned of the same network without a window. Shape
            (batch,) each.
    """
    network.check_rule("the reference")
    time = (ticks,) if network.delays else ()
    axes, out_axes = (*time, *network.input_grid), (*time, *network.output_grid)
    if is_plain(network):
        n_inputs = np.arange(len(network.inputs))
        weight_of = np.where(
            network.is_interneuron[network.targets], NO_COPY, np.arange(len(network.weights))
        )
        bias_of = np.where(network.n_parameters > 0, np.arange(len(network.ids)), NO_COPY)
        zeros = np.zeros(len(n_inputs))
        return Unrolled(network, network, axes, out_axes, weight_of, bias_of, n_inputs, zeros)
    return _Unrolling(network, ticks, masks or {}, window, held or {}).result(axes, out_axes)


class _Unrolling:
    """The nodes and synapses of the plain network, as they are found.

    values: The value of each input that is not one of x. into: For each other node the nodes that
    lead into it, and the synapses that these are copies of. The mask of a dropout has the number of
    its node, and the number of all nodes more.
    """

    def __init__(
        self,
        network: Network,
        ticks: int,
        masks: Masks,
        window: int | None,
        held: Mapping[int, Array],
    ) -> None:
        self.network, self.ticks, self.masks = network, ticks, masks
        self.window, self.held, self.dropouts = window, held, dropouts_of(network)
        sizes = network.n_positions
        self.first = np.cumsum(sizes) - sizes
        self.per_tick = int(sizes.sum())
        self.input_row = {network.position[name]: i for i, name in enumerate(network.inputs)}
        self.values: dict[int, float | Array] = {}
        self.into: dict[int, list[tuple[int, int]]] = {}  # of others: (source, synapse)
        for t in range(ticks):
            for k in range(len(network.ids)):
                for p in range(int(sizes[k])):
                    self._add(t, k, p)

    def node(self, t: int, k: int, p: int) -> int:
        """Return the number of a neuron's node at a tick and a position."""
        return t * self.per_tick + int(self.first[k]) + p

    def _add(self, t: int, k: int, p: int) -> None:
        network, here = self.network, self.node(t, k, p)
        if k in network.delays:
            of, later = network.delays[k]
            if not 0 <= t - later < self.ticks:
                self.values[here] = 0.0
            elif self.window is not None and t // self.window != (t - later) // self.window:
                self.values[here] = self.held.get(self.node(t - later, of, p), 0.0)
            else:
                self.into[here] = [(self.node(t - later, of, p), NO_COPY)]
        elif k in network.interneurons:
            field = network.interneurons[k].field
            positions = [p] if field is None else field.positions[p].tolist()
            sources = network.sources[network.incoming.of(k)].tolist()
            found = [self.node(t, s, q) for s in sources for q in positions if q != NOWHERE]
            self.into[here] = [(source, NO_COPY) for source in found]
            if not found:
                del self.into[here]
                self.values[here] = value_of_nothing(network, k)
            elif (t, k) in self.masks:
                mask = self.ticks * self.per_tick + here
                self.values[mask] = self.masks[t, k][:, p]
                self.into[here].append((mask, NO_COPY))
        elif not network.is_input[k]:
            self.into[here] = [
                (self.node(t, int(network.sources[s]), p), s)
                for s in network.incoming.of(k).tolist()
            ]

    def result(self, axes: Grid, out_axes: Grid) -> Unrolled:
        network = self.network
        outputs = [
            self.node(t, k, p)
            for t in range(self.ticks)
            for p in range(int(np.prod(network.output_grid, dtype=np.intp)))
            for k in network.output_positions.tolist()
        ]
        left = self._reached_from(outputs)
        owner = np.repeat(np.arange(len(network.ids)), network.n_positions)
        nodes: list[Input | Neuron | Interneuron] = []
        synapses: list[Synapse] = []
        weight_of: list[int] = []
        bias_of: list[int] = []
        input_of: list[int] = []
        constants: list[float | Array] = []
        for here in left:
            t, place = divmod(here, self.per_tick)
            k = int(owner[place])
            name, bias = f"n{here}", NO_COPY
            if here not in self.into:
                p = place - int(self.first[k])
                width = len(network.inputs)
                places = t * int(np.prod(network.input_grid, dtype=np.intp)) + p
                known = here in self.values
                input_of.append(NO_COPY if known else places * width + self.input_row[k])
                constants.append(self.values.get(here, 0.0))
                nodes.append(Input(name))
            elif k in network.delays:
                nodes.append(Interneuron(name, "sum"))
            elif k in self.dropouts:
                nodes.append(Interneuron(name, "product" if self.masks else "sum"))
            elif k in network.interneurons:
                nodes.append(Interneuron(name, network.interneurons[k].combination))
            else:
                nodes.append(Neuron(name, network.activations[k], float(network.biases[k])))
                bias = k
            bias_of.append(bias)
            for source, synapse in self.into.get(here, ()):
                weight = 1.0 if synapse == NO_COPY else float(network.weights[synapse])
                synapses.append(Synapse(f"n{source}", name, weight))
                weight_of.append(synapse)
        plain = Network(nodes, synapses, [f"n{here}" for here in outputs])
        return Unrolled(
            network,
            plain,
            axes,
            out_axes,
            np.array(weight_of, dtype=np.intp),
            np.array(bias_of, dtype=np.intp),
            np.array(input_of, dtype=np.intp),
            np.stack(np.broadcast_arrays(*constants), axis=-1) if constants else np.zeros(0),
        )

    def _reached_from(self, outputs: list[int]) -> list[int]:
        """Return the nodes from which a path leads to an output, in order."""
        found, waiting = set(outputs), list(outputs)
        while waiting:
            for source, _ in self.into.get(waiting.pop(), ()):
                if source not in found:
                    found.add(source)
                    waiting.append(source)
        return sorted(found)
