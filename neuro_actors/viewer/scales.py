"""How strong is strong: one scale for a whole run, since one for each step would flicker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..support.validation import Array
from .step_values import StepValues

if TYPE_CHECKING:
    from ..network.network import Network

MOST = 99.0  # per cent of the numbers of a step lie within its scale: one giant does not make all others pale


class Scales:
    """Collects what is strong in each step; the scale of a run is its strongest step's."""

    def __init__(self, network: Network) -> None:
        self._input = network.is_input
        self._from_input = network.is_input[network.sources]
        self._ends: list[tuple[float, float]] = []
        self._most: dict[str, float] = {}

    def add(self, before: Network, after: Network, said: StepValues) -> None:
        """One step: the network as it was, and as it became."""
        heard = said.activations[:, self._input]
        finite = heard[np.isfinite(heard)]
        if finite.size:
            low, high = np.percentile(finite, [100 - MOST, MOST])
            self._ends.append((float(low), float(high)))
        messages = before.weights * said.signal_urgencies[:, before.targets]
        self._reach("activation", said.activations[:, ~self._input])
        self._reach("urgency", said.urgencies)
        self._reach(
            "message", np.append(messages[:, ~self._from_input].ravel(), said.blame.ravel())
        )
        self._reach(
            "weight",
            before.weights[~self._from_input] if not self._from_input.all() else before.weights,
        )
        self._reach("pixelWeight", before.weights[self._from_input])
        self._reach("change", after.weights - before.weights)
        self._reach("target", said.targets)

    def _reach(self, name: str, values: Array) -> None:
        sizes = np.abs(values[np.isfinite(values)])
        strong = float(np.percentile(sizes, MOST)) if sizes.size else 0.0
        self._most[name] = max(self._most.get(name, 0.0), strong)

    def to_json(self) -> dict[str, object]:
        """For each name its scale; for `input` the least and the greatest."""
        low, high = (
            (sum(end) / len(end) for end in zip(*self._ends, strict=True))
            if self._ends
            else (0.0, 1.0)
        )
        return {name: most or 1.0 for name, most in self._most.items()} | {"input": [low, high]}
