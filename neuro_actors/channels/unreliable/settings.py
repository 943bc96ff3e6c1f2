"""A society in a storm: `na.Unreliable`, a description that is handed over wherever channels are named."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from ...support.errors import InputError
from ...support.text import shown
from ...support.validation import as_list, as_whole_number, number
from .faults import DeadLink, Kill, Lose, Partition, named_members

LONGEST = 1e9  # seconds of delay


@dataclass(frozen=True)
class Unreliable:
    """Channels that lose letters, double, delay, reorder and garble them, and members that die: with the same result.

    channels: what carries mail: "memory". ("bundled" has one memory for all, and nothing to lose.)
    drop, duplicate, corrupt: the chance of each frame to be lost, to come twice, to have bits flipped (a checksum tells).
    delay: seconds that a frame takes, from half of it to one and a half.
    reorder: the chance of a frame to be held back for up to four delays, so that later ones overtake it.
    crash: the chance of each member, in each step, to die at a place drawn from `na.faults.PLACES`, up to three times. It
        is born again from what it had committed, with empty mail.
    faults: particular ones, such as `na.faults.Kill("h3", "between urgencies", step=2)`.
    restarts: how often a member may die without finishing a step before the society fails; an error of its own rule, which
        would come again, ends the society at once.

    All is drawn from `seed` and the messages' names: a storm is replayed by its settings. `na.train` and other calls that
    are not async live through it in virtual time; in a trio program give `trio.run` an autojump clock, or time passes.
    Raises `InputError` for settings that are none.
    """

    channels: str = "memory"
    drop: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.01
    reorder: float = 0.0
    corrupt: float = 0.0
    crash: float = 0.0
    seed: int = 0
    faults: Sequence[Lose | Kill | DeadLink | Partition] = ()
    restarts: int = 100

    def __post_init__(self) -> None:
        if not isinstance(self.channels, str):
            raise InputError(
                f'Unreliable carries mail by "memory" channels alone, got {shown(self.channels)}'
            )
        if self.channels == "bundled":
            raise InputError(
                'Unreliable("bundled") has nothing to lose, for its members share arrays and no letter travels: '
                'use Unreliable("memory")'
            )
        if self.channels != "memory":
            raise InputError(
                f'Unreliable carries mail by "memory" channels alone, got {shown(self.channels)}'
            )
        for name in ("drop", "duplicate", "reorder", "corrupt", "crash"):
            _number(name, getattr(self, name), 1.0)
        _number("delay", self.delay, LONGEST)
        for name, least, most in (("seed", 0, 2**64 - 1), ("restarts", 1, math.inf)):
            object.__setattr__(
                self, name, as_whole_number(f"Unreliable: {name}", getattr(self, name), least, most)
            )
        faults = as_list("Unreliable: faults", self.faults)
        for fault in faults:
            named_members(fault)
        object.__setattr__(self, "faults", tuple(faults))

    @property
    def latency(self) -> tuple[float, float]:
        """The least and greatest time that a frame takes which is not held back."""
        return 0.5 * self.delay, 1.5 * self.delay

    def to_json(self) -> dict[str, Any]:
        """For the metadata of a log's second file."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        return held | {
            "faults": [
                {"name": type(fault).__name__} | _plain(asdict(fault)) for fault in self.faults
            ]
        }


def _plain(held: dict[str, Any]) -> dict[str, Any]:
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in held.items()
    }


def _number(name: str, value: object, below: float) -> None:
    if not 0 <= number(value) < below:
        raise InputError(
            f"Unreliable: {name} must be a number of at least 0 and below {below:g}, got {shown(value)}"
        )
