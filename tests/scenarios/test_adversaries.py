"""The game between two societies: what passes between them, and who starves."""

from __future__ import annotations

from functools import partial

import _experiment
import adversaries
import numpy as np
import pytest
from adversaries import Game, Rules

import neuro_actors as na

SEEDS = [1, 2]  # the script's own test has 0


@pytest.fixture(scope="module")
def games() -> dict[str, list[Game]]:
    names = ["-log p", "-p^2"]
    played = _experiment.run_all(
        "games", adversaries.measure, [(seed, Rules(name)) for name in names for seed in SEEDS]
    )
    return {name: played[k * len(SEEDS) : (k + 1) * len(SEEDS)] for k, name in enumerate(names)}


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_the_minimax_square_starves_who_is_behind(seed: int, games: dict[str, list[Game]]) -> None:
    starved, fed = (games[name][SEEDS.index(seed)] for name in ("-p^2", "-log p"))
    assert starved.distance > 2
    assert fed.distance < 1
    assert fed.urgencies[:50].mean() > 5 * starved.urgencies[:50].mean()


@pytest.mark.parametrize("penalty", [p.name for p in adversaries.PENALTIES])
async def test_two_societies_are_as_one(penalty: str) -> None:
    """What comes back to the generator by urgencies alone is the gradient of the two in one network."""
    rng = np.random.default_rng(3)
    forger, critic = (
        adversaries.draw_network(rng, "tanh", "identity"),
        adversaries.draw_network(rng, "leaky", "sigmoid"),
    )
    noise = rng.standard_normal((adversaries.BATCH, 1))
    async with na.open_simulation(forger) as generator, na.open_simulation(critic) as discriminator:
        urgencies = await adversaries.ask_urgencies(
            discriminator, await generator.predict(noise), penalty
        )
        apart = (await generator.gradient(noise, urgencies, "linear")).to_matrices()
    weights, biases = (
        a + b for a, b in zip(forger.to_matrices(), critic.to_matrices(), strict=True)
    )
    both = na.Network.from_matrices(weights, biases, ["tanh", "identity", "leaky", "sigmoid"])
    together = na.gradient(both, noise, np.ones((adversaries.BATCH, 1)), penalty).to_matrices()
    for ours, theirs in zip(apart, together, strict=True):
        for part, whole in zip(ours, theirs, strict=False):
            assert np.abs(whole).max() > 1e-4
            assert np.allclose(part, whole, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("p", adversaries.PENALTIES, ids=lambda p: p.name)
def test_what_is_left_behind_the_sigmoid(p: adversaries.Penalty) -> None:
    """The table's formulas are the urgencies of the discriminator's signal."""
    formula = (
        p.factor.replace("2p", "2*p").replace("p(", "p*(").replace("2(", "2*(").replace("^", "**")
    )
    one = na.Network.from_matrices([[[1.0]]], [[0.0]], ["sigmoid"])
    for signal in (-4.0, -0.5, 1.5):
        said = 1 / (1 + np.exp(-signal))
        urgency = -na.gradient(one, [[signal]], [[1.0]], p.name).biases[-1]
        assert urgency == pytest.approx(eval(formula, {"p": said}), rel=1e-9)


def test_the_distance() -> None:
    real = adversaries.MEAN + adversaries.SPREAD * adversaries.NOISE
    assert adversaries.distance(real[::-1]) == 0
    assert adversaries.distance(real + 0.25) == pytest.approx(0.25)
    assert adversaries.distance(np.zeros_like(real)) == pytest.approx(3)


def test_the_finding_is_not_claimed_of_other_numbers() -> None:
    def results(starved: float, hears: float) -> adversaries.Results:
        game = partial(Game, said={})
        rules = [
            Rules(p.name, h) for p in adversaries.PENALTIES for h in (adversaries.HEAD_START, 0)
        ]
        bad = Rules("-p^2")
        return {
            r: [game(starved if r == bad else 0.3, np.full(60, hears if r == bad else 0.6))]
            for r in rules
        }

    assert "starves a losing generator" in adversaries.finding(results(3.0, 0.02))
    for other in (results(0.3, 0.02), results(3.0, 0.5)):
        assert adversaries.finding(other).startswith("not shown by this run")


@pytest.mark.slow
def test_the_script(run_script) -> None:
    out, log = run_script("adversaries")
    assert "\nFinding:  in the minimax game" in out
    assert len(log) == 2 + adversaries.ROUNDS * 2 + len(adversaries.SHOWN)
    last = log.step(len(log) - 2)
    assert np.array_equal(
        last.blame, last.targets
    )  # the urgencies at its output are what it was told
