"""Particular faults for `na.Unreliable(faults=[...])`: lost messages, crashes, dead links.

And `FaultEvent`, the record of one fault that occurred.

Times are in seconds since the society was opened, by trio's clock. In `na.train` and the other
calls that are not async this clock is virtual.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...support.errors import InputError
from ...support.hints import explains_fields
from ...support.scalars import as_number, as_setting, as_whole_number, got
from ...support.text import did_you_mean, quote
from ...support.validation import as_list
from ..routes import message_kinds

PLACES = (  # where a member can crash; it does not do what would come next
    "before receive",  # before it waits for mail
    "after receive",  # mail has arrived, and is not read yet
    "before fire",  # all activations are there
    "between activations",  # before it sends each activation
    "at the deadline",  # before it repeats anything
    "between repeats",  # before it sends each frame again
    "before respond",  # all urgencies are there
    "before commit",  # all is computed, nothing is durable
    "after commit",  # all is durable, nothing is sent
    "between urgencies",  # before it sends each urgency, or the commit
)
DISTURBANCES = (  # what a FaultEvent can be
    "lost",  # on its way
    "doubled",  # it arrives twice
    "late",  # held back, so that later frames may arrive before it
    "garbled",  # bits are flipped: its checksum is wrong, so it counts as lost
    "overflowed",  # lost, because a mailbox was full
    "repeated",  # sent again, at a deadline or because a question asked for it
    "asked",  # the receiver sent a question for it
    "died",  # a member crashed
)


@explains_fields
@dataclass(frozen=True, slots=True)
class Lose:
    """Lose one message along a synapse. A repetition of the message counts as a further message.

    Attributes:
        source: The synapse's source.
        target: The synapse's target.
        nth: Which message to lose, counted from 1.
        kind: The kind of message: "activation", "target", "loss", "urgency", "commit", "tangent",
            or another one that the table of routes has.
        step: Count the messages of this step alone. None: count from the first step on.

    Raises:
        InputError: A value is not of its type, or out of range.
    """

    source: str
    target: str
    nth: int = 1
    kind: str = "activation"
    step: int | None = None

    def __post_init__(self) -> None:
        _check_names("Lose", self.source, self.target)
        object.__setattr__(self, "nth", as_whole_number("Lose: nth", self.nth, 1))
        kinds = [str(kind) for kind in message_kinds()]
        if not isinstance(self.kind, str) or self.kind not in kinds:
            raise InputError(
                f"Lose: unknown kind {quote(self.kind)}: {did_you_mean(self.kind, kinds)}"
            )
        if self.step is not None:
            object.__setattr__(self, "step", as_whole_number("Lose: step", self.step, 1))


@explains_fields
@dataclass(frozen=True, slots=True)
class Kill:
    """Crash a member when it comes to a place in its work.

    Attributes:
        node: A neuron, an input, or "loss".
        place: One of `PLACES`.
        step: The number of the step.
        nth: At which of its visits to the place the member crashes, counted from 1.

    Raises:
        InputError: A value is not of its type, or out of range.
    """

    node: str
    place: str
    step: int = 1
    nth: int = 1

    def __post_init__(self) -> None:
        _check_names("Kill", self.node)
        if not isinstance(self.place, str) or self.place not in PLACES:
            raise InputError(
                f"Kill: unknown place {quote(self.place)}: {did_you_mean(self.place, list(PLACES))}"
            )
        object.__setattr__(self, "step", as_whole_number("Kill: step", self.step, 1))
        object.__setattr__(self, "nth", as_whole_number("Kill: nth", self.nth, 1))


@explains_fields
@dataclass(frozen=True, slots=True)
class DeadLink:
    """Lose everything that is sent along a synapse, in both directions, for some time.

    Attributes:
        source: The synapse's source.
        target: The synapse's target.
        start: When the link fails, in seconds.
        end: When it works again, in seconds.

    Raises:
        InputError: A value is not of its type, or out of range.
    """

    source: str
    target: str
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        _check_names("DeadLink", self.source, self.target)
        _convert_times(self)

    def cuts(self, sender: str, receiver: str) -> bool:
        """Whether a frame between these two is lost while the link is dead."""
        return {sender, receiver} == {self.source, self.target}


@explains_fields
@dataclass(frozen=True, slots=True)
class Partition:
    """Lose everything that is sent between some members and all others, for some time.

    Attributes:
        members: The members that are cut off.
        start: When they are cut off, in seconds.
        end: When they are back, in seconds.

    Raises:
        InputError: A value is not of its type, or out of range.
    """

    members: Collection[str]
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        members = as_list("Partition: members", self.members)
        _check_names("Partition", *members)
        object.__setattr__(self, "members", frozenset(members))
        _convert_times(self)

    def cuts(self, sender: str, receiver: str) -> bool:
        """Whether a frame between these two is lost while the members are cut off."""
        return (sender in self.members) != (receiver in self.members)


Fault: TypeAlias = Lose | Kill | DeadLink | Partition


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """One fault that occurred, as the second file of a log holds it.

    Attributes:
        time: When, in seconds.
        what: One of `DISTURBANCES`.
        step: The step's number.
        kind: The kind of message; of a crash, the place.
        source: The source of the synapse that the message goes along; of a crash, the member.
        target: The synapse's target; "" of a crash. An urgency goes from the target to the source.
        attempt: Which attempt of the message in its step this was, counted from 1; of a crash,
            which crash of the member in the step.
        question: Whether the fault occurred to the question for the message, not to the message.
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
    """Return the members that a particular fault names.

    Raises:
        InputError: This is no fault.
    """
    if isinstance(fault, (Lose, DeadLink)):
        return fault.source, fault.target
    if isinstance(fault, Kill):
        return (fault.node,)
    if isinstance(fault, Partition):
        return tuple(sorted(fault.members))
    raise InputError(f"faults must be such as na.faults.Lose('h1', 'y'), got {quote(fault)}")


def _check_names(owner: str, *names: object) -> None:
    for name in names:
        if not isinstance(name, str) or len(name) > 128:
            raise InputError(f"{owner}: a member is named by its id, got {quote(name)}")


def _convert_times(fault: DeadLink | Partition) -> None:
    owner = type(fault).__name__
    for name in ("start", "end"):
        second = getattr(fault, name)
        if math.isnan(as_number(second)):
            raise InputError(
                f"{owner}: start and end must be numbers of seconds, got {got(second)}"
            )
        object.__setattr__(fault, name, as_setting(second))
    if not 0 <= fault.start < fault.end < math.inf:
        raise InputError(
            f"{owner}: end must be later than start, got {fault.start!r} to {fault.end!r}"
        )
