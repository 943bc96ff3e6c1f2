"""What users of other libraries write: each error says the right line, and nothing else changes."""

from __future__ import annotations

import atexit
import copy
import inspect
import pickle
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.support.hints import ATTRIBUTES, PARAMETERS, explains_arguments

NET = na.Network.layered([2, 3, 1], seed=0)
X, T = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]]
RESULT = na.train(NET, X, T, optimizer=na.SGD(0.1), epochs=1)
FOLDER = TemporaryDirectory(ignore_cleanup_errors=True)
atexit.register(FOLDER.cleanup)
na.train(NET, X, T, optimizer=na.SGD(0.1), epochs=1, log=f"{FOLDER.name}/run.arrows")
LOG = na.open_log(f"{FOLDER.name}/run.arrows")
OBJECTS = {
    "Log": LOG,
    "Network": NET,
    "TrainingResult": RESULT,
    "Gradient": na.gradient(NET, X, T),
    "History": RESULT.history,
    "Dataset": na.datasets.xor(),
    "neuro_actors": na,
    "neuro_actors.datasets": na.datasets,
    "neuro_actors.layers": na.layers,
    "neuro_actors.rules": na.rules,
}


@pytest.mark.parametrize(
    ("code", "match"),
    [
        ("na.rules.LocalRule", r": write from neuro_actors\.neuron import LocalRule$"),
        ("NET.predict(X)", r"has no attribute 'predict': write na\.predict\(network, x\)$"),
        (
            "NET.fit(X, T)",
            r": write na\.train\(network, x, targets, optimizer=na\.Adam\(0\.01\)\)$",
        ),
        (
            "NET.save('a')",
            r": write numpy\.savez\(.*weights=network\.weights, biases=network\.biases\)$",
        ),
        ("RESULT.predict(X)", r": write na\.predict\(result\.network, x\)$"),
        ("na.save(NET, 'a')", r"'neuro_actors' has no attribute 'save': write numpy\.savez"),
        ("na.load('a')", r": write network\.with_parameters\(\*\*numpy\.load\("),
        ("na.RMSprop(0.1)", r": write optimizer=na\.Adam\(0\.01\) or optimizer=na\.SGD\(0\.1\)$"),
        ("NET.layers", r": write print\(network\.describe\(\)\)$"),
        ("na.Sequential()", r": write na\.Network\.layered"),
        ("na.trian(NET)", r"'neuro_actors' has no attribute 'trian': did you mean 'train'\?$"),
        ("na.sgd(0.1)", r": did you mean 'SGD'\?$"),
        (
            "na.datasets.xro()",
            r"'neuro_actors\.datasets' has no attribute 'xro': did you mean 'xor'\?$",
        ),
        ("na.datasets.cats()", r": write na\.datasets\.silhouettes\(28, \"cat\"\)$"),
        ("na.datasets.xor().y", r": write dataset\.targets$"),
        ("RESULT.history.plot()", r": write result\.plot\(\)$"),
        ("LOG.show()", r": write log\.messages\(step=1\), or: neuro-actors log show "),
        ("LOG.audit()", r": write na\.audit\(log\.path\)$"),
        ("RESULT.history.loss", r": write history\[-1\]\.loss$"),
        ("NET.load('a')", r": write network\.with_parameters\(\*\*numpy\.load\("),
        ("na.rules.Backprop()", r": did you mean 'Backpropagation'\?$"),
        ("na.reference.gradiant", r": did you mean 'gradient'\?$"),
    ],
)
def test_a_missing_attribute(code: str, match: str) -> None:
    with pytest.raises(AttributeError, match=match) as caught:
        eval(code)
    assert caught.value.obj is None  # Python adds no "Did you mean" of its own


