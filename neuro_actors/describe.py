"""A network as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .network import Network


def described(network: Network) -> str:
    """One line a level: how many neurons, of which activations, how connected, how many parameters."""
    rows: list[tuple[str, ...]] = [("level", "neurons", "fan-in", "fan-out", "parameters", "activations")]
    fan_in, fan_out = network.incoming.sizes, network.outgoing.sizes
    for k in range(network.depth + 1):
        here = np.flatnonzero(network.level == k)
        names = sorted({network.activations[i] for i in here if not network.is_input[i]}) or ["(inputs)"]
        n_parameters = int(fan_in[here].sum()) + int((~network.is_input[here]).sum())
        fans = (f"{f[here].min()} to {f[here].max()}" for f in (fan_in, fan_out))
        rows.append((str(k), f"{len(here):,}", *fans, f"{n_parameters:,}", ", ".join(names)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.rjust(w) for cell, w in zip(row[:-1], widths, strict=False)) + "  " + row[-1] for row in rows]
    return "\n".join([repr(network), *lines])
