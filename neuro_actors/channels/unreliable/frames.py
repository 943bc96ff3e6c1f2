"""Frames as bytes, for any transport: a header of 16 bytes, the values, a checksum.

| bytes | content                                                              |
| ---   | ---                                                                  |
| 1     | 0: a message; 1: a question, which asks for the message again        |
| 1     | 0                                                                    |
| 2     | the step code: what is to be done in the step, see `step_table.py`   |
| 4     | the step's number                                                    |
| 4     | the route, which also tells the kind of message, see `routes.py`     |
| 4     | the number of values                                                 |
| 8 n   | the values, float64                                                  |
| 4     | CRC-32 of all bytes before                                           |

All numbers are unsigned and little-endian. CRC-32 detects every error of up to three bits in frames
of up to 11 kB (Koopman 2002), every burst of up to 32 bits, and of other errors all but one in 2³².
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple
from zlib import crc32

import numpy as np

from ...support.arrays import Array, freeze

HEAD = Struct("<BxHIII")
TAIL = Struct("<I")
EMPTY = freeze(np.empty(0))


class Frame(NamedTuple):
    """One message, or the question for one.

    The route and the step's number are its name. Two messages of one name are equal.

    Attributes:
        route: The route that the message goes along.
        number: The step's number.
        step_code: What is to be done in the step; see `StepTable`.
        values: The message's values. Shape (n,); empty in a question.
        asks: Whether this is a question. It goes from the route's receiver to its sender.
    """

    route: int
    number: int
    step_code: int
    values: Array = EMPTY
    asks: bool = False


def encode(frame: Frame) -> bytes:
    """Return the frame as bytes."""
    route, number, step_code, values, asks = frame
    data = (
        HEAD.pack(asks, step_code, number, route, len(values))
        + values.astype("<f8", copy=False).tobytes()
    )
    return data + TAIL.pack(crc32(data))


def decode(data: bytes) -> Frame | None:
    """Return the frame that these bytes hold; None if the checksum or the length is wrong."""
    size = len(data) - TAIL.size
    if size < HEAD.size or TAIL.unpack_from(data, size)[0] != crc32(data[:size]):
        return None
    asks, step_code, number, route, count = HEAD.unpack_from(data)
    if size != HEAD.size + 8 * count or asks > 1:
        return None
    values = np.frombuffer(data, "<f8", count, HEAD.size).astype(np.float64)
    return Frame(route, number, step_code, freeze(values), bool(asks))
