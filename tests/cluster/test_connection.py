"""Connections: frames arrive whole, in order and unchanged, or an error says why not; strangers stop nothing."""

from __future__ import annotations

import gc
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neuro_actors as na
from neuro_actors.cluster import connection, framing
from neuro_actors.cluster.connection import GREETING, Connection, connect, serve
from neuro_actors.cluster.framing import FrameReader, FrameWriter, pack
from neuro_actors.support.errors import WorkerConnectionError

SECRET = bytes(range(32))
HOST = "127.0.0.1"
ARRAYS = [
    np.arange(6.0).reshape(2, 3),
    np.array(-7),
    np.zeros((3, 0, 2)),
    np.array([True, False, True]),
    np.arange(5, dtype=np.uint8),
]
HEAD = {"kind": "told", "step": 3, "rate": 0.1, "name": "é"}


async def echo(to: Connection) -> None:
    while (frame := await to.receive()) is not None:
        await to.send(*frame)


@asynccontextmanager
async def serving(welcome: Any = echo, secret: bytes = SECRET) -> AsyncIterator[int]:
    async with trio.open_nursery() as nursery:
        yield await nursery.start(serve, HOST, secret, {"role": "driver"}, welcome)
        nursery.cancel_scope.cancel()


def pair() -> tuple[Connection, Connection]:
    """Two ends, greeted already."""
    ours, theirs = trio.socket.socketpair()
    keys = bytes(16), bytes(15) + b"1"
    return (
        Connection(trio.SocketStream(ours), FrameWriter(keys[0]), FrameReader(keys[1])),
        Connection(trio.SocketStream(theirs), FrameWriter(keys[1]), FrameReader(keys[0])),
    )


def sealed(head: dict[str, Any] = HEAD, arrays: Any = ARRAYS, key: bytes = SECRET) -> bytes:
    return b"".join(FrameWriter(key).write(pack(head, arrays)))


def opened(raw: bytes, key: bytes = SECRET) -> tuple[dict[str, Any], list[Any]]:
    """As a connection does it, out of bytes."""
    reader = FrameReader(key)
    if len(raw) < framing.HEADER_BYTES:
        raise WorkerConnectionError("short")
    header = reader.read_header(raw[: framing.HEADER_BYTES])
    body = np.frombuffer(bytes(header.padding) + raw[framing.HEADER_BYTES :], np.uint8)
    if len(body) != header.padding + header.text + header.payload + framing.MAC_BYTES:
        raise WorkerConnectionError("short")
    reader.add_piece(body[header.padding : -framing.MAC_BYTES].data)
    return reader.read(body)


def same(a: list[Any], b: list[Any]) -> bool:
    return len(a) == len(b) and all(
        x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
        for x, y in zip(a, b, strict=True)
    )


async def test_there_and_back() -> None:
    async with serving() as port, await connect(HOST, port, SECRET, {"rank": 1}) as to:
        assert to.hello == {"role": "driver"}
        for arrays in (
            ARRAYS,
            [],
            [np.random.default_rng(0).random((700, 300))],
            [np.full(3, np.nan)],
        ):
            await to.send(HEAD, arrays)
            head, back = await to.receive() or ({}, [])
            assert head == HEAD
            assert same(back, arrays)
            assert all(
                not array.flags.writeable and array.flags.c_contiguous and array.flags.aligned
                for array in back
            )


async def test_each_side_hears_what_the_other_says_of_itself_even_if_it_says_much() -> None:
    much = {"names": ["x" * 1000] * 5000}
    received: list[Any] = []

    async def welcome(to: Connection) -> None:
        received.append(to.hello)

    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve, HOST, SECRET, much, welcome)
        async with await connect(HOST, port, SECRET, much) as to:
            assert to.hello == much
            assert await to.receive() is None  # it has been welcomed, and that was all
        assert received == [much]
        nursery.cancel_scope.cancel()


async def test_arrays_that_lie_otherwise_arrive_as_they_are() -> None:
    a, b = pair()
    arrays = [np.arange(12.0).reshape(3, 4).T, np.arange(6.0)[::-2], np.arange(3, dtype=">f8")]
    await a.send({}, arrays)
    _, back = await b.receive() or ({}, [])
    assert all(np.array_equal(x, y) for x, y in zip(arrays, back, strict=True))
    await a.aclose()
    await b.aclose()


