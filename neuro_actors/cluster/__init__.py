"""One society on many processes, with the bits of one process.

Replicas divide the examples of a batch between them, shards the neurons.

The driver runs in the user's process, where a `Simulation` calls it for each step. Each worker is a
process that runs one shard of one replica. This folder may import `society` and what that may
import; only `simulation` and the folders above it import this one.

Start with `worker_messages.py`, which has all that the driver and the workers send each other. Then
read `driver.py` and `job.py`, the two ends of a run.

Files:

    What users ask for:
        ray.py              `na.Ray`
        settings.py         replicas, shards and the rest, and how they are checked
        choose_cluster.py   the parameter `engine` -> a cluster
        partition.py        `na.partition`: which neuron is in which shard, and what that costs
        balance.py          good places to cut a network
    The driver's end:
        driver.py           runs the steps of a simulation in workers
        deployment.py       what runs where, and what each worker must know
        worker_pool.py      the workers: how a loss is noticed, and how a worker is replaced
        pending_step.py     the batch in progress, and what workers have reported
        gathered_record.py  what the shards report -> the record of the step
        committed_state.py  the state of all neurons between two steps
    A worker's end:
        worker.py           the process: it runs jobs as long as the driver is there
        job.py              one shard of one replica, until the first failure
        shard_society.py    the members of one shard, in their lanes
        shard_channels.py   channels within a shard; rows cross the cut in blocks
        shard.py            the network of one shard, with proxies for other shards
        cut_edges.py        the edges that a partition cuts
        proxies.py          rules for members of other shards, and a shard's loss node
        inbound.py          rows from another shard, until the proxies take them
        replicas.py         the same neuron in several workers learns the same
        peers.py            connections to the workers that a job exchanges rows and sums with
    Between them:
        worker_messages.py  all messages of driver and workers, as dataclasses
        message_codec.py    how such a message lies in a frame
        message_stream.py   sends and receives such messages along a connection
        connection.py       authenticated streams of frames
        framing.py          frames <-> bytes
    How workers are started:
        launcher.py         what a launcher must do, and how a worker's end is noticed
        local_processes.py  plain processes on this machine
        ray_launcher.py     workers that Ray starts
        ray_lifecycle.py    Ray itself: started or joined, and stopped
        ray_thread.py       the thread in which Ray is called
"""
