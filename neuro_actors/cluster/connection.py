"""Wires: streams of sealed letters between two who know the run's secret.

The law:

1. Each side proves that it knows the secret before the other says anything of itself. Both send a nonce; the server's proof
   comes first, then the client's, each HMAC-SHA256 over what its sender is, and both nonces: a proof can be neither sent
   back nor used again. Until then only as many bytes are read as a proof has, and none is interpreted.
2. All that follows is sealed under keys of this wire alone; see `letters.py`.
3. A wire on which a letter was cut short, in sending or receiving, is broken: it is closed, and whoever uses it is told why.
4. A stranger costs a socket and a task for `PATIENCE` seconds at most. There are never more than `STRANGERS`: the next
   one takes the place of the oldest.

What this protects against: whoever can reach the port, or sits on the way, cannot join the run, speak for one of its workers,
change, repeat or swallow a letter, nor make a worker run anything or take memory. What it does not: letters are not encrypted,
so who sits on the way reads them, and may cut the wire. Whoever knows the secret may say anything.
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
    LAST,
    MAC_BYTES,
    PRELUDE_BYTES,
    VERSION,
    AnyArray,
    FrameHeader,
    FrameReader,
    FrameWriter,
    PackedFrame,
    pack,
)

HELLO = b"neuro_actors" + VERSION.to_bytes(4, "little")
FROM_CLIENT, FROM_SERVER = b"from client", b"from server"
NONCE_BYTES = 32
LEAST_SECRET = 16
PATIENCE = 5.0
STRANGERS = 64
GOODBYE = 1.0  # seconds that the last word may take
SMALL = 1 << 16  # letters up to here are sent at one go
KEEPALIVE = {
    "TCP_KEEPIDLE": 10,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 4,
}  # a machine that has gone is noticed in 30 seconds


class Connection:
    """One end of a wire. Made by `connect` and by `serve`; `async with` closes it.

    about: what the other side said of itself.  host: its address.
    """

    def __init__(self, stream: trio.SocketStream, sealer: FrameWriter, opener: FrameReader) -> None:
        self.about: dict[str, Any] = {}
        peer = (
            stream.socket.getpeername()
        )  # now: of one that has broken nobody can tell it any more
        self.host = str(peer[0]) if isinstance(peer, tuple) else ""  # a pair of sockets has none
        self._stream = stream
        self._sealer = sealer
        self._opener = opener
        self._sending = trio.StrictFIFOLock()
        self._receiving = trio.StrictFIFOLock()
        self._broken: str | None = None
        self._ended = False  # the other side has said its last word
        self._closed = False

    async def send(self, head: dict[str, Any], arrays: Sequence[AnyArray] = ()) -> None:
        """Send a letter; any number of tasks may. The arrays, of float64, int64, uint8 or bool, must not change meanwhile.

        It waits where the other side does not read: two who only send to each other wait for ever. Raises `WorkerConnectionError` where
        the wire is broken, or this is no letter, which breaks nothing. Cancelled on the way, the wire is broken.
        """
        letter = pack(head, arrays)
        async with self._sending:
            await self._send(letter)

    async def _send(self, letter: PackedFrame) -> None:
        self._check()
        with self._whole("sending"):
            pieces = self._sealer.seal(letter)
            if letter.payload <= SMALL:
                await self._stream.send_all(b"".join(pieces))
            else:
                for piece in pieces:
                    await self._stream.send_all(piece)

    async def receive(self) -> tuple[dict[str, Any], list[AnyArray]] | None:
        """The next letter's head and arrays, which are read-only; None when the other side has closed the wire in order.

        Raises `WorkerConnectionError` where the wire is broken. Cancelled while none has come, it may be called again; on the way, the
        wire is broken.
        """
        async with self._receiving:
            if self._ended:
                return None
            self._check()
            raw = np.empty(PRELUDE_BYTES, np.uint8)
            try:
                got = await self._stream.socket.recv_into(raw.data)
            except (OSError, trio.ClosedResourceError) as error:
                raise self._fail(_why(error)) from None
            if not got:
                raise self._fail("the other side has gone without a word")
            with self._whole("receiving"):
                await self._fill(raw[got:])
                coming = self._opener.expect(raw.tobytes())
                if coming.end:
                    self._ended = True
                    return None
                return self._opener.open(await self._body(coming))

    async def _body(self, coming: FrameHeader) -> AnyArray:
        """The rest of a letter, its MAC taken of it while it came."""
        try:
            body = np.empty(coming.fill + coming.text + coming.payload + MAC_BYTES, np.uint8)
        except MemoryError:
            raise WorkerConnectionError(
                f"a letter of {coming.payload:,} bytes is more than there is memory for"
            ) from None
        await self._fill(body[coming.fill :], self._opener)
        return body

    async def _fill(self, buffer: AnyArray, opener: FrameReader | None = None) -> None:
        start, end = 0, len(buffer) - MAC_BYTES
        while start < len(buffer):
            got = await self._stream.socket.recv_into(buffer[start:].data)
            if not got:
                raise WorkerConnectionError("the other side has gone in the middle of a letter")
            if opener is not None:
                opener.take(buffer[start : min(start + got, end)].data)
            start += got

    @contextmanager
    def _whole(self, doing: str) -> Iterator[None]:
        """All of it, or the wire is broken."""
        try:
            yield
        except (
            OSError,
            trio.BrokenResourceError,
            trio.ClosedResourceError,
            WorkerConnectionError,
        ) as error:
            raise self._fail(_why(error)) from None
        except BaseException:
            self._fail(f"this side was interrupted while {doing} a letter")
            raise

    def _check(self) -> None:
        if self._broken is not None:
            raise WorkerConnectionError(self._broken)

    def _fail(self, why: str) -> WorkerConnectionError:
        """Broken from here on; the first reason stays."""
        if self._broken is None:
            self._broken = "it was closed on this side" if self._closed else why
            self._stream.socket.close()  # at once: the other side sees a letter that is cut short, and those who wait here wake
        return WorkerConnectionError(self._broken)

    async def aclose(self) -> None:
        """Say the last word, where that can be done soon, and close; may be called again, and while cancelled."""
        if self._closed:
            return
        self._closed = True
        with (
            trio.move_on_after(GOODBYE, shield=True),
            suppress(WorkerConnectionError, trio.WouldBlock),
        ):
            self._sending.acquire_nowait()  # whoever is in the middle of a letter cannot end it any more
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


def _why(error: BaseException) -> str:
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
    about: dict[str, Any],
    timeout: float = 10.0,  # noqa: ASYNC109 (it names it in its error)
) -> Connection:
    """A wire to whoever serves there. Raises `WorkerConnectionError` where nobody does, it does not know the secret, or does not answer
    in `timeout` seconds."""
    _check_secret(secret)
    where = f"{host}:{port}"
    with trio.move_on_after(timeout):
        try:
            stream = await trio.open_tcp_stream(host, port)
        except OSError as error:
            raise WorkerConnectionError(
                f"nobody can be reached at {where}: {reason(error)}"
            ) from None
        try:
            return await _greet_as_client(stream, secret, about)
        except (OSError, trio.BrokenResourceError, WorkerConnectionError) as error:
            stream.socket.close()
            raise WorkerConnectionError(f"no wire to {where}: {_why(error)}") from None
        except BaseException:
            stream.socket.close()
            raise
    raise WorkerConnectionError(f"nobody has answered at {where} in {timeout:g} seconds")


def reason(error: BaseException) -> str:
    """Why a stream could not be opened: of the addresses that were tried, what the last one said."""
    last = getattr(error.__cause__, "exceptions", [error])[-1]
    return os.strerror(last.errno) if getattr(last, "errno", None) else str(last)


@enable_ki_protection
async def serve(
    host: str,
    secret: bytes,
    about: dict[str, Any],
    welcome: Callable[[Connection], Awaitable[None]],
    *,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Listen on a free port of `host`, which `task_status` is told, until cancelled. `welcome` is called with each wire, in
    a task of its own, and the wire is closed when it returns. What it raises ends all; what strangers do ends nothing.
    """
    _check_secret(secret)
    strangers: dict[trio.CancelScope, None] = {}  # the oldest first

    @enable_ki_protection
    async def handle(stream: trio.SocketStream) -> None:
        wire = None
        with trio.move_on_after(PATIENCE) as scope:
            if len(strangers) >= STRANGERS:
                oldest = next(iter(strangers))
                del strangers[oldest]
                oldest.cancel()
            strangers[scope] = None
            with suppress(OSError, trio.BrokenResourceError, WorkerConnectionError):
                wire = await _greet_as_server(stream, secret, about)
            strangers.pop(scope, None)
        if wire is None or scope.cancelled_caught:
            strangers.pop(scope, None)
            stream.socket.close()
            return
        async with wire:
            await welcome(wire)

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
    if not isinstance(secret, bytes) or len(secret) < LEAST_SECRET:
        raise InputError(
            f"a run's secret must be at least {LEAST_SECRET} random bytes"
        )  # and is never shown


