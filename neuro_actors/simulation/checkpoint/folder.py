"""The folder of a run: its data, and its last two checkpoints.

A run that writes here has locked the folder, so no other run can remove its checkpoints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path

from ...support.errors import CheckpointError, InputError
from ...support.file_lock import FileLock
from ...support.files import absolute_path
from ...support.text import quote
from ...support.validation import as_path
from .files import PART, FileContents, part_path, read, sync_folder

DATA = "data.safetensors"
LOCK = ".neuro_actors.lock"
NAME = re.compile(r"step-([0-9]{10,})\.safetensors")
LEFTOVER = re.compile(rf"(step-[0-9]+|data)\.safetensors\.[0-9]+{re.escape(PART)}")
CHECKPOINTS_TO_KEEP = 2  # two, so that one is left where the newest is damaged


class Folder:
    """A run's folder. Files with other names than a checkpoint's are never touched.

    Attributes:
        path: The folder, as an absolute path: the current folder may be changed during a run. It
            may not exist yet.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        """Take the folder's name; nothing is read yet.

        Args:
            path: The name.

        Raises:
            CheckpointError: It cannot be the name of a folder, or the current folder is gone.
        """
        try:
            self.path = absolute_path(as_path("checkpoint", path, "folder"), CheckpointError)
        except InputError as error:
            raise CheckpointError(str(error)) from None
        self._intact: list[Path] = []
        self._found: list[Path] = []
        self._lock = FileLock(self.path / LOCK)

    def check_unlocked(self) -> None:
        """Check, before any work, that no other run writes here.

        Raises:
            CheckpointError: Another run does, or the folder cannot be read.
        """
        with self._os_errors_reported():
            if self.path.is_symlink() and not self.path.exists():
                raise CheckpointError(f"{str(self.path)!r} is a link to a folder that is missing")
            if self.path.is_dir():
                self._acquire()
                self._lock.release()

    def lock(self) -> None:
        """Make the folder, and keep all other runs out of it until `unlock`.

        Raises:
            CheckpointError: Another run writes here, or the operating system refused.
        """
        with self._os_errors_reported():
            self.path.mkdir(parents=True, exist_ok=True)
            self._acquire()

    def _acquire(self) -> None:
        holder = self._lock.acquire()
        if holder is not None:
            raise CheckpointError(
                f"another run saves its checkpoints in {str(self.path)!r} ({quote(holder)[1:-1]}): "
                "wait for its end, or choose another folder"
            )

    def unlock(self) -> None:
        """Let other runs in again."""
        self._lock.release()

    def check_unused(self) -> None:
        """Check that a new run may begin here.

        Raises:
            CheckpointError: The folder contains a run, or foreign data, or cannot be read.
        """
        with self._os_errors_reported():
            if self.checkpoints():
                advice = (
                    f"go on with na.resume({str(self.path)!r}), "
                    "choose another folder, or say overwrite=True"
                )
                raise CheckpointError(
                    f"{str(self.path)!r} contains checkpoints of a run already: {advice}"
                )
            # Data without a checkpoint: of a run that was killed before its first checkpoint,
            # or foreign, and then `read` refuses it.
            if (self.path / DATA).exists():
                read(self.path / DATA, "data")

    def prepare(self) -> None:
        """Remove the files of a run that was there before.

        Raises:
            CheckpointError: The operating system refused.
        """
        with self._os_errors_reported():
            self.remove_leftovers()
            for file in [*self.checkpoints(), self.path / DATA]:
                file.unlink(missing_ok=True)
            sync_folder(self.path)

    @contextmanager
    def _os_errors_reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CheckpointError(
                f"{str(self.path)!r} cannot hold checkpoints: {error.strerror or error}"
            ) from None

    def checkpoints(self) -> list[Path]:
        """Return the checkpoints in the folder, the newest last."""
        files = self.path.iterdir() if self.path.exists() else ()
        return sorted((file for file in files if NAME.fullmatch(file.name)), key=steps_in_name)

    def remove_leftovers(self) -> None:
        """Remove the incomplete files of a run that was killed while it wrote."""
        for file in list(self.path.iterdir()):
            if LEFTOVER.fullmatch(file.name):
                file.unlink(missing_ok=True)

    def checkpoint_path(self, steps: int) -> Path:
        """Return the name of the checkpoint after `steps` learning steps."""
        return self.path / f"step-{steps:010}.safetensors"

    def keep_newest(self, file: Path) -> None:
        """Keep `file`, which was just written, and the intact one before; remove all others.

        Later checkpoints are removed too: the run did not continue from them.
        """
        others = [intact for intact in self._intact if intact != file]
        self._intact = [*others, file][-CHECKPOINTS_TO_KEEP:]
        for other in self.checkpoints():
            if other not in self._intact:
                with suppress(OSError):  # one that cannot be removed does no harm
                    other.unlink()

    def continue_from(self, file: Path) -> None:
        """Note that `file` is intact and that the run continues from it.

        Raises:
            CheckpointError: No file can be written in this folder.
        """
        self._intact = [file]
        self.check_unlocked()
        with self._os_errors_reported():
            self._found = self.checkpoints()
            self.remove_leftovers()
            part = part_path(self.checkpoint_path(0))
            part.touch()
            part.unlink()

    def check_unchanged(self) -> None:
        """Check that no other run has written here since `continue_from`.

        Raises:
            CheckpointError: One has.
        """
        with self._os_errors_reported():
            if self.checkpoints() != self._found:
                raise CheckpointError(
                    f"another run has just written in {str(self.path)!r}: resume again, to "
                    "continue from its newest checkpoint"
                )


