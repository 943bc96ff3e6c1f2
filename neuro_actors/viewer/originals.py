"""The pictures that the inputs were made from: larger than what the network receives.

A log contains what the inputs received, such as 7 x 7 means of a picture of 28 x 28. The pictures
come from a file of the user, and are matched by the inputs' values.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ..support.arrays import Array
from ..support.errors import InputError
from ..support.text import quote


class Originals:
    """Pictures of examples.

    Args:
        path: A file of numpy (.npz) with `x`, what the inputs receive, shape (n, n_inputs), and
            `pictures`, shape (n, rows, columns).

    Raises:
        InputError: The file cannot be read, or its arrays do not fit.
    """

    def __init__(self, path: Path) -> None:
        named = quote(str(path))
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                x, pictures = np.asarray(file["x"], float), np.asarray(file["pictures"], float)
        except FileNotFoundError:
            raise InputError(f"{named}: there is no such file") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, BadZipFile, EOFError):
            expected = "expected an .npz file with the arrays x and pictures, both of numbers"
            how = "numpy.savez(path, x=x, pictures=pictures) writes one"
            raise InputError(f"{named}: {expected}: {how}") from None
        if x.ndim != 2 or pictures.ndim != 3 or len(x) != len(pictures) or not pictures.size:
            shapes = f"got x {x.shape} and pictures {pictures.shape}"
            expected = "x (n, inputs) and pictures (n, rows, columns)"
            raise InputError(f"{named}: expected {expected}, {shapes}")
        if not np.isfinite(pictures).all():
            raise InputError(f"{named}: pictures must be finite")
        low, high = float(pictures.min()), float(pictures.max())
        self._grey = np.round((pictures - low) / ((high - low) or 1.0) * 255).astype(np.uint8)
        self._row = {one.tobytes(): k for k, one in reversed(list(enumerate(x + 0.0)))}

    def to_json(self, inputs: list[Array], numbers: list[list[int]]) -> dict[str, Any]:
        """Return the pictures of the examples that a page shows, for JSON.

        Args:
            inputs: What the inputs received in each step. Shape (examples, n_inputs) or more rows.
            numbers: The numbers of these examples.
        """
        found: dict[int, str] = {}
        for rows, some in zip(inputs, numbers, strict=True):
            for x, number in zip(rows, some, strict=False):
                k = self._row.get((np.asarray(x, float) + 0.0).tobytes())
                if k is not None:
                    found[number] = base64.b64encode(self._grey[k].tobytes()).decode()
        return {"size": list(self._grey.shape[1:]), "of": found}
