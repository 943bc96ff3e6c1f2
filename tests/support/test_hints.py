"""What users of other libraries write: each error says the right line, and nothing else changes."""

from __future__ import annotations

import copy
import inspect
import pickle
from pathlib import Path

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.support.hints import ATTRIBUTES, PARAMETERS

NET = na.Network.layered([2, 3, 1], seed=0)
X, T = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]]
RESULT = na.train(NET, X, T, optimizer=na.SGD(0.1), epochs=1)
OBJECTS = {
    "Network": NET,
    "TrainingResult": RESULT,
    "Gradient": na.gradient(NET, X, T),
    "neuro_actors": na,
}


@pytest.mark.parametrize(
    ("code", "match"),
    [
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
        ("na.Sequential()", r": write na\.Network\.layered"),
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
        ("na.Recording('a', overwritten=True)", r"^na\.Recording: .*did you mean 'overwrite'\?$"),
    ],
)
def test_a_wrong_call(code: str, match: str) -> None:
    with pytest.raises(na.InputError, match=match):
        eval(code)


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
    if one is not na:
        copies = copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))
        assert all(type(other) is type(one) for other in copies)


def test_no_hint_is_about_a_name_that_exists() -> None:
    assert not {name for name in ATTRIBUTES["Simulation"] if hasattr(na.Simulation, name)}
    assert set(OBJECTS) | {"Simulation"} == set(ATTRIBUTES)


def test_the_signatures_are_those_of_the_functions() -> None:
    """What a hint about a parameter names is a parameter of some function."""
    functions = na.train, na.gradient, na.SGD, na.Adam, na.Network.layered, na.predict
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
