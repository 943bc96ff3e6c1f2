"""The ports of bundled channels: what each member sees of the arrays that carry all messages.

A port shows its own rows alone, in views. Most ports hold their views. A view needs more memory
than the few numbers that it shows, so in a large society a port makes one each time it is asked.
It holds the view of activations that it received, for its rule keeps that until it responds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...support.arrays import Array, freeze
from .countdown import MemberPort, Shutdown

NOTHING = freeze(np.empty(0))
LARGE = 20_000  # members, from which on ports make their views when asked


@dataclass(slots=True, init=False)
class SocietyRows:
    """Where ports take their own rows from. Each function returns a view for the k-th neuron.

    Attributes:
        activation_out: Its activation. Shape (columns,).
        urgencies_in: The urgencies that it receives. Shape (fan_out, columns).
        urgencies_out: Those that it sends. Shape (listening sources, columns).
        commit_out: Its commit. Shape (fan_in + 1,).
        direction: Its part of a direction. Shape (fan_in + 1,).
    """

    activation_out: Callable[[int], Array]
    urgencies_in: Callable[[int], Array]
    urgencies_out: Callable[[int], Array]
    commit_out: Callable[[int], Array]
    direction: Callable[[int], Array]


class BundledPort(MemberPort):
    """A port that holds its views. See `NeuronPort` for the arrays, `MemberPort` for the rest."""

    __slots__ = (
        "activation_out",
        "activations_in",
        "commit_out",
        "direction",
        "urgencies_in",
        "urgencies_out",
    )

    def __init__(self, node: str, shutdown: Shutdown) -> None:
        super().__init__(node, shutdown)
        self.activations_in: Array = NOTHING
        self.activation_out: Array = NOTHING
        self.urgencies_in: Array = NOTHING
        self.urgencies_out: Array = NOTHING
        self.commit_out: Array = NOTHING
        self.direction: Array = NOTHING


class LossPort(BundledPort):
    """The loss node's port. See `LossPort` in `channels/interface.py`."""

    __slots__ = ("losses", "targets")

    def __init__(self, node: str, shutdown: Shutdown) -> None:
        super().__init__(node, shutdown)
        self.targets: Array = NOTHING
        self.losses: Array = NOTHING


class ViewlessPort(MemberPort):
    """A port that makes most of its views when it is asked. See `NeuronPort`.

    Args:
        node: The member's name.
        shutdown: What all countdowns share.
        k: The neuron's position in the network.
        rows: All rows of the society.
    """

    __slots__ = ("_k", "_rows", "activations_in")

    def __init__(self, node: str, shutdown: Shutdown, k: int, rows: SocietyRows) -> None:
        super().__init__(node, shutdown)
        self.activations_in: Array = NOTHING
        self._k, self._rows = k, rows

    @property
    def activation_out(self) -> Array:
        """See `NeuronPort`. Shape (columns,)."""
        return self._rows.activation_out(self._k)

    @property
    def urgencies_in(self) -> Array:
        """See `NeuronPort`. Shape (fan_out, columns)."""
        return self._rows.urgencies_in(self._k)

    @property
    def urgencies_out(self) -> Array:
        """See `NeuronPort`. Shape (listening sources, columns)."""
        return self._rows.urgencies_out(self._k)

    @property
    def commit_out(self) -> Array:
        """See `NeuronPort`. Shape (fan_in + 1,)."""
        return self._rows.commit_out(self._k)

    @property
    def direction(self) -> Array:
        """See `NeuronPort`. Shape (fan_in + 1,)."""
        return self._rows.direction(self._k)
