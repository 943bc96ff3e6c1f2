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
    help="Write all figures to this file, too.",
)
def bench(quick: bool, path: str) -> None:
    """Time a society's gradient beside all that computes the same one.

    Beside both engines, bundled and memory: numpy matrices on one thread, and, where they are installed, PyTorch,
    micrograd and Pykka; actors in plain asyncio; trio's own channels carrying as many objects; the neurons' rules
    without any mail. Each gradient is first compared with the reference. Rivals take turns in one process. Times are
    medians of the thread's CPU time, with quartiles; Pykka's, which has many threads, by the clock.
    """
    folder = Path(path).resolve().parent
    if path and not folder.is_dir():
        raise InputError(f"--json {path!r}: there is no folder {str(folder)!r}")
    one_thread = dict.fromkeys(
        ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
        "1",
    )
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
