"""Logs of networks with interneurons, frozen parameters, positions and delays: written, read back, asked."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trio
from helpers import forgery
from helpers.cli_logs import run
from helpers.gated_networks import IN_TIME, NETWORKS, examples, record
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.log import series
from neuro_actors.log.diff import compare_logs
from neuro_actors.log.export import export_log
from neuro_actors.log.reader import LogReader
from neuro_actors.log.summary import summarize

ALL = NETWORKS | IN_TIME


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("logs")
    for name, make in ALL.items():
        record(folder / f"{name}.arrows", make())
    return {name: folder / f"{name}.arrows" for name in ALL}


def about_of(path: Path) -> dict[str, Any]:
    return json.loads(forgery.read(path)[0][b"neuro_actors"])


@pytest.mark.parametrize("name", ALL)
def test_the_network_comes_back(name: str, tmp_path: Path) -> None:
    network = ALL[name]()
    end = record(tmp_path / "a.arrows", network)
    log = na.open_log(tmp_path / "a.arrows")
    assert log.network_at(0) == network
    assert log.network_at(log.steps[-1].number) == end
    cell = network if not network.delays else na.rules.ThroughTime().society(network)
    assert log.network == cell
    assert log.network.delayed == cell.delayed
    assert [node.field for node in log.network.interneurons.values()] == [
        node.field for node in cell.interneurons.values()
    ]
    named = [node.field.name for node in cell.interneurons.values() if node.field]
    assert named == [n.field.name for n in log.network.interneurons.values() if n.field]


@pytest.mark.parametrize("name", ALL)
def test_engines_write_the_same(name: str, paths, tmp_path: Path) -> None:
    record(tmp_path / "a.arrows", ALL[name](), "memory")
    assert compare_logs(LogReader(paths[name]), LogReader(tmp_path / "a.arrows")).equal
    record(tmp_path / "b.arrows", ALL[name](), na.Unreliable(drop=0.1, seed=1))
    assert compare_logs(LogReader(paths[name]), LogReader(tmp_path / "b.arrows")).equal


def test_the_first_difference_names_the_position(paths, tmp_path: Path) -> None:
    metadata, rows = forgery.read(paths["pictures"])
    k = next(k for k, row in enumerate(rows) if row[forgery.SENDER] == "pool")
    rows[k][forgery.VALUE][4 + 3] += 1.0  # of three examples at four positions
    forgery.write(tmp_path / "b.arrows", metadata, rows)
    shown, _ = run("log", "diff", str(paths["pictures"]), str(tmp_path / "b.arrows"), expected=1)
    assert "example 2, position 3: " in shown


def test_a_plain_network_pays_nothing(diamond, batch, tmp_path: Path) -> None:
    """Its metadata have the entries of format 3, and its log is read under that number."""

    async def society() -> None:
        async with na.open_simulation(diamond, log=tmp_path / "a.arrows") as simulation:
            await simulation.train_step(*batch, optimizer=na.SGD(0.1))

    trio.run(society)
    metadata, rows = forgery.read(tmp_path / "a.arrows")
    about = json.loads(metadata[b"neuro_actors"])
    assert about["format"] == 4
    assert list(about) == [
        "format",
        "versions",
        "numerics",
        "rule",
        "functions",
        "recorded",
        "network",
    ]
    assert list(about["network"]) == [
        "ids", "activations", "outputs", "is_input", "sources", "targets", "weights", "biases",
    ]  # fmt: skip
    assert list(about["functions"]) == ["points", "activations", "losses", "rule"]
    metadata[b"neuro_actors"] = metadata[b"neuro_actors"].replace(b'"format": 4', b'"format": 3')
    forgery.write(tmp_path / "b.arrows", metadata, forgery.sealed(metadata, rows))
    older = na.open_log(tmp_path / "b.arrows")
    assert older.network_at(1) == na.open_log(tmp_path / "a.arrows").network_at(1)
    assert na.audit(tmp_path / "b.arrows").passed


def test_format_3_knows_plain_networks_alone(paths, tmp_path: Path) -> None:
    metadata, rows = forgery.read(paths["gated"])
    metadata[b"neuro_actors"] = metadata[b"neuro_actors"].replace(b'"format": 4', b'"format": 3')
    forgery.write(tmp_path / "b.arrows", metadata, rows)
    assert not na.open_log(tmp_path / "b.arrows").network.interneurons


def test_ticks(paths) -> None:
    infos = na.open_log(paths["recurrent"]).steps
    found = [(info.tick, info.loss is not None) for info in infos]
    sequence = [((t, 4), False) for t in (1, 2, 3, 4)]
    back = [((t, 4), True) for t in (4, 3, 2, 1)]
    assert found == sequence + 4 * (sequence + back)
    assert {info.tick for info in na.open_log(paths["gated"]).steps} == {None}


# --- a step as arrays --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step(name: str, paths) -> None:
    network, (x, targets) = ALL[name](), examples(ALL[name]())
    step = na.open_log(paths[name]).step(2)
    expected = na.gradient(network, x, targets, wrt_inputs=True)
    wide_in, wide_out = (int(np.prod(grid)) for grid in (network.input_grid, network.output_grid))

    def rows(values: np.ndarray, wide: int) -> np.ndarray:
        return values.reshape(3 * wide, -1).T

    assert np.array_equal(step.inputs[:, : 3 * wide_in], rows(x, wide_in))
    assert np.array_equal(step.predictions[:, : 3 * wide_out], rows(expected.predictions, wide_out))
    assert np.array_equal(step.targets[:, : 3 * wide_out], rows(targets, wide_out))
    assert np.array_equal(-step.felt[:, : 3 * wide_in] / 3, rows(expected.inputs, wide_in))
    assert step.loss == expected.loss
    assert np.array_equal(0.0 - step.weights, expected.weights)
    assert np.array_equal(0.0 - step.biases, expected.biases)
    wide = network.n_positions
    for k in range(len(network.ids)):
        assert np.isfinite(step.activations[k, : 3 * wide[k]]).all()
        assert np.isnan(step.activations[k, 3 * wide[k] :]).all()
    for k, source in enumerate(network.sources):
        assert np.isfinite(step.urgencies[k, : 3 * wide[source]]).all()
        assert np.isnan(step.urgencies[k, 3 * wide[source] :]).all()


def test_a_product_step_is_cut_to_its_examples(tmp_path: Path) -> None:
    network, (x, targets) = ALL["pictures"](), examples(ALL["pictures"]())

    async def society() -> None:
        async with na.open_simulation(network, log=tmp_path / "a.arrows") as simulation:
            await simulation.gradient(x, targets)
            along = np.ones(len(network.weights)), np.ones(len(network.ids))
            await simulation.hessian_vector_product(x, targets, *along)

    trio.run(society)
    assert na.audit(tmp_path / "a.arrows").passed
    log = na.open_log(tmp_path / "a.arrows")
    one, product = log.step(1), log.step(2)
    assert product.info.columns == 6
    assert np.array_equal(one.activations, product.activations, equal_nan=True)
    assert np.array_equal(one.blame, product.blame, equal_nan=True)
    for id in network.ids:
        found = series.read_neuron(LogReader(tmp_path / "a.arrows"), id)
        assert np.array_equal(found.activation[:, 0], found.activation[:, 1])
        assert len(set(found.urgency.tolist())) <= 1
    need("duckdb")
    means = log.query(
        "SELECT step, neuron, mean FROM activations ORDER BY neuron, step"
    ).to_pylist()
    for a, b in zip(means[::2], means[1::2], strict=True):
        assert a | {"step": 2} == b
    means = log.query("SELECT * FROM urgencies ORDER BY sender, receiver, step").to_pylist()
    for a, b in zip(means[::2], means[1::2], strict=True):
        assert a | {"step": 2} == b


# --- questions ---------------------------------------------------------------------------------------------------


def test_tables(paths) -> None:
    need("duckdb")
    log, network = na.open_log(paths["gated"]), ALL["gated"]()
    neurons = log.query("SELECT * FROM neurons ORDER BY place").to_pydict()
    assert neurons["combination"] == [
        network.interneurons[k].combination if k in network.interneurons else None
        for k in range(len(network.ids))
    ]
    assert neurons["activation"][4] is None
    assert neurons["frozen"] == network.frozen_biases.tolist()
    assert log.query("SELECT frozen FROM synapses ORDER BY place")["frozen"].to_pylist() == (
        network.frozen_weights.tolist()
    )
    has_weight = ~network.is_interneuron[network.targets]
    counts = log.query("SELECT step, count(*) AS n FROM weights GROUP BY step")["n"].to_pylist()
    assert counts == [int(has_weight.sum())] * 4
    biases = log.query("SELECT step, count(bias) AS n FROM biases GROUP BY step")["n"].to_pylist()
    assert biases == [int((network.n_parameters > 0).sum())] * 4
    positions = na.open_log(paths["pictures"]).query("SELECT positions FROM neurons ORDER BY place")
    assert positions["positions"].to_pylist() == ALL["pictures"]().n_positions.tolist()


@pytest.mark.parametrize("name", ALL)
def test_words(name: str, paths) -> None:
    shown, _ = run("log", "show", str(paths[name]))
    assert len(shown.splitlines()) == na.open_log(paths[name]).n_rows
    if name == "gated":
        nothing = "p told environment: nothing: an interneuron has no parameters"
        assert shown.count(nothing) == 4
    if name == "recurrent":
        assert "predict, 3 examples, round 'tick 2 of 4'" in shown
    text, _ = run("log", "info", str(paths[name]))
    assert {
        "gated": "1 interneuron product, 1 interneuron sum, 1 interneuron max, 1 interneuron",
        "pictures": "4 × 4 positions, 2 × 2 positions",
        "recurrent": "2 interneurons sum, 2 delays",
        "recurrent pictures": "3 positions, 1 delay",
    }[name] in " ".join(text.split())


def test_the_summary_of_a_plain_network_is_what_it_was(diamond, tmp_path: Path) -> None:
    record(tmp_path / "a.arrows", na.Network.layered([2, 2, 1]))
    about = summarize(LogReader(tmp_path / "a.arrows"))
    assert not {"interneurons", "frozen", "positions", "delays"} & set(about)


@pytest.mark.parametrize("name", ALL)
def test_exports_and_figures(name: str, paths, tmp_path: Path) -> None:
    reader = LogReader(paths[name])
    for form in ("parquet", "csv", "jsonl"):
        assert export_log(reader, tmp_path / f"a.{form}") == na.open_log(paths[name]).n_rows
    need("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    export_log(reader, tmp_path / "a.pftrace")
    need("matplotlib").use("Agg")
    log, network = na.open_log(paths[name]), ALL[name]()
    log.plot(tmp_path / "a.png")
    synapses = [f"{s.source}->{s.target}" for s in network.synapses]
    log.plot(neurons=list(network.ids)[-2:], weights=synapses)


# --- damage ------------------------------------------------------------------------------------------------------


def _positions(positions: list[int]) -> str:
    return base64.b64encode(np.array(positions, "<i8").tobytes()).decode()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("gated", lambda held: held["interneurons"][0].__setitem__(0, 99)),
        ("gated", lambda held: held["interneurons"][0].__setitem__(0, 0)),  # an input
        ("gated", lambda held: held["interneurons"][0].__setitem__(1, 3)),
        ("gated", lambda held: held["interneurons"][0].__setitem__(2, 0)),  # there is no field
        ("gated", lambda held: held["interneurons"].append(held["interneurons"][0])),
        ("gated", lambda held: held["frozen"].__setitem__("weights", "AAAA")),
        ("gated", lambda held: held.__setitem__("delays", [[0, 2, 1]])),
        ("gated", lambda held: held.__setitem__("delayed", [[0, 2, 1]])),
        ("pictures", lambda held: held.__setitem__("input_grid", [0])),
        ("pictures", lambda held: held.__setitem__("input_grid", [2, 2])),
        ("pictures", lambda held: held.pop("input_grid")),
        ("pictures", lambda held: held["fields"][0].__setitem__("positions", _positions([1] * 15))),
        (
            "pictures",
            lambda held: held["fields"][0].__setitem__("positions", _positions([99] * 16)),
        ),
        ("pictures", lambda held: held["fields"][0].__setitem__("grid", [2**40])),
        ("recurrent", lambda held: held["delayed"][0].__setitem__(1, 3)),
        ("recurrent", lambda held: held["delayed"][0].__setitem__(0, 3)),
        ("recurrent", lambda held: held["delayed"][0].__setitem__(2, 0)),
        ("recurrent", lambda held: held["outputs"].reverse()),
    ],
)
def test_damage_is_named(name: str, change: Any, paths, tmp_path: Path) -> None:
    metadata, rows = forgery.read(paths[name])
    about = json.loads(metadata[b"neuro_actors"])
    change(about["network"])
    metadata[b"neuro_actors"] = json.dumps(about).encode()
    forgery.write(tmp_path / "b.arrows", metadata, rows)
    with pytest.raises(na.LogError, match="damaged"):
        na.open_log(tmp_path / "b.arrows")


def test_through_time_the_table_of_gradients_has_each_tick_and_the_sum(tmp_path: Path) -> None:
    """In tick 1 the delay says 0, so what it adds there to the urgency of its weight is 0."""
    need("duckdb")
    network, (x, targets) = IN_TIME["recurrent"](), examples(IN_TIME["recurrent"](), 3)
    record(tmp_path / "a.arrows", network, data=(x, targets))
    log = na.open_log(tmp_path / "a.arrows")
    gradients = [step.number for step in log.steps if step.mode == "gradient"][: x.shape[1]]
    last, first = gradients[0], gradients[-1]
    synapse = next(s for s in network.synapses if s.source == "before")
    query = (
        f"SELECT urgency FROM gradients WHERE source = '{synapse.source}' "
        f"AND target = '{synapse.target}' AND step BETWEEN {last} AND {first} ORDER BY step"
    )
    *parts, total = log.query(query)["urgency"].to_pylist()
    assert len(parts) == x.shape[1] - 1
    assert sum(parts) == total
    assert len({abs(part) for part in parts}) == len(parts)
    found = na.gradient(network, x, targets)
    assert total == -found.weights[network.synapses.index(synapse)]
