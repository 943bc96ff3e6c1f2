"""Names that a class of a user's own must leave to the package's class that it derives from.

A class with a second meaning for such a name has no error at first: the neuron's state is replaced,
or a method is never called. So such a class is refused where it is defined:

1. An attribute that the package's class has (in its `__slots__`) is not declared again. A property
   may take its place.
2. A method of the package's class is overridden by a method alone, not by a field or a number.
3. A method is not defined under the name that an older version called it by: nothing calls it now.
4. Nor is it defined under a name that is almost that of a method of the package's class with as
   many parameters, unless the class itself uses the name: it would never be called.

`docs/extending.md` has the names; `docs/moved-names.md` has the older ones.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from inspect import ismethoddescriptor
from types import FunctionType, MappingProxyType

from .errors import InputError, SimulationError
from .own_code import LANGUAGE, PACKAGE

ALIKE = 0.8  # of two names: "respnd" and "respond" are 0.92 alike, "fine" and "fire" 0.75
CELLS = {"Cell": "LocalRule", "PlainCell": "LocalRule"}  # classes that hold another's attributes
Renamed = Mapping[str, str]  # the name of older versions: the name of now

RULE_METHODS: Renamed = MappingProxyType(
    {
        "KEPT": "STATE",
        "kept": "get_state",
        "restore": "set_state",
        "_towards_listeners": "listener_weights",
        "_learnt": "learn",
        "_refuse": "refuse",
    }
)
LOSS_METHODS: Renamed = MappingProxyType({"judge": "evaluate"})
RULE_FACTORY_METHODS: Renamed = MappingProxyType({"judge": "loss_node"})
PORT_METHODS: Renamed = MappingProxyType(
    {
        "wait": "receive",
        "heard": "activations_in",
        "activation": "activation_out",
        "urgencies": "urgencies_in",
        "back": "urgencies_out",
        "commit": "commit_out",
    }
)


def check_own_names(kind: type, renamed: Renamed) -> None:
    """Check the names that a class defines, if it is a user's own.

    Args:
        kind: The class, which derives from a class of the package.
        renamed: The names of older versions.

    Raises:
        InputError: A name has a second meaning.
    """
    attributes, methods = reserved_names(kind)
    for owner in _own_classes(kind):
        slots, fields = _slots(owner), _annotations(owner)
        names = dict.fromkeys([*slots, *vars(owner), *fields])
        for name in names:
            value = vars(owner).get(name)
            is_field = name in fields and "ClassVar" not in str(fields[name])
            if name in attributes and (name in slots or _hides_slot(owner, name)):
                what = f"declares {name!r}, which is an attribute of {attributes[name]}"
                _refuse(owner, f"{what}: take another name")
            if name in methods and (is_field or not _is_method(value)):
                what = f"has a setting {name!r}, which is a method of {methods[name]}"
                _refuse(owner, f"{what}: take another name")
            now = renamed.get(name)
            if now is not None and now not in names:
                _refuse(owner, f"defines {name!r}, which nothing reads: the name is {now!r} now")
            if now is None and name not in methods and isinstance(value, FunctionType):
                meant = _misspelt(kind, name, value, methods)
                if meant is not None:
                    _refuse(
                        owner, f"defines {name!r}, which nothing calls: did you mean {meant!r}?"
                    )


@cache
def check_port(kind: type) -> None:
    """Check the names that the class of a port defines, if it is a user's own.

    Args:
        kind: The class of a neuron's or of the loss node's port.

    Raises:
        SimulationError: It defines a method or an array by the name of an older version.
    """
    for owner in _own_classes(kind):
        for name, now in PORT_METHODS.items():
            if name in vars(owner) and now not in vars(owner):
                problem = f"the port {owner.__qualname__} defines {name!r}, which nothing reads"
                raise SimulationError(f"{problem}: the name is {now!r} now")


def reserved_names(kind: type) -> tuple[dict[str, str], dict[str, str]]:
    """Return the names that the package's classes give a meaning, each with its class.

    Args:
        kind: A class.

    Returns:
        The attributes, and the methods and properties that have no underscore at their beginning.
    """
    attributes, methods = dict[str, str](), dict[str, str]()
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] == PACKAGE:
            owner = CELLS.get(base.__name__, base.__name__)
            attributes |= dict.fromkeys(_slots(base), owner)
            for name, value in vars(base).items():
                if not name.startswith("_") and _is_method(value):
                    methods[name] = owner
    return attributes, methods


def _own_classes(kind: type) -> Iterator[type]:
    for base in kind.__mro__:
        module = base.__module__
        if module.partition(".")[0] != PACKAGE and module not in LANGUAGE:
            yield base


def _misspelt(kind: type, name: str, function: FunctionType, methods: Iterable[str]) -> str | None:
    """Return the method of the package's class that a method of a user's own was to override."""
    if name.startswith("_"):
        return None
    from difflib import get_close_matches  # for names of a user's own alone

    codes = [
        value.__code__
        for owner in _own_classes(kind)
        for value in vars(owner).values()
        if isinstance(value, FunctionType) and value is not function
    ]
    if any(name in code.co_names for code in codes):
        return None  # a helper
    n = function.__code__.co_argcount
    alike = [
        method
        for method in methods
        if isinstance(there := getattr(kind, method), FunctionType)
        and there.__code__.co_argcount == n
    ]
    return next(iter(get_close_matches(name, alike, 1, ALIKE)), None)


def _annotations(owner: type) -> Mapping[str, object]:
    """Return the annotations of one class, as they are written."""
    if sys.version_info >= (3, 14):  # they are evaluated when they are read
        import annotationlib

        return annotationlib.get_annotations(owner, format=annotationlib.Format.STRING)
    fields: Mapping[str, object] = vars(owner).get("__annotations__", {})
    return fields


def _slots(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _hides_slot(owner: type, name: str) -> bool:
    """Return whether a class puts a value in place of an attribute; a property holds one."""
    return name in vars(owner) and not hasattr(type(vars(owner)[name]), "__set__")


def _is_method(value: object) -> bool:
    if isinstance(value, (property, staticmethod, classmethod)):
        return True
    return callable(value) or ismethoddescriptor(value)


def _refuse(owner: type, problem: str) -> None:
    raise InputError(f"the class {owner.__qualname__} {problem}")
