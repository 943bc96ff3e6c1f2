"""The message log: one Arrow IPC stream that contains every message of a run, and its readers.

Imports from `support`, `network`, `neuron`, `channels` and `rules` alone. pyarrow is imported when
a log is written or opened, not before. Start with `schema.py`, which documents the columns;
`log.py` has the class that `open_log` returns.

Files:

    Both:
        schema.py              the columns of a log, and the metadata beside them
        row_template.py        which rows a step has, in which order
        step_note.py           the note of a begin row: what the society does in the step
        digest_chain.py        the seal of each step
        complete_digest.py     a digest over all that a log says
        placement.py           which worker ran which neuron
        wording.py             messages in words
    Writing:
        recording_settings.py  `Recording`: what to record, and where
        recorder.py            `LogRecorder.record`: each message of a run is recorded here
        log_page.py            a buffer for steps of one kind on their way to the file
        log_page_copy.py       copies a step's record into such a buffer
        log_file.py            the file, whose disk may be full
        fault_log.py           the second file: the faults of a run on unreliable channels
    Reading:
        log.py                 `Log`: steps, messages, queries and plots
        log_source.py          the file as it is read, by position
        reader.py              reads a log from its beginning, even if its end is missing
        steps.py               `RecordedStep`: the messages of one step as arrays
        row_filter.py          selects rows in arrays
        query.py               SQL, with DuckDB
        step_table.py          the table of steps that a notebook shows
        diff.py                the first difference of two logs
        follow.py              reads a log while it is written
        summary.py             run, network, counts, and whether the log is complete
        fault_story.py         the faults of each message, in words
        example_values.py      which numbers of a message are those of the examples
        series.py              series over steps, for figures
        plots.py               figures
        export.py              Parquet, CSV, JSON Lines
        perfetto.py            a trace for ui.perfetto.dev
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from ..support.hints import explains_arguments
from ..support.signal_exceptions import passes_handler_exceptions
from .recording_settings import Recording

if TYPE_CHECKING:
    from .log import Log

__all__ = ["Recording", "open_log"]


@explains_arguments
@passes_handler_exceptions
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

    Examples:
        >>> net = na.Network.from_matrices([[[0.6]]], [[0.0]], ["identity"])
        >>> sgd = na.SGD(0.1)
        >>> result = na.train(net, [[1]], [[1]], optimizer=sgd, epochs=2, log="cat.arrows")
        >>> log = na.open_log("cat.arrows")
        >>> log
        <Log 'cat.arrows': 2 steps (2 train), 19 rows; complete>
        >>> print(f"{log.step(1).loss:.2f} {log.step(1).blame[0, 0]:.2f}")  # loss, urgency
        0.16 0.80
        >>> print(f"{log.network_at(1).weights[0]:.2f}")  # 0.6 + 0.1 * 0.8
        0.68
    """
    from .log import Log

    return Log(path)
