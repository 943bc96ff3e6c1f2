"""What one neuron does: its messages, its rule, its inbox, the loss node, optimizers and sums.

Nothing here knows trio, a clock or a log; it imports `network` and `support` alone. Start with
`local_rule.py`, where gradients are made. Authors of rules import from here.
"""

from .local_rule import NOTHING, InputRule, LocalRule, NeuronRule, NeuronState, StatefulRule
from .loss_node import LossNode
from .messages import MessageKind, Step
from .sums import Sums
from .tangent import TangentRule

__all__ = [
    "NOTHING",
    "InputRule",
    "LocalRule",
    "LossNode",
    "MessageKind",
    "NeuronRule",
    "NeuronState",
    "StatefulRule",
    "Step",
    "Sums",
    "TangentRule",
]
