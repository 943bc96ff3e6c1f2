"""Which rule a society has: the one that a user chose, or the one that the network needs."""

from __future__ import annotations

from ..network.network import Network
from ..support.errors import InputError
from ..support.text import quote
from .backpropagation import Backpropagation
from .rule import Rule
from .through_time import ThroughTime


def choose_rule(rule: object, network: Network) -> Rule:
    """Return the rule of a society.

    Args:
        rule: What the user chose. None: backpropagation, through time if the network has delays.
        network: The network.

    Raises:
        InputError: It is no rule.
    """
    if rule is None:
        return ThroughTime() if network.delays else Backpropagation()
    if not isinstance(rule, Rule):
        raise InputError(
            f"rule must be such as na.rules.FeedbackAlignment(), or None, got {quote(rule)}"
        )
    return rule
