"""Draws calls of the package, and compares each with mpmath: types, scalars, masks, extremes.

    python tests/programs/fuzz_calls.py --examples 10000 --seed 0

A call is drawn whole: a network, numbers of any size, the type that they are handed over as, the call and its settings
(as numbers of Python or numpy). Either its arguments are right, and every number that it returns is as far from the
exact one as rounding brings it, or one is wrong, and it is refused with an `InputError`. Each case is drawn from the
seed and its own number, so that it can be drawn again alone: `--only 1234`.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
import warnings
from collections import Counter, deque, namedtuple
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.mp_oracle import ACTIVATIONS, LOSSES, Numbers, Oracle, learn, mpf

import neuro_actors as na

RUNS = (4, 64)  # noisy evaluations; the second, if a result is farther off than the first allow:
# beside a kink, or where terms cancel, four of them may all fall on one side
FACTOR = 24  # of their spread: how far a result may be from the exact one
OVERFLOW = 1e290  # where an intermediate number is larger, a refusal is right
Array = np.ndarray


# --- what numbers are handed over as ----------------------------------------------------------------------------------


class Arrayish:
    """Anything that numpy can make an array of."""

    def __init__(self, values: Array) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return self.values if dtype is None else self.values.astype(dtype)


def _shuffled(values: Array, names: list[str], rng: random.Random) -> tuple[Array, list[str]]:
    order = list(range(len(names)))
    rng.shuffle(order)
    return values[:, order], [names[k] for k in order]


def _frame(library: str) -> Callable[..., Any]:
    def make(values: Array, names: list[str], rng: random.Random) -> Any:
        frames = __import__(library)
        columns, order = _shuffled(values, names, rng)
        table = {name: columns[:, k].tolist() for k, name in enumerate(order)}
        return frames.table(table) if library == "pyarrow" else frames.DataFrame(table)

    return make


def _rows(values: Array, names: list[str], rng: random.Random) -> Any:
    columns, order = _shuffled(values, names, rng)
    row = namedtuple("Row", order)  # type: ignore[misc]
    return [row(*one) for one in columns.tolist()]


def _series(values: Array, names: list[str], rng: random.Random) -> Any:
    import pandas

    columns, order = _shuffled(values, names, rng)
    return [pandas.Series(one, index=order) for one in columns]


def _tensor(values: Array, names: list[str], rng: random.Random) -> Any:
    torch = sys.modules.get("torch")  # which is slow to import
    return values if torch is None else torch.tensor(values)


Plain = Callable[[Array], Any]
SHAPES: dict[str, Plain] = {
    "array": lambda v: v,
    "list": lambda v: v.tolist(),
    "tuples": lambda v: tuple(map(tuple, v.tolist())),
    "columns first": np.asfortranarray,
    "turned": lambda v: v[::-1, ::-1].copy()[::-1, ::-1],
    "every other": lambda v: np.repeat(v, 2, axis=0)[::2],
    "rows": list,
    "a deque": lambda v: deque(v.tolist()),
    "numbers of numpy": lambda v: [list(row) for row in v],
    "unmasked": np.ma.array,
    "unmasked rows": lambda v: [np.ma.array(row, mask=[False] * len(row)) for row in v],
    "read-only": lambda v: _read_only(v.copy()),
    "memory": lambda v: memoryview(np.ascontiguousarray(v)),
    "an object": Arrayish,
    "arrays without axes": lambda v: [[np.array(one) for one in row] for row in v],
}
NAMED: dict[str, Callable[[Array, list[str], random.Random], Any]] = {
    "pandas": _frame("pandas"),
    "polars": _frame("polars"),
    "pyarrow": _frame("pyarrow"),
    "named tuples": _rows,
    "series": _series,
    "torch": _tensor,
}
DTYPES = ("float64", "float32", "float16", "longdouble", "int8", "uint8", "int64", "uint64", "bool", ">f8", "<i2")  # fmt: skip


def _read_only(values: Array) -> Array:
    values.setflags(write=False)
    return values


def _masked(values: Array) -> Any:
    mask = np.zeros(values.shape, dtype=bool)
    mask.flat[-1] = True
    return np.ma.array(values, mask=mask)


def _changed(value: object, dtype: Any = object) -> Callable[[Array], Any]:
    def make(values: Array) -> Any:
        rows = values.tolist()
        rows[-1][-1] = value
        return rows

    return make


WRONG: dict[str, Callable[[Array], Any]] = {
    "masked": _masked,
    "masked rows": lambda v: list(_masked(v)),
    "masked rows in a tuple": lambda v: tuple(_masked(v)),
    "the masked value": _changed(np.ma.masked),
    "not a number": _changed(float("nan")),
    "infinite": _changed(float("-inf")),
    "a large integer": _changed(2**53 + 1),
    "a larger one": _changed(2**64 - 1),
    "none": _changed(None),
    "a text": _changed("1"),
    "complex": lambda v: v + 0j,
    "texts": lambda v: v.astype(str),
    "days": lambda v: np.zeros(v.shape, dtype="m8[D]"),
    "objects": lambda v: v.astype(object),
    "one column more": lambda v: np.concatenate([v, v[:, :1]], axis=1),
    "one axis": lambda v: np.ravel(v),
    "three axes": lambda v: v[None],
    "no rows": lambda v: v[:0],
    "ragged": lambda v: [*v.tolist(), [0.0] * (v.shape[1] + 1)],
    "nothing": lambda v: None,
    "a dict": lambda v: dict(enumerate(v.tolist())),
    "other names": lambda v: [
        namedtuple("Row", [f"q{k}" for k in range(v.shape[1])])(*row) for row in v.tolist()  # type: ignore[misc]
    ],
}  # fmt: skip


# --- a case -----------------------------------------------------------------------------------------------------------


@dataclass
class Case:
    """One call: what is handed over, what it is in exact numbers, and what is wrong with it."""

    network: na.Network
    x: Array
    targets: Array
    loss: str
    call: str
    handed: dict[str, Any]
    wrong: str
    note: str


def _numbers(rng: random.Random, shape: tuple[int, ...], extreme: float) -> Array:
    """Numbers of ordinary size, and some that are 0, very small, large, or very large."""

    def one() -> float:
        if rng.random() >= extreme:
            return rng.gauss(0.0, 1.0)
        kind = rng.randrange(6)
        sign = rng.choice((-1.0, 1.0))
        return sign * (0.0, 5e-324, 10.0 ** rng.uniform(-300, -10), rng.uniform(5, 60),
                       10.0 ** rng.uniform(1, 4), 10.0 ** rng.uniform(4, 120))[kind]  # fmt: skip

    return np.array([one() for _ in range(int(np.prod(shape)))]).reshape(shape)


def _scalar(rng: random.Random, value: float) -> Any:
    """The number as one of Python or numpy that has it exactly."""
    if isinstance(value, int):
        kinds: tuple[Any, ...] = (int, np.uint8, np.int8, np.int64, np.uint64, np.array)
    else:
        kinds = (float, np.float64, np.longdouble, np.array)
        kinds += (np.float32,) if abs(value) < 1e38 and float(np.float32(value)) == value else ()
    return rng.choice(kinds)(value)


def _network(rng: random.Random, loss: str, curved: bool, extreme: float) -> na.Network:
    n_in, n_hidden, n_out = rng.randint(1, 3), rng.randint(0, 5), rng.randint(1, 2)
    ids = [f"x{k}" for k in range(n_in)] + [f"h{k}" for k in range(n_hidden)]
    ids += [f"y{k}" for k in range(n_out)]
    n, pairs = len(ids), set()
    for k in range(n_in, n):
        earlier = range(min(k, n_in + n_hidden))
        for j in rng.sample(earlier, rng.randint(1, min(4, len(earlier)))):
            pairs.add((j, k))
    for k in range(n_in + n_hidden):  # each reaches an output
        if all(j != k for j, _ in pairs):
            later = [q for q in range(max(k + 1, n_in), n) if q > k]
            pairs.add((k, rng.choice(later)))
    order = sorted(pairs, key=lambda _: rng.random())
    names = [rng.choice(sorted(ACTIVATIONS)) for _ in ids]
    if loss in ("cross_entropy", "kl_divergence"):
        names[n_in + n_hidden :] = ["sigmoid"] * n_out
    elif loss == "sigmoid_cross_entropy" or loss == "softmax_cross_entropy":
        names[n_in + n_hidden :] = ["identity"] * n_out
    weights = _numbers(rng, (len(order),), extreme)
    biases = _numbers(rng, (n,), extreme)
    give = rng.random() < 0.5
    if give:
        return na.Network(
            [na.Input(name) if k < n_in else na.Neuron(name, names[k], _scalar(rng, float(biases[k]))) for k, name in enumerate(ids)],
            [na.Synapse(ids[j], ids[k], _scalar(rng, float(w))) for (j, k), w in zip(order, weights, strict=True)],
            ids[n_in + n_hidden :],
        )  # fmt: skip
    biases[:n_in] = 0.0
    return na.Network.from_arrays(
        [j for j, _ in order], [k for _, k in order], weights, biases=biases, activations=names,
        ids=ids, outputs=list(range(n_in + n_hidden, n)),
    )  # fmt: skip


def _hand_over(rng: random.Random, values: Array, names: list[str]) -> tuple[Any, Array, str]:
    """Draw a type; return the object, the numbers that it has, and a note."""
    name = rng.choice([*SHAPES] * 2 + [*NAMED])
    dtype = rng.choice(DTYPES) if rng.random() < 0.5 else "float64"
    if np.dtype(dtype).kind in "iu":
        low = 0 if np.dtype(dtype).kind == "u" else -100
        values = np.clip(np.rint(values * 3), low, 100)
    elif dtype == "float16":
        values = np.clip(values, -6e4, 6e4)
    elif dtype == "float32":
        values = np.clip(values, -1e38, 1e38)
    typed = values.astype(dtype)
    exact = typed.astype(np.float64)
    if name in NAMED:
        if name == "torch" and dtype not in (
            "float64",
            "float32",
            "int8",
            "uint8",
            "int64",
            "bool",
        ):
            typed = exact
        if name in ("pyarrow", "polars", "series", "pandas") and dtype in (
            "longdouble",
            "float16",
            ">f8",
        ):
            typed = exact  # types that these libraries do not have
        return NAMED[name](typed, names, rng), exact, f"{name} of {dtype}"
    if name == "memory" and dtype in ("longdouble", "float16", ">f8"):
        typed = exact
    return SHAPES[name](typed), exact, f"{name} of {dtype}"


def draw(seed: int, number: int) -> Case:
    """Draw one case."""
    rng = random.Random(f"{seed}:{number}")
    loss = rng.choice([name for name in LOSSES if name in na.LOSSES])
    call = rng.choice(("predict", "gradient", "gradient", "product", "train", "reference", "reference predict", "reference product"))  # fmt: skip
    extreme = rng.choice((0.0, 0.0, 0.1, 0.3))
    network = _network(rng, loss, "product" in call, extreme)
    batch = rng.choice((1, 1, 2, 3, 4))
    x, x_exact, note = _hand_over(
        rng, _numbers(rng, (batch, len(network.inputs)), extreme), list(network.inputs)
    )
    n_out = len(network.outputs)
    wanted = _numbers(rng, (batch, n_out), extreme / 2)
    if loss in ("cross_entropy", "kl_divergence", "sigmoid_cross_entropy"):
        wanted = np.array(
            [[rng.choice((0.0, 1.0, rng.random())) for _ in range(n_out)] for _ in range(batch)]
        )
    elif loss == "softmax_cross_entropy":
        wanted = np.eye(n_out)[[rng.randrange(n_out) for _ in range(batch)]]
    named = list(network.outputs)
    if loss in ("squared_error", "absolute_error", "huber"):
        targets, t_exact, note_t = _hand_over(rng, wanted, named)
    else:
        name = rng.choice(("array", "list", "rows", "pandas", "named tuples"))
        targets = NAMED[name](wanted, named, rng) if name in NAMED else SHAPES[name](wanted)
        t_exact, note_t = wanted, name
    handed: dict[str, Any] = {"x": x, "targets": targets, "loss": loss}
    if rng.random() < 0.5 and "reference" not in call:
        handed["channels"] = rng.choice(("memory", "bundled"))
    if "predict" in call:
        del handed["targets"], handed["loss"]
    if call in ("gradient", "reference"):
        handed["wrt_inputs"] = rng.choice((True, False, np.bool_(True), np.bool_(False)))
    if call == "gradient" and rng.random() < 0.4:
        handed["micro_batches"] = _scalar(rng, rng.randint(1, 4))
    if "product" in call:
        handed["weights"] = _numbers(rng, (len(network.weights),), extreme / 2)
        handed["biases"] = np.where(network.is_input, 0.0, _numbers(rng, (len(network.ids),), 0.0))
    if call == "train":
        handed |= {"optimizer": _optimizer(rng), "epochs": _scalar(rng, rng.randint(1, 3))}
        handed |= {"batch_size": _scalar(rng, batch), "seed": _scalar(rng, rng.randint(0, 99))}
    wrong = ""
    if rng.random() < 0.15:
        place = rng.choice([name for name in ("x", "targets") if name in handed])
        kind = rng.choice(sorted(WRONG))
        source = x_exact if place == "x" else t_exact
        # a row of targets that is masked as a whole does not count, and that is right
        if not (place == "targets" and kind.startswith("masked") and t_exact.shape[1] == 1):
            handed[place], wrong = WRONG[kind](source), f"{kind} as {place}"
    return Case(network, x_exact, t_exact, loss, call, handed, wrong, f"{note}; {note_t}")


def _optimizer(rng: random.Random) -> na.SGD | na.Adam:
    rate: Any = _scalar(rng, rng.choice((0.5, 0.125, 0.1, 0.003)))
    if rng.random() < 0.3:
        rate = na.StepDecay(rate, _scalar(rng, rng.randint(1, 3)), _scalar(rng, 0.5))
    decay = _scalar(rng, rng.choice((0.0, 0.0, 0.25)))
    if rng.random() < 0.5:
        return na.SGD(rate, _scalar(rng, rng.choice((0.0, 0.5, 0.9))), decay)
    return na.Adam(rate, _scalar(rng, 0.75), _scalar(rng, 0.5), _scalar(rng, 0.125), decay)


# --- and what it should give ------------------------------------------------------------------------------------------


def run(case: Case) -> list[float]:
    """Make the call; return all numbers that it gives."""
    call = {
        "predict": na.predict,
        "gradient": na.gradient,
        "product": na.hessian_vector_product,
        "reference": na.reference.gradient,
        "reference predict": na.reference.predict,
        "reference product": na.reference.hessian_vector_product,
        "train": na.train,
    }[case.call]
    found = call(case.network, **case.handed)
    if case.call == "train":
        return [*found.network.weights.tolist(), *found.network.biases.tolist()]
    if "predict" in case.call:
        return np.ravel(found).tolist()
    numbers = [found.loss, *np.ravel(found.predictions), *found.weights, *found.biases]
    return [
        float(one) for one in [*numbers, *(() if found.inputs is None else np.ravel(found.inputs))]
    ]


def expected(case: Case, noise: random.Random | None) -> tuple[list[Any], Any]:
    """What the call gives in exact numbers, or as rounding might change them; and the largest number on the way."""
    net, oracle = case.network, Oracle(case.network, noise)
    x, t = ([[mpf(v) for v in row] for row in values.tolist()] for values in (case.x, case.targets))
    weights, biases = ([mpf(v) for v in array.tolist()] for array in (net.weights, net.biases))
    if case.call != "train":
        direction = None
        if "product" in case.call:
            direction = tuple(
                [mpf(v) for v in case.handed[k].tolist()] for k in ("weights", "biases")
            )
        loss = None if "predict" in case.call else case.loss
        found = oracle.gradient(x, t, loss, weights, biases, direction)
        if "predict" in case.call:
            return found.predictions, oracle.largest
        if "product" in case.call or not case.handed.get("wrt_inputs"):
            found.inputs = []
        return found.flat(), oracle.largest
    learners = [k for k in range(len(net.ids)) if not net.is_input[k]]
    state: list[Any] = []
    for count in range(1, int(case.handed["epochs"]) + 1):
        found = oracle.gradient(x, t, case.loss, weights, biases)
        p = weights + [biases[k] for k in learners]
        g = found.weights + [found.biases[k] for k in learners]
        p, state = learn(case.handed["optimizer"], p, g, state, count, oracle.near)
        weights = p[: len(weights)]
        for k, value in zip(learners, p[len(weights) :], strict=True):
            biases[k] = value
    return weights + biases, oracle.largest


def defined(case: Case) -> bool:
    """Whether probabilities have the digits that an exact result needs: see docs/exactness.md on 1 - p next to 1."""
    if "predict" in case.call or case.loss not in ("cross_entropy", "kl_divergence"):
        return True
    p, t = na.reference.predict(case.network, case.x), case.targets
    return (
        bool((np.minimum(p, 1.0 - p) > 1e-2).all())
        and case.call != "train"
        and bool(((t >= 0) & (t <= 1)).all())
    )


def check(case: Case) -> str:
    """Return what is wrong with a call; "" if all is well."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = run(case)
    except na.InputError as error:
        return "" if case.wrong else f"refused: {error}"
    except na.NeuroActorsError as error:
        if case.wrong:
            return f"not refused as input: {error}"
        if not defined(case):
            return ""
        _, largest = expected(case, None)
        return "" if largest > OVERFLOW else f"failed: {error} (largest number {float(largest)})"
    except Exception:
        return traceback.format_exc()
    if case.wrong:
        return f"taken: {case.wrong}"
    if not defined(case):
        return ""
    exact, largest = expected(case, None)
    if len(found) != len(exact):
        return f"{len(found)} numbers, expected {len(exact)}"
    if largest > OVERFLOW:
        return ""
    underflow = mpf(2) ** -1070 * max(1, largest)  # in a function, and multiplied afterwards
    problem = ""
    for runs in RUNS:
        noisy = [expected(case, random.Random(k))[0] for k in range(runs)]
        problem = compare(found, exact, noisy, underflow)
        if not problem:
            break
    return problem


