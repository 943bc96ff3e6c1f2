"""The rounds of a batch that is cut: those of each micro-batch, side by side.

Each micro-batch goes through the rounds of a rule as a batch of its own would: a generator of its
own yields them. They take turns: round 1 of each micro-batch, then round 2 of each, and so on. A
round may need the answer to the one before, of the same micro-batch. If that is not there yet, the
environment is told so, and waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from ..network.examples import widen
from ..network.field import count_positions
from ..network.network import Network
from ..neuron.messages import micro_batch_of, micro_batch_round
from ..neuron.time_round import TimeRound
from ..support.arrays import Array, freeze
from .rule import Answer, Round, Rule


def rounds_of_parts(
    rule: Rule, count: int, network: Network, x: Array, targets: Array
) -> Generator[Round | None, Any, Answer | None]:
    """Go through the rounds of all micro-batches of a batch. See `Rule.rounds_with_targets`.

    Args:
        rule: The rule of a whole batch.
        count: How many micro-batches are wanted.
        network: The network of the society.
        x: The examples of the batch. Shape (n_inputs, columns).
        targets: Their targets. Shape (n_outputs, columns).

    Yields:
        Each round, or None if an answer is needed first.

    Returns:
        What they come to together; None if the first and the last round of each example say it.
    """
    wide, wide_out = (
        count_positions((*rule.axes, *grid)) for grid in (network.input_grid, network.output_grid)
    )
    batch = x.shape[1] // wide
    examples = cut(batch, count)
    rules = [rule.for_part(network, some, batch) for some in examples]
    parts = [
        _Part(one, some, (number, len(examples)))
        for number, (one, some) in enumerate(zip(rules, examples, strict=True), 1)
    ]
    unanswered = deque[_Part]()  # those whose rounds are under way, in the order of these
    going = parts
    try:
        while going:
            for part in going:
                if part.rounds is None:
                    rows = x[:, widen(part.examples, wide)]
                    part.begin(network, rows, targets[:, widen(part.examples, wide_out)])
                while part.next is None and not part.is_over:
                    _take((yield None), unanswered)
                if part.next is not None:
                    round, part.next = part.next, None
                    unanswered.append(part)
                    _take((yield round), unanswered)
            going = [part for part in going if not part.is_over]
    finally:
        for part in parts:
            if part.rounds is not None:
                part.rounds.close()
    rule.take_over(rules)
    return _join([part.answer for part in parts])


class _Part:
    """A micro-batch that is under way.

    next: Its next round, if it is known. answer: What its rounds came to, once they are over.
    """

    def __init__(self, rule: Rule, examples: slice, micro_batch: tuple[int, int]) -> None:
        self.rule, self.examples, self.micro_batch = rule, examples, micro_batch
        self.rounds: Generator[Round | None, Any, Answer | None] | None = None
        self.next: Round | None = None
        self.is_over = False
        self.answer: Answer | None = None

    def begin(self, network: Network, x: Array, targets: Array) -> None:
        x, targets = (freeze(np.ascontiguousarray(rows)) for rows in (x, targets))
        self.rounds = self.rule.rounds_with_targets(network, x, targets)
        self.go_on(None)

    def go_on(self, answer: Answer | None) -> None:
        assert self.rounds is not None
        try:
            round = self.rounds.send(answer)
        except StopIteration as end:
            self.is_over, self.answer = True, end.value
            return
        assert round is not None
        number, count = self.micro_batch
        here = TimeRound.read(round.name)
        name = micro_batch_round(number, count)
        if here is not None:
            name = str(here._replace(part=number, parts=count))
        self.next = replace(
            round,
            name=name,
            learns=round.learns and number == count,
            examples=self.examples,
            micro_batch=micro_batch_of(name),
        )


def cut(batch: int, count: int) -> list[slice]:
    """Return the examples of each micro-batch.

    Args:
        batch: How many examples there are.
        count: How many micro-batches are wanted.
    """
    count = min(count, batch)
    size, larger = divmod(batch, count)
    ends = [k * size + min(k, larger) for k in range(count + 1)]
    return [slice(start, end) for start, end in pairwise(ends)]


def _take(answer: Answer | None, unanswered: deque[_Part]) -> None:
    """Let the micro-batch go on whose round is answered, if one is."""
    if answer is not None:
        unanswered.popleft().go_on(answer)


def _join(answers: Sequence[Answer | None]) -> Answer | None:
    known = [answer for answer in answers if answer is not None]
    if not known:
        return None
    return Answer(
        freeze(np.concatenate([one.predictions for one in known], axis=1)),
        freeze(np.concatenate([one.losses for one in known])),
        freeze(np.concatenate([one.input_urgencies for one in known], axis=1)),
    )
