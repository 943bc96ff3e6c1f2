"""`neuro-actors resume` and `neuro-actors checkpoint info`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.systems import need_pipes

import neuro_actors as na
from neuro_actors.cli import command_line as cli
from neuro_actors.simulation.checkpoint import files

X, TARGETS = np.linspace(-1, 1, 8)[:, None], np.linspace(0, 1, 8)[:, None]
NET = na.Network.layered([1, 3, 1], seed=0)


def train(folder: Path | None = None, **more) -> na.TrainingResult:
    given = {
        "optimizer": na.Adam(na.StepDecay(0.1, 5)),
        "epochs": 3,
        "batch_size": 2,
        "every": None if folder is None else 5,
    } | more
    return na.train(NET, X, TARGETS, checkpoint=folder, **given)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """Two checkpoints of one run, after 10 steps and at its end."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(folder)
    return folder


@pytest.fixture
def run(runs: Path, tmp_path) -> Path:
    """A run that was stopped after 10 of its 12 steps."""
    folder = Path(shutil.copytree(runs, tmp_path / "run"))
    (folder / "step-0000000012.safetensors").unlink()
    return folder


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """command(…): its exit code, and what it prints."""

    def called(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["neuro-actors", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return (ended.value.code, *capsys.readouterr())

    return called


def test_resume_goes_on_and_says_what_came_of_it(run: Path, command) -> None:
    whole = train()
    text = f"{whole.history[-1]}\n{whole.messages} messages; digest of all parameters {whole.network.digest()}\n"
    assert command("resume", run) == (0, text, "")
    code, out, err = command("resume", run)
    assert (code, out) == (0, text)
    assert err == f"neuro-actors: the run in {str(run)!r} is finished; this is its result\n"


def test_resume_takes_a_log_and_another_engine(run: Path, command, tmp_path) -> None:
    assert command("resume", run, "--channels", "memory", "--log", tmp_path / "rest.arrows")[0] == 0
    assert na.resume(run) == train()
    _, out, _ = command("log", "info", tmp_path / "rest.arrows")
    assert "  resumed   after step 10: this log cannot be audited\n" in out
    assert "steps     2: 2 train; numbers 11 to 12" in out
    code, out, err = command("audit", tmp_path / "rest.arrows")
    assert (code, out) == (2, "")
    assert "cannot be audited: the run was resumed after step 10" in err
    assert (
        command("log", "trace", tmp_path / "rest.arrows", "--weight", "x0->h1.0", "--step", "11")[0]
        == 0
    )


def test_info_in_words(run: Path, command) -> None:
    code, out, err = command("checkpoint", "info", run)
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == str(run / "step-0000000010.safetensors")
    assert "  steps      10 of 12; epoch 3 of 3, 2 of its 4 batches done" in lines
    assert f"  history    {train().history[1]}" in lines
    assert "  network    1 input, 4 neurons, 6 synapses" in lines
    assert "  learns by  Adam(learning_rate=StepDecay(start=0.1, every=5, factor=0.5)," in lines
    assert "  data       whole, 8 examples; batches of 2, in an order drawn from seed 0" in lines
    assert "  bits       promised here" in lines
    assert all(len(line) <= 80 for line in lines[1:])


def test_info_of_a_result(runs: Path, command) -> None:
    _, out, _ = command("checkpoint", "info", runs)
    assert "  steps      12 of 12; finished\n" in out
    assert f"  digest     {train().network.digest()}\n" in out
    assert out.endswith("  beside it  step-0000000010.safetensors\n")


def test_info_for_programs(run: Path, command) -> None:
    (run / "data.safetensors").unlink()
    about = json.loads(command("checkpoint", "info", run, "--json")[1])
    assert about["steps"] == {"done": 10, "of": 12}
    assert about["run"]["optimizer"]["learning_rate"] == {
        "name": "StepDecay",
        "start": 0.1,
        "every": 5,
        "factor": 0.5,
    }
    assert about["data"].endswith("data.safetensors' cannot be read: No such file or directory")


@pytest.mark.parametrize("name", [("resume",), ("checkpoint", "info")])
def test_what_is_wrong_is_one_line_and_exit_code_2(name, run: Path, command) -> None:
    file = run / "step-0000000010.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    for path, what in (
        (run, "is damaged"),
        (run / "nowhere", "there is no such folder"),
        (run / "data.safetensors", "is not what"),
        (
            run / "step-0000000002.safetensors",
            "there is no such checkpoint; there is 'step-0000000010.safetensors'\n",
        ),
    ):
        code, out, err = command(*name, path)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert what in err


def forged(run: Path, place: tuple[str, ...], value: object) -> None:
    """Write the run's files anew, under right digests, but with this value at that place of the metadata, data or arrays."""
    file, inner = run / "step-0000000010.safetensors", run / "data.safetensors"
    held, data = files.read(file, "checkpoint"), files.read(inner, "data")
    contents = {"data": data.arrays, "arrays": held.arrays}.get(place[0], held.metadata)
    for name in (first := place if contents is held.metadata else place[1:])[:-1]:
        contents = contents[name]
    contents[first[-1]] = value(contents[first[-1]]) if callable(value) else value
    held.metadata["data"] = files.write(inner, "data", {}, data.arrays)
    files.write(file, "checkpoint", held.metadata, held.arrays)


def longer(array: np.ndarray) -> np.ndarray:
    return np.concatenate([array, array[:1]])


FORGED = [
    (("run", "epochs"), "3"), (("run", "epochs"), 0), (("run", "epochs"), 1), (("run", "batch_size"), 1.5),
    (("run", "seed"), {}), (("run", "every"), None), (("run", "every"), 0), (("run", "optimizer", "name"), 5),
    (("number",), "x"), (("number",), 2**63), (("messages",), [1]), (("steps",), 10.0),
    (("place", "epoch"), "3"), (("place", "epoch"), 2), (("place", "batches"), 5), (("place", "batches"), -1),
    (("place", "total"), {}), (("place", "history"), []), (("place", "history"), lambda held: [[1, "x"], held[1]]),
    (("forms",), lambda held: [*held[:1], ["array", "float64", [10**400]], *held[1:]]),
    (("data", "x"), longer), (("data", "targets"), longer), (("data", "x"), np.zeros((0, 1))), (("data", "x"), np.zeros(8)),
    (("data", "x"), np.full((8, 1), np.nan)), (("data", "validation_x"), np.zeros((8, 1))),
    (("arrays", "predictions"), longer), (("arrays", "predictions"), lambda held: held.astype(np.int64)),
    (("arrays", "form"), longer), (("arrays", "form"), lambda held: held[:-1]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "value"),
    FORGED,
    ids=[f"{'.'.join(place)} {k}" for k, (place, _) in enumerate(FORGED)],
)
def test_what_no_run_wrote_is_refused_whatever_its_digest(place, value, run: Path, command) -> None:
    forged(run, ("finished",), False)
    assert command("checkpoint", "info", run)[0] == 0  # forging alone harms nothing
    forged(run, place, value)
    code, out, err = command("resume", run)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert ".safetensors'" in err
    code, _, err = command("checkpoint", "info", run)
    assert (code, err.count("\n")) in ((0, 0), (2, 1))


@pytest.mark.parametrize(
    ("place", "value"),
    [(("place", "history"), []), (("messages",), "many")],
    ids=["history", "messages"],
)
def test_a_result_that_no_run_wrote_is_refused(place, value, runs: Path, command, tmp_path) -> None:
    folder = Path(shutil.copytree(runs, tmp_path / "run"))
    (folder / "step-0000000012.safetensors").rename(folder / "step-0000000010.safetensors")
    forged(folder, ("steps",), 10)
    assert command("resume", folder)[0] == 0
    forged(folder, place, value)
    code, out, err = command("resume", folder)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_nested_without_end(run: Path, command) -> None:
    file = run / "step-0000000010.safetensors"
    about = files.read(file, "checkpoint").metadata
    deep = json.dumps(about)[:-1] + f', "deep": {"[" * 100_000}{"]" * 100_000}}}'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files.json, "dumps", lambda text: deep)
        files.write(file, "checkpoint", about, {})
    code, _, err = command("checkpoint", "info", run)
    assert (code, err.count("\n")) == (2, 1)
    assert "was not written by neuro_actors" in err


