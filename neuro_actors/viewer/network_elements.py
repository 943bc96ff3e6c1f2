"""What a network has besides plain neurons, for a page: `network` of its data has these entries.

A plain network has none of them, so its page is as large as if there were none. Positions of
neurons are indices into `network.ids`; "packed" means base64 of little-endian 32-bit whole numbers.

| entry | content |
| --- | --- |
| interneurons | [its position, its combination, its field's index in `fields` or −1] of each |
| combinations | the names of combinations that mean here what the package means by them |
| fields | the different fields: `name`, `width` (taps), `sources` and `grid` (indices in `grids`: |
| | where the sources live, and where the interneuron does), `positions` (packed, (positions of |
| | `grid`, width), row after row: which position of a source it hears; −1: none) |
| grids | the different grids of positions, as shapes: [28, 28]; [] is one position |
| grid | packed: the index in `grids` of each neuron's grid |
| frozenWeights, frozenBiases | packed: the synapses, the neurons whose parameter is frozen |
| delayed | of a cell: [position of a delay, of what it repeats, how many ticks later] of each |

The numbers of a step (`arrays` of each of `steps`) are matrices, one row for each example shown
and, if the batch has several, one of the means over the batch. A row of `activations`, `signals`,
`urgencies`, `slopes` and `signal_urgencies` has for each neuron, in order, one number for each of
its positions, counted through its grid, the last axis fastest. `targets` and `blame` have likewise
for each output. `losses` has one number: an example's loss is the sum over its positions. There is
one more array where interneurons are: `messages`, the urgencies that they sent back, for each
synapse whose target is an interneuron, in order, one number for each position of its source.

An interneuron has no z, slope and v: they are NaN. Only a dropout has a slope: its mask.

A round through time has three entries more: `tick` ([t, T], from 1 on), `back` (whether it makes
urgencies) and `sequence` (the number of the first round of its sequence). In its last round, back
to tick 1, `batch_wants` contains the urgencies of the parameters: the sums over all ticks.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..network.combinations import COMBINATIONS, PACKAGE_COMBINATIONS
from ..network.elements_json import combinations_of

if TYPE_CHECKING:
    from collections.abc import Set

    from ..network.field import Field
    from ..network.network import Network


def pack_whole(values: ArrayLike) -> str:
    """Return whole numbers as base64 of little-endian 32-bit numbers.

    Args:
        values: The numbers. Any shape.
    """
    return base64.b64encode(np.asarray(values).astype("<i4").tobytes()).decode()


def elements_of(network: Network, unknown: Set[str] = frozenset()) -> dict[str, Any]:
    """Return the entries, as in the table above; of a plain network none.

    Args:
        network: The network that ran.
        unknown: Names of combinations that are other ones here than in the run.
    """
    found: dict[str, Any] = {}
    fields: dict[Field, int] = {}
    if network.interneurons:
        found["interneurons"] = [
            [
                k,
                node.combination,
                -1 if node.field is None else fields.setdefault(node.field, len(fields)),
            ]
            for k, node in network.interneurons.items()
        ]
        found["combinations"] = [
            name
            for name in combinations_of(network)
            if name in PACKAGE_COMBINATIONS
            and name not in unknown
            and COMBINATIONS.get(name) is PACKAGE_COMBINATIONS[name]
        ]
    if len(network.grids) > 1:
        index = {grid: k for k, grid in enumerate(network.grids)}
        found["grids"] = [list(grid) for grid in network.grids]
        found["grid"] = pack_whole(network.grid)
    else:
        index = {network.grids[0]: 0}
    if fields:
        found["fields"] = [
            {
                "name": field.name,
                "width": field.width,
                "sources": index[field.sources],
                "grid": index[field.grid],
                "positions": pack_whole(field.positions),
            }
            for field in fields
        ]
    plain = ~network.is_interneuron
    weights = np.flatnonzero(network.frozen_weights & plain[network.targets])
    biases = np.flatnonzero(network.frozen_biases & plain & ~network.is_input)
    if len(weights):
        found["frozenWeights"] = pack_whole(weights)
    if len(biases):
        found["frozenBiases"] = pack_whole(biases)
    if network.delayed:
        found["delayed"] = [[k, *delay] for k, delay in network.delayed.items()]
    return found
