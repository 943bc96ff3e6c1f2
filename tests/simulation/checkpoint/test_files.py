"""Files of checkpoints: whole or not there, every byte under a digest; which of them stay; a disk that refuses."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.systems import make_link, need_kill, need_limits
from safetensors.numpy import load_file

import neuro_actors as na
from neuro_actors.cli.command_line import cli
from neuro_actors.neuron.neuron_state import NeuronState
from neuro_actors.simulation.checkpoint import files
from neuro_actors.simulation.checkpoint.packing import pack, unpack
from neuro_actors.simulation.checkpoint.reading import Checkpoint
from neuro_actors.simulation.checkpoint.saving import Saver

NET = na.Network.layered([1, 2, 1], seed=0)
X, TARGETS = np.array([[0.5], [1.0], [-1.0]]), np.array([[1.0], [0.0], [1.0]])


def train(folder: Path | None, **more) -> na.TrainingResult:
    given = {
        "optimizer": na.SGD(0.1, momentum=0.9),
        "epochs": 3,
        "batch_size": 1,
        "every": None if folder is None else 2,
    } | more
    return na.train(NET, X, TARGETS, checkpoint=folder, **given)


@pytest.fixture(scope="module")
def halfway(tmp_path_factory) -> Path:
    """A folder of a run that broke after its eighth step of nine."""
    folder = tmp_path_factory.mktemp("halfway")
    with pytest.MonkeyPatch.context() as patch:
        write = files.write

        def breaks(path: Path, *more):
            if path.name == "step-0000000009.safetensors":
                raise na.CheckpointError("broken")
            return write(path, *more)

        patch.setattr(files, "write", breaks)
        with pytest.raises(na.CheckpointError, match="^broken; when there is room"):
            train(folder)
    return folder


@pytest.fixture
def folder(halfway: Path, tmp_path) -> Path:
    return Path(shutil.copytree(halfway, tmp_path / "run"))


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


WHOLE = ["data.safetensors", "step-0000000006.safetensors", "step-0000000008.safetensors"]


# --- damage ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "kind"), [(WHOLE[2], "checkpoint"), (WHOLE[0], "data")])
def test_every_byte_that_is_altered_is_noticed(
    halfway: Path, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, rng = halfway / name, np.random.default_rng(0)
    raw = bytearray(file.read_bytes())
    stands = [bytes(raw)]
    monkeypatch.setattr(Path, "read_bytes", lambda self: stands[0])

    def noticed(now: bytes) -> bool:
        stands[0] = now
        try:
            files.read(file, kind)
        except na.CheckpointError as error:
            return f"{name}' is damaged" in str(error)
        return False

    assert not noticed(stands[0])
    for place, flip in enumerate(rng.integers(1, 256, len(raw)).tolist()):
        raw[place] ^= flip
        assert noticed(bytes(raw)), place
        raw[place] ^= flip
    for end in [*range(0, len(raw), 97), len(raw) - 1]:
        assert noticed(bytes(raw[:end])), end
    assert noticed(bytes(raw) + b"\0")


def test_a_damaged_one_is_refused_by_name_and_the_one_before_it_offered(folder: Path) -> None:
    newest, before = folder / WHOLE[2], folder / WHOLE[1]
    raw = bytearray(newest.read_bytes())
    raw[-1] ^= 1
    newest.write_bytes(raw)
    match = rf"^'.*{WHOLE[2]}' is damaged: .*; the one before it is intact: go on from that with na\.resume\('.*{WHOLE[1]}'\)$"
    with pytest.raises(na.CheckpointError, match=match):
        na.resume(folder)
    assert na.resume(before) == train(None)
    assert names(folder) == [WHOLE[0], WHOLE[2], "step-0000000009.safetensors"]
    files.read(newest, "checkpoint")  # it was written again


def test_if_both_are_damaged_nothing_is_offered(folder: Path) -> None:
    for name in WHOLE[1:]:
        (folder / name).write_bytes(b"")
    with pytest.raises(
        na.CheckpointError,
        match=rf"{WHOLE[2]}' is damaged, or was not written by neuro_actors: it has no digest$",
    ):
        na.resume(folder)


def test_a_file_of_another_kind_is_called_by_its_name(tmp_path: Path) -> None:
    for raw, kind in (
        (b"<html></html>", "an HTML page"),
        (b"\xff" * 4, "an Arrow stream, as a message log is"),
    ):
        (tmp_path / "a").write_bytes(raw)
        with pytest.raises(na.CheckpointError, match=f"a' is {kind}, not a checkpoint$"):
            files.read(tmp_path / "a", "checkpoint")


@pytest.mark.parametrize("damage", [None, b"", b"\0nonsense"])
def test_data_that_are_missing_or_damaged_are_refused_by_name(folder: Path, damage) -> None:
    (folder / WHOLE[0]).unlink()
    if damage is not None:
        (folder / WHOLE[0]).write_bytes(damage)
    with pytest.raises(
        na.CheckpointError, match=r"data\.safetensors' (cannot be read: No such file|is damaged)"
    ):
        na.resume(folder)


def test_a_checkpoint_of_another_run_is_refused_by_name(folder: Path, tmp_path) -> None:
    train(tmp_path / "other", seed=1)
    stranger = folder / "step-0000000009.safetensors"
    shutil.copy(tmp_path / "other" / stranger.name, stranger)
    with pytest.raises(
        na.CheckpointError,
        match=r"step-0000000009\.safetensors' is of another run than 'data\.safetensors'",
    ):
        na.resume(folder)


def test_one_that_bears_anothers_name_is_refused(folder: Path) -> None:
    (folder / WHOLE[2]).rename(folder / "step-0000000007.safetensors")
    with pytest.raises(
        na.CheckpointError,
        match=r"0007\.safetensors' is not what its name says: it was written after step 8; the",
    ):
        na.resume(folder)


def test_what_is_none_of_ours_is_refused(tmp_path) -> None:
    from safetensors.numpy import save_file

    save_file({"w": np.ones(3)}, tmp_path / "model.safetensors")
    with pytest.raises(
        na.CheckpointError,
        match=r"model\.safetensors' is damaged, or was not written by neuro_actors",
    ):
        na.resume(tmp_path / "model.safetensors")
    files.write(
        tmp_path / "forged.safetensors",
        "checkpoint",
        {"steps": 3, "data": "", "finished": False},
        {},
    )
    with pytest.raises(na.CheckpointError, match=r"data\.safetensors' cannot be read"):
        na.resume(tmp_path / "forged.safetensors")
    digest = files.write(tmp_path / "data.safetensors", "data", {}, {})
    for about in (
        {"run": {"loss": 3}},
        {"finished": True},
        {"finished": False, "run": {}},
        {"finished": True, "place": {}},
    ):
        about["data"] = digest
        files.write(tmp_path / "forged.safetensors", "checkpoint", about, {})
        for ask in (["resume"], ["checkpoint", "info"]):
            with pytest.raises(
                na.CheckpointError, match=r"forged\.safetensors' was not written by neuro_actors"
            ):
                cli.main([*ask, str(tmp_path / "forged.safetensors")], standalone_mode=False)
    with pytest.raises(
        na.CheckpointError,
        match=r"is not what its name says: it is of kind 'data', not 'checkpoint'$",
    ):
        na.resume(tmp_path / "data.safetensors")


def test_another_format_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FORMAT", 2)
    with pytest.raises(
        na.CheckpointError, match=r"has checkpoint format 1; this version reads format 2$"
    ):
        na.resume(folder)


@pytest.mark.parametrize("path", ["", 3, None, "\0", "x" * 5000])
def test_what_names_no_folder(path) -> None:
    with pytest.raises(na.CheckpointError, match="^checkpoint must be the name of a folder, got "):
        na.resume(path)


def test_no_silent_start_from_zero(tmp_path) -> None:
    with pytest.raises(na.CheckpointError, match=r"nowhere': there is no such folder$"):
        na.resume(tmp_path / "nowhere")
    with pytest.raises(
        na.CheckpointError,
        match=r"there is no checkpoint in it to go on from: begin with na\.train",
    ):
        na.resume(tmp_path)


# --- what a file is ----------------------------------------------------------------------------------------------


def test_any_reader_of_safetensors_can_open_it(folder: Path) -> None:
    held = load_file(folder / WHOLE[2])
    assert held["weights"].shape == NET.weights.shape
    assert np.array_equal(held["first.weights"], NET.weights)
    assert np.array_equal(load_file(folder / WHOLE[0])["x"], X)


def test_what_is_packed_comes_back_bit_for_bit() -> None:
    optimizer = na.Adam()
    odd = np.array([-0.0, np.nan, np.inf, 5e-324])
    memory = NeuronState(odd, optimizer, (odd * 2, np.ones((2, 0))), 7)
    states = [
        (memory,),
        (),
        (
            memory,
            3,
            -0.0,
            True,
            None,
            "text",
            np.float32(0.1),
            np.array([[1, 2]]),
            (np.array([True]), 2**62),
        ),
    ]
    states += [(NeuronState(odd[:1]),)] * 5
    found = pack([f"n{k}" for k in range(8)], states, optimizer)
    assert len(found.forms) == 4
    back = unpack(found.forms, found.form, found.numbers, optimizer)

    def same(a, b) -> bool:
        if isinstance(a, tuple):
            return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
        if isinstance(a, np.ndarray):
            return (
                a.dtype == b.dtype
                and a.shape == b.shape
                and a.tobytes() == b.tobytes()
                and not b.flags.writeable
            )
        return type(a) is type(b) and a == b and str(a) == str(b)

    assert same(tuple(states), tuple(back))
    assert back[0][0].optimizer is optimizer


@pytest.mark.parametrize(
    "held", [{"a": 1}, [1.0], 2**70, np.array(["text"]), 1j, NeuronState(np.ones(1), na.SGD(0.1))]
)
def test_what_cannot_be_packed_is_refused_under_its_neurons_name(held) -> None:
    with pytest.raises(
        na.CheckpointError, match=r"^'n0' keeps .*, which no checkpoint can hold: it holds numbers"
    ):
        pack(["n0"], [(held,)], na.Adam())


# --- the folder --------------------------------------------------------------------------------------------------


def test_the_last_two_stay_and_strays_are_swept(folder: Path) -> None:
    assert names(folder) == WHOLE
    strays = ["step-0000000008.safetensors.77.part", "data.safetensors.1.part"]
    for name in [*strays, "mine.part", "notes.txt"]:
        (folder / name).write_text("half")
    assert na.resume(folder) == train(None)
    assert names(folder) == [
        "data.safetensors",
        "mine.part",
        "notes.txt",
        WHOLE[2],
        "step-0000000009.safetensors",
    ]


def test_a_folder_that_holds_a_run_is_not_overwritten_unasked(folder: Path) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    match = r"^'.*run' contains checkpoints of a run already: go on with na\.resume\('.*run'\), choose another.*overwrite=True$"
    with pytest.raises(na.CheckpointError, match=match):
        train(folder, seed=9)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    (folder / "notes.txt").write_text("mine")
    assert train(folder, seed=9, overwrite=True) == train(None, seed=9)
    assert na.resume(folder) == train(None, seed=9)
    assert (folder / "notes.txt").read_text() == "mine"


def test_somebody_elses_data_are_not_overwritten(tmp_path) -> None:
    (tmp_path / "data.safetensors").write_bytes(b"precious")
    with pytest.raises(
        na.CheckpointError,
        match=r"data\.safetensors' is a text file, not a checkpoint",
    ):
        train(tmp_path)
    assert (tmp_path / "data.safetensors").read_bytes() == b"precious"


def test_a_run_that_was_killed_before_its_first_checkpoint_can_begin_again(folder: Path) -> None:
    for name in WHOLE[1:]:
        (folder / name).unlink()
    assert train(folder) == train(None)


def test_a_folder_that_cannot_be(tmp_path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(
        na.CheckpointError, match=r"file' cannot hold checkpoints: Not a directory$"
    ):
        train(tmp_path / "file")
    with pytest.raises(na.CheckpointError, match=r"cannot hold checkpoints: "):
        train(tmp_path / "file" / "below")


# --- a disk that refuses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["open", "fsync", "replace", "sync_folder"])
def test_a_full_disk_leaves_the_last_good_one(
    call: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each call that may be told so, when the fourth checkpoint is written."""
    write, written = files.write, []

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    def writes(path: Path, *more):
        written.append(path)
        if len(written) < 5:
            return write(path, *more)
        with pytest.MonkeyPatch.context() as patch:
            where = {"open": Path, "replace": Path, "fsync": os, "sync_folder": files}[call]
            patch.setattr(where, call, full)
            return write(path, *more)

    monkeypatch.setattr(files, "write", writes)
    with pytest.raises(
        na.CheckpointError,
        match=r"0006\.safetensors' cannot be written: No space left on device; when there is room, go on with: neuro-actors resume /.*$",
    ):
        train(tmp_path)
    monkeypatch.undo()
    assert not [name for name in names(tmp_path) if name.endswith(".part")]
    assert Checkpoint(tmp_path).metadata["steps"] == (6 if call == "sync_folder" else 4)
    assert na.resume(tmp_path) == train(None)


