from __future__ import annotations

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.network import activations, functions, losses

FAR = np.array(
    [
        -1.79e308,
        -1e300,
        -1e9,
        -1e3,
        -50.0,
        -1.0,
        -1e-9,
        0.0,
        1e-9,
        1.0,
        50.0,
        1e3,
        1e9,
        1e300,
        1.79e308,
    ]
)


def slopes_agree(value, slope, at: np.ndarray, tolerance: float = 1e-9) -> None:
    """The slope against central differences of the value; truncation is h²/6 · f''', rounding eps/h."""
    h = 1e-5
    central = (value(at + h) - value(at - h)) / (2 * h)
    assert np.abs(central - slope).max() < tolerance


@pytest.mark.parametrize("name", activations.BUILT_IN)
def test_slope_of_activation(name: str) -> None:
    f = functions.activation(name)
    z = np.linspace(-4.0, 4.0, 81) + 0.003  # no grid point on a kink
    if name in ("log", "sqrt", "rsqrt", "reciprocal"):
        z = np.abs(z) + 0.5
    slopes_agree(f.value, f.slope(z, f.value(z)), z, 1e-8)


@pytest.mark.parametrize("name", activations.BUILT_IN)
def test_activation_far_out(name: str) -> None:
    f = functions.activation(name)
    with np.errstate(all="raise", under="ignore"):
        a = f.value(FAR)
        slope, curvature = f.slope(FAR, a), f.curvature(FAR, a)
    if name not in ("exp", "log", "square", "sqrt", "rsqrt", "reciprocal"):
        assert np.isfinite([a, slope, curvature]).all()


@pytest.mark.parametrize(
    "name", ["sigmoid", "tanh", "relu", "leaky_relu", "softplus", "elu", "gelu"]
)
def test_activation_limits(name: str) -> None:
    left, right = {
        "sigmoid": (0, 1),
        "tanh": (-1, 1),
        "elu": (-1, 1e3),
        "leaky_relu": (-10, 1e3),
    }.get(name, (0, 1e3))
    assert functions.activation(name).value(np.array([-1e3, 1e3])).tolist() == [left, right]


@pytest.mark.parametrize("name", losses.BUILT_IN)
def test_slope_of_loss(name: str) -> None:
    rng = np.random.default_rng(1)
    loss = functions.loss(name)
    p, t = rng.uniform(0.1, 0.9, (20, 3)), rng.dirichlet(np.ones(3), 20)
    p[0] = [0.2, 0.5, 0.8]
    if name == "huber":
        p[:5] += 2.0  # beyond its corner too
    slope = loss.slope(p, t)
    for k in range(3):
        direction = np.eye(3)[k]
        slopes_agree(
            lambda s, d=direction: loss.value(p + np.asarray(s)[:, None] * d, t),
            slope[:, k],
            np.zeros(20),
            1e-7,
        )


@pytest.mark.parametrize("name", losses.BUILT_IN)
def test_loss_far_out(name: str) -> None:
    loss = functions.loss(name)
    far = (
        np.array([[0.0, 1.0], [1.0, 0.0]])
        if name in ("cross_entropy", "kl_divergence")
        else np.array([[-1e9, 1e9], [1e3, -1e3]])
    )
    with np.errstate(all="raise", under="ignore"):
        value, slope = loss.value(far, np.eye(2)), loss.slope(far, np.eye(2))
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()


def test_losses_worked_by_hand() -> None:
    p, t = np.array([[0.6, 3.0]]), np.array([[1.0, 1.0]])
    assert functions.loss("squared_error").value(p, t) == pytest.approx([0.16 + 4.0], rel=1e-15)
    assert functions.loss("absolute_error").value(p, t) == pytest.approx([2.4], rel=1e-15)
    assert functions.loss("huber").value(p, t) == pytest.approx([0.08 + 1.5], rel=1e-15)
    even = np.zeros((1, 4))
    assert functions.loss("softmax_cross_entropy").value(even, np.eye(4)[:1]) == pytest.approx(
        [np.log(4)], rel=1e-15
    )
    assert functions.loss("cross_entropy").value(
        np.array([[0.25]]), np.array([[1.0]])
    ) == pytest.approx([np.log(4)], rel=1e-15)
    assert functions.loss("kl_divergence").value(
        np.array([[0.3, 0.7]]), np.array([[0.3, 0.7]])
    ).tolist() == [0.0]


def test_a_user_adds_an_activation_and_a_loss(
    monkeypatch: pytest.MonkeyPatch, channels: str
) -> None:
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
    monkeypatch.setattr(functions, "LOSSES", dict(functions.LOSSES))
    na.add_activation("cube", value=lambda z: z**3, slope=lambda z, a: 3 * z**2)
    na.add_loss(
        "fourth", value=lambda p, t: ((p - t) ** 4).sum(axis=1), slope=lambda p, t: 4 * (p - t) ** 3
    )
    net = na.Network([na.Input("x"), na.Neuron("y", "cube")], [na.Synapse("x", "y", 0.5)], ["y"])
    gradient = na.gradient(net, [[2.0]], [[0.0]], loss="fourth", channels=channels)
    # z = 1, a = 1, loss a⁴ = 1, ∂/∂w = 4 a³ · 3 z² · x
    assert (gradient.loss, gradient.weights.tolist()) == (1.0, [24.0])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda: na.add_activation("f", lambda z: z.sum(), lambda z, a: z),
            r"value\(z\) must return an array of float64, of shape \(5,\)",
        ),
        (
            lambda: na.add_activation("f", lambda z: z, lambda z: z),
            r"slope\(z, a\) failed on a trial array",
        ),
        (
            lambda: na.add_activation("f", lambda z: z, lambda z, a: z, initial="x"),
            r"initial must be 'glorot' or 'he'",
        ),
        (
            lambda: na.add_loss("f", lambda p, t: p, lambda p, t: p),
            r"must return an array of float64, of shape \(3,\)",
        ),
        (
            lambda: na.add_activation("f", lambda z: z.tolist(), lambda z, a: z),
            r"value\(z\) must return an array of float64",
        ),
        (
            lambda: na.add_activation("f", lambda z: z - z.mean(), lambda z, a: z),
            r"must be elementwise",
        ),
        (
            lambda: na.add_activation("f", lambda z: np.multiply(z, z, out=z), lambda z, a: 2 * z),
            r"failed on a trial array: .*read-only",
        ),
        (lambda: functions.activation("tahn"), r"unknown activation 'tahn': did you mean 'tanh'\?"),
        (lambda: functions.loss("mse"), r"unknown loss 'mse': did you mean 'squared_error'"),
        (lambda: functions.loss(None), r"unknown loss None"),
    ],
)
def test_refused(call, match: str) -> None:
    with pytest.raises(na.InputError, match=match):
        call()
    assert "f" not in functions.ACTIVATIONS
    assert "f" not in functions.LOSSES
