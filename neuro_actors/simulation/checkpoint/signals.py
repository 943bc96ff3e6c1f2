"""Ctrl-C and SIGTERM, while a run is kept: the first lets the step end and be saved, the second leaves at once."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAID = "\nneuro-actors: stopping when this step is over and saved; once more to leave at once\n"


class Stopped(BaseException):
    """The run was asked to stop, and is saved."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def leave(self) -> NoReturn:
        """When all is closed: what the signal would have done."""
        if self.number == signal.SIGINT:
            raise KeyboardInterrupt
        signal.raise_signal(self.number)
        raise SystemExit(
            128 + self.number
        )  # somebody's handler has seen it, and the process still lives


class Stopping:
    """`with` it, in trio: a signal is noted in `asked`, and the next one finds the handlers that were there before.

    In another thread than the main one, and where a signal is ignored, it changes nothing.
    """

    def __init__(self) -> None:
        self.asked: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stopping:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.getsignal(number)
                if before not in (signal.SIG_IGN, None):
                    self._before[number] = before
                    signal.signal(number, self._noted)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def _noted(self, number: int, frame: object) -> None:
        self.asked = number
        self._restore()
        with suppress(OSError):
            os.write(2, SAID.encode())

    def _restore(self) -> None:
        while self._before:
            number, before = self._before.popitem()
            signal.signal(number, before)
