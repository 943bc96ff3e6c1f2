"""Rules: what all members of a society do with their mail, and which rounds a step has.

A rule is a description, compared by value, such as `na.rules.Backpropagation()`. It makes the
members of a society, each of which sees its own mail alone. Channels and simulation do not know
which rule they carry. What one neuron computes is in `neuron/local_rule.py`, one floor down: most
rules make such neurons, or derive from them. To write a rule, derive from `Rule` and override what
differs; `neuron.local_rule.NeuronRule` says what a neuron's rule must do.

This folder imports from `support`, `network` and `neuron`. Start with `rule.py`.

Files:

    rule.py                       `Rule`: it makes the members, and says which rounds a step has
    backpropagation.py            the default
    feedback_alignment.py         fixed random numbers in place of the weights on the way back
    direct_feedback_alignment.py  every neuron receives the whole error
    predictive_coding.py          neurons with a value beside their prediction
    weight_perturbation.py        try a little noise, and learn it if the loss fell
    through_time.py               a network with delays goes through a sequence
    choose_rule.py                the rule of a society: chosen, or the one that the network needs
    newton.py                     curvature, conjugate gradients and a line search
    micro_batches.py              a batch in parts, learnt once
    part_rounds.py                the rounds of the parts, side by side
    batch_round.py                where a round stands in its batch
    batch_sum.py                  the sum over the parts, the same in one process and in a cluster
    member_registry.py            remembers all members, so that their state can be saved
    dry_run.py                    members of a rule, driven without any engine
    state_check.py                whether a rule of a user's own says all that its neurons keep
    rule_json.py                  a rule <-> JSON
    own_rules.py                  what is tried of a user's own rule before it is trusted
    rule_identity.py              which rule a name stands for
"""

import typing as _typing

from ..support.hints import missing_attribute as _missing_attribute
from .backpropagation import Backpropagation
from .direct_feedback_alignment import DirectFeedbackAlignment
from .feedback_alignment import FeedbackAlignment
from .micro_batches import MicroBatches
from .newton import NewtonCG
from .predictive_coding import PredictiveCoding
from .rule import Answer, Round, Rule, own
from .through_time import ThroughTime
from .weight_perturbation import WeightPerturbation

__all__ = [
    "Answer",
    "Backpropagation",
    "DirectFeedbackAlignment",
    "FeedbackAlignment",
    "MicroBatches",
    "NewtonCG",
    "PredictiveCoding",
    "Round",
    "Rule",
    "ThroughTime",
    "WeightPerturbation",
    "own",
]


if not _typing.TYPE_CHECKING:  # a type checker refuses unknown names by itself

    def __getattr__(name: str) -> object:
        problem = f"module {__name__!r} has no attribute {name!r}"
        raise _missing_attribute(__name__, name, problem, __all__)
