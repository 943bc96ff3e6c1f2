"""A trace's paths against all paths, walked one by one; its sum against the society's messages, and against slopes."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from helpers.logged_steps import log_steps
from helpers.paths import DOCS
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.cli import command_line as cli
from neuro_actors.network import functions
from neuro_actors.proof.random_cases import draw_case
from neuro_actors.trace import paths
from neuro_actors.trace.synapse_name import parse_synapse
from neuro_actors.trace.tracer import Tracer

EPS = float(np.finfo(float).eps)


async def recorded(
    path, net: na.Network, x, targets, loss: str = "squared_error", channels: str = "bundled"
) -> na.Gradient:
    """Steps 1 to 3: it learns, is asked for a gradient, inputs included, and predicts."""
    async with na.open_simulation(
        net, channels, log=na.Recording(path, overwrite=True)
    ) as simulation:
        await simulation.train_step(x, targets, loss, optimizer=na.SGD(0.01))
        gradient = await simulation.gradient(x, targets, loss, wrt_inputs=True)
        await simulation.predict(x)
        return gradient


def walked(
    net: na.Network, step, start: int
) -> list[tuple[tuple[str, ...], np.ndarray, np.ndarray]]:
    """Every path from the signal of `start` to the loss, by recursion, with its values and the sum of its roundings."""
    a = step.activations
    z = {}
    for k in np.flatnonzero(~net.is_input).tolist():
        z[k] = sum(net.weights[s] * a[net.sources[s]] for s in net.incoming.of(k)) + net.biases[k]
    slope = {k: functions.activation(net.activations[k]).slope(np.asarray(z[k]), a[k]) for k in z}
    found = []

    def walk(nodes: tuple[int, ...], values: np.ndarray) -> None:
        for i in np.flatnonzero(net.output_positions == nodes[-1]):
            found.append((tuple(net.ids[k] for k in nodes), values * step.blame[i]))
        for s in net.outgoing.of(nodes[-1]):
            target = int(net.targets[s])
            walk((*nodes, target), values * net.weights[s] * slope[target])

    walk((start,), slope[start])
    return found


SMALL = [
    seed for seed in range(40) if len(draw_case(seed).network.weights) <= 60
]  # few enough paths to walk


@pytest.mark.parametrize("seed", few(SMALL, 4))
async def test_all_paths_the_greatest_first(seed: int, tmp_path) -> None:
    case = draw_case(seed)
    net = case.network
    gradient = await recorded(tmp_path / "a.arrows", net, case.x, case.targets, case.loss)
    log = na.open_log(tmp_path / "a.arrows")
    step, trained = log.step(2), log.network_at(1)
    for k in np.random.default_rng(seed).permutation(len(net.weights))[:4].tolist():
        synapse = net.synapses[k]
        activation = step.activations[net.sources[k]]
        expected = [
            (nodes, values * activation)
            for nodes, values in walked(trained, step, int(net.targets[k]))
        ]
        trace = na.trace(log, weight=(synapse.source, synapse.target), step=2, limit=100_000)
        assert trace.number == len(expected)
        worth = {nodes: float(np.mean(values)) for nodes, values in expected if values.any()}
        assert {path.nodes for path in trace.paths} == worth.keys()
        size = sum(float(np.mean(np.abs(values))) for _, values in expected)
        for path in trace.paths:
            assert abs(path.value - worth[path.nodes]) <= 200 * EPS * size
        sizes = [abs(path.value) for path in trace.paths]
        assert sizes == sorted(sizes, reverse=True)
        assert trace.all_shown
        assert not trace.cut_off
        rounding = 200 * EPS * size + 1e-300
        for value in (trace.shown, trace.from_log, -gradient.weights[k], log.step(2).weights[k]):
            assert abs(value - trace.total) <= rounding
        some = na.trace(log, weight=(synapse.source, synapse.target), step=2, limit=2)
        assert some.paths == trace.paths[:2]
        assert some.all_shown == (len(trace.paths) <= 2)


async def test_over_a_batch_no_factors_are_shown(diamond, batch, tmp_path) -> None:
    """A mean of products is not the product of means, so means of factors would not multiply out."""
    path = tmp_path / "a.arrows"
    await recorded(path, diamond, *batch)
    for what in ({"weight": ("x", "h1")}, {"neuron": "h1"}, {"source": "x", "output": "y"}):
        trace = na.trace(path, **what, step=1)
        assert trace.examples > 1
        assert [one.factors for one in trace.paths] == [()] * len(trace.paths)
        assert "·" not in str(trace) + trace._repr_html_()
        for shown in (str(trace), trace._repr_html_()):
            assert "--example 1 (in Python: example=1) shows the factors" in " ".join(shown.split())
        assert "~" not in str(trace)
        one = na.trace(path, **what, step=1, example=1)
        assert all(path.factors for path in one.paths)
        assert "its factors" in one._repr_html_()
    asked = str(path), "--step", "1", "--neuron", "h1", "--json"
    assert {len(one["factors"]) for one in json.loads(run(*asked))["paths"]} == {0}
    assert (
        min(len(one["factors"]) for one in json.loads(run(*asked, "--example", "1"))["paths"]) > 0
    )


async def test_one_examples_product_is_the_paths_worth(diamond, batch, tmp_path) -> None:
    await recorded(tmp_path / "a.arrows", diamond, *batch)
    for example in (1, 7):
        trace = na.trace(tmp_path / "a.arrows", weight=("x", "h1"), step=1, example=example)
        assert [path.nodes for path in trace.paths] in (
            [("h1",), ("h1", "y")],
            [("h1", "y"), ("h1",)],
        )
        for path in trace.paths:
            assert np.prod([factor.value for factor in path.factors]) == pytest.approx(
                path.value, rel=1e-14
            )
            assert (path.factors[0].kind, path.factors[0].neuron) == ("said", "x")
            assert path.factors[-1].kind == "urgency"
    means = [
        na.trace(tmp_path / "a.arrows", weight=("x", "h1"), step=1, example=k).total
        for k in range(1, 8)
    ]
    assert np.mean(means) == pytest.approx(
        na.trace(tmp_path / "a.arrows", weight=("x", "h1"), step=1).total, rel=1e-13
    )


async def test_a_neuron_and_an_input(channels: str, diamond, batch, tmp_path) -> None:
    gradient = await recorded(tmp_path / "a.arrows", diamond, *batch, channels=channels)
    h2 = na.trace(
        tmp_path / "a.arrows", neuron="h2"
    )  # by default in the last step that urged somebody
    assert "at step 2 (gradient of squared_error, mean of 7 examples)" in h2.about
    assert h2.total == pytest.approx(-gradient.biases[2], rel=1e-13)
    assert h2.from_log == -gradient.biases[2]
    x = na.trace(tmp_path / "a.arrows", neuron="x")
    assert x.number == 4
    assert x.total == pytest.approx(-gradient.inputs.sum(), rel=1e-13)
    assert x.from_log == pytest.approx(x.total, rel=1e-13)
    assert na.trace(tmp_path / "a.arrows", neuron="x", step=1).from_log is None  # nobody told it


async def test_a_slope_forward_against_finite_differences(diamond, batch, tmp_path) -> None:
    await recorded(tmp_path / "a.arrows", diamond, *batch)
    net, h = na.open_log(tmp_path / "a.arrows").network_at(1), 1e-6
    for output, column in (("y", 0), ("h1", 1)):
        trace = na.trace(tmp_path / "a.arrows", source="x", output=output, step=3)
        apart = na.reference.predict(net, batch[0] + h) - na.reference.predict(net, batch[0] - h)
        assert trace.total == pytest.approx(apart[:, column].mean() / (2 * h), rel=1e-8)
        assert trace.number == {"y": 3, "h1": 1}[output]
        assert trace.from_log is None
        assert not trace.to_loss


async def test_many_paths(tmp_path) -> None:
    """12 levels of 8: billions of paths; the greatest are found, and their sum is exact."""
    net = na.Network.layered([8] * 12 + [3], activation="sin", seed=0)
    rng = np.random.default_rng(1)
    gradient = await recorded(
        tmp_path / "a.arrows", net, rng.standard_normal((2, 8)), np.zeros((2, 3))
    )
    trace = na.trace(
        tmp_path / "a.arrows",
        weight=(net.synapses[3].source, net.synapses[3].target),
        step=2,
        limit=5,
    )
    assert trace.number == 8**10 * 3
    assert trace.total == pytest.approx(-gradient.weights[3], rel=1e-10)
    sizes = [abs(path.value) for path in trace.paths]
    assert len(sizes) == 5
    assert sizes == sorted(sizes, reverse=True)
    assert not trace.all_shown
    assert f"These 5 of {8**10 * 3:,} paths (the greatest first) come to" in str(trace)


async def test_a_search_may_be_given_up(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "MOST_STARTED", 3)
    net = na.Network.layered([2, 5, 5, 1], seed=0)
    await recorded(tmp_path / "a.arrows", net, np.ones((1, 2)), np.ones((1, 1)))
    trace = na.trace(tmp_path / "a.arrows", neuron="h1.0")
    assert trace.cut_off
    assert not trace.all_shown
    assert "The search was given up there" in str(trace) or not trace.paths


async def test_dead_neurons(tmp_path) -> None:
    neurons = [na.Input("x"), na.Neuron("h", "relu", bias=-9.0), na.Neuron("y", "identity")]
    net = na.Network(neurons, [na.Synapse("x", "h", 1.0), na.Synapse("h", "y", 1.0)], ["y"])
    await recorded(tmp_path / "a.arrows", net, [[1.0]], [[1.0]])
    trace = na.trace(tmp_path / "a.arrows", weight=("x", "h"))
    assert (trace.total, trace.number, trace.paths) == (0.0, 1, ())
    assert "Of 1 path every one is worth nothing" in str(trace)


async def test_words(diamond, batch, tmp_path) -> None:
    await recorded(tmp_path / "a.arrows", diamond, *batch)
    text = str(na.trace(tmp_path / "a.arrows", weight=("x", "h1"), step=1))
    assert text.startswith(
        "urgency of the weight x -> h1 at step 1 (learn from squared_error, mean of 7\nexamples): "
    )
    assert "h1 -> y -> loss\n" in text
    assert "x said " not in text
    assert "All 2 paths: " in text
    assert "The messages themselves came to " in text
    assert max(map(len, text.splitlines())) <= 80
    one = str(na.trace(tmp_path / "a.arrows", weight=("h2", "y"), step=1, example=3))
    assert "example 3 of\n7" in one or "example 3 of 7" in one
    assert "= h2 said " in one
    assert "There is no other path." in one


# --- partial, broken and forged logs -----------------------------------------------------------------------------


def test_partial_logs_that_hold_enough(tmp_path) -> None:
    net = na.Network.layered([3, 4, 3, 2], seed=1)
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    log_steps(tmp_path / "all.arrows", net, x, t, "t" * 7)
    whole = na.trace(tmp_path / "all.arrows", step=7, weight="h1.1->h2.2")
    for name, options in {
        "every": {"every": 3},
        "levels": {"layers": [2, 3]},
        "no loss": {"phases": ["forward", "backward", "commit"]},
        "no urgencies": {"phases": ["forward", "loss", "commit"]},
    }.items():
        log_steps(tmp_path / "some.arrows", net, x, t, "t" * 7, **options)
        found = na.trace(tmp_path / "some.arrows", step=7, weight="h1.1->h2.2")
        assert (found.total, found.paths) == (whole.total, whole.paths), name
        assert found.from_log == (None if name == "no urgencies" else whole.from_log)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"neurons": ["h1.1"]}, "a trace of step 7 needs the parameters of 'h2.0', 'h2.1', 'h2.2' and 2 more, which the log does not contain: it is partial, recorded with neurons=['h1.1']"),
        ({"layers": [2]}, "needs the parameters of 'y0', 'y1', which"),
        ({"phases": ["loss", "backward", "commit"]}, "needs the activation of 'h1.0', 'h1.1', 'h1.2' and "),
        ({"phases": ["forward", "commit"]}, "needs the urgency of 'y0', 'y1', which the log does not contain: it is partial, recorded with phases=['forward', 'commit']"),
        ({"phases": ["forward", "loss", "backward"]}, "needs the parameters of 'h2.2', 'y0', 'y1', which"),
        ({"every": 5}, "there is no step 7"),
    ],
)  # fmt: skip
def test_partial_logs_that_do_not(options, message, tmp_path) -> None:
    net = na.Network.layered([3, 4, 3, 2], seed=1)
    log_steps(tmp_path / "some.arrows", net, np.ones((4, 3)), np.ones((4, 2)), "t" * 7, **options)
    with pytest.raises(na.LogError) as caught:
        na.trace(
            tmp_path / "some.arrows",
            step=7,
            weight="h1.1->h2.2" if "neurons" not in options else "x0->h1.1",
        )
    assert message in str(caught.value)
    if options in (
        {"layers": [2]},
        {"phases": ["forward", "loss", "backward"]},
    ):  # before anybody learnt, all is known
        log_steps(tmp_path / "some.arrows", net, np.ones((4, 3)), np.ones((4, 2)), "g", **options)
        if "phases" in options:
            assert (
                na.trace(tmp_path / "some.arrows", step=1, weight="h1.1->h2.2").from_log is not None
            )


def test_the_first_step_needs_no_commits(tmp_path) -> None:
    net = na.Network.layered([2, 2, 1], seed=1)
    phases = ["forward", "loss", "backward"]
    log_steps(tmp_path / "some.arrows", net, [[1.0, 2.0]], [[1.0]], "t" * 4, every=3, phases=phases)
    assert na.trace(tmp_path / "some.arrows", step=1, weight="x0->h1.1").from_log is not None
    with pytest.raises(na.LogError, match=r"step 4 needs the parameters of 'h1.1', 'y0', which"):
        na.trace(tmp_path / "some.arrows", weight="x0->h1.1")


def test_a_step_that_was_broken_off_is_not_the_last_that_can_be_traced(tmp_path) -> None:
    net = na.Network.layered([2, 2, 1], seed=1)
    log_steps(tmp_path / "a.arrows", net, [[1.0, 2.0]], [[1.0]], "ttt")
    rewrite(
        tmp_path / "a.arrows",
        tmp_path / "b.arrows",
        lambda rows: [r for r in rows if r["step"] < 3 or (r["time"] < 3 and r["kind"] != "seal")],
    )
    assert "at step 2 " in na.trace(tmp_path / "b.arrows", neuron="h1.0").about
    with pytest.raises(
        na.LogError,
        match=r"step 3 needs the .*: the step was broken off, or the log is damaged$",
    ):
        na.trace(tmp_path / "b.arrows", neuron="h1.0", step=3)
    log_steps(tmp_path / "a.arrows", net, [[1.0, 2.0]], [[1.0]], "pp")
    with pytest.raises(na.LogError, match="it holds no step with urgencies: nothing can be traced"):
        na.trace(tmp_path / "a.arrows", neuron="h1.0")


def test_a_step_that_only_taught(tmp_path) -> None:
    net = na.Network.layered([2, 2, 1], seed=1)
    log_steps(tmp_path / "some.arrows", net, [[1.0, 2.0]], [[1.0]], "t" * 4, every=3)
    with pytest.raises(
        na.LogError, match=r"step 3 needs the activation of 'x0', .* recorded with every=3$"
    ):
        na.trace(tmp_path / "some.arrows", step=3, weight="x0->h1.1")


def rewrite(source, target, change) -> None:
    with pa.ipc.open_stream(source) as stream:
        schema, rows = stream.schema, pa.Table.from_batches(list(stream)).to_pylist()
    with pa.OSFile(str(target), "wb") as file, pa.ipc.new_stream(file, schema) as out:
        out.write_table(pa.Table.from_pylist(change(rows), schema))


def test_a_forged_message_is_not_what_the_paths_say(tmp_path) -> None:
    net = na.Network.layered([2, 3, 1], seed=1)
    log_steps(tmp_path / "a.arrows", net, [[1.0, 2.0]], [[1.0]])

    def forged(rows: list[dict]) -> list[dict]:
        for row in rows:
            if (row["kind"], row["receiver"]) == ("urgency", "h1.1"):
                row["value"] = [row["value"][0] * (1 + 1e-12)]
        return rows

    rewrite(tmp_path / "a.arrows", tmp_path / "b.arrows", forged)
    assert "ROUNDING" not in str(na.trace(tmp_path / "b.arrows", step=1, weight="x0->h1.0"))
    assert "MORE THAN ROUNDING MAY DO" in " ".join(
        str(na.trace(tmp_path / "b.arrows", step=1, weight="x0->h1.1")).split()
    )


def test_the_docs_tell_the_truth(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    docs = (DOCS / "trace.md").read_text()
    printed, compared = "", 0
    for language, text in re.findall(r"```(\w+)\n(.*?)```", docs, re.DOTALL):
        if language == "python":
            exec(compile(text, "trace.md", "exec"), {})
        elif language == "bash":
            printed = run(*shlex.split(text)[3:])
        else:
            apart = re.compile(r"\d\.\de-\d\d apart")  # which differs with the processor
            assert apart.sub("", printed) == apart.sub("", text)
            compared += 1
    assert compared == 2


async def test_every_third_step_can_be_traced(diamond, batch, tmp_path) -> None:
    totals = []
    for every in (1, 3):
        log = na.Recording(tmp_path / f"{every}.arrows", every=every)
        async with na.open_simulation(diamond, log=log) as simulation:
            for _ in range(5):
                await simulation.train_step(*batch, optimizer=na.Adam(0.1))
        totals.append(na.trace(tmp_path / f"{every}.arrows", weight=("h1", "y"), step=4).total)
    assert totals[0] == totals[1]


# --- words and the command line ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("log") / "run.arrows"
    net = na.Network.layered([3, 3, 2], seed=1)
    log_steps(path, net, [[1.0, 2.0, -1.0], [0.5, 1.0, 0.0]], [[0.5, 1.0], [0.0, 1.0]], "ptg")
    return str(path)


@pytest.fixture(scope="module")
def arrows(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("log") / "arrows.arrows"
    net = na.Network(
        [na.Input("a->b"), na.Input("a"), *(na.Neuron(id) for id in ("c", "b->c", "long -> name", "<b>[bold]"))],
        [na.Synapse("a->b", "c", 1.0), na.Synapse("a", "b->c", 1.0), na.Synapse("c", "long -> name", 1.0),
         na.Synapse("b->c", "<b>[bold]", 1.0)],
        ["long -> name", "<b>[bold]"],
    )  # fmt: skip
    log_steps(path, net, [[1.0, 2.0]], [[0.5, 1.0]])
    return str(path)


def run(*arguments: str, expected: int = 0) -> str:
    """What the command prints, or of an error its one line."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["neuro-actors", "log", "trace", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return check_output(ended.value.code, out.getvalue(), err.getvalue(), expected)


