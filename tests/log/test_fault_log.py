"""The log of a society in a storm: the log itself as of a calm run, and beside it every fault."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.channels.unreliable.faults import DISTURBANCES, FaultEvent, Kill, Lose
from neuro_actors.cli import main
from neuro_actors.log import recorder
from neuro_actors.log.fault_log import COLUMNS, KEY, fault_log_path
from neuro_actors.log.fault_story import describe_faults, faults_until_received

WILD = na.Unreliable(drop=0.3, duplicate=0.1, reorder=0.1, corrupt=0.1, crash=0.2, seed=3)
PARTICULAR = na.Unreliable(
    faults=[Lose("h1.0", "y0", step=2), Kill("h1.1", "between urgencies", step=2)]
)


@pytest.fixture(autouse=True)
def by_rows_alone(monkeypatch) -> None:
    """How many rows stand in a record batch does not depend on how long the run takes."""
    monkeypatch.setattr(recorder, "FLUSH_SECONDS", math.inf)


def record(path: Path, channels: object, **how: object) -> Path:
    net = na.Network.layered([2, 3, 1], seed=1)
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((6, 2)), rng.standard_normal((6, 1))
    na.train(
        net,
        x,
        t,
        optimizer=na.Adam(0.1),
        epochs=2,
        batch_size=3,
        seed=0,
        channels=channels,
        log=na.Recording(path, **how),
    )
    return path


@pytest.fixture(scope="module")
def stormy(tmp_path_factory) -> Path:
    return record(tmp_path_factory.mktemp("storm") / "run.arrows", WILD)


@pytest.fixture(scope="module")
def particular(tmp_path_factory) -> Path:
    return record(tmp_path_factory.mktemp("particular") / "run.arrows", PARTICULAR)


@pytest.fixture
def command(capsys, monkeypatch) -> Callable[..., str]:
    """What the command line prints; with `expected`, its exit code, what it complains of."""

    def run(*arguments: object, expected: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["neuro-actors", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        assert left.value.code == expected, err
        return out if expected == 0 else err

    return run


@pytest.mark.parametrize("calm", ["memory", "bundled"])
@pytest.mark.parametrize("how", [{}, {"every": 2}, {"neurons": ["y0"]}], ids=str)
def test_the_log_is_that_of_a_calm_run_to_the_byte(
    calm: str, how: dict[str, object], tmp_path
) -> None:
    quiet, loud = (
        record(tmp_path / "calm.arrows", calm, **how),
        record(tmp_path / "storm.arrows", WILD, **how),
    )
    assert quiet.read_bytes() == loud.read_bytes()
    assert fault_log_path(loud).is_file()
    assert not fault_log_path(quiet).exists()
    assert na.open_log(quiet).disturbances == ()
    assert na.open_log(quiet).channels is None


def test_the_faults_in_the_file_are_those_that_the_storm_counted(tmp_path) -> None:
    """The file contains every fault that the engine reported, in its order, and nothing else."""
    import trio
    import trio.testing

    net, reported, counted = na.Network.layered([2, 3, 1], seed=1), [], Counter()

    async def run() -> None:
        async with na.open_simulation(net, WILD, log=tmp_path / "run.arrows") as simulation:
            real = simulation._runner.channels.injector._report
            simulation._runner.channels.injector._report = lambda d: (reported.append(d), real(d))
            await simulation.gradient([[1.0, 2.0]], [[0.5]])
            await simulation.predict([[1.0, 2.0]])
            counted.update(simulation.statistics().disturbances)

    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
    log = na.open_log(tmp_path / "run.arrows")
    assert len(reported) > 50
    assert log.disturbances[: len(reported)] == tuple(reported)
    assert {d.what for d in log.disturbances} <= set(DISTURBANCES)
    first = Counter(d.what for d in log.disturbances)
    assert all(
        first[what] >= counted[what] > 0 for what in ("lost", "repeated", "doubled", "garbled")
    )
    assert log.channels is not None
    assert na.Unreliable(**log.channels) == WILD


def test_audit_passes(stormy: Path) -> None:
    audit = na.audit(stormy)
    assert audit.lie is None
    assert audit.complete
    assert audit.unproved == 0


def test_particular_losses_count_every_message(tmp_path) -> None:
    """Also those that another one lost: the first and the second are two."""
    losses = [Lose("h1.0", "y0", nth, step=2) for nth in (1, 2, 4)]
    log = na.open_log(record(tmp_path / "run.arrows", na.Unreliable(faults=losses)))
    lost = [(d.step, d.source, d.target, d.attempt) for d in log.disturbances if d.what == "lost"]
    assert lost == [(2, "h1.0", "y0", 1), (2, "h1.0", "y0", 2)]  # the third came


def test_faults_are_described_in_the_metadata(tmp_path) -> None:
    channels = na.Unreliable(
        faults=[Lose("h1.0", "y0"), na.faults.Partition(["y0", "h1.0"], 0.0, 0.1)]
    )
    log = na.open_log(record(tmp_path / "run.arrows", channels))
    assert log.channels["faults"] == [
        {
            "name": "Lose",
            "source": "h1.0",
            "target": "y0",
            "nth": 1,
            "kind": "activation",
            "step": None,
        },
        {"name": "Partition", "members": ["h1.0", "y0"], "start": 0.0, "end": 0.1},
    ]


# --- shown ---------------------------------------------------------------------------------------------------------


def test_the_loss_of_a_frame_stands_below_its_message(
    command: Callable[..., str], particular: Path
) -> None:
    lines = command("log", "show", particular).splitlines()
    at = next(
        k for k, line in enumerate(lines) if line.startswith("step 2: h1.0 told y0: activation")
    )
    form = r"    activation h1.0 -> y0 lost at \d\.\d{3} s, sent again at \d\.\d{3} s \(attempt 2\)"
    assert re.fullmatch(form, lines[at + 1])
    deaths = [line for line in lines if "died" in line]
    assert [re.sub(r"\d\.\d{3}", "…", line) for line in deaths] == [
        "    h1.1 died at … s, between urgencies, and went on from what it had committed"
    ]
    assert not [
        line
        for line in command("log", "show", particular, "--step", "1").splitlines()
        if line.startswith(" ")
    ]
    one = command("log", "show", particular, "--step", "2").splitlines()
    assert one == [line for line in lines if line in one]
    assert {lines[at + 1], *deaths} <= set(one)  # it died in step 2, though it had committed it
    assert one[-2:] == [*deaths, one[-1]]
    assert one[-1].startswith("step 2: sealed")


def test_filters_hold_for_disturbances(command: Callable[..., str], stormy: Path) -> None:
    def said(*arguments: str) -> list[str]:
        return [
            line.strip()
            for line in command("log", "show", stormy, *arguments).splitlines()
            if line.startswith("    ")
        ]

    everything = said()
    assert len(everything) > 50
    backward = said("--phase", "backward")
    assert backward
    assert all(line.startswith("urgency ") for line in backward)
    mine = said("--neuron", "h1.1")
    assert mine
    assert all("h1.1" in line for line in mine)
    assert set(mine) <= set(everything)
    assert [line for line in everything if "h1.1" in line] == mine
    assert len(command("log", "show", stormy, "--limit", "7").splitlines()) == 7


def test_as_json_each_row_has_its_own(command: Callable[..., str], stormy: Path) -> None:
    rows = [json.loads(line) for line in command("log", "show", stormy, "--json").splitlines()]
    found = [FaultEvent(**d) for row in rows for d in row["disturbances"]]
    log = na.open_log(stormy)
    assert sorted(found, key=str) == sorted(log.disturbances, key=str)
    inputs = {log.network.ids[k] for k in np.flatnonzero(log.network.is_input)}
    beneath = Counter()
    for row in rows:
        beneath[row.get("kind")] += len(row["disturbances"])
        for d in row["disturbances"]:
            if row.get("kind") == "urgency":
                assert (d["kind"], d["source"], d["target"], d["step"]) == (
                    "urgency",
                    row["receiver"],
                    row["sender"],
                    row["step"],
                )
            elif "kind" not in row:  # no row tells of it
                assert d["what"] == "died" or (
                    d["kind"] == "urgency" and inputs & {d["source"], d["target"]}
                )
    assert min(beneath[kind] for kind in ("activation", "target", "urgency", "commit", None)) > 0


def test_a_calm_log_is_shown_as_before(command: Callable[..., str], tmp_path) -> None:
    calm = record(tmp_path / "calm.arrows", "memory")
    assert "disturbances" not in command("log", "show", calm, "--json", "--limit", "3")
    assert json.loads(command("log", "info", calm, "--json"))["disturbances"] is None
    assert "storm" not in command("log", "info", calm)


def test_info_counts_them(command: Callable[..., str], stormy: Path, particular: Path) -> None:
    about = json.loads(command("log", "info", stormy, "--json"))["disturbances"]
    log = na.open_log(stormy)
    assert about["count"] == len(log.disturbances) == sum(about["what"].values())
    assert about["complete"]
    assert about["what"]["died"] == sum(d.what == "died" for d in log.disturbances)
    assert about["last"] == log.disturbances[-1].time
    words = command("log", "info", particular)
    assert "1 lost" in words
    assert "1 died" in words
    assert "faults 2" in words
    assert max(map(len, words.splitlines()[1:])) <= 80


def test_they_are_asked_for_by_sql(command: Callable[..., str], stormy: Path) -> None:
    need("duckdb")
    log = na.open_log(stormy)
    asked = "SELECT what, count(*) AS n FROM disturbances GROUP BY what ORDER BY n DESC, what"
    expected = sorted(
        Counter(d.what for d in log.disturbances).items(), key=lambda item: (-item[1], item[0])
    )
    assert [(row["what"], row["n"]) for row in log.query(asked).to_pylist()] == expected
    assert [
        tuple(json.loads(line).values())
        for line in command("log", "query", stormy, asked, "--json").splitlines()
    ] == expected
    died = log.query("SELECT * FROM disturbances WHERE what = 'died' ORDER BY time").to_pylist()
    assert [FaultEvent(**row | {"target": ""}) for row in died] == [
        d for d in log.disturbances if d.what == "died"
    ]


def test_what_was_sent_after_it_had_come_only_brought_back_an_answer() -> None:
    def disturbed(*given: tuple[str, int, bool]) -> list[FaultEvent]:
        return [
            FaultEvent(0.5 * k, what, 1, "activation", "a", "b", n, q)
            for k, (what, n, q) in enumerate(given)
        ]

    events = disturbed(
        ("lost", 1, False), ("asked", 1, True), ("lost", 1, True), ("repeated", 2, False), ("garbled", 2, False),
        ("repeated", 3, False), ("late", 3, False), ("repeated", 4, False), ("lost", 4, False), ("repeated", 5, False),
    )  # fmt: skip
    assert [(d.what, d.attempt) for d in faults_until_received(events)] == [
        ("lost", 1), ("repeated", 2), ("garbled", 2), ("repeated", 3), ("late", 3)
    ]  # fmt: skip
    assert list(describe_faults(events)) == [
        "activation a -> b lost at 0.000 s, sent again at 1.500 s (attempt 2), garbled at 2.000 s, sent again at 2.500 s "
        "(attempt 3), held back at 3.000 s, sent 2 more times for want of an answer, asked for 1 time"
    ]
    assert faults_until_received(disturbed(("repeated", 2, False), ("lost", 2, False))) == []
    (long,) = describe_faults(disturbed(*(("lost", n, False) for n in range(1, 15))))
    assert "and 8 more" in long


# --- files ---------------------------------------------------------------------------------------------------------


def test_an_existing_file_is_refused_before_work_or_overwritten(tmp_path) -> None:
    second = fault_log_path(tmp_path / "run.arrows")
    second.write_text("mine")
    for channels in ("memory", WILD):
        with pytest.raises(na.LogError, match=r"run\.disturbances\.arrows' exists already"):
            record(tmp_path / "run.arrows", channels)
        assert not (tmp_path / "run.arrows").exists()
    assert second.read_text() == "mine"
    record(tmp_path / "run.arrows", WILD, overwrite=True)
    assert na.open_log(tmp_path / "run.arrows").disturbances
    record(tmp_path / "run.arrows", "memory", overwrite=True)
    assert not second.exists()


def test_a_calm_storm_leaves_no_file(tmp_path) -> None:
    assert not fault_log_path(record(tmp_path / "run.arrows", na.Unreliable())).exists()


def test_of_a_partial_log_those_of_its_steps(tmp_path) -> None:
    log = na.open_log(record(tmp_path / "run.arrows", WILD, every=2))
    assert {d.step for d in log.disturbances} == {1, 3}


def test_cut_off_anywhere_what_stands_before_is_read(
    command: Callable[..., str], stormy: Path, tmp_path
) -> None:
    whole = na.open_log(stormy).disturbances
    log, second = tmp_path / "run.arrows", tmp_path / "run.disturbances.arrows"
    shutil.copy(stormy, log)
    raw = fault_log_path(stormy).read_bytes()
    lengths = set()
    for size in np.linspace(len(raw) // 2, len(raw) - 1, 25).astype(int).tolist():
        second.write_bytes(raw[:size])
        found = na.open_log(log).disturbances
        assert found == whole[: len(found)]
        lengths.add(len(found))
        about = json.loads(command("log", "info", log, "--json")) if size == len(raw) // 2 else None
        assert about is None or not about["disturbances"]["complete"]
    assert len(lengths) > 1
    shutil.copy(fault_log_path(stormy), second)
    log.write_bytes(stormy.read_bytes()[: stormy.stat().st_size * 5 // 6])
    assert na.open_log(log).disturbances == whole
    assert "lost at" in command("log", "show", log)


def test_while_it_runs_the_second_file_is_never_behind_the_first(tmp_path) -> None:
    """So a run that is killed leaves the disturbances of all steps that its log has."""
    import trio
    import trio.testing

    async def run() -> None:
        async with na.open_simulation(
            na.Network.layered([2, 3, 1], seed=1), WILD, log=tmp_path / "run.arrows"
        ) as simulation:
            await simulation.gradient([[1.0, 2.0]], [[0.5]])
            log = na.open_log(tmp_path / "run.arrows")
            assert (len(log), log.complete) == (1, False)
            assert len(log.disturbances) > 30
            assert {d.step for d in log.disturbances} <= {
                1,
                2,
            }  # some of its members wait for the next one already

    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))


def damaged(stormy: Path, tmp_path: Path, how: str) -> str:
    """A log whose second file is damaged; what is said of it."""
    log = tmp_path / "run.arrows"
    shutil.copy(stormy, log)
    with pa.ipc.open_stream(fault_log_path(stormy)) as stream:
        table = stream.read_all()
    about = json.loads(table.schema.metadata[KEY])
    metadata = {KEY: json.dumps(about)}
    if how == "not arrow":
        fault_log_path(log).write_text("hello, I am a file of text, and no stream of anything")
        return "it is damaged, or no log of a run's faults: remove it to read the log"
    if how == "empty":
        fault_log_path(log).write_bytes(b"")
        return "it is damaged, or no log of a run's faults: remove it to read the log"
    if how == "folder":
        fault_log_path(log).mkdir()
        return "it is a folder: name a file in it"
    if how == "another stream":
        table, metadata = pa.table({"a": [1]}), {}
        said = "contains no disturbances of a log"
    elif how == "a log":
        shutil.copy(stormy, fault_log_path(log))
        return "contains no disturbances of a log"
    elif how == "another log's":
        metadata = {KEY: json.dumps(about | {"log": "0" * 64})}
        said = "of another run than the log"
    elif how == "another digest":
        notes = [*table["note"].to_pylist()[:-1], "0" * 64]
        table = table.set_column(8, COLUMNS.field("note"), pa.array(notes, pa.string()))
        said = "of another run than the log"
    elif how == "format":
        metadata = {KEY: json.dumps(about | {"format": 99})}
        said = "format is 99, this version reads 1"
    elif how == "metadata":
        metadata = {KEY: "{"}
        said = "its metadata are damaged"
    elif how == "columns":
        table = table.drop_columns(["question"])
        said = "its columns are not those"
    elif how == "behind the end":
        table = pa.concat_tables([table, table])
        said = "comes after the end row"
    else:
        name, value = {
            "negative": ("time", -1.0),
            "no number": ("time", math.nan),
            "step": ("step", 0),
        }.get(how, (how, "foo" * 999))
        values = table[name].to_pylist()
        values[3] = value
        kind = table.schema.field(name).type
        column = (
            pa.array(values, pa.string()).dictionary_encode()
            if pa.types.is_dictionary(kind)
            else pa.array(values, kind)
        )
        index = table.schema.get_field_index(name)
        table = table.set_column(index, COLUMNS.field(name), column.cast(kind))
        said = "row 3 makes no sense"
    table = table.replace_schema_metadata(metadata)
    with pa.ipc.new_stream(fault_log_path(log), table.schema) as out:
        out.write_table(table)
    return said


DAMAGES = [
    "not arrow", "empty", "folder", "another stream", "a log", "another log's", "another digest", "format", "metadata",
    "columns", "behind the end", "negative", "no number", "step", "what", "kind", "source", "target",
]  # fmt: skip


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_or_foreign_file_is_refused_by_name(
    command: Callable[..., str], how: str, stormy: Path, tmp_path
) -> None:
    said = damaged(stormy, tmp_path, how)
    with pytest.raises(na.LogError, match=said) as caught:
        na.open_log(tmp_path / "run.arrows")
    assert str(fault_log_path(tmp_path / "run.arrows")) in str(caught.value)
    for asked in (["show"], ["info"]):
        err = command("log", *asked, tmp_path / "run.arrows", expected=2)
        assert err.count("\n") == 1
        assert len(err) < 1000
        assert said in err


def test_an_error_about_the_second_file_names_the_first(stormy: Path) -> None:
    with pytest.raises(na.LogError, match="name the log itself, which is beside it"):
        na.open_log(fault_log_path(stormy))


def test_a_full_disk_is_reported(tmp_path, monkeypatch) -> None:
    from neuro_actors.log.fault_log import FaultLogWriter

    def full(self: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FaultLogWriter, "flush", full)
    with pytest.raises(
        na.NeuroActorsError,
        match=r"run\.disturbances\.arrows' cannot be written: No space left on device",
    ):
        record(tmp_path / "run.arrows", WILD)
