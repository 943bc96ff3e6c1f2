"""Local rules: what the members of a society do with their mail.

A rule is a description, compared by value, such as `na.rules.Backpropagation()`. It makes the
members of a society, each of which sees its own mail alone, and it says which rounds a step of
learning has. Channels and simulation do not know which rule they carry. To write one, derive from
`Rule` and override what differs; `neuron.local_rule.NeuronRule` says what a neuron's rule must do.

This folder imports from `support`, `network` and `neuron`. Start reading in `rule.py`.
"""

from .backpropagation import Backpropagation
from .direct_feedback_alignment import DirectFeedbackAlignment
from .feedback_alignment import FeedbackAlignment
from .micro_batches import MicroBatches
from .newton import NewtonCG
from .predictive_coding import PredictiveCoding
from .rule import Answer, Round, Rule, own
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
    "WeightPerturbation",
    "own",
]
