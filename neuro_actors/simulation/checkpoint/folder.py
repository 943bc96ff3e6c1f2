"""Which files of a run there are, and which of them stay: the data, and the last two checkpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path

from ...support.errors import CheckpointError, InputError
from ...support.validation import as_path
from .files import PART, Held, aside, read, sync

DATA = "data.safetensors"
NAME = re.compile(r"step-([0-9]{10,})\.safetensors")
STRAY = re.compile(rf"(step-[0-9]+|data)\.safetensors\.[0-9]+{re.escape(PART)}")
MOST = 2  # checkpoints that stay


class Folder:
    """A run's folder. Nothing in it is touched but files that bear the names of checkpoints."""

    def __init__(self, path: str | PathLike[str]) -> None:
        try:
            self.path = as_path("checkpoint", path, "folder")
        except InputError as error:
            raise CheckpointError(str(error)) from None
        self._good: list[Path] = []

    def check(self) -> None:
        """Raise `CheckpointError` if it holds a run, or other people's data; it may be missing."""
        with self._refused():
            if self.checkpoints():
                advice = f"go on with na.resume({str(self.path)!r}), choose another folder, or say overwrite=True"
                raise CheckpointError(
                    f"{str(self.path)!r} holds checkpoints of a run already: {advice}"
                )
            if (self.path / DATA).exists():
                read(
                    self.path / DATA, "data"
                )  # of a run that was killed before its first checkpoint; else it is refused

    def begin(self) -> None:
        """Make it, or make room in it."""
        with self._refused():
            self.path.mkdir(parents=True, exist_ok=True)
            self.sweep()
            for file in [*self.checkpoints(), self.path / DATA]:
                file.unlink(missing_ok=True)
            sync(self.path)

    @contextmanager
    def _refused(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CheckpointError(
                f"{str(self.path)!r} cannot hold checkpoints: {error.strerror or error}"
            ) from None

    def checkpoints(self) -> list[Path]:
        """Those that are there, the newest last."""
        there = self.path.iterdir() if self.path.exists() else ()
        return sorted((file for file in there if NAME.fullmatch(file.name)), key=steps_of)

    def sweep(self) -> None:
        """Away with what a run left that was killed while it wrote."""
        for file in list(self.path.iterdir()):
            if STRAY.fullmatch(file.name):
                file.unlink(missing_ok=True)

    def place(self, steps: int) -> Path:
        """Where the checkpoint after so many steps of learning stands."""
        return self.path / f"step-{steps:010}.safetensors"

    def wrote(self, file: Path) -> None:
        """That one is good: it and the one before stay, all others go, among them any that the run did not go on from."""
        self._good = [*[good for good in self._good if good != file], file][-MOST:]
        for other in self.checkpoints():
            if other not in self._good:
                with suppress(OSError):  # it stays, and does no harm
                    other.unlink()

    def go_on_from(self, file: Path) -> None:
        """That one is good. Raises `CheckpointError` if nothing can be written here."""
        self._good = [file]
        with self._refused():
            self.sweep()
            part = aside(self.place(0))
            part.touch()
            part.unlink()


def steps_of(file: Path) -> int:
    """After how many steps of learning it was written, as its name says."""
    found = NAME.fullmatch(file.name)
    return int(found[1]) if found else -1


def found(path: str | PathLike[str]) -> tuple[Folder, Path]:
    """The folder, and the checkpoint that is meant: that one, or a folder's newest. Raises `CheckpointError` for none."""
    asked = Folder(path).path
    name = repr(str(asked))
    try:
        if asked.is_file():
            return Folder(asked.parent), asked
        if not asked.is_dir():
            raise CheckpointError(f"{name}: there is no such folder")
        there = Folder(asked).checkpoints()
    except OSError as error:
        raise CheckpointError(f"{name} cannot be read: {error.strerror or error}") from None
    if not there:
        raise CheckpointError(
            f"{name}: there is no checkpoint in it to go on from: begin with na.train(…, checkpoint=…)"
        )
    return Folder(asked), there[-1]


def read_checkpoint(folder: Folder, file: Path) -> Held:
    """That checkpoint. Raises `CheckpointError`; if it is damaged, and one before it is whole, it says so."""
    try:
        held = read(file, "checkpoint")
        steps = held.about.get("steps")
        if NAME.fullmatch(file.name) and steps != steps_of(file):
            raise CheckpointError(
                f"{str(file)!r} is not what its name says: it was written after step {steps}"
            )
        return held
    except CheckpointError as error:
        before = next(
            (
                other
                for other in reversed(folder.checkpoints())
                if other.name < file.name and _whole(other)
            ),
            None,
        )
        if before is None:
            raise
        advice = f"the one before it is whole: go on from that with na.resume({str(before)!r})"
        raise CheckpointError(f"{error}; {advice}") from None


def _whole(file: Path) -> bool:
    with suppress(CheckpointError):
        read(file, "checkpoint")
        return True
    return False
