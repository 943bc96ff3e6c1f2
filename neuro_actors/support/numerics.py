"""The numeric fingerprint: what the last bits of a run depend on, besides the run itself.

numpy's sums give the same bits everywhere. Its tanh, exp and similar functions differ in their last
bit with the vector units that numpy finds at run time; with `sums="blas"` the BLAS library counts
too. Equal fingerprints mean equal bits.
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

# numpy lists its CPU features nowhere else
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]


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
    }


def differences(other: Any, sums: str) -> list[str]:
    """Describe each difference between another fingerprint and this machine's.

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
        elif there != value:
            found.append(f"{name}: {there} there, {value} here")
    return found


def _feature_differences(there: list[Any], here: list[str]) -> str:
    only = {
        "there": [str(feature) for feature in there if feature not in here],
        "here": [feature for feature in here if feature not in there],
    }
    parts = [f"{side} alone {', '.join(features)}" for side, features in only.items() if features]
    return "; ".join(parts) or "in another order"
