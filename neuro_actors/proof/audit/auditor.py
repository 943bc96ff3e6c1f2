"""One pass over a log: what an audit does, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike

import numpy as np

from ...log.digest_chain import DigestChain
from ...log.reader import LogReader, Rows
from ...log.row_template import NOBODY, RowSlots, RowTemplate
from ...log.schema import CODE, KEY, KINDS, MACHINES
from ...network import functions
from ...neuron.messages import Step, micro_batch_of
from ...neuron.optimizers import SGD, Adam, Optimizer
from ...neuron.sums import named
from ...rules import Backpropagation, Rule
from ...rules.rule_json import rule_of
from ...support.errors import InputError, LogError, NetworkError
from ...support.numerics import differences
from ...support.text import printable
from ...support.validation import Indices, some
from .expected_rows import ExpectedRows, first_not_finite
from .lie import Lie, Refused, refused
from .mail_places import MailMap
from .replay import Replay
from .report import Audit
from .step_notes import StepNote, StepNoteReader

MOST_MAPS = 8  # of as many kinds of steps and batch sizes the slots are kept
ROUNDING = "how far rounding can carry an optimiser of somebody's own is not known"


class Auditor:
    """Audits one log, once."""

    def __init__(self, path: str | PathLike[str], optimizers: Sequence[Optimizer] = ()) -> None:
        self._reader = reader = LogReader(path)
        self._path = reader.path
        self._network, self._recording = reader.network, reader.recording
        if "resumed" in reader.about:
            before = f"step {reader.about['resumed']}, and what neurons kept of the steps before stands in the checkpoint"
            raise LogError(
                f"{self._path!r} cannot be audited: it is of a run that was resumed after {before}"
            )
        try:
            self._network.check_activations()
            numerics = reader.about["numerics"]
            sums = named(numerics["sums"])
            rule = rule_of(reader.rule)
        except NetworkError as error:
            raise LogError(
                f"{self._path!r}: {error}; --import MODULE imports the module that adds one"
            ) from None
        except (KeyError, TypeError, InputError) as error:
            told = f"its metadata do not say by which sums and rule its neurons lived: {error}"
            raise LogError(
                f"{self._path!r}: {told}; --import MODULE imports the module that adds a rule"
            ) from None
        self._differences = differences(numerics, numerics["sums"])
        self._exact = not self._differences
        self._by_the_rule(rule)
        self._replay = Replay(self._network, rule, sums, self._exact)
        self._note_reader = StepNoteReader(self._recording, optimizers)
        self._chain = DigestChain(reader.metadata)
        self._slots = RowSlots(self._network)
        self._maps: dict[tuple[bool, bool, bool, bool, int, int], MailMap] = {}
        everyone = self._recording.neurons is None and self._recording.layers is None
        self._chosen = np.append(
            self._recording.chosen(self._network), [everyone, False]
        )  # the loss; the environment
        self._rows = self._steps = self._last = self._messages = self._given = 0
        self._ended = self._unsealed = False  # whether the last step is
        self._broken: tuple[Rows, StepNote, ExpectedRows, Refused] | None = (
            None  # a step that may have been broken off
        )
        self._missed: dict[
            tuple[str, str], list[int]
        ] = {}  # kind, reason: how many rows, the first's step and sender
        self._believed = 0  # commits of steps that were left out

    def _by_the_rule(self, rule: Rule) -> None:
        """Other rules than backpropagation keep what a partial log does not say, and nobody knows how rounding carries it."""
        if type(rule) is not Backpropagation and not (self._exact and self._recording.whole):
            why = "; ".join(self._differences) or "it is a partial log"
            raise LogError(
                f"{self._path!r}: a log under {rule!r} can be audited whole, and on the machine that made it: {why}"
            )

    def audit(self, digest: str | None, progress: Callable[[int, int], None] | None) -> Audit:
        """Read it all, or up to the first lie."""
        lie = None
        try:
            with np.errstate(all="ignore"), self._damage_refused():
                self._check_schema()
                for rows in self._reader.steps():
                    self._group(rows)
                    if progress is not None:
                        progress(self._reader.read, self._reader.size)
                self._see_broken_off()
                self._check_end(digest)
        except Refused as verdict:
            lie = verdict.lie
        return self._verdict(lie)

    @contextmanager
    def _damage_refused(self) -> Iterator[None]:
        """What cannot even be read is a lie too."""
        try:
            yield
        except LogError as error:
            if not str(error).startswith(repr(self._path)):
                raise
            told = str(error).removeprefix(f"{self._path!r}: ")
            raise refused(
                self._last, self._rows, f"data are damaged: {told}; that is", "nothing", "a row"
            ) from None

    def _check_schema(self) -> None:
        schema = self._reader.schema
        if not set(schema.metadata) <= {KEY, MACHINES} or any(field.metadata for field in schema):
            raise refused(0, 0, "schema has metadata", "of other kinds too", "neuro_actors alone")

    def _check_end(self, digest: str | None) -> None:
        reader = self._reader
        if not reader.cut_off and reader.read != reader.size:
            raise refused(
                self._last,
                self._rows,
                "file goes on behind its end: its bytes are",
                reader.size,
                reader.read,
            )
        if self._ended and digest is not None and digest.lower() != self._chain.hex:
            raise refused(
                self._last, self._rows - 1, "last digest is", self._chain.hex, digest.lower()
            )

    # --- what stands in the file ------------------------------------------------------------------

    def _group(self, rows: Rows) -> None:
        """The rows of a step, or of the end."""
        if self._ended:
            raise refused(int(rows.step[0]), rows.first, "row is", "behind the end", "missing")
        if rows.kind[0] == CODE["end"]:
            self._see_broken_off()
            self._end(rows)
        else:
            if self._broken is not None:  # a step follows, so it was not
                raise self._broken[-1]
            self._one_step(rows)
        self._rows += len(rows)

    def _one_step(self, rows: Rows) -> None:
        note = self._note_reader.next(rows)
        if note.loss is not None and note.loss not in functions.LOSSES:
            raise LogError(
                f"step {note.number}: the loss {printable(note.loss)!r} is not known here; import what adds it"
            )
        judged = note.loss is not None
        if self._recording.whole and note.batch > len(rows.values):
            raise refused(
                note.number,
                rows.first,
                "begin note tells of examples:",
                note.batch,
                "as many as there are numbers",
            )
        if self._recording.whole and note.columns > len(rows.values):
            raise refused(
                note.number,
                rows.first,
                "begin note tells of columns:",
                note.columns,
                "as many as there are numbers",
            )
        width = (0, 0) if note.only_learnt else (note.batch, note.columns)
        key = (judged, note.wrt_inputs, note.only_learnt, note.tangent, *width)
        mail_map = self._maps.get(key)
        expected = self._expected_rows(*key) if mail_map is None else mail_map.expected
        if not expected.fits(rows):
            complaint = expected.complaint(rows)
            if rows.kind[-1] == CODE["seal"] or note.only_learnt:
                raise complaint
            self._broken = rows, note, expected, complaint
            return
        if mail_map is None:
            if len(self._maps) == MOST_MAPS:
                self._maps.clear()
            mail_map = self._maps[key] = self._mail_map(expected, note)
        self._judge(rows, note, mail_map)
        seal = self._chain.add(note.number, note.text, rows.values[expected.sealed])
        if rows.notes[len(rows) - 1].as_py() != seal:
            first = " or the metadata, as the network's description," if self._steps == 0 else ""
            about = f"what the world said, or asked for,{first} was changed"
            said = rows.notes[len(rows) - 1].as_py()
            raise refused(note.number, rows.first + len(rows) - 1, "seal is", said, seal, about)
        self._steps, self._last = self._steps + 1, note.number

    def _see_broken_off(self) -> None:
        """The rows that were said of the last step, if it has no seal."""
        if self._broken is None:
            return
        (rows, note, expected, _), self._broken, self._unsealed = self._broken, None, True
        present = expected.present(rows)
        mail_map = self._mail_map(expected, note, present)
        if mail_map.early:
            what = expected.phrase(rows, mail_map.early[0] + 1)
            raise refused(
                note.number,
                rows.first + 1 + mail_map.early[0],
                "row is",
                what,
                "missing",
                "it had not heard all",
            )
        self._judge(rows, note, mail_map)
        self._steps, self._last = self._steps + 1, note.number

    def _expected_rows(
        self,
        judged: bool,
        wrt_inputs: bool,
        only_learnt: bool,
        tangent: bool,
        batch: int,
        columns: int,
    ) -> ExpectedRows:
        recording = replace(self._recording, phases=["commit"]) if only_learnt else self._recording
        kind = {"judged": judged, "wrt_inputs": wrt_inputs, "tangent": tangent}
        return ExpectedRows(
            self._network,
            self._slots,
            RowTemplate(self._network, self._slots, recording, **kind),
            batch,
            columns,
        )

    def _mail_map(
        self, expected: ExpectedRows, note: StepNote, present: Indices | None = None
    ) -> MailMap:
        return MailMap(
            self._network, expected, judged=note.loss is not None, wrt_inputs=note.wrt_inputs, bounded=not self._exact,
            present=present,
        )  # fmt: skip

    def _end(self, rows: Rows) -> None:
        """The last row: how many there were, and the digest."""
        number, row = int(rows.step[0]), rows.first
        value = rows.values[: rows.starts[1]].tolist()
        found = {
            "end's sender is": (int(rows.sender[0]), NOBODY),
            "end's receiver is": (int(rows.receiver[0]), NOBODY),
            "end's time is": (int(rows.time[0]), 0),
            "end's step is": (number, self._last),
            "count of rows and steps is": (value, [float(self._rows), float(self._steps)]),
            "last digest is": (rows.notes[0].as_py(), self._chain.hex),
        }
        for what, (stands, should) in found.items():
            if stands != should:
                raise refused(number, row, what, stands, should)
        self._ended = True
        if len(rows) > 1:
            raise refused(int(rows.step[1]), row + 1, "row is", "behind the end", "missing")

    # --- who said what ----------------------------------------------------------------------------

    def _judge(self, rows: Rows, note: StepNote, mail_map: MailMap) -> None:
        """Replay a step."""
        said, replay, expected = rows.values, self._replay, mail_map.expected
        wrong = first_not_finite(said)
        if wrong is not None:
            r = int(np.searchsorted(rows.starts, wrong, side="right")) - 1
            raise Refused(
                expected.lie(
                    rows, r, wrong - int(rows.starts[r]), "a finite number", learns=note.update > 0
                )
            )
        self._messages += mail_map.messages
        if note.only_learnt:
            replay.take_over(mail_map, said)
            self._believed += mail_map.messages
            self._given += mail_map.messages
            return
        self._given += mail_map.world
        if self._recording.every > 1 and "commit" not in self._recording.kinds and self._steps:
            replay.forget()  # who knows what they learnt in between
        optimizer, unknown = note.optimizer, ""
        if optimizer is None:
            unknown = f"the optimiser {note.name} is not known here"
        if optimizer is not None and not self._exact and not isinstance(optimizer, (SGD, Adam)):
            optimizer, unknown = None, ROUNDING
        step = Step(
            note.number,
            note.loss,
            optimizer,
            note.wrt_inputs,
            note.tangent,
            note.round,
            micro_batch_of(note.round),
        )
        found = replay.step(mail_map, said, step, note.update, unknown)
        if found.row is not None:
            raise Refused(
                expected.lie(
                    rows, found.row + 1, found.number, found.should, learns=note.update > 0
                )
            )
        for reason, missed in found.unproved.items():
            self._miss(rows, mail_map, reason, np.array(missed, dtype=np.intp))

    def _miss(self, rows: Rows, mail_map: MailMap, reason: str, missed: Indices) -> None:
        """Rows that could not be replayed: those of members who were not recorded are only given."""
        own = self._chosen[rows.sender[missed + 1]]
        self._given += int(mail_map.hearers[missed[~own]].sum())
        for row in missed[own].tolist():
            kind = KINDS[rows.kind[row + 1]]
            first = [0, int(rows.step[0]), int(rows.sender[row + 1])]
            self._missed.setdefault((kind, reason), first)[0] += int(mail_map.hearers[row])

    # --- what came of it --------------------------------------------------------------------------

    def _verdict(self, lie: Lie | None) -> Audit:
        complete = lie is None and self._ended and not (self._reader.cut_off or self._unsealed)
        unproved = sum(count for count, _, _ in self._missed.values())
        return Audit(
            passed=complete and not unproved,
            exact=self._exact,
            complete=complete,
            neurons=len(self._network.ids),
            steps=self._steps,
            rows=self._rows,
            messages=self._messages,
            given=self._given,
            unproved=unproved,
            digest=self._chain.hex,
            lie=lie,
            remarks=tuple(printable(remark) for remark in self._remarks(lie is None)),
        )

    def _remarks(self, whole: bool) -> Iterator[str]:
        """What the audit cannot vouch for."""
        if not self._exact:
            told = "; ".join(self._differences)
            yield f"compared within the rounding bound alone: the log is of another kind of machine ({told})"
        recorded = self._recording
        if not recorded.whole:
            neurons = None if recorded.neurons is None else f"neurons {some(recorded.neurons)}"
            layers = (
                None
                if recorded.layers is None
                else f"levels {', '.join(map(str, recorded.layers))}"
            )
            every = f"every {recorded.every} steps" if recorded.every > 1 else None
            phases = None if recorded.phases is None else f"phases {', '.join(recorded.phases)}"
            yield f"a partial log: {'; '.join(part for part in (every, neurons, layers, phases) if part)}"
        if self._believed:
            yield f"what neurons had learnt in steps that were left out is given, in {self._believed:,} commits"
        for (kind, reason), (count, step, sender) in self._missed.items():
            who = self._reader.members[sender]
            yield f"not proved: {count:,} messages of kind {kind} (the first: {who}, step {step}): {reason}"
        if not whole:
            return
        if self._unsealed:
            yield f"step {self._last} was broken off: what was said of it is replayed, but not sealed"
        if self._reader.cut_off:
            where = f"behind row {self._rows - 1}" if self._rows else "before its first row"
            yield f"the log is cut off or damaged {where}"
        elif not self._ended:
            yield "the log has no end: rows may be missing there"
        elif not self._steps:
            yield "the log holds no step"
