"""What the workers of test_launcher.py run: each connects to its driver, and does what it is told."""

from __future__ import annotations

import os
import time
from typing import Any

import trio

from neuro_actors.cluster.connection import connect


def echo(host: str, port: int, secret: bytes, about: dict[str, Any]) -> None:
    trio.run(_echo, host, port, secret, about)


async def _echo(host: str, port: int, secret: bytes, about: dict[str, Any]) -> None:
    threads = os.environ.get("OMP_NUM_THREADS")
    async with await connect(
        host, port, secret, {**about, "pid": os.getpid(), "threads": threads}
    ) as connection:
        while (message := await connection.receive()) is not None:
            await connection.send(*message)


def stay(host: str, port: int, secret: bytes, about: dict[str, Any]) -> None:
    """As one that computes for long: it does not see what happens to its wire."""

    async def come() -> None:
        await connect(host, port, secret, about)
        while True:
            time.sleep(1)  # noqa: ASYNC251

    trio.run(come)


def fail(host: str, port: int, secret: bytes, about: dict[str, Any]) -> None:
    raise ValueError("it was told to fail")


def fail_in_a_nursery(host: str, port: int, secret: bytes, about: dict[str, Any]) -> None:
    async def main() -> None:
        async with trio.open_nursery() as outer, trio.open_nursery():
            outer.start_soon(trio.sleep_forever)
            fail(host, port, secret, about)

    trio.run(main)
