"""A society whose workers are Ray's: the same bits, whichever worker is killed, and whichever node leaves; nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trio
from helpers.worker_processes import LOOPBACK, Traces, cluster_of

import neuro_actors as na

pytestmark = pytest.mark.ray
RNG = np.random.default_rng(7)
X, TARGETS = RNG.standard_normal((21, 3)), RNG.standard_normal((21, 2))
LEARN = {"optimizer": na.Adam(0.02), "epochs": 3, "batch_size": 8, "micro_batches": 4}


@dataclass(frozen=True, kw_only=True)
class Watched(na.Ray):
    """workers: all that were started."""

    workers: list[Any] = field(default_factory=list)

    @asynccontextmanager
    async def open_launcher(self) -> AsyncIterator[Any]:
        async with super().open_launcher() as cluster:
            start = cluster.start

            async def noted(*arguments: Any) -> Any:
                self.workers.append(worker := await start(*arguments))
                return worker

            cluster.start = noted  # type: ignore[method-assign]
            yield cluster


@pytest.fixture
def net() -> na.Network:
    """Wild, of two levels and skips, with an activation of the test's own."""
    if "twice_sin" not in na.ACTIVATIONS:
        na.add_activation(
            "twice_sin", value=lambda z: 2 * np.sin(z), slope=lambda z, a: 2 * np.cos(z)
        )
    hidden = [na.Neuron(f"h{k}", activation="twice_sin" if k % 2 else "tanh") for k in range(6)]
    pairs = [(f"x{i}", f"h{k}") for i in range(3) for k in range(6) if (i + k) % 3]
    pairs += [(f"h{k}", f"h{k + 3}") for k in range(3)] + [("h0", "y0"), ("x0", "y0")]
    pairs += [(f"h{k}", f"y{k % 2}") for k in range(1, 6)]
    outputs = [na.Neuron(f"y{k}", activation="identity") for k in range(2)]
    inputs = [na.Input(f"x{i}") for i in range(3)]
    return na.Network(
        [*inputs, *hidden, *outputs], [na.Synapse(*pair) for pair in pairs], ["y0", "y1"], seed=4
    )


def test_the_bits_the_log_and_the_messages_of_one_process(
    net: na.Network, tmp_path: Path, traces: Traces, capfd
) -> None:
    one = na.train(net, X, TARGETS, **LEARN, log=tmp_path / "one.arrows")
    many = na.train(
        net, X, TARGETS, **LEARN, log=tmp_path / "many.arrows", engine=na.Ray(replicas=2, shards=2)
    )
    assert many.network.digest() == one.network.digest()
    assert (many.history, many.messages) == (one.history, one.messages)
    assert (
        na.open_log(tmp_path / "many.arrows")
        .messages()
        .equals(na.open_log(tmp_path / "one.arrows").messages())
    )
    assert na.audit(tmp_path / "many.arrows").passed
    assert capfd.readouterr() == ("", "")
    assert traces.gone(20), traces.processes()


