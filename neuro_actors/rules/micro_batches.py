"""Micro-batches: a batch goes through in parts, one after another, and everybody learns once, at the end.

A batch of B examples is cut into micro-batches in its order, of sizes that differ by at most one, the larger ones first; of
fewer examples than that, into as many as there are examples. Each is a round. A neuron finds in it, as in any batch, the
mean urgency u_m of each parameter over the B_m examples; what it learns from, or in a step without learning commits, is

    (Σ B_m · u_m) / B

where the sum is by the fixed binary tree of `tree.py` over the micro-batches' places. It is local: sizes are counted, B is
what they come to. Only the sums of some blocks are kept from round to round, about log2 of the number of micro-batches, so
the largest arrays are those of one micro-batch.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, cast

import numpy as np

from ..arrays import Array, as_whole_number, frozen
from ..errors import InputError, MessageError
from ..judge import LossRule
from ..messages import Step
from ..network import Network
from ..neuron import Keeper, LocalRule, Memory, NeuronRule
from ..sums import ORDERED, Sums
from ..text import shown
from ..tree import Blocks, added, total
from .rule import Answer, Round, Rule


@dataclass(frozen=True)
class MicroBatches(Rule):
    """Another rule, of one round, whose batches go through as `count` micro-batches: what `micro_batches=…` makes of it.

    A prediction that nobody learns from goes through at once.
    """

    rule: Rule
    count: int

    def __post_init__(self) -> None:
        if not isinstance(self.rule, Rule):
            raise InputError(f"MicroBatches: rule must be such as na.rules.Backpropagation(), got {shown(self.rule)}")
        object.__setattr__(self, "count", as_whole_number("MicroBatches: count", self.count, 1))
        if type(self.rule).rounds is not Rule.rounds:
            told = f"{type(self.rule).__name__} has rounds of its own"
            raise InputError(f"micro_batches: {told}, and a batch that is cut needs a rule without, such as Backpropagation")
        object.__setattr__(self, "feels_inputs", self.rule.feels_inputs)

    def neuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        return MicroBatchNeuron(cast(LocalRule, self.rule.neuron(network, k, sums)))  # others are refused by `check`

    def input(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        return self.rule.input(network, k, sums)

    def judge(self, network: Network) -> LossRule:
        return self.rule.judge(network)

    def check(self, network: Network, loss: str) -> None:
        some = self.rule.neuron(network, int(np.argmin(network.is_input)), ORDERED)
        if not isinstance(some, LocalRule):
            told = f"neurons of {type(self.rule).__name__} are no LocalRule"
            raise InputError(f"micro_batches: {told}, so what they would learn at the end is not known: leave it out")
        self.rule.check(network, loss)

    def rounds(self, network: Network, x: Array) -> Generator[Round, Answer, None]:
        parts = cut(x.shape[1], self.count)
        for number, part in enumerate(parts, 1):
            told = frozen(np.ascontiguousarray(x[:, part]))
            yield Round(told, f"micro-batch {number} of {len(parts)}", learns=number == len(parts), examples=part)


def micro_batched(rule: Rule, count: int | None) -> Rule:
    """The rule under which a batch goes through as `count` micro-batches: for None or 1 it is the rule itself."""
    if count is None or as_whole_number("micro_batches", count, 1) == 1:
        return rule
    return MicroBatches(rule, count)


def cut(batch: int, count: int) -> list[slice]:
    """Which of the examples each micro-batch holds; see above."""
    count = min(count, batch)
    size, larger = divmod(batch, count)
    ends = [k * size + min(k, larger) for k in range(count + 1)]
    return [slice(start, end) for start, end in pairwise(ends)]


class MicroBatchNeuron(Keeper):
    """A neuron's rule, and what it has found so far: so many micro-batches, of so many examples, and the blocks of the
    tree. In all rounds but the last it commits what the micro-batch alone comes to."""

    __slots__ = ("asked", "blocks", "done", "examples", "fired", "id", "rule")
    KEPT = ("done", "examples", "blocks")

    def __init__(self, rule: LocalRule) -> None:
        self.rule, self.id = rule, rule.id
        self.done = self.examples = 0
        self.blocks: Blocks = ()
        self.fired: Step | None = None
        self.asked: Step | None = None  # the same, without learning: which the neuron does at the end

    @property
    def memory(self) -> Memory:
        """The neuron's."""
        return self.rule.memory

    @memory.setter
    def memory(self, memory: Memory) -> None:
        self.rule.memory = memory

    def is_answered(self, step: Step) -> bool:
        return self.rule.is_answered(step)

    def fire(self, step: Step, heard: Array, activation: Array) -> None:
        self.fired, self.asked = step, step if step.optimizer is None else replace(step, optimizer=None)
        self.rule.fire(self.asked, heard, activation)

    def respond(self, step: Step, urgencies: Array, back: Array, commit: Array) -> None:
        number, count = _place(self.id, step)
        done, examples, blocks = self.done, self.examples, self.blocks
        if number == 1:  # it starts anew, whatever became of the step before
            done, examples, blocks = 0, 0, ()
        if number != done + 1:
            raise MessageError(f"{self.id!r} cannot respond in step {step.number}: {step.round!r} does not follow {done}")
        asked = self.asked if self.fired is step and self.asked is not None else step
        self.rule.respond(asked, urgencies, back, commit)
        size = urgencies.shape[1]
        done, examples, blocks = number, examples + size, added(blocks, 0, number - 1, size * commit)
        if number == count:
            wanted = total(blocks) / examples
            commit[...] = wanted
            self.rule.conclude(step, wanted, commit)
            done, examples, blocks = 0, 0, ()
        self.done, self.examples, self.blocks, self.fired, self.asked = done, examples, blocks, None, None

    def kept(self) -> tuple[Any, ...]:
        """See `NeuronRule`."""
        return (self.rule.kept(), *super().kept())

    def restore(self, kept: tuple[Any, ...]) -> None:
        """See `NeuronRule`."""
        self.rule.restore(kept[0])
        super().restore(kept[1:])


def _place(id: str, step: Step) -> tuple[int, int]:
    """Which micro-batch the step is, from 1 on, and of how many."""
    found = re.fullmatch(r"micro-batch ([1-9]\d{0,8}) of ([1-9]\d{0,8})", step.round, re.ASCII)
    if found is None:
        raise MessageError(f"{id!r} cannot respond in step {step.number}: it is no micro-batch")
    return int(found[1]), int(found[2])
