"""What a function gives at fixed points, by which it is known; see `function_identity.py`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..support.arrays import Array, Indices, freeze
from ..support.numerics import PROBES
from .activations import Activation
from .losses import Loss
from .output_activations import OUTPUTS

EPS = float(np.finfo(np.float64).eps)
ROUNDING = 1024  # how many eps a sample may differ on another kind of machine, if nothing is known

Identity: TypeAlias = dict[str, Any]

_SAMPLED: Indices = np.flatnonzero(
    np.isin(np.abs(PROBES), [0.0, 1e-3, 0.5, 1.0, 2.0, 6.0, 20.0, 40.0, 300.0])
    | (np.arange(len(PROBES)) % 40 == 39)
)


def make_identity(
    digest: str | None, sample: Array, source: str | None, curvature: str | None = None
) -> Identity:
    """Return an identity, as JSON; see `function_identity.py`.

    Args:
        digest: A digest of all results; None if they are not the same when they are made again.
        sample: Some results. Shape (n,).
        source: See `source_digest`.
        curvature: A digest of the curvatures.
    """
    text = base64.b64encode(sample.astype("<f8").tobytes()).decode()
    return {"digest": digest, "curvature": curvature, "sample": text, "source": source}


def difference(
    there: Mapping[str, Any],
    here: Identity,
    *,
    exact: bool,
    rounding: float | None = None,
    label: Callable[[int], str] = lambda k: "",
) -> str:
    """Say how two identities differ; empty if they are of one function.

    Args:
        there: The recorded identity; it may be damaged.
        here: The identity of what has the same name here.
        exact: Whether equal bits are promised between there and here.
        rounding: How many eps a sample may differ elsewhere. None: it is not known.
        label: Says what a number of the sample is, by its position.
    """
    samples = _numbers(there.get("sample")), _numbers(here["sample"])
    if exact:
        curvatures = there.get("curvature"), here["curvature"]
        same = there.get("digest") == here["digest"] and (
            None in curvatures or curvatures[0] == curvatures[1]
        )
    else:
        tolerance = (ROUNDING if rounding is None else rounding) * EPS
        same = samples[0].shape == samples[1].shape and not _differ(*samples, tolerance).any()
    if same:
        return ""
    example = _example(*samples, label)
    sources = there.get("source"), here["source"]
    hint = ""
    if None not in sources:
        is_same = sources[0] == sources[1]
        hint = ", though its source is the same" if is_same else "; its source is another one too"
    return f"is another function here than in the run{example}{hint}"


def _example(there: Array, here: Array, label: Callable[[int], str]) -> str:
    if there.shape != here.shape:
        return ""
    wrong = np.flatnonzero(_differ(there, here, 0.0))
    if not len(wrong):
        return ""
    k = int(wrong[0])
    return f" ({label(k)}{float(there[k])!r} there, {float(here[k])!r} here)"


def label_point(k: int) -> str:
    """Say what a number in the sample of an activation function is, by its position k."""
    what = "value" if k < len(_SAMPLED) else "slope"
    return f"its {what} at {PROBES[_SAMPLED[k % len(_SAMPLED)]]:.6g} is "


def _differ(there: Array, here: Array, tolerance: float) -> np.ndarray[Any, Any]:
    with np.errstate(all="ignore"):
        near = np.abs(there - here) <= tolerance * np.maximum(np.abs(here), 1.0)
    same = near | (there == here) | (np.isnan(there) & np.isnan(here))
    return np.asarray(~same)


# --- probing --------------------------------------------------------------------------------------


class Probed(NamedTuple):
    """What a function gives at fixed points.

    Attributes:
        results: Values and slopes, and all else that its digest is made of. Any shape.
        curvatures: The same of its curvature, of a combination of its bends; empty if it has none.
            Any shape.
        sample: Some of the values and slopes. Shape (n,).
        is_known: Whether there is any value, and any slope.
    """

    results: list[Array]
    curvatures: list[Array]
    sample: Array
    is_known: bool


def probe_activation(function: Activation) -> Probed:
    """Ask an activation function for its values and slopes at `PROBES`.

    Args:
        function: The activation function.
    """
    z = PROBES
    value = call_each(function.value, z, shape=z.shape)
    slope = call_each(function.slope, z, freeze(value), shape=z.shape)
    curvatures = []
    if function.curvature is not None:
        curvatures = [call_each(function.curvature, z, freeze(value), shape=z.shape)]
    sample = np.concatenate([value[_SAMPLED], slope[_SAMPLED]])
    results = [value, slope]
    for original, output in OUTPUTS.values():
        if function is original:  # beside some losses, outputs have another slope
            others = [output.before(loss) for loss in (None, "kl_divergence", "a user's own")]
            results += [call_each(one.slope, z, freeze(value), shape=z.shape) for one in others]
    return Probed(results, curvatures, sample, has_numbers([value]) and has_numbers([slope]))


def probe_loss(function: Loss) -> Probed:
    """Ask a loss for its values and slopes, with one, two and three outputs.

    Args:
        function: The loss.
    """
    results, curvatures, sample = [np.array([function.threshold])], [], []
    for p, t, d, sampled in _loss_probes():
        value = call_each(function.value, p, t, shape=p.shape[:1])
        slope = call_each(function.slope, p, t, shape=p.shape)
        results += [value, slope]
        if function.curvature is not None:
            curvatures.append(call_each(function.curvature, p, t, d, shape=p.shape))
        sample += [value[sampled], slope[sampled].ravel()]
    is_known = has_numbers(results[1::2]) and has_numbers(results[2::2])
    return Probed(results, curvatures, np.concatenate(sample), is_known)


def has_numbers(results: Iterable[Array]) -> bool:
    """Return whether one of some arrays has a number at all.

    Args:
        results: Arrays of any shape.
    """
    return any(not np.isnan(values).all() for values in results)


def call_each(function: Callable[..., Any], *arguments: Array, shape: tuple[int, ...]) -> Array:
    """Do the same as `call_or_nan`; but if all points fail together, each is tried alone.

    Args:
        function: The function.
        arguments: Its arguments. Shapes (points, ...).
        shape: The shape that the result must have, (points, ...); NaN otherwise.

    Returns:
        An array of the given shape (`shape`).
    """
    found = _result(function, *arguments)
    if found is None and shape[0] > 1:
        points = [[array[k : k + 1] for array in arguments] for k in range(shape[0])]
        return np.concatenate([call_each(function, *one, shape=(1, *shape[1:])) for one in points])
    return found if found is not None and found.shape == shape else np.full(shape, np.nan)


def call_or_nan(function: Callable[..., Any], *arguments: Array, shape: tuple[int, ...]) -> Array:
    """Return a copy of what a function gives; NaN where it fails, as a user's function may.

    Args:
        function: The function.
        arguments: Its arguments. Any shapes.
        shape: The shape that the result must have; NaN otherwise.

    Returns:
        An array of the given shape (`shape`).
    """
    found = _result(function, *arguments)
    return found if found is not None and found.shape == shape else np.full(shape, np.nan)


def _result(function: Callable[..., Any], *arguments: Array) -> Array | None:
    try:
        with np.errstate(all="ignore"):
            return np.array(function(*arguments), dtype=np.float64)
    except Exception:
        return None


_PREDICTIONS = (
    *(-40.0, -3.0, -1.5, -1.0, -0.5, 0.0, 1e-13, 1e-3, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999),
    *(1.0, 1.5, 2.0, 3.25, 40.0, 0.0618, 0.4142, 0.6931, 0.8661),
)

# the rows in the sample, by the number of outputs; in 35, 65 and 99 predictions equal targets
_LOSS_ROWS = {
    1: (*range(0, 161, 16), 35, 65, 99),
    2: (3, 16, 33, 50, 71),
    3: (2, 19, 34, 55),
}


@cache
def _loss_probes() -> list[tuple[Array, Array, Array, Indices]]:
    """Return predictions, targets, directions, and the rows that are in the sample.

    Most predictions and targets lie between 0 and 1; some losses are defined only there.
    """
    p = np.array(_PREDICTIONS)
    t = np.array([0.0, 1.0, 0.25, 0.5, 0.75, -1.0, 2.0])
    one = np.array([(a, b) for a in p for b in t])
    probes = [(one[:, :1], one[:, 1:])]
    for n in (2, 3):
        k = np.arange(72 * n).reshape(72, n)
        targets = t[(k * 5 + k // 9) % len(t)]
        targets[::2] = np.eye(n)[np.arange(36) % n] * 0.5 + 0.5 / n  # they sum to 1
        probes.append((p[(k * 7 + k // 4) % len(p)], targets))
    return [
        (
            freeze(np.ascontiguousarray(a)),
            freeze(np.ascontiguousarray(b)),
            freeze((np.arange(a.size) * 37 % 101 / 64.0 - 0.75).reshape(a.shape)),
            np.array(_LOSS_ROWS[a.shape[1]]),
        )
        for a, b in probes
    ]


def source_digest(*parts: Any) -> str | None:
    """Return a short digest of the source texts of functions or classes; None if one has none."""
    import inspect  # it takes time

    try:
        text = "\n".join(inspect.getsource(part) for part in parts)
    except Exception:  # inspect raises many kinds: there is none, or it is no Python
        return None
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _numbers(text: object) -> Array:
    try:
        return np.frombuffer(base64.b64decode(str(text), validate=True), "<f8")
    except ValueError:
        return np.empty(0)
