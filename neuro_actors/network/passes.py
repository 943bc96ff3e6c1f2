"""How often a cell goes through a sequence, there and back, until each neuron has heard all.

A delay repeats what was said in an earlier tick, or, with a negative number of ticks, what is said
in a later one. Passes 1, 3, … go from the first tick to the last, so a delay that hears an earlier
tick hears what was said in the same pass. Passes 2, 4, … go from the last tick to the first, so
there one that hears a later tick does. So what a neuron says is right from some pass on:

    an input        pass 1
    a neuron        the latest of its sources
    a delay         that of what it repeats, or the next pass that goes its way

One layer in both directions needs two passes, two such layers need three, a network without later
ticks one. What hears itself by way of an earlier and of a later tick is never right: it is refused.
"""

from __future__ import annotations

import numpy as np

from ..support.errors import NetworkError
from .network import Network


def count_passes(cell: Network) -> int:
    """Return how many passes a cell needs.

    Args:
        cell: The cell of a network with delays, see `cell.py`.

    Raises:
        NetworkError: A neuron hears itself by way of an earlier and of a later tick.
    """
    if all(ticks > 0 for _, ticks in cell.delayed.values()):
        return 1
    order = np.argsort(cell.level[cell.targets], kind="stable")
    levels = np.split(order, np.flatnonzero(np.diff(cell.level[cell.targets[order]])) + 1)
    right = np.zeros(len(cell.ids), dtype=np.intp)  # from which pass on, counted from 0
    while True:
        for synapses in levels:
            np.maximum.at(right, cell.targets[synapses], right[cell.sources[synapses]])
        before = right.copy()
        for k, (of, ticks) in cell.delayed.items():
            goes_its_way = (ticks > 0) == (right[of] % 2 == 0)
            right[k] = right[of] + (not goes_its_way)
            if right[k] > len(cell.delayed):
                raise NetworkError(
                    f"delay {cell.ids[k]!r}: a neuron hears itself by way of an earlier and of a "
                    "later tick, so neither direction can begin: let all delays of a circle have "
                    "ticks of one sign"
                )
        if (right == before).all():
            return int(right.max()) + 1
