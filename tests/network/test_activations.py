"""Each activation function, its slope and its curvature against mpmath, from -745 to 745."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.exact_functions import ACTIVATIONS, domain, exact, relative_error, signals

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.network.activations import BUILT_IN
from neuro_actors.network.losses import BUILT_IN as LOSSES
from neuro_actors.network.output_activations import OUTPUTS

KINDS = "value", "slope", "curvature"


def compute(name: str, z: np.ndarray) -> tuple[np.ndarray, ...]:
    f = functions.activation(name)
    with np.errstate(all="raise", under="ignore"):
        a = f.value(z)
        return a, f.slope(z, a), f.curvature(z, a)


def worst(name: str, z: np.ndarray) -> dict[str, tuple[float, float]]:
    """The greatest relative error of value, slope and curvature, and the signal where it is."""
    found = {}
    for kind, numbers, right in zip(KINDS, compute(name, z), ACTIVATIONS[name], strict=True):
        errors = [relative_error(n, exact(right, s)) for n, s in zip(numbers, z, strict=True)]
        found[kind] = max(errors), float(z[int(np.argmax(errors))])
    return found


def test_all_are_compared() -> None:
    assert set(ACTIVATIONS) == set(BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN)
def test_against_mpmath(name: str) -> None:
    assert max(worst(name, domain(name, signals(40))).values()) < (1e-12,)


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILT_IN)
def test_against_mpmath_densely(name: str) -> None:
    drawn = np.random.default_rng(0).uniform(-40, 40, 4000)
    assert max(worst(name, domain(name, np.concatenate([signals(3000), drawn]))).values()) < (
        1e-12,
    )


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_number_does_not_depend_on_those_beside_it(name: str) -> None:
    """What is far out takes another formula; what is beside it keeps its bits."""
    z = domain(name, signals(40))
    near = np.abs(z) < 2.0
    for all_of_them, alone in zip(compute(name, z), compute(name, z[near]), strict=True):
        assert np.array_equal(all_of_them[near], alone)
    one_by_one = [compute(name, z[k : k + 1]) for k in range(0, len(z), 7)]
    assert np.array_equal(np.stack(compute(name, z))[:, ::7], np.concatenate(one_by_one, axis=1))


@pytest.mark.parametrize(
    ("name", "formula"), [("sigmoid", lambda a: a * (1.0 - a)), ("tanh", lambda a: 1.0 - a * a)]
)
def test_cheap_formulas_stay_where_they_are_accurate(name: str, formula) -> None:
    z = np.random.default_rng(1).uniform(-4.5, 4.5, 1000)
    a, slope, _ = compute(name, z)
    assert np.array_equal(slope, formula(a))


def test_slopes_at_kinks() -> None:
    z = np.array([-0.0, 0.0])
    slopes = {"relu": 0.0, "leaky_relu": 0.01, "elu": 1.0}
    for name, slope in slopes.items():
        assert compute(name, z)[1].tolist() == [slope, slope]
    assert compute("hardtanh", np.array([-1.0, 1.0]))[1].tolist() == [0.0, 0.0]
    assert compute("hardsigmoid", np.array([-3.0, 3.0]))[1].tolist() == [0.0, 0.0]


def test_functions_with_a_domain_are_not_finite_outside_of_it() -> None:
    outside = {"log": [-1.0, 0.0], "sqrt": [-1.0], "rsqrt": [-1.0, 0.0], "reciprocal": [0.0]}
    outside |= {"exp": [1e3], "square": [1e200]}
    for name, z in outside.items():
        assert not np.isfinite(compute(name, np.array(z))[0]).any(), name
    net = na.Network([na.Input("x"), na.Neuron("l", "log")], [na.Synapse("x", "l", 1.0)], ["l"])
    with pytest.raises(na.SimulationError, match=r"^'l' failed in step 1: its activation"):
        na.predict(net, [[-1.0]])


def test_gelu_far_out_worked_by_hand() -> None:
    """z Φ(z) and Φ(z) + z φ(z) in 10 digits."""
    a, slope, _ = compute("gelu", np.array([-8.0, -10.0, -8.5]))
    assert a[:2] == pytest.approx([-4.976768459e-15, -7.619853024e-23], rel=1e-9, abs=0.0)
    assert slope[2] == pytest.approx(-6.846504939e-16, rel=1e-9, abs=0.0)


def test_outputs_before_a_loss_on_probabilities() -> None:
    """Values are as ever. A loss that does not divide by a probability gets the table's function."""
    z = signals(40)
    for name, (plain, output) in OUTPUTS.items():
        assert plain is na.ACTIVATIONS[name]
        assert functions.output_activation(name) is output
        assert output.before(None) is output
        for loss in LOSSES:
            beside = output.before(loss)
            assert (beside is plain) == (loss not in ("cross_entropy", "kl_divergence"))
            assert np.array_equal(beside.value(z), plain.value(z))
            a = plain.value(z)
            np.testing.assert_allclose(
                beside.slope(z, a), plain.slope(z, a), atol=3e-16, rtol=1e-12
            )
            np.testing.assert_allclose(
                beside.curvature(z, a), plain.curvature(z, a), atol=6e-16, rtol=1e-12
            )
    assert functions.output_activation("sin") is na.ACTIVATIONS["sin"]


def test_a_loss_of_a_users_own_may_divide_by_what_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """-ln(1 - p), as in a game of two societies: by the signal, its derivative is p."""
    monkeypatch.setattr(functions, "LOSSES", dict(functions.LOSSES))
    na.add_loss("caught", lambda p, t: -np.log(1.0 - p).sum(axis=1), lambda p, t: 1.0 / (1.0 - p))
    for name, z, right in (("sigmoid", 30.0, 1.0), ("sigmoid", 36.0, 1.0), ("tanh", 17.0, 2.0)):
        net = na.Network([na.Input("x"), na.Neuron("y", name)], [na.Synapse("x", "y", z)], ["y"])
        for compute in (na.gradient, na.reference.gradient):
            found = compute(net, [[1.0]], [[0.0]], loss="caught")
            assert found.biases[1] == pytest.approx(right, rel=1e-12)


def test_a_replaced_function_has_no_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
    na.add_activation("sigmoid", value=lambda z: z + 0.0, slope=lambda z, a: np.ones_like(z))
    assert functions.output_activation("sigmoid") is functions.activation("sigmoid")
