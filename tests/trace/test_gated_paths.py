"""Paths through interneurons and receptive fields, and within one tick of a run through time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import gated_networks
from helpers.cli_logs import run
from helpers.gated_networks import examples, leaving_out, record, recurrent_leaving_out

import neuro_actors as na
from neuro_actors.trace.tracer import Tracer

NETWORKS = gated_networks.NETWORKS | {"leaving out": leaving_out}
IN_TIME = gated_networks.IN_TIME | {"recurrent leaving out": recurrent_leaving_out}
ALL = NETWORKS | IN_TIME


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("logs")
    for name, make in ALL.items():
        record(folder / f"{name}.arrows", make())
    return {name: folder / f"{name}.arrows" for name in ALL}


def learned(network: na.Network) -> list[tuple[str, str]]:
    return [
        (s.source, s.target)
        for s in network.synapses
        if network.n_parameters[network.position[s.target]]
    ]


@pytest.mark.parametrize("example", [None, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_paths_come_to_what_the_messages_do(name: str, example: int | None, paths) -> None:
    log = na.open_log(paths[name])
    network = log.network
    for weight in learned(network):
        why = na.trace(log, weight=weight, step=2, example=example, limit=500)
        assert why.from_log is not None
        assert abs(why.total - why.from_log) <= why.bound, weight
        assert why.bound < 1e-9
        assert why.shown == pytest.approx(why.total, rel=1e-9, abs=why.bound)
        assert why.number == len(why.paths) or why.all_shown
        for few in (1, 2):  # they are found first
            best = na.trace(log, weight=weight, step=2, example=example, limit=few)
            assert [p.value for p in best.paths] == pytest.approx(
                [p.value for p in why.paths[:few]], rel=1e-9
            )
        assert [abs(p.value) for p in why.paths] == sorted(
            (abs(p.value) for p in why.paths), reverse=True
        )
    if example is None:  # they are the gradient
        for k, s in enumerate(network.synapses):
            if (s.source, s.target) in learned(network):
                why = na.trace(log, weight=(s.source, s.target), step=2)
                assert why.from_log == pytest.approx(log.step(2).weights[k], rel=1e-12)
    for id in network.ids:
        why = na.trace(log, neuron=id, step=2, example=example)
        assert abs(why.total - why.from_log) <= why.bound, id


@pytest.mark.parametrize("name", NETWORKS)
def test_slopes_against_differences(name: str, paths) -> None:
    """Of an output by an input: over all positions, the mean over the examples."""
    log, network = na.open_log(paths[name]), ALL[name]()
    x, _ = examples(network)
    step = 1e-6
    for i, source in enumerate(network.inputs):
        for o, output in enumerate(network.outputs):
            why = na.trace(log, source=source, output=output, step=1)
            ends = []
            for side in (-1, 1):
                moved = x.copy()
                moved[..., i] += side * step
                predictions = na.predict(network, moved)[..., o]
                ends.append(predictions.reshape(3, -1).sum(axis=1).mean())
            assert why.total == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=1e-5, abs=1e-7)


def test_factors_multiply_to_the_worth(paths) -> None:
    why = na.trace(paths["gated"], weight="a->h", step=2, example=1, limit=100)
    assert len({path.nodes for path in why.paths}) == len(why.paths)
    through_a_gate = [path for path in why.paths if "p" in path.nodes]
    assert through_a_gate
    for path in why.paths:
        assert np.prod([factor.value for factor in path.factors]) == pytest.approx(path.value)
        weights = [factor.neuron for factor in path.factors if factor.kind == "weight"]
        assert not set(weights) & {"p", "s", "m", "l"}  # interneurons have none
    assert "slope" in str(why)


def test_over_positions_no_factors_are_shown(paths) -> None:
    one = na.trace(paths["pictures"], weight="x->c", step=2, example=1)
    assert not any(path.factors for path in one.paths)
    assert "A path's worth is its sum over all positions." in str(one)
    many = na.trace(paths["pictures"], weight="x->c", step=2)
    assert "sum over all positions, and its mean over 3 examples." in " ".join(str(many).split())
    assert "its factors" not in one._repr_html_()


def test_a_dropouts_slope_is_its_mask(paths) -> None:
    """Of the step that is traced; in a prediction it repeats what it hears."""
    log = na.open_log(paths["leaving out"])
    slope = {}
    for number in (1, 2, 3):
        step = log.step(number)
        source, own = (step.activations[log.network.position[id]] for id in ("h", "left"))
        slope[number] = np.round(own / source, 12)
        tracer = Tracer(log, number, None, to_loss=False)
        assert np.array_equal(
            np.round(tracer._mask(log.network.position["left"]), 12), slope[number]
        )
    assert set(slope[1]) == {1.0}
    assert set(slope[2]) == set(slope[3]) == {0.0, np.round(1 / 0.7, 12)}
    assert not np.array_equal(slope[2], slope[3])


def test_an_interneurons_synapse_has_no_urgency(paths) -> None:
    with pytest.raises(
        na.InputError, match="'p' is an interneuron, whose synapses have no weights: ask for"
    ):
        na.trace(paths["gated"], weight="h->p")


def test_the_command(paths) -> None:
    shown, _ = run(
        "log", "trace", str(paths["gated"]), "--weight", "a->h", "--step", "2", "--example", "1"
    )
    assert "a -> h" in shown
    for name in ("pictures", "leaving out"):
        assert run("log", "trace", str(paths[name]), "--source", "x", "--step", "2")[0]


@pytest.mark.parametrize("name", IN_TIME)
def test_through_time_a_trace_stays_within_one_tick(name: str, paths) -> None:
    """What comes back through a delay ends at what the delay hears: there the urgency was handed on."""
    log = na.open_log(paths[name])
    back = [info.number for info in log.steps if info.round == "back to tick 2 of 4"]
    network = log.network
    for weight in learned(network):
        why = na.trace(log, weight=weight, step=back[0], limit=100)
        assert abs(why.total - why.from_log) <= why.bound
        assert why.bound < 1e-9
    ends = {path.nodes[-1] for path in why.paths}
    why = na.trace(log, neuron="a", step=back[0], limit=100)
    assert {path.nodes[-1] for path in why.paths} >= {"to before", "y"}
    assert ends
    assert "back to tick 2 of 4" in why.about
    # the parts of all ticks come to the gradient
    first = [info.number for info in log.steps if info.round.startswith("back to tick")][:4]
    k = [(s.source, s.target) for s in network.synapses].index(learned(network)[0])
    total = sum(na.trace(log, weight=learned(network)[0], step=number).total for number in first)
    assert total == pytest.approx(log.step(first[-1]).weights[k], rel=1e-9)
