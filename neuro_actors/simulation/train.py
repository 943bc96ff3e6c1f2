"""The loop that people expect: epochs of shuffled batches, validation, progress, a history; and how it goes on."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike

from numpy.typing import ArrayLike

from ..channels.choose import choose_channels
from ..channels.interface import Engine
from ..cluster.choose import choose_cluster
from ..cluster.settings import Cluster
from ..log import Recording
from ..network.examples import as_examples
from ..network.network import Network
from ..neuron.optimizers import Optimizer, check_optimizer
from ..rules import Backpropagation, Rule
from ..rules.micro_batches import lanes_for, micro_batched
from ..rules.remembering import Keeping
from ..support.errors import InputError
from ..support.validation import as_flag, as_whole_number
from .blocking import run
from .checkpoint.folder import Folder
from .checkpoint.reading import Checkpoint
from .checkpoint.saving import Saver
from .checkpoint.signals import Stopped
from .history import Epoch
from .opening import open_simulation
from .plan import Course, Place, go_through
from .progress_bar import Bar


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The trained network, the history (one `Epoch` each), and how many messages the society sent for it."""

    network: Network
    history: tuple[Epoch, ...]
    messages: int

    def plot(self, path: str | PathLike[str] | None = None) -> object:
        """Loss and accuracy by epoch, as a matplotlib figure (extra `plot`); written to `path` if one is given."""
        from ..support.figures import plot_curves

        panels: dict[str, dict[str, list[float]]] = {}
        for title in ("loss", "accuracy"):
            for label, name in (("training", title), ("validation", f"validation_{title}")):
                values = [getattr(epoch, name) for epoch in self.history]
                if values[0] is not None:
                    panels.setdefault(title, {})[label] = values
        return plot_curves(panels, "epoch", path)


def train(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: str = "squared_error",
    *,
    optimizer: Optimizer,
    epochs: int = 10,
    batch_size: int = 32,
    seed: int = 0,
    validation: tuple[ArrayLike, ArrayLike] | None = None,
    progress: bool | None = None,
    channels: str | Engine = "bundled",
    log: str | PathLike[str] | Recording | None = None,
    rule: Rule | None = None,
    sums: str = "ordered",
    micro_batches: int | None = None,
    checkpoint: str | PathLike[str] | None = None,
    every: int = 100,
    overwrite: bool = False,
    in_flight: int | None = None,
    engine: str | Cluster | None = None,
) -> TrainingResult:
    """Train the society that `network` describes; the network itself stays as it was.

    x: (n, n_inputs); targets: (n, n_outputs); validation: such a pair. Each epoch goes through all examples in batches
    of `batch_size` (the last may be smaller), in an order drawn from `seed` and the epoch's number.
    progress: a bar with loss and accuracy on standard error; None shows it where that is a terminal.
    channels, log, rule, sums, micro_batches, in_flight, engine: as in `open_simulation`. Raises `InputError` before any work.
    checkpoint: a folder in which the run is saved after each `every` steps of learning, and at its end, so that
        `na.resume` can go on from there, to the same bits. One Ctrl-C, or SIGTERM, then saves and stops; a second one
        leaves at once. overwrite: whether the folder may hold another run's. Raises `CheckpointError`.
    """
    data = as_examples(network, x, targets, loss)
    if validation is not None and (
        not isinstance(validation, (tuple, list)) or len(validation) != 2
    ):
        raise InputError("validation must be a pair (x, targets)")
    held_out = (
        None if validation is None else as_examples(network, *validation, loss, "validation ")
    )
    check_optimizer(optimizer)
    epochs, batch_size = (
        as_whole_number(name, n, 1) for name, n in (("epochs", epochs), ("batch_size", batch_size))
    )
    seed = as_whole_number("seed", seed, 0)
    every = as_whole_number("every", every, 1)
    if progress is not None:
        progress = as_flag("progress", progress)
    rule = micro_batched(Backpropagation() if rule is None else rule, micro_batches)
    lanes = lanes_for(rule, in_flight)
    if isinstance(rule, Rule):
        rule.check(network, loss)
    machines = choose_cluster(engine, channels, optimizer)
    course = Course(
        network,
        data,
        held_out,
        loss,
        optimizer,
        epochs,
        batch_size,
        seed,
        channels,
        rule,
        sums,
        lanes,
        machines,
    )
    place = Place.first(course)
    if checkpoint is None:
        return _carried_out(course, place, network, progress, log)
    network.check_activations()
    keeping = Keeping(rule, network, optimizer=optimizer)
    saver = Saver(Folder(checkpoint), course, place, keeping, every)
    saver.check(as_flag("overwrite", overwrite))
    return _carried_out(course, place, network, progress, log, saver)


