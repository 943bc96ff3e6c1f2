"""The message log: one Arrow IPC stream that contains every message of a run, and its readers.

Imports from `support`, `network`, `neuron`, `channels` and `rules` alone. pyarrow is imported when
a log is written or opened, not before. Start with `schema`, which documents the columns; `log` has
the class that `open_log` returns.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from .recording_settings import Recording

if TYPE_CHECKING:
    from .log import Log

__all__ = ["Recording", "open_log"]


def open_log(path: str | PathLike[str]) -> Log:
    """Open a message log for reading.

    A log may be incomplete: it is still written, or its run was killed. It is read as far as it is
    whole.

    Args:
        path: The log file.

    Returns:
        The opened log; see `neuro_actors.log.log.Log`.

    Raises:
        LogError: The file cannot be read, or it is not a message log.
    """
    from .log import Log

    return Log(path)
