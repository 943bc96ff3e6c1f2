"""What a simulation sees of a running society, wherever the members of the society live."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from ..channels.interface import Statistics, StepOutputs, Waiting
from ..neuron.messages import Step
from ..neuron.optimizers import Optimizer
from ..support.arrays import Array


class StepRunner(Protocol):
    """Runs a society, and computes its steps: in this process, or on many machines.

    Attributes:
        under_way: The steps that have begun and not ended, in their order.
    """

    under_way: deque[Step]

    @property
    def full(self) -> bool:
        """Whether no step may begin now."""

    def check(self, loss: str, optimizer: Optimizer | None) -> None:
        """Check that the members know a loss and an optimizer.

        Args:
            loss: The name of the loss.
            optimizer: How the members are to learn, or None.

        Raises:
            InputError: The members do not know them.
        """

    def begin(self, step: Step, x: Array, targets: Array | None, *direction: Array) -> None:
        """Begin a step. See `EnvironmentPort.begin`. Not to be called while the runner is full.

        Args:
            step: The step.
            x: For each input its row. Shape (n_inputs, columns).
            targets: For the loss node. Shape (n_outputs, batch). None in a step without a loss.
            *direction: In a tangent step the parts of all neurons.
                Shape (n_synapses + n_neurons - n_inputs,).

        Raises:
            SimulationError: The runner is full.
        """

    async def wait_end(self) -> StepOutputs:
        """Wait until the first step under way has ended.

        A cancelled call loses nothing, and may be called again.
        """

    def who_waits(self) -> tuple[Waiting, ...]:
        """Return which members wait for which others, in the steps under way."""

    def statistics(self) -> Statistics:
        """Return how many messages were sent, and how full each mailbox ever was."""

    async def run(self, is_closed: Callable[[], bool]) -> None:
        """Run all members, until `stop` or a failure.

        Args:
            is_closed: Returns whether the simulation is closed. Then no further member starts.

        Raises:
            SimulationError: A member failed. All other members have ended.
        """

    def stop(self) -> None:
        """End the society: no step ends any more, and `run` returns."""

    def close(self) -> None:
        """Release what the society holds. Called once, after `run`."""
