"""Whether a rule of a user's own says all that its neurons keep from step to step.

After a crash, from a checkpoint and in another lane a neuron continues from `get_state()` alone.
What a neuron keeps elsewhere, because its author forgot to name it in `STATE`, is lost there, and
the numbers differ in silence. So the rule is tried before such work starts: two societies go
through the same rounds side by side; in one of them all members are made anew before each round,
and continue from the state of the members in the other. Both must send the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..network.network import Network
from ..neuron.cell import Cell
from ..neuron.local_rule import NeuronRule
from ..support.errors import InputError
from ..support.own_code import has_own_code
from ..support.signal_exceptions import passes_handler_exceptions
from ..support.text import quote
from .rule import Rule

if TYPE_CHECKING:
    from .dry_run import DryRun

MOST_SYNAPSES = 500  # of a network in which a rule is tried


@passes_handler_exceptions
def check_state(rule: Rule, network: Network) -> None:
    """Check that members of a rule can continue from their state.

    A rule that fails in the trial, as one that is made for other losses does, is let through.

    Args:
        rule: The rule of a whole batch.
        network: The network that it is to be used for. In place of a large one, a small one is
            tried.

    Raises:
        InputError: They cannot.
    """
    if not has_own_code(type(rule)):
        return
    from .dry_run import DryRun

    if len(network.weights) > MOST_SYNAPSES:
        network = Network.layered([3, 4, 2], seed=0)
    with np.errstate(all="ignore"):
        try:
            trial = DryRun(rule, network)
            members = trial.make_members()
            if not all(callable(getattr(member, "get_state", None)) for member in members):
                return  # refused elsewhere
            rounds = trial.rounds()
            drive = next(rounds, None)
        except Exception:
            return
        while drive is not None:
            others, lost = _continue(trial, members)
            try:
                sent = drive(members)
            except Exception:
                return
            try:
                again = drive(others)
            except Exception as error:
                problem = "neurons that continue from get_state() fail"
                remedy = "name in STATE all that they keep from step to step"
                raise InputError(
                    f"{quote(rule)}: {problem}: {quote(str(error))}; {remedy}"
                ) from error
            for k, (one, other) in enumerate(zip(sent, again, strict=True)):
                if not _is_same(one, other):
                    raise InputError(_text(rule, members[k], lost.get(k, "")))
            try:
                drive = next(rounds, None)
            except Exception:
                return


def _continue(trial: DryRun, members: list[NeuronRule]) -> tuple[list[NeuronRule], dict[int, str]]:
    """Make members anew, which continue from the state of others; and say what got lost."""
    others, lost = trial.make_members(), {}
    for k, (member, other) in enumerate(zip(members, others, strict=True)):
        try:
            other.set_state(member.get_state())
        except Exception as error:
            name, kind = quote(member.id), type(member).__name__
            problem = f"{name}: its rule, {kind}, cannot continue from get_state()"
            raise InputError(f"{problem}: {quote(error)}; name in STATE what it keeps") from error
        names = [name for name in _own_attributes(member) if _differs(member, other, name)]
        lost[k] = ", ".join(map(repr, names))
    return others, lost


def _own_attributes(member: NeuronRule) -> Iterator[str]:
    """Yield the names of attributes that hold something, except those that LocalRule has."""
    known = {*Cell.__slots__, *getattr(member, "STATE", ())}
    names = [name for kind in type(member).__mro__ for name in getattr(kind, "__slots__", ())]
    for name in dict.fromkeys([*names, *getattr(member, "__dict__", ())]):
        if name not in known and not name.startswith("__"):
            yield name


def _differs(one: object, other: object, name: str) -> bool:
    values = [getattr(has, name) for has in (one, other) if hasattr(has, name)]
    return len(values) == 1 or (len(values) == 2 and not _is_same(*values))


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two values are the same, bit by bit; for other objects, whether equal."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, (list, tuple)) and isinstance(other, type(one)):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, np.random.Generator) and isinstance(other, np.random.Generator):
        return repr(one.bit_generator.state) == repr(other.bit_generator.state)
    try:
        return one is other or bool(one == other)
    except Exception:
        return False


def _text(rule: Rule, member: NeuronRule, lost: str) -> str:
    name, kind = quote(member.id), type(member).__name__
    problem = (
        f"{name} does something else when its rule, {kind}, continues from get_state(), as after a "
        "crash, from a checkpoint or in another lane"
    )
    remedy = (
        f"it keeps {lost}: name in STATE all that it keeps from step to step"
        if lost
        else "it depends on more than its mail and what STATE names, or changes that in place"
    )
    return f"{quote(rule)}: {problem}: {remedy}"