async def _greet_as_client(
    stream: trio.SocketStream, secret: bytes, about: dict[str, Any]
) -> Connection:
    mine = os.urandom(NONCE_BYTES)
    await stream.send_all(HELLO + mine)
    theirs = await _hear_hello(stream)
    given = await _read(stream, MAC_BYTES)
    if not hmac.compare_digest(_mac(secret, b"server", mine, theirs), given):
        raise WorkerConnectionError(
            "the other side does not know this run's secret: is it one of another run?"
        )
    await stream.send_all(_mac(secret, b"client", mine, theirs))
    return await _introduce(stream, secret, about, (FROM_CLIENT, FROM_SERVER), (mine, theirs))


async def _greet_as_server(
    stream: trio.SocketStream, secret: bytes, about: dict[str, Any]
) -> Connection:
    mine = os.urandom(NONCE_BYTES)
    try:
        theirs = await _hear_hello(stream)
    except _OtherVersionError:
        await stream.send_all(HELLO + mine)  # so that it can say the same
        raise
    await stream.send_all(HELLO + mine + _mac(secret, b"server", theirs, mine))
    given = await _read(stream, MAC_BYTES)
    if not hmac.compare_digest(_mac(secret, b"client", theirs, mine), given):
        raise WorkerConnectionError("the other side does not know this run's secret")
    return await _introduce(stream, secret, about, (FROM_SERVER, FROM_CLIENT), (theirs, mine))


