"""What carries mail. An engine is a class behind one small interface; users may hand over their own.

An engine is called with the network and, where a log is kept, with `record`, which it calls with every message that is
sent. It then gives each member of the society (each neuron, the loss, the environment) its port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from ..arrays import Array, did_you_mean
from ..errors import InputError
from ..messages import Kind, Message, Step
from ..network import Network


class Port(Protocol):
    """All that one member holds of the society: its own mailbox, and a way to its direct neighbours."""

    node: str

    def expect(self, kind: Kind, number: int, batch: int | None = None) -> None:
        """From now on take mail of that kind, of that step, from each neighbour who sends such."""

    async def wait(self, *kinds: Kind) -> None:
        """Wait until all mail of these kinds is there. Cancelled, it has lost none and may be called again."""

    def take(self, kind: Kind) -> tuple[Step, Array]:
        """The step and the mail that `wait` waited for, C-contiguous (senders, batch), in synapse order whatever the
        order of arrival; a neuron's activations are followed by a row of ones. Commits come as one flat array."""

    def send(self, kind: Kind, step: Step, rows: Iterable[Array]) -> None:
        """One read-only row to each neighbour who hears such, in synapse order. Never waits."""

    def broadcast(self, kind: Kind, step: Step, values: Array) -> None:
        """The same read-only array to each of them. Never waits."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who waits for whom, and since which step."""

    node: str
    kind: Kind
    step: int
    missing: tuple[str, ...]

    def __str__(self) -> str:
        names = ", ".join(self.missing[:5]) + (f" and {len(self.missing) - 5} more" if len(self.missing) > 5 else "")
        return f"{self.node} waits for the {self.kind} of {names}"


@dataclass(frozen=True, slots=True)
class Statistics:
    """What an engine has carried.

    messages: how many were sent.  mailboxes: for each member, how full its mailbox ever was, and how full it may be.
    """

    messages: int
    mailboxes: dict[str, tuple[int, int]]


class Channels(Protocol):
    """What an engine must offer, and no more."""

    def port(self, node: str) -> Port:
        """The port of a neuron, of "loss" or of "environment"."""

    def waiting(self) -> Iterator[Waiting]:
        """Who waits for whom, now."""

    def statistics(self) -> Statistics:
        """What has been carried so far."""

    def close(self) -> None:
        """Called once, when no member is left."""


Record: TypeAlias = Callable[[Message], None]
Engine: TypeAlias = Callable[[Network, Record | None], Channels]


def engine(channels: str | Engine) -> Engine:
    """The engine of that name, or the one handed over; raises `InputError` for an unknown name."""
    from .memory import Memory

    engines: dict[str, Engine] = {"memory": Memory}
    if callable(channels):
        return channels
    if not isinstance(channels, str) or channels not in engines:
        raise InputError(f"unknown channels {channels!r}: {did_you_mean(channels, list(engines))}")
    return engines[channels]
