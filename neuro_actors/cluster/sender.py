"""What both ends of a wire share: letters that wait to be sent, the task that sends them, the errors of a group of tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import trio
from trio.lowlevel import enable_ki_protection

from ..support.errors import WorkerConnectionError
from ..support.validation import Array
from .connection import Connection

Letter: TypeAlias = tuple[dict[str, Any], list[Array]]
Outgoing: TypeAlias = tuple[dict[str, Any], Sequence[Array]]


@enable_ki_protection
async def write(wire: Connection, letters: trio.MemoryReceiveChannel[Outgoing]) -> None:
    """Send them, until no more will come. Not by whoever may be cancelled: one in the middle of a letter breaks the wire."""
    try:
        async for head, arrays in letters:
            await wire.send(head, arrays)
    except WorkerConnectionError:  # who reads it will notice
        pass
    finally:
        await wire.aclose()


def all_of(group: BaseExceptionGroup[Any]) -> list[Any]:
    """The errors in it."""
    found: list[Any] = []
    for error in group.exceptions:
        found += all_of(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
