"""When a running society is saved, and what is written.

1. A society is saved between two learning steps only, never between two rounds of one step.
2. A checkpoint is enough to continue to the same bits: the settings, the first and the present
   parameters, the state of every member, the position, the number of the society's last step.
3. A new run writes its data, and a checkpoint of its beginning, before its first step.
"""

from __future__ import annotations

import logging
import platform
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from ...network.network import Network
from ...neuron.sums import choose_sums
from ...rules.member_registry import MemberRegistry
from ...rules.micro_batches import whole_rule
from ...rules.state_check import check_state
from ...support.errors import CheckpointError
from ...support.numerics import fingerprint
from ...support.version import __version__
from ..plan import TrainingPlan, TrainingPosition
from ..simulation import Simulation
from . import files
from .folder import DATA, Folder
from .packing import pack
from .plan_functions import plan_identities
from .plan_json import (
    ELEMENTS,
    data_to_arrays,
    network_to_arrays,
    position_to_json,
    settings_to_json,
)
from .signals import StopSignals, TrainingStopped

LOGGER = logging.getLogger("neuro_actors.simulation")


class Saver:
    """Saves one run into one folder.

    Attributes:
        members: Makes the society's members and remembers them.
        signals: A context manager: while it is open, a signal lets the run stop and be saved.
        messages: Number of messages that were sent before this society was opened.
    """

    def __init__(
        self,
        folder: Folder,
        plan: TrainingPlan,
        position: TrainingPosition,
        members: MemberRegistry,
        every: int,
        messages: int = 0,
        exact: bool = True,
    ) -> None:
        """Prepare; nothing is written yet.

        Args:
            folder: Where to save.
            plan: The run.
            position: Its position, which the run moves along.
            members: Knows the society's members and their state.
            every: Number of learning steps from one checkpoint to the next.
            messages: Number of messages that were sent before this society was opened.
            exact: Whether the run has lived, so far, on machines with equal numerics only.

        Raises:
            InputError: A setting is wrong.
            CheckpointError: A setting cannot be saved.
        """
        self.members: MemberRegistry | None = members
        self.signals = StopSignals()
        self.messages = messages
        self._folder, self._plan, self._position = folder, plan, position
        self._registry, self._every = members, every
        self._overwrite = False
        self._network_arrays = network_to_arrays(plan.network)
        self._metadata: dict[str, Any] = {
            "run": settings_to_json(plan) | {"every": every},
            "versions": versions(),
            "numerics": fingerprint(plan.sums),
            "exact": exact,
            "functions": plan_identities(plan),
        }
        if ELEMENTS in self._network_arrays:
            self._metadata["format"] = files.WITH_ELEMENTS

    def check(self, overwrite: bool) -> None:
        """Check, before a new run does any work, that it can be saved.

        Args:
            overwrite: Whether the folder may contain another run.

        Raises:
            CheckpointError: The folder contains a run; or the members' state cannot be saved.
            InputError: The rule does not fit the network or the loss.
        """
        plan, network = self._plan, self._registry.network
        plan.rule.check(network, plan.loss)
        # One input and one neuron, made for the test, stand for all members.
        some = [int(np.argmax(of)) for of in (network.is_input, network.n_parameters > 0)]
        made = MemberRegistry(plan.rule, network)
        states = [made.member(network, k, choose_sums(plan.sums)).get_state() for k in some]
        pack([network.ids[k] for k in some], states, plan.optimizer)
        check_state(whole_rule(plan.rule), network)
        self._overwrite = overwrite
        self._folder.check_unlocked()
        if not overwrite:
            self._folder.check_unused()

    def continue_from(self, file: Path, data_digest: str) -> None:
        """Note that the run continues from the checkpoint `file`, whose data have this digest.

        Raises:
            CheckpointError: No file can be written in the folder.
        """
        self._metadata["data"] = data_digest
        self._folder.continue_from(file)

    def start(self) -> None:
        """Lock the folder, until `close`. Save a new run before its first step.

        That is its data, and a checkpoint without any state.

        Raises:
            CheckpointError: The folder cannot be written, or another run writes there.
            TrainingStopped: A signal has come.
        """
        self._folder.lock()
        if "data" in self._metadata:
            self._folder.check_unchanged()
        else:
            if not self._overwrite:
                self._folder.check_unused()
            self._folder.prepare()
            self._metadata["data"] = files.write(
                self._folder.path / DATA, "data", self._metadata, data_to_arrays(self._plan)
            )
            self._write(self._plan.network, 0, 0, finished=False, with_states=False)
        self._stop_if_asked()

    def close(self) -> None:
        """Let other runs into the folder again."""
        self._folder.unlock()

    async def after_step(self, simulation: Simulation) -> None:
        """Save the run if it is time, or if a signal has come.

        Raises:
            CheckpointError: The file cannot be written.
            TrainingStopped: A signal has come.
        """
        # Read once: a signal that comes while the file is written waits for the next step.
        asked = self.signals.received is not None
        if asked or self._steps_done % self._every == 0:
            await self._save(simulation, finished=False)
        if asked:
            self._stop_if_asked()

    async def save_result(self, simulation: Simulation) -> None:
        """Save the finished run.

        Raises:
            CheckpointError: The file cannot be written.
            TrainingStopped: A signal has come.
        """
        await self._save(simulation, finished=True)
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self.signals.received is not None:
            message = (
                f"neuro-actors: stopped after step {self._steps_done:,} of {self._plan.steps:,}, "
                f"which is saved; go on with: {self._resume_command}"
            )
            raise TrainingStopped(self.signals.received, message)

    @property
    def _resume_command(self) -> str:
        # No file holds an engine of the user's own, so the command names another one.
        engine = "" if isinstance(self._plan.channels, str) else " --channels bundled"
        return f"neuro-actors resume {shlex.quote(str(self._folder.path))}{engine}"

    @property
    def _steps_done(self) -> int:
        return self._position.steps_done(self._plan)

    async def _save(self, simulation: Simulation, *, finished: bool) -> None:
        network = await simulation.network()
        messages = self.messages + simulation.statistics().messages
        self._write(network, simulation.last_step, messages, finished=finished, with_states=True)

    def _write(
        self, network: Network, number: int, messages: int, *, finished: bool, with_states: bool
    ) -> None:
        first, society, position = self._plan.network, self._registry.network, self._position
        metadata = self._metadata | {
            "steps": self._steps_done,
            "of": self._plan.steps,
            "finished": finished,
            "number": number,
            "messages": messages,
            "place": position_to_json(position),
            "forms": None,
        }
        arrays = self._network_arrays | {
            "weights": network.weights,
            "biases": network.biases,
            "first.weights": first.weights,
            "first.biases": first.biases,
            "predictions": position.predictions,
        }
        if with_states:
            packed = pack(society.ids, self._registry.get_states(), self._plan.optimizer)
            metadata["forms"] = packed.forms
            arrays["form"] = packed.form
            arrays |= {f"kept.{name}": flat for name, flat in packed.numbers.items()}
        file = self._folder.checkpoint_path(self._steps_done)
        try:
            files.write(file, "checkpoint", metadata, arrays)
        except CheckpointError as error:
            if not self._folder.checkpoints():
                raise
            raise CheckpointError(
                f"{error}; when there is room, go on with: {self._resume_command}"
            ) from None
        LOGGER.info("checkpoint written: %s", file)
        self._folder.keep_newest(file)


def versions() -> dict[str, str]:
    """Return the versions that the bits may depend on, or that a reader may want to know."""
    return {
        "neuro-actors": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
