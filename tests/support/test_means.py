"""A mean of finite numbers is finite, and the ordinary one, bit for bit, wherever that is finite."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from neuro_actors.log.plots import _running_mean
from neuro_actors.support.figures import axis_unit
from neuro_actors.support.means import (
    MAX,
    mean_in_order,
    mean_of,
    mean_of_groups,
    mean_of_segments,
    percentiles_of,
)

LARGE = [
    [1e308, 1e308],
    [MAX] * 3,
    [-MAX] * 7,
    [MAX, -MAX, MAX, 1.0],
    [1e308, 1e308, -1e308, -1e308, 3.0],
    [MAX, MAX, 5e-324],
]


def is_mean(found: float, values: list[float]) -> bool:
    """Whether a number is the mean, but for the rounding of its sum and its quotient."""
    exact = sum(map(Fraction, values)) / len(values)
    rounding = sum(abs(Fraction(value)) for value in values) / 2**52 + Fraction(5e-324)
    return bool(abs(Fraction(found) - exact) <= rounding)


@pytest.mark.parametrize("values", LARGE, ids=str)
def test_the_mean_of_large_numbers_is_finite(values: list[float]) -> None:
    array, n = np.array(values), len(values)
    assert is_mean(mean_of(array), values)
    assert is_mean(mean_in_order(array), values)
    assert is_mean(mean_of(np.stack([array, np.ones(n)]), axis=1)[0], values)
    both, starts = np.concatenate([[1.0, 2.0], array]), np.array([0, 2, 2, 2 + n])
    first, none, second = mean_of_segments(both, starts)
    assert first == 1.5
    assert np.isnan(none)
    assert is_mean(second, values)
    grouped = mean_of_groups(np.array([0, 0, *[2] * n]), both, 3)
    assert grouped[0] == 1.5
    assert np.isnan(grouped[1])
    assert is_mean(grouped[2], values)
    assert is_mean(_running_mean(np.concatenate([np.full(50, np.nan), array]), 50)[-1], values)


def test_no_ordinary_mean_changes_a_bit() -> None:
    values = np.random.default_rng(0).standard_normal((40, 1000)) * 10.0 ** np.arange(40)[:, None]
    assert np.array_equal(mean_of(values, axis=1), values.mean(axis=1))
    assert np.array_equal(mean_of(values, axis=0), values.mean(axis=0))
    assert mean_of(values) == values.mean()
    assert mean_in_order(values[0]) == np.add.accumulate(values[0])[-1] / 1000


def test_what_is_not_finite_stays_so() -> None:
    nan, inf = float("nan"), float("inf")
    found = mean_of([[nan, 1.0], [inf, 1.0], [inf, -inf], [1e308, 1e308]], axis=1)
    assert np.array_equal(found, [nan, inf, nan, 1e308], equal_nan=True)
    assert percentiles_of(np.array([-MAX, MAX]), [50.0, 1.0]) == pytest.approx([0.0, -0.98 * MAX])


@pytest.mark.parametrize("half", [0, 1, 3, 20])
def test_a_great_value_does_not_erase_those_after_it(half: int) -> None:
    values = np.random.default_rng(1).random(57)
    values[11], values[30] = 1e300, np.nan
    for k, found in enumerate(_running_mean(values, half)):
        window = values[max(0, k - half) : k + half + 1]
        expected = window[np.isfinite(window)]
        assert is_mean(found, expected.tolist()) if len(expected) else np.isnan(found)


def test_axes_have_units_that_can_be_drawn() -> None:
    assert axis_unit([0.0, np.nan, 1e200], []) == (1.0, "")
    assert axis_unit([0.0]) == (1.0, "")
    assert axis_unit([-1e308, np.inf], [1.0]) == (1e300, " / 1e300")
    assert axis_unit([5e-324, 0.0]) == (1e-300, " / 1e-300")
