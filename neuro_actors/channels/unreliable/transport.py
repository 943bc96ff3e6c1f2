"""The transport: one task. A frame lies in a heap until it is due, then in a mailbox."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import trio

from .fault_injection import FaultInjector
from .frames import Frame, encode
from .invariants import InvariantChecker

LATE = 1e-3  # seconds; less is the rounding of a virtual clock


class Mailbox(NamedTuple):
    """Both ends of a member's mailbox.

    Attributes:
        send: The end that the transport puts frames into, as bytes.
        receive: The end that the member reads.
    """

    send: trio.MemorySendChannel[bytes]
    receive: trio.MemoryReceiveChannel[bytes]


class Transport:
    """Carries frames from member to member, through the fault injector.

    Args:
        injector: Decides when each frame arrives, how often, and with which bytes.
        receivers: The receiver of each route.
        senders: The sender of each route; a question goes there.
        capacities: How many frames the mailbox of each member can hold.
        checker: Checks each frame that is sent, if there is one.

    Attributes:
        mailboxes: One mailbox for each member.
        peak_in_flight: The greatest number of frames that ever were in flight at once.
    """

    def __init__(
        self,
        injector: FaultInjector,
        receivers: list[int],
        senders: list[int],
        capacities: list[int],
        checker: InvariantChecker | None = None,
    ) -> None:
        self.mailboxes = [Mailbox(*trio.open_memory_channel[bytes](size)) for size in capacities]
        self.peak_in_flight = 0
        self._injector = injector
        self._checker = checker
        self._ends = receivers, senders
        self._heap: list[tuple[float, int, int, bytes, Frame]] = []
        self._sent = 0
        self._next = -math.inf  # when `run` looks again without being woken
        self._wake = trio.Event()
        self._stopped = False
        self._opened: float | None = None
        self._reached = 0.0  # the latest time that a wait ended at
        self._unread = 0  # frames in all mailboxes
        self._delivered = 0.0  # when the last of them was delivered
        self._late = -math.inf  # when a frame was delivered or read late

    def now(self) -> float:
        """Return the seconds since the first call, which is when the society was opened.

        The difference of two times is rounded, so it may lie below a time whose wait has ended. It
        is no less than that time here: else the society would wait for it again, for ever.
        """
        if self._opened is None:
            self._opened = trio.current_time()
        return max(trio.current_time() - self._opened, self._reached)

    @contextmanager
    def move_on_at(self, time: float) -> Iterator[None]:
        """Cancel the block at a time. After that, `now()` is no less than this time.

        Args:
            time: The time in seconds since the society was opened; it may be infinite.
        """
        with trio.move_on_after(max(time - self.now(), 0.0)) as scope:
            yield
        if scope.cancelled_caught:
            self._reached = max(self._reached, time)

    def is_behind(self, since: float) -> bool:
        """Return whether the society was behind its mail at any time since then.

        It is behind while a frame that is due is not delivered, or not read. Then an answer is late
        because the machine is slow, and to repeat its frame would only add work. In virtual time
        this is never so: the clock stands until all members wait.

        Args:
            since: The time in seconds since the society was opened.
        """
        now = self.now()
        unread = self._unread > 0 and self._delivered < now
        overdue = bool(self._heap and self._heap[0][0] < now)
        return unread or overdue or self._late > since

    def mark_read(self) -> None:
        """Note that a member has taken a frame from its mailbox."""
        self._unread -= 1
        self._note_late(self._delivered, self.now())

    def _note_late(self, due: float, now: float) -> None:
        if now - due > LATE:
            self._late = now

    def send(self, frame: Frame) -> None:
        """Send a frame. Never waits.

        Raises:
            SimulationError: The checker has found a broken rule.
        """
        if self._checker is not None:
            self._checker.check_sent(frame)
        now = self.now()
        for due, tie, data in self._injector.inject(frame, encode(frame), now):
            self._sent += 1
            heapq.heappush(self._heap, (due, tie, self._sent, data, frame))
            if due < self._next:
                self._next = due
                self._wake.set()
        self.peak_in_flight = max(self.peak_in_flight, len(self._heap))

    async def run(self) -> None:
        """Deliver frames until `stop` is called."""
        while not self._stopped:
            now, heap = self.now(), self._heap
            while heap and heap[0][0] <= now:
                due, _, _, data, frame = heapq.heappop(heap)
                self._note_late(due, now)
                receiver = self._ends[frame.asks][frame.route]
                try:
                    self.mailboxes[receiver].send.send_nowait(data)
                    self._unread += 1
                    self._delivered = now
                except trio.WouldBlock:
                    self._injector.record_overflow(frame, now)
                except (trio.BrokenResourceError, trio.ClosedResourceError):  # all have ended
                    return
            self._wake = trio.Event()
            self._next = heap[0][0] if heap else math.inf
            with self.move_on_at(self._next):
                await self._wake.wait()

    def mailbox_fill(self, member: int) -> tuple[int, int]:
        """Return the greatest number of frames that a mailbox ever held, and its capacity."""
        statistics = self.mailboxes[member].send.statistics()
        return statistics.peak_buffer_used, int(statistics.max_buffer_size)

    def stop(self) -> None:
        """Deliver nothing more: a member that waits for a frame receives `trio.EndOfChannel`."""
        self._stopped = True
        self._wake.set()
        for mailbox in self.mailboxes[:-1]:  # the environment's comes last
            mailbox.send.close()

    def close(self) -> None:
        """Close all mailboxes."""
        for send, receive in self.mailboxes:
            send.close()
            receive.close()