def resume(
    path: str | PathLike[str],
    *,
    progress: bool | None = None,
    channels: str | Engine | None = None,
    log: str | PathLike[str] | Recording | None = None,
    optimizer: Optimizer | None = None,
    exact: bool = True,
    engine: str | Cluster | None = None,
) -> TrainingResult:
    """Go on with a run that was stopped, by whatever, to the bits of an unbroken one: see `na.train(checkpoint=…)`.

    path: the folder, of which the newest checkpoint is taken, or one checkpoint in it. Of a run that is finished it is
        the result, and nothing is done.
    progress, log: as in `train`; such a log begins in the middle of the run, and so cannot be audited.
    channels, optimizer: needed where the run had some of your own, which no file can hold.
    engine: the machines on which it is to go on, whatever it ran on before: no checkpoint tells that. None is this process.
    exact: False lets it go on where bits cannot be promised, with another numpy or on another kind of processor.
    Raises `CheckpointError`, which names the file, for a checkpoint that is damaged, or of another run than the data.
    """
    exact = as_flag("exact", exact)
    if progress is not None:
        progress = as_flag("progress", progress)
    if channels is not None:
        choose_channels(channels)
    if optimizer is not None:
        check_optimizer(optimizer)
    found = Checkpoint(path)
    if found.finished:
        if log is not None:
            raise InputError(
                f"the run in {str(found.folder.path)!r} is finished: there is nothing to log"
            )
        result = TrainingResult(*found.result())
        print(
            f"neuro-actors: the run in {str(found.folder.path)!r} is finished; this is its result",
            file=sys.stderr,
        )
        return result
    if engine is not None and channels is None:
        channels = "bundled"  # whatever carried mail before
    course, place, network, saver = found.run(optimizer, channels, exact)
    course = replace(course, engine=choose_cluster(engine, course.channels, course.optimizer))
    return _carried_out(course, place, network, progress, log, saver)


def _carried_out(
    course: Course,
    place: Place,
    network: Network,
    progress: bool | None,
    log: str | PathLike[str] | Recording | None,
    saver: Saver | None = None,
) -> TrainingResult:
    """network: as it is where the course goes on."""

    async def society() -> TrainingResult:
        rule = course.rule if saver is None else saver.keeping
        with nullcontext() if saver is None else saver.stopping:
            async with open_simulation(
                network,
                course.channels,
                log,
                rule=rule,
                sums=course.sums,
                in_flight=course.in_flight,
                engine=course.engine,
            ) as simulation:
                bar = Bar(course.steps, progress, place.steps(course))
                with bar.display:
                    if saver is None:
                        await go_through(simulation, course, place, bar)
                    else:
                        saver.before_all()
                        await go_through(
                            simulation, course, place, bar, partial(saver.after_step, simulation)
                        )
                        await saver.end(simulation)
                before = 0 if saver is None else saver.messages
                return TrainingResult(
                    await simulation.network(),
                    tuple(place.history),
                    before + simulation.statistics().messages,
                )

    stopped = None
    try:
        result = run(society, course.channels)
    except Stopped as error:
        stopped = error
    if (
        stopped is not None and saver is not None
    ):  # not within the handler: what it raises is no consequence of an error
        saver.leave(stopped)
    return result
