"""The public names, all of them: a change here is a change for users."""

from __future__ import annotations

import inspect
import tomllib
import types

from helpers.paths import ROOT

import neuro_actors as na

NAMES = [
    "ACTIVATIONS",
    "COMBINATIONS",
    "Activation",
    "Adam",
    "Audit",
    "BoundError",
    "CheckpointError",
    "Combination",
    "CosineDecay",
    "Delay",
    "Epoch",
    "Gradient",
    "Input",
    "InputError",
    "Interneuron",
    "LOSSES",
    "LogError",
    "Loss",
    "MessageError",
    "Network",
    "NetworkError",
    "Neuron",
    "NeuroActorsError",
    "Partition",
    "Ray",
    "Recording",
    "SGD",
    "Simulation",
    "SimulationError",
    "StepDecay",
    "StepResult",
    "Synapse",
    "Trace",
    "TrainingResult",
    "Unreliable",
    "add_activation",
    "add_combination",
    "add_loss",
    "audit",
    "datasets",
    "faults",
    "field",
    "gradient",
    "hessian_vector_product",
    "kernel",
    "layers",
    "open_log",
    "open_simulation",
    "partition",
    "predict",
    "reference",
    "resume",
    "rules",
    "show",
    "trace",
    "train",
]


def test_all_and_no_others() -> None:
    public = {
        name
        for name, value in vars(na).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public | {
        "datasets",
        "faults",
        "field",
        "kernel",
        "layers",
        "reference",
        "rules",
    } == set(NAMES)
    assert sorted(na.__all__) == sorted(NAMES)
    assert dir(na) == sorted(NAMES)


def test_each_says_what_it_is() -> None:
    for name in NAMES:
        value = getattr(na, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), name
            for method, what in vars(value).items() if inspect.isclass(value) else ():
                if (
                    inspect.isfunction(what)
                    and not method.startswith("_")
                    and method not in ("start", "update")
                ):
                    assert inspect.getdoc(what), f"{name}.{method}"


def test_every_error_is_one_of_ours_and_input_errors_are_value_errors() -> None:
    errors = [getattr(na, name) for name in NAMES if name.endswith("Error")]
    assert all(issubclass(error, na.NeuroActorsError) for error in errors)
    assert issubclass(na.InputError, ValueError)
    assert issubclass(na.NetworkError, na.InputError)


def test_signatures_of_the_contract() -> None:
    def parameters(function) -> list[str]:
        return list(inspect.signature(function).parameters)

    assert parameters(na.gradient)[:5] == ["network", "x", "targets", "loss", "channels"]
    assert parameters(na.hessian_vector_product)[:7] == [
        "network",
        "x",
        "targets",
        "weights",
        "biases",
        "loss",
        "channels",
    ]
    assert parameters(na.Simulation.hessian_vector_product)[1:] == [
        "x",
        "targets",
        "weights",
        "biases",
        "loss",
    ]
    assert parameters(na.reference.gradient)[:4] == ["network", "x", "targets", "loss"]
    assert parameters(na.open_simulation)[:3] == ["network", "channels", "log"]
    assert parameters(na.Network.layered)[:4] == [
        "sizes",
        "activation",
        "output_activation",
        "seed",
    ]
    assert parameters(na.Network.from_matrices)[:3] == ["weights", "biases", "activations"]
    assert parameters(na.SGD)[:3] == ["learning_rate", "momentum", "weight_decay"]
    assert parameters(na.Simulation.gradient)[1:] == ["x", "targets", "loss", "wrt_inputs"]


def test_help_begins_with_an_example_and_where_to_read_on() -> None:
    first_screen = "\n".join(inspect.getdoc(na).splitlines()[:24])  # type: ignore[union-attr]
    assert ">>> result = na.train(" in first_screen
    assert "na.show(" in first_screen
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    assert urls["Documentation"] in first_screen
