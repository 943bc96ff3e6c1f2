"""JSON inside a page: no character of it begins or ends a tag."""

from __future__ import annotations

import json
from typing import Any


def as_json(values: Any) -> str:
    """Return JSON for a page: it contains no character that begins or ends a tag.

    Args:
        values: Values for JSON; no NaN and no infinity.
    """
    text = json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
