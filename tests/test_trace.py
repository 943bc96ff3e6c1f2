"""A trace's paths against all paths, walked one by one; its sum against the society's messages, and against slopes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import neuro_actors as na
from neuro_actors import functions, paths
from neuro_actors.cli import cli
from neuro_actors.verify import draw_case

EPS = float(np.finfo(float).eps)


async def recorded(path, net: na.Network, x, targets, loss: str = "squared_error", channels: str = "bundled") -> na.Gradient:
    """Steps 1 to 3: it learns, is asked for a gradient, inputs included, and predicts."""
    async with na.open_simulation(net, channels, log=na.Recording(path, overwrite=True)) as simulation:
        await simulation.train_step(x, targets, loss, optimizer=na.SGD(0.01))
        gradient = await simulation.gradient(x, targets, loss, wrt_inputs=True)
        await simulation.predict(x)
        return gradient


def walked(net: na.Network, step, start: int) -> list[tuple[tuple[str, ...], np.ndarray, np.ndarray]]:
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


SMALL = [seed for seed in range(40) if len(draw_case(seed).network.weights) <= 60]  # few enough paths to walk


@pytest.mark.parametrize("seed", SMALL)
async def test_all_paths_the_greatest_first(seed: int, tmp_path) -> None:
    case = draw_case(seed)
    net = case.network
    gradient = await recorded(tmp_path / "a.arrows", net, case.x, case.targets, case.loss)
    log = na.open_log(tmp_path / "a.arrows")
    step, trained = log.step(2), log.network_at(1)
    for k in np.random.default_rng(seed).permutation(len(net.weights))[:4].tolist():
        synapse = net.synapses[k]
        heard = step.activations[net.sources[k]]
        expected = [(nodes, values * heard) for nodes, values in walked(trained, step, int(net.targets[k]))]
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


async def test_one_examples_product_is_the_paths_worth(diamond, batch, tmp_path) -> None:
    await recorded(tmp_path / "a.arrows", diamond, *batch)
    for example in (1, 7):
        trace = na.trace(tmp_path / "a.arrows", weight=("x", "h1"), step=1, example=example)
        assert [path.nodes for path in trace.paths] in ([("h1",), ("h1", "y")], [("h1", "y"), ("h1",)])
        for path in trace.paths:
            assert np.prod([factor.value for factor in path.factors]) == pytest.approx(path.value, rel=1e-14)
            assert (path.factors[0].kind, path.factors[0].neuron) == ("said", "x")
            assert path.factors[-1].kind == "urgency"
    means = [na.trace(tmp_path / "a.arrows", weight=("x", "h1"), step=1, example=k).total for k in range(1, 8)]
    assert np.mean(means) == pytest.approx(na.trace(tmp_path / "a.arrows", weight=("x", "h1"), step=1).total, rel=1e-13)


async def test_a_neuron_and_an_input(channels: str, diamond, batch, tmp_path) -> None:
    gradient = await recorded(tmp_path / "a.arrows", diamond, *batch, channels=channels)
    h2 = na.trace(tmp_path / "a.arrows", neuron="h2")  # by default in the last step that urged somebody
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
    gradient = await recorded(tmp_path / "a.arrows", net, rng.standard_normal((2, 8)), np.zeros((2, 3)))
    trace = na.trace(tmp_path / "a.arrows", weight=(net.synapses[3].source, net.synapses[3].target), step=2, limit=5)
    assert trace.number == 8**10 * 3
    assert trace.total == pytest.approx(-gradient.weights[3], rel=1e-10)
    sizes = [abs(path.value) for path in trace.paths]
    assert len(sizes) == 5
    assert sizes == sorted(sizes, reverse=True)
    assert not trace.all_shown
    assert f"These 5 of {8**10 * 3:,} paths (the greatest first) come to" in str(trace)


async def test_a_search_may_be_given_up(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "MOST_STEPS", 3)
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
    assert text.startswith("urgency of the weight x -> h1 at step 1 (learn from squared_error, mean of 7\nexamples): ")
    assert "h1 -> y -> loss\n" in text
    assert "~ x said " in text
    assert "All 2 paths: " in text
    assert "The messages themselves came to " in text
    assert max(map(len, text.splitlines())) <= 80
    one = str(na.trace(tmp_path / "a.arrows", weight=("h2", "y"), step=1, example=3))
    assert "example 3 of\n7" in one or "example 3 of 7" in one
    assert "= h2 said " in one
    assert "There is no other path." in one


# --- what goes wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"weight": ("x", "h")}, r"^there is no neuron 'h'; did you mean 'h[12]'\?$"),
        ({"weight": ("h1", "h2")}, r"^there is no synapse 'h1' -> 'h2': 'h2' hears 'x'$"),
        ({"weight": ("h1", "x")}, r"^there is no synapse 'h1' -> 'x': it is an input$"),
        ({"weight": "x->h1"}, r"^weight must be a pair \(source, target\), got 'x->h1'$"),
        ({"neuron": "h1", "step": 3}, r"step 3 only predicts: nobody was urged in it$"),
        ({"neuron": "h1", "step": 4}, r"there is no step 4; it holds steps 1 to 3$"),
        ({"neuron": "h1", "example": 8}, r"^example 8: step 2 has 7$"),
        ({"source": "x"}, r"^the slope of which output\? One of 'y', 'h1'$"),
        ({"source": "x", "output": "z"}, r"^there is no output 'z'; "),
        ({}, r"^ask for one thing: a weight, a neuron or a source$"),
        ({"neuron": "h1", "limit": 0}, r"^limit must be a whole number of at least 1, got 0$"),
    ],
)
async def test_what_cannot_be_traced(asked, match: str, diamond, batch, tmp_path) -> None:
    await recorded(tmp_path / "a.arrows", diamond, *batch)
    with pytest.raises(na.NeuroActorsError, match=match):
        na.trace(tmp_path / "a.arrows", **asked)


@pytest.mark.parametrize(
    ("chosen", "match"),
    [
        ({"phases": ["forward", "loss"]}, r"^the log does not hold what '(h1|y)' had learnt before step 2"),
        ({"phases": ["forward", "commit"]}, r"^the log does not hold what the loss told '(h1|y)' in step 2"),
        ({"neurons": ["h2"]}, r"^the log does not hold what '.*' (heard|had learnt)"),
    ],
)
async def test_partial_logs_that_lack_what_is_needed(chosen, match: str, diamond, batch, tmp_path) -> None:
    async with na.open_simulation(diamond, log=na.Recording(tmp_path / "a.arrows", **chosen)) as simulation:
        await simulation.train_step(*batch, optimizer=na.SGD(0.1))
        await simulation.gradient(*batch)
    with pytest.raises(na.LogError, match=match):
        na.trace(tmp_path / "a.arrows", neuron="h1", step=2)


async def test_every_third_step_can_be_traced(diamond, batch, tmp_path) -> None:
    totals = []
    for every in (1, 3):
        log = na.Recording(tmp_path / f"{every}.arrows", every=every)
        async with na.open_simulation(diamond, log=log) as simulation:
            for _ in range(5):
                await simulation.train_step(*batch, optimizer=na.Adam(0.1))
        totals.append(na.trace(tmp_path / f"{every}.arrows", weight=("h1", "y"), step=4).total)
    assert totals[0] == totals[1]


async def test_the_command(tmp_path) -> None:
    neurons = [na.Input("a->b"), na.Input("a"), na.Neuron("b->c"), na.Neuron("c")]
    synapses = [na.Synapse("a->b", "c", 1.0), na.Synapse("a", "b->c", 2.0), na.Synapse("b->c", "c", 3.0)]
    net = na.Network(neurons, synapses, ["c"])
    path = str(tmp_path / "run.arrows")
    await recorded(path, net, [[1.0, 2.0]], [[0.0]])

    def run(*arguments: str) -> str:
        found = CliRunner().invoke(cli, ["log", "trace", path, *arguments], catch_exceptions=False)
        assert found.exit_code == 0, found.output
        return found.output

    assert "the weight b->c -> c at" in run("--weight", "b->c->c", "--step", "1")
    assert "the weight a -> b->c at" in run("--weight", "a->b->c", "--step", "1")
    assert "the weight b->c -> c at" in run("--weight", "b->c -> c")
    assert json.loads(run("--from", "a", "--json"))["total"] == pytest.approx(na.trace(path, source="a").total)
    for wrong, message in (
        (["--weight", "a"], "write both ends of the synapse"),
        (["--neuron", "a", "--from", "a"], "ask for one thing"),
        (["--neuron", "a", "--to", "c"], "--to goes with --from"),
    ):
        with pytest.raises(na.InputError, match=message):
            CliRunner().invoke(cli, ["log", "trace", path, *wrong], catch_exceptions=False, standalone_mode=False)
