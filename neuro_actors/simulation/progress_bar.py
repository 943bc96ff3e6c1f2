"""The bar that shows how far a training has come."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any

from .history import Epoch


class Bar:
    """The progress bar; where it is not shown, nothing.

    steps: how many there are.  done: how many were made before.  progress: None shows it where a terminal is.
    """

    def __init__(self, steps: int, progress: bool | None, done: int = 0) -> None:
        self.display: Any = nullcontext()
        self._last = ""
        self._shown = (
            sys.stderr is not None and sys.stderr.isatty() if progress is None else progress
        )
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

        words, said = TextColumn("{task.description}"), TextColumn("{task.fields[said]}")
        columns = (words, BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn(), said)
        self.display = Progress(*columns, console=Console(stderr=True))
        self._task = self.display.add_task("training", total=steps, completed=done, said="")

    def advance(self, loss: float) -> None:
        """One step is over; the mean loss of the epoch so far."""
        if self._shown:
            self.display.update(self._task, advance=1, said=self._last or f"loss {loss:.4f}")

    def finished(self, epoch: Epoch) -> None:
        """An epoch is over."""
        best = (
            epoch.validation_accuracy if epoch.validation_accuracy is not None else epoch.accuracy
        )
        self._last = f"loss {epoch.loss:.4f}" + (
            f", accuracy {best:.3f}" if best is not None else ""
        )