@need_limits
def test_a_file_that_may_not_grow_leaves_the_last_good_one(folder: Path) -> None:
    """Refused by the kernel, in the middle of writing."""
    limit = (folder / WHOLE[2]).stat().st_size // 2
    code = (
        "import resource, sys, neuro_actors as na\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "from neuro_actors.cli import main\n"
        f"sys.argv[1:] = ['resume', {str(folder)!r}]\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    how = f"when there is room, go on with: neuro-actors resume {folder}\n"
    assert done.stderr.endswith(
        f"step-0000000009.safetensors' cannot be written: File too large; {how}"
    )
    assert names(folder) == WHOLE
    assert na.resume(folder) == train(None)


def test_what_was_written_is_on_the_disk_before_it_has_its_name(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def synced(fd: int) -> None:
        calls.append(
            "folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else f"file, of {names(tmp_path)}"
        )
        fsync(fd)

    calls: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (calls.append("name"), replace(self, to))[1]
    )
    files.write(tmp_path / "a.safetensors", "data", {}, {"x": np.ones(2)})
    assert calls == [f"file, of ['a.safetensors.{os.getpid()}.part']", "name", "folder"]


@pytest.mark.parametrize("no", ["no", 1, None])
def test_what_is_neither_true_nor_false_replaces_nothing(folder: Path, no) -> None:
    before = names(folder)
    with pytest.raises(na.InputError, match=r"^overwrite must be True or False, got "):
        train(folder, overwrite=no)
    with pytest.raises(na.InputError, match=r"^exact must be True or False, got "):
        na.resume(folder, exact=no)
    assert names(folder) == before


@pytest.mark.parametrize(
    "junk", [{"channels": "nope"}, {"optimizer": 3}, {"progress": "x"}], ids=repr
)
def test_a_finished_run_is_handed_no_junk(folder: Path, junk) -> None:
    na.resume(folder)
    with pytest.raises(na.InputError):
        na.resume(folder, **junk)


class Bare:
    def __init__(self, rule) -> None:
        self.id, self.is_answered, self.fire, self.respond = (
            rule.id,
            rule.is_answered,
            rule.fire,
            rule.respond,
        )


class Forgetful(na.rules.Rule):
    def neuron(self, *own):
        return Bare(super().neuron(*own))


def test_a_neuron_that_cannot_say_what_it_keeps_is_not_saved(tmp_path) -> None:
    with pytest.raises(
        na.NeuroActorsError, match=r"needs get_state\(\) and set_state\(\) to be saved"
    ):
        train(tmp_path / "run", rule=Forgetful())


# --- another run ----------------------------------------------------------------------------------


def refused(call) -> str:
    with pytest.raises(na.CheckpointError) as caught:
        call()
    return str(caught.value)


def within(folder: Path, do) -> na.TrainingResult:
    """Train; `do` is called once, after the fourth step."""
    after_step, done = Saver.after_step, []

    async def and_more(saver: Saver, simulation: na.Simulation) -> None:
        await after_step(saver, simulation)
        done.append(True)
        if len(done) == 4:
            do()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Saver, "after_step", and_more)
        return train(folder)


