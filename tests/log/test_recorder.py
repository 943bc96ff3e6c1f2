from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import signal
import struct
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from helpers.systems import OPEN_FILES, make_link, need_limits, need_open_files
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.log import log_file
from neuro_actors.log.reader import LogReader, Row
from neuro_actors.log.recorder import LogRecorder
from neuro_actors.log.schema import arrow_schema
from neuro_actors.log.wording import describe_row
from neuro_actors.network import functions
from neuro_actors.neuron.optimizer_json import optimizer_from_json

STEPS = 4  # predict, gradient with inputs, two of learning


async def write(path, network: na.Network, batch, channels: str = "memory") -> list[na.Gradient]:
    x, t = batch
    async with na.open_simulation(network, channels, log=path) as simulation:
        await simulation.predict(x)
        gradient = await simulation.gradient(x, t, wrt_inputs=True)
        for _ in range(2):
            await simulation.train_step(x, t, optimizer=na.SGD(0.1))
        return [gradient, await simulation.network()]


def rows_of(path) -> list[Row]:
    return list(LogReader(path).rows())


async def test_every_message_is_there_once(channels: str, diamond, batch, tmp_path) -> None:
    """An activation once for all who hear it."""
    await write(tmp_path / "a.arrows", diamond, batch, channels)
    rows = [row for row in rows_of(tmp_path / "a.arrows") if row.step == 2]
    said = [(row.kind, row.sender, row.receiver) for row in rows[1:-1]]
    expected = [("activation", name, None) for name in diamond.ids]
    expected += [("urgency", s.target, s.source) for s in diamond.synapses]
    expected += [
        ("activation", "environment", "x"),
        ("urgency", "x", "environment"),
        ("loss", "loss", "environment"),
    ]
    expected += [("target", "environment", "loss")] * 2
    expected += [("urgency", "loss", output) for output in diamond.outputs]
    expected += [("commit", name, "environment") for name in ("h1", "h2", "y")]
    assert sorted(said, key=str) == sorted(expected, key=str)
    assert (rows[0].kind, rows[-1].kind) == ("begin", "seal")
    assert json.loads(rows[0].note) == {
        "mode": "gradient", "loss": "squared_error", "batch": 7, "wrt_inputs": True, "optimizer": None, "update": None,
    }  # fmt: skip


async def test_what_is_said_is_what_was_computed(channels: str, diamond, batch, tmp_path) -> None:
    gradient, trained = await write(tmp_path / "a.arrows", diamond, batch, channels)
    rows = rows_of(tmp_path / "a.arrows")

    def value(step: int, kind: str, sender: str, receiver: str | None) -> list[float]:
        (found,) = [
            r.value
            for r in rows
            if (r.step, r.kind, r.sender, r.receiver) == (step, kind, sender, receiver)
        ]
        return found

    assert value(2, "activation", "y", None) == gradient.predictions[:, 0].tolist()
    assert np.mean(value(2, "loss", "loss", "environment")) == pytest.approx(
        gradient.loss, rel=1e-14
    )
    for k, name in enumerate(diamond.ids[1:], 1):
        incoming = diamond.incoming.of(k)
        assert value(2, "commit", name, "environment") == [
            *-gradient.weights[incoming],
            -gradient.biases[k],
        ]
        assert value(4, "commit", name, "environment") == [
            *trained.weights[incoming],
            trained.biases[k],
        ]
    signal = np.array(value(2, "urgency", "y", "h2")) / -0.75  # w · v
    assert np.array(value(2, "urgency", "y", "h1")) == pytest.approx(2.0 * signal, rel=1e-15)
    assert np.array(value(2, "urgency", "x", "environment")) == pytest.approx(
        -7 * gradient.inputs[:, 0], rel=1e-15
    )
    targets = [r for r in rows if (r.step, r.kind) == (2, "target")]
    assert [(r.note, r.value) for r in targets] == [
        ("y", batch[1][:, 0].tolist()),
        ("h1", batch[1][:, 1].tolist()),
    ]


