"""The digest chain: it seals what no replay can prove.

    d_0 = sha256(the metadata's bytes)
    d_k = sha256(d_{k-1} ‖ step, int64 ‖ length of its begin note in bytes, int64
                 ‖ the note, UTF-8 ‖ values, float64)

All numbers are little-endian, and there is one digest for each step in the file. The values are
those of the rows that the environment sent, inputs, targets and directions, in the order of the
rows; in a partial log those of all rows. A reader who knows the last digest knows that nothing was
changed.
"""

from __future__ import annotations

import hashlib
import struct

from ..support.arrays import Array


class DigestChain:
    """Digests, each of the one before and of a step.

    Args:
        metadata: The bytes of the log's metadata.
    """

    def __init__(self, metadata: bytes) -> None:
        self._last = hashlib.sha256(metadata).digest()

    def add(self, step: int, note: str, values: Array) -> str:
        """Seal a step.

        Args:
            step: Its number.
            note: Its begin note.
            values: The numbers that the digest covers, C-contiguous. Any shape.

        Returns:
            The new digest, in hexadecimal.
        """
        text = note.encode()
        seal = hashlib.sha256(self._last + struct.pack("<qq", step, len(text)) + text)
        seal.update(values.astype("<f8", copy=False).data)
        self._last = seal.digest()
        return self.hex

    @property
    def hex(self) -> str:
        """The last digest, in hexadecimal."""
        return self._last.hex()
