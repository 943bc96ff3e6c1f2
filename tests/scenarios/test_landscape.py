"""A saddle that the exact gradient never leaves, what leads away from it, and how many starts end well."""

from __future__ import annotations

import landscape
import numpy as np
import pytest
from helpers.tiers import skip_without

import neuro_actors as na


@pytest.mark.parametrize("seed", [100, 101])
def test_what_leaves_the_saddle(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without("scipy")
    monkeypatch.setattr(landscape, "PATIENCE", 400)
    one = landscape.measure(seed)
    assert one.gradient == 0.0
    assert (one.down, one.up) == (4, 5)
    assert -0.4 < one.lowest < -0.02
    assert one.left["full"] is None
    assert 4 < one.left["single"] < 150
    assert 30 < one.left["noise"] < 300


def test_the_gradient_is_exactly_0_in_many_saddles_and_another_start_has_one() -> None:
    for seed in range(30):
        gradient = na.gradient(
            landscape.make_saddle(seed), landscape.X, landscape.TARGETS, landscape.LOSS
        )
        assert not gradient.weights.any()
        assert not gradient.biases.any()
    gradient = na.gradient(
        landscape.make_start(0, 4), landscape.X, landscape.TARGETS, landscape.LOSS
    )
    assert np.abs(gradient.weights).max() > 0.01


def test_products_are_those_of_differences_of_gradients() -> None:
    skip_without("scipy")
    net = landscape.make_start(3, 4)
    direction = np.random.default_rng(0).standard_normal(17)

    def gradient(far: float) -> np.ndarray:
        there = net.with_parameters(*landscape.split(net, landscape.join(net) + far * direction))
        found = na.gradient(there, landscape.X, landscape.TARGETS, landscape.LOSS)
        return np.concatenate([found.weights, found.biases[~net.is_input]])

    product = (
        landscape.hessian_operator(net, landscape.X, landscape.TARGETS, landscape.LOSS) @ direction
    )
    assert product == pytest.approx((gradient(1e-5) - gradient(-1e-5)) / 2e-5, abs=1e-7)


def test_lanczos_finds_the_ends_of_the_spectrum() -> None:
    skip_without("scipy")
    net = landscape.make_saddle(1)
    matrix = landscape.hessian_operator(
        net, landscape.X, landscape.TARGETS, landscape.LOSS
    ) @ np.eye(17)
    assert np.array_equal(matrix, matrix.T)
    eigenvalues, directions = landscape.find_extreme_eigenvalues(net)
    assert eigenvalues == pytest.approx(np.linalg.eigvalsh(matrix)[[0, -1]])
    assert matrix @ directions == pytest.approx(directions * eigenvalues, abs=1e-9)
    side = np.array([-0.01, 0.0, 0.01])  # and the slice curves as they say
    heights = landscape.compute_slice(net, directions, side, side)
    for line, eigenvalue in ((heights[:, 1], eigenvalues[0]), (heights[1], eigenvalues[1])):
        assert (line[0] - 2 * line[1] + line[2]) / 1e-4 == pytest.approx(eigenvalue, rel=0.02)


def test_equals_stay_equal_unless_each_trembles_for_itself() -> None:
    for seed in (0, 1):
        assert landscape.separate_equals(seed, "single") == 0.0
        assert landscape.separate_equals(seed, "noise") > 1e-7


def test_noise_is_each_neurons_own_and_no_noise_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    net = landscape.make_start(0, 4)
    first, second = (landscape.learn(net, "noise", 5, 3, traced=True).points for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, landscape.learn(net, "noise", 6, 3, traced=True).points)
    moved = np.diff(
        landscape.learn(landscape.make_saddle(0), "noise", 5, 1, traced=True).points, axis=0
    )[0, :8]
    assert (
        len({f"{step:.3g}" for step in moved}) == 8
    )  # the hidden neurons' weights: the gradient is 0, the rest is noise
    assert 1e-7 < np.abs(moved).max() < 1e-5
    monkeypatch.setattr(landscape, "NOISE", 0.0)
    assert np.array_equal(
        landscape.learn(net, "noise", 5, 3, traced=True).points,
        landscape.learn(net, "full", 5, 3, traced=True).points,
    )


@pytest.mark.slow
def test_more_neurons_fail_less_and_who_fails_is_on_a_slope_without_end() -> None:
    two, many = (
        [landscape.run_start(seed, hidden) for seed in range(100, 140)] for hidden in (2, 4)
    )
    assert 0.3 < np.mean([one.steps is not None for one in two]) <= 0.8
    assert np.mean([one.steps is not None for one in many]) >= 0.95
    stuck = [one for one in two if one.steps is None]
    assert np.mean([abs(one.excess[0]) < 0.01 for one in stuck]) > 0.8
    for one in stuck:
        assert 0 < one.excess[1] < one.excess[0]
        assert one.growth > 1.01


def test_the_finding_is_printed_only_if_it_is_so() -> None:
    solved, failed = landscape.End(40), landscape.End(None, (0.001, 0.0005), 1.05)
    good = {hidden: [solved, failed if hidden == 2 else solved] for hidden in landscape.HIDDEN}
    bad = {hidden: [solved, failed] for hidden in landscape.HIDDEN}
    left = {"full": None, "single": 30, "noise": 90}
    saddle = landscape.Saddle(0.0, 4, 5, -0.1, left)
    assert landscape.finding([saddle], good).startswith("the exact gradient does not leave")
    for saddles, ended in (([saddle], bad), ([saddle._replace(left=left | {"full": 9})], good),
                           ([saddle._replace(left=left | {"single": None})], good)):  # fmt: skip
        assert landscape.finding(saddles, ended).startswith(
            "the figures of this run do not show it"
        )


@pytest.mark.slow
def test_the_script(run_script) -> None:
    out, log = run_script("landscape")
    assert "Finding:  the exact gradient does not leave a point" in out
    assert "0 of 4" in out
    assert len([info for info in log.steps if info.mode == "train"]) == landscape.SHOWN