@pytest.mark.parametrize(
    ("head", "arrays", "match"),
    [
        ([1], (), r"^the fields of a frame must be a dict, got \[1\]$"),
        ({"x": object()}, (), r"^the fields of a frame must be JSON: "),
        ({}, [[1.0]], r"^a frame carries arrays of float64, int64, uint8 or bool, got \[1.0\]$"),
        (
            {},
            [np.zeros(2, np.float32)],
            r"^a frame carries arrays of float64, int64, uint8 or bool, got one of float32$",
        ),
        ({}, [np.array([object()])], r"got one of object$"),
        ({}, [np.zeros((1,) * 9)], r"^the arrays of a frame have at most 8 axes, got one of 9$"),
        (
            {},
            [np.broadcast_to(1.0, 1 << 32)],
            r"^the arrays of a frame must have at most 17,179,869,184 bytes, got 34,359,738,368: ",
        ),
        (
            {"x": "y" * (1 << 26)},
            (),
            r"^the fields of a frame must have at most 67,108,864 bytes, ",
        ),
    ],
)
async def test_content_that_cannot_be_a_frame_breaks_nothing(
    head: Any, arrays: Any, match: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = pair()
    async with a, b:
        with pytest.raises(WorkerConnectionError, match=match):
            await a.send(head, arrays)
        await a.send({"still": "there"})
        assert await b.receive() == ({"still": "there"}, [])


async def test_many_senders_each_frame_whole_and_each_sender_in_order() -> None:
    a, b = pair()
    got: list[tuple[int, int]] = []

    async def say(who: int) -> None:
        for k in range(10):
            await a.send({"who": who, "k": k}, [np.full(30_000 * (who % 2) + 5, float(who))])

    async def hear() -> None:
        while (frame := await b.receive()) is not None:
            assert (frame[1][0] == frame[0]["who"]).all()
            got.append((frame[0]["who"], frame[0]["k"]))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hear)
        async with a, trio.open_nursery() as senders:
            for who in range(6):
                senders.start_soon(say, who)
    assert all([k for w, k in got if w == who] == list(range(10)) for who in range(6))
    await b.aclose()


async def test_an_end_in_order_and_one_without_a_word() -> None:
    a, b = pair()
    await a.send({"last": 1})
    await a.aclose()
    await a.aclose()
    assert await b.receive() == ({"last": 1}, [])
    assert await b.receive() is None
    assert await b.receive() is None
    with pytest.raises(WorkerConnectionError, match=r"^it was closed on this side$"):
        await a.send({})
    with pytest.raises(WorkerConnectionError, match=r"^it was closed on this side$"):
        await a.receive()
    await b.aclose()
    a, b = pair()
    a._stream.socket.close()
    for _ in range(2):
        with pytest.raises(
            WorkerConnectionError, match=r"^the other side has gone without a word$"
        ):
            await b.receive()
    with pytest.raises(WorkerConnectionError, match=r"^the other side has gone without a word$"):
        await b.send({})


async def test_closing_wakes_who_waits_and_is_quick_where_nobody_reads(
    autojump_clock: trio.testing.MockClock,
) -> None:
    a, b = pair()

    async def waits() -> None:
        with pytest.raises(WorkerConnectionError, match=r"^it was closed on this side$"):
            await a.receive()

    async def sends() -> None:
        with pytest.raises(WorkerConnectionError, match=r"^it was closed on this side$"):
            await a.send({}, [np.zeros(1 << 20)])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits)
        nursery.start_soon(sends)
        await trio.testing.wait_all_tasks_blocked()
        before = trio.current_time()
        await a.aclose()
        assert trio.current_time() == before
    await b.aclose()


async def test_cut_short_at_every_byte() -> None:
    raw = sealed({"k": 1}, [np.arange(2.0)], bytes(16))
    for length in range(len(raw)):
        a, b = pair()
        await a._stream.send_all(raw[:length])
        a._stream.socket.close()
        with pytest.raises(
            WorkerConnectionError,
            match="the other side has gone (without a word|in the middle of a frame)",
        ):
            await b.receive()
        b._stream.socket.close()


async def test_one_byte_at_a_time() -> None:
    a, b = pair()
    raw = sealed(key=bytes(16))

    async def trickle() -> None:
        for k in range(len(raw)):
            await a._stream.send_all(raw[k : k + 1])
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trickle)
        head, arrays = await b.receive() or ({}, [])
    assert head == HEAD
    assert same(arrays, ARRAYS)
    a._stream.socket.close()
    b._stream.socket.close()


