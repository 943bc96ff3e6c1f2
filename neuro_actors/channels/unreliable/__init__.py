"""Channels under fault injection: frames are lost, repeated, late or damaged, and members crash.

The delivery protocol and a supervisor make the results the same as without faults, bit for bit.
Here are the settings and particular faults (`settings.py`, `faults.py`), what injects them
(`fault_injection.py`), and what survives them. Files here import from `channels/` and the floors
below it. `delivery.py` has the rules of the protocol: start there, then read `port.py`.
"""
