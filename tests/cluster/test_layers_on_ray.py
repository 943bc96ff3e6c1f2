"""Layers on Ray's workers: a convolutional network, a GRU through time and a transformer block have the bits of one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.comparing import same_bits
from helpers.worker_processes import Traces

import neuro_actors as na

pytestmark = pytest.mark.ray
L = na.layers


def picture() -> na.Network:
    x = L.inputs(1, positions=(6, 6))
    h = L.max_pool(L.conv2d(x, 2, kernel=3, activation="relu", name="conv"), 2)
    return L.network(L.dense(L.flatten(h), 2, name="y"), seed=0)


def sequence() -> na.Network:
    return L.network(L.dense(L.gru(L.inputs(2), 3, name="gru"), 1, name="y"), seed=0)


def sentence() -> na.Network:
    x = L.inputs(4, positions=(3,))
    return L.network(L.transformer_block(x, heads=2, hidden=6, causal=True), seed=0)


@pytest.mark.parametrize(
    ("make", "settings", "engine"),
    [
        (picture, {"micro_batches": 2}, na.Ray(replicas=2, shards=2)),
        (sequence, {}, na.Ray(shards=2)),
        (sentence, {"micro_batches": 2}, na.Ray(replicas=2, shards=2)),
    ],
)
def test_the_bits_and_the_log_of_one_process(
    make: Any, settings: dict[str, Any], engine: na.Ray, tmp_path: Path, traces: Traces
) -> None:
    net, rng = make(), np.random.default_rng(1)
    ticks = (4,) * bool(net.delays)
    x = rng.standard_normal((4, *ticks, *net.input_grid, len(net.inputs)))
    t = rng.random((4, *ticks, *net.output_grid, len(net.outputs)))
    more = {**settings, "optimizer": na.Adam(0.02), "epochs": 2, "batch_size": 4}
    one = na.train(net, x, t, **more, log=tmp_path / "one.arrows")
    many = na.train(net, x, t, **more, log=tmp_path / "many.arrows", engine=engine)
    assert many.network.digest() == one.network.digest()
    assert (many.history, many.messages) == (one.history, one.messages)
    logs = [na.open_log(tmp_path / f"{name}.arrows").messages() for name in ("one", "many")]
    assert logs[0].equals(logs[1])
    assert na.audit(tmp_path / "many.arrows").passed
    memory = na.gradient(net, x, t, channels="memory", wrt_inputs=True)
    assert same_bits(na.gradient(net, x, t, engine=na.Ray(shards=2), wrt_inputs=True), memory)
    assert traces.gone(20), traces.processes()
