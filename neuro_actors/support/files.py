"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import LogError, NeuroActorsError

BEGINNINGS = (  # what files of some kinds begin with
    (b"\xff\xff\xff\xff", "an Arrow stream, as a message log is"),
    (b"ARROW1", "an Arrow file"),
    (b"PAR1", "a Parquet file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x93NUMPY", "an array of numpy"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a compressed file"),
    (b"SQLite format 3", "a database of SQLite"),
)
TEXT_CONTROLS = set(b"\t\n\f\r\x1b")


def absolute_path(path: Path, failure: type[NeuroActorsError] = LogError) -> Path:
    """Return a name that stays right when the current folder is changed.

    Args:
        path: The name.
        failure: The error that is raised.

    Raises:
        failure: The current folder has been removed, so the name means nothing.
    """
    try:
        return path.absolute()
    except OSError:
        raise failure(
            f"{str(path)!r}: the current folder has been removed: change to another one, "
            "or give a name that begins with /"
        ) from None


def check_free(path: Path, force: bool, failure: type[NeuroActorsError] = LogError) -> None:
    """Check that a new file can be written under a name.

    Args:
        path: The name of the new file.
        force: Whether the file may replace another one.
        failure: The error that is raised.

    Raises:
        failure: There is a file already and not `force`; the name belongs to something that is no
            regular file; or the folder is missing or closed.
    """
    try:
        if path.exists() and not path.is_file():
            advice = "" if path.is_dir() else ": choose another name"
            raise failure(f"{str(path)!r}: {describe_no_file(path)}{advice}")
        if os.path.lexists(path) and not force:
            raise failure(
                f"{str(path)!r} exists already: choose another name, or replace it with --force"
            )
        if not path.parent.is_dir():
            raise failure(f"{str(path)!r}: there is no folder {str(path.parent.absolute())!r}")
    except failure:  # it may be a ValueError itself
        raise
    except (OSError, ValueError) as error:  # a folder without access; a name that no file can have
        raise _cannot_be_written(path, error, failure) from None


def describe_no_file(path: Path) -> str:
    """Return what to say of something that is there and is no regular file.

    Args:
        path: Where it is.
    """
    return "it is a folder: name a file in it" if path.is_dir() else "it is no regular file"


def describe_content(head: bytes) -> str:
    """Return what kind of file it is by its beginning: "an HTML page"; "" if that is not known.

    Args:
        head: The first bytes, some hundred.
    """
    for beginning, kind in BEGINNINGS:
        if head.startswith(beginning):
            return kind
    start = head.lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if not start or any(byte < 32 and byte not in TEXT_CONTROLS for byte in head):
        return ""
    if start.startswith((b"<svg", b"<?xml")):
        return "an XML file"
    return "a text file"


def _cannot_be_written(
    path: Path, error: Exception, failure: type[NeuroActorsError]
) -> NeuroActorsError:
    return failure(f"{str(path)!r} cannot be written: {getattr(error, 'strerror', None) or error}")


def is_same(path: Path, other: Path) -> bool:
    """Return whether two names belong to one existing file.

    Args:
        path: One name.
        other: The other name.
    """
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False


@contextmanager
def whole_file(
    path: Path, force: bool, failure: type[NeuroActorsError] = LogError
) -> Iterator[Any]:
    """Open a new file for bytes, which appears under its name when all is written.

    Args:
        path: The name of the new file.
        force: Whether the file may replace another one.
        failure: The error that is raised.

    Raises:
        failure: As `check_free`; or writing failed.
    """
    check_free(path, force, failure)
    whole = absolute_path(path, failure)  # the folder may be changed while the file is written
    part = whole.with_name(f".{secrets.token_hex(8)}.part")
    try:
        # not by `tempfile`, which lets the owner alone read the file
        file = part.open("xb")
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise _cannot_be_written(path, error, failure) from None
    try:
        with file:
            yield file
        part.replace(whole)
    except OSError as error:
        raise _cannot_be_written(path, error, failure) from None
    finally:
        part.unlink(missing_ok=True)
