"""A course of training: what is to be done, how far it has come, and the loop. The neurons do the learning."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from ..channels.interface import Engine
from ..cluster.settings import Cluster
from ..network import functions
from ..network.network import Network
from ..neuron.optimizers import Optimizer
from ..rules import Rule
from ..support.validation import Array, Indices
from .history import Epoch, accuracy
from .progress_bar import Bar
from .simulation import Simulation


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What is to be done; see `na.train`. data, held_out: examples and targets, checked."""

    network: Network
    data: tuple[Array, Array]
    held_out: tuple[Array, Array] | None
    loss: str
    optimizer: Optimizer
    epochs: int
    batch_size: int
    seed: int
    channels: str | Engine
    rule: Rule
    sums: str
    in_flight: int | None = None
    engine: Cluster | None = (
        None  # where it goes on is no part of a run, and no checkpoint tells it
    )

    @property
    def steps_an_epoch(self) -> int:
        """How many batches there are."""
        return -(-len(self.data[0]) // self.batch_size)

    @property
    def steps(self) -> int:
        """How many steps of learning it has."""
        return self.epochs * self.steps_an_epoch


@dataclass(slots=True, eq=False)
class Place:
    """How far it has come: everything in which its middle differs from its beginning, but what the neurons keep.

    epoch: the one that is under way.  batches: how many of it are done.  total: the sum of its losses.
    predictions: (n, n_outputs), where its examples have come.  history: of the epochs before.
    """

    predictions: Array
    epoch: int = 1
    batches: int = 0
    total: float = 0.0
    history: list[Epoch] = field(default_factory=list)

    @classmethod
    def first(cls, course: Course) -> Place:
        """Where it begins."""
        return cls(np.zeros_like(course.data[1]))

    def steps(self, course: Course) -> int:
        """How many steps of learning are done."""
        return (self.epoch - 1) * course.steps_an_epoch + self.batches


async def go_through(
    simulation: Simulation,
    course: Course,
    place: Place,
    bar: Bar,
    after_step: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """From where it is to its end. after_step: what is to be done after each step of learning, before another begins."""
    while place.epoch <= course.epochs:
        epoch = await _epoch(simulation, course, place, bar, after_step)
        place.history.append(epoch)
        place.epoch, place.batches, place.total = place.epoch + 1, 0, 0.0
        bar.finished(epoch)


async def _epoch(
    simulation: Simulation,
    course: Course,
    place: Place,
    bar: Bar,
    after_step: Callable[[], Awaitable[None]] | None,
) -> Epoch:
    (x, targets), loss, size = course.data, course.loss, course.batch_size
    with closing(
        batches(len(x), size, course.seed, place.epoch)
    ) as orders:  # not forgotten where an interrupt strikes
        for chosen in islice(orders, place.batches, None):
            result = await simulation.train_step(
                x[chosen], targets[chosen], loss, optimizer=course.optimizer
            )
            place.predictions[chosen] = result.predictions
            place.total += result.loss * len(chosen)
            place.batches += 1
            bar.advance(place.total / min(place.batches * size, len(x)))
            if after_step is not None:
                await after_step()
    mean, said = place.total / len(x), accuracy(place.predictions, targets)
    if course.held_out is None:
        return Epoch(place.epoch, mean, said)
    judged = await simulation.predict(course.held_out[0])
    functions.check_domain(loss, judged, course.held_out[1])
    value = float(np.mean(functions.loss(loss).value(judged, course.held_out[1])))
    return Epoch(place.epoch, mean, said, value, accuracy(judged, course.held_out[1]))


def batches(
    n_examples: int, batch_size: int, seed: int, epoch: int
) -> Generator[Indices, None, None]:
    """The examples of each batch of one epoch: an order that depends on the seed and the epoch's number alone."""
    order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch,))).permutation(
        n_examples
    )
    for start in range(0, n_examples, batch_size):
        yield order[start : start + batch_size]