async def test_in_a_step_that_predicts_only_forward_messages(diamond, batch, tmp_path) -> None:
    await write(tmp_path / "a.arrows", diamond, batch)
    rows = [row for row in rows_of(tmp_path / "a.arrows") if row.step == 1]
    assert {row.kind for row in rows} == {"begin", "activation", "loss", "seal"}
    assert [row.value for row in rows if row.kind == "loss"] == [[]]


async def test_time_is_lamports(diamond, batch, tmp_path) -> None:
    """Greater than that of everything that the sender had heard before it spoke; and not greater than it must be."""
    await write(tmp_path / "a.arrows", diamond, batch)
    forward = {"activation", "target"}
    rows = [
        row for row in rows_of(tmp_path / "a.arrows") if row.sender is not None and row.step == 2
    ]
    hears = {name: {s.source for s in diamond.synapses if s.target == name} for name in diamond.ids}
    hears |= {"loss": set(diamond.outputs), "environment": set()}
    for row in rows:
        times = [
            other.time
            for other in rows
            if (
                other.receiver == row.sender
                or (other.receiver is None and other.sender in hears[row.sender])
            )
            and (other.kind in forward or row.kind not in forward)
            and not (row.sender == "loss" and other.kind == "urgency")
        ]
        assert row.time == (1 if row.sender == "environment" else 1 + max(times))
    assert [row.time for row in rows] == sorted(row.time for row in rows)


