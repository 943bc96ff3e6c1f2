"""A soft label is worth several votes; in the control it is exact; and divergence and cross-entropy urge alike."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import uncertain_labels
from uncertain_labels import PICTURES

pytestmark = pytest.mark.slow  # experiments of several seconds

SCRIPT = Path(uncertain_labels.__file__)
SEEDS = (0, 1, 2)


@cache
def errors_of(pictures: int, votes: int) -> list[float]:
    return [uncertain_labels.measure(seed, pictures, votes).error for seed in SEEDS]


@pytest.mark.slow
def test_a_soft_label_beats_a_vote_on_the_same_pictures() -> None:
    for soft, hard in zip(errors_of(PICTURES, 0), errors_of(PICTURES, 1), strict=True):
        assert hard / soft > 1.2


@pytest.mark.slow
def test_eight_times_as_many_votes_are_as_good() -> None:
    assert 0.85 < np.mean(errors_of(1600, 1)) / np.mean(errors_of(PICTURES, 0)) < 1.15


@pytest.mark.slow
def test_what_it_learns_is_more_than_nothing() -> None:
    """Who always says one half is off by the spread of a uniform number, 12 ** -0.5."""
    assert max(errors_of(PICTURES, 0)) < 0.9 * 12**-0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_the_control_is_exact(seed: int) -> None:
    assert uncertain_labels.control(seed, 25, 0).error < 1e-8
    few, many = (uncertain_labels.control(seed, n, 1).error for n in (25, 800))
    assert few > 0.15
    assert 0.01 < many < 0.06


@pytest.mark.parametrize("seed", SEEDS)
def test_divergence_and_cross_entropy_urge_alike(seed: int) -> None:
    both = uncertain_labels.compare(seed)
    assert both.cross_entropy - both.divergence == pytest.approx(both.entropy, abs=1e-14)
    assert 0.4 < both.entropy < 0.6  # of labels that are uniform: 1/2
    assert both.divergence > 0
    assert 0 < both.apart < 1e-15  # they are found in two ways, and so differ by rounding
    assert both.units < 1


def test_blends_to_learn_from_and_to_be_tested_with_share_no_animal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first animals make the test, the others the training: seen by how many of them span the blends."""
    monkeypatch.setattr(uncertain_labels, "APART", 1)
    _, test, _, _ = uncertain_labels.make_blends(0, 50)
    assert np.linalg.matrix_rank(test.x - test.x[0]) == 1  # on the line from a cat to a horse
    monkeypatch.setattr(uncertain_labels, "APART", 794)  # of 795 cats and 797 horses
    _, _, pictures, _ = uncertain_labels.make_blends(0, 50)
    assert np.linalg.matrix_rank(pictures.reshape(50, -1)) == 1 + 3


def test_of_a_seed_all_are_tested_alike() -> None:
    few, test, _, _ = uncertain_labels.make_blends(0, 50)
    _, same, _, _ = uncertain_labels.make_blends(0, 80)
    assert np.array_equal(test.cat, same.cat)
    assert few.x.std(axis=0) == pytest.approx(np.full(49, 1.5))


def test_worth() -> None:
    voted = [0.34, 0.28, 0.25, 0.22, 0.21]
    assert uncertain_labels.worth(0.22, voted) == pytest.approx(8)
    assert 4 < uncertain_labels.worth(0.235, voted) < 8
    assert uncertain_labels.worth(0.20, voted) is None
    assert uncertain_labels.worth(0.35, voted) is None


def test_the_finding_can_fail(capsys) -> None:
    errors = {how: [0.3, 0.3] for how in uncertain_labels.TEACHINGS}
    uncertain_labels.conclude(errors)
    assert "this run does not say what a soft label is worth" in " ".join(
        capsys.readouterr().out.split()
    )


@pytest.mark.slow
def test_the_script(run_script) -> None:
    out, log = run_script("uncertain_labels")
    assert re.search(
        r"^Finding:  one soft label teaches as much as about \d+ votes", out, re.MULTILINE
    )
    assert len(log) == uncertain_labels.STEPS
    labels = log.step(1).targets
    assert ((labels > 0) & (labels < 1)).all()  # the soft ones
