"""What the experiment with other rules finds, seed by seed, and that its script tells it."""

from __future__ import annotations

import _experiment
import other_rules
import pytest
from helpers.tiers import few, skip_without
from other_rules import (
    BACKPROPAGATION,
    CODING,
    DEEPER,
    DIRECT,
    FEEDBACK,
    NOISE,
    Noise,
    Run,
    count_differing,
    measure,
    measure_noise,
)

SEEDS = (0, 1)


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return _experiment.run_all("societies", measure, [(FEEDBACK, seed, 600) for seed in SEEDS])


@pytest.mark.slow
@pytest.mark.parametrize("k", SEEDS)
def test_feedback_comes_to_point_along_the_gradient(runs: list[Run], k: int) -> None:
    run = runs[k]
    assert 70 < run.angles[0] < 110
    assert run.angles[-1] < 45
    assert run.accuracies[0] < 0.3
    assert run.accuracies[-1] > 0.94


@pytest.mark.slow
def test_freely_relaxed_it_stays_near_and_noise_stays_far() -> None:
    skip_without("sklearn")
    near, far, exact = (measure(name, 0, 50) for name in (CODING, NOISE, BACKPROPAGATION))
    assert 1 < max(near.angles) < 30
    assert near.accuracies[-1] > 0.85
    assert all(80 < angle < 100 for angle in far.angles)
    assert max(exact.angles) < 1e-5


@pytest.mark.parametrize("name", [DIRECT, DEEPER])
def test_others_begin_to_learn(name: str) -> None:
    skip_without("sklearn")
    run = measure(name, 0, 50)
    assert 70 < run.angles[0] < 110
    assert run.angles[-1] < run.angles[0] - 5
    assert run.accuracies[-1] > 0.7


@pytest.mark.parametrize("seed", SEEDS)
def test_fixed_predictions_are_backpropagation(seed: int) -> None:
    skip_without("sklearn")
    assert count_differing(seed, relaxations=2, steps=5) == 0
    assert count_differing(seed, relaxations=1, steps=5) > 2000


@pytest.mark.parametrize("hidden", few(other_rules.SIZES, 1))
def test_one_reward_finds_one_nth(hidden: int) -> None:
    skip_without("sklearn")
    found = measure_noise(0, hidden)
    assert found.n == 64 * hidden + hidden + hidden * 10 + 10
    assert 0.7 < found.ratio < 1.35


def test_the_finding_is_not_claimed_where_the_numbers_do_not_support_it() -> None:
    good, bad = (
        Run([0, 600], [90.0, 35.0], [0.1, 0.97]),
        Run([0, 600], [90.0, 60.0], [0.1, 0.97]),
    )
    runs = {FEEDBACK: [good], BACKPROPAGATION: [good]}
    assert "(35°)" in other_rules.finding(runs, [0], [Noise(160, 1.0)])
    assert (
        other_rules.finding(runs, [1], [Noise(160, 1.0)])
        == "this run does not show that fixed predictions give its bits."
    )
    assert "does not show" in other_rules.finding(runs, [0], [Noise(160, 1.5)])
    assert "does not show" in other_rules.finding(
        {**runs, FEEDBACK: [good, bad]}, [0], [Noise(160, 1.0)]
    )


@pytest.mark.slow
def test_the_script(run_script) -> None:
    out, log = run_script("other_rules")
    assert "Finding:  with feedback through fixed random" in out
    assert len(log) == 20 + 2 * 2  # it was looked at twice, by a gradient and a prediction
