"""Connections: streams of authenticated frames between two processes that know a secret.

The law:

1. Each side proves that it knows the secret before the other says anything of itself. Both send a
   nonce. The server's proof comes first, then the client's. Each is an HMAC-SHA256 over the role of
   its sender and both nonces, so a proof can be neither sent back nor used again. Until then only
   as many bytes are read as a proof has, and none is interpreted.
2. Before the proofs each side sends the version of its frames and messages. Sides of different
   versions say so, and part.
3. All that follows is authenticated under keys of this connection alone; see `framing.py`.
4. A connection on which a frame was cut short, in sending or receiving, is broken: it is closed,
   and each use of it raises why.
5. A stranger costs a socket and a task for `HANDSHAKE_SECONDS` at most. There are never more than
   `MAX_STRANGERS`: the next one takes the place of the oldest.

What this protects against: a stranger who can reach the port, or sits on the way, cannot join the
run, speak for one of its workers, change, repeat or suppress a frame, make a worker run code, or
make it take memory. What it does not protect against: frames are not encrypted, so a stranger on
the way reads them, and may cut the connection. Who knows the secret may say anything.
"""

from __future__ import annotations

import hmac
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

import numpy as np
import trio
from trio.lowlevel import enable_ki_protection

from ..support.errors import InputError, WorkerConnectionError
from .framing import (
    HEADER_BYTES,
    LAST,
    MAC_BYTES,
    VERSION,
    AnyArray,
    FrameHeader,
    FrameReader,
    FrameWriter,
    PackedFrame,
    pack,
)

GREETING = b"neuro_actors" + VERSION.to_bytes(4, "little")
FROM_CLIENT, FROM_SERVER = b"from client", b"from server"
NONCE_BYTES = 32
MIN_SECRET_BYTES = 16
HANDSHAKE_SECONDS = 5.0
MAX_STRANGERS = 64
CLOSE_SECONDS = 1.0  # that the last frame may take
SMALL_BYTES = 1 << 16  # payloads up to here are sent at one go
KEEPALIVE = {  # seconds, seconds and a count: a machine that has gone is noticed in 30 seconds
    "TCP_KEEPIDLE": 10,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 4,
}


class Connection:
    """One end of a connection. `connect` and `serve` make it; `async with` closes it.

    Attributes:
        hello: What the other side said of itself.
        host: The other side's address.
    """

    def __init__(self, stream: trio.SocketStream, writer: FrameWriter, reader: FrameReader) -> None:
        """Use a stream on which the handshake is done.

        Args:
            stream: The stream.
            writer: For the frames that are sent.
            reader: For the frames that are received.
        """
        self.hello: dict[str, Any] = {}
        peer = stream.socket.getpeername()  # now: a stream that has broken has none any more
        self.host = str(peer[0]) if isinstance(peer, tuple) else ""  # a pair of sockets has none
        self._stream = stream
        self._writer = writer
        self._reader = reader
        self._sending = trio.StrictFIFOLock()
        self._receiving = trio.StrictFIFOLock()
        self._broken: str | None = None
        self._ended = False  # the other side has sent its last frame
        self._closed = False

    async def send(self, fields: dict[str, Any], arrays: Sequence[AnyArray] = ()) -> None:
        """Send a frame. Any number of tasks may.

        It waits as long as the other side does not read: two sides that only send to each other
        wait for ever. If it is cancelled on the way, the connection is broken.

        Args:
            fields: JSON.
            arrays: Of float64, int64, uint8 or bool. They must not change meanwhile.

        Raises:
            WorkerConnectionError: The connection is broken; or this cannot be a frame, which breaks
                nothing.
        """
        frame = pack(fields, arrays)
        async with self._sending:
            await self._send(frame)

    async def _send(self, frame: PackedFrame) -> None:
        self._check()
        with self._unbroken("sending"):
            pieces = self._writer.write(frame)
            if frame.payload <= SMALL_BYTES:
                await self._stream.send_all(b"".join(pieces))
            else:
                for piece in pieces:
                    await self._stream.send_all(piece)

    async def receive(self) -> tuple[dict[str, Any], list[AnyArray]] | None:
        """Wait for the next frame.

        Cancelled before a frame comes, it may be called again. Cancelled on the way, the connection
        is broken.

        Returns:
            The fields and the arrays, which are read-only; None when the other side has closed in
            order.

        Raises:
            WorkerConnectionError: The connection is broken.
        """
        async with self._receiving:
            if self._ended:
                return None
            self._check()
            raw = np.empty(HEADER_BYTES, np.uint8)
            try:
                got = await self._stream.socket.recv_into(raw.data)
            except (OSError, trio.ClosedResourceError) as error:
                raise self._fail(_describe(error)) from None
            if not got:
                raise self._fail("the other side has gone without a word")
            with self._unbroken("receiving"):
                await self._fill(raw[got:])
                header = self._reader.read_header(raw.tobytes())
                if header.is_end:
                    self._ended = True
                    return None
                return self._reader.read(await self._receive_body(header))

    async def _receive_body(self, header: FrameHeader) -> AnyArray:
        """The rest of a frame. Its MAC is computed while it comes."""
        try:
            body = np.empty(header.padding + header.text + header.payload + MAC_BYTES, np.uint8)
        except MemoryError:
            raise WorkerConnectionError(
                f"a frame of {header.payload:,} bytes is more than there is memory for"
            ) from None
        await self._fill(body[header.padding :], self._reader)
        return body

    async def _fill(self, buffer: AnyArray, reader: FrameReader | None = None) -> None:
        start, end = 0, len(buffer) - MAC_BYTES
        while start < len(buffer):
            got = await self._stream.socket.recv_into(buffer[start:].data)
            if not got:
                raise WorkerConnectionError("the other side has gone in the middle of a frame")
            if reader is not None:
                reader.add_piece(buffer[start : min(start + got, end)].data)
            start += got

    @contextmanager
    def _unbroken(self, doing: str) -> Iterator[None]:
        """All of the block happens, or the connection is broken."""
        try:
            yield
        except (
            OSError,
            trio.BrokenResourceError,
            trio.ClosedResourceError,
            WorkerConnectionError,
        ) as error:
            raise self._fail(_describe(error)) from None
        except BaseException:
            self._fail(f"this side was interrupted while {doing} a frame")
            raise

    def _check(self) -> None:
        if self._broken is not None:
            raise WorkerConnectionError(self._broken)

    def _fail(self, cause: str) -> WorkerConnectionError:
        """Broken from here on; the first cause stays."""
        if self._broken is None:
            self._broken = "it was closed on this side" if self._closed else cause
            # At once: the other side then sees a frame that is cut short, and tasks that wait here
            # wake.
            self._stream.socket.close()
        return WorkerConnectionError(self._broken)

    async def aclose(self) -> None:
        """Send the last frame, if that can be done soon, and close.

        It may be called again, and while cancelled.
        """
        if self._closed:
            return
        self._closed = True
        with (
            trio.move_on_after(CLOSE_SECONDS, shield=True),
            suppress(WorkerConnectionError, trio.WouldBlock),
        ):
            self._sending.acquire_nowait()  # a task in the middle of a frame cannot end it any more
            try:
                await self._send(LAST)
            finally:
                self._sending.release()
        self._fail("")

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


