"""One society on many machines: replicas, which share out a batch, and shards, which share out the neurons. Same bits.

The driver is where the user's program runs: there `Simulation` asks for steps. Workers are processes, each of which lives one
shard of one replica. `ray.py` says what a user may ask for; `driver.py` and `worker.py` are the two ends of a run;
`partition.py` and `shard.py` cut the network; `twins.py` is how the same neuron in several replicas learns the same; `wire.py`
carries all mail, and `launch.py` starts the workers.
"""
