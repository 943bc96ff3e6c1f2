"""Channels that carry all messages in arrays: the fast ones, and the default.

Files here import from `channels/` and the floors below it. Start with `bundled_channels.py`.

Files:

    bundled_channels.py  `Bundled`, the channels, and the environment's port
    countdown.py         the law by which members wake each other
    ports.py             what each member sees of the arrays
    row_layout.py        where each row of activations and urgencies lies
    carried_rows.py      the arrays of activations, urgencies and parameters, and each member's part
    copied_rows.py       rows that are read in another place than the one where they are written
    further_rows.py      rows of other kinds of messages, such as commits and targets
    observer.py          who waits for whom, and what was sent so far
"""

from .bundled_channels import Bundled

__all__ = ["Bundled"]