def _describe(error: BaseException) -> str:
    if isinstance(error, trio.ClosedResourceError):
        return "it was closed on this side"
    if isinstance(error, trio.BrokenResourceError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OSError):
        return f"the stream broke: {error.strerror or error}"
    return str(error)


async def connect(
    host: str,
    port: int,
    secret: bytes,
    hello: dict[str, Any],
    timeout: float = 10.0,  # noqa: ASYNC109 (its error names it)
) -> Connection:
    """Connect to a process that serves.

    Args:
        host: Where it listens.
        port: Where it listens.
        secret: The secret of the run, at least 16 random bytes.
        hello: What this side says of itself: JSON.
        timeout: How many seconds the other side may take.

    Raises:
        InputError: The secret is too short.
        WorkerConnectionError: No process serves there, or it does not know the secret, or does not
            answer in time.
    """
    _check_secret(secret)
    where = f"{host}:{port}"
    with trio.move_on_after(timeout):
        try:
            stream = await trio.open_tcp_stream(host, port)
        except OSError as error:
            raise WorkerConnectionError(
                f"no process can be reached at {where}: {describe_refusal(error)}"
            ) from None
        try:
            return await _greet_as_client(stream, secret, hello)
        except (OSError, trio.BrokenResourceError, WorkerConnectionError) as error:
            stream.socket.close()
            raise WorkerConnectionError(f"no connection to {where}: {_describe(error)}") from None
        except BaseException:
            stream.socket.close()
            raise
    raise WorkerConnectionError(f"no process has answered at {where} in {timeout:g} seconds")


def describe_refusal(error: BaseException) -> str:
    """Return why a stream could not be opened: the error of the address that was tried last."""
    last = getattr(error.__cause__, "exceptions", [error])[-1]
    return os.strerror(last.errno) if getattr(last, "errno", None) else str(last)


