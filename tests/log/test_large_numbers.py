"""What each reader says of logs whose numbers are at the ends of the floats, against exact arithmetic on the raw rows."""

from __future__ import annotations

import base64
import contextlib
import csv
import json
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import trio
from helpers.cli_logs import run
from helpers.raw_rows import Exact, by_key, raw_rows
from helpers.tiers import few, need

import neuro_actors as na
from neuro_actors.log.reader import LogReader
from neuro_actors.log.series import read_losses, read_neuron, read_urgency_by_level
from neuro_actors.log.summary import summarize
from neuro_actors.support.errors import LogError
from neuro_actors.viewer.page import render_page
from neuro_actors.viewer.page_data import collect_page_data

EXPONENTS = [-323, -308, -160, -20, -2, 0, 0, 0, 1, 20, 150, 290, 307, 308]


def huge_network() -> na.Network:
    """Activations, urgencies and losses of 1e308 in each example, and a neuron that sends 0."""
    neurons = [
        na.Input("a"),
        na.Input("b"),
        na.Neuron("h", "tanh"),
        na.Neuron("zero", "relu", -1.0),
        na.Neuron("y"),
    ]
    synapses = [na.Synapse(a, b, w) for a, b, w in [("a", "h", 10.0), ("b", "h", -0.0)]]
    synapses += [na.Synapse("a", "zero", 5e-324), na.Synapse("h", "y", 1e308)]
    return na.Network(neurons, [*synapses, na.Synapse("zero", "y", 1e308)], ["y"])


def draw(rng: np.random.Generator) -> tuple[na.Network, np.ndarray, np.ndarray]:
    """A network and a batch whose gradients are floats."""
    while True:
        network = drawn_network(rng)
        x = rng.uniform(-1.0, 1.0, (3, 2)) * 10.0 ** rng.choice(EXPONENTS, (1, 2))
        targets = rng.random((3, 2))
        with np.errstate(all="ignore"), contextlib.suppress(na.NeuroActorsError):
            na.gradient(network, x, targets, "absolute_error", channels="bundled")
            return network, x, targets


def drawn_network(rng: np.random.Generator) -> na.Network:
    size = lambda: float(  # noqa: E731
        rng.choice([-1, 1]) * np.float64(rng.uniform(0.1, 1.7)) * 10.0 ** rng.choice(EXPONENTS)
    )
    hidden = int(rng.integers(1, 4))
    names = ["identity", "tanh", "relu", "sigmoid", "softplus", "gelu", "sin", "elu"]
    neurons = [na.Input("x0"), na.Input("x1")]
    neurons += [na.Neuron(f"h{k}", str(rng.choice(names)), size() * 1e-3) for k in range(hidden)]
    neurons += [na.Neuron("y"), na.Neuron("z", str(rng.choice(names)))]
    synapses = [na.Synapse(f"x{i}", f"h{k}", size()) for i in range(2) for k in range(hidden)]
    ends = [("y", k) for k in range(hidden)] + [("z", k) for k in range(hidden)]
    return na.Network(
        neurons, synapses + [na.Synapse(f"h{k}", end, size()) for end, k in ends], ["y", "z"]
    )


def record(
    path: Path, network: na.Network, x: Any, targets: Any, losses: list[str], rate: float = 1e-3
) -> None:
    """A step of each kind, as far as the society comes; a step whose numbers are no floats is refused."""

    async def steps() -> None:
        async with na.open_simulation(network, log=na.Recording(path, overwrite=True)) as society:
            await society.predict(x)
            for loss in losses:
                await society.gradient(x, targets, loss=loss, wrt_inputs=True)
                await society.train_step(x, targets, loss, optimizer=na.SGD(rate))

    with contextlib.suppress(na.NeuroActorsError):
        trio.run(steps)


def decoded(text: str, item: int) -> np.ndarray:
    exponent, _, packed = text.rpartition(":")
    numbers = np.frombuffer(base64.b64decode(packed), f"<f{item}").astype(float)
    return np.ldexp(numbers, int(exponent or 0))


