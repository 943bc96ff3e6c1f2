"""Training in one call: epochs of shuffled batches, validation, a history, checkpoints.

`train` and `resume` check their arguments and make a plan. `_run_training` opens the society,
lets `run_plan` do the steps, and has a `Saver` write the checkpoints.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from ..channels.choose_channels import ChannelsChoice, choose_channels
from ..cluster.choose_cluster import choose_cluster
from ..cluster.settings import Cluster
from ..log import Recording
from ..log.recording_settings import as_recording
from ..network.examples import (
    as_examples,
    as_training_examples,
    describe_squashed_outputs,
)
from ..network.function_names import AnyLoss
from ..network.network import Network
from ..neuron.optimizers import Optimizer, check_optimizer
from ..neuron.sums import SumsChoice
from ..rules import Rule
from ..rules.choose_rule import choose_rule
from ..rules.member_registry import MemberRegistry
from ..rules.micro_batches import lanes_for, micro_batched
from ..rules.through_time import ThroughTime
from ..support.arrays import Array
from ..support.console import print_note
from ..support.errors import InputError
from ..support.hints import explain_missing, explains_arguments
from ..support.own_code import warn_caller
from ..support.scalars import as_whole_number
from ..support.signal_exceptions import passes_handler_exceptions
from ..support.text import quote
from ..support.validation import as_flag
from .blocking import run
from .checkpoint.no_saver import NoSaver
from .checkpoint.signals import TrainingStopped
from .history import History
from .opening import open_simulation
from .plan import TrainingPlan, TrainingPosition, run_plan
from .progress_bar import ProgressBar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .checkpoint.saving import Saver

LOGGER = logging.getLogger("neuro_actors.simulation")
STEPS_BETWEEN = 100  # from one checkpoint to the next


@dataclass(frozen=True, slots=True, repr=False)
class TrainingResult:
    """What `na.train` and `na.resume` return.

    Two results are equal if their networks are equal bit for bit, and histories and numbers of
    messages as well.

    Attributes:
        network: The trained network.
        history: One `na.Epoch` for each epoch. It is a tuple, and a notebook draws it.
        messages: Number of messages that the society sent during the run.

    Examples:
        >>> import neuro_actors as na
        >>> net = na.Network.layered([1, 2, 1], seed=0)
        >>> result = na.train(net, [[0.0], [1.0]], [[1.0], [0.0]], optimizer=na.SGD(0.1))
        >>> len(result.history), result.history[-1].epoch
        (10, 10)
    """

    network: Network
    history: History
    messages: int

    if not TYPE_CHECKING:  # a type checker refuses unknown names by itself
        __getattr__ = explain_missing

    def __post_init__(self) -> None:
        object.__setattr__(self, "history", History(self.history))

    def __repr__(self) -> str:
        head, *epochs = repr(self.history)[1:-1].replace("History", "TrainingResult", 1).split("\n")
        network = repr(self.network)[1:-1].replace("Network", "network", 1)
        return "<" + "\n".join([f"{head}, {self.messages:,} messages", *epochs, f"  {network}>"])

    def _repr_html_(self) -> str:
        from ..support.markup import Markup, block, element

        return block(
            element("pre", repr(self)),
            Markup(self.history._repr_html_()),
            Markup(self.network.to_svg()),
        )

    def plot(self, path: str | PathLike[str] | None = None) -> Figure:
        """Draw loss and accuracy over the epochs.

        Needs matplotlib: `pip install 'neuro-actors[plot]'`. A notebook shows the figure that is
        returned; in a program `matplotlib.pyplot.show()` does.

        Args:
            path: File to write the figure to, such as "history.png"; None writes no file.

        Returns:
            The figure.

        Raises:
            NeuroActorsError: matplotlib is not installed.
            InputError: `path` has an ending that matplotlib does not know, or cannot be written.
        """
        from ..support.figures import plot_curves

        return plot_curves(self.history.panels(), "epoch", path)


@explains_arguments
@passes_handler_exceptions
def train(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: AnyLoss = "squared_error",
    *,
    optimizer: Optimizer,
    epochs: int = 10,
    batch_size: int = 32,
    seed: int = 0,
    validation: tuple[ArrayLike, ArrayLike] | None = None,
    progress: bool | None = None,
    channels: ChannelsChoice = "bundled",
    log: str | PathLike[str] | Recording | None = None,
    rule: Rule | None = None,
    sums: SumsChoice = "ordered",
    micro_batches: int | None = None,
    checkpoint: str | PathLike[str] | None = None,
    every: int | None = None,
    overwrite: bool = False,
    in_flight: int | None = None,
    engine: str | Cluster | None = None,
) -> TrainingResult:
    """Train the society of neurons that `network` describes.

    Each epoch goes through all examples once, in shuffled batches. In each step the neurons send
    activations forward and urgencies backward, and every neuron then changes its own weights and
    bias. The object `network` itself does not change. The same arguments give the same bits.

    Args:
        network: The network to start from.
        x: Training examples. Shape (n, n_inputs), float64 or convertible. Of a network with
            delays: shape (n, ticks, n_inputs), or a list of sequences of different lengths.
        targets: What the outputs should say. Shape (n, n_outputs), float64 or convertible. What is
            masked does not count: its loss is 0, see `network/masks.py`.
        loss: Name of the loss, a key of `na.LOSSES`. For yes or no: "sigmoid_cross_entropy", on
            outputs with the activation "identity", which are logits. For one of several classes:
            "softmax_cross_entropy", on logits too. "cross_entropy" and "kl_divergence" take
            probabilities, from outputs with the activation "sigmoid".
        optimizer: How a neuron turns its urgencies into new parameters, such as `na.SGD(0.1)`.
            Each neuron has its own state of it, such as its momentum.
        epochs: Number of passes through all examples.
        batch_size: Number of examples of a step. The last batch of an epoch may be smaller.
        seed: Seed of the order of the examples. The order of an epoch depends on the seed and
            on the epoch's number.
        validation: A pair (x, targets), shaped as above. Loss and accuracy on it are computed
            after each epoch. None: no validation.
        progress: True shows the progress on standard error: a bar on a terminal or in a
            notebook, a line every few seconds elsewhere. False shows nothing. None shows the bar
            on a terminal, and nothing elsewhere.
        channels: The engine that carries the messages, as in `na.open_simulation`: "bundled"
            is fast, "memory" sends one object for each message. All engines give the same bits.
        log: A new file, or an `na.Recording`, for the messages of the run. None: no log.
        rule: The local rule of the neurons, from `na.rules`. None is backpropagation.
        sums: "ordered" adds in synapse order, so that all engines give the same bits. "blas" is
            faster, but its last bits depend on the BLAS library.
        micro_batches: Split each batch into so many parts, which go through the network one
            after another; the neurons learn once for all parts. Needs less memory. None or 1:
            no split.
        checkpoint: A folder for checkpoints. The run is saved there before its first step,
            after every `every` steps, and at its end. `na.resume(folder)` continues it, to the
            same bits. With a checkpoint folder, the first Ctrl-C (or SIGTERM) lets the current
            step end, saves, and stops; a second one stops at once. None: no checkpoints.
        every: Number of learning steps from one checkpoint to the next. None: 100.
        overwrite: True replaces what an earlier run has written under the names of `log` and
            `checkpoint`. False refuses to.
        in_flight: How many micro-batches may be under way at the same time. None or 1: one
            (on many machines: enough to keep the shards busy). It changes no bit.
        engine: Where the neurons live. None is this process; `na.Ray(...)` is many machines.

    Returns:
        The trained network, the history, and the number of messages.

    Raises:
        InputError: An argument is wrong. It is raised before the first step.
        CheckpointError: The folder contains a run already, or cannot be written, or a setting
            cannot be saved.
        LogError: The log cannot be written.
        SimulationError: A neuron failed. The error names it.

    Warns:
        UserWarning: The loss takes logits, but an output has squashed its own already.

    Examples:
        >>> import neuro_actors as na
        >>> net = na.Network.layered([2, 8, 1], seed=1)
        >>> x, targets = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]]
        >>> result = na.train(
        ...     net, x, targets, "sigmoid_cross_entropy", optimizer=na.Adam(0.05), epochs=100
        ... )
        >>> print(f"{result.history[-1].accuracy:.0%}")
        100%
    """
    rule = choose_rule(rule, network) if isinstance(network, Network) else rule
    axes = rule.fit(x).axes if isinstance(rule, Rule) else ()
    data = as_training_examples(network, x, targets, loss, axes)
    if problem := describe_squashed_outputs(network, loss):
        warn_caller(problem)
    held_out = None if validation is None else _as_validation(network, validation, loss, rule)
    check_optimizer(optimizer)
    overwrite = as_flag("overwrite", overwrite)
    if checkpoint is None:
        _check_no_checkpoint_settings(every, overwrite and log is None)
    if overwrite and log is not None:
        log = replace(as_recording(log), overwrite=True)
    every = as_whole_number("every", STEPS_BETWEEN if every is None else every, 1)
    if progress is not None:
        progress = as_flag("progress", progress)
    assert isinstance(rule, Rule)
    if isinstance(rule, ThroughTime) and rule.carry:
        raise InputError(
            "ThroughTime: carry=True: na.train shuffles the sequences, so a batch does not go on "
            "where the one before ended: open a simulation, and call train_step window after window"
        )
    rule = micro_batched(rule, micro_batches)
    lanes = lanes_for(rule, in_flight)
    rule.check(rule.society(network), loss)
    plan = TrainingPlan(
        network=network,
        data=data,
        validation=held_out,
        loss=loss,
        optimizer=optimizer,
        epochs=as_whole_number("epochs", epochs, 1),
        batch_size=as_whole_number("batch_size", batch_size, 1),
        seed=as_whole_number("seed", seed, 0),
        rule=rule,
        sums=sums,
        channels=channels,
        in_flight=lanes,
        cluster=choose_cluster(engine, channels, optimizer),
    )
    position = TrainingPosition.at_start(plan)
    if checkpoint is None:
        return _run_training(plan, position, network, progress, log, NoSaver())
    from .checkpoint.folder import Folder  # checkpoints take long to import
    from .checkpoint.saving import Saver

    network.check_activations()
    members = MemberRegistry(rule, rule.society(network), optimizer=optimizer)
    saver = Saver(Folder(checkpoint), plan, position, members, every)
    saver.check(overwrite)
    return _run_training(plan, position, network, progress, log, saver)


def _check_no_checkpoint_settings(every: object, overwrite: bool) -> None:
    """Refuse settings of files that are not written: a user who gives them expects some."""
    if every is not None:
        raise InputError(
            "every=… says how often checkpoints are saved, and there is no folder for them: say "
            'checkpoint="run" too, or leave every out. To record every n-th step in a log: '
            "log=na.Recording(…, every=n)"
        )
    if overwrite:
        raise InputError(
            "overwrite=True replaces the log and the checkpoints of an earlier run, but this run "
            'writes none: say log="run.arrows" or checkpoint="run" too, or leave overwrite out'
        )


def _as_validation(
    network: Network, validation: object, loss: str, rule: Rule
) -> tuple[Array, Array]:
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise InputError("validation must be a pair (x, targets)")
    x, targets = validation
    return as_examples(network, x, targets, loss, "validation ", rule.fit(x).axes)


@explains_arguments
@passes_handler_exceptions
def resume(
    path: str | PathLike[str],
    *,
    progress: bool | None = None,
    channels: ChannelsChoice | None = None,
    log: str | PathLike[str] | Recording | None = None,
    optimizer: Optimizer | None = None,
    exact: bool = True,
    engine: str | Cluster | None = None,
) -> TrainingResult:
    """Continue a run that was stopped, to the same bits as a run that never stopped.

    The run must have been started by `na.train(..., checkpoint=folder)`. It makes no difference
    what stopped it. If the run is finished, its result is returned and no step is done.

    Args:
        path: The folder of the run; its newest checkpoint is used. Or one checkpoint in it.
        progress: As in `na.train`.
        channels: The engine that carries the messages from here on. None is the engine that
            the run had. Needed if that was an engine of your own, or `na.Unreliable`.
        log: A new file, or an `na.Recording`, for the messages from here on. Such a log begins
            in the middle of the run, so it cannot be audited. None: no log.
        optimizer: Needed if the run had an optimizer of your own: an equal one.
        exact: False continues although the last bits may differ: with another version of numpy
            or of this package, or on another kind of processor. True refuses that.
        engine: Where the neurons live from here on, as in `na.train`. None is this process,
            wherever the run lived before.

    Returns:
        The result of the whole run, as `na.train` would have returned it.

    Raises:
        CheckpointError: There is no checkpoint; or it is damaged, or belongs to other data; or
            bits cannot be promised here. The error names the file.
        InputError: An argument is wrong, or the run is finished and `log` is not None.
        LogError: The log cannot be written.
        SimulationError: A neuron failed. The error names it.

    Examples:
        >>> import neuro_actors as na
        >>> net, x, targets = na.Network.layered([1, 1]), [[0.0], [1.0]], [[1.0], [0.0]]
        >>> result = na.train(net, x, targets, optimizer=na.SGD(0.1), checkpoint="run")
        >>> na.resume("run") == result
        True
    """
    exact = as_flag("exact", exact)
    if progress is not None:
        progress = as_flag("progress", progress)
    if channels is not None:
        choose_channels(channels)
    if optimizer is not None:
        check_optimizer(optimizer)
    from .checkpoint.reading import Checkpoint

    checkpoint = Checkpoint(path)
    if checkpoint.finished:
        folder = f"the run in {str(checkpoint.folder.path)!r} is finished"
        if log is not None:
            raise InputError(f"{folder}: there is nothing to log")
        result = TrainingResult(*checkpoint.read_result())
        print_note(f"neuro-actors: {folder}; this is its result")
        return result
    if engine is not None and channels is None:
        channels = "bundled"  # a cluster carries messages by no other engine
    plan, position, network, saver = checkpoint.open_run(optimizer, channels, exact)
    plan = replace(plan, cluster=choose_cluster(engine, plan.channels, plan.optimizer))
    return _run_training(plan, position, network, progress, log, saver)


def _run_training(
    plan: TrainingPlan,
    position: TrainingPosition,
    network: Network,
    progress: bool | None,
    log: str | PathLike[str] | Recording | None,
    saver: Saver | NoSaver,
) -> TrainingResult:
    """Do the steps of `plan` from `position` on; `network` is as it is there."""

    async def society() -> TrainingResult:
        with saver.signals:
            async with open_simulation(
                network,
                plan.channels,
                log,
                rule=plan.rule,
                sums=plan.sums,
                in_flight=plan.in_flight,
                engine=plan.cluster,
            ).remember(saver.members) as simulation:
                bar = ProgressBar(plan.steps, progress, position.steps_done(plan))
                with bar.display:
                    saver.start()
                    after_step = partial(saver.after_step, simulation)
                    await run_plan(simulation, plan, position, bar, after_step)
                    await saver.save_result(simulation)
                return TrainingResult(
                    await simulation.network(),
                    History(position.history),
                    saver.messages + simulation.statistics().messages,
                )

    about = f"{plan.loss}, {quote(plan.optimizer)}, {network!r}"
    LOGGER.info("training begins: step %d of %d, %s", position.steps_done(plan), plan.steps, about)
    try:
        result = run(society, plan.channels)
        LOGGER.info("training has finished: %d messages", result.messages)
        return result
    except TrainingStopped as error:
        LOGGER.info("training was stopped after step %d", position.steps_done(plan))
        stopped = error
    except BaseException as error:
        step, kind = position.steps_done(plan), type(error).__name__
        LOGGER.info("training has ended early, after step %d: %s: %s", step, kind, error)
        raise
    finally:
        saver.close()
    # Outside of the handler, so that it is not shown as the consequence of an error.
    raise stopped.deliver()
