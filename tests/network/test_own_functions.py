"""Functions of a user's own: their results are copied, and they may not mix examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.network.own_functions import is_original, is_own


@pytest.fixture(autouse=True)
def own_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
    monkeypatch.setattr(functions, "LOSSES", dict(functions.LOSSES))


BUFFER = np.empty(10_000)
TANH, SQUARED = na.ACTIVATIONS["tanh"], na.LOSSES["squared_error"]


def reusing(entry: na.Activation | na.Loss) -> na.Activation | na.Loss:
    """The same functions, which write into one buffer."""

    def one(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        def call(*arguments: np.ndarray) -> np.ndarray:
            result = function(*arguments)
            array = BUFFER[: result.size].reshape(result.shape)
            array[...] = result
            return array

        return call

    return type(entry)(one(entry.value), one(entry.slope), one(entry.curvature))


@pytest.mark.parametrize("added", [True, False])
def test_a_buffer_that_is_used_again_changes_no_bit(added: bool, channels: str) -> None:
    activation, loss = reusing(TANH), reusing(SQUARED)
    if added:
        na.add_activation(
            "again", activation.value, activation.slope, curvature=activation.curvature
        )
        na.add_loss("again", loss.value, loss.slope, curvature=loss.curvature)
    else:
        functions.ACTIVATIONS["again"], functions.LOSSES["again"] = activation, loss
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    results = []
    for name, by in (("tanh", "squared_error"), ("again", "again")):
        net = na.Network.layered([3, 4, 4, 2], activation=name, output_activation=name, seed=1)
        found = na.gradient(net, x, t, by, channels, wrt_inputs=True)
        product = na.hessian_vector_product(net, x, t, net.weights, net.biases, by, channels)
        expected = na.reference.gradient(net, x, t, by)
        learned = na.train(net, x, t, by, optimizer=na.SGD(0.1), epochs=3, batch_size=2,
                           validation=(x, t), channels=channels)  # fmt: skip
        results.append([
            found.loss, found.predictions, found.weights, found.biases, found.inputs,
            product.weights, product.biases, expected.weights,
            learned.network.weights, learned.history[-1].validation_loss,
        ])  # fmt: skip
    assert all(np.array_equal(one, other) for one, other in zip(*results, strict=True))


@pytest.mark.parametrize("part", ["value", "slope"])
def test_masked_results_are_refused(part: str) -> None:
    def mask(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        return lambda *arguments: np.ma.masked_greater(function(*arguments), 0.1)

    masked = replace(TANH, **{part: mask(getattr(TANH, part))})
    with pytest.raises(na.InputError, match="masked numbers"):
        na.add_activation("masked", masked.value, masked.slope)
    functions.ACTIVATIONS["masked"] = masked
    net = na.Network.layered([1, 2, 1], activation="masked", seed=0)
    with pytest.raises(na.SimulationError, match=f"masked: its {part} must have no masked numbers"):
        na.gradient(net, [[1.0]], [[1.0]])
    functions.LOSSES["masked"] = replace(SQUARED, **{part: mask(getattr(SQUARED, part))})
    net = na.Network.layered([1, 1], seed=0)
    with pytest.raises(na.SimulationError, match=f"masked: its {part} must have no masked numbers"):
        na.gradient(net, [[1.0]], [[-1.0]], "masked")


def test_an_argument_that_is_changed_in_place_is_refused(channels: str) -> None:
    functions.ACTIVATIONS["late"] = na.Activation(
        np.tanh, lambda z, a: np.subtract(1.0, np.multiply(a, a, out=a), out=a)
    )
    net = na.Network.layered([2, 3, 1], activation="late")
    with pytest.raises(na.SimulationError, match="read-only"):
        na.gradient(net, [[1.0, 2.0]], [[1.0]], channels=channels)


@pytest.mark.parametrize("slope", [
    lambda z, a: 1.0, lambda z, a: np.float64(1.0), lambda z, a: np.ones(1),
    lambda z, a: np.ones(z.shape, np.float32), lambda z, a: [1.0] * len(z),
], ids=["number", "scalar", "one", "float32", "list"])  # fmt: skip
def test_a_slope_that_numpy_would_spread_is_refused(slope, channels: str) -> None:
    functions.ACTIVATIONS["odd"] = na.Activation(lambda z: z + 0.0, slope)
    net = na.Network.layered([1, 1], output_activation="odd")
    with pytest.raises(na.SimulationError, match="odd: its slope must be an array of float64 of"):
        na.gradient(net, [[1.0], [2.0]], [[1.0], [0.0]], channels=channels)


def counting() -> Callable[[np.ndarray], np.ndarray]:
    calls = []

    def value(z: np.ndarray) -> np.ndarray:
        calls.append(1)
        return z * len(calls)

    return value


ONES = lambda z, a: np.ones_like(z)  # noqa: E731
MIXING = {
    "batch norm": lambda z: (z - z.mean()) / (z.std() + 1.0),
    "a little of the mean": lambda z: z + 1e-6 * z.mean(),
    "only in large batches": lambda z: z - z.mean() * (len(z) > 40),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True),
    "by position": lambda z: z * np.arange(z.size).reshape(z.shape),
    "running sum": lambda z: z.cumsum().reshape(z.shape),
    "by earlier calls": None,
}  # fmt: skip


@pytest.mark.parametrize("name", MIXING)
def test_an_activation_function_that_mixes_examples_is_refused(name: str, channels: str) -> None:
    value = MIXING[name] or counting()
    with pytest.raises(na.InputError, match=r"f: its value must be elementwise"):
        na.add_activation("f", value, ONES)
    with pytest.raises(na.InputError, match=r"f: its slope must be elementwise"):
        na.add_activation("f", np.tanh, lambda z, a: value(z))
    with pytest.raises(na.InputError, match=r"f: its curvature must be elementwise"):
        na.add_activation("f", np.tanh, ONES, curvature=lambda z, a: value(z))
    assert "f" not in functions.ACTIVATIONS
    # put into the table past these checks
    functions.ACTIVATIONS["f"] = na.Activation(MIXING[name] or counting(), ONES)
    net = na.Network.layered([2, 3, 2], activation="f")
    x = np.random.default_rng(0).standard_normal((60, 2))
    for more in ({"micro_batches": 2}, {"micro_batches": 3, "in_flight": 2}):
        with pytest.raises(na.InputError, match="f: its value must be elementwise"):
            na.gradient(net, x, x, channels=channels, **more)
        with pytest.raises(na.InputError, match="f: its value must be elementwise"):
            na.train(net, x, x, optimizer=na.SGD(0.1), channels=channels, **more)


def test_a_loss_that_mixes_examples_is_refused() -> None:
    def squares(p: np.ndarray, t: np.ndarray) -> np.ndarray:
        return ((p - t) ** 2).sum(axis=1)

    def mixing(p: np.ndarray, t: np.ndarray) -> np.ndarray:
        return squares(p, t) / (1.0 + squares(p, t).sum())

    def slope(p: np.ndarray, t: np.ndarray) -> np.ndarray:
        return 2.0 * (p - t)

    for value, by in (
        (mixing, slope),
        (squares, lambda p, t: slope(p, t) - slope(p, t).mean(axis=0)),
    ):
        with pytest.raises(na.InputError, match="f: its (value|slope) must go row by row"):
            na.add_loss("f", value, by)
        assert "f" not in functions.LOSSES
        functions.LOSSES["f"] = na.Loss(value, by)
        net, x = na.Network.layered([2, 1], seed=0), [[1.0, 2.0], [3.0, 4.0], [0.5, 1.0]]
        with pytest.raises(na.InputError, match="f: its (value|slope) must go row by row"):
            na.gradient(net, x, [[1.0], [0.0], [2.0]], "f", micro_batches=2)
        del functions.LOSSES["f"]


@pytest.mark.parametrize("table", ["ACTIVATIONS", "LOSSES", "COMBINATIONS"])
def test_a_bare_function_in_a_table_is_refused_with_advice(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the network is made or a loss is first used, before a society lives."""
    monkeypatch.setattr(functions, table, dict(getattr(functions, table)) | {"bare": lambda z: z})
    uses = {
        "ACTIVATIONS": lambda: na.Network(
            [na.Input("x"), na.Neuron("y", "bare")], [na.Synapse("x", "y", 1.0)], ["y"]
        ),
        "COMBINATIONS": lambda: na.Network(
            [na.Input("x"), na.Interneuron("m", "bare")], [na.Synapse("x", "m")], ["m"]
        ),
        "LOSSES": lambda: na.gradient(na.Network.layered([1, 1]), [[1.0]], [[0.0]], "bare"),
    }
    with pytest.raises(na.InputError, match=r"^bare: the table must hold .*: add it with na\.add_"):
        uses[table]()


