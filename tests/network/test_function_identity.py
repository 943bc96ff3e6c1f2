"""A function is known by what it gives, not by its name."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.network import activations, functions, losses, output_activations
from neuro_actors.network.function_identity import compare, identities
from neuro_actors.network.known_identity import known_identity

EPS = float(np.finfo(np.float64).eps)


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of the package's own functions: scenarios that were imported have added others."""
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(activations.ORIGINALS))
    monkeypatch.setattr(functions, "LOSSES", dict(losses.ORIGINALS))


def here() -> dict:
    return json.loads(json.dumps(identities(activations.BUILT_IN, losses.BUILT_IN)))


def problems(held: object, name: str, *, exact: bool = True) -> list[str]:
    if name in losses.BUILT_IN:
        return compare(held, (), [name], exact=exact).problems
    return compare(held, [name], (), exact=exact).problems


def test_the_same_functions_have_the_same_identities() -> None:
    held = here()
    for exact in (True, False):
        found = compare(held, [*activations.BUILT_IN, None], losses.BUILT_IN, exact=exact)
        assert (found.problems, found.unchecked) == ([], [])
    known = held["activations"] | held["losses"]
    assert len({one["digest"] for one in known.values()}) == len(known)
    assert len(json.dumps(held)) < 950 * len(known)


@pytest.mark.parametrize("name", activations.BUILT_IN)
def test_another_activation_of_that_name_is_seen(name: str) -> None:
    held, real = here(), functions.ACTIVATIONS[name]
    value, slope = real.value, real.slope
    others = {
        "scaled": na.Activation(lambda z: 1.5 * value(z), lambda z, a: 1.5 * slope(z, a / 1.5)),
        "the slope at 0": na.Activation(value, lambda z, a: np.where(z == 0, 7.0, slope(z, a))),
        "far out": na.Activation(lambda z: np.where(np.abs(z) > 25, 0.5, value(z)), slope),
        "a billionth": na.Activation(lambda z: value(z) + 1e-9 * np.tanh(z), slope),
    }
    for what, other in others.items():
        functions.ACTIVATIONS[name] = other
        for exact in (True, False):
            assert problems(held, name, exact=exact), (what, exact)
    functions.ACTIVATIONS[name] = na.Activation(lambda z: value(z), lambda z, a: slope(z, a))
    # the same by other words; but outputs take other slopes of the package's own, beside some losses
    assert bool(problems(held, name)) == (name in output_activations.OUTPUTS)


@pytest.mark.parametrize("name", losses.BUILT_IN)
def test_another_loss_of_that_name_is_seen(name: str) -> None:
    held, real = here(), functions.LOSSES[name]
    others = {
        "half": na.Loss(lambda p, t: 0.5 * real.value(p, t), lambda p, t: 0.5 * real.slope(p, t)),
        "slope": replace(real, slope=lambda p, t: real.slope(p, t) + np.where(p == t, 1.0, 0.0)),
        "of several outputs": replace(
            real, value=lambda p, t: real.value(p, t) / p.shape[1] ** 0.001
        ),
    }
    for what, other in others.items():
        functions.LOSSES[name] = other
        for exact in (True, False):
            assert problems(held, name, exact=exact), (what, exact)


def test_last_bits_count_only_where_bits_are_promised() -> None:
    held, tanh, relu = here(), functions.ACTIVATIONS["tanh"], functions.ACTIVATIONS["relu"]
    off = np.nextafter(1.0, 2.0)
    functions.ACTIVATIONS["tanh"] = replace(tanh, value=lambda z: tanh.value(z) * off)
    assert problems(held, "tanh")
    assert not problems(held, "tanh", exact=False)
    functions.ACTIVATIONS["relu"] = replace(relu, value=lambda z: relu.value(z) * off)
    assert problems(held, "relu", exact=False)  # it has the same bits on every machine


def test_the_difference_in_words() -> None:
    held = here()
    na.add_activation("tanh", lambda z: np.tanh(0.5 * z), lambda z, a: 0.5 * (1.0 - a * a))
    (problem,) = problems(held, "tanh")
    assert problem == (
        "the activation 'tanh' is another function here than in the run "
        f"(its value at 0.5 is {np.tanh(0.5)} there, {np.tanh(0.25)} here)"
    )


def test_a_curvature_counts_where_both_have_one() -> None:
    na.add_activation("cube", lambda z: z**3, lambda z, a: 3 * z * z)
    held = identities(["cube"], ())
    na.add_activation("cube", lambda z: z**3, lambda z, a: 3 * z * z, curvature=lambda z, a: 6 * z)
    assert not problems(held, "cube")
    held = identities(["cube"], ())
    other = {"curvature": lambda z, a: 7 * z, "surrogate": True}
    na.add_activation("cube", lambda z: z**3, lambda z, a: 3 * z * z, **other)
    assert problems(held, "cube")