def run_elsewhere(*arguments: str, expected: int = 0) -> str:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "neuro_actors", "log", "trace", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return check_output(done.returncode, done.stdout, done.stderr, expected)


def check_output(code: object, out: str, err: str, expected: int) -> str:
    assert code == expected, err
    if not expected:
        assert err == ""
        return out
    assert out == ""
    assert err.startswith("neuro-actors: ")
    assert err.count("\n") == 1
    return err


def test_a_share_is_a_plain_number(log: str) -> None:
    found = na.trace(log, source="x1", output="y0", step=1, limit=1)
    for carried, text in ((0.9997, "100 %"), (0.128, "13 %"), (0.00123, "0.12 %")):
        assert f" They are {text} of all" in " ".join(str(replace(found, carried=carried)).split())


def test_every_question_in_words(log: str) -> None:
    out = run(log, "--step", "2", "--weight", "x1->h1.2")
    assert max(map(len, out.splitlines())) <= 80
    assert out.startswith(
        "urgency of the weight x1 -> h1.2 at step 2 (learn from squared_error, mean of 2\nexamples): "
    )
    assert "All 2 paths: " in out
    few = " ".join(
        run(log, "--step", "2", "--neuron", "x1", "--limit", "2", "--example", "2").split()
    )
    assert "urgency of what x1 said at step 2 (learn from squared_error, example 2 of 2)" in few
    assert "These 2 of 6 paths (the greatest first) come to" in few
    assert "% of all that came along, whichever its sign." in few
    forwards = run(log, "--step", "1", "--source", "x1")
    slopes = re.findall(
        r"^slope of (y\d) by what x1 said at step 1 \(predict, mean of 2 examples\): (\S+)$",
        forwards,
        re.MULTILINE,
    )
    assert len(slopes) == 2
    assert abs(float(slopes[0][1])) >= abs(float(slopes[1][1]))
    assert max(map(len, forwards.splitlines())) <= 80
    assert run(log, "--step", "1", "--source", "x1", "--output", "y1").startswith(
        "slope of y1 by what x1 said at step 1"
    )
    both = json.loads(run(log, "--step", "2", "--source", "x1", "--json"))
    assert [abs(one["total"]) for one in both] == sorted(
        (abs(one["total"]) for one in both), reverse=True
    )


