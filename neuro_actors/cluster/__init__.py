"""One society on many processes, with the bits of one process.

Replicas divide the examples of a batch between them, shards the neurons.

The driver runs in the user's process, where a `Simulation` calls it for each step. Each worker is a
process that runs one shard of one replica. This folder may import `society` and what that may
import; only `simulation` and the folders above it import this one.

Start with `messages.py`, which has all that the driver and the workers send each other. Then read
`driver.py` and `job.py`, the two ends of a run. `cut_edges.py` and `shard.py` cut a network,
`replicas.py` lets the same neuron learn the same in several workers, `connection.py` carries
messages, and `launcher.py` says how workers are started. `ray.py` has what users ask for.
"""
