"""The lanes of one neuron: it takes part in several steps at once, one in each lane.

In one of these steps the neuron may have to respond after the others, because it needs what it
finds in them. The rule of that lane says so, and then the lane waits until the rule wakes it, or
until the neuron has ended in another lane: then no more mail will come in its own lane either.

The rules of a neuron's lanes share their state. What a lane has found in a step becomes known to
the other lanes at one moment, when the step is committed. So a crash before the commit loses the
step in that lane alone, where members crash and restart.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

import trio

from ..channels.interface import MailByKind, NeuronPort
from ..neuron.checked_rule import checked_rule
from ..neuron.local_rule import NeuronRule, StatefulRule
from ..neuron.messages import ACTIVATION, COMMIT, MessageKind, Step
from ..rules.rule import LaneRule
from ..support.arrays import Array
from .actor import ReportFailure, run_neuron


class LaneOrder:
    """What the lanes of one neuron share, beside what their rules share."""

    __slots__ = ("_ended", "_report", "_sleeping")

    def __init__(self, report: ReportFailure) -> None:
        """Make the order of a neuron that has not started.

        Args:
            report: Is called with the failure if the neuron fails.
        """
        self._report = report
        self._ended = False
        self._sleeping: set[trio.Event] = set()

    async def run(self, run_lane: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        """Run one lane. When it has ended, no other lane waits for its turn any more.

        Args:
            run_lane: Runs the lane: run_lane(*args).
            *args: Its arguments.
        """
        try:
            await run_lane(*args)
        finally:
            self._ended = True
            for event in self._sleeping:
                event.set()

    async def run_neuron(self, rule: NeuronRule, port: NeuronPort) -> None:
        """Run the neuron in one lane. See `actor.run_neuron`.

        Args:
            rule: The neuron's rule in this lane.
            port: The neuron's port in this lane.
        """
        if isinstance(rule, LaneRule):
            port = LanePort(port, self, rule)
        await run_neuron(self._report, rule, port)

    async def wait_turn(self, rule: LaneRule, step: Step) -> bool:
        """Wait until a lane may respond.

        Returns:
            False if the lane never may: no more mail will come.
        """
        event = trio.Event()
        if not self._ended and rule.must_wait(step, event.set):
            self._sleeping.add(event)
            try:
                await event.wait()
            finally:
                self._sleeping.discard(event)
        return not self._ended


class LanePort:
    """A neuron's port in one lane: it waits for the lane's turn, and publishes what was committed.

    The arrays are those of the port inside.

    Attributes:
        node: The neuron's name.
        activations_in: See `NeuronPort`. Shape (fan_in + 1, columns).
        activation_out: See `NeuronPort`. Shape (columns,).
        urgencies_in: See `NeuronPort`. Shape (fan_out, columns).
        urgencies_out: See `NeuronPort`. Shape (listening sources, columns).
        commit_out: See `NeuronPort`. Shape (fan_in + 1,).
        direction: See `NeuronPort`. Shape (fan_in + 1,).
    """

    activations_in: Array
    activation_out: Array
    urgencies_in: Array
    urgencies_out: Array
    commit_out: Array
    direction: Array

    def __init__(self, inner: NeuronPort, order: LaneOrder, rule: LaneRule) -> None:
        self.node = inner.node
        self._inner, self._order, self._rule = inner, order, rule

    @property
    def number(self) -> int:
        """See `PortBase`."""
        return self._inner.number

    async def receive(self, kind: MessageKind) -> Step | None:
        """See `PortBase.receive`. Urgencies are received when it is the lane's turn to respond."""
        inner = self._inner
        step = await inner.receive(kind)
        if step is None:
            return None
        if kind == ACTIVATION:
            self.activations_in, self.activation_out = inner.activations_in, inner.activation_out
            if step.tangent:
                self.direction = inner.direction
            return step
        if not await self._order.wait_turn(self._rule, step):
            return None
        self.urgencies_in, self.urgencies_out = inner.urgencies_in, inner.urgencies_out
        self.commit_out = inner.commit_out
        return step

    @property
    def received(self) -> dict[MessageKind, Array]:
        """See `MailByKind`. Shape (senders, columns) each."""
        return cast(MailByKind, self._inner).received

    @property
    def out(self) -> dict[MessageKind, Array]:
        """See `MailByKind`. Shape (columns,), or (receivers, columns), each."""
        return cast(MailByKind, self._inner).out

    def send(self, kind: MessageKind, step: Step) -> None:
        """See `PortBase.send`."""
        self._inner.send(kind, step)
        if kind == COMMIT:
            self._rule.publish()


class RestartableRule(StatefulRule):
    """A lane's rule as a member holds it that may crash. It has no state: all lanes share it.

    A member that can crash commits a step by asking for the rule's state. So `get_state` publishes.
    """

    def __init__(self, rule: LaneRule) -> None:
        self.id = rule.id
        calls = checked_rule(rule)
        self.is_answered, self.fire, self.respond = calls.is_answered, calls.fire, calls.respond
        self.must_wait, self.join, self.publish = rule.must_wait, rule.join, rule.publish

    def get_state(self) -> tuple[()]:
        """Publish what was found in the step. See `NeuronRule.get_state`."""
        self.publish()
        return ()


class LaneMembers:
    """Makes the rules of one neuron's lanes, and makes one anew when its member restarts.

    All of them share the state of those that were made first.
    """

    __slots__ = ("_create_all", "_first", "_unused")

    def __init__(self, create_all: Callable[[], Sequence[NeuronRule]]) -> None:
        """Make the first rules.

        Args:
            create_all: Makes one rule for each lane.
        """
        self._create_all = create_all
        self._first = create_all()
        self._unused = set(range(len(self._first)))

    def create(self, lane: int) -> NeuronRule:
        """Return the rule of a lane: a new one each time.

        Args:
            lane: The number of the lane.
        """
        rules = self._first if lane in self._unused else self._create_all()
        self._unused.discard(lane)
        # all of them join, not this lane's alone: a registry may remember any of them
        for rule, first in zip(rules, self._first, strict=True):
            if isinstance(rule, LaneRule) and isinstance(first, LaneRule):
                rule.join(first)
        rule = rules[lane]
        return RestartableRule(rule) if isinstance(rule, LaneRule) else rule
