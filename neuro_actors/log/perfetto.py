"""A log as a trace for https://ui.perfetto.dev (extra `perfetto`).

Each neuron is a track and each message an arrow. Time is logical: a step begins where the last one
ended. A message with logical time t is sent in the first half of microsecond t and received in the
second half. All that a neuron sends at one time is one slice, and so is all that it receives. The
loss is a counter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..support.errors import LogError
from ..support.means import mean_of
from ..support.optional import import_optional
from .example_values import find_wider_steps
from .reader import NULL, LogReader, Row, Rows
from .row_filter import ROWS_AT_ONCE
from .schema import CODE, row_kinds
from .series import row_means
from .wording import describe_row

UNIT = 1000  # nanoseconds of one logical time
SEQUENCE = 1  # Perfetto's number of the only writer


def write_pftrace(reader: LogReader, batches: Iterable[Any], file: Any) -> int:
    """Write rows of a log as a trace.

    Args:
        reader: The log.
        batches: The rows, in record batches.
        file: A binary file that is open for writing.

    Returns:
        The number of rows.

    Raises:
        LogError: The perfetto package is not installed.
    """
    trace = _Trace(reader, file)
    rows = 0
    for batch in batches:
        for start in range(0, len(batch), ROWS_AT_ONCE):
            piece = batch.slice(start, ROWS_AT_ONCE)
            trace.add(reader.decode(piece, rows))
            rows += len(piece)
    trace.receive()
    return rows


class _Trace:
    """Writes slices, and holds the messages of the present time until they are received."""

    def __init__(self, reader: LogReader, file: Any) -> None:
        missing = "traces need the perfetto package: pip install 'neuro-actors[perfetto]'"
        protos = import_optional(
            "perfetto.protos.perfetto.trace.perfetto_trace_pb2", missing, LogError
        )
        builders = import_optional("perfetto.trace_builder.proto_builder", missing, LogError)
        self._reader, self._network = reader, reader.network
        self._wider = find_wider_steps(reader)
        self._builder, self._event = builders.StreamingTraceProtoBuilder(file), protos.TrackEvent
        n, network = len(reader.members), reader.network
        receivers = [
            network.targets[network.outgoing.of(k)].tolist() for k in range(len(network.ids))
        ]
        for k in network.output_positions.tolist():
            receivers[k] += [n - 2, n - 1]
        self._receivers: list[list[int]] = [*receivers, [], []]
        self._society, self._steps, self._loss = n + 1, n + 2, n + 3  # tracks; member k's is k + 1
        self._start = self._end = 0  # logical times of the step
        self._now = 0, 0  # step and time of the present messages
        self._in_flight: dict[tuple[int, int], list[int]] = {}  # arrows, by receiver and kind
        self._flow = 0  # the number of the last arrow, which Perfetto calls a flow
        self._write_tracks(protos)

    def add(self, rows: Rows) -> None:
        """Write rows; they come in the order of the log."""
        examples = self._wider.keep_examples(rows)
        mean, strength = (row_means(examples, absolute).tolist() for absolute in (False, True))
        sender, receiver, kind = rows.sender.tolist(), rows.receiver.tolist(), rows.kind.tolist()
        step, time = rows.step.tolist(), rows.time.tolist()
        row = 0
        while row < len(rows):
            now, source, what = (step[row], time[row]), sender[row], kind[row]
            if now != self._now:
                self.receive()
                if now[0] != self._now[0]:
                    self._start = self._end + 1
                    self._write_begin(rows, row)
                self._now = now
                self._end = max(self._end, self._start + now[1])
            last = row
            while (
                last < len(rows)
                and (step[last], time[last]) == now
                and sender[last] == source
                and kind[last] == what
            ):
                last += 1
            if source >= 0:
                numbers = (
                    {"mean": mean[row]}
                    if last == row + 1
                    else {"strength": mean_of(strength[row:last])}
                )
                to = (
                    self._receivers[source]
                    if what == CODE["activation"] and receiver[row] == NULL
                    else receiver[row:last]
                )
                self._send(source, what, [k for k in to if k >= 0], numbers)
            row = last

    def _send(self, sender: int, what: int, to: list[int], numbers: dict[str, float]) -> None:
        flows = list(range(self._flow + 1, self._flow + len(to) + 1))
        self._flow += len(to)
        for k, flow in zip(to, flows, strict=True):
            self._in_flight.setdefault((k, what), []).append(flow)
        begins = self._start + self._now[1]
        event = self._begin_slice(sender + 1, row_kinds()[what], begins * UNIT, UNIT // 2)
        event.flow_ids.extend(flows)
        numbers = {name: value for name, value in numbers.items() if not np.isnan(value)}
        for name, value in numbers.items():
            note = event.debug_annotations.add()
            note.name, note.double_value = name, value
        note = event.debug_annotations.add()
        note.name, note.int_value = "receivers", len(to)
        self._builder.write_packet(self._packet)
        if what == CODE["loss"] and "mean" in numbers:
            event = self._new_event(self._loss, begins * UNIT, self._event.TYPE_COUNTER)
            event.double_counter_value = numbers["mean"]
            self._builder.write_packet(self._packet)

    def receive(self) -> None:
        """Write that all messages of the present time are received."""
        at = (self._start + self._now[1]) * UNIT + UNIT // 2
        by_receiver: dict[int, list[int]] = {}
        for (k, _), flows in self._in_flight.items():
            by_receiver.setdefault(k, []).extend(flows)
        for k, flows in by_receiver.items():
            event = self._begin_slice(k + 1, f"hears {len(flows)}", at, UNIT // 2)
            event.terminating_flow_ids.extend(flows)
            self._builder.write_packet(self._packet)
        self._in_flight.clear()

    def _write_begin(self, rows: Rows, row: int) -> None:
        """Write that a step begins, in words."""
        if rows.kind[row] == CODE["begin"]:
            begin = Row(int(rows.step[row]), "begin", None, None, 0, [], rows.notes[row].as_py())
            event = self._new_event(self._steps, self._start * UNIT, self._event.TYPE_INSTANT)
            event.name = describe_row(begin, self._network)
            self._builder.write_packet(self._packet)

    # --- packets ------------------------------------------------------------------------------

    def _begin_slice(self, track: int, name: str, begins: int, lasts: int) -> Any:
        """Write the end of a slice; return its beginning, which the caller completes and writes."""
        self._new_event(track, begins + lasts, self._event.TYPE_SLICE_END)
        self._builder.write_packet(self._packet)
        event = self._new_event(track, begins, self._event.TYPE_SLICE_BEGIN)
        event.name = name
        return event

    def _new_event(self, track: int, at: int, kind: int) -> Any:
        self._packet = self._builder.create_packet()
        self._packet.timestamp, self._packet.trusted_packet_sequence_id = at, SEQUENCE
        event = self._packet.track_event
        event.track_uuid, event.type = track, kind
        return event

    def _write_tracks(self, protos: Any) -> None:
        names = {self._society: "society", self._steps: "steps", self._loss: "loss"}
        names |= {k + 1: name for k, name in enumerate(self._reader.members)}
        for rank, (track, name) in enumerate(names.items()):
            packet = self._builder.create_packet()
            packet.timestamp, packet.trusted_packet_sequence_id = 0, SEQUENCE
            descriptor = packet.track_descriptor
            descriptor.uuid, descriptor.name = track, name
            if track == self._society:
                descriptor.child_ordering = protos.TrackDescriptor.EXPLICIT
            else:
                descriptor.parent_uuid, descriptor.sibling_order_rank = self._society, rank
            if track == self._loss:
                descriptor.counter.SetInParent()
            self._builder.write_packet(packet)