def mean_row(step: dict[str, Any], name: str, item: int = 8) -> list[float]:
    rows = step["examples"] + (step["batch"] > 1)
    return decoded(step["arrays"][name], item).reshape(rows, -1)[-1].tolist()


def check_readers(path: Path) -> int:
    """Compare the readers with the raw rows; return how many numbers were compared."""
    rows, reader, log = raw_rows(path), LogReader(path), na.open_log(path)
    compared = 0

    def check(what: object, found: float, values: list[float], each: int = 1) -> None:
        nonlocal compared
        compared += 1
        if np.isfinite(values).all():
            assert Exact(values, each).agrees(found), (what, found, values)
        else:  # a step that was broken off for what a member sent to another
            assert not np.isfinite(found)

    losses = {key: value[0] for (key,), value in by_key(rows, "loss", "step").items()}
    found = dict(zip(*(part.tolist() for part in read_losses(reader)), strict=True))
    assert set(found) == set(losses)
    for step, values in losses.items():
        check("series", found[step], values)
        check("step", log.step(step).loss, values)
    if losses:
        summary = summarize(reader)["loss"]
        check("summary", summary["first"]["mean"], losses[min(losses)])
        check("summary", summary["last"]["mean"], losses[max(losses)])

    level = dict(zip(log.network.ids, log.network.level.tolist(), strict=True))
    urgencies = by_key(rows, "urgency", "step", "receiver")
    numbers, strength = read_urgency_by_level(reader)
    for row, one in enumerate(strength):
        for column, number in enumerate(numbers.tolist()):
            sent = [
                abs(value)
                for (step, receiver), lists in urgencies.items()
                for values in lists
                for value in values
                if step == number and level.get(receiver) == row
            ]
            if sent:
                check("level", one[column], sent, 2)
            else:
                assert np.isnan(one[column])
    activations = {
        (row["step"], row["sender"]): row["value"]
        for row in rows
        if row["kind"] == "activation" and row["receiver"] is None
    }
    for name in log.network.ids:
        series = read_neuron(reader, name)
        for step, mean, least, greatest in zip(
            series.activation_steps.tolist(), *series.activation.tolist(), strict=True
        ):
            values = activations[step, name]
            check("neuron", mean, values)
            assert (least, greatest) == (min(values), max(values))
        for step, found_strength in zip(
            series.urgency_steps.tolist(), series.urgency.tolist(), strict=True
        ):
            sent = [abs(value) for values in urgencies[step, name] for value in values]
            check("neuron", found_strength, sent, 2)
    compared += check_queries(log, rows, check)
    check_page(log, activations, urgencies, losses, check)
    return compared


def check_queries(log: na.Log, rows: list[dict[str, Any]], check: Callable[..., None]) -> int:
    need("duckdb")
    sent = [row for row in rows if row["sender"] is not None]
    for row, found in zip(sent, log.query("SELECT mean FROM messages").to_pylist(), strict=True):
        if row["value"]:
            check("messages", found["mean"], row["value"])
        else:
            assert found["mean"] is None
    sent = [row for row in rows if row["kind"] == "urgency"]
    answer = log.query("SELECT mean, strength FROM urgencies").to_pylist()
    for row, found in zip(sent, answer, strict=True):
        check("urgencies", found["mean"], row["value"])
        check("urgencies", found["strength"], [abs(value) for value in row["value"]])
    losses = by_key(rows, "loss", "step")
    for found in log.query("SELECT step, loss FROM losses").to_pylist():
        check("losses", found["loss"], losses[found["step"],][0])
    return len(sent)


