"""The progress of a training run, on standard error: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from time import monotonic
from typing import Any, TextIO, cast

from ..support.console import LenientStream, is_terminal
from ..support.text import format_loss
from .history import Epoch

SECONDS_BETWEEN_EPOCHS = 2.0  # at least, from one line to that of a later epoch
SECONDS_WITHIN_AN_EPOCH = 10.0  # after so long without a line, a step has one


class ProgressBar:
    """The progress of a run. Where it is switched off, its methods do nothing.

    On a terminal and in a notebook it is a bar. Elsewhere, as in a file, it is lines: of the first
    epoch, of the last one, and every few seconds of one between.

    Enter `display` while the training runs: `with bar.display: …`.

    Attributes:
        display: The context manager that draws the bar.
    """

    def __init__(self, steps: int, progress: bool | None, done: int = 0) -> None:
        """Prepare the bar; nothing is drawn before `display` is entered.

        Args:
            steps: Number of steps of the whole run.
            progress: True shows it, False does not, None shows it on a terminal only.
            done: Number of steps that were done before, for a run that continues.
        """
        self.display: Any = nullcontext()
        self._last = ""
        self._lines: _Lines | None = None
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

        lenient = cast(TextIO, LenientStream(stream))
        console = Console(file=lenient)
        if not (console.is_terminal or console.is_jupyter):
            self._lines = _Lines(lenient, steps, done)
            return
        title, result = TextColumn("{task.description}"), TextColumn("{task.fields[result]}")
        columns = (title, BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn(), result)
        self.display = Progress(*columns, console=console)
        self._task = self.display.add_task("training", total=steps, completed=done, result="")

    def advance(self, loss: float) -> None:
        """Count one more step.

        Args:
            loss: The epoch's mean loss so far. The bar shows it until the first epoch has ended.
        """
        if self._lines is not None:
            self._lines.end_step(_describe(loss))
        elif self._shown:
            self.display.update(self._task, advance=1, result=self._last or _describe(loss))

    def end_epoch(self, epoch: Epoch) -> None:
        """Show this epoch's result from now on."""
        if self._lines is not None:
            self._lines.end_epoch(str(epoch))
        best = (
            epoch.validation_accuracy if epoch.validation_accuracy is not None else epoch.accuracy
        )
        self._last = _describe(epoch.loss) + (f", accuracy {best:.3f}" if best is not None else "")


class _Lines:
    """Progress as lines.

    Args:
        stream: Where they are written.
        steps: Number of steps of the whole run.
        done: Number of steps that are done.
    """

    def __init__(self, stream: TextIO, steps: int, done: int) -> None:
        self._stream, self._steps, self._done = stream, steps, done
        self._epoch_due = monotonic()
        self._step_due = self._epoch_due + SECONDS_WITHIN_AN_EPOCH

    def end_step(self, loss: str) -> None:
        """Count one more step, and print its line if there was none for long."""
        self._done += 1
        if monotonic() >= self._step_due:
            self._print(f": {loss}")

    def end_epoch(self, result: str) -> None:
        """Print the line of an epoch if it is time, or if it is the last one."""
        if monotonic() >= self._epoch_due or self._done == self._steps:
            self._print(f", {result}")

    def _print(self, text: str) -> None:
        self._stream.write(f"step {self._done:,} of {self._steps:,}{text}\n")
        self._stream.flush()
        now = monotonic()
        self._epoch_due = now + SECONDS_BETWEEN_EPOCHS
        self._step_due = now + SECONDS_WITHIN_AN_EPOCH


def _describe(loss: float) -> str:
    return f"loss {format_loss(loss)}"
