"""What the neurons' optimizers held before each update, by replaying a log from its start.

An optimizer is elementwise, so all parameters of a network are updated at once here: the weights,
then the biases. The replay calls the package's own optimizers with the urgencies that the neurons
learned from. So a velocity or a moment has the bits that it had in the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..log.wording import BROKEN, format_call
from ..neuron.optimizer_json import optimizer_from_json
from ..neuron.optimizers import Optimizer, OptimizerState, rate_of
from ..rules.batch_round import BatchRound
from ..rules.batch_sum import BatchSum
from ..support.errors import NeuroActorsError
from .sequences import place_in_sequence

if TYPE_CHECKING:
    from ..log.log import Log
    from ..log.steps import StepInfo
    from ..network.network import Network
    from ..support.arrays import Array

MOST_PRODUCTS = 1e9  # weight times activation: more are not replayed, for they take long


class UpdateHistory:
    """Follows the optimizers of a run, update by update."""

    def __init__(self) -> None:
        self._count = 0
        self._state: OptimizerState = ()

    def state_before(self, info: StepInfo, parameters: Array, wants: Array) -> OptimizerState:
        """Return what the optimizers held before an update, and make the update.

        Args:
            info: The step, which learns. Steps must come in the order of the run.
            parameters: The parameters before it. Shape (n_parameters,).
            wants: The urgencies that the neurons learned from. Shape (n_parameters,).

        Returns:
            Arrays of shape (n_parameters,). They are NaN if earlier updates were left out.
            Empty if the optimizer holds nothing, or if it is a user's own.
        """
        optimizer = read_optimizer(info)
        if optimizer is None or info.update is None:
            return ()
        state = optimizer.start(len(parameters))
        if info.update > 1:  # in its first update an optimizer starts afresh
            known = info.update == self._count + 1 and len(state) == len(self._state)
            state = self._state if known else tuple(np.full_like(part, np.nan) for part in state)
        with np.errstate(all="ignore"):  # a damaged log may contain any numbers
            self._state = optimizer.update(parameters, wants, state, info.update)[1]
        self._count = info.update
        return state


def read_optimizer(info: StepInfo) -> Optimizer | None:
    """Return the optimizer of a step; None if it is a user's own, or none, or not to be read."""
    try:
        return None if info.optimizer is None else optimizer_from_json(info.optimizer)
    except (*BROKEN, NeuroActorsError):
        return None


def optimizer_settings(info: StepInfo) -> dict[str, Any] | None:
    """Return the settings by which a step's update is computed, as JSON.

    Args:
        info: The step.

    Returns:
        `name`, the other settings, `rate`: the learning rate of this update, `schedule`: where
        the rate comes from, or None, and `count`: the number of the update. None for an optimizer
        of a user's own.
    """
    optimizer = read_optimizer(info)
    if optimizer is None or info.optimizer is None or info.update is None:
        return None
    given = info.optimizer["learning_rate"]
    try:
        rate = rate_of(optimizer.learning_rate, info.update)  # type: ignore[attr-defined]
    except (*BROKEN, NeuroActorsError):
        return None
    schedule = format_call(given) if isinstance(given, dict) else None
    held = {name: value for name, value in info.optimizer.items() if name != "learning_rate"}
    return held | {"rate": rate, "schedule": schedule, "count": info.update}


def batch_wants(log: Log, info: StepInfo, wants: Array) -> tuple[Array, int]:
    """Return the urgencies that the neurons learned from in a step.

    In the last micro-batch of a batch these are the means over the whole batch; in the last
    round through time the sums over all ticks, the last tick first, or the means of these sums.

    Args:
        log: The log.
        info: The step.
        wants: The means over the step's examples. Shape (n_parameters,).

    Returns:
        The urgencies, of the same shape, and how many examples they are the means of. They are NaN
        if an earlier micro-batch or tick was not recorded.
    """
    at = _round_in_batch(info)
    place = place_in_sequence(info)
    first = 0  # place of the first round that is added
    if place is not None:
        first = (2 * place.round.passes - 1) * place.round.ticks * place.round.parts
    if not at.is_last or at.place == first:
        return wants, info.batch
    recorded = {other.number: other for other in log.steps}
    total, is_cut = BatchSum(), at.parts > 1
    with np.errstate(all="ignore"):  # a damaged log may contain any numbers
        for k in range(first, at.place):
            part = recorded.get(at.base + k + 1)
            where = None if part is None else _round_in_batch(part)
            if part is None or where is None or where[:2] != (at.base, k):
                return np.full_like(wants, np.nan), info.batch
            step = log.step(part.number)
            commits = np.concatenate([step.weights, step.biases])
            total = total.add(where, part.batch if is_cut else 1, commits)
        total = total.add(at, info.batch if is_cut else 1, wants)
        return total.mean(), total.weight if is_cut else info.batch


def _round_in_batch(info: StepInfo) -> BatchRound:
    return BatchRound.of(info.number, info.round, info.micro_batch)


def states_to_replay(steps: list[StepInfo], network: Network) -> int | None:
    """Return how many numbers the optimizers hold of each parameter.

    Args:
        steps: The steps of the log.
        network: The network that ran.

    Returns:
        The number; None if so many steps would have to be replayed that it takes long.
    """
    optimizers = [read_optimizer(info) for info in steps if info.mode == "train"]
    held = max((len(one.start(0)) for one in optimizers if one is not None), default=0)
    examples = sum(info.batch for info in steps if info.mode == "train")
    return None if held and len(network.weights) * examples > MOST_PRODUCTS else held
