"""A log as a trace for https://ui.perfetto.dev (extra `perfetto`): a track a neuron, an arrow a message.

Time is logical: each step takes up where the last one ended; what is said at time t is said in the first half of that
microsecond, and heard in the second. What a neuron says at one time, or hears, is one slice. The loss is a counter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..support.errors import LogError
from .reader import NULL, LogReader, Row, Rows
from .row_filter import AT_ONCE
from .schema import CODE, KINDS
from .series import row_means
from .wording import describe_row

UNIT = 1000  # nanoseconds for a logical time
SEQUENCE = 1


def write_pftrace(reader: LogReader, batches: Iterable[Any], file: Any) -> int:
    """Returns the number of rows. Raises `LogError` without the perfetto package."""
    trace = _Trace(reader, file)
    rows = 0
    for batch in batches:
        for start in range(0, len(batch), AT_ONCE):
            piece = batch.slice(start, AT_ONCE)
            trace.add(reader.decode(piece, rows))
            rows += len(piece)
    trace.hear()
    return rows


class _Trace:
    """Writes slices, and remembers who is to hear what has just been said."""

    def __init__(self, reader: LogReader, file: Any) -> None:
        try:
            from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as protos
            from perfetto.trace_builder.proto_builder import StreamingTraceProtoBuilder
        except ImportError:
            raise LogError(
                "traces need the perfetto package: pip install 'neuro-actors[perfetto]'"
            ) from None
        self._reader, self._network = reader, reader.network
        self._builder, self._event = StreamingTraceProtoBuilder(file), protos.TrackEvent
        n, network = len(reader.members), reader.network
        hearers = [
            network.targets[network.outgoing.of(k)].tolist() for k in range(len(network.ids))
        ]
        for k in network.output_positions.tolist():
            hearers[k] += [n - 2, n - 1]
        self._hearers: list[list[int]] = [*hearers, [], []]
        self._society, self._steps, self._loss = n + 1, n + 2, n + 3  # tracks; member k's is k + 1
        self._start = self._end = 0  # of the step, logical
        self._now = 0, 0  # step and time of what is being said
        self._heard: dict[tuple[int, int], list[int]] = {}  # by receiver and kind, the flows
        self._flow = 0
        self._tracks(protos)

    def add(self, rows: Rows) -> None:
        """Rows in the order of the log."""
        mean, strength = row_means(rows).tolist(), row_means(rows, absolute=True).tolist()
        sender, receiver, kind = rows.sender.tolist(), rows.receiver.tolist(), rows.kind.tolist()
        step, time = rows.step.tolist(), rows.time.tolist()
        row = 0
        while row < len(rows):
            now, who, what = (step[row], time[row]), sender[row], kind[row]
            if now != self._now:
                self.hear()
                if now[0] != self._now[0]:
                    self._start = self._end + 1
                    self._instant(rows, row)
                self._now = now
                self._end = max(self._end, self._start + now[1])
            last = row
            while (
                last < len(rows)
                and (step[last], time[last]) == now
                and sender[last] == who
                and kind[last] == what
            ):
                last += 1
            if who >= 0:
                numbers = (
                    {"mean": mean[row]}
                    if last == row + 1
                    else {"strength": float(np.mean(strength[row:last]))}
                )
                to = (
                    self._hearers[who]
                    if what == CODE["activation"] and receiver[row] == NULL
                    else receiver[row:last]
                )
                self._say(who, what, [whom for whom in to if whom >= 0], numbers)
            row = last

    def _say(self, who: int, what: int, to: list[int], numbers: dict[str, float]) -> None:
        flows = list(range(self._flow + 1, self._flow + len(to) + 1))
        self._flow += len(to)
        for whom, flow in zip(to, flows, strict=True):
            self._heard.setdefault((whom, what), []).append(flow)
        begins = self._start + self._now[1]
        event = self._slice(who + 1, KINDS[what], begins * UNIT, UNIT // 2)
        event.flow_ids.extend(flows)
        for name, value in numbers.items():
            note = event.debug_annotations.add()
            note.name, note.double_value = name, value
        note = event.debug_annotations.add()
        note.name, note.int_value = "receivers", len(to)
        self._builder.write_packet(self._packet)
        if KINDS[what] == "loss" and not np.isnan(numbers["mean"]):
            event = self._begun(self._loss, begins * UNIT, self._event.TYPE_COUNTER)
            event.double_counter_value = numbers["mean"]
            self._builder.write_packet(self._packet)

    def hear(self) -> None:
        """What was said is heard."""
        at = (self._start + self._now[1]) * UNIT + UNIT // 2
        by_receiver: dict[int, list[int]] = {}
        for (whom, _), flows in self._heard.items():
            by_receiver.setdefault(whom, []).extend(flows)
        for whom, flows in by_receiver.items():
            event = self._slice(whom + 1, f"hears {len(flows)}", at, UNIT // 2)
            event.terminating_flow_ids.extend(flows)
            self._builder.write_packet(self._packet)
        self._heard.clear()

    def _instant(self, rows: Rows, row: int) -> None:
        """That a step begins, in words."""
        if rows.kind[row] == CODE["begin"]:
            said = Row(int(rows.step[row]), "begin", None, None, 0, [], rows.notes[row].as_py())
            event = self._begun(self._steps, self._start * UNIT, self._event.TYPE_INSTANT)
            event.name = describe_row(said, self._network)
            self._builder.write_packet(self._packet)

    # --- packets -------------------------------------------------------------------------------------------------

    def _slice(self, track: int, name: str, begins: int, lasts: int) -> Any:
        """The end of a slice is written at once; its beginning is returned, to be filled in and written."""
        self._begun(track, begins + lasts, self._event.TYPE_SLICE_END)
        self._builder.write_packet(self._packet)
        event = self._begun(track, begins, self._event.TYPE_SLICE_BEGIN)
        event.name = name
        return event

    def _begun(self, track: int, at: int, kind: int) -> Any:
        self._packet = self._builder.create_packet()
        self._packet.timestamp, self._packet.trusted_packet_sequence_id = at, SEQUENCE
        event = self._packet.track_event
        event.track_uuid, event.type = track, kind
        return event

    def _tracks(self, protos: Any) -> None:
        described = protos.TrackDescriptor
        names = {self._society: "society", self._steps: "steps", self._loss: "loss"}
        names |= {k + 1: name for k, name in enumerate(self._reader.members)}
        for rank, (track, name) in enumerate(names.items()):
            packet = self._builder.create_packet()
            packet.timestamp, packet.trusted_packet_sequence_id = 0, SEQUENCE
            held = packet.track_descriptor
            held.uuid, held.name = track, name
            if track == self._society:
                held.child_ordering = described.EXPLICIT
            else:
                held.parent_uuid, held.sibling_order_rank = self._society, rank
            if track == self._loss:
                held.counter.SetInParent()
            self._builder.write_packet(packet)