@enable_ki_protection
async def serve(
    host: str,
    secret: bytes,
    hello: dict[str, Any],
    welcome: Callable[[Connection], Awaitable[None]],
    *,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Listen on a free port until cancelled.

    Args:
        host: The address to listen at.
        secret: The secret of the run, at least 16 random bytes.
        hello: What this side says of itself: JSON.
        welcome: Called with each connection, in a task of its own. When it returns, the connection
            is closed. What it raises ends all; what strangers do ends nothing.
        task_status: Receives the port.

    Raises:
        InputError: The secret is too short, or this machine does not have the address.
    """
    _check_secret(secret)
    strangers: dict[trio.CancelScope, None] = {}  # the oldest first

    @enable_ki_protection
    async def handle(stream: trio.SocketStream) -> None:
        connection = None
        with trio.move_on_after(HANDSHAKE_SECONDS) as scope:
            if len(strangers) >= MAX_STRANGERS:
                oldest = next(iter(strangers))
                del strangers[oldest]
                oldest.cancel()
            strangers[scope] = None
            with suppress(OSError, trio.BrokenResourceError, WorkerConnectionError):
                connection = await _greet_as_server(stream, secret, hello)
            strangers.pop(scope, None)
        if connection is None or scope.cancelled_caught:
            strangers.pop(scope, None)
            stream.socket.close()
            return
        async with connection:
            await welcome(connection)

    try:
        listeners = await trio.open_tcp_listeners(0, host=host)
    except OSError as error:
        raise InputError(
            f"workers cannot be reached at {host!r}: {error.strerror or error}"
        ) from None
    for more in listeners[1:]:  # of a name with several addresses, each with another port
        more.socket.close()
    async with listeners[0]:
        task_status.started(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(handle, listeners[:1])


def _check_secret(secret: bytes) -> None:
    if not isinstance(secret, bytes) or len(secret) < MIN_SECRET_BYTES:
        # the error never shows it
        raise InputError(f"a run's secret must be at least {MIN_SECRET_BYTES} random bytes")


async def _greet_as_client(
    stream: trio.SocketStream, secret: bytes, hello: dict[str, Any]
) -> Connection:
    mine = os.urandom(NONCE_BYTES)
    await stream.send_all(GREETING + mine)
    theirs = await _receive_greeting(stream)
    given = await _receive_bytes(stream, MAC_BYTES)
    if not hmac.compare_digest(_mac(secret, b"server", mine, theirs), given):
        raise WorkerConnectionError(
            "the other side does not know this run's secret: is it one of another run?"
        )
    await stream.send_all(_mac(secret, b"client", mine, theirs))
    return await _exchange_hellos(stream, secret, hello, (FROM_CLIENT, FROM_SERVER), (mine, theirs))


async def _greet_as_server(
    stream: trio.SocketStream, secret: bytes, hello: dict[str, Any]
) -> Connection:
    mine = os.urandom(NONCE_BYTES)
    try:
        theirs = await _receive_greeting(stream)
    except _OtherVersionError:
        await stream.send_all(GREETING + mine)  # so that the other side can name the versions too
        raise
    await stream.send_all(GREETING + mine + _mac(secret, b"server", theirs, mine))
    given = await _receive_bytes(stream, MAC_BYTES)
    if not hmac.compare_digest(_mac(secret, b"client", theirs, mine), given):
        raise WorkerConnectionError("the other side does not know this run's secret")
    return await _exchange_hellos(stream, secret, hello, (FROM_SERVER, FROM_CLIENT), (theirs, mine))


async def _exchange_hellos(
    stream: trio.SocketStream,
    secret: bytes,
    hello: dict[str, Any],
    ways: tuple[bytes, bytes],
    nonces: tuple[bytes, bytes],
) -> Connection:
    """Exchange the first frames. nonces: the client's, and the server's."""
    with suppress(OSError):
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):
                stream.socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    out, back = (_mac(secret, way, *nonces) for way in ways)
    connection = Connection(stream, FrameWriter(out), FrameReader(back))
    if ways[0] == FROM_CLIENT:
        await connection.send(hello)
    frame = await connection.receive()
    # The server has read before it sends: both hellos may be more than fits into the sockets.
    if ways[0] == FROM_SERVER:
        await connection.send(hello)
    if frame is None:
        raise WorkerConnectionError("the other side has gone before it sent its hello")
    connection.hello = frame[0]
    return connection


class _OtherVersionError(WorkerConnectionError):
    """The other side has another version of the frames or messages."""


async def _receive_greeting(stream: trio.SocketStream) -> bytes:
    """The other side's nonce."""
    greeting = await _receive_bytes(stream, len(GREETING))
    if greeting[:-4] != GREETING[:-4]:
        raise WorkerConnectionError(
            "the other side does not speak as a worker of neuro_actors does"
        )
    if greeting != GREETING:
        version = int.from_bytes(greeting[-4:], "little")
        what = f"version {version} of the connections, this one version {VERSION}"
        raise _OtherVersionError(
            f"the other side speaks {what}: install the same neuro-actors on all machines"
        )
    return await _receive_bytes(stream, NONCE_BYTES)


async def _receive_bytes(stream: trio.SocketStream, count: int) -> bytes:
    """Just so many bytes."""
    received = b""
    while len(received) < count:
        more = await stream.receive_some(count - len(received))
        if not more:
            raise WorkerConnectionError(
                "the other side has hung up, before it proved that it knows the run's secret"
            )
        received += more
    return received


def _mac(secret: bytes, role: bytes, client: bytes, server: bytes) -> bytes:
    return hmac.digest(secret, GREETING + role + client + server, "sha256")