def test_many_outputs(tmp_path) -> None:
    net = na.Network.layered([2, 2, 13], seed=1)
    log_steps(tmp_path / "a.arrows", net, [[1.0, 2.0]], np.ones((1, 13)), "p")
    out = run(str(tmp_path / "a.arrows"), "--source", "x1")
    assert out.count("slope of y") == 10
    assert out.endswith("\n3 more outputs change less: --output ID shows one of them.\n")


@pytest.mark.parametrize(
    ("work", "sure"),
    [(8, "there may be greater ones"), (10, "the first 2 are surely the greatest")],
)
def test_a_search_that_was_given_up_in_words(
    work: int, sure: str, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "MOST_STARTED", work)
    found = na.trace(log, step=2, neuron="x1")
    message = f"The search was given up, it had seen too many paths: {sure}; no other exceeds {found.rest:.3g}."
    assert message in " ".join(str(found).split())
    assert found.cut_off


def test_weights_whose_ends_hold_arrows(arrows: str) -> None:
    tracer = Tracer(arrows, 1, None, to_loss=True)
    assert parse_synapse(tracer.network, "c->long -> name") == ("c", "long -> name")
    assert parse_synapse(tracer.network, "c -> long -> name") == ("c", "long -> name")
    assert parse_synapse(tracer.network, "b->c -> <b>[bold]") == ("b->c", "<b>[bold]")
    message = run(arrows, "--step", "1", "--weight", "a->b->c", expected=2)
    assert (
        "'a->b->c' may be 'a' -> 'b->c' or 'a->b' -> 'c': give both ends, each by itself" in message
    )
    for pair in (("a->b", "c"), ("a", "b->c")):
        assert f"weight {pair[0]} -> {pair[1]} at" in na.trace(arrows, step=1, weight=pair).about
        assert f"weight {pair[0]} -> {pair[1]} at" in run(
            arrows, "--weight", pair[0], "--weight", pair[1]
        )
    assert "<b>[bold]" in run(arrows, "--step", "1", "--neuron", "<b>[bold]")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--step", "2"], "ask for one thing: --weight A:B, --neuron ID or --source ID"),
        (["--step", "2", "--neuron", "x0", "--source", "x0"], "ask for one thing"),
        (["--step", "2", "--neuron", "x0", "--output", "y0"], "--output goes with --source"),
        (["--step", "2", "--neuron", "h1.11"], "there is no neuron 'h1.11'; did you mean 'h1.1'?"),
        (["--step", "2", "--weight", "x11->h1.0"], "there is no neuron 'x11'; did you mean 'x1'?"),
        (["--step", "2", "--weight", "x0h1.0"], "weight 'x0h1.0': expected the ids of its two ends, as in 'a->b'"),
        (["--step", "2", "--weight", "a", "--weight", "b", "--weight", "c"], "expected the ids of its two ends, got ('a', 'b', 'c')"),
        (["--step", "2", "--weight", "x0->y1"], "there is no synapse 'x0' -> 'y1': 'x0' leads to 'h1.0', 'h1.1', 'h1.2'; 'y1' receives from 'h1.0', 'h1.1', 'h1.2'"),
        (["--step", "2", "--weight", "y0->x1"], "there is no synapse 'y0' -> 'x1': 'y0' leads to no neuron, it is an output; 'x1' receives from no neuron, it is an input"),
        (["--step", "2", "--weight", "h1.0->x1"], "there is no synapse 'h1.0' -> 'x1', but there is 'x1' -> 'h1.0'"),
        (["--step", "9", "--neuron", "x0"], "there is no step 9; it holds steps 1 to 3"),
        (["--step", "1", "--neuron", "x0"], "step 1 only predicts: it has no urgencies; step 2 has some"),
        (["--step", "2", "--neuron", "x0", "--example", "3"], "example 3: step 2 has 2"),
        (["--step", "2", "--source", "x0", "--output", "h1.0"], "'h1.0' is no output; known are 'y0', 'y1'"),
        (["--step", "2", "--source", "y0", "--output", "y1"], "no path leads from 'y0' to the output 'y1'; from there paths lead to 'y0'"),
        (["--step", "2", "--neuron", "x0", "--limit", "0"], "Invalid value for '--limit'"),
        (["--step", "2", "--neuron", "x0", "--import", "none.such"], "--import 'none.such': ModuleNotFoundError"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, log: str
) -> None:
    assert message in run(log, *arguments, expected=2)