def steps_in_name(file: Path) -> int:
    """Return after how many learning steps a checkpoint was written, as its name says."""
    match = NAME.fullmatch(file.name)
    return int(match[1]) if match else -1


def find_checkpoint(path: str | PathLike[str]) -> tuple[Folder, Path]:
    """Find the checkpoint that `path` means.

    Args:
        path: A checkpoint, or a folder, which means its newest checkpoint.

    Returns:
        The folder, and the checkpoint in it.

    Raises:
        CheckpointError: There is none.
    """
    asked = Folder(path).path
    name = repr(str(asked))
    try:
        if asked.is_file():
            return Folder(asked.parent), asked
        if not asked.is_dir() and NAME.fullmatch(asked.name) and asked.parent.is_dir():
            there = ", ".join(quote(one.name) for one in Folder(asked.parent).checkpoints())
            raise CheckpointError(
                f"{name}: there is no such checkpoint; there is {there or 'none'}"
            )
        if not asked.is_dir():
            raise CheckpointError(f"{name}: there is no such folder")
        files = Folder(asked).checkpoints()
    except OSError as error:
        raise CheckpointError(f"{name} cannot be read: {error.strerror or error}") from None
    if not files:
        raise CheckpointError(
            f"{name}: there is no checkpoint in it to go on from: "
            "begin with na.train(…, checkpoint=…)"
        )
    return Folder(asked), files[-1]


def read_checkpoint(folder: Folder, file: Path) -> FileContents:
    """Read a checkpoint and check that its name is right.

    Args:
        folder: The folder that contains it.
        file: The checkpoint.

    Returns:
        What it contains.

    Raises:
        CheckpointError: It is damaged, or has the name of another one. If an earlier checkpoint
            is intact, the error says how to continue from that.
    """
    try:
        contents = read(file, "checkpoint")
        steps = contents.metadata.get("steps")
        if NAME.fullmatch(file.name) and steps != steps_in_name(file):
            raise CheckpointError(
                f"{str(file)!r} is not what its name says: it was written after step {steps}"
            )
        return contents
    except CheckpointError as error:
        earlier = (other for other in folder.checkpoints()[::-1] if other.name < file.name)
        intact = next((other for other in earlier if _is_intact(other)), None)
        if intact is None:
            raise
        advice = f"the one before it is intact: go on from that with na.resume({str(intact)!r})"
        raise CheckpointError(f"{error}; {advice}") from None


def _is_intact(file: Path) -> bool:
    with suppress(CheckpointError):
        read(file, "checkpoint")
        return True
    return False
