"""The audit: honest logs pass, and no forgery does.

NEURO_ACTORS_FORGERIES=5000 draws so many; otherwise 192, or 480 with --run-slow.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import trio
from helpers import forgery, second_opinion
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.cli import command_line as cli
from neuro_actors.log import schema
from neuro_actors.network import functions

EACH = 12  # forgeries of one log
COUNT = int(os.environ.get("NEURO_ACTORS_FORGERIES", "0"))


@pytest.fixture
def seeds(run_slow: bool) -> range:
    return range((COUNT or (480 if run_slow else 96)) // (4 * EACH))


def record(
    path: Any,
    network: na.Network,
    channels: str = "bundled",
    *,
    steps: int = 3,
    batch: int = 3,
    optimizer: Any = None,
) -> int:
    """Predict, ask for a gradient down to the inputs, learn; the number of messages."""
    rng = np.random.default_rng(7)

    async def society() -> int:
        async with na.open_simulation(network, channels, log=path) as simulation:
            x = rng.standard_normal((batch, len(network.inputs)))
            t = rng.random((batch, len(network.outputs)))
            await simulation.predict(x)
            await simulation.gradient(x, t, wrt_inputs=True)
            for _ in range(steps):
                await simulation.train_step(x, t, optimizer=optimizer or na.SGD(0.1, momentum=0.5))
            return simulation.statistics().messages

    return trio.run(society)


@pytest.fixture
def log(tmp_path: Path, diamond: na.Network) -> Path:
    record(tmp_path / "run.arrows", diamond)
    return tmp_path / "run.arrows"


def refused(path: Path, **more: Any) -> str:
    audit = na.audit(path, **more)
    assert audit.lie is not None, audit
    assert not audit.passed
    assert not audit.complete
    return str(audit.lie)


# --- the truth ---------------------------------------------------------------------------------------------------


def test_an_honest_log_is_proved(channels: str, diamond: na.Network, tmp_path: Path) -> None:
    messages = record(tmp_path / "a.arrows", diamond, channels)
    audit = na.audit(tmp_path / "a.arrows")
    assert audit.passed
    assert audit.exact
    assert audit.complete
    assert audit.lie is None
    assert audit.remarks == ()
    assert (audit.neurons, audit.steps, audit.messages, audit.unproved) == (4, 5, messages, 0)
    assert audit.given == 5 * 1 + 4 * 2  # inputs and targets
    _, rows = forgery.read(tmp_path / "a.arrows")
    assert audit.digest == rows[-1][forgery.NOTE]
    assert audit.rows == len(rows)
    assert na.audit(tmp_path / "a.arrows", digest=audit.digest.upper()) == audit


@pytest.mark.parametrize("partial", [False, True])
def test_what_is_drawn_at_random_is_proved(partial: bool, tmp_path: Path) -> None:
    for seed in range(1000, 1015):
        path = tmp_path / f"{seed}.arrows"
        forgery.draw_run(seed, path, partial=partial, size=20)
        audit = na.audit(path)
        assert audit.lie is None, (seed, audit.lie)
        assert audit.complete
        assert audit.passed or (partial and audit.unproved), seed


def test_a_second_opinion(channels: str, tmp_path: Path) -> None:
    """An independent checker, in plain floats, finds the same numbers."""
    for activation, batch in (("relu", 1), ("identity", 1), ("tanh", 3)):
        net = na.Network.layered([2, 3, 2], activation=activation, seed=3)
        path = tmp_path / f"{activation}.arrows"
        record(path, net, channels, batch=batch)
        audit = na.audit(path)
        assert audit.passed
        assert second_opinion.check(path) == audit.rows - 2 * audit.steps - 1


def test_the_second_opinion_sees_forgeries(tmp_path: Path) -> None:
    net = na.Network.layered([2, 3, 2], activation="relu", seed=3)
    record(tmp_path / "a.arrows", net, batch=1)
    metadata, rows = forgery.read(tmp_path / "a.arrows")
    rng = np.random.default_rng(0)
    seen = 0
    for k, (what, about, copy) in enumerate(forgery.forged(rng, metadata, rows)):
        if k == 60:
            break
        forgery.write(tmp_path / "b.arrows", about, copy)
        if (
            "number" in what and "-> -0.0" not in what
        ):  # it looks at no times, at no sign of a zero, and at no order of rows
            seen += 1
            with pytest.raises((AssertionError, KeyError, ValueError)):
                second_opinion.check(tmp_path / "b.arrows")
    assert seen > 5


def test_an_empty_run_is_proved(diamond: na.Network, tmp_path: Path) -> None:
    async def society() -> None:
        async with na.open_simulation(diamond, log=tmp_path / "a.arrows"):
            pass

    trio.run(society)
    audit = na.audit(tmp_path / "a.arrows")
    assert audit.passed
    assert (audit.steps, audit.rows, audit.remarks) == (0, 1, ("the log holds no step",))
    assert na.audit(tmp_path / "a.arrows", digest=audit.digest).passed
    assert "last digest is" in refused(tmp_path / "a.arrows", digest="0" * 64)


# --- lies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resealed", [False, True], ids=["", "resealed"])
@pytest.mark.parametrize("partial", [False, True], ids=["whole", "partial"])
def test_no_forgery_passes(partial: bool, resealed: bool, tmp_path: Path, seeds: range) -> None:
    """Who seals a forgery anew writes another history, which `digest` tells from the first."""
    path, other = tmp_path / "a.arrows", tmp_path / "b.arrows"
    tried = 0
    for seed in seeds:
        path.unlink(missing_ok=True)
        forgery.draw_run(seed, path, partial=partial)
        honest = na.audit(path)
        assert honest.lie is None, (seed, honest.lie)
        assert honest.complete
        metadata, rows = forgery.read(path)
        rng = np.random.default_rng([seed, partial, resealed])
        forgery.write(other, metadata, rows, rng)
        assert na.audit(other) == honest, seed  # however it is written
        for k, (what, about, forged) in enumerate(forgery.forged(rng, metadata, rows)):
            if k == EACH:
                break
            if resealed:
                forged = forgery.sealed(about, forged)
                if about == metadata and forgery.same(forged, rows):
                    continue
            forgery.write(other, about, forged, rng)
            tried += 1
            try:
                audit = na.audit(other, digest=honest.digest if resealed else None)
            except na.LogError:
                continue
            assert not audit.passed, (seed, what)
            assert audit.lie is not None or not audit.complete, (seed, what)
            assert audit.lie is None or str(audit.lie).isprintable()
    assert tried > 0.8 * len(seeds) * EACH


def test_no_seal_makes_another_structure_true(tmp_path: Path, seeds: range) -> None:
    path, other = tmp_path / "a.arrows", tmp_path / "b.arrows"
    for seed in seeds:
        path.unlink(missing_ok=True)
        forgery.draw_run(seed, path)
        metadata, rows = forgery.read(path)
        rng = np.random.default_rng(seed)
        for k, (what, about, forged) in enumerate(
            forgery.forged(rng, metadata, rows, forgery.OF_STRUCTURE)
        ):
            if k == EACH:
                break
            forged = forgery.sealed(about, forged)
            if forgery.same(forged, rows):
                continue
            forgery.write(other, about, forged, rng)
            audit = na.audit(other)
            assert not audit.passed, (seed, what)


def test_what_no_run_writes_is_refused_though_it_is_sealed(log: Path) -> None:
    """Steps: 1 predicts, 2 asks for a gradient, 3 to 5 teach. (`x` is the place of a begin row.)"""
    metadata, rows = forgery.read(log)
    begins = [k for k, row in enumerate(rows) if row[forgery.KIND] == "begin"]

    def reason(change: Any) -> str:
        copy = forgery.copied(rows)
        change(copy)
        forgery.write(log, metadata, forgery.sealed(metadata, copy))
        return refused(log)

    def noted(step: int, old: str, new: str) -> str:
        x = begins[step - 1]
        assert old in rows[x][forgery.NOTE]
        return reason(
            lambda copy: copy[x].__setitem__(
                forgery.NOTE, rows[x][forgery.NOTE].replace(old, new, 1)
            )
        )

    def renumbered(copy: list[forgery.Row]) -> None:
        for row in copy[begins[3] :]:
            row[forgery.STEP] += 1

    assert "the log's step is 5; it should be 4" in reason(renumbered)
    assert "the log's step is 2; it should be 1" in reason(
        lambda copy: copy.__delitem__(slice(0, begins[1]))
    )

    def end_moved(copy: list[forgery.Row]) -> None:
        copy.insert(begins[4], copy.pop())
        copy[begins[4]][forgery.STEP] = 4

    assert "row is behind the end" in reason(end_moved)
    assert "row is behind the end" in reason(lambda copy: copy.append(list(copy[-1])))
    for old, new in (
        ('": ', '":'),  # not as json.dumps writes it
        ('{"mode"', '{ "mode"'),
        ('{"mode"', '{"more": 1, "mode"'),
        ('"mode": "predict", "loss": null', '"loss": null, "mode": "predict"'),
        ('"mode": "predict"', '"mode": "train"'),
        ('"loss": null', '"loss": "huber"'),
        ('"batch": 3', '"batch": 3.0'),
        ('"batch": 3', '"batch": 0'),
        ('"batch": 3', '"batch": true'),
        ('"batch": 3', '"batch": 3000000000'),
        ('"wrt_inputs": false', '"wrt_inputs": 0'),
        ('"wrt_inputs": false', '"wrt_inputs": true'),
        ('"optimizer": null', '"only": ["commit"], "optimizer": null'),
    ):
        assert "begin note is" in noted(1, old, new), new
    assert "numbers, of what the environment told x the activation, are 3; it should be 2" in noted(
        1, '"batch": 3', '"batch": 2'
    )
    assert "the log's count of updates is 1; it should be null: no neuron learns" in noted(
        2, '"update": null', '"update": 1'
    )
    assert "the log's count of updates is 0; it should be a number from 1 on" in noted(
        3, '"update": 1', '"update": 0'
    )
    assert "count of updates is 02; it should be" in noted(4, '"update": 2', '"update": 02')
    assert "count of updates is two; it should be" in noted(4, '"update": 2', '"update": two')
    assert "the log's count of updates is 2; it should be 1" in noted(
        3, '"update": 1', '"update": 2'
    )
    assert "the log's count of updates is 1; it should be 2" in noted(
        4, '"update": 2', '"update": 1'
    )
    assert "the log's count of updates is 3; it should be 2" in noted(
        4, '"update": 2', '"update": 3'
    )
    for old, new in (
        ('"learning_rate": 0.1', '"learning_rate": -0.1'),
        ('"learning_rate": 0.1', '"learning_rate": NaN'),
        ('"learning_rate": 0.1', '"learning_rate": {"name": "StepDecay"}'),
        ('"learning_rate": 0.1', '"learning_rate": {"name": "eval"}'),
        ('"momentum": 0.5, ', ""),
        ('"momentum": 0.5', '"nesterov": true'),
        ('"momentum": 0.5', '"momentum": "0.5"'),
        ('"name": "SGD", ', ""),
    ):
        assert "the log's optimizer is" in noted(3, old, new), new


def test_what_would_have_been_refused_was_not_said(tmp_path: Path) -> None:
    """A neuron refuses to say what is not finite, and the loss what it is not defined for."""
    neurons, synapses = (
        [na.Input("x"), na.Neuron("y", "sigmoid"), na.Neuron("z")],
        [("x", "y", 1.0), ("x", "z", 2.0)],
    )
    net = na.Network(neurons, [na.Synapse(*ends) for ends in synapses], ["y", "z"])

    async def society() -> None:
        async with na.open_simulation(net, log=tmp_path / "a.arrows") as simulation:
            await simulation.predict([[0.5]])
            await simulation.gradient([[0.25]], [[0.5, 0.5]], "cross_entropy")

    trio.run(society)
    metadata, rows = forgery.read(tmp_path / "a.arrows")

    def reason(change: Any) -> str:
        copy = forgery.copied(rows)
        for row in copy:
            change(row)
        forgery.write(tmp_path / "b.arrows", metadata, forgery.sealed(metadata, copy))
        return refused(tmp_path / "b.arrows")

    def huge(row: forgery.Row) -> None:
        if row[forgery.STEP] == 1 and "x" in (row[forgery.SENDER], row[forgery.RECEIVER]):
            row[forgery.VALUE] = [1.7e308]
        if row[forgery.STEP] == 1 and row[forgery.SENDER] == "y":
            row[forgery.VALUE] = [1.0]

    def outside(row: forgery.Row) -> None:
        if row[forgery.KIND] == "target" and row[forgery.NOTE] == "y":
            row[forgery.VALUE] = [1.5]

    assert (
        "it should have said nothing: 'z': its activation in step 1 would not be finite"
        in reason(huge)
    )
    assert (
        "it should have said nothing: cross_entropy: targets must lie between 0 and 1, got 1.5"
        in reason(outside)
    )


def test_the_lie_is_the_number_that_was_changed(tmp_path: Path) -> None:
    for seed in range(6):
        path, other = tmp_path / f"{seed}.arrows", tmp_path / "b.arrows"
        forgery.draw_run(seed, path)
        metadata, rows = forgery.read(path)
        rng = np.random.default_rng(seed)
        fit = [
            k
            for k, row in enumerate(rows)
            if row[forgery.VALUE] and row[forgery.SENDER] not in (None, "environment")
        ]
        for k in rng.choice(fit, 12):
            row = list(rows[k])
            value = list(row[forgery.VALUE])
            i = int(rng.integers(len(value)))
            value[i] = float(np.nextafter(value[i], np.inf))
            row[forgery.VALUE] = value
            forged = [*rows[:k], row, *rows[k + 1 :]]
            forgery.write(other, metadata, forgery.sealed(metadata, forged))
            lie = na.audit(other).lie
            assert lie is not None
            who = (
                f"the {row[forgery.SENDER]}"
                if row[forgery.SENDER] == "loss"
                else row[forgery.SENDER]
            )
            assert (lie.step, lie.row, lie.who) == (row[forgery.STEP], k, who)
            assert (lie.said, lie.should) == (value[i], rows[k][forgery.VALUE][i])
            assert row[forgery.KIND] == "commit" or lie.where == f"example {i + 1}"


@pytest.mark.parametrize(
    ("kind", "sender", "receiver", "number", "message"),
    [
        (
            "activation",
            "h2",
            None,
            0,
            "h2 told its followers the activation {}; it should have said {} (example 1)",
        ),
        (
            "activation",
            "environment",
            "x",
            1,
            "x told its followers the activation {1}; it should have said {0} (example 2)",
        ),
        (
            "loss",
            "loss",
            "environment",
            2,
            "the loss told the environment the loss {}; it should have said {} (example 3)",
        ),
        ("urgency", "y", "h2", 0, "y told h2 the urgency {}; it should have said {} (example 1)"),
        (
            "commit",
            "y",
            "environment",
            1,
            "y committed for its weight for h2 the new value {}; it should have said {}",
        ),
        (
            "commit",
            "y",
            "environment",
            3,
            "y committed for its bias the new value {}; it should have said {}",
        ),
    ],
)
def test_a_lie_in_words(
    log: Path, kind: str, sender: str, receiver: str, number: int, message: str
) -> None:
    metadata, rows = forgery.read(log)
    k = next(k for k, row in enumerate(rows) if row[: forgery.TIME] == [3, kind, sender, receiver])
    old = rows[k][forgery.VALUE][number]
    new = rows[k][forgery.VALUE][number] = float(np.nextafter(old, np.inf))
    forgery.write(log, metadata, rows)
    signed = [f"{'+' if kind == 'urgency' and value >= 0 else ''}{value!r}" for value in (new, old)]
    place = (
        k
        if sender != "environment"
        else next(j for j, row in enumerate(rows) if row[:4] == [3, "activation", "x", None])
    )
    assert refused(log) == f"step 3, row {place}: {message.format(*signed)}"


def test_changes_of_structure_in_words(log: Path) -> None:
    metadata, rows = forgery.read(log)
    k = next(k for k, row in enumerate(rows) if row[: forgery.TIME] == [3, "urgency", "y", "h2"])

    def reason(change: Any) -> str:
        copy = forgery.copied(rows)
        change(copy)
        forgery.write(log, metadata, copy)
        return refused(log).removeprefix(f"step 3, row {k}: the log's ")

    def field(column: int, value: Any) -> Any:
        return lambda copy: copy[k].__setitem__(column, value)

    said = "y told h2 the urgency"
    assert (
        reason(lambda copy: copy.pop(k))
        == f"row is y told the environment the commit; it should be {said}"
    )
    assert reason(field(forgery.STEP, 4)) == f"row ({said}) is of step 4; it should be 3"
    assert (
        reason(field(forgery.KIND, "activation"))
        == f"row is y told h2 the activation; it should be {said}"
    )
    assert (
        reason(field(forgery.SENDER, "h1")) == f"row is h1 told h2 the urgency; it should be {said}"
    )
    assert (
        reason(field(forgery.SENDER, None))
        == f"row is no member told h2 the urgency; it should be {said}"
    )
    assert (
        reason(field(forgery.RECEIVER, "\x1b[2J"))
        == f"row is y told an unknown member the urgency; it should be {said}"
    )
    assert reason(field(forgery.TIME, rows[k][forgery.TIME] + 1)).startswith(
        f"time, of what {said}, is "
    )
    assert reason(field(forgery.VALUE, [0.5])) == f"numbers, of what {said}, are 1; it should be 3"
    assert (
        reason(field(forgery.NOTE, "\x07"))
        == f"note, of what {said}, is \\x07; it should be nothing"
    )
    nan = reason(field(forgery.VALUE, [0.5, 1.0, float("nan")]))
    assert nan == f"step 3, row {k}: {said} nan; it should have said a finite number (example 3)"


def test_what_is_sealed(log: Path) -> None:
    """An input's last bit is told twice, a target's once; nobody but the seal knows a setting that has no effect yet."""
    metadata, rows = forgery.read(log)
    k = next(
        k for k, row in enumerate(rows) if row[forgery.STEP] == 3 and row[forgery.KIND] == "begin"
    )
    note = rows[k][forgery.NOTE]
    rows[k][forgery.NOTE] = note.replace(
        '"momentum": 0.5', '"momentum": 0.25'
    )  # of the first update
    forgery.write(log, metadata, rows)
    seal = next(
        k for k, row in enumerate(rows) if row[forgery.STEP] == 3 and row[forgery.KIND] == "seal"
    )
    message = refused(log)
    assert message.startswith(f"step 3, row {seal}: the log's seal is ")
    assert message.endswith("(what the environment sent, or asked for, was changed)")


def test_initial_parameters(log: Path) -> None:
    honest = na.audit(log)
    metadata, rows = forgery.read(log)
    about = json.loads(metadata[b"neuro_actors"])
    array = forgery._array(about["network"]["weights"], "<f8")
    array[0] += 1e-3
    about["network"]["weights"] = schema._text(array, "<f8")
    metadata[b"neuro_actors"] = json.dumps(about).encode()
    forgery.write(log, metadata, forgery.sealed(metadata, rows))
    assert "h1 told its followers the activation" in refused(log)
    about["versions"]["python"] = "2.7"
    metadata[b"neuro_actors"] = json.dumps(about).encode()
    forgery.write(log, metadata, rows)
    assert "h1 told its followers" in refused(log)
    _, rows = forgery.read(log)
    about["network"]["weights"] = schema._text(array - [1e-3, 0, 0, 0, 0], "<f8")
    metadata[b"neuro_actors"] = json.dumps(about).encode()
    forgery.write(log, metadata, rows)
    message = refused(log)
    assert "seal is" in message or "activation" in message
    assert refused(log, digest=honest.digest)


# --- files -------------------------------------------------------------------------------------------------------


def test_what_is_cut_off_is_incomplete(log: Path) -> None:
    whole = log.read_bytes()
    for size in (len(whole) - 1, len(whole) - 8, len(whole) - 300, int(0.7 * len(whole))):
        log.write_bytes(whole[:size])
        audit = na.audit(log)
        assert not audit.passed
        assert not audit.complete
        assert audit.lie is None
        assert "the log is cut off or damaged behind row" in audit.remarks[-1]


def test_what_is_appended_is_seen(log: Path) -> None:
    whole = log.read_bytes()
    for more in (b"\xff\xff\xff\xff\x00\x00\x00\x00", whole):
        log.write_bytes(whole + more)
        assert "the log's file goes on behind its end" in refused(log)


def test_more_metadata_is_seen(log: Path) -> None:
    metadata, rows = forgery.read(log)
    forgery.write(log, metadata | {b"pandas": b"{}"}, rows)
    assert refused(log).startswith("step 0, row 0: the log's schema has metadata")


def test_missing_ends(log: Path) -> None:
    metadata, rows = forgery.read(log)
    forgery.write(log, metadata, rows[:-1])
    audit = na.audit(log)
    assert not audit.passed
    assert audit.remarks == ("the log has no end: rows may be missing there",)
    forgery.write(log, metadata, [*rows[:-2], rows[-1]])  # the last step has no seal
    assert "count of rows and steps is" in refused(log)
    unsealed = forgery.sealed(metadata, [*rows[:-2], rows[-1]])
    forgery.write(log, metadata, unsealed)
    audit = na.audit(log)
    assert audit.lie is None
    assert not audit.complete
    assert audit.remarks == (
        "step 5 was broken off: what was sent in it is replayed, but not sealed",
    )
    k = next(
        k for k, row in enumerate(rows) if row[forgery.STEP] == 2 and row[forgery.KIND] == "seal"
    )
    forgery.write(log, metadata, forgery.sealed(metadata, rows[:k] + rows[k + 1 :]))
    assert refused(log) == f"step 2, row {k}: the log's row is missing; it should be a seal row"


def test_nulls_and_strange_dictionaries(log: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.arrows"
    with pa.ipc.open_stream(log) as stream:
        (batch, *later), fields = list(stream), stream.schema

    def audit_with(name: str, column: Any) -> na.Audit:
        place = fields.get_field_index(name)
        columns = [column if k == place else batch.column(k) for k in range(batch.num_columns)]
        with pa.OSFile(str(other), "wb") as file, pa.ipc.new_stream(file, fields) as stream:
            for one in (pa.record_batch(columns, schema=fields), *later):
                stream.write_batch(one)
        return na.audit(other)

    for name in ("step", "time", "value"):
        column = batch.column(name)
        values = column.to_pylist()
        lie = audit_with(name, pa.array([*values[:5], None, *values[6:]], column.type)).lie
        assert f"row 5 has no {name}" in str(lie)
    kind, sender, value = (batch.column(name) for name in ("kind", "sender", "value"))
    none = pa.DictionaryArray.from_arrays(pa.array([None] * len(kind), pa.int8()), kind.dictionary)
    assert "row 0 has no kind" in str(audit_with("kind", none).lie)
    values = value.to_pylist()
    k = next(k for k, row in enumerate(values) if row)
    values[k] = [None, *values[k][1:]]
    assert "is null" in str(audit_with("value", pa.array(values, value.type)).lie)
    names = sender.dictionary.to_pylist()
    twice = pa.DictionaryArray.from_arrays(
        sender.indices, pa.array([*names, "x", None, "y\x1b[2J"])
    )
    assert audit_with("sender", twice).passed  # names that nobody bears
    nobody = pa.DictionaryArray.from_arrays(sender.indices, pa.array([None, *names[1:]]))
    assert "an unknown member" in str(audit_with("sender", nobody).lie)
    outside = pa.DictionaryArray.from_arrays(
        pa.array([99] * len(sender), pa.int32()), sender.dictionary, safe=False
    )
    audit = audit_with("sender", outside)
    assert not audit.passed
    assert not audit.complete


def test_record_batches_do_not_matter(log: Path, tmp_path: Path) -> None:
    honest, other = na.audit(log), tmp_path / "b.arrows"
    with pa.ipc.open_stream(log) as stream:
        fields, batches = stream.schema, list(stream)
    with pa.OSFile(str(other), "wb") as file, pa.ipc.new_stream(file, fields) as stream:
        for batch in batches:
            stream.write_batch(batch.slice(0, 0))
            for k in range(len(batch)):
                stream.write_batch(batch.slice(k, 1))
        stream.write_batch(batches[0].slice(0, 0))
    assert na.audit(other) == honest


# --- runs that failed --------------------------------------------------------------------------------------------


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An activation that fails on the way back, in its n-th slope: set the first entry."""
    left = [10**9]

    def slope(z: np.ndarray, a: np.ndarray) -> np.ndarray:
        left[0] -= 1
        if left[0] < 0:
            raise ArithmeticError("no")
        return np.ones_like(z)

    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
    functions.ACTIVATIONS["odd"] = na.Activation(lambda z: z + 0.0, slope)
    return left


