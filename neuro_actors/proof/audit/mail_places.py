"""Where in a step's numbers each member finds its mail, and where it has its say. Places alone: nothing is computed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ...network.network import Network
from ...support.validation import Array, Indices
from .expected_rows import ExpectedRows

NONE = np.empty(0)


class MemberRows(NamedTuple):
    """One member's part in a step. Places are in the step's numbers, rows in `expected`; without mail it is not replayed.

    told: of an input, where stands what it was told.  steered: of a neuron, where stands its part of a direction.  hears:
    of a neuron, which of the mail_map's blocks it hears. None if the log lacks some of it.  ears: (followers, columns), slots
    of the urgencies that it hears, or None.  speech, back, commit: what it writes into, its own numbers in `should` or a
    scratch.
    order, scattered: which rows of `back` go where, if that is a scratch.  committed: where its commit stands in `said`.
    spoken, answered: the rows that say its activation, and the rest; of those that there are.
    """

    member: int
    told: slice | None
    steered: slice | None
    hears: int | None
    ears: Indices | None
    speech: Array
    back: Array
    commit: Array
    order: Indices
    scattered: Indices | None
    committed: slice | None
    spoken: int | None
    answered: list[int]


class MailMap:
    """Where, in one kind of step, each member finds its mail and has its say.

    expected: the rows.  present: which of them there are, if not all.  bounded: whether margins are asked for.
    hearers: how many hear each row.  messages: all of these.  world: those that the environment said.
    early: rows that their senders said too early.  columns: of a message, 0 if there is none.
    """

    def __init__(
        self,
        network: Network,
        expected: ExpectedRows,
        *,
        judged: bool,
        wrt_inputs: bool,
        bounded: bool,
        present: Indices | None = None,
    ) -> None:
        self.expected, self.judged, self.wrt_inputs = expected, judged, wrt_inputs
        self._network, self._block = network, expected.slots.block
        rows = np.arange(len(expected.slot)) if present is None else present
        lengths = np.diff(expected.starts)[rows]
        self.starts: Indices = np.concatenate([[0], np.cumsum(lengths)])
        self._row = np.full(
            len(expected.slots.kind), -1
        )  # of each place, among those that there are
        self._row[expected.slot[rows]] = np.arange(len(rows))
        self.should = np.empty(self.starts[-1])
        self.slack = np.zeros(self.starts[-1] if bounded else 0)
        # where no message is recorded nothing is replayed, whatever the log says of how much one holds
        spoke = (expected.template.n_parameters[rows] == 0) & ~expected.template.of_examples[rows]
        self.columns = columns = expected.columns if spoke.any() else 0
        n = len(network.ids)
        spoken = self._row[self._block["activations"]]
        self._speeches = (
            self._places(np.maximum(spoken, 0))
            if (spoken >= 0).any()
            else np.empty((0, columns), dtype=np.intp)
        )
        self._activations = np.ones((n + 1, columns))  # the last is the neuron that always says 1
        self._blocks: dict[bytes, int] = {}
        self.hearing: list[Indices] = []
        self._ears = self._urgencies_by_source()
        self.parts = list(self._parts(self.should))
        self.margins = (
            list(self._parts(self.slack)) if bounded else []
        )  # the same for how far rounding may carry it
        outputs = network.output_positions
        self.predictions = self._all(spoken[outputs])
        self.targets = self._all(self._row[self._block["targets"]], expected.batch)
        blamed = self._row[self._block["loss_to_outputs"]]
        self.blamed = blamed if wrt_inputs else blamed[~network.is_input[outputs]]
        self.lost = int(self._row[self._block["losses"]][0])
        fan = network.outgoing.sizes + 2 * np.isin(
            np.arange(n), outputs
        )  # an output's hear the loss and the environment
        hearers = np.ones(len(self._row), dtype=np.intp)
        hearers[self._block["activations"]] = fan
        self.hearers: Indices = hearers[expected.slot[rows]]
        self.messages = int(self.hearers.sum())
        self.world = int(
            (expected.template.sender[rows] == n + 1).sum()
        )  # messages of the environment
        self.early = [] if present is None else self._spoken_too_early(rows)

    def mail(self, said: Array) -> list[Array]:
        """Activations in the blocks in which they are heard: (fan_in + 1, columns), C-contiguous."""
        if len(self._speeches):
            np.take(said, self._speeches, out=self._activations[:-1], mode="clip")
        return [self._activations.take(rows, 0) for rows in self.hearing]

    def rows_of(self, k: int) -> slice:
        """The numbers of one row."""
        return slice(int(self.starts[k]), int(self.starts[k + 1]))

    def _places(self, rows: Indices, length: int | None = None) -> Indices:
        along = np.arange(self.columns if length is None else length)
        slots: Indices = np.minimum(self.starts[rows][:, None] + along, max(self.starts[-1] - 1, 0))
        return slots

    def _all(self, rows: Indices, length: int | None = None) -> Indices | None:
        return self._places(rows, length) if (rows >= 0).all() else None

    def _urgencies_by_source(self) -> list[Indices]:
        """For each neuron the rows of the urgencies that it hears: of its followers in synapse order, then of the loss."""
        network = self._network
        urged, outgoing = self._row[self._block["backward"]], network.outgoing
        ears = [urged[outgoing.of(k)] for k in range(len(network.ids))]
        for k, row in zip(
            network.output_positions.tolist(),
            self._row[self._block["loss_to_outputs"]].tolist(),
            strict=True,
        ):
            ears[k] = np.append(ears[k], row)
        return ears

    def _parts(self, sheet: Array) -> Iterator[MemberRows]:
        network, columns, block = self._network, self.columns, self._block
        spoken, urged = self._row[block["activations"]], self._row[block["backward"]]
        told, felt = (
            self._by_neuron(name, np.flatnonzero(network.is_input))
            for name in ("inputs", "input_urgencies")
        )
        commits, steered = (
            self._by_neuron(name, np.flatnonzero(~network.is_input))
            for name in ("commits", "directions")
        )
        for k in range(len(network.ids)):
            answered = self.judged and (self.wrt_inputs or not network.is_input[k])
            ears = self._all(self._ears[k]) if answered else None
            row = int(spoken[k])
            speech = sheet[self.rows_of(row)] if row >= 0 else np.empty(columns)
            back_rows, commit, slot, hears = felt[k : k + 1], NONE, None, None
            if not network.is_input[k]:
                incoming = network.incoming.of(k)
                sources = network.sources[incoming]
                hears = self._block_of(sources) if (spoken[sources] >= 0).all() else None
                listening = incoming if self.wrt_inputs else incoming[~network.is_input[sources]]
                back_rows = urged[listening]
                commit = np.empty(len(incoming) + 1)
                if commits[k] >= 0:
                    slot = self.rows_of(int(commits[k]))
                    commit = sheet[slot]
            answers = [int(r) for r in (*back_rows, commits[k]) if r >= 0] if answered else []
            back, order, scattered = self._say(sheet, back_rows)
            yield MemberRows(
                k, self._slot(told[k]), self._slot(steered[k]), hears, ears, speech, back, commit, order, scattered, slot,
                row if row >= 0 else None, sorted(answers),
            )  # fmt: skip

    def _slot(self, row: int) -> slice | None:
        return self.rows_of(int(row)) if row >= 0 else None

    def _say(self, sheet: Array, rows: Indices) -> tuple[Array, Indices, Indices | None]:
        """Where to write what goes to these rows: there, if they follow each other, else into a scratch."""
        columns, there = self.columns, np.flatnonzero(rows >= 0)
        if len(rows) and len(there) == len(rows) and (np.diff(rows) == 1).all():
            start = int(self.starts[rows[0]])
            return sheet[start : start + len(rows) * columns].reshape(-1, columns), there, None
        return (
            np.empty((len(rows), columns)),
            there,
            self._places(rows[there]) if len(there) else None,
        )

    def _by_neuron(self, block: str, owners: Indices) -> Indices:
        found = np.full(len(self._network.ids), -1)
        found[owners] = self._row[self._block[block]]
        return found

    def _block_of(self, sources: Indices) -> int:
        """Who hears the same is handed the same."""
        key = sources.tobytes()
        if key not in self._blocks:
            self._blocks[key] = len(self.hearing)
            self.hearing.append(np.append(sources, len(self._network.ids)))
        return self._blocks[key]

    def _spoken_too_early(self, rows: Indices) -> list[int]:
        """In a step that was broken off: rows that say what their sender cannot have known, for it had not heard all."""
        recorded = np.zeros(len(self._row), dtype=bool)
        recorded[self.expected.slot] = True
        missing = recorded & (self._row < 0)
        spoken, wanted, blamed, urged = (
            missing[self._block[name]]
            for name in ("activations", "targets", "loss_to_outputs", "backward")
        )
        network, early = self._network, []
        told = np.zeros(len(network.ids), dtype=bool)
        told[network.is_input] = missing[self._block["inputs"]]
        deaf = np.zeros(len(network.ids), dtype=bool)  # to the urgencies
        np.logical_or.at(deaf, network.sources, urged)
        deaf[network.output_positions] |= blamed
        unheard = told.copy()
        np.logical_or.at(unheard, network.targets, spoken[network.sources])
        for part in self.parts:
            if part.spoken is not None and unheard[part.member]:
                early.append(part.spoken)
            if deaf[part.member] or unheard[part.member]:
                early += part.answered
        if spoken[network.output_positions].any() or wanted.any():
            early += [
                row
                for row in (self.lost, *self._row[self._block["loss_to_outputs"]].tolist())
                if row >= 0
            ]
        return sorted(early)
