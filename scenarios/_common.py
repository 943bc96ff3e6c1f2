"""Shared by all scenarios: their arguments, the pictures of animals, and figures."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

import _french
import numpy as np

import neuro_actors as na
from neuro_actors.support.console import show_all_characters
from neuro_actors.support.optional import import_optional

DATA = Path(__file__).parent / "data" / "animals.npz"
ENGLISH = _french.Say()


def run(
    main: Callable[[argparse.Namespace], None],
    about: str,
    *,
    quick: bool = False,
    out: str = "",
    every: int = 1,
    french: bool = False,
    more: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
) -> None:
    """Read the command line and call `main` with the arguments.

    An error is one line and exit code 2; Ctrl-C is exit code 130.

    Args:
        main: The scenario. It finds an `na.Recording`, or None, in `arguments.log`.
        about: The text of --help.
        quick: Whether the scenario has --quick.
        out: What --help says of --out, such as "the figure goes"; "": there is no --out.
        every: The default of --log-every.
        french: Whether the scenario has --lang.
        more: Adds the scenario's own arguments.
    """
    parser = Parser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="random seed (default 0)")
    parser.add_argument(
        "--log",
        metavar="FILE",
        help="record every message; read it with: neuro-actors log show FILE",
    )
    parser.add_argument(
        "--log-every",
        type=int,
        default=every,
        metavar="N",
        help=f"record only the first of every N steps (default {every})",
    )
    parser.add_argument("--force", action="store_true", help="overwrite the log if it exists")
    if quick:
        parser.add_argument(
            "--quick",
            action="store_true",
            help="a short run, to see that it works (and a small log)",
        )
    if out:
        parser.add_argument(
            "--out",
            type=Path,
            default=Path("out"),
            metavar="DIR",
            help=f"where {out} (default out)",
        )
    if french:
        _french.add_language(parser)
    more(parser)
    if sys.stdout is None:
        parser.error("the output cannot be written: the standard output is closed")
    show_all_characters()
    try:
        arguments = parser.parse_args()
        if arguments.seed < 0:
            raise na.InputError(f"--seed must be at least 0, got {arguments.seed}")
        if out:
            _make_folder(arguments.out)  # now, not after the work
        arguments.log = _recording(arguments)
        main(arguments)
        sys.stdout.flush()
    except na.NeuroActorsError as error:
        parser.error(" ".join(str(error).split()))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader, such as `head`, has stopped reading
        _discard_output()
    except MemoryError:
        parser.error("there is not enough memory for that")
    except OSError as error:
        _discard_output()
        parser.error(f"the output cannot be written: {error.strerror or error}")


def _discard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")

    def print_help(self, file=None) -> None:
        """Print the help. argparse would pass over an output that cannot be written."""
        print(self.format_help(), end="", file=file, flush=True)


def _recording(arguments: argparse.Namespace) -> na.Recording | None:
    """Return the recording that --log, --log-every and --force ask for."""
    path, every, force = arguments.log, arguments.log_every, arguments.force
    if every < 1:
        raise na.InputError(f"--log-every must be at least 1, got {every}")
    if path is None:
        return None
    recording = na.Recording(path, every=every, overwrite=force)
    # The log writer checks this too, but only after the scenario has printed its first lines.
    if os.path.lexists(path) and not force:
        raise na.InputError(f"log file {path!r} exists already: choose another name, or --force")
    return recording


def full_recording(arguments: argparse.Namespace, name: str) -> na.Recording:
    """Return a recording of every step, for a scenario that reads its own log.

    Args:
        arguments: The arguments of the command line.
        name: The log's name in the folder --out, if there is no --log.
    """
    recording = arguments.log or na.Recording(arguments.out / name, overwrite=True)
    if not recording.whole or arguments.log_every > 1:
        raise na.InputError("this scenario needs every step: leave out --log-every")
    return recording


def describe_size(network: na.Network, say: _french.Say = ENGLISH) -> str:
    """Return the numbers of inputs, neurons and synapses as text."""
    return say(
        "{inputs} inputs, {neurons:,} neurons, {synapses:,} synapses",
        inputs=len(network.inputs),
        neurons=len(network.ids) - len(network.inputs),
        synapses=len(network.weights),
    )


def import_pyplot(say: _french.Say = ENGLISH):
    """Return matplotlib.pyplot, which draws into files; None and advice if it cannot be used."""
    try:
        matplotlib = import_optional(
            "matplotlib", "it needs matplotlib (pip install 'neuro-actors[plot]')"
        )
    except na.NeuroActorsError as error:
        print(say("\nNo figure: {error}.", error=error))
        return None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise na.InputError(f"--out {str(folder)!r} cannot be a folder: {error.strerror}") from None


def save_figure(figure, folder: Path, name: str, say: _french.Say = ENGLISH) -> None:
    """Write a figure and print its path."""
    try:
        figure.savefig(folder / name, dpi=150)
    except OSError as error:
        raise na.InputError(f"{str(folder / name)!r} cannot be written: {error.strerror}") from None
    print(say("\nFigure: {file}", file=folder / name))


class Animals(NamedTuple):
    """Pictures of animals.

    Attributes:
        pictures: Grey values from 0 to 255. Shape (n, 28, 28).
        classes: The class of each picture. Shape (n,).
        names: The names of the classes.
    """

    pictures: np.ndarray
    classes: np.ndarray
    names: list[str]


def load_animals() -> Animals:
    """Return all pictures, without the copies that the data set has of some."""
    with np.load(DATA) as data:
        pictures, classes, names = data["images"], data["labels"], data["class_names"].tolist()
    first = np.sort(np.unique(pictures.reshape(len(pictures), -1), axis=0, return_index=True)[1])
    return Animals(pictures[first], classes[first].astype(int), names)


class Pixels(NamedTuple):
    """Turns pictures into inputs: means over squares of pixels, then standardised.

    Attributes:
        pool: The side of a square, in pixels.
        mean: Mean of each input over the training pictures. Shape (n_inputs,).
        spread: Their standard deviation. Shape (n_inputs,).
    """

    pool: int
    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def fit(cls, pictures: np.ndarray, pool: int) -> Pixels:
        """Measure mean and spread on the training pictures. Shape (n, 28, 28)."""
        rows = cls._average(pictures, pool)
        return cls(pool, rows.mean(axis=0), np.maximum(rows.std(axis=0), 0.02))

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Return the inputs of some pictures. Shape (n, n_inputs)."""
        return (self._average(pictures, self.pool) - self.mean) / self.spread

    @staticmethod
    def _average(pictures: np.ndarray, pool: int) -> np.ndarray:
        side = pictures.shape[1] // pool
        squares = pictures.reshape(-1, side, pool, side, pool).mean(axis=(2, 4)) / 255
        return squares.reshape(len(pictures), -1)


def in_rounding_units(gradient: na.Gradient, expected: na.Gradient, bound: na.Gradient) -> float:
    """Return the largest difference of two gradients, in units of the rounding bound."""
    tiny = np.finfo(float).tiny
    by_weights = np.abs(gradient.weights - expected.weights) / np.maximum(bound.weights, tiny)
    by_biases = np.abs(gradient.biases - expected.biases) / np.maximum(bound.biases, tiny)
    return float(max(np.max(by_weights), np.max(by_biases)))
