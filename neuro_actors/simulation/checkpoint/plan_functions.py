"""The identities of all code that a plan only names: functions, the loss, a rule, an optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...network.elements_json import combinations_of
from ...network.function_identity import Comparison, Identities, compare, identities
from ...neuron.optimizer_identity import is_own as is_own_optimizer
from ...neuron.optimizer_identity import optimizer_identity
from ...rules.rule_identity import is_own as is_own_rule
from ...rules.rule_identity import rule_identity
from ..plan import TrainingPlan


def plan_identities(plan: TrainingPlan) -> Identities:
    """Return the identities of what a plan names, as JSON; see `network/function_identity.py`."""
    own = is_own_optimizer(plan.optimizer)
    combinations = combinations_of(plan.network)
    return identities(plan.network.activations, [plan.loss], combinations) | {
        "rule": rule_identity(plan.rule),
        "optimizer": optimizer_identity(plan.optimizer) if own else None,
    }


def compare_plan(held: object, plan: TrainingPlan, *, exact: bool) -> Comparison:
    """Compare recorded identities with what a plan names here.

    Args:
        held: What `plan_identities` returned elsewhere; None or damaged in older files.
        plan: The plan, made from what its names stand for here.
        exact: Whether equal bits are promised between there and here.

    Returns:
        The comparison. Of what is the package's own, only functions and losses are compared.
    """
    names = plan.network.activations, [plan.loss], combinations_of(plan.network)
    found = compare(held, *names, exact=exact)
    known: Mapping[str, Any] = held if isinstance(held, Mapping) else {}
    for what, is_own, here in (
        ("rule", is_own_rule(plan.rule), rule_identity(plan.rule)),
        ("optimizer", is_own_optimizer(plan.optimizer), optimizer_identity(plan.optimizer)),
    ):
        there = known.get(what)
        name = f"{what} {getattr(plan, what)!r}"
        if is_own and here is not None:
            found.add(name, there, here, exact=exact)
        elif isinstance(there, Mapping):  # the run's was the user's own
            found.problems.append(f"the {name} is another one here than in the run")
        elif is_own:
            found.unchecked.append(f"the {name}")
    return found
