"""The kernel: the sums, and a neuron's phases, compiled from C, with the bits of the Python code.

The Python code is the law: `order.py` and `neuron/sums.py` define the sums, `neuron/local_rule.py`
what a neuron does. The kernel computes the same, faster, in the usual case; whatever else comes, it
hands to the Python code. The package is installed without the kernel, and complete. In a clone
`python setup.py build_ext --inplace` compiles it.

    >>> import neuro_actors as na
    >>> na.kernel.in_use, na.kernel.reason  # doctest: +SKIP
    (True, 'compiled')

NEURO_ACTORS_KERNEL=0 in the environment turns it off, for a process and those that it starts.

This folder imports from no other folder of the package. Start with `order.py`.

Files:

    order.py      in which order each sum adds, in numpy: the definition
    arithmetic.h  the same sums in C, without Python and numpy
    functions.h   activation functions in C, by numpy's own loops
    compiled.c    the functions and the class that Python sees
    compiled.pyi  their types
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from .order import Calls, keeps_order

VARIABLE = "NEURO_ACTORS_KERNEL"


def _load() -> tuple[Any, str]:
    """Return the compiled module, or None, and the reason."""
    wanted = os.environ.get(VARIABLE, "").strip() or "1"
    if wanted not in ("0", "1"):
        raise ImportError(f"the environment variable {VARIABLE} must be 0 or 1, got {wanted!r}")
    if wanted == "0":
        return None, f"turned off by {VARIABLE}=0"
    try:
        compiled: Any = importlib.import_module(f"{__name__}.compiled")
    except ImportError as error:
        advice = "in a clone, python setup.py build_ext --inplace"
        return None, f"not compiled ({error}): {advice}"
    if not keeps_order(Calls(compiled.weighted_sum, compiled.sum_of_rows, compiled.mean_products)):
        return None, "refused: it adds in another order than the one that is defined"
    return compiled, "compiled"


calls, reason = _load()
"""The compiled module, or None; and why it is in use, or why not."""
in_use = calls is not None
