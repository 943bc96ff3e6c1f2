"""When a running society is saved, and what: between two steps of learning, all that it takes to go on."""

from __future__ import annotations

import platform
import shlex
import sys
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ...network.network import Network
from ...neuron.sums import named
from ...rules.remembering import Keeping
from ...support.errors import CheckpointError
from ...support.numerics import fingerprint
from ...support.version import __version__
from ..plan import Course, Place
from ..simulation import Simulation
from . import files
from .folder import DATA, Folder
from .packing import packed
from .plan_json import data_arrays, network_arrays, place_told, settings
from .signals import Stopped, Stopping


class Saver:
    """Saves one run into one folder.

    every: after so many steps of learning.  messages: sent before this society was born.  exact: whether all of the run
    lived on machines of one numeric fingerprint.
    """

    def __init__(
        self,
        folder: Folder,
        course: Course,
        place: Place,
        keeping: Keeping,
        every: int,
        messages: int = 0,
        exact: bool = True,
    ) -> None:
        self.keeping, self.stopping = keeping, Stopping()
        self._folder, self._course, self._place = folder, course, place
        self._every, self.messages = every, messages
        self._fixed = network_arrays(keeping.network)
        self._about: dict[str, Any] = {
            "run": settings(course) | {"every": every},
            "versions": versions(),
            "numerics": fingerprint(course.sums),
            "exact": exact,
        }

    def check(self, overwrite: bool) -> None:
        """Of a new run, before any work: raise what it would be refused for later."""
        course, network = self._course, self._course.network
        course.rule.check(network, course.loss)
        some = [
            int(np.argmax(of)) for of in (network.is_input, ~network.is_input)
        ]  # the first input, the first neuron
        born = Keeping(course.rule, network)
        kept = [born.member(network, k, named(course.sums)).kept() for k in some]
        packed([network.ids[k] for k in some], kept, course.optimizer)
        if not overwrite:
            self._folder.check()

    def goes_on(self, file: Path, data: str) -> None:
        """Of a run that was stopped: from which checkpoint, and the digest of its data."""
        self._about["data"] = data
        self._folder.go_on_from(file)

    def before_all(self) -> None:
        """Before the first step: of a new run the data, and a first checkpoint, in which nobody has kept anything yet."""
        if "data" not in self._about:
            self._folder.begin()
            self._about["data"] = files.write(
                self._folder.path / DATA, "data", self._about, data_arrays(self._course)
            )
            self._write(self._course.network, 0, 0, finished=False, born=False)
        if self.stopping.asked is not None:
            raise Stopped(self.stopping.asked)

    async def after_step(self, simulation: Simulation) -> None:
        """Save it if it is time, or if it is to stop."""
        asked = self.stopping.asked
        if asked is not None or self._steps % self._every == 0:
            await self._save(simulation, finished=False)
        if asked is not None:
            raise Stopped(asked)

    async def end(self, simulation: Simulation) -> None:
        """Save the result."""
        await self._save(simulation, finished=True)
        if self.stopping.asked is not None:
            raise Stopped(self.stopping.asked)

    def leave(self, stopped: Stopped) -> NoReturn:
        """Say where and how to go on, and go."""
        told = f"stopped after step {self._steps:,} of {self._course.steps:,}, which is saved; go on with: {self._how}"
        print(f"neuro-actors: {told}", file=sys.stderr)
        stopped.leave()

    @property
    def _how(self) -> str:
        """To go on."""
        engine = (
            "" if isinstance(self._course.channels, str) else " --channels bundled"
        )  # what no file holds
        return f"neuro-actors resume {shlex.quote(str(self._folder.path))}{engine}"

    @property
    def _steps(self) -> int:
        return self._place.steps(self._course)

    async def _save(self, simulation: Simulation, *, finished: bool) -> None:
        network = await simulation.network()
        number, messages = simulation.last_step, self.messages + simulation.statistics().messages
        self._write(network, number, messages, finished=finished, born=True)

    def _write(
        self, network: Network, number: int, messages: int, *, finished: bool, born: bool
    ) -> None:
        first, place = self.keeping.network, self._place
        about = self._about | {
            "steps": self._steps,
            "of": self._course.steps,
            "finished": finished,
            "number": number,
            "messages": messages,
            "place": place_told(place),
            "forms": None,
        }
        arrays = self._fixed | {
            "weights": network.weights,
            "biases": network.biases,
            "first.weights": first.weights,
            "first.biases": first.biases,
            "predictions": place.predictions,
        }
        if born:
            kept = packed(first.ids, self.keeping.all_kept(), self._course.optimizer)
            about["forms"] = kept.forms
            arrays["form"] = kept.form
            arrays |= {f"kept.{name}": flat for name, flat in kept.numbers.items()}
        file = self._folder.place(self._steps)
        try:
            files.write(file, "checkpoint", about, arrays)
        except CheckpointError as error:
            if not self._folder.checkpoints():
                raise
            raise CheckpointError(f"{error}; when there is room, go on with: {self._how}") from None
        self._folder.wrote(file)


def versions() -> dict[str, str]:
    """Of what the bits may depend on, and of what a reader may want to know."""
    return {
        "neuro-actors": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
