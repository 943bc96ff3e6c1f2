"""One pass over a log: what an audit does, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from typing import NamedTuple

import numpy as np

from ...channels.routes import StepKind
from ...log.complete_digest import CompleteDigest
from ...log.digest_chain import DigestChain
from ...log.reader import LogReader, Rows
from ...log.recording_settings import Recording
from ...log.row_template import NOBODY, RowSlots, RowTemplate
from ...log.schema import CODE, KEY, MACHINES, row_kinds
from ...network import functions
from ...network.function_identity import Comparison, compare
from ...network.function_probe import present_identity
from ...neuron.messages import Step, micro_batch_of
from ...neuron.optimizers import Optimizer, has_own_class
from ...neuron.sums import choose_sums
from ...rules import Backpropagation, Rule
from ...rules.rule_identity import is_own, rule_identity
from ...rules.rule_json import rule_from_json
from ...support.errors import InputError, LogError, NetworkError
from ...support.numerics import adds_equally, differences, unchecked
from ...support.text import escape_controls
from ...support.validation import Indices, list_names
from .expected_rows import ExpectedRows, first_not_finite
from .lie import Lie, LieFound, lie_in_log
from .locality import ALL_PAIRS, NEIGHBOURS, changed_groups, has_own_functions
from .mail_places import MailMap
from .replay import Replay
from .report import Audit
from .step_notes import StepNote, StepNoteReader

MAX_MAPS = 8  # kinds of steps and batch sizes whose `MailMap` is kept
ROUNDING = "how far rounding can carry an optimiser of the user's own is not known"
AS_MANY = "as many as there are numbers"


class _Shape(NamedTuple):
    """What the rows of a step depend on, besides the network and the recording."""

    kind: StepKind
    only_learnt: bool
    batch: int
    columns: int


class _BrokenStep(NamedTuple):
    """A step whose rows are not all there: the last step may have been broken off."""

    rows: Rows
    note: StepNote
    expected: ExpectedRows
    problem: LieFound


@dataclass(slots=True)
class _Unproved:
    """How many messages of one kind could not be replayed, and where the first is."""

    count: int
    step: int
    sender: int


class Auditor:
    """Audits one log, once.

    Args:
        path: The message log.
        optimizers: Optimizers of the user's own that the run used.
        changed: Members that receive other mail in the replay; see `locality.py`.

    Raises:
        LogError: The file is no message log, or it is one that cannot be audited.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        optimizers: Sequence[Optimizer] = (),
        changed: frozenset[int] = frozenset(),
    ) -> None:
        self._reader = reader = LogReader(path)
        self._given_optimizers = optimizers
        self._path = reader.path
        self._network, self._recording = reader.network, reader.recording
        if "resumed" in reader.about:
            raise LogError(
                f"{self._path!r} cannot be audited: the run was resumed after step "
                f"{reader.about['resumed']}, and the neurons' state of then is in the checkpoint"
            )
        try:
            self._network.check_activations()
            numerics = reader.about["numerics"]
            sums = choose_sums(numerics["sums"])
            rule = rule_from_json(reader.rule)
        except NetworkError as error:
            raise LogError(
                f"{self._path!r}: {error}; --import MODULE imports the module that adds one"
            ) from None
        except (KeyError, TypeError, InputError) as error:
            raise LogError(
                f"{self._path!r}: its metadata do not say which sums and which rule its neurons "
                f"used: {error}; --import MODULE imports the module that adds a rule"
            ) from None
        self._differences = differences(numerics, numerics["sums"])
        self._exact = not self._differences
        self._check_rule(rule)
        self._rule = rule
        self._unchecked = unchecked(numerics)  # what an older version has not recorded
        self._check_functions()
        equally = adds_equally(numerics, numerics["sums"])
        self._replay = Replay(self._network, rule, sums, self._exact, equally, changed)
        self._note_reader = StepNoteReader(self._recording, optimizers, self._exact)
        self._losses = set[tuple[str, str]]()  # those that were compared
        self._has_own_optimizer = False
        self._not_local: Lie | None = None
        self._chain = DigestChain(reader.metadata)
        self._complete = CompleteDigest(reader.schema.metadata)
        self._slots = RowSlots(self._network)
        self._maps: dict[_Shape, MailMap] = {}
        all_members = self._recording.neurons is None and self._recording.layers is None
        # whether each neuron, the loss node and the environment is recorded
        self._is_recorded = np.append(self._recording.selects(self._network), [all_members, False])
        self._rows = self._steps = self._last = 0
        self._messages = self._given = 0
        self._has_end = False
        self._last_is_unsealed = False
        self._broken: _BrokenStep | None = None
        self._unproved: dict[tuple[str, str], _Unproved] = {}  # by kind and reason
        self._taken_over = 0  # commits of steps that were left out

    def _check_rule(self, rule: Rule) -> None:
        """Refuse other rules than backpropagation unless the log is whole and bits are promised.

        Such rules have a state that a partial log does not contain, and how far rounding carries it
        is not known.
        """
        if type(rule) is not Backpropagation and not (self._exact and self._recording.whole):
            why = "; ".join(self._differences) or "it is a partial log"
            raise LogError(
                f"{self._path!r}: a log under {rule!r} can be audited whole, "
                f"and on the machine that made it: {why}"
            )

    def _check_functions(self) -> None:
        """Compare the activation functions and the rule with those that the run used.

        Raises:
            LogError: One of them is another one here.
        """
        held, activations = self._reader.about.get("functions"), self._network.activations
        found = compare(held, activations, (), exact=self._exact)
        here, own = rule_identity(self._rule), is_own(self._rule)
        there = held.get("rule") if isinstance(held, dict) else None
        if here is not None:
            found.add(f"rule {self._rule!r}", there, here, exact=self._exact)
        elif there is not None:
            found.problems.append(f"the rule {self._rule!r} is another one here than in the run")
        elif own:
            found.unchecked.append(f"the rule {self._rule!r}")
        self._take(found, repr(self._path))

    def _take(self, found: Comparison, where: str) -> None:
        """Take over what a comparison of functions has found.

        Args:
            found: What it has found.
            where: What an error begins with.

        Raises:
            LogError: There is a problem.
        """
        if found.problems:
            raise LogError(
                f"{where}: {'; '.join(found.problems)}, so nothing can be replayed; "
                "--import MODULE imports the module that adds what the run used"
            )
        self._unchecked += found.unchecked

    def audit(self, digest: str | None, progress: Callable[[int, int], None] | None) -> Audit:
        """Read the whole log, or up to the first lie.

        Args:
            digest: What the last digest or the complete digest must be, in hexadecimal; None: any.
            progress: Called after each step with the number of bytes read and of all bytes.

        Raises:
            LogError: The log needs a function that is not in the tables here.
        """
        lie = self._first_lie(digest, progress)
        if lie is None:
            self._check_locality(progress)
        return self._result(lie, digest)

    def _check_locality(self, progress: Callable[[int, int], None] | None) -> None:
        """Replay again, with other mail for some members, if code of the user's own takes part."""
        if not self._exact:
            return
        which = ALL_PAIRS
        if not is_own(self._rule) and not self._has_own_optimizer:
            if not has_own_functions(self._network.activations, [name for name, _ in self._losses]):
                return
            which = NEIGHBOURS
        for changed in changed_groups(len(self._network.ids), which):
            again = Auditor(self._path, self._given_optimizers, changed)
            self._not_local = again._first_lie(None, progress)
            if self._not_local is not None:
                return

    def _first_lie(
        self, digest: str | None, progress: Callable[[int, int], None] | None
    ) -> Lie | None:
        """Read the log up to the first lie, or to its end; see `audit`."""
        lie = None
        try:
            with np.errstate(all="ignore"), self._damage_is_a_lie():
                self._check_schema()
                for rows in self._reader.steps():
                    self._audit_rows(rows)
                    if progress is not None:
                        progress(self._reader.read, self._reader.size)
                self._audit_broken_step()
                self._check_end_of_file(digest)
        except LieFound as found:
            lie = found.lie
        return lie

    @contextmanager
    def _damage_is_a_lie(self) -> Iterator[None]:
        """Report what cannot even be read as a lie."""
        try:
            yield
        except LogError as error:
            if not str(error).startswith(repr(self._path)):
                raise
            problem = str(error).removeprefix(f"{self._path!r}: ")
            what = f"data are damaged: {problem}; that is"
            raise lie_in_log(self._last, self._rows, what, "nothing", "a row") from None

    def _check_schema(self) -> None:
        schema = self._reader.schema
        if not set(schema.metadata) <= {KEY, MACHINES} or any(field.metadata for field in schema):
            what = "schema has metadata"
            raise lie_in_log(0, 0, what, "of other kinds too", "neuro_actors alone")

    def _check_end_of_file(self, digest: str | None) -> None:
        reader = self._reader
        if not reader.cut_off and reader.read != reader.size:
            what = "file goes on behind its end: its bytes are"
            raise lie_in_log(self._last, self._rows, what, reader.size, reader.read)
        digests = (self._chain.hex, self._complete.hex)
        if self._has_end and digest is not None and digest.lower() not in digests:
            row, reason = self._rows - 1, f"and its complete digest is {self._complete.hex}"
            seen = digests[0]
            raise lie_in_log(self._last, row, "last digest is", seen, digest.lower(), reason)

    # --- the rows that are in the file ------------------------------------------------------------

    def _audit_rows(self, rows: Rows) -> None:
        """Audit the rows of a step, or the end."""
        self._complete.add(rows)
        if self._has_end:
            step = int(rows.step[0])
            raise lie_in_log(step, rows.first, "row is", "behind the end", "missing")
        if rows.kind[0] == CODE["end"]:
            self._audit_broken_step()
            self._check_end_row(rows)
        else:
            if self._broken is not None:  # a step follows it, so it was not broken off
                raise self._broken.problem
            self._audit_step(rows)
        self._rows += len(rows)

    def _audit_step(self, rows: Rows) -> None:
        note = self._note_reader.next(rows)
        self._check_note(rows, note)
        width = (0, 0) if note.only_learnt else (note.batch, note.columns)
        kind = StepKind(note.loss is not None, note.wrt_inputs, note.tangent)
        shape = _Shape(kind, note.only_learnt, *width)
        mail_map = self._maps.get(shape)
        expected = self._expected_rows(shape) if mail_map is None else mail_map.expected
        if not expected.fits(rows):
            problem = expected.complaint(rows)
            if rows.kind[-1] == CODE["seal"] or note.only_learnt:
                raise problem
            self._broken = _BrokenStep(rows, note, expected, problem)
            return
        if mail_map is None:
            if len(self._maps) == MAX_MAPS:
                self._maps.clear()
            mail_map = self._maps[shape] = self._mail_map(expected, note)
        self._replay_step(rows, note, mail_map)
        self._check_seal(rows, note, expected)
        self._steps, self._last = self._steps + 1, note.number

    def _check_note(self, rows: Rows, note: StepNote) -> None:
        """Check what a begin row says against what is here, before arrays of that size are made."""
        if note.loss is not None and note.loss not in functions.LOSSES:
            raise LogError(
                f"step {note.number}: the loss {escape_controls(note.loss)!r} is not known here; "
                "import what adds it"
            )
        if note.loss is not None and (note.loss, note.identity) not in self._losses:
            self._losses.add((note.loss, note.identity))
            self._check_loss(note)
        if self._recording.whole:
            for what, count in (("examples", note.batch), ("columns", note.columns)):
                if count > len(rows.values):
                    what = f"begin note tells of {what}:"
                    raise lie_in_log(note.number, rows.first, what, count, AS_MANY)

    def _check_loss(self, note: StepNote) -> None:
        """Compare a step's loss with the one that the run used.

        Raises:
            LogError: It is another one here.
        """
        held, name = self._reader.about.get("functions"), str(note.loss)
        found = Comparison()
        if not note.identity:
            found = compare(held, (), [name], exact=self._exact)
        elif not self._exact:
            found.unchecked.append(f"the values of the loss {name!r}")
        elif present_identity(functions.LOSSES[name])["digest"] != note.identity:
            found.problems.append(f"the loss {name!r} is another function here than in the run")
        self._take(found, f"step {note.number}")

    def _check_seal(self, rows: Rows, note: StepNote, expected: ExpectedRows) -> None:
        seal = self._chain.add(note.number, note.text, rows.values[expected.sealed])
        recorded = rows.notes[len(rows) - 1].as_py()
        if recorded != seal:
            first = " or the metadata, as the network's description," if self._steps == 0 else ""
            reason = f"what the environment sent, or asked for,{first} was changed"
            row = rows.first + len(rows) - 1
            raise lie_in_log(note.number, row, "seal is", recorded, seal, reason)

    def _audit_broken_step(self) -> None:
        """Replay the rows of the last step if it has no seal."""
        if self._broken is None:
            return
        (rows, note, expected, _), self._broken = self._broken, None
        self._last_is_unsealed = True
        mail_map = self._mail_map(expected, note, expected.present(rows))
        if mail_map.early:
            first = mail_map.early[0] + 1
            what, reason = expected.phrase(rows, first), "its sender had not received all its mail"
            raise lie_in_log(note.number, rows.first + first, "row is", what, "missing", reason)
        self._replay_step(rows, note, mail_map)
        self._steps, self._last = self._steps + 1, note.number

    def _expected_rows(self, shape: _Shape) -> ExpectedRows:
        recording = self._recording
        if shape.only_learnt:
            recording = replace(recording, phases=["commit"])
        template = RowTemplate(self._network, self._slots, recording, shape.kind)
        return ExpectedRows(self._network, self._slots, template, shape.batch, shape.columns)

    def _mail_map(
        self, expected: ExpectedRows, note: StepNote, present: Indices | None = None
    ) -> MailMap:
        return MailMap(
            self._network,
            expected,
            with_loss=note.loss is not None,
            wrt_inputs=note.wrt_inputs,
            bounded=not self._exact,
            present=present,
        )

    def _check_end_row(self, rows: Rows) -> None:
        """Check the last row: the counts of rows and steps, and the last digest."""
        number, row = int(rows.step[0]), rows.first
        value = rows.values[: rows.starts[1]].tolist()
        checks = {
            "end's sender is": (int(rows.sender[0]), NOBODY),
            "end's receiver is": (int(rows.receiver[0]), NOBODY),
            "end's time is": (int(rows.time[0]), 0),
            "end's step is": (number, self._last),
            "count of rows and steps is": (value, [float(self._rows), float(self._steps)]),
            "last digest is": (rows.notes[0].as_py(), self._chain.hex),
        }
        for what, (recorded, should) in checks.items():
            if recorded != should:
                raise lie_in_log(number, row, what, recorded, should)
        self._has_end = True
        if len(rows) > 1:
            raise lie_in_log(int(rows.step[1]), row + 1, "row is", "behind the end", "missing")

    # --- the numbers in the rows ------------------------------------------------------------------

    def _replay_step(self, rows: Rows, note: StepNote, mail_map: MailMap) -> None:
        recorded, expected, learns = rows.values, mail_map.expected, note.update > 0
        wrong = first_not_finite(recorded)
        if wrong is not None:
            r = int(np.searchsorted(rows.starts, wrong, side="right")) - 1
            number = wrong - int(rows.starts[r])
            raise LieFound(expected.lie(rows, r, number, "a finite number", learns=learns))
        self._messages += mail_map.messages
        if note.only_learnt:
            self._replay.take_over(mail_map, recorded)
            self._taken_over += mail_map.messages
            self._given += mail_map.messages
            return
        self._given += mail_map.given
        if self._recording.every > 1 and "commit" not in self._recording.kinds and self._steps:
            self._replay.forget()  # what neurons learned in the steps between is not recorded
        optimizer, unknown = self._optimizer_of(note)
        step = Step(
            note.number,
            note.loss,
            optimizer,
            note.wrt_inputs,
            note.tangent,
            note.round,
            micro_batch_of(note.round),
        )
        found = self._replay.step(mail_map, recorded, step, note.update, unknown)
        if found.row is not None:
            lie = expected.lie(rows, found.row + 1, found.number, found.should, learns=learns)
            raise LieFound(lie)
        for reason, unproved in found.unproved.items():
            self._count_unproved(rows, mail_map, reason, np.array(unproved, dtype=np.intp))

    def _optimizer_of(self, note: StepNote) -> tuple[Optimizer | None, str]:
        """Return the step's optimizer, or why it cannot be replayed."""
        if note.optimizer is None:
            return None, f"the optimiser {note.name} is not known here"
        if has_own_class(note.optimizer):
            self._has_own_optimizer = True
            if not self._exact:
                return None, ROUNDING
        return note.optimizer, ""

    def _count_unproved(
        self, rows: Rows, mail_map: MailMap, reason: str, unproved: Indices
    ) -> None:
        """Count rows that could not be replayed; those of unrecorded members are only given."""
        is_own = self._is_recorded[rows.sender[unproved + 1]]
        self._given += int(mail_map.n_messages[unproved[~is_own]].sum())
        for row in unproved[is_own].tolist():
            kind = row_kinds()[rows.kind[row + 1]]
            first = _Unproved(0, int(rows.step[0]), int(rows.sender[row + 1]))
            entry = self._unproved.setdefault((kind, reason), first)
            entry.count += int(mail_map.n_messages[row])

    # --- the result -------------------------------------------------------------------------------

    def _result(self, lie: Lie | None, digest: str | None) -> Audit:
        is_cut_off = self._reader.cut_off or self._last_is_unsealed
        complete = lie is None and self._has_end and not is_cut_off
        unproved = sum(entry.count for entry in self._unproved.values())
        return Audit(
            passed=complete and not unproved and self._not_local is None,
            exact=self._exact,
            complete=complete,
            neurons=len(self._network.ids),
            steps=self._steps,
            rows=self._rows,
            messages=self._messages,
            given=self._given,
            unproved=unproved,
            digest=self._chain.hex,
            complete_digest="" if lie is not None else self._complete.hex,
            lie=lie,
            remarks=tuple(escape_controls(remark) for remark in self._remarks(lie is None, digest)),
        )

    def _remarks(self, whole: bool, digest: str | None) -> Iterator[str]:
        """Say what the audit cannot vouch for."""
        if not self._exact:
            yield (
                "compared within the rounding bound alone: the log is of another kind of machine "
                f"({'; '.join(self._differences)})"
            )
            if digest is not None and digest.lower() == self._chain.hex:
                yield (
                    "the digest that was given covers what the environment sent, and not what "
                    "neurons said: give the complete digest of the log to have it covered"
                )
        if not self._recording.whole:
            yield f"a partial log: {_parts_of(self._recording)}"
        if self._taken_over:
            yield (
                "what neurons learned in steps that were left out is given, "
                f"in {self._taken_over:,} commits"
            )
        for (kind, reason), entry in self._unproved.items():
            who = self._reader.members[entry.sender]
            yield (
                f"not proved: {entry.count:,} messages of kind {kind} "
                f"(the first: {who}, step {entry.step}): {reason}"
            )
        if self._unchecked or self._note_reader.unchecked:
            names = [*self._unchecked, *sorted(self._note_reader.unchecked)]
            yield f"not checked, because the log does not tell of them: {'; '.join(names)}"
        if self._not_local is not None:
            yield (
                "not proved that neurons are local: where others received other mail, this would "
                f"have changed, though its sender's mail did not ({self._not_local}). Code of the "
                "user's own shares a state that no message carries"
            )
        if not whole and is_own(self._rule):
            yield (
                "the rule is of the user's own: members that share a state, or random numbers "
                "that no seed fixes, look like a lie"
            )
        if whole:
            yield from self._remarks_on_the_end()

    def _remarks_on_the_end(self) -> Iterator[str]:
        if self._last_is_unsealed:
            yield (
                f"step {self._last} was broken off: what was sent in it is replayed, but not sealed"
            )
        if self._reader.cut_off:
            where = f"behind row {self._rows - 1}" if self._rows else "before its first row"
            yield f"the log is cut off or damaged {where}"
        elif not self._has_end:
            yield "the log has no end: rows may be missing there"
        elif not self._steps:
            yield "the log holds no step"


def _parts_of(recording: Recording) -> str:
    """Say which part of a run was recorded."""
    parts = []
    if recording.every > 1:
        parts.append(f"every {recording.every} steps")
    if recording.neurons is not None:
        parts.append(f"neurons {list_names(recording.neurons)}")
    if recording.layers is not None:
        parts.append(f"levels {', '.join(map(str, recording.layers))}")
    if recording.phases is not None:
        parts.append(f"phases {', '.join(recording.phases)}")
    return "; ".join(parts)
