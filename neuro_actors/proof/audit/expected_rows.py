"""Which rows a step of a log must have, and in words what it has instead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...log.reader import UNKNOWN, Rows
from ...log.row_template import NOBODY, RowSlots, RowTemplate
from ...log.schema import CODE, members, row_kinds
from ...network.elements import ENVIRONMENT, LOSS_NODE
from ...network.network import Network
from ...support.arrays import Array, Indices
from .lie import Lie, LieFound, lie_in_log, shorten


class ExpectedRows:
    """The rows that a step of one kind must have, for one batch size and width of messages.

    Args:
        network: The network.
        slots: The places of all rows that a step can have.
        template: The rows of this kind of step.
        batch: The number of examples.
        columns: The number of columns of a message; some rules send more than one an example.

    Attributes:
        slot: The place of each row in `RowSlots`, without begin row and seal. Shape (n_rows,).
        starts: Where the numbers of each row begin; the last entry is the end. Shape (n_rows + 1,).
        sealed: The numbers that the seal covers.
        notes: The note of each row, or None.
    """

    def __init__(
        self, network: Network, slots: RowSlots, template: RowTemplate, batch: int, columns: int
    ) -> None:
        self.network, self.slots, self.template = network, slots, template
        self.batch, self.columns = batch, columns
        self.slot = template.slot
        lengths = template.lengths(batch, columns)
        self.starts: Indices = np.concatenate([[0], np.cumsum(lengths)])
        self.sealed = template.sealed_numbers(lengths)
        self._names = members(network)
        framed = {
            "kind": (CODE["begin"], template.kind, CODE["seal"], np.int8),
            "sender": (NOBODY, template.sender, NOBODY, np.intp),
            "receiver": (NOBODY, template.receiver, NOBODY, np.intp),
            "time": (0, template.time, 0, np.int32),
        }
        self._columns: dict[str, np.ndarray[Any, Any]] = {
            name: np.concatenate([[a], column, [b]]).astype(dtype)
            for name, (a, column, b, dtype) in framed.items()
        }
        self._columns["starts"] = np.concatenate([[0], self.starts, self.starts[-1:]])
        # bytes are the fastest to compare
        self._bytes = [(name, column.tobytes()) for name, column in self._columns.items()]
        wanted = slots.block["targets"].start
        self.notes = [
            network.outputs[place - wanted] if kind == CODE["target"] else None
            for place, kind in zip(self.slot.tolist(), template.kind.tolist(), strict=True)
        ]
        self._notes = pa.array(self.notes, pa.string())

    def fits(self, rows: Rows) -> bool:
        """Return whether a step has exactly these rows.

        Their numbers do not count, nor do the notes of the first and the last row.

        Args:
            rows: The rows of the step.
        """
        return (
            all(getattr(rows, name).tobytes() == wanted for name, wanted in self._bytes)
            and bool((rows.step == rows.step[0]).all())
            and bool(rows.notes[1:-1].equals(self._notes))
        )

    def complaint(self, rows: Rows) -> LieFound:
        """Say what is wrong with the first row that does not fit.

        Args:
            rows: The rows of the step.
        """
        step, there, wanted = int(rows.step[0]), len(rows), len(self.notes) + 2
        for r in range(min(there, wanted)):
            row = rows.first + r
            stands, should = self.phrase(rows, r), self._wanted(r)
            if stands != should:
                return lie_in_log(step, row, "row is", stands, should)
            if rows.step[r] != step:
                return lie_in_log(step, row, f"row ({stands}) is of step", rows.step[r], step)
            if rows.time[r] != self._columns["time"][r]:
                return lie_in_log(
                    step, row, f"time, of what {stands}, is", rows.time[r], self._columns["time"][r]
                )
            length, right = (int(x[r + 1] - x[r]) for x in (rows.starts, self._columns["starts"]))
            if length != right:
                return lie_in_log(step, row, f"numbers, of what {stands}, are", length, right)
            if 0 < r < wanted - 1 and rows.notes[r].as_py() != self.notes[r - 1]:
                return lie_in_log(
                    step,
                    row,
                    f"note, of what {stands}, is",
                    rows.notes[r].as_py(),
                    self.notes[r - 1],
                )
        if there > wanted:
            return lie_in_log(
                step,
                rows.first + wanted,
                "row is",
                self.phrase(rows, wanted),
                "a begin row, or the end",
            )
        return lie_in_log(step, rows.first + there, "row is", "missing", self._wanted(there))

    def present(self, rows: Rows) -> Indices:
        """Find which of these rows a step has that was broken off.

        Args:
            rows: The rows of the step, the begin row first.

        Returns:
            The positions of the rows that are there, in order. Shape (n,).

        Raises:
            LieFound: A row is none of these, or is not in their order.
        """
        step, found, r = int(rows.step[0]), [], 1
        names = ("kind", "sender", "receiver", "time")
        if rows.starts[1] or any(
            getattr(rows, name)[0] != self._columns[name][0] for name in names
        ):
            raise self.complaint(rows)
        for k in range(len(self.notes)):
            if r == len(rows):
                break
            same = all(getattr(rows, name)[r] == self._columns[name][k + 1] for name in names)
            if same and rows.notes[r].as_py() == self.notes[k]:
                length = int(rows.starts[r + 1] - rows.starts[r])
                if length != self.starts[k + 1] - self.starts[k]:
                    right = self.starts[k + 1] - self.starts[k]
                    raise lie_in_log(
                        step,
                        rows.first + r,
                        f"numbers, of what {self.phrase(rows, r)}, are",
                        length,
                        right,
                    )
                found.append(k)
                r += 1
        if r < len(rows):
            raise lie_in_log(
                step,
                rows.first + r,
                "row is",
                self.phrase(rows, r),
                "another one, or another place",
            )
        if (rows.step != step).any():
            r = int(np.flatnonzero(rows.step != step)[0])
            raise lie_in_log(step, rows.first + r, "row is of step", rows.step[r], step)
        return np.array(found, dtype=np.intp)

    # --- in words ---------------------------------------------------------------------------------

    def lie(self, rows: Rows, r: int, i: int, should: float | str, *, learns: bool) -> Lie:
        """Describe a number that is wrong.

        Args:
            rows: The rows of the step.
            r: Which row, from 0 on.
            i: Which of its numbers, from 0 on.
            should: What it should be.
            learns: Whether neurons learn in the step, so that a commit contains new parameters.
        """
        who = self._name(int(rows.sender[r]))
        kind = row_kinds()[rows.kind[r]]
        said = (
            float(rows.values[rows.starts[r] + i])
            if rows.starts[r + 1] > rows.starts[r]
            else "nothing"
        )
        where = self._where(int(rows.starts[r + 1] - rows.starts[r]), kind, i)
        what = self.phrase(rows, r).removeprefix(who).strip()
        k = int(rows.sender[r])
        if kind == "commit" and k not in self.network.interneurons:
            incoming = self.network.incoming.of(k)
            source = (
                self.network.ids[self.network.sources[incoming[i]]] if i < len(incoming) else None
            )
            parameter = "its bias" if source is None else f"its weight for {source}"
            what, where = (
                f"committed for {parameter} the {'new value' if learns else 'urgency'}",
                "",
            )
        return Lie(int(rows.step[r]), rows.first + r, who, what, said, should, where)

    def _where(self, length: int, kind: str, i: int) -> str:
        """Say which example, and which of its positions, the i-th number of a row belongs to."""
        columns = self.batch if kind in ("target", "loss") else self.columns
        positions = length // columns if columns else 1
        if positions <= 1:
            is_example = i < self.batch <= self.columns
            return f"example {i + 1}" if is_example else f"column {i + 1}"
        example, position = divmod(i, positions)
        if example < self.batch <= self.columns:
            return f"example {example + 1}, position {position}"
        return f"column {example + 1}, position {position}"

    def phrase(self, rows: Rows, r: int) -> str:
        """Describe a row without its numbers.

        Args:
            rows: The rows of the step.
            r: Which row, from 0 on.
        """
        kind = int(rows.kind[r])
        return self._phrase(kind, int(rows.sender[r]), int(rows.receiver[r]), rows.notes[r].as_py())

    def _wanted(self, r: int) -> str:
        note = self.notes[r - 1] if 0 < r <= len(self.notes) else None
        kind, sender, receiver = (
            int(self._columns[name][r]) for name in ("kind", "sender", "receiver")
        )
        return self._phrase(kind, sender, receiver, note)

    def _phrase(self, kind: int, sender: int, receiver: int, note: str | None) -> str:
        if kind == UNKNOWN:
            return "of no known kind"
        name = row_kinds()[kind]
        if sender == receiver == NOBODY:
            return f"{'an' if name[0] in 'aeiou' else 'a'} {name} row"
        who, whom = (
            self._name(sender),
            "its followers" if receiver == NOBODY else self._name(receiver),
        )
        if name == "target" and note is not None:
            return f"{who} told {whom} the target of {shorten(note)}"
        return f"{who} told {whom} the {name}"

    def _name(self, member: int) -> str:
        if member == NOBODY:
            return "no member"
        if member == UNKNOWN:
            return "an unknown member"
        name = self._names[member]
        return f"the {name}" if name in (LOSS_NODE, ENVIRONMENT) else name


def first_not_finite(values: Array) -> int | None:
    """Find the first number that is not finite.

    Args:
        values: Numbers. Shape (n,).

    Returns:
        Its position, or None.
    """
    # A sum is finite only if all numbers are. If it is not, some may just be large.
    if np.isfinite(np.add.reduce(values)):
        return None
    wrong = np.flatnonzero(~np.isfinite(values))
    return int(wrong[0]) if len(wrong) else None
