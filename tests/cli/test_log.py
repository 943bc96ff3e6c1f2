"""`neuro-actors log info`, `show` and `diff`."""

from __future__ import annotations

import json
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from helpers.cli_logs import HOSTILE, ask, hostile_batch, hostile_network, write
from helpers.cli_logs import run as run_command

import neuro_actors as na
from neuro_actors.cli import output
from neuro_actors.log import follow
from neuro_actors.log.diff import compare_logs
from neuro_actors.log.follow import FollowingReader
from neuro_actors.log.reader import LogReader, Row
from neuro_actors.log.row_filter import RowFilter
from neuro_actors.log.schema import KEY
from neuro_actors.log.wording import describe_row


@pytest.fixture
def run(capsys, monkeypatch):
    return partial(ask, capsys=capsys, monkeypatch=monkeypatch)


@pytest.fixture
async def log(diamond, batch, tmp_path):
    await write(tmp_path / "run.arrows", diamond, batch)
    return tmp_path / "run.arrows"


def rewritten(log, out, change=lambda rows: rows, metadata=lambda about: about):
    """A copy of a log with other rows or metadata; its seals are the old ones."""
    with pa.ipc.open_stream(str(log)) as stream:
        table = stream.read_all()
    about = json.dumps(metadata(json.loads(table.schema.metadata[KEY])))
    columns = list(table.schema.names)
    rows = change(
        [
            dict(zip(columns, row, strict=True))
            for row in zip(*(table[name].to_pylist() for name in columns), strict=True)
        ]
    )
    arrays = [
        pa.array([row[name] for row in rows], table.schema.field(name).type) for name in columns
    ]
    changed = pa.Table.from_arrays(arrays, schema=table.schema.with_metadata({KEY: about}))
    with pa.OSFile(str(out), "wb") as file, pa.ipc.new_stream(file, changed.schema) as stream:
        stream.write_table(changed)
    return out


# --- show --------------------------------------------------------------------------------------------------------


async def test_every_row_in_words(log, run) -> None:
    lines = run("show", log).splitlines()
    seals = [row.note for row in LogReader(log).rows() if row.kind == "seal"]
    assert lines[0] == "step 1: predict, 7 examples"
    assert lines[1].startswith("step 1: environment told x: activation ")
    assert [line.partition(" activation")[0] for line in lines[2:6]] == [
        "step 1: x told h1, h2 and y:",
        "step 1: h1 told y, loss and environment:",
        "step 1: h2 told y:",
        "step 1: y told loss and environment:",
    ]
    assert lines[6:8] == [
        "step 1: loss told environment: no loss",
        f"step 1: sealed {seals[0][:12]}…",
    ]
    assert lines[8] == "step 2: gradient of squared_error, also of the inputs, 7 examples"
    assert "step 3: learn from huber, 7 examples, by SGD(learning_rate=0.1, momentum=0.9)" in lines
    assert lines[-1] == f"end: 4 steps, {len(lines) - 1} rows, the last seal is {seals[-1]}"


def test_optimizers_and_schedules_as_one_writes_them(diamond) -> None:
    def said(**task) -> str:
        note = {"mode": "train", "loss": "huber", "batch": 1, "wrt_inputs": False, **task}
        return describe_row(Row(1, "begin", None, None, 0, [], json.dumps(note)), diamond)

    decay = {"name": "StepDecay", "initial": 0.1, "factor": 0.5, "every": 10}
    adam = {
        "name": "Adam",
        "learning_rate": 0.01,
        "beta1": 0.8,
        "beta2": 0.999,
        "epsilon": 1e-08,
        "weight_decay": 0.0,
    }
    head = "step 1: learn from huber, 1 example, by "
    assert said(optimizer=adam) == head + "Adam(learning_rate=0.01, beta1=0.8)"
    assert said(optimizer={"name": "SGD", "learning_rate": decay}).startswith(
        head + "SGD(learning_rate=StepDecay("
    )
    assert said(
        optimizer={"name": "SGD", "learning_rate": {"name": "<function f>", "rate": 0.25}}
    ) == (head + "SGD(learning_rate=0.25 from <function f>)")
    assert said(optimizer={"name": "Mine(3)"}) == head + "Mine(3)"
    assert said(optimizer={"name": "Mine"}, only=["commit"]) == head + "Mine; of it only: commit"


