"""Newton's method by mail: what it saves, how it ends, and what its guard is for."""

from __future__ import annotations

from functools import cache

import newton
import numpy as np
import pytest
from helpers.tiers import skip_without
from newton import Curve, Regression

import neuro_actors as na

SEEDS = [1, 2]  # the script's own test has 0


@cache
def regressions(l2: float) -> list[Regression]:
    """Of descent at the rate that is the best of the four, and no other."""
    return [newton.run_regression(seed, l2, newton.RATES[:1]) for seed in SEEDS]


@cache
def small_network() -> Curve:
    return newton.run_small_network(SEEDS[1], 40)


@pytest.mark.slow
@pytest.mark.parametrize("k", range(len(SEEDS)))
def test_the_flatter_the_valley_the_more_is_saved(k: int) -> None:
    round, flat = regressions(1e-2)[k], regressions(1e-3)[k]
    for run in (round, flat):
        assert run.newton.reached
        assert run.descent.reached
        assert run.newton.rounds["product"] < 15 * run.newton.steps  # a full Hessian takes 31
    assert 1.1 < round.saved < 2
    assert flat.saved > 5
    assert flat.newton.steps < 15


@pytest.mark.slow
@pytest.mark.parametrize("k", range(len(SEEDS)))
def test_its_last_digits_come_fast(k: int) -> None:
    """Faster than by a factor: with the forcing term √|g| the norm falls to its power 1.5."""
    for l2 in (1e-2, 1e-3):
        run = regressions(l2)[k]
        assert newton.orders(run.newton)[-1] > 1.4
        assert newton.orders(run.descent)[-1] < 1.25  # of 20 steps


def test_only_with_its_guard_does_it_end_at_a_minimum() -> None:
    run = small_network()
    assert run.start < -0.1
    assert [newton.classify_end(run, way) == "minimum" for way in range(4)] == [
        False,
        True,
        True,
        False,
    ]
    bare, guarded = run.tracks[0].objectives[-1], run.tracks[1].objectives[-1]
    assert bare > 10 * guarded


def test_its_hessian_is_that_of_the_reference() -> None:
    task = newton.curve(3)
    n = len(task.network.weights)
    hessian = newton.compute_hessian(task, task.network)
    for k in (0, 7, n - 1):
        found = na.reference.hessian_vector_product(
            task.network,
            task.x,
            task.targets,
            np.eye(n)[k],
            np.zeros(len(task.network.ids)),
            task.loss,
        )
        wanted = (
            newton.flatten(task.network, found.weights, found.biases)
            + task.l2 * np.eye(len(hessian))[k]
        )
        assert np.allclose(hessian[k], wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.slow
def test_it_says_so_if_a_run_does_not_show_it(capsys) -> None:
    """Descent in the place of Newton-CG: the finding is not claimed."""
    skip_without("sklearn")
    pairs = [run._replace(newton=run.descent) for run in regressions(1e-2)]
    newton.conclude({1e-2: pairs}, [small_network()])
    assert "does not show" in capsys.readouterr().out
    newton.conclude({1e-2: regressions(1e-2)}, [small_network()])
    assert "does not show" not in capsys.readouterr().out


@pytest.mark.slow
def test_the_script(run_script) -> None:
    out, log = run_script("newton")
    assert "Finding:  only scalars go up a tree" in out
    assert {info.round for info in log.steps} == {"gradient", "product", "trial", "accept"}
