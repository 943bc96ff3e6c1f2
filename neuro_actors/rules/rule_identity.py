"""Which rule a name stands for: what its members send in a fixed small society.

Logs and checkpoints contain a rule's name and settings, and find its class by this name. Another
class may have the same one, or the same class other code. So the identity of a rule of the user's
own is carried along, as that of functions is; see `network/function_identity.py`. The package's own
rules need none: its version says what they do.

The members of a small network are driven through some steps of learning, and all that they send is
noted; see `dry_run.py`.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields, is_dataclass
from functools import cache

import numpy as np

from ..network.function_probe import Identity, make_identity, source_digest
from ..network.network import Network
from ..support.arrays import Array
from ..support.numerics import digest_of
from ..support.own_code import has_own_code
from ..support.signal_exceptions import passes_handler_exceptions
from .micro_batches import MicroBatches
from .rule import Rule


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


@passes_handler_exceptions
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
    sample = flat[:: max(1, len(flat) // 64)]
    return make_identity(digest_of(sent), sample, source_digest(type(rule)))


def _sent_under(rule: Rule) -> list[Array] | None:
    """Return all that the members of the small society send; None if the rule cannot be used."""
    from .dry_run import DryRun  # for rules of a user's own alone

    try:
        with np.errstate(all="ignore"):
            # what the rule object itself holds must not notice
            trial = DryRun(deepcopy(rule), small_network())
            members = trial.make_members()
            sent = [drive(members) for drive in trial.rounds()]
    except Exception:  # a rule may be made for other networks
        return None
    mail = [array for of_round in sent for of_member in of_round for array in of_member]
    return mail + [answer.losses for answer in trial.answers]
