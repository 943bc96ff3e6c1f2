"""Numbers that users pass, one by one: each becomes a number of Python, or is refused.

The first argument `what` names the value in the text of an error.
"""

from __future__ import annotations

import math

import numpy as np

from .errors import InputError
from .text import quote

MAX_BITS = 4096  # of a whole number: Python refuses to print much larger ones
WHOLE_NUMBERS = (int, np.integer)
NUMBERS = (*WHOLE_NUMBERS, float, np.floating)
NO_NUMBERS = (bool, np.timedelta64)  # which derive from whole numbers
EXACT_INTEGERS = 2**53  # up to here float64 has each of them
INEXACT = "is not among the numbers that float64 has"


def as_whole_number(what: str, value: object, least: int, most: float = math.inf) -> int:
    """Convert a whole number to an int.

    Args:
        what: What the number is, for the text of an error.
        value: A Python or numpy integer.
        least: The smallest number that is allowed.
        most: The largest number that is allowed.

    Raises:
        InputError: The value is no whole number, or lies outside these limits.
    """
    plain = _scalar(value)
    if isinstance(plain, WHOLE_NUMBERS) and not isinstance(plain, NO_NUMBERS):
        whole = int(plain)
        if whole.bit_length() <= MAX_BITS and least <= whole <= most:
            return whole
    limit = "" if most == math.inf else f" and at most {most:,}"
    raise InputError(
        f"{what} must be a whole number of at least {least}{limit}, got {quote(value)}"
    )


def as_number(value: object) -> float:
    """Convert a real number to a float; anything else becomes NaN, which fails every comparison.

    Whatever is kept of a number that a user passed, or that a user's function returned, is what
    this function returned: a number of numpy would bring the precision of its own type with it.

    Args:
        value: A Python or numpy number, or an array of numpy without axes. A truth value becomes
            NaN too, and so does a number that float64 does not have; see `got`.
    """
    plain = _scalar(value)
    if not isinstance(plain, NUMBERS) or isinstance(plain, NO_NUMBERS):
        return math.nan
    exact = int(plain) if isinstance(plain, WHOLE_NUMBERS) else plain
    try:
        converted = float(exact)
    except OverflowError:
        return math.nan
    return converted if converted == exact else math.nan


def as_setting(value: object) -> float:
    """Convert a number that is kept as a setting to a float; see `as_number`.

    Minus zero becomes zero. The two are equal, and equal settings must make the same bits and the
    same text.
    """
    return as_number(value) + 0.0


def _scalar(value: object) -> object:
    """Return the number in an array without axes, which is not masked; else the value itself."""
    return value[()] if type(value) is np.ndarray and not value.ndim else value


def got(value: object) -> str:
    """Describe what was passed in place of a number, and why `as_number` refuses it.

    Args:
        value: Anything that a user passed.
    """
    plain = _scalar(value)
    is_number = isinstance(plain, NUMBERS) and not isinstance(plain, NO_NUMBERS)
    inexact = is_number and math.isnan(as_number(plain)) and bool(plain == plain)
    return f"{quote(value)}, which {INEXACT}" if inexact else quote(value)
