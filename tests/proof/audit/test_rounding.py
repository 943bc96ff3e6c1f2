"""The audit on another kind of machine: what rounding may explain, and what it may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import neuro_actors as na
from neuro_actors.log import schema
from neuro_actors.network import functions
from neuro_actors.neuron.local_rule import LocalRule
from neuro_actors.neuron.messages import Step
from neuro_actors.neuron.sums import ORDERED
from neuro_actors.proof.audit.exact_sums import is_exact_sum
from neuro_actors.proof.audit.rounding import RoundingBounds, _bracket_jump

Array = NDArray[np.float64]


def hard_tanh() -> None:
    """A user's function with two kinks, in the tables of both machines."""
    na.add_activation(
        "hard_tanh", lambda z: np.clip(z, -1.0, 1.0), lambda z, a: (np.abs(z) < 1.0) * 1.0
    )


def hinge() -> None:
    na.add_loss(
        "hinge",
        lambda p, t: np.maximum(0.0, 1.0 - p * t).sum(axis=1),
        lambda p, t: np.where(p * t < 1.0, -t, 0.0),
    )


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACTIVATIONS", "LOSSES"):
        monkeypatch.setattr(functions, name, dict(getattr(functions, name)))
    hard_tanh()
    hinge()


# an activation, where its kink is, and what a liar takes for the slope there
KINKS: dict[str, tuple[float, Callable[[Array], Array]]] = {
    "relu": (0.0, lambda z: (z >= 0) * 1.0),
    "leaky_relu": (0.0, lambda z: np.where(z >= 0, 1.0, 0.01)),
    "hard_tanh": (1.0, lambda z: (np.abs(z) <= 1.0) * 1.0),
}
# how the signal comes to be at the kink: weights, and the inputs of one example
EXACT = {"no terms": ([0.75, 0.5], [0.0, 0.0]), "they cancel": ([0.75, -0.5], [1.0, 1.5])}
ROUNDED = {"rounding": ([0.1, 0.2, -0.30000000000000004], [1.0, 1.0, 1.0])}


def network(activation: str, weights: list[float], kink: float, exact: bool) -> na.Network:
    bias = kink if exact else 0.0
    hidden = [na.Neuron("h", activation, bias=bias), na.Neuron("g", "tanh", bias=0.3)]
    inputs = [na.Input(f"x{k}") for k in range(len(weights))]
    synapses = [na.Synapse(f"x{k}", "h", w) for k, w in enumerate(weights)]
    return na.Network(
        [*inputs, *hidden, na.Neuron("y", "identity", bias=0.25)],
        [*synapses, na.Synapse("h", "g", 0.875), na.Synapse("h", "y", 1.5), na.Synapse("g", "y", 0.75)],
        ["y"],
    )  # fmt: skip


@pytest.fixture
def written_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., na.Audit]:
    """Audit a log with another fingerprint, of members with these functions in place of the tables'."""
    fingerprint = schema.fingerprint

    def go(
        net: na.Network,
        x: Any,
        t: Any,
        loss: str = "squared_error",
        *,
        other_sums: bool,
        activation: na.Activation | None = None,
        instead_of: str = "",
        of: na.Loss | None = None,
        optimizer: Any = None,
    ) -> na.Audit:
        more = {"numpy": "1.2.3", **({"additions": "another"} if other_sums else {})}
        path = tmp_path / "a.arrows"
        with monkeypatch.context() as patch:
            patch.setattr(schema, "fingerprint", lambda sums: fingerprint(sums) | more)
            if activation is not None:
                real, lying = functions.activation, instead_of
                patch.setattr(
                    functions, "activation", lambda n: activation if n == lying else real(n)
                )
            if of is not None:
                patch.setattr(functions, "loss", lambda name: of)
            na.train(
                net, x, t, loss, optimizer=optimizer or na.SGD(0.5), epochs=3,
                batch_size=len(x), log=na.Recording(path, overwrite=True),
            )  # fmt: skip
        audit = na.audit(path, digest=na.open_log(path).digest)
        assert not audit.exact
        if audit.lie is None:
            assert audit.remarks[1].endswith(
                "give the complete digest of the log to have it covered"
            )
        return audit

    return go


@pytest.mark.parametrize(
    "name", ["relu", pytest.param("leaky_relu", marks=pytest.mark.slow), "hard_tanh"]
)
@pytest.mark.parametrize("case", [*EXACT, *ROUNDED])
@pytest.mark.parametrize("other_sums", [False, True])
def test_at_an_exact_argument_there_is_one_slope(
    name: str, case: str, other_sums: bool, written_elsewhere: Callable[..., na.Audit]
) -> None:
    kink, lie = KINKS[name]
    if case in ROUNDED and kink:
        pytest.skip("it lies at 0")
    weights, x = (EXACT | ROUNDED)[case]
    net = network(name, weights, kink, case in EXACT)
    honest = functions.activation(name)
    right = written_elsewhere(net, [x], [[0.0]], other_sums=other_sums)
    assert right.passed, str(right.lie)
    forged = written_elsewhere(
        net,
        [x],
        [[0.0]],
        other_sums=other_sums,
        activation=replace(honest, slope=lambda z, a: lie(z)),
        instead_of=name,
    )
    assert not forged.passed
    assert str(forged.lie).startswith("step 1, row "), forged
    assert "h committed" in str(forged.lie) or "h told" in str(forged.lie)


