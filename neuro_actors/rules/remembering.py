"""Remembers the members of a society, so that what they keep can be saved, and lets new ones go on from what was kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ..network.network import Network
from ..neuron.local_rule import NeuronRule
from ..neuron.loss_node import LossNode
from ..neuron.optimizers import Optimizer
from ..neuron.sums import Sums
from ..support.errors import SimulationError
from . import Rule

Kept: TypeAlias = tuple[Any, ...]  # by one member


class Keeping(Rule):
    """Another rule, whose members are remembered: each time that one is made, the newest.

    network: as the run began, by which members are made.  kept: by each of its members; None where nobody kept anything.
    number: of the society's last step.  optimizer, updates: under which it learnt, and how often.
    """

    def __init__(
        self,
        rule: Rule,
        network: Network,
        kept: Sequence[Kept] | None = None,
        number: int = 0,
        optimizer: Optimizer | None = None,
        updates: int = 0,
    ) -> None:
        self.rule, self.network = rule, network
        self.number, self.optimizer, self.updates = number, optimizer, updates
        self._kept = kept
        self._members: list[NeuronRule | None] = [None] * len(network.ids)
        self.elsewhere: Callable[[], list[Kept]] | None = (
            None  # who knows what is kept, where members live on other machines
        )

    def member(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        return self._remembered(k, self.rule.member(self.network, k, sums))

    def members(self, network: Network, k: int, sums: Sums, lanes: int) -> tuple[NeuronRule, ...]:
        return tuple(
            self._remembered(k, member)
            for member in self.rule.members(self.network, k, sums, lanes)
        )

    def _remembered(self, k: int, member: NeuronRule) -> NeuronRule:
        self._members[k] = member  # of several lanes any will do: they share what is kept
        if not all(callable(getattr(member, name, None)) for name in ("get_state", "set_state")):
            told = f"{self.network.ids[k]!r}: its rule, {type(member).__name__}, needs get_state() and set_state() to be saved"
            raise SimulationError(
                f"{told}: derive it from neuron.StatefulRule and name its state in STATE"
            )
        if self._kept is not None:
            member.set_state(self._kept[k])
        return member

    def loss_node(self, network: Network) -> LossNode:
        return self.rule.loss_node(network)

    def all_kept(self) -> list[Kept]:
        """What every member keeps, between two steps. Who is not born yet keeps what was kept before."""
        if self.elsewhere is not None:
            return self.elsewhere()
        before = self._kept or [()] * len(self._members)
        return [
            held if member is None else member.get_state()
            for member, held in zip(self._members, before, strict=True)
        ]
