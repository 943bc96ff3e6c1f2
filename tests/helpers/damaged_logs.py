"""Logs that somebody has damaged, and all that reads them: what a fuzz of the readers needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import neuro_actors as na
from neuro_actors.log.diff import compare_logs
from neuro_actors.log.export import export_log
from neuro_actors.log.fault_log import fault_log_path
from neuro_actors.log.reader import LogReader
from neuro_actors.log.row_filter import RowFilter
from neuro_actors.log.series import read_losses, read_neuron, read_urgency_by_level
from neuro_actors.log.summary import format_summary, summarize
from neuro_actors.log.wording import describe_row
from neuro_actors.viewer.page_data import collect_page_data
from neuro_actors.viewer.page_json import as_json

KEY = b"neuro_actors"


def whole_log(path: Path, partial: bool = False) -> bytes:
    """A small log of every kind of step."""
    net = na.Network.layered([2, 2, 1], output_activation="sigmoid", seed=1)
    x, targets = [[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]], [[0.0], [1.0], [0.5]]
    log = na.Recording(path, every=2, layers=[1]) if partial else na.Recording(path)

    async def run() -> None:
        async with na.open_simulation(net, log=log) as simulation:
            await simulation.predict(x)
            await simulation.gradient(x, targets, "cross_entropy", wrt_inputs=True)
            await simulation.hessian_vector_product(
                x, targets, net.weights, net.biases, "cross_entropy"
            )
            for rate in (0.1, na.StepDecay(0.1, 2), lambda count: 0.1):
                await simulation.train_step(
                    x, targets, "cross_entropy", optimizer=na.SGD(rate, momentum=0.5)
                )

    import trio

    trio.run(run)
    return path.read_bytes()


def stormy_log(path: Path) -> bytes:
    """A log of a storm; what is given back is the second file, which tells of it."""
    net = na.Network.layered([2, 2, 1], seed=1)
    storm = na.Unreliable(drop=0.2, crash=0.2, seed=1)
    na.train(net, [[1.0, 2.0]], [[0.5]], optimizer=na.SGD(0.1), epochs=3, channels=storm, log=path)
    return fault_log_path(path).read_bytes()


def readers(path: Path, other: Path, out: Path) -> dict[str, Callable[[], Any]]:
    """All that reads a log, by name."""
    return {
        "info": lambda: format_summary(summarize(LogReader(path)), "network"),
        "show": lambda: _each(
            describe_row(row, reader.network)
            for reader in [LogReader(path)]
            for row in RowFilter().rows(reader)
        ),
        "rows": lambda: _each(LogReader(path).rows()),
        "of a neuron": lambda: _each(RowFilter("h1.0").rows(LogReader(path))),
        "open": lambda: na.open_log(path),
        "steps": lambda: [_everything(step) for step in na.open_log(path)],
        "network_at": lambda: [
            log.network_at(info.number) for log in [na.open_log(path)] for info in log.steps
        ],
        "messages": lambda: na.open_log(path).messages(neuron="h1.0").to_pylist(),
        "losses": lambda: read_losses(LogReader(path)),
        "urgency": lambda: read_urgency_by_level(LogReader(path)),
        "neuron": lambda: read_neuron(LogReader(path), "h1.0"),
        "diff": lambda: compare_logs(LogReader(path), LogReader(other)),
        "diff back": lambda: compare_logs(LogReader(other), LogReader(path)),
        "audit": lambda: str(na.audit(path)),
        "trace": lambda: str(na.trace(path, weight="x0->h1.0")),
        "trace back": lambda: str(na.trace(path, source="x0")),
        "view": lambda: as_json(collect_page_data(na.open_log(path), 1.0)),
        "jsonl": lambda: export_log(LogReader(path), out / "x.jsonl", force=True),
        "csv": lambda: export_log(LogReader(path), out / "x.csv", force=True),
        "parquet": lambda: export_log(LogReader(path), out / "x.parquet", force=True),
    }


def _each(items: Iterator[Any]) -> int:
    return sum(1 for _ in items)


def _everything(step: Any) -> list[Any]:
    names = (
        "inputs",
        "activations",
        "predictions",
        "targets",
        "losses",
        "loss",
        "urgencies",
        "blame",
        "felt",
        "weights",
        "biases",
    )
    return [getattr(step, name) for name in names]


# --- damage ----------------------------------------------------------------------------------------------------------


def bytes_changed(log: bytes, rng: np.random.Generator) -> bytes:
    """Bits turned, pieces cut out, repeated or overwritten, the end missing."""
    held = bytearray(log)
    for _ in range(rng.integers(1, 6)):
        at = int(rng.integers(len(held)))
        match int(rng.integers(6)):
            case 0 | 1:
                held[at] ^= 1 << int(rng.integers(8))
            case 2:
                held[at : at + 8] = rng.choice(
                    np.array([0, -1, 2**31, 2**40, 2**62, -(2**31)], "<i8")
                ).tobytes()
            case 3:
                del held[at : at + int(rng.integers(1, 64))]
            case 4:
                held[at:at] = held[at : at + int(rng.integers(1, 64))]
            case 5 if rng.random() < 0.5:
                del held[at:]
        if not held:
            break
    return bytes(held)


VALUES = [None, True, 0, -1, 1, 3, 2**31, 2**63, 10**40, 1.5, float("nan"), float("inf"), "", "x", "h1.0", "loss", "\x1b[2J", "\ud800",
          "AAAA", "é" * 200, [], {}, [None], ["x0"], [[1]], {"name": "SGD"}, {"name": 1}, {"name": "Adam", "learning_rate": "x"},
          {"rate": 1}, {"name": "SGD", "learning_rate": {"name": "f", "rate": "x"}}]  # fmt: skip


def json_changed(value: Any, rng: np.random.Generator) -> Any:
    """The same JSON with something else somewhere in it."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = list(value)[int(rng.integers(len(value)))]
        if rng.random() < 0.1:
            return {name: item for name, item in value.items() if name != key}
        return value | {key: json_changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.7:
        k = int(rng.integers(len(value)))
        return [*value[:k], json_changed(value[k], rng), *value[k + 1 :]]
    if isinstance(value, str) and value and rng.random() < 0.3:
        k = int(rng.integers(len(value)))
        return value[:k] + "AZ/=é\x00"[int(rng.integers(6))] + value[k + 1 :]
    return VALUES[int(rng.integers(len(VALUES)))]


def rows_changed(log: bytes, rng: np.random.Generator) -> bytes:
    """A log whose file is sound, and whose metadata or rows are not."""
    with pa.ipc.open_stream(log) as stream:
        schema, batches = stream.schema, list(stream)
    about = json.loads(schema.metadata[KEY])
    table = pa.Table.from_batches(batches)
    rows = [dict(row) for row in table.to_pylist()]
    if rng.random() < 0.4:
        about = json_changed(about, rng)
    for _ in range(int(rng.integers(0, 4))):
        _row_changed(rows, rng)
    columns = {name: [row[name] for row in rows] for name in table.schema.names}
    fields = {field.name: field for field in schema}
    if rng.random() < 0.1:
        name = list(fields)[int(rng.integers(len(fields)))]
        fields[name] = pa.field(
            name,
            [pa.int64(), pa.float64(), pa.large_string(), pa.list_(pa.float32())][
                int(rng.integers(4))
            ],
        )
    text = json.dumps(about) if rng.random() < 0.97 else "[" * int(rng.integers(1, 100_000))
    try:
        arrays = [_array(columns[name], field.type, rng) for name, field in fields.items()]
        schema = pa.schema(list(fields.values()), metadata={KEY: text.encode("utf-8", "replace")})
    except (pa.ArrowException, OverflowError, TypeError, UnicodeError):
        return log
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        cut = int(rng.integers(0, len(rows) + 1)) if rows else 0
        whole = pa.record_batch(arrays, schema=schema)
        for piece in (whole.slice(0, cut), whole.slice(cut)):
            stream.write_batch(piece)
    return sink.getvalue().to_pybytes()


def _array(values: list[Any], kind: Any, rng: np.random.Generator) -> Any:
    if not pa.types.is_dictionary(kind):
        return pa.array(values, kind)
    names = [*sorted({value for value in values if value is not None}), "stranger"]
    codes = [None if value is None else names.index(value) for value in values]
    if rng.random() < 0.1 and codes:
        codes[int(rng.integers(len(codes)))] = [len(names), -1, 127][int(rng.integers(3))]
    held = pa.array(names if rng.random() < 0.95 else [None, *names[1:]], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes, kind.index_type), held, safe=False)


