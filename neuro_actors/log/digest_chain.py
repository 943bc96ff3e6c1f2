"""The digest chain: what no arithmetic can vouch for is sealed.

    d_0 = sha256(the metadata's bytes)
    d_k = sha256(d_{k-1} ‖ step, int64 ‖ bytes of its begin note, int64 ‖ the note, UTF-8 ‖ values, float64)

all little-endian, for each step in the file. The values are those of the rows that the world sent, inputs and targets,
in the order of the rows; in a partial log those of all rows. Whoever knows the last digest knows that nothing was changed.
"""

from __future__ import annotations

import hashlib
import struct

from ..support.validation import Array


class DigestChain:
    """Digests, each of the one before and of a step."""

    def __init__(self, metadata: bytes) -> None:
        self._last = hashlib.sha256(metadata).digest()

    def add(self, step: int, note: str, values: Array) -> str:
        """Seal a step; the new digest in hexadecimal. values: C-contiguous, any shape."""
        text = note.encode()
        seal = hashlib.sha256(self._last + struct.pack("<qq", step, len(text)) + text)
        seal.update(values.astype("<f8", copy=False).data)
        self._last = seal.digest()
        return self.hex

    @property
    def hex(self) -> str:
        """The last digest."""
        return self._last.hex()
