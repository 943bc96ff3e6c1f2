"""The Python code in the place of the kernel, for tests that count its work or break it."""

from __future__ import annotations

import pytest

from neuro_actors.neuron import local_rule, neuron_state, sums, tangent
from neuro_actors.rules import backpropagation


def leave_out_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let neurons follow the rule in Python, whether there is a kernel or not."""
    monkeypatch.setattr(backpropagation, "FASTEST_RULE", tangent.TangentRule)
    monkeypatch.setattr(sums, "SUMS", {**sums.SUMS, "ordered": sums.IN_PYTHON})
    for module in (local_rule, tangent):
        monkeypatch.setattr(module, "spread", sums.spread_in_python)
        monkeypatch.setattr(module, "all_finite", neuron_state.all_finite_in_python)
