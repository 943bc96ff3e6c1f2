"""The attributes of a neuron's rule: as slots, or as fields of the kernel, which C reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import kernel
from ..network.functions import Activation
from ..support.arrays import Array, Indices
from .messages import Step
from .neuron_state import NeuronState
from .sums import Sums


class PlainCell:
    """The attributes as slots; `LocalRule` says what they are."""

    __slots__ = (
        "activation",
        "activations_in",
        "fired",
        "frozen",
        "function",
        "id",
        "listening",
        "positions",
        "signal",
        "state",
        "sums",
    )

    if TYPE_CHECKING:
        activation: Array
        activations_in: Array
        fired: Step | None
        frozen: NDArray[np.bool_] | None
        function: Activation
        id: str
        listening: Indices | None
        positions: int
        signal: Array
        state: NeuronState
        sums: Sums


if TYPE_CHECKING:
    Cell = PlainCell
else:
    Cell: Any = kernel.calls.Cell if kernel.in_use else PlainCell
