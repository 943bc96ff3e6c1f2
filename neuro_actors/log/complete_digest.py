"""The complete digest of a log: over all that its metadata and its rows say.

The seals (`digest_chain.py`) cover what no replay can prove: what the environment sent and asked
for. What members said follows from it, bit for bit on one kind of machine, but elsewhere only
within rounding. This digest covers everything, so that it names one log. It is in no file: readers
compute it.

    sha256( for each metadata entry of the schema, by name:
                lengths of name and value, int64 ‖ name ‖ value
            for each step, and for the end:
                number of its rows, int64
                ‖ columns step, kind, sender, receiver, time, number of values, all int64
                ‖ values, float64 ‖ length of each note or -1, int64 ‖ notes, UTF-8 )

All numbers are little-endian. A kind is its number in the first table of `docs/log-format.md`, from
0 on; a sender or receiver is its position among the neurons' ids, `loss`, `environment`, or -1 for
null. How rows are divided into record batches does not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from os import PathLike

import numpy as np

from .reader import LogReader, Rows


class CompleteDigest:
    """A digest over all rows of a log, one step after another.

    Args:
        metadata: The metadata of the log's schema.
    """

    def __init__(self, metadata: Mapping[bytes, bytes]) -> None:
        self._digest = hashlib.sha256()
        for name in sorted(metadata):
            value = metadata[name]
            self._digest.update(np.array([len(name), len(value)], "<i8").tobytes() + name + value)

    def add(self, rows: Rows) -> None:
        """Add the rows of a step, or those of the end.

        Args:
            rows: The rows.
        """
        columns = (rows.step, rows.kind, rows.sender, rows.receiver, rows.time)
        lengths = np.diff(rows.starts)
        self._digest.update(np.array(len(rows), "<i8").tobytes())
        for column in (*columns, lengths):
            self._digest.update(column.astype("<i8").tobytes())
        self._digest.update(np.ascontiguousarray(rows.values).astype("<f8", copy=False).data)
        sizes = np.full(len(rows), -1, "<i8")
        notes = [note.encode() for note in rows.notes.drop_null().to_pylist()]
        sizes[rows.notes.is_valid().to_numpy(zero_copy_only=False)] = [len(note) for note in notes]
        self._digest.update(sizes.tobytes() + b"".join(notes))

    @property
    def hex(self) -> str:
        """The digest, in hexadecimal."""
        return self._digest.hexdigest()


def complete_digest(path: str | PathLike[str]) -> str:
    """Return the complete digest of a log, in hexadecimal.

    Args:
        path: The log file.

    Raises:
        LogError: The file cannot be read, or it is not a message log.
    """
    reader = LogReader(path)
    digest = CompleteDigest(reader.schema.metadata)
    for rows in reader.steps():
        digest.add(rows)
    return digest.hex
