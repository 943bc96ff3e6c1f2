"""A running society: every neuron is one trio task.

A society needs channels and a rule, and knows nothing of logs, clusters and simulations. It imports
`channels`, `rules` and the floors below them. Start with `actor.py`, the loop of one neuron.

Files:

    actor.py        the loop of one member: it waits for mail, asks its rule, and sends
    society.py      all members as tasks, and what a simulation calls
    failures.py     which failure of a society is reported
    pipeline.py     lanes: several steps are under way at once
    turn_taking.py  one neuron in several lanes, and in which order they learn
    step_runner.py  what a simulation sees: in one process, in lanes, or in a cluster
"""

from .society import run_society

__all__ = ["run_society"]
