"""Members of a rule that are driven here one after another, without any engine.

So a rule of a user's own can be tried before work starts, and be known by what it does. The
messages are those that channels would carry. The batches are the same fixed numbers everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from ..network.network import Network
from ..neuron.local_rule import NeuronRule
from ..neuron.messages import Step
from ..neuron.optimizers import SGD
from ..neuron.sums import ORDERED
from ..support.arrays import Array, freeze
from .rule import Answer, Round, Rule

LOSS = "squared_error"
OPTIMIZER = SGD(0.1)
MOST_ROUNDS = 32  # of all steps together
BATCHES = (3, 3, 2)  # examples of each step

Sent = list[list[Array]]
RunRound = Callable[[Sequence[NeuronRule]], Sent]


class DryRun:
    """Drives members of a rule through the rounds of a few steps in which they learn.

    Attributes:
        rule: The rule.
        network: The network that the members are made for.
        answers: The answer to each round that has ended.
    """

    def __init__(self, rule: Rule, network: Network) -> None:
        """Prepare; nothing is made yet.

        Args:
            rule: The rule.
            network: The network.
        """
        self.rule, self.network = rule, network
        self.answers: list[Answer] = []
        self._loss_node = rule.loss_node(network)
        self._forward: list[int] = np.argsort(network.level, kind="stable").tolist()
        self._inputs = np.flatnonzero(network.is_input).tolist()

    def make_members(self) -> list[NeuronRule]:
        """Return new members, one for each neuron and input."""
        return [self.rule.member(self.network, k, ORDERED) for k in range(len(self.network.ids))]

    def batches(self) -> Iterator[tuple[Array, Array]]:
        """Yield the inputs and the targets of each step.

        Yields:
            Inputs of shape (n_inputs, batch), and targets of shape (n_outputs, batch).
        """
        for batch in BATCHES:
            x = _numbers(len(self._inputs), batch)
            yield x, freeze(1.0 - _numbers(len(self.network.outputs), batch))

    def rounds(self) -> Iterator[RunRound]:
        """Go through all rounds of all steps.

        Yields:
            For each round, a function that drives some members through it, and returns the arrays
            that each of them sent. It must be called; its first call answers the round.

        Raises:
            Exception: What the rule raises.
        """
        self.rule.check(self.network, LOSS)
        number = 0
        for x, targets in self.batches():
            rounds = self.rule.rounds_with_targets(self.network, x, targets)
            one = next(rounds, None)
            while one is not None and number < MOST_ROUNDS:
                number += 1
                answers: list[Answer] = []
                yield partial(self._drive, one=one, number=number, targets=targets, answers=answers)
                self.answers.append(answers[0])
                try:
                    one = rounds.send(answers[0])
                except StopIteration:
                    one = None

    def _drive(
        self,
        members: Sequence[NeuronRule],
        one: Round,
        number: int,
        targets: Array,
        answers: list[Answer],
    ) -> Sent:
        """Drive members through a round; return what each sent, and note the answer."""
        network, columns = self.network, one.inputs.shape[1]
        optimizer = OPTIMIZER if one.learns else None
        about = one.wrt_inputs, False, one.name, one.micro_batch
        step = Step(number, LOSS, optimizer, *about)
        incoming, outputs = network.incoming, network.output_positions
        sent: Sent = [[] for _ in members]
        said = np.zeros((len(members), columns))
        for k in self._forward:
            if network.is_input[k]:
                mail = one.inputs[[self._inputs.index(k)]]
            else:
                mail = np.ones((int(incoming.sizes[k]) + 1, columns))
                mail[:-1] = said[network.sources[incoming.of(k)]]
            members[k].fire(step, freeze(mail), said[k])
            sent[k].append(said[k].copy())
        wanted = targets if one.examples is None else targets[:, one.examples]
        listening = np.ones(len(outputs), bool) if one.wrt_inputs else ~network.is_input[outputs]
        from_loss = np.zeros((int(listening.sum()), columns))
        predictions = freeze(said[outputs])
        losses = self._loss_node.evaluate(
            step, predictions, freeze(np.ascontiguousarray(wanted)), from_loss
        )
        by_output = dict(zip(outputs[listening].tolist(), from_loss, strict=True))
        urgencies = np.zeros((len(network.weights), columns))
        of_inputs = np.zeros((len(self._inputs), columns))
        for k in reversed(self._forward):
            is_input = bool(network.is_input[k])
            if is_input and not one.wrt_inputs:
                continue
            rows = [*urgencies[network.outgoing.of(k)], *([by_output[k]] if k in by_output else [])]
            synapses = incoming.of(k)
            if not one.wrt_inputs:
                synapses = synapses[~network.is_input[network.sources[synapses]]]
            back = np.zeros((1 if is_input else len(synapses), columns))
            commit = np.zeros(int(self.network.n_parameters[k]))
            members[k].respond(step, freeze(np.array(rows)), back, commit)
            sent[k] += [back, commit]
            if is_input:
                of_inputs[self._inputs.index(k)] = back[0]
            else:
                urgencies[synapses] = back
        answers.append(Answer(predictions, losses, freeze(of_inputs)))
        return sent


def _numbers(n: int, batch: int) -> Array:
    """Return numbers between 0.1 and 0.9."""
    # not drawn: the numbers of numpy's generators may change with its version
    numbers: Array = np.arange(n * batch) * 37 % 101 / 101.0
    return freeze((0.1 + 0.8 * numbers).reshape(n, batch))
