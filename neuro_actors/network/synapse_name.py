"""Which synapse a text such as "x0->h1.0" or "x0:h1.0" may mean."""

from __future__ import annotations

from ..support.errors import InputError
from ..support.text import quote
from .elements import MAX_SYNAPSE_NAME

ARROWS = ("->", "→", ":")  # a shell without quotes takes > for itself


def possible_ends(text: str) -> list[tuple[str, str]]:
    """Return all pairs of ids that a text may mean, the likeliest last.

    Ids may contain an arrow or a colon, too. So a text with several of them may mean several pairs.

    Args:
        text: Both ids, with "->", "→" or ":" between them, and perhaps with spaces around.

    Raises:
        InputError: The text has no arrow and no colon.
    """
    is_too_long = len(text) > MAX_SYNAPSE_NAME
    pairs: list[tuple[str, str]] = []
    for arrow in () if is_too_long else reversed(ARROWS):
        cuts = [k for k in range(len(text)) if text.startswith(arrow, k)]
        exact = [(text[:k], text[k + len(arrow) :]) for k in cuts]
        pairs += [*exact, *((a.strip(), b.strip()) for a, b in exact)]
    if not pairs:
        problem = f"weight {quote(text)}: expected the ids of its two ends, as in 'a->b' or 'a:b'"
        raise InputError(problem + _what_a_shell_did(text))
    return list(dict.fromkeys(pairs))


def _what_a_shell_did(text: str) -> str:
    """Without quotes, `--weight a->b` passes `a-`, and writes the output into the file `b`."""
    if not text.endswith("-"):
        return ""
    start = quote(text[:-1])[1:-1]
    return (
        ". Without quotes a shell takes > for itself, and writes the output into a file: "
        f"write {start}:b, or '{start}->b' in quotes"
    )
