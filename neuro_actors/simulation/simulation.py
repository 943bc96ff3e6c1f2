"""A living society: step after step, and its end."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import trio
from numpy.typing import ArrayLike
from trio.lowlevel import enable_ki_protection

from ..channels.interface import Statistics, Waiting
from ..network import functions
from ..network.examples import (
    as_direction,
    as_examples,
    as_rows,
    as_training_examples,
    from_rows,
    to_rows,
    widen,
)
from ..network.function_names import AnyLoss
from ..network.gradient import Gradient, StepResult
from ..network.network import Network
from ..network.parameter_order import ParameterOrder
from ..neuron.messages import Step
from ..neuron.neuron_state import own_copy
from ..neuron.optimizers import Optimizer, check_optimizer
from ..rules import Answer, Backpropagation, Round, Rule
from ..rules.micro_batches import whole_rule
from ..rules.own_rules import needs_rule
from ..support.arrays import Array, freeze
from ..support.errors import InputError
from ..support.hints import explain_missing, explains_arguments
from ..support.signal_exceptions import is_from_handler
from ..support.text import quote
from ..support.validation import as_flag
from .forgotten_calls import ForgottenCalls, awaited
from .society_task import SocietyTask
from .step_result import RoundCollector, StepOutcome, read_result


class Simulation:
    """A living society of neurons; `na.open_simulation` makes it.

    Calls go one after another: a call that comes while another one's steps are under way waits for
    its turn. To cancel a call stops the waiting alone. A step that has begun is finished by the
    society before the next call begins one, or dropped where the block is left. If a neuron fails,
    the call that waits for the step raises the error, or else the next call does.

    Args:
        network: The network.
        task: Runs the society.
        rule: The local rule of the neurons.
        patience: How many seconds a call waits for its step.
        number: The number of the last step of an earlier run that this one continues, else 0.

    Attributes:
        calls: The calls that have not begun yet.
    """

    def __init__(
        self,
        network: Network,
        task: SocietyTask,
        rule: Rule,
        patience: float,
        number: int = 0,
    ) -> None:
        self._network = network
        self._society = rule.society(network)
        self._task = task
        self._runner = task.runner
        self._rule = rule.for_society()
        self._patience = patience
        self._turn = trio.Lock()
        self._number = number
        # commits of the last step that learned, if `_network` has older parameters
        self._committed: Array | None = None
        self._parameters = ParameterOrder(self._society)
        self._needs_rule: bool | None = None  # not known yet
        self.calls = ForgottenCalls()

    if not TYPE_CHECKING:  # a type checker refuses unknown names by itself
        __getattr__ = explain_missing

    # --- what users call --------------------------------------------------------------------------

    def __repr__(self) -> str:
        about = repr(self._network)[1:-1]
        return f"<Simulation: step {self._number}; {about[0].lower()}{about[1:]}>"

    @explains_arguments
    @awaited
    async def predict(self, x: ArrayLike) -> Array:
        """Compute the predictions for some examples. Neurons do not learn.

        Args:
            x: Examples. Shape (batch, *positions, n_inputs), float64 or convertible.

        Returns:
            The outputs' activations, float64, read-only. Shape (batch, *positions, n_outputs).

        Raises:
            InputError: `x` has another shape, or a value that is not finite.
            SimulationError: A neuron failed, or the step did not end in time.
        """
        rule = self._rule.fit(x)
        rows = to_rows(as_rows(self._network, x, axes=rule.axes))
        async with self._turn:
            answer: Any = None
            with closing(rule.predicting(self._society, rows)) as rounds:
                while True:
                    try:
                        round = rounds.send(answer)
                    except StopIteration as end:
                        grid = (*rule.axes, *self._network.output_grid)
                        return freeze(from_rows(end.value, grid))
                    answer = (await self._step(round)).answer

    @explains_arguments
    @awaited
    async def gradient(
        self,
        x: ArrayLike,
        targets: ArrayLike,
        loss: AnyLoss = "squared_error",
        wrt_inputs: bool = False,
    ) -> Gradient:
        """Compute the gradient of the mean loss, which the neurons find by messages.

        Each neuron finds its own part; neurons do not learn. Under another rule than
        backpropagation, the result is minus what the neurons find in place of the urgencies.

        Args:
            x: Examples. Shape (batch, *positions, n_inputs), float64 or convertible.
            targets: What the outputs should be. Shape (batch, *positions, n_outputs), float64 or
                convertible.
            loss: Name of the loss, a key of `na.LOSSES`.
            wrt_inputs: Whether urgencies reach the inputs too, which gives ∂loss/∂x.

        Returns:
            The gradient, with the loss and the predictions.

        Raises:
            InputError: An argument is wrong, or the rule computes no urgencies of inputs.
            SimulationError: A neuron failed, or the step did not end in time.
        """
        rule = self._rule.fit(x)
        rows = as_examples(self._network, x, targets, loss, axes=rule.axes)
        wrt_inputs = as_flag("wrt_inputs", wrt_inputs)
        if wrt_inputs and not self._rule.feels_inputs:
            raise InputError(
                f"{self._rule!r} computes no urgencies of inputs: leave wrt_inputs out"
            )
        async with self._turn:
            outcome = await self._rounds(rule, *rows, loss, wrt_inputs=wrt_inputs)
            return outcome.gradient(self._network, self._parameters, wrt_inputs)

    @explains_arguments
    @awaited
    async def hessian_vector_product(
        self,
        x: ArrayLike,
        targets: ArrayLike,
        weights: ArrayLike,
        biases: ArrayLike,
        loss: AnyLoss = "squared_error",
    ) -> Gradient:
        """Multiply the Hessian of the mean loss by a direction, by messages.

        The product says how fast the gradient changes when the parameters move along the direction
        (Pearlmutter 1994). Neurons do not learn.

        Args:
            x: Examples. Shape (batch, *positions, n_inputs), float64 or convertible.
            targets: What the outputs should be. Shape (batch, *positions, n_outputs), float64 or
                convertible.
            weights: The direction's component for each synapse. Shape (n_synapses,).
            biases: The direction's component for each neuron; an input's is ignored. Shape
                (n_neurons,).
            loss: Name of the loss, a key of `na.LOSSES`.

        Returns:
            The product, with the sign of the gradient, in `.weights` and `.biases`. The loss and
            the predictions are those at the parameters themselves.

        Raises:
            InputError: An argument is wrong, an activation function or the loss has no curvature,
                the network has delays, or the rule is not backpropagation.
            SimulationError: A neuron failed, or the step did not end in time.
        """
        if self._network.delays:
            raise InputError(
                "products with the Hessian know no time: the target of a delay, which hands an "
                "urgency back, has no place for its tangent. By matrices: "
                "na.reference.hessian_vector_product(…)"
            )
        rows, wanted = as_examples(self._network, x, targets, loss)
        along = as_direction(self._network, weights, biases)
        functions.check_curvature(self._network.activations, loss)
        functions.check_bends(node.combination for node in self._network.interneurons.values())
        if type(self._rule) is not Backpropagation:
            raise InputError(
                "products with the Hessian need the rule na.rules.Backpropagation(), "
                f"not {self._rule!r}"
            )
        self._runner.check(loss, None)
        inputs = to_rows(rows)
        with_tangents = np.concatenate([inputs, np.zeros_like(inputs)], axis=1)
        async with self._turn:
            targets = to_rows(wanted)
            direction = freeze(self._parameters.by_neuron(*along))
            outcome = await self._step(
                Round(freeze(with_tangents)), targets, loss, None, False, direction
            )
            return outcome.gradient(self._network, self._parameters, wrt_inputs=False)

    @awaited
    @explains_arguments
    async def train_step(
        self,
        x: ArrayLike,
        targets: ArrayLike,
        loss: AnyLoss = "squared_error",
        *,
        optimizer: Optimizer,
    ) -> StepResult:
        """Do one step in which every neuron learns from its own urgencies.

        Args:
            x: Examples. Shape (batch, *positions, n_inputs), float64 or convertible.
            targets: What the outputs should be. Shape (batch, *positions, n_outputs), float64 or
                convertible.
            loss: Name of the loss, a key of `na.LOSSES`.
            optimizer: How a neuron turns its urgencies into new parameters, such as `na.SGD(0.1)`.
                It is a description: an equal one in the next step continues the state that each
                neuron has of it, another one starts afresh.

        Returns:
            The loss and the predictions before the neurons learned, and the number of the step.

        Raises:
            InputError: An argument is wrong.
            SimulationError: A neuron failed, or the step did not end in time. No neuron has
                learned from it, as far as `network` shows.
        """
        check_optimizer(optimizer)
        rule = self._rule.fit(x)
        rows = as_training_examples(self._network, x, targets, loss, rule.axes)
        async with self._turn:
            outcome = await self._rounds(rule, *rows, loss, optimizer)
        return StepResult(outcome.step, outcome.loss, outcome.predictions)

    @awaited
    async def network(self) -> Network:
        """Return the network with the parameters that its neurons committed last.

        After a failure these are the parameters before the step that failed. It may be called after
        the block was left.
        """
        if self._task.failure is None and not self._task.is_closed:
            async with self._turn:
                await self._finish_all()
        else:
            await trio.lowlevel.checkpoint()
        if self._committed is not None:
            weights, biases = self._parameters.by_element(self._committed, no_parameter=1.0)
            known = self._network
            self._network = known.with_parameters(
                weights[: len(known.weights)], biases[: len(known.ids)]
            )
            rule = whole_rule(self._rule)
            if self._needs_rule is None:
                self._needs_rule = needs_rule(rule, self._network)
            if self._needs_rule:
                self._network = self._network.learned_under(quote(rule))
            self._committed = None
        return self._network

    @awaited
    async def forget(self) -> None:
        """Begin new sequences: forget what delays carry on from the calls before.

        Only `na.rules.ThroughTime(carry=True)` carries something on.
        """
        async with self._turn:
            await self._finish_all()
            self._rule.forget()

    def who_waits(self) -> tuple[Waiting, ...]:
        """Return which member waits for which others in the steps under way."""
        return self._runner.who_waits()

    def statistics(self) -> Statistics:
        """Return how many messages were sent, and how full each mailbox ever was."""
        return self._runner.statistics()

    @property
    def last_step(self) -> int:
        """The number of the last step that has begun; 0 before the first."""
        return self._number

    # --- a step -----------------------------------------------------------------------------------

    async def _rounds(
        self,
        rule: Rule,
        rows: Array,
        wanted: Array,
        loss: str,
        optimizer: Optimizer | None = None,
        wrt_inputs: bool = False,
    ) -> StepOutcome:
        """Compute all rounds of the rule, in their order, and return what they come to together.

        If the runner takes several steps at once, rounds begin before others end: the rule has made
        members for several lanes, and it says which rounds wait for an answer.
        """
        rule.check(self._society, loss)
        self._runner.check(loss, optimizer)
        x, targets = to_rows(rows), to_rows(wanted)
        wide = targets.shape[1] // len(wanted)  # positions
        collector, parts, rounds_left = RoundCollector(), deque[slice](), True
        answer: Any = None
        self._task.check()
        await self._finish_all()
        whole: Answer | None = None
        with closing(
            rule.rounds_with_targets(self._society, x, targets)
        ) as rounds:  # an interrupt that struck a forgotten one would be lost
            while True:
                while rounds_left and not self._runner.full:
                    try:
                        round = rounds.send(answer)
                    except StopIteration as end:
                        rounds_left, whole = False, end.value
                        break
                    answer = None
                    if round is None:  # an answer is needed first
                        break
                    part = round.examples or slice(None)
                    wanted_here = round.targets
                    if wanted_here is None:
                        wanted_here = freeze(np.ascontiguousarray(targets[:, widen(part, wide)]))
                    self._begin(round, wanted_here, loss, optimizer, wrt_inputs)
                    parts.append(part)
                if not parts:
                    return collector.outcome if whole is None else collector.whole(whole, rule.axes)
                outcome = await self._end()
                collector.add(parts.popleft(), outcome)
                answer = outcome.answer

    @enable_ki_protection
    async def _step(self, round: Round, *about: Any) -> StepOutcome:
        """Compute one step alone; see `_begin`."""
        self._task.check()
        await self._finish_all()
        self._begin(round, *about)
        return await self._end()

    @enable_ki_protection  # an interrupt reaches the wait alone: no step is begun by half
    def _begin(
        self,
        round: Round,
        targets: Array | None = None,
        loss: str | None = None,
        optimizer: Optimizer | None = None,
        wrt_inputs: bool = False,
        direction: Array | None = None,
    ) -> None:
        self._task.check()
        self._number += 1
        if round.predicts:
            targets = loss = optimizer = None
        learning = optimizer if round.learns else None
        felt = (wrt_inputs or round.wrt_inputs) and not round.predicts
        step = Step(
            self._number,
            loss,
            learning,
            felt,
            direction is not None,
            round.name,
            round.micro_batch,
        )
        try:
            along = () if direction is None else (direction,)
            self._runner.begin(step, own_copy(round.inputs), targets, *along)
        except (
            BaseException
        ) as error:  # such as an interrupt: a step that has begun by half can never end
            self._task.fail(f"step {step.number} could not begin: {error!r}", error)
            raise

    @enable_ki_protection
    async def _finish_all(self) -> None:
        """Wait for the end of all steps that a cancelled call has left behind."""
        while self._runner.under_way or self._task.failure is not None:
            await self._end()

    @enable_ki_protection
    async def _end(self) -> StepOutcome:
        """Wait for the end of the first step under way, and return what it came to.

        A cancelled call may be repeated.
        """
        if self._task.failure is None:
            step = self._runner.under_way[0]
            deadline = trio.current_time() + self._patience
            with trio.CancelScope(deadline=deadline) as self._task.patience:
                try:
                    with np.errstate(all="ignore"):  # what is not finite is refused, with a name
                        port = await self._runner.wait_end()
                except Exception as error:
                    self._task.fail(f"step {step.number} failed: {error}", error)
                    if is_from_handler(error):
                        raise
                else:
                    outcome = read_result(step, port, self._society)
                    if step.optimizer is not None:
                        self._committed = port.commits.copy()
                    self._task.finish_log()
                    return outcome
            if self._task.failure is None:
                waiting = [str(w) for w in self.who_waits()]
                lines = "\n  ".join(
                    waiting[:12] + [f"… and {len(waiting) - 12} more"] * (len(waiting) > 12)
                )
                self._task.fail(
                    f"step {step.number} did not end within {self._patience:g} s:\n  {lines}", None
                )
        raise self._task.report()