LOSS_KINKS: dict[str, tuple[float, Callable[[Array, Array], Array]]] = {
    "absolute_error": (0.25, lambda p, t: np.where(p >= t, 1.0, -1.0)),
    "hinge": (1.0, lambda p, t: np.where(p * t <= 1.0, -t, 0.0)),
}


@pytest.mark.parametrize("name", LOSS_KINKS)
@pytest.mark.parametrize("other_sums", [False, True])
def test_predictions_are_exact_so_a_loss_has_one_slope(
    name: str, other_sums: bool, written_elsewhere: Callable[..., na.Audit]
) -> None:
    target, lie = LOSS_KINKS[name]
    bias = target / (1.0 if name == "absolute_error" else target)
    net = na.Network([na.Input("x"), na.Neuron("y", "identity", bias=bias)], [na.Synapse("x", "y", 0.5)], ["y"])  # fmt: skip
    honest = functions.loss(name)
    run = {"other_sums": other_sums}
    assert written_elsewhere(net, [[0.0]], [[target]], name, **run).passed
    forged = written_elsewhere(net, [[0.0]], [[target]], name, **run, of=replace(honest, slope=lie))
    assert "the loss told y the urgency" in str(forged.lie)


def test_a_signal_that_rounds_to_the_other_side_of_a_kink_is_believed_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One signal explains activation and slope: after a positive activation the slope is 1, else 0."""
    relu = functions.activation("relu")
    weights = np.array([0.1, 0.2, -0.30000000000000004, 0.0])
    mail, step = np.ones((4, 2)), Step(1, "squared_error")
    for bias, sent, slope in (
        (0.0, [0.0, 1e-17], [0.0, 1.0]),
        (2e-17, [2e-17, 0.0], [1.0, 0.0]),
        (-2e-17, [0.0, 1e-17], [0.0, 1.0]),
    ):
        rule = LocalRule("h", relu, np.append(weights[:-1], bias), np.zeros(3, dtype=bool))
        bounds = RoundingBounds([rule])
        bound, activation = np.empty(2), np.empty(2)
        rule.fire(step, mail, activation)
        bounds.fire(0, mail, bound)
        assert (np.abs(activation - sent) <= bound).all()
        bounds.settle(0, step, np.array(sent))
        limit, commit = np.empty((3, 2)), np.empty(4)
        bounds.respond(0, step, mail, np.ones((1, 2)), limit, commit)
        out = np.empty((3, 2))
        rule.respond(step, np.ones((1, 2)), out, np.empty(4))
        assert out[0].tolist() == [0.1 * s for s in slope]
        assert limit.max() < 1e-15


def test_a_loss_whose_terms_cancel_errs_as_its_terms_do() -> None:
    """Its slope has no rounding. But another order of the same terms gives another sum."""
    na.add_loss("signed", lambda p, t: (p * t).sum(axis=1), lambda p, t: t + 0.0, rounding=0.0)
    net = na.Network.layered([1, 3], output_activation="identity")
    predictions, targets = np.array([[1e8], [0.1], [-1e8]]), np.ones((3, 1))
    given = na.rules.Backpropagation().loss_node(net), Step(1, "signed"), predictions, targets
    losses, urgencies = RoundingBounds([]).evaluate(*given)
    assert abs((1e8 + 0.1 - 1e8) - 0.1) <= losses[0] < 1e-6
    assert not urgencies.any()
    assert not RoundingBounds([], adds_equally=True).evaluate(*given)[0].any()


@pytest.mark.parametrize("z", [20.0, 37.5, 700.0, -40.0])
def test_a_bound_is_of_the_slope_itself_where_an_urgency_is_great(
    z: float, written_elsewhere: Callable[..., na.Audit]
) -> None:
    """A confident mistake: the urgency is as great as the slope is small, and their product is 1."""
    net = na.Network([na.Input("x"), na.Neuron("y", "sigmoid")], [na.Synapse("x", "y", z)], ["y"])
    target, right = float(z < 0), functions.output_activation("sigmoid").before("cross_entropy")
    run = {"loss": "cross_entropy", "other_sums": False}
    assert written_elsewhere(net, [[1.0]], [[target]], **run).passed
    lying = na.Activation(right.value, lambda z, a: 1.001 * right.slope(z, a))
    run |= {"activation": lying, "instead_of": "sigmoid"}
    assert "y committed" in str(written_elsewhere(net, [[1.0]], [[target]], **run).lie)


def test_a_function_of_ones_own_may_carry_the_errors_of_its_parts(
    written_elsewhere: Callable[..., na.Audit],
) -> None:
    """A sine of 1000 z errs by 1,000 eps where 1000 z errs by its last bit."""
    na.add_activation("wiggle", lambda z: np.sin(1e3 * z), lambda z, a: 1e3 * np.cos(1e3 * z))
    net = na.Network([na.Input("x"), na.Neuron("y", "wiggle")], [na.Synapse("x", "y", 0.7)], ["y"])
    run = {"other_sums": False, "instead_of": "wiggle", "optimizer": na.SGD(1e-9)}

    def there(shift: float) -> na.Activation:
        return na.Activation(
            lambda z: np.sin(np.nextafter(1e3 * z, np.inf) + shift),
            lambda z, a: 1e3 * np.cos(1e3 * z),
        )

    assert written_elsewhere(net, [[1.0]], [[0.0]], activation=there(0.0), **run).passed
    forged = written_elsewhere(net, [[1.0]], [[0.0]], activation=there(1e-11), **run)
    assert "y told its followers the activation" in str(forged.lie)


def test_exact_numbers_stay_exact(written_elsewhere: Callable[..., na.Audit]) -> None:
    """Where only +, -, *, / are used and both machines add alike, a last bit is a lie."""
    net = na.Network.layered([3, 4, 2], activation="leaky_relu", seed=3)
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    leaky = functions.activation("leaky_relu")
    off = replace(leaky, slope=lambda z, a: leaky.slope(z, a) * (1.0 + 2.0**-52))
    for optimizer in (na.SGD(0.1), na.SGD(0.1, momentum=0.9, weight_decay=0.01)):
        run = {"optimizer": optimizer, "loss": "huber"}
        assert written_elsewhere(net, x, t, other_sums=False, **run).passed
        run |= {"activation": off, "instead_of": "leaky_relu"}
        assert written_elsewhere(net, x, t, other_sums=True, **run).passed  # within rounding
        assert written_elsewhere(net, x, t, other_sums=False, **run).lie is not None


def test_a_bound_that_is_not_finite_proves_nothing(
    written_elsewhere: Callable[..., na.Audit],
) -> None:
    """The sizes of terms overflow, though the terms cancel: what differs then is not proved."""
    net = na.Network(
        [na.Input("a"), na.Input("b"), na.Neuron("y", "identity")],
        [na.Synapse("a", "y", 1.7e308), na.Synapse("b", "y", -1.7e308)],
        ["y"],
    )
    identity = functions.activation("identity")
    honest = written_elsewhere(net, [[0.9, 0.9]], [[0.5]], other_sums=True)
    assert honest.passed
    lying = replace(identity, value=lambda z: z + 0.5)
    run = {"other_sums": True, "activation": lying, "instead_of": "identity"}
    audit = written_elsewhere(net, [[0.9, 0.9]], [[0.5]], **run)
    assert (audit.passed, audit.lie) == (False, None)
    assert audit.remarks[-1].endswith("the bound on rounding is not finite")


@pytest.mark.parametrize("seed", range(20))
def test_sums_that_are_said_to_be_exact_are(seed: int) -> None:
    """In whatever order they are added, and fused or not: exact rational arithmetic agrees."""
    from fractions import Fraction

    rng = np.random.default_rng(seed)
    n, batch = int(rng.integers(1, 9)), 6
    scale = 2.0 ** rng.integers(-60, 60, (n, 1))
    weights = rng.integers(-(2**20), 2**20, n) * 2.0 ** rng.integers(-3, 3, n)
    rows = rng.integers(-(2 ** int(rng.integers(1, 30))), 2**20, (n, batch)) * scale
    rows[rng.random((n, batch)) < 0.2] = rng.standard_normal()
    found = is_exact_sum(weights, rows)
    for k in range(batch):
        exact = sum((Fraction(w) * Fraction(x) for w, x in zip(weights, rows[:, k], strict=True)), Fraction(0))  # fmt: skip
        if found[k]:
            for order in (slice(None), slice(None, None, -1)):
                one = np.ascontiguousarray(rows[order][:, [k, k]])
                assert Fraction(float(ORDERED.weighted_sum(weights[order].copy(), one)[0])) == exact


@pytest.mark.parametrize("exponent", [-540, 600])
def test_a_product_that_under_or_overflows_is_not_exact(exponent: int) -> None:
    weights, rows = np.array([np.ldexp(3.0, exponent)]), np.array([[np.ldexp(5.0, exponent), 1.0]])
    with np.errstate(all="ignore"):
        assert is_exact_sum(weights, rows).tolist() == [False, True]


def test_a_jump_is_bracketed_by_neighbours() -> None:
    for kink in (0.0, 1.0, -1e-300, 5e-324, -3.7):
        low, high = np.array([kink - 1e-3]), np.array([kink + 1e3])
        left, right = _bracket_jump(lambda z, kink=kink: (z > kink) * 1.0, low, high)
        assert left[0] == kink
        assert right[0] == np.nextafter(kink, np.inf)
