"""Which rule a name stands for: what its members send in a fixed small society.

Logs and checkpoints contain a rule's name and settings, and find its class by this name. Another
class may have the same one, or the same class other code. So the identity of a rule of the user's
own is carried along, as that of functions is; see `network/function_identity.py`. The package's own
rules need none: its version says what they do.

The members of a small network are driven here directly, one after another, through two steps of
learning, and all that they send is noted. No engine takes part.
"""

from __future__ import annotations

from collections.abc import Generator
from copy import deepcopy
from dataclasses import fields, is_dataclass
from functools import cache

import numpy as np

from ..network.function_probe import Identity, sample_text, source_digest
from ..network.network import Network
from ..neuron.messages import Step
from ..neuron.optimizers import SGD
from ..neuron.sums import ORDERED
from ..support.numerics import digest_of
from ..support.own_code import has_own_code
from ..support.validation import Array, freeze
from .micro_batches import MicroBatches
from .rule import Answer, Round, Rule

MOST_ROUNDS = 64  # of both steps; a rule with more is known by the first of them
_X = np.array([[0.5, -1.0, 0.75], [1.5, 0.25, -0.5]])  # (inputs, batch)
_TARGETS = np.array([[0.25, 0.75, 0.5], [1.0, 0.0, 0.625]])  # (outputs, batch)
_LOSS = "squared_error"


@cache  # it lives on, so that no other network has its `id`, nor are ids of neurons like these
def small_network() -> Network:
    """Return the network of the small society: 2 inputs, 3 neurons and 2 outputs."""
    sources, targets = [0, 1, 0, 1, 0, 1, 2, 3, 4, 2, 3, 4], [2, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6, 6]
    weights = [0.5, -0.75, 1.25, 0.375, -0.3125, 0.8125]
    weights += [0.625, -1.125, 0.25, -0.5, 0.4375, 0.9375]
    return Network.from_arrays(
        sources,
        targets,
        weights,
        biases=[0.0, 0.0, 0.125, -0.25, 0.0625, 0.1875, -0.375],
        activations=["identity"] * 2 + ["tanh"] * 3 + ["sigmoid"] * 2,
        outputs=[5, 6],
        ids=[f"<probe {k}>" for k in range(7)],
    )


def is_own(rule: Rule) -> bool:
    """Return whether a rule, or one within it, is of the user's own class."""
    if has_own_code(type(rule)):
        return True
    names: list[str] = [field.name for field in fields(rule)] if is_dataclass(rule) else []
    values = [getattr(rule, name, None) for name in names]
    return any(isinstance(value, Rule) and is_own(value) for value in values)


def rule_identity(rule: Rule) -> Identity | None:
    """Return the identity of a rule of the user's own, as JSON.

    Args:
        rule: The rule.

    Returns:
        The identity. None if the rule is the package's, or cannot learn in the small network, or
        does not do twice the same.
    """
    if not is_own(rule):
        return None
    if isinstance(rule, MicroBatches):
        return rule_identity(rule.rule)
    sent, again = _sent_under(rule), _sent_under(rule)
    if sent is None or again is None or digest_of(sent) != digest_of(again):
        return None
    flat = np.concatenate([values.ravel() for values in sent])
    return {
        "digest": digest_of(sent),
        "curvature": None,
        "sample": sample_text(flat[:: max(1, len(flat) // 64)]),
        "source": source_digest(type(rule)),
    }


def _sent_under(rule: Rule) -> list[Array] | None:
    """Return all that the members of the small society send; None if the rule cannot be used."""
    try:
        with np.errstate(all="ignore"):
            # what the rule object itself holds must not notice
            return SmallSociety(deepcopy(rule)).sent
    except Exception:  # a rule may be made for other networks
        return None


class SmallSociety:
    """Members that are driven one after another, through all rounds of two steps of learning.

    Args:
        rule: Makes the members.

    Attributes:
        network: The network.
        sent: All that the members sent.
    """

    def __init__(self, rule: Rule) -> None:
        self.network = network = small_network()
        self.sent: list[Array] = []
        self._members = [rule.member(network, k, ORDERED) for k in range(len(network.ids))]
        self._loss_node = rule.loss_node(network)
        self._order = np.argsort(network.level, kind="stable").tolist()
        self._inputs = np.flatnonzero(network.is_input).tolist()
        self._number = 0
        rule.check(network, _LOSS)
        for x, targets in ((_X, _TARGETS), (_X[:, :2] * 0.5, _TARGETS[:, 1:])):
            rounds = rule.rounds(network, freeze(np.ascontiguousarray(x)))
            one = next(rounds, None)
            while one is not None and self._number < MOST_ROUNDS:
                one = self._send(rounds, self._run(one, targets))

    @staticmethod
    def _send(rounds: Generator[Round, Answer, None], answer: Answer) -> Round | None:
        try:
            return rounds.send(answer)
        except StopIteration:
            return None

    def _run(self, one: Round, targets: Array) -> Answer:
        """Run one round."""
        self._number += 1
        optimizer = SGD(0.25) if one.learns else None
        step = Step(self._number, _LOSS, optimizer, one.wrt_inputs, round=one.name)
        activations = self._forward(step, one.inputs)
        predictions = freeze(activations[self.network.output_positions].copy())
        wanted = targets if one.examples is None else targets[:, one.examples]
        from_loss = np.empty_like(predictions)
        losses = self._loss_node.evaluate(
            step, predictions, freeze(np.ascontiguousarray(wanted)), from_loss
        )
        at_inputs = self._backward(step, from_loss)
        self.sent += [activations, losses, from_loss, at_inputs]
        return Answer(predictions, losses, freeze(at_inputs))

    def _forward(self, step: Step, x: Array) -> Array:
        """Return the activations of all members. Shape (n_members, columns)."""
        network, columns = self.network, x.shape[1]
        activations = np.empty((len(self._members), columns))
        for k in self._order:
            if network.is_input[k]:
                mail = x[[self._inputs.index(k)]]
            else:
                sources = network.sources[network.incoming.of(k)]
                mail = np.concatenate([activations[sources], np.ones((1, columns))])
            self._members[k].fire(step, freeze(np.ascontiguousarray(mail)), activations[k])
        return activations

    def _backward(self, step: Step, from_loss: Array) -> Array:
        """Return the urgencies of the inputs. Shape (n_inputs, columns)."""
        network, columns = self.network, from_loss.shape[1]
        urgencies = np.zeros((len(network.weights), columns))
        at_inputs = np.zeros((len(self._inputs), columns))
        for k in reversed(self._order):
            is_input, incoming = network.is_input[k], network.incoming.of(k)
            if is_input and not step.wrt_inputs:
                continue
            mail = [urgencies[network.outgoing.of(k)], from_loss[network.output_positions == k]]
            listening = incoming
            if not step.wrt_inputs:
                listening = incoming[~network.is_input[network.sources[incoming]]]
            out = np.empty((1 if is_input else len(listening), columns))
            commit = np.zeros(0 if is_input else len(incoming) + 1)
            self._members[k].respond(step, freeze(np.concatenate(mail)), out, commit)
            if is_input:
                at_inputs[self._inputs.index(k)] = out[0]
            else:
                urgencies[listening] = out
            self.sent += [out, commit]
        return at_inputs