@pytest.mark.parametrize(
    ("code", "match"),
    [
        ("NET(X)", r"^a network is no function: write na\.predict\(network, x\)$"),
        ("na.SGD(lr=0.1)", "^na.SGD: there is no parameter 'lr': write learning_rate=0.1$"),
        (
            "na.SGD()",
            "^na.SGD: missing a required argument: 'learning_rate', such as learning_rate",
        ),
        ("na.Adam(0.1, betas=(1, 2))", r"^na\.Adam: .*: write beta1=0\.9, beta2=0\.999$"),
        ("na.train(NET, X, T)", r"^na\.train: .*'optimizer', such as optimizer=na\.Adam\(0\.01\)$"),
        ("na.train(NET, X, T, lr=0.1)", r"no parameter 'lr': write optimizer=na\.SGD\(0\.1\)$"),
        ("na.train(NET, X, y=T)", r"^na\.train: there is no parameter 'y': write targets="),
        ("na.gradient(NET, X, T, los='huber')", r"parameter 'los': did you mean 'loss'\?$"),
        ("na.Network.layered([2, 1], hidden=3)", r"^na\.Network\.layered: .*: write sizes="),
        (
            "na.Network()",
            r"^na\.Network: missing .*'neurons', such as .*; or na\.Network\.layered\(\[2, 8, 1\]\)$",
        ),
        ("na.Network.layered(2, 3, 1)", r": write na\.Network\.layered\(\[2, 3, 1\]\)$"),
        ("na.Network.layered(2, 1, 'relu')", r": write na\.Network\.layered\(\[2, 1\]\)$"),
        (
            "na.Network.layered([2, 1], a=3)",
            r"known are 'sizes', 'activation', 'output_activation', 'seed'$",
        ),
        (
            "na.train(NET, X, T, 'huber', na.SGD(0.1))",
            r"^na\.train: got 5 arguments without a name, but takes 4 \(network, x, targets, loss\): "
            r"name the others, such as optimizer=na\.Adam\(0\.01\)$",
        ),
        ("na.trace('a', 'x->y')", r"^na\.trace: got 2 .* takes 1 \(log\): .*, such as weight="),
        (
            "na.Neuron('a', 'tanh', 0, False, 1)",
            r"^na\.Neuron: got 5 .* takes 4 \(id, activation, bias, frozen\)$",
        ),
        (
            "na.predict(RESULT, X)",
            r"^network must be an na\.Network, got TrainingResult: write result\.network$",
        ),
        ("na.reference.gradient(RESULT, X, T)", r", got TrainingResult: write result\.network$"),
        ("na.partition(RESULT, 2)", r", got TrainingResult: write result\.network$"),
        ("na.audit(LOG)", r"^a log must be the name of a file, got <Log .*>: write log\.path$"),
        ("na.predict(NET, [[1, 2], [3]])", r"^x: .*: its rows have different lengths$"),
        (
            "na.Network.from_matrices([[[1, 2]]], [[0]])",
            r"'activations', such as activations=\[\"tanh\", \"identity\"\], one for each layer$",
        ),
        ("na.predict(na.Network, X)", r", got the class Network: make one, such as "),
        ("na.Network.layered([2, 1], hidden='relu')", r": write activation='relu'$"),
        ("na.Network([2, 3, 1])", r"'synapses', such as .*; or na\.Network\.layered\(\["),
        ("na.Network([2, 3, 1], [], [])", r": for layers write na\.Network\.layered\(\["),
        (
            "na.Network.layered([2, 3, 1], activation=['tanh', 'relu'])",
            r"^all hidden layers have one activation, a name, got \['tanh', 'relu'\]$",
        ),
        ("na.train(NET, X, T, na.SGD(0.1))", r"'optimizer': write optimizer=na\.SGD\(0\.1\)$"),
        ("na.train(NET, X, T, optimizer='adam')", r": write optimizer=na\.Adam\(0\.01\)$"),
        ("na.train(NET, X, T, optimizer=na.SGD)", r": write optimizer=na\.SGD\(0\.1\)$"),
        ("na.train(NET, X, T, optimizer='huber')", r": write loss='huber'$"),
        ("na.gradient(NET, X, T, na.SGD(0.1))", r"^unknown loss .*: write optimizer=na\.SGD"),
        ("na.gradient(NET, X, T, channels=na.Unreliable)", r": write channels=na\.Unreliable\("),
        ("na.gradient(NET, X, T, channels=na.Ray(shards=2))", r": write engine=na\.Ray\("),
        ("na.Unreliable(0.1)", r"got 0\.1: write drop=0\.1$"),
        ("na.Unreliable(dorp=0.1)", r"^na\.Unreliable: .*: did you mean 'drop'\?$"),
        ("na.Ray(workers=2)", r"^na\.Ray: there is no parameter 'workers': write shards=2$"),
        ("na.faults.Kill('a', 'after commit', epoch=1)", r"^na\.faults\.Kill: there is no param"),
        ("na.Recording('a', overwritten=True)", r"^na\.Recording: .*did you mean 'overwrite'\?$"),
    ],
)
def test_a_wrong_call(code: str, match: str) -> None:
    with pytest.raises(na.InputError, match=match):
        eval(code)


