"""The interneurons of one level: their values, their partial derivatives, and sums along these.

A neuron's derivative by a source is a weight, the same in each example. That of an interneuron
depends on the example. So beside the matrix of weights a level has its partial derivatives: one for
each example and each synapse into an interneuron.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...network import functions
from ...network.combinations import Combination
from ...network.dropout import read_dropout
from ...network.network import Network
from ...support.arrays import Array, Indices
from .partials import bends_of, name_of, slopes_of


def value_of_nothing(network: Network, k: int) -> float:
    """Return what an interneuron says at a position where it hears nothing.

    Args:
        network: The network.
        k: The position of the interneuron.
    """
    if read_dropout(network.interneurons[k].combination):
        return 0.0
    combination = functions.combination(network.interneurons[k].combination)
    nothing = 0.0 if combination.nothing is None else combination.nothing
    rows = np.full((len(network.incoming.of(k)), 1), nothing)
    return float(combination.value(rows)[0])


class Alike(NamedTuple):
    """Some interneurons of a level, with one combination and equally many sources.

    Attributes:
        combination: How they combine their sources.
        rows: Which interneurons of the level they are. Shape (n,).
        places: The place of each of their synapses among the level's. Shape (fan_in, n).
    """

    combination: Combination
    rows: Indices
    places: Indices

    def terms(self, values: Array) -> Array:
        """Return what belongs to each source, one row for each. Shape (fan_in, batch · n).

        Args:
            values: A number for each synapse of the level. Shape (batch, n_synapses).
        """
        return np.ascontiguousarray(values[:, self.places].transpose(1, 0, 2)).reshape(
            len(self.places), -1
        )


@dataclass(frozen=True, slots=True)
class Interneurons:
    """The interneurons of one level, and the synapses that lead into them.

    The synapses are grouped by target, and those of one target are in synapse order.

    Attributes:
        targets: The positions of the interneurons. Shape (n,).
        synapses: The positions of the synapses. Shape (n_synapses,).
        sources: The position of each synapse's source. Shape (n_synapses,).
        starts: Where the synapses of each interneuron begin. Shape (n,).
        alike: The interneurons in groups.
    """

    targets: Indices
    synapses: Indices
    sources: Indices
    starts: Indices
    alike: tuple[Alike, ...]

    @classmethod
    def of(cls, network: Network, targets: Indices) -> Interneurons:
        """Find some interneurons and their synapses.

        Args:
            network: The network.
            targets: The positions of the interneurons. Shape (n,).
        """
        names = [network.interneurons[k].combination for k in targets.tolist()]
        groups = [network.incoming.of(k) for k in targets.tolist()]
        synapses = np.concatenate(groups)
        sizes = np.array([len(group) for group in groups])
        return cls.in_groups(targets, names, synapses, network.sources[synapses], sizes)

    @classmethod
    def in_groups(
        cls,
        targets: Indices,
        names: Sequence[str],
        synapses: Indices,
        sources: Indices,
        sizes: Indices,
    ) -> Interneurons:
        """Put interneurons that are alike into groups.

        Args:
            targets: The positions of the interneurons. Shape (n,).
            names: The combination of each.
            synapses: The positions of the synapses, grouped by target. Shape (n_synapses,).
            sources: The position of each synapse's source. Shape (n_synapses,).
            sizes: How many synapses each interneuron has. Shape (n,).
        """
        starts = np.cumsum(sizes) - sizes
        rows_of: dict[tuple[str, int], list[int]] = {}
        for row, kind in enumerate(zip(names, sizes.tolist(), strict=True)):
            rows_of.setdefault(kind, []).append(row)
        alike = []
        for (name, size), of_kind in rows_of.items():
            rows = np.array(of_kind)
            places = starts[rows] + np.arange(size)[:, None]
            # a dropout repeats its source; what has a step multiplies that by its mask
            known = functions.combination("sum" if read_dropout(name) else name)
            alike.append(Alike(known, rows, places))
        return cls(targets, synapses, sources, starts, tuple(alike))

    @property
    def followers(self) -> Indices:
        """The position of each synapse's target. Shape (n_synapses,)."""
        return np.repeat(self.targets, np.diff([*self.starts, len(self.synapses)]))

    def follow_copies(self, origins: Indices) -> None:
        """Write down which interneurons repeat their source: those that have one alone.

        Args:
            origins: The neuron that each neuron repeats; those of the sources are known. Shape
                (n_neurons,).
        """
        for group in self.alike:
            if len(group.places) == 1 and name_of(group.combination):
                origins[self.targets[group.rows]] = origins[self.sources[group.places[0]]]

    def values(self, activations: Array) -> Array:
        """Compute what each interneuron makes of its sources.

        Args:
            activations: Of all neurons. Shape (batch, n_neurons).

        Returns:
            Shape (batch, n).
        """
        return self.per_interneuron(
            lambda combination, x: combination.value(x), activations[:, self.sources]
        )

    def partials(self, activations: Array) -> Array:
        """Compute the derivative of each interneuron by each of its sources.

        Args:
            activations: Of all neurons; those of the interneurons themselves are used, too. Shape
                (batch, n_neurons).

        Returns:
            Shape (batch, n_synapses).
        """
        return self.per_synapse(
            slopes_of, activations[:, self.sources], of_targets=activations[:, self.targets]
        )

    def bends(self, activations: Array, tangents: Array) -> Array:
        """Compute how each partial derivative changes along a direction.

        Args:
            activations: Of all neurons. Shape (batch, n_neurons).
            tangents: Their derivatives along the direction. Shape (batch, n_neurons).

        Returns:
            Shape (batch, n_synapses).
        """

        def bend(combination: Combination, x: Array, d: Array, a: Array) -> Array:
            return bends_of(combination, x, a, d)

        along = activations[:, self.sources], tangents[:, self.sources]
        return self.per_synapse(bend, *along, of_targets=activations[:, self.targets])

    def per_interneuron(self, compute: Callable[..., Array], *along: Array) -> Array:
        """Compute a number for each interneuron from numbers on its synapses.

        Args:
            compute: compute(combination, *rows) returns one number for each column. Its rows have
                the shape (fan_in, columns).
            along: A number for each synapse. Shape (batch, n_synapses).

        Returns:
            Shape (batch, n).
        """
        found = np.zeros((len(along[0]), len(self.targets)))
        for group in self.alike:
            columns = compute(group.combination, *map(group.terms, along))
            found[:, group.rows] = columns.reshape(len(found), -1)
        return found

    def per_synapse(self, compute: Callable[..., Array], *along: Array, of_targets: Array) -> Array:
        """Compute a number for each synapse from numbers on all synapses into the same interneuron.

        Args:
            compute: compute(combination, *rows, values) returns rows of the same shape, (fan_in,
                columns); values are those of the interneurons, of shape (columns,).
            along: A number for each synapse. Shape (batch, n_synapses).
            of_targets: A number for each interneuron. Shape (batch, n).

        Returns:
            Shape (batch, n_synapses).
        """
        found = np.zeros((len(of_targets), len(self.synapses)))
        for group in self.alike:
            own = np.ascontiguousarray(of_targets[:, group.rows]).reshape(-1)
            rows = compute(group.combination, *map(group.terms, along), own)
            found[:, group.places] = rows.reshape(len(rows), len(found), -1).transpose(1, 0, 2)
        return found

    def into(self, partials: Array, values: Array) -> Array:
        """Compute for each interneuron the sum over its sources of partial derivative · value.

        Args:
            partials: A number for each synapse. Shape (batch, n_synapses).
            values: A value for each neuron. Shape (batch, n_neurons).

        Returns:
            Shape (batch, n).
        """
        return np.add.reduceat(partials * values[:, self.sources], self.starts, axis=1)

    def add_out_of(self, partials: Array, values: Array, sums: Array) -> None:
        """Add to each source the sum over these interneurons of partial derivative · value.

        Args:
            partials: A number for each synapse. Shape (batch, n_synapses).
            values: A value for each neuron. Shape (batch, n_neurons).
            sums: The sums so far, of each neuron. Shape (batch, n_neurons).
        """
        np.add.at(sums.T, self.sources, (partials * values[:, self.followers]).T)
