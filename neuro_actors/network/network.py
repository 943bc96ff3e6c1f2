"""What a society is made of: neurons and synapses, any directed acyclic graph of them, immutable and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..support.errors import NetworkError
from ..support.text import shown
from ..support.validation import (
    MOST_PLACES,
    Array,
    Indices,
    as_floats,
    as_places,
    as_whole_number,
    did_you_mean,
    frozen,
)
from . import functions, layered
from .elements import (
    Input,
    Neuron,
    Synapse,
    Views,
    arrow,
    listed,
    output_places,
    parameters,
    positions,
    vector,
)
from .graph import Groups, cycle, levels
from .initial_weights import drawn_weights
from .table import level_table


class Network:
    """Neurons and synapses in the order they were given, with the parameters of each.

    neurons: `Input` and `Neuron` objects; ids are non-empty printable strings of at most 128 characters.
    synapses: `Synapse` objects; a weight left out is drawn by the target's activation (Glorot or He) from `seed`,
        each neuron's from a stream of its own.
    outputs: ids of the neurons whose activations are the predictions, in the order of the predictions' columns.

    Raises `NetworkError`, which names the culprit, for anything that is not a directed acyclic graph leading from
    inputs to outputs. Arrays are float64 and read-only:

    weights (n_synapses,), in the order of `synapses`;  biases (n_neurons,), in the order of `neurons`, 0 for inputs;
    sources, targets (n_synapses,), the ends of the synapses as positions in `neurons`;
    level (n_neurons,), the number of synapses on the longest path to each neuron.
    """

    def __init__(
        self,
        neurons: Iterable[Input | Neuron],
        synapses: Iterable[Synapse],
        outputs: Iterable[str],
        seed: int = 0,
    ) -> None:
        nodes, edges = listed("neurons", neurons), listed("synapses", synapses)
        for node in nodes:
            if not isinstance(node, (Input, Neuron)):
                raise NetworkError(
                    f"neurons must be na.Input or na.Neuron objects, got {shown(node)}"
                )
        for edge in edges:
            if not isinstance(edge, Synapse):
                raise NetworkError(f"synapses must be na.Synapse objects, got {shown(edge)}")
        if isinstance(outputs, str):
            raise NetworkError(
                f"outputs must be a list of ids, got the string {shown(outputs)}: write [{shown(outputs)}]"
            )
        as_whole_number("seed", seed, 0)
        ids = tuple(node.id for node in nodes)
        position = positions(ids)
        ends = [(edge.source, edge.target) for edge in edges]
        for edge_ends in ends:
            for end in edge_ends:
                if not isinstance(end, str) or end not in position:
                    known = did_you_mean(end, ids)
                    raise NetworkError(
                        f"synapse {arrow(*edge_ends)}: there is no neuron {shown(end)}; {known}"
                    )
        drawn = np.array([edge.weight is None for edge in edges], dtype=bool)
        weights = [0.0 if edge.weight is None else edge.weight for edge in edges]
        self._set(
            ids=ids,
            is_input=np.array([isinstance(node, Input) for node in nodes], dtype=bool),
            activations=tuple(node.activation for node in nodes),
            biases=parameters("bias", [node.bias for node in nodes], ids),
            sources=np.array([position[source] for source, _ in ends], dtype=np.intp),
            targets=np.array([position[target] for _, target in ends], dtype=np.intp),
            weights=parameters("weight", weights, [arrow(*pair) for pair in ends]),
            output_positions=output_places(listed("outputs", outputs), position),
        )
        self.check_activations()
        if drawn.any():
            self.weights = frozen(np.where(drawn, self._drawn_weights(seed), self.weights))

    # --- other ways to make one ----------------------------------------------------------------------------------

    @classmethod
    def layered(
        cls,
        sizes: Sequence[int],
        activation: str = "tanh",
        output_activation: str = "identity",
        seed: int = 0,
    ) -> Network:
        """Layers of `sizes` neurons, the inputs first, each fully connected to the next; biases 0, weights drawn."""
        sizes = [as_whole_number("each of sizes", n, 1) for n in listed("sizes", sizes)]
        if len(sizes) < 2:
            raise NetworkError(
                f"sizes must be two or more whole numbers, inputs first, got {sizes}"
            )
        if sum(n_in * n_out for n_in, n_out in pairwise(sizes)) > MOST_PLACES:
            raise NetworkError(f"sizes {shown(sizes)} make more than {MOST_PLACES:,} synapses")
        as_whole_number("seed", seed, 0)
        zeros = [np.zeros((n_out, n_in)) for n_in, n_out in pairwise(sizes)]
        names = [activation] * (len(sizes) - 2) + [output_activation]
        blank = cls.from_matrices(zeros, [np.zeros(n) for n in sizes[1:]], names)
        return blank.with_parameters(blank._drawn_weights(seed), blank.biases)

    @classmethod
    def from_matrices(
        cls, weights: Sequence[ArrayLike], biases: Sequence[ArrayLike], activations: Sequence[str]
    ) -> Network:
        """A layered network. weights[k]: (n_out, n_in); biases[k]: (n_out,); activations: one name a layer."""
        return cls.from_arrays(**layered.joined(weights, biases, activations))

    @classmethod
    def from_arrays(
        cls,
        sources: ArrayLike,
        targets: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        biases: ArrayLike | None = None,
        activations: str | Sequence[str] = "tanh",
        outputs: ArrayLike | None = None,
        ids: Sequence[str] | None = None,
        seed: int = 0,
    ) -> Network:
        """A network of any size, without an object for each neuron. Whoever has no incoming synapse is an input.

        sources, targets: (n_synapses,), the ends of each synapse: places among the neurons, from 0 on.
        weights: (n_synapses,), or drawn from `seed`.  biases: (n_neurons,), 0 for inputs, or all 0.
        activations: one name for all, or one for each neuron (an input's is not looked at).
        outputs: places; or else whoever has no outgoing synapse, but an incoming one.  ids: names; or else n0, n1, …
        """
        seed = as_whole_number("seed", seed, 0)
        ends = [
            as_places(name, values) for name, values in (("sources", sources), ("targets", targets))
        ]
        if len(ends[0]) != len(ends[1]) or not len(ends[0]):
            raise NetworkError(
                f"sources and targets: expected as many, one or more, got {len(ends[0])} and {len(ends[1])}"
            )
        names = None if ids is None else tuple(listed("ids", ids))
        n = int(max(end.max() for end in ends)) + 1 if names is None else len(names)
        if names is None and n > 4 * len(ends[0]) + 1024:  # before as many names are made
            raise NetworkError(
                f"sources and targets: {len(ends[0])} synapses leave gaps in places up to {n - 1}: count from 0"
            )
        names = tuple([f"n{k}" for k in range(n)]) if names is None else names
        if ids is not None:
            positions(names)
        for what, places in (("sources", ends[0]), ("targets", ends[1])):
            if places.max() >= n:
                raise NetworkError(
                    f"{what}: there are {n} neurons, so places go up to {n - 1}; got {places.max()}"
                )
        fan_in, fan_out = (np.bincount(end, minlength=n) for end in (ends[1], ends[0]))
        told = np.flatnonzero(fan_out == 0) if outputs is None else as_places("outputs", outputs)
        lonely = np.flatnonzero((fan_in == 0) & (fan_out == 0))
        if outputs is None and len(lonely):
            raise NetworkError(
                f"neuron {names[lonely[0]]!r} has no synapse: give it one, or remove it, or name all outputs"
            )
        if len(told) and told.max() >= n:
            raise NetworkError(
                f"outputs: there are {n} neurons, so places go up to {n - 1}; got {told.max()}"
            )
        kinds = (
            (activations,) * n
            if isinstance(activations, str)
            else tuple(listed("activations", activations))
        )
        if len(kinds) == n:
            kinds = tuple(
                [
                    "identity" if not fan else kind
                    for kind, fan in zip(kinds, fan_in.tolist(), strict=True)
                ]
            )
        given = np.zeros(n) if biases is None else as_floats("biases", biases)
        drawn = np.zeros(len(ends[0])) if weights is None else as_floats("weights", weights)
        for what, length, wanted in (("activations", len(kinds), n), ("biases", given.shape, (n,))):
            if length != wanted:
                raise NetworkError(f"{what}: expected {wanted}, got {length}")
        if drawn.shape != ends[0].shape:
            raise NetworkError(f"weights: expected {ends[0].shape}, got {drawn.shape}")
        self = cls.__new__(cls)
        self._set(
            ids=names,
            is_input=fan_in == 0,
            activations=kinds,
            biases=given,
            sources=ends[0],
            targets=ends[1],
            weights=drawn,
            output_positions=told,
        )
        self.check_activations()
        self._check_biases()
        if weights is None:
            self.weights = frozen(self._drawn_weights(seed))
        return self

    @classmethod
    def from_sparse(cls, matrix: Any, **more: Any) -> Network:
        """A network from a square scipy sparse matrix: matrix[target, source] is the weight of a synapse; entries that
        are stored count, zeros among them. The rest as in `from_arrays`."""
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

    def with_parameters(self, weights: ArrayLike, biases: ArrayLike) -> Network:
        """The same neurons and synapses with other weights (n_synapses,) and biases (n_neurons,)."""
        new = Network.__new__(Network)
        new.__dict__.update(self.__dict__)
        new.weights = frozen(vector("weights", weights, len(self.weights)))
        new.biases = frozen(vector("biases", biases, len(self.ids)))
        new._check_biases()
        return new

    def _check_biases(self) -> None:
        if self.biases[self.is_input].any():
            raise NetworkError("biases: an input has no bias, its entry must be 0")

    # --- what it holds -------------------------------------------------------------------------------------------

    ids: tuple[str, ...]
    output_positions: Indices  # where the outputs stand in `neurons`, in the order of `outputs`
    is_input: NDArray[np.bool_]
    activations: tuple[str, ...]
    biases: Array
    weights: Array
    sources: Indices
    targets: Indices
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    incoming: Groups
    outgoing: Groups
    level: Indices

    @property
    def neurons(self) -> Sequence[Input | Neuron]:
        """All neurons, inputs among them, in the order given."""
        return Views(len(self.ids), self._neuron)

    @property
    def synapses(self) -> Sequence[Synapse]:
        """All synapses in the order given."""
        ids, sources, targets, weights = self.ids, self.sources, self.targets, self.weights
        return Views(
            len(weights), lambda k: Synapse(ids[sources[k]], ids[targets[k]], float(weights[k]))
        )

    @cached_property
    def position(self) -> dict[str, int]:
        """Where each id stands in `neurons`."""
        return dict(zip(self.ids, range(len(self.ids)), strict=True))

    @property
    def depth(self) -> int:
        """The number of synapses on the longest path."""
        return int(self.level.max())

    def _neuron(self, k: int) -> Input | Neuron:
        return (
            Input(self.ids[k])
            if self.is_input[k]
            else Neuron(self.ids[k], self.activations[k], float(self.biases[k]))
        )

    def __repr__(self) -> str:
        fans = self.incoming.sizes[~self.is_input]
        fan = f"{fans.min()}" if fans.min() == fans.max() else f"{fans.min()} to {fans.max()}"
        counts = {
            "input": len(self.inputs),
            "neuron": len(fans),
            "synapse": len(self.weights),
            "output": len(self.outputs),
        }
        parts = ", ".join(f"{n:,} {word}{'s' * (n != 1)}" for word, n in counts.items())
        return f"<Network: {parts}; depth {self.depth}, fan-in {fan}>"

    def describe(self) -> str:
        """A table, one line a level: how many neurons, of which activations, how connected, how many parameters."""
        table = level_table(
            self.level, self.incoming, self.outgoing, self.activations, self.is_input
        )
        return f"{self!r}\n{table}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self._key() == other._key() and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ("is_input", "biases", "weights")
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash(self._key())

    def __setstate__(self, state: dict[str, Any]) -> None:
        """After copying or unpickling, which forget it, arrays are made read-only again."""
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
        """SHA-256 of all parameters' bits, in hexadecimal: equal digests, equal bits."""
        return hashlib.sha256(self.weights.tobytes() + self.biases.tobytes()).hexdigest()

    def to_matrices(self) -> tuple[list[Array], list[Array]]:
        """(weights, biases) as `from_matrices` takes them; raises `NetworkError` unless the network is layered."""
        return self.as_matrices(self.weights, self.biases)

    def as_matrices(self, weights: Array, biases: Array) -> tuple[list[Array], list[Array]]:
        """Values per synapse and per neuron laid out as a layered network's matrices and vectors."""
        values = (
            vector("weights", weights, len(self.weights)),
            vector("biases", biases, len(self.ids)),
        )
        return layered.split(
            self.level, self.sources, self.targets, self.output_positions, self.arrow, *values
        )

    def arrow(self, synapse: int) -> str:
        """A synapse in words: 'a' -> 'b'."""
        synapse = as_whole_number("synapse", synapse, 0, len(self.weights) - 1)
        return arrow(self.ids[self.sources[synapse]], self.ids[self.targets[synapse]])

    # --- making and checking -------------------------------------------------------------------------------------

    def _drawn_weights(self, seed: int) -> Array:
        return drawn_weights(self.incoming, self.outgoing, self.activations, self.is_input, seed)

    def _set(self, **fields: Any) -> None:
        self.__setstate__(fields)
        n = len(self.ids)
        self.outputs = tuple([self.ids[k] for k in self.output_positions.tolist()])
        self.inputs = tuple(
            name for name, is_input in zip(self.ids, self.is_input, strict=True) if is_input
        )
        self.incoming, self.outgoing = Groups.by(self.targets, n), Groups.by(self.sources, n)
        self._check()

    def check_activations(self) -> None:
        """Raise `NetworkError` unless every activation is in the table, as it may not be where a log was read."""
        with suppress(TypeError):  # of a name that is no string
            if all(map(functions.ACTIVATIONS.__contains__, self.activations)):
                return
        for culprit, name in zip(self.ids, self.activations, strict=True):
            if not isinstance(name, str) or name not in functions.ACTIVATIONS:
                known = did_you_mean(name, list(functions.ACTIVATIONS))
                raise NetworkError(f"neuron {culprit!r}: unknown activation {shown(name)}; {known}")

    def _check(self) -> None:
        self._refuse(
            self.sources == self.targets, "is a self-loop: a neuron cannot be its own source"
        )
        self._refuse(
            self.is_input[self.targets], "leads into an input: an input hears the world alone"
        )
        places = self.sources * len(self.ids) + self.targets
        if not np.diff(np.sort(places)).all():
            first = np.unique(places, return_index=True)[1]
            self._refuse(
                ~np.isin(np.arange(len(places)), first),
                "stands there twice: keep one, with the sum of the weights",
            )
        self.level = levels(self.targets, self.outgoing, len(self.ids))
        if self.level.min(initial=0) < 0:
            path = " -> ".join(
                repr(self.ids[k]) for k in cycle(self.sources, self.targets, self.level)
            )
            raise NetworkError(f"the synapses form a cycle: {path}; take one of them away")
        if not self.inputs:
            raise NetworkError("the network has no inputs: add at least one na.Input")
        if not self.outputs:
            raise NetworkError(
                "the network has no outputs: name at least one neuron in outputs=[…]"
            )
        if self.is_input.all():
            raise NetworkError("the network has inputs alone: add at least one na.Neuron")
        if len(np.unique(self.output_positions)) < len(self.outputs):
            twice = max(self.outputs, key=self.outputs.count)
            raise NetworkError(f"output {twice!r} is named twice: name each output once")
        # In a graph without cycles every walk back ends at a neuron without sources, every walk on at one without targets.
        deaf = np.flatnonzero((self.incoming.sizes == 0) & ~self.is_input)
        if len(deaf):
            advice = "give it an incoming synapse, or make it an na.Input"
            raise NetworkError(f"no input reaches neuron {self.ids[deaf[0]]!r}: {advice}")
        is_output = np.isin(np.arange(len(self.ids)), self.output_positions)
        mute = np.flatnonzero((self.outgoing.sizes == 0) & ~is_output)
        if len(mute):
            advice = "give it an outgoing synapse, name it in outputs, or remove it"
            raise NetworkError(f"no output is reached from {self.ids[mute[0]]!r}: {advice}")
        self.level.setflags(write=False)

    def _refuse(self, wrong: NDArray[np.bool_], complaint: str) -> None:
        if wrong.any():
            raise NetworkError(f"synapse {self.arrow(int(np.flatnonzero(wrong)[0]))} {complaint}")
