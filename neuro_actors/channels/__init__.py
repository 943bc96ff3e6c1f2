"""What carries messages: the table of all messages, and channels that carry them.

Files here import from `neuron`, `network` and `support` alone. Start with `interface.py`, which has
the protocols, and `routes.py`, the table; then read `memory.py`, the plainest channels.

Files:

    interface.py        protocols of channels and ports; `receive` waits for mail
    routes.py           the table of all messages: what goes from where to where, and when
    memory.py           the channels to read first: a mailbox for each member
    member_mail.py      the inboxes and the addresses of one member, made from the table
    collector.py        single messages -> the record of the step
    step_record.py      all messages of a step in arrays; a recorder is called with it
    choose_channels.py  a name such as "bundled", or a user's factory -> a factory of channels
    bundled/            channels that carry the same messages in arrays, for speed; the default
    unreliable/         channels under fault injection: lost messages, crashes, and their repair
"""
