"""What users pass is converted once, whole and exactly, or refused: never silently something else."""

from __future__ import annotations

from collections import deque, namedtuple
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import neuro_actors as na

NET = na.Network(
    [na.Input("a"), na.Input("b"), na.Neuron("y")],
    [na.Synapse("a", "y", 1.0), na.Synapse("b", "y", 10.0)],
    ["y"],
)
BIG = 2**53 + 1  # float64 has the numbers beside it alone
Swapped, Others = namedtuple("Swapped", "b a"), namedtuple("Others", "u v")
MASKED = np.ma.array([1.0, 999.0], mask=[0, 1])

TAKEN = {
    "named tuples": [Swapped(2.0, 1.0)],
    "rows without a masked value": [np.ma.array([1.0, 2.0], mask=[0, 0])],
    "a deque": deque([[1.0, 2.0]]),
    "half floats": np.array([[1, 2]], dtype=np.float16),
    "long floats": np.array([[1, 2]], dtype=np.longdouble),
    "truth values": [[True, 2]],
    "large, and exact": [[2**60 - 2**60 + 1, 2.0]],
}
REFUSED = {
    "other names": ([Others(1.0, 2.0)], "expected columns named 'a', 'b', got 'u', 'v'"),
    "rows of which some have names": ([Swapped(1.0, 2.0), (1.0, 2.0)], "rows bear different names"),
    "a masked row in a list": ([MASKED], "some are masked"),
    "a masked row in a tuple": (((1.0, 2.0), MASKED), "some are masked"),
    "a masked row in a deque": (deque([MASKED]), "some are masked"),
    "the masked value": ([[1.0, np.ma.masked]], "masked"),
    "a large integer": ([[BIG, 2]], f"{BIG} is not among"),
    "one beside a float": ([[BIG, 0.5]], f"{BIG} is not among"),
    "one in an array": (np.array([[BIG, 2]]), f"{BIG} is not among"),
    "one in an array beside another": ([np.array([BIG, 1]), np.array([0.5, 1])], "is not among"),
    "one beside a negative one": ([[2**63 + 1, -1]], "is not among"),
    "one without a sign": (np.array([[2**64 - 1, 0]], dtype=np.uint64), "is not among"),
    "a longer float": (np.array([[1, 2]], dtype=np.longdouble) / 3, "is not among"),
    "a complex number": ([[1j, 2]], "got an array of complex128"),
    "decimals": ([[Decimal(1), 2]], "got an array of object"),
    "fractions": ([[Fraction(1, 2), 2]], "got an array of object"),
    "days": (np.array([[1, 2]], dtype="m8[D]"), r"timedelta64\[D\]"),
    "texts": ([["1", "2"]], r"got text, such as '1': make numbers of it with \.astype\(float\)$"),
    "a structured array": (np.array([(1.0, 2.0)], dtype=[("a", "f8"), ("b", "f8")]), "real numbers"),
}  # fmt: skip
WAYS = {
    "predict": lambda x: na.predict(NET, x)[0, 0],
    "reference": lambda x: na.reference.predict(NET, x)[0, 0],
    "validation": lambda x: na.train(
        NET, [[1.0, 2.0]], [[20.0]], optimizer=na.SGD(1e-9), epochs=1, validation=(x, [[21.0]])
    ).history[0].validation_loss + 21.0,
}  # fmt: skip


@pytest.mark.parametrize("case", TAKEN)
def test_taken_as_it_is(case: str) -> None:
    for way in WAYS.values():
        assert way(TAKEN[case]) == pytest.approx(21.0, abs=1e-6)


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="long floats are float64 here")
def test_long_floats_are_longer_here() -> None:
    with pytest.raises(na.InputError, match=REFUSED["a longer float"][1]):
        na.predict(NET, REFUSED["a longer float"][0])


@pytest.mark.parametrize("case", [case for case in REFUSED if case != "a longer float"])
def test_refused_rather_than_changed(case: str) -> None:
    values, match = REFUSED[case]
    for way in WAYS.values():
        with pytest.raises(na.InputError, match=match):
            way(values)
    if "names" in case or "rows" in case:
        return
    with pytest.raises(na.InputError, match=match):  # targets of two outputs
        na.gradient(na.Network.layered([1, 2]), [[0.0]] * len(values), values)
    with pytest.raises(na.InputError, match=match):  # a matrix of weights
        na.Network.from_matrices([values], [[0.0] * len(values)], ["tanh"])


def test_a_parameter_is_exact_too() -> None:
    for wrong in (BIG, np.ma.masked, Fraction(1, 3), np.timedelta64(1, "D"), "1"):
        with pytest.raises(na.NetworkError, match="expected a finite number"):
            na.Network(
                [na.Input("x"), na.Neuron("y", bias=wrong)], [na.Synapse("x", "y", 1)], ["y"]
            )
    net = na.Network(
        [na.Input("x"), na.Neuron("y", bias=np.array(0.25))],
        [na.Synapse("x", "y", np.float16(2))],
        ["y"],
    )
    assert (net.weights.tolist(), net.biases.tolist()) == ([2.0], [0.0, 0.25])