@pytest.mark.parametrize(
    ("add", "given", "match"),
    [
        (
            na.add_activation,
            ("tanh", "tanh"),
            "value must be a function, got Act.*: write value=f.v",
        ),
        (
            na.add_activation,
            (np.tanh, "tanh"),
            "slope must be a function, got Activation.*=f.slope",
        ),
        (na.add_activation, (3, np.tanh), "value must be a function, got 3$"),
        (na.add_activation, (np.tanh, None), "slope must be a function, got None$"),
    ],
)
def test_what_is_no_function_is_answered_with_its_part(add, given, match: str) -> None:
    f = na.ACTIVATIONS["tanh"]
    with pytest.raises(na.InputError, match=f"^f: {match}"):
        add("f", *(f if one == "tanh" else one for one in given))


@pytest.mark.parametrize(
    ("add", "whole", "parts"),
    [
        (na.add_activation, na.ACTIVATIONS["tanh"], ("value", "slope", "curvature")),
        (na.add_loss, na.LOSSES["huber"], ("value", "slope", "curvature")),
        (na.add_combination, na.COMBINATIONS["max"], ("value", "slopes", "bends")),
    ],
)
def test_each_part_may_be_a_function_alone(add, whole, parts) -> None:
    for wrong in parts:
        given = {part: getattr(whole, part) for part in parts} | {wrong: whole}
        advice = (
            f"^f: {wrong} must be a function, got {type(whole).__name__}.* write {wrong}=f.{wrong}"
        )
        with pytest.raises(na.InputError, match=advice):
            add("f", **given)


