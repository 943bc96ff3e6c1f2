"""A checkpoint that was read: what it contains, and a run that continues from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from ...channels.choose_channels import ChannelsChoice
from ...network import functions
from ...network.function_identity import Comparison, compare
from ...network.network import Network
from ...neuron.optimizers import Optimizer
from ...rules.member_registry import MemberRegistry, MemberState
from ...rules.micro_batches import whole_rule
from ...rules.own_rules import needs_rule
from ...rules.rule_json import rule_from_json
from ...support.console import print_note
from ...support.errors import CheckpointError, InputError
from ...support.numerics import differences, unchecked
from ...support.text import escape_controls, quote
from ..history import History
from ..plan import TrainingPlan, TrainingPosition
from .files import FileContents, read
from .folder import DATA, find_checkpoint, read_checkpoint
from .packing import unpack
from .plan_functions import compare_plan
from .plan_json import (
    check_position,
    network_from_arrays,
    plan_from_json,
    position_from_json,
    read_elements,
    read_whole_number,
)
from .saving import Saver, versions

USED_ADVICE = "Add or import what it used (--import MODULE)"
LARGEST_STEP = 2**53  # of a society; more steps than any society can do


class OpenRun(NamedTuple):
    """A run that can continue.

    Attributes:
        plan: What to do.
        position: Where to begin.
        network: The network at that position.
        saver: Saves the run from here on.
    """

    plan: TrainingPlan
    position: TrainingPosition
    network: Network
    saver: Saver


class Checkpoint:
    """An intact checkpoint.

    Attributes:
        folder: The folder of the run.
        file: The checkpoint's file.
        metadata: Its JSON object.
        finished: Whether it contains the result of its run.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        """Read a checkpoint.

        Args:
            path: The file; or a folder, which means its newest checkpoint.

        Raises:
            CheckpointError: There is none, or it is damaged.
        """
        self.folder, self.file = find_checkpoint(path)
        self._contents = read_checkpoint(self.folder, self.file)
        self.metadata: dict[str, Any] = self._contents.metadata
        with self.errors_name_the_file():
            self.finished = bool(self.metadata["finished"])

    def sizes(self) -> tuple[int, int, int]:
        """Return the numbers of neurons, inputs and synapses.

        Raises:
            CheckpointError: No run wrote this file.
        """
        with self.errors_name_the_file():
            arrays = self._contents.arrays
            n, synapses = len(arrays["biases"]), len(arrays["weights"])
            inputs = n - len(np.unique(arrays["network.targets"]))
            delays = len(read_elements(arrays).get("delays", ()))
            return n - inputs, inputs - delays, synapses

    def digest(self) -> str:
        """Return the digest of all parameters, as `Network.digest` does.

        Raises:
            CheckpointError: No run wrote this file.
        """
        with self.errors_name_the_file():
            arrays = self._contents.arrays
            raw = arrays["weights"].tobytes() + arrays["biases"].tobytes()
            return hashlib.sha256(raw).hexdigest()

    def count_examples(self) -> int:
        """Return the number of training examples.

        Raises:
            CheckpointError: The run's data are missing or damaged.
        """
        data = self._read_data()
        with self.errors_name_the_file():
            return len(data.arrays["x"])

    def _read_data(self) -> FileContents:
        """Read the run's data; refuse those of another run."""
        contents = read(self.folder.path / DATA, "data")
        if contents.digest != self.metadata.get("data"):
            raise CheckpointError(
                f"{str(self.file)!r} is of another run than {DATA!r}, which is beside it"
            )
        return contents

    def read_result(self) -> tuple[Network, History, int]:
        """Return network, history and number of messages of a finished run.

        Raises:
            CheckpointError: Its data are missing, an activation function is another one here than
                in the run, or no run wrote this file.
        """
        self._read_data()
        with self.errors_name_the_file():
            position = self._position()
            epochs = read_whole_number(self.metadata["run"], "epochs", 1)
            if len(position.history) != epochs:
                raise ValueError(f"it is finished after {len(position.history)} of its epochs")
            messages = read_whole_number(self.metadata, "messages", 0)
            problems = self.other_functions(with_loss=False)
            if problems:  # the network would predict something else than it has learned
                raise CheckpointError(f"{'; '.join(problems)}. {USED_ADVICE}")
            return self._learned_network(), History(position.history), messages

    def _learned_network(self) -> Network:
        """Return the network of a finished run; see `Network.learned_under`."""
        network, held = self._network(""), self.metadata["run"]["rule"]
        try:
            rule = whole_rule(rule_from_json(held))
        except InputError:  # of a module that is not imported: what it does is not known
            return network.learned_under(quote(held["name"]))
        return network.learned_under(quote(rule)) if needs_rule(rule, network) else network

    def open_run(
        self, optimizer: Optimizer | None, channels: ChannelsChoice | None, exact: bool
    ) -> OpenRun:
        """Prepare the run to continue from here.

        Args:
            optimizer: Needed if the run's optimizer is the user's own.
            channels: The engine from here on; None is that of the run.
            exact: Whether to refuse where the last bits may differ.

        Returns:
            The run.

        Raises:
            CheckpointError: The run cannot continue, or no run wrote this file.
        """
        data, metadata = self._read_data(), self.metadata
        with self.errors_name_the_file():
            first = self._network("first.")
            plan = plan_from_json(metadata["run"], first, data.arrays, optimizer, channels)
            differing = self.differences()
            if differing and exact:
                raise CheckpointError(
                    f"it was written where last bits may differ ({'; '.join(differing)}); "
                    "exact=False (--inexact) continues all the same, perhaps to other bits"
                )
            self._check_functions(plan, exact=not differing)
            position = self._position()
            steps = read_whole_number(metadata, "steps", 0)
            number = read_whole_number(metadata, "number", 0, LARGEST_STEP)
            messages = read_whole_number(metadata, "messages", 0)
            check_position(position, plan, steps)
            states = self._states(plan.rule.society(first), plan.optimizer)
            members = MemberRegistry(
                plan.rule, plan.rule.society(first), states, number, plan.optimizer, steps
            )
            every = read_whole_number(metadata["run"], "every", 1)
            still_exact = bool(metadata["exact"]) and not differing
            saver = Saver(self.folder, plan, position, members, every, messages, still_exact)
            saver.continue_from(self.file, data.digest)
            return OpenRun(plan, position, self._network(""), saver)

    def other_functions(self, *, with_loss: bool = True) -> list[str]:
        """Return, in words, which functions of the run are other ones here.

        Functions that are not known here are left out.

        Args:
            with_loss: Whether to compare the loss too. A result is used without it.
        """
        names = json.loads(self._contents.arrays["network.activations"].tobytes())
        loss = self.metadata["run"]["loss"]
        activations = [name for name in names if name in functions.ACTIVATIONS]
        losses = [loss] if with_loss and loss in functions.LOSSES else []
        exact = not self.differences()
        held = read_elements(self._contents.arrays).get("interneurons", ())
        combinations = {name for _, name, _ in held} & set(functions.COMBINATIONS)
        found = compare(
            self.metadata.get("functions"), activations, losses, combinations, exact=exact
        )
        return found.problems

    def differences(self) -> list[str]:
        """Return, in words, how this machine differs from the one that wrote the checkpoint.

        Only differences on which the last bits may depend count.
        """
        here, there = versions()["neuro-actors"], self.metadata["versions"]["neuro-actors"]
        found = [f"neuro-actors: {there} there, {here} here"] if here != there else []
        sums = self.metadata["run"]["sums"]
        return [*found, *differences(self.metadata["numerics"], sums)]

    def compare_functions(self, plan: TrainingPlan, *, exact: bool) -> Comparison:
        """Compare the functions that the run used with those of the same names here.

        Args:
            plan: The run's plan.
            exact: Whether equal bits are promised between there and here.
        """
        return compare_plan(self.metadata.get("functions"), plan, exact=exact)

    def _check_functions(self, plan: TrainingPlan, *, exact: bool) -> None:
        """Refuse other functions than the run's; say what an older checkpoint does not tell."""
        found = self.compare_functions(plan, exact=exact)
        if found.problems:
            raise CheckpointError(
                f"{'; '.join(found.problems)}: the run would not go on as it began. {USED_ADVICE}"
            )
        missing = [*found.unchecked, *unchecked(self.metadata["numerics"])]
        if missing:
            problem = f"because this checkpoint does not tell of them: {'; '.join(missing)}"
            print_note(f"neuro-actors: not checked, {escape_controls(problem)}")

    def _position(self) -> TrainingPosition:
        return position_from_json(self.metadata["place"], self._contents.arrays["predictions"])

    def _network(self, which: str) -> Network:
        """Return the present network (""), or the first one ("first.")."""
        arrays = self._contents.arrays
        return network_from_arrays(arrays, arrays[f"{which}weights"], arrays[f"{which}biases"])

    def _states(self, network: Network, optimizer: Optimizer) -> list[MemberState] | None:
        """Return the members' state; None before the first step."""
        forms, arrays = self.metadata["forms"], self._contents.arrays
        if forms is None:
            return None
        numbers = {
            name.removeprefix("kept."): flat
            for name, flat in arrays.items()
            if name.startswith("kept.")
        }
        states = unpack(forms, arrays["form"], numbers, optimizer)
        if len(states) != len(network.ids):
            raise ValueError(f"{len(network.ids)} members, and states of {len(states)}")
        return states

    @contextmanager
    def errors_name_the_file(self) -> Iterator[None]:
        """Name the file in every error, also where a digest is right but no run wrote the file.

        Raises:
            CheckpointError: In place of any error that wrong contents can cause.
        """
        try:
            yield
        except CheckpointError as error:
            raise CheckpointError(f"{str(self.file)!r}: {error}") from None
        except (
            KeyError,
            ValueError,
            TypeError,
            IndexError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ) as error:
            raise CheckpointError(
                f"{str(self.file)!r} was not written by neuro_actors: {quote(error)}"
            ) from None
