"""Each formula that the page prints is true as it is printed, read by the rules of mathematics."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.formulas import Formula, holds

import neuro_actors as na
from neuro_actors.network import activations
from neuro_actors.network.losses import BUILT_IN
from neuro_actors.viewer.loss_formulas import LOSS_FORMULAS
from neuro_actors.viewer.page_data import _formula


@pytest.mark.parametrize("outputs", [1, 2, 3])
@pytest.mark.parametrize("name", BUILT_IN)
def test_the_formulas_of_a_loss_are_true(name: str, outputs: int) -> None:
    rng = np.random.default_rng(outputs)
    p, t = rng.uniform(0.05, 0.95, (2, 8, outputs))
    if name in ("squared_error", "absolute_error", "huber"):
        p = 4 * p - 2
    t /= t.sum(axis=1, keepdims=True) if name == "softmax_cross_entropy" else 1
    loss, formulas = na.LOSSES[name], LOSS_FORMULAS[name]
    for one, target, value, slope in zip(p, t, loss.value(p, t), loss.slope(p, t), strict=True):
        assert Formula(formulas["value"])(p=one, t=target) == pytest.approx(value, rel=1e-12)
        urgency = Formula(formulas["urgency"])(p=one, t=target)
        assert urgency == pytest.approx(-slope, rel=1e-12)


def test_a_formula_without_brackets_is_found_out() -> None:
    p, t = np.array([0.3, 0.8]), np.array([1.0, 0.0])
    right = na.LOSSES["cross_entropy"].value(p[None], t[None])[0]
    for wrong in ("−Σ t ln p + (1 − t) ln(1 − p)", "Σ [t ln p + (1 − t) ln(1 − p)]"):
        assert np.sum(Formula(wrong)(p=p, t=t)) != pytest.approx(right)


@pytest.mark.parametrize("name", activations.BUILT_IN)
def test_the_formula_of_an_activation_is_true(name: str) -> None:
    formula = _formula(activations.ORIGINALS[name].value)
    z = np.linspace(-4.0, 4.0, 17)
    if name in ("log", "sqrt", "rsqrt", "reciprocal"):
        z = np.abs(z) + 0.1
    found = Formula(formula.removeprefix("f(z) = ").split(", Φ")[0])(z=z)
    assert found == pytest.approx(activations.ORIGINALS[name].value(z), rel=1e-9, abs=1e-15)


def test_functions_of_ones_own_have_no_formula() -> None:
    def value(z: np.ndarray) -> np.ndarray:
        """My loss, the best."""
        return z

    assert _formula(value) == ""
    value.__doc__ = None
    assert _formula(value) == ""


def test_the_checker_of_equations() -> None:
    holds("0.9 × 0.0566 + 0.008139 = +0.05908", 4)
    holds("1.469·10⁻⁶ / (1 − 0.999¹⁰) = +0.0001476", 4)
    holds("0.999 × 1.371·10⁻⁶ + 0.001 × (−0.009995)² = +1.469·10⁻⁶", 4)
    holds("−0.01223 − 0.001 × (−2.236) = −0.009995", 4)
    holds("0.1 × 0.2 = +0.020000000000000004", 16)
    for wrong in ("0.5 × 0.2 = +0.11", "0.9 × 0.0566 + 0.008139 = +0.05928", "1 − 3 = 2"):
        with pytest.raises(AssertionError):
            holds(wrong, 4)
    with pytest.raises(AssertionError):
        holds("0.1 × 0.2 = +0.02000000000001", 16)
