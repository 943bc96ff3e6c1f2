"""Channels that carry all messages in arrays: the fast ones, and the default.

Files here import from `channels/` and the floors below it. Start with `engine.py`; `countdown.py`
has the law by which members wake each other, `row_layout.py` where each row lies.
"""

from .engine import Bundled

__all__ = ["Bundled"]