async def test_cancelled_in_the_middle_of_sending_it_is_broken_and_the_other_side_knows() -> None:
    a, b = pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.send, {}, [np.zeros(1 << 20)])
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    with pytest.raises(
        WorkerConnectionError, match=r"^this side was interrupted while sending a frame$"
    ):
        await a.send({})
    with pytest.raises(
        WorkerConnectionError, match=r"^the other side has gone in the middle of a frame$"
    ):
        await b.receive()
    with pytest.raises(
        WorkerConnectionError, match=r"^the other side has gone in the middle of a frame$"
    ):
        await b.send({})


async def test_cancelled_while_it_waits_its_turn_or_for_mail_nothing_is_broken() -> None:
    a, b = pair()
    with trio.move_on_after(0):
        await a.receive()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.send, {"k": 1}, [np.zeros(1 << 20)])
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(0.01) as scope:
            await a.send({"k": 2})
        assert scope.cancelled_caught
        assert (await b.receive() or [None])[0] == {"k": 1}
    await b.send({"k": 3})
    assert await a.receive() == ({"k": 3}, [])
    await a.aclose()
    assert await b.receive() is None
    await b.aclose()


async def test_cancelled_in_the_middle_of_a_frame_that_comes() -> None:
    a, b = pair()
    await a._stream.send_all(sealed(key=bytes(16))[:70])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(b.receive)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    with pytest.raises(
        WorkerConnectionError, match=r"^this side was interrupted while receiving a frame$"
    ):
        await b.receive()
    a._stream.socket.close()


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_one_changed_bit_anywhere_is_seen(data: Any) -> None:
    raw = bytearray(RAW)
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    if raw != RAW:
        with pytest.raises(WorkerConnectionError):
            opened(bytes(raw))


RAW = sealed()


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_at_all(raw: bytes) -> None:
    with pytest.raises(WorkerConnectionError):
        opened(raw)
    with pytest.raises(WorkerConnectionError):
        opened(RAW[: framing.HEADER.size] + raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    max_leaves=8,
)


@given(JSON, st.binary(max_size=64))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_bytes_with_an_honest_mac_are_a_frame_or_a_connection_error(
    text: Any, payload: bytes
) -> None:
    raw = b"".join(
        FrameWriter(SECRET).write(
            framing.PackedFrame(0, json.dumps(text).encode(), (payload,), len(payload))
        )
    )
    try:
        head, arrays = opened(raw)
    except WorkerConnectionError as error:
        assert str(error).startswith("a frame fits its MAC, but is damaged: ")  # noqa: PT017
    else:
        assert isinstance(head, dict)
        assert arrays == []


@pytest.mark.parametrize(
    "table",
    [
        [["<f8", [2**40, 2**40]]],
        [["<f8", [-1]]],
        [["<f8", [True]]],
        [["<f8", [0, 2**60]]],
        [["<f8", [0, 2**40, 2**40]]],
        [["|O", [1]]],
        [["<f8", [3]]],
        [["|u1", [3]], ["|u1", [3]]],
        [["<f8", [1] * 9]],
        [["|b1", [16]]],
        [],
        [["<f8"]],
        [["<f8", 2]],
        [[["<f8"], [2]]],
        [["f8", [2]]],
    ],
)
def test_a_table_that_does_not_describe_the_payload(table: Any) -> None:
    text = json.dumps([{}, table]).encode()
    with pytest.raises(WorkerConnectionError, match=r"^a frame fits its MAC, but is damaged: "):
        opened(
            b"".join(FrameWriter(SECRET).write(framing.PackedFrame(0, text, (b"\x02" * 16,), 16)))
        )


def test_deep_json() -> None:
    text = b"[" * 100_000 + b"]" * 100_000
    with pytest.raises(WorkerConnectionError, match=r"^a frame fits its MAC, but is damaged: "):
        opened(b"".join(FrameWriter(SECRET).write(framing.PackedFrame(0, text, (), 0))))


@pytest.mark.parametrize(("text", "payload"), [(2**63, 0), (0, 2**63), (1 << 27, 0), (0, 1 << 35)])
def test_giant_lengths_take_no_memory(text: int, payload: int) -> None:
    prelude = framing.HEADER.pack(framing.MAGIC, framing.VERSION, 0, 0, text, payload)
    with pytest.raises(WorkerConnectionError, match="does not fit its MAC"):
        FrameReader(SECRET).read_header(prelude + bytes(32))
    with pytest.raises(WorkerConnectionError, match=r"^a frame announces "):
        FrameReader(SECRET).read_header(prelude + hmac.digest(SECRET, prelude, "sha256"))


