"""The streams of a program that prints."""

from __future__ import annotations

import io
import logging
import sys
from contextlib import suppress
from typing import Any, TextIO


def show_all_characters() -> None:
    """Let the standard streams show characters that they cannot encode as escapes, such as \\u2192.

    A terminal or a pipe may take ASCII only; a text with another character raised an error.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_note(text: str) -> None:
    """Print a line on standard error, if it can be written: no run fails for want of a note.

    Args:
        text: The line.
    """
    with suppress(OSError, ValueError):  # a full disk, a closed stream
        print(text, file=sys.stderr, flush=True)


def warn(logger: logging.Logger, text: str) -> None:
    """Print a warning as a note, and log it for a program that has set up logging.

    Args:
        logger: The logger. Without handlers, Python itself would print the warning a second time.
        text: The warning.
    """
    print_note(f"neuro-actors: {text}")
    if logger.hasHandlers():
        logger.warning("%s", text)


class LenientStream:
    """A text stream that drops what cannot be written, for what is drawn beside a run.

    Args:
        stream: The stream that is written to. Its other attributes are this one's, too.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, if it can be written. Returns its length."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Write what waits, if it can be written."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        """Return whether the stream is a terminal; False if it does not say."""
        return is_terminal(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal; False if it is closed, or does not say."""
    try:
        return stream is not None and bool(stream.isatty())
    except (AttributeError, OSError, ValueError):
        return False
