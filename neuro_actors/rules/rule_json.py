"""Rules as JSON, as logs and checkpoints contain them, and back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from ..neuron.optimizer_json import same_json
from ..support.errors import InputError
from .rule import Rule

DEEPEST = 8  # rules within rules


def rule_to_json(rule: Rule) -> dict[str, Any]:
    """Describe a rule: {"name": …, **fields}.

    Rules within it are described likewise. Other values that are no bool, int, float or str are
    given by their `repr`.

    Args:
        rule: The rule; a dataclass, if it has settings.
    """
    held: dict[str, Any] = (
        {f.name: getattr(rule, f.name) for f in fields(rule)} if is_dataclass(rule) else {}
    )
    return {"name": type(rule).__name__} | {name: _plain(value) for name, value in held.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Rule):
        return rule_to_json(value)
    return value if isinstance(value, (bool, int, float, str)) else repr(value)


def rule_from_json(held: Any, depth: int = 0) -> Rule:
    """Make the rule that a description is of.

    Args:
        held: What `rule_to_json` returned; it may come from a damaged file.
        depth: How many rules the description is within.

    Raises:
        InputError: No rule of the package, or of a module that is imported, has this description.
    """
    if depth > DEEPEST:
        raise InputError(f"no rule is described by more than {DEEPEST} rules within each other")
    about = held if isinstance(held, dict) else {}
    settings = {
        key: rule_from_json(v, depth + 1) if isinstance(v, dict) else v
        for key, v in about.items()
        if key != "name"
    }
    name = about.get("name")
    for kind in _derived(Rule):
        if kind.__name__ == name:
            try:
                rule = kind(**settings)
                if same_json(rule_to_json(rule), held):
                    return rule
            except Exception as error:
                raise InputError(f"no rule is described by {held!r}: {error!r}") from None
    raise InputError(f"the rule {name!r} is not known here, or not with these settings: {held!r}")


def _derived(kind: type[Rule]) -> Iterator[type[Rule]]:
    for derived in kind.__subclasses__():
        if (
            getattr(sys.modules.get(derived.__module__), derived.__name__, None) is derived
        ):  # not what `slots` has replaced
            yield derived
        yield from _derived(derived)