async def test_equal_runs_write_equal_bytes(
    channels: str, batch, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuro_actors.log.recorder.FLUSH_SECONDS", float("inf"))
    net = na.Network.layered([1, 9, 9, 2], seed=4)
    for name in ("a", "b"):
        await write(tmp_path / f"{name}.arrows", net, batch, channels)
    assert (tmp_path / "a.arrows").read_bytes() == (tmp_path / "b.arrows").read_bytes()


async def test_an_optimizer_is_noted_without_addresses(diamond, batch, tmp_path) -> None:
    """They differ from process to process, and equal runs are to write equal logs. What the function gave is noted."""
    optimizer = na.SGD(lambda count: 0.1 / count, momentum=0.5)
    async with na.open_simulation(diamond, log=tmp_path / "a.arrows") as simulation:
        for chosen in (optimizer, optimizer, na.Adam(na.StepDecay(0.1, 5)), optimizer):
            await simulation.train_step(*batch, optimizer=chosen)
    notes = [json.loads(row.note) for row in rows_of(tmp_path / "a.arrows") if row.kind == "begin"]
    assert "0x" not in str(notes)
    # an optimizer that comes back starts afresh
    assert [note["update"] for note in notes] == [1, 2, 1, 1]
    rates = [note["optimizer"]["learning_rate"] for note in notes]
    assert "<lambda>" in rates[0]["name"]
    assert [rates[k]["rate"] for k in (0, 1, 3)] == [0.1, 0.05, 0.1]
    assert rates[2] == {"name": "StepDecay", "start": 0.1, "every": 5, "factor": 0.5}
    assert notes[0]["optimizer"] | {"learning_rate": 0} == {
        "name": "SGD",
        "learning_rate": 0,
        "momentum": 0.5,
        "weight_decay": 0.0,
    }


class Own:
    """An optimizer of somebody's own."""

    def start(self, n_parameters):
        return ()

    def update(self, parameters, urgencies, state, count):
        return parameters + urgencies, ()

    def __eq__(self, other):
        return isinstance(other, Own)

    def __repr__(self):
        return "Own()"


async def test_optimizers_come_back_from_their_notes(diamond, batch, tmp_path) -> None:
    given = [
        na.SGD(0.1, 0.9, 0.01),
        na.Adam(na.CosineDecay(0.1, 7), beta1=0.5),
        na.SGD(na.StepDecay(0.5, 2)),
        Own(),
    ]
    async with na.open_simulation(diamond, log=tmp_path / "a.arrows") as simulation:
        for optimizer in given:
            await simulation.train_step(*batch, optimizer=optimizer)
    found = [
        optimizer_from_json(step.optimizer) for step in na.open_log(tmp_path / "a.arrows").steps
    ]
    assert found == [*given[:-1], None]


async def test_each_step_is_sealed(channels: str, diamond, batch, tmp_path) -> None:
    """The chain as `docs/log-format.md` describes it: the metadata, then what the environment sent."""
    path = tmp_path / "a.arrows"
    await write(path, diamond, batch, channels)
    with pa.ipc.open_stream(path) as stream:
        digest = hashlib.sha256(stream.schema.metadata[b"neuro_actors"])
    rows = rows_of(path)
    for number in range(1, STEPS + 1):
        step = [row for row in rows if row.step == number]
        note = step[0].note.encode()
        digest = hashlib.sha256(digest.digest() + struct.pack("<qq", number, len(note)) + note)
        for row in step:
            if row.sender == "environment":
                digest.update(struct.pack(f"<{len(row.value)}d", *row.value))
        assert step[-1 if number < STEPS else -2].note == digest.hexdigest()
    end = rows[-1]
    assert (end.step, end.kind, end.value, end.note) == (
        STEPS,
        "end",
        [len(rows) - 1, STEPS],
        digest.hexdigest(),
    )
    assert na.open_log(path).digest == digest.hexdigest()


async def test_the_log_changes_no_bit(diamond, batch, tmp_path) -> None:
    _, logged = await write(tmp_path / "a.arrows", diamond, batch)
    async with na.open_simulation(diamond) as simulation:
        for _ in range(2):
            await simulation.train_step(*batch, optimizer=na.SGD(0.1))
        assert await simulation.network() == logged


async def test_the_network_comes_back(diamond, batch, tmp_path) -> None:
    await write(tmp_path / "a.arrows", diamond, batch)
    assert LogReader(tmp_path / "a.arrows").network == diamond


async def test_it_is_written_in_many_batches_and_read_whole(tmp_path) -> None:
    net = na.Network.layered([30, 30, 30], seed=0)
    async with na.open_simulation(net, log=tmp_path / "a.arrows") as simulation:
        for _ in range(24):
            await simulation.train_step(np.ones((2, 30)), np.ones((2, 30)), optimizer=na.SGD(1e-3))
    reader = LogReader(tmp_path / "a.arrows")
    lengths = [len(batch) for batch in reader.batches()]
    assert len(lengths) >= 3
    assert not reader.cut_off
    given, spoken, wanted, lost, urged, blamed, committed = 30, 90, 30, 1, 900, 30, 60
    assert (
        sum(lengths) == 24 * (given + spoken + wanted + lost + urged + blamed + committed + 2) + 1
    )


async def test_a_truncated_log_is_read_as_far_as_it_is_whole(diamond, batch, tmp_path) -> None:
    whole = tmp_path / "a.arrows"
    async with na.open_simulation(diamond, log=whole) as simulation:
        for _ in range(900):
            await simulation.train_step(*batch, optimizer=na.SGD(1e-3))
    data, rows = whole.read_bytes(), rows_of(whole)
    for share in (0.3, 0.6, 0.99):
        cut = tmp_path / f"{share}.arrows"
        cut.write_bytes(data[: int(len(data) * share)])
        reader = LogReader(cut)
        found = list(reader.rows())
        assert reader.cut_off
        assert 0 < len(found) < len(rows)
        assert found == rows[: len(found)]
    (tmp_path / "no_end.arrows").write_bytes(data[:-8])
    reader = LogReader(tmp_path / "no_end.arrows")
    assert list(reader.rows()) == rows
    assert reader.cut_off


async def test_the_log_of_a_failed_run_can_be_read(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))

    def fails(z):
        raise ArithmeticError("no")

    functions.ACTIVATIONS["fails"] = na.Activation(fails, lambda z, a: z)
    net = na.Network(
        [na.Input("x"), na.Neuron("h"), na.Neuron("y", "fails")],
        [na.Synapse("x", "h", 2.0), na.Synapse("h", "y", 1.0)],
        ["y"],
    )
    with pytest.raises(na.SimulationError):
        async with na.open_simulation(net, log=tmp_path / "a.arrows") as simulation:
            await simulation.predict([[3.0]])
    reader = LogReader(tmp_path / "a.arrows")
    assert [(row.kind, row.sender, row.receiver, row.value) for row in reader.rows()] == [
        ("begin", None, None, []),
        ("activation", "environment", "x", [3.0]),
        ("activation", "x", None, [3.0]),
        ("activation", "h", None, [6.0]),
        ("end", None, None, [4.0, 1.0]),
    ]


