"""A registry of a society's members: their state can be saved, and new members continue from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ..network.network import Network
from ..neuron.local_rule import NeuronRule
from ..neuron.loss_node import LossNode
from ..neuron.optimizers import Optimizer
from ..neuron.sums import Sums
from ..support.errors import SimulationError
from .rule import Rule

MemberState: TypeAlias = tuple[Any, ...]


class MemberRegistry:
    """Makes the members of a society by a rule, and remembers the newest rule of each member.

    Implements `MemberFactory`.

    Attributes:
        rule: Makes the members.
        network: The network as the run began. The members are made for it.
        number: The number of the society's last step.
        optimizer: The optimizer under which the society has learned.
        updates: How many updates it has made.
        elsewhere: Returns the members' states, if the members live on other machines.
    """

    def __init__(
        self,
        rule: Rule,
        network: Network,
        states: Sequence[MemberState] | None = None,
        number: int = 0,
        optimizer: Optimizer | None = None,
        updates: int = 0,
    ) -> None:
        """Make a registry that knows no member yet.

        Args:
            rule: Makes the members.
            network: The network as the run began.
            states: The state of each neuron and input that it continues from. None in a new run.
            number: The number of the society's last step.
            optimizer: The optimizer under which the society has learned.
            updates: How many updates it has made.
        """
        self.rule, self.network = rule, network
        self.number, self.optimizer, self.updates = number, optimizer, updates
        self.elsewhere: Callable[[], list[MemberState]] | None = None
        self._states = states
        self._members: list[NeuronRule | None] = [None] * len(network.ids)

    def member(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `MemberFactory.member`.

        Raises:
            SimulationError: The rule has no state that could be saved.
        """
        return self._remember(k, self.rule.member(self.network, k, sums))

    def members(self, network: Network, k: int, sums: Sums, lanes: int) -> tuple[NeuronRule, ...]:
        """See `MemberFactory.members`.

        Raises:
            SimulationError: The rule has no state that could be saved.
        """
        rules = self.rule.members(self.network, k, sums, lanes)
        return tuple(self._remember(k, rule) for rule in rules)

    def loss_node(self, network: Network) -> LossNode:
        """See `MemberFactory.loss_node`."""
        return self.rule.loss_node(network)

    def _remember(self, k: int, member: NeuronRule) -> NeuronRule:
        self._members[k] = member  # of several lanes any will do: they share their state
        if not all(callable(getattr(member, name, None)) for name in ("get_state", "set_state")):
            problem = (
                f"{self.network.ids[k]!r}: its rule, {type(member).__name__}, "
                "needs get_state() and set_state() to be saved"
            )
            remedy = "derive it from neuron.StatefulRule and name its state in STATE"
            raise SimulationError(f"{problem}: {remedy}")
        if self._states is not None:
            member.set_state(self._states[k])
        return member

    def get_states(self) -> list[MemberState]:
        """Return the state of every neuron and input, between two steps.

        A member that has not started yet has the state that it continues from.
        """
        if self.elsewhere is not None:
            return self.elsewhere()
        before = self._states or [()] * len(self._members)
        return [
            state if member is None else member.get_state()
            for member, state in zip(self._members, before, strict=True)
        ]
