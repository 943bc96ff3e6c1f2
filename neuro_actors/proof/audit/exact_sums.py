"""Where a sum of products has no rounding at all, in whatever order it is computed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...support.arrays import Array, Indices


def is_exact_sum(weights: Array, rows: Array) -> NDArray[np.bool_]:
    """Return where Σ weights[i] · rows[i] has no rounding, in whatever order it is computed.

    So it is if all products have at most 53 bits, and are multiples of one unit, and the sum of
    their sizes is less than 2^53 units. The test is sufficient, not necessary.

    Args:
        weights: The weights. Shape (n,).
        rows: The rows. Shape (n, batch).

    Returns:
        One truth value for each column. Shape (batch,).
    """
    (bits, units), (row_bits, row_units) = _bits(weights[:, None]), _bits(rows)
    matters = (weights[:, None] != 0) & (rows != 0)
    unit = np.where(matters, units + row_units, 2048).min(axis=0)
    sizes = np.abs(weights) @ np.abs(rows)
    fits = np.where(matters, bits + row_bits, 0).max(axis=0) <= 53
    normal = (unit >= -1022) & np.isfinite(sizes)
    below = np.frexp(sizes)[1] < 53 + unit
    return np.asarray((fits & normal & below) | ~matters.any(axis=0))


def _bits(values: Array) -> tuple[Indices, Indices]:
    """Return how many bits each number has, and the exponent of the last of them."""
    mantissas, exponents = np.frexp(np.abs(values))
    whole = (mantissas * 2.0**53).astype(np.int64)
    zeros = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    zeros = np.where(whole == 0, 0, zeros)
    return (53 - zeros).astype(np.intp), (exponents - 53 + zeros).astype(np.intp)