def test_a_run_that_failed_is_replayed_but_incomplete(
    channels: str, odd: list[int], tmp_path: Path, run_slow: bool
) -> None:
    net = na.Network.layered([2, 3, 3, 2], activation="odd", seed=1)
    odd[0] = 2 * 6 + 1  # two steps, and one of the second layer's
    path = tmp_path / "a.arrows"
    with pytest.raises(na.SimulationError, match="failed in step 4"):
        record(path, net, channels)
    odd[0] = 10**9
    audit = na.audit(path)
    assert (audit.lie, audit.steps, audit.passed, audit.complete) == (None, 4, False, False)
    assert audit.remarks == (
        "step 4 was broken off: what was sent in it is replayed, but not sealed",
    )
    metadata, rows = forgery.read(path)
    broken = [
        k for k, row in enumerate(rows) if row[forgery.STEP] == 4 and row[forgery.KIND] != "end"
    ]
    for column, value in ((forgery.SENDER, "x0"), (forgery.TIME, 1), (forgery.VALUE, [0.0])):
        forged = forgery.copied(rows)
        forged[broken[0]][column] = value
        forgery.write(path, metadata, forged)
        assert f"step 4, row {broken[0]}: " in refused(path)
    for k in broken[3:] if run_slow else broken[3::3]:
        forged = forgery.copied(rows)
        if rows[k][forgery.VALUE]:
            forged[k][forgery.VALUE][0] += 1e-3
            forgery.write(path, metadata, forged)
            if rows[k][forgery.SENDER] != "environment":
                assert f"row {k}: " in refused(path)
        if rows[k][forgery.KIND] == "activation":
            forgery.write(path, metadata, forgery.sealed(metadata, [*rows[:k], *rows[k + 1 :]]))
            assert "its sender had not received all its mail" in refused(path)
        forgery.write(path, metadata, forgery.sealed(metadata, [*rows[: k + 1], *rows[k:]]))
        assert "another one, or another place" in refused(path)
        time = forgery.copied(rows)
        time[k][forgery.TIME] += 1
        forgery.write(path, metadata, time)
        refused(path)