def test_who_hears_a_neuron_with_many_followers() -> None:
    net = na.Network.layered([1, 1200, 1])
    line = describe_row(Row(1, "activation", "x0", None, 2, [0.7310585], None), net)
    assert line == "step 1: x0 told h1.0, h1.1 and 1,198 more: activation 0.731"


async def test_a_commit_says_whether_it_holds_new_weights_or_urgencies(log, run, tmp_path) -> None:
    """Also where the row that begins the step is not shown."""

    def commits(*arguments: str) -> set[str]:
        lines = run("show", log, *arguments).splitlines()
        return {line.partition(" told environment: ")[2][:11] for line in lines if "bias" in line}

    of_one, of_many = {"new weight ", "urgency −∂L"}, {"new weights", "urgencies −"}
    assert commits() == commits("--phase", "commit") == of_one | of_many
    assert commits("--neuron", "h2") == of_one
    assert commits("--neuron", "h2", "--step", "3") == {"new weight "}

    def change(rows: list[dict]) -> list[dict]:
        row = next(row for row in rows if (row["step"], row["kind"]) == (2, "commit"))
        row["value"] = [value + 1 for value in row["value"]]
        return rows

    other = rewritten(log, tmp_path / "other.arrows", change)
    assert run("diff", log, other, expected=1).count(": urgencies −∂L/∂w of the weights for ") == 2


async def test_what_is_shown_can_be_chosen(log, run) -> None:
    def show(*arguments: str) -> list[str]:
        return run("show", log, *arguments).splitlines()

    assert {line.split(":")[0] for line in show("--step", "3")} == {"step 3"}
    assert len(show("--step", "3")) == len(show("--step", "3", "--phase", "forward")) + sum(
        len(show("--step", "3", "--phase", phase)) for phase in ("loss", "backward", "commit")
    ) + 2  # fmt: skip
    of_h2 = show(
        "--step", "3", "--neuron", "h2"
    )  # its source's activation, its own, the urgency it hears, its commit
    assert [line.split(":")[1] for line in of_h2] == [
        " x told h1, h2 and y",
        " h2 told y",
        " y told h2",
        " h2 told environment",
    ]
    assert show("--step", "3", "--neuron", "environment")[0].startswith(
        "step 3: environment told x:"
    )
    assert len(show("--limit", "5")) == 5


def test_a_limit_says_that_more_follows(tmp_path: Path) -> None:
    net, file = na.Network.layered([2, 1], seed=0), tmp_path / "a.arrows"
    na.train(net, [[0, 1]], [[1]], optimizer=na.SGD(0.1), epochs=1, log=file)
    out, err = run_command("log", "show", str(file), "--limit", "2")
    assert len(out.splitlines()) == 2
    assert err == "neuro-actors: more messages follow; --limit 2 ends here\n"
    whole, err = run_command("log", "show", str(file))
    n = len(whole.splitlines())
    assert err == run_command("log", "show", str(file), "--limit", str(n))[1] == ""


async def test_json_holds_every_number(log, run, diamond) -> None:
    rows = [Row(**json.loads(line)) for line in run("show", log, "--json").splitlines()]
    assert rows == list(LogReader(log).rows())
    assert [json.loads(run("show", log, "--json", "--limit", "1"))["kind"]] == ["begin"]


async def test_python_and_the_command_choose_the_same(log, run) -> None:
    table = na.open_log(log).messages(neuron="h2", step=3)
    assert [
        json.loads(line)
        for line in run("show", log, "--json", "--neuron", "h2", "--step", "3").splitlines()
    ] == table.to_pylist()