def test_python_says_what_is_missing(log: str) -> None:
    with pytest.raises(na.InputError, match="ask for one thing: a weight, a neuron or a source"):
        na.trace(log, step=2)
    with pytest.raises(na.InputError, match="'x0' leads to 2 outputs, 'y0', 'y1'; say which"):
        na.trace(log, step=2, source="x0")
    with pytest.raises(na.InputError, match="limit must be a whole number of at least 1, got 0"):
        na.trace(log, step=2, neuron="y0", limit=0)
    with pytest.raises(na.LogError, match="there is no such file"):
        na.trace("none.arrows", step=2, neuron="y0")


def test_an_activation_of_ones_own(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another process its slope is unknown, unless the module that adds it is imported."""
    (tmp_path / "cubes.py").write_text(
        "import neuro_actors as na\nna.add_activation('cubed', lambda z: z**3, lambda z, a: 3 * z**2)\n"
    )
    built_in = dict(functions.ACTIVATIONS)
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(built_in))
    na.add_activation("cubed", lambda z: z**3, lambda z, a: 3 * z**2)
    net = na.Network([na.Input("x"), na.Neuron("y", "cubed")], [na.Synapse("x", "y", 0.5)], ["y"])
    log_steps(tmp_path / "a.arrows", net, [[2.0]], [[0.0]])
    assert na.trace(tmp_path / "a.arrows", step=1, weight="x->y").total == -12
    with monkeypatch.context() as patched:
        patched.setattr(functions, "ACTIVATIONS", built_in)
        with pytest.raises(na.InputError, match="unknown activation 'cubed'"):
            na.trace(tmp_path / "a.arrows", step=1, neuron="y")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert ": -6\n" in run_elsewhere(
        str(tmp_path / "a.arrows"), "--step", "1", "--neuron", "y", "--import", "cubes"
    )


async def test_works_inside_an_event_loop(log: str) -> None:
    assert na.trace(log, step=2, neuron="y0").number == 1


def test_functions_that_were_replaced_are_not_used(tmp_path, monkeypatch) -> None:
    net = na.Network.layered([2, 3, 1], output_activation="identity", seed=1)
    na.train(net, np.ones((4, 2)), np.ones((4, 1)), optimizer=na.SGD(0.1), epochs=1, log=tmp_path / "a.arrows")  # fmt: skip
    assert na.trace(tmp_path / "a.arrows", weight="x0->h1.0").total
    monkeypatch.setitem(na.ACTIVATIONS, "tanh", na.ACTIVATIONS["sin"])
    with pytest.raises(na.LogError, match="the activation 'tanh' is another function here"):
        na.trace(tmp_path / "a.arrows", weight="x0->h1.0")


async def test_products_below_all_floats_come_to_what_the_messages_do(tmp_path) -> None:
    """The activation times the slope is less than any float; the urgency makes up for it."""
    network = na.Network(
        [na.Input("x"), na.Neuron("h", "tanh"), na.Neuron("y")],
        [na.Synapse("x", "h", 1e-3), na.Synapse("h", "y", 1e300)],
        ["y"],
    )
    path = tmp_path / "tiny.arrows"
    async with na.open_simulation(network, log=path) as society:
        found = await society.gradient([[3e-322], [0.0]], [[1.0], [1.0]], "absolute_error")
    traced = na.trace(path, weight="x -> h")
    assert traced.total == traced.from_log == -found.weights[0] != 0.0
    assert traced.shown == traced.total
    assert traced.carried == 1.0
    network = network.with_parameters(network.weights, np.array([0.0, 9.0, 0.0]))  # slope: 6e-8
    path = tmp_path / "tinier.arrows"
    async with na.open_simulation(network, log=path) as society:
        found = await society.gradient([[5e-320], [5.0]], [[0.0], [0.0]], "absolute_error")
    traced = na.trace(path, weight="x -> h", example=1)
    assert abs(traced.total - traced.from_log) <= traced.bound < 1e-12 * abs(traced.total)


def test_a_source_that_sent_0_is_a_reason_too(tmp_path) -> None:
    net = na.Network([na.Input("x"), na.Neuron("y")], [na.Synapse("x", "y", 0.5)], ["y"])
    na.train(net, [[0.0]], [[1.0]], optimizer=na.SGD(0.1), epochs=1, log=tmp_path / "a.arrows")
    text = " ".join(str(na.trace(tmp_path / "a.arrows", weight="x->y", step=1)).split())
    assert "on each, what the source sent, a weight, a slope, or an urgency is 0." in text
    assert "The messages themselves came to +0: 0.0e+00 apart." in text
