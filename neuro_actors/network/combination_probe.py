"""What a combination gives at fixed points, by which it is known; see `function_identity.py`."""

from __future__ import annotations

from functools import cache

import numpy as np

from ..support.arrays import Array, freeze
from .combinations import Combination
from .function_probe import Probed, call_or_nan, has_numbers

COLUMNS, SAMPLED = 23, 6  # of a probe, and how many of them are in the sample
MOST_ROWS = 4


def probe_combination(combination: Combination) -> Probed:
    """Ask a combination for its values and slopes, of one row to `MOST_ROWS`.

    Args:
        combination: The combination.
    """
    results, bends = [], []
    for x, d in _probes():
        value = call_or_nan(combination.value, x, shape=x.shape[1:])
        a = freeze(value.copy())
        results += [value, call_or_nan(combination.slopes, x, a, shape=x.shape)]
        if combination.bends is not None:
            bends.append(call_or_nan(combination.bends, x, a, d, shape=x.shape))
    sample = np.concatenate([values[..., :SAMPLED].ravel() for values in results])
    is_known = has_numbers(results[::2]) and has_numbers(results[1::2])
    nothing = np.array([np.nan if combination.nothing is None else combination.nothing])
    return Probed([*results, nothing], bends, sample, is_known)


@cache
def _probes() -> list[tuple[Array, Array]]:
    """Rows and directions, of one row to `MOST_ROWS`; some columns have ties, some zeros."""
    probes = []
    for n in range(1, MOST_ROWS + 1):
        k = np.arange(n * COLUMNS).reshape(n, COLUMNS)
        x, d = k * 37 % 101 / 32.0 - 1.5, k * 53 % 97 / 64.0 - 0.75
        x[:, ::7] = x[0, ::7]
        x[-1, 3::8] = 0.0
        x[:, 5] *= 40.0
        probes.append((freeze(x), freeze(d)))
    return probes
