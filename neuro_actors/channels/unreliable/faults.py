"""Particular faults, for `na.Unreliable(faults=[…])`: this letter is lost, that neuron dies here, a link is dead for a while.
And what befell a society, chance by chance: its disturbances.

Seconds are counted from when the society was opened, by trio's clock (a virtual one in `na.train` and its like).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ...support.errors import InputError
from ...support.text import shown
from ...support.validation import as_list, as_whole_number, did_you_mean, number

PLACES = (  # where a member may die; what it does next, it does not do
    "before receive",  # before it waits for mail
    "after receive",  # mail has come, and is not read yet
    "before fire",  # all activations are there
    "between activations",  # before each of them is sent
    "at the deadline",  # before it repeats itself
    "between repeats",  # before each message that is sent again
    "before respond",  # all urgencies are there
    "before commit",  # all is computed, nothing is kept
    "after commit",  # all is kept, nothing is sent
    "between urgencies",  # before each of them, or the commit, is sent
)
KINDS = ("activation", "target", "loss", "urgency", "commit", "tangent")
DISTURBANCES = (
    "lost",  # on its way
    "doubled",  # it came twice
    "late",  # held back, so that later ones may overtake it
    "garbled",  # bits were flipped: its checksum fails, and it never came
    "overflowed",  # lost, for a mailbox had no room
    "repeated",  # said again, unasked or asked for
    "asked",  # the receiver asked for it
    "died",  # a member
)


@dataclass(frozen=True, slots=True)
class Lose:
    """Lose the nth message of this kind along the synapse source -> target, counted from the first step, or in this step
    alone, where one is given. What is sent again counts anew."""

    source: str
    target: str
    nth: int = 1
    kind: str = "activation"
    step: int | None = None

    def __post_init__(self) -> None:
        _names("Lose", self.source, self.target)
        as_whole_number("Lose: nth", self.nth, 1)
        if not isinstance(self.kind, str) or self.kind not in KINDS:
            raise InputError(
                f"Lose: unknown kind {shown(self.kind)}: {did_you_mean(self.kind, list(KINDS))}"
            )
        if self.step is not None:
            as_whole_number("Lose: step", self.step, 1)


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill a member, a neuron or "loss", when in this step it comes to this place, one of `PLACES`, for the nth time."""

    node: str
    place: str
    step: int = 1
    nth: int = 1

    def __post_init__(self) -> None:
        _names("Kill", self.node)
        if not isinstance(self.place, str) or self.place not in PLACES:
            raise InputError(
                f"Kill: unknown place {shown(self.place)}: {did_you_mean(self.place, list(PLACES))}"
            )
        as_whole_number("Kill: step", self.step, 1)
        as_whole_number("Kill: nth", self.nth, 1)


@dataclass(frozen=True, slots=True)
class DeadLink:
    """Along this synapse, in both directions, everything that is sent between these seconds is lost."""

    source: str
    target: str
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        _names("DeadLink", self.source, self.target)
        _span("DeadLink", self.start, self.end)

    def cuts(self, sender: str, receiver: str) -> bool:
        """Whether what one of them sends the other is lost while it lasts."""
        return {sender, receiver} == {self.source, self.target}


@dataclass(frozen=True, slots=True)
class Partition:
    """Between these seconds everything is lost that is sent between these members and all others."""

    members: Collection[str]
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        members = as_list("Partition: members", self.members)
        _names("Partition", *members)
        object.__setattr__(self, "members", frozenset(members))
        _span("Partition", self.start, self.end)

    def cuts(self, sender: str, receiver: str) -> bool:
        """Whether what one of them sends the other is lost while it lasts."""
        return (sender in self.members) != (receiver in self.members)


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """One thing that befell a message or a member, as a log's second file tells it.

    what: one of `DISTURBANCES`.  kind: of the message; of a death, the place.  source, target: the ends of the synapse that
    the message goes along, an urgency from the target to the source; of a death, who died, and "".  attempt: 1, 2, 3, … of
    the message in its step; of a death, which it is of that member in that step.  question: it befell not the
    message, but the question for it.
    """

    time: float
    what: str
    step: int
    kind: str
    source: str
    target: str
    attempt: int
    question: bool = False


def named_members(fault: Any) -> tuple[str, ...]:
    """The members that a fault names. Raises `InputError` for what is no fault."""
    if isinstance(fault, (Lose, DeadLink)):
        return fault.source, fault.target
    if isinstance(fault, Kill):
        return (fault.node,)
    if isinstance(fault, Partition):
        return tuple(sorted(fault.members))
    raise InputError(f"faults must be such as na.faults.Lose('h1', 'y'), got {shown(fault)}")


def _names(owner: str, *names: object) -> None:
    for name in names:
        if not isinstance(name, str) or len(name) > 128:
            raise InputError(f"{owner}: a member is named by its id, got {shown(name)}")


def _span(owner: str, start: float, end: float) -> None:
    for second in (start, end):
        if math.isnan(number(second)):
            raise InputError(
                f"{owner}: start and end must be numbers of seconds, got {shown(second)}"
            )
    if not 0 <= start < end < math.inf:
        raise InputError(f"{owner}: it must end after it starts, got {start!r} to {end!r}")
