"""Writes a log in other formats: Parquet, CSV, JSON Lines, Perfetto.

It goes batch by batch, so that memory does not grow with the log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..support.errors import LogError
from ..support.files import is_same, whole_file
from ..support.text import did_you_mean, quote
from .reader import LogReader
from .row_filter import RowFilter
from .schema import KEY, MACHINES, columns

FORMATS = ("parquet", "csv", "jsonl", "pftrace")
GROUP_BYTES = 2**26  # of a row group in Parquet, before compression
VALUES_AT_ONCE = 2**20  # values that become text together


def export_log(
    reader: LogReader,
    out: str | PathLike[str],
    form: str | None = None,
    row_filter: RowFilter | None = None,
    force: bool = False,
) -> int:
    """Write selected rows of a log to a file, which appears when it is whole.

    Args:
        reader: The log.
        out: The file to write.
        form: One of `FORMATS`; None: the file's suffix.
        row_filter: Which rows to write; None: all.
        force: Replace the file if it exists.

    Returns:
        The number of rows.

    Raises:
        LogError: The format is unknown, the file exists or cannot be written, or the log is
            damaged.
    """
    path = Path(out)
    form = path.suffix[1:] if form is None else form
    if form not in FORMATS:
        hint = (
            did_you_mean(form, FORMATS)
            if form
            else f"name the file *.{', *.'.join(FORMATS)}, or give the format"
        )
        raise LogError(f"{str(path)!r}: there is no export to {quote(form)}; {hint}")
    if is_same(path, Path(reader.path)):
        raise LogError(f"{str(path)!r} is the log itself: choose another name")
    writers: dict[str, Callable[[LogReader, Iterable[Any], Any], int]] = {
        "parquet": write_parquet,
        "csv": write_csv,
        "jsonl": write_jsonl,
    }
    if form == "pftrace":
        from .perfetto import write_pftrace

        writers["pftrace"] = write_pftrace
    with whole_file(path, force) as file:
        return writers[form](reader, (row_filter or RowFilter()).batches(reader), file)


def write_parquet(reader: LogReader, batches: Iterable[Any], file: Any) -> int:
    """Write rows as Parquet, with the same columns and metadata, so that nothing is lost.

    Args:
        reader: The log.
        batches: The rows, in record batches.
        file: A binary file that is open for writing.

    Returns:
        The number of rows.

    Raises:
        LogError: The log is damaged.
    """
    import pyarrow.parquet as pq

    metadata = reader.schema.metadata
    entries = {key: metadata[key] for key in (KEY, MACHINES) if key in metadata}
    schema = columns().with_metadata(entries)
    rows = 0
    try:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for group in _group(batches):
                marked = [batch.replace_schema_metadata(schema.metadata) for batch in group]
                writer.write_table(pa.Table.from_batches(marked, schema=schema))
                rows += sum(map(len, group))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:  # nulls where there can be none
        raise LogError(
            f"{reader.path!r}: the log is damaged: {str(error).splitlines()[0]}"
        ) from None
    return rows


def write_csv(reader: LogReader, batches: Iterable[Any], file: Any) -> int:
    """Write rows as CSV: the same columns, with the values as a JSON list.

    Text is quoted and null is not, so null differs from an empty text.

    Args:
        reader: The log.
        batches: The rows, in record batches.
        file: A binary file that is open for writing.

    Returns:
        The number of rows.
    """
    import pyarrow.csv

    texts = pa.string()
    kinds = {
        "step": pa.int64(),
        "kind": texts,
        "sender": texts,
        "receiver": texts,
        "time": pa.int32(),
        "value": texts,
    }
    schema = pa.schema({**kinds, "note": texts})
    rows = 0
    with pyarrow.csv.CSVWriter(file, schema) as writer:
        for batch in _split(batches):
            values = [batch.column(name) for name in schema.names]
            values[1:4] = [pc.cast(column, texts) for column in values[1:4]]
            values[5] = _lists_as_json(values[5])
            writer.write_batch(pa.record_batch(values, schema=schema))
            rows += len(batch)
    return rows


def write_jsonl(reader: LogReader, batches: Iterable[Any], file: Any) -> int:
    """Write rows as JSON Lines: one object per row.

    JSON has no NaN and no infinity; null stands for them.

    Args:
        reader: The log.
        batches: The rows, in record batches.
        file: A binary file that is open for writing.

    Returns:
        The number of rows.
    """
    rows = 0
    for batch in _split(batches):
        texts = {name: _as_json(batch.column(name)) for name in columns().names}
        pieces: list[Any] = []
        for k, (name, column) in enumerate(texts.items()):
            pieces += ["{" * (k == 0) + ", " * (k > 0) + f'"{name}": ', column]
        lines = pc.binary_join_element_wise(*pieces, "}\n", "")
        offsets = lines.buffers()[1]
        first, last = (
            int.from_bytes(offsets[4 * at : 4 * at + 4].to_pybytes(), "little")
            for at in (lines.offset, len(lines))
        )
        file.write(memoryview(lines.buffers()[2])[first:last] if len(lines) else b"")
        rows += len(batch)
    return rows


def _group(batches: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield lists of batches, each with at least `GROUP_BYTES` bytes but the last one."""
    group: list[Any] = []
    size = 0
    for batch in batches:
        group.append(batch)
        size += batch.nbytes
        if size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _as_json(column: Any) -> Any:
    """A column of strings: each value as JSON."""
    if pa.types.is_list(column.type):
        return _lists_as_json(column)
    if pa.types.is_dictionary(column.type):
        names = pa.array([json.dumps(name) for name in column.dictionary.to_pylist()], pa.string())
        return pc.fill_null(names.take(column.indices), "null")
    if pa.types.is_string(column.type):
        return pa.array(
            ["null" if text is None else json.dumps(text) for text in column.to_pylist()],
            pa.string(),
        )
    return pc.cast(column, pa.string())


def _lists_as_json(column: Any) -> Any:
    """Lists of floats as JSON, with the fewest digits that mean the same number."""
    first, last = column.offsets[0].as_py(), column.offsets[-1].as_py()
    values = column.values.slice(first, last - first)
    # a whole number keeps its point, so that a reader sees a float
    numbers = pc.replace_substring_regex(pc.cast(values, pa.string()), r"^(-?\d+)$", r"\1.0")
    numbers = pc.if_else(pc.is_finite(values), numbers, "null")
    lists = pa.ListArray.from_arrays(pc.subtract(column.offsets, first), numbers)
    return pc.binary_join_element_wise("[", pc.binary_join(lists, ", "), "]", "")


def _split(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield the same rows in batches of at most `VALUES_AT_ONCE` values or one row."""
    for batch in batches:
        offsets = batch.column("value").offsets.to_numpy()
        start = 0
        while start < len(batch):
            stop = int(np.searchsorted(offsets, offsets[start] + VALUES_AT_ONCE, side="right")) - 1
            stop = min(max(stop, start + 1), len(batch))
            yield batch.slice(start, stop - start)
            start = stop
