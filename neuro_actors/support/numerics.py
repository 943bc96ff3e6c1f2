"""The numeric fingerprint: what the last bits of a run depend on, besides the run itself.

Two things differ between machines in their last bits: the functions of numpy and of the C library
(tanh, exp, erf, pow, …), and the order in which numpy adds, or whether it fuses a multiplication
with an addition. No version number says which they are: numpy chooses by the processor, and the C
library comes from the system. So the fingerprint contains, besides the versions, two digests of
what this machine computes at fixed points:

* `library`: the functions, each at some hundred points (`PROBES`).
* `additions`: the sums, over fixed arrays of several shapes.

Equal fingerprints mean equal bits. If `additions` alone are equal, sums of products are equal bit
for bit all the same, and only the values of functions differ.
"""

from __future__ import annotations

import hashlib
import math
import platform
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np

# numpy lists its CPU features nowhere else
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

from ..kernel import order
from .arrays import Array, freeze

# the entries that older files lack, in words
PROBED = {"library": "the C library", "additions": "the order of sums"}
_STEP = 0.06180339887  # no number in the grid but 0 has a short mantissa
_LARGE = (1.0, 2.0, 4.5, 6.0, 8.0, 10.0, 13.0, 17.0, 20.0, 27.7, 30.0, 37.0, 40.0, 100.0, 300.0)
_HUGE = (700.0, 709.7, 745.2, 1e3, 1e6, 1e15, 1e100, 1e300)
_SMALL = (0.5, 0.25, 1e-3, 1e-8, 2.0**-53, 1e-20, 1e-300, 2.0**-1074)


def _probes() -> Array:
    ends = np.array([0.0, *_SMALL, *_LARGE, *_HUGE])
    grid = np.arange(1, 161) * _STEP
    return freeze(np.concatenate([ends, -ends, grid, -grid]))


PROBES = _probes()  # the arguments of functions. Shape (384,)


def fingerprint(sums: str) -> dict[str, Any]:
    """Return the fingerprint of this machine, as the metadata of a log contain it.

    Args:
        sums: The name of the table of sums that the neurons use; see `neuron/sums.py`.
    """
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "numpy": np.__version__,
        "machine": platform.machine(),
        "cpu": sorted(name for name, found in _multiarray_umath.__cpu_features__.items() if found),
        "sums": sums,
        "blas": f"{blas['name']} {blas['version']}" if sums == "blas" else None,
        "library": _library(),
        "additions": _additions(sums),
    }


def differences(other: Any, sums: str) -> list[str]:
    """Describe each difference between another fingerprint and this machine's.

    What an older file lacks is no difference; see `unchecked`.

    Args:
        other: The fingerprint in a log or a checkpoint; it may be damaged.
        sums: The name of the table of sums that the neurons use.

    Returns:
        One text for each difference. Empty: equal bits can be promised.
    """
    here = fingerprint(sums)
    if not isinstance(other, dict):
        return ["it has none"]
    found = []
    for name, value in here.items():
        there = other.get(name)
        if name == "cpu" and isinstance(there, list) and there != value:
            found.append(f"CPU features: {_feature_differences(there, value)}")
        elif name in PROBED:
            if name in other and there != value:
                what = "functions give" if name == "library" else "sums have"
                found.append(f"{name}: its {what} other last bits")
        elif there != value:
            found.append(f"{name}: {there} there, {value} here")
    return found


def unchecked(other: Any) -> list[str]:
    """Return, in words, which probed entries a fingerprint of an older version lacks."""
    known = other if isinstance(other, dict) else {}
    return [words for name, words in PROBED.items() if name not in known]


def adds_equally(other: Any, sums: str) -> bool:
    """Return whether another machine's sums are known to have the bits of this machine's.

    Args:
        other: The fingerprint of the other machine.
        sums: The name of the table of sums that the neurons use.
    """
    return isinstance(other, dict) and other.get("additions") == _additions(sums)


def digest_of(results: Iterable[Array]) -> str:
    """Return the digest of some arrays, in hexadecimal. All NaNs are equal, and zeros are not.

    Args:
        results: Arrays of any shape.
    """
    found = hashlib.sha256()
    for values in results:
        numbers = np.array(values, dtype="<f8", order="C")
        numbers[np.isnan(numbers)] = np.nan
        found.update(repr(numbers.shape).encode() + numbers.tobytes())
    return found.hexdigest()


# --- what this machine computes -------------------------------------------------------------------


@cache
def _library() -> str:
    """Return the digest of the functions of numpy and of the C library."""
    z = PROBES
    numpy_ones: list[Callable[[Array], Array]] = [
        *(np.exp, np.expm1, np.tanh, np.sin, np.cos, np.arctan, np.sinh, np.cosh),
        lambda z: np.logaddexp(0.0, z),
        lambda z: np.log(np.abs(z)),
        lambda z: np.log1p(np.abs(z)),
        lambda z: np.sqrt(np.abs(z)),
        lambda z: np.power(np.abs(z), 0.3),
        lambda z: np.exp2(z),
    ]
    near = np.clip(z, -700.0, 700.0).tolist()
    powers = [base**count for base in (0.9, 0.999, 0.5, 0.97) for count in range(1, 65)]
    python_ones = [
        [function(v) for v in near]
        for function in (math.erf, math.erfc, math.exp, math.cos, math.sin, math.tanh)
    ]
    with np.errstate(all="ignore"):
        results = [function(z) for function in numpy_ones]
    return digest_of([*results, *map(np.array, python_ones), np.array(powers)])


_SHAPES = ((3, 1), (2, 2), (5, 2), (4, 3), (9, 4), (17, 9), (64, 33), (33, 64), (130, 7), (7, 515))


@cache
def _additions(sums: str) -> str:
    """Return the digest of what the sums of `neuron/sums.py` are made of."""
    results: list[Array] = []
    for n, columns in _SHAPES:
        rows, weights, values = _odd(n, columns), _odd(n, 1)[:, 0], _odd(columns, 1)[:, 0]
        in_order = order.sum_of_rows(weights[:, None] * rows)
        results += [
            in_order if columns > 1 else in_order + 0.0,
            order.product_sums(rows, values),
            order.sum_of_rows(rows),
            np.add.reduce(rows, 1),
            np.add.accumulate(rows.ravel())[-1:],
        ]
        if sums == "blas":
            results += [weights.dot(rows), rows.dot(values)]
    return digest_of(results)


def _odd(n: int, columns: int) -> Array:
    """Return fixed numbers between -2 and 2, with 53 random bits each. Shape (n, columns)."""
    k = np.arange(1, n * columns + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        other = k * np.uint64(0xC2B2AE3D27D4EB4F)
        mixed = k * np.uint64(0x9E3779B97F4A7C15) ^ (other >> np.uint64(29))
    return ((mixed >> np.uint64(11)).astype(np.float64) * 2.0**-51 - 2.0).reshape(n, columns)


def _feature_differences(there: list[Any], here: list[str]) -> str:
    only = {
        "there": [str(feature) for feature in there if feature not in here],
        "here": [feature for feature in here if feature not in there],
    }
    parts = [f"{side} alone {', '.join(features)}" for side, features in only.items() if features]
    return "; ".join(parts) or "in another order"
