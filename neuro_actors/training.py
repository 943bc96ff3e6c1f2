"""The loop that people expect: epochs of shuffled batches, validation, progress, a history; and how it goes on."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from os import PathLike

from numpy.typing import ArrayLike

<<<<<<< HEAD
from . import functions
from .arrays import Array, Indices, as_flag, as_whole_number
=======
from .arrays import as_whole_number
>>>>>>> main
from .channels import Engine
from .checkpoint.folder import Folder
from .checkpoint.keeping import Keeping
from .checkpoint.reading import Checkpoint
from .checkpoint.saving import Saver
from .checkpoint.stopping import Stopped
from .course import Course, Epoch, Place, go_through
from .errors import InputError
from .examples import as_examples
from .learning import Optimizer, as_optimizer
from .log import Recording
from .network import Network
from .opening import open_simulation
from .progress import Bar
from .rules import Backpropagation, Rule
from .synchronous import run


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The trained network, the history (one `Epoch` each), and how many messages the society sent for it."""

    network: Network
    history: tuple[Epoch, ...]
    messages: int

    def plot(self, path: str | PathLike[str] | None = None) -> object:
        """Loss and accuracy by epoch, as a matplotlib figure (extra `plot`); written to `path` if one is given."""
        from .plots import plot_curves

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
    checkpoint: str | PathLike[str] | None = None,
    every: int = 100,
    overwrite: bool = False,
) -> TrainingResult:
    """Train the society that `network` describes; the network itself stays as it was.

    x: (n, n_inputs); targets: (n, n_outputs); validation: such a pair. Each epoch goes through all examples in batches
    of `batch_size` (the last may be smaller), in an order drawn from `seed` and the epoch's number.
    progress: a bar with loss and accuracy on standard error; None shows it where that is a terminal.
    channels, log, rule, sums: as in `open_simulation`. Raises `InputError` before any work starts.
    checkpoint: a folder in which the run is saved after each `every` steps of learning, and at its end, so that
        `na.resume` can go on from there, to the same bits. One Ctrl-C, or SIGTERM, then saves and stops; a second one
        leaves at once. overwrite: whether the folder may hold another run's. Raises `CheckpointError`.
    """
    data = as_examples(network, x, targets, loss)
    if validation is not None and (not isinstance(validation, (tuple, list)) or len(validation) != 2):
        raise InputError("validation must be a pair (x, targets)")
    held_out = None if validation is None else as_examples(network, *validation, loss, "validation ")
<<<<<<< HEAD
    as_optimizer(optimizer)
    if isinstance(rule, Rule):
        rule.check(network, loss)
    wanted = ("epochs", epochs, 1), ("batch_size", batch_size, 1), ("seed", seed, 0)
    epochs, batch_size, seed = (as_whole_number(*numbers) for numbers in wanted)
    if progress is not None:
        progress = as_flag("progress", progress)
=======
    for name, value, least in (("epochs", epochs, 1), ("batch_size", batch_size, 1), ("seed", seed, 0), ("every", every, 1)):
        as_whole_number(name, value, least)
    rule = Backpropagation() if rule is None else rule
    counts = int(epochs), int(batch_size), int(seed)
    course = Course(network, data, held_out, loss, optimizer, *counts, channels, rule, sums)
    place = Place.first(course)
    if checkpoint is None:
        return _carried_out(course, place, network, progress, log)
    network.check_activations()
    keeping = Keeping(rule, network, optimizer=optimizer)
    saver = Saver(Folder(checkpoint), course, place, keeping, int(every))
    saver.check(overwrite)
    return _carried_out(course, place, network, progress, log, saver)