def _row_changed(rows: list[dict[str, Any]], rng: np.random.Generator) -> None:
    if not rows:
        return
    r = int(rng.integers(len(rows)))
    row = rows[r]
    numbers = [0, -1, 2**31 - 1, -(2**31), 7]
    match int(rng.integers(10)):
        case 0:
            row["step"] = [0, -1, 1, 2, 2**63 - 1, -(2**63), 5][int(rng.integers(7))]
        case 1:
            row["kind"] = [
                "begin",
                "activation",
                "target",
                "loss",
                "urgency",
                "commit",
                "tangent",
                "seal",
                "end",
                "?",
                None,
            ][int(rng.integers(11))]
        case 2 | 3:
            end = ["sender", "receiver"][int(rng.integers(2))]
            row[end] = [
                "x0",
                "x1",
                "h1.0",
                "h1.1",
                "y0",
                "loss",
                "environment",
                "nobody",
                "",
                None,
            ][int(rng.integers(10))]
        case 4:
            row["time"] = numbers[int(rng.integers(5))]
        case 5:
            n = int(rng.integers(0, 9))
            row["value"] = [
                None,
                [],
                [0.0] * n,
                [float("nan")] * n,
                [1e308] * n,
                [None],
                [float("inf")],
            ][int(rng.integers(7))]
        case 6 if row["note"] and row["note"].startswith("{"):
            row["note"] = json.dumps(json_changed(json.loads(row["note"]), rng))
        case 6 | 7:
            row["note"] = [None, "", "x", "{}", "[]", "{", "9" * 5000, "\x1b[2J", "y0"][
                int(rng.integers(9))
            ]
        case 8:
            del rows[r]
        case 9:
            rows.insert(int(rng.integers(len(rows) + 1)), dict(row))
