"""What is tried of a rule of a user's own before its numbers are trusted elsewhere.

A rule can do what no other place can know: neurons that normalise over the batch, or that keep more
than parameters. Two questions are answered by trial mail, on members that nobody else uses:

1. Is a batch the mean of its parts? Else micro-batches would make other numbers (`check_parts`).
2. Do parameters and activation functions alone predict? Else the network that was learned predicts
   something else where another rule makes its neurons (`needs_rule`).

The package's own rules are known to pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from ..network.network import Network
from ..neuron.checked_rule import checked_loss_node, checked_rule
from ..neuron.interneuron_rule import InterneuronRule
from ..neuron.local_rule import InputRule, LocalRule, NeuronRule
from ..neuron.loss_node import LossNode
from ..neuron.messages import Step, micro_batch_round
from ..neuron.optimizers import SGD
from ..neuron.sums import ORDERED
from ..support.arrays import Array, freeze
from ..support.errors import InputError
from ..support.own_code import defines_own, has_own_code
from ..support.signal_exceptions import passes_handler_exceptions
from ..support.text import quote
from .rule import Rule, own

MOST = 64  # neurons that are tried, beside one of each activation function
EXAMPLES = 6  # of a trial
PARTS = [slice(0, 3), slice(3, EXAMPLES)]
KEEP_PARAMETERS = InputRule.STATE, LocalRule.STATE  # and nothing else
SAME = 1e-9  # of a number: sums over parts are rounded otherwise


@passes_handler_exceptions
def needs_rule(rule: Rule, network: Network) -> bool:
    """Return whether a network predicts something else where another rule makes its neurons.

    Args:
        rule: The rule of a whole batch, under which the network learns.
        network: The network.
    """
    if rule.plain_predictions is not None or not has_own_code(type(rule)):
        return rule.plain_predictions is False
    step = Step(1)
    with np.errstate(all="ignore"):
        for k in _some(network):
            member = rule.member(network, k, ORDERED)
            plain = Rule().member(network, k, ORDERED)
            overrides = defines_own(type(member), "fire")
            if overrides and getattr(member, "STATE", None) not in KEEP_PARAMETERS:
                return True
            mail, expected, out = _mail(network, k), np.empty(EXAMPLES), np.empty(EXAMPLES)
            with suppress(Exception):  # what fails everywhere says nothing
                plain.fire(step, mail, expected)
                try:
                    member.fire(step, mail, out)
                except Exception:
                    return True
                if not np.array_equal(expected, out):
                    return True
    return False


@passes_handler_exceptions
def check_parts(rule: Rule, network: Network, loss: str, cut: Callable[[int], NeuronRule]) -> None:
    """Check that a batch that goes through in parts is what it is as a whole.

    Args:
        rule: The rule of a whole batch.
        network: The network.
        loss: The name of the loss.
        cut: Returns a new member for the k-th neuron that receives a batch in parts.

    Raises:
        InputError: It is not.
    """
    culprit = None
    with np.errstate(all="ignore"):
        for k in _some(network):
            whole = rule.member(network, k, ORDERED)
            if type(whole) not in (LocalRule, InputRule, InterneuronRule) and _mixes(
                whole, cut(k), network, k
            ):
                culprit = f"{type(whole).__name__} of {network.ids[k]!r}"
                break
        node = rule.loss_node(network)
        if culprit is None and type(node) is not LossNode and _mixes_rows(node, network, loss):
            culprit = type(node).__name__
    if culprit is not None:
        raise InputError(
            f"micro_batches: {culprit} makes other numbers of the parts of a batch than of the "
            f"whole, so {quote(rule)} would learn something else: leave it out"
        )


def _some(network: Network) -> Iterator[int]:
    """Yield the positions of neurons to try."""
    n, kinds = len(network.ids), set[tuple[str, bool]]()
    regular = set(np.linspace(0, n - 1, min(n, MOST)).astype(int).tolist())
    for k in range(n):
        kind = network.activations[k], bool(network.is_input[k])
        if k in regular or kind not in kinds:
            kinds.add(kind)
            yield k


def _mail(network: Network, k: int) -> Array:
    """Return activations as a neuron receives them, an input from the environment."""
    rng, fan_in = np.random.default_rng(k), int(network.incoming.sizes[k])
    mail = rng.uniform(0.1, 0.9, (fan_in + 1, EXAMPLES))
    mail[fan_in:] = mail[fan_in:] if network.is_input[k] else 1.0
    return freeze(mail)


def _mixes(whole: NeuronRule, cut: NeuronRule, network: Network, k: int) -> bool:
    """Return whether a neuron makes other numbers of parts, in two steps in which it learns."""
    mail, fan_out = _mail(network, k), max(1, int(network.outgoing.sizes[k]))
    urgencies = freeze(np.random.default_rng(k).uniform(-0.9, 0.9, (fan_out, EXAMPLES)))
    rows = 1 if network.is_input[k] else int((~own(network, k)[3]).sum())
    size = int(network.n_parameters[k])
    optimizer, count = SGD(0.1), len(PARTS)
    whole = checked_rule(whole)  # what it does not write is refused in its first step, by its name
    try:
        expected = [
            _respond(whole, Step(n, "squared_error", optimizer), mail, urgencies, rows, size)
            for n in (1, 2)
        ]
    except Exception:
        return False  # it wants other mail: what it does is not known
    try:
        for n, (said, back, commit) in enumerate(expected):
            for j, part in enumerate(PARTS, 1):
                step = Step(
                    n * count + j,
                    "squared_error",
                    optimizer if j == count else None,
                    round=micro_batch_round(j, count),
                    micro_batch=(j, count),
                )
                found = _respond(cut, step, _cut(mail, part), _cut(urgencies, part), rows, size)
                if not _alike(found[:2], (said[part], back[:, part])):
                    return True
            if not _alike(found[2:], (commit,)):
                return True
    except Exception:
        return True
    return not _alike(whole.get_state(), getattr(cut, "rule", cut).get_state())


def _cut(mail: Array, part: slice) -> Array:
    return np.ascontiguousarray(mail[:, part])


def _respond(
    rule: NeuronRule, step: Step, mail: Array, urgencies: Array, rows: int, size: int
) -> tuple[Array, Array, Array]:
    said, back = np.zeros(mail.shape[1]), np.zeros((rows, mail.shape[1]))
    commit = np.zeros(size)
    rule.fire(step, mail, said)
    answered = rule.is_answered(step) or size == 0
    if answered:
        rule.respond(step, urgencies, back, commit)
    return said, back, commit


def _mixes_rows(node: LossNode, network: Network, loss: str) -> bool:
    """Return whether a loss node makes other numbers of parts."""
    node, from_input = checked_loss_node(node), node.from_input
    rng, n = np.random.default_rng(0), len(network.outputs)
    predictions, targets = (rng.uniform(0.1, 0.9, (n, EXAMPLES)) for _ in range(2))
    if n > 1:  # class probabilities, for losses that take nothing else
        predictions, targets = (array / array.sum(axis=0) for array in (predictions, targets))
    rows = int((~from_input).sum())
    step = Step(1, loss)

    def evaluate(part: slice) -> tuple[Array, Array]:
        back = np.zeros((rows, len(range(EXAMPLES)[part])))
        losses = node.evaluate(step, _cut(predictions, part), _cut(targets, part), back)
        return np.array(losses), back

    try:
        losses, back = evaluate(slice(None))
        return not all(_alike(evaluate(part), (losses[part], back[:, part])) for part in PARTS)
    except Exception:
        return False


def _alike(one: Any, other: Any) -> bool:
    """Return whether the numbers in two nests of tuples are the same, up to rounding."""
    if isinstance(one, (np.ndarray, float)):
        a, b = np.asarray(one), np.asarray(other)
        return a.shape == b.shape and bool(np.allclose(a, b, rtol=SAME, atol=SAME, equal_nan=True))
    if isinstance(one, Sequence) and not isinstance(one, str):
        return len(one) == len(other) and all(map(_alike, one, other))
    return bool(one == other)
