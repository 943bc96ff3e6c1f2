"""What a society on workers answers and records, beside the same society in one process."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pyarrow as pa
import trio
from helpers.comparing import same_bits
from helpers.in_process_cluster import InProcess

import neuro_actors as na

ADAM = na.Adam(0.05)


async def story(
    net: na.Network, x: Any, t: Any, count: int | None, log: Any, **more: Any
) -> list[Any]:
    """Predictions, gradients, learning; with them the seals and rows of the log."""
    async with na.open_simulation(net, log=log, micro_batches=count, **more) as simulation:
        answers: list[Any] = [await simulation.predict(x)]
        answers.append(await simulation.gradient(x, t, wrt_inputs=True))
        for some in (slice(None), slice(1)):
            result = await simulation.train_step(x[some], t[some], optimizer=ADAM)
            answers += [result.loss, result.predictions]
        answers += [await simulation.network(), simulation.statistics().messages]
    with pa.OSFile(str(log)) as file:
        answers.append(pa.ipc.open_stream(file).read_all().replace_schema_metadata())
    return answers


def equal(one: list[Any], other: list[Any]) -> list[bool]:
    return [_equal(a, b) for a, b in zip(one, other, strict=True)]


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, na.Gradient):
        return same_bits(a, b)
    if isinstance(a, na.Network):
        return a.digest() == b.digest() and a == b
    return bool(a.equals(b)) if isinstance(a, pa.Table) else np.array_equal(a, b)


def check(
    net: na.Network, x: Any, t: Any, engine: InProcess, tmp_path: Path, is_cut: bool = True
) -> None:
    count, tmp_path = 3 if is_cut else None, Path(mkdtemp(dir=tmp_path))
    one = trio.run(partial(story, net, x, t, count, tmp_path / "one.arrows"))
    many = trio.run(partial(story, net, x, t, count, tmp_path / "many.arrows", engine=engine))
    assert all(equal(one, many)), equal(one, many)
    assert [worker.crash for worker in engine.workers] == [None] * len(engine.workers)
    audit = na.audit(tmp_path / "many.arrows")
    assert audit.passed, str(audit)


def three_positions() -> na.Network:
    nodes = [na.Input("x", (3,)), na.Neuron("h", "tanh"), na.Neuron("y", frozen=True)]
    return na.Network(nodes, [na.Synapse("x", "h", 0.7), na.Synapse("h", "y", 0.9)], ["y"])
