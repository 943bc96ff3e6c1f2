"""The numbers of a step in one row an example: those of each neuron at each of its positions.

A *cell* is a neuron at one of its positions. Cells are counted neuron after neuron, and position
after position within a neuron. An *end* is the same of synapses: a synapse at a position of its
source, where the urgency arrives. In a network whose neurons live at one position cells are
neurons, and ends are synapses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...network.field import NOWHERE
from ...network.network import Network
from ...support.arrays import Array, Indices
from .interneurons import Interneurons

_Number = TypeVar("_Number", bound=np.generic)


class Cells:
    """The cells and ends of a network.

    Args:
        network: The network.

    Attributes:
        network: The network.
        is_plain: Whether each neuron lives at one position.
        owner: The neuron of each cell. Shape (n_cells,).
        first: The first cell of each neuron. Shape (n_neurons,).
        synapse: The synapse of each end. Shape (n_ends,).
        source: The cell at the source of each end. Shape (n_ends,).
        target: The cell at the target, for ends of synapses with a weight: these lead from a
            position to the same one. Else the first cell of the target. Shape (n_ends,).
        has_weight: Whether an end is one of a synapse with a weight. Shape (n_ends,).
        joined: The interneurons, each at each position where it hears something: what they combine
            are cells. None: there are no interneurons.
        joined_ends: The end that each of their terms comes from. Shape (n_terms,).
        silent: The cells of interneurons that hear nothing. Shape (n,).
    """

    def __init__(self, network: Network) -> None:
        self.network, sizes = network, network.n_positions
        self.is_plain = bool((sizes == 1).all())
        self.owner = np.repeat(np.arange(len(sizes)), sizes)
        self.first = np.cumsum(sizes) - sizes
        wide = sizes[network.sources]
        self.synapse = np.repeat(np.arange(len(wide)), wide)
        self._first_end = np.cumsum(wide) - wide
        position = np.arange(len(self.synapse)) - np.repeat(self._first_end, wide)
        self.source = self.first[network.sources][self.synapse] + position
        self.has_weight = ~network.is_interneuron[network.targets][self.synapse]
        self.target = self.first[network.targets][self.synapse]
        self.target = np.where(self.has_weight, self.target + position, self.target)
        self.joined, self.joined_ends, self.silent = self._join()

    def of(self, neurons: Indices) -> Indices:
        """Return the cells of some neurons, neuron after neuron. Shape (n,).

        Args:
            neurons: The positions of the neurons. Shape (n_chosen,).
        """
        if self.is_plain:
            return neurons
        parts = [self.first[k] + np.arange(self.network.n_positions[k]) for k in neurons.tolist()]
        return np.concatenate([np.empty(0, dtype=np.intp), *parts])

    def spread(self, values: NDArray[_Number]) -> NDArray[_Number]:
        """Return a number of each neuron as one of each cell. Shape (..., n_cells).

        Args:
            values: Shape (..., n_neurons).
        """
        return values if self.is_plain else values[..., self.owner]

    def per_grid(self, compute: Callable[..., Array], *values: Array) -> Array:
        """Compute something neuron by neuron, where all neurons live at the same positions.

        Args:
            compute: compute(*values) returns numbers of neurons, of the shape of its arguments.
                Its columns are positions of examples. Where a neuron does not live there, it has a
                0, and what is returned for it is not used.
            values: A number for each cell. Shape (batch, n_cells).

        Returns:
            Shape (batch, n_cells).
        """
        if self.is_plain:
            return compute(*values)
        found = np.zeros_like(values[0])
        for grid in range(len(self.network.grids)):
            here = np.flatnonzero(self.network.grid == grid)
            if len(here):
                columns = compute(*(self._at(here, one) for one in values))[:, here]
                wide = int(self.network.n_positions[here[0]])
                by_neuron = columns.reshape(-1, wide, len(here)).transpose(0, 2, 1)
                found[:, self.of(here)] = by_neuron.reshape(len(found), -1)
        return found

    def sum_per_grid(
        self, compute: Callable[..., tuple[Array, ...]], *values: Array
    ) -> tuple[Array, ...]:
        """Compute something for each parameter; it is 0 where its neuron does not live.

        Args:
            compute: compute(*values) returns numbers of parameters; its arguments are those of
                `per_grid`.
            values: A number for each cell. Shape (batch, n_cells).

        Returns:
            For each of the results their sum over the grids.
        """
        if self.is_plain:
            return compute(*values)
        found: list[tuple[Array, ...]] = []
        for grid in range(len(self.network.grids)):
            here = np.flatnonzero(self.network.grid == grid)
            if len(here):
                found.append(compute(*(self._at(here, one) for one in values)))
        return tuple(np.sum(parts, axis=0) for parts in zip(*found, strict=True))

    def _at(self, here: Indices, values: Array) -> Array:
        """Return the columns of neurons of one grid, and 0 for all others."""
        wide = int(self.network.n_positions[here[0]])
        by_neuron = values[:, self.of(here)].reshape(len(values), len(here), wide)
        found = np.zeros((len(values) * wide, len(self.network.ids)))
        found[:, here] = by_neuron.transpose(0, 2, 1).reshape(-1, len(here))
        return found

    def _join(self) -> tuple[Interneurons | None, Indices, Indices]:
        """Find for each interneuron, at each position, the cells that it combines."""
        network = self.network
        nothing = np.empty(0, dtype=np.intp)
        units, ends, sizes, silent = [nothing], [nothing], [nothing], [nothing]
        names: list[str] = []
        for k, node in network.interneurons.items():
            own = np.arange(network.n_positions[k])
            positions = own[:, None] if node.field is None else node.field.positions
            first_ends = self._first_end[network.incoming.of(k)]
            terms = first_ends[:, None] + positions[:, None, :]  # (positions, fan_in, width)
            exists = np.broadcast_to(positions[:, None, :] != NOWHERE, terms.shape)
            counts = exists.sum(axis=(1, 2))
            units.append(self.first[k] + own[counts > 0])
            silent.append(self.first[k] + own[counts == 0])
            ends.append(terms[exists])
            sizes.append(counts[counts > 0])
            names += [node.combination] * len(units[-1])
        all_ends, all_silent = np.concatenate(ends), np.concatenate(silent)
        if not names:
            return None, all_ends, all_silent
        found = Interneurons.in_groups(
            np.concatenate(units), names, all_ends, self.source[all_ends], np.concatenate(sizes)
        )
        return found, all_ends, all_silent