def test_two_runs_in_one_folder(tmp_path) -> None:
    """The second is refused, before it does anything; the first does not notice."""
    folder, texts = tmp_path / "run", []

    def others() -> None:
        texts.append(refused(lambda: train(folder, overwrite=True)))
        texts.append(refused(lambda: na.resume(folder)))

    result = within(folder, others)
    assert len(texts) == 2
    for text in texts:
        assert f"another run saves its checkpoints in {str(folder)!r}" in text
        assert f"process {os.getpid()} on" in text
    assert na.resume(folder).network == result.network
    assert train(folder, overwrite=True).network == train(None).network
    assert [name for name in names(folder) if not name.endswith(".safetensors")] == []


@need_kill
def test_a_killed_run_leaves_no_lock(tmp_path) -> None:
    code = (
        "import os, signal, neuro_actors as na\n"
        "from neuro_actors.simulation.checkpoint.saving import Saver\n"
        "Saver._save = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "na.train(na.Network.layered([1, 2, 1], seed=0), [[0.5]], [[1.0]], "
        "optimizer=na.SGD(0.1), epochs=9, checkpoint='run', every=2)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert ".neuro_actors.lock" in names(tmp_path / "run")
    assert len(na.resume(tmp_path / "run").history) == 9
    assert ".neuro_actors.lock" not in names(tmp_path / "run")


def test_a_run_that_went_on_in_the_meantime(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the reading of a checkpoint and the lock another process finishes the run."""
    prepare = Checkpoint.open_run

    def slow(*given):
        opened = prepare(*given)
        monkeypatch.undo()
        na.resume(folder)
        return opened

    monkeypatch.setattr(Checkpoint, "open_run", slow)
    assert "another run has just written" in refused(lambda: na.resume(folder))
    assert na.resume(folder).network == train(None).network


def test_the_current_folder_is_changed_during_a_run(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    expected = within(Path("first"), lambda: None)
    result = within(Path("run"), lambda: monkeypatch.chdir("other"))
    assert result.network == expected.network
    assert na.resume(tmp_path / "run") == result
    assert not list((tmp_path / "other").iterdir())


def test_a_link_to_nothing(tmp_path) -> None:
    make_link(tmp_path / "run", tmp_path / "missing")
    assert "is a link to a folder that is missing" in refused(lambda: train(tmp_path / "run"))
