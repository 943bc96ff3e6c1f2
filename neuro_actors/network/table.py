"""A network as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..support.validation import Indices
from .graph import Groups


def level_table(
    level: Indices,
    incoming: Groups,
    outgoing: Groups,
    activations: Sequence[str],
    is_input: NDArray[np.bool_],
) -> str:
    """One line a level: how many neurons, of which activations, how connected, how many parameters."""
    rows: list[tuple[str, ...]] = [
        ("level", "neurons", "fan-in", "fan-out", "parameters", "activations")
    ]
    fan_in, fan_out = incoming.sizes, outgoing.sizes
    for k in range(int(level.max()) + 1):
        here = np.flatnonzero(level == k).tolist()
        names = sorted({activations[i] for i in here if not is_input[i]}) or ["(inputs)"]
        n_parameters = int(fan_in[here].sum()) + int((~is_input[here]).sum())
        fans = (f"{f[here].min()} to {f[here].max()}" for f in (fan_in, fan_out))
        rows.append((str(k), f"{len(here):,}", *fans, f"{n_parameters:,}", ", ".join(names)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.rjust(w) for cell, w in zip(row[:-1], widths, strict=False)) + "  " + row[-1]
        for row in rows
    ]
    return "\n".join(lines)