def compare(found: list[float], exact: list[Any], noisy: list[list[Any]], least: Any) -> str:
    """Return which number is farther from the exact one than noise brings it; "" if none is."""
    for k, (one, right) in enumerate(zip(found, exact, strict=True)):
        spread = max(abs(other[k] - right) for other in noisy)
        if not abs(mpf(one) - right) <= FACTOR * spread + least:
            return f"number {k} is {one!r}, expected {float(right)!r} up to {float(FACTOR * spread):.2g}"
    return ""


def fuzz(seed: int, examples: int, first: int = 0) -> tuple[list[str], Counter[str]]:
    """Check cases; return the findings, and how many calls of each kind there were."""
    findings, counts = [], Counter[str]()
    for number in range(first, first + examples):
        try:
            case = draw(seed, number)
        except Exception:
            findings.append(f"case {number}: it cannot be drawn\n{traceback.format_exc()}")
            continue
        counts["refused" if case.wrong else case.call] += 1
        try:
            problem = check(case)
        except Exception:
            problem = traceback.format_exc()
        if problem:
            about = {k: type(v).__name__ for k, v in case.handed.items()}
            findings.append(
                f"case {number}: {case.call}, {case.loss}, {case.note}, {about}: {problem}"
            )
    return findings, counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="this case alone")
    asked = parser.parse_args()
    with suppress(ImportError):
        import torch  # noqa: F401
    start = time.monotonic()
    if asked.only is not None:
        findings, counts = fuzz(asked.seed, 1, asked.only)
    else:
        findings, counts = fuzz(asked.seed, asked.examples)
    for line in findings:
        print(line)
    kinds = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    print(
        f"{counts.total()} calls ({kinds}), {len(findings)} findings, {time.monotonic() - start:.0f} s"
    )
    return bool(findings)


if __name__ == "__main__":
    raise SystemExit(main())


__all__ = ["Case", "Numbers", "check", "draw", "fuzz"]
