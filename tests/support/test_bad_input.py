"""Whatever is handed over, every public call either takes it or raises one of the package's own errors, in one short line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest
import trio
from helpers import cli_logs, damaged_logs
from helpers.systems import make_link, need_limits, need_pipes, need_shell
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.log.follow import FollowingReader
from neuro_actors.support.text import quote


class Mute:
    """What cannot even be described."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")

    def __array__(self, *_: object) -> Any:
        raise RuntimeError("no numbers")


class Liar:
    """Looks like a list, and is none."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, k: int) -> object:
        raise KeyError(k)


NESTED: list[Any] = []
NESTED.append(NESTED)
JUNK: list[Any] = [
    None, True, 0, -1, 2, 3.5, 10**30, 10**400, -(10**400), 10**5000, float("nan"), float("inf"), 1j, np.longdouble("1e4000"),
    np.uint64(2**64 - 1), np.bool_(True), np.datetime64("2020-01-01"), "", "x0", "\ud800", "\0", "a\nb", "\x1b[2J", "\u202e",
    "x" * 10**6, b"x", [], {}, {1: 2}, [None], ["a"], [1, "a"], [[1], [1, 2]], [[[1.0]]], [1.0, 2.0], [[float("nan"), 1.0]],
    [10**400], ["a" * 10**6], [Mute()], NESTED, np.array(1.0), np.zeros((0, 2)), np.zeros((2, 0)), np.zeros((3, 3, 3)),
    np.array([[1, 2]], dtype=object), np.ma.masked_array([[1.0, 2.0]], mask=[[True, False]]), np.array(["a"]), len, int, object(),
    Mute(), Liar(), range(10**12), memoryview(b"ab"), ..., na.SGD, na.SGD(0.1), na.Input("x"), na.rules.Backpropagation,
]  # fmt: skip
NET = na.Network.layered([2, 2, 1], output_activation="sigmoid", seed=1)
X, T = [[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]], [[0.0], [1.0], [0.5]]
LOG = Path("run.arrows")


def _train(**more: Any) -> None:
    wanted = {"epochs": 1, "optimizer": na.SGD(0.1)} | more
    if isinstance(wanted["epochs"], (int, np.integer)) and wanted["epochs"] > 10:
        return  # it would take its time
    na.train(NET, X, T, **wanted)


def _open(**more: Any) -> None:
    async def main() -> None:
        async with na.open_simulation(**{"network": NET, "patience": 5.0, **more}) as simulation:
            await simulation.predict(X)

    trio.run(main)


def _record(**more: Any) -> None:
    _train(log=na.Recording(**{"path": "new.arrows", "overwrite": True, **more}))


def _one(**more: Any) -> na.Network:
    """A network of one neuron."""
    settings = {
        "source": "x",
        "target": "y",
        "weight": 1.0,
        "bias": 0.0,
        "activation": "tanh",
        "id": "y",
    } | more
    nodes = [na.Input("x"), na.Neuron(settings["id"], settings["activation"], settings["bias"])]
    return na.Network(
        nodes,
        [na.Synapse(settings["source"], settings["target"], settings["weight"])],
        [settings["id"]],
    )


ARRAYS = {"sources": [0, 0], "targets": [1, 2]}
BOTH = {"x": X, "targets": T}
DIRECTION = {"weights": NET.weights, "biases": NET.biases}
CALLS: dict[str, tuple[Callable[..., object], str]] = {
    "an element": (_one, "source target weight bias activation id"),
    "Network": (
        lambda **k: na.Network(**{"neurons": [], "synapses": [], "outputs": []} | k),
        "neurons synapses outputs seed",
    ),
    "layered": (
        lambda **k: na.Network.layered(**{"sizes": [2, 1]} | k),
        "sizes activation output_activation seed",
    ),
    "a size": (lambda n: na.Network.layered([2, n, 1]), "n"),
    "from_matrices": (
        lambda **k: na.Network.from_matrices(
            **{"weights": [[[1.0]]], "biases": [[0.0]], "activations": ["tanh"]} | k
        ),
        "weights biases activations",
    ),
    "a matrix": (lambda m: na.Network.from_matrices([m], [[0.0]], ["tanh"]), "m"),
    "from_arrays": (
        lambda **k: na.Network.from_arrays(**ARRAYS | k),
        "sources targets weights biases activations outputs ids seed",
    ),
    "from_sparse": (na.Network.from_sparse, "matrix"),
    "with_parameters": (lambda **k: NET.with_parameters(**DIRECTION | k), "weights biases"),
    "as_matrices": (lambda **k: NET.as_matrices(**DIRECTION | k), "weights biases"),
    "arrow": (NET.arrow, "synapse"),
    "SGD": (
        lambda **k: na.SGD(**{"learning_rate": 0.1} | k),
        "learning_rate momentum weight_decay",
    ),
    "Adam": (na.Adam, "learning_rate beta1 beta2 epsilon weight_decay"),
    "StepDecay": (lambda **k: na.StepDecay(**{"start": 0.1, "every": 2} | k), "start every factor"),
    "CosineDecay": (
        lambda **k: na.CosineDecay(**{"start": 0.1, "steps": 2} | k),
        "start steps end",
    ),
    "NewtonCG": (na.rules.NewtonCG, "l2 damping forcing products"),
    "PredictiveCoding": (na.rules.PredictiveCoding, "relaxations rate fixed"),
    "WeightPerturbation": (na.rules.WeightPerturbation, "sigma seed"),
    "FeedbackAlignment": (na.rules.FeedbackAlignment, "seed"),
    "Unreliable": (
        na.Unreliable,
        "channels drop duplicate delay reorder corrupt crash seed faults restarts",
    ),
    "Lose": (
        lambda **k: na.faults.Lose(**{"source": "x0", "target": "y0"} | k),
        "source target nth kind step",
    ),
    "Kill": (
        lambda **k: na.faults.Kill(**{"node": "y0", "place": "before fire"} | k),
        "node place step nth",
    ),
    "DeadLink": (
        lambda **k: na.faults.DeadLink(**{"source": "x0", "target": "y0"} | k),
        "source target start end",
    ),
    "Partition": (lambda **k: na.faults.Partition(**{"members": ["x0"]} | k), "members start end"),
    "cut": (lambda **k: na.partition(**{"network": NET, "shards": 2} | k), "network shards"),
    "a cut of one's own": (
        lambda **k: na.Partition(**{"network": NET, "shard": [0, 0, 0, 1, 1]} | k),
        "network shard",
    ),
    "a place": (
        lambda place: na.Partition(NET, dict.fromkeys(NET.ids, 0) | {"y0": place}),
        "place",
    ),
    "gradient": (
        lambda **k: na.gradient(**{"network": NET, **BOTH} | k),
        "network x targets loss channels wrt_inputs sums",
    ),
    "by objects": (
        lambda **k: na.gradient(**{"network": NET, **BOTH, "channels": "memory"} | k),
        "x targets",
    ),
    "predict": (lambda **k: na.predict(**{"network": NET, "x": X} | k), "network x channels sums"),
    "product": (
        lambda **k: na.hessian_vector_product(**{"network": NET, **BOTH, **DIRECTION} | k),
        "network x weights biases loss",
    ),
    "reference": (
        lambda **k: na.reference.with_bound(**{"network": NET, **BOTH} | k),
        "network x targets loss wrt_inputs",
    ),
    "predictions": (lambda **k: na.reference.predict(**{"network": NET, "x": X} | k), "network x"),
    "train": (_train, "optimizer epochs batch_size seed validation channels rule sums loss"),
    "open_simulation": (_open, "network channels log rule sums patience"),
    "Recording": (_record, "path every neurons layers phases overwrite"),
    "what to record": (lambda neuron: _record(neurons=[neuron]), "neuron"),
    "open_log": (na.open_log, "path"),
    "audit": (lambda **k: na.audit(**{"path": LOG} | k), "path digest optimizers"),
    "trace": (
        lambda **k: str(na.trace(**{"log": LOG, "weight": "x0->h1.0"} | k)),
        "log weight step example limit",
    ),
    "trace of": (lambda **k: str(na.trace(LOG, **k)), "neuron source weight"),
    "log": (lambda **k: na.open_log(LOG).messages(**k), "neuron step phase kind"),
    "step": (lambda number: na.open_log(LOG).step(number), "number"),
    "network_at": (lambda number: na.open_log(LOG).network_at(number), "number"),
    "add_activation": (
        lambda **k: na.add_activation(
            **{"name": "q", "value": np.tanh, "slope": lambda z, a: 1 - a * a} | k
        ),
        "name value slope initial curvature",
    ),
    "add_loss": (
        lambda **k: na.add_loss(
            **{
                "name": "q",
                "value": lambda p, t: ((p - t) ** 2).sum(axis=1),
                "slope": lambda p, t: 2 * (p - t),
            }
            | k
        ),
        "name value slope curvature",
    ),
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a log, in which the test stands."""
    monkeypatch.chdir(tmp_path)
    for table in (na.ACTIVATIONS, na.LOSSES):
        own_table = dict(table)
        monkeypatch.setattr(
            "neuro_actors.network.functions."
            + ("ACTIVATIONS" if table is na.ACTIVATIONS else "LOSSES"),
            own_table,
        )
    damaged_logs.whole_log(LOG)
    return tmp_path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_anything_is_taken_or_refused_in_one_short_line(
    name: str, run: Path, run_slow: bool
) -> None:
    """By default a parameter is given every fourth thing, and the parameter after it others."""
    call, parameters = CALLS[name]
    messages, alone = [], " " not in parameters
    for number, parameter in enumerate(parameters.split()):
        for k, junk in enumerate(JUNK):
            if (number + k) % 4 and not alone and not run_slow:
                continue
            try:
                call(junk) if alone else call(**{parameter: junk})
            except na.NeuroActorsError as error:
                messages.append((parameter, k, str(error)))
            except Exception as error:
                raise AssertionError(f"{name}({parameter}={quote(junk)}): {error!r}") from error
            for path in run.iterdir():
                if path.name != LOG.name and path.is_file():
                    path.unlink()
    assert messages
    assert [
        (parameter, k)
        for parameter, k, line in messages
        if not line.isprintable() or len(line) > 900
    ] == []


