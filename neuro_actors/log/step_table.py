"""The table of steps that a notebook shows of a log."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..support.markup import Markup, element, table
from ..support.text import format_loss
from .steps import StepInfo
from .wording import format_call

SHOWN = 5  # steps at the beginning, and as many at the end
DOES = {"train": "learns", "predict": "predicts", "product": "product with the Hessian"}


def format_step_table(steps: Sequence[StepInfo], loss_of: Callable[[StepInfo], float]) -> Markup:
    """Return the first and the last steps as a table of HTML.

    Args:
        steps: All steps.
        loss_of: Returns the mean loss of a step, or NaN.
    """
    shown: list[StepInfo | None] = list(steps)
    if len(steps) > 2 * SHOWN:
        shown = [*steps[:SHOWN], None, *steps[-SHOWN:]]
    rows: list[list[object]] = []
    for info in shown:
        if info is None:
            rows.append(["…"] * 6)
            continue
        value = loss_of(info)
        loss = element("span", "" if value != value else format_loss(value))
        does = DOES.get(info.mode, info.mode) + ("" if info.whole else " (not finished)")
        optimizer = "" if info.optimizer is None else format_call(info.optimizer)
        rows.append([info.number, does, info.batch, loss, info.loss or "", optimizer])
    return table(("step", "what", "examples", "mean loss", "of", "by"), rows)
