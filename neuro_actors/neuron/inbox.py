"""One member's mail of one kind, sorted into synapse order while it arrives. No trio, no clock.

The law of an inbox:

1. It is closed until it is opened for a step, and closes again when its mail is taken.
2. It holds one message from each of its senders, of that step. All are of one batch size.
3. A message that breaks this law, holds a value that is not finite, or is addressed to another
   member, raises `MessageError` and changes nothing. A target may be NaN: it does not count.
4. What is taken is in the order of the senders, whatever the order of arrival.

`accept` is the law as code. `accept_all` is faster for a burst of messages: it looks at the numbers
of all of them at once. Where it is not sure of a message, it leaves the burst to `accept`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from ..support.arrays import Array
from ..support.errors import MessageError
from .messages import COMMIT, TARGET, URGENCY, Message, MessageKind, Step


class Inbox:
    """The inbox of one member, for messages of one kind; see the law above.

    Attributes:
        owner: The member's name.
        kind: The kind of its messages.
        expects: The number of the step that it is open for. None while it is closed.
    """

    __slots__ = (
        "_batch",
        "_extra",
        "_joined",
        "_missing",
        "_row",
        "_slots",
        "_step",
        "expects",
        "kind",
        "owner",
    )

    def __init__(
        self, owner: str, kind: MessageKind, senders: Sequence[str], *, extra: bool = False
    ) -> None:
        """Make a closed inbox.

        Args:
            owner: The member's name.
            kind: The kind of its messages.
            senders: The members that send one message each.
            extra: Whether a row of ones follows the messages: the activation of the neuron whose
                synapse has the bias as its weight.
        """
        self.owner = owner
        self.kind = kind
        self.expects: int | None = None
        self._row = {sender: k for k, sender in enumerate(senders)}
        self._slots: list[Array | None] = [None] * len(senders)
        self._missing = len(senders)
        self._batch: tuple[int, ...] | None = None
        self._step: Step | None = None
        self._joined: Array | None = None  # what `take` returns, if it is made already
        self._extra = [np.ones(0)] if extra else []

    def open(self, number: int, batch: int | None = None) -> None:
        """Open the inbox for a step.

        Args:
            number: The step's number.
            batch: How many numbers a message holds. None: as many as the first message.
        """
        self.expects = number
        self._batch = None if batch is None else (batch,)

    def accept(self, message: Message) -> None:
        """Put a message into its place.

        Args:
            message: The message.

        Raises:
            MessageError: The message must not be accepted. Nothing has changed then.
        """
        step, kind, source, target, values = message
        if kind is URGENCY:  # kinds are compared by identity: this is done for every message
            row, receiver = self._row.get(target), source
        else:
            row, receiver = self._row.get(source), target
        shape = values.shape
        if (
            row is None
            or step.number != self.expects
            or self._slots[row] is not None
            or (shape != self._batch and (self._batch is not None or len(shape) != 1))
            or kind is not self.kind
            or receiver != self.owner
            or not (isfinite(values.dot(values)) or _is_sound(kind, values))
        ):
            raise MessageError(
                f"{self.owner!r} cannot accept {message}: {self._complaint(message)}"
            )
        if kind is not COMMIT:  # every neuron commits as many parameters as it has
            self._batch = shape
        self._slots[row] = values
        self._step = step
        self._missing -= 1

    def accept_all(self, messages: Sequence[Message]) -> bool:
        """Put a burst of messages into their places, as `accept` does one by one.

        Args:
            messages: The messages. At least one.

        Returns:
            Whether it was done. If not, nothing has changed, and `accept` must look at them one by
            one: one of them must not be accepted, or they are commits, which differ in length.
        """
        step, shape, is_urgency = messages[0].step, messages[0].values.shape, self.kind is URGENCY
        if (
            self.kind is COMMIT
            or step.number != self.expects
            or shape != (self._batch or shape)
            or len(shape) != 1
        ):
            return False
        row_of, slots, own_kind, owner = self._row.get, self._slots, self.kind, self.owner
        rows = []
        for its_step, kind, sender, receiver, values in messages:
            if is_urgency:
                sender, receiver = receiver, sender
            row = row_of(sender)
            if (
                row is None
                or its_step is not step
                or slots[row] is not None
                or values.shape != shape
                or kind is not own_kind
                or receiver != owner
            ):
                break
            slots[row] = values
            rows.append(row)
        else:
            completes = len(rows) == self._missing
            numbers = self._join(shape) if completes else np.concatenate([m[-1] for m in messages])
            if _is_sound(own_kind, numbers):
                self._batch, self._step = shape, step
                self._missing -= len(rows)
                self._joined = numbers if completes else None
                return True
        for row in rows:
            slots[row] = None
        return False

    def _complaint(self, message: Message) -> str:
        sender = message.sender if message.kind != "target" else message.source
        if message.receiver != self.owner or message.kind != self.kind or sender not in self._row:
            return "it has no synapse for it"
        if self.expects is None:
            return (
                "it awaits none now; an urgency comes after the activation that it answers, "
                "and each message once"
            )
        if message.step.number != self.expects:
            return f"it is at step {self.expects}"
        if self._slots[self._row[sender]] is not None:
            return "it has one from there in this step already"
        if not _is_sound(message.kind, message.values):
            return "it holds a value that is not finite; a smaller learning rate often helps"
        return f"its shape is {message.values.shape}, expected {self._batch or '(batch,)'}"

    @property
    def complete(self) -> bool:
        """Whether every sender's message has arrived."""
        return not self._missing

    @property
    def missing(self) -> tuple[str, ...]:
        """The senders whose message has not arrived yet."""
        return tuple(sender for sender, row in self._row.items() if self._slots[row] is None)

    def take(self) -> tuple[Step, Array]:
        """Take all messages, and close the inbox.

        Returns:
            The step of the messages, and their values in the order of the senders. Shape
            (senders, batch), or flat, of shape (numbers,), if the messages have different lengths,
            as commits have.
        """
        step, values = self._step, self._joined
        assert step is not None
        if values is None:
            values = self._join(self._batch)
        self._slots = [None] * len(self._slots)
        self._missing = len(self._slots)
        self.expects = self._batch = self._joined = None
        return step, values

    def _join(self, shape: tuple[int, ...] | None) -> Array:
        """Return all values, in the order of the senders. They have this shape, or several."""
        slots = self._slots
        if shape is None:
            return np.concatenate(slots)  # type: ignore[arg-type]  # no slot is None by now
        if self._extra and self._extra[0].shape != shape:
            self._extra = [np.ones(shape)]
        rows = slots + self._extra
        return np.concatenate(rows).reshape(len(rows), *shape)  # type: ignore[arg-type]


def _is_sound(kind: MessageKind, values: Array) -> bool:
    """Return whether the numbers of a message are what its kind allows."""
    return not np.isinf(values).any() if kind is TARGET else bool(np.isfinite(values).all())
