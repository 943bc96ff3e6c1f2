"""What all that start workers have in common: who a worker is, how one learns that it has died, and what it is told.

A worker is a fresh process that calls one function, `live(host, port, secret, about)`, and ends when that returns. It is
told where its driver listens, and the run's secret; everything else comes by its wire.
"""

from __future__ import annotations

import importlib
import json
from typing import Any, Protocol, TypeAlias

import trio

from ..network.activations import ACTIVATIONS
from ..network.losses import LOSSES
from ..support.errors import InputError
from ..support.text import shown

Functions: TypeAlias = dict[str, dict[str, Any]]  # "activations" and "losses", by name

LIVE = "neuro_actors.cluster.worker:live"
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    ),
    "1",
)  # a worker is one thread; and sums of several threads may differ in their bits


class Worker:
    """A process that was started.

    died: set once it has ended, for whatever reason, and then `why` says which.
    """

    def __init__(self, name: str, pid: int, node: str) -> None:
        self.name = name
        self.pid = pid
        self.node = node
        self.died = trio.Event()
        self.why = ""

    def ended(self, why: str) -> None:
        """The first reason stays."""
        if not self.died.is_set():
            self.why = why
            self.died.set()

    def kill(self) -> None:
        """End it at once, whatever it does; `died` tells when it has."""
        raise NotImplementedError


class WorkerLauncher(Protocol):
    """Where workers are started. Leaving its block ends all of them."""

    async def start(
        self,
        name: str,
        host: str,
        port: int,
        secret: bytes,
        about: dict[str, Any],
        functions: Functions | None = None,
    ) -> Worker:
        """A fresh worker. functions: a user's own, the one thing that is code and not data. Raises `SimulationError` where
        none can be had. Several may be started at once."""


def live(
    run: str, host: str, port: int, secret: bytes, about: str, functions: Functions | None = None
) -> None:
    """In the worker: call what `run` names. about: JSON, as nothing that is sent to a worker is code, but functions."""
    if functions is not None:
        ACTIVATIONS.update(functions["activations"])
        LOSSES.update(functions["losses"])
    module, _, name = run.partition(":")
    getattr(importlib.import_module(module), name)(host, port, secret, json.loads(about))


def as_text(about: dict[str, Any]) -> str:
    """`about`, as it is sent to a worker."""
    try:
        return json.dumps(about)
    except (TypeError, ValueError, RecursionError):
        raise InputError(f"what a worker is told must be JSON, got {shown(about)}") from None
