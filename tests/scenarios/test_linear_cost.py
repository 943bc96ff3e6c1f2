"""Counted, not timed: gradients and products with the Hessian are linear, differences and the Hessian quadratic."""

from __future__ import annotations

import linear_cost
import numpy as np
import pytest
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.neuron import local_rule, sums, tangent

WILD = na.Network(
    [na.Input("x"), na.Input("y"), *(na.Neuron(name, "tanh") for name in "abc"), na.Neuron("d")],
    [na.Synapse(*ends, 0.5) for ends in ("xa", "ya", "xb", "ab", "yc", "ac", "bc", "cd", "xd")],
    ["d", "c"],
)  # skips, and an output that feeds another


@pytest.mark.parametrize(
    "net", few([WILD, *(na.Network.layered(sizes, seed=1) for sizes in linear_cost.SIZES[:4])], 3)
)
def test_counts_are_those_of_the_formulas(net: na.Network) -> None:
    cost = linear_cost.measure(net, 1)
    assert cost.counts == linear_cost.expected(cost.shape)
    assert cost.error < 1e-6


def test_a_small_network_counted_by_hand() -> None:
    """2-3-1: forward 3 neurons of 2 weights and a bias, one of 3 and a bias: 13. Back: 13 again for what to change, and
    3 for what the last tells its sources."""
    cost = linear_cost.measure_layered([2, 3, 1], 0)
    assert cost.shape == (13, 9, 6, 4, 2, 1)
    assert cost.counts["gradient"].products == 13 + 13 + 3
    assert cost.counts["differences"].products == 14 * 13
    assert cost.counts["central"].products == 26 * 13
    assert cost.counts["gradient"].messages == (2 + 9 + 1 + 1) + 1 + 1 + (1 + 3) + 4


@pytest.mark.slow
def test_how_they_grow() -> None:
    costs = [linear_cost.measure_layered(sizes, 0) for sizes in linear_cost.SIZES[:5]]
    for which in ("messages", "products"):
        assert all(
            0.8 < linear_cost.power(costs, what, which) < 1.2 for what in ("gradient", "product")
        )
        assert all(
            1.8 < linear_cost.power(costs, what, which) < 2.2
            for what in ("differences", "central", "hessian")
        )
    assert linear_cost.finding([costs]).endswith("all counts are exactly those of the formulas.")
    more = linear_cost.Count(1, 1)
    worse = costs[0]._replace(counts=costs[0].counts | {"gradient": more})
    assert "not the expected ones" in linear_cost.finding([[worse, *costs[1:]]])


def test_counting_changes_nothing_and_ends() -> None:
    x, targets = np.ones((3, 2)), np.zeros((3, 2))
    before = na.gradient(WILD, x, targets)
    counter = linear_cost.Counter()
    with counter.counting():
        during = na.gradient(WILD, x, targets)
    assert np.array_equal(before.weights, during.weights)
    assert (
        counter.products
        == 3 * linear_cost.expected(linear_cost.Shape.of(WILD))["gradient"].products
    )
    assert sums.SUMS["ordered"] is sums.ORDERED
    assert local_rule.spread is tangent.spread is sums.spread


@pytest.mark.slow
def test_the_script(run_script) -> None:
    out, log = run_script("linear_cost")
    assert "Finding:  the multiplications of a gradient grow with power 1.0" in out
    assert "Counts that differ between them: 0." in out
    assert len(log) == 1