def resume(
    path: str | PathLike[str],
    *,
    progress: bool | None = None,
    channels: str | Engine | None = None,
    log: str | PathLike[str] | Recording | None = None,
    optimizer: Optimizer | None = None,
    exact: bool = True,
) -> TrainingResult:
    """Go on with a run that was stopped, by whatever, to the bits of an unbroken one: see `na.train(checkpoint=…)`.

    path: the folder, of which the newest checkpoint is taken, or one checkpoint in it. Of a run that is finished it is
        the result, and nothing is done.
    progress, log: as in `train`; such a log begins in the middle of the run, and so cannot be audited.
    channels, optimizer: needed where the run had some of your own, which no file can hold.
    exact: False lets it go on where bits cannot be promised, with another numpy or on another kind of processor.
    Raises `CheckpointError`, which names the file, for a checkpoint that is damaged, or of another run than the data.
    """
    found = Checkpoint(path)
    if found.finished:
        if log is not None:
            raise InputError(f"the run in {str(found.folder.path)!r} is finished: there is nothing to log")
        result = TrainingResult(*found.result())
        print(f"neuro-actors: the run in {str(found.folder.path)!r} is finished; this is its result", file=sys.stderr)
        return result
    course, place, network, saver = found.run(optimizer, channels, exact)
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
>>>>>>> main

    async def society() -> TrainingResult:
        rule = course.rule if saver is None else saver.keeping
        with nullcontext() if saver is None else saver.stopping:
            async with open_simulation(network, course.channels, log, rule=rule, sums=course.sums) as simulation:
                bar = Bar(course.steps, progress, place.steps(course))
                with bar.display:
                    if saver is None:
                        await go_through(simulation, course, place, bar)
                    else:
                        saver.before_all()
                        await go_through(simulation, course, place, bar, partial(saver.after_step, simulation))
                        await saver.end(simulation)
                before = 0 if saver is None else saver.messages
                return TrainingResult(
                    await simulation.network(), tuple(place.history), before + simulation.statistics().messages
                )

<<<<<<< HEAD
    return run(society, channels)


def batches(n_examples: int, batch_size: int, seed: int, epoch: int) -> Generator[Indices, None, None]:
    """The examples of each batch of one epoch: an order that depends on the seed and the epoch's number alone."""
    order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch,))).permutation(n_examples)
    for start in range(0, n_examples, batch_size):
        yield order[start : start + batch_size]


def accuracy(predictions: Array, targets: Array) -> float | None:
    """The share of examples decided rightly; None unless all targets are 0 or 1.

    One output decides for 1 from 0.5 on; of several, one of which is the target, the greatest decides; where several or
    none may be, each from 0.5 on.
    """
    if not ((targets == 0) | (targets == 1)).all():
        return None
    if targets.shape[1] > 1 and (targets.sum(axis=1) == 1).all():
        return float(np.mean(predictions.argmax(axis=1) == targets.argmax(axis=1)))
    return float(np.mean(((predictions >= 0.5) == targets).all(axis=1)))


async def _epoch(
    simulation: Simulation,
    epoch: int,
    data: tuple[Array, Array],
    held_out: tuple[Array, Array] | None,
    loss: str,
    optimizer: Optimizer,
    batch_size: int,
    seed: int,
    bar: _Bar,
) -> Epoch:
    total, predictions, seen = 0.0, np.empty_like(data[1]), 0
    with closing(batches(len(data[0]), batch_size, seed, epoch)) as orders:  # not forgotten where an interrupt strikes
        for chosen in orders:
            result = await simulation.train_step(data[0][chosen], data[1][chosen], loss, optimizer=optimizer)
            predictions[chosen] = result.predictions
            total += result.loss * len(chosen)
            seen += len(chosen)
            bar.advance(total / seen)
    said = accuracy(predictions, data[1])
    if held_out is None:
        return Epoch(epoch, total / seen, said)
    judged = await simulation.predict(held_out[0])
    functions.check_domain(loss, judged, held_out[1])
    value = float(np.mean(functions.loss(loss).value(judged, held_out[1])))
    return Epoch(epoch, total / seen, said, value, accuracy(judged, held_out[1]))


class _Bar:
    """The progress bar; where it is not shown, nothing."""

    def __init__(self, epochs: int, steps: int, progress: bool | None) -> None:
        self.display: Any = nullcontext()
        self._last = ""
        self._shown = sys.stderr is not None and sys.stderr.isatty() if progress is None else progress
        if not self._shown:
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        words, said = TextColumn("{task.description}"), TextColumn("{task.fields[said]}")
        columns = (words, BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn(), said)
        self.display = Progress(*columns, console=Console(stderr=True))
        self._task = self.display.add_task("training", total=epochs * steps, said="")

    def advance(self, loss: float) -> None:
        if self._shown:
            self.display.update(self._task, advance=1, said=self._last or f"loss {loss:.4f}")

    def finished(self, epoch: Epoch) -> None:
        best = epoch.validation_accuracy if epoch.validation_accuracy is not None else epoch.accuracy
        self._last = f"loss {epoch.loss:.4f}" + (f", accuracy {best:.3f}" if best is not None else "")
=======
    try:
        return run(society, course.channels)
    except Stopped as stopped:
        assert saver is not None
        saver.leave(stopped)
>>>>>>> main
