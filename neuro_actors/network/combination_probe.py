"""What a combination gives at fixed points, by which it is known; see `function_identity.py`."""

from __future__ import annotations

from functools import cache

import numpy as np

from ..support.arrays import Array, freeze
from ..support.numerics import digest_of
from ..support.signal_exceptions import passes_handler_exceptions
from .combinations import Combination
from .function_probe import Identity, call_or_nan, has_numbers, make_identity, source_digest
from .own_functions import is_own

COLUMNS, SAMPLED = 23, 6  # of a probe, and how many of them are in the sample
MOST_ROWS = 4
MOST_KNOWN = 4096
_FIRST: dict[Combination, Identity] = {}


def known_combination(combination: Combination, *, is_new: bool = False) -> Identity:
    """Return the identity that a combination had when it was asked for first.

    Args:
        combination: The combination.
        is_new: Whether to ask it twice. If it gives other numbers then, it depends on more than
            its arguments, and has no digest.
    """
    try:
        known = _FIRST.get(combination)
    except TypeError:  # one of its parts is an object that compares by value
        return present_combination(combination, twice=is_new)
    if known is None:
        known = present_combination(combination, twice=is_new)
        if len(_FIRST) < MOST_KNOWN:
            _FIRST[combination] = known
    return dict(known)


@passes_handler_exceptions
def present_combination(combination: Combination, *, twice: bool = False) -> Identity:
    """Return the identity of a combination as it is now, as JSON.

    Args:
        combination: The combination.
        twice: Whether to ask it twice; see `known_combination`.
    """
    results, bends = _probe(combination)
    digest: str | None = digest_of([*results, _nothing(combination)])
    if not (has_numbers(results[::2]) and has_numbers(results[1::2])):
        digest = None  # it fails at all points, as any other function may
    if twice and digest != digest_of([*_probe(combination)[0], _nothing(combination)]):
        digest = None
    sample = np.concatenate([values[..., :SAMPLED].ravel() for values in results])
    is_users = is_own(combination)
    source = source_digest(combination.value, combination.slopes) if is_users else None
    return make_identity(digest, sample, source, digest_of(bends) if bends else None)


def _nothing(combination: Combination) -> Array:
    return np.array([np.nan if combination.nothing is None else combination.nothing])


def _probe(combination: Combination) -> tuple[list[Array], list[Array]]:
    """Values and slopes in turn; and bends, if it has any."""
    results, bends = [], []
    for x, d in _probes():
        value = call_or_nan(combination.value, x, shape=x.shape[1:])
        a = freeze(value.copy())
        results += [value, call_or_nan(combination.slopes, x, a, shape=x.shape)]
        if combination.bends is not None:
            bends.append(call_or_nan(combination.bends, x, a, d, shape=x.shape))
    return results, bends


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