def test_the_packages_own_functions_are_not_wrapped() -> None:
    """So they cost nothing more; a replaced one is wrapped."""
    assert functions.activation("tanh") is na.ACTIVATIONS["tanh"]
    assert functions.loss("huber") is na.LOSSES["huber"]
    functions.ACTIVATIONS["tanh"] = na.Activation(np.sin, lambda z, a: np.cos(z))
    replaced = functions.activation("tanh")
    assert replaced is functions.activation("tanh") is not functions.ACTIVATIONS["tanh"]
    assert functions.loss("huber") is na.LOSSES["huber"]
    functions.ACTIVATIONS["tanh"] = "tanh"
    with pytest.raises(
        na.InputError, match=r"must hold na\.Activation, na\.Combination or na\.Loss, got 'tanh'"
    ):
        functions.activation("tanh")


def test_a_name_s_function_is_the_package_s_only_where_nobody_replaced_it() -> None:
    tables = ((functions.ACTIVATIONS, "tanh", "sin"), (functions.LOSSES, "huber", "squared_error"))
    for table, name, other in tables:
        assert is_original(name, table[name])
        assert not is_original(name, table[other])  # the package's, under another name
        assert not is_own(table[other])
        assert not is_original("mine", table[name])
        assert not is_original(name, replace(table[name]))
