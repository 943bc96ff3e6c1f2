"""How French is set: apostrophes, and spaces before and within marks."""

from __future__ import annotations

import re

FAULTS = [
    (r"\w'[\w*«\]]", "a straight apostrophe"),
    (r"[^\s;:!?«([…][;!?»]", "no space before a mark"),
    (r"[^\W\d_]\w*:(?=\s|$)", "no space before a colon"),
    (r"«(?!\s)", "no space after a guillemet"),
]


def faults_of_setting(text: str) -> list[str]:
    """Return each place at which a French text is not set as French is."""
    return [
        f"{what}: {text[max(0, found.start() - 12) : found.end() + 12]!r}"
        for pattern, what in FAULTS
        for found in re.finditer(pattern, text)
    ]
