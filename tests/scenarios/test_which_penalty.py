"""The square learns the mean vote, the plain difference the median; and what the sigmoid makes of a penalty."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import which_penalty
from helpers.tiers import few

import neuro_actors as na

pytestmark = pytest.mark.slow  # experiments of several seconds

SCRIPT = Path(which_penalty.__file__)


@pytest.mark.parametrize("seed", few([100, 101], 1))
def test_opposed_votes(seed: int) -> None:
    """At .8/.2 the square is calibrated, the plain difference is not."""
    learnt = which_penalty.measure(seed, 0.8, 0.2)
    plain, square, crossed = (learnt[loss].calibration_error for loss in which_penalty.RATES)
    assert plain - square > 0.10
    assert plain - crossed > 0.10


@pytest.mark.parametrize("seed", few([100, 101], 1))
def test_rare_votes(seed: int) -> None:
    """Cats that 35 % call so: the median vote is 0, the mean .35."""
    learnt = which_penalty.measure(seed, 0.35, 0.05)
    plain, square, crossed = (learnt[loss].p_on_cats for loss in which_penalty.RATES)
    assert plain < 0.10
    assert square > 0.12
    assert crossed > 0.12
    assert all(len(run.p) == 300 and set(run.share) == {0.35, 0.05} for run in learnt.values())


def test_measures() -> None:
    share = np.array([0.9, 0.9, 0.1, 0.1])
    cat = np.array([True, True, False, False])
    honest = which_penalty.Answers(share, share, cat)
    assert (honest.calibration_error, honest.order, honest.accuracy) == (0, 1, 1)
    assert honest.p_on_cats == pytest.approx(0.9)
    doubtful = which_penalty.Answers(np.full(4, 0.7), share, cat)
    assert doubtful.calibration_error == pytest.approx(0.2)
    assert (doubtful.order, doubtful.accuracy) == (0.5, 0.5)
    assert which_penalty.Answers(
        np.array([0.62, 0.68, 0.95, 1.0]), share, cat
    ).calibration_error == pytest.approx(0.5625)


def test_the_finding_can_fail(capsys: pytest.CaptureFixture[str]) -> None:
    cat = np.array([True, False])

    def says(on_cats: float, calibration: float) -> which_penalty.Answers:
        return which_penalty.Answers(
            np.array([on_cats, 0.0]), np.array([on_cats - calibration, 0.0]), cat
        )

    def held(plain_gap: float, plain: float, square: float) -> bool:
        opposed = {"absolute_error": says(0.9, plain_gap), "squared_error": says(0.9, 0.0)}
        return which_penalty.holds(
            opposed, {"absolute_error": says(plain, 0.0), "squared_error": says(square, 0.0)}
        )

    assert held(0.4, 0.01, 0.3)
    assert not held(0.1, 0.01, 0.3)
    assert not held(0.4, 0.2, 0.3)
    assert not held(0.4, 0.01, 0.1)
    alike = {loss: says(0.3, 0.0) for loss in which_penalty.RATES}
    which_penalty.conclude([alike], [alike], [alike])
    assert "this run does not show that the square learns the mean" in " ".join(
        capsys.readouterr().out.split()
    )


def test_urgencies_at_one_neuron(tmp_path) -> None:
    """What the log says is what the derivatives are; and through the sigmoid the surest mistake is not the most urgent."""
    p = which_penalty.P
    found = which_penalty.ask_one_neuron(p, na.Recording(tmp_path / "one.arrows"))
    expected = {
        "absolute_error": (1 - p, np.ones_like(p), p * (1 - p)),
        "squared_error": ((1 - p) ** 2, 2 * (1 - p), 2 * p * (1 - p) ** 2),
        "cross_entropy": (-np.log(p), 1 / p, 1 - p),
    }
    for loss, values in expected.items():
        for measured, wanted in zip(found[loss], values, strict=True):
            np.testing.assert_allclose(measured, wanted, rtol=1e-13)
    factors = {
        loss: [which_penalty.factor(values) for values in urgency]
        for loss, urgency in found.items()
    }
    assert factors["squared_error"] == pytest.approx([3.24, 1.8, 0.648])
    assert factors["absolute_error"] == pytest.approx([1.8, 1.0, 0.36])
    assert factors["cross_entropy"][1:] == pytest.approx([5.0, 1.8])


@pytest.mark.slow
def test_the_script(run_script) -> None:
    out, log = run_script("which_penalty")
    assert re.search(r"^Finding:  the square learns the mean vote", out, re.MULTILINE)
    assert "in 1 of 1 seeds" in " ".join(out.split())
    assert [info.loss for info in log.steps] == list(which_penalty.RATES)
