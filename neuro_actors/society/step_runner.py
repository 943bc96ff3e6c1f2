"""What a simulation asks of a running society, wherever its members live."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from ..channels.interface import Statistics, StepOutputs, Waiting
from ..neuron.messages import Step
from ..neuron.optimizers import Optimizer
from ..support.validation import Array


class StepRunner(Protocol):
    """Who sees a simulation's steps to their ends: the lanes of this process (`lanes.py`), or many machines."""

    under_way: deque[Step]  # those that have begun and not ended, in their order

    @property
    def full(self) -> bool:
        """Whether no step may begin."""

    def check(self, loss: str, optimizer: Optimizer | None) -> None:
        """Raise `InputError` for what its members cannot be told."""

    def begin(self, step: Step, x: Array, targets: Array | None, *direction: Array) -> None:
        """See `EnvironmentPort`. Not to be called while it is full."""

    async def wait_end(self) -> StepOutputs:
        """Wait for the end of the first step under way. Cancelled, it has lost nothing and may be called again."""

    def who_waits(self) -> tuple[Waiting, ...]:
        """In the steps under way: who waits for whom."""

    def statistics(self) -> Statistics:
        """See `Channels`."""

    def stop(self) -> None:
        """See `Channels`."""

    def close(self) -> None:
        """See `Channels`."""
