"""Workers, and what starts them: how a worker's end is noticed, and what it is called with.

A worker is a fresh process that calls one function, `run(host, port, secret, about)`, and ends when
that returns. It is called with the address of its driver and the run's secret; everything else it
receives by its connection.
"""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import trio

from ..network.activations import ACTIVATIONS
from ..network.combinations import COMBINATIONS
from ..network.losses import LOSSES
from ..support.errors import InputError
from ..support.text import quote

Functions: TypeAlias = dict[str, dict[str, Any]]  # activations, losses, combinations, by name

RUN_WORKER = "neuro_actors.cluster.worker:run_worker"
# A worker is one thread; and sums of several threads may differ in their bits.
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    ),
    "1",
)


def absolute_path() -> list[str]:
    """Return the folders to import from. Workers may start after the current folder is changed."""
    return [str(Path(folder).absolute()) for folder in sys.path]


@dataclass(frozen=True, slots=True)
class WorkerCall:
    """What a worker is called with.

    Attributes:
        host: Where the driver listens.
        port: Where the driver listens.
        secret: The secret of the run.
        about: What else: JSON.
        functions: The user's own functions: the one thing a worker receives that is code, not data.
            They travel beside the JSON.
    """

    host: str
    port: int
    secret: bytes = field(repr=False)
    about: dict[str, Any]
    functions: Functions | None = None

    def to_json(self) -> str:
        """Return everything but the functions, as `call_in_worker` takes it.

        Raises:
            InputError: `about` is not JSON.
        """
        try:
            return json.dumps([self.host, self.port, self.secret.hex(), self.about])
        except (TypeError, ValueError, RecursionError):
            problem = f"what a worker is called with must be JSON, got {quote(self.about)}"
            raise InputError(problem) from None


class Worker:
    """A process that was started.

    Attributes:
        name: Its name, for errors.
        pid: Number of the process, on its machine.
        node: Name of the machine.
        ended: Set once the process has ended, for whatever reason.
        cause: Why it has ended; empty before.
    """

    def __init__(self, name: str, pid: int, node: str) -> None:
        """Describe a process that runs.

        Args:
            name: Its name, for errors.
            pid: Number of the process, on its machine.
            node: Name of the machine.
        """
        self.name = name
        self.pid = pid
        self.node = node
        self.ended = trio.Event()
        self.cause = ""

    def set_ended(self, cause: str) -> None:
        """Note that the process has ended. The first cause stays."""
        if not self.ended.is_set():
            self.cause = cause
            self.ended.set()

    def kill(self) -> None:
        """End the process at once, whatever it does; `ended` is set when it has ended."""
        raise NotImplementedError


class WorkerLauncher(Protocol):
    """Starts workers. When its block is left, all of them are ended."""

    async def start(self, name: str, call: WorkerCall) -> Worker:
        """Start a worker. Several may be started at once.

        Args:
            name: Its name, for errors.
            call: What it is called with.

        Raises:
            InputError: `call.about` is not JSON.
            SimulationError: No worker can be started.
        """


def call_in_worker(run: str, call: str, functions: Functions | None = None) -> None:
    """Call a function in the process of a worker.

    Args:
        run: The function, as `module:function`.
        call: What it is called with: a `WorkerCall` as JSON.
        functions: The user's own functions, which are registered before.
    """
    if functions is not None:
        ACTIVATIONS.update(functions["activations"])
        LOSSES.update(functions["losses"])
        COMBINATIONS.update(functions["combinations"])
    host, port, secret, about = json.loads(call)
    module, _, name = run.partition(":")
    getattr(importlib.import_module(module), name)(host, port, bytes.fromhex(secret), about)