async def test_a_partial_log_is_shown(diamond, batch, tmp_path, run) -> None:
    await write(tmp_path / "a.arrows", diamond, batch, every=4)
    lines = run("show", tmp_path / "a.arrows").splitlines()
    await write(tmp_path / "b.arrows", diamond, batch, neurons=["h2"])
    assert {
        line.split(" told ")[0].split()[-1]
        for line in run("show", tmp_path / "b.arrows").splitlines()
        if "told" in line
    } == {"x", "h2", "y"}
    assert lines[0] == "step 1: predict, 7 examples"


async def test_colours_only_where_somebody_watches(
    log, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    paged = []
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" not in run("show", log)
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setattr(output.click, "echo_via_pager", lambda lines: paged.append("".join(lines)))
    run("show", log)
    monkeypatch.setenv("NO_COLOR", "1")
    run("show", log)
    assert "\x1b[36mstep 1: x told" in paged[0]
    assert "\x1b" not in paged[1]


async def test_follow_reads_what_is_written_later(
    log, tmp_path, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = log.read_bytes()
    growing = tmp_path / "growing.arrows"
    half = data.index(b"\xff\xff\xff\xff", 4000)  # the schema, and the first record batch in part
    growing.write_bytes(data[: half + 700])
    waited = threading.Event()
    pause = follow.time.sleep

    def sleep(seconds: float) -> None:
        waited.set()
        pause(0.001)

    def go_on() -> None:
        assert waited.wait(60)
        with growing.open("ab") as file:
            for start in range(half + 700, len(data), 5000):
                file.write(data[start : start + 5000])
                file.flush()

    monkeypatch.setattr(follow.time, "sleep", sleep)
    writer = threading.Thread(target=go_on)
    writer.start()
    rows = list(RowFilter().rows(FollowingReader(growing)))
    writer.join()
    assert rows == list(LogReader(log).rows())
    assert run("show", log, "--follow") == run("show", log)


async def test_follow_ends_by_an_interrupt(
    log, tmp_path, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    (tmp_path / "cut.arrows").write_bytes(log.read_bytes()[:-400])
    monkeypatch.setattr(follow.time, "sleep", interrupt)
    run("show", tmp_path / "cut.arrows", "--follow", expected=130)


# --- info --------------------------------------------------------------------------------------------------------


async def test_info(log, run) -> None:
    out = run("info", log)
    assert max(map(len, out.splitlines()[1:])) <= 80
    for line in (
        "steps     4: 1 predict, 1 gradient, 2 train; numbers 1 to 4",
        "examples  28, 7 a step",
        "rows; complete",
    ):
        assert line in out
    assert "2 steps from huber by SGD(learning_rate=0.1, momentum=0.9)" in out
    assert na.open_log(log).digest in out
    about = json.loads(run("info", log, "--json"))
    rows = list(LogReader(log).rows())
    means = [np.mean(row.value) for row in rows if row.kind == "loss" and row.value]
    assert about["rows"]["count"] == len(rows)
    assert [about["loss"][end]["mean"] for end in ("first", "last")] == pytest.approx(
        [means[0], means[-1]], rel=1e-14
    )
    assert (about["complete"], about["recorded"], about["loss"]["first"]["step"]) == (True, None, 2)


async def test_info_counts_a_message_for_each_who_hears_it(diamond, batch, tmp_path, run) -> None:
    async with na.open_simulation(diamond, log=tmp_path / "a.arrows") as simulation:
        await simulation.predict(batch[0])
        await simulation.gradient(*batch, wrt_inputs=True)
        statistics = simulation.statistics()
    assert (
        json.loads(run("info", tmp_path / "a.arrows", "--json"))["messages"] == statistics.messages
    )


async def test_info_of_a_partial_log_and_of_one_without_an_end(
    log, diamond, batch, tmp_path, run
) -> None:
    await write(tmp_path / "a.arrows", diamond, batch, neurons=["h2"], phases=["forward"])
    assert "in part   mail of h2; phases forward" in run("info", tmp_path / "a.arrows")
    (tmp_path / "cut.arrows").write_bytes(log.read_bytes()[:-400])
    assert "without an end: cut off, or being written" in run("info", tmp_path / "cut.arrows")
    assert json.loads(run("info", tmp_path / "cut.arrows", "--json"))["complete"] is False


# --- diff --------------------------------------------------------------------------------------------------------


async def test_equal_runs_are_equal_whatever_carried_them(
    log, diamond, batch, tmp_path, run
) -> None:
    await write(tmp_path / "again.arrows", diamond, batch, "memory")
    assert run("diff", log, tmp_path / "again.arrows").startswith("equal: ")
    other = rewritten(
        log,
        tmp_path / "b.arrows",
        metadata=lambda about: about | {"versions": {**about["versions"], "numpy": "1.0"}},
    )
    out = run("diff", log, other)
    assert (
        out.splitlines()[0]
        == f"equal: {compare_logs(LogReader(log), LogReader(log)).messages} messages, bit for bit"
    )
    assert f"versions numpy: {np.__version__} / 1.0" in out


async def test_one_ulp_in_one_message(log, tmp_path, run) -> None:
    def change(rows):
        row = next(
            r for r in rows if (r["step"], r["kind"], r["sender"]) == (3, "activation", "h2")
        )
        row["value"][4] = float(np.nextafter(row["value"][4], 9))
        return rows

    other = rewritten(log, tmp_path / "b.arrows", change)
    lines = run("diff", log, other, expected=1).splitlines()
    assert lines[1].startswith(f"  {log}: step 3: h2 told y: activation ")
    assert lines[2].startswith(f"  {other}: step 3: h2 told y: activation ")
    assert lines[3].startswith("  example 5: ")
    assert lines[4].endswith(", 1 ulp")
    assert lines[5].startswith("in all: 1 of ")
    assert lines[5].endswith(" messages differ; in 1 step")
    found = json.loads(run("diff", log, other, "--json", expected=1))
    assert (found["differ"], found["steps"], found["first"]["ulps"], found["first"]["example"]) == (
        1,
        [3],
        1,
        4,
    )


@pytest.mark.parametrize(
    ("a", "b", "ulps"),
    [(0.0, -0.0, 0), (5e-324, -5e-324, 2), (1.0, 1.0 + 2**-52, 1), (1.0, 2.0, 2**52)],
)
async def test_how_far_apart(log, tmp_path, a: float, b: float, ulps: int) -> None:
    def put(value: float):
        def change(rows):
            next(r for r in rows if r["kind"] == "urgency")["value"][0] = value
            return rows

        return LogReader(rewritten(log, tmp_path / f"{value}.arrows", change))

    found = compare_logs(put(a), put(b))
    assert (found.first.ulps, found.first.apart, found.differ, found.apart) == (
        ulps,
        abs(a - b),
        1,
        abs(a - b),
    )


async def test_what_one_side_has_alone(log, tmp_path, run) -> None:
    fewer = rewritten(
        log,
        tmp_path / "b.arrows",
        lambda rows: [
            r for r in rows if (r["step"], r["kind"], r["sender"]) != (2, "urgency", "loss")
        ],
    )
    lines = run("diff", log, fewer, expected=1).splitlines()
    assert "step 2: loss told h1: urgency" in lines[1]
    assert lines[2] == f"  {fewer}: no such message"
    assert lines[3] == f"in all: 2 messages only in {log}; in 1 step"
    (tmp_path / "cut.arrows").write_bytes(log.read_bytes()[:-5000])
    assert "cut.arrows is cut off: only the part before the cut was compared" in run(
        "diff", tmp_path / "cut.arrows", log, expected=1
    )


async def test_another_task_is_reported_first(log, diamond, batch, tmp_path, run) -> None:
    await write(tmp_path / "b.arrows", diamond, (batch[0][:3], batch[1][:3]))
    lines = run("diff", log, tmp_path / "b.arrows", expected=1).splitlines()
    assert lines[1].endswith("step 1: predict, 7 examples")
    assert lines[2].endswith("step 1: predict, 3 examples")


# --- what is wrong is told in one line ---------------------------------------------------------------------------


def test_no_log_at_all(tmp_path, run) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("step 1: h told y\n" * 100)
    with (
        pa.OSFile(str(tmp_path / "foreign"), "wb") as file,
        pa.ipc.new_stream(file, pa.schema({"a": pa.int64()})),
    ):
        pass
    for name, what in {
        "none": "there is no such file",
        "empty": "it is empty",
        "text": "it is a text file, not a message log: name the file that a run wrote, such as run.arrows",
        "foreign": "it is an Arrow stream, but no message log",
        ".": "it is a folder: name a file in it",
        "\x1b[31mnone": r"there is no such file",
    }.items():
        for command in (
            ["info"],
            ["show"],
            ["show", "--follow"],
            ["diff", tmp_path / name],
            ["plot"],
        ):
            assert what in run(*command, tmp_path / name, expected=2)
        assert what in run("export", tmp_path / name, tmp_path / "a.csv", expected=2)
        assert what in run("query", tmp_path / name, "SELECT 1", expected=2)


async def test_another_version_and_damaged_rows(log, tmp_path, run) -> None:
    other = rewritten(log, tmp_path / "b.arrows", metadata=lambda about: about | {"format": 99})
    assert "it is of log format 99, this version reads 3 and 4" in run("info", other, expected=2)

    def change(rows):
        rows[0]["note"] = '{"mode": "tr\x1b[31min", "loss": 3}'
        return rows

    assert "the log is damaged" in run(
        "info", rewritten(log, tmp_path / "c.arrows", change), expected=2
    )


async def test_did_you_mean(log, run) -> None:
    assert "there is no neuron 'h3'; did you mean 'h2'?" in run(
        "show", log, "--neuron", "h3", expected=2
    )
    assert "there is no neuron" in run("show", log, "--neuron", "\x1b[31m", expected=2)


# --- ids that want to be more than text --------------------------------------------------------------------------


@pytest.fixture
async def hostile(tmp_path):
    await write(tmp_path / "hostile.arrows", hostile_network(), hostile_batch())
    return tmp_path / "hostile.arrows"


async def test_hostile_ids_are_shown_as_text(hostile, run) -> None:
    out = run("show", hostile)
    for name in HOSTILE:
        assert f"step 3: {name} told " in out
        assert f"step 3: {name} told " in run("show", hostile, f"--neuron={name}", "--step", "3")
    assert out.replace("\n", "").isprintable()
    assert run("info", hostile)
    assert run("diff", hostile, hostile).startswith("equal")


async def test_what_a_forger_writes_steers_no_terminal(log, tmp_path, run) -> None:
    steering = "\x1b]0;owned\x07\x1b[2J\u202egnp.exe\r\n"

    def change(rows):
        for row in rows:
            if row["kind"] == "target":
                row["note"] = steering
            if row["kind"] == "begin":
                task = json.loads(row["note"])
                row["note"] = json.dumps(task | {"loss": task["loss"] and steering})
        return rows

    forged = rewritten(log, tmp_path / "b.arrows", change)
    for command in (
        ["show", forged],
        ["diff", log, forged],
        ["query", forged, "SELECT * FROM steps"],
        ["info", forged],
    ):
        out = run(*command, expected=1 if command[0] == "diff" else 0)
        assert out.replace("\n", "").isprintable(), command
    ids = rewritten(
        log,
        tmp_path / "c.arrows",
        metadata=lambda about: (
            about | {"network": about["network"] | {"ids": ["x", steering, "h2", "y"]}}
        ),
    )
    assert "printable" in run("info", ids, expected=2)