def test_a_frame_repeated_left_out_sent_back_or_from_another_connection() -> None:
    writer = FrameWriter(SECRET)
    first, second = (b"".join(writer.write(pack({"k": k}, []))) for k in range(2))
    reader = FrameReader(SECRET)
    reader.read_header(first[: framing.HEADER_BYTES])
    with pytest.raises(
        WorkerConnectionError, match=r"^expected frame 1, got frame 0: one was lost, or repeated$"
    ):
        reader.read_header(first[: framing.HEADER_BYTES])
    with pytest.raises(
        WorkerConnectionError, match=r"^expected frame 0, got frame 1: one was lost, or repeated$"
    ):
        opened(second)
    with pytest.raises(WorkerConnectionError, match=r"header of a frame does not fit its MAC"):
        opened(first, bytes(32))


async def test_a_wrong_secret_and_a_stranger_who_is_no_worker() -> None:
    async with serving() as port:
        with pytest.raises(
            WorkerConnectionError,
            match=rf"^no connection to 127.0.0.1:{port}: the other side does not know this run's secret: ",
        ):
            await connect(HOST, port, bytes(32), {})
        for said in (b"GET / HTTP/1.1\r\n\r\n", GREETING + bytes(32) + bytes(32), GREETING):
            stream = await trio.open_tcp_stream(HOST, port)
            await stream.send_all(said)
            with suppress(trio.BrokenResourceError):
                await stream.send_eof()
            await hung_up(stream)
        async with await connect(HOST, port, SECRET, {}) as to:
            await to.send({"k": 1})
            assert await to.receive() == ({"k": 1}, [])


async def hung_up(stream: trio.SocketStream) -> None:
    """The other side has, whether it has read all or not."""
    with suppress(trio.BrokenResourceError):
        while await stream.receive_some():
            pass
    await stream.aclose()


async def test_another_version_is_named() -> None:
    other = GREETING[:-4] + (9).to_bytes(4, "little")
    async with serving() as port:
        stream = await trio.open_tcp_stream(HOST, port)
        await stream.send_all(other)
        assert (await stream.receive_some(len(GREETING)))[: len(GREETING)] == GREETING
        await stream.aclose()

    async def elder(stream: trio.SocketStream) -> None:
        await stream.send_all(other + bytes(32))

    async with pretending(elder) as port:
        with pytest.raises(
            WorkerConnectionError,
            match=f"speaks version 9 of the connections, this one version {framing.VERSION}: install the same",
        ):
            await connect(HOST, port, SECRET, {})


@asynccontextmanager
async def pretending(handle: Any) -> AsyncIterator[int]:
    """A server of somebody else's."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, handle, 0)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def test_a_server_that_only_sends_back_what_it_hears() -> None:
    async def mirror(stream: trio.SocketStream) -> None:
        while data := await stream.receive_some():
            await stream.send_all(data)

    with trio.fail_after(60):
        async with pretending(mirror) as port:
            with pytest.raises(
                WorkerConnectionError, match="no process has answered at .* in 0.2 seconds"
            ):
                await connect(HOST, port, SECRET, {}, timeout=0.2)


async def test_a_server_s_proof_sent_back_to_it_opens_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Reflection: what a server proves, with nonces of the stranger's choice, is never what a client has to prove. It hangs up
    when it hears it, long before its patience ends."""
    monkeypatch.setattr(connection, "HANDSHAKE_SECONDS", 60.0)
    with trio.fail_after(60):
        async with serving(unwelcome) as port:

            async def asked(nonce: bytes) -> tuple[trio.SocketStream, bytes, bytes]:
                stream = await trio.open_tcp_stream(HOST, port)
                await stream.send_all(GREETING + nonce)
                said = await read(stream, len(GREETING) + 64)
                return stream, said[len(GREETING) : -32], said[-32:]

            first, nonce, proof = await asked(bytes(32))
            second, _, other = await asked(nonce)
            third, _, own = await asked(bytes(32))
            for stream, sent in ((first, other), (second, proof), (third, own)):
                await stream.send_all(sent)
                assert await stream.receive_some() == b""
                await stream.aclose()


async def unwelcome(to: Connection) -> None:
    raise AssertionError("a stranger was let in")


async def read(stream: trio.SocketStream, count: int) -> bytes:
    got = b""
    while len(got) < count:
        got += await stream.receive_some(count - len(got))
    return got


