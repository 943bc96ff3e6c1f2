"""How far rounding can bring two machines apart in what one interneuron sends.

As in `rounding.py`, its mail is exact. So what it combines is exact, and its value and slopes err
by what their own evaluation errs: `Combination.rounding`. Slopes are taken at the activation that
it sent, if the log has it. Urgencies over positions are added in one order on all machines.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...neuron.interneuron_rule import InterneuronRule
from ...support.arrays import Array
from ..reference.rounding import EPS, gamma
from .learning_bounds import TINY

OWN_ERROR = 16.0  # in eps, of a combination of which nothing is known; of 1, where it is less
MOST_CARRIED = 1024.0  # in eps: how far such a one may carry the errors of its parts on


def terms_of(rule: InterneuronRule, activations_in: Array) -> Array:
    """Return what an interneuron combines.

    Args:
        rule: Its rule.
        activations_in: What it received, then a row of ones. Shape (fan_in + 1, width of the
            sources).

    Returns:
        Shape (terms, width).
    """
    rows, nothing = activations_in[:-1], rule.combination.nothing
    if rule.field is None:
        return np.ascontiguousarray(rows)
    return rule.field.gather_rows(rows, 0.0 if nothing is None else nothing)


def bound_activation(rule: InterneuronRule, terms: Array) -> Array:
    """Bound the error of an interneuron's activation.

    Args:
        rule: Its rule.
        terms: What it combines. Shape (terms, width).

    Returns:
        Shape (width,).
    """
    combination, here = rule.combination, rule.combination.value(terms)
    carried = _carried(combination.value, combination.rounding, terms, here)
    return _own_error(combination.rounding, here) + carried


def bound_urgencies(
    rule: InterneuronRule, terms: Array, total: Array, total_error: Array, sent: Array | None
) -> Array:
    """Bound the errors of the urgencies for all sources.

    Args:
        rule: Its rule.
        terms: What it combines. Shape (terms, width).
        total: The sum of the urgencies that it received. Shape (width,).
        total_error: A bound of its error. Shape (width,).
        sent: The activation that it sent. None: it is not recorded. Shape (width,).

    Returns:
        One row for each source. Shape (fan_in, width of the sources).
    """
    combination = rule.combination
    here = combination.value(terms) if sent is None else sent
    slopes = combination.slopes(terms, here)
    error = _own_error(combination.rounding, slopes) + _carried(
        lambda x: combination.slopes(x, here), combination.rounding, terms, slopes
    )
    if sent is None:
        apart = bound_activation(rule, terms)
        ends = (combination.slopes(terms, here + side * apart) for side in (-1, 1))
        error = error + np.max([np.abs(end - slopes) for end in ends], axis=0)
    products = np.abs(total * slopes)
    inexact = (total_error > 0) | (error > 0)
    errors = np.where(
        inexact,
        total_error * (np.abs(slopes) + error) + np.abs(total) * error + 2 * EPS * products + TINY,
        0.0,
    )
    if rule.field is None:
        return errors
    most = rule.field.transpose().width  # terms of one sum
    added, sizes = (rule.field.scatter_rows(rows) for rows in (errors, products + errors))
    return np.where(added > 0, added + gamma(most + 2) * sizes + TINY, 0.0)


def _own_error(rounding: float | None, values: Array) -> Array:
    """Bound what the evaluation of a combination errs at exact terms."""
    if rounding is None:
        return np.asarray(OWN_ERROR * EPS * np.maximum(np.abs(values), 1.0))
    return np.asarray(rounding * EPS * np.abs(values) + (TINY if rounding else 0.0))


def _carried(
    f: Callable[[Array], Array], rounding: float | None, terms: Array, here: Array
) -> Array:
    """Bound how far a combination of which nothing is known carries errors of its own parts."""
    if rounding is not None:
        return np.zeros_like(here)
    moved = np.zeros_like(here)
    for row in range(len(terms)):
        for way in (-np.inf, np.inf):
            other = terms.copy()
            other[row] = np.nextafter(terms[row], way)
            moved = np.maximum(moved, np.abs(f(other) - here))
    return np.minimum(len(terms) * moved, MOST_CARRIED * EPS * np.maximum(np.abs(here), 1.0))
