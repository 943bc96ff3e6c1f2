"""A training run: what to do (`TrainingPlan`), how far it is (`TrainingPosition`), and the loop.

The loop only chooses each step's examples. The neurons do the learning.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from math import isfinite

import numpy as np

from ..channels.choose_channels import ChannelsChoice
from ..cluster.settings import Cluster
from ..network import functions
from ..network.masks import masked_again
from ..network.network import Network
from ..neuron.optimizers import Optimizer
from ..rules import Rule
from ..support.arrays import Array, Indices
from ..support.means import mean_of
from .history import Epoch, accuracy
from .progress_bar import ProgressBar
from .simulation import Simulation

LOGGER = logging.getLogger("neuro_actors.simulation")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TrainingPlan:
    """All settings of a training run, checked. See `na.train` for what each of them means.

    Attributes:
        network: The network as it was before the first step.
        data: The training examples and their targets.
            Shapes (n, n_inputs) and (n, n_outputs).
        validation: Examples and targets for the validation after each epoch, or None. Shapes
            (m, n_inputs) and (m, n_outputs).
        loss: Name of the loss.
        optimizer: Each neuron's optimizer.
        epochs: Number of passes through all examples.
        batch_size: Number of examples of a step.
        seed: Seed of the order of the examples.
        rule: The local rule of the neurons.
        sums: "ordered" or "blas".
        channels: The engine that carries the messages.
        in_flight: How many micro-batches may be under way at once, or None.
        cluster: The workers on which the society lives; None is this process. Where a run
            lives is no property of the run, so a checkpoint does not contain it.
    """

    network: Network
    data: tuple[Array, Array]
    validation: tuple[Array, Array] | None
    loss: str
    optimizer: Optimizer
    epochs: int
    batch_size: int
    seed: int
    rule: Rule
    sums: str
    channels: ChannelsChoice
    in_flight: int | None = None
    cluster: Cluster | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Number of steps of an epoch, which is the number of its batches."""
        return -(-len(self.data[0]) // self.batch_size)

    @property
    def steps(self) -> int:
        """Number of learning steps of the whole run."""
        return self.epochs * self.steps_per_epoch


@dataclass(slots=True, eq=False)
class TrainingPosition:
    """How far a run is. With the neurons' state, it is all that changes during a run.

    Attributes:
        predictions: What was predicted in this epoch, for the examples whose step is done.
            Shape (n, n_outputs).
        epoch: Number of the epoch that is under way; the first is 1.
        batches_done: How many of its batches are done.
        loss_sum: Sum of the losses of the examples in these batches.
        history: The entries of the epochs that are complete.
    """

    predictions: Array
    epoch: int = 1
    batches_done: int = 0
    loss_sum: float = 0.0
    history: list[Epoch] = field(default_factory=list)

    @classmethod
    def at_start(cls, plan: TrainingPlan) -> TrainingPosition:
        """Return the position before the first step of `plan`."""
        return cls(np.zeros_like(plan.data[1]))

    def steps_done(self, plan: TrainingPlan) -> int:
        """Number of learning steps of `plan` that are done."""
        return (self.epoch - 1) * plan.steps_per_epoch + self.batches_done


async def run_plan(
    simulation: Simulation,
    plan: TrainingPlan,
    position: TrainingPosition,
    bar: ProgressBar,
    after_step: Callable[[], Awaitable[None]],
) -> None:
    """Do all steps of `plan` that are left, and move `position` along.

    Args:
        simulation: The living society.
        plan: What to do.
        position: Where to begin. It is updated after each step.
        bar: Shows the progress.
        after_step: Called after each learning step, before the next one begins.
    """
    while position.epoch <= plan.epochs:
        epoch = await _run_epoch(simulation, plan, position, bar, after_step)
        position.history.append(epoch)
        position.epoch, position.batches_done, position.loss_sum = position.epoch + 1, 0, 0.0
        bar.end_epoch(epoch)
        LOGGER.info("%s", epoch)


async def _run_epoch(
    simulation: Simulation,
    plan: TrainingPlan,
    position: TrainingPosition,
    bar: ProgressBar,
    after_step: Callable[[], Awaitable[None]],
) -> Epoch:
    (x, targets), size = plan.data, plan.batch_size
    # Closed explicitly: an interrupt that strikes a generator in the garbage collector is lost.
    with closing(batches(len(x), size, plan.seed, position.epoch)) as order:
        for chosen in islice(order, position.batches_done, None):
            result = await simulation.train_step(
                x[chosen], masked_again(targets[chosen]), plan.loss, optimizer=plan.optimizer
            )
            position.predictions[chosen] = result.predictions
            position.loss_sum += result.loss * len(chosen)
            position.batches_done += 1
            bar.advance(_mean_loss(plan, position))
            await after_step()
    mean = _mean_loss(plan, position)
    share = accuracy(position.predictions, targets, functions.loss(plan.loss).threshold)
    if plan.validation is None:
        return Epoch(position.epoch, mean, share)
    return Epoch(position.epoch, mean, share, *await _validate(simulation, plan, plan.validation))


def _mean_loss(plan: TrainingPlan, position: TrainingPosition) -> float:
    """The mean loss of the epoch so far.

    Where the sum of the losses exceeds all floats, they are computed again from the predictions.
    """
    (x, targets), size = plan.data, plan.batch_size
    if isfinite(position.loss_sum):
        return position.loss_sum / min(position.batches_done * size, len(x))
    with closing(batches(len(x), size, plan.seed, position.epoch)) as order:
        done = np.concatenate(list(islice(order, position.batches_done)))
    with np.errstate(all="ignore"):
        loss = functions.loss(plan.loss)
        losses = functions.losses_of(loss, position.predictions[done], targets[done])
    return float(mean_of(losses))


async def _validate(
    simulation: Simulation, plan: TrainingPlan, validation: tuple[Array, Array]
) -> tuple[float, float | None]:
    """Return mean loss and accuracy on the validation data."""
    x, targets = validation
    predictions = await simulation.predict(x)
    functions.check_domain(plan.loss, predictions, targets)
    loss = functions.loss(plan.loss)
    share = accuracy(predictions, targets, loss.threshold)
    with np.errstate(all="ignore"):
        losses = functions.losses_of(loss, predictions, targets)
    return float(mean_of(losses)), share


def batches(
    n_examples: int, batch_size: int, seed: int, epoch: int
) -> Generator[Indices, None, None]:
    """Yield the examples of each batch of one epoch.

    The order depends on the seed and the epoch's number alone. So a run that continues in the
    middle of an epoch finds the same batches again, and no file has to hold them.

    Args:
        n_examples: Number of examples.
        batch_size: Number of examples of a batch; the last one may have fewer.
        seed: Seed of the run.
        epoch: Number of the epoch; the first is 1.

    Yields:
        Positions of the batch's examples. Shape (batch_size,), the last one may be shorter.
    """
    order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch,))).permutation(
        n_examples
    )
    for start in range(0, n_examples, batch_size):
        yield order[start : start + batch_size]
