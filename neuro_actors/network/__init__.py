"""What a society is made of: neurons, synapses, activation functions and losses.

`Network` is the description of a network: an immutable directed acyclic graph with its parameters.
Nothing here computes a gradient or sends a message. This folder imports from `support` alone.

Start reading in `elements.py` (inputs, neurons and synapses), then `network.py`. `functions.py` has
the tables of activation functions and losses.
"""
