"""Which function a name stands for: what it gives at fixed points.

A network, a log and a checkpoint name their activation functions and losses. A table gives each
name its functions, and a user may add to the table, or replace what is there. So the name alone
does not say which function a run used. The identity of a function does:

* `digest`: over its values and slopes at some hundred fixed points. Losses are probed with one, two
  and three outputs, combinations with one to four rows. Null if it gives other numbers when it is
  asked again.
* `curvature`: the same of its curvature, of a combination of its bends; null if it has none.
* `sample`: its values and slopes at some of these points.
* `source`: a digest of its source text, a hint for error messages; null for the package's own.

Logs, checkpoints and workers carry it, and each reader compares it with the function of this name
in its own table. On the same kind of machine, where equal bits are promised, the digests must be
equal (see `support/numerics.py`). Elsewhere the last bits of exp and the like differ, so that
digests say nothing: there the samples must be equal within rounding. Two functions that are equal
at all these points have one identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..support.text import escape_controls
from . import functions
from .function_probe import Identity, difference, label_point
from .known_identity import known_identity, present_identity
from .losses import ORIGINALS

POINTS = 1  # the number of this set of points

Identities: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Comparison:
    """How functions that were recorded compare with those of the same names here.

    Attributes:
        problems: One text for each function that is another one.
        others: These functions, such as "activation 'tanh'".
        unchecked: The names that nothing is recorded of.
    """

    problems: list[str] = field(default_factory=list)
    others: set[str] = field(default_factory=set)
    unchecked: list[str] = field(default_factory=list)

    def add(
        self,
        what: str,
        there: object,
        here: Identity,
        *,
        exact: bool,
        rounding: float | None = None,
        label: Callable[[int], str] = lambda k: "",
    ) -> None:
        """Add the comparison of one function.

        Args:
            what: The kind and the name of the function.
            there: The recorded identity; anything else if there is none.
            here: The identity of what has the same name here.
            exact: Whether equal bits are promised between there and here.
            rounding: See `difference`.
            label: See `difference`.
        """
        if not isinstance(there, Mapping) or there.get("digest") is None:
            self.unchecked.append(f"the {what}")
            return
        problem = difference(there, here, exact=exact, rounding=rounding, label=label)
        if problem:
            self.problems.append(f"the {what} {problem}")
            self.others.add(what)


def identities(
    activations: Iterable[str | None], losses: Iterable[str], combinations: Iterable[str] = ()
) -> Identities:
    """Return the identities of functions in the tables, as JSON.

    Args:
        activations: Names of activation functions. Those that the table lacks are left out.
        losses: Names of losses, likewise.
        combinations: Names of combinations, likewise.

    Returns:
        An object; its entry of combinations is there if there are any.
    """
    known, known_losses = functions.ACTIVATIONS, functions.LOSSES
    names = {name for name in activations if isinstance(known.get(str(name)), functions.Activation)}
    loss_names = {name for name in losses if isinstance(known_losses.get(name), functions.Loss)}
    table = functions.COMBINATIONS
    others = {
        name: known_identity(table[name])
        for name in sorted(set(combinations))
        if isinstance(table.get(name), functions.Combination)
    }
    more = {"combinations": others} if others else {}
    return {
        "points": POINTS,
        "activations": {
            str(name): known_identity(known[str(name)]) for name in sorted(names, key=str)
        },
        "losses": {name: known_identity(known_losses[name]) for name in sorted(loss_names)},
        **more,
    }


def package_losses() -> dict[str, Identity]:
    """Return the identities of the package's own losses, whatever is in the table."""
    return {name: known_identity(loss) for name, loss in sorted(ORIGINALS.items())}


def compare(
    held: object,
    activations: Iterable[str | None],
    losses: Iterable[str],
    combinations: Iterable[str] = (),
    *,
    exact: bool,
) -> Comparison:
    """Compare recorded identities with the functions of the same names in the tables here.

    Args:
        held: What `identities` returned elsewhere; None or damaged in older files.
        activations: The activation functions that are needed.
        losses: The losses that are needed.
        combinations: The combinations that are needed.
        exact: Whether equal bits are promised between there and here.

    Raises:
        InputError: A table here lacks one of them.
    """
    found = Comparison()
    known = held if isinstance(held, Mapping) and held.get("points") == POINTS else {}
    for name in sorted({name for name in activations if name is not None}):
        functions.activation(name)  # raises
        function = functions.ACTIVATIONS[name]
        here = present_identity(function)
        what, there = f"activation {escape_controls(name)!r}", _entry(known, "activations", name)
        found.add(what, there, here, exact=exact, rounding=function.rounding, label=label_point)
    for name in sorted(set(losses)):
        functions.loss(name)
        loss = functions.LOSSES[name]
        what, there = f"loss {escape_controls(name)!r}", _entry(known, "losses", name)
        found.add(what, there, present_identity(loss), exact=exact, rounding=loss.rounding)
    for name in sorted(set(combinations)):
        functions.combination(name)
        entry = functions.COMBINATIONS[name]
        what, there = f"combination {escape_controls(name)!r}", _entry(known, "combinations", name)
        found.add(what, there, present_identity(entry), exact=exact, rounding=entry.rounding)
    return found


def _entry(held: Mapping[str, Any], table: str, name: str) -> object:
    entries = held.get(table)
    return entries.get(name) if isinstance(entries, Mapping) else None
