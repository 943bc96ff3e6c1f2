"""Channels under fault injection: frames are lost, repeated, late or damaged, and members crash.

The delivery protocol and a supervisor make the results the same as without faults, bit for bit.
Files here import from `channels/` and the floors below it. Start with `delivery.py`, which has the
rules of the protocol. Then read `port.py`.

Files:

    settings.py             `na.Unreliable`: how often faults occur, and which
    faults.py               particular faults, and the points at which a member can crash
    fault_injection.py      decides the fate of each frame, and where a member crashes
    delivery.py             the delivery protocol: rules, acknowledgements, repetition
    endpoint.py             a member's end of the protocol: it waits, answers and repeats
    port.py                 the ports; here a crash is raised
    supervisor.py           restarts crashed members from their snapshots
    snapshots.py            the durable state of each member
    transport.py            holds each frame until it is due, then puts it into a mailbox
    frames.py               frames <-> bytes, with a checksum
    step_table.py           steps as small numbers, so that frames can carry them
    timing.py               which routes answer which, and how long answers take
    first_sends.py          which messages are sent for the first time, and so are recorded
    invariants.py           what must always hold, checked at each frame and each commit
    unreliable_channels.py  `UnreliableChannels`, which puts all of this together
"""
