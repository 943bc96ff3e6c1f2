"""The identity of an entry of the tables, as it is now or as it was first asked for."""

from __future__ import annotations

from ..support.numerics import digest_of
from ..support.signal_exceptions import passes_handler_exceptions
from .activations import Activation
from .combination_probe import probe_combination
from .combinations import Combination
from .function_probe import (
    Identity,
    Probed,
    make_identity,
    probe_activation,
    probe_loss,
    source_digest,
)
from .own_functions import Entry, is_own

_FIRST: dict[Entry, Identity] = {}
MOST_KNOWN = 4096


def known_identity(entry: Entry, *, is_new: bool = False) -> Identity:
    """Return the identity that an entry had when it was asked for first.

    `add_activation`, `add_combination` and `add_loss` ask for it, so that no run calls a function
    more often than its neurons do.

    Args:
        entry: An activation function, a combination or a loss.
        is_new: Whether to ask it twice. If it gives other numbers then, it depends on more than
            its arguments, and has no digest.
    """
    try:
        known = _FIRST.get(entry)
    except TypeError:  # one of its parts is an object that compares by value
        return present_identity(entry, twice=is_new)
    if known is None:
        known = present_identity(entry, twice=is_new)
        if len(_FIRST) < MOST_KNOWN:
            _FIRST[entry] = known
    return dict(known)


@passes_handler_exceptions
def present_identity(entry: Entry, *, twice: bool = False) -> Identity:
    """Return the identity of an entry as it is now, as JSON; see `function_identity.py`.

    Args:
        entry: An activation function, a combination or a loss.
        twice: Whether to ask it twice; see `known_identity`.
    """
    found = _probe(entry)
    digest: str | None = digest_of(found.results)
    if not found.is_known:
        digest = None  # it fails at all points, as any other function may
    if twice and digest != digest_of(_probe(entry).results):
        digest = None  # it depends on more than its arguments
    curvature = digest_of(found.curvatures) if found.curvatures else None
    slope = entry.slopes if isinstance(entry, Combination) else entry.slope
    source = source_digest(entry.value, slope) if is_own(entry) else None
    return make_identity(digest, found.sample, source, curvature)


def _probe(entry: Entry) -> Probed:
    if isinstance(entry, Combination):
        return probe_combination(entry)
    return probe_activation(entry) if isinstance(entry, Activation) else probe_loss(entry)
