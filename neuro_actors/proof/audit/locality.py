"""Whether neurons are local: what a neuron says must not depend on what only others received.

A replay gives each neuron its own mail. But code of the user's own can share more than mail: an
object that a rule hands to all its members, a variable of a module or a class. Then a neuron is
right only because the others are replayed beside it. So the replay of a log with such code is
repeated. Each time some of the neurons receive other mail than they received, and live another
life. The others must say all the same what they said. Any two neurons are in different halves in
one of these passes at least.

What this does not show: a state that neurons share although its content depends on no mail, as a
table of random numbers that the first of them draws. And a state to which half of the neurons
contribute as much as all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...network import functions
from ...network.own_functions import is_original

ALL_PAIRS, NEIGHBOURS = "all pairs", "neighbours"


def changed_groups(n: int, which: str) -> Iterator[frozenset[int]]:
    """Yield, for each pass, the members that receive other mail.

    Args:
        n: The number of members, neurons and inputs. They are numbered from 0 on.
        which: `ALL_PAIRS`: for any two members there is a pass with the first of them alone in the
            group. `NEIGHBOURS`: for any two with successive numbers; this takes two passes.
    """
    bits = max(n - 1, 0).bit_length()
    for bit in range(bits if which == ALL_PAIRS else min(bits, 1)):
        for value in (0, 1):
            yield frozenset(k for k in range(n) if k >> bit & 1 == value)


def has_own_functions(
    activations: Iterable[str], losses: Iterable[str], combinations: Iterable[str] = ()
) -> bool:
    """Return whether one of these names stands for a function that is the user's own.

    Args:
        activations: Names of activation functions.
        losses: Names of losses.
        combinations: Names of combinations.
    """
    return any(
        name in table and not is_original(name, table[name])  # an input has no name
        for table, names in (
            (functions.ACTIVATIONS, activations),
            (functions.LOSSES, losses),
            (functions.COMBINATIONS, combinations),
        )
        for name in names
    )
