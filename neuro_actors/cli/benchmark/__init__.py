"""What `neuro-actors bench` runs: other programs for the same gradient, timed beside this package.

`rivals.py` has the programs that know the whole network, `actors.py` those that are societies of
actors themselves; `timing.py` measures them in turn, and `__main__.py` prints the tables. Start
with `rivals.py`. This folder imports network, neuron, simulation and the reference; only the
command `bench` and the scripts in `benchmarks/` use it.
"""
