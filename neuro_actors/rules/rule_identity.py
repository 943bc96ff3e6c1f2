"""Which rule a name stands for: what its members send in a fixed small society.

Logs and checkpoints contain a rule's name and settings, and find its class by this name. Another
class may have the same one, or the same class other code. So the identity of a rule of the user's
own is carried along, as that of functions is; see `network/function_identity.py`. The package's own
rules need none: its version says what they do.

The members of a small network are driven here directly, one after another, through two steps of
learning, and all that they send is noted. No engine takes part.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import numpy as np

from ..network.function_probe import Identity, sample_text, source_digest
from ..network.network import Network
from ..neuron.messages import Step
from ..neuron.optimizers import SGD
from ..neuron.sums import ORDERED
from ..support.numerics import digest_of
from ..support.validation import Array, freeze
from .micro_batches import MicroBatches
from .rule import Answer, Round, Rule

MOST_ROUNDS = 64  # of both steps; a rule with more is known by the first of them
_WEIGHTS = (
    np.array([[0.5, -0.75], [1.25, 0.375], [-0.3125, 0.8125]]),
    np.array([[0.625, -1.125, 0.25], [-0.5, 0.4375, 0.9375]]),
)
_BIASES = (np.array([0.125, -0.25, 0.0625]), np.array([0.1875, -0.375]))
_X = np.array([[0.5, -1.0, 0.75], [1.5, 0.25, -0.5]])  # (inputs, batch)
_TARGETS = np.array([[0.25, 0.75, 0.5], [1.0, 0.0, 0.625]])  # (outputs, batch)


def is_own(rule: Rule) -> bool:
    """Return whether a rule, or one within it, is of the user's own class."""
    if type(rule).__module__.partition(".")[0] != __name__.partition(".")[0]:
        return True
    names: list[str] = [field.name for field in fields(rule)] if is_dataclass(rule) else []
    values = [getattr(rule, name, None) for name in names]
    return any(isinstance(value, Rule) and is_own(value) for value in values)


def rule_identity(rule: Rule) -> Identity | None:
    """Return the identity of a rule of the user's own, as JSON.

    Args:
        rule: The rule.

    Returns:
        The identity. None if the rule is the package's, or cannot learn in the small network.
    """
    if not is_own(rule):
        return None
    if isinstance(rule, MicroBatches):
        return rule_identity(rule.rule)
    try:
        with np.errstate(all="ignore"):
            sent = _Society(rule).sent
    except Exception:  # a rule may be made for other networks
        return None
    flat = np.concatenate([values.ravel() for values in sent])
    return {
        "digest": digest_of(sent),
        "curvature": None,
        "sample": sample_text(flat[:: max(1, len(flat) // 64)]),
        "source": source_digest(type(rule)),
    }


class _Society:
    """Members that are driven one after another. `sent` is all that they sent."""

    def __init__(self, rule: Rule) -> None:
        network = Network.from_matrices(_WEIGHTS, _BIASES, ["tanh", "sigmoid"])
        self._network = network
        self._members = [rule.member(network, k, ORDERED) for k in range(len(network.ids))]
        self._loss_node = rule.loss_node(network)
        self.sent: list[Array] = []
        rule.check(network, "squared_error")
        number = 0
        for x, targets in ((_X, _TARGETS), (_X[:, :2] * 0.5, _TARGETS[:, 1:])):
            rounds = rule.rounds(network, freeze(np.ascontiguousarray(x)))
            one = next(rounds, None)
            while one is not None and number < MOST_ROUNDS:
                number += 1
                answer = self._run(one, number, targets)
                try:
                    one = rounds.send(answer)
                except StopIteration:
                    one = None

    def _run(self, one: Round, number: int, targets: Array) -> Answer:
        network, members = self._network, self._members
        optimizer = SGD(0.25) if one.learns else None
        wrt_inputs = one.wrt_inputs
        step = Step(number, "squared_error", optimizer, wrt_inputs, False, one.name, None)
        x = one.inputs
        columns = x.shape[1]
        activations = np.empty((len(members), columns))
        order = np.argsort(network.level, kind="stable").tolist()
        inputs = np.flatnonzero(network.is_input).tolist()
        for k in order:
            if network.is_input[k]:
                mail = np.ascontiguousarray(x[[inputs.index(k)]])
            else:
                sources = network.sources[network.incoming.of(k)]
                mail = np.concatenate([activations[sources], np.ones((1, columns))])
            members[k].fire(step, freeze(mail), activations[k])
        wanted = targets if one.examples is None else targets[:, one.examples]
        outputs = network.output_positions
        blame = np.empty((len(outputs), columns))
        predictions = np.ascontiguousarray(activations[outputs])
        losses = self._loss_node.evaluate(
            step, freeze(predictions), freeze(np.ascontiguousarray(wanted)), blame
        )
        urgencies = np.zeros((len(network.weights), columns))
        felt = np.zeros((len(inputs), columns))
        for k in reversed(order):
            if network.is_input[k] and not wrt_inputs:
                continue
            rows = urgencies[network.outgoing.of(k)]
            rows = np.concatenate([rows, blame[outputs == k]])
            incoming = network.incoming.of(k)
            listening = (
                incoming if wrt_inputs else incoming[~network.is_input[network.sources[incoming]]]
            )
            back = (
                felt[[inputs.index(k)]]
                if network.is_input[k]
                else np.empty((len(listening), columns))
            )
            commit = np.zeros(0 if network.is_input[k] else len(incoming) + 1)
            members[k].respond(step, freeze(rows), back, commit)
            if network.is_input[k]:
                felt[inputs.index(k)] = back[0]
            else:
                urgencies[listening] = back
            self.sent.append(commit)
        self.sent += [activations, losses, urgencies, felt]
        return Answer(freeze(predictions), losses, freeze(felt))
