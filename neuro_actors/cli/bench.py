"""`neuro-actors bench`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from ..support.errors import InputError


@click.command()
@click.option("--quick", is_flag=True, help="Fewer and shorter rounds: under two minutes.")
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False),
    default="",
    help="Also write all figures to this file.",
)
def bench(quick: bool, path: str) -> None:
    """Benchmark against numpy, PyTorch, micrograd, asyncio, Pykka.

    \b
    neuro-actors bench --quick
    neuro-actors bench --json figures.json

    Each program computes the same gradient, which is compared with the reference first:

    \b
    * this package with both engines, bundled and memory;
    * matrices in numpy on one thread;
    * PyTorch, micrograd and Pykka, if they are installed;
    * the same society in plain asyncio;
    * the same number of objects through trio's channels, without computation;
    * the rules of the neurons, without messages.

    The programs take turns in one process, so that a disturbance hits all of them. Times are
    medians of the thread's CPU time, with quartiles. Pykka uses threads, so its time is clock time.
    """
    _check_folder(path)
    one_thread = dict.fromkeys(
        ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
        "1",
    )
    # A process of its own: BLAS reads the number of its threads when it is loaded.
    command = [
        sys.executable,
        "-m",
        "neuro_actors.cli.benchmark",
        "quick" if quick else "full",
        path,
    ]
    sys.stdout.flush()
    code = subprocess.run(command, env=os.environ | one_thread, check=False).returncode
    if code:
        raise SystemExit(code)


def _check_folder(path: str) -> None:
    folder = Path(path).resolve().parent
    if path and not folder.is_dir():
        raise InputError(f"--json {path!r}: there is no folder {str(folder)!r}; make it first")
