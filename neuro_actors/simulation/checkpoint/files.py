"""One file of arrays and metadata, in the safetensors format, protected by a digest.

1. A file is written under another name, synced to disk, and then renamed. So at any moment, and
   after any crash, its name stands for the complete old file or the complete new one.
2. The metadata have two entries: `neuro_actors`, JSON, and `digest`, the SHA-256 of all bytes of
   the file, with 64 zeros in place of the digest. So every changed or missing byte is noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from pathlib import Path
from stat import S_ISREG
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...support.errors import CheckpointError
from ...support.files import describe_content
from ...support.text import quote

FORMAT = 1
WITH_ELEMENTS = 2  # of a run whose network is not plain: earlier versions would lose what it has
KEY = "neuro_actors"
PART = ".part"  # the ending of a file that is being written
ZEROS = "0" * 64
DIGEST = re.compile(rb'"digest":"([0-9a-f]{64})"')

Arrays = dict[str, NDArray[Any]]


class FileContents(NamedTuple):
    """What one file contains.

    Attributes:
        metadata: The JSON object.
        arrays: The arrays by name.
        digest: SHA-256 of the file, 64 hexadecimal digits.
    """

    metadata: dict[str, Any]
    arrays: Arrays
    digest: str


def write(path: Path, kind: str, metadata: dict[str, Any], arrays: Arrays) -> str:
    """Write a file: either completely, or the old file stays.

    Args:
        path: Its name.
        kind: "checkpoint" or "data"; `read` checks it.
        metadata: Anything that JSON can hold; with an entry "format", if that is not the usual one.
        arrays: Arrays of numbers, by name.

    Returns:
        The file's digest.

    Raises:
        CheckpointError: The operating system refused; the old file, if any, is intact.
    """
    from safetensors.numpy import save

    text = json.dumps({"format": FORMAT, "kind": kind} | metadata)
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    raw = bytearray(save(contiguous, {KEY: text, "digest": ZEROS}))
    digest = hashlib.sha256(raw).hexdigest()
    position = _digest_positions(raw)[0]
    raw[position : position + len(ZEROS)] = digest.encode()
    part = part_path(path)
    try:
        try:
            with part.open("wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise CheckpointError(
            f"{str(path)!r} cannot be written: {error.strerror or error}"
        ) from None
    return digest


def part_path(path: Path) -> Path:
    """Return the name under which this process writes `path` before it is renamed."""
    return path.with_name(f"{path.name}.{os.getpid()}{PART}")


def sync_folder(folder: Path) -> None:
    """Force the names of the folder's files to disk.

    Raises:
        OSError: The operating system refused.
    """
    if os.name == "nt":  # where a folder cannot be opened
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read(path: Path, kind: str) -> FileContents:
    """Read a file and check every byte of it.

    Args:
        path: Its name.
        kind: "checkpoint" or "data".

    Returns:
        What it contains.

    Raises:
        CheckpointError: The file cannot be read, or is damaged, or is of another kind or
            format. The error names it.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    name = repr(str(path))
    try:
        # A pipe could let the reader wait for ever, and a device could be endless.
        if not S_ISREG(path.stat().st_mode):
            raise CheckpointError(f"{name} cannot be read: it is no regular file")
        raw = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{name} cannot be read: {error.strerror or error}") from None
    positions = _digest_positions(raw)
    if len(positions) != 1 or KEY.encode() not in raw[: 8 + _header_length(raw)]:
        other = describe_content(raw[:256])
        what = "is damaged, or was not written by neuro_actors: it has no digest"
        raise CheckpointError(f"{name} {f'is {other}, not a checkpoint' if other else what}")
    position = positions[0]
    digest = raw[position : position + len(ZEROS)].decode()
    computed = hashlib.sha256(raw[:position] + ZEROS.encode())
    computed.update(memoryview(raw)[position + len(ZEROS) :])
    if computed.hexdigest() != digest:
        raise CheckpointError(f"{name} is damaged: its bytes are not those that were written")
    try:
        header = json.loads(raw[8 : 8 + _header_length(raw)])
        metadata = json.loads(header["__metadata__"][KEY])
        known = sorted({FORMAT, WITH_ELEMENTS})
        if metadata["format"] not in known:
            raise CheckpointError(
                f"{name} has checkpoint format {quote(metadata['format'])}; "
                f"this version reads format {' and '.join(map(str, known))}"
            )
        if metadata["kind"] != kind:
            raise CheckpointError(
                f"{name} is not what its name says: it is of kind {quote(metadata['kind'])}, "
                f"not {kind!r}"
            )
        return FileContents(metadata, load(raw), digest)
    except (KeyError, ValueError, TypeError, RecursionError, SafetensorError) as error:
        raise CheckpointError(f"{name} was not written by neuro_actors: {error}") from None


def _header_length(raw: bytes | bytearray) -> int:
    """Return the header's length, as its first eight bytes say."""
    return min(struct.unpack("<Q", raw[:8])[0], len(raw)) if len(raw) >= 8 else 0


def _digest_positions(raw: bytes | bytearray) -> list[int]:
    """Return where in the header a digest stands.

    A text inside the JSON entry cannot look like one: each of its quotation marks follows a
    backslash.
    """
    return [match.start(1) for match in DIGEST.finditer(raw, 8, 8 + _header_length(raw))]
