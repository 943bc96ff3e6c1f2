"""Channels that carry all messages in arrays: the fast ones, and the default.

Files here import from `channels/` and the floors below it. Start with `bundled_channels.py`.

Files:

    bundled_channels.py  `Bundled`, the channels, and the environment's port
    countdown.py         the law by which members wake each other; their ports
    row_layout.py        where each row of activations and urgencies lies
    carried_rows.py      the arrays of activations and urgencies, and each member's views of them
    further_rows.py      rows of other kinds of messages, such as commits and targets
    observer.py          who waits for whom, and what was sent so far
"""

from .bundled_channels import Bundled

__all__ = ["Bundled"]
