"""A network: any directed acyclic graph of neurons and synapses, immutable and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from os import PathLike
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..support.arrays import Array, Indices, freeze
from ..support.errors import InputError, NetworkError
from ..support.hints import explain_missing, explains_arguments
from ..support.scalars import as_whole_number
from ..support.text import quote
from ..support.validation import as_flag, as_list
from . import edge_list, graph_checks, layered
from .elements import (
    Delay,
    Input,
    Interneuron,
    LazySequence,
    Neuron,
    Synapse,
    arrow,
    as_parameters,
    as_vector,
    check_types,
    delay_sources,
    output_positions,
    positions,
    synapse_ends,
)
from .field import Grid, as_grid, count_positions
from .frozen import frozen_masks, set_frozen
from .function_names import AnyActivation
from .graph import Groups
from .initial_weights import draw_weights
from .positions import find_grids
from .table import network_line, network_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Network:
    """A directed acyclic graph of neurons, interneurons and synapses, with their parameters.

    A network is immutable. Neurons and synapses stay in the order in which they were given. All
    arrays are float64 and read-only.

    Args:
        neurons: `Input`, `Neuron`, `Interneuron` and `Delay` objects. An id is 1 to 128 printable
            characters.
        synapses: `Synapse` objects. A weight left out is drawn, as the target's activation function
            demands (Glorot or He), from a stream of the seed that is the target's own. That of a
            synapse into an interneuron is 1.
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
    delayed: dict[int, tuple[int, int]]
    """Of the cell of a network with delays (see `cell.py`): by the position of each input that is
    a delay that of the output which it repeats, and after how many ticks."""
    inputs: tuple[str, ...]
    """The ids of the inputs, in the order of the columns of x; delays are not among them."""
    outputs: tuple[str, ...]
    """The ids of the outputs, in the order of the columns of the predictions."""
    activations: tuple[str, ...]
    """The name of each neuron's activation function; "identity" for inputs and interneurons."""
    interneurons: dict[int, Interneuron]
    """The interneurons by their position in `neurons`."""
    delays: dict[int, tuple[int, int]]
    """By the position of each delay that of the neuron which it repeats, and after how many
    ticks."""
    weights: Array
    """The weight of each synapse, in the order of `synapses`. Shape (n_synapses,)."""
    biases: Array
    """The bias of each neuron, in the order of `neurons`; 0 for inputs and interneurons. Shape
    (n_neurons,)."""
    frozen_weights: NDArray[np.bool_]
    """Whether each weight never changes; so do those of interneurons. Shape (n_synapses,)."""
    frozen_biases: NDArray[np.bool_]
    """Whether each bias never changes. Shape (n_neurons,)."""
    grids: tuple[Grid, ...]
    """The grids of positions at which neurons live; () is one position."""
    grid: Indices
    """The place in `grids` of each neuron's own. Shape (n_neurons,)."""
    sources: Indices
    """The position in `neurons` of each synapse's source. Shape (n_synapses,)."""
    targets: Indices
    """The position in `neurons` of each synapse's target. Shape (n_synapses,)."""
    is_input: NDArray[np.bool_]
    """Whether each neuron is an input, or a delay. Shape (n_neurons,)."""
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
        neurons: Iterable[Input | Neuron | Interneuron | Delay],
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
        interneurons = {k: node for k, node in enumerate(nodes) if isinstance(node, Interneuron)}
        delays = {k: node for k, node in enumerate(nodes) if isinstance(node, Delay)}
        self._set(
            ids=ids,
            is_input=np.array([isinstance(node, (Input, Delay)) for node in nodes], dtype=bool),
            delays=delay_sources(delays, position),
            activations=tuple(node.activation for node in nodes),
            interneurons=interneurons,
            input_grids={
                k: as_grid(f"input {quote(node.id)}: positions", node.positions)
                for k, node in enumerate(nodes)
                if isinstance(node, Input) and node.positions != ()
            },
            frozen_weights=_mask([edge.frozen for edge in edges]),
            frozen_biases=_mask([isinstance(node, Neuron) and node.frozen for node in nodes]),
            biases=as_parameters("bias", [node.bias for node in nodes], ids),
            sources=sources,
            targets=targets,
            weights=as_parameters("weight", weights, [arrow(*pair) for pair in ends]),
            output_positions=output_positions(as_list("outputs", outputs, NetworkError), position),
            is_drawn=is_drawn,
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
        sizes = layered.as_sizes(sizes, activation, output_activation, seed)
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
        delays: ArrayLike | None = None,
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
            delays: After how many ticks each synapse carries what its source says; 0 for at once.
                With them the wiring may have cycles. Each source gets a `Delay` for each number of
                ticks, behind the other neurons. Shape (n_synapses,).

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
        through, its_delays, delay_names = edge_list.as_delays(delays, starts, names)
        blank = np.zeros(len(its_delays))
        own_biases = np.zeros(n) if biases is None else as_vector("biases", biases, names)
        self = cls.__new__(cls)
        self._set(
            ids=(*names, *delay_names),
            is_input=np.append(fan_in == 0, blank == 0),
            delays=its_delays,
            output_positions=edge_list.as_outputs(outputs, names, fan_in, fan_out),
            activations=(
                *edge_list.as_activations(activations, fan_in),
                *("identity" for _ in delay_names),
            ),
            biases=np.append(own_biases, blank),
            sources=through,
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
        n, entries = edge_list.as_entries(matrix)
        return cls.from_arrays(*entries, **{"ids": [f"n{k}" for k in range(n)]} | more)

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
        new._check_weights_of_interneurons()
        return new

    def with_frozen(self, *names: str, frozen: bool = True) -> Network:
        """Return a network in which more parameters are frozen: no optimizer moves them.

        Args:
            names: Which parameters. The id of a neuron stands for its bias and the weights of its
                incoming synapses; `a->b` stands for the weight of one synapse. In each, `*` stands
                for any text, so "h1.*" is a whole layer.
            frozen: False: these parameters learn again.

        Raises:
            NetworkError: There is no such neuron or synapse, or it has nothing to learn.

        Examples:
            >>> network = na.Network.layered([2, 3, 1]).with_frozen("h1.*")
            >>> int(network.frozen_weights.sum()), int(network.frozen_biases.sum())
            (6, 3)
        """
        masks = self.frozen_weights, self.frozen_biases
        masks = set_frozen(
            masks, names, as_flag("frozen", frozen), self.ids, self.sources, self.targets,
            ~(self.is_input | self.is_interneuron),
        )  # fmt: skip
        new = Network.__new__(Network)
        new.__dict__.update(self.__dict__)
        new.frozen_weights, new.frozen_biases = frozen_masks(*masks, self._leads_to_interneuron)
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
        if self.interneurons and self.biases[self.is_interneuron].any():
            raise NetworkError("biases: an interneuron has no bias, its entry must be 0")

    def _check_weights_of_interneurons(self) -> None:
        if self.interneurons:
            wrong = self.is_interneuron[self.targets] & (self.weights != 1.0)
            for synapse in np.flatnonzero(wrong).tolist():
                problem = "an interneuron has no weights, the entry of each must be 1"
                raise NetworkError(f"synapse {self.arrow(synapse)}: {problem}")

    if not TYPE_CHECKING:  # a type checker refuses both by itself
        __getattr__ = explain_missing

        def __call__(self, *given: object, **named: object) -> NoReturn:
            """Refuse the call. Raises `InputError`, which says what to write."""
            raise InputError("a network is no function: write na.predict(network, x)")

    # --- what it contains -------------------------------------------------------------------------

    @property
    def neurons(self) -> Sequence[Input | Neuron | Interneuron | Delay]:
        """All neurons, with inputs, interneurons and delays, in the order in which they were
        given."""
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

    @cached_property
    def is_interneuron(self) -> NDArray[np.bool_]:
        """Whether each neuron is an interneuron. Shape (n_neurons,), read-only."""
        found = np.zeros(len(self.ids), dtype=bool)
        found[list(self.interneurons)] = True
        found.setflags(write=False)
        return found

    @cached_property
    def n_parameters(self) -> Indices:
        """How many parameters each neuron has: a weight for each incoming synapse, and a bias.

        0 for inputs and interneurons. Shape (n_neurons,), read-only.
        """
        found = np.where(self.is_input | self.is_interneuron, 0, self.incoming.sizes + 1)
        found.setflags(write=False)
        return found

    @cached_property
    def n_positions(self) -> Indices:
        """How many positions each neuron lives at. Shape (n_neurons,), read-only."""
        found = np.array([count_positions(grid) for grid in self.grids], dtype=np.intp)[self.grid]
        found.setflags(write=False)
        return found

    @property
    def input_grid(self) -> Grid:
        """The grid of positions at which the inputs live; () is one position."""
        return self.grids[self.grid[np.argmax(self.is_input)]]

    @property
    def output_grid(self) -> Grid:
        """The grid of positions at which the outputs live; () is one position."""
        return self.grids[self.grid[self.output_positions[0]]]

    def frozen_of(self, k: int) -> NDArray[np.bool_] | None:
        """Return which parameters of the k-th neuron are frozen.

        Args:
            k: The position of the neuron.

        Returns:
            One truth value for each incoming synapse, then one for the bias. Shape (fan_in + 1,).
            None: no parameter is frozen.
        """
        incoming = self.incoming.of(k)
        if not self.frozen_biases[k] and not self.frozen_weights[incoming].any():
            return None
        return np.append(self.frozen_weights[incoming], self.frozen_biases[k])

    @property
    def depth(self) -> int:
        """The number of synapses on the longest path."""
        return int(self.level.max())

    def _neuron(self, k: int) -> Input | Neuron | Interneuron | Delay:
        if k in self.delays:
            of, ticks = self.delays[k]
            return Delay(self.ids[k], self.ids[of], ticks)
        if self.is_input[k]:
            return Input(self.ids[k], self.grids[self.grid[k]])
        if k in self.interneurons:
            return self.interneurons[k]
        frozen = bool(self.frozen_biases[k])
        return Neuron(self.ids[k], self.activations[k], float(self.biases[k]), frozen)

    def _synapse(self, k: int) -> Synapse:
        source, target = self.ids[self.sources[k]], self.ids[self.targets[k]]
        return Synapse(source, target, float(self.weights[k]), bool(self.frozen_weights[k]))

    def __repr__(self) -> str:
        return f"<Network: {network_line(self)}>"

    def describe(self) -> str:
        """Return the line that stands for the network, and a table with a line for each level.

        A line of the table shows how many neurons the level has, their fan-in and fan-out, the
        number of parameters and the activation functions.

        With interneurons, delays or positions there is one line for each layer instead, as the ids
        say before their first point: how many inputs, neurons, interneurons and delays it has, how
        many parameters learn, each counted once at however many positions it is used, how many are
        frozen, and at which positions it lives. The last line counts them all, and so does the
        line above.
        """
        return f"{self!r}\n{network_table(self)}"

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
        arrays = ("is_input", "biases", "weights", "frozen_weights", "frozen_biases", "grid")
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
            self.grids,
            tuple(self.interneurons.items()),
            tuple(self.delays.items()),
            tuple(self.delayed.items()),
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

    @property
    def _leads_to_interneuron(self) -> NDArray[np.bool_] | None:
        return self.is_interneuron[self.targets] if self.interneurons else None

    def _draw_weights(self, seed: int) -> Array:
        is_drawn = ~(self.is_input | self.is_interneuron)
        drawn = draw_weights(self.incoming, self.outgoing, self.activations, is_drawn, seed)
        return np.where(self.is_interneuron[self.targets], 1.0, drawn)

    def _set(
        self,
        *,
        interneurons: dict[int, Interneuron] | None = None,
        delays: dict[int, tuple[int, int]] | None = None,
        input_grids: dict[int, Grid] | None = None,
        frozen_weights: NDArray[np.bool_] | None = None,
        frozen_biases: NDArray[np.bool_] | None = None,
        is_drawn: NDArray[np.bool_] | None = None,
        **fields: Any,
    ) -> None:
        """Set the fields that define the network, derive the others, and check the graph."""
        self.__setstate__(fields)
        n = len(self.ids)
        self.interneurons, self.delays, self.delayed = interneurons or {}, delays or {}, {}
        self.outputs = tuple([self.ids[k] for k in self.output_positions.tolist()])
        is_named = self.is_input
        if self.delays:
            is_named = is_named.copy()
            is_named[list(self.delays)] = False
        self.inputs = tuple(
            name for name, is_input in zip(self.ids, is_named, strict=True) if is_input
        )
        self.incoming, self.outgoing = Groups.by(self.targets, n), Groups.by(self.sources, n)
        graph_checks.check_synapses(self.ids, self.sources, self.targets, self.is_input)
        self.level = graph_checks.find_levels(self.ids, self.sources, self.targets, self.outgoing)
        self.level.setflags(write=False)
        graph_checks.check_inputs_and_outputs(is_named, self.is_input, self.outputs)
        none = np.broadcast_to(np.False_, n)
        self.frozen_weights, self.frozen_biases = frozen_masks(
            np.broadcast_to(np.False_, len(self.weights))
            if frozen_weights is None
            else frozen_weights,
            none if frozen_biases is None else frozen_biases,
            self._leads_to_interneuron,
        )
        if is_drawn is not None and is_drawn.any():
            ones = is_drawn & self.is_interneuron[self.targets]
            self.weights = freeze(np.where(ones, 1.0, self.weights))
        self._check_weights_of_interneurons()
        self.grids, self.grid = find_grids(
            self.ids, self.level, self.sources, self.incoming, self.is_input, self.interneurons,
            self.delays, input_grids or {}, self.output_positions,
        )  # fmt: skip
        ends = np.append(self.output_positions, [of for of, _ in self.delays.values()])
        graph_checks.check_paths(
            self.ids, self.is_input, ends.astype(np.intp), self.incoming, self.outgoing
        )

    def check_activations(self) -> None:
        """Check that every activation function is in the table; it may not be where a log was read.

        Raises:
            NetworkError: One is unknown.
        """
        graph_checks.check_activations(self.ids, self.activations)
        graph_checks.check_combinations(self.interneurons, self.incoming.sizes)


def _mask(values: list[bool]) -> NDArray[np.bool_] | None:
    return np.array(values, dtype=bool) if any(values) else None
