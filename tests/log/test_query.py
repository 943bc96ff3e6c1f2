"""SQL over a log: the tables tell the truth, and nothing else can be reached."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import trio
from helpers.cli_logs import HOSTILE, ask, hostile_batch, hostile_network, write
from helpers.paths import DOCS
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.log.query import TABLES, describe_tables
from neuro_actors.log.reader import LogReader

need("duckdb")


@pytest.fixture
def run(capsys, monkeypatch):
    return partial(ask, capsys=capsys, monkeypatch=monkeypatch)


@pytest.fixture
def path(diamond, batch, tmp_path) -> Path:
    trio.run(write, tmp_path / "run.arrows", diamond, batch)
    return tmp_path / "run.arrows"


@pytest.fixture
def log(path):
    return na.open_log(path)


def test_messages_are_the_logs_rows(log, path) -> None:
    rows = [row for row in LogReader(path).rows() if row.sender is not None]
    found = log.query(
        "SELECT step, kind, sender, receiver, time, value, note, mean FROM messages"
    ).to_pylist()
    assert [tuple(row.values())[:7] for row in found] == rows
    assert [row["mean"] for row in found if row["value"]] == pytest.approx(
        [np.mean(row.value) for row in rows if row.value], rel=1e-14
    )
    assert [row["mean"] for row in found if not row["value"]] == [
        None
    ]  # a step that predicts loses nothing


def test_mail_reaches_each_who_hears(log, diamond) -> None:
    found = log.query(
        "SELECT sender, receiver, value FROM mail WHERE step = 2 AND kind = 'activation'"
    ).to_pylist()
    step = log.step(2)
    expected = {(s.source, s.target) for s in diamond.synapses} | {("environment", "x")}
    expected |= {(output, who) for output in diamond.outputs for who in ("loss", "environment")}
    assert {(row["sender"], row["receiver"]) for row in found} == expected
    assert len(found) == len(expected)
    for row in found:
        if row["sender"] != "environment":
            assert row["value"] == step.activations[diamond.position[row["sender"]]].tolist()
    others = log.query("SELECT count(*) AS n FROM mail WHERE kind <> 'activation'")["n"][0].as_py()
    assert (
        others
        == log.query("SELECT count(*) AS n FROM messages WHERE kind <> 'activation'")["n"][
            0
        ].as_py()
    )


def test_neurons_and_synapses_are_the_networks(log, diamond) -> None:
    neurons = log.query("SELECT * FROM neurons ORDER BY place").to_pydict()
    assert (neurons["neuron"], neurons["bias"]) == (list(diamond.ids), diamond.biases.tolist())
    assert (neurons["is_input"], neurons["is_output"]) == (
        [True, False, False, False],
        [False, True, False, True],
    )
    assert (neurons["level"], neurons["fan_in"]) == (
        diamond.level.tolist(),
        diamond.incoming.sizes.tolist(),
    )
    synapses = log.query("SELECT * FROM synapses ORDER BY place").to_pylist()
    assert [(s["source"], s["target"], s["weight"]) for s in synapses] == [
        (s.source, s.target, s.weight) for s in diamond.synapses
    ]
    assert [s["nth"] for s in synapses if s["target"] == "y"] == [1, 2, 3]


def test_steps_and_losses(log) -> None:
    steps = log.query("SELECT * FROM steps ORDER BY step").to_pylist()
    assert [
        (s["step"], s["mode"], s["loss"], s["examples"], s["update"], s["wrt_inputs"])
        for s in steps
    ] == [(i.number, i.mode, i.loss, i.batch, i.update, i.wrt_inputs) for i in log.steps]
    assert json.loads(steps[2]["optimizer"]) == log.steps[2].optimizer
    losses = log.query("SELECT step, loss FROM losses ORDER BY step").to_pydict()
    assert losses["step"] == [2, 3, 4]
    assert losses["loss"] == pytest.approx([log.step(k).loss for k in (2, 3, 4)], rel=1e-14)


def test_weights_biases_and_gradients(log, diamond) -> None:
    """Bit for bit what the neurons committed; a gradient step teaches nothing."""
    found = log.query(
        "SELECT step, weight FROM weights JOIN synapses s USING (source, target) ORDER BY step, s.place".replace(
            "weight FROM", "weights.weight FROM"
        )
    ).to_pydict()
    assert found["step"] == [0] * 5 + [3] * 5 + [4] * 5
    assert found["weight"] == [*diamond.weights, *log.step(3).weights, *log.step(4).weights]
    biases = log.query(
        "SELECT step, b.bias FROM biases b JOIN neurons USING (neuron) ORDER BY step, place"
    ).to_pydict()
    assert biases["bias"] == [*diamond.biases[1:], *log.step(3).biases[1:], *log.step(4).biases[1:]]
    gradients = log.query("SELECT * FROM gradients WHERE source IS NOT NULL").to_pylist()
    wanted = {
        (s.source, s.target): value
        for s, value in zip(diamond.synapses, log.step(2).weights, strict=True)
    }
    assert {(g["source"], g["target"]): g["urgency"] for g in gradients} == wanted
    of_biases = log.query("SELECT target, urgency FROM gradients WHERE source IS NULL").to_pylist()
    assert {g["target"]: g["urgency"] for g in of_biases} == dict(
        zip(diamond.ids[1:], log.step(2).biases[1:].tolist(), strict=True)
    )


def test_activations_and_urgencies(log, diamond) -> None:
    found = {
        r["neuron"]: r for r in log.query("SELECT * FROM activations WHERE step = 4").to_pylist()
    }
    for k, name in enumerate(diamond.ids):
        said = log.step(4).activations[k]
        assert found[name]["mean"] == pytest.approx(said.mean(), rel=1e-13)
        assert (found[name]["least"], found[name]["greatest"]) == (said.min(), said.max())
    urgencies = log.query(
        "SELECT sender, receiver, strength FROM urgencies WHERE step = 2"
    ).to_pylist()
    strength = {(r["sender"], r["receiver"]): r["strength"] for r in urgencies}
    for k, synapse in enumerate(diamond.synapses):
        assert strength[synapse.target, synapse.source] == pytest.approx(
            np.abs(log.step(2).urgencies[k]).mean(), rel=1e-13
        )


async def test_of_a_partial_log(diamond, batch, tmp_path) -> None:
    trained = await write(tmp_path / "a.arrows", diamond, batch, every=3, phases=["commit"])
    log = na.open_log(tmp_path / "a.arrows")
    assert log.query("SELECT DISTINCT step FROM weights ORDER BY step")[
        "step"
    ].to_pylist() == sorted({0, *(s.number for s in log.steps if s.mode == "train")})
    assert log.query("SELECT count(*) AS n FROM losses")["n"][0].as_py() == 0
    assert len(trained.weights) == 5


async def test_of_a_log_that_has_just_begun_and_of_one_that_is_cut_off(
    path, run, capsys, monkeypatch
) -> None:
    cut = path.with_name("cut.arrows")
    cut.write_bytes(path.read_bytes()[:-5000])
    whole = [row for row in LogReader(cut).rows() if row.sender is not None]
    assert na.open_log(cut).query("SELECT * FROM messages").num_rows == len(whole) == 6
    cut.write_bytes(path.read_bytes()[: path.read_bytes().index(b"\xff\xff\xff\xff", 100) + 500])
    assert na.open_log(cut).query("SELECT * FROM weights").num_rows == 5
    assert json.loads(run("query", cut, "SELECT count(*) AS n FROM mail", "--json")) == {"n": 0}


def test_sums_do_not_depend_on_threads(log) -> None:
    assert log.query("SELECT current_setting('threads') AS n")["n"].to_pylist() == [1]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{file}')",
        pytest.param("SELECT * FROM read_text('{file}')", marks=pytest.mark.slow),
        "SELECT * FROM '{file}'",
        "SELECT * FROM read_parquet('https://example.org/a.parquet')",
        "SELECT * FROM glob('{folder}/*')",
        "COPY messages TO '{folder}/out.csv'",
        "EXPORT DATABASE '{folder}/out'",
        "ATTACH '{folder}/out.db'",
        "INSTALL httpfs",
        pytest.param("LOAD httpfs", marks=pytest.mark.slow),
        "SET enable_external_access = true",
        pytest.param("RESET enable_external_access", marks=pytest.mark.slow),
        "PRAGMA threads = 4",
        "CREATE TABLE t AS SELECT 1",
        "INSERT INTO rows VALUES (1)",
        pytest.param("DELETE FROM rows", marks=pytest.mark.slow),
        pytest.param("DROP VIEW messages", marks=pytest.mark.slow),
        "CALL pragma_version()",
        "SELECT * FROM secret_table",
        "SELECT 1; SELECT 2",
        "SELECT 1; COPY messages TO '{folder}/out.csv'",
        "FROM query('COPY messages TO ''{folder}/out.csv''')",
        "SELECT getenv('HOME')",
        "SELECT error('boom')",
        "SELECT '\x1b[31m' FROM nothing",
        "SELECT no_such_column FROM messages",
        pytest.param("SELECTED", marks=pytest.mark.slow),
        "-- nothing",
        "",
    ],
)
def test_nothing_else_can_be_reached(sql: str, log, path, run, run_slow: bool) -> None:
    secret_table = pa.table({"a": [1]})  # a variable here, no table there
    other = path.with_name("other.csv")
    other.write_text("a\n1\n")
    before = sorted(path.parent.iterdir())
    text = sql.format(file=other, folder=path.parent)
    with pytest.raises(
        na.LogError,
        match="^(the query cannot be answered: .|a query is one SELECT: a log is only read$)",
    ):
        log.query(text)
    if run_slow or "COPY" in sql:  # the command asks by the same function
        run("query", path, text, expected=2)
    assert sorted(path.parent.iterdir()) == before
    assert secret_table.num_rows == 1


def test_no_memory_is_written_to_disk(log) -> None:
    settings = log.query(
        "SELECT current_setting('temp_directory') AS t, current_setting('enable_external_access') AS e"
    ).to_pylist()
    assert settings == [{"t": "", "e": False}]


def test_as_a_table_as_json_and_as_csv(path, run) -> None:
    table = run(
        "query",
        path,
        "SELECT step, loss, NULL AS nothing, [loss, 2.0, 3.5] AS list FROM losses ORDER BY step",
    ).splitlines()
    assert table[0].split() == ["step", "loss", "nothing", "list"]
    assert max(map(len, table)) <= 80
    losses = na.open_log(path).query("SELECT loss FROM losses ORDER BY step")["loss"].to_pylist()
    assert [line.split()[:3] for line in table[2:]] == [
        [str(k), f"{loss:.6g}", "null"] for k, loss in zip((2, 3, 4), losses, strict=True)
    ]
    rows = run(
        "query",
        path,
        "SELECT step, a.loss, b.loss FROM losses a JOIN losses b USING (step) ORDER BY step",
        "--json",
    )
    assert [json.loads(row) for row in rows.splitlines()] == [
        {"step": k, "loss": loss, "loss_1": loss} for k, loss in zip((2, 3, 4), losses, strict=True)
    ]
    out = list(
        csv.reader(
            run(
                "query", path, "SELECT step, value FROM messages WHERE kind = 'loss'", "--csv"
            ).splitlines()
        )
    )
    assert out[0] == ["step", "value"]
    assert json.loads(out[2][1]) == na.open_log(path).step(2).losses.tolist()


def test_many_rows_are_limited_and_it_says_so(path, run) -> None:
    assert (
        run("query", path, "SELECT * FROM range(1000)")
        .splitlines()[-1]
        .startswith("… and more: these are the first 40 rows")
    )
    assert (
        len(run("query", path, "SELECT * FROM range(1000)", "--limit", "1000").splitlines()) == 1002
    )
    assert len(run("query", path, "SELECT * FROM range(40)").splitlines()) == 42
    assert len(run("query", path, "SELECT * FROM range(1000)", "--csv").splitlines()) == 1001
    assert (
        len(run("query", path, "SELECT * FROM range(1000)", "--json", "--limit", "3").splitlines())
        == 3
    )


def test_what_json_has_no_word_for_is_null(path, run) -> None:
    assert json.loads(
        run("query", path, "SELECT 'nan'::DOUBLE AS a, ['-inf'::DOUBLE, 1.0] AS b", "--json")
    ) == {"a": None, "b": [None, 1.0]}


def test_help_tells_every_table_and_its_columns(log, run) -> None:
    docs = (DOCS / "asking.md").read_text()
    for name, (columns, _) in TABLES.items():
        assert log.query(f"SELECT * FROM {name}").column_names == columns.split(", ")
        assert f"`{name}`" in docs
    assert describe_tables().splitlines()[0] in run("query", "--help", expected=0)
    assert log.query("SHOW TABLES")["name"].to_pylist() == sorted(TABLES)


async def test_hostile_ids_are_text(tmp_path, run) -> None:
    path = tmp_path / "hostile.arrows"
    await write(path, hostile_network(), hostile_batch())
    log = na.open_log(path)
    assert log.query("SELECT neuron FROM neurons ORDER BY place")["neuron"].to_pylist() == [
        "x",
        *HOSTILE,
    ]
    assert set(log.query("SELECT target FROM weights")["target"].to_pylist()) == set(HOSTILE)
    rows = [
        json.loads(row)["neuron"]
        for row in run(
            "query", path, "SELECT neuron FROM neurons ORDER BY place", "--json"
        ).splitlines()
    ]
    assert rows == ["x", *HOSTILE]
    out = list(
        csv.reader(
            run("query", path, "SELECT neuron FROM neurons ORDER BY place", "--csv").splitlines()
        )
    )
    assert [row[0] for row in out[1:]] == ["x", *HOSTILE]
    shown = run(
        "query", path, "SELECT neuron, 'x' AS \"[bold]col[/bold]\" FROM neurons ORDER BY place"
    )
    assert "[bold]col[/bold]" in shown
    for name in HOSTILE:
        assert name in shown
    steered = run("query", path, "SELECT chr(27) || '[31m' AS a, chr(8238) AS b")
    assert r"\x1b[31m" in steered
    assert r"\u202e" in steered


def test_duckdb_that_cannot_start_is_an_error_of_the_log(
    log: na.Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    def refuse(*_args: object, **_settings: object) -> None:
        raise duckdb.IOException("no working directory")

    monkeypatch.setattr(duckdb, "connect", refuse)
    with pytest.raises(na.LogError, match="^DuckDB cannot start: no working directory$"):
        log.query("SELECT 1")


def test_without_duckdb_it_says_how_to_install_it(
    log, path, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    assert "pip install 'neuro-actors[query]'" in run("query", path, "SELECT 1", expected=2)
