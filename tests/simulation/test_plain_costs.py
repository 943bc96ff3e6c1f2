"""What a plain society of one position costs: no more than before there were interneurons, positions and delays."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
import trio

import neuro_actors as na

PACKAGE = str(Path(na.__file__).parent)
# Calls of the package's own functions in a step of learning, by folder, of 40 neurons in two
# layers; and how many bytes a step of 8 examples adds to a log. Measured before that.
CALLS = {
    "bundled": {"neuron": 758, "channels": 385, "society": 89},
    "memory": {"neuron": 1587, "channels": 1708, "society": 112},
}
BYTES = 46_513


def learn(
    channels: str, steps: int, log: Path | None = None, counts: Counter | None = None
) -> None:
    """Learn for two steps, and then some that are counted."""
    rng = np.random.default_rng(0)
    x, targets = rng.normal(size=(8, 20)), rng.normal(size=(8, 10))

    def count(frame: FrameType, event: str, _: object) -> None:
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(PACKAGE):
            counts[Path(file[len(PACKAGE) + 1 :]).parts[0]] += 1

    async def society() -> None:
        net = na.Network.layered([20, 30, 10], "tanh", seed=0)
        async with na.open_simulation(net, channels, log=log) as simulation:
            for step in range(2 + steps):
                if step == 2 and counts is not None:
                    sys.setprofile(count)
                await simulation.train_step(x, targets, optimizer=na.SGD(0.1))
            sys.setprofile(None)

    trio.run(society)


@pytest.mark.parametrize("channels", CALLS)
def test_no_more_calls_than_before(channels: str) -> None:
    counts: Counter = Counter()
    learn(channels, 5, counts=counts)
    for folder, most in CALLS[channels].items():
        assert counts[folder] / 5 <= 1.01 * most, folder
        assert na.kernel.in_use or counts[folder] / 5 > 0.8 * most, folder


def test_a_log_has_no_more_bytes_than_before(tmp_path: Path) -> None:
    sizes = []
    for steps in (1, 11):
        learn("bundled", steps, tmp_path / f"{steps}.arrows")
        sizes.append((tmp_path / f"{steps}.arrows").stat().st_size)
    assert (sizes[1] - sizes[0]) / 10 <= 1.01 * BYTES  # another pyarrow may pad otherwise
