"""The colours of every picture, one code everywhere.

Blue is positive and orange is negative: weights, activations, urgencies. A sign, or a dash, says
the same without colours. Curves of different kinds, such as those of training and validation, have
other colours. All of them stand out on white and on black, and people with a colour vision
deficiency can tell them apart.
"""

from __future__ import annotations

POSITIVE, NEGATIVE = "#0072b2", "#d55e00"
SERIES = ("#008f68", "#a4559c", "#808080")
"""Of curves side by side, in this order."""
KINDS = (*SERIES[:2], "#7a1f3d", "#a68f32", SERIES[2])
"""Green, purple, wine, gold, grey: of up to five kinds of things on white paper, in this order."""
NEUTRAL = "#f7f7f7"
DIVERGING = (NEGATIVE, NEUTRAL, POSITIVE)
"""From the least number to the greatest, for maps of colours."""
POSITIVE_ON_LIGHT, NEGATIVE_ON_LIGHT, LOSS_ON_LIGHT = "#0b6bb0", "#d04a02", "#7b3fa0"
POSITIVE_ON_DARK, NEGATIVE_ON_DARK, LOSS_ON_DARK = "#5db4f5", "#ff9a52", "#c99bea"
"""The same signs, and the loss, as legible text on a page of one theme: the viewer's."""
INK, PAPER = "#16202c", "#ffffff"
INK_DARK, PAPER_DARK = "#edf2f8", "#10151c"
"""The same on a dark page."""
DISC = "#e8ecf1"
"""Fills a neuron; dark text on it is legible."""
MUTED = "#808080"
"""Axes, and what is neither positive nor negative."""
FAINT = "#bbbbbb"
"""What lies behind, on white paper."""


def sign_colour(value: float) -> str:
    """Return the colour of a number by its sign.

    Args:
        value: The number.
    """
    if value == 0:
        return MUTED
    return POSITIVE if value > 0 else NEGATIVE