def test_what_is_not_recorded_is_not_checked() -> None:
    whole = here()
    for held in (
        None,
        7,
        {},
        {"points": 0},
        whole | {"points": 2},
        {"points": 1, "activations": 3},
    ):
        assert compare(held, ["tanh"], ["huber"], exact=True).unchecked == [
            "the activation 'tanh'",
            "the loss 'huber'",
        ]
    for damage in ({"sample": "?"}, {"sample": 3}, {"sample": "AAAA"}, {"digest": "x"}):
        held = copy.deepcopy(whole)
        held["activations"]["tanh"] |= damage
        exact = "digest" in damage
        assert len(problems(held, "tanh", exact=exact)) == 1


def test_a_function_that_depends_on_more_than_its_arguments_has_no_digest() -> None:
    rng = np.random.default_rng(0)
    na.add_activation(
        "dropout", lambda z: z * (rng.random(z.shape) > 0.0), lambda z, a: 1.0 + 0.0 * z
    )
    assert known_identity(functions.ACTIVATIONS["dropout"])["digest"] is not None
    na.add_activation(
        "noisy", lambda z: z + 1e-12 * rng.random(z.shape), lambda z, a: 1.0 + 0.0 * z
    )
    assert known_identity(functions.ACTIVATIONS["noisy"])["digest"] is None
    held = identities(["noisy"], ())
    assert compare(held, ["noisy"], (), exact=True).unchecked == ["the activation 'noisy'"]


def test_functions_are_asked_when_they_are_added_and_by_no_run(tmp_path) -> None:
    calls = [0]

    def value(z: np.ndarray) -> np.ndarray:
        calls[0] += 1
        return np.tanh(z)

    na.add_activation("counted", value, lambda z, a: 1.0 - a * a)
    net = na.Network.layered([2, 3, 1], activation="counted", output_activation="identity")
    run = {"optimizer": na.SGD(0.1), "epochs": 2, "batch_size": 2}
    counts = []
    for more in ({}, {"log": tmp_path / "a.arrows"}, {"checkpoint": tmp_path / "run"}):
        calls[0] = 0
        na.train(net, np.ones((4, 2)), np.zeros((4, 1)), **run, **more)
        counts.append(calls[0])
    assert counts[0] == counts[1] == counts[2]


def test_what_is_no_function_has_no_identity() -> None:
    """Somebody wrote into the table; a run that does not use it goes on."""
    functions.LOSSES["odd"] = (abs, abs)  # type: ignore[assignment]
    functions.ACTIVATIONS["odd"] = None  # type: ignore[assignment]
    held = identities(["tanh", "odd", None, "missing"], [*functions.LOSSES, "missing"])
    assert list(held["activations"]) == ["tanh"]
    assert sorted(held["losses"]) == sorted(losses.BUILT_IN)


def test_rounding_is_a_number_of_eps() -> None:
    for wrong in (-1.0, float("inf"), float("nan"), "x"):
        with pytest.raises(na.InputError, match=r"^cube: rounding must be a number of eps"):
            na.add_activation("cube", lambda z: z**3, lambda z, a: 3 * z * z, rounding=wrong)
    na.add_activation("cube", lambda z: z**3, lambda z, a: 3 * z * z, rounding=2)
    assert functions.ACTIVATIONS["cube"].rounding == 2.0


def narrow(factor: float) -> na.Activation:
    """A function that refuses an array with a number beyond 5."""

    def times(z, values):
        if np.abs(z).max() > 5.0:
            raise ValueError("beyond 5")
        return factor * values

    return na.Activation(lambda z: times(z, z), lambda z, a: times(z, np.ones_like(z)))


def test_a_function_that_raises_at_some_points_is_known_by_the_others() -> None:
    functions.ACTIVATIONS["narrow"] = narrow(1.0)
    held = json.loads(json.dumps(identities(["narrow"], [])))
    assert compare(held, ["narrow"], (), exact=True).problems == []
    functions.ACTIVATIONS["narrow"] = narrow(2.0)
    for exact in (True, False):
        assert problems(held, "narrow", exact=exact)


def test_a_function_that_raises_at_all_points_is_not_checked() -> None:
    def refuse(*_):
        raise ValueError

    functions.ACTIVATIONS["none"] = na.Activation(refuse, refuse)
    functions.LOSSES["none"] = na.Loss(refuse, refuse)
    held = identities(["none"], ["none"])
    found = compare(held, ["none"], ["none"], exact=True)
    assert held["activations"]["none"]["digest"] is held["losses"]["none"]["digest"] is None
    assert found.unchecked == ["the activation 'none'", "the loss 'none'"]
