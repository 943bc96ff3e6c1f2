"""A network with delays, seen in one tick: its cell.

In one tick a delay is two nodes. One is an input: it says what the delay repeats, and has the
delay's own id. The other one is an interneuron: it receives what the delay will repeat, and is an
output. So the cell is a network without delays, and every message of a tick is an ordinary one. The
environment repeats what goes from one tick to another.

The cell has the neurons and synapses of the network in the same order, and those of the delays'
second nodes behind them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..support.arrays import Indices
from ..support.errors import NetworkError
from .elements import Interneuron
from .field import show_grid
from .network import Network
from .passes import count_passes


@dataclass(frozen=True, slots=True)
class DelayRows:
    """Where a cell's delays are among its inputs. Its last outputs are what they hear.

    Attributes:
        inputs: The rows of x that are inputs of the network. Shape (n_inputs,).
        delays: The rows that are delays, in the order of `ticks`. Shape (n_delays,).
        ticks: How many ticks later each delay repeats what it hears; earlier if it is negative.
    """

    inputs: Indices
    delays: Indices
    ticks: tuple[int, ...]

    @classmethod
    def of(cls, cell: Network) -> DelayRows:
        """Return the rows of a cell."""
        row = np.cumsum(cell.is_input) - 1
        is_delay = np.zeros(len(cell.ids), dtype=bool)
        is_delay[list(cell.delayed)] = True
        ticks = tuple(ticks for _, ticks in cell.delayed.values())
        return cls(row[cell.is_input & ~is_delay], row[list(cell.delayed)], ticks)


def check_cell(cell: Network) -> None:
    """Check that a network is a cell: that its delays' second nodes are where they must be.

    Args:
        cell: The network, with `delayed`.

    Raises:
        NetworkError: It is none.
    """
    hears = [of for of, _ in cell.delayed.values()]
    n, count = len(cell.ids), len(hears)
    behind = list(range(n - count, n))
    parts = hears, cell.targets[-count:].tolist(), cell.output_positions[-count:].tolist()
    are_sums = all(
        k in cell.interneurons and cell.interneurons[k].combination == "sum" for k in behind
    )
    if any(part != behind for part in parts) or not are_sums:
        raise NetworkError("its delays are not those of a network's cell")


def whole_network(cell: Network) -> Network:
    """Return the network that a cell was made of, with the cell's parameters.

    Args:
        cell: The cell. A network without delays is returned as it is.
    """
    if not cell.delayed:
        return cell
    count = len(cell.delayed)
    n, m = len(cell.ids) - count, len(cell.weights) - count
    sources = cell.sources[m:].tolist()
    network = Network.__new__(Network)
    network._set(
        ids=cell.ids[:n],
        is_input=cell.is_input[:n],
        activations=cell.activations[:n],
        interneurons={k: node for k, node in cell.interneurons.items() if k < n},
        delays={
            k: (of, ticks)
            for (k, (_, ticks)), of in zip(cell.delayed.items(), sources, strict=True)
        },
        input_grids={
            int(k): grid
            for k in np.flatnonzero(cell.is_input)
            if (grid := cell.grids[cell.grid[k]]) and int(k) not in cell.delayed
        },
        frozen_weights=cell.frozen_weights[:m],
        frozen_biases=cell.frozen_biases[:n],
        biases=cell.biases[:n],
        sources=cell.sources[:m],
        targets=cell.targets[:m],
        weights=cell.weights[:m],
        output_positions=cell.output_positions[:-count],
    )
    network.needs_rule = cell.needs_rule
    return network


def make_cell(network: Network) -> Network:
    """Return the cell of a network.

    Args:
        network: The network.

    Raises:
        NetworkError: Inputs and delays, or outputs and delays, live at different positions. Or a
            neuron hears itself by way of an earlier and of a later tick.
    """
    n, delays = len(network.ids), list(network.delays.items())
    hears = [Interneuron(f"to {network.ids[k]}", "sum") for k, _ in delays]
    for node in hears:
        if node.id in network.position:
            raise NetworkError(f"neuron {node.id!r}: a delay needs this id itself: choose another")
    for what, grid in (("inputs", network.input_grid), ("outputs", network.output_grid)):
        for k, _ in delays:
            its_grid = network.grids[network.grid[k]]
            if its_grid != grid:
                raise NetworkError(
                    f"delay {network.ids[k]!r} lives at {show_grid(its_grid)}, and the {what} at "
                    f"{show_grid(grid)}: in one tick both come from the environment, or go there, "
                    "in messages of one size; let them live at the same positions, or lead the "
                    "delay there and back by interneurons with a field, such as na.field.gather(…)"
                )
    behind = np.arange(n, n + len(delays))
    sources = np.array([of for _, (of, _) in delays], dtype=np.intp)
    frozen = np.ones(len(delays), dtype=bool)
    cell = Network.__new__(Network)
    cell._set(
        ids=(*network.ids, *(node.id for node in hears)),
        is_input=np.append(network.is_input, ~frozen),
        activations=(*network.activations, *("identity" for _ in hears)),
        interneurons=network.interneurons | dict(zip(behind.tolist(), hears, strict=True)),
        input_grids={
            int(k): grid
            for k in np.flatnonzero(network.is_input)
            if (grid := network.grids[network.grid[k]])
        },
        frozen_weights=np.append(network.frozen_weights, frozen),
        frozen_biases=np.append(network.frozen_biases, ~frozen),
        biases=np.append(network.biases, np.zeros(len(delays))),
        sources=np.append(network.sources, sources),
        targets=np.append(network.targets, behind),
        weights=np.append(network.weights, np.ones(len(delays))),
        output_positions=np.append(network.output_positions, behind),
    )
    cell.needs_rule = network.needs_rule
    cell.delayed = {
        k: (hears, ticks) for (k, (_, ticks)), hears in zip(delays, behind.tolist(), strict=True)
    }
    count_passes(cell)  # or it is refused
    return cell
