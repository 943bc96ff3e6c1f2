"""How far rounding alone can bring two correct computations of a gradient apart.

A running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 2002, sections 3.1
and 3.3), around the numbers that the reference computed. Both computations round, by half of EPS a
time. So two sums of n products may differ by n · EPS / (1 - n · EPS) · Σ|terms|, whatever the order
of the terms; where the terms cancel, by about half of that (`rounding.known_sum_error`). What
differs at each neuron is carried on as differences spread in fact: by sums over paths with their
signs, or ellipsoids (`propagation.py`, `ellipsoids.py`). So the bound does not grow with depth
where differences do not.

An error on the way forward does more on the way back: it bends slopes. With da, dz a loss's
derivatives by activations and signals, an error e of a signal z changes dz = da · f'(z) by
da · f''(z) · e + da · θ + (what f'(z) errs) · (what da errs). Here θ is what f' is off its tangent
(`rounding.slope_line`). All e are sums over the same errors that are made at each neuron. So the
first part, carried on back to each neuron, is linear in these. Its coefficients are computed with
their signs, and only then sizes are taken (`Propagation.bent`). Taking the size of each e before
it is carried back loses a factor of ten and more in deep networks of elu and gelu. The loss's slope
at the outputs is bent in the same way.

An interneuron errs as `interneuron_rounding.py` says. Its derivatives by its sources change from
example to example, and err, too. What that does on the way back is bounded by sizes, without signs.

It is a bound, no estimate of first order. The sums over paths leave out products of two errors, θ,
kinks, and their own rounding. All of these depend on the bound that is looked for. So a
bound is guessed, a little larger than the first order. What it leaves out is computed from the
guess. If that is no more than was allowed for, the guess is right: in a graph without cycles that
is a proof by induction, neuron after neuron. Else a larger bound is guessed. In a network so
chaotic that this comes to no end, the bound is infinite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ...network.function_names import AnyLoss
from ...network.gradient import Gradient
from ...network.network import Network
from ...support.arrays import Array
from ...support.errors import BoundError
from ...support.hints import explains_arguments
from ...support.validation import as_flag
from .ellipsoids import ByEllipsoids
from .gradients import Pass
from .interneuron_rounding import slopes_errors, values_errors
from .matrices import Matrices
from .propagation import AFFORDABLE, CHEAP, ByPaths, BySizes, Propagation
from .rounding import (
    EPS,
    LEAST,
    gamma,
    is_linear,
    known_sum_error,
    loss_slopes_line,
    losses_error,
    remainder,
    slope_line,
    sum_error,
    value_error,
)
from .unroll import Unrolled, as_plain_examples, sum_of_copies

# A bound proves something if it is at most this share of the greatest entry: so an urgency that is
# wrong by 1e-9 of the greatest is refused. Where sums of neurons have more than 200 terms, it may
# be 20,000 times the error of such a sum, for that is no matter of depth.
PROVES, OF_A_SUM = 9.9e-10, 20000
GOOD = 1e-11  # of the greatest entry: a bound that is smaller is not improved
SHARP = 0.4  # of that: to improve a bound that is smaller must cost little
FLAT, STEEP = 1e-2, 1e2  # an output's slope, and its loss's, where it may be nearly sure
SLACK = 1.1  # how much more is allowed for than was guessed
GUESSES = 12


@explains_arguments
@np.errstate(under="ignore")  # whatever the caller has set
def bound(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: AnyLoss = "squared_error",
    wrt_inputs: bool = False,
    *,
    step: int | None = None,
) -> Gradient:
    """Compute how far rounding alone can bring two correct computations of a gradient apart.

    Args:
        network: The network.
        x: The values of the inputs, a row for each example. Shape (batch, *positions, n_inputs),
            as in `gradient`.
        targets: What the outputs should be. Shape (batch, *positions, n_outputs).
        loss: The name of the loss, a key of `na.LOSSES`.
        wrt_inputs: Whether to bound ∂loss/∂x too.
        step: The number of the step whose masks dropouts have, 1 for the first step of a society;
            through time that of its first round. Only a network with a dropout needs it.

    Returns:
        A `Gradient` whose entries are no gradient, but a bound of each entry's difference: of the
        loss, the predictions, the weights, the biases and, if asked for, the inputs. It may be so
        large that it proves nothing; `with_bound` refuses then.

    Raises:
        InputError: As `gradient`.
    """
    return gradient_and_bound(network, x, targets, loss, wrt_inputs, step)[1]


@explains_arguments
@np.errstate(under="ignore")  # whatever the caller has set
def with_bound(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: AnyLoss = "squared_error",
    wrt_inputs: bool = False,
    *,
    step: int | None = None,
) -> tuple[Gradient, Gradient]:
    """Compute `gradient` and `bound` at once, if the bound proves something.

    Args:
        network: The network.
        x: The values of the inputs, a row for each example. Shape (batch, *positions, n_inputs),
            as in `gradient`.
        targets: What the outputs should be. Shape (batch, *positions, n_outputs).
        loss: The name of the loss, a key of `na.LOSSES`.
        wrt_inputs: Whether to compute ∂loss/∂x, and its bound, too.
        step: The number of the step whose masks dropouts have, 1 for the first step of a society;
            through time that of its first round. Only a network with a dropout needs it.

    Returns:
        The gradient, and the bound of each of its entries.

    Raises:
        InputError: As `gradient`.
        BoundError: The bound is more than 1e-9 of the gradient's greatest entry, so that it would
            prove little or nothing; or more than 20,000 times what a sum errs, if that is larger.

    Examples:
        >>> network = na.Network.layered([3, 5, 2])
        >>> x, targets = np.ones((4, 3)), np.zeros((4, 2))
        >>> expected, bound = na.reference.with_bound(network, x, targets)
        >>> difference = na.gradient(network, x, targets).weights - expected.weights
        >>> bool((abs(difference) <= bound.weights).all())
        True
    """
    expected, limit = gradient_and_bound(network, x, targets, loss, wrt_inputs, step)
    problem = proves_nothing(expected, limit)
    if problem:
        raise BoundError(problem)
    return expected, limit


def greatest_share(expected: Gradient) -> float:
    """Return the greatest bound that proves something, as a share of the greatest entry.

    Args:
        expected: The gradient.
    """
    fans = expected.network.incoming.sizes.max(), expected.network.outgoing.sizes.max()
    return max(PROVES, OF_A_SUM * float(gamma(max(fans))))


def proves_nothing(expected: Gradient, limit: Gradient, most: float | None = None) -> str:
    """Say why a bound proves nothing; "" if it proves something.

    Args:
        expected: The gradient.
        limit: The bound of each of its entries.
        most: The greatest bound that proves something, as a share of the greatest entry. None:
            as `greatest_share` says.
    """
    most = greatest_share(expected) if most is None else most
    for together in (("weights", "biases"), ("inputs",)):
        size, greatest = sizes(expected, limit, *together)
        if size > most * greatest:
            return (
                f"too deep to compare as a whole: rounding may change an entry of the gradient by "
                f"{size:.2g}, and its greatest entry is {greatest:.2g} (or the gradient is almost "
                "0). Compare each neuron on its own mail: neuro-actors verify, or na.audit of a log"
            )
    return ""


def share(expected: Gradient, limit: Gradient) -> float:
    """Return how large the greatest bound is, as a share of the greatest entry of its array.

    Args:
        expected: The gradient.
        limit: The bound of each of its entries.

    Returns:
        The greatest share of the weights', the biases' and the inputs'.
    """
    shares = [0.0]
    for name in ("weights", "biases", "inputs"):
        size, greatest = sizes(expected, limit, name)
        if size > 0:
            shares.append(size / greatest if greatest else np.inf)
    return max(shares)


def sizes(expected: Gradient, limit: Gradient, *names: str) -> tuple[float, float]:
    """Return the greatest bound, and the greatest entry, of some arrays together.

    Args:
        expected: The gradient.
        limit: The bound of each of its entries.
        names: The names of the arrays. One that was not computed is skipped.
    """
    bounds = [0.0 if (b := getattr(limit, name)) is None else _greatest(b) for name in names]
    entries = [0.0 if (g := getattr(expected, name)) is None else _greatest(g) for name in names]
    return (max(bounds) if np.isfinite(bounds).all() else np.inf), max(entries)


def _greatest(values: Array) -> float:
    return float(np.abs(values).max(initial=0.0))


def gradient_and_bound(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: str,
    wrt_inputs: bool,
    step: int | None = None,
) -> tuple[Gradient, Gradient]:
    """Compute the gradient and its bound, also one that proves nothing.

    Args:
        network: The network.
        x: The values of the inputs. Shape (batch, *positions, n_inputs),
            as in `gradient`.
        targets: What the outputs should be. Shape (batch, *positions, n_outputs).
        loss: The name of the loss.
        wrt_inputs: Whether to bound ∂loss/∂x too.
        step: See `bound`.

    Raises:
        InputError: As `gradient`.
    """
    unrolled, rows, wanted = as_plain_examples(network, x, targets, loss, step)
    run = Pass.of(unrolled.plain, rows, wanted, loss, unrolled.n_rows)
    of_copies = run.gradient(as_flag("wrt_inputs", wrt_inputs))
    expected = unrolled.fold(of_copies)

    def attempt(propagation: Propagation) -> tuple[float, Gradient]:
        limit = fold_bound(unrolled, of_copies, _bound(run, propagation, wrt_inputs))
        return share(expected, limit), limit

    return expected, sharpest(run, attempt, SHARP * greatest_share(expected), wrt_inputs)


def fold_bound(unrolled: Unrolled, found: Gradient, limit: Gradient) -> Gradient:
    """Return the bound of an unrolled network's gradient: with the rounding of sums over copies.

    Args:
        unrolled: The network.
        found: The gradient of the plain network.
        limit: Its bound.
    """
    if unrolled.plain is unrolled.of:
        return limit
    folded = unrolled.fold(limit)
    more = {}
    for name, owners in (("weights", unrolled.weight_of), ("biases", unrolled.bias_of)):
        sizes, bound = np.abs(getattr(found, name)) + getattr(limit, name), getattr(folded, name)
        copies = sum_of_copies(np.ones(len(owners)), owners, len(bound)).astype(np.intp)
        more[name] = bound + gamma(copies + 2) * sum_of_copies(sizes, owners, len(bound))
    return replace(folded, **more)


def sharpest(
    run: Pass,
    attempt: Callable[[Propagation], tuple[float, Gradient]],
    sharp: float,
    with_inputs: bool,
) -> Gradient:
    """Compute a bound by sizes, and in other ways if they are cheap, or needed and affordable.

    Args:
        run: The computation whose errors are bounded.
        attempt: Computes the bound by one way; with it, its share of the greatest entry.
        sharp: A bound whose share is larger is worth a high cost.
        with_inputs: Whether derivatives by the inputs are bounded.
    """
    with np.errstate(all="ignore"):
        best, limit = attempt(BySizes(run.matrices, run.slopes, run.partials))
        paths = ByPaths(run.matrices, run.slopes, with_inputs, run.partials)
        ways: list[ByPaths | ByEllipsoids] = [paths]
        if paths.cost > CHEAP and not len(run.matrices.interneurons):  # ellipsoids know none
            ways.insert(0, ByEllipsoids(run.matrices, run.slopes, with_inputs))
        for way in ways:
            if best > GOOD and way.cost <= (AFFORDABLE if best > sharp else CHEAP):
                found, other = attempt(way)
                if found < best:
                    best, limit = found, other
    inputs = None if limit.inputs is None else _infinite(limit.inputs)
    loss = limit.loss if limit.loss >= 0 else np.inf
    others = (_infinite(limit.predictions), _infinite(limit.weights), _infinite(limit.biases))
    return Gradient(limit.network, loss, *others, inputs)


def _infinite(values: Array) -> Array:
    """Return infinity for what is no number, as 0 times an infinite bound."""
    return np.where(np.isnan(values), np.inf, values)


class Errors(NamedTuple):
    """Bounds of the errors of all numbers of a `Pass`.

    Attributes:
        z: Of the signals. Shape (batch, n_neurons).
        a: Of the activations. Shape (batch, n_neurons).
        slopes: Of f'(z). Shape (batch, n_neurons).
        da: Of the derivatives by the activations. Shape (batch, n_neurons).
        dz: Of the derivatives by the signals. Shape (batch, n_neurons).
    """

    z: Array
    a: Array
    slopes: Array
    da: Array
    dz: Array


def _bound(run: Pass, propagation: Propagation, wrt_inputs: bool) -> Gradient:
    """Bound the errors of a gradient."""
    matrices, batch, errors = run.matrices, len(run.z), errors_of(run, propagation)
    p_error = errors.a[:, matrices.outputs]
    weights, biases = mean_errors(matrices, (run.dz, errors.dz), (run.a, errors.a))
    inputs = errors.da[:, matrices.inputs] / batch if wrt_inputs else None
    return Gradient(matrices.network, loss_bound(run, p_error), p_error, weights, biases, inputs)


def loss_bound(run: Pass, p_error: Array) -> float:
    """Bound the error of the mean loss.

    Args:
        run: The computation.
        p_error: Bounds of the predictions' errors. Shape (batch, n_outputs).
    """
    errors = losses_error(run.loss, run.predictions, run.targets, p_error)
    rounding = sum_error(len(errors) + 4, np.abs(run.loss.value(run.predictions, run.targets)))
    return float((errors + rounding).mean())


def errors_of(run: Pass, propagation: Propagation) -> Errors:
    """Bound the errors of all numbers of a gradient's computation.

    Args:
        run: The computation.
        propagation: How errors are carried on.
    """
    matrices, partials, (z, a, slopes, da, dz) = run.matrices, run.partials, run[3:8]
    sizes_of_partials = [np.abs(own) for own in partials]
    weights = [np.abs(values) for values in matrices.weights]
    fan_in = matrices.network.incoming.sizes + 2
    fan_out = matrices.network.outgoing.sizes + 2
    biases = np.where(matrices.has_bias, np.abs(matrices.network.biases), 0.0)
    is_interneuron = matrices.network.is_interneuron

    def forward(signals: Array, activations: Array) -> tuple[Array, Array]:
        made = np.zeros_like(z)
        for function, t in matrices.functions():
            made[:, t] = value_error(function, z[:, t], a[:, t]) + remainder(
                function, z[:, t], a[:, t], slopes[:, t], signals[:, t]
            )
        # the errors twice: once for the sum, and once for the sums over paths
        more = matrices.into(weights, activations, sizes_of_partials)
        terms = matrices.into(weights, np.abs(a)) + biases + more
        summed = known_sum_error(fan_in, terms, np.abs(z) + signals) + sum_error(fan_in, more)
        if is_interneuron.any():
            own = values_errors(matrices, a, partials, activations) + 2 * sum_error(fan_in, more)
            summed = np.where(is_interneuron, own, summed)
        return np.where(matrices.network.is_input, 0.0, summed), made

    def carried_forward(signals: Array, activations: Array) -> tuple[Array, Array]:
        errors = propagation.forward(signals, activations)
        return errors, np.abs(slopes) * errors + activations

    (z_error, a_error), made_forward = settle(forward, carried_forward, z)
    bends, slopes_rest, slopes_error = (np.zeros_like(z) for _ in range(3))
    for function, t in matrices.functions():
        bends[:, t], slopes_rest[:, t], slopes_error[:, t] = slope_line(
            function, z[:, t], a[:, t], z_error[:, t]
        )
    loss_bends, start_rest, start_error = (np.zeros_like(z) for _ in range(3))
    o = matrices.outputs
    loss_bends[:, o], start_rest[:, o], start_error[:, o] = loss_slopes_line(
        run.loss, run.predictions, run.targets, a_error[:, o]
    )

    separate = np.abs(slopes) * start_error + slopes_error * (np.abs(da) + start_error)
    at_once = _products_errors(run, z_error)
    is_sharper = (at_once < separate) & (np.abs(run.start) > STEEP)  # False where it is NaN
    others = da - np.where(is_sharper, run.start, 0.0)
    start_made = np.where(is_sharper, 0.0, start_rest)
    at_once = np.where(is_sharper, at_once, 0.0)

    start_reach = np.where(is_sharper, 0.0, start_error)
    partials_errors = slopes_errors(matrices, a, partials, a_error)
    bends *= others
    bent_da, bent_dz = propagation.bent(*made_forward, bends, np.where(is_sharper, 0.0, loss_bends))
    # what an error made in a signal does to its own slope, and the rounding of the bent sums
    at_once += np.abs(bends) * made_forward[0]
    at_once += sum_error(6, np.abs(slopes) * bent_da + np.abs(bends) * z_error)

    def backward(activations: Array, signals: Array) -> tuple[Array, Array]:
        made = slopes_rest * np.abs(others) + slopes_error * activations
        made += sum_error(2, np.abs(dz) + signals) + at_once
        # the errors three times: for the sum, for the sums over paths, and for the bent ones
        more = matrices.out_of(weights, signals, sizes_of_partials)
        more += matrices.through(partials_errors, signals, back=True)
        terms = matrices.out_of(weights, np.abs(dz), sizes_of_partials)
        terms += np.abs(run.start) + more + start_reach
        summed = known_sum_error(fan_out, terms, np.abs(da) + activations)
        summed += matrices.through(partials_errors, np.abs(dz) + signals, back=True)
        return start_made + summed + 2 * sum_error(fan_out, more), made

    def carried_backward(activations: Array, signals: Array) -> tuple[Array, Array]:
        errors = propagation.backward(activations, signals)
        return errors + bent_da, np.abs(slopes) * errors + signals + bent_dz

    (da_error, dz_error), _ = settle(backward, carried_backward, z)
    da_error = da_error + np.where(is_sharper, start_error, 0.0)
    return Errors(z_error, a_error, slopes_error, da_error, dz_error)


def _products_errors(run: Pass, z_error: Array) -> Array:
    """Bound the errors of the products loss slope · f'(z), both factors at once.

    The two may be huge and tiny, as by a sigmoid that is nearly sure before cross-entropy. Then
    each errs much, but not their product. Shape (batch, n_neurons), NaN for other neurons.
    """
    matrices, p, outputs = run.matrices, run.predictions, run.matrices.outputs
    z, slopes = run.z[:, outputs], run.slopes[:, outputs]
    errors = np.full_like(run.z, np.nan)
    named = {int(t): function for function, targets in matrices.functions() for t in targets}
    functions_of = [named.get(int(t)) for t in outputs]
    if any(f is None for f in functions_of) or all(f and is_linear(f) for f in functions_of):
        return errors  # an output is an input, which has no slope; or nothing is to be gained
    if (np.abs(slopes) > FLAT).all():
        return errors

    def product(k: int, z_k: Array, a_k: Array) -> Array:
        """Compute the products of all outputs, if only the k-th is another."""
        q, s, function = p.copy(), slopes.copy(), functions_of[k]
        assert function is not None
        q[:, k], s[:, k] = a_k, function.slope(z_k, a_k)
        return np.asarray(run.loss.slope(q, run.targets) * s)

    here = run.loss.slope(p, run.targets) * slopes
    total = (32 + p.shape[1]) * EPS * (np.abs(here) + np.abs(run.targets * slopes))
    for k in range(len(outputs)):
        function, e = functions_of[k], 2 * z_error[:, outputs[k]]
        assert function is not None
        own = 2 * value_error(function, z[:, k], p[:, k])
        moved = [product(k, z_k, function.value(z_k)) for z_k in (z[:, k] + e, z[:, k] - e)]
        moved += [product(k, z[:, k], p[:, k] + a) for a in (own, -own)]
        total = total + np.max([np.abs(each - here) for each in moved], axis=0)
    errors[:, outputs] = total
    return errors


Pair = tuple[Array, Array]


def settle(
    made: Callable[..., Pair], carried: Callable[..., Pair], like: Array
) -> tuple[Pair, Pair]:
    """Find errors that are as large as what they make, carried on.

    Args:
        made: made(*errors) returns the errors that are made at each neuron, given all errors.
        carried: carried(*made) returns all errors, given those that are made at each neuron.
        like: An array of the errors' shape. Shape (batch, n_neurons).

    Returns:
        Two arrays of bounds of the errors, and two of the errors that are made at each neuron;
        infinite ones if none were found.
    """
    zero = np.zeros_like(like)
    guess = made(*made(zero, zero))
    allowed = zero, zero
    for _ in range(GUESSES):
        allowed = np.maximum(allowed[0], SLACK * guess[0]), np.maximum(allowed[1], SLACK * guess[1])
        errors = carried(*allowed)
        guess = made(*errors)
        if (guess[0] <= allowed[0]).all() and (guess[1] <= allowed[1]).all():
            return errors, allowed
        if not (np.isfinite(guess[0]).all() and np.isfinite(guess[1]).all()):
            break
    infinite = np.full_like(like, np.inf), np.full_like(like, np.inf)
    return infinite, infinite


def mean_errors(
    matrices: Matrices, *products: tuple[Array, Array], examples: int | None = None
) -> tuple[Array, Array]:
    """Bound the errors of the means over the batch of dz · a, and of dz alone.

    Args:
        matrices: The network.
        products: dz with its error, then a with its error, each of shape (batch, n_neurons); and
            further such pairs of pairs whose products are added.
        examples: How many examples the batch has, if these arrays have several rows for each. The
            mean is over examples. None: one row.

    Returns:
        The bounds by synapse, shape (n_synapses,), and by neuron, shape (n_neurons,). For the
        biases the first dz counts alone.
    """
    batch, network, has_weight = len(products[0][0]), matrices.network, matrices.has_weight
    roundings = gamma(batch * (len(products) // 2) + 4)
    # a product may underflow, and the mean be taken of each term before the sum
    least = (batch + 4) * LEAST
    weights, underflows = np.zeros((2, len(network.weights)))
    for (dz, dz_error), (a, a_error) in zip(products[::2], products[1::2], strict=True):
        dz_size, a_size = np.abs(dz) + dz_error, np.abs(a) + a_error
        weights += matrices.products(dz_error, np.abs(a)) + matrices.products(dz_size, a_error)
        weights += roundings * matrices.products(dz_size, a_size)
        has_dz, has_a = (size.max(axis=0) > 0 for size in (dz_size, a_size))
        underflows += least * (has_weight & has_dz[network.targets] & has_a[network.sources])
    dz, dz_error = products[0]
    dz_size = np.abs(dz) + dz_error
    biases = (dz_error + gamma(batch + 4) * dz_size).sum(axis=0)
    biases = biases / (examples or batch) + least * (dz_size > 0).any(axis=0)
    return weights / (examples or batch) + underflows, np.where(matrices.has_bias, biases, 0.0)
