"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import LogError, NeuroActorsError


def check_free(path: Path, force: bool, failure: type[NeuroActorsError] = LogError) -> None:
    """Raise `failure` if this is no place for a new file, or unless `force`, if there is one already."""
    try:
        if os.path.lexists(path) and not force:
            raise failure(
                f"{str(path)!r} exists already: choose another name, or replace it with --force"
            )
        if path.exists() and not path.is_file():
            raise failure(f"{str(path)!r} is no regular file: choose another name")
        if not path.parent.is_dir():
            raise failure(f"{str(path)!r}: there is no folder {str(path.parent.absolute())!r}")
    except (
        OSError,
        ValueError,
    ) as error:  # of a folder that is closed to us; of a name that no file can have
        raise failure(
            f"{str(path)!r} cannot be written: {getattr(error, 'strerror', error)}"
        ) from None


def is_same(path: Path, other: Path) -> bool:
    """Whether both are there, and one file."""
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False


@contextmanager
def whole_file(
    path: Path, force: bool, failure: type[NeuroActorsError] = LogError
) -> Iterator[Any]:
    """A file, open for bytes, that appears under its name when all is written. Raises `failure` where that cannot be,
    and, unless `force`, where there is one already."""
    check_free(path, force, failure)
    try:
        descriptor, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    except (OSError, ValueError) as error:  # a name that no file can have
        raise failure(
            f"{str(path)!r} cannot be written: {getattr(error, 'strerror', error)}"
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)  # what mkstemp makes is for its maker's eyes alone
        Path(name).replace(path)
    except OSError as error:
        raise failure(f"{str(path)!r} cannot be written: {error.strerror or error}") from None
    finally:
        Path(name).unlink(missing_ok=True)
