"""The numeric fingerprint: on what the last bits of a run depend, beside the run itself.

numpy's sums give the same bits everywhere, but its tanh, exp and the like differ in their last bit with the vector units
that numpy finds at run time; with `sums="blas"` the BLAS library counts too. Equal fingerprints, equal bits.
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]  # numpy tells its CPU features nowhere else


def fingerprint(sums: str) -> dict[str, Any]:
    """What stands in a log's metadata. sums: by which calls neurons add; see `sums.py`."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "numpy": np.__version__,
        "machine": platform.machine(),
        "cpu": sorted(name for name, found in _multiarray_umath.__cpu_features__.items() if found),
        "sums": sums,
        "blas": f"{blas['name']} {blas['version']}" if sums == "blas" else None,
    }


def differences(held: Any, sums: str) -> list[str]:
    """In words, each thing in which the fingerprint of a log is not that of this machine; none: bits can be promised."""
    here = fingerprint(sums)
    if not isinstance(held, dict):
        return ["it has none"]
    found = []
    for name, value in here.items():
        other = held.get(name)
        if name == "cpu" and isinstance(other, list) and other != value:
            only = {
                "there": [str(f) for f in other if f not in value],
                "here": [f for f in value if f not in other],
            }
            told = "; ".join(
                f"{side} alone {', '.join(more)}" for side, more in only.items() if more
            )
            found.append(f"CPU features: {told or 'in another order'}")
        elif other != value:
            found.append(f"{name}: {other} there, {value} here")
    return found
