"""Checkpoints: a stopped run continues from the last one, to the bits of an unbroken run.

The folder of a run contains its data, `data.safetensors`, and its last two checkpoints,
`step-….safetensors`. A checkpoint contains everything else: the settings, the network, the
state of every neuron, and the position in the run. While the run is under way, there is a lock.

Files:

    files.py           one file: written completely or not at all, protected by a digest
    folder.py          which files a run has, and which checkpoints are removed
    packing.py         the neurons' state <-> a few flat arrays
    plan_json.py       a training plan and a position <-> JSON and arrays
    plan_functions.py  which functions, rule and optimizer a plan names
    saving.py          when a running society is saved, and what is written
    no_saver.py        what a run without checkpoints has instead
    signals.py         Ctrl-C and SIGTERM while a run has checkpoints
    reading.py         a checkpoint -> a run that continues
    summary.py         what a checkpoint contains, for `neuro-actors checkpoint info`

Start with `saving.py`. This folder imports the folders below `simulation` (rules, neuron,
network, support, channels) and, of `simulation`, the files plan, history and simulation.
Only `simulation/train.py` and the commands `resume` and `checkpoint` import it.
"""
