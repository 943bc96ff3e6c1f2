"""A network: any directed acyclic graph of neurons and synapses, immutable and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise, takewhile
from os import PathLike
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..support.arrays import MAX_POSITION, Array, Indices, freeze
from ..support.errors import InputError, NetworkError
from ..support.hints import explain_missing, explains_arguments
from ..support.scalars import as_whole_number
from ..support.text import format_count, quote
from ..support.validation import as_list
from . import edge_list, graph_checks, layered
from .elements import (
    Input,
    LazySequence,
    Neuron,
    Synapse,
    arrow,
    as_parameters,
    as_vector,
    check_types,
    output_positions,
    positions,
    synapse_ends,
)
from .function_names import AnyActivation
from .graph import Groups
from .initial_weights import draw_weights
from .table import level_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Network:
    """A directed acyclic graph of neurons and synapses, with the parameters of each.

    A network is immutable. Neurons and synapses stay in the order in which they were given. All
    arrays are float64 and read-only.

    Args:
        neurons: `Input` and `Neuron` objects. An id is 1 to 128 printable characters.
        synapses: `Synapse` objects. A weight left out is drawn, as the target's activation function
            demands (Glorot or He), from a stream of the seed that is the target's own.
        outputs: The ids of the neurons whose activations are the predictions, in the order of the
            predictions' columns.
        seed: The seed of the weights that are drawn.

    Raises:
        NetworkError: The elements are not a directed acyclic graph that leads from inputs to
            outputs, or one of them is wrong. The text names the culprit.

    Examples:
        >>> network = na.Network(
        ...     neurons=[na.Input("x"), na.Neuron("h", activation="tanh"), na.Neuron("y")],
        ...     synapses=[na.Synapse("x", "h", weight=0.5), na.Synapse("h", "y", weight=-1.0)],
        ...     outputs=["y"],
        ... )
        >>> network
        <Network: 1 input, 2 neurons, 2 synapses, 1 output; depth 2, fan-in 1>
    """

    ids: tuple[str, ...]
    """The id of each neuron, inputs among them."""
    inputs: tuple[str, ...]
    """The ids of the inputs, in the order of the columns of x."""
    outputs: tuple[str, ...]
    """The ids of the outputs, in the order of the columns of the predictions."""
    activations: tuple[str, ...]
    """The name of each neuron's activation function; "identity" for inputs."""
    weights: Array
    """The weight of each synapse, in the order of `synapses`. Shape (n_synapses,)."""
    biases: Array
    """The bias of each neuron, in the order of `neurons`; 0 for inputs. Shape (n_neurons,)."""
    sources: Indices
    """The position in `neurons` of each synapse's source. Shape (n_synapses,)."""
    targets: Indices
    """The position in `neurons` of each synapse's target. Shape (n_synapses,)."""
    is_input: NDArray[np.bool_]
    """Whether each neuron is an input. Shape (n_neurons,)."""
    output_positions: Indices
    """The position in `neurons` of each output, in the order of `outputs`. Shape (n_outputs,)."""
    level: Indices
    """The number of synapses on the longest path to each neuron. Shape (n_neurons,)."""
    incoming: Groups
    """The synapses grouped by target: `incoming.of(k)` are those that lead into the k-th neuron."""
    outgoing: Groups
    """The synapses grouped by source."""
    needs_rule: str = ""
    """The rule without which the network would predict something else than it learned; or ""."""

    @explains_arguments
    def __init__(
        self,
        neurons: Iterable[Input | Neuron],
        synapses: Iterable[Synapse],
        outputs: Iterable[str],
        seed: int = 0,
    ) -> None:
        nodes = as_list("neurons", neurons, NetworkError)
        edges = as_list("synapses", synapses, NetworkError)
        check_types(nodes, edges, outputs)
        seed = as_whole_number("seed", seed, 0)
        ids = tuple(node.id for node in nodes)
        position = positions(ids)
        ends, sources, targets = synapse_ends(edges, position)
        is_drawn = np.array([edge.weight is None for edge in edges], dtype=bool)
        weights = [0.0 if edge.weight is None else edge.weight for edge in edges]
        self._set(
            ids=ids,
            is_input=np.array([isinstance(node, Input) for node in nodes], dtype=bool),
            activations=tuple(node.activation for node in nodes),
            biases=as_parameters("bias", [node.bias for node in nodes], ids),
            sources=sources,
            targets=targets,
            weights=as_parameters("weight", weights, [arrow(*pair) for pair in ends]),
            output_positions=output_positions(as_list("outputs", outputs, NetworkError), position),
        )
        self.check_activations()
        if is_drawn.any():
            self.weights = freeze(np.where(is_drawn, self._draw_weights(seed), self.weights))

    # --- other ways to make one -------------------------------------------------------------------

    @classmethod
    @explains_arguments
    def layered(
        cls,
        sizes: Sequence[int],
        activation: AnyActivation = "tanh",
        output_activation: AnyActivation = "identity",
        seed: int = 0,
    ) -> Network:
        """Make a network of layers, each fully connected to the next.

        Biases are 0, weights are drawn.

        The ids are x0, x1, … for inputs, h1.0, h1.1, … for the first hidden layer, and y0, y1, …
        for outputs.

        Args:
            sizes: The number of neurons in each layer, the inputs first, the outputs last.
            activation: The name of the activation function of the hidden layers.
            output_activation: The name of the activation function of the last layer.
            seed: The seed of the weights. Each neuron draws from a stream of its own.

        Raises:
            NetworkError: There are fewer than two sizes, the network is too large, or an activation
                function is unknown.
            InputError: A size or the seed is no whole number.

        Examples:
            >>> na.Network.layered([64, 32, 10], activation="relu", seed=0)
            <Network: 64 inputs, 42 neurons, 2,368 synapses, 10 outputs; depth 2, fan-in 32 to 64>
        """
        if isinstance(sizes, int):  # the sizes one by one, without a list
            given = (sizes, activation, output_activation, seed)
            listed = list(takewhile(lambda n: isinstance(n, int) and n > 0, given))
            if len(listed) > 1:
                raise NetworkError(f"sizes must be a list: write na.Network.layered({listed})")
        sizes = [
            as_whole_number("each of sizes", n, 1) for n in as_list("sizes", sizes, NetworkError)
        ]
        if len(sizes) < 2:
            raise NetworkError(
                f"sizes must be two or more whole numbers, inputs first, got {sizes}"
            )
        if sum(n_in * n_out for n_in, n_out in pairwise(sizes)) > MAX_POSITION:
            raise NetworkError(f"sizes {quote(sizes)} make more than {MAX_POSITION:,} synapses")
        seed = as_whole_number("seed", seed, 0)
        for what, one in (("hidden layers", activation), ("outputs", output_activation)):
            if isinstance(one, (list, tuple)):
                raise NetworkError(f"all {what} have one activation, a name, got {quote(one)}")
        zeros = [np.zeros((n_out, n_in)) for n_in, n_out in pairwise(sizes)]
        names = [activation] * (len(sizes) - 2) + [output_activation]
        blank = cls.from_matrices(zeros, [np.zeros(n) for n in sizes[1:]], names)
        return blank.with_parameters(blank._draw_weights(seed), blank.biases)

    @classmethod
    @explains_arguments
    def from_matrices(
        cls,
        weights: Sequence[ArrayLike],
        biases: Sequence[ArrayLike],
        activations: Sequence[AnyActivation],
    ) -> Network:
        """Make a layered network from one matrix and one vector for each layer after the inputs.

        Args:
            weights: `weights[k][i, j]` is the weight from the j-th neuron of a layer to the i-th of
                the next. Shapes (n_out, n_in).
            biases: The biases of each layer. Shapes (n_out,).
            activations: The name of each layer's activation function.

        Raises:
            NetworkError: The lists differ in length, the shapes do not fit, or an activation
                function is unknown.
            InputError: A matrix or a vector contains something else than finite numbers.

        Examples:
            >>> network = na.Network.from_matrices([[[0.5, -1.0]]], [[0.1]], ["tanh"])
            >>> [float(w) for w in network.weights]
            [0.5, -1.0]
        """
        return cls.from_arrays(**layered.join_matrices(weights, biases, activations))

    @classmethod
    @explains_arguments
    def from_arrays(
        cls,
        sources: ArrayLike,
        targets: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        biases: ArrayLike | None = None,
        activations: AnyActivation | Sequence[AnyActivation] = "tanh",
        outputs: ArrayLike | None = None,
        ids: Sequence[str] | None = None,
        seed: int = 0,
    ) -> Network:
        """Make a network of any size from arrays, without an object for each neuron.

        A neuron without an incoming synapse is an input.

        Args:
            sources: The position of each synapse's source among the neurons, from 0 on. Shape
                (n_synapses,).
            targets: The position of each synapse's target. Shape (n_synapses,).
            weights: The weight of each synapse; None draws them from `seed`. Shape (n_synapses,).
            biases: The bias of each neuron, 0 for inputs; None makes them all 0. Shape
                (n_neurons,).
            activations: The name of one activation function for all neurons, or one for each; an
                input's is ignored.
            outputs: The positions of the outputs. None: each neuron that has an incoming synapse
                and no outgoing one. Shape (n_outputs,).
            ids: The ids of all neurons. None: n0, n1, …
            seed: The seed of the weights. Each neuron draws from a stream of its own.

        Raises:
            NetworkError: Lengths or positions do not fit, or this is not a directed acyclic graph
                that leads from inputs to outputs. The text names the culprit.
            InputError: An array contains something else than finite numbers, or than positions.

        Examples:
            >>> na.Network.from_arrays(sources=[0, 0, 1], targets=[1, 2, 2])
            <Network: 1 input, 2 neurons, 3 synapses, 1 output; depth 2, fan-in 1 to 2>
        """
        seed = as_whole_number("seed", seed, 0)
        starts, ends = edge_list.as_ends(sources, targets)
        names = edge_list.as_ids(ids, starts, ends)
        n = len(names)
        fan_in, fan_out = np.bincount(ends, minlength=n), np.bincount(starts, minlength=n)
        self = cls.__new__(cls)
        self._set(
            ids=names,
            is_input=fan_in == 0,
            output_positions=edge_list.as_outputs(outputs, names, fan_in, fan_out),
            activations=edge_list.as_activations(activations, fan_in),
            biases=np.zeros(n) if biases is None else as_vector("biases", biases, names),
            sources=starts,
            targets=ends,
            weights=np.zeros(len(starts))
            if weights is None
            else as_vector("weights", weights, range(len(starts))),
        )
        self.check_activations()
        self._check_biases()
        if weights is None:
            self.weights = freeze(self._draw_weights(seed))
        return self

    @classmethod
    def from_sparse(cls, matrix: Any, **more: Any) -> Network:
        """Make a network from a square scipy sparse matrix.

        Args:
            matrix: `matrix[target, source]` is the weight of a synapse. Entries that are stored are
                synapses, also where they are 0. Shape (n_neurons, n_neurons).
            more: Keyword arguments of `Network.from_arrays`.

        Raises:
            NetworkError: The matrix is not sparse or not square; or as `Network.from_arrays`.
        """
        try:
            entries = matrix.tocoo()
            shape, targets, sources, weights = entries.shape, entries.row, entries.col, entries.data
        except AttributeError:
            raise NetworkError(
                f"expected a scipy sparse matrix, got {type(matrix).__name__}"
            ) from None
        if len(shape) != 2 or shape[0] != shape[1]:
            raise NetworkError(f"expected a square matrix, targets by sources, got shape {shape}")
        return cls.from_arrays(
            sources, targets, weights, **{"ids": [f"n{k}" for k in range(shape[0])]} | more
        )

    @explains_arguments
    def with_parameters(self, weights: ArrayLike, biases: ArrayLike) -> Network:
        """Return a network with the same neurons and synapses and other parameters.

        It may be used under any rule; see `learned_under`.

        Args:
            weights: The weight of each synapse, in the order of `synapses`. Shape (n_synapses,).
            biases: The bias of each neuron, in the order of `neurons`; 0 for inputs. Shape
                (n_neurons,).

        Raises:
            NetworkError: A shape is wrong, or an input has a bias.
            InputError: A value is no finite number.
        """
        new = Network.__new__(Network)
        new.__dict__.update(self.__dict__)
        new.needs_rule = ""
        new.weights = freeze(as_vector("weights", weights, range(len(self.weights))))
        new.biases = freeze(as_vector("biases", biases, self.ids))
        new._check_biases()
        return new

    def learned_under(self, rule: str) -> Network:
        """Return the same network, which is refused under other rules from now on.

        Args:
            rule: The rule under which it learned, and predicts what it learned.
        """
        new = Network.__new__(Network)
        new.__dict__.update(self.__dict__)
        new.needs_rule = rule
        return new

    def check_rule(self, rule: str) -> None:
        """Check that the network predicts what it learned.

        Args:
            rule: The rule under which it is to be used.

        Raises:
            InputError: It learned under another rule, whose neurons do more than their parameters
                and activation functions say.
        """
        if self.needs_rule and rule != self.needs_rule:
            raise InputError(
                f"this network learned under {self.needs_rule}, whose neurons do, or keep, more "
                "than their parameters and activation functions say: under another rule it "
                "predicts something else. Call predict of the simulation that learned, or take "
                "the parameters alone: network.with_parameters(network.weights, network.biases)"
            )

    def _check_biases(self) -> None:
        if self.biases[self.is_input].any():
            raise NetworkError("biases: an input has no bias, its entry must be 0")

    if not TYPE_CHECKING:  # a type checker refuses both by itself
        __getattr__ = explain_missing

        def __call__(self, *given: object, **named: object) -> NoReturn:
            """Refuse the call. Raises `InputError`, which says what to write."""
            raise InputError("a network is no function: write na.predict(network, x)")

    # --- what it contains -------------------------------------------------------------------------

    @property
    def neurons(self) -> Sequence[Input | Neuron]:
        """All neurons, inputs among them, in the order in which they were given."""
        return LazySequence(len(self.ids), self._neuron)

    @property
    def synapses(self) -> Sequence[Synapse]:
        """All synapses in the order in which they were given."""
        return LazySequence(len(self.weights), self._synapse)

    @cached_property
    def position(self) -> dict[str, int]:
        """The position in `neurons` of each id."""
        return dict(zip(self.ids, range(len(self.ids)), strict=True))

    @cached_property
    def is_output(self) -> NDArray[np.bool_]:
        """Whether each neuron is an output. Shape (n_neurons,), read-only."""
        found = np.isin(np.arange(len(self.ids)), self.output_positions)
        found.setflags(write=False)
        return found

    @property
    def depth(self) -> int:
        """The number of synapses on the longest path."""
        return int(self.level.max())

    def _neuron(self, k: int) -> Input | Neuron:
        if self.is_input[k]:
            return Input(self.ids[k])
        return Neuron(self.ids[k], self.activations[k], float(self.biases[k]))

    def _synapse(self, k: int) -> Synapse:
        source, target = self.ids[self.sources[k]], self.ids[self.targets[k]]
        return Synapse(source, target, float(self.weights[k]))

    def __repr__(self) -> str:
        fans = self.incoming.sizes[~self.is_input]
        fan = f"{fans.min()}" if fans.min() == fans.max() else f"{fans.min()} to {fans.max()}"
        counts = (
            format_count(len(self.inputs), "input"),
            format_count(len(fans), "neuron"),
            format_count(len(self.weights), "synapse"),
            format_count(len(self.outputs), "output"),
        )
        return f"<Network: {', '.join(counts)}; depth {self.depth}, fan-in {fan}>"

    def describe(self) -> str:
        """Return a table with one line for each level.

        A line shows how many neurons the level has, their fan-in and fan-out, the number of
        parameters and the activation functions.
        """
        table = level_table(
            self.level, self.incoming, self.outgoing, self.activations, self.is_input
        )
        return f"{self!r}\n{table}"

    def to_svg(self) -> str:
        """Return a drawing of the network as SVG.

        Each level is a column, each neuron a disc, each synapse a line. A solid blue line is a
        positive weight, a dashed orange line a negative one; the width is the weight's size. A
        pointer on a neuron or a line shows its numbers. Of more than 200 neurons, or 12 levels,
        the levels are drawn alone.

        Returns:
            The text of an SVG file. A notebook shows the same drawing of a network.

        Examples:
            >>> na.Network.layered([2, 2, 1]).to_svg()[:4]
            '<svg'
        """
        from .drawing import draw_network  # drawing is rare, and takes long to import

        return draw_network(self).to_svg()

    def plot(self, path: str | PathLike[str] | None = None) -> Figure:
        """Draw the network with matplotlib, as `to_svg` does.

        Needs matplotlib: `pip install 'neuro-actors[plot]'`. A notebook shows the figure that is
        returned; in a program `matplotlib.pyplot.show()` does.

        Args:
            path: File to write the figure to, such as "network.pdf"; None writes no file.

        Returns:
            The figure.

        Raises:
            NeuroActorsError: matplotlib is not installed.
            InputError: `path` has an ending that matplotlib does not know, or cannot be written.
        """
        from .drawing import draw_network

        return draw_network(self).to_figure(path)

    def _repr_html_(self) -> str:
        from ..support.markup import Markup, block, element

        return block(element("div", repr(self)), Markup(self.to_svg()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Network) or self._key() != other._key():
            return False
        arrays = ("is_input", "biases", "weights")
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in arrays)

    def __hash__(self) -> int:
        return hash(self._key())

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Set all attributes and make arrays read-only, which copying and unpickling forget."""
        self.__dict__.update(state)
        for value in state.values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def _key(self) -> tuple[object, ...]:
        return (
            self.ids,
            self.activations,
            self.outputs,
            self.sources.tobytes(),
            self.targets.tobytes(),
        )

    def digest(self) -> str:
        """Return the SHA-256 digest of all parameters in hexadecimal: equal bits, equal digests."""
        return hashlib.sha256(self.weights.tobytes() + self.biases.tobytes()).hexdigest()

    def to_matrices(self) -> tuple[list[Array], list[Array]]:
        """Return the parameters of a layered network, as `Network.from_matrices` takes them.

        Returns:
            A matrix of shape (n_out, n_in) and a vector of shape (n_out,) for each layer after the
            inputs.

        Raises:
            NetworkError: The network is not layered.
        """
        return self.as_matrices(self.weights, self.biases)

    def as_matrices(self, weights: Array, biases: Array) -> tuple[list[Array], list[Array]]:
        """Lay out values of synapses and neurons as the matrices and vectors of a layered network.

        Args:
            weights: A value for each synapse. Shape (n_synapses,).
            biases: A value for each neuron. Shape (n_neurons,).

        Returns:
            A matrix of shape (n_out, n_in) and a vector of shape (n_out,) for each layer after the
            inputs.

        Raises:
            NetworkError: The network is not layered, or a shape is wrong.
            InputError: A value is no finite number.
        """
        values = (
            as_vector("weights", weights, range(len(self.weights))),
            as_vector("biases", biases, self.ids),
        )
        return layered.split_into_matrices(
            self.level, self.sources, self.targets, self.output_positions, self.arrow, *values
        )

    def arrow(self, synapse: int) -> str:
        """Return a synapse's name for a text: `'a' -> 'b'`.

        Args:
            synapse: Its position in `synapses`.

        Raises:
            InputError: There is no synapse at that position.
        """
        synapse = as_whole_number("synapse", synapse, 0, len(self.weights) - 1)
        return arrow(self.ids[self.sources[synapse]], self.ids[self.targets[synapse]])

    # --- making and checking ----------------------------------------------------------------------

    def _draw_weights(self, seed: int) -> Array:
        return draw_weights(self.incoming, self.outgoing, self.activations, self.is_input, seed)

    def _set(self, **fields: Any) -> None:
        """Set the fields that define the network, derive the others, and check the graph."""
        self.__setstate__(fields)
        n = len(self.ids)
        self.outputs = tuple([self.ids[k] for k in self.output_positions.tolist()])
        self.inputs = tuple(
            name for name, is_input in zip(self.ids, self.is_input, strict=True) if is_input
        )
        self.incoming, self.outgoing = Groups.by(self.targets, n), Groups.by(self.sources, n)
        graph_checks.check_synapses(self.ids, self.sources, self.targets, self.is_input)
        self.level = graph_checks.find_levels(self.ids, self.sources, self.targets, self.outgoing)
        self.level.setflags(write=False)
        graph_checks.check_inputs_and_outputs(self.is_input, self.outputs)
        graph_checks.check_paths(
            self.ids, self.is_input, self.output_positions, self.incoming, self.outgoing
        )

    def check_activations(self) -> None:
        """Check that every activation function is in the table; it may not be where a log was read.

        Raises:
            NetworkError: One is unknown.
        """
        graph_checks.check_activations(self.ids, self.activations)
