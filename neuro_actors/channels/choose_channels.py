"""Chooses the channels that carry the messages: by their name, or those that a user gives."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, TypeAlias

from ..support.errors import InputError
from ..support.hints import hint_for_value
from ..support.text import did_you_mean, quote
from .bundled.bundled_channels import Bundled
from .interface import ChannelsFactory
from .memory import Memory
from .unreliable.settings import Unreliable

ChannelsName: TypeAlias = Literal["bundled", "memory"]
# what users give as `channels`; an editor completes the names
ChannelsChoice: TypeAlias = ChannelsName | str | ChannelsFactory | Unreliable


def uses_virtual_time(channels: ChannelsChoice) -> bool:
    """Return whether delays of these channels pass in virtual time outside of trio programs."""
    return isinstance(channels, Unreliable)


def faults_to_json(channels: ChannelsChoice) -> dict[str, Any] | None:
    """Return the settings of unreliable channels for the metadata of a log; None for others."""
    return channels.to_json() if isinstance(channels, Unreliable) else None


def choose_channels(channels: ChannelsChoice) -> ChannelsFactory:
    """Return what makes the channels.

    Args:
        channels: A name ("bundled" or "memory"), settings of channels that inject faults, or a
            function that makes channels.

    Raises:
        InputError: There are no channels of this name.
    """
    engines: dict[str, ChannelsFactory] = {"bundled": Bundled, "memory": Memory}
    if isinstance(channels, Unreliable):
        # plain channels do not load the protocol
        from .unreliable.unreliable_channels import UnreliableChannels

        return partial(UnreliableChannels, settings=channels)
    if hint := hint_for_value(channels):
        raise InputError(f"unknown channels {quote(channels)}: {hint}")
    if callable(channels):
        return channels
    if not isinstance(channels, str) or channels not in engines:
        raise InputError(
            f"unknown channels {quote(channels)}: {did_you_mean(channels, list(engines))}"
        )
    return engines[channels]
