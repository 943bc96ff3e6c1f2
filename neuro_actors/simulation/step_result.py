"""The result of a step, as the environment receives it: of one round, and of all together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..channels.interface import StepOutputs
from ..network.examples import from_rows
from ..network.field import Grid, count_positions
from ..network.gradient import Gradient
from ..network.network import Network
from ..network.parameter_order import ParameterOrder
from ..neuron.messages import Step
from ..rules.rule import Answer
from ..support.arrays import Array, freeze
from ..support.means import mean_in_order

NOTHING = freeze(np.empty(0))


@dataclass(frozen=True, slots=True, eq=False)
class StepOutcome:
    """What the environment received in one step.

    Columns are examples; some rules send more columns.

    Attributes:
        step: The number of the step.
        outputs: The outputs' activations. Shape (n_outputs, columns).
        losses: The loss of each example; empty without a loss. Shape (batch,).
        input_urgencies: The urgencies of the inputs; empty where they were not asked for. Shape
            (n_inputs, columns).
        grids: The grids of positions at which outputs and inputs live.
        commits: What the neurons committed, in the neurons' order (see `ParameterOrder`). It is the
            port's own array, valid until the next step begins. Shape (n_parameters,).
    """

    step: int
    outputs: Array
    losses: Array
    input_urgencies: Array
    commits: Array
    grids: tuple[Grid, Grid] = ((), ())

    @property
    def answer(self) -> Answer:
        """What a rule learns of the step."""
        return Answer(self.outputs, self.losses, self.input_urgencies)

    @property
    def predictions(self) -> Array:
        """The outputs' activations of each example. Shape (batch, *positions, n_outputs)."""
        return freeze(from_rows(self.of_examples(self.outputs, 0), self.grids[0]))

    def of_examples(self, rows: Array, which: int) -> Array:
        """Return the columns that belong to examples, without those that a rule has added.

        Args:
            rows: Rows of outputs or inputs. Shape (n, columns).
            which: 0 for outputs, 1 for inputs.
        """
        wide = count_positions(self.grids[which])
        return rows[:, : len(self.losses) * wide or None]

    @property
    def loss(self) -> float:
        """The mean of the losses, added in the order of the examples."""
        return mean_in_order(self.losses)

    def gradient(self, network: Network, parameters: ParameterOrder, wrt_inputs: bool) -> Gradient:
        """Return the gradient: minus the urgencies that neurons committed and inputs received.

        Args:
            network: The network.
            parameters: Translates the commits to the network's order.
            wrt_inputs: Whether to return ∂loss/∂x too.
        """
        weights, biases = parameters.by_element(self.commits, negated=True)
        weights, biases = (
            freeze(values[: len(own)])
            for values, own in ((weights, network.weights), (biases, network.ids))
        )
        inputs = None
        if wrt_inputs:
            with np.errstate(all="ignore"):  # an underflow is no error, whatever the caller has set
                urgencies = from_rows(self.of_examples(self.input_urgencies, 1), self.grids[1])
                inputs = freeze(-urgencies / len(self.losses))
        return Gradient(network, self.loss, self.predictions, weights, biases, inputs)


def read_result(step: Step, port: StepOutputs, network: Network) -> StepOutcome:
    """Read what the environment received, at the end of a step.

    All but the commits are copied: the port uses its arrays again in the next step.

    Args:
        step: The step.
        port: The environment's port.
        network: The network.
    """
    outputs, grids = freeze(port.predictions.copy()), (network.output_grid, network.input_grid)
    if step.loss is None:
        return StepOutcome(step.number, outputs, NOTHING, NOTHING, NOTHING, grids)
    input_urgencies = port.input_urgencies.copy() if step.wrt_inputs else NOTHING
    return StepOutcome(step.number, outputs, port.losses, input_urgencies, port.commits, grids)


class RoundCollector:
    """Collects the results of the rounds of one step.

    For each example, the predictions and the loss are those of its first round, and the urgencies
    of the inputs those of its last. The commits are those of the last round of all.
    """

    def __init__(self) -> None:
        self._first: dict[int, StepOutcome] = {}  # by where their examples begin
        self._last: dict[int, StepOutcome] = {}
        self._latest: StepOutcome | None = None

    def add(self, examples: slice, outcome: StepOutcome) -> None:
        """Add the result of one round.

        Args:
            examples: The examples that the round was about. Rounds that share some examples share
                all of them; new examples come in the order of the batch.
            outcome: The result of the round.
        """
        start = examples.start or 0
        self._first.setdefault(start, outcome)
        self._last[start] = self._latest = outcome

    def whole(self, answer: Answer, axes: Grid) -> StepOutcome:
        """Return the result of all rounds, as a rule says what they come to together.

        Args:
            answer: What they come to.
            axes: The axes that data have before the positions.
        """
        latest, (first, *_) = self._latest, self._first.values()
        assert latest is not None
        grids = (*axes, *latest.grids[0]), (*axes, *latest.grids[1])
        rows = answer.predictions, answer.losses, answer.input_urgencies
        return StepOutcome(first.step, *rows, latest.commits, grids)

    @property
    def outcome(self) -> StepOutcome:
        """The result of all rounds, as if they had been one."""
        assert self._latest is not None
        first, last = list(self._first.values()), list(self._last.values())
        if first == last == [self._latest]:
            return self._latest
        outputs = np.concatenate([one.of_examples(one.outputs, 0) for one in first], axis=1)
        input_urgencies = NOTHING
        if last[0].input_urgencies is not NOTHING:
            input_urgencies = np.concatenate(
                [one.of_examples(one.input_urgencies, 1) for one in last], axis=1
            )
        losses = freeze(np.concatenate([one.losses for one in first]))
        return StepOutcome(
            first[0].step,
            freeze(outputs),
            losses,
            input_urgencies,
            self._latest.commits,
            self._latest.grids,
        )
