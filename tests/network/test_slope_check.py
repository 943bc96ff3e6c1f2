"""A slope of a user's own that is clearly not the derivative of its value is refused, unless that is meant."""

from __future__ import annotations

import math

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.network import activations, functions
from neuro_actors.network.slope_check import check_slopes


@pytest.fixture(autouse=True)
def own_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in ("ACTIVATIONS", "LOSSES", "COMBINATIONS"):
        monkeypatch.setattr(functions, table, dict(getattr(functions, table)))


def squares(p, t):
    return ((p - t) ** 2).sum(axis=1)


WRONG = {
    "slope": lambda: na.add_activation("f", lambda z: z**3, lambda z, a: 3 * z),
    "sign": lambda: na.add_activation("f", np.tanh, lambda z, a: a * a - 1),
    "factor": lambda: na.add_activation("f", lambda z: 1e-3 * z, lambda z, a: np.full_like(z, 5e-3)),
    "half": lambda: na.add_activation(
        "f", lambda z: np.where(z > 0, z, 0.1 * z), lambda z, a: np.where(z > 0, 1.0, 0.9)
    ),
    "step": lambda: na.add_activation("f", np.sign, lambda z, a: np.ones_like(z)),
    "step with a small slope": lambda: na.add_activation(
        "f", np.sign, lambda z, a: np.full_like(z, 0.1)
    ),
    "curvature": lambda: na.add_activation(
        "f", lambda z: z**3, lambda z, a: 3 * z**2, curvature=lambda z, a: 7 * z
    ),
    "loss": lambda: na.add_loss("f", squares, lambda p, t: p - t),
    "loss of one output": lambda: na.add_loss("f", squares, lambda p, t: 2 * (p - t) * [1, -1]),
    "curvature of a loss": lambda: na.add_loss(
        "f", squares, lambda p, t: 2 * (p - t), curvature=lambda p, t, d: 3 * d
    ),
    "combination": lambda: na.add_combination(
        "f", lambda x: x.mean(axis=0), lambda x, a: np.ones(x.shape)
    ),
    "bends": lambda: na.add_combination(
        "f", lambda x: (x**2).sum(axis=0), lambda x, a: 2 * x, bends=lambda x, a, d: x * d
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_slope_is_refused(what: str) -> None:
    match = (
        r"^f: its \w+( of output \d)? at .* is \S+, but its \w+( of output \d)? changes by \S+ per"
    )
    with pytest.raises(na.InputError, match=match):
        WRONG[what]()
    tables = functions.ACTIVATIONS, functions.LOSSES, functions.COMBINATIONS
    assert not any("f" in table for table in tables)


TEXTS = {
    "slope": "f: its slope at 0.7 is 2.1, but its value changes by 1.47 per unit there",
    "loss": (
        "f: its slope at predictions [0.7, 0.2] and targets [1.0, 0.0], by output 0, is -0.3, "
        "but its value changes by -0.6 per unit there"
    ),
    "combination": (
        "f: its slope at x = [0.7, -0.4, 0.2], by row 0, is 1, "
        "but its value changes by 0.333333 per unit there"
    ),
    "curvature of a loss": (
        "f: its curvature of output 0 at predictions [0.7, 0.2] and targets [1.0, 0.0], "
        "by output 0, is 3, but its slope of output 0 changes by 2 per unit there"
    ),
}


@pytest.mark.parametrize("what", TEXTS)
def test_the_error_has_the_numbers(what: str) -> None:
    with pytest.raises(na.InputError) as error:
        WRONG[what]()
    assert str(error.value) == f"{TEXTS[what]}; if another one is meant, write surrogate=True"


def test_another_slope_may_be_meant() -> None:
    na.add_activation("step", np.sign, lambda z, a: np.ones_like(z), surrogate=True)
    na.add_loss("half", squares, lambda p, t: p - t, surrogate=True)
    na.add_combination("c", lambda x: x.sum(axis=0), lambda x, a: 0 * x, surrogate=True)
    assert na.gradient(na.Network.layered([1, 1]), [[0.0]], [[2.0]], "half").biases[-1] == -2.0
    with pytest.raises(na.InputError, match="surrogate must be True or False"):
        na.add_loss("f", squares, lambda p, t: p - t, surrogate="yes")


def ones(z, a):
    return np.ones_like(z)


def steep(z):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-1e3 * z))


def half_precision(z):
    return np.tanh(z.astype("f2")).astype(float)