async def test_a_recorded_connection_played_again_opens_nothing() -> None:
    recorded = bytearray()
    welcomed = []

    async def welcome(to: Connection) -> None:
        welcomed.append(to.hello)
        with suppress(WorkerConnectionError):  # who is between may go before the last word
            await echo(to)

    async with serving(welcome) as port:

        async def between(stream: trio.SocketStream) -> None:
            onward = await trio.open_tcp_stream(HOST, port)

            async def back() -> None:
                with suppress(trio.BrokenResourceError):
                    async for piece in onward:
                        await stream.send_all(piece)

            async with onward, trio.open_nursery() as nursery:
                nursery.start_soon(back)
                with suppress(trio.BrokenResourceError):
                    async for piece in stream:
                        recorded.extend(piece)
                        await onward.send_all(piece)
                nursery.cancel_scope.cancel()

        async with (
            pretending(between) as middle,
            await connect(HOST, middle, SECRET, {"rank": 0}) as to,
        ):
            await to.send({"secret": "no"})
            assert await to.receive() == ({"secret": "no"}, [])
        assert bytes(recorded).startswith(GREETING)
        stream = await trio.open_tcp_stream(HOST, port)
        with suppress(trio.BrokenResourceError):
            await stream.send_all(recorded)
        await hung_up(stream)
        assert welcomed == [{"rank": 0}]


async def test_silent_strangers_are_dropped_and_stop_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "MAX_STRANGERS", 4)
    monkeypatch.setattr(connection, "HANDSHAKE_SECONDS", 60.0)
    with trio.fail_after(60):
        async with serving() as port:
            silent = [await trio.open_tcp_stream(HOST, port) for _ in range(12)]
            for stream in silent[:8]:  # the eldest have made room, long before their time
                assert await stream.receive_some() == b""
            async with await connect(HOST, port, SECRET, {}) as to:
                await to.send({})
                assert await to.receive() == ({}, [])
            monkeypatch.setattr(connection, "HANDSHAKE_SECONDS", 0.01)
            last = await trio.open_tcp_stream(HOST, port)
            assert await last.receive_some() == b""
            for stream in [*silent, last]:
                await stream.aclose()


async def test_nobody_there_and_a_server_that_says_nothing() -> None:
    free = socket.socket()
    free.bind((HOST, 0))
    port = free.getsockname()[1]
    with pytest.raises(
        WorkerConnectionError, match=rf"^no process can be reached at 127.0.0.1:{port}: "
    ):
        await connect(HOST, port, SECRET, {})
    free.listen()
    with pytest.raises(
        WorkerConnectionError,
        match=rf"^no process has answered at 127.0.0.1:{port} in 0.05 seconds$",
    ):
        await connect(HOST, port, SECRET, {}, timeout=0.05)
    free.close()


async def test_bad_settings() -> None:
    for secret in (b"short", "x" * 32, None):
        with pytest.raises(
            na.InputError, match=r"^a run's secret must be at least 16 random bytes$"
        ):
            await connect(HOST, 1, secret, {})
    with pytest.raises(na.InputError, match=r"^workers cannot be reached at '192\.0\.2\.1': "):
        await serve("192.0.2.1", SECRET, {}, echo)


async def test_what_a_welcome_raises_ends_all() -> None:
    async def refuse(to: Connection) -> None:
        raise na.SimulationError("no")

    with pytest.RaisesGroup(
        pytest.RaisesExc(na.SimulationError, match="no"), flatten_subgroups=True
    ):
        async with serving(refuse) as port, await connect(HOST, port, SECRET, {}) as to:
            await to.receive()
            await trio.sleep_forever()


async def test_no_socket_is_left_behind() -> None:
    async with serving() as port:
        async with await connect(HOST, port, SECRET, {}):
            pass
        with pytest.raises(WorkerConnectionError):
            await connect(HOST, port, bytes(32), {})
    gc.collect()  # a socket that nobody has closed warns, and warnings are errors here


def test_keys_differ_by_way_and_by_connection() -> None:
    keys = {
        connection._mac(SECRET, what, c, s)
        for what in (b"client", b"server", connection.FROM_CLIENT, connection.FROM_SERVER)
        for c in (bytes(32), SECRET)
        for s in (bytes(32), SECRET)
    }
    assert len(keys) == 16
    assert all(len(key) == hashlib.sha256().digest_size for key in keys)
