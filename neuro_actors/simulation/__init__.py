"""A society that lives: it is opened, does step after step, trains, and is saved.

`opening.py` is the way in and out; `simulation.py` has the calls that users make; `train.py` and
`plan.py` are the training loop; `blocking.py` has ordinary functions for scripts and notebooks;
`checkpoint/` saves and continues runs. This folder may import from all folders except `proof` and
`cli`.

Start reading in `simulation.py`.
"""
