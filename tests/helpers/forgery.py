"""Random runs, recorded, and all the ways to forge their logs. It reads and writes with pyarrow, and seals by itself."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import trio

import neuro_actors as na
from neuro_actors.proof.random_cases import TARGETS, _any_graph, _layered

Row = list[Any]  # step, kind, sender, receiver, time, value, note
STEP, KIND, SENDER, RECEIVER, TIME, VALUE, NOTE = range(7)
KINDS = ["begin", "activation", "target", "loss", "urgency", "commit", "tangent", "seal", "end"]


# --- a run -------------------------------------------------------------------------------------------------------


def draw_optimizer(rng: np.random.Generator) -> Any:
    rates: list[Any] = [
        0.05,
        na.StepDecay(0.1, 2),
        na.CosineDecay(0.1, 4, 0.01),
        lambda count: 0.1 / count,
    ]
    rate = rates[rng.integers(4)]
    if rng.random() < 0.5:
        return na.SGD(
            rate,
            momentum=float(rng.choice([0.0, 0.9])),
            weight_decay=float(rng.choice([0.0, 0.01])),
        )
    return na.Adam(rate, weight_decay=float(rng.choice([0.0, 0.01])))


def draw_recording(rng: np.random.Generator, path: Path, network: na.Network) -> na.Recording:
    more: dict[str, Any] = {}
    if rng.random() < 0.5:
        more["every"] = int(rng.integers(2, 4))
    which = rng.integers(4)
    if which == 0:
        more["neurons"] = [
            str(name) for name in rng.choice(network.ids, min(3, len(network.ids)), replace=False)
        ]
    elif which == 1:
        more["layers"] = [int(rng.integers(network.depth + 1))]
    elif which == 2 or not more:
        phases = rng.permutation(["forward", "loss", "backward", "commit"])
        more["phases"] = [str(name) for name in phases[: rng.integers(1, 4)]]
    return na.Recording(path, **more)


def draw_network(rng: np.random.Generator, loss: str, size: int) -> na.Network:
    names = ["tanh", "relu", "sigmoid", "identity", "gelu", "softplus", "sin"]
    outputs = ["sigmoid"] if loss in ("cross_entropy", "kl_divergence") else names
    network = (_layered if rng.random() < 0.5 else _any_graph)(rng, size, names, outputs)
    if len(network.inputs) > 6:
        return draw_network(rng, loss, size)
    biases = np.where(network.is_input, 0.0, 0.5 * rng.standard_normal(len(network.ids)))
    return network.with_parameters(network.weights, biases)


def draw_run(seed: int, path: Path, *, partial: bool = False, size: int = 6) -> na.Network:
    """Write a log at random: networks, losses, optimizers, batch sizes, kinds of steps, engines."""
    rng = np.random.default_rng(seed)
    loss = str(rng.choice(list(TARGETS)))
    network = draw_network(rng, loss, int(rng.integers(2, size + 1)))
    if loss == "softmax_cross_entropy" and len(network.outputs) == 1:
        loss = "squared_error"
    optimizers = [draw_optimizer(rng), draw_optimizer(rng)]
    sizes = rng.integers(1, 5, 2)
    log: Any = draw_recording(rng, path, network) if partial else path
    n_steps = int(rng.integers(5, 10)) if partial else int(rng.integers(3, 6))

    async def society() -> None:
        async with na.open_simulation(
            network, str(rng.choice(["memory", "bundled"])), log=log
        ) as simulation:
            for _ in range(n_steps):
                batch = int(rng.choice(sizes))
                x = rng.standard_normal((batch, len(network.inputs)))
                x *= rng.random(x.shape) < 0.9  # zeros, with their signs, too
                t = TARGETS[loss](rng, (batch, len(network.outputs)))
                what = rng.random()
                if what < 0.15:
                    await simulation.predict(x)
                elif what < 0.25:
                    along = (
                        rng.standard_normal(len(network.weights)),
                        rng.standard_normal(len(network.ids)),
                    )
                    await simulation.hessian_vector_product(x, t, *along, loss)
                elif what < 0.4:
                    await simulation.gradient(x, t, loss, wrt_inputs=bool(rng.random() < 0.5))
                else:
                    await simulation.train_step(
                        x, t, loss, optimizer=optimizers[int(rng.random() < 0.3)]
                    )

    trio.run(society)
    return network


# --- reading and writing -----------------------------------------------------------------------------------------


def read(path: Path) -> tuple[dict[bytes, bytes], list[Row]]:
    with pa.ipc.open_stream(path) as stream:
        table = stream.read_all()
    columns = [table.column(name).to_pylist() for name in table.schema.names]
    return dict(table.schema.metadata), [list(row) for row in zip(*columns, strict=True)]


def write(
    path: Path,
    metadata: dict[bytes, bytes],
    rows: list[Row],
    rng: np.random.Generator | None = None,
) -> None:
    """With dictionaries in another order than the package's, and, given a `rng`, cut into batches anywhere."""
    names = sorted(
        {name for row in rows for name in (row[SENDER], row[RECEIVER]) if name is not None} | {"x"}
    )
    kinds = sorted({row[KIND] for row in rows} | set(KINDS))
    fields = [
        pa.field("step", pa.int64(), nullable=False),
        pa.field("kind", pa.dictionary(pa.int8(), pa.string()), nullable=False),
        pa.field("sender", pa.dictionary(pa.int32(), pa.string())),
        pa.field("receiver", pa.dictionary(pa.int32(), pa.string())),
        pa.field("time", pa.int32(), nullable=False),
        pa.field("value", pa.list_(pa.float64()), nullable=False),
        pa.field("note", pa.string()),
    ]
    schema = pa.schema(fields, metadata)

    def coded(column: int, values: list[str], kind: Any) -> Any:
        place = {name: k for k, name in enumerate(values)}
        codes = pa.array(
            [None if row[column] is None else place[row[column]] for row in rows], kind
        )
        return pa.DictionaryArray.from_arrays(codes, pa.array(values))

    columns = [
        pa.array([row[STEP] for row in rows], pa.int64()),
        coded(KIND, kinds, pa.int8()),
        coded(SENDER, names, pa.int32()),
        coded(RECEIVER, names, pa.int32()),
        pa.array([row[TIME] for row in rows], pa.int32()),
        pa.array([row[VALUE] for row in rows], pa.list_(pa.float64())),
        pa.array([row[NOTE] for row in rows], pa.string()),
    ]
    batch = pa.record_batch(columns, schema=schema)
    cuts = (
        [0, len(rows)]
        if rng is None
        else sorted({0, len(rows), *rng.integers(0, len(rows) + 1, 3).tolist()})
    )
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
        for a, b in itertools.pairwise(cuts):
            stream.write_batch(batch.slice(a, b - a))


