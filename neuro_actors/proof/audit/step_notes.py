"""What each step of a log was asked for, as its begin row notes it, and whether a run notes that.

The notes are sealed. But a forger who seals them anew could write others. So each must be written
as a run writes it, and steps and updates must be counted as a run counts them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ...log.reader import Rows
from ...log.recording_settings import Recording
from ...log.schema import CODE
from ...neuron.optimizer_identity import optimizer_identity
from ...neuron.optimizer_json import (
    KNOWN,
    GivenRate,
    optimizer_from_json,
    optimizer_to_json,
    same_json,
)
from ...neuron.optimizers import Optimizer
from ...support.errors import LogError, NeuroActorsError
from ...support.text import escape_controls
from .lie import lie_in_log

_KEYS = ("mode", "loss", "identity", "batch", "wrt_inputs", "round", "columns", "only")
KEYS = (*_KEYS, "optimizer", "update")
SELDOM = {"identity", "round", "columns", "only"}
MODES = ("predict", "gradient", "train", "product")


class StepNote(NamedTuple):
    """What one step was asked for.

    Attributes:
        number: The step's number.
        text: The note itself.
        loss: The loss's name. None in a step that only predicts.
        identity: The digest of the loss, if it is not the package's own; else "".
        batch: How many examples it has.
        columns: How many numbers an activation or an urgency has.
        wrt_inputs: Whether urgencies reach the inputs.
        tangent: Whether neurons receive directions, and send derivatives along them.
        round: The name of the rule's round, "" for none.
        only_learnt: Whether the step was left out of a partial log, which has its commits alone.
        name: The optimizer's name. None where nothing is learnt.
        optimizer: The optimizer. None where nothing is learnt, or where it is not known here.
        update: How many updates were made under this optimizer, 1 where it starts afresh, 0 where
            nothing is learnt.
    """

    number: int
    text: str
    loss: str | None
    identity: str
    batch: int
    columns: int
    wrt_inputs: bool
    tangent: bool
    round: str
    only_learnt: bool
    name: str | None
    optimizer: Optimizer | None
    update: int


class StepNoteReader:
    """Reads begin rows, one after another.

    Args:
        recording: What the log records.
        optimizers: Optimizers of the user's own that the run may have used.
        exact: Whether an optimizer must have the digest that a note has of it.
        has_ticks: Whether steps that predict are rounds, too, as they are through time.
    """

    def __init__(
        self,
        recording: Recording,
        optimizers: Sequence[Optimizer],
        exact: bool = True,
        has_ticks: bool = False,
    ) -> None:
        self._has_ticks = has_ticks
        self._every = recording.every
        self._has_commits = "commit" in recording.kinds
        self._given = {optimizer_to_json(given, 1)["name"]: given for given in optimizers}
        self._exact = exact
        self.unchecked: set[str] = set()  # names of optimizers that notes have no digest of
        self._start: str | None = None  # of the last note, all but the update
        self._about: dict[str, Any] = {}
        self._optimizer: Optimizer | None = None  # under which neurons learnt last, if it is known
        self._held: dict[str, Any] = {}  # its description
        self._shape = ""  # the same, rates aside
        self._update = 0
        self._last = 1 - recording.every  # step that was recorded
        self._learnt = 0  # step that was left out, if it came last

    def next(self, rows: Rows) -> StepNote:
        """Return what a step was asked for.

        Args:
            rows: The rows of the step.

        Raises:
            LieFound: No run can note this.
        """
        number, row = int(rows.step[0]), rows.first
        if rows.kind[0] != CODE["begin"]:
            raise lie_in_log(number, row, "row is", "outside of any step", "a begin row")
        note = rows.notes[0].as_py()
        if note is None:
            raise lie_in_log(number, row, "begin note is", note, "what was asked for")
        start, _, end = note.rpartition(', "update": ')
        if start != self._start:
            self._about = self._read(number, row, note)
            self._start = start
        about = self._about
        only = "only" in about
        self._count(number, row, only)
        name = optimizer = None
        update = 0
        if about["mode"] == "train":
            try:
                update = int(end[:-1])
            except ValueError:
                update = 0
            if f"{update}}}" != end or update < 1:
                raise lie_in_log(number, row, "count of updates is", end[:-1], "a number from 1 on")
            name = str(about["optimizer"].get("name"))
            optimizer = self._under(number, row, about["optimizer"], update, only)
        elif end != "null}":
            raise lie_in_log(number, row, "count of updates is", end[:-1], "null: no neuron learns")
        self._last, self._learnt = (self._last, number) if only else (number, 0)
        batch, tangent = about["batch"], about["mode"] == "product"
        width = batch, about.get("columns", batch)
        more = about["wrt_inputs"], tangent, about.get("round", "")
        loss = about["loss"], about.get("identity", "")
        return StepNote(number, note, *loss, *width, *more, only, name, optimizer, update)

    def _own_optimizer(self, held: dict[str, Any]) -> Optimizer | None:
        """Return the optimizer that was handed over under this name, if it is the run's.

        Raises:
            LogError: It makes other updates.
        """
        name = str(held.get("name"))
        found = self._given.get(name)
        if found is None:
            return None
        here = optimizer_identity(found)
        if "digest" not in held or here is None:
            self.unchecked.add(name)
        elif self._exact and here["digest"] != held["digest"]:
            raise LogError(
                f"the optimizer {escape_controls(name)} that was passed makes other updates "
                "than the run's: pass the one that the run used"
            )
        return found

    def _count(self, number: int, row: int, only: bool) -> None:
        """Steps are counted 1, 2, 3, …; in a partial log some are left out, always the same."""
        following = self._last + self._every
        if only:
            fits = (
                self._has_commits and not self._learnt and max(self._last, 0) < number < following
            )
        else:
            fits = number == following
        if not fits:
            between = f"between {self._last} and {following}" if self._every > 1 else following
            raise lie_in_log(number, row, "step is", number, between if only else following)

    def _read(self, number: int, row: int, note: str) -> dict[str, Any]:
        try:
            about = json.loads(note)
        except (ValueError, RecursionError):
            raise lie_in_log(number, row, "begin note is", note, "an object in JSON") from None
        wrong = next(_wrong_fields(about, note, self._has_ticks), None)
        if wrong is not None:
            what, found, expected = wrong
            raise lie_in_log(number, row, f"{what}begin note is", found, expected)
        return dict(about)

    def _under(
        self, number: int, row: int, held: dict[str, Any], update: int, only: bool
    ) -> Optimizer | None:
        """Return the optimizer; the same object as before if neurons continue with it."""
        if held is self._held and update == self._update + 1:
            self._update = update
            return self._optimizer
        shape = re.sub(r'"rate": [^,}]*', "", json.dumps(held))
        try:
            found = optimizer_from_json(held)
            rated = found is not None and isinstance(
                getattr(found, "learning_rate", None), GivenRate
            )
            wanted = held if found is None else optimizer_to_json(found, update)
            if rated:
                wanted["learning_rate"] = _given_rate(held["learning_rate"])
            fits = same_json(wanted, held)
        except (
            KeyError,
            ValueError,
            TypeError,
            AttributeError,
            OverflowError,
            ArithmeticError,
            NeuroActorsError,
        ):
            fits = False
        if not fits:
            raise lie_in_log(number, row, "optimizer is", json.dumps(held), "one that can be")
        # An optimizer that compares by identity alone may start afresh under an equal description.
        # The package's own may not.
        loose = rated or found is None
        if found is None:
            found = self._own_optimizer(held)
        equal = self._update > 0 and (shape == self._shape if loose else found == self._optimizer)
        following = self._update + 1 if equal else 1
        gap = self._every > 1 and (
            only or not self._has_commits
        )  # updates that were not recorded may lie between
        most = self._update * equal + number - (self._learnt or max(self._last, 0))
        if update != following and not (loose and update == 1) and not (gap and update <= most):
            raise lie_in_log(number, row, "count of updates is", update, following)
        if equal and update > 1 and self._optimizer is not None:
            if rated:
                self._optimizer.learning_rate.rate = found.learning_rate.rate  # type: ignore[union-attr, attr-defined]
            found = self._optimizer
        self._optimizer, self._shape, self._update, self._held = found, shape, update, held
        return found


def _wrong_fields(about: Any, note: str, has_ticks: bool = False) -> Iterator[tuple[str, Any, str]]:
    """Yield what no run writes: the field, what the note has there, and what is expected."""
    if not isinstance(about, dict):
        yield "", note, "an object in JSON"
        return
    keys = tuple(key for key in KEYS if key in about or key not in SELDOM)
    if tuple(about) != keys:
        yield "", note, f"with the fields {', '.join(keys)}, in this order"
        return
    if json.dumps(about) != note:
        yield "", note, json.dumps(about)
    mode, loss, batch = about["mode"], about["loss"], about["batch"]
    rounds = mode in ("gradient", "train") or has_ticks  # a rule's rounds are parts of these

    def field(name: str, is_right: bool, expected: str) -> Iterator[tuple[str, Any, str]]:
        if name in about and not is_right:
            yield f"{name} in the ", json.dumps(about[name]), expected

    yield from field("mode", isinstance(mode, str) and mode in MODES, "one of " + ", ".join(MODES))
    if mode == "predict":
        yield from field("loss", loss is None, "null: a step that predicts has no loss")
    else:
        yield from field("loss", isinstance(loss, str), "the name of a loss")
    identity = about.get("identity")
    known = isinstance(identity, str) and re.fullmatch("[0-9a-f]{64}", identity) is not None
    yield from field("identity", known and loss is not None, "the digest of the loss")
    yield from field("batch", _is_count(batch), "a number of examples")
    wrt_inputs, round = about["wrt_inputs"], about.get("round")
    yield from field("wrt_inputs", type(wrt_inputs) is bool, "true or false")
    allowed = mode == "gradient" or (mode == "train" and bool(round))
    yield from field("wrt_inputs", not wrt_inputs or allowed, "false in a step of this mode")
    named = isinstance(round, str) and round != "" and rounds
    yield from field("round", named, "the name of a round of a rule")
    columns = about.get("columns")
    counted = _is_count(columns) and columns != batch and mode != "predict"
    yield from field("columns", counted, "another number than batch, in a step with a loss")
    if mode == "product" and _is_count(batch) and columns != 2 * batch:
        yield "columns in the ", json.dumps(columns), str(2 * batch)
    learns = isinstance(about["optimizer"], dict) if mode == "train" else about["optimizer"] is None
    expected = "the optimizer" if mode == "train" else "null: nothing is learnt"
    yield from field("optimizer", learns, expected)
    only = about.get("only") == ["commit"] and mode == "train"
    yield from field("only", only, '["commit"], in a step that learns')


def _is_count(value: Any) -> bool:
    """Whether this is a number of rows or columns that Arrow can count."""
    return type(value) is int and 1 <= value < 2**31


def _given_rate(held: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a function that was the learning rate. Raises `ValueError` for others."""
    if (
        not isinstance(held["name"], str)
        or held["name"] in KNOWN
        or type(held["rate"]) is not float
    ):
        raise ValueError("no function's rate")
    return {"name": held["name"], "rate": held["rate"]}
