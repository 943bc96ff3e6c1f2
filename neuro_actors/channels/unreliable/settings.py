"""`na.Unreliable`: the settings of fault injection, given wherever channels are named."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from ...support.errors import InputError
from ...support.hints import explains_fields
from ...support.scalars import as_number, as_setting, as_whole_number, got
from ...support.text import quote
from ...support.validation import as_list
from .faults import Fault, named_members

MAX_DELAY = 1e9  # seconds


@explains_fields
@dataclass(frozen=True)
class Unreliable:
    """Channels that lose, repeat, delay, reorder and damage messages, and members that crash.

    The results are the same as without faults, bit for bit. All faults are drawn from `seed` and
    the names of the messages, so the settings alone fix them: the same settings are the same
    faults.

    `na.train` and the other calls that are not async use virtual time, in which waiting takes no
    time. In a trio program, give `trio.run` an autojump clock for that; else the delays are real.

    Attributes:
        channels: What carries the messages: "memory", and nothing else. ("bundled" has one memory
            for all members, so nothing could be lost.)
        drop: The chance of each frame to be lost.
        duplicate: The chance of each frame to arrive twice.
        delay: The seconds that a frame takes: from half of this to one and a half of this.
        reorder: The chance of each frame to be held back for up to four delays, so that later
            frames overtake it.
        corrupt: The chance of each frame to have bits flipped. A checksum detects it.
        crash: The chance of each member, in each step, to crash at a place drawn from
            `na.faults.PLACES`, up to three times. The member restarts from what it has committed,
            with empty mail.
        seed: The number that all chances are drawn from.
        faults: Particular faults, such as `na.faults.Kill("h3", "between urgencies", step=2)`.
        restarts: How often a member may crash without finishing a step. With one crash more the
            society fails. An error of a member's own rule is no crash: it would occur again, and
            so it ends the society at once.

    Raises:
        InputError: A setting is not of its type, or out of range.
    """

    channels: str = "memory"
    drop: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.01
    reorder: float = 0.0
    corrupt: float = 0.0
    crash: float = 0.0
    seed: int = 0
    faults: Sequence[Fault] = ()
    restarts: int = 100

    def __post_init__(self) -> None:
        if not isinstance(self.channels, str) or self.channels not in ("memory", "bundled"):
            hint = ": write drop=0.1" if isinstance(self.channels, float) else ""
            raise InputError(
                f'Unreliable: channels must be "memory", got {quote(self.channels)}{hint}'
            )
        if self.channels == "bundled":
            raise InputError(
                'Unreliable: channels="bundled" has nothing to lose, because its members share '
                'arrays and send no frames: use channels="memory"'
            )
        for name in ("drop", "duplicate", "reorder", "corrupt", "crash"):
            _convert_number(self, name, 1.0)
        _convert_number(self, "delay", MAX_DELAY)
        for name, least, most in (("seed", 0, 2**64 - 1), ("restarts", 1, math.inf)):
            value = as_whole_number(f"Unreliable: {name}", getattr(self, name), least, most)
            object.__setattr__(self, name, value)
        faults = as_list("Unreliable: faults", self.faults)
        for fault in faults:
            named_members(fault)  # refuses what is no fault
        object.__setattr__(self, "faults", tuple(faults))

    @property
    def latency(self) -> tuple[float, float]:
        """The least and the greatest time in seconds of a frame that is not held back."""
        return 0.5 * self.delay, 1.5 * self.delay

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain values, for the metadata of a log's second file."""
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        faults = [{"name": type(fault).__name__} | _plain(asdict(fault)) for fault in self.faults]
        return settings | {"faults": faults}


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in fields.items()
    }


def _convert_number(settings: Unreliable, name: str, below: float) -> None:
    value = getattr(settings, name)
    if not 0 <= as_number(value) < below:
        raise InputError(
            f"Unreliable: {name} must be a number of at least 0 and below {below:g}, "
            f"got {got(value)}"
        )
    object.__setattr__(settings, name, as_setting(value))
