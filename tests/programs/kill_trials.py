"""Kills and interrupts real processes that train with checkpoints, and sees each run go on to the bits of an unbroken one.

    python tests/programs/kill_trials.py --kills 100 --interrupts 50 --seed 0

Each run is a process of its own, which this one makes by forking. SIGKILL comes at a random moment of it, and once at each
moment at which it asks the system something of a file in its folder; Ctrl-C at a random moment. What it leaves must be
either no checkpoint at all, and then it is said so, or one to go on from.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import numpy as np

import neuro_actors as na
from neuro_actors.simulation.checkpoint.reading import Checkpoint

RNG = np.random.default_rng(0)
X, TARGETS = RNG.standard_normal((40, 4)), RNG.random((40, 2))
NET = na.Network.layered([4, 6, 2], output_activation="sigmoid", seed=1)
RULE = na.rules.WeightPerturbation(sigma=0.01, seed=3)  # draws by the step's number


def train(folder: Path | None, every: int | None, epochs: int) -> na.TrainingResult:
    more = {
        "optimizer": na.Adam(0.01),
        "epochs": epochs,
        "batch_size": 4,
        "validation": (X, TARGETS),
        "rule": RULE,
    }
    return na.train(NET, X, TARGETS, checkpoint=folder, every=every, **more)


def process(work: Callable[[], object], errors: Path) -> int:
    """Do it in another process; its id. What it says goes to a file."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        with errors.open("w") as said:
            os.dup2(said.fileno(), 2)
        work()
        code = 0
    except KeyboardInterrupt:
        code = 130
    finally:
        sys.stderr.flush()
        os._exit(code)


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


class Trials:
    """Runs that are broken off, each in a folder of its own; and what came of them."""

    def __init__(self, epochs: int, seed: int) -> None:
        self.epochs = epochs
        self.draw = random.Random(seed)
        self.whole, self.short = train(None, None, epochs), train(None, None, 1)
        self.found: Counter[str] = Counter()

    def killed(self, folder: Path, moment: float) -> None:
        """By the clock."""
        child = process(lambda: train(folder, 1, self.epochs), folder.with_suffix(".err"))
        time.sleep(moment)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self.goes_on(folder)

    def killed_at(self, folder: Path, count: int) -> bool:
        """When it has asked something of a file in the folder for the count-th time; whether it ever did."""

        def work() -> None:
            left = count

            def asked(event: str, arguments: tuple[object, ...]) -> None:
                nonlocal left
                if event in (
                    "open",
                    "os.rename",
                    "os.remove",
                    "os.mkdir",
                    "os.listdir",
                    "os.scandir",
                ) and str(folder) in str(arguments):
                    left -= 1
                    if not left:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(asked)
            train(folder, 5, 1)

        _, status = os.waitpid(process(work, folder.with_suffix(".err")), 0)
        if os.WIFSIGNALED(status):
            self.goes_on(folder, self.short)
        return os.WIFSIGNALED(status)

    def interrupted(self, folder: Path, moment: float) -> None:
        """By Ctrl-C. Only then is anything saved, so what it says must be true."""
        errors = folder.with_suffix(".err")
        child = process(lambda: train(folder, 10**9, self.epochs), errors)
        time.sleep(moment)
        os.kill(child, signal.SIGINT)
        _, status = os.waitpid(child, 0)
        said = errors.read_text()
        self.found["over before it came"] += os.waitstatus_to_exitcode(status) == 0
        if "go on with: neuro-actors resume" in said:
            step = int(said.split("stopped after step ")[1].split()[0].replace(",", ""))
            assert os.waitstatus_to_exitcode(status) == 130, said
            assert Checkpoint(folder).metadata["steps"] == step, said
            self.found["which said where it had saved"] += 1
        self.goes_on(folder)

    def goes_on(self, folder: Path, whole: na.TrainingResult | None = None) -> None:
        for file in folder.glob("*") if folder.exists() else ():
            self.found["half files aside"] += file.name.endswith(".part")
        try:
            steps = Checkpoint(folder).metadata["steps"]
        except na.CheckpointError as error:
            if "there is no such folder" not in str(
                error
            ) and "there is no checkpoint in it" not in str(error):
                raise
            self.found["before there was a checkpoint, which was said"] += 1
            return
        with redirect_stderr(StringIO()):
            result = na.resume(folder)
        assert result == (whole or self.whole), f"after {steps} steps"
        assert result.network.digest() == (whole or self.whole).network.digest()
        assert not list(folder.glob("*.part"))
        self.found["went on to the same bits"] += 1
        shutil.rmtree(folder)

    def summary(self) -> str:
        return ", ".join(f"{n} {what}" for what, n in sorted(self.found.items()) if n)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--kills", type=int, default=100)
    options.add_argument("--interrupts", type=int, default=50)
    options.add_argument("--epochs", type=int, default=10)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument(
        "--every-call", action="store_true", help="kill at each call that concerns a file, too"
    )
    given = options.parse_args()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # in the background it would be ignored
    trials = Trials(given.epochs, given.seed)
    with tempfile.TemporaryDirectory() as held:
        place = Path(held)
        for name, count, strike, every in (
            ("SIGKILL", given.kills, trials.killed, 1),
            ("Ctrl-C", given.interrupts, trials.interrupted, 10**9),
        ):
            lasts = min(
                seconds(
                    lambda every=every, k=k: train(
                        place / f"whole {every} {k}", every, given.epochs
                    )
                )
                for k in range(3)
            )
            trials.found.clear()
            for k in range(count):
                strike(place / f"{name} {k}", trials.draw.uniform(0, lasts))
            print(f"{count} x {name}: {trials.summary()}")
        if given.every_call:
            trials.found.clear()
            count = 1
            while trials.killed_at(place / f"call {count}", count):
                count += 1
            print(f"SIGKILL at each of {count - 1} calls: {trials.summary()}")


if __name__ == "__main__":
    main()