def sealed(metadata: dict[bytes, bytes], rows: list[Row]) -> list[Row]:
    """The same rows with seals and an end that fit them: a history that is consistent as far as digests go."""
    recorded = json.loads(metadata[b"neuro_actors"])["recorded"]
    whole = recorded["every"] == 1 and not any(
        recorded[name] for name in ("neurons", "layers", "phases")
    )
    last = hashlib.sha256(metadata[b"neuro_actors"]).digest()
    result, note, values, steps = [], "", [], 0
    for row in rows:
        row = list(row)
        if row[KIND] == "begin":
            note, values, steps = row[NOTE] or "", [], steps + 1
        elif row[KIND] == "seal":
            text = note.encode()
            last = hashlib.sha256(
                last
                + struct.pack("<qq", row[STEP], len(text))
                + text
                + struct.pack(f"<{len(values)}d", *values)
            ).digest()
            row[NOTE] = last.hex()
        elif row[KIND] == "end":
            row[VALUE], row[NOTE] = [float(len(result)), float(steps)], last.hex()
        elif row[SENDER] == "environment" or not whole:
            values += row[VALUE]
        result.append(row)
    return result


# --- forgeries ---------------------------------------------------------------------------------------------------

Forgery = Callable[[np.random.Generator, dict[bytes, bytes], list[Row]], str]


def _pick(
    rng: np.random.Generator, rows: list[Row], kinds: list[str] | None = None, valued: bool = False
) -> int:
    fit = [
        k
        for k, row in enumerate(rows)
        if (kinds is None or row[KIND] in kinds) and (not valued or row[VALUE])
    ]
    return int(rng.choice(fit)) if fit else -1


def _dropped(rng: np.random.Generator, metadata: Any, rows: list[Row]) -> str:
    k = _pick(rng, rows)
    return f"dropped {rows.pop(k)[:4]}"


def _doubled(rng: np.random.Generator, metadata: Any, rows: list[Row]) -> str:
    k = _pick(rng, rows)
    rows.insert(int(rng.choice([k, rng.integers(len(rows) + 1)])), list(rows[k]))
    return f"doubled row {k}"


def _moved(rng: np.random.Generator, metadata: Any, rows: list[Row]) -> str:
    k = _pick(rng, rows)
    row = rows.pop(k)
    places = [p for p in range(len(rows) + 1) if p != k]
    near = [p for p in places if abs(p - k) <= 2]
    p = int(rng.choice(near if rng.random() < 0.5 else places))
    rows.insert(p, row)
    return f"moved row {k} to {p}"


def _exchanged(rng: np.random.Generator, metadata: Any, rows: list[Row]) -> str:
    a, b = rng.choice(len(rows), 2, replace=False).tolist()
    rows[a], rows[b] = rows[b], rows[a]
    return f"exchanged rows {a} and {b}"


