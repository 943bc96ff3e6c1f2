"""Rules as JSON, in which logs say by which one a society lived, and back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from ..errors import InputError
from .rule import Rule


def described(rule: Rule) -> dict[str, Any]:
    """Its name and, of a dataclass, its fields; whatever is no number, text or truth value as it is written."""
    held: dict[str, Any] = {f.name: getattr(rule, f.name) for f in fields(rule)} if is_dataclass(rule) else {}
    plain = {name: value if isinstance(value, (bool, int, float, str)) else repr(value) for name, value in held.items()}
    return {"name": type(rule).__name__} | plain


def rule_of(held: Any) -> Rule:
    """The rule that is so described: one of the package's or, where its module is imported, somebody's own. Raises
    `InputError` where there is none."""
    name = held.get("name") if isinstance(held, dict) else None
    for kind in _derived(Rule):
        if kind.__name__ == name:
            try:
                rule = kind(**{key: value for key, value in held.items() if key != "name"})
                if json.dumps(described(rule)) == json.dumps(held):
                    return rule
            except Exception as error:
                raise InputError(f"no rule is described by {held!r}: {error!r}") from None
    raise InputError(f"the rule {name!r} is not known here, or not with these settings: {held!r}")


def _derived(kind: type[Rule]) -> Iterator[type[Rule]]:
    for derived in kind.__subclasses__():
        if getattr(sys.modules.get(derived.__module__), derived.__name__, None) is derived:  # not what `slots` has replaced
            yield derived
        yield from _derived(derived)
