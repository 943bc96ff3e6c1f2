"""A network in a line, and as a table.

Both count the same things: inputs, neurons, interneurons, delays, parameters that learn and frozen
ones, positions. Of a plain network, without interneurons, delays and several positions, the line
leaves out what its table shows level by level.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..support.arrays import Indices
from ..support.text import format_count, format_table
from .elements import Interneuron
from .field import Grid, show_grid
from .graph import Groups

LEVEL_HEADINGS = ("level", "neurons", "fan-in", "fan-out", "parameters", "frozen", "activations")
KINDS = ("input", "neuron", "interneuron", "delay")
LAYER_HEADINGS = (
    "layer", *(f"{kind}s" for kind in KINDS), "parameters", "frozen", "positions", "what"
)  # fmt: skip


class _Network(Protocol):
    """What is needed of `Network`, which imports this module."""

    ids: tuple[str, ...]
    activations: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: NDArray[np.float64]
    targets: Indices
    level: Indices
    is_input: NDArray[np.bool_]
    frozen_weights: NDArray[np.bool_]
    frozen_biases: NDArray[np.bool_]
    interneurons: dict[int, Interneuron]
    grids: tuple[Grid, ...]
    grid: Indices
    incoming: Groups
    outgoing: Groups

    @property
    def delays(self) -> Mapping[int, tuple[int, int]]: ...
    @property
    def depth(self) -> int: ...
    @property
    def is_interneuron(self) -> NDArray[np.bool_]: ...
    @property
    def n_parameters(self) -> Indices: ...


def network_line(network: _Network) -> str:
    """Return what a network consists of, in a line.

    Args:
        network: The network.
    """
    everyone = np.arange(len(network.ids))
    counts = [
        format_count(n, kind)
        for n, kind in zip(_count_kinds(network, everyone), KINDS, strict=True)
        if n or kind in ("input", "neuron")
    ]
    counts += [format_count(len(network.weights), "synapse")]
    counts += [format_count(len(network.outputs), "output")]
    fans = network.incoming.sizes[~network.is_input]
    fan = f"{fans.min()}" if fans.min() == fans.max() else f"{fans.min()} to {fans.max()}"
    line = f"{', '.join(counts)}; depth {network.depth}, fan-in {fan}"
    if _is_plain(network):
        return line
    learning, frozen = _count_parameters(network, _count_frozen(network), everyone)
    line += f"; {format_count(learning, 'parameter')}" + f", {frozen:,} frozen" * bool(frozen)
    if network.grids == ((),):
        return line
    return f"{line}; positions {_show_grids(network, everyone)}"


def network_table(network: _Network) -> str:
    """Return a table with a line for each level of a plain network; for each layer of another one.

    Args:
        network: The network.
    """
    rows = _level_rows(network) if _is_plain(network) else _layer_rows(network)
    table = format_table(_without_zeros(rows), last_is_text=True)
    return "\n".join(line.rstrip() for line in table.split("\n"))


def _is_plain(network: _Network) -> bool:
    return not network.interneurons and not network.delays and network.grids == ((),)


def _level_rows(network: _Network) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [LEVEL_HEADINGS]
    frozen = _count_frozen(network)
    is_input, fan_in, fan_out = network.is_input, network.incoming.sizes, network.outgoing.sizes
    for k in range(network.depth + 1):
        here = np.flatnonzero(network.level == k)
        names = {network.activations[i] for i in here.tolist() if not is_input[i]}
        fans = (f"{f[here].min()} to {f[here].max()}" for f in (fan_in, fan_out))
        counts = (f"{n:,}" for n in _count_parameters(network, frozen, here))
        what = ", ".join(sorted(names) or ["(inputs)"])
        rows.append((str(k), f"{len(here):,}", *fans, *counts, what))
    return rows


def _layer_rows(network: _Network) -> list[tuple[str, ...]]:
    """Return a row for each layer: what the ids before the first point say; and one for all."""
    layers: dict[str, list[int]] = {}
    for k, name in enumerate(network.ids):
        head, point, _ = name.partition(".")
        layers.setdefault(head if point else name.rstrip("0123456789") or name, []).append(k)
    rows: list[tuple[str, ...]] = [LAYER_HEADINGS]
    frozen = _count_frozen(network)
    combinations = {k: node.combination for k, node in network.interneurons.items()}
    for name, members in layers.items():
        activations = {network.activations[k] for k in members if network.n_parameters[k]}
        combined = {combinations[k] for k in members if k in combinations}
        what = ", ".join([*sorted(activations), *sorted(combined)])
        rows.append((name, *_counts(network, frozen, np.array(members)), what))
    everyone = np.arange(len(network.ids))
    return [*rows, ("all", *_counts(network, frozen, everyone), "")]


def _counts(network: _Network, frozen: Indices, here: Indices) -> tuple[str, ...]:
    numbers = (*_count_kinds(network, here), *_count_parameters(network, frozen, here))
    return (*(f"{n:,}" for n in numbers), _show_grids(network, here))


def _count_kinds(network: _Network, here: Indices) -> tuple[int, int, int, int]:
    """Return how many inputs, neurons, interneurons and delays are among some members."""
    delays = sum(k in network.delays for k in here.tolist()) if network.delays else 0
    inputs = int(network.is_input[here].sum()) - delays
    between = int(network.is_interneuron[here].sum()) if network.interneurons else 0
    return inputs, len(here) - inputs - between - delays, between, delays


def _count_frozen(network: _Network) -> Indices:
    """Return how many frozen parameters each neuron has. Shape (n_neurons,)."""
    owned = network.frozen_weights & ~network.is_interneuron[network.targets]
    found = np.bincount(network.targets[owned], minlength=len(network.ids))
    return np.asarray(found + network.frozen_biases)


def _count_parameters(network: _Network, frozen: Indices, here: Indices) -> tuple[int, int]:
    """Return how many parameters some members have that learn, and how many that are frozen.

    Each counts once, at however many positions it is used.
    """
    n_frozen = int(frozen[here].sum())
    return int(network.n_parameters[here].sum()) - n_frozen, n_frozen


def _show_grids(network: _Network, here: Indices) -> str:
    found = dict.fromkeys(network.grid[here].tolist())
    return ", ".join(show_grid(network.grids[g]) for g in found)


def _without_zeros(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Leave out the columns of interneurons, delays and frozen parameters where there are none."""
    optional = ("interneurons", "delays", "frozen")
    columns = list(zip(*rows, strict=True))
    shown = [c for c in columns if c[0] not in optional or set(c[1:]) != {"0"}]
    return list(zip(*shown, strict=True))
