"""Which parameters a text such as "h1.0", "h1.*" or "x0->h1.0" means."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from ..support.arrays import Indices
from ..support.errors import NetworkError
from ..support.text import did_you_mean, quote
from .synapse_name import ARROWS, possible_ends


def find_parameters(
    name: str, ids: Sequence[str], sources: Indices, targets: Indices
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Find the parameters that a text means.

    Args:
        name: The id of a neuron, for its bias and the weights of its incoming synapses; or two ids
            with "->" between them, for one weight. `*` stands for any text.
        ids: The id of each neuron.
        sources: The position of each synapse's source. Shape (n_synapses,).
        targets: The position of each synapse's target. Shape (n_synapses,).

    Returns:
        Which neurons' biases, shape (n_neurons,), and which weights, shape (n_synapses,).

    Raises:
        NetworkError: There are none.
    """
    if not isinstance(name, str):
        raise NetworkError(f"expected the id of a neuron, such as 'h1.*', got {quote(name)}")
    here = _matches(name, ids)
    if here.any():
        return here, here[targets]
    for a, b in possible_ends(name) if any(arrow in name for arrow in ARROWS) else ():
        found = _matches(a, ids)[sources] & _matches(b, ids)[targets]
        if found.any():
            return np.zeros(len(ids), dtype=bool), found
    raise NetworkError(
        f"no neuron and no synapse is named {quote(name)}; {did_you_mean(name, ids)}"
    )


def _matches(pattern: str, ids: Sequence[str]) -> NDArray[np.bool_]:
    if "*" not in pattern:
        return np.array([name == pattern for name in ids], dtype=bool)
    exact = "".join(f"[{c}]" if c in "?[" else c for c in pattern)  # only * has a meaning
    return np.array([fnmatchcase(name, exact) for name in ids], dtype=bool)