def check_page(log: na.Log, activations: Any, urgencies: Any, losses: Any, check: Any) -> None:
    page = collect_page_data(log)
    render_page(page)  # JSON has no infinity
    assert all(np.isfinite(values).all() for values in page["scales"].values())
    small = {f["number"]: f for f in smaller_page(log)["steps"]}
    for step in page["steps"]:
        number = step["number"]
        for k, name in enumerate(log.network.ids):
            if (number, name) in activations:
                found = mean_row(step, "activations")[k]
                check("page", found, activations[number, name])
                near = mean_row(small[number], "activations", 4)
                greatest = np.nanmax(np.abs(near))
                assert near[k] == pytest.approx(found, rel=2**-23, abs=greatest * 1e-75)
            if (number, name) in urgencies and step["whole"]:
                sums = zip(*urgencies[number, name], strict=True)
                terms = sum(abs(v) > 0 for values in urgencies[number, name] for v in values)
                exact = Exact([Fraction(0) + sum(map(Fraction, one)) for one in sums])
                size = sum(abs(Fraction(v)) for values in urgencies[number, name] for v in values)
                exact.bound += size * (terms + 1) / 2**52
                assert exact.agrees(mean_row(step, "urgencies")[k]), (number, name)
        if number in losses:
            check("page", step["mean"], losses[number])


def smaller_page(log: na.Log) -> dict[str, Any]:
    """The page with numbers of 4 bytes."""
    from neuro_actors.viewer import page_data
    from neuro_actors.viewer.selection import Selection

    whole = page_data.select_steps
    try:
        page_data.select_steps = lambda *given: Selection(  # type: ignore[assignment]
            list(range(len(given[2]))), max(given[2]), 4, True
        )
        return collect_page_data(log)
    finally:
        page_data.select_steps = whole


X = [[1.0, 0.5], [1.25, -0.0], [1.5, 5e-324]]


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("huge") / "run.arrows"
    record(path, huge_network(), X, [[1.0]] * 3, ["absolute_error", "huber"])
    return path


def test_means_of_finite_numbers_are_finite(huge: Path) -> None:
    rows = raw_rows(huge)
    assert sum(row["kind"] == "seal" for row in rows) == 5
    assert max(sum(map(Fraction, row["value"])) for row in rows) > Fraction(2) ** 1024
    assert check_readers(huge) > 100


