"""Micro-batches: a batch goes through in parts, and everybody learns once, at the end.

A batch of B examples is cut into micro-batches in its order, of sizes that differ by at most one, the larger ones first; of
fewer examples than that, into as many as there are examples. Each is a round. A neuron finds in it, as in any batch, the
mean urgency u_m of each parameter over the B_m examples; what it learns from, or in a step without learning commits, is

    (Σ B_m · u_m) / B

where the sum is by the fixed binary tree of `tree.py` over the micro-batches' places. It is local: sizes are counted, B is
what they come to. Only the sums of some blocks are kept from round to round, about log2 of the number of micro-batches, so
the largest arrays are those of one micro-batch.

They go through one after another, or along several lanes (`channels/lanes.py`), some at once. Then they may end in any order
at a neuron, but for the last, which waits for the others, for in it the neuron learns. The tree has no order of arrival, so
this changes no bit; and as many blocks more may be kept as there are lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, cast

import numpy as np

from ..network.network import Network
from ..neuron.local_rule import LocalRule, NeuronRule, NeuronState, StatefulRule
from ..neuron.loss_node import LossNode
from ..neuron.messages import Step, micro_batch_round
from ..neuron.sums import ORDERED, Sums
from ..neuron.tree_sum import Blocks, added, total
from ..support.errors import InputError, MessageError
from ..support.text import shown
from ..support.validation import Array, as_whole_number, frozen
from .batch_sum import Book, Found
from .rule import Answer, Holding, Round, Rule


@dataclass(frozen=True)
class MicroBatches(Rule):
    """Another rule, of one round, whose batches go through as `count` micro-batches: what `micro_batches=…` makes of it.

    A prediction that nobody learns from goes through at once.
    """

    rule: Rule
    count: int

    def __post_init__(self) -> None:
        if not isinstance(self.rule, Rule):
            raise InputError(
                f"MicroBatches: rule must be such as na.rules.Backpropagation(), got {shown(self.rule)}"
            )
        object.__setattr__(self, "count", as_whole_number("MicroBatches: count", self.count, 1))
        if type(self.rule).rounds is not Rule.rounds:
            told = f"{type(self.rule).__name__} has rounds of its own"
            raise InputError(
                f"micro_batches: {told}, and a batch that is cut needs a rule without, such as Backpropagation"
            )
        object.__setattr__(self, "feels_inputs", self.rule.feels_inputs)

    def neuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        return MicroBatchNeuron(
            cast(LocalRule, self.rule.neuron(network, k, sums))
        )  # others are refused by `check`

    def input(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        return self.rule.input(network, k, sums)

    def members(self, network: Network, k: int, sums: Sums, lanes: int) -> tuple[NeuronRule, ...]:
        """Inputs keep nothing that they could share."""
        if lanes == 1:
            return super().members(network, k, sums, lanes)
        if network.is_input[k]:
            return tuple(self.input(network, k, sums) for _ in range(lanes))
        book = Book(shared=True)
        return tuple(
            MicroBatchNeuron(cast(LocalRule, self.rule.neuron(network, k, sums)), book)
            for _ in range(lanes)
        )

    def loss_node(self, network: Network) -> LossNode:
        return self.rule.loss_node(network)

    def check(self, network: Network, loss: str) -> None:
        some = self.rule.neuron(network, int(np.argmin(network.is_input)), ORDERED)
        if not isinstance(some, LocalRule):
            told = f"neurons of {type(self.rule).__name__} are no LocalRule"
            raise InputError(
                f"micro_batches: {told}, so what they would learn at the end is not known: leave it out"
            )
        self.rule.check(network, loss)

    def rounds(self, network: Network, x: Array) -> Generator[Round, Answer, None]:
        parts = cut(x.shape[1], self.count)
        for number, part in enumerate(parts, 1):
            told = frozen(np.ascontiguousarray(x[:, part]))
            yield Round(
                told,
                micro_batch_round(number, len(parts)),
                learns=number == len(parts),
                examples=part,
                micro_batch=(number, len(parts)),
            )


def micro_batched(rule: Rule, count: int | None) -> Rule:
    """The rule under which a batch goes through as `count` micro-batches: for None or 1 it is the rule itself."""
    if count is None or as_whole_number("micro_batches", count, 1) == 1:
        return rule
    return MicroBatches(rule, count)


def lanes_for(rule: Rule, in_flight: int | None) -> int | None:
    """Along how many lanes the rule's rounds are to go; None where nobody has said it."""
    lanes = None if in_flight is None else as_whole_number("in_flight", in_flight, 1)
    if lanes is not None and lanes > 1 and not (isinstance(rule, MicroBatches) and rule.count > 1):
        raise InputError(
            f"in_flight={lanes} needs micro-batches, of which so many are under way: micro_batches=2 or more"
        )
    return lanes


