"""What to record, and where: `open_simulation(log=…)` takes it in place of a file's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..channels.routes import ROUTES, message_kinds
from ..network.network import Network
from ..support.errors import InputError, LogError
from ..support.hints import explains_fields
from ..support.scalars import as_whole_number
from ..support.text import did_you_mean, quote
from ..support.validation import as_flag, as_path

PHASES = tuple(dict.fromkeys(spec.phase for spec in ROUTES))


@explains_fields
@dataclass(frozen=True, slots=True)
class Recording:
    """What of a run is recorded, and where.

        na.open_simulation(net, log=na.Recording("run.arrows", every=10))

    A log of less than everything is partial. Its metadata say so, and `neuro-actors audit` says
    what it can prove of it.

    Attributes:
        path: The file. It must not exist yet, unless `overwrite`.
        every: Record one step of so many, the first of them. Before it the log has what neurons
            learnt in the steps that were left out.
        neurons: Record only what these neurons send and receive. Ids; None for all.
        layers: The same by level: inputs are level 0. None for all.
        phases: Record only messages of these phases: "forward" (activations, and directions),
            "loss" (targets and losses), "backward" (urgencies), "commit". None for all.
        overwrite: Whether a log that exists at this path is replaced.

    Raises:
        LogError: This cannot be recorded.
        InputError: `every` is no whole number from 1 on, or `overwrite` no truth value.
    """

    path: str | PathLike[str]
    every: int = 1
    neurons: Sequence[str] | None = None
    layers: Sequence[int] | None = None
    phases: Sequence[str] | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        try:
            as_path("log", self.path)
        except InputError as error:
            raise LogError(str(error)) from None
        object.__setattr__(self, "overwrite", as_flag("overwrite", self.overwrite))
        object.__setattr__(self, "every", as_whole_number("every", self.every, 1))
        for name in ("neurons", "layers", "phases"):
            given = getattr(self, name)
            if given is not None and (
                isinstance(given, str) or not isinstance(given, Sequence) or not len(given)
            ):
                raise LogError(
                    f"{name} must be a list with something in it, or None for all, "
                    f"got {quote(given)}"
                )
            if given is not None and not isinstance(given, range):  # a list may be changed later
                object.__setattr__(self, name, tuple(given))
        for phase in self.phases or ():
            if not isinstance(phase, str) or phase not in PHASES:
                raise LogError(f"unknown phase {quote(phase)}: {did_you_mean(phase, PHASES)}")

    @property
    def whole(self) -> bool:
        """Whether all messages are recorded."""
        return (
            self.every == 1
            and self.neurons is None
            and self.layers is None
            and self.kinds == frozenset(message_kinds())
        )

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of messages that are recorded."""
        return frozenset(kind for phase in self.phases or PHASES for kind in message_kinds(phase))

    def selects(self, network: Network) -> NDArray[np.bool_]:
        """Return the neurons whose mail is recorded.

        Args:
            network: The network.

        Returns:
            True for these neurons. Shape (n_neurons,).

        Raises:
            LogError: The network has no such neuron or level.
        """
        if self.neurons is None and self.layers is None:
            return np.ones(len(network.ids), dtype=bool)
        selected = np.zeros(len(network.ids), dtype=bool)
        for name in self.neurons or ():
            if not isinstance(name, str) or name not in network.position:
                raise LogError(
                    f"there is no neuron {quote(name)} to record; {did_you_mean(name, network.ids)}"
                )
            selected[network.position[name]] = True
        for level in self.layers or ():
            if (
                isinstance(level, bool)
                or not isinstance(level, (int, np.integer))
                or not 0 <= level <= network.depth
            ):
                raise LogError(
                    f"there is no level {quote(level)} to record: levels go from 0, the inputs, "
                    f"to {network.depth}"
                )
            selected |= network.level == level
        return selected

    def to_json(self) -> dict[str, Any]:
        """Return all but the path, for a log's metadata."""
        layers = None if self.layers is None else [int(level) for level in self.layers]
        neurons, phases = (
            None if names is None else list(names) for names in (self.neurons, self.phases)
        )
        return {"every": self.every, "neurons": neurons, "layers": layers, "phases": phases}

    @classmethod
    def from_json(cls, path: str, held: Any) -> Recording:
        """Return what a log's metadata say. The inverse of `to_json`.

        Args:
            path: The log's file.
            held: The object in the metadata.
        """
        return cls(path, **{name: held[name] for name in ("every", "neurons", "layers", "phases")})


def as_recording(log: str | PathLike[str] | Recording) -> Recording:
    """Return what a user gives as `log` as a recording."""
    return log if isinstance(log, Recording) else Recording(log)