def test_no_network_larger_than_what_can_be_counted() -> None:
    for sizes in ([10**12, 1], [10**5, 10**5, 1], [2, 10**400, 1]):
        with pytest.raises(
            na.NetworkError, match=r"^sizes .* make more than 2,147,483,647 synapses$"
        ):
            na.Network.layered(sizes)
    with pytest.raises(
        na.NetworkError,
        match=r"^sources and targets: 1 synapses leave gaps in positions up to 1000000000: count from 0$",
    ):
        na.Network.from_arrays([0], [10**9])
    with pytest.raises(
        na.InputError,
        match=r"^targets: expected whole numbers from 0 on, in one axis, to 2,147,483,647, got 184467",
    ):
        na.Network.from_arrays([0], np.array([2**64 - 1], dtype=np.uint64))


def test_what_is_masked_is_not_taken_for_a_number() -> None:
    with pytest.raises(
        na.InputError, match=r"^x: expected an array of numbers, but some are masked: fill them in"
    ):
        na.predict(NET, np.ma.masked_array([[1.0, 999.0]], mask=[[False, True]]))


def test_a_wrong_call_leaves_no_log_behind(tmp_path: Path) -> None:
    for wrong in ({"optimizer": "x"}, {"seed": -1}, {"channels": "x"}, {"validation": 3}):
        with pytest.raises(na.InputError):
            na.train(NET, X, T, **{"optimizer": na.SGD(0.1), "log": tmp_path / "a.arrows"} | wrong)
        assert list(tmp_path.iterdir()) == []


