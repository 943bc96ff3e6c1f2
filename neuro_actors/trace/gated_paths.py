"""Paths through interneurons and receptive fields.

On its way a path enters neurons, as in `paths.py`, and interneurons. There its product has one
factor more: ∂g/∂x_i, how the combination g changes with the activation of the path's source.

Where neurons live at several positions a product is a row of numbers, one for each position of each
example. A field leads from each position to others. So what reaches a position is a sum, over the
positions from which it is heard. A path's product for an example is the sum over all positions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from ..network import functions
from ..network.dropout import read_dropout
from ..network.network import Network
from ..neuron.sums import Sums
from ..support.arrays import Array, Indices
from ..support.means import mean_of
from .paths import LEAST, Paths, downstream_of


def gated_slopes(
    network: Network,
    activations: Callable[[int], Array],
    masks: Callable[[int], Array],
    where: Sequence[int],
    sums: Sums,
    loss: str | None = None,
) -> dict[int, Array]:
    """Compute the slopes of neurons and interneurons.

    Args:
        network: The network.
        activations: Returns the activation of a neuron. Shape (width,).
        masks: Returns by how much a dropout multiplied in the step. Shape (width,).
        where: The neurons and interneurons to compute.
        sums: The kind of sums that the neurons use.
        loss: The name of the loss of the step, if it has one.

    Returns:
        By position f'(z) of a neuron, shape (width,), and ∂g/∂x of an interneuron, shape
        (terms, width).
    """
    found = {}
    for k in where:
        incoming = network.incoming.of(k)
        rows = np.stack([activations(s) for s in network.sources[incoming].tolist()])
        if k in network.interneurons:
            node = network.interneurons[k]
            if read_dropout(node.combination) is not None:
                found[k] = masks(k)[None]
                continue
            combination = functions.combination(node.combination)
            nothing = 0.0 if combination.nothing is None else combination.nothing
            terms = rows if node.field is None else node.field.gather_rows(rows, nothing)
            found[k] = combination.slopes(terms, activations(k))
            continue
        rows = np.concatenate([rows, np.ones((1, rows.shape[1]))])
        signal = sums.weighted_sum(np.append(network.weights[incoming], network.biases[k]), rows)
        function = functions.activation(network.activations[k])
        if network.is_output[k]:
            function = functions.output_activation(network.activations[k]).before(loss)
        found[k] = function.slope(signal, activations(k))
    return found


class GatedPaths(Paths):
    """All paths from a neuron to some ends, in a network that is not plain.

    Args:
        network: The network.
        start: The number of the neuron that the paths begin at.
        slopes: Slopes of what is downstream of `start`, as `gated_slopes` returns them. Shapes
            (width,) and (terms, width).
        ends: For each neuron where paths end, the last factor of their products. Shape (width,)
            each.
        batch: How many examples a row has.

    Attributes:
        total: As in `Paths`, but for each position of `start`. Shape (width,), as `size` and
            `lost`.
    """

    def __init__(
        self,
        network: Network,
        start: int,
        slopes: Mapping[int, Array],
        ends: Mapping[int, Array],
        batch: int,
    ) -> None:
        self._network, self._start, self._ends = network, start, ends
        self._gates, self._batch = slopes, batch
        inside = downstream_of(network, start)
        nodes = sorted(np.flatnonzero(inside).tolist(), key=lambda k: -int(network.level[k]))
        counts = dict.fromkeys(nodes, 0)
        zeros = {k: np.zeros(batch * int(network.n_positions[k])) for k in nodes}
        sums, sizes, most, lost = (dict(zeros) for _ in range(4))
        for node, end in ends.items():
            if inside[node]:
                sums[node], sizes[node], most[node], counts[node] = end, np.abs(end), np.abs(end), 1
        fan = 1
        for k in nodes:
            continuations = 1
            for synapse in network.outgoing.of(k).tolist():
                to = int(network.targets[synapse])
                factor = self._factor(synapse)
                size = np.abs(factor)
                sums[k] = sums[k] + self._back(synapse, factor * sums[to])
                sizes[k] = sizes[k] + self._back(synapse, size * sizes[to])
                each = LEAST * (sizes[to] + abs(float(network.weights[synapse])) + 2.0)
                lost[k] = lost[k] + self._back(synapse, size * lost[to] + each)
                most[k] = np.maximum(most[k], self._back(synapse, size * most[to]))
                counts[k] += counts[to]
                continuations += self._width_back(to)
            fan = max(fan, continuations)
        self._most_of = most
        self.count, self.total = counts[start], sums[start]
        self.size, self.lost = sizes[start], lost[start]
        self.longest = int(network.level[inside].max() - network.level[start])
        self.fan = fan

    # --- one synapse ------------------------------------------------------------------------------

    @cached_property
    def _rank(self) -> Indices:
        """Which of its target's synapses each synapse is."""
        incoming = self._network.incoming
        rank = np.empty(len(self._network.weights), dtype=np.intp)
        starts = np.repeat(incoming.start[:-1], incoming.sizes)
        rank[incoming.order] = np.arange(len(rank)) - starts
        return rank

    def _factor(self, synapse: int) -> Array:
        """The factor of a synapse: one row, or one for each position that a field hears."""
        network, to = self._network, int(self._network.targets[synapse])
        slopes = self._gates[to]
        if to not in network.interneurons:
            return np.asarray(network.weights[synapse] * slopes)
        field, i = network.interneurons[to].field, int(self._rank[synapse])
        width = 1 if field is None else field.width
        rows: Array = slopes[i * width : (i + 1) * width]
        return rows[0] if field is None else rows

    def _back(self, synapse: int, rows: Array) -> Array:
        """Take numbers from the target's positions back to the source's."""
        node = self._network.interneurons.get(int(self._network.targets[synapse]))
        if node is None or node.field is None:
            return rows
        wide = np.broadcast_to(rows, (node.field.width, rows.shape[-1]))
        return np.asarray(node.field.scatter_rows(np.ascontiguousarray(wide))[0])

    def _width_back(self, to: int) -> int:
        node = self._network.interneurons.get(to)
        return 1 if node is None or node.field is None else node.field.transpose().width

    def _forward(self, synapse: int, products: Array) -> Array:
        """Take products from the source's positions to the target's, through the synapse."""
        node = self._network.interneurons.get(int(self._network.targets[synapse]))
        factor = self._factor(synapse)
        if node is None or node.field is None:
            return products * factor
        return np.asarray((node.field.gather_rows(products[None], 0.0) * factor).sum(axis=0))

    # --- what the search asks ---------------------------------------------------------------------

    def _by_example(self, values: Array) -> Array:
        return np.asarray(values.reshape(self._batch, -1).sum(axis=1))

    def _bound(self, products: Array, node: int) -> float:
        return float(mean_of(self._by_example(np.abs(products) * self._most_of[node])))

    def _end(self, products: Array, node: int) -> Array:
        return self._by_example(products * self._ends[node])

    def _continue(self, products: Array, synapses: Indices) -> tuple[Sequence[Array], Array]:
        onward = [self._forward(synapse, products) for synapse in synapses.tolist()]
        if not all(np.isfinite(row).all() for row in onward):
            raise OverflowError
        ends = self._network.targets[synapses].tolist()
        bounds = [self._bound(row, to) for row, to in zip(onward, ends, strict=True)]
        return onward, np.array(bounds)
