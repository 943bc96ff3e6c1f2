"""The local rule, as the kernel computes it: the same bits, faster.

`local_rule.py` and `tangent.py` say what a neuron does. `kernel/compiled.c` does it in the usual
case, and calls them in every other one: in tangent steps, and where something is to be refused.
"""

from __future__ import annotations

from .. import kernel
from ..network.activations import ORIGINALS
from .local_rule import NOTHING, LocalRule
from .neuron_state import NeuronState, all_finite_in_python
from .optimizers import SGD, Adam, rate_of
from .sums import IN_PYTHON, ORDERED, spread_in_python
from .tangent import TangentRule

if kernel.in_use:

    class KernelRule(TangentRule):
        """The local rule, whose phases are those of the kernel."""

        __slots__ = ()
        fire = kernel.calls.Cell.fire
        respond = kernel.calls.Cell.respond
        conclude = kernel.calls.Cell.conclude

    # what the kernel calls, and what it compares with
    for _name, _object in {
        **IN_PYTHON._asdict(),
        "spread": spread_in_python,
        "all_finite": all_finite_in_python,
        "ordered": ORDERED,
        "fire": TangentRule.fire,
        "respond": TangentRule.respond,
        "conclude": LocalRule.conclude,
        "nothing": NOTHING,
        "NeuronState": NeuronState,
        "SGD": SGD,
        "Adam": Adam,
        "rate_of": rate_of,
        **{name: ORIGINALS[name] for name in kernel.calls.FUNCTIONS},
    }.items():
        kernel.calls.connect(_name, _object)

FASTEST_RULE: type[TangentRule] = KernelRule if kernel.in_use else TangentRule
"""The class whose neurons follow the local rule, and take part in tangent steps."""
