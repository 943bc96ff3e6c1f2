"""Where a neuron is at several steps at once, one in each lane: it may have to respond in one of them after the others.

One that is told so by its rule sleeps until the rule wakes it, or until the neuron has ended in another lane: then no more
mail will come in its own lane either, and it will never be its turn.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import trio

from ..channels.interface import NeuronPort
from ..neuron.local_rule import NeuronRule, StatefulRule
from ..neuron.messages import ACTIVATION, MessageKind, Step
from ..rules.rule import Holding
from ..support.validation import Array
from . import actor


class Turns:
    """What a neuron's lanes share, beside what their rules do. stride: how many lanes there are."""

    __slots__ = ("ended", "sleeping", "stride")

    def __init__(self, stride: int) -> None:
        self.stride = stride
        self.ended = False
        self.sleeping: set[trio.Event] = set()

    async def life(self, rule: NeuronRule, port: NeuronPort) -> None:
        """In one lane; see `actor.run_neuron`."""
        if isinstance(rule, Holding):
            port = TurnPort(port, partial(self._turn, rule))
        await actor.run_neuron(rule, port)

    async def all_lives(self, live: Callable[..., Awaitable[None]], *about: Any) -> None:
        """In one lane: live(*about), after which the neuron has ended."""
        try:
            await live(*about)
        finally:
            self.ended = True
            for event in self.sleeping:
                event.set()

    async def _turn(self, rule: Holding, step: Step) -> bool:
        """Wait until it may respond; False if it never may."""
        event = trio.Event()
        if not self.ended and rule.held(step, event.set):
            self.sleeping.add(event)
            try:
                await event.wait()
            finally:
                self.sleeping.discard(event)
        return not self.ended


class TurnPort:
    """A neuron's port in one lane: urgencies are received only when it is the lane's turn to respond."""

    activations_in: Array
    activation_out: Array
    urgencies_in: Array
    urgencies_out: Array
    commit_out: Array
    direction: Array

    def __init__(self, inner: NeuronPort, wait_turn: Callable[[Step], Awaitable[bool]]) -> None:
        self.node = inner.node
        self._inner, self._wait_turn = inner, wait_turn

    @property
    def number(self) -> int:
        """See `PortBase`."""
        return self._inner.number

    async def receive(self, kind: MessageKind) -> Step | None:
        """See `NeuronPort.receive`."""
        inner = self._inner
        step = await inner.receive(kind)
        if kind == ACTIVATION:
            if step is not None:
                self.activations_in, self.activation_out = (
                    inner.activations_in,
                    inner.activation_out,
                )
                self.direction = inner.direction
        elif step is not None:
            if not await self._wait_turn(step):
                return None
            self.urgencies_in, self.urgencies_out = inner.urgencies_in, inner.urgencies_out
            self.commit_out = inner.commit_out
        return step

    def send(self, kind: MessageKind, step: Step) -> None:
        """See `NeuronPort.send`."""
        self._inner.send(kind, step)


class Mortal(StatefulRule):
    """A lane's rule where members may die, and are born again from what they had committed: all that it keeps is shared with
    other lanes, and it commits, when it is asked what it keeps, by telling them."""

    def __init__(self, rule: Any) -> None:
        self.id: str = rule.id
        self.is_answered, self.fire, self.respond = rule.is_answered, rule.fire, rule.respond
        self.held, self.joins, self.commit = rule.held, rule.joins, rule.commit

    def get_state(self) -> tuple[Any, ...]:
        """Nothing of its own."""
        self.commit()
        return ()

    def set_state(self, state: tuple[Any, ...]) -> None:
        """Nothing."""


def born_again(
    births: Callable[[], Sequence[NeuronRule]], members: Sequence[NeuronRule], j: int
) -> NeuronRule:
    """The j-th lane's rule anew. births: of all lanes' rules, as somebody may remember them; they share what `members` do."""
    fresh = births()
    for one, other in zip(fresh, members, strict=True):
        if isinstance(one, Holding) and isinstance(other, Holding):
            one.joins(other)
    return Mortal(fresh[j]) if isinstance(fresh[j], Holding) else fresh[j]
