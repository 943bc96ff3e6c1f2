"""What came of one step, as the world heard it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import Array, frozen

NOTHING = frozen(np.empty(0))


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """See `channels.EnvironmentPort`."""

    step: int
    said: Array  # the outputs' activations, (n_outputs, columns)
    losses: Array
    felt: Array
    commits: Array  # the port's own, until the next step begins

    @property
    def predictions(self) -> Array:
        """(batch, n_outputs)."""
        batch = len(self.losses) or self.said.shape[1]
        return frozen(np.ascontiguousarray(self.said[:, :batch].T))

    @property
    def loss(self) -> float:
        return float(np.add.accumulate(self.losses)[-1] / len(self.losses))