def cut(batch: int, count: int) -> list[slice]:
    """Which of the examples each micro-batch holds; see above."""
    count = min(count, batch)
    size, larger = divmod(batch, count)
    ends = [k * size + min(k, larger) for k in range(count + 1)]
    return [slice(start, end) for start, end in pairwise(ends)]


class MicroBatchNeuron(StatefulRule):
    """A neuron's rule in one lane, and the book that it shares with those in other lanes. In all rounds but the last it
    commits what the micro-batch alone comes to; the others may come in any order.

    found: what is not in the book yet; see `Holding`.
    """

    __slots__ = ("asked", "book", "fired", "found", "id", "puts_off", "rule")
    STATE = ("done", "examples", "blocks")

    def __init__(self, rule: LocalRule, book: Book | None = None) -> None:
        self.rule, self.id = rule, rule.id
        self.book = Book() if book is None else book
        self.found: Found | None = None
        self.puts_off = False
        self.fired: Step | None = None
        self.asked: Step | None = (
            None  # the same, without learning: which the neuron does at the end
        )

    @property
    def state(self) -> NeuronState:
        """The neuron's."""
        self._catch_up()
        return self.rule.state

    @state.setter
    def state(self, state: NeuronState) -> None:
        self.rule.state = state
        self._share()

    def is_answered(self, step: Step) -> bool:
        return self.rule.is_answered(step)

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        self._catch_up()
        self.fired, self.asked = (
            step,
            step if step.optimizer is None else replace(step, optimizer=None),
        )
        self.rule.fire(self.asked, activations_in, activation_out)

    def held(self, step: Step, wake: Callable[[], object]) -> bool:
        """See `Holding`: the last waits until the others are in the book."""
        place, count = _place(self.id, step)
        if place < count or self.book.of(step.number - place, place)[0] >= count - 1:
            return False
        self.book.wake = wake
        return True

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        place, count = _place(self.id, step)
        book, base = self.book, step.number - place
        done, examples, blocks = book.of(base, place)
        if place == count and done != count - 1:
            raise MessageError(
                f"{self.id!r} cannot respond in step {step.number}: {step.round!r} does not follow {done}"
            )
        asked = self.asked if self.fired is step and self.asked is not None else step
        self.rule.respond(asked, urgencies_in, urgencies_out, commit_out)
        size, kept = urgencies_in.shape[1], None
        values = size * commit_out
        if place == count:
            wanted = total(added(blocks, 0, place - 1, values)) / (examples + size)
            commit_out[...] = wanted
            self.rule.conclude(step, wanted, commit_out)
            kept = self.rule.get_state() if book.shared else None
        self.fired = self.asked = None
        self.found = Found(base, place, count, size, values, kept)
        if not self.puts_off:
            self.commit()

    def commit(self) -> None:
        """See `Holding`."""
        found, self.found = self.found, None
        if found is not None:
            self.book.write(found)

    def joins(self, other: Holding) -> None:
        """See `Holding`."""
        assert isinstance(other, MicroBatchNeuron)
        self.book, self.puts_off = other.book, True

    def _catch_up(self) -> None:
        """It may have learnt in another lane."""
        if self.book.kept is not None:
            self.rule.set_state(self.book.kept)

    def get_state(self) -> tuple[Any, ...]:
        """See `NeuronRule`."""
        return (
            self.rule.get_state() if self.book.kept is None else self.book.kept,
            *super().get_state(),
        )

    def set_state(self, state: tuple[Any, ...]) -> None:
        """See `NeuronRule`."""
        self.rule.set_state(state[0])
        super().set_state(state[1:])
        self.book.base = None
        self._share()

    def _share(self) -> None:
        """Tell the other lanes what the rule keeps."""
        if self.book.shared:
            self.book.kept = self.rule.get_state()

    @property
    def done(self) -> int:
        """See `Book`."""
        return self.book.done

    @done.setter
    def done(self, done: int) -> None:
        self.book.done = done

    @property
    def examples(self) -> int:
        """See `Book`."""
        return self.book.examples

    @examples.setter
    def examples(self, examples: int) -> None:
        self.book.examples = examples

    @property
    def blocks(self) -> Blocks:
        """See `Book`."""
        return self.book.blocks

    @blocks.setter
    def blocks(self, blocks: Blocks) -> None:
        self.book.blocks = blocks


def _place(id: str, step: Step) -> tuple[int, int]:
    if step.micro_batch is None:
        raise MessageError(f"{id!r} cannot respond in step {step.number}: it is no micro-batch")
    return step.micro_batch


def replica_of(micro_batch: tuple[int, int] | None, replicas: int) -> int:
    """Return which of the replicas computes a step. micro_batch: see `Step`."""
    number, count = micro_batch or (1, 1)
    return (number - 1) * replicas // count
