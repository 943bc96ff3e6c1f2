"""A second opinion on a small log, in plain Python floats, from `docs/log-format.md` alone: nothing of the package.

It knows the activations identity, relu and tanh, squared error, and gradient descent with momentum. With one example a
step and without tanh every bit must be equal; else sums may be added in another order, and 1e-12 is allowed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import struct
from typing import Any

import pyarrow as pa

F = {"identity": lambda z: z, "relu": lambda z: max(z, 0.0), "tanh": math.tanh}
SLOPE = {
    "identity": lambda z: 1.0,
    "relu": lambda z: float(z > 0),
    "tanh": lambda z: 1.0 - math.tanh(z) ** 2,
}


def check(path: Any) -> int:
    """The number of messages that are right; an `AssertionError` for the first that is not."""
    rows: list[dict[str, Any]] = []
    with pa.ipc.open_stream(path) as log:
        metadata = log.schema.metadata[b"neuro_actors"]
        for batch in log:
            rows += batch.to_pylist()
    net = json.loads(metadata)["network"]

    def array(name: str, code: str) -> list[Any]:
        data = base64.b64decode(net[name])
        return list(struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data))

    ids = net["ids"]
    is_input = dict(zip(ids, array("is_input", "?"), strict=True))
    kind_of = dict(zip(ids, net["activations"], strict=True))
    bias = dict(zip(ids, array("biases", "d"), strict=True))
    synapses = list(zip(array("sources", "q"), array("targets", "q"), strict=True))
    weight = {
        (ids[a], ids[b]): w for (a, b), w in zip(synapses, array("weights", "d"), strict=True)
    }
    sources = {name: [a for a, b in weight if b == name] for name in ids}
    followers = {name: [b for a, b in weight if a == name] for name in ids}
    velocity: dict[Any, float] = {}

    digest = hashlib.sha256(metadata).digest()
    right = steps = 0
    end = rows.pop()
    assert end["kind"] == "end"
    assert end["value"] == [len(rows), sum(row["kind"] == "begin" for row in rows)]
    while rows:
        begin = rows.pop(0)
        steps += 1
        assert (begin["kind"], begin["step"]) == ("begin", steps)
        about = json.loads(begin["note"])
        said: dict[tuple[Any, ...], list[float]] = {}
        from_environment: list[float] = []
        while (row := rows.pop(0))["kind"] != "seal":
            assert row["step"] == steps
            key = (row["kind"], row["sender"], row["receiver"], row["note"])
            assert key not in said
            said[key] = row["value"]
            from_environment += row["value"] if row["sender"] == "environment" else []
        note = begin["note"].encode()
        digest = hashlib.sha256(
            digest
            + struct.pack("<qq", steps, len(note))
            + note
            + struct.pack(f"<{len(from_environment)}d", *from_environment)
        ).digest()
        assert row["note"] == digest.hex()
        right += len(said)

        batch, learns = about["batch"], about["optimizer"]
        exact = batch == 1 and "tanh" not in kind_of.values()

        def same(there: list[float], should: list[float], exact: bool = exact) -> None:
            assert len(there) == len(should)
            for a, b in zip(there, should, strict=True):
                assert a == b if exact else abs(a - b) <= 1e-12 * max(1.0, abs(a)), (a, b)

        read: set[tuple[Any, ...]] = set()

        def sent(
            *key: Any,
            said: dict[tuple[Any, ...], list[float]] = said,
            read: set[tuple[Any, ...]] = read,
        ) -> list[float]:
            read.add(key)
            return said[key]

        activation = {name: sent("activation", name, None, None) for name in ids}
        z: dict[str, list[float]] = {}
        for name in ids:
            if is_input[name]:
                same(activation[name], sent("activation", "environment", name, None))
                continue
            z[name] = []
            for e in range(batch):
                total = 0.0
                for source in sources[name]:
                    total += weight[source, name] * activation[source][e]
                z[name].append(total + bias[name])
            same(activation[name], [F[kind_of[name]](value) for value in z[name]])
        losses = sent("loss", "loss", "environment", None)
        if about["mode"] == "predict":
            assert losses == []
            assert read == set(said)
            continue
        assert about["loss"] == "squared_error"
        wanted = {name: sent("target", "environment", "loss", name) for name in net["outputs"]}
        apart = {
            name: [p - t for p, t in zip(activation[name], wanted[name], strict=True)]
            for name in wanted
        }
        same(losses, [sum(d[e] * d[e] for d in apart.values()) for e in range(batch)])
        for name, d in apart.items():
            if not is_input[name] or about["wrt_inputs"]:
                same(sent("urgency", "loss", name, None), [-(2.0 * value) for value in d])
        for name in ids:
            if is_input[name] and not about["wrt_inputs"]:
                continue
            u = [0.0] * batch
            for speaker in (*followers[name], *(["loss"] if name in wanted else [])):
                u = [a + b for a, b in zip(u, sent("urgency", speaker, name, None), strict=True)]
            if is_input[name]:
                same(sent("urgency", name, "environment", None), u)
                continue
            v = [u[e] * SLOPE[kind_of[name]](z[name][e]) for e in range(batch)]
            urgencies = [
                sum(a * b for a, b in zip(activation[s], v, strict=True)) / batch
                for s in sources[name]
            ]
            urgencies.append(sum(v) / batch)
            for source in sources[name]:
                if not is_input[source] or about["wrt_inputs"]:
                    there = sent("urgency", name, source, None)
                    same(there, [weight[source, name] * value for value in v])
            commit = sent("commit", name, "environment", None)
            if learns:
                assert learns["name"] == "SGD"
                keys = [*((source, name) for source in sources[name]), name]
                old = [*(weight[key] for key in keys[:-1]), bias[name]]
                for k, key in enumerate(keys):
                    before = velocity.get(key, 0.0) if about["update"] > 1 else 0.0
                    velocity[key] = learns["momentum"] * before + urgencies[k]
                    urgencies[k] = old[k] + learns["learning_rate"] * velocity[key]
                *learnt, bias[name] = commit
                weight |= dict(zip(keys[:-1], learnt, strict=True))
            same(commit, urgencies)
        assert read == set(said)
    assert end["note"] == digest.hex()
    return right
