"""A number that a user passes becomes a number of Python, or is refused."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields, is_dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.log.row_filter import RowFilter
from neuro_actors.support.scalars import as_number, as_whole_number

BIG = 2**53 + 1  # float64 has the numbers beside it alone

SCALARS = (
    np.float32,
    np.float16,
    np.float64,
    np.longdouble,
    lambda v: np.array(v, dtype=np.float32),
)
WHOLE = (np.uint8, np.int8, np.int64, np.uint64, lambda v: np.array(v, dtype=np.int8))
SETTINGS: dict[str, tuple[Any, dict[str, float], dict[str, int]]] = {
    "SGD": (na.SGD, {"learning_rate": 0.5, "momentum": 0.25, "weight_decay": 0.125}, {}),
    "Adam": (na.Adam, {"learning_rate": 0.5, "beta1": 0.5, "beta2": 0.75, "epsilon": 0.125, "weight_decay": 0.5}, {}),
    "StepDecay": (na.StepDecay, {"start": 0.5, "factor": 0.25}, {"every": 100}),
    "CosineDecay": (na.CosineDecay, {"start": 0.5, "end": 0.25}, {"steps": 100}),
    "NewtonCG": (na.rules.NewtonCG, {"l2": 0.5, "damping": 0.25, "forcing": 0.5}, {"products": 7}),
    "PredictiveCoding": (na.rules.PredictiveCoding, {"rate": 0.25}, {"relaxations": 3}),
    "WeightPerturbation": (na.rules.WeightPerturbation, {"sigma": 0.25}, {"seed": 3}),
    "FeedbackAlignment": (na.rules.FeedbackAlignment, {}, {"seed": 3}),
    "DirectFeedbackAlignment": (na.rules.DirectFeedbackAlignment, {}, {"seed": 3}),
    "MicroBatches": (lambda **k: na.rules.MicroBatches(na.rules.Backpropagation(), **k), {}, {"count": 3}),
    "Unreliable": (
        na.Unreliable,
        dict.fromkeys(("drop", "duplicate", "delay", "reorder", "corrupt", "crash"), 0.25),
        {"seed": 3, "restarts": 5},
    ),
    "Lose": (lambda **k: na.faults.Lose("a", "y", **k), {}, {"nth": 2, "step": 3}),
    "Kill": (lambda **k: na.faults.Kill("y", "before fire", **k), {}, {"nth": 2, "step": 3}),
    "DeadLink": (lambda **k: na.faults.DeadLink("a", "y", **k), {"start": 0.5, "end": 2.0}, {}),
    "Partition": (lambda **k: na.faults.Partition(["a"], **k), {"start": 0.5, "end": 2.0}, {}),
    "Recording": (lambda **k: na.Recording("x.arrows", **k), {}, {"every": 3}),
    "RowFilter": (RowFilter, {}, {"step": 3}),
    "Ray": (na.Ray, {}, {"replicas": 2, "shards": 2}),
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_holds_numbers_of_python(name: str) -> None:
    make, floats, wholes = SETTINGS[name]
    plain = make(**floats | wholes)
    held = {field.name for field in fields(plain)}
    assert is_dataclass(plain)
    assert floats.keys() | wholes.keys() <= held
    for scalar, whole in zip(SCALARS, WHOLE, strict=True):
        made = make(
            **{k: scalar(v) for k, v in floats.items()} | {k: whole(v) for k, v in wholes.items()}
        )
        assert made == plain
        assert {type(getattr(made, k)) for k in floats} <= {float}
        assert {type(getattr(made, k)) for k in wholes} <= {int}
    for k in floats:
        for wrong in (True, np.bool_(True), BIG, 1j, "1", None, Fraction(1, 2), np.ma.masked):
            with pytest.raises(na.InputError):
                make(**floats | wholes | {k: wrong})


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_are_equal_have_one_text(name: str) -> None:
    make, floats, wholes = SETTINGS[name]
    for k in floats:
        zeros = []
        for zero in (0.0, -0.0, np.float32(-0.0)):
            with suppress(na.InputError):
                zeros.append(make(**floats | wholes | {k: zero}))
        assert len({repr(one) for one in zeros}) <= 1


def test_one_number() -> None:
    taken = [1, 0.5, np.float32(0.1), np.float16(2), np.uint8(3), np.array(4), np.longdouble(0.5)]
    assert [type(as_number(value)) for value in taken] == [float] * len(taken)
    assert [as_number(value) for value in taken] == [1, 0.5, float(np.float32(0.1)), 2, 3, 4, 0.5]
    for wrong in (True, np.True_, BIG, 10**400, 1j, "1", None, [1], np.ones(1), np.ma.masked,
                  np.timedelta64(1, "D"), np.datetime64("2020"), Decimal(1), Fraction(1, 2)):  # fmt: skip
        assert np.isnan(as_number(wrong))
    assert as_whole_number("n", np.array(3), 1) == 3
    for wrong in (np.timedelta64(3, "D"), np.array(3.0), np.array(True), 3.0, np.True_):
        with pytest.raises(na.InputError):
            as_whole_number("n", wrong, 1)


def test_an_integer_that_float64_does_not_have_is_named() -> None:
    with pytest.raises(na.InputError, match=f"got {BIG}, which is not among the numbers that"):
        na.SGD(BIG)
