from __future__ import annotations

import numpy as np
import pytest
from helpers.digests import digest

import neuro_actors as na
from neuro_actors import datasets


@pytest.mark.parametrize(
    ("make", "default", "other"),
    [
        (datasets.xor, "d8c8907b", "be77a637"),
        (datasets.spirals, "d136fc5b", "163b13e1"),
        (datasets.circles, "a5167cfa", "3f9e3f4d"),
        (datasets.moons, "1f535e17", "ffd2c0c1"),
    ],
)
def test_the_same_seed_gives_the_same_numbers_on_every_machine(make, default, other) -> None:
    assert digest(make()) == digest(make()) == default
    assert digest(make(51, noise=0.3, seed=7)) == other
    assert digest(make(51, noise=0.3, seed=8)) != other


@pytest.mark.parametrize("make", [datasets.xor, datasets.spirals, datasets.circles, datasets.moons])
def test_shapes_names_and_classes(make) -> None:
    for n in (1, 2, 7):
        data = make(n)
        assert (data.x.shape, data.targets.shape) == ((n, 2), (n, 1))
        assert abs(data.targets.sum() * 2 - n) <= 1
    assert data.names == ("x0", "x1")
    assert len(data.classes) == 2
    assert data.picture is None
    x, targets = data
    assert x is data.x
    assert targets is data.targets
    na.gradient(na.Network.layered([2, 2, 1], seed=0), *data)


def test_xor_is_the_corners() -> None:
    x, targets = datasets.xor()
    assert x.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert targets[:, 0].tolist() == [0, 1, 1, 0]
    x, targets = datasets.xor(400, noise=0.1)
    assert np.array_equal(np.logical_xor(*(x.T > 0.5)), targets[:, 0] == 1)


def test_circles_lie_one_in_the_other() -> None:
    x, targets = datasets.circles(noise=0)
    assert np.hypot(*x.T) == pytest.approx(np.where(targets[:, 0] == 1, 1, 2), abs=2e-4)
    assert len(np.unique(x, axis=0)) == 200


def test_moons_and_spirals_need_more_than_a_line() -> None:
    for data in (datasets.moons(), datasets.spirals()):
        with_ones = np.column_stack([data.x, np.ones(len(data.x))])
        line = np.linalg.lstsq(with_ones, data.targets[:, 0], rcond=None)[0]
        assert np.mean((with_ones @ line > 0.5) == (data.targets[:, 0] == 1)) < 0.95


@pytest.mark.parametrize("make", [datasets.xor, datasets.spirals, datasets.circles, datasets.moons])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n": 0}, "n must be a whole number of at least 1, got 0"),
        ({"n": 2.5}, "n must be a whole number"),
        ({"noise": -1}, "noise must be a number of at least 0, got -1"),
        ({"noise": np.nan}, "noise must be"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"seed": None}, "seed must be"),
    ],
)
def test_wrong_arguments(make, wrong, message) -> None:
    with pytest.raises(na.InputError, match=f"^{message}"):
        make(**wrong)
