"""Which optimizer a `repr` stands for: the updates that it makes at fixed points.

An optimizer of the user's own, or one with a schedule of the user's own, is known to logs and
checkpoints by its `repr`. Another class may have the same one. So its identity is carried along, as
that of functions is; see `network/function_identity.py`. The package's own optimizers need none:
their names and numbers say all.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np

from ..network.function_probe import Identity, make_identity, source_digest
from ..support.arrays import Array, freeze
from ..support.numerics import digest_of
from ..support.signal_exceptions import passes_handler_exceptions
from .optimizer_json import KNOWN
from .optimizers import Optimizer

COUNTS = (1, 2, 3, 4, 5, 7, 10, 31, 100, 317, 1000, 10_007)
_PARAMETERS = freeze(np.array([0.5, -1.25, 0.0, 2.0, -0.0625]))
_URGENCIES = freeze(np.array([0.25, 0.75, -1.5, 0.0, -0.0078125]))


def is_own(optimizer: Optimizer) -> bool:
    """Return whether an optimizer, or its schedule, is the user's own."""
    parts = [optimizer]
    schedule = getattr(optimizer, "learning_rate", None)
    if callable(schedule):
        parts.append(schedule)
    return not all(type(part) in KNOWN.values() for part in parts)


@passes_handler_exceptions
def optimizer_identity(optimizer: Optimizer) -> Identity | None:
    """Return the identity of an optimizer, as JSON.

    Args:
        optimizer: The optimizer. Copies of it are asked.

    Returns:
        The identity. None if it makes no update of five parameters, or not twice the same.
    """
    results, again = _updates(optimizer), _updates(optimizer)
    if results is None or again is None or digest_of(results) != digest_of(again):
        return None
    sample = np.concatenate([part for part in results if part.shape == (5,)])
    return make_identity(digest_of(results), sample, source_digest(type(optimizer)))


def _updates(optimizer: Optimizer) -> list[Array] | None:
    """Return what a copy of the optimizer makes of fixed parameters and urgencies."""
    results: list[Array] = []
    try:
        with np.errstate(all="ignore"):
            optimizer = deepcopy(optimizer)  # one with a random generator in it must not notice
            parameters, state = _PARAMETERS, optimizer.start(len(_PARAMETERS))
            for count in COUNTS:
                urgencies = freeze(_URGENCIES * (1.0 + 0.5 * (count % 3)))
                found, state = optimizer.update(parameters, urgencies, state, count)
                parameters = freeze(np.array(found, dtype=np.float64))
                if parameters.shape != _PARAMETERS.shape:
                    return None
                results += [parameters, *(np.array(part, dtype=np.float64) for part in state)]
    except Exception:
        return None
    return results
