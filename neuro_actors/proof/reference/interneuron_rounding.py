"""What rounding allows an interneuron: its value, its slopes, and how these bend.

Let x be what an interneuron combines, e bounds of the errors of x, and g its combination. Two
computations have x and x + d, with |d_i| <= e_i. Between x and x + d the slope g_i = ∂g/∂x_i
changes by at most c_i. So by the mean value theorem, along the line from x to x + d,

    |g(x + d) - g(x) - Σ g_i(x) d_i|  <=  Σ c_i e_i.

That holds for a maximum as well, which has a kink: along a line it is the integral of its slope. So
one number for each source is all that is needed: c_i. With it comes what the slope itself errs.

    sum         1 is exact: c = 0.
    product     g_i is the product of all others. As a polynomial whose coefficients are positive it
                changes most if all sizes grow: c_i = Π_{j≠i} (|x_j| + e_j) - Π_{j≠i} |x_j|.
    max         The slope is 1 for the first of the greatest, 0 for the others. Let k be that one.
                If x_j + e_j < x_k - e_k for each other j, it stays the greatest: c = 0. Else it may
                be any one that reaches so far: c_i = 1 for these and for k. Where two are equal and
                neither errs (e_j = e_k = 0) the first one is it in every computation, as for kinks
                of activation functions. So it is where one is a copy of the other: an interneuron
                with one source repeats it, to the last bit.
    logsumexp   g_i = p_i, the softmax. Each x_j moves by m = max e at most, so p_i changes by a
                factor between exp(-2m) and exp(2m): c_i = p_i (exp(2m) - 1), and p_i <= 1.
    a user's    Each x_j is moved alone, by twice its error, and the changes of g_i are added up, as
                for losses (`rounding.loss_error`).

How g_i bends along a direction d is Σ_j ∂²g/∂x_i∂x_j d_j. Its errors are bounded in the same way;
d errs, too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...network.combinations import Combination
from ...support.arrays import Array, Indices
from .interneurons import Interneurons
from .matrices import Matrices
from .partials import bent_product_of_others, name_of, product_of_others, softmax
from .rounding import EPS, LEAST, gamma, known_sum_error


def values_errors(matrices: Matrices, a: Array, partials: list[Array], errors: Array) -> Array:
    """Bound what the interneurons' own values err, beside partial derivative · error of the source.

    Args:
        matrices: The network.
        a: The activations. Shape (batch, n_neurons).
        partials: The derivatives by sources, see `Matrices.partials`. Shapes (batch, n).
        errors: Bounds of the activations' errors. Shape (batch, n_neurons).

    Returns:
        The bounds, of the shape of `a`; 0 for others than interneurons.
    """
    found = np.zeros_like(a)
    for level, own in zip(matrices.levels, partials, strict=True):
        among = level.interneurons
        if among is None:
            continue
        e = errors[:, among.sources]
        found[:, among.targets] = values_rounding(among, a, errors)
        change = slopes_errors_of(among, a, own, errors, matrices.origins)
        found[:, among.targets] += np.add.reduceat(change * e, among.starts, axis=1)
    return found


def values_rounding(among: Interneurons, a: Array, errors: Array) -> Array:
    """Bound how far two evaluations of interneurons lie apart, of the same activations near a.

    Args:
        among: The interneurons.
        a: The activations. Shape (batch, n_neurons).
        errors: How far they may be from a. Shape (batch, n_neurons).

    Returns:
        The bounds. Shape (batch, n).
    """
    return among.per_interneuron(_value_rounding, a[:, among.sources], errors[:, among.sources])


def slopes_errors(
    matrices: Matrices, a: Array, partials: list[Array], errors: Array
) -> list[Array]:
    """Bound how far the derivatives of interneurons by sources change, and what they err.

    Args:
        matrices: The network.
        a: The activations. Shape (batch, n_neurons).
        partials: The derivatives, see `Matrices.partials`. Shapes (batch, n).
        errors: Bounds of the activations' errors. Shape (batch, n_neurons).

    Returns:
        The bounds, of the shapes of `partials`.
    """
    return [
        own
        if level.interneurons is None
        else slopes_errors_of(level.interneurons, a, own, errors, matrices.origins)
        for level, own in zip(matrices.levels, partials, strict=True)
    ]


def bends_errors(
    matrices: Matrices, a: Array, a_t: Array, errors: Array, tangents_errors: Array
) -> list[Array]:
    """Bound the errors of what bends the derivatives along a direction.

    Args:
        matrices: The network.
        a: The activations. Shape (batch, n_neurons).
        a_t: Their derivatives along the direction. Shape (batch, n_neurons).
        errors: Bounds of the activations' errors. Shape (batch, n_neurons).
        tangents_errors: Bounds of those of `a_t`. Shape (batch, n_neurons).

    Returns:
        The bounds, of the shapes of `Matrices.partials`.
    """
    found = []
    for level in matrices.levels:
        among = level.interneurons
        if among is None:
            found.append(np.zeros((len(a), 0)))
            continue
        found.append(bends_errors_of(among, a, a_t, errors, tangents_errors))
    return found


def bends_errors_of(
    among: Interneurons, a: Array, a_t: Array, errors: Array, tangents_errors: Array
) -> Array:
    """Bound the same of some interneurons. Shape (batch, n_synapses).

    Args:
        among: The interneurons.
        a: The activations. Shape (batch, n_neurons).
        a_t: Their derivatives along the direction. Shape (batch, n_neurons).
        errors: Bounds of the activations' errors. Shape (batch, n_neurons).
        tangents_errors: Bounds of those of `a_t`. Shape (batch, n_neurons).
    """
    given = (values[:, among.sources] for values in (a, a_t, errors, tangents_errors))
    return among.per_synapse(_bends_error, *given, of_targets=a[:, among.targets])


def slopes_errors_of(
    among: Interneurons, a: Array, own: Array, errors: Array, origins: Indices | None = None
) -> Array:
    """Bound the same as `slopes_errors`, of some interneurons. Shape (batch, n_synapses).

    Args:
        among: The interneurons.
        a: The activations. Shape (batch, n_neurons).
        own: Their derivatives by their sources. Shape (batch, n_synapses).
        errors: Bounds of the activations' errors. Shape (batch, n_neurons).
        origins: See `Matrices.origins`. Shape (n_neurons,). None: no neuron is a copy.
    """
    named = np.arange(a.shape[1]) if origins is None else origins
    of_terms = np.broadcast_to(named[among.sources].astype(np.float64), own.shape)
    return among.per_synapse(
        slopes_error,
        a[:, among.sources],
        own,
        errors[:, among.sources],
        of_terms,
        of_targets=a[:, among.targets],
    )


def _value_rounding(combination: Combination, x: Array, e: Array) -> Array:
    return value_rounding(combination, x, combination.value(x), e)


def value_rounding(combination: Combination, x: Array, a: Array, e: Array) -> Array:
    """Bound how far two evaluations of a combination lie apart, of the same rows near x.

    Args:
        combination: The combination g.
        x: What is combined. Shape (fan_in, columns).
        a: g(x). Shape (columns,).
        e: How far the rows may be from x. Shape (fan_in, columns).

    Returns:
        The bounds. Shape (columns,).
    """
    n, name = len(x), name_of(combination)
    sizes = np.abs(x) + e
    if name == "sum":
        total = np.abs(a) + e.sum(axis=0)
        return known_sum_error(n - 1, sizes.sum(axis=0), total) if n > 1 else 0.0 * a
    if name == "max":
        return np.zeros(x.shape[1])
    if name == "product":
        rounded = gamma(n - 1) * np.prod(sizes, axis=0)
        return np.asarray(rounded + (n - 1) * LEAST * np.prod(np.maximum(sizes, 1.0), axis=0))
    if name == "logsumexp":
        return np.asarray(EPS * (2 * (np.abs(a) + e.max(axis=0)) + 4 * n + 16))
    greatest = np.maximum(np.abs(a), np.maximum(sizes.max(axis=0), 1.0))
    return np.asarray((8 + 2 * n) * EPS * greatest)


def slopes_error(
    combination: Combination, x: Array, slopes: Array, e: Array, origins: Array, a: Array
) -> Array:
    """Bound how far the slopes change where x changes by up to e, and what they themselves err.

    Args:
        combination: The combination g.
        x: What is combined. Shape (fan_in, columns).
        slopes: ∂g/∂x_i. Shape (fan_in, columns).
        e: How far the rows may be from x. Shape (fan_in, columns).
        origins: What each row is a copy of, as a number. Shape (fan_in, columns).
        a: g(x). Shape (columns,).

    Returns:
        The bounds c_i. Shape (fan_in, columns).
    """
    n, name = len(x), name_of(combination)
    if name == "sum":
        return np.zeros_like(x)
    if name == "product":
        return _of_sizes(product_of_others, np.abs(x), e, n + 1)
    if name == "max":
        return _of_a_max(x, slopes, e, origins)
    if name == "logsumexp":
        change = np.expm1(2 * e.max(axis=0)) * slopes
        own = _softmax_rounding(x, a, e) * slopes
        return np.asarray(np.minimum(change + own * (1 + change), 1.0 + EPS) + LEAST)

    def slopes_at(rows: Array) -> Array:
        return combination.slopes(rows, combination.value(rows))

    return _moved_alone(slopes_at, x, e) + (16 + 2 * n) * EPS * np.maximum(np.abs(slopes), 1.0)


def _bends_error(
    combination: Combination, x: Array, d: Array, e: Array, d_e: Array, a: Array
) -> Array:
    """Bound the errors of Σ_j ∂²g/∂x_i∂x_j d_j, where x errs by e and d by d_e."""
    n, name = len(x), name_of(combination)
    if name in ("sum", "max"):
        return np.zeros_like(x)
    if name == "product":

        def of_sizes(both: Array) -> Array:
            return bent_product_of_others(both[:n], both[n:])

        both, errors = np.concatenate([np.abs(x), np.abs(d)]), np.concatenate([e, d_e])
        return _of_sizes(of_sizes, both, errors, 3 * n + 2)
    if name == "logsumexp":
        p = softmax(x)
        relative = np.expm1(2 * e.max(axis=0)) + _softmax_rounding(x, a, e)
        sizes = p * (np.abs(d) + (p * np.abs(d)).sum(axis=0))
        moved = p * (d_e + (p * d_e).sum(axis=0)) * (1 + relative) ** 2
        return np.asarray((relative * (2 + relative) + gamma(n + 8)) * sizes + moved)

    bends = combination.bends
    assert bends is not None

    def bends_at(rows: Array, along: Array) -> Array:
        return bends(rows, combination.value(rows), along)

    change = _moved_alone(lambda rows: bends_at(rows, d), x, e)
    change += _moved_alone(lambda along: bends_at(x, along), d, d_e)
    size = np.maximum(np.abs(bends(x, a, d)), np.abs(d).max(axis=0))
    return np.asarray(change + (32 + 2 * n) * EPS * np.maximum(size, 1.0))


def _of_sizes(f: Callable[[Array], Array], sizes: Array, e: Array, n: int) -> Array:
    """Bound the change, and the rounding, of a polynomial whose coefficients are positive."""
    most = f(sizes + e)
    least = n * LEAST * f(np.maximum(sizes + e, 1.0))
    return np.where(most > 0, most - f(sizes) + gamma(n + 2) * most + least, 0.0)


def _of_a_max(x: Array, slopes: Array, e: Array, origins: Array) -> Array:
    """1 where another one may be the greatest than is; see the head of this file."""
    first = slopes.argmax(axis=0)
    column = np.arange(x.shape[1])
    top, top_e = x[first, column], e[first, column]
    # the difference of numbers so near is exact
    reaches = (top - x <= e + top_e) & (e + top_e > 0)
    reaches &= origins != origins[first, column]
    found: Array = reaches.astype(np.float64)
    found[first, column] = reaches.any(axis=0)
    return found


def _softmax_rounding(x: Array, a: Array, e: Array) -> Array:
    """Bound what e^(x_i - a) errs of itself, in two computations. Shape (fan_in, columns)."""
    own = EPS * (2 * (np.abs(a) + e.max(axis=0)) + 4 * len(x) + 16)
    return np.asarray(16 * EPS + 2 * EPS * (np.abs(x - a) + e) + 2 * own)


def _moved_alone(f: Callable[[Array], Array], x: Array, e: Array) -> Array:
    """Bound how far f changes: each row is moved alone, by twice its error."""
    here = f(x)
    total = np.zeros_like(here)
    for i in np.flatnonzero((e > 0).any(axis=1)).tolist():
        shift = np.zeros_like(x)
        shift[i] = 2.0 * e[i]
        total += np.maximum(np.abs(f(x + shift) - here), np.abs(f(x - shift) - here))
    return total
