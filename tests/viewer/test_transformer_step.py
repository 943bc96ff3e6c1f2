"""The log of a transformer's step is audited, traced and shown, and all three tell of the same numbers."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from helpers import page_networks

import neuro_actors as na
from neuro_actors.viewer.page import render_page
from neuro_actors.viewer.page_data import collect_page_data

WHO = ["block.head0.query0", "block.head1.value1", "block.hidden.3", "x2"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("transformer")
    return page_networks.record(folder / "run.arrows", "transformer", batch=2, steps=1)


def test_it_is_audited(path: Path) -> None:
    assert na.audit(path).passed


@pytest.mark.parametrize("example", [1, 2])
def test_its_trace_comes_to_what_the_page_shows(path: Path, example: int) -> None:
    """With dropout: the masks of a step are drawn again."""
    log = na.open_log(path)
    run = collect_page_data(log)
    positions = log.network.n_positions
    start = np.append(0, np.cumsum(positions))
    step = run["steps"][1]
    assert step["mode"] == "gradient"
    rows = {
        name: np.frombuffer(base64.b64decode(step["arrays"][name]), "<f8").reshape(3, -1)
        for name in ("signal_urgencies", "urgencies")
    }
    for id in WHO:
        k = log.network.position[id]
        name = "urgencies" if log.network.is_input[k] else "signal_urgencies"
        shown = rows[name][step["inputs"].index(example - 1)][start[k] : start[k + 1]].sum()
        why = na.trace(log, neuron=id, step=2, example=example, limit=3)
        assert abs(why.total - shown) <= why.bound + 1e-12 * abs(shown), id
        assert abs(why.total) > 1e-6


def test_its_page_is_small_and_contradicts_nothing(path: Path) -> None:
    run = collect_page_data(na.open_log(path))
    assert [one["odd"] for one in run["steps"]] == [[]] * 3
    assert len(render_page(run).encode()) < 1.2e6
