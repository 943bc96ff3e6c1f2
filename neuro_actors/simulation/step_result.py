"""What came of a step, as the world heard it: of one round, and of all of them together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..channels.interface import StepOutputs
from ..network.gradient import Gradient
from ..network.network import Network
from ..network.parameter_order import ParameterOrder
from ..neuron.messages import Step
from ..support.validation import Array, frozen

NOTHING = frozen(np.empty(0))


@dataclass(frozen=True, slots=True, eq=False)
class StepOutcome:
    """See `channels.Heard`."""

    step: int
    said: Array  # the outputs' activations, (n_outputs, columns)
    losses: Array
    felt: Array
    commits: Array  # the port's own, until the next step begins

    @property
    def predictions(self) -> Array:
        """(batch, n_outputs)."""
        batch = len(self.losses) or self.said.shape[1]
        return frozen(np.ascontiguousarray(self.said[:, :batch].T))

    @property
    def loss(self) -> float:
        return float(np.add.accumulate(self.losses)[-1] / len(self.losses))

    def gradient(self, network: Network, parameters: ParameterOrder, wrt_inputs: bool) -> Gradient:
        """Minus the urgencies: what neurons committed, each in its place, and what inputs felt."""
        weights, biases = (
            frozen(values) for values in parameters.by_element(self.commits, negated=True)
        )
        batch = len(self.losses)
        inputs = frozen(-self.felt[:, :batch].T / batch) if wrt_inputs else None
        return Gradient(network, self.loss, self.predictions, weights, biases, inputs)


def read_result(step: Step, port: StepOutputs) -> StepOutcome:
    """By the world, at the end of that step. Copies, but of the commits: the port's arrays are its next step's too."""
    said = frozen(port.predictions.copy())
    if step.loss is None:
        return StepOutcome(step.number, said, NOTHING, NOTHING, NOTHING)
    felt = port.input_urgencies.copy() if step.wrt_inputs else NOTHING
    return StepOutcome(step.number, said, port.losses, felt, port.commits)


class RoundCollector:
    """Collects the rounds of a step: of each example counts what was said and lost in the first round that was about it,
    and what inputs felt in the last; and what neurons committed in the last round of all."""

    def __init__(self) -> None:
        self._first: dict[int, StepOutcome] = {}  # by where their examples begin
        self._last: dict[int, StepOutcome] = {}
        self._latest: StepOutcome | None = None

    def add(self, examples: slice, outcome: StepOutcome) -> None:
        """Rounds that share some examples share all of them; new ones come in the order of the batch."""
        start = examples.start or 0
        self._first.setdefault(start, outcome)
        self._last[start] = self._latest = outcome

    @property
    def outcome(self) -> StepOutcome:
        """As if it had been one round."""
        assert self._latest is not None
        first, last = list(self._first.values()), list(self._last.values())
        if first == last == [self._latest]:
            return self._latest
        said = np.concatenate([one.said[:, : len(one.losses)] for one in first], axis=1)
        felt = NOTHING
        if last[0].felt is not NOTHING:
            felt = np.concatenate([one.felt[:, : len(one.losses)] for one in last], axis=1)
        losses = frozen(np.concatenate([one.losses for one in first]))
        return StepOutcome(first[0].step, frozen(said), losses, felt, self._latest.commits)
