"""What users pass is converted once, whole and exactly, or refused: never silently something else."""

from __future__ import annotations

from collections import deque, namedtuple
from dataclasses import fields, is_dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.log.row_filter import RowFilter
from neuro_actors.support.validation import as_number, as_whole_number

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
    "texts": ([["1", "2"]], "got an array of <U1"),
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


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_of_a_data_frame_are_taken_by_name(library: str) -> None:
    frames = need(library)
    for b, a in (([2.0], [1.0]), ([2], [1.0])):
        frame = frames.DataFrame({"b": b, "a": a})
        assert na.predict(NET, frame).tolist() == [[21.0]]
        assert na.gradient(NET, frame, frames.DataFrame({"y": [20.0]})).loss == 1.0
        assert na.reference.gradient(NET, frame, [[20.0]]).loss == 1.0
    for other in ({"u": [2.0], "v": [1.0]}, {"a": [1.0], "b": [1.0], "c": [1.0]}, {"a": [1.0]}):
        with pytest.raises(na.InputError, match="^x: expected columns named 'a', 'b', got"):
            na.predict(NET, frames.DataFrame(other))
    with pytest.raises(na.InputError, match="^targets: expected columns named 'y', got 'label'"):
        na.gradient(NET, frame, frames.DataFrame({"label": [20.0]}))
    for wrong, match in (([BIG], "is not among"), ([None], "nan|object"), (["2"], "real numbers")):
        with pytest.raises(na.InputError, match=f"^x: column 'b': .*({match})"):
            na.predict(NET, frames.DataFrame({"b": wrong, "a": [0.5]}))


@pytest.mark.parametrize("labels", [[("g", "b"), ("g", "a")], ["b", 0], [b"b", b"a"]])
def test_names_that_are_no_texts_are_never_taken_by_position(labels: list[Any]) -> None:
    frame = need("pandas").DataFrame([[2.0, 1.0]], columns=labels)
    with pytest.raises(na.InputError, match="^x: expected columns named 'a', 'b', got"):
        na.predict(NET, frame)


def test_rows_that_count_their_numbers_in_another_order_are_refused() -> None:
    series = need("pandas").Series
    with pytest.raises(na.InputError, match="^x: its columns bear the numbers '1', '0', which are"):
        na.predict(NET, [series([2.0, 1.0], index=[1, 0])])
    for index in ([0, 1], [5, 4]):  # the latter are rows of a longer series
        assert na.predict(NET, [series([1.0, 2.0], index=index)]).tolist() == [[21.0]]


def test_rows_and_series_of_pandas() -> None:
    pandas = need("pandas")
    frame = pandas.DataFrame({"b": [2.0, 4.0], "a": [1.0, 3.0]})
    for rows in ([row for _, row in frame.iterrows()], list(frame.itertuples(index=False))):
        assert na.predict(NET, rows).tolist() == [[21.0], [43.0]]
    assert na.predict(NET, frame[["a", "b"]].to_numpy()).tolist() == [[21.0], [43.0]]
    numbered = pandas.DataFrame([[1.0, 2.0]])
    assert na.predict(NET, numbered).tolist() == [[21.0]]
    with pytest.raises(na.InputError, match="which are not in order"):
        na.predict(NET, numbered[[1, 0]])
    targets = pandas.DataFrame({"y": [21.0, 43.0]})
    assert na.gradient(NET, frame, targets).loss == 0.0
    with pytest.raises(na.InputError, match="labels of those of x, in another order"):
        na.gradient(NET, frame, targets[::-1])
    sizes = pandas.Series([10.0, 1.0], index=[1, 0])
    for call in (
        lambda: NET.with_parameters(sizes, NET.biases),
        lambda: na.hessian_vector_product(NET, frame, targets, sizes, NET.biases),
        lambda: NET.with_parameters(NET.weights, pandas.Series([0.5, 0, 0], index=["y", "a", "b"])),
        lambda: na.Partition(NET, pandas.Series([0, 0, 0], index=["y", "a", "b"])),
    ):
        with pytest.raises(na.InputError, match="labels are in another order"):
            call()
    assert NET.with_parameters(sizes.sort_index(), NET.biases) == NET


def test_labelled_arrays_and_tables() -> None:
    table = pa.table({"b": [2], "a": [1.0]})
    assert na.predict(NET, table).tolist() == [[21.0]]

    class Labelled:
        """As xarray has them."""

        def __init__(self, values: np.ndarray, names: list[str]) -> None:
            self.values, self.dims, self.names = values, ("row", "column")[-values.ndim :], names
            self.coords = {"column": np.array(names).view(Coordinates)} if values.ndim == 2 else {}

        def sel(self, where: dict[str, str]) -> Labelled:
            return Labelled(self.values[:, self.names.index(where["column"])], [])

        def __array__(self, *_: object, **__: object) -> np.ndarray:
            return self.values

    class Coordinates(np.ndarray):
        values = property(np.asarray)

    assert na.predict(NET, Labelled(np.array([[2.0, 1.0]]), ["b", "a"])).tolist() == [[21.0]]


# --- numbers one by one -----------------------------------------------------------------------------------------------

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
