"""The streams of a program that prints."""

from __future__ import annotations

import io
import sys


def show_all_characters() -> None:
    """Let the standard streams show characters that they cannot encode as escapes, such as \\u2192.

    A terminal or a pipe may take ASCII only; a text with another character raised an error.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
