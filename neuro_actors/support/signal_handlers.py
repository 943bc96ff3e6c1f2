"""Signals that a block of code handles itself, and gives back at its end.

Handlers belong to the whole process. So:

1. Signals are taken in the main thread alone: Python allows handlers nowhere else.
2. However the block ends, all handlers before are put back. An interrupt that strikes while they
   are put back does not leave one behind.
3. A handler that was set in the meantime stays.
"""

from __future__ import annotations

import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any


class SignalHandlers(ABC):
    """A base for context managers that handle signals.

    Attributes:
        before: The handler of each signal before this one, also after it was put back: a handler
            that was set in the meantime may call `handle`.
    """

    def __init__(self) -> None:
        """Take nothing yet."""
        self.before: dict[int, Any] = {}
        self._taken: list[int] = []

    @abstractmethod
    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal, as Python calls its handlers.

        Args:
            number: The signal's number.
            frame: What it has interrupted.
        """

    @property
    def is_taken(self) -> bool:
        """Whether a signal is taken and not given back."""
        return bool(self._taken)

    def take(self, choose: Callable[[], Iterable[int]]) -> None:
        """Handle some signals from now on. Does nothing in another thread than the main one.

        Args:
            choose: Returns the signals. It is called in the main thread alone.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        try:
            for number in choose():
                self.before[number] = signal.getsignal(number)
                self._taken.append(number)
                signal.signal(number, self.handle)
        except BaseException:
            self.give_back()
            raise

    def give_back(self) -> None:
        """Put back the handlers before."""
        try:
            while self._taken:
                number = self._taken[-1]
                if signal.getsignal(number) == self.handle:  # else another one was set meanwhile
                    signal.signal(number, self.before[number])
                self._taken.remove(number)
        except BaseException:  # of a handler that is back already, or a Ctrl-C
            self.give_back()
            raise