async def _introduce(
    stream: trio.SocketStream,
    secret: bytes,
    about: dict[str, Any],
    ways: tuple[bytes, bytes],
    nonces: tuple[bytes, bytes],
) -> Connection:
    """Both know the secret: the first letter each way. nonces: the client's, and the server's."""
    with suppress(OSError):
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):
                stream.socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    out, back = (_mac(secret, way, *nonces) for way in ways)
    wire = Connection(stream, FrameWriter(out), FrameReader(back))
    if ways[0] == FROM_CLIENT:
        await wire.send(about)
    letter = await wire.receive()
    if ways[0] == FROM_SERVER:  # who has read before: both may say more than fits into the sockets
        await wire.send(about)
    if letter is None:
        raise WorkerConnectionError("the other side has gone before it said who it is")
    wire.about = letter[0]
    return wire


class _OtherVersionError(WorkerConnectionError):
    """It speaks, but not as this side does."""


async def _hear_hello(stream: trio.SocketStream) -> bytes:
    """The other side's nonce."""
    hello = await _read(stream, len(HELLO))
    if hello[:-4] != HELLO[:-4]:
        raise WorkerConnectionError(
            "the other side does not speak as a worker of neuro_actors does"
        )
    if hello != HELLO:
        version = int.from_bytes(hello[-4:], "little")
        what = f"version {version} of the wires, this one version {VERSION}"
        raise _OtherVersionError(
            f"the other side speaks {what}: install the same neuro-actors on all machines"
        )
    return await _read(stream, NONCE_BYTES)


async def _read(stream: trio.SocketStream, count: int) -> bytes:
    """Just so many bytes."""
    read = b""
    while len(read) < count:
        more = await stream.receive_some(count - len(read))
        if not more:
            raise WorkerConnectionError(
                "the other side has hung up, before it proved that it knows the run's secret"
            )
        read += more
    return read


def _mac(secret: bytes, what: bytes, client: bytes, server: bytes) -> bytes:
    return hmac.digest(secret, HELLO + what + client + server, "sha256")
