"""Messages along a connection: sending those of a queue, and receiving the next one."""

from __future__ import annotations

from typing import Any

import trio
from trio.lowlevel import enable_ki_protection

from ..support.errors import WorkerConnectionError
from .connection import Connection
from .message_codec import decode, encode
from .worker_messages import Message


@enable_ki_protection
async def send_messages(connection: Connection, queue: trio.MemoryReceiveChannel[Message]) -> None:
    """Send what is in the queue until its other end is closed, then close the connection.

    This must be a task of its own, which lives as long as the connection: a task that is cancelled
    in the middle of a message breaks the connection.

    Args:
        connection: The connection. If it breaks, its reader notices; nothing is raised here.
        queue: The messages, in order.
    """
    try:
        async for message in queue:
            await connection.send(*encode(message))
    except WorkerConnectionError:
        pass
    finally:
        await connection.aclose()


async def receive_message(connection: Connection) -> Message | None:
    """Wait for the next message.

    Returns:
        The message, or None when the other side has closed the connection in order.

    Raises:
        WorkerConnectionError: The connection is broken, or the other side has sent no message.
    """
    frame = await connection.receive()
    return None if frame is None else decode(*frame)


def leaf_errors(group: BaseExceptionGroup[Any]) -> list[Any]:
    """Return the errors in a group, and in the groups within it."""
    found: list[Any] = []
    for error in group.exceptions:
        found += leaf_errors(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
