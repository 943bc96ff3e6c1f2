"""What `neuro-actors bench` runs: other programs for the same gradient, timed beside this package.

This folder imports network, neuron, simulation and the reference; only the command `bench` and the
scripts in `benchmarks/` use it. Start with `rivals.py`.

Files:

    rivals.py    programs that know the whole network: matrices, loops, PyTorch
    actors.py    programs that are societies of actors themselves
    timing.py    measures programs in turn, in short blocks
    __main__.py  measures all of them and prints the tables
"""
