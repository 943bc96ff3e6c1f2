"""What is committed: the state of all neurons between two steps, in a few flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from ..network.network import Network
from ..network.parameter_order import ParameterOrder
from ..neuron.local_rule import LocalRule
from ..neuron.neuron_state import NeuronState
from ..neuron.optimizer_json import optimizer_from_json
from ..neuron.optimizers import Optimizer
from ..neuron.sums import ORDERED
from ..rules import Rule
from ..rules.member_registry import MemberRegistry
from ..support.arrays import Array, freeze
from .shard import Shard


@dataclass(frozen=True, slots=True, eq=False)
class CommittedState:
    """The state of all neurons after a batch. All arrays are flat: one neuron after another.

    Attributes:
        parameters: Shape (n_parameters,).
        optimizer: The optimizer of the last update; None if there was none.
        states: Each state of that optimizer. Shape (n_parameters,) each.
        updates: How many updates that optimizer has made.
        total: The sum over the ticks that are done of a sequence in progress; None if there is
            none. Shape (n_parameters,).
    """

    parameters: Array
    optimizer: Optimizer | None = None
    states: tuple[Array, ...] = ()
    updates: int = 0
    total: Array | None = None

    @classmethod
    def first(cls, network: Network, registry: MemberRegistry | None) -> CommittedState:
        """Return the state that a run begins from.

        Args:
            network: The network, as the run begins.
            registry: Knows the state of a checkpoint; None for the parameters of the network.
        """
        if registry is None or not registry.number:
            return cls(freeze(ParameterOrder(network).by_neuron(network.weights, network.biases)))
        neurons = np.flatnonzero(network.n_parameters).tolist()
        of_neurons = [cast(LocalRule, registry.member(network, k, ORDERED)).state for k in neurons]
        states = zip(*(state.optimizer_state for state in of_neurons), strict=True)
        some = of_neurons[0]
        return cls(
            freeze(np.concatenate([state.parameters for state in of_neurons])),
            some.optimizer,
            tuple(freeze(np.concatenate(parts)) for parts in states),
            some.updates,
        )

    def after(
        self, optimizer: Optimizer, parameters: Array, states: Sequence[Array]
    ) -> CommittedState:
        """Return the state after one more update.

        Args:
            optimizer: The optimizer of the update.
            parameters: The new parameters. Shape (n_parameters,).
            states: The new states of the optimizer. Shape (n_parameters,) each.
        """
        before = self.updates if optimizer == self.optimizer else 0
        return CommittedState(
            freeze(parameters), optimizer, tuple(freeze(s) for s in states), before + 1
        )

    def with_total(self, total: Array | None) -> CommittedState:
        """Return the state after a tick of a sequence, or between two sequences.

        Args:
            total: See `total`. Shape (n_parameters,), or None.
        """
        return replace(self, total=None if total is None else freeze(total))

    def part(self, shard: Shard) -> list[Array]:
        """Return parameters and states of a shard's own neurons. Shape (n_commits,) each."""
        return [shard.own_part(flat) for flat in (self.parameters, *self.states)]

    def member_states(self, network: Network, rule: Rule) -> list[tuple[Any, ...]]:
        """Return the state of each member, inputs among them, as in one process: see `get_state`.

        Args:
            network: The network.
            rule: The rule of the run.
        """
        has_parameters = network.n_parameters > 0
        ends = np.cumsum(network.n_parameters[has_parameters])[:-1]
        parts = zip(
            *(np.split(flat, ends) for flat in (self.parameters, *self.states)), strict=True
        )
        found: list[tuple[Any, ...]] = []
        for k in range(len(network.ids)):
            member = rule.member(network, k, ORDERED)
            if has_parameters[k]:
                parameters, *state = (freeze(part.copy()) for part in next(parts))
                cast(LocalRule, member).state = NeuronState(
                    parameters, self.optimizer, tuple(state), self.updates
                )
            found.append(member.get_state())
        return found


def neuron_states(
    network: Network,
    neurons: Sequence[int],
    optimizer: dict[str, Any] | None,
    updates: int,
    arrays: Sequence[Array],
) -> dict[int, NeuronState]:
    """Return the state of each of some neurons, by its position.

    Args:
        network: The network.
        neurons: Positions of the neurons.
        optimizer: The optimizer of the last update, as JSON; None if there was none.
        updates: How many updates it has made.
        arrays: Parameters of these neurons, one neuron after another, then each state of the
            optimizer alike. Shape (numbers,) each.
    """
    ends = np.cumsum(network.n_parameters[neurons])[:-1]
    parameters, *states = (
        [freeze(part.copy()) for part in np.split(flat, ends)] for flat in arrays
    )
    by = None if optimizer is None else optimizer_from_json(optimizer)
    return {
        k: NeuronState(parameters[i], by, tuple(s[i] for s in states), updates)
        for i, k in enumerate(neurons)
    }
