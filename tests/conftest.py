"""What all tests share. A new engine is tested by adding its name here."""

from __future__ import annotations

import signal

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.simulation.checkpoint.saving import Saver

if (
    signal.getsignal(signal.SIGINT) == signal.SIG_IGN
):  # as a shell has it for what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=["memory", "bundled"])
def channels(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def diamond() -> na.Network:
    """x -> two hidden neurons -> y, with a skip x -> y; h1 is an output that also feeds y; one inhibitory synapse."""
    return na.Network(
        neurons=[
            na.Input("x"),
            na.Neuron("h1", activation="tanh", bias=0.1),
            na.Neuron("h2", activation="sigmoid", bias=-0.2),
            na.Neuron("y", activation="identity", bias=0.3),
        ],
        synapses=[
            na.Synapse("x", "h1", weight=0.5),
            na.Synapse("x", "h2", weight=-1.5),
            na.Synapse("h1", "y", weight=2.0),
            na.Synapse("h2", "y", weight=-0.75),
            na.Synapse("x", "y", weight=0.25),
        ],
        outputs=["y", "h1"],
    )


@pytest.fixture
def batch(diamond: na.Network) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.standard_normal((7, 1)), rng.standard_normal((7, 2))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """An activation function that fails on negative signals."""
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))

    def root(z: np.ndarray) -> np.ndarray:
        if (z < 0).any():
            raise ZeroDivisionError("no root")
        return np.sqrt(z)

    functions.ACTIVATIONS["root"] = na.Activation(root, lambda z, a: 0.5 / a)
    return na.Network(
        [na.Input("x"), na.Neuron("h", "root"), na.Neuron("y")],
        [na.Synapse("x", "h", 1.0), na.Synapse("h", "y", 1.0)],
        ["y"],
    )


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch):
    """stop(k): the run that comes next is asked to stop when k of its steps are over, as a Ctrl-C would ask it."""
    after_step, at = Saver.after_step, [0]

    async def asked(self, simulation) -> None:
        if self._steps_done == at[0]:
            self.signals.received = 2
        await after_step(self, simulation)

    monkeypatch.setattr(Saver, "after_step", asked)
    return lambda k: at.__setitem__(0, k)