RIGHT = {
    "kink": (np.abs, lambda z, a: np.sign(z)),
    "kink at a point that is tried": (lambda z: np.abs(z - 0.7), lambda z, a: np.sign(z - 0.7)),
    "kink with the slope of one side": (
        lambda z: np.maximum(z, 0.3), lambda z, a: np.where(z >= 0.3, 1.0, 0.0)
    ),
    "jump": (lambda z: np.where(z > 0.7, z + 5, z), ones),
    "steps without a slope": (lambda z: np.round(8 * z) / 8, lambda z, a: 0 * z),
    "fine steps": (lambda z: np.round(1e5 * z) / 1e5, ones),
    "sawtooth": (lambda z: z % 0.1, ones),
    "hole": (lambda z: np.where(z > 0.2, np.nan, z), ones),
    "fails at some": (lambda z: np.array([math.log(x) for x in z]), lambda z, a: 1 / z),
    "steep": (steep, lambda z, a: 1e3 * a * (1 - a)),
    "fast": (lambda z: np.sin(1e3 * z), lambda z, a: 1e3 * np.cos(1e3 * z)),
    "faster than a difference": (lambda z: np.sin(1e9 * z), lambda z, a: 1e9 * np.cos(1e9 * z)),
    "float32": (lambda z: np.tanh(z.astype("f4")).astype(float), lambda z, a: 1 - a * a),
    "float16": (half_precision, lambda z, a: 1 - a * a),
    "float16, far from 0": (
        lambda z: (100 + np.tanh(z)).astype("f2").astype(float), lambda z, a: 1 - np.tanh(z) ** 2
    ),
    "float32, far from 0": (
        lambda z: (1e6 + np.tanh(z)).astype("f4").astype(float), lambda z, a: 1 - np.tanh(z) ** 2
    ),
    "float16, near 0": (
        lambda z: (0.02 / (1 + np.exp(-100 * z))).astype("f2").astype(float),
        lambda z, a: 2 / (np.exp(50 * z) + np.exp(-50 * z)) ** 2,
    ),
    "float32 of a slope": (np.tanh, lambda z, a: (1 - a.astype("f4") ** 2).astype(float)),
    "float16 of a slope": (np.tanh, lambda z, a: (1 - a.astype("f2") ** 2).astype(float)),
    "high": (lambda z: 1e9 + z, ones),
    "so high that nothing changes": (lambda z: 1e17 + z, ones),
    "small": (lambda z: 1e-200 * z, lambda z, a: np.full_like(z, 1e-200)),
    "large": (lambda z: 1e200 * z, lambda z, a: np.full_like(z, 1e200)),
    "noise": (lambda z: z + 1e-13 * np.sin(1e17 * z), ones),
    "power": (lambda z: z**31, lambda z, a: 31 * z**30),
    "constant": (np.zeros_like, lambda z, a: 0 * z),
    "table": (
        lambda z: np.interp(z, GRID, np.tanh(GRID)), lambda z, a: 1 - np.tanh(z) ** 2
    ),
    "slope by a difference": (np.tanh, lambda z, a: (np.tanh(z + 1e-4) - a) / 1e-4),
}  # fmt: skip
GRID = np.linspace(-10, 10, 5001)


@pytest.mark.parametrize("what", RIGHT)
def test_a_right_slope_is_taken(what: str) -> None:
    check_slopes("f", na.Activation(*RIGHT[what]))


def clipped(p):
    return np.clip(p, 1e-12, 1 - 1e-12)


RIGHT_LOSSES = {
    "hinge": (
        lambda p, t: np.maximum(0, 1 - p * t).sum(axis=1), lambda p, t: np.where(p * t < 1, -t, 0.0)
    ),
    "clipped": (
        lambda p, t: -(t * np.log(clipped(p))).sum(axis=1), lambda p, t: -t / clipped(p)
    ),
    "worst output": (
        lambda p, t: np.abs(p - t).max(axis=1),
        lambda p, t: np.where(
            np.abs(p - t) == np.abs(p - t).max(axis=1, keepdims=True), np.sign(p - t), 0.0
        ),
    ),
    "accuracy": (lambda p, t: -(p.argmax(1) == t.argmax(1)).astype(float), lambda p, t: 0 * p),
    "of one output": (lambda p, t: (p[:, 0] - t[:, 0]) ** 2, lambda p, t: 2 * (p - t) * [1, 0]),
}  # fmt: skip


@pytest.mark.parametrize("what", RIGHT_LOSSES)
def test_a_right_slope_of_a_loss_is_taken(what: str) -> None:
    check_slopes("f", na.Loss(*RIGHT_LOSSES[what]))


def test_the_functions_of_the_package_pass() -> None:
    for table in (functions.ACTIVATIONS, functions.LOSSES, functions.COMBINATIONS):
        for name, entry in table.items():
            check_slopes(name, entry)


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("power", [0.5, 1.1])
def test_all_wrong_slopes_of_the_package_would_be_refused(factor: float, power: float) -> None:
    """The tolerances that no right slope fails are not so wide that wrong ones pass."""
    for name, f in activations.ORIGINALS.items():
        wrong = na.Activation(
            lambda z, f=f: factor * f.value(z),
            lambda z, a, f=f: power * factor * f.slope(z, a / factor),
        )
        with pytest.raises(na.InputError, match=f"^{name}: its slope at "):
            check_slopes(name, wrong)
