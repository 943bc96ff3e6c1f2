"""One file: arrays and what is told of them, in the safetensors format; whole or not there, and each byte under a digest.

It is a safetensors file like any other. Its metadata have two entries: `neuro_actors`, JSON, and `digest`, the SHA-256 of all
bytes of the file, with 64 zeros where the digest stands.
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
from ...support.text import shown

FORMAT = 1
KEY = "neuro_actors"
PART = ".part"  # how the name of a file ends that is being written
ZEROS = "0" * 64
DIGEST = re.compile(rb'"digest":"([0-9a-f]{64})"')

Arrays = dict[str, NDArray[Any]]


class Held(NamedTuple):
    """What a file holds."""

    about: dict[str, Any]
    arrays: Arrays
    digest: str


def write(path: Path, kind: str, about: dict[str, Any], arrays: Arrays) -> str:
    """Write it aside, see it on the disk, and give it its name; its digest. Whatever happens meanwhile, under that name
    stands what stood there, or all of this. Raises `CheckpointError` if the disk refuses."""
    from safetensors.numpy import save

    told = json.dumps({"format": FORMAT, "kind": kind} | about)
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    raw = bytearray(save(whole, {KEY: told, "digest": ZEROS}))
    digest = hashlib.sha256(raw).hexdigest()
    place = _places(raw)[0]
    raw[place : place + len(ZEROS)] = digest.encode()
    part = aside(path)
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
        sync(path.parent)
    except OSError as error:
        raise CheckpointError(
            f"{str(path)!r} cannot be written: {error.strerror or error}"
        ) from None
    return digest


def aside(path: Path) -> Path:
    """Where it is written."""
    return path.with_name(f"{path.name}.{os.getpid()}{PART}")


def sync(folder: Path) -> None:
    """See on the disk which names stand in it."""
    if os.name == "nt":  # where a folder cannot be opened
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read(path: Path, kind: str) -> Held:
    """What stands there, every byte of it as it was written. Raises `CheckpointError`, which names the file, otherwise."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    name = repr(str(path))
    try:
        if not S_ISREG(
            path.stat().st_mode
        ):  # a pipe, in which nothing may ever come, or a device without end
            raise CheckpointError(f"{name} cannot be read: it is no regular file")
        raw = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{name} cannot be read: {error.strerror or error}") from None
    places = _places(raw)
    if len(places) != 1 or KEY.encode() not in raw[: 8 + _header(raw)]:
        raise CheckpointError(
            f"{name} is damaged, or none that neuro_actors wrote: it has no digest"
        )
    place = places[0]
    digest = raw[place : place + len(ZEROS)].decode()
    seal = hashlib.sha256(raw[:place] + ZEROS.encode())
    seal.update(memoryview(raw)[place + len(ZEROS) :])
    if seal.hexdigest() != digest:
        raise CheckpointError(f"{name} is damaged: its bytes are not those that were written")
    try:
        about = json.loads(json.loads(raw[8 : 8 + _header(raw)])["__metadata__"][KEY])
        if about["format"] != FORMAT:
            raise CheckpointError(
                f"{name} is of checkpoint format {shown(about['format'])}, this version reads {FORMAT}"
            )
        if about["kind"] != kind:
            raise CheckpointError(
                f"{name} is not what its name says: it is of kind {shown(about['kind'])}, not {kind!r}"
            )
        return Held(about, load(raw), digest)
    except (KeyError, ValueError, TypeError, RecursionError, SafetensorError) as error:
        raise CheckpointError(f"{name} is none that neuro_actors wrote: {error}") from None


def _header(raw: bytes | bytearray) -> int:
    """How long the header is, as it says itself."""
    return min(struct.unpack("<Q", raw[:8])[0], len(raw)) if len(raw) >= 8 else 0


def _places(raw: bytes | bytearray) -> list[int]:
    """Where in the header a digest stands. (In a text within JSON each quotation mark has a backslash before it.)"""
    return [found.start(1) for found in DIGEST.finditer(raw, 8, 8 + _header(raw))]
