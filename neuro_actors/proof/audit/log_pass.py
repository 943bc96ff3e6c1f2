"""One pass over a log, up to its end or to the first lie."""

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
from ...log.row_template import NOBODY, RowSlots, RowTemplate
from ...log.schema import CODE, KEY, MACHINES, row_kinds
from ...network.elements_json import combinations_of
from ...neuron.messages import Step, micro_batch_of
from ...neuron.optimizers import Optimizer, has_own_class
from ...neuron.sums import choose_sums
from ...rules import Backpropagation, Rule
from ...rules.micro_batches import MicroBatches, whole_rule
from ...rules.rule_json import rule_from_json
from ...rules.through_time import ThroughTime
from ...support.arrays import Indices
from ...support.errors import InputError, LogError, NetworkError
from ...support.numerics import adds_equally, differences, unchecked
from .delay_law import DelayLaw
from .expected_rows import ExpectedRows, first_not_finite
from .function_check import FunctionCheck
from .lie import Lie, LieFound, lie_in_log
from .mail_places import MailMap
from .replay import Finding, Replay
from .step_notes import StepNote, StepNoteReader

MAX_MAPS = 8  # kinds of steps and batch sizes whose `MailMap` is kept
ROUNDING = "how far rounding can carry an optimizer of the user's own is not known"
AS_MANY = "one for each number"


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
class Unproved:
    """How many messages of one kind could not be replayed, and where the first is.

    Attributes:
        count: How many.
        step: The step of the first.
        sender: The number of its sender among the log's members.
    """

    count: int
    step: int
    sender: int


