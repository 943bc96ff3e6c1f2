"""Shared by all scenarios: their arguments, the pictures of animals, figures."""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import _french
import numpy as np

import neuro_actors as na
from neuro_actors.datasets.silhouettes import average
from neuro_actors.support.console import show_all_characters
from neuro_actors.support.optional import import_optional

ENGLISH = _french.Say()


def run(
    main: Callable[[argparse.Namespace], None],
    about: str,
    *,
    quick: bool = False,
    out: str = "",
    every: int = 1,
    french: bool = False,
    training: Callable[[argparse.Namespace], Training] | None = None,
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
        training: Returns how the scenario learns, given its other arguments. Then --epochs,
            --rate and --hidden change that; `main` finds it in `arguments.training`.
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
    _french.add_language(parser, french)
    more(parser)
    if training:
        _add_training(parser, training(parser.parse_args([])))
    if sys.stdout is None:
        parser.error("the output cannot be written: the standard output is closed")
    show_all_characters()
    try:
        arguments = parser.parse_args()
        if arguments.seed < 0:
            raise na.InputError(f"--seed must be at least 0, got {arguments.seed}")
        if training:
            arguments.training = _read_training(arguments, training(arguments))
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
    """An argument parser whose errors are one line, and say how a number is written."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.register("type", int, _whole_number)
        self.register("type", float, _number)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")

    def print_help(self, file=None) -> None:
        """Print the help. argparse would pass over an output that cannot be written."""
        print(self.format_help(), end="", file=file, flush=True)


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        problem = f"{text!r} is no whole number: write digits, such as 3"
        raise argparse.ArgumentTypeError(problem) from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        point = text.replace(",", ".", 1)  # 0,5 is 0.5 in French
        hint = point if re.fullmatch(r"\d*\.\d+", point) else "digits, such as 0.1"
        raise argparse.ArgumentTypeError(f"{text!r} is no number: write {hint}") from None


class Training(NamedTuple):
    """How a scenario's society learns.

    Attributes:
        epochs: Passes through the examples.
        rate: The learning rate.
        hidden: The number of neurons of each hidden layer.
        quick: The passes with --quick.
    """

    epochs: int
    rate: float
    hidden: tuple[int, ...]
    quick: int


def _add_training(parser: argparse.ArgumentParser, usual: Training) -> None:
    hidden = ",".join(map(str, usual.hidden))
    for name, kind, metavar, text in (
        ("--epochs", int, "N", f"passes through the examples (default {usual.epochs})"),
        ("--rate", float, "R", f"learning rate (default {usual.rate:g})"),
        ("--hidden", _layers, "N", f"hidden neurons; 12,8 is two layers (default {hidden})"),
    ):
        parser.add_argument(name, type=kind, metavar=metavar, help=text)


def _layers(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(map(int, text.split(",")))
    except ValueError:
        sizes = (0,)
    if min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"expected such as 16 or 12,8; got {text!r}")
    return sizes


def _read_training(arguments: argparse.Namespace, usual: Training) -> Training:
    """Return how the society learns, by the command line and else as usual."""
    quick = getattr(arguments, "quick", False)
    chosen = usual._replace(epochs=usual.quick if quick else usual.epochs)
    given = {name: getattr(arguments, name) for name in ("epochs", "rate", "hidden")}
    chosen = chosen._replace(**{name: value for name, value in given.items() if value is not None})
    if chosen.epochs < 1:
        raise na.InputError(f"--epochs must be at least 1, got {chosen.epochs}")
    if not 0 < chosen.rate < math.inf:
        raise na.InputError(f"--rate must be a number above 0, got {chosen.rate:g}")
    return chosen


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


def count_parameters(network: na.Network) -> int:
    """Return how many parameters learn. Those of a shared weight count once."""
    biases = ~network.frozen_biases & (network.n_parameters > 0)
    return int((~network.frozen_weights).sum() + biases.sum())


async def record_gradient(
    network: na.Network, x: np.ndarray, targets: np.ndarray, loss: str, recording: na.Recording
) -> na.Gradient:
    """Ask a society for a gradient, and record all messages."""
    async with na.open_simulation(network, log=recording) as simulation:
        return await simulation.gradient(x, targets, loss)


class Said:
    """What each neuron said in one gradient: the activations in its log.

    Args:
        recording: The recording of the log.
    """

    def __init__(self, recording: na.Recording) -> None:
        log = na.open_log(recording.path)
        self._rows = log.step(1).activations
        self._index = {id: k for k, id in enumerate(log.network.ids)}

    def __call__(self, neuron: str) -> np.ndarray:
        """Return what a neuron said at each position of each example. Shape (columns,)."""
        row = self._rows[self._index[neuron]]
        return row[~np.isnan(row)]  # behind rows that are shorter than others there is NaN


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
        rows = average(pictures, pool)
        return cls(pool, rows.mean(axis=0), np.maximum(rows.std(axis=0), 0.02))

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Return the inputs of some pictures. Shape (n, n_inputs)."""
        return (average(pictures, self.pool) - self.mean) / self.spread


class Cats(NamedTuple):
    """Pictures of cats and of as many other animals.

    Attributes:
        x: The inputs of the pictures to learn from. Shape (n, size * size).
        is_cat: 1 for a cat, else 0. Shape (n, 1).
        x_test: The inputs of the pictures for the test. Shape (n_test, size * size).
        is_cat_test: As `is_cat`. Shape (n_test, 1).
    """

    x: np.ndarray
    is_cat: np.ndarray
    x_test: np.ndarray
    is_cat_test: np.ndarray


def load_cats(size: int, seed: int, standardise: bool = True) -> Cats:
    """Return pictures of size x size pixels; seed: of what is for the test.

    An input is a grey value from 0 (white) to 1 (black), or how far it is from its mean over the
    training pictures, in standard deviations.
    """
    train, test = (
        na.datasets.silhouettes(size, "cat", split=split, seed=seed) for split in ("train", "test")
    )
    if not standardise:
        return Cats(train.x, train.targets, test.x, test.targets)
    mean, spread = train.x.mean(axis=0), np.maximum(train.x.std(axis=0), 0.02)
    x, x_test = (train.x - mean) / spread, (test.x - mean) / spread
    return Cats(x, train.targets, x_test, test.targets)


def in_rounding_units(gradient: na.Gradient, expected: na.Gradient, bound: na.Gradient) -> float:
    """Return the largest difference of two gradients, in units of the rounding bound."""
    tiny = np.finfo(float).tiny
    by_weights = np.abs(gradient.weights - expected.weights) / np.maximum(bound.weights, tiny)
    by_biases = np.abs(gradient.biases - expected.biases) / np.maximum(bound.biases, tiny)
    return float(max(np.max(by_weights), np.max(by_biases)))
