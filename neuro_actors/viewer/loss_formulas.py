"""The formulas of the package's losses, as the page prints them.

p are the outputs' activations, t the targets. Sums are over the outputs of one example. The urgency
of an output is minus the derivative of the loss by its activation.
"""

from __future__ import annotations

_SIGMOID, _LOGITS = "s = 1 / (1 + e^−p)", "q = e^p / Σ e^p"

LOSS_FORMULAS = {
    "squared_error": {"value": "Σ (p − t)²", "urgency": "−2 (p − t)"},
    "absolute_error": {"value": "Σ |p − t|", "urgency": "−sign(p − t)"},
    "huber": {
        "value": "Σ (d²/2 where |d| ≤ 1, else |d| − 1/2), d = p − t",
        "urgency": "−(d where |d| ≤ 1, else sign(d)), d = p − t",
    },
    "cross_entropy": {
        "value": "−Σ [t ln p + (1 − t) ln(1 − p)]",
        "urgency": "−(p − t) / (p (1 − p))",
    },
    "sigmoid_cross_entropy": {
        "value": f"−Σ [t ln s + (1 − t) ln(1 − s)], {_SIGMOID}",
        "urgency": f"−(s − t), {_SIGMOID}",
    },
    "softmax_cross_entropy": {
        "value": f"−Σ [t ln q], {_LOGITS}",
        "urgency": f"−(q Σt − t), {_LOGITS}",
    },
    "kl_divergence": {"value": "Σ (t ln(t / p) where t > 0, else 0)", "urgency": "t / p"},
}
