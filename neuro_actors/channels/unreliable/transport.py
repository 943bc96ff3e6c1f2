"""Who carries frames: each lies in a heap until it is due, and then in the mailbox of whom it is for. One task."""

from __future__ import annotations

import heapq
import math
from contextlib import suppress
from typing import NamedTuple

import trio

from .fault_injection import FaultInjector
from .frames import Frame, encode


class Mailbox(NamedTuple):
    """Both ends of a member's mailbox of frames."""

    send: trio.MemorySendChannel[bytes]
    receive: trio.MemoryReceiveChannel[bytes]


class Transport:
    """receivers, senders: the members whom each line leads to, and from.  room: how many frames the mailbox of each holds.

    peak_in_flight: how many frames there ever were on their way.
    """

    def __init__(
        self, injector: FaultInjector, receivers: list[int], senders: list[int], room: list[int]
    ) -> None:
        self.mailboxes = [Mailbox(*trio.open_memory_channel[bytes](size)) for size in room]
        self.peak_in_flight = 0
        self._injector = injector
        self._ends = receivers, senders
        self._heap: list[tuple[float, int, int, bytes, Frame]] = []
        self._sent = 0
        self._next = -math.inf  # when the carrier will look again by itself
        self._wake = trio.Event()
        self._stopped = False
        self._opened: float | None = None

    def now(self) -> float:
        """Seconds since the society was opened."""
        if self._opened is None:
            self._opened = trio.current_time()
        return trio.current_time() - self._opened

    def send(self, frame: Frame) -> None:
        """Send it off. Never waits."""
        now = self.now()
        for due, tie, data in self._injector.inject(frame, encode(frame), now):
            self._sent += 1
            heapq.heappush(self._heap, (due, tie, self._sent, data, frame))
            if due < self._next:
                self._next = due
                self._wake.set()
        self.peak_in_flight = max(self.peak_in_flight, len(self._heap))

    async def run(self) -> None:
        """Until it is stopped."""
        while not self._stopped:
            now, heap = self.now(), self._heap
            while heap and heap[0][0] <= now:
                _, _, _, data, frame = heapq.heappop(heap)
                receiver = self._ends[frame.asks][frame.line]
                try:
                    self.mailboxes[receiver].send.send_nowait(data)
                except trio.WouldBlock:
                    self._injector.overflowed(frame, now)
                except (
                    trio.BrokenResourceError,
                    trio.ClosedResourceError,
                ):  # nobody reads any more
                    return
            self._wake = trio.Event()
            self._next = heap[0][0] if heap else math.inf
            with trio.move_on_after(self._next - now):
                await self._wake.wait()

    def empty_mailbox(self, member: int) -> None:
        """What lies in its mailbox is lost with its reader."""
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while True:
                self.mailboxes[member].receive.receive_nowait()

    def mailbox_fill(self, member: int) -> tuple[int, int]:
        """How full its mailbox ever was, and how full it may be."""
        now = self.mailboxes[member].send.statistics()
        return now.peak_buffer_used, int(now.max_buffer_size)

    def stop(self) -> None:
        """No frame arrives any more: who waits for one is told so."""
        self._stopped = True
        self._wake.set()
        for mailbox in self.mailboxes[:-1]:
            mailbox.send.close()

    def close(self) -> None:
        for send, receive in self.mailboxes:
            send.close()
            receive.close()
