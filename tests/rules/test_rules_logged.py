"""Societies under other rules, recorded: equal logs whatever the engine, each neuron replayed alone by its rule."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest
from helpers import forgery
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.proof.random_cases import draw_case
from neuro_actors.rules import rule_json as descriptions
from neuro_actors.simulation import blocking as synchronous

RULES = [
    na.rules.FeedbackAlignment(3),
    na.rules.DirectFeedbackAlignment(1),
    na.rules.PredictiveCoding(3, 0.5),
    na.rules.PredictiveCoding(2, 1.0, fixed=True),
    na.rules.WeightPerturbation(1e-2, 5),
    na.rules.NewtonCG(l2=0.01, damping=0.1, products=3),
    na.rules.MicroBatches(na.rules.Backpropagation(), 3),
    na.rules.MicroBatches(na.rules.FeedbackAlignment(3), 5),
]


def record(rule: na.rules.Rule, path, seed: int = 16, channels: str = "bundled") -> None:
    case = draw_case(seed)

    async def society() -> None:
        async with na.open_simulation(case.network, channels, path, rule=rule) as simulation:
            await simulation.predict(case.x)
            for _ in range(2):
                await simulation.train_step(
                    case.x, case.targets, case.loss, optimizer=na.SGD(0.01, momentum=0.9)
                )
            await simulation.gradient(case.x, case.targets, case.loss)

    synchronous.run(society)


@pytest.mark.parametrize("rule", few(RULES, 4), ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize("seed", few([5, 16, 28], 1))
def test_a_log_under_any_rule_is_proved(rule: na.rules.Rule, seed: int, tmp_path) -> None:
    for channels in ("memory", "bundled"):
        record(rule, tmp_path / channels, seed, channels)
        audit = na.audit(tmp_path / channels)
        assert (audit.lie, audit.passed, audit.exact, audit.unproved) == (None, True, True, 0)
    assert forgery.read(tmp_path / "memory") == forgery.read(
        tmp_path / "bundled"
    )  # batches of rows depend on the clock
    log = na.open_log(tmp_path / "memory")
    assert log.about["rule"] == descriptions.rule_to_json(rule)
    assert descriptions.rule_from_json(log.about["rule"]) == rule


@pytest.mark.parametrize("rule", few(RULES, 4), ids=lambda rule: type(rule).__name__)
def test_a_changed_number_is_found(rule: na.rules.Rule, tmp_path, run_slow: bool) -> None:
    record(rule, tmp_path / "a")
    metadata, honest = forgery.read(tmp_path / "a")
    rng = np.random.default_rng(0)
    there = [
        k
        for k, row in enumerate(honest)
        if row[forgery.VALUE] and row[forgery.SENDER] not in (None, "environment")
    ]
    for k in rng.choice(there, 25 if run_slow else 10, replace=False).tolist():
        rows = [list(row) for row in honest]
        value = list(rows[k][forgery.VALUE])
        i = int(rng.integers(len(value)))
        value[i] = float(np.nextafter(value[i], 9.0))
        rows[k][forgery.VALUE] = value
        forgery.write(tmp_path / "b", metadata, forgery.sealed(metadata, rows))
        lie = na.audit(tmp_path / "b").lie
        assert lie is not None, (honest[k][:4], i)
        assert lie.step <= rows[k][forgery.STEP]


def test_another_rules_log_is_not_that_rules(tmp_path) -> None:
    record(na.rules.FeedbackAlignment(3), tmp_path / "a")
    metadata, rows = forgery.read(tmp_path / "a")
    about = json.loads(metadata[b"neuro_actors"])
    for rule in ({"name": "Backpropagation"}, {"name": "FeedbackAlignment", "seed": 4}):
        forged = {b"neuro_actors": json.dumps(about | {"rule": rule}).encode()}
        forgery.write(tmp_path / "b", forged, forgery.sealed(forged, rows))
        assert na.audit(tmp_path / "b").lie is not None


@pytest.mark.parametrize(
    "rule",
    [
        None,
        {},
        {"name": "Nobody"},
        {"name": "FeedbackAlignment"},
        {"name": "FeedbackAlignment", "seed": -1},
        {"name": "Rule"},
        7,
    ],
)
def test_rules_that_are_none(rule, tmp_path) -> None:
    record(na.rules.FeedbackAlignment(3), tmp_path / "a")
    metadata, rows = forgery.read(tmp_path / "a")
    forged = {
        b"neuro_actors": json.dumps(json.loads(metadata[b"neuro_actors"]) | {"rule": rule}).encode()
    }
    forgery.write(tmp_path / "b", forged, forgery.sealed(forged, rows))
    with pytest.raises(na.LogError):
        na.audit(tmp_path / "b")


def test_what_needs_backpropagation_says_so(tmp_path) -> None:
    record(na.rules.FeedbackAlignment(3), na.Recording(tmp_path / "a", every=2))
    with pytest.raises(
        na.LogError,
        match=r"a log under FeedbackAlignment\(seed=3\) can be audited whole.*it is a partial log$",
    ):
        na.audit(tmp_path / "a")
    with pytest.raises(
        na.InputError,
        match=r"products along paths under backpropagation, not under FeedbackAlignment$",
    ):
        na.trace(tmp_path / "a", neuron="y0", step=1)
    case = draw_case(16)

    async def society() -> None:
        async with na.open_simulation(case.network, rule=na.rules.PredictiveCoding()) as simulation:
            one = np.ones(len(case.network.weights)), np.ones(len(case.network.ids))
            await simulation.hessian_vector_product(case.x, case.targets, *one, case.loss)

    with pytest.raises(
        na.InputError,
        match=r"^products with the Hessian need the rule na.rules.Backpropagation\(\), not Pred",
    ):
        synchronous.run(society)


@pytest.mark.parametrize("phases", [["commit"], ["loss"], ["loss", "commit"]])
def test_a_width_that_nothing_recorded_has_is_not_made_room_for(
    phases: list[str], tmp_path
) -> None:
    """2^31 - 1 numbers a member would be 16 GiB for each."""
    case = draw_case(16)

    async def society() -> None:
        async with na.open_simulation(
            case.network, log=na.Recording(tmp_path / "a", phases=phases)
        ) as simulation:
            await simulation.gradient(case.x, case.targets, case.loss)

    synchronous.run(society)
    metadata, rows = forgery.read(tmp_path / "a")
    note = rows[0][forgery.NOTE]
    rows[0][forgery.NOTE] = note.replace('"optimizer"', '"columns": 2147483647, "optimizer"')
    assert rows[0][forgery.NOTE] != note
    forgery.write(tmp_path / "b", metadata, forgery.sealed(metadata, rows))
    tracemalloc.start()
    audit = na.audit(tmp_path / "b")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not audit.passed
    assert peak < 20e6


@pytest.mark.parametrize("rule", ["backpropagation", na.rules.FeedbackAlignment, 3, na.SGD(0.1)])
def test_what_is_no_rule(rule) -> None:
    with pytest.raises(
        na.InputError, match=r"^rule must be such as na.rules.FeedbackAlignment\(\), or None, got "
    ):
        na.train(na.Network.layered([1, 1]), [[1.0]], [[1.0]], optimizer=na.SGD(0.1), rule=rule)
