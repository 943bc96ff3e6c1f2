"""What is committed: all that the neurons of a society keep between two steps, in a few flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ..network.network import Network
from ..network.parameter_order import ParameterOrder
from ..neuron.local_rule import LocalRule, NeuronState
from ..neuron.optimizer_json import optimizer_of
from ..neuron.optimizers import Optimizer
from ..neuron.sums import ORDERED
from ..rules import Rule
from ..rules.remembering import Keeping
from ..support.validation import Array, frozen
from .shard import Shard


@dataclass(frozen=True, slots=True, eq=False)
class CommittedState:
    """parameters, and each of states: of all neurons, one after another, as commits lie.  updates: made by this optimizer."""

    parameters: Array
    optimizer: Optimizer | None = None
    states: tuple[Array, ...] = ()
    updates: int = 0

    @classmethod
    def first(cls, network: Network, keeping: Keeping | None) -> CommittedState:
        """Where a run begins: with the network's parameters, or where a checkpoint goes on."""
        if keeping is None or not keeping.number:
            return cls(frozen(ParameterOrder(network).by_neuron(network.weights, network.biases)))
        neurons = np.flatnonzero(~network.is_input).tolist()
        memories = [cast(LocalRule, keeping.member(network, k, ORDERED)).state for k in neurons]
        states = zip(*(state.optimizer_state for state in memories), strict=True)
        parameters = frozen(np.concatenate([state.parameters for state in memories]))
        some = memories[0]
        return cls(
            parameters,
            some.optimizer,
            tuple(frozen(np.concatenate(s)) for s in states),
            some.updates,
        )

    def after(
        self, optimizer: Optimizer, parameters: Array, states: Sequence[Array]
    ) -> CommittedState:
        """What a step of learning makes of it."""
        before = self.updates if optimizer == self.optimizer else 0
        return CommittedState(
            frozen(parameters), optimizer, tuple(frozen(s) for s in states), before + 1
        )

    def part(self, shard: Shard) -> list[Array]:
        """Of its neurons: parameters, then the states."""
        return [shard.own_part(flat) for flat in (self.parameters, *self.states)]

    def kept(self, network: Network, rule: Rule) -> list[tuple[Any, ...]]:
        """By each member, inputs among them, as in one process."""
        sizes = network.incoming.sizes
        ends = np.cumsum(sizes[~network.is_input] + 1)[:-1]
        parts = zip(
            *(np.split(flat, ends) for flat in (self.parameters, *self.states)), strict=True
        )
        kept: list[tuple[Any, ...]] = []
        for k in range(len(network.ids)):
            member = rule.member(network, k, ORDERED)
            if not network.is_input[k]:
                parameters, *state = (frozen(part.copy()) for part in next(parts))
                cast(LocalRule, member).state = NeuronState(
                    parameters, self.optimizer, tuple(state), self.updates
                )
            kept.append(member.get_state())
        return kept


def neuron_states(
    network: Network,
    neurons: Sequence[int],
    optimizer: dict[str, Any] | None,
    updates: int,
    arrays: Sequence[Array],
) -> dict[int, NeuronState]:
    """What each of these neurons keeps, by its place. arrays: their parameters, then the optimiser's states, each flat."""
    ends = np.cumsum(network.incoming.sizes[neurons] + 1)[:-1]
    parameters, *states = (
        [frozen(part.copy()) for part in np.split(flat, ends)] for flat in arrays
    )
    by = None if optimizer is None else optimizer_of(optimizer)
    return {
        k: NeuronState(parameters[i], by, tuple(s[i] for s in states), updates)
        for i, k in enumerate(neurons)
    }
