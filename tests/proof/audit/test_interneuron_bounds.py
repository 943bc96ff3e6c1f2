"""How far rounding may bring two machines apart in what an interneuron, or a neuron at several positions, sends."""

from __future__ import annotations

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.network import field
from neuro_actors.neuron.interneuron_rule import InterneuronRule
from neuro_actors.neuron.local_rule import LocalRule
from neuro_actors.neuron.messages import Step
from neuro_actors.proof.audit.interneuron_bounds import bound_activation, bound_urgencies, terms_of
from neuro_actors.proof.audit.rounding import RoundingBounds

EPS = np.finfo(float).eps
FIELD = field.window((4,), 2, stride=1, padding=1)
ONE = Step(1, "squared_error", None, True)


def exact_logsumexp(terms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Value and slopes in twice the precision."""
    wide = terms.astype(np.longdouble)
    total = np.exp(wide).sum(axis=0)
    return np.log(total), np.exp(wide) / total


@pytest.mark.parametrize("its_field", [None, FIELD])
def test_logsumexp_is_within_its_bound_and_the_bound_is_tight(its_field) -> None:
    rng = np.random.default_rng(0)
    rule = InterneuronRule("l", na.COMBINATIONS["logsumexp"], its_field, np.zeros(3, bool))
    rows = np.concatenate([rng.normal(size=(3, 8)), np.ones((1, 8))])
    terms = terms_of(rule, rows)
    value, slopes = exact_logsumexp(terms)
    here = rule.combination.value(terms)
    bound = bound_activation(rule, terms)
    assert (np.abs(here - value) <= bound).all()
    assert (bound <= 100 * EPS * np.abs(here)).all()
    total = rng.normal(size=len(here))
    sent = bound_urgencies(rule, terms, total, np.zeros_like(total), here)
    alone = bound_urgencies(rule, terms, total, np.zeros_like(total), None)
    assert (sent < alone).any()
    assert (sent <= alone).all()
    products = rule.combination.slopes(terms, here) * total
    exact = (slopes * total).astype(float)
    if its_field is not None:
        products, exact = its_field.scatter_rows(products), its_field.scatter_rows(exact)
    assert (np.abs(products - exact) <= sent).all()
    assert (sent <= 1e-12).all()


@pytest.mark.parametrize("name", ["sum", "product", "max"])
def test_what_uses_plain_arithmetic_has_no_error(name: str) -> None:
    rule = InterneuronRule("l", na.COMBINATIONS[name], FIELD, np.zeros(2, bool))
    rows = np.random.default_rng(0).normal(size=(3, 4))
    terms, total = terms_of(rule, rows), np.ones(5)
    assert not bound_activation(rule, terms).any()
    for sent in (None, rule.combination.value(terms)):
        assert not bound_urgencies(rule, terms, total, np.zeros(5), sent).any()
    assert (bound_urgencies(rule, terms, total, np.full(5, EPS), None) > 0).any()


def test_of_a_combination_of_ones_own_little_is_allowed() -> None:
    own = na.Combination(lambda x: np.exp(x).sum(axis=0), lambda x, a: np.exp(x))
    rule = InterneuronRule("o", own, None, np.zeros(2, bool))
    terms = np.random.default_rng(0).normal(size=(2, 4))
    bound = bound_activation(rule, terms)
    assert ((bound >= 16 * EPS) & (bound <= 2000 * EPS * np.exp(terms).sum(axis=0))).all()
    urgencies = bound_urgencies(rule, terms, np.ones(4), np.zeros(4), own.value(terms))
    assert ((urgencies >= 16 * EPS) & (urgencies <= 1e-12)).all()


@pytest.mark.parametrize("optimizer", [None, na.SGD(1.0), na.Adam(1.0)])
def test_positions_are_added_up(optimizer) -> None:
    """Eight columns are eight examples, or two at four positions, which is the mean of urgencies four times as large."""
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(2, 8)), np.ones((1, 8))])
    urgencies = rng.normal(size=(1, 8))
    step = Step(1, "squared_error", optimizer, True)
    found = []
    for positions, factor in ((1, 4.0), (4, 1.0)):
        rule = LocalRule(
            "n", na.ACTIVATIONS["tanh"], np.array([0.5, -1.5, 0.25]), np.zeros(2, bool)
        )
        rule.positions = positions
        bounds = RoundingBounds([rule])
        rule.fire(step, rows, np.empty(8))
        bounds.fire(0, rows, np.empty(8))
        commit = np.empty(3)
        bounds.respond(0, step, rows, factor * urgencies, np.empty((2, 8)), commit)
        found.append(commit)
    assert found[1] == pytest.approx(found[0], rel=1e-9, abs=0.0)
    assert (found[0] > 0).all()


def test_a_frozen_parameter_has_no_error() -> None:
    rule = LocalRule("n", na.ACTIVATIONS["tanh"], np.array([0.5, -1.5, 0.25]), np.zeros(2, bool))
    rule.frozen = np.array([True, False, True])
    rows = np.array([[0.3, 0.1], [0.7, -0.2], [1.0, 1.0]])
    bounds = RoundingBounds([rule])
    step = Step(1, "squared_error", na.Adam(0.1), True)
    rule.fire(step, rows, np.empty(2))
    bounds.fire(0, rows, np.empty(2))
    commit = np.empty(3)
    bounds.respond(0, step, rows, np.ones((1, 2)), np.empty((2, 2)), commit)
    assert (commit[[0, 2]] == 0).all()
    assert commit[1] > 0


def test_the_slopes_are_those_at_what_was_sent() -> None:
    rule = InterneuronRule("l", na.COMBINATIONS["logsumexp"], None, np.zeros(2, bool))
    bounds, rows = RoundingBounds([rule]), np.array([[0.3, 0.1], [0.7, -0.2], [1.0, 1.0]])
    rule.fire(ONE, rows, np.empty(2))
    bounds.fire(0, rows, np.empty(2))
    sent = np.array([1.25, 0.75])
    bounds.settle(0, ONE, sent)
    out = np.empty((2, 2))
    rule.respond(ONE, np.ones((1, 2)), out, np.empty(0))
    assert np.array_equal(out, np.exp(rows[:2] - sent))