async def test_the_log_of_a_step_that_failed_on_the_way_back(
    channels: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was said is there; what nobody came to say is not."""
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))

    def fails(z, a):
        raise ArithmeticError("no")

    functions.ACTIVATIONS["fails"] = na.Activation(lambda z: z + 0.0, fails)
    net = na.Network(
        [na.Input("x"), na.Neuron("g"), na.Neuron("h", "fails"), na.Neuron("y")],
        [na.Synapse("x", "g", 2.0), na.Synapse("g", "h", 1.0), na.Synapse("h", "y", 1.0)],
        ["y"],
    )
    with pytest.raises(na.SimulationError, match="'h' failed in step 1: ArithmeticError: no"):
        async with na.open_simulation(net, channels, log=tmp_path / "a.arrows") as simulation:
            await simulation.gradient([[3.0]], [[1.0]])
    rows = rows_of(tmp_path / "a.arrows")
    backward = [
        (row.kind, row.sender, row.receiver) for row in rows if row.kind in ("urgency", "commit")
    ]
    assert backward == [
        ("urgency", "loss", "y"),
        ("urgency", "y", "h"),
        ("commit", "y", "environment"),
    ]
    assert [row.sender for row in rows if row.kind == "activation"] == [
        "environment",
        "x",
        "g",
        "h",
        "y",
    ]
    assert rows[-2].kind != "seal"
    assert (rows[-1].kind, rows[-1].value) == ("end", [len(rows) - 1, 1])
    log = na.open_log(tmp_path / "a.arrows")
    assert log.complete
    assert not log.steps[0].whole


async def test_a_log_can_be_read_without_the_users_functions(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
        na.add_activation("mine", lambda z: 2 * z, lambda z, a: 0 * z + 2)
        net = na.Network(
            [na.Input("x"), na.Neuron("y", "mine")], [na.Synapse("x", "y", 1.0)], ["y"]
        )
        async with na.open_simulation(net, log=tmp_path / "a.arrows") as simulation:
            await simulation.predict([[3.0]])
    reader = LogReader(tmp_path / "a.arrows")
    assert [row.value for row in reader.rows() if row.sender == "y"] == [[6.0]]
    assert reader.network.neurons[1].activation == "mine"
    with pytest.raises(na.NetworkError, match="^neuron 'y': unknown activation 'mine'"):
        async with na.open_simulation(reader.network):
            pass


@pytest.mark.parametrize("channels", few(["memory", "bundled"], 1))
async def test_it_does_not_grow_with_the_run(channels: str, diamond, batch, tmp_path) -> None:
    async with na.open_simulation(diamond, channels, log=tmp_path / "a.arrows") as simulation:

        async def steps(count: int) -> int:
            for k in range(count):
                n = 1 + k % 7  # of more sizes than are kept
                await simulation.train_step(batch[0][:n], batch[1][:n], optimizer=na.SGD(1e-4))
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            before = await steps(100)
            after = await steps(100)
        finally:
            tracemalloc.stop()
    assert after - before < 20_000  # bytes; the rows of these steps take 120,000


# --- what goes wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prepare", "match"),
    [
        (
            lambda p: p.write_text("mine"),
            r"exists already: choose another name, remove it, or replace it: log=na.Recording\('.*', overwrite=True\)$",
        ),
        (lambda p: p.mkdir(), r"exists already|is a directory|Is a directory"),
    ],
)
async def test_what_exists_is_not_overwritten(prepare, match: str, diamond, tmp_path) -> None:
    path = tmp_path / "a.arrows"
    prepare(path)
    with pytest.raises(na.LogError, match=match):
        async with na.open_simulation(diamond, log=path):
            pytest.fail("no work may start")
    assert path.is_dir() or path.read_text() == "mine"


async def test_a_missing_folder(diamond, tmp_path) -> None:
    with pytest.raises(na.LogError, match=r"cannot be written: No such file or directory$"):
        async with na.open_simulation(diamond, log=tmp_path / "none" / "a.arrows"):
            pass


@need_limits
async def test_a_full_disk_is_one_clear_error_and_what_was_written_can_be_read(
    diamond, batch, tmp_path
) -> None:
    """A limit on the size of files stands in for a disk that is full."""
    path = tmp_path / "a.arrows"
    import resource  # not on Windows

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, limits[1]))
        with pytest.raises(na.LogError, match=r"^log file '.*a\.arrows' cannot be written: "):
            async with na.open_simulation(diamond, log=path) as simulation:
                for _ in range(3000):
                    await simulation.train_step(*batch, optimizer=na.SGD(1e-4))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    reader = LogReader(path)
    assert len(list(reader.rows())) > 1000
    assert reader.cut_off


@pytest.mark.parametrize("name", ["", 5, "a\0b"])
async def test_what_can_be_no_file(name, diamond) -> None:
    with pytest.raises(na.LogError):
        async with na.open_simulation(diamond, log=name):
            pass


async def test_damage_anywhere_is_no_traceback(diamond, batch, tmp_path, run_slow: bool) -> None:
    await write(tmp_path / "a.arrows", diamond, batch)
    data = (tmp_path / "a.arrows").read_bytes()
    for place in range(0, len(data), 97 if run_slow else 389):
        (tmp_path / "b.arrows").write_bytes(
            data[:place] + bytes([data[place] ^ 0x5A]) + data[place + 1 :]
        )
        with contextlib.suppress(na.NeuroActorsError):
            reader = LogReader(tmp_path / "b.arrows")
            for row in reader.rows():
                describe_row(row, reader.network)
        with contextlib.suppress(na.NeuroActorsError):
            log = na.open_log(tmp_path / "b.arrows")
            log.messages()
            for step in log:
                _ = (
                    step.inputs,
                    step.activations,
                    step.targets,
                    step.loss,
                    step.urgencies,
                    step.blame,
                    step.felt,
                    step.biases,
                )
                log.network_at(step.info.number)


def foreign(path) -> None:
    table = pa.table({"a": [1]})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)


def other_columns(path) -> None:
    described = arrow_schema(na.Network.layered([1, 1]), na.Recording("a"), "ordered")
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, described.remove(6)):
        pass


def no_end(path) -> None:
    described = arrow_schema(na.Network.layered([1, 1]), na.Recording("a"), "ordered")
    metadata = {
        key: value.replace(b'"sources": "AAAAAAAAAAA="', b'"sources": "AAAAAAAAAH8="')
        for key, value in described.metadata.items()
    }
    assert metadata != described.metadata
    with (
        pa.OSFile(str(path), "wb") as file,
        pa.ipc.new_stream(file, described.with_metadata(metadata)),
    ):
        pass


def later(path) -> None:
    schema = arrow_schema(na.Network.layered([1, 1]), na.Recording("a"), "ordered")
    metadata = {
        key: value.replace(b'"format": 4', b'"format": 99')
        for key, value in schema.metadata.items()
    }
    with (
        pa.OSFile(str(path), "wb") as file,
        pa.ipc.new_stream(file, schema.with_metadata(metadata)),
    ):
        pass


@pytest.mark.parametrize(
    ("prepare", "match"),
    [
        (lambda p: None, r"there is no such file$"),
        (lambda p: p.write_bytes(b""), r"it is empty$"),
        (
            lambda p: p.write_bytes(b"hello, this is a text\n" * 20),
            r"it is a text file, not a message log",
        ),
        (
            lambda p: p.write_bytes(b"<!DOCTYPE html>\n<html>" * 20),
            r"it is an HTML page, not a message log: ",
        ),
        (
            lambda p: p.write_bytes(b"PAR1" * 20),
            r"it is a Parquet file, not a message log: name the file that a run wrote",
        ),
        (
            lambda p: p.write_bytes(b"\x00\x01" * 99),
            r"'[^']*': it is no message log: name the file that a run wrote",
        ),
        (
            lambda p: p.write_bytes(b"\xff" * 4 + b"\x80\x27\0\0" * 9),
            r"it is cut off or damaged at its beginning",
        ),
        (foreign, r"it is an Arrow stream, but no message log$"),
        (other_columns, r"its columns are not those of a message log$"),
        (no_end, r"its description of the network is damaged: a synapse has no end$"),
        (later, r"it is of log format 99, this version reads 3 and 4$"),
    ],
)
def test_what_is_no_log(prepare, match: str, tmp_path) -> None:
    prepare(tmp_path / "a.arrows")
    with pytest.raises(na.LogError, match=match) as caught:
        LogReader(tmp_path / "a.arrows")
    assert "bytes" not in str(caught.value)  # which Arrow's own texts speak of


async def test_the_current_folder_is_changed_during_a_run(
    diamond, batch, tmp_path, monkeypatch: pytest.MonkeyPatch, autojump_clock
) -> None:
    """Both files of a log are where they were asked for, also the second, which is made later."""
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    channels = na.Unreliable(drop=0.3, seed=1)
    async with na.open_simulation(diamond, channels, log="a.arrows") as simulation:
        monkeypatch.chdir("other")
        for _ in range(3):
            await simulation.gradient(*batch)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "a.arrows",
        "a.disturbances.arrows",
        "other",
    ]
    assert not list((tmp_path / "other").iterdir())
    assert na.open_log(tmp_path / "a.arrows").disturbances


async def test_two_runs_with_one_log(diamond, batch, tmp_path) -> None:
    """A log that is still written is not replaced: its run would say that it has one, and there is none."""
    again = na.Recording(tmp_path / "a.arrows", overwrite=True)
    async with na.open_simulation(diamond, log=tmp_path / "a.arrows") as simulation:
        with pytest.raises(na.LogError, match="is being written by another run"):
            async with na.open_simulation(diamond, log=again):
                pass
        await simulation.gradient(*batch)
    assert len(na.open_log(tmp_path / "a.arrows")) == 1
    async with na.open_simulation(diamond, log=again):
        pass
    assert len(na.open_log(tmp_path / "a.arrows")) == 0


@pytest.mark.parametrize("name", ["a.arrows", "a.disturbances.arrows"])
async def test_a_link_to_nothing(diamond, batch, tmp_path, name: str) -> None:
    """It is named; and where the log may be replaced, the link is."""
    path = tmp_path / "a.arrows"
    make_link(tmp_path / name, tmp_path / "missing")
    with pytest.raises(na.LogError, match=f"{name}' exists already"):
        async with na.open_simulation(diamond, log=path):
            pass
    async with na.open_simulation(diamond, log=na.Recording(path, overwrite=True)) as simulation:
        await simulation.gradient(*batch)
    assert na.open_log(path).complete
    assert not (tmp_path / "missing").exists()


@need_open_files
def test_a_log_that_cannot_be_opened_leaves_nothing(
    diamond, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is opened twice: to take its name, and by Arrow."""
    refuse = OSError(24, "Too many open files")
    monkeypatch.setattr(log_file.pa, "OSFile", lambda *_: throw(refuse))
    before = sorted(OPEN_FILES.iterdir())
    caught = []  # a traceback would hold what is open; a garbage collector would hide it
    try:
        LogRecorder(na.Recording(tmp_path / "a.arrows"), diamond)
    except na.LogError as error:
        caught.append(error)
        assert sorted(OPEN_FILES.iterdir()) == before
    assert "cannot be written: Too many open files" in str(caught[0])
    assert not (tmp_path / "a.arrows").exists()
    monkeypatch.undo()
    LogRecorder(na.Recording(tmp_path / "a.arrows"), diamond).close()


def throw(error: Exception) -> None:
    raise error