async def test_killed_workers_and_what_listens(net: na.Network, traces: Traces, capfd) -> None:
    engine, optimizer = Watched(replicas=2, shards=2), na.SGD(0.1, momentum=0.9)

    async def steps(simulation: na.Simulation, kills: bool) -> tuple[list[float], str]:
        losses = []
        for number in range(10):
            if kills and number % 3 == 1:
                os.kill(engine.workers[(number // 3) - 4].pid, signal.SIGKILL)
            losses.append((await simulation.train_step(X, TARGETS, optimizer=optimizer)).loss)
        return losses, (await simulation.network()).digest()

    async with na.open_simulation(net, micro_batches=5) as simulation:
        calm = await steps(simulation, kills=False)
    async with na.open_simulation(net, micro_batches=5, engine=engine) as simulation:
        addresses = set(traces.listening())
        assert addresses
        assert addresses <= LOOPBACK
        assert await steps(simulation, kills=True) == calm
    out, err = capfd.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert len(lines) == 3
    assert all(
        " is lost: " in line and " done again from what was committed" in line for line in lines
    )
    assert len(engine.workers) == 4 + 3


async def test_a_failure_is_reported_once_and_nothing_is_left(
    traces: Traces, net: na.Network
) -> None:
    huge = na.SGD(1e300)
    async with na.open_simulation(net) as simulation:
        with pytest.raises(na.SimulationError) as alone:
            for _ in range(3):
                await simulation.train_step(X, TARGETS, optimizer=huge)
    engine = Watched(shards=2)
    async with na.open_simulation(net, engine=engine) as simulation:
        with pytest.raises(na.SimulationError) as many:
            for _ in range(3):
                await simulation.train_step(X, TARGETS, optimizer=huge)
    assert str(many.value).split(" (")[0] == str(alone.value).split(" (")[0]
    assert len(engine.workers) == 2


PROGRAM = """
import sys, numpy as np, neuro_actors as na
net = na.Network.layered([3, 8, 2], seed=1)
x = np.random.default_rng(0).standard_normal((64, 3))
print("begun", flush=True)
na.train(net, x, x[:, :2], optimizer=na.SGD(0.01), epochs=100000, batch_size=8, micro_batches=2, engine=na.Ray(replicas=2), progress=False)
"""


AFTERWARDS = (
    PROGRAM.replace("na.train(", "try:\n    na.train(")
    + """
except na.SimulationError as error:
    print("told:", error)
na.train(net, x, x[:, :2], optimizer=na.SGD(0.01), epochs=1, engine=na.Ray(), progress=False)
print("again")
"""
)


def command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@pytest.mark.parametrize(
    ("how", "after", "code"),
    [(signal.SIGINT, 0.3, -2), (signal.SIGINT, 12.0, -2), (signal.SIGKILL, 12.0, -9)],
)
def test_a_program_that_is_interrupted_or_killed_leaves_nothing(
    traces: Traces, how: int, after: float, code: int
) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "begun\n"
    asyncio.run(asyncio.sleep(after))
    program.send_signal(how)
    _, err = program.communicate(timeout=60)
    assert program.returncode == code, err
    assert err == "" or err.rstrip().endswith("KeyboardInterrupt"), err
    assert traces.gone(30)


@pytest.mark.parametrize("server", ["raylet", "gcs_server"])
def test_ray_itself_is_killed(traces: Traces, server: str) -> None:
    """The program hears of it as of any failure, where Ray would end it after a minute; and it can have another Ray."""
    program = subprocess.Popen(
        [sys.executable, "-c", AFTERWARDS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "begun\n"
    name = server.encode()
    while not any(
        command(pid).endswith(b"IDLE") or b"ray::RayHost" in command(pid)
        for pid in traces.processes()
    ):
        asyncio.run(asyncio.sleep(0.1))
        assert program.poll() is None
    (pid,) = (
        pid for pid in traces.processes() if command(pid).split(b"\0")[0].endswith(b"/" + name)
    )
    (raylet,) = (
        pid for pid in traces.processes() if command(pid).split(b"\0")[0].endswith(b"/raylet")
    )
    children = [
        int(one)
        for place in Path(f"/proc/{raylet}/task").glob("*/children")
        for one in place.read_text().split()
    ]
    assert any(b"Agent" in command(child) for child in children)
    os.kill(pid, signal.SIGKILL)
    out, err = program.communicate(timeout=60)
    assert not any(
        map(command, children)
    )  # nor do its helpers live on, which may have overwritten what marks them
    assert program.returncode == 0, err
    assert out.splitlines()[0].startswith(
        f"told: Ray itself has failed: its {server} (process {pid}) has ended; "
    )
    assert out.splitlines()[1:] == ["again"]
    assert err == ""
    assert traces.gone(30)


async def test_two_nodes_and_one_leaves(
    net: na.Network, traces: Traces, monkeypatch: pytest.MonkeyPatch, capfd
) -> None:
    """Three nodes of a CPU each; the two shards are on two of them, and one of these goes: the third takes its place."""
    with cluster_of(3, traces, monkeypatch) as (nodes, others):
        calm = na.train(net, X, TARGETS, **LEARN)
        engine = Watched(shards=2, address=nodes.address, spread=True)
        async with na.open_simulation(net, micro_batches=4, engine=engine) as simulation:
            places = [worker.node for worker in engine.workers]
            assert len(set(places)) == 2
            before = await simulation.gradient(X, TARGETS)
            leaves = next(others[place] for place in places if place in others)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(
                    lambda: trio.to_thread.run_sync(
                        lambda: nodes.remove_node(leaves, allow_graceful=False)
                    )
                )
                again = [await simulation.gradient(X, TARGETS) for _ in range(20)]
            with trio.fail_after(60):  # a node's processes end a while after the node
                while len(engine.workers) == 2:
                    again.append(await simulation.gradient(X, TARGETS))
            again.append(await simulation.gradient(X, TARGETS))
            assert all(
                (one.weights == before.weights).all() and (one.biases == before.biases).all()
                for one in again
            )
            assert engine.workers[-1].node not in {leaves.node_id}
        assert " is lost: " in capfd.readouterr().err
        many = na.train(net, X, TARGETS, **LEARN, engine=na.Ray(replicas=2, address=nodes.address))
        assert many.network.digest() == calm.network.digest()
