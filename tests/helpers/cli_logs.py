"""What the tests of asking a log share: logs, ids that want to be more than text, and a command line in this process."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.cli import command_line as cli

HOSTILE = [
    "<script>alert(1)</script>",
    "'; DROP VIEW messages; --",
    '"quoted", and\\back',
    "=cmd|' /C calc'!A0",
    "[red]x[/red] :boom:",
    "$\\frac{1}{0}$ $x",
    "_hidden",
    "a->b",
    "../../../tmp/x",
    "%s {0} {neuron}",
    "שלום مرحبا",
    "-- --help",
    "null",
]


def run(*arguments: str, expected: int = 0) -> tuple[str, str]:
    """Run the command line in this process. Return what it wrote to its output and to its errors."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    argv, sys.argv = sys.argv, ["neuro-actors", *arguments]
    try:
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        sys.argv = argv
    printed, complaint = (_text(stream) for stream in (out, err))
    assert ended.value.code == expected, (printed, complaint)
    return printed, complaint


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.detach().getvalue().decode()


def run_process(*arguments: str, expected: int = 0) -> tuple[str, str]:
    """Run the command in a process of its own, as a shell does. Return what it wrote to its output and to its errors."""
    done = subprocess.run(
        [sys.executable, "-m", "neuro_actors", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == expected, done.stderr
    return done.stdout, done.stderr


def ask(
    *arguments: str | Path,
    expected: int = 0,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """What the command prints; or, where it is expected to fail, its one line of complaint."""
    monkeypatch.setattr(sys, "argv", ["neuro-actors", "log", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    assert ended.value.code == expected, (out, err)
    if expected == 2:
        assert out == ""
        assert err.startswith("neuro-actors: ")
        assert err.count("\n") == 1
        assert err[:-1].isprintable()
        return err
    return out


async def write(
    path: Path, network: na.Network, batch, channels: str = "bundled", **recording
) -> na.Network:
    """Four steps: predict, the gradient with that of the inputs, two of learning. Returns the trained network."""
    x, t = batch
    async with na.open_simulation(
        network, channels, log=na.Recording(path, **recording)
    ) as simulation:
        await simulation.predict(x)
        await simulation.gradient(x, t, wrt_inputs=True)
        for _ in range(2):
            await simulation.train_step(x, t, loss="huber", optimizer=na.SGD(0.1, momentum=0.9))
        return await simulation.network()


def hostile_network() -> na.Network:
    """One input, and a neuron of each of the ids that wants to be more than text; the last one hears all and is the output."""
    *hidden, last = HOSTILE
    neurons = [na.Input("x"), *(na.Neuron(name, "tanh") for name in hidden), na.Neuron(last)]
    synapses = [na.Synapse("x", name, 0.1 * (k + 1)) for k, name in enumerate(hidden)]
    return na.Network(
        neurons, [*synapses, *(na.Synapse(name, last, 0.5) for name in hidden)], [last]
    )


def hostile_batch() -> tuple[np.ndarray, np.ndarray]:
    return np.array([[0.5], [-1.25], [2.0]]), np.array([[1.0], [0.0], [0.25]])
