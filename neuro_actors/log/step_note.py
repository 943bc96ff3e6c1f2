"""The note of a begin row: what the society does in the step.

    {"mode": "train", "loss": "huber", "batch": 32, "wrt_inputs": false, "update": 7,
     "optimizer": {"name": "SGD", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.0}}

* mode: predict, gradient, train or product (of the Hessian and a direction).
* batch: the number of examples.
* wrt_inputs: whether urgencies reach the inputs.
* optimizer: its name and settings, or null. A schedule is an object like the optimizer. A function
  is {"name": …, "rate": its value for this update}, a user's optimizer {"name": …, "digest": …};
  see `neuron/optimizer_identity.py`.
* update: the number of this update under this optimizer, counted from 1; null in a step without
  learning.

After wrt_inputs there may be:

* round: the name of the step, if it is one of several rounds of a rule.
* columns: how many numbers a message has, if that is not the number of examples.
* only: a list of kinds, if a partial log contains only these of the step.

After loss there is `identity`, a digest, if the loss is the user's own, or has replaced one of the
package's; see `network/function_identity.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..network import functions
from ..network.known_identity import known_identity
from ..network.own_functions import is_original
from ..neuron.messages import Step
from ..neuron.optimizer_identity import optimizer_identity
from ..neuron.optimizer_json import optimizer_to_json
from ..neuron.optimizers import Optimizer, has_own_class


class StepNoteWriter:
    """Makes the notes of a run's steps, one after another, and counts the updates.

    Args:
        optimizer: The optimizer of a resumed run's last update, or None.
        updates: How many updates it has made.
    """

    def __init__(self, optimizer: Optimizer | None = None, updates: int = 0) -> None:
        self._optimizer = optimizer
        self._updates = updates
        # the last note without its update, and the task that it was made for
        self._start: tuple[object, str] = (None, "")

    def make_note(
        self, step: Step, batch: int, columns: int, only: Sequence[str] | None = None
    ) -> str:
        """Return the note of a step. It must be called for every step, because it counts updates.

        Args:
            step: The step.
            batch: The number of examples.
            columns: How many numbers a message has.
            only: The kinds that the log contains of this step; None for all that it records.
        """
        optimizer, update = step.optimizer, None
        if optimizer is not None:
            if self._optimizer is not optimizer and self._optimizer != optimizer:
                self._optimizer, self._updates = optimizer, 0
            update = self._updates = self._updates + 1
            optimizer = self._optimizer  # the first of those that are equal
        loss = step.loss, self._function(step)
        of = (optimizer, loss, batch, columns, step.wrt_inputs, step.tangent, step.round, only)
        known, start = self._start
        if (
            not (isinstance(known, tuple) and known[0] is optimizer and known[1:] == of[1:])
            or '"rate":' in start
        ):
            start = self._text(step, batch, columns, update, only)
            self._start = of, start
        return f"{start}{'null' if update is None else update}}}"

    def _text(
        self, step: Step, batch: int, columns: int, update: int | None, only: Sequence[str] | None
    ) -> str:
        mode = "predict" if step.loss is None else "product" if step.tangent else "gradient"
        about: dict[str, Any] = {
            "mode": mode if step.optimizer is None else "train",
            "loss": step.loss,
        }
        function = self._function(step)
        if function is not None and not is_original(str(step.loss), function):
            digest = known_identity(function)["digest"]
            about |= {"identity": digest} if digest else {}
        about |= {"batch": batch, "wrt_inputs": step.wrt_inputs}
        if step.round:
            about["round"] = step.round
        if columns != batch:
            about["columns"] = columns
        if only is not None:
            about["only"] = list(only)
        about["optimizer"] = None if update is None else optimizer_to_json(step.optimizer, update)
        # of a schedule of a user's own the note has the rate
        if step.optimizer is not None and has_own_class(step.optimizer):
            found = optimizer_identity(step.optimizer)
            if found is not None:
                about["optimizer"]["digest"] = found["digest"]
        return json.dumps(about)[:-1] + ', "update": '

    @staticmethod
    def _function(step: Step) -> functions.Loss | None:
        return None if step.loss is None else functions.LOSSES.get(step.loss)
