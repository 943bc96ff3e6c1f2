"""The larger pictures that the inputs were made from: matched by value, refused where they do not fit."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.viewer.originals import Originals
from neuro_actors.viewer.page_data import collect_page_data


def test_each_example_has_its_own_picture(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (12, 10, 20))
    pictures[0, 0, :2] = 0, 255
    x = pictures.reshape(12, 5, 2, 5, 4).mean(axis=(2, 4)).reshape(12, 25) / 255
    np.savez(tmp_path / "cats.npz", x=x, pictures=pictures)
    net = na.Network.layered([25, 3, 1], seed=0)
    log = tmp_path / "run.arrows"
    na.train(net, x[:8], np.zeros((8, 1)), optimizer=na.SGD(0.1), epochs=2, batch_size=4, log=log)
    page = collect_page_data(na.open_log(log), originals=Originals(tmp_path / "cats.npz"))
    found = page["originals"]
    assert found["size"] == [10, 20]
    assert sorted(found["of"]) == list(range(8))
    one = page["steps"][0]
    values = np.frombuffer(base64.b64decode(one["arrays"]["activations"]), "<f8")
    for row, number in enumerate(one["inputs"]):
        received = values[row * 29 : row * 29 + 25]
        (k,) = np.flatnonzero((x == received).all(axis=1))
        grey = np.frombuffer(base64.b64decode(found["of"][number]), np.uint8)
        assert np.array_equal(grey, pictures[k].ravel())
    assert collect_page_data(na.open_log(log))["originals"] is None


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"x": np.zeros((2, 3))}, "expected an .npz file with the arrays x and pictures"),
        ({"x": np.zeros((2, 3)), "pictures": np.zeros((3, 4, 4))}, "got x \\(2, 3\\) and pictures"),
        ({"x": np.zeros(2), "pictures": np.zeros((2, 4, 4))}, "expected x \\(n, inputs\\)"),
        ({"x": np.zeros((1, 3)), "pictures": np.full((1, 2, 2), np.nan)}, "must be finite"),
        ({"x": np.array([["a"]]), "pictures": np.zeros((1, 2, 2))}, "expected an .npz file"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], complaint: str
) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(na.InputError, match=complaint):
        Originals(tmp_path / "x.npz")


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.npz").write_text("no", encoding="utf-8")
    (tmp_path / "zip.npz").write_bytes(b"PK\x03\x04 and no more")
    for name in ("no.npz", "zip.npz", "."):
        with pytest.raises(na.InputError, match=r"expected an \.npz file .* writes one$"):
            Originals(tmp_path / name)
    with pytest.raises(na.InputError, match="there is no such file$"):
        Originals(tmp_path / "none.npz")
