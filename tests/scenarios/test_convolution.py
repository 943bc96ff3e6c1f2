"""The convolutional society: its filters, its maps, and by how much it is better."""

from __future__ import annotations

import re

import convolution
import numpy as np
import pytest
import trio
from _common import Said, record_gradient

import neuro_actors as na

from .test_scenarios import run


def test_a_map_is_what_its_filter_sees(tmp_path) -> None:
    net = convolution.make_network((2, 2), seed=0)
    grey = np.random.default_rng(0).random((28, 28))
    recording = na.Recording(tmp_path / "one.arrows")
    trio.run(
        record_gradient, net, grey[None, ..., None], np.ones((1, 1)), convolution.LOSS, recording
    )
    said, filters = Said(recording), convolution.filters_of(net, 2)
    wide = np.pad(grey, 2)
    for k in range(2):
        map_ = said(f"conv1.{k}").reshape(14, 14)
        for i, j in ((0, 0), (3, 7), (13, 13)):
            seen = (wide[2 * i : 2 * i + 5, 2 * j : 2 * j + 5] * filters[k]).sum()
            assert map_[i, j] == pytest.approx(max(seen, 0), abs=1e-12)
        pooled = map_.reshape(7, 2, 7, 2).max(axis=(1, 3))
        assert np.array_equal(said(f"pool1.{k}").reshape(7, 7), pooled)


def test_pictures_in_characters() -> None:
    assert convolution.shade(np.array([[0.0, 0.5], [1.0, 2.0]]), 2.0) == ["  ..", "++##"]
    assert convolution.shade(np.array([[0.0, 2.0]]), 2.0) == ["  ##"]
    assert convolution.shade(np.zeros((1, 2)), 0.0) == ["    "]


@pytest.mark.slow
def test_it_is_better_than_the_dense_ones(tmp_path) -> None:
    out = run("convolution", "--out", str(tmp_path))
    gains = re.search(r"Better than the dense ones by ([+-][\d.]+) and ([+-][\d.]+)", out)
    assert gains is not None
    assert float(gains[1]) > 0.0
    assert max(map(len, (line for line in out.splitlines() if str(tmp_path) not in line))) <= 80
