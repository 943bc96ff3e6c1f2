"""The claim in one command must be able to fail: the rule is broken in many ways, and `verify` sees each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.all_kinds import all_kinds, dropouts, memory
from helpers.deep_cases import deep_case, skipping_case
from helpers.rule_mutants import MUTANTS, OF_ANY_KIND, OF_BUNDLED, OF_MEMORY, break_it
from helpers.tiers import few

from neuro_actors.proof import verify as verify_module
from neuro_actors.proof.random_cases import draw_case
from neuro_actors.proof.verify import EACH, Verdict, verify, verify_case

NETWORKS = 25


def test_societies_are_exact(channels: str, run_slow: bool) -> None:
    networks = NETWORKS if run_slow else 3
    verdicts = list(verify(networks, seed=1, channels=channels, torch=False))
    assert [(v.seed, v.failure, v.differences) for v in verdicts if not v.passed] == []
    assert (
        0 < max(v.differences["gradient"] for v in verdicts) < 1
    )  # rounding is seen, and stays below the bound


def test_cases_are_of_all_kinds() -> None:
    cases = [draw_case(seed) for seed in range(300)]
    sizes = [len(case.network.ids) - len(case.network.inputs) for case in cases]
    assert (min(sizes), max(sizes) > 150) == (1, True)
    assert {case.loss for case in cases} == {
        "squared_error", "absolute_error", "huber", "cross_entropy", "sigmoid_cross_entropy", "softmax_cross_entropy", "kl_divergence"
    }  # fmt: skip
    assert {name for case in cases for name in case.network.activations} >= {
        "relu",
        "gelu",
        "sin",
        "elu",
        "tanh",
    }
    assert {1, 64} <= {len(case.x) for case in cases}
    assert any(
        case.network.outgoing.sizes[case.network.position[case.network.outputs[0]]]
        for case in cases
    )
    skips = [
        (case.network.level[case.network.targets] - case.network.level[case.network.sources]).max()
        for case in cases
    ]
    assert max(skips) > 20


@pytest.mark.parametrize("name", ["each gradient", "each product", "each update"])
def test_what_a_society_returns_is_compared_with_its_own_mail(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One number that a billionth of the greatest is added to, though all messages were right."""
    found = verify_module._Found

    def with_an_error(case, direction, predictions, gradient, product, networks, numbers):
        def off(values):
            wrong = values.copy()
            wrong[1] += 1e-9 * np.abs(values).max()
            return wrong

        if name == "each gradient":
            gradient = replace(gradient, weights=off(gradient.weights))
        elif name == "each product":
            product = replace(product, weights=off(product.weights))
        else:
            twice = networks[2]
            networks = (*networks[:2], twice.with_parameters(off(twice.weights), twice.biases))
        return found(case, direction, predictions, gradient, product, networks, numbers)

    monkeypatch.setattr(verify_module, "_Found", with_an_error)
    differences = verify_case(0, deep_case("tanh", 4, 3)).differences
    assert [each for each in EACH if not differences[each] <= 1.0] == [name]


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_finite_differences_find_a_millionth(
    activation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = verify_module._Found

    def with_an_error(case, direction, predictions, gradient, *others):
        wrong = 1 + 1e-6
        more = {"weights": wrong * gradient.weights, "biases": wrong * gradient.biases}
        return found(case, direction, predictions, replace(gradient, **more), *others)

    assert verify_case(0, deep_case(activation, 2, 3)).passed
    monkeypatch.setattr(verify_module, "_Found", with_an_error)
    assert verify_case(0, deep_case(activation, 2, 3)).differences["finite differences"] > 1


# each mutant once by default: those of the rule in bundled channels, which are the faster ones
BROKEN = [
    *[(mutant, "bundled") for mutant in MUTANTS | OF_BUNDLED],
    *[(mutant, "memory") for mutant in OF_MEMORY],
    *[(mutant, "memory") for mutant in MUTANTS],
]


@pytest.mark.parametrize(("mutant", "channels"), few(BROKEN, 14))
def test_each_way_of_breaking_it_is_caught(
    mutant: str, channels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_it(mutant, monkeypatch)
    verdicts = verify(NETWORKS, seed=1, channels=channels, torch=False)
    # by a difference, not by a crash; the first is enough
    assert any(not verdict.passed and verdict.failure is None for verdict in verdicts)


@pytest.mark.parametrize("mutant", few(OF_ANY_KIND, 6))
def test_each_way_of_breaking_what_is_not_plain_is_caught(
    mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the comparison of each neuron alone."""
    cases = [*all_kinds(), dropouts(), memory()]
    cases[-1].targets[[0, 1], [1, 4]] = np.nan  # these do not count
    break_it(mutant, monkeypatch)
    verdicts = (verify_case(k, case) for k, case in enumerate(cases))
    assert any(verdict.failure is None and by_each_neuron(verdict) for verdict in verdicts)


@pytest.mark.parametrize("number", range(5))
def test_what_is_not_plain_is_exact(number: int, channels: str) -> None:
    verdict = verify_case(0, all_kinds()[number], channels)
    assert (verdict.failure, verdict.passed) == (None, True), verdict.differences
    assert max(verdict.differences[name] for name in EACH) < 0.6
    assert not verdict.too_deep


# 500 others are drawn beside PyTorch, in test_torch_oracle.py
@pytest.mark.parametrize("first", few(range(500, 600, 5), 2))
def test_networks_of_any_kind_are_exact(first: int, channels: str) -> None:
    for verdict in verify(5, seed=first, channels=channels, torch=False, any_kind=True):
        assert (verdict.failure, verdict.passed) == (None, True), (verdict.seed, verdict)


# --- at any depth ---------------------------------------------------------------------------------


def by_each_neuron(verdict: Verdict) -> bool:
    """Whether the comparison of each neuron alone has found a difference."""
    return any(not verdict.differences.get(name, 0.0) <= 1.0 for name in EACH)


def deep_cases():
    yield skipping_case(30, 3)
    yield deep_case("tanh", 30, 6, batch=1)
    yield draw_case(5)  # 31 levels, of any shape
    yield draw_case(7)  # 42


# a countdown that ends too early makes a deep society fail in its first step
CRASHING = "a countdown that ends too early"
DEEP = [
    *[(mutant, "bundled") for mutant in MUTANTS | OF_BUNDLED],
    *[(mutant, "memory") for mutant in MUTANTS | OF_MEMORY],
]
FIRST = ["the wrong sign back", "only the first follower heard", "the wrong sign for itself"]


@pytest.mark.parametrize(
    ("mutant", "channels"), few(sorted(DEEP, key=lambda one: one[0] not in FIRST), 4)
)
def test_each_way_of_breaking_it_is_caught_at_depth_30(
    mutant: str, channels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the comparison of each neuron, whatever the bound of the whole gradient is."""
    break_it(mutant, monkeypatch)
    verdicts = (verify_case(k, case, channels) for k, case in enumerate(deep_cases()))
    if mutant == CRASHING:
        assert any(not verdict.passed for verdict in verdicts)
    else:
        assert any(verdict.failure is None and by_each_neuron(verdict) for verdict in verdicts)


DEEP_SHAPES = [  # each shape and function in one engine: both give the same bits
    (name, depth, width, ("memory", "bundled")[(i + k) % 2])
    for i, (depth, width) in enumerate([(30, 6), (5, 100), (50, 6), (200, 1), (200, 4)])
    for k, name in enumerate(["tanh", "relu", "elu", "sigmoid", "gelu", "softplus", "sin"])
]


@pytest.mark.parametrize(("activation", "depth", "width", "channels"), few(DEEP_SHAPES, 2))
def test_each_neuron_is_proved_at_any_depth(
    activation: str, depth: int, width: int, channels: str
) -> None:
    verdict = verify_case(0, deep_case(activation, depth, width), channels)
    assert (verdict.failure, verdict.passed) == (None, True), verdict.differences
    assert set(EACH) <= set(verdict.differences)
    assert max(verdict.differences[name] for name in EACH) < 0.6


def test_a_network_too_deep_to_compare_as_a_whole_is_still_proved() -> None:
    """And a billionth of one urgency is caught in it."""
    case = deep_case("sin", 30, 20)
    net = case.network.with_parameters(6 * case.network.weights, case.network.biases)
    case = type(case)(net, case.x, case.targets, case.loss)
    verdict = verify_case(0, case)
    assert verdict.passed
    assert {"gradient", "learning", "product"} <= set(verdict.too_deep)
    assert not set(verdict.too_deep) & set(verdict.differences)
    assert set(EACH) <= set(verdict.differences)


@pytest.mark.parametrize("factor", few([1 + 1e-9, -1.0, 0.0], 1))
def test_one_neuron_that_errs_is_found_in_a_chaotic_network(
    factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights' urgencies are turned, or 0, or off by a billionth; those of all others are right."""
    from neuro_actors.neuron.kernel_rule import FASTEST_RULE

    conclude = FASTEST_RULE.conclude

    def err(self, step, wanted, commit_out):
        if self.id == "h15.3":
            wanted *= factor
        conclude(self, step, wanted, commit_out)

    case = deep_case("sin", 30, 20)
    net = case.network.with_parameters(6 * case.network.weights, case.network.biases)
    case = type(case)(net, case.x, case.targets, case.loss)
    monkeypatch.setattr(FASTEST_RULE, "conclude", err)
    assert "h15.3" in net.ids
    assert by_each_neuron(verify_case(0, case))
