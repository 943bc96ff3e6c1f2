"""A slope of a user's own that is clearly not the derivative of its value is refused, unless that is meant."""

from __future__ import annotations

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.network import functions
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
    with pytest.raises(na.InputError, match=r"^f: its \w+ at .* is .*, but its \w+ changes by "):
        WRONG[what]()
    assert not any("f" in table for table in (functions.ACTIVATIONS, functions.LOSSES))


def test_the_error_has_the_numbers() -> None:
    match = (
        r"^f: its slope at 0\.5 is 1\.5, but its value changes by 0\.75 per unit there; "
        "if another one is meant, write surrogate=True$"
    )
    with pytest.raises(na.InputError, match=match):
        WRONG["slope"]()


def test_another_slope_may_be_meant() -> None:
    na.add_activation("step", np.sign, lambda z, a: np.ones_like(z), surrogate=True)
    na.add_loss("half", squares, lambda p, t: p - t, surrogate=True)
    na.add_combination("c", lambda x: x.sum(axis=0), lambda x, a: 0 * x, surrogate=True)
    assert na.gradient(na.Network.layered([1, 1]), [[0.0]], [[2.0]], "half").biases[-1] == -2.0
    with pytest.raises(na.InputError, match="surrogate must be True or False"):
        na.add_loss("f", squares, lambda p, t: p - t, surrogate="yes")


RIGHT = {
    "kink": (np.abs, lambda z, a: np.sign(z)),
    "steps without a slope": (lambda z: np.round(8 * z) / 8, lambda z, a: 0 * z),
    "hole": (lambda z: np.where(z > 0.2, np.nan, z), lambda z, a: np.ones_like(z)),
    "fast": (lambda z: np.sin(1e3 * z), lambda z, a: 1e3 * np.cos(1e3 * z)),
    "faster than a difference": (lambda z: np.sin(1e7 * z), lambda z, a: 1e7 * np.cos(1e7 * z)),
    "float32": (lambda z: np.tanh(z.astype("f4")).astype(float), lambda z, a: 1 - a * a),
    "high": (lambda z: 1e9 + z, lambda z, a: np.ones_like(z)),
    "small": (lambda z: 1e-200 * z, lambda z, a: np.full_like(z, 1e-200)),
    "constant": (np.zeros_like, lambda z, a: 0 * z),
}


@pytest.mark.parametrize("what", RIGHT)
def test_a_right_slope_is_taken(what: str) -> None:
    na.add_activation("f", *RIGHT[what])


def test_the_functions_of_the_package_pass() -> None:
    for table in (functions.ACTIVATIONS, functions.LOSSES, functions.COMBINATIONS):
        for name, entry in table.items():
            check_slopes(name, entry)
