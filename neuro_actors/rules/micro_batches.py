"""Micro-batches: a batch goes through in parts, and each neuron learns once, at the end.

1. A batch of B examples is cut into micro-batches in its order. Their sizes differ by at most one,
   and the larger ones come first. A batch with fewer examples than that becomes as many
   micro-batches as it has examples. Each micro-batch is a round, or, through time, has a round for
   each tick there and back.
2. In each micro-batch a neuron finds, as in any batch, the mean urgency u_m of each parameter over
   the B_m examples. It learns from (Σ B_m · u_m) / B, or commits this in a step without learning;
   see `batch_sum.py`. This is local: the neuron counts the examples, and B is their number.
3. Micro-batches go through one after another, or some at once, each in its own lane (see
   `society/pipeline.py`). Through time they go side by side: round 1 of all, then round 2 of all.
   So while the environment waits for what one of them says, others go on. A neuron may end rounds
   in any order, except for the last: in it the neuron learns, so it waits for the others. The sum
   has no order of arrival, so lanes change no bit.
4. The largest arrays are those of one micro-batch. Between rounds a neuron holds only the sums of
   some blocks, about log2 of the number of micro-batches, and at most one more for each lane;
   through time one more for each micro-batch.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from ..network import functions
from ..network.elements_json import combinations_of
from ..network.network import Network
from ..neuron.checked_rule import CheckedRule, checked_rule
from ..neuron.local_rule import LocalRule, NeuronRule, StatefulRule
from ..neuron.loss_node import LossNode
from ..neuron.messages import Step
from ..neuron.neuron_state import NeuronState
from ..neuron.sums import ORDERED, Sums
from ..neuron.time_round import TimeRound
from ..neuron.tree_sum import TreeSum
from ..support.arrays import Array, freeze
from ..support.errors import InputError, MessageError
from ..support.own_code import has_own_code
from ..support.scalars import as_whole_number
from ..support.text import quote
from .batch_round import BatchRound
from .batch_sum import BatchSum, MicroBatchResult, NeuronBatch, TickSum
from .own_rules import check_parts
from .part_rounds import rounds_of_parts
from .rule import Answer, LaneRule, Round, Rule, settle
from .through_time import ThroughTime


@dataclass(frozen=True)
class MicroBatches(Rule):
    """Another rule, whose batches go through as micro-batches: what `micro_batches=…` makes of it.

    A prediction goes through at once.

    Attributes:
        rule: The other rule. It must have one round, or go through time.
        count: How many micro-batches a batch is cut into.
    """

    rule: Rule
    count: int

    def __post_init__(self) -> None:
        if not isinstance(self.rule, Rule):
            raise InputError(
                "MicroBatches: rule must be such as na.rules.Backpropagation(), "
                f"got {quote(self.rule)}"
            )
        object.__setattr__(self, "count", as_whole_number("MicroBatches: count", self.count, 1))
        methods = ("rounds", "rounds_with_targets")
        has_own = any(getattr(type(self.rule), m) is not getattr(Rule, m) for m in methods)
        if has_own and type(self.rule) is not ThroughTime:
            problem = f"{type(self.rule).__name__} has rounds of its own"
            raise InputError(
                f"micro_batches: {problem}, and a batch that is cut needs a rule without, "
                "such as Backpropagation"
            )
        object.__setattr__(self, "feels_inputs", self.rule.feels_inputs)

    def neuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `Rule.neuron`."""
        return self.members(network, k, sums, 1)[0]

    def input(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `Rule.input`."""
        return self.rule.input(network, k, sums)

    def interneuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `Rule.interneuron`."""
        return self.rule.interneuron(network, k, sums)

    def members(self, network: Network, k: int, sums: Sums, lanes: int) -> tuple[NeuronRule, ...]:
        """See `Rule.members`. What has no parameters has no state that its lanes could share."""
        if network.is_input[k] or k in network.interneurons:
            return tuple(self.member(network, k, sums) for _ in range(lanes))
        make = self.rule.neuron_of_round
        rules = [settle(make(network, k, sums), network, k) for _ in range(lanes)]
        local = [rule for rule in rules if isinstance(rule, LocalRule)]
        if len(local) < lanes:  # `check` refuses each step with a loss
            return tuple(rules)
        batch = NeuronBatch(local[0].get_state())
        return tuple(MicroBatchNeuron(rule, batch) for rule in local)

    def loss_node(self, network: Network) -> LossNode:
        """See `Rule.loss_node`."""
        return self.rule.loss_node(network)

    def check(self, network: Network, loss: str) -> None:
        """See `Rule.check`."""
        some = self.rule.neuron(network, int(np.argmax(network.n_parameters > 0)), ORDERED)
        if network.n_parameters.any() and not isinstance(some, LocalRule):
            problem = f"neurons of {type(self.rule).__name__} are no LocalRule"
            raise InputError(
                f"micro_batches: {problem}, so what they would learn at the end is not known: "
                "leave it out"
            )
        self.rule.check(network, loss)
        ids, known = self.__dict__.get("_tried", (None, None))
        if ids is network.ids and known == loss:  # it is checked before each step
            return
        functions.check_in_parts(network.activations, loss, combinations_of(network))
        if has_own_code(type(self.rule)):
            cut = lambda k: self.members(network, k, ORDERED, 1)[0]  # noqa: E731
            check_parts(self.rule, network, loss, cut)
        object.__setattr__(self, "_tried", (network.ids, loss))

    def society(self, network: Network) -> Network:
        """See `Rule.society`: that of the other rule.

        Raises:
            InputError: The network has delays, or cannot live under the other rule.
        """
        return self.rule.society(network)

    def for_society(self) -> MicroBatches:
        """See `Rule.for_society`."""
        return replace(self, rule=self.rule.for_society())

    def fit(self, x: ArrayLike) -> MicroBatches:
        """See `Rule.fit`.

        Args:
            x: The batch. Shape (batch, *axes, *positions, n_inputs).
        """
        fitted = self.rule.fit(x)
        return self if fitted is self.rule else replace(self, rule=fitted)

    def forget(self) -> None:
        """See `Rule.forget`."""
        self.rule.forget()

    @property
    def axes(self) -> tuple[int, ...]:
        """See `Rule.axes`."""
        return self.rule.axes

    def predicting(self, network: Network, x: Array) -> Generator[Round, Answer, Array]:
        """See `Rule.predicting`: a prediction is not cut.

        Args:
            network: The network of the society.
            x: The examples. Shape (n_inputs, columns).

        Returns:
            Its rounds, which return the predictions. Shape (n_outputs, columns).
        """
        return self.rule.predicting(network, x)

    def rounds_with_targets(
        self, network: Network, x: Array, targets: Array
    ) -> Generator[Round | None, Any, Answer | None]:
        """See `Rule.rounds_with_targets`."""
        return rounds_of_parts(self.rule, self.count, network, x, targets)


def micro_batched(rule: Rule, count: int | None) -> Rule:
    """Return the rule under which a batch goes through as micro-batches.

    Args:
        rule: The rule of a whole batch.
        count: How many micro-batches; for None and 1 the rule itself is returned.

    Raises:
        InputError: The count is not a whole number, or the rule has other rounds of its own than
            those through time.
    """
    if count is None or as_whole_number("micro_batches", count, 1) == 1:
        return rule
    return MicroBatches(rule, count)


def whole_rule(rule: Rule) -> Rule:
    """Return the rule of a whole batch.

    Args:
        rule: A rule, perhaps of micro-batches.
    """
    return rule.rule if isinstance(rule, MicroBatches) else rule


def lanes_for(rule: Rule, in_flight: int | None) -> int | None:
    """Return in how many lanes the rule's rounds go.

    Args:
        rule: The rule of the run.
        in_flight: What the user asks for.

    Returns:
        The number of lanes, or None if the user has not asked for a number.

    Raises:
        InputError: The number is not a whole number, or the rule has no micro-batches.
    """
    lanes = None if in_flight is None else as_whole_number("in_flight", in_flight, 1)
    if lanes is not None and lanes > 1 and not (isinstance(rule, MicroBatches) and rule.count > 1):
        raise InputError(f"in_flight={lanes} needs micro-batches: micro_batches=2 or more")
    return lanes


def replica_of(micro_batch: tuple[int, int] | None, replicas: int) -> int:
    """Return which replica does a step.

    The micro-batches of a batch are divided between the replicas in runs of consecutive ones. A
    step that is no micro-batch is done by replica 0.

    Args:
        micro_batch: See `Step`.
        replicas: How many replicas there are.
    """
    number, count = micro_batch or (1, 1)
    return (number - 1) * replicas // count


class MicroBatchNeuron(StatefulRule):
    """A neuron's rule in one lane. It learns in the last round of a batch.

    In the others it commits the mean urgencies of the round alone.

    Attributes:
        id: The neuron's id.
        rule: Its rule of a whole batch.
        batch: What all lanes of the neuron share.
        result: What is not in `batch` yet; None if there is nothing.
        defers: Whether results enter `batch` in `publish` alone; see `LaneRule`.
    """

    __slots__ = ("_asked", "_calls", "_rule_state", "batch", "defers", "id", "result", "rule")

    def __init__(self, rule: LocalRule, batch: NeuronBatch) -> None:
        """Make the neuron's rule in one lane.

        Args:
            rule: The neuron's rule of a whole batch, of this lane alone.
            batch: What all lanes of the neuron share.
        """
        self.id, self.rule, self.batch = rule.id, rule, batch
        self._calls = cast("LocalRule | CheckedRule", checked_rule(rule))
        self.result: MicroBatchResult | None = None
        self.defers = False
        self._asked: Step | None = None  # the step in progress, without an optimizer
        self._rule_state: tuple[Any, ...] | None = None  # the rule's state, if it is known

    def is_answered(self, step: Step) -> bool:
        """See `NeuronRule.is_answered`."""
        return self._calls.is_answered(step)

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """See `NeuronRule.fire`."""
        self._adopt_state()
        self._asked = step if step.optimizer is None else replace(step, optimizer=None)
        self._calls.fire(self._asked, activations_in, activation_out)

    def _adopt_state(self) -> None:
        """Set the rule's state to the neuron's, if the neuron has learned in another lane."""
        if self._rule_state is not self.batch.rule_state:
            self._rule_state = self.batch.rule_state
            self.rule.set_state(self._rule_state)

    def must_wait(self, step: Step, wake: Callable[[], object]) -> bool:
        """See `LaneRule.must_wait`: the last round waits for the others."""
        at = self._round(step)
        if not at.is_last or self.batch.sum_before(at).count >= at.parts - 1:
            return False
        self.batch.wake = wake
        return True

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """See `NeuronRule.respond`.

        Raises:
            MessageError: The step is no micro-batch, or rounds before it are missing.
        """
        at = self._round(step)
        done = self.batch.sum_before(at)
        self._check_order(step, at, done)
        asked, self._asked = self._asked, None
        if asked is None or asked.number != step.number:
            asked = step  # which the rule refuses: it has not fired in that step
        self._calls.respond(asked, urgencies_in, urgencies_out, commit_out)
        state: tuple[Any, ...] = ()
        examples = urgencies_in.shape[1] // self.rule.positions
        found = freeze(np.array(commit_out))
        if at.is_last:
            mean = done.add(at, examples, found).mean()
            commit_out[...] = mean
            self._calls.conclude(step, mean, commit_out)
            state = self._rule_state = self.rule.get_state()
        self.result = MicroBatchResult(at, examples, found, state)
        if not self.defers:
            self.publish()

    def _check_order(self, step: Step, at: BatchRound, done: BatchSum) -> None:
        """Check that what is done of a batch is what comes before a round."""
        index, ticks = at.part - 1, done.before(at)
        is_early = at.is_last and done.count - done.contains(index) != at.parts - 1
        if is_early or not (at.begins or ticks is not None or done.contains(index)):
            raise MessageError(
                f"{self.id!r} cannot respond in step {step.number}: "
                f"{step.round!r} does not follow {done.count}"
            )

    def publish(self) -> None:
        """See `LaneRule.publish`."""
        if self.result is not None:
            self.batch.add(self.result)
            self.result = None

    def join(self, other: LaneRule) -> None:
        """See `LaneRule.join`."""
        assert isinstance(other, MicroBatchNeuron)
        self.batch, self.defers = other.batch, True

    def get_state(self) -> tuple[Any, ...]:
        """See `NeuronRule.get_state`: the rule's state, and the sum over the batch in progress."""
        done = self.batch.sum
        ticks = (tuple(map(tuple, done.ticks)),) if done.ticks else ()
        return self.batch.rule_state, done.count, done.weight, done.tree.blocks, *ticks

    def set_state(self, state: tuple[Any, ...]) -> None:
        """See `NeuronRule.set_state`."""
        rule_state, count, weight, blocks, *more = state
        self.rule.set_state(rule_state)
        self.batch.rule_state = rule_state
        ticks = tuple(TickSum(*one) for one in more[0]) if more else ()
        self.batch.base = None
        self.batch.sum = BatchSum(count, weight, TreeSum(blocks), ticks)

    @property
    def state(self) -> NeuronState:
        """The state of the neuron's own rule."""
        self._adopt_state()
        return self.rule.state

    @state.setter
    def state(self, state: NeuronState) -> None:
        self.rule.state = state
        self.batch.rule_state = self.rule.get_state()

    def _round(self, step: Step) -> BatchRound:
        if step.micro_batch is None and TimeRound.read(step.round) is None:
            raise MessageError(
                f"{self.id!r} cannot respond in step {step.number}: it is no micro-batch"
            )
        return BatchRound.of(step.number, step.round, step.micro_batch)
