"""What carries messages: the table of all messages, and channels that carry them.

Files here import from `neuron`, `network` and `support` alone. Start with `interface.py`, which has
the protocols, and `routes.py`, the table; then read `memory.py` (with `member_mail.py`): a mailbox
per member, a message object per synapse. `bundled/` carries the same messages in arrays, for speed,
and `unreliable/` carries them under fault injection.
"""
