"""Ctrl-C and SIGTERM while a run has checkpoints.

1. The first signal lets the current step end; the run is saved and stops.
2. The second one does at once what it would have done without checkpoints.
3. When the run has stopped and its society is closed, the first signal is delivered after all.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType, TracebackType

from ...support.console import print_note
from ...support.signal_handlers import SignalHandlers

SIGNALS = (signal.SIGINT, signal.SIGTERM)
NOTICE = "\nneuro-actors: stopping when this step is over and saved; once more to leave at once\n"


class TrainingStopped(BaseException):
    """A signal stopped the run, and the run is saved.

    Attributes:
        number: The signal's number.
        message: What to print when everything is closed.
    """

    def __init__(self, number: int, message: str) -> None:
        super().__init__(number, message)
        self.number, self.message = number, message

    def deliver(self) -> BaseException:
        """Print the message, then do what the signal would have done.

        Returns:
            What to raise: KeyboardInterrupt after Ctrl-C; SystemExit after SIGTERM, if its
            handler lets the process live.
        """
        print_note(self.message)
        if self.number == signal.SIGINT:
            return KeyboardInterrupt()
        signal.raise_signal(self.number)
        return SystemExit(128 + self.number)  # a handler of the user's own has received it


class StopSignals(SignalHandlers):
    """A context manager that notes the first signal instead of letting it interrupt the run.

    In another thread than the main one, and for a signal that is ignored, it changes nothing:
    Python allows handlers in the main thread only, and under `nohup` a run must not stop.

    Attributes:
        received: The number of the signal that came, or None.
    """

    def __init__(self) -> None:
        super().__init__()
        self.received: int | None = None

    def __enter__(self) -> StopSignals:
        self.take(lambda: [n for n in SIGNALS if signal.getsignal(n) not in (signal.SIG_IGN, None)])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.give_back()

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal, and let the next one do what it would have done.

        Args:
            number: The signal's number.
            frame: What it has interrupted.
        """
        self.received = number
        self.give_back()
        with suppress(OSError):
            os.write(2, NOTICE.encode())  # print may not be called within a signal handler
