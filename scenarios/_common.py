"""What the scenarios share: their arguments, the pictures of animals, and where figures go."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

import neuro_actors as na

DATA = Path(__file__).parent / "data" / "animals.npz"


def run(
    story: Callable[[argparse.Namespace], None],
    about: str,
    *,
    quick: bool = False,
    out: str = "",
    every: int = 1,
    more: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
) -> None:
    """Read the arguments and tell the story. An error is one line and exit code 2, Ctrl-C is exit code 130.

    out: what the story puts into the folder --out; nothing: it has none.  every: what --log-every is by default.
    The story finds a `Recording`, or None, in `arguments.log`.
    """
    parser = Parser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seed", type=int, default=0, help="what is drawn at random is drawn from this (default 0)"
    )
    parser.add_argument(
        "--log",
        metavar="FILE",
        help="record every message; read it with: neuro-actors log show FILE",
    )
    told = f"record only the first of every N steps (default {every})"
    parser.add_argument("--log-every", type=int, default=every, metavar="N", help=told)
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
    more(parser)
    arguments = parser.parse_args()
    if sys.stdout is None:
        parser.error("the output cannot be written: the standard output is closed")
    try:
        if arguments.seed < 0:
            raise na.InputError(f"--seed must be at least 0, got {arguments.seed}")
        if out:
            _folder(arguments.out)  # now, not after the work
        arguments.log = _recording(arguments)
        story(arguments)
        sys.stdout.flush()
    except na.NeuroActorsError as error:
        parser.error(" ".join(str(error).split()))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        _write_no_more()
    except MemoryError:
        parser.error("there is not enough memory for that")
    except OSError as error:
        _write_no_more()
        parser.error(f"the output cannot be written: {error.strerror or error}")


def _write_no_more() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _recording(arguments: argparse.Namespace) -> na.Recording | None:
    """What --log, --log-every and --force ask for."""
    path, every, force = arguments.log, arguments.log_every, arguments.force
    if every < 1:
        raise na.InputError(f"--log-every must be at least 1, got {every}")
    if path is None:
        return None
    recording = na.Recording(path, every=every, overwrite=force)
    if (
        Path(path).exists() and not force
    ):  # the writer would say so too, but after the first words of the story
        raise na.InputError(f"log file {path!r} exists already: choose another name, or --force")
    return recording


def whole_log(arguments: argparse.Namespace, name: str) -> na.Recording:
    """Where --log says, or in the folder --out, under this name; of a story that needs every step."""
    recording = arguments.log or na.Recording(arguments.out / name, overwrite=True)
    if not recording.whole or arguments.log_every > 1:
        raise na.InputError("this story needs every step: leave out --log-every")
    return recording


def size(network: na.Network) -> str:
    """How many of what, in a few words."""
    n_neurons = len(network.ids) - len(network.inputs)
    return f"{len(network.inputs)} inputs, {n_neurons:,} neurons, {len(network.weights):,} synapses"


def pyplot():
    """matplotlib, drawing into files; None, with a word of advice, where it is not installed."""
    try:
        import matplotlib
    except ImportError:
        print("\nNo figure: it needs matplotlib (pip install matplotlib).")
        return None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def _folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise na.InputError(f"--out {str(folder)!r} cannot be a folder: {error.strerror}") from None


def save(figure, folder: Path, name: str) -> None:
    """Write a figure and say where."""
    try:
        figure.savefig(folder / name, dpi=150)
    except OSError as error:
        raise na.InputError(f"{str(folder / name)!r} cannot be written: {error.strerror}") from None
    print(f"\nFigure: {folder / name}")


class Animals(NamedTuple):
    """Pictures (n, 28, 28) with values from 0 to 255, their classes (n,), and the classes' names."""

    pictures: np.ndarray
    classes: np.ndarray
    names: list[str]


def animals() -> Animals:
    """All different pictures, each once, in the order of their first appearance."""
    with np.load(DATA) as data:
        pictures, classes, names = data["images"], data["labels"], data["class_names"].tolist()
    first = np.sort(np.unique(pictures.reshape(len(pictures), -1), axis=0, return_index=True)[1])
    return Animals(pictures[first], classes[first].astype(int), names)


class Pixels(NamedTuple):
    """How pictures become inputs: means over squares of `pool` pixels, standardised as the training pictures are."""

    pool: int
    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def fitted(cls, pictures: np.ndarray, pool: int) -> Pixels:
        rows = cls._pooled(pictures, pool)
        return cls(pool, rows.mean(axis=0), np.maximum(rows.std(axis=0), 0.02))

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        return (self._pooled(pictures, self.pool) - self.mean) / self.spread

    @staticmethod
    def _pooled(pictures: np.ndarray, pool: int) -> np.ndarray:
        side = pictures.shape[1] // pool
        squares = pictures.reshape(-1, side, pool, side, pool).mean(axis=(2, 4)) / 255
        return squares.reshape(len(pictures), -1)


def units(gradient: na.Gradient, expected: na.Gradient, bound: na.Gradient) -> float:
    """The largest difference of two gradients, in units of what rounding alone may do."""
    pairs = [(g.weights, g.biases) for g in (gradient, expected, bound)]
    (w, b), (v, c), (e, f) = pairs
    tiny = np.finfo(float).tiny
    return float(
        max(
            np.max(np.abs(w - v) / np.maximum(e, tiny)), np.max(np.abs(b - c) / np.maximum(f, tiny))
        )
    )
