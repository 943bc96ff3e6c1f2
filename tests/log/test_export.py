"""`neuro-actors log export`: what other programs read is what stands in the log."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import trio
from helpers.cli_logs import HOSTILE, ask, hostile_batch, hostile_network, write
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.log import export as exporting
from neuro_actors.log.export import _lists_as_json, export_log
from neuro_actors.log.reader import LogReader, Row
from neuro_actors.log.schema import KEY, network_of


@pytest.fixture
def run(capsys, monkeypatch):
    return partial(ask, capsys=capsys, monkeypatch=monkeypatch)


@pytest.fixture(params=["diamond", "hostile"])
def path(request, diamond, batch, tmp_path) -> Path:
    network, examples = (
        (diamond, batch) if request.param == "diamond" else (hostile_network(), hostile_batch())
    )
    trio.run(write, tmp_path / "run.arrows", network, examples)
    return tmp_path / "run.arrows"


def rows_of(path) -> list[Row]:
    return list(LogReader(path).rows())


def test_parquet_keeps_all(path, run) -> None:
    out = path.with_suffix(".parquet")
    assert run("export", path, out).startswith(f"{len(rows_of(path))} rows: ")
    table = pq.read_table(out)
    assert list(
        map(Row._make, zip(*(table[name].to_pylist() for name in Row._fields), strict=True))
    ) == rows_of(path)
    about = json.loads(table.schema.metadata[KEY])
    assert about == LogReader(path).about
    assert network_of(about) == LogReader(path).network


def test_csv_keeps_every_digit(path, run) -> None:
    out = path.with_suffix(".csv")
    run("export", path, out)
    convert = pyarrow.csv.ConvertOptions(
        strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
    )
    table = pyarrow.csv.read_csv(out, convert_options=convert)
    assert table.column_names == list(Row._fields)
    found = [
        Row(*row[:5], json.loads(row[5]), row[6])
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True)
    ]
    assert found == rows_of(path)


def test_json_lines_keep_every_digit(path, run) -> None:
    out = path.with_suffix(".jsonl")
    run("export", path, out)
    assert [Row(**json.loads(line)) for line in out.read_text().splitlines()] == rows_of(path)


def test_others_read_them_back_equal(path) -> None:
    """polars, pandas and DuckDB; whole numbers are floats there, too, and ids are text."""
    polars, pandas = need("polars"), need("pandas")
    duckdb = need("duckdb")
    reader = LogReader(path)
    for form in ("parquet", "csv", "jsonl"):
        export_log(reader, path.with_suffix(f".{form}"))
    expected = rows_of(path)
    columns = {name: [getattr(row, name) for row in expected] for name in Row._fields}
    in_polars = [
        polars.read_parquet(path.with_suffix(".parquet")),
        polars.read_ndjson(path.with_suffix(".jsonl")),
        polars.read_ipc_stream(path),
    ]
    for frame in in_polars:
        assert {name: frame[name].to_list() for name in Row._fields} == columns
        assert frame["value"].dtype == polars.List(polars.Float64)
    frame = polars.read_csv(path.with_suffix(".csv"))
    assert frame["sender"].to_list() == columns["sender"]
    for frame in (
        pandas.read_parquet(path.with_suffix(".parquet")),
        pandas.read_json(path.with_suffix(".jsonl"), lines=True, precise_float=True),
    ):
        assert [list(value) for value in frame["value"]] == columns["value"]
        assert [None if pandas.isna(name) else name for name in frame["sender"]] == columns[
            "sender"
        ]
    for form in ("parquet", "jsonl"):
        reads = {"parquet": "read_parquet", "jsonl": "read_json"}[form]
        answer = (
            duckdb.connect()
            .execute(f"SELECT sender, value FROM {reads}(?)", [str(path.with_suffix(f".{form}"))])
            .fetchall()
        )
        assert answer == list(zip(columns["sender"], columns["value"], strict=True))


def test_numbers_as_text() -> None:
    values = [
        [1.0, -0.0, 0.1, 5e-324],
        [],
        [1e16, 1e22, -1.5e300, 2.0**53 + 2],
        [float("nan"), float("inf"), -float("inf")],
        [1 / 3],
    ]
    column = pa.array(values, pa.list_(pa.float64()))
    texts = _lists_as_json(column).to_pylist()
    assert texts[0] == "[1.0, -0.0, 0.1, 5e-324]"
    assert texts[3] == "[null, null, null]"
    for text, numbers in zip(texts, values, strict=True):
        if all(map(np.isfinite, numbers)):
            assert [x.hex() for x in json.loads(text)] == [x.hex() for x in numbers]
            assert all(isinstance(x, float) for x in json.loads(text))
    assert _lists_as_json(column.slice(2, 2)).to_pylist() == texts[2:4]


def test_rows_are_taken_in_pieces(path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = LogReader(path)
    for form in ("csv", "jsonl", "parquet"):
        export_log(reader, path.with_name(f"whole.{form}"))
        monkeypatch.setattr(exporting, "VALUES_AT_ONCE", 5)
        monkeypatch.setattr(exporting, "GROUP_BYTES", 500)
        export_log(reader, path.with_name(f"pieces.{form}"))
        monkeypatch.undo()
    assert path.with_name("whole.csv").read_bytes() == path.with_name("pieces.csv").read_bytes()
    assert path.with_name("whole.jsonl").read_bytes() == path.with_name("pieces.jsonl").read_bytes()
    assert pq.read_table(path.with_name("whole.parquet")).equals(
        pq.read_table(path.with_name("pieces.parquet"))
    )


def test_what_is_exported_can_be_chosen(path, run) -> None:
    out = path.with_name("a.jsonl")
    name = LogReader(path).network.ids[2]
    run("export", path, out, f"--neuron={name}", "--step", "3")
    assert [json.loads(line) for line in out.read_text().splitlines()] == na.open_log(
        path
    ).messages(neuron=name, step=3).to_pylist()


# --- the file is there whole or not at all -----------------------------------------------------------------------


def test_an_existing_file_stays_unless_forced(path, run) -> None:
    out = path.with_name("a.csv")
    out.write_text("mine")
    assert "exists already: choose another name, or replace it with --force" in run(
        "export", path, out, expected=2
    )
    assert out.read_text() == "mine"
    run("export", path, out, "--force")
    assert out.read_text().startswith('"step"')
    assert "is the log itself" in run(
        "export", path, path, "--format", "csv", "--force", expected=2
    )
    assert rows_of(path)


def test_no_half_file(path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(reader, batches, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    before = sorted(path.parent.iterdir())
    monkeypatch.setattr(exporting, "write_csv", fails)
    with pytest.raises(
        na.LogError, match=r"^'.*a\.csv' cannot be written: No space left on device$"
    ):
        export_log(LogReader(path), path.with_name("a.csv"))
    with pytest.raises(na.LogError, match="no neuron"):
        export_log(
            LogReader(path), path.with_name("a.jsonl"), row_filter=exporting.RowFilter("h99999")
        )
    assert sorted(path.parent.iterdir()) == before


def test_the_umask_is_not_touched(path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It belongs to the process: another thread may make a file in between, or set it."""
    out = path.with_name("a.csv")
    monkeypatch.setattr(os, "umask", lambda _: pytest.fail("it was changed"))
    export_log(LogReader(path), out)
    ordinary = path.with_name("b.csv")
    ordinary.touch()
    assert out.stat().st_mode == ordinary.stat().st_mode


