"""The progress bar of a training run, on standard error."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any, TextIO, cast

from ..support.console import LenientStream, is_terminal
from ..support.text import format_loss
from .history import Epoch


class ProgressBar:
    """A progress bar. Where it is switched off, its methods do nothing.

    Enter `display` while the training runs: `with bar.display: …`.

    Attributes:
        display: The context manager that draws the bar.
    """

    def __init__(self, steps: int, progress: bool | None, done: int = 0) -> None:
        """Prepare the bar; nothing is drawn before `display` is entered.

        Args:
            steps: Number of steps of the whole run.
            progress: True shows the bar, False does not, None shows it on a terminal only.
            done: Number of steps that were done before, for a run that continues.
        """
        self.display: Any = nullcontext()
        self._last = ""
        stream = sys.stderr  # None in a program without a console
        shown = is_terminal(stream) if progress is None else progress
        self._shown = shown and stream is not None
        if not self._shown:
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        console = Console(file=cast(TextIO, LenientStream(stream)))
        title, result = TextColumn("{task.description}"), TextColumn("{task.fields[result]}")
        columns = (title, BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn(), result)
        self.display = Progress(*columns, console=console)
        self._task = self.display.add_task("training", total=steps, completed=done, result="")

    def advance(self, loss: float) -> None:
        """Count one more step.

        Args:
            loss: The epoch's mean loss so far. The bar shows it until the first epoch has ended.
        """
        if self._shown:
            self.display.update(self._task, advance=1, result=self._last or _describe(loss))

    def end_epoch(self, epoch: Epoch) -> None:
        """Show this epoch's result from now on."""
        best = (
            epoch.validation_accuracy if epoch.validation_accuracy is not None else epoch.accuracy
        )
        self._last = _describe(epoch.loss) + (f", accuracy {best:.3f}" if best is not None else "")


def _describe(loss: float) -> str:
    return f"loss {format_loss(loss)}"
