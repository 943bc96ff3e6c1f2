"""The audit: from a recorded run, every neuron is replayed alone and compared bit for bit.

`auditor.py` reads a log once, in order; `replay.py` computes what each member should have sent;
`expected_rows.py` says which rows must be there. This folder may import from all folders except
`cli`, but takes no part in a simulation: no tasks, no channels.

Start reading in `audit.py`, then `auditor.py`.
"""
