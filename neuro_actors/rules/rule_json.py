"""Rules as JSON, as logs and checkpoints contain them, and back to an equal rule.

A rule is {"name": …, **settings}. A setting is described as follows, and `rule_from_json` makes an
equal one of the same type:

| value | as JSON |
| --- | --- |
| bool, str, None, int of at most 4,096 bits, float | itself |
| float that is infinite | {"float": "inf"} or {"float": "-inf"} |
| tuple, list | {"tuple": [item, …]}, {"list": [item, …]} |
| frozenset, set | {"frozenset": [item, …]}, {"set": [item, …]}, sorted by their JSON |
| dict | {"dict": [[key, value], …]} |
| number of numpy | {"numpy": its dtype, "value": number} |
| member of an `Enum` | {"enum": its class, "member": its name} |
| a rule | {"name": …, **settings} |
| another dataclass | {"dataclass": its class, "fields": {name: value, …}} |

A class is found by its name in the module of the rule that has the setting, or among the package's
optimizers and schedules. No module is imported, and nothing else is called: a description may come
from a damaged file. Anything else (an array, a function, a NaN, which equals nothing) is refused
before work starts, as is a rule that has settings and is no dataclass.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, TypeAlias

import numpy as np

from ..neuron.optimizer_json import KNOWN, same_json
from ..support.errors import InputError
from ..support.own_code import has_own_code
from ..support.scalars import MAX_BITS
from ..support.signal_exceptions import passes_handler_exceptions
from ..support.text import quote
from .rule import Rule

DEEPEST = 8  # values within values
PLAIN = (bool, int, float, str, type(None))
COLLECTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "tuple": tuple,
    "list": list,
    "frozenset": frozenset,
    "set": set,
}
ADVICE = (
    "a rule is a frozen dataclass whose fields are numbers, texts, truth values, None, rules, "
    "enums, dataclasses, or tuples of these"
)

Path: TypeAlias = str  # which value it is, for the text of an error


# --- to JSON -------------------------------------------------------------------------------------


def rule_to_json(rule: Rule) -> dict[str, Any]:
    """Describe a rule: {"name": …, **settings}, as at the head of this file.

    Args:
        rule: The rule; a dataclass, if it has settings.

    Raises:
        InputError: A setting cannot be described, so the rule could not be made again.
    """
    return _rule_to_json(rule, type(rule).__name__, 0)


def _rule_to_json(rule: Rule, path: Path, depth: int) -> dict[str, Any]:
    kind = type(rule)
    is_known = is_dataclass(rule) or not getattr(rule, "__dict__", None)
    if "__dataclass_fields__" not in vars(kind) and "__init__" in vars(kind):
        is_known = False
    if not is_known:
        raise InputError(
            f"{path} has settings that no log or checkpoint can describe: "
            "make it a frozen dataclass, so that its fields are known"
        )
    settings: dict[str, Any] = {}
    if is_dataclass(rule):
        settings = _fields_to_json(rule, kind, path, depth)
    return {"name": kind.__name__} | settings


def _fields_to_json(value: Any, owner: type, path: Path, depth: int) -> dict[str, Any]:
    return {
        field.name: _to_json(getattr(value, field.name), owner, f"{path}.{field.name}", depth + 1)
        for field in fields(value)
        if field.init
    }


def _to_json(value: Any, owner: type, path: Path, depth: int) -> Any:
    """Describe a setting of a rule of the class `owner`."""
    kind = type(value)
    if depth > DEEPEST:
        raise InputError(f"{path} is too deep: a rule has at most {DEEPEST} values within values")
    if isinstance(value, Rule):
        return _rule_to_json(value, path, depth)
    if kind in PLAIN and not _is_extreme(value):
        return value
    if kind is float and math.isinf(value):
        return {"float": repr(value)}
    for name, collection in COLLECTIONS.items():
        if kind is collection:
            items = [_to_json(item, owner, f"{path}[…]", depth + 1) for item in value]
            return {name: sorted(items, key=json.dumps) if name.endswith("set") else items}
    if kind is dict:
        pairs = [
            [_to_json(part, owner, f"{path}[…]", depth + 1) for part in pair]
            for pair in value.items()
        ]
        return {"dict": pairs}
    if isinstance(value, np.generic) and value.dtype.kind in "biuf" and value == value:
        number = value.item()  # of a longer float: itself
        if type(number) in PLAIN:
            return {"numpy": value.dtype.name, "value": _to_json(number, owner, path, depth)}
    if isinstance(value, Enum) and _known_class(kind.__qualname__, owner) is kind:
        return {"enum": kind.__qualname__, "member": value.name}
    if is_dataclass(value) and not isinstance(value, type):
        name = kind.__qualname__
        if _known_class(name, owner) is kind:
            return {"dataclass": name, "fields": _fields_to_json(value, owner, path, depth)}
        where = f"define {name} in the module of the rule, or import it there by this name"
        raise InputError(f"{path} cannot be described: {where}")
    raise InputError(f"{path} cannot be described, got {quote(value)}: {ADVICE}{_hint(value)}")


def _is_extreme(value: Any) -> bool:
    """Whether a plain value has no JSON: a NaN, an infinity, an integer that cannot be printed."""
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, int) and value.bit_length() > MAX_BITS


def _hint(value: object) -> str:
    if isinstance(value, np.ndarray):
        return "; make the array a tuple: tuple(array.tolist())"
    if isinstance(value, float):
        return "; NaN is equal to nothing: use None"
    return "; in place of a function use a frozen dataclass" if callable(value) else ""


def _known_class(name: str, owner: type) -> Any:
    """Return what a name stands for in the module of `owner`; None if for nothing."""
    found: Any = sys.modules.get(owner.__module__)
    for part in name.split("."):
        found = getattr(found, part, None)
    return KNOWN.get(name) if found is None else found


# --- and back ------------------------------------------------------------------------------------


def rule_from_json(held: Any, depth: int = 0) -> Rule:
    """Make the rule that a description is of.

    Args:
        held: What `rule_to_json` returned; it may come from a damaged file.
        depth: How many values the description is within.

    Raises:
        InputError: No rule of the package, or of a module that is imported, has this description.
    """
    if depth > DEEPEST:
        raise InputError(f"no rule is described by more than {DEEPEST} values within each other")
    about = held if isinstance(held, dict) else {}
    name, found = about.get("name"), []
    for kind in _named(name):
        try:
            settings = {
                key: _from_json(value, kind, depth + 1)
                for key, value in about.items()
                if key != "name"
            }
            rule = kind(**settings)
            if same_json(rule_to_json(rule), held):
                found.append(rule)
        except Exception as error:
            raise InputError(f"no rule is described by {quote(held)}: {error!r}") from None
    if len(found) > 1:
        modules = " and ".join(sorted({type(rule).__module__ for rule in found}))
        raise InputError(f"several rules are named {quote(name)}, in {modules}: rename one")
    if found:
        return found[0]
    if _named(name):
        problem = f"the rule {quote(name)} is known here, but not with these settings"
        raise InputError(f"{problem}: {quote(held)}")
    raise InputError(f"the rule {quote(name)} is not known here")


def _from_json(held: Any, owner: type, depth: int) -> Any:
    """Make a setting of a rule of the class `owner`. Raises any error if it is damaged."""
    if depth > DEEPEST:
        raise InputError(f"no rule is described by more than {DEEPEST} values within each other")
    if not isinstance(held, dict):
        return held
    if "name" in held:
        return rule_from_json(held, depth)
    tag = next(iter(held), "")
    if tag == "float":
        return {"inf": math.inf, "-inf": -math.inf}[held[tag]]
    if tag in COLLECTIONS:
        return COLLECTIONS[tag]([_from_json(item, owner, depth + 1) for item in held[tag]])
    if tag == "dict":
        pairs = [[_from_json(part, owner, depth + 1) for part in pair] for pair in held[tag]]
        return dict(pairs)
    if tag == "numpy":
        dtype = np.dtype(held[tag])
        if dtype.kind not in "biuf":
            raise InputError(f"{quote(held[tag])} is no type of a number")
        return dtype.type(_from_json(held["value"], owner, depth + 1))
    kind = _known_class(str(held.get("enum", held.get("dataclass"))), owner)
    if tag == "enum" and isinstance(kind, type) and issubclass(kind, Enum):
        return kind[held["member"]]
    if tag == "dataclass" and isinstance(kind, type) and is_dataclass(kind):
        values = held["fields"].items()
        return kind(**{name: _from_json(value, owner, depth + 1) for name, value in values})
    raise InputError(f"{quote(held)} describes nothing that is known in {owner.__module__}")


@passes_handler_exceptions
def check_described(rule: Rule) -> dict[str, Any]:
    """Describe a rule, and check that the description is of an equal rule.

    A rule that is found nowhere by its name, because it is defined within a function, passes: its
    description says all the same what it is.

    Args:
        rule: The rule.

    Returns:
        What `rule_to_json` returns.

    Raises:
        InputError: A setting cannot be described; or another rule has this description.
    """
    held = rule_to_json(rule)
    if not _is_found_by_name(rule):
        return held
    try:
        again = rule_from_json(held)
    except InputError as error:
        problem = f"it cannot be made again from its fields: {error}"
        raise InputError(f"{quote(rule)}: {problem}") from None
    if type(again) is not type(rule):
        where = f"{type(again).__module__}.{type(again).__name__}"
        raise InputError(f"{quote(rule)} has the name of another rule, {where}: rename it")
    if type(rule).__eq__ is not object.__eq__ and again != rule:
        problem = f"from its fields {quote(again)} would be made again, which is not equal to it"
        raise InputError(f"{quote(rule)}: {problem}: {ADVICE}")
    return held


def _is_found_by_name(rule: Rule) -> bool:
    """Whether a rule, and each rule that is a field of it, has the name of a rule that is found."""
    values: list[Any] = [getattr(rule, f.name) for f in fields(rule)] if is_dataclass(rule) else []
    return bool(_named(type(rule).__name__)) and all(
        _is_found_by_name(value) for value in values if isinstance(value, Rule)
    )


def _named(name: object) -> list[type[Rule]]:
    """Return the rules of a name: the package's, or else a user's own."""
    found = [kind for kind in dict.fromkeys(_derived(Rule)) if kind.__name__ == name]
    return [kind for kind in found if not has_own_code(kind)] or found


def _derived(kind: type[Rule]) -> Iterator[type[Rule]]:
    for derived in kind.__subclasses__():
        if (
            getattr(sys.modules.get(derived.__module__), derived.__name__, None) is derived
        ):  # not what `slots` has replaced
            yield derived
        yield from _derived(derived)