def test_no_such_format_or_folder(path, run) -> None:
    assert "there is no export to 'cvs'; did you mean 'csv'?" in run(
        "export", path, path.with_name("a.cvs"), expected=2
    )
    assert "name the file *.parquet, *.csv, *.jsonl, *.pftrace" in run(
        "export", path, path.with_name("a"), expected=2
    )
    assert "there is no folder" in run("export", path, path.parent / "none" / "a.csv", expected=2)


def test_of_a_log_that_is_cut_off_what_stands_before(path, run, capsys) -> None:
    cut = path.with_name("cut.arrows")
    cut.write_bytes(path.read_bytes()[:-400])
    run("export", cut, path.with_name("a.jsonl"))
    assert [
        Row(**json.loads(line)) for line in path.with_name("a.jsonl").read_text().splitlines()
    ] == rows_of(cut)


def test_ids_name_no_file(tmp_path, run) -> None:
    trio.run(write, tmp_path / "run.arrows", hostile_network(), hostile_batch())
    for name in HOSTILE:
        run("export", tmp_path / "run.arrows", tmp_path / "a.csv", "--force", f"--neuron={name}")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "run.arrows"]


# --- Perfetto ----------------------------------------------------------------------------------------------------


def test_a_trace_has_a_track_a_neuron_and_an_arrow_a_message(path, run) -> None:
    trace_pb2 = need("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    run("export", path, path.with_name("a.pftrace"))
    trace = trace_pb2.Trace()
    trace.ParseFromString(path.with_name("a.pftrace").read_bytes())
    reader = LogReader(path)
    tracks = {
        p.track_descriptor.uuid: p.track_descriptor
        for p in trace.packet
        if p.HasField("track_descriptor")
    }
    ordered = sorted(
        (t for t in tracks.values() if t.parent_uuid), key=lambda t: t.sibling_order_rank
    )
    assert [t.name for t in ordered] == [
        "steps",
        "loss",
        *reader.network.ids,
        "loss",
        "environment",
    ]
    starts, ends = {}, {}
    for packet in trace.packet:
        event = packet.track_event
        for flow in event.flow_ids:
            assert flow not in starts
            starts[flow] = packet.timestamp, tracks[event.track_uuid].name, event.name
        for flow in event.terminating_flow_ids:
            assert flow not in ends
            ends[flow] = packet.timestamp, tracks[event.track_uuid].name
    assert set(starts) == set(ends)
    assert all(starts[flow][0] < ends[flow][0] for flow in starts)
    need("duckdb")
    mail = na.open_log(path).query("SELECT kind, sender, receiver FROM mail").to_pylist()
    assert sorted((starts[f][2], starts[f][1], ends[f][1]) for f in starts) == sorted(
        tuple(m.values()) for m in mail
    )


def test_slices_of_a_track_follow_each_other(path) -> None:
    trace_pb2 = need("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    export_log(LogReader(path), path.with_name("a.pftrace"))
    trace = trace_pb2.Trace()
    trace.ParseFromString(path.with_name("a.pftrace").read_bytes())
    event = trace_pb2.TrackEvent
    times: dict[int, list[tuple[int, int]]] = {}
    for packet in trace.packet:
        if packet.track_event.type in (event.TYPE_SLICE_BEGIN, event.TYPE_SLICE_END):
            times.setdefault(packet.track_event.track_uuid, []).append(
                (packet.timestamp, packet.track_event.type)
            )
    for found in times.values():
        depth = 0
        for _, kind in sorted(
            found, key=lambda entry: (entry[0], -entry[1])
        ):  # at a time first what ends
            depth += 1 if kind == event.TYPE_SLICE_BEGIN else -1
            assert depth >= 0
        assert depth == 0
    counters = [
        p.track_event.double_counter_value
        for p in trace.packet
        if p.track_event.type == event.TYPE_COUNTER
    ]
    assert counters == pytest.approx([na.open_log(path).step(k).loss for k in (2, 3, 4)], rel=1e-14)


def test_without_perfetto_it_says_how_to_install_it(
    path, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "perfetto",
        "perfetto.protos.perfetto.trace",
        "perfetto.trace_builder.proto_builder",
    ):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    assert "pip install 'neuro-actors[perfetto]'" in run(
        "export", path, path.with_name("a.pftrace"), expected=2
    )
    assert not path.with_name("a.pftrace").exists()
