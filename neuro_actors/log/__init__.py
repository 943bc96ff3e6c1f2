"""The message log: every message of a run in one Arrow IPC stream. `schema` says what it holds.

pyarrow, which it is made with, is imported where a log is written or opened.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from .recording import Recording

if TYPE_CHECKING:
    from .log import Log

__all__ = ["Recording", "open_log"]


def open_log(path: str | PathLike[str]) -> Log:
    """Open a message log, also one that is being written, or was cut off; see `neuro_actors.log.log.Log`.

    Raises `LogError` for what is no message log.
    """
    from .log import Log

    return Log(path)
