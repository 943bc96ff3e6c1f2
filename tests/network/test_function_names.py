"""Names of activation functions and losses: an editor completes them, and a wrong one is guessed."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import get_args, get_type_hints

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.channels.choose_channels import ChannelsName
from neuro_actors.network import activations, losses
from neuro_actors.network.combinations import PACKAGE_COMBINATIONS
from neuro_actors.network.function_names import (
    ActivationName,
    AnyActivation,
    AnyLoss,
    LossName,
    suggest_activation,
    suggest_combination,
    suggest_loss,
)
from neuro_actors.neuron.sums import SUMS, SumsChoice


def test_the_names_are_those_of_the_tables() -> None:
    assert get_args(ActivationName) == activations.BUILT_IN
    assert get_args(LossName) == losses.BUILT_IN
    assert get_args(get_args(SumsChoice)[0]) == tuple(SUMS)


@pytest.mark.parametrize(
    "function", [na.train, na.gradient, na.reference.gradient, na.Simulation.train_step]
)
def test_an_editor_sees_the_names(function) -> None:
    assert "AnyLoss" in str(inspect.signature(function).parameters["loss"].annotation)
    assert get_args(AnyLoss) == (LossName, str)
    assert get_args(AnyActivation) == (ActivationName, str)
    assert get_type_hints(na.Neuron)["activation"] == AnyActivation


TYPED = """
import neuro_actors as na
network = na.Network.layered([2, 1], activation="mine", output_activation="tanh")
own: str = "my loss"
result = na.train(network, [[0.0, 1.0]], [[1.0]], own, optimizer=na.SGD(0.1), channels="memory")
result.plot().savefig("a.png")
reveal_type(result.plot())
network.fit
network(1)
"""


@pytest.mark.slow
def test_a_type_checker_takes_own_names(tmp_path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "own.py").write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--strict", "own.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert [line.split(":")[1] for line in errors] == ["8", "9"], done.stdout  # fit, and the call
    assert 'Revealed type is "matplotlib.figure.Figure"' in done.stdout or "Any" in done.stdout


def test_engines_have_names_too() -> None:
    for name in get_args(ChannelsName):
        na.gradient(na.Network.layered([1, 1]), [[1.0]], [[1.0]], channels=name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ReLU", "did you mean 'relu'?"),
        ("relu ", "did you mean 'relu'?"),
        ("Sigmoid", "did you mean 'sigmoid'?"),
        ("LeakyReLU", "did you mean 'leaky_relu'?"),
        ("leaky-relu", "did you mean 'leaky_relu'?"),
        ("linear", "did you mean 'identity'?"),
        (None, "did you mean 'identity'?"),
        ("tahn", "did you mean 'tanh'?"),
        ("softmax", "keep the outputs' activation 'identity' and use loss='softmax_cross_entropy'"),
        ("Softmax", "use loss='softmax_cross_entropy'"),
        (["tanh"], "known are 'identity'"),
        (abs, 'gets a name by na.add_activation("mine", value=..., slope=...)'),
        (np.tanh, "did you mean 'tanh'?"),
        (na.ACTIVATIONS["tanh"], "write its name, a key of na.ACTIVATIONS"),
    ],
)
def test_what_an_activation_may_mean(name: object, expected: str) -> None:
    assert expected in suggest_activation(name, list(na.ACTIVATIONS))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mse", "did you mean 'squared_error'?"),
        ("MSE", "did you mean 'squared_error'?"),
        ("mean_squared_error", "did you mean 'squared_error'?"),
        ("mae", "did you mean 'absolute_error'?"),
        ("bce", "did you mean 'sigmoid_cross_entropy', for outputs with"),
        ("binary_cross_entropy", "did you mean 'sigmoid_cross_entropy', for"),
        ("ce", "did you mean 'softmax_cross_entropy', for"),
        ("CrossEntropyLoss", "did you mean 'softmax_cross_entropy', for"),
        ("Huber", "did you mean 'huber'?"),
        ("cross", "did you mean 'cross_entropy'?"),
        (lambda p, t: p - t, 'gets a name by na.add_loss("mine", value=..., slope=...)'),
        (na.LOSSES["huber"], "write its name, a key of na.LOSSES"),
    ],
)
def test_what_a_loss_may_mean(name: object, expected: str) -> None:
    assert expected in suggest_loss(name, list(na.LOSSES))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Product", "did you mean 'product'?"),
        ("prod", "did you mean 'product'?"),
        (np.sum, "did you mean 'sum'?"),
        (np.prod, "did you mean 'product'?"),
        ("mean", "add it with na.add_combination(...), or use 'sum'"),
        ("dropout", "write its rate, from 0 on and below 1: 'dropout 0.1'"),
        (abs, 'gets a name by na.add_combination("mine", value=..., slopes=...)'),
        (na.COMBINATIONS["max"], "write its name, a key of na.COMBINATIONS"),
        (3, "known are 'sum', 'product', 'max', 'logsumexp'"),
    ],
)
def test_what_a_combination_may_mean(name: object, expected: str) -> None:
    assert expected in suggest_combination(name, list(PACKAGE_COMBINATIONS))


def test_softmax_as_an_activation_is_answered_with_the_loss() -> None:
    with pytest.raises(na.NetworkError, match=r"^neuron 'y0': .*use loss='softmax_cross_entropy';"):
        na.Network.layered([2, 3, 3], output_activation="softmax")
    with pytest.raises(na.NetworkError, match=r"^neuron 'h1.0': .*one such as 'tanh'$"):
        na.Network.layered([2, 3, 3], activation="softmax")
