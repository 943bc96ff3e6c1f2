"""A checkpoint, read: what it holds, and a run that goes on from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Any

import numpy as np

from ...channels.interface import Engine
from ...network.network import Network
from ...neuron.optimizers import Optimizer
from ...rules.remembering import Keeping
from ...support.errors import CheckpointError
from ...support.numerics import differences
from ...support.text import shown
from ..history import Epoch
from ..plan import Course, Place
from .files import Held, read
from .folder import DATA, found, read_checkpoint
from .packing import unpacked
from .plan_json import check_place, course_of, network_of, place_of, whole
from .saving import Saver, versions

MOST = 2**53  # steps that a society may have lived through


class Checkpoint:
    """One that is whole: the file itself, or a folder's newest. Raises `CheckpointError` otherwise.

    about: what is told in it.  file: where it stands.  finished: whether it is a result.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.folder, self.file = found(path)
        self._held = read_checkpoint(self.folder, self.file)
        self.about: dict[str, Any] = self._held.about
        with self.sensible():
            self.finished = bool(self.about["finished"])

    def sizes(self) -> tuple[int, int, int]:
        """How many neurons, inputs and synapses there are."""
        with self.sensible():
            arrays = self._held.arrays
            n, synapses = len(arrays["biases"]), len(arrays["weights"])
            inputs = n - len(np.unique(arrays["network.targets"]))
            return n - inputs, inputs, synapses

    def digest(self) -> str:
        """That of all parameters' bits, as `Network.digest` tells it."""
        with self.sensible():
            return hashlib.sha256(
                self._held.arrays["weights"].tobytes() + self._held.arrays["biases"].tobytes()
            ).hexdigest()

    def examples(self) -> int:
        """How many the run learns from. Raises `CheckpointError` if its data are not there."""
        data = self._data()
        with self.sensible():
            return len(data.arrays["x"])

    def _data(self) -> Held:
        """The data of the run. Raises `CheckpointError` if those in the folder are another run's."""
        held = read(self.folder.path / DATA, "data")
        if held.digest != self.about.get("data"):
            raise CheckpointError(
                f"{str(self.file)!r} is of another run than {DATA!r}, which lies beside it"
            )
        return held

    def result(self) -> tuple[Network, tuple[Epoch, ...], int]:
        """Of a run that is finished: network, history and messages."""
        self._data()
        with self.sensible():
            place = place_of(self.about["place"], self._held.arrays["predictions"])
            if len(place.history) != whole(self.about["run"], "epochs", 1):
                raise ValueError(f"it is finished after {len(place.history)} of its epochs")
            return self._network(""), tuple(place.history), whole(self.about, "messages", 0)

    def run(
        self, optimizer: Optimizer | None, channels: str | Engine | None, exact: bool
    ) -> tuple[Course, Place, Network, Saver]:
        """The run: what is to be done, where it is, the network as it is, and who saves it."""
        data, about = self._data(), self.about
        with self.sensible():
            first = self._network("first.")
            course = course_of(about["run"], first, data.arrays, optimizer, channels)
            other = self.differences()
            if other and exact:
                advice = (
                    "it can go on, but not to the bits of an unbroken run: exact=False (--inexact)"
                )
                raise CheckpointError(
                    f"it was written where last bits may differ ({'; '.join(other)}); {advice}"
                )
            place = place_of(about["place"], self._held.arrays["predictions"])
            steps, number, messages = (
                whole(about, "steps", 0),
                whole(about, "number", 0, MOST),
                whole(about, "messages", 0),
            )
            check_place(place, course, steps)
            kept = None
            if about["forms"] is not None:
                numbers = {
                    name[5:]: flat
                    for name, flat in self._held.arrays.items()
                    if name.startswith("kept.")
                }
                kept = unpacked(
                    about["forms"], self._held.arrays["form"], numbers, course.optimizer
                )
                if len(kept) != len(first.ids):
                    raise ValueError(
                        f"{len(first.ids)} members, and {len(kept)} have kept something"
                    )
            keeping = Keeping(course.rule, first, kept, number, course.optimizer, steps)
            every, same = whole(about["run"], "every", 1), bool(about["exact"]) and not other
            saver = Saver(self.folder, course, place, keeping, every, messages, same)
            saver.goes_on(self.file, data.digest)
            return course, place, self._network(""), saver

    def differences(self) -> list[str]:
        """In words, in what this machine differs from that which wrote it, as far as bits depend on it."""
        here, there = versions()["neuro-actors"], self.about["versions"]["neuro-actors"]
        found = [f"neuro-actors: {there} there, {here} here"] if here != there else []
        return [*found, *differences(self.about["numerics"], self.about["run"]["sums"])]

    def _network(self, which: str) -> Network:
        arrays = self._held.arrays
        return network_of(arrays, arrays[f"{which}weights"], arrays[f"{which}biases"])

    @contextmanager
    def sensible(self) -> Iterator[None]:
        """What is refused is refused by the file's name; so is what no run of this package wrote, digest or not."""
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
                f"{str(self.file)!r} is none that neuro_actors wrote: {shown(error)}"
            ) from None