def _values_exchanged(rng: np.random.Generator, metadata: Any, rows: list[Row]) -> str:
    a, b = _pick(rng, rows, valued=True), _pick(rng, rows, valued=True)
    rows[a][VALUE], rows[b][VALUE] = rows[b][VALUE], rows[a][VALUE]
    return f"exchanged the values of rows {a} and {b}"


def _number(rng: np.random.Generator, metadata: Any, rows: list[Row]) -> str:
    """One number by one last bit, or its sign, or much."""
    k = _pick(rng, rows, valued=True)
    value = list(rows[k][VALUE])
    i = int(rng.integers(len(value)))
    old = value[i]
    ways = [np.nextafter(old, np.inf), np.nextafter(old, -np.inf), -old, old + 1.0, np.nan, np.inf]
    value[i] = float(ways[rng.choice(6, p=[0.4, 0.4, 0.1, 0.04, 0.03, 0.03])])
    rows[k][VALUE] = value
    return f"{rows[k][KIND]} row {k}, number {i}: {old!r} -> {value[i]!r}"


def _length(rng: np.random.Generator, metadata: Any, rows: list[Row]) -> str:
    k = _pick(rng, rows)
    value = list(rows[k][VALUE])
    if value and rng.random() < 0.5:
        value.pop(int(rng.integers(len(value))))
    else:
        value.insert(int(rng.integers(len(value) + 1)), 0.0)
    rows[k][VALUE] = value
    return f"row {k} is of length {len(value)}"


def _whole_number(rng: np.random.Generator, metadata: Any, rows: list[Row]) -> str:
    k, column = _pick(rng, rows), int(rng.choice([STEP, TIME]))
    rows[k][column] += int(rng.choice([-1, 1]))
    return f"row {k}, column {column} by one"


def _name(rng: np.random.Generator, metadata: Any, rows: list[Row]) -> str:
    k, column = _pick(rng, rows), int(rng.choice([KIND, SENDER, RECEIVER]))
    ids = json.loads(metadata[b"neuro_actors"])["network"]["ids"]
    others = (
        [*KINDS, "gossip"]
        if column == KIND
        else [*ids, "loss", "environment", None, "nobody\x1b[2J", "loss "]
    )
    rows[k][column] = others[
        int(rng.choice([i for i, other in enumerate(others) if other != rows[k][column]]))
    ]
    return f"row {k}, column {column}: {rows[k][column]!r}"


def _note(rng: np.random.Generator, metadata: Any, rows: list[Row]) -> str:
    k = _pick(rng, rows, ["begin", "target", "seal", "end"] if rng.random() < 0.8 else None)
    old = rows[k][NOTE]
    if old is None:
        rows[k][NOTE] = str(rng.choice(["", "x", "0" * 64]))
    elif rng.random() < 0.1:
        rows[k][NOTE] = None
    else:
        i = int(rng.integers(len(old)))
        character = str(rng.choice([c for c in "0123456789abcdef ,{}" if c != old[i]]))
        rows[k][NOTE] = str(
            rng.choice(
                [
                    old[:i] + character + old[i + 1 :],
                    old[:i] + old[i + 1 :],
                    old[:i] + character + old[i:],
                ]
            )
        )
    return f"note of row {k}: {rows[k][NOTE]!r}"


def _setting(rng: np.random.Generator, metadata: Any, rows: list[Row]) -> str:
    """What was asked for, by one unit or one last bit, and written as a run writes it."""
    k = _pick(rng, rows, ["begin"])
    about = json.loads(rows[k][NOTE])
    holders = [(about, name) for name in about if name not in ("optimizer", "only")]
    if about["optimizer"]:
        holders += [(about["optimizer"], name) for name in about["optimizer"]] * 2
    holder, name = holders[rng.integers(len(holders))]
    old = holder[name]
    if isinstance(old, dict):
        holder, name = old, str(rng.choice(list(old)))
        old = holder[name]
    if isinstance(old, bool):
        new: Any = not old
    elif isinstance(old, int):
        new = old + int(rng.choice([-1, 1]))
    elif isinstance(old, float):
        new = float(np.nextafter(old, rng.choice([-np.inf, np.inf])))
    elif name == "mode":
        new = {"predict": "gradient", "gradient": "train", "train": "gradient"}[old]
    elif name == "loss":
        new = "huber" if old != "huber" else "squared_error"
    elif name == "name":
        new = {
            "SGD": "Adam",
            "Adam": "SGD",
            "StepDecay": "CosineDecay",
            "CosineDecay": "StepDecay",
        }.get(old, "SGD")
    else:
        new = 1
    holder[name] = new
    rows[k][NOTE] = json.dumps(about)
    return f"begin row {k}: {name} {old!r} -> {new!r}"


