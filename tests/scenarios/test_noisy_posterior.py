"""What a restless neuron's wandering is like, and what averaging is good for."""

from __future__ import annotations

import _experiment
import noisy_posterior
import numpy as np
import pytest
from helpers.tiers import need
from noisy_posterior import Averages, Chain, Listener, Results, Score

import neuro_actors as na

SEED = 1  # the script's own test has 0


@pytest.fixture(scope="module")
def results() -> Results:
    paces = [
        (0.25, False),
        (1.0, False),
        (4.0, False),
        ("alone", False),
        ("alone", True),
        ("joint", True),
    ]
    return noisy_posterior.measure_all([SEED], paces)


@pytest.mark.slow
def test_one_rate_for_all_fits_badly_and_others_worse(results: Results) -> None:
    slow, best, fast = (results.divergence(pace)[0] for pace in (0.25, 1.0, 4.0))
    assert 0.5 < best < 1.5
    assert slow > best + 1
    assert fast > 4


@pytest.mark.slow
def test_a_synapse_that_listens_fits_well_unless_inputs_are_rotated(results: Results) -> None:
    assert results.divergence("alone")[0] < 0.2
    assert results.divergence("alone", True)[0] > 0.35
    assert results.divergence("joint", True)[0] < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cats", "digits"])
def test_averages_are_more_accurate(name: str, results: Results) -> None:
    if name == "digits":
        need("sklearn")
    (found,) = results.averages[name]
    assert found.averaged.accuracy > found.one.accuracy + 0.03
    assert found.averaged.nll < found.one.nll - 0.05
    assert found.averaged.accuracy > 0.8


@pytest.mark.parametrize("rotated", [False, True])
def test_the_posterior_is_where_it_is_said_to_be(rotated: bool) -> None:
    """There, the mean urgency of all examples and the prior balance; the precision is the slope of that."""
    given = noisy_posterior.make_problem(5, rotated)

    def pull(parameters: np.ndarray) -> np.ndarray:
        neuron = na.Network.from_matrices([parameters[None, :-1]], [parameters[-1:]], ["identity"])
        gradient = na.gradient(neuron, given.x, given.targets, "gaussian")
        return -np.append(gradient.weights, gradient.biases[-1]) * len(given.x) - parameters

    assert np.abs(pull(given.mean)).max() < 1e-9
    step = np.full(6, 0.01)
    assert np.allclose(pull(given.mean + step), -given.precision @ step, atol=1e-8)
    correlation = given.precision[0, -2] / np.sqrt(given.precision[0, 0] * given.precision[-2, -2])
    assert (abs(correlation) > 0.1) == rotated


def test_the_divergence() -> None:
    precision = np.diag([1.0, 4.0])
    assert noisy_posterior.divergence(np.diag([1.0, 0.25]), precision) == pytest.approx(0)
    assert noisy_posterior.divergence(np.diag([2.0, 0.25]), precision) == pytest.approx(
        (1 - np.log(2)) / 2
    )


@pytest.mark.parametrize("joint", [False, True])
def test_a_listener_stands_still_and_then_moves_at_its_own_pace(joint: bool) -> None:
    rng = np.random.default_rng(2)
    samples = rng.standard_normal((500, 2)) @ np.array([[1.0, 0.5], [0.0, 2.0]])
    pace, here = Listener(joint, listen=500, examples=100), np.array([20.0, -40.0])
    state = pace.start(2)
    for count, urgencies in enumerate(samples, 1):
        there, state = pace.update(here, urgencies, state, count)
        assert np.array_equal(there, here)
    moved, _ = pace.update(here, np.array([1.0, 1.0]), state, 501)
    prior = np.array([-0.2, 0.4])  # an example's share of what pulls towards 0
    together = (samples + prior).T @ (samples + prior) / 500
    expected = np.linalg.solve(together, 1 + prior) if joint else (1 + prior) / np.diag(together)
    assert np.allclose(moved - here, 2 / 100 * expected)


def test_the_score() -> None:
    p = np.array([[0.8, 0.2], [0.8, 0.2], [0.35, 0.65]])
    nll, accuracy, calibration = noisy_posterior.score(p, np.array([0, 1, 1]))
    assert nll == pytest.approx(-np.log([0.8, 0.2, 0.65]).mean())
    assert accuracy == pytest.approx(2 / 3)
    assert calibration == pytest.approx((0.6 + 0.35) / 3)


def test_the_finding_is_not_claimed_of_other_numbers() -> None:
    def results(alone: float, gained: float) -> Results:
        values = {
            (1.0, False): 0.9,
            (4.0, False): 6.0,
            ("alone", False): alone,
            ("alone", True): 0.7,
            ("joint", True): 0.1,
        }
        one, averaged = Score(0.5, 0.8, 0.1), Score(0.4, 0.8 + gained, 0.1)
        return Results(
            {pace: [Chain(v, np.zeros((1, 2)))] for pace, v in values.items()},
            {"cats": [Averages(one, averaged, one)]},
        )

    assert noisy_posterior.finding(results(0.1, 0.05)).startswith(
        "the best common rate ends at a divergence of 0.90"
    )
    for other in (results(0.8, 0.05), results(0.1, -0.01)):
        assert noisy_posterior.finding(other).startswith("not shown by this run")


def test_without_scikit_learn_the_digits_are_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr(noisy_posterior, "find_spec", lambda name: None)
    monkeypatch.setattr(
        _experiment,
        "run_all",
        lambda what, run, cases: [name for name, _ in cases] if what == "averages" else [],
    )
    found = noisy_posterior.measure_all([SEED], [])
    assert found.averages == {"cats": ["cats"]}
    score = Score(0.5, 0.8, 0.1)
    noisy_posterior.print_tables(
        Results(
            {(1.0, False): [Chain(0.9, np.zeros((1, 2)))]},
            {"cats": [Averages(score, score, score)]},
        )
    )
    assert "they need scikit-learn" in capsys.readouterr().out


@pytest.mark.slow
def test_the_script(run_script) -> None:
    out, log = run_script("noisy_posterior", [Listener()])
    assert "\nFinding:  the best common rate ends" in out
    assert len(log) == noisy_posterior.LISTEN + noisy_posterior.SETTLE + noisy_posterior.STEPS
    still, moved = (log.network_at(noisy_posterior.LISTEN + k).weights for k in (0, 1))
    assert np.array_equal(still, log.network.weights)
    assert not np.array_equal(moved, still)
