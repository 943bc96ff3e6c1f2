"""The history of a training run: one `Epoch` for each pass through the examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..network.masks import rows_that_count
from ..support.arrays import Array
from ..support.hints import explain_missing
from ..support.text import format_count, format_loss

CURVES = {  # of each panel: the label of a curve, and the field of `Epoch`
    "loss": {"loss": "loss", "validation loss": "validation_loss"},
    "accuracy": {"accuracy": "accuracy", "validation accuracy": "validation_accuracy"},
}


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


class History(tuple[Epoch, ...]):
    """The epochs of a run, as a tuple whose `repr` is short; `print(*history, sep="\\n")` is long.

    Examples:
        >>> import neuro_actors as na
        >>> net = na.Network.layered([1, 1], seed=0)
        >>> result = na.train(net, [[1.0]], [[2.0]], optimizer=na.SGD(0.1), epochs=10)
        >>> result.history
        <History: 10 epochs
          epoch 1: loss 1.4278
          …
          epoch 10: loss 0.0001>
    """

    __slots__ = ()

    if not TYPE_CHECKING:  # a type checker refuses unknown names by itself
        __getattr__ = explain_missing

    def panels(self) -> dict[str, dict[str, list[float]]]:
        """Return the curves of loss and accuracy by their labels, those that there are."""
        panels: dict[str, dict[str, list[float]]] = {}
        for title, curves in CURVES.items():
            for label, name in curves.items():
                values = [getattr(epoch, name) for epoch in self]
                if values and values[0] is not None:
                    panels.setdefault(title, {})[label] = values
        return panels

    def __repr__(self) -> str:
        shown = [str(epoch) for epoch in (self if len(self) < 4 else (self[0], "…", self[-1]))]
        head = f"<History: {format_count(len(self), 'epoch')}"
        return "\n  ".join([head, *shown]) + ">"

    def _repr_html_(self) -> str:
        from ..support.chart import draw_chart  # drawing is rare, and takes long to import
        from ..support.markup import Markup, block

        charts = [draw_chart(title, "epoch", curves) for title, curves in self.panels().items()]
        return block(*(Markup(chart.to_svg()) for chart in charts))


def accuracy(predictions: Array, targets: Array, threshold: float = 0.5) -> float | None:
    """Return the share of examples that are classified correctly.

    The decision rule depends on the targets:

    * One output: the prediction is class 1 if it is at least the threshold.
    * Several outputs, and each example's targets sum to 1: the greatest prediction is the class.
    * Several outputs otherwise: every output decides alone by it, and all must be right.

    Args:
        predictions: What the network predicted. Shape (n, *positions, n_outputs); each position
            counts as an example, if its targets count.
        targets: What it should have predicted. The same shape.
        threshold: The loss's `threshold`: 0.5 for probabilities, 0 for logits.

    Returns:
        The share, from 0 to 1; None unless all targets are 0 or 1.
    """
    if targets.ndim > 2:
        predictions, targets = (
            values.reshape(-1, values.shape[-1]) for values in (predictions, targets)
        )
    counts = rows_that_count(targets)
    predictions, targets = predictions[counts], targets[counts]
    if not len(targets) or not ((targets == 0) | (targets == 1)).all():
        return None
    if targets.shape[1] > 1 and (targets.sum(axis=1) == 1).all():
        return float(np.mean(predictions.argmax(axis=1) == targets.argmax(axis=1)))
    return float(np.mean(((predictions >= threshold) == targets).all(axis=1)))