def _step_lost(rng: np.random.Generator, metadata: Any, rows: list[Row]) -> str:
    begins = [k for k, row in enumerate(rows) if row[KIND] in ("begin", "end")]
    if len(begins) < 2:
        return _dropped(rng, metadata, rows)
    s = int(rng.integers(len(begins) - 1))
    step = rows[begins[s] : begins[s + 1]]
    way = rng.integers(4)
    if way == 0:
        del rows[begins[s] : begins[s + 1]]
    elif way == 1:
        rows[begins[s] : begins[s]] = [list(row) for row in step]
    elif way == 2:
        for row in step:
            row[STEP] += 1
    else:
        for row in rows[begins[s] :]:
            row[STEP] += 1
    return (
        f"step {s}, {['dropped', 'doubled', 'renumbered', 'and those behind it renumbered'][way]}"
    )


def _appended(rng: np.random.Generator, metadata: Any, rows: list[Row]) -> str:
    some = [list(row) for row in rows[int(rng.integers(len(rows))) :]][: int(rng.integers(1, 5))]
    at = len(rows) if rng.random() < 0.5 else len(rows) - 1
    rows[at:at] = some
    return f"appended {len(some)} rows at {at}"


def _cut(rng: np.random.Generator, metadata: Any, rows: list[Row]) -> str:
    del rows[int(rng.integers(len(rows))) :]
    return f"cut off behind row {len(rows)}"


def _array(text: str, dtype: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(text), dtype).copy()


def _metadata(rng: np.random.Generator, metadata: dict[bytes, bytes], rows: list[Row]) -> str:
    about = json.loads(metadata[b"neuro_actors"])
    held = about["network"]
    way = int(rng.integers(9))
    if way <= 3:
        name = ["weights", "biases"][way % 2]
        array = _array(held[name], "<f8")
        fit = (
            np.arange(len(array))
            if name == "weights"
            else np.flatnonzero(~_array(held["is_input"], "?"))
        )
        k = int(rng.choice(fit))
        array[k] = np.nextafter(array[k], rng.choice([-np.inf, np.inf]))
        held[name] = base64.b64encode(array.tobytes()).decode()
        what = f"{name}[{k}] by one last bit"
    elif way == 4:
        held["ids"][0], held["ids"][1] = held["ids"][1], held["ids"][0]
        what = "two ids exchanged"
    elif way == 5:
        free = np.flatnonzero(~_array(held["is_input"], "?"))
        k = int(rng.choice(free))
        held["activations"][k] = "elu"
        what = f"the activation of neuron {k}"
    elif way == 6:
        about["versions"]["numpy"] = "1.0"
        what = "a version"
    elif way == 7:
        about["numerics"]["sums"] = "blas"
        what = "the sums"
    else:
        about["more"] = 1
        what = "one more entry"
    metadata[b"neuro_actors"] = json.dumps(about).encode()
    return f"metadata: {what}"


FORGERIES: list[Forgery] = [
    _dropped, _doubled, _moved, _exchanged, _values_exchanged, _number, _number, _number, _number, _length, _whole_number,
    _name, _name, _note, _setting, _step_lost, _appended, _cut, _metadata,
]  # fmt: skip


# which no seal can make true
OF_STRUCTURE: list[Forgery] = [
    _dropped,
    _doubled,
    _moved,
    _exchanged,
    _length,
    _whole_number,
    _name,
]


def forged(
    rng: np.random.Generator,
    metadata: dict[bytes, bytes],
    rows: list[Row],
    ways: list[Forgery] = FORGERIES,
) -> Iterator[tuple[str, dict[bytes, bytes], list[Row]]]:
    """Forgeries without end, each of a fresh copy; those that change nothing are left out."""
    while True:
        forge = ways[rng.integers(len(ways))]
        about, copy = dict(metadata), copied(rows)
        what = forge(rng, about, copy)
        if about != metadata or not same(copy, rows):
            yield what, about, copy


def copied(rows: list[Row]) -> list[Row]:
    """To be changed at will."""
    return [[*row[:VALUE], list(row[VALUE]), row[NOTE]] for row in rows]


def same(some: list[Row], others: list[Row]) -> bool:
    """Whether rows are equal, their numbers in every bit."""

    def bits(rows: list[Row]) -> list[Any]:
        return [
            [*row[:VALUE], struct.pack(f"<{len(row[VALUE])}d", *row[VALUE]), row[NOTE]]
            for row in rows
        ]

    return bits(some) == bits(others)


def resealed(path: Path, metadata: Any, rows: list[Row]) -> na.Audit:
    """The audit of forged rows that are sealed anew. It must find a lie."""
    write(path, metadata, sealed(metadata, rows))
    audit = na.audit(path)
    assert audit.lie is not None, str(audit)
    return audit
