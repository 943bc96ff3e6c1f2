"""Local rules: what a society's members do with their mail. A rule is a plug; channels and simulation know none of them.

A rule is a description, compared by value, such as `na.rules.Backpropagation()`. It makes the members of a society, each of
which sees its own mail alone, and it says of which rounds a step of learning consists. To write one, derive from `Rule`
and override what differs; `neuron.NeuronRule` says what a neuron's must do.
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
