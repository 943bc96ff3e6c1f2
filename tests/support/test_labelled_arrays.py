"""Columns that bear names are taken by name, each for itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from helpers.tiers import need

import neuro_actors as na

NET = na.Network(
    [na.Input("a"), na.Input("b"), na.Neuron("y")],
    [na.Synapse("a", "y", 1.0), na.Synapse("b", "y", 10.0)],
    ["y"],
)
BIG = 2**53 + 1  # float64 has the numbers beside it alone


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


def test_matrices_whose_labels_are_in_another_order_are_refused() -> None:
    pandas = need("pandas")
    plain = np.array([[1.0, 2.0], [3.0, 4.0]])
    make = na.Network.from_matrices
    right = make([plain], [[0.0, 1.0]], ["tanh"])
    for labels in ({}, {"index": ["y0", "y1"], "columns": ["x0", "x1"]}, {"index": [7, 8]}):
        assert make([pandas.DataFrame(plain, **labels)], [[0.0, 1.0]], ["tanh"]) == right
    for axis in ("index", "columns"):
        for labels in ([1, 0], ["y1", "y0"] if axis == "index" else ["x1", "x0"]):
            with pytest.raises(
                na.InputError, match=r"^weights\[0\]: its labels are in another order"
            ):
                make([pandas.DataFrame(plain, **{axis: labels})], [[0.0, 1.0]], ["tanh"])
    with pytest.raises(na.InputError, match=r"^biases\[0\]: its labels are in another order"):
        make([plain], [pandas.Series([0.0, 1.0], index=[1, 0])], ["tanh"])


def test_ends_of_synapses_whose_labels_are_in_other_orders_are_refused() -> None:
    pandas = need("pandas")
    edges = pandas.DataFrame({"source": [0, 0, 1], "target": [1, 2, 2]})[::-1]
    expected = na.Network.from_arrays([1, 0, 0], [2, 2, 1])
    assert na.Network.from_arrays(edges.source, edges.target) == expected
    with pytest.raises(na.InputError, match="^targets: its labels are those of sources, in anoth"):
        na.Network.from_arrays(edges.source, edges.target.sort_index())