def test_the_command_line_reads_large_numbers(huge: Path, tmp_path: Path) -> None:
    name = str(huge)
    assert "y told loss and environment: activation 1.000e+308" in run("log", "show", name)[0]
    assert json.loads(run("log", "info", "--json", name)[0])["loss"]["last"]["mean"] == 1e308
    run("view", name, "-o", str(tmp_path / "page.html"))
    traced = json.loads(run("log", "trace", name, "--weight", "h->y", "--step", "2", "--json")[0])
    assert traced["total"] == pytest.approx(-1.0)
    text = run("log", "trace", name, "--neuron", "h", "--step", "2")[0]
    assert "MORE THAN" not in text
    for form in ("parquet", "csv", "jsonl", "pftrace"):
        run("log", "export", name, str(tmp_path / f"all.{form}"))
    raw = [row["value"] for row in raw_rows(huge)]
    with (tmp_path / "all.csv").open() as file:
        assert [json.loads(row["value"]) for row in csv.DictReader(file)] == raw
    with (tmp_path / "all.jsonl").open() as file:
        assert [json.loads(line)["value"] for line in file] == raw
    trace_pb2 = need("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    trace = trace_pb2.Trace()
    trace.ParseFromString((tmp_path / "all.pftrace").read_bytes())
    values = [
        one.double_value
        for packet in trace.packet
        for one in packet.track_event.debug_annotations
        if one.HasField("double_value")
    ]
    assert np.isfinite(values).all()
    assert max(values) == 1e308


def test_a_difference_that_exceeds_all_floats(huge: Path, tmp_path: Path) -> None:
    other = huge_network()
    neurons = [other.neurons[k] for k in range(5)]
    synapses = [na.Synapse(s.source, s.target, -s.weight) for s in other.synapses]
    record(tmp_path / "b.arrows", na.Network(neurons, synapses, ["y"]), X, [[1.0]] * 3, ["huber"])
    out = run("log", "diff", str(huge), str(tmp_path / "b.arrows"), expected=1)[0]
    assert "the greatest difference of two numbers is more than 1.79e+308" in out


def record_tiny(path: Path) -> Path:
    net = na.Network(
        [na.Input("a"), na.Neuron("h"), na.Neuron("y")],
        [na.Synapse("a", "h", 2e-162), na.Synapse("h", "y", 3e-162)],
        ["y"],
    )
    record(path, net, [[1.0], [2.0]], [[1e-310]] * 2, ["absolute_error", "huber"], 1e-315)
    return path


@pytest.mark.parametrize("tiny", [True, False])
def test_readers_under_any_settings_of_numpy(tiny: bool, huge: Path, tmp_path: Path) -> None:
    """An underflow of a reader's own numbers is no error, whatever the caller has set."""
    path = record_tiny(tmp_path / "tiny.arrows") if tiny else huge
    with np.errstate(all="raise"):
        reader = LogReader(path)
        read_losses(reader)
        read_neuron(reader, "h")
        read_urgency_by_level(LogReader(path))
        summarize(LogReader(path))
        run("log", "diff", str(path), str(huge), expected=int(tiny))
        render_page(collect_page_data(na.open_log(path)))
        assert na.audit(path).passed


@pytest.mark.parametrize("power", few([0, -320], 1))
def test_figures_of_large_and_of_tiny_numbers(power: int, huge: Path, tmp_path: Path) -> None:
    need("matplotlib").use("Agg")
    path = huge
    if power:
        path = record_tiny(tmp_path / "tiny.arrows")
    figure = plot(path, tmp_path / "a.png", weights=["a->h", "h->y"])
    labels = [axis.get_ylabel() for axis in figure.axes]
    assert f"loss / 1e{300 if not power else -300}" in labels


def plot(path: Path, out: Path, **more: Any) -> Any:
    return na.open_log(path).plot(out, loss=True, urgency=True, neurons=["h", "y"], **more)


async def test_training_knows_the_mean_of_large_losses() -> None:
    result = await trio.to_thread.run_sync(
        lambda: na.train(
            huge_network(), X, [[1.0]] * 3, loss="absolute_error", optimizer=na.SGD(1e-3), epochs=2,
            batch_size=2, validation=(X, [[1.0]] * 3), progress=False,
        )
    )  # fmt: skip
    for epoch in result.history:
        assert [epoch.loss, epoch.validation_loss] == pytest.approx([1e308] * 2, rel=1e-6)


def test_an_infinity_in_a_damaged_log_is_one_line(huge: Path) -> None:
    from neuro_actors.log.reader import Row
    from neuro_actors.log.wording import describe_row

    end = Row(5, "end", None, None, 0, [float("inf"), 5.0], "0")
    with pytest.raises(LogError, match="makes no sense"):
        describe_row(end, huge_network())


@pytest.mark.parametrize("seed", few([0, 1, 2], 1))
def test_drawn_societies(seed: int, tmp_path: Path) -> None:
    many = [2, 3, 40][seed]
    compared = 0
    for k in range(many):
        rng = np.random.default_rng([seed, k])
        record(tmp_path / "run.arrows", *draw(rng), ["absolute_error", "huber"])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compared += check_readers(tmp_path / "run.arrows")
    assert compared > 30 * many


def test_an_infinity_that_was_learnt_is_damage(huge: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.arrows"
    with pa.ipc.open_stream(huge.read_bytes()) as stream:
        schema, batches = stream.schema, list(stream)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        for batch in batches:
            values = batch.column("value")
            kinds = batch.column("kind").to_pylist()
            lists = [
                [np.inf] * len(one) if kind == "commit" else one
                for kind, one in zip(kinds, values.to_pylist(), strict=True)
            ]
            changed = {"value": pa.array(lists, values.type)}
            columns = [changed.get(name, batch.column(name)) for name in schema.names]
            writer.write_batch(pa.record_batch(columns, schema=schema))
    assert na.open_log(path).network_at(2).digest() == na.open_log(huge).network.digest()
    with pytest.raises(LogError, match=r"damaged.arrows.*damaged: what was learnt up to step 3"):
        na.open_log(path).network_at(3)
    assert "damaged" in run("view", str(path), "-o", str(tmp_path / "a.html"), expected=2)[1]