@need_pipes
@pytest.mark.parametrize("name", ["step-0000000010.safetensors", "data.safetensors"])
def test_nobody_waits_at_a_pipe(name: str, run: Path, command) -> None:
    (run / name).unlink()
    os.mkfifo(run / name)
    code, _, err = command("resume", run)
    assert (code, err.count("\n")) == (2, 1)
    assert f"{name}' cannot be read: it is no regular file" in err


def test_where_nothing_can_be_written_no_work_begins(
    run: Path, command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*how: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuses)  # root may write in any folder
    monkeypatch.setattr("neuro_actors.simulation.simulation.Simulation.train_step", None)
    code, _, err = command("resume", run)
    assert (code, err.count("\n")) == (2, 1)
    assert f"{str(run)!r} cannot hold checkpoints: Permission denied" in err


def test_a_checkpoints_name_is_of_plain_digits(run: Path) -> None:
    (
        other := run
        / "step-\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0669\u0669.safetensors"
    ).touch()
    assert na.resume(run).history == train().history
    assert other.exists()


def test_names_that_no_file_can_have(run: Path, command) -> None:
    with pytest.raises(na.CheckpointError, match="^checkpoint must be the name of a folder, got "):
        train(Path("\ud800"))
    with pytest.raises(na.LogError, match="^log must be the name of a file, got "):
        na.Recording("\ud800")
    for name in ("", ".", "/"):
        code, _, err = command("resume", run, "--log", name)
        assert (code, err.count("\n")) == (2, 1)
        assert "it is a folder: name a file in it" in err


@pytest.mark.slow
def test_a_module_that_adds_what_the_run_needs_is_imported(tmp_path) -> None:
    """In processes of their own, of which the second knows nothing of the first."""
    (tmp_path / "mine.py").write_text(
        "import numpy as np, neuro_actors as na\n"
        "na.add_activation('mine', lambda z: 2.0 * z, lambda z, a: np.full_like(z, 2.0))\n"
    )  # fmt: skip
    (tmp_path / "begin.py").write_text(
        "import mine, signal, neuro_actors as na\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it would be ignored\n"
        "net = na.Network.layered([1, 2, 1], activation='mine', seed=0)\n"
        "from neuro_actors.simulation.checkpoint.saving import Saver\n"
        "Saver.start = (lambda f: lambda self: (f(self), signal.raise_signal(signal.SIGINT))[0])(Saver.start)\n"
        "na.train(net, [[1.0]], [[0.5]], optimizer=na.SGD(0.01), epochs=3, checkpoint='run')\n"
    )  # fmt: skip

    def called(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True
        )

    assert "stopped after step 1 of 3" in called("begin.py").stderr
    refused = called("-m", "neuro_actors", "resume", "run")
    assert refused.returncode == 2
    assert "unknown activation 'mine'" in refused.stderr
    assert "--import MODULE" in refused.stderr
    assert called("-m", "neuro_actors", "checkpoint", "info", "run").returncode == 0
    assert called("-m", "neuro_actors", "resume", "run", "--import", "mine").stdout.startswith(
        "epoch 3: loss "
    )
