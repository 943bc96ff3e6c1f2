"""What was asked of a society, step after step, as the begin rows say; and whether a run can have been asked for it.

The notes are sealed, but whoever seals them anew could write others: they must be written as a run writes them, the
steps must be counted as a run counts them, and the updates too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...log.reader import Rows
from ...log.recording import Recording
from ...log.schema import CODE
from ...neuron.optimizer_json import KNOWN, GivenRate, described, optimizer_of
from ...neuron.optimizers import Optimizer
from ...support.errors import NeuroActorsError
from .lie import lie_in_log

KEYS = ("mode", "loss", "batch", "wrt_inputs", "round", "columns", "only", "optimizer", "update")
SELDOM = {"round", "columns", "only"}


class StepNote(NamedTuple):
    """What one step was.

    only_learnt: whether it is a step that was left out, of which a partial log says what neurons had learnt in it.
    tangent: whether directions were told, and derivatives along them.  round, columns: as in the note.  text: the note itself.
    name: of the optimiser, None where nobody learns.  optimizer: None, too, where it is not known here.
    update: how many updates it is under this optimiser, 1 where neurons start afresh; 0 where nobody learns.
    """

    number: int
    text: str
    loss: str | None
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
    """Reads begin rows, one after another."""

    def __init__(self, recording: Recording, optimizers: Sequence[Optimizer]) -> None:
        self._every = recording.every
        self._learnt_told = "commit" in recording.kinds
        self._given = {described(given, 1)["name"]: given for given in optimizers}
        self._start: str | None = None  # of the last note, all but the update
        self._about: dict[str, Any] = {}
        self._optimizer: Optimizer | None = None  # under which neurons learnt last, if it is known
        self._held: dict[str, Any] = {}  # its description
        self._shape = ""  # the same, rates aside
        self._update = 0
        self._last = 1 - recording.every  # step that was recorded
        self._learnt = 0  # step that was left out, if it came last

    def next(self, rows: Rows) -> StepNote:
        """What that step was. Raises `LieFound` where no run was asked for it."""
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
            raise lie_in_log(number, row, "count of updates is", end[:-1], "null: nobody learns")
        self._last, self._learnt = (self._last, number) if only else (number, 0)
        batch, tangent = about["batch"], about["mode"] == "product"
        width = batch, about.get("columns", batch)
        more = about["wrt_inputs"], tangent, about.get("round", "")
        return StepNote(number, note, about["loss"], *width, *more, only, name, optimizer, update)

    def _count(self, number: int, row: int, only: bool) -> None:
        """Steps are counted 1, 2, 3, …; in a partial log some are left out, always the same."""
        following = self._last + self._every
        if only:
            fits = (
                self._learnt_told and not self._learnt and max(self._last, 0) < number < following
            )
        else:
            fits = number == following
        if not fits:
            between = f"between {self._last} and {following}" if self._every > 1 else following
            raise lie_in_log(number, row, "step is", number, between if only else following)

    def _read(self, number: int, row: int, note: str) -> dict[str, Any]:
        try:
            about = json.loads(note)
            mode, loss, batch = about["mode"], about["loss"], about["batch"]
            columns, round = about.get("columns"), about.get("round")
            fits = (
                tuple(about) == tuple(key for key in KEYS if key in about or key not in SELDOM)
                and json.dumps(about) == note
                and mode in ("predict", "gradient", "train", "product")
                and (
                    "round" not in about
                    or (isinstance(round, str) and round != "" and mode in ("gradient", "train"))
                )
                and (
                    "columns" not in about
                    or (type(columns) is int and 1 <= columns < 2**31 and columns != batch)
                )
                and (mode != "predict" or "columns" not in about)
                and (mode != "product" or columns == 2 * batch)
                and (loss is None if mode == "predict" else isinstance(loss, str))
                and type(batch) is int
                and 1 <= batch < 2**31  # as many numbers Arrow counts
                and type(about["wrt_inputs"]) is bool
                and not (about["wrt_inputs"] and mode not in ("gradient", "train"))
                and not (about["wrt_inputs"] and mode == "train" and not round)
                and isinstance(about["optimizer"], dict) == (mode == "train")
                and (mode == "train" or about["optimizer"] is None)
                and ("only" not in about or (about["only"] == ["commit"] and mode == "train"))
            )
        except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
            fits = False
        if not fits:
            raise lie_in_log(number, row, "begin note is", note, "as a run writes it")
        return dict(about)

    def _under(
        self, number: int, row: int, held: dict[str, Any], update: int, only: bool
    ) -> Optimizer | None:
        """The optimiser; the same object as before if neurons continue with it."""
        if held is self._held and update == self._update + 1:
            self._update = update
            return self._optimizer
        shape = re.sub(r'"rate": [^,}]*', "", json.dumps(held))
        try:
            found = optimizer_of(held)
            rated = found is not None and isinstance(
                getattr(found, "learning_rate", None), GivenRate
            )
            wanted = held if found is None else described(found, update)
            if rated:
                wanted["learning_rate"] = _given_rate(held["learning_rate"])
            fits = json.dumps(wanted) == json.dumps(held)
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
            raise lie_in_log(number, row, "optimiser is", json.dumps(held), "one that can be")
        # what compares by identity alone may start afresh under an equal description; the tables' own optimisers may not
        loose = rated or found is None
        if found is None:
            found = self._given.get(held.get("name"))
        equal = self._update > 0 and (shape == self._shape if loose else found == self._optimizer)
        following = self._update + 1 if equal else 1
        gap = self._every > 1 and (
            only or not self._learnt_told
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


def _given_rate(held: dict[str, Any]) -> dict[str, Any]:
    """What must stand there for a function that was the learning rate. Raises `ValueError` for what can be none."""
    if (
        not isinstance(held["name"], str)
        or held["name"] in KNOWN
        or type(held["rate"]) is not float
    ):
        raise ValueError("no function's rate")
    return {"name": held["name"], "rate": held["rate"]}