def test_a_figure_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("matplotlib").use("Agg")
    result = na.train(NET, X, T, optimizer=na.SGD(0.1), epochs=1)
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(
            "matplotlib.figure.Figure.savefig",
            lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left")),
        )
        with pytest.raises(na.InputError, match=r"cannot be written: No space left$"):
            result.plot(path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    assert path.read_bytes() == b"old"
    result.plot(path)
    assert path.read_bytes() != b"old"
    with pytest.raises(na.InputError, match=r"a figure is named \*\."):
        result.plot(tmp_path / "a.doc")


def changed(log: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """The same log with other metadata."""
    with pa.ipc.open_stream(log.read_bytes()) as stream:
        about = json.loads(stream.schema.metadata[damaged_logs.KEY])
        change(about)
        schema, batches = (
            stream.schema.with_metadata({damaged_logs.KEY: json.dumps(about)}),
            list(stream),
        )
    with pa.ipc.new_stream(str(log), schema) as out:
        for batch in batches:
            out.write_batch(batch)


@pytest.mark.parametrize(
    "change",
    [
        lambda about: about.pop("numerics"),
        lambda about: about["numerics"].pop("blas"),
        lambda about: about["numerics"].update(machine={}),
        lambda about: about.update(versions="x"),
        lambda about: about["network"]["activations"].__setitem__(-1, {}),
        lambda about: about["network"]["activations"].__setitem__(-1, ["tanh"]),
    ],
)
def test_metadata_of_wrong_types(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Found by the fuzz: these came as KeyError, TypeError or AttributeError out of info, view or trace."""
    changed(LOG, change)
    with pytest.raises(na.LogError, match=r"^'run.arrows': its "):
        na.open_log(LOG)


def test_a_step_that_claims_more_examples_than_there_is_memory_for(run: Path) -> None:
    with pa.ipc.open_stream(LOG.read_bytes()) as stream:
        schema, batches = stream.schema, list(stream)
    with pa.ipc.new_stream(str(LOG), schema) as out:
        for batch in batches:
            notes = pa.compute.replace_substring(
                batch.column("note"), '"batch": 3', '"batch": 2147483647'
            )
            columns = [*batch.columns[:-1], notes]
            out.write_batch(pa.record_batch(columns, schema=schema))
    with pytest.raises(
        na.LogError, match=r"step 1 does not hold 2,147,483,647 examples, as it says$"
    ):
        _ = na.open_log(LOG).step(1).activations
    assert not na.audit(LOG).passed


def test_whoever_follows_reads_no_more_than_there_is(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much a damaged header says will come: it is waited for, and no room is made."""

    def enough(seconds: float) -> None:
        raise InterruptedError

    monkeypatch.setattr("time.sleep", enough)
    reader = FollowingReader(LOG)
    reader._follows = True
    growing = reader._make_stream()
    with pytest.raises(InterruptedError):
        growing.read(2**62)


# --- the command line ------------------------------------------------------------------------------------------------


def command(line: str, expected: int, **more: str) -> tuple[str, str]:
    """A shell's command line, `na` being ours; its errors are one line, or none."""
    shell = f'na() {{ "{sys.executable}" -m neuro_actors "$@"; }}; {line}'
    done = subprocess.run(
        ["bash", "-c", shell],
        capture_output=True,
        text=True,
        env=os.environ | more,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == expected, done.stderr
    assert done.stderr.count("\n") == (expected == 2), done.stderr
    return done.stdout, done.stderr


@pytest.mark.slow
@need_shell
def test_a_closed_or_full_output(run: Path, run_slow: bool) -> None:
    lines = (
        "log show run.arrows",
        "log query run.arrows --csv 'FROM rows'",
        "audit run.arrows --json",
    )
    for line in lines if run_slow else lines[:1]:
        assert "the standard output is closed" in command(f"na {line} >&-", 2)[1]
        if Path("/dev/full").exists():
            assert (
                "the output cannot be written: No space left"
                in command(f"na {line} >/dev/full", 2)[1]
            )
        if run_slow:
            command(f"na {line} 2>&- >/dev/null", 0)
            command(f"na {line} | true; exit ${{PIPESTATUS[0]}}", 0)


@need_shell
@pytest.mark.parametrize(
    "line",
    [
        "",
        *(pytest.param(line, marks=pytest.mark.slow) for line in ("--help", "log", "audit --help")),
    ],
)
def test_a_help_text_that_cannot_be_written(run: Path, line: str) -> None:
    if Path("/dev/full").exists():
        assert "the output cannot be written: No space" in command(f"na {line} >/dev/full", 2)[1]


@need_shell
def test_a_verdict_stands_though_nobody_reads_it(run: Path, run_slow: bool) -> None:
    """`| head` must not turn a refusal into a pass, nor a pass into a refusal."""
    log = bytearray(LOG.read_bytes())
    log[log.rfind(np.float64(0.5).tobytes())] ^= 1
    Path("forged.arrows").write_bytes(log)
    command("na audit forged.arrows | true; exit ${PIPESTATUS[0]}", 1)
    if run_slow:
        command("na log diff run.arrows forged.arrows | true; exit ${PIPESTATUS[0]}", 1)


@need_pipes
def test_names_that_are_no_names(run: Path) -> None:
    make_link(Path("loop"), Path("loop"))
    os.mkfifo("fifo")
    for name in ("loop", "fifo", ".", "/dev/zero", "nothing/here", "x" * 300):
        for call in (na.open_log, na.audit):
            with pytest.raises(na.LogError, match=r"^'[^\n]*': [^\n]*$"):
                call(name)
    command("na view loop -o out.html", 2)
    assert not Path("out.html").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are Unicode")
def test_a_name_that_is_no_utf_8(run: Path) -> None:
    name = os.fsdecode(b"caf\xe9.arrows")
    LOG.rename(name)
    assert na.open_log(name).complete
    assert na.audit(name).passed
    _train(log=os.fsdecode(b"n\xe9w.arrows"))
    assert na.open_log(os.fsdecode(b"n\xe9w.arrows")).complete
    assert "caf\\udce9" in command("na log info caf*", 0, LC_ALL="C.UTF-8")[0]


@need_limits
def test_no_space(run: Path) -> None:
    """What is there stays, and nothing else is left. A limit on the size of files acts as a disk that is full."""
    Path("old.jsonl").write_text("old")
    import resource  # not on Windows

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
        _, exported = cli_logs.run(
            "log", "export", "run.arrows", "old.jsonl", "--force", expected=2
        )
        _, viewed = cli_logs.run("view", "run.arrows", "-o", "new.html", expected=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert "cannot be written" in exported
    assert "cannot be written" in viewed
    assert Path("old.jsonl").read_text() == "old"
    assert sorted(path.name for path in run.iterdir()) == ["old.jsonl", "run.arrows"]


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]], ids=["table", "json", "csv"])
def test_answers_of_any_type(run: Path, form: list[str]) -> None:
    need("duckdb")
    query = ["log", "query", "run.arrows", *form]
    all_types = "SELECT sum(step), 'x'::BLOB, [DATE '2020-01-01'], 1.5::DECIMAL(8,2) FROM rows"
    cli_logs.run(*query, all_types)
    refused = cli_logs.run(*query, "SELECT DATE 'infinity'", expected=2)[1]
    assert "ask for it as VARCHAR" in refused
    assert refused.count("\n") == 1
    cli_logs.run(*query, "FROM rows", "--limit", f"{10**30}")


def test_a_sum_is_a_number_in_json(run: Path) -> None:
    need("duckdb")
    query = "SELECT sum(step) AS total, 0.5::DECIMAL(4,2) AS half FROM steps"
    printed, _ = cli_logs.run("log", "query", "run.arrows", "--json", query)
    assert json.loads(printed) == {"total": 21, "half": 0.5}


def test_names_in_a_folder_that_has_been_removed(tmp_path, monkeypatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    net, more = na.Network.layered([1, 1]), {"optimizer": na.SGD(0.1), "epochs": 1}
    result = na.train(net, [[0.0]], [[1.0]], log=tmp_path / "b.arrows", **more)
    log = na.open_log(tmp_path / "b.arrows")
    monkeypatch.chdir(gone)
    try:
        gone.rmdir()
    except OSError:
        pytest.skip("a current folder cannot be removed here")
    calls = [
        (na.CheckpointError, lambda: na.train(net, [[0.0]], [[1.0]], checkpoint="c", **more)),
        (na.CheckpointError, lambda: na.resume("c")),
        (na.LogError, lambda: na.train(net, [[0.0]], [[1.0]], log="a.arrows", **more)),
        (na.LogError, lambda: na.open_log("a.arrows")),
        (na.LogError, lambda: na.audit("a.arrows")),
        (na.InputError, lambda: result.plot("a.svg")),
    ]
    for kind, call in calls:
        with pytest.raises(kind, match="the current folder has been removed"):
            call()
    need("duckdb")
    try:  # some versions of DuckDB ask for the current folder when they start, and others do not
        answer = log.query("SELECT 1 AS one").to_pylist()
    except na.LogError as error:
        answer = str(error)
    assert answer == [{"one": 1}] or re.match("DuckDB cannot start: .*working directory", answer)
