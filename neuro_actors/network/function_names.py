"""The names of the package's activation functions and losses, and what a wrong name may mean."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Literal, TypeAlias

from ..support.hints import hint_for_value
from ..support.text import did_you_mean

ActivationName: TypeAlias = Literal[
    "identity",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "softplus",
    "elu",
    "gelu",
    "sin",
    "silu",
    "softsign",
    "hardtanh",
    "hardsigmoid",
    "exp",
    "log",
    "square",
    "sqrt",
    "rsqrt",
    "reciprocal",
]
LossName: TypeAlias = Literal[
    "squared_error",
    "absolute_error",
    "huber",
    "cross_entropy",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "kl_divergence",
]
CombinationName: TypeAlias = Literal["sum", "product", "max", "logsumexp"]
# What users may write: an editor completes the package's names, and takes their own as well.
AnyActivation: TypeAlias = ActivationName | str
AnyCombination: TypeAlias = CombinationName | str
AnyLoss: TypeAlias = LossName | str

_SOFTMAX = (
    "softmax is a part of the loss: keep the outputs' activation 'identity' and use "
    "loss='softmax_cross_entropy'; a hidden neuron takes one such as 'tanh'"
)
_YES_OR_NO = (
    "did you mean 'sigmoid_cross_entropy', for outputs with the activation 'identity', "
    "or 'cross_entropy', for outputs with 'sigmoid'?"
)
_SQUARED = "did you mean 'squared_error'? (It is summed over the outputs.)"
_SEVERAL = "did you mean 'softmax_cross_entropy', for outputs with the activation 'identity'?"
# What the names of other libraries mean here. Capitals and signs are left out.
_ACTIVATIONS = MappingProxyType(
    {
        "softmax": _SOFTMAX,
        "logsoftmax": _SOFTMAX,
        "linear": "did you mean 'identity'?",
        "none": "did you mean 'identity'?",
        "logistic": "did you mean 'sigmoid'?",
        "expit": "did you mean 'sigmoid'?",
        "logits": "did you mean 'identity'?",
        "sine": "did you mean 'sin'?",
        "swish": "did you mean 'silu'?",
        "ln": "did you mean 'log'?",
        "inverse": "did you mean 'reciprocal'?",
        "selu": "add it with na.add_activation(...)",
        "mish": "add it with na.add_activation(...)",
    }
)
_LOSSES = MappingProxyType(
    {
        "mse": _SQUARED,
        "mseloss": _SQUARED,
        "l2": _SQUARED,
        "meansquarederror": _SQUARED,
        "quadratic": _SQUARED,
        "mae": "did you mean 'absolute_error'?",
        "l1": "did you mean 'absolute_error'?",
        "l1loss": "did you mean 'absolute_error'?",
        "meanabsoluteerror": "did you mean 'absolute_error'?",
        "smoothl1": "did you mean 'huber'?",
        "bce": _YES_OR_NO,
        "bceloss": _YES_OR_NO,
        "binarycrossentropy": _YES_OR_NO,
        "logloss": _YES_OR_NO,
        "bcewithlogits": "did you mean 'sigmoid_cross_entropy'?",
        "bcewithlogitsloss": "did you mean 'sigmoid_cross_entropy'?",
        "ce": _SEVERAL,
        "crossentropyloss": _SEVERAL,
        "categoricalcrossentropy": _SEVERAL,
        "sparsecategoricalcrossentropy": _SEVERAL,
        "nll": _SEVERAL,
        "nllloss": _SEVERAL,
        "softmax": _SEVERAL,
        "kl": "did you mean 'kl_divergence'?",
        "kld": "did you mean 'kl_divergence'?",
        "kldiv": "did you mean 'kl_divergence'?",
    }
)
_COMBINATIONS = MappingProxyType(
    {
        "mean": "add it with na.add_combination(...), or use 'sum'",
        "prod": "did you mean 'product'?",
        "mul": "did you mean 'product'?",
        "add": "did you mean 'sum'?",
        "maximum": "did you mean 'max'?",
    }
)
# the table of each kind, and what its derivatives are called
_TABLES = MappingProxyType(
    {
        "activation": ("ACTIVATIONS", "slope"),
        "loss": ("LOSSES", "slope"),
        "combination": ("COMBINATIONS", "slopes"),
    }
)


def suggest_activation(name: object, known: Sequence[str]) -> str:
    """Say what an unknown name of an activation function may mean.

    Args:
        name: What was given as a name.
        known: All names that exist.
    """
    return _suggest(name, known, _ACTIVATIONS, "activation")


def suggest_loss(name: object, known: Sequence[str]) -> str:
    """Say what an unknown name of a loss may mean.

    Args:
        name: What was given as a name.
        known: All names that exist.
    """
    return _suggest(name, known, _LOSSES, "loss")


def suggest_combination(name: object, known: Sequence[str]) -> str:
    """Say what an unknown name of a combination may mean.

    Args:
        name: What was given as a name.
        known: All names that exist.
    """
    if isinstance(name, str) and name.startswith("dropout"):
        return "write its rate, from 0 on and below 1: 'dropout 0.1', or 'dropout 0.1, seed 3'"
    return _suggest(name, known, _COMBINATIONS, "combination")


def _suggest(
    name: object, known: Sequence[str], meanings: MappingProxyType[str, str], what: str
) -> str:
    hint = hint_for_value(name)
    is_function = callable(name) and not hint
    wanted = _plain("none" if name is None else getattr(name, "__name__", name))
    for one in known:
        if wanted and wanted == _plain(one):
            return f"did you mean {one!r}?"
    if wanted in meanings:
        return meanings[wanted]
    table, slope = _TABLES[what]
    if is_function:
        call = f'na.add_{what}("mine", value=..., {slope}=...)'
        return f"a function of your own gets a name by {call}"
    if type(name).__name__ == what.capitalize():
        return f"write its name, a key of na.{table}"
    return hint or did_you_mean(name, known)


def _plain(name: object) -> str:
    return "".join(filter(str.isalnum, name[:128].lower())) if isinstance(name, str) else ""