# --- optimizers, activations, losses -----------------------------------------------------------------------------


class Heavy:
    """An optimizer of somebody's own: the urgency of this step and of the one before."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def start(self, n: int) -> tuple[np.ndarray, ...]:
        return (np.zeros(n),)

    def update(self, parameters: Any, urgencies: Any, state: Any, count: int) -> Any:
        return parameters + self.rate * (urgencies + state[0]), (urgencies,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Heavy) and other.rate == self.rate

    def __repr__(self) -> str:
        return f"Heavy({self.rate})"


def test_an_optimizer_of_ones_own_is_handed_over(diamond: na.Network, tmp_path: Path) -> None:
    path = tmp_path / "a.arrows"
    record(path, diamond, optimizer=Heavy(0.1))
    audit = na.audit(path)
    assert (audit.lie, audit.passed, audit.complete, audit.unproved) == (None, False, True, 9)
    (remark,) = audit.remarks
    assert (
        remark
        == "not proved: 9 messages of kind commit (the first: h1, step 3): the optimizer Heavy(0.1) is not known here"
    )
    assert na.audit(path, optimizers=[na.SGD(0.1), Heavy(0.1)]).passed
    with pytest.raises(
        na.LogError, match=r"^the optimizer Heavy\(0\.1\) that was passed makes other updates"
    ):
        na.audit(path, optimizers=[_Lighter(0.1)])


class _Lighter(Heavy):
    def update(self, parameters: Any, urgencies: Any, state: Any, count: int) -> Any:
        return parameters + 0.5 * self.rate * urgencies, (urgencies,)


def test_functions_as_rates(channels: str, diamond: na.Network, tmp_path: Path) -> None:
    """They start afresh where the run did, and go on where it went on."""

    def falling(count: int) -> float:
        return 0.1 / count

    async def society() -> None:
        async with na.open_simulation(diamond, channels, log=tmp_path / "a.arrows") as simulation:
            for rate in (
                falling,
                falling,
                lambda n: 0.1,
                lambda n: 0.1,
                0.1,
                0.1,
                falling,
                falling,
            ):
                for kind in (na.SGD, na.Adam):
                    await simulation.train_step([[1.0]], [[1.0, 0.5]], optimizer=kind(rate))
            for rate in (
                falling,
                falling,
                lambda n: 0.1,
                lambda n: 0.1,
                0.1,
                0.1,
                falling,
                falling,
            ):
                await simulation.train_step(
                    [[1.0]], [[1.0, 0.5]], optimizer=na.SGD(rate, momentum=0.9)
                )

    trio.run(society)
    assert na.audit(tmp_path / "a.arrows").passed


def test_functions_that_are_not_in_the_tables(
    diamond: na.Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(functions, "LOSSES", dict(functions.LOSSES))
        patch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
        na.add_loss(
            "fourth", lambda p, t: ((p - t) ** 4).sum(axis=1), lambda p, t: 4 * (p - t) ** 3
        )
        na.add_activation("cube", lambda z: z**3, lambda z, a: 3 * z**2)
        cubic = na.Network.layered([2, 2, 1], activation="cube", seed=0)

        async def society() -> None:
            async with na.open_simulation(diamond, log=tmp_path / "a.arrows") as simulation:
                await simulation.gradient([[1.0]], [[1.0, 0.5]], "fourth")

        trio.run(society)
        record(tmp_path / "b.arrows", cubic)
        assert na.audit(tmp_path / "a.arrows").passed
        assert na.audit(tmp_path / "b.arrows").passed
    with pytest.raises(
        na.LogError,
        match=r"^step 1: the loss 'fourth' is not known here; --import MODULE imports the module that adds it$",
    ):
        na.audit(tmp_path / "a.arrows")
    with pytest.raises(
        na.LogError, match=r"neuron 'h1\.0': unknown activation 'cube'.*--import MODULE"
    ):
        na.audit(tmp_path / "b.arrows")


# --- another kind of machine -------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs on a machine whose functions differ in their last bits; `apart` makes them differ more."""
    right = functions.ACTIVATIONS["tanh"]
    table = {name: dict(getattr(functions, name)) for name in ("ACTIVATIONS", "LOSSES")}
    squared = table["LOSSES"]["softmax_cross_entropy"]
    fingerprint = schema.fingerprint

    def go(
        path: Path,
        network: na.Network,
        optimizer: Any,
        *,
        apart: float = 1.0,
        one_way: bool = False,
        fingerprinted: bool = True,
    ) -> None:
        wave = apart * np.finfo(float).eps

        def off(values: np.ndarray) -> np.ndarray:
            odd = np.arange(values.size).reshape(values.shape) % 2
            return np.asarray(values * (1.0 + wave * np.where(odd, 1.0, 1.0 if one_way else -1.0)))

        rng = np.random.default_rng(0)
        x, t = rng.standard_normal((6, 3)), rng.dirichlet([1.0, 1.0], 6)

        async def society() -> None:
            async with na.open_simulation(network, log=path) as simulation:
                await simulation.gradient(x, t, "softmax_cross_entropy", wrt_inputs=True)
                for _ in range(25):
                    await simulation.train_step(x, t, "softmax_cross_entropy", optimizer=optimizer)

        with monkeypatch.context() as patch:
            patch.setitem(
                functions.ACTIVATIONS,
                "tanh",
                na.Activation(lambda z: off(right.value(z)), lambda z, a: off(right.slope(z, a))),
            )
            patch.setitem(
                functions.LOSSES,
                "softmax_cross_entropy",
                na.Loss(
                    lambda p, t: off(squared.value(p, t)), lambda p, t: off(squared.slope(p, t))
                ),
            )
            if fingerprinted:
                patch.setattr(
                    schema,
                    "fingerprint",
                    lambda sums: fingerprint(sums) | {"numpy": "1.2.3", "cpu": ["MMX"]},
                )
            trio.run(society)

    return go


