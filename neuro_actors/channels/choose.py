"""Which engine carries the mail: by its name, or one that was handed over."""

from __future__ import annotations

from functools import partial
from typing import TypeAlias

from ..support.errors import InputError
from ..support.text import shown
from ..support.validation import did_you_mean
from .bundled.engine import Bundled
from .interface import ChannelsFactory
from .memory import Memory
from .unreliable.settings import Unreliable

ChannelsChoice: TypeAlias = str | ChannelsFactory | Unreliable  # what users give as `channels`


def uses_virtual_time(channels: ChannelsChoice) -> bool:
    """Whether the delays of these channels should pass in virtual time, outside of trio programs."""
    return isinstance(channels, Unreliable)


def choose_channels(channels: ChannelsChoice) -> ChannelsFactory:
    """The engine of that name, or the one handed over; raises `InputError` for an unknown name."""
    engines: dict[str, ChannelsFactory] = {"bundled": Bundled, "memory": Memory}
    if isinstance(channels, Unreliable):
        from .unreliable.engine import (
            UnreliableChannels,
        )  # plain channels do not load the protocol

        return partial(UnreliableChannels, settings=channels)
    if callable(channels):
        return channels
    if not isinstance(channels, str) or channels not in engines:
        raise InputError(
            f"unknown channels {shown(channels)}: {did_you_mean(channels, list(engines))}"
        )
    return engines[channels]
