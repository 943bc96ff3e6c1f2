"""How docstrings become pages: lines such as `batch: how many` are items of a list there, as they read like one in the code."""

from __future__ import annotations

import re
from typing import Any

import griffe

ITEM = re.compile(r"[a-z]\w*(\([^)]*\))?(, [a-z]\w*(\([^)]*\))?)*(?=:\s)")


def listed(text: str) -> str:
    """The docstring as Markdown."""
    lines, within = [], False
    for line in text.splitlines():
        item = ITEM.match(line)
        if item:
            lines += [*([] if within else [""]), f"- `{item[0]}`{line[item.end() :]}"]
        elif within and line and not line.startswith(" "):
            lines += ["", line]
        else:
            lines.append(f"    {line.strip()}" if within else line)
        within = bool(item) or (within and (not line or line.startswith(" ")))
    return "\n".join(lines)


class Lists(griffe.Extension):
    """Applied to every docstring that is shown."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = listed(obj.docstring.value)