FAULTS = na.faults.Lose, na.faults.Kill, na.faults.DeadLink, na.faults.Partition
PUBLIC = [
    *((f"na.{name}", getattr(na, name)) for name in na.__all__),
    *((f"na.datasets.{name}", getattr(na.datasets, name)) for name in na.datasets.__all__),
    *((f"na.faults.{kind.__name__}", kind) for kind in FAULTS),
    *((f"na.reference.{name}", getattr(na.reference, name)) for name in na.reference.__all__),
]
NOT_CALLED = {  # by users: they are read, caught or derived from; and what checks its own arguments
    "Activation", "Audit", "Dataset", "Epoch", "Gradient", "Loss", "Simulation", "StepResult",
    "Trace", "TrainingResult",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "function"),
    [
        (name, one)
        for name, one in PUBLIC
        if callable(one) and not name.endswith("Error") and name.split(".")[-1] not in NOT_CALLED
    ],
)
def test_too_many_arguments_of_every_public_call(name: str, function) -> None:
    with pytest.raises(
        na.InputError, match=rf"^{re.escape(name)}: got 30 arguments without a name"
    ):
        function(*range(30))


def test_an_error_from_within_a_function_stays_what_it_is() -> None:
    @explains_arguments
    def fails(x: int) -> None:
        raise TypeError("from within")

    with pytest.raises(TypeError, match="^from within$"):
        fails(1)


async def test_a_step_without_an_optimizer() -> None:
    async with na.open_simulation(NET) as simulation:
        with pytest.raises(
            na.InputError, match=r"^na\.Simulation\.train_step: .*'optimizer', such"
        ):
            await simulation.train_step(X, T)
        with pytest.raises(AttributeError, match=r": write await simulation\.train_step\("):
            simulation.fit(X, T)


@pytest.mark.parametrize("kind", OBJECTS)
def test_nothing_else_changes(kind: str) -> None:
    one = OBJECTS[kind]
    for name in (*ATTRIBUTES[kind], "_repr_png_", "_ipython_display_", "__array__", "nothing"):
        assert not hasattr(one, name), name  # a hint about a name that exists misleads
        assert getattr(one, name, None) is None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'$"):
        one.nothing  # noqa: B018
    if not inspect.ismodule(one):
        copies = copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))
        assert all(type(other) is type(one) for other in copies)


def test_no_hint_is_about_a_name_that_exists() -> None:
    assert not {name for name in ATTRIBUTES["Simulation"] if hasattr(na.Simulation, name)}
    assert set(OBJECTS) | {"Simulation"} == set(ATTRIBUTES)


def test_the_signatures_are_those_of_the_functions() -> None:
    """What a hint about a parameter names is a parameter of some function."""
    functions = (
        na.Unreliable,
        na.Ray,
        na.train,
        na.gradient,
        na.SGD,
        na.Adam,
        na.Network.layered,
        na.predict,
        na.layers.inputs,
        na.layers.dropout,
        na.layers.gru,
    )
    known = {name for function in functions for name in inspect.signature(function).parameters}
    assert {"optimizer", "learning_rate", "weight_decay", "sizes", "targets"} <= known
    for hints in PARAMETERS.values():
        assert any(hint.partition("=")[0] in known for hint in hints)


def test_what_is_saved_and_loaded_as_the_hints_say_is_the_same_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two hints run as they are printed, and no pickle is read."""
    monkeypatch.chdir(tmp_path)
    names = {"network": NET, "numpy": np}
    exec(ATTRIBUTES["Network"]["save"], names)
    loaded = eval(ATTRIBUTES["neuro_actors"]["load"], names)
    assert loaded.digest() == NET.digest()
    assert not [
        text for table in ATTRIBUTES.values() for text in table.values() if "pickle" in text
    ]
