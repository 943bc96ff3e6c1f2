"""What to record, and where: a description that `open_simulation(log=…)` takes in place of a file's name."""

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
from ..support.text import shown
from ..support.validation import as_flag, as_path, as_whole_number, did_you_mean

PHASES = tuple(dict.fromkeys(spec.phase for spec in ROUTES))


@dataclass(frozen=True, slots=True)
class Recording:
    """A message log in the making: `na.open_simulation(net, log=na.Recording("run.arrows", every=10))`.

    path: the file; it must not exist yet, unless `overwrite`.
    every: record the first of so many steps, the first of the next so many, and so on. Before each the log holds what
        neurons had learnt until then.
    neurons, layers: only what these neurons say and hear, given by id, or by level (inputs are level 0).
    phases: only messages of these: "forward" (activations, and what neurons are told of a direction), "loss" (targets and
        losses), "backward" (urgencies), "commit".

    A log of less than everything is partial: it says so itself, and `neuro-actors audit` says what it can vouch for.
    Raises `LogError` for what cannot be recorded, before any work starts.
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
        as_flag("overwrite", self.overwrite)
        as_whole_number("every", self.every, 1)
        for name in ("neurons", "layers", "phases"):
            given = getattr(self, name)
            if given is not None and (
                isinstance(given, str) or not isinstance(given, Sequence) or not len(given)
            ):
                raise LogError(
                    f"{name} must be a list with something in it, or None for all, got {shown(given)}"
                )
        for phase in self.phases or ():
            if not isinstance(phase, str) or phase not in PHASES:
                raise LogError(f"unknown phase {shown(phase)}: {did_you_mean(phase, PHASES)}")

    @property
    def whole(self) -> bool:
        """Whether everything is recorded."""
        return (
            self.every == 1
            and self.neurons is None
            and self.layers is None
            and self.kinds == frozenset(message_kinds())
        )

    @property
    def kinds(self) -> frozenset[str]:
        """Messages of which kinds are recorded."""
        return frozenset(kind for phase in self.phases or PHASES for kind in message_kinds(phase))

    def selects(self, network: Network) -> NDArray[np.bool_]:
        """Whose mail is recorded, (n_neurons,). Raises `LogError` where there is no such neuron or level."""
        if self.neurons is None and self.layers is None:
            return np.ones(len(network.ids), dtype=bool)
        selected = np.zeros(len(network.ids), dtype=bool)
        for name in self.neurons or ():
            if not isinstance(name, str) or name not in network.position:
                raise LogError(
                    f"there is no neuron {shown(name)} to record; {did_you_mean(name, network.ids)}"
                )
            selected[network.position[name]] = True
        for level in self.layers or ():
            if (
                isinstance(level, bool)
                or not isinstance(level, (int, np.integer))
                or not 0 <= level <= network.depth
            ):
                raise LogError(
                    f"there is no level {shown(level)} to record: levels go from 0, the inputs, to {network.depth}"
                )
            selected |= network.level == level
        return selected

    def to_json(self) -> dict[str, Any]:
        """For a log's metadata; None for all."""
        layers = None if self.layers is None else [int(level) for level in self.layers]
        neurons, phases = (
            None if names is None else list(names) for names in (self.neurons, self.phases)
        )
        return {"every": int(self.every), "neurons": neurons, "layers": layers, "phases": phases}

    @classmethod
    def from_json(cls, path: str, held: Any) -> Recording:
        """Of a log that was read."""
        return cls(path, **{name: held[name] for name in ("every", "neurons", "layers", "phases")})


def as_recording(log: str | PathLike[str] | Recording) -> Recording:
    """What users hand over as `log`."""
    return log if isinstance(log, Recording) else Recording(log)
