"""Processes of workers that a test starts: what is left of them, a driver for them, and a cluster of Ray's."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from helpers.paths import PROGRAMS, ROOT

from neuro_actors.cluster import ray_lifecycle
from neuro_actors.cluster.connection import Connection, serve

SECRET, HOST = bytes(32), "127.0.0.1"
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
MARK = "NEURO_ACTORS_TEST"
PYTHONPATH = os.pathsep.join(
    map(str, (PROGRAMS, ROOT / "tests", ROOT))
)  # of processes that a test starts


class Traces:
    """What a test has started, and what of it is left: known by a mark in its environment, which children inherit."""

    def __init__(self, folder: Path) -> None:
        self.mark = secrets.token_hex(8)
        self.folder = folder

    def processes(self) -> list[int]:
        wanted = f"{MARK}={self.mark}".encode()
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has gone, or is none of ours
                if wanted in (place / "environ").read_bytes().split(b"\0"):
                    found.append(int(place.name))
        return found

    def listening(self) -> list[str]:
        """The addresses at which they, and this process, listen."""
        inodes = set()
        for pid in [*self.processes(), os.getpid()]:
            for fd in Path(f"/proc/{pid}/fd").glob("*"):
                with suppress(OSError):
                    inodes.add(str(fd.readlink()))
        lines = [
            line.split()
            for name in ("tcp", "tcp6")
            for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        ]
        return [
            line[1].split(":")[0]
            for line in lines
            if line[3] == "0A" and f"socket:[{line[9]}]" in inodes
        ]

    def gone(self, within: float = 0.0) -> bool:
        """Whether nothing is left, or soon is not."""
        end = time.monotonic() + within
        while self.processes() or list(self.folder.iterdir()):
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True


class Driver:
    """It listens for workers, and remembers them."""

    def __init__(self) -> None:
        self.port = 0
        self.wires: dict[int, Connection] = {}
        self.came = trio.Event()

    async def welcome(self, wire: Connection) -> None:
        self.wires[wire.hello["rank"]] = wire
        self.came.set()
        self.came = trio.Event()
        await trio.sleep_forever()

    async def wire(self, rank: int) -> Connection:
        with trio.fail_after(60):
            while rank not in self.wires:
                await self.came.wait()
        return self.wires[rank]


@asynccontextmanager
async def driving() -> AsyncIterator[Driver]:
    driver = Driver()
    async with trio.open_nursery() as nursery:
        driver.port = await nursery.start(serve, HOST, SECRET, {}, driver.welcome)
        yield driver
        nursery.cancel_scope.cancel()


@contextmanager
def cluster_of(
    count: int, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """So many nodes of a CPU each, on this machine: Ray's own cluster for tests, and by their ids those but the first."""
    settings = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_TMPDIR": str(traces.folder),
        "PYTHONPATH": PYTHONPATH,
    }
    for name, value in {**settings, **ray_lifecycle.SETTINGS}.items():
        monkeypatch.setenv(name, value)
    import ray
    from ray.cluster_utils import Cluster

    monkeypatch.setattr(ray._private.ray_constants, "ENABLE_RAY_CLUSTER", False)
    ray_lifecycle._reread_environment()
    (traces.folder / "ray").mkdir()
    node = {
        "num_cpus": 1,
        "object_store_memory": 80 << 20,
        "node_ip_address": HOST,
        "include_dashboard": False,
    }
    nodes = Cluster(initialize_head=True, head_node_args=node)
    try:
        others = {made.node_id: made for made in [nodes.add_node(**node) for _ in range(count - 1)]}
        nodes.wait_for_nodes()
        yield nodes, others
    finally:
        nodes.shutdown()
        shutil.rmtree(traces.folder / "ray")
