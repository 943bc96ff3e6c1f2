"""What is said, as bytes: a head of 16, the numbers, a checksum over both. For any transport of bytes.

| bytes | what                                                                     |
| ---   | ---                                                                      |
| 1     | 0: something is said; 1: it is asked for again                           |
| 1     | 0                                                                        |
| 2     | the order: what is to be done in the step, see `orders.py`               |
| 4     | the step's number                                                        |
| 4     | the line that it is said along, which tells the kind, see `routes.py`    |
| 4     | how many numbers                                                         |
| 8 n   | the numbers, float64                                                     |
| 4     | CRC-32 of all before                                                     |

All are unsigned and little-endian. CRC-32 notices every error of up to three bits in frames of up to 11 kB (Koopman 2002),
every burst of up to 32 bits, and of others all but one in 2³².
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple
from zlib import crc32

import numpy as np

from ...support.validation import Array, frozen

HEAD = Struct("<BxHIII")
TAIL = Struct("<I")
EMPTY = frozen(np.empty(0))


class Frame(NamedTuple):
    """One message, or the question for one. Named by its line and its step's number: what is said again is the same."""

    line: int
    number: int
    order: int
    values: Array = EMPTY
    asks: bool = False


def encode(frame: Frame) -> bytes:
    """The frame as a frame."""
    line, number, order, values, asks = frame
    data = (
        HEAD.pack(asks, order, number, line, len(values))
        + values.astype("<f8", copy=False).tobytes()
    )
    return data + TAIL.pack(crc32(data))


def decode(data: bytes) -> Frame | None:
    """The frame of a frame; None if its checksum or its length is wrong."""
    size = len(data) - TAIL.size
    if size < HEAD.size or TAIL.unpack_from(data, size)[0] != crc32(data[:size]):
        return None
    asks, order, number, line, count = HEAD.unpack_from(data)
    if size != HEAD.size + 8 * count or asks > 1:
        return None
    values = np.frombuffer(data, "<f8", count, HEAD.size).astype(np.float64)
    return Frame(line, number, order, frozen(values), bool(asks))
