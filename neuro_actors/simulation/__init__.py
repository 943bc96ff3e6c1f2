"""A society that lives: it is opened, does step after step, trains, and is saved.

This folder may import from all folders except `proof` and `cli`. Start with `simulation.py`.

Files:

    simulation.py       `Simulation`: the calls that users make, step after step
    opening.py          `na.open_simulation`: the way in and out
    society_task.py     the task in which the society runs: start, first failure, end
    forgotten_calls.py  calls without `await`, which are an error when the block is left
    step_result.py      the result of a step, of one round or of several
    train.py            `na.train`: batches, validation, history, checkpoints
    plan.py             what a training run does, how far it is, and its loop
    history.py          `Epoch`: one entry for each pass through the examples
    progress_bar.py     the progress bar
    blocking.py         `na.gradient` and others: plain functions that return when it is done
    checkpoint/         saves runs and continues them
"""
