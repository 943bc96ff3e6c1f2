"""The result of a step, as the environment receives it: of one round, and of all together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..channels.interface import StepOutputs
from ..network.gradient import Gradient
from ..network.network import Network
from ..network.parameter_order import ParameterOrder
from ..neuron.messages import Step
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
        commits: What the neurons committed, in the neurons' order (see `ParameterOrder`). It is the
            port's own array, valid until the next step begins. Shape (n_parameters,).
    """

    step: int
    outputs: Array
    losses: Array
    input_urgencies: Array
    commits: Array

    @property
    def predictions(self) -> Array:
        """The outputs' activations of each example. Shape (batch, n_outputs)."""
        batch = len(self.losses) or self.outputs.shape[1]
        return freeze(np.ascontiguousarray(self.outputs[:, :batch].T))

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
        weights, biases = (
            freeze(values) for values in parameters.by_element(self.commits, negated=True)
        )
        batch = len(self.losses)
        inputs = None
        if wrt_inputs:
            with np.errstate(all="ignore"):  # an underflow is no error, whatever the caller has set
                inputs = freeze(-self.input_urgencies[:, :batch].T / batch)
        return Gradient(network, self.loss, self.predictions, weights, biases, inputs)


def read_result(step: Step, port: StepOutputs) -> StepOutcome:
    """Read what the environment received, at the end of a step.

    All but the commits are copied: the port uses its arrays again in the next step.

    Args:
        step: The step.
        port: The environment's port.
    """
    outputs = freeze(port.predictions.copy())
    if step.loss is None:
        return StepOutcome(step.number, outputs, NOTHING, NOTHING, NOTHING)
    input_urgencies = port.input_urgencies.copy() if step.wrt_inputs else NOTHING
    return StepOutcome(step.number, outputs, port.losses, input_urgencies, port.commits)


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

    @property
    def outcome(self) -> StepOutcome:
        """The result of all rounds, as if they had been one."""
        assert self._latest is not None
        first, last = list(self._first.values()), list(self._last.values())
        if first == last == [self._latest]:
            return self._latest
        outputs = np.concatenate([one.outputs[:, : len(one.losses)] for one in first], axis=1)
        input_urgencies = NOTHING
        if last[0].input_urgencies is not NOTHING:
            input_urgencies = np.concatenate(
                [one.input_urgencies[:, : len(one.losses)] for one in last], axis=1
            )
        losses = freeze(np.concatenate([one.losses for one in first]))
        return StepOutcome(
            first[0].step, freeze(outputs), losses, input_urgencies, self._latest.commits
        )
