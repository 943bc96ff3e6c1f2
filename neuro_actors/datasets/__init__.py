"""Small data sets that ship with the package: points in a plane, digits, silhouettes of animals.

Imports from `support` alone. The same seed gives the same numbers on every machine. Start with
`dataset.py`.

Files:

    dataset.py           `Dataset`: inputs and targets, with names
    plane.py             `xor`, `spirals`, `circles`, `moons`: points in a plane
    digits.py            `digits`: drawn digits of 8 x 8 pixels
    silhouettes.py       `silhouettes`: ten animals, 28 x 28 pixels or fewer
    animals.npz          the pictures of the animals
    animals.LICENSE.txt  their licence (MIT)
"""

import typing as _typing

from ..support.hints import missing_attribute as _missing_attribute
from .dataset import Dataset
from .digits import digits
from .plane import circles, moons, spirals, xor
from .silhouettes import silhouettes

__all__ = ["Dataset", "circles", "digits", "moons", "silhouettes", "spirals", "xor"]


if not _typing.TYPE_CHECKING:  # a type checker refuses unknown names by itself

    def __getattr__(name: str) -> object:
        problem = f"module {__name__!r} has no attribute {name!r}"
        raise _missing_attribute(__name__, name, problem, __all__)
