"""What a training tells: one entry an epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..support.validation import Array


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of the history.

    epoch: 1, 2, 3, …  loss: the mean over the epoch's examples, each as it was when its batch came.
    accuracy: likewise; None unless the targets are classes (see `accuracy`).
    validation_loss, validation_accuracy: on the validation data after the epoch; None without such data.
    """

    epoch: int
    loss: float
    accuracy: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None

    def __str__(self) -> str:
        parts = [f"epoch {self.epoch}: loss {self.loss:.4f}"]
        for name in ("accuracy", "validation_loss", "validation_accuracy"):
            value = getattr(self, name)
            if value is not None:
                parts.append(f"{name.replace('_', ' ')} {value:.{4 if 'loss' in name else 3}f}")
        return ", ".join(parts)


def accuracy(predictions: Array, targets: Array) -> float | None:
    """The share of examples decided rightly; None unless all targets are 0 or 1.

    One output decides for 1 from 0.5 on; of several, one of which is the target, the greatest decides; where several or
    none may be, each from 0.5 on.
    """
    if not ((targets == 0) | (targets == 1)).all():
        return None
    if targets.shape[1] > 1 and (targets.sum(axis=1) == 1).all():
        return float(np.mean(predictions.argmax(axis=1) == targets.argmax(axis=1)))
    return float(np.mean(((predictions >= 0.5) == targets).all(axis=1)))
