"""Checkpoints: a run that was stopped, by whatever, goes on from the last one and ends with the bits of an unbroken run.

A folder holds the data of a run, `data.safetensors`, and the last checkpoints, `step-….safetensors`, each of them all that
there is to know beside the data: the settings, the network, what every neuron keeps, and how far the run has come.

    keeping.py    remembers a society's members, and lets new ones go on from what was kept
    packing.py    what they keep <-> a few flat arrays
    about.py      a course of training <-> JSON and arrays
    files.py      one file, written whole or not at all, each byte under a digest
    folder.py     which files there are, and which of them stay
    saving.py     when a running society is saved
    stopping.py   Ctrl-C and SIGTERM
    reading.py    a checkpoint <-> a run that goes on
"""
