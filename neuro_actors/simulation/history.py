"""The history of a training run: one `Epoch` for each pass through the examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..support.arrays import Array
from ..support.text import format_loss


@dataclass(frozen=True, slots=True)
class Epoch:
    """One entry of a training history; `str(epoch)` is one line of text.

    Attributes:
        epoch: The epoch's number: 1, 2, 3, …
        loss: Mean loss over the training examples. Each example counts as it was in its own
            step, before that step changed the weights.
        accuracy: Share of the training examples that were classified correctly, from 0 to 1,
            measured like `loss`. None unless all targets are 0 or 1 (see `accuracy`).
        validation_loss: Mean loss on the validation data after the epoch. None without such data.
        validation_accuracy: Accuracy on the validation data after the epoch. None without such
            data, or unless all of their targets are 0 or 1.

    Examples:
        >>> import neuro_actors as na
        >>> print(na.Epoch(3, loss=0.25, accuracy=0.9))
        epoch 3: loss 0.2500, accuracy 0.900
    """

    epoch: int
    loss: float
    accuracy: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None

    def __str__(self) -> str:
        parts = []
        for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
            value = getattr(self, name)
            if value is not None:
                form = format_loss(value) if "loss" in name else f"{value:.3f}"
                parts.append(f"{name.replace('_', ' ')} {form}")
        return f"epoch {self.epoch}: {', '.join(parts)}"


def accuracy(predictions: Array, targets: Array, threshold: float = 0.5) -> float | None:
    """Return the share of examples that are classified correctly.

    The decision rule depends on the targets:

    * One output: the prediction is class 1 if it is at least the threshold.
    * Several outputs, and each example's targets sum to 1: the greatest prediction is the class.
    * Several outputs otherwise: every output decides alone by it, and all must be right.

    Args:
        predictions: What the network predicted. Shape (n, n_outputs).
        targets: What it should have predicted. Shape (n, n_outputs).
        threshold: The loss's `threshold`: 0.5 for probabilities, 0 for logits.

    Returns:
        The share, from 0 to 1; None unless all targets are 0 or 1.
    """
    if not ((targets == 0) | (targets == 1)).all():
        return None
    if targets.shape[1] > 1 and (targets.sum(axis=1) == 1).all():
        return float(np.mean(predictions.argmax(axis=1) == targets.argmax(axis=1)))
    return float(np.mean(((predictions >= threshold) == targets).all(axis=1)))
