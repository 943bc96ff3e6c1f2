"""Combinations of a user's own: which one a name stands for, and what guards them."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from helpers.gated_networks import NETWORKS, examples

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.network.combinations import PACKAGE_COMBINATIONS
from neuro_actors.network.function_identity import compare, identities
from neuro_actors.network.own_functions import is_original, is_own


@pytest.fixture(autouse=True)
def own_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "COMBINATIONS", dict(functions.COMBINATIONS))


def mean(x: np.ndarray) -> np.ndarray:
    return np.asarray(x.mean(axis=0))


def slopes(x: np.ndarray, a: np.ndarray) -> np.ndarray:
    return np.full(x.shape, 1 / len(x))


def held(*names: str) -> dict:
    return json.loads(json.dumps(identities([], [], names)))


def problems(there: dict, *names: str, exact: bool = True) -> list[str]:
    return compare(there, [], [], names, exact=exact).problems


@pytest.mark.parametrize("exact", [True, False])
def test_the_packages_are_what_they_are(exact: bool) -> None:
    known = held(*PACKAGE_COMBINATIONS)
    found = compare(known, [], [], PACKAGE_COMBINATIONS, exact=exact)
    assert (found.problems, found.unchecked) == ([], [])
    assert len({entry["digest"] for entry in known["combinations"].values()}) == 4
    assert all(entry["source"] is None for entry in known["combinations"].values())


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        lambda entry: na.Combination(lambda x: mean(x) + 1e-3, entry.slopes),
        lambda entry: na.Combination(entry.value, lambda x, a: slopes(x, a) * 1.001),
        lambda entry: na.Combination(lambda x: x.min(axis=0), entry.slopes),
    ],
)
def test_another_one_is_named(change: Callable, exact: bool) -> None:
    na.add_combination("mean", mean, slopes)
    there = held("mean")
    assert problems(there, "mean", exact=exact) == []
    functions.COMBINATIONS["mean"] = change(functions.COMBINATIONS["mean"])
    (problem,) = problems(there, "mean", exact=exact)
    assert problem.startswith("the combination 'mean' is another function here than in the run (")


def test_what_stands_for_nothing_belongs_to_it() -> None:
    na.add_combination("mean", mean, slopes)
    there = held("mean")
    na.add_combination("mean", mean, slopes, nothing=0.0)
    assert problems(there, "mean")


def test_bends_count_where_both_have_them() -> None:
    na.add_combination("mean", mean, slopes)
    without = held("mean")
    na.add_combination("mean", mean, slopes, bends=lambda x, a, d: np.zeros(x.shape))
    there = held("mean")
    assert problems(without, "mean") == []
    other = {"bends": lambda x, a, d: 0.0 * x + 1.0, "surrogate": True}
    na.add_combination("mean", mean, slopes, **other)
    assert problems(there, "mean")


def test_one_that_depends_on_more_has_no_digest() -> None:
    calls = [0]

    def value(x: np.ndarray) -> np.ndarray:
        calls[0] += 1
        return mean(x) + 1e-13 * calls[0]

    na.add_combination("moody", value, slopes)
    assert held("moody")["combinations"]["moody"]["digest"] is None
    assert compare(held("moody"), [], [], ["moody"], exact=True).unchecked == [
        "the combination 'moody'"
    ]


def test_a_plain_network_names_none() -> None:
    assert "combinations" not in identities(["tanh"], ["huber"])
    assert "combinations" not in identities(["tanh"], [], ["unknown"])


# --- guards ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "given"),
    [
        ("value", {"value": lambda x: x.sum(axis=0) / x.max()}),
        ("value", {"value": lambda x: np.sort(x.sum(axis=0))}),
        ("slopes", {"slopes": lambda x, a: x / x.max()}),
        ("slopes", {"slopes": lambda x, a: x - a.mean()}),
        ("bends", {"bends": lambda x, a, d: d - d.mean()}),
    ],
)
def test_one_that_mixes_columns_is_refused(part: str, given: dict) -> None:
    with pytest.raises(
        na.InputError, match=f"odd: its {part} must go column by column, but a column"
    ):
        na.add_combination("odd", **{"value": mean, "slopes": slopes} | given)
    assert "odd" not in functions.COMBINATIONS


def test_one_in_the_table_that_mixes_columns_is_refused_in_micro_batches() -> None:
    functions.COMBINATIONS["product"] = na.Combination(lambda x: x.sum(axis=0) / x.max(), slopes)
    x, targets = examples(NETWORKS["gated"]())
    with pytest.raises(na.InputError, match="product: its value must go column by column"):
        na.train(
            NETWORKS["gated"](), x, targets, optimizer=na.SGD(0.1), epochs=1, batch_size=3, micro_batches=3
        )  # fmt: skip


def test_a_buffer_that_is_used_again_changes_no_bit(channels: str) -> None:
    network, buffer = NETWORKS["gated"](), np.empty(1000)
    x, targets = examples(network)
    expected = na.gradient(network, x, targets, channels=channels)

    def reusing(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        def call(*arguments: np.ndarray) -> np.ndarray:
            result = function(*arguments)
            array = buffer[: result.size].reshape(result.shape)
            array[...] = result
            return array

        return call

    for name in ("product", "sum", "max", "logsumexp"):
        entry = functions.COMBINATIONS[name]
        functions.COMBINATIONS[name] = na.Combination(reusing(entry.value), reusing(entry.slopes))
    found = na.gradient(network, x, targets, channels=channels)
    assert np.array_equal(found.weights, expected.weights)
    assert found.loss == expected.loss


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (
            {"value": lambda x: np.ma.masked_greater(mean(x), 0.0)},
            "product: its value must have no masked",
        ),
        (
            {"slopes": lambda x, a: slopes(x, a)[:1]},
            r"its slopes must be an array of float64 of shape \(2, 3\)",
        ),
        (
            {"slopes": lambda x, a: slopes(x, a).astype(np.float32)},
            "its slopes must be an array of float64",
        ),
    ],
)
def test_other_results_are_refused(given: dict, match: str) -> None:
    functions.COMBINATIONS["product"] = na.Combination(**{"value": mean, "slopes": slopes} | given)
    x, targets = examples(NETWORKS["gated"]())
    with pytest.raises(na.SimulationError, match=match):
        na.gradient(NETWORKS["gated"](), x, targets)


def test_what_is_the_users_own() -> None:
    product = functions.COMBINATIONS["product"]
    assert not is_own(product)
    assert is_original("product", product)
    assert not is_original("sum", product)
    assert functions.combination("product") is product  # without a guard
    na.add_combination("mean", mean, slopes)
    assert is_own(functions.COMBINATIONS["mean"])
    assert functions.combination("mean") is functions.combination("mean")
    na.add_activation("mean", np.tanh, lambda z, a: 1 - a * a)  # of the same name
    assert isinstance(functions.combination("mean"), na.Combination)
    assert isinstance(functions.activation("mean"), na.Activation)
    del functions.ACTIVATIONS["mean"]
    functions.COMBINATIONS["mean"] = "mean"  # type: ignore[assignment]
    with pytest.raises(
        na.InputError, match=r"must hold na\.Activation, na\.Combination or na\.Loss"
    ):
        functions.combination("mean")


def test_another_table_for_a_while() -> None:
    before = dict(functions.COMBINATIONS)
    functions.COMBINATIONS["sum"] = functions.COMBINATIONS["product"]
    with functions.use_activations(functions.ACTIVATIONS, before):
        assert functions.combination("sum") is before["sum"]
    assert functions.combination("sum") is before["product"]
