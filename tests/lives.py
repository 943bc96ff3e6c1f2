"""What the workers of test_launch.py live for: each connects to its driver, and does what it is told."""

from __future__ import annotations

import os
from typing import Any

import trio

from neuro_actors.machines.wire import connect


def echo(host: str, port: int, secret: bytes, about: dict[str, Any]) -> None:
    trio.run(_echo, host, port, secret, about)


async def _echo(host: str, port: int, secret: bytes, about: dict[str, Any]) -> None:
    threads = os.environ.get("OMP_NUM_THREADS")
    async with await connect(host, port, secret, {**about, "pid": os.getpid(), "threads": threads}) as wire:
        while (letter := await wire.receive()) is not None:
            await wire.send(*letter)


def fail(host: str, port: int, secret: bytes, about: dict[str, Any]) -> None:
    raise ValueError("it was told to fail")
