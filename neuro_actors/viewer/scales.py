"""The scales of colours and sizes: one for a whole run, because one for each step would flicker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..support.arrays import Array
from ..support.means import MAX, mean_of, percentiles_of
from .position_rows import PositionRows
from .step_values import StepValues

if TYPE_CHECKING:
    from ..network.network import Network

# Per cent of a step's numbers that lie within its scale, so that one outlier does not make all
# others pale.
WITHIN = 99.0


class Scales:
    """Collects the size of the numbers in each step; a run's scale is that of its strongest step.

    Args:
        network: The network that ran.
    """

    def __init__(self, network: Network) -> None:
        rows = PositionRows(network.n_positions)
        self._input = rows.each(network.is_input)
        self._from_input = network.is_input[network.sources]
        self._plain = np.flatnonzero(~network.is_interneuron[network.targets] & ~self._from_input)
        self._at = rows.index(network.targets[self._plain])
        self._repeats = network.n_positions[network.targets[self._plain]]
        self._ends: list[tuple[float, float]] = []
        self._most: dict[str, float] = {}

    def add(self, before: Network, after: Network, values: StepValues) -> None:
        """Add a step.

        Args:
            before: The network with the parameters that the step began with.
            after: The network with the parameters after the step.
            values: The step's numbers.
        """
        inputs = values.activations[:, self._input]
        finite = inputs[np.isfinite(inputs)]
        if finite.size:
            low, high = percentiles_of(finite, [100 - WITHIN, WITHIN])
            self._ends.append((low, high))
        with np.errstate(all="ignore"):
            weights = np.repeat(before.weights[self._plain], self._repeats)
            messages = weights * values.signal_urgencies[:, self._at]
            change = np.clip(after.weights - before.weights, -MAX, MAX)
        self._reach("activation", values.activations[:, ~self._input])
        self._reach("urgency", values.urgencies)
        self._reach(
            "message",
            np.concatenate([messages.ravel(), values.messages.ravel(), values.blame.ravel()]),
        )
        self._reach(
            "weight",
            before.weights[~self._from_input] if not self._from_input.all() else before.weights,
        )
        self._reach("pixelWeight", before.weights[self._from_input])
        self._reach("change", change)
        self._reach("target", values.targets)

    def _reach(self, name: str, values: Array) -> None:
        sizes = np.abs(values[np.isfinite(values)])
        strong = percentiles_of(sizes, [WITHIN])[0] if sizes.size else 0.0
        self._most[name] = max(self._most.get(name, 0.0), strong)

    def to_json(self) -> dict[str, object]:
        """Return the greatest absolute value of each scale; for `input`, the least and greatest."""
        low, high = mean_of(self._ends, axis=0).tolist() if self._ends else (0.0, 1.0)
        return {name: most or 1.0 for name, most in self._most.items()} | {"input": [low, high]}