@pytest.mark.parametrize(
    "optimizer",
    [
        na.Adam(na.CosineDecay(0.01, 20), weight_decay=0.1),
        *few([na.SGD(0.1, momentum=0.9, weight_decay=0.01), na.SGD(0.1), na.Adam(0.01)], 0),
    ],
)
def test_a_log_of_another_machine_is_checked_within_the_bound(
    elsewhere: Any, optimizer: Any, tmp_path: Path
) -> None:
    net = na.Network.layered([3, 5, 4, 2], activation="tanh", seed=2)
    elsewhere(tmp_path / "a.arrows", net, optimizer)
    audit = na.audit(tmp_path / "a.arrows")
    assert audit.lie is None, str(audit.lie)
    assert audit.passed
    assert not audit.exact
    assert audit.remarks[0].startswith(
        "compared within the rounding bound alone: the log is of another kind of machine (numpy: 1.2.3 there, "
    )
    metadata, rows = forgery.read(tmp_path / "a.arrows")
    for kind in ("activation", "loss", "urgency", "commit"):
        fit = [
            k
            for k, row in enumerate(rows)
            if row[forgery.KIND] == kind and row[forgery.SENDER] != "environment"
        ]
        for k in (fit[len(fit) // 3], fit[-1]):
            forged = forgery.copied(rows)
            forged[k][forgery.VALUE][0] += 1e-9
            forgery.write(tmp_path / "b.arrows", metadata, forged)
            assert f"row {k}: " in refused(tmp_path / "b.arrows"), (kind, k)
    elsewhere(tmp_path / "c.arrows", net, optimizer, fingerprinted=False)
    with pytest.raises(na.LogError, match=r"the activation 'tanh' is another function here"):
        na.audit(tmp_path / "c.arrows")  # bits were promised
    elsewhere(tmp_path / "d.arrows", net, optimizer, apart=1e5)
    with pytest.raises(na.LogError, match=r"\(its value at 0\.5 is 0\.4621171572"):
        na.audit(tmp_path / "d.arrows")


@pytest.mark.parametrize("optimizer", [na.SGD(1.0, momentum=0.99), na.SGD(0.3, momentum=0.95)])
def test_what_an_optimizer_keeps_carries_its_error_on(
    elsewhere: Any, optimizer: Any, tmp_path: Path
) -> None:
    """A machine whose functions err as far as they may, always to the same side."""
    net = na.Network.layered([3, 2, 2], activation="tanh", seed=2)
    elsewhere(tmp_path / "a.arrows", net, optimizer, apart=4.0, one_way=True)
    audit = na.audit(tmp_path / "a.arrows")
    assert audit.passed, str(audit.lie)


def test_an_optimizer_of_ones_own_has_no_bound(elsewhere: Any, tmp_path: Path) -> None:
    net = na.Network.layered([3, 2, 2], activation="tanh", seed=2)
    elsewhere(tmp_path / "a.arrows", net, Heavy(0.1))
    audit = na.audit(tmp_path / "a.arrows", optimizers=[Heavy(0.1)])
    assert (audit.lie, audit.passed, audit.complete, audit.unproved) == (None, False, True, 25 * 4)
    assert audit.remarks[1].endswith(
        "how far rounding can carry an optimizer of the user's own is not known"
    )


def test_a_fingerprint_cannot_be_forged_to_weaken_the_audit(log: Path) -> None:
    metadata, rows = forgery.read(log)
    about = json.loads(metadata[b"neuro_actors"])
    about["numerics"]["numpy"] = "1.2.3"
    forgery.write(log, {b"neuro_actors": json.dumps(about).encode()}, rows)
    assert "the log's seal is" in refused(log)


# --- partial logs ------------------------------------------------------------------------------------------------


def partial(path: Path, network: na.Network, optimizer: Any = None, **more: Any) -> na.Audit:
    record(na.Recording(path, **more), network, steps=8, optimizer=optimizer or na.SGD(0.1))
    return na.audit(path)


MAIL = "what they had received is not all recorded"


def test_every_so_many_steps(diamond: na.Network, tmp_path: Path) -> None:
    """What was learnt meanwhile is given; what is recorded is proved, where nothing else is kept from step to step."""
    audit = partial(tmp_path / "a.arrows", diamond, every=3)
    assert audit.passed, audit
    assert audit.remarks == (
        "a partial log: every 3 steps",
        "what neurons learned in steps that were left out is given, in 9 commits",
    )
    for optimizer in (na.SGD(0.1, momentum=0.9), na.Adam(0.1)):
        audit = partial(
            tmp_path / f"{optimizer.__class__.__name__}.arrows", diamond, optimizer, every=3
        )
        assert (audit.lie, audit.passed, audit.complete, audit.unproved) == (None, False, True, 9)
        reason = "the optimizer's state from steps that were left out is not recorded"
        assert (
            audit.remarks[-1]
            == f"not proved: 9 messages of kind commit (the first: h1, step 4): {reason}"
        )


def test_who_starts_afresh_needs_no_past(diamond: na.Network, tmp_path: Path) -> None:
    async def society() -> None:
        async with na.open_simulation(
            diamond, log=na.Recording(tmp_path / "a.arrows", every=2)
        ) as simulation:
            for optimizer in (na.SGD(0.1, momentum=0.9), na.SGD(0.1, momentum=0.9), na.Adam(0.1)):
                await simulation.train_step([[1.0]], [[1.0, 0.5]], optimizer=optimizer)

    trio.run(society)
    audit = na.audit(tmp_path / "a.arrows")
    assert audit.passed, audit
    assert audit.steps == 3  # one of them for its commits alone


def test_some_neurons(diamond: na.Network, tmp_path: Path) -> None:
    """Their own mail is all they need; that of the others is given, as the environment's is."""
    for k, more in enumerate([{"neurons": ["h2"]}, {"layers": [1]}, {"neurons": ["y", "x"]}]):
        audit = partial(tmp_path / f"{k}.arrows", diamond, na.Adam(0.01), **more)
        assert audit.passed, audit
        assert audit.given > 0
        assert len(audit.remarks) == 1


@pytest.mark.parametrize(
    ("phases", "remarks"),
    [
        (
            ["forward"],
            ["activation (the first: h1, step 4): what their parameters were then is not recorded"],
        ),
        (["forward", "commit"], [f"commit (the first: h1, step 2): {MAIL}"]),
        (["backward"], [f"urgency (the first: x, step 2): {MAIL}"]),
        (["forward", "backward", "commit"], [f"urgency (the first: loss, step 2): {MAIL}"]),
        (["forward", "loss", "commit"], [f"commit (the first: h1, step 2): {MAIL}"]),
        (["forward", "loss", "backward"], []),
    ],
)
def test_some_phases(
    phases: list[str], remarks: list[str], diamond: na.Network, tmp_path: Path
) -> None:
    audit = partial(tmp_path / "a.arrows", diamond, phases=phases)
    assert audit.lie is None
    assert audit.complete
    assert audit.passed == (not remarks)
    found = [remark.partition(" messages of kind ")[2] for remark in audit.remarks[1:]]
    assert found[: len(remarks)] == remarks, audit.remarks
    assert bool(found) == bool(remarks)


# --- the command -------------------------------------------------------------------------------------------------


def command(
    capsys: Any, monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[object, str, str]:
    monkeypatch.setattr(sys, "argv", ["neuro-actors", "audit", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    return ended.value.code, out, err


def test_the_command(log: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = command(capsys, monkeypatch, str(log))
    audit = na.audit(log)
    assert (code, err) == (0, "")
    assert (
        out.splitlines()[0] == f"4 neurons, 5 steps, {audit.messages} messages in {audit.rows} rows"
    )
    assert f"digest {audit.digest}" in out
    assert out.splitlines()[-1] == "Proved."
    assert max(map(len, out.splitlines())) <= 80
    assert command(capsys, monkeypatch, str(log), "--digest", audit.digest)[0] == 0
    code, out, _ = command(capsys, monkeypatch, str(log), "--digest", "0" * 64)
    assert code == 1
    assert "last digest is" in out
    code, out, _ = command(capsys, monkeypatch, str(log), "--json")
    assert code == 0
    assert json.loads(out) == {
        **json.loads(out),
        "passed": True,
        "messages": audit.messages,
        "digest": audit.digest,
        "lie": None,
    }


def test_the_command_names_the_lie(log: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata, rows = forgery.read(log)
    k = next(k for k, row in enumerate(rows) if row[: forgery.TIME] == [3, "urgency", "y", "h2"])
    rows[k][forgery.VALUE][0] += 1.0
    forgery.write(log, metadata, rows)
    code, out, _ = command(capsys, monkeypatch, str(log))
    assert code == 1
    assert "REFUSED" in out
    assert str(na.audit(log).lie) in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80
    code, out, _ = command(capsys, monkeypatch, str(log), "--json")
    lie = json.loads(out)["lie"]
    assert (code, lie["step"], lie["row"], lie["who"], lie["what"]) == (
        1,
        3,
        k,
        "y",
        "told h2 the urgency",
    )
    log.write_bytes(log.read_bytes()[:-400])
    code, out, _ = command(capsys, monkeypatch, str(log))
    assert code == 1


def test_the_command_and_what_is_no_log(
    log: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = command(capsys, monkeypatch, str(log.parent / "none.arrows"))
    assert (code, err.count("\n")) == (2, 1)
    code, _, err = command(capsys, monkeypatch, str(log), "--digest", "12")
    assert (code, err) == (2, "neuro-actors: digest: expected 64 hexadecimal digits, got '12'\n")
    code, _, err = command(capsys, monkeypatch, str(log), "--import", "there_is_none")
    assert code == 2
    assert "--import 'there_is_none': ModuleNotFoundError" in err


def test_the_command_imports_what_adds_activations(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, built_in = str(tmp_path / "a.arrows"), dict(functions.ACTIVATIONS)
    add = "na.add_activation('cube', lambda z: z**3, lambda z, a: 3 * z**2)\n"
    (tmp_path / "adds_a_cube.py").write_text(f"import neuro_actors as na\n{add}")
    monkeypatch.syspath_prepend(str(tmp_path))
    with monkeypatch.context() as patched:
        patched.setattr(functions, "ACTIVATIONS", dict(built_in))
        exec(add, {"na": na})
        record(Path(path), na.Network.layered([2, 2, 1], activation="cube", seed=0), "bundled")
    with monkeypatch.context() as patched:
        patched.setattr(functions, "ACTIVATIONS", dict(built_in))
        code, _, err = command(capsys, patched, path)
        assert code == 2
        assert "unknown activation 'cube'" in err
        assert command(capsys, patched, "--import", "adds_a_cube", path)[0] == 0


def test_progress_is_reported(log: Path) -> None:
    reports: list[tuple[int, int]] = []
    na.audit(log, progress=lambda read, size: reports.append((read, size)))
    assert reports
    assert all(0 < read <= size == log.stat().st_size for read, size in reports)
    assert reports == sorted(reports)


# --- which functions, and which digest ---------------------------------------------------------------------------


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACTIVATIONS", "LOSSES"):
        monkeypatch.setattr(functions, name, dict(getattr(functions, name)))


def test_functions_that_were_replaced_are_named_and_nobody_is_called_a_liar(
    tables: None, diamond: na.Network, tmp_path: Path
) -> None:
    tanh, huber = functions.ACTIVATIONS["tanh"], functions.LOSSES["huber"]
    used = next(name for name in diamond.activations if name != "identity")
    real = functions.ACTIVATIONS[used]
    functions.ACTIVATIONS[used] = na.Activation(
        lambda z: 1.5 * real.value(z), lambda z, a: 1.5 * real.slope(z, a / 1.5)
    )
    record(tmp_path / "a.arrows", diamond)
    assert na.audit(tmp_path / "a.arrows").passed
    functions.ACTIVATIONS[used] = real
    with pytest.raises(na.LogError, match=f"the activation '{used}' is another function here"):
        na.audit(tmp_path / "a.arrows")
    na.add_loss("huber", lambda p, t: 2 * huber.value(p, t), lambda p, t: 2 * huber.slope(p, t))

    async def society() -> None:
        async with na.open_simulation(diamond, log=tmp_path / "b.arrows") as simulation:
            await simulation.gradient([[1.0]], [[1.0, 0.5]], "huber")
            functions.LOSSES["huber"] = huber  # while the society lives
            await simulation.gradient([[1.0]], [[1.0, 0.5]], "huber")

    trio.run(society)
    notes = [row[forgery.NOTE] for row in forgery.read(tmp_path / "b.arrows")[1] if row[1] == "begin"]  # fmt: skip
    assert [json.loads(note).get("identity") is None for note in notes] == [False, True]
    with pytest.raises(na.LogError, match="the loss 'huber' is another function here"):
        na.audit(tmp_path / "b.arrows")
    assert functions.ACTIVATIONS["tanh"] is tanh


OTHER_LIBRARY = """
import math
for name in ("erf", "erfc"):
    function = getattr(math, name)
    setattr(math, name, lambda z, function=function: math.nextafter(function(z), 2.0))
import neuro_actors as na
net = na.Network.layered([2, 3, 1], activation="gelu", seed=0)
na.train(net, [[1.0, 0.0]], [[1.0]], optimizer=na.SGD(0.1), epochs=2, log="a.arrows")
"""


def test_another_c_library_makes_no_liar(tmp_path: Path) -> None:
    """Its erf has other last bits, as musl's has: the log says so, and no bits are promised."""
    subprocess.run([sys.executable, "-c", OTHER_LIBRARY], cwd=tmp_path, check=True)
    audit = na.audit(tmp_path / "a.arrows")
    assert (audit.passed, audit.exact) == (True, False), str(audit.lie)
    assert "(library: its functions give other last bits)" in audit.remarks[0]


def test_a_log_of_an_older_version_is_audited_and_says_what_was_not_checked(log: Path) -> None:
    metadata, rows = forgery.read(log)
    about = json.loads(metadata[b"neuro_actors"])
    del about["functions"]
    for name in ("library", "additions"):
        del about["numerics"][name]
    metadata = {b"neuro_actors": json.dumps(about).encode()}
    forgery.write(log, metadata, forgery.sealed(metadata, rows))
    audit = na.audit(log)
    assert (audit.passed, audit.exact) == (True, True)
    (remark,) = audit.remarks
    assert remark.startswith("not checked, because the log does not tell of them: the C library; ")
    assert "the activation 'tanh'" in remark
    assert "the loss 'squared_error'" in remark


def test_the_complete_digest_names_one_log(log: Path, tmp_path: Path) -> None:
    metadata, rows = forgery.read(log)
    audit, opened = na.audit(log), na.open_log(log)
    whole = audit.complete_digest
    assert whole == opened.complete_digest() == _second_opinion(metadata, rows)
    assert na.audit(log, digest=whole) == audit
    other = tmp_path / "b.arrows"
    forgery.write(other, metadata, rows, np.random.default_rng(0))  # in other record batches
    assert na.open_log(other).complete_digest() == whole
    for k, row in enumerate(rows):
        for column, change in (
            (forgery.STEP, lambda x: x + 1), (forgery.TIME, lambda x: x + 1),
            (forgery.KIND, lambda x: "loss" if x != "loss" else "urgency"),
            (forgery.SENDER, lambda x: "x" if x != "x" else None),
            (forgery.RECEIVER, lambda x: "x" if x != "x" else None),
            (forgery.VALUE, lambda x: [*x[:-1], -x[-1]] if x and x[-1] else [*x, 0.0]),
            (forgery.NOTE, lambda x: f"{x} " if x is not None else ""),
        ):  # fmt: skip
            if k % 7 == column:
                forged = forgery.copied(rows)
                forged[k][column] = change(row[column])
                assert _second_opinion(metadata, forged) != whole, (k, column)
                forgery.write(other, metadata, forged)
                assert na.open_log(other).complete_digest() != whole, (k, column)
    with pytest.raises(na.LogError):
        na.open_log(tmp_path / "none.arrows")


def _second_opinion(metadata: dict[bytes, bytes], rows: list[forgery.Row]) -> str:
    """The complete digest as its documentation describes it."""
    ids = json.loads(metadata[b"neuro_actors"])["network"]["ids"]
    place = {name: k for k, name in enumerate([*ids, "loss", "environment"])} | {None: -1}
    found = hashlib.sha256()
    for name, value in sorted(metadata.items()):
        found.update(struct.pack("<qq", len(name), len(value)) + name + value)
    starts = [k for k, row in enumerate(rows) if row[forgery.KIND] in ("begin", "end")]
    for a, b in itertools.pairwise([*starts, len(rows)]):
        part = rows[a:b]
        columns = [
            [row[forgery.STEP] for row in part],
            [forgery.KINDS.index(row[forgery.KIND]) for row in part],
            *([place.get(row[end], -2) for row in part] for end in (forgery.SENDER, forgery.RECEIVER)),
            [row[forgery.TIME] for row in part],
            [len(row[forgery.VALUE]) for row in part],
        ]  # fmt: skip
        found.update(struct.pack("<q", len(part)))
        for column in columns:
            found.update(struct.pack(f"<{len(part)}q", *column))
        values = [value for row in part for value in row[forgery.VALUE]]
        found.update(struct.pack(f"<{len(values)}d", *values))
        notes = [row[forgery.NOTE] for row in part]
        sizes = [-1 if note is None else len(note.encode()) for note in notes]
        found.update(struct.pack(f"<{len(sizes)}q", *sizes))
        found.update("".join(note for note in notes if note is not None).encode())
    return found.hexdigest()