class LogPass:
    """Reads one log, once, and replays what is in it.

    Args:
        path: The message log.
        optimizers: Optimizers of the user's own that the run used.
        changed: Members that receive other mail in the replay; see `locality.py`.

    Attributes:
        network: The network of the log.
        recording: What the log records.
        rule: The rule of the run.
        differences: How the machine that made the log differs from this one.
        exact: Whether bits are compared: nothing differs.
        functions: Compares functions with those of the run.
        has_own_optimizer: Whether an optimizer of a user's own took part.
        rows: How many rows were read.
        steps: How many steps were replayed.
        last: The number of the last of them.
        messages: How many messages they have.
        given: How many of these no computation can prove; see `Audit.given`.
        unproved: The others that could not be replayed, by their kind and the reason.
        taken_over: How many commits of steps that were left out are given.
        has_end: Whether the end was read.
        last_is_unsealed: Whether the last step was broken off.

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
        self._path = reader.path
        self.network, self.recording = reader.network, reader.recording
        if "resumed" in reader.about:
            raise LogError(
                f"{self._path!r} cannot be audited: the run was resumed after step "
                f"{reader.about['resumed']}, and the neurons' state of then is in the checkpoint"
            )
        try:
            self.network.check_activations()
            numerics = reader.about["numerics"]
            sums = choose_sums(numerics["sums"])
        except NetworkError as error:
            raise LogError(
                f"{self._path!r}: {error}; --import MODULE imports the module that adds one"
            ) from None
        except (KeyError, TypeError):
            raise LogError(
                f"{self._path!r} cannot be audited: its metadata do not say which sums its neurons "
                "used"
            ) from None
        except InputError as error:
            raise LogError(f"{self._path!r} cannot be audited: {error}") from None
        try:
            rule = rule_from_json(reader.rule)
        except InputError as error:
            raise LogError(
                f"{self._path!r} cannot be audited: {error}; --import MODULE imports the module "
                "that adds a rule"
            ) from None
        self.differences = differences(numerics, numerics["sums"])
        self.exact = not self.differences
        self._check_rule(rule)
        self.rule = rule
        self.functions = FunctionCheck(self._path, reader.about.get("functions"), self.exact)
        self.functions.check_members(self.network.activations, rule, combinations_of(self.network))
        self._unchecked = unchecked(numerics)  # what an older version has not recorded
        equally = adds_equally(numerics, numerics["sums"])
        self._replay = Replay(self.network, rule, sums, self.exact, equally, changed)
        whole = whole_rule(rule)
        has_ticks = isinstance(whole, ThroughTime)
        self._note_reader = StepNoteReader(self.recording, optimizers, self.exact, has_ticks)
        self._delay_law: DelayLaw | None = None
        if type(whole) is ThroughTime:
            count = rule.count if isinstance(rule, MicroBatches) else 1
            self._delay_law = DelayLaw(self.network, whole, count)
        self.has_own_optimizer = False
        self._chain = DigestChain(reader.metadata)
        self._complete = CompleteDigest(reader.schema.metadata)
        self._slots = RowSlots(self.network)
        self._maps: dict[_Shape, MailMap] = {}
        all_members = self.recording.neurons is None and self.recording.layers is None
        # whether each neuron, the loss node and the environment is recorded
        self._is_recorded = np.append(self.recording.selects(self.network), [all_members, False])
        self.rows = self.steps = self.last = 0
        self.messages = self.given = 0
        self.has_end = False
        self.last_is_unsealed = False
        self._broken: _BrokenStep | None = None
        self.unproved: dict[tuple[str, str], Unproved] = {}  # by kind and reason
        self.taken_over = 0  # commits of steps that were left out

    def _check_rule(self, rule: Rule) -> None:
        """Refuse other rules than backpropagation unless the log is whole and bits are promised.

        Such rules have a state that a partial log does not contain, and how far rounding carries it
        is not known.
        """
        has_time = isinstance(whole_rule(rule), ThroughTime)
        if bool(self.network.delayed) != has_time:
            what = "no delays" if has_time else "delays"
            raise LogError(
                f"{self._path!r} cannot be audited: its network has {what} under {rule!r}"
            )
        if type(rule) is not Backpropagation and not (self.exact and self.recording.whole):
            why = "; ".join(self.differences) or "it is a partial log"
            raise LogError(
                f"{self._path!r}: a log under {rule!r} can be audited whole, "
                f"and on the machine that made it: {why}"
            )

    def first_lie(
        self, digest: str | None, progress: Callable[[int, int], None] | None
    ) -> Lie | None:
        """Read the log up to the first lie, or to its end.

        Args:
            digest: What the last digest or the complete digest must be, in hexadecimal; None: any.
            progress: Called after each step with the number of bytes read and of all bytes.

        Raises:
            LogError: The log needs a function that is not in the tables here.
        """
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
            raise lie_in_log(self.last, self.rows, what, "nothing", "a row") from None

    def _check_schema(self) -> None:
        schema = self._reader.schema
        if not set(schema.metadata) <= {KEY, MACHINES} or any(field.metadata for field in schema):
            what = "schema has metadata"
            raise lie_in_log(0, 0, what, "of other kinds too", "neuro_actors alone")

    def _check_end_of_file(self, digest: str | None) -> None:
        reader = self._reader
        if not reader.cut_off and reader.read != reader.size:
            what = "file goes on behind its end: its bytes are"
            raise lie_in_log(self.last, self.rows, what, reader.size, reader.read)
        if self.has_end and digest is not None and digest.lower() not in self.digests:
            seen, complete = self.digests
            row, reason = self.rows - 1, f"and its complete digest is {complete}"
            raise lie_in_log(self.last, row, "last digest is", seen, digest.lower(), reason)

    @property
    def is_cut_off(self) -> bool:
        """Whether the file ends within a row or a step, or is damaged there."""
        return self._reader.cut_off

    @property
    def members(self) -> list[str]:
        """The names of all members, by the numbers of senders."""
        return self._reader.members

    @property
    def digests(self) -> tuple[str, str]:
        """The last digest of the chain of seals, and the complete digest, in hexadecimal."""
        return self._chain.hex, self._complete.hex

    @property
    def unchecked(self) -> list[str]:
        """What was not compared, because the log does not tell of it."""
        optimizers = sorted(self._note_reader.unchecked)
        delays = ["what delays repeat"] * bool(self.network.delayed and self._delay_law is None)
        return [*self._unchecked, *self.functions.unchecked, *optimizers, *delays]

    # --- the rows that are in the file ------------------------------------------------------------

    def _audit_rows(self, rows: Rows) -> None:
        """Audit the rows of a step, or the end."""
        self._complete.add(rows)
        if self.has_end:
            step = int(rows.step[0])
            raise lie_in_log(step, rows.first, "row is", "behind the end", "missing")
        if rows.kind[0] == CODE["end"]:
            self._audit_broken_step()
            self._check_end_row(rows)
        else:
            if self._broken is not None:  # a step follows it, so it was not broken off
                raise self._broken.problem
            self._audit_step(rows)
        self.rows += len(rows)

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
        self.steps, self.last = self.steps + 1, note.number

    def _check_note(self, rows: Rows, note: StepNote) -> None:
        """Check what a begin row says against what is here, before arrays of that size are made."""
        self.functions.check_loss(note)
        if self.recording.whole:
            for what, count in (("examples", note.batch), ("columns", note.columns)):
                if count > len(rows.values):
                    what = f"begin note tells of {what}:"
                    raise lie_in_log(note.number, rows.first, what, count, AS_MANY)

    def _check_seal(self, rows: Rows, note: StepNote, expected: ExpectedRows) -> None:
        seal = self._chain.add(note.number, note.text, rows.values[expected.sealed])
        recorded = rows.notes[len(rows) - 1].as_py()
        if recorded != seal:
            first = " or the metadata, as the network's description," if self.steps == 0 else ""
            reason = f"what the environment sent, or asked for,{first} was changed"
            row = rows.first + len(rows) - 1
            raise lie_in_log(note.number, row, "seal is", recorded, seal, reason)

    def _audit_broken_step(self) -> None:
        """Replay the rows of the last step if it has no seal."""
        if self._broken is None:
            return
        (rows, note, expected, _), self._broken = self._broken, None
        self.last_is_unsealed = True
        mail_map = self._mail_map(expected, note, expected.present(rows))
        if mail_map.early:
            first = mail_map.early[0] + 1
            what, reason = expected.phrase(rows, first), "its sender had not received all its mail"
            raise lie_in_log(note.number, rows.first + first, "row is", what, "missing", reason)
        self._replay_step(rows, note, mail_map)
        self.steps, self.last = self.steps + 1, note.number

    def _expected_rows(self, shape: _Shape) -> ExpectedRows:
        recording = self.recording
        if shape.only_learnt:
            recording = replace(recording, phases=["commit"])
        template = RowTemplate(self.network, self._slots, recording, shape.kind)
        return ExpectedRows(self.network, self._slots, template, shape.batch, shape.columns)

    def _mail_map(
        self, expected: ExpectedRows, note: StepNote, present: Indices | None = None
    ) -> MailMap:
        return MailMap(
            self.network,
            expected,
            with_loss=note.loss is not None,
            wrt_inputs=note.wrt_inputs,
            bounded=not self.exact,
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
            "end's step is": (number, self.last),
            "count of rows and steps is": (value, [float(self.rows), float(self.steps)]),
            "last digest is": (rows.notes[0].as_py(), self._chain.hex),
        }
        for what, (recorded, should) in checks.items():
            if recorded != should:
                raise lie_in_log(number, row, what, recorded, should)
        self.has_end = True
        if len(rows) > 1:
            raise lie_in_log(int(rows.step[1]), row + 1, "row is", "behind the end", "missing")

    # --- the numbers in the rows ------------------------------------------------------------------

    def _replay_step(self, rows: Rows, note: StepNote, mail_map: MailMap) -> None:
        recorded, expected, learns = rows.values, mail_map.expected, note.update > 0
        wrong = first_not_finite(recorded)
        if wrong is not None:  # rare: a target that does not count is NaN
            counts = np.repeat(rows.kind == CODE["target"], np.diff(rows.starts))
            wrong = first_not_finite(np.where(counts & np.isnan(recorded), 0.0, recorded))
        if wrong is not None:
            r = int(np.searchsorted(rows.starts, wrong, side="right")) - 1
            number = wrong - int(rows.starts[r])
            raise LieFound(expected.lie(rows, r, number, "a finite number", learns=learns))
        self.messages += mail_map.messages
        if note.only_learnt:
            self._raise(self._replay.take_over(mail_map, recorded), rows, expected, learns)
            self.taken_over += mail_map.messages
            self.given += mail_map.messages
            return
        self.given += mail_map.given
        if self.recording.every > 1 and "commit" not in self.recording.kinds and self.steps:
            self._replay.forget()  # what neurons learned in the steps between is not recorded
        if self._delay_law is not None:
            self._delay_law.check(rows, note, mail_map)
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
        self._raise(found, rows, expected, learns)
        for reason, unproved in found.unproved.items():
            self._count_unproved(rows, mail_map, reason, np.array(unproved, dtype=np.intp))

    @staticmethod
    def _raise(found: Finding, rows: Rows, expected: ExpectedRows, learns: bool) -> None:
        """Raise what a replay found to be a lie, if there is one."""
        if found.row is not None:
            lie = expected.lie(rows, found.row + 1, found.number, found.should, learns=learns)
            raise LieFound(lie)

    def _optimizer_of(self, note: StepNote) -> tuple[Optimizer | None, str]:
        """Return the step's optimizer, or why it cannot be replayed."""
        if note.optimizer is None:
            return None, f"the optimizer {note.name} is not known here"
        if has_own_class(note.optimizer):
            self.has_own_optimizer = True
            if not self.exact:
                return None, ROUNDING
        return note.optimizer, ""

    def _count_unproved(
        self, rows: Rows, mail_map: MailMap, reason: str, unproved: Indices
    ) -> None:
        """Count rows that could not be replayed; those of unrecorded members are only given."""
        is_own = self._is_recorded[rows.sender[unproved + 1]]
        self.given += int(mail_map.n_messages[unproved[~is_own]].sum())
        for row in unproved[is_own].tolist():
            kind = row_kinds()[rows.kind[row + 1]]
            first = Unproved(0, int(rows.step[0]), int(rows.sender[row + 1]))
            entry = self.unproved.setdefault((kind, reason), first)
            entry.count += int(mail_map.n_messages[row])
