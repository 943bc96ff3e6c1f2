"""What one neuron does: its messages, its rule, its inbox, the loss node, optimizers and sums.

The neuron's own computation is `local_rule.py`: forward, back and learning, from its mail alone.
(The folder `rules/` is one floor up: a rule there says what all members do, and makes them.)

Nothing here knows trio, a clock or a log; it imports `network`, `kernel` and `support` alone. Start
with `local_rule.py`. Authors of rules import from here.

Files:

    local_rule.py          fire and respond: where urgencies are summed and gradients are made
    cell.py                the attributes of a neuron's rule: slots, or fields of the kernel
    kernel_rule.py         the local rule as the kernel computes it, where it is compiled
    interneuron_rule.py    fire and respond of an interneuron, which has nothing to learn
    dropout_rule.py        an interneuron that leaves out some of what it hears
    neuron_state.py        what a neuron remembers, and how an optimizer changes it
    checked_rule.py        rules of a user's own: what they write, return and keep is checked
    loss_node.py           the member that computes the loss and the first urgencies
    messages.py            the kinds of messages, and `Step`
    time_round.py          the rounds of a step through time, and their names
    inbox.py               mail of one kind, sorted into synapse order while it arrives
    sums.py                the few sums on which all bits rest
    tree_sum.py            a sum whose order is fixed by a binary tree
    tangent.py             the local rule along a direction, for products with the Hessian
    optimizers.py          SGD, Adam and schedules: urgencies of parameters -> new parameters
    optimizer_json.py      an optimizer <-> JSON
    optimizer_identity.py  which optimizer a repr stands for
"""

from .local_rule import NOTHING, InputRule, LocalRule, NeuronRule, StatefulRule
from .loss_node import LossNode
from .messages import MessageKind, Step
from .neuron_state import NeuronState
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
