"""A running society: every neuron is one trio task.

A society needs channels and a rule, and knows nothing of logs, clusters and simulations. It imports
`channels`, `rules` and the floors below them. Start with `actor.py`, the loop of one neuron.
"""

from .society import run_society

__all__ = ["run_society"]
