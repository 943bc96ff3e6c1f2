"""The order of the sums: the definition itself, numpy's faster calls, and the kernel."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from helpers.kernel_cases import COLUMNS, draw_numbers

from neuro_actors.kernel import order
from neuro_actors.neuron import sums
from neuro_actors.neuron.neuron_state import all_finite, all_finite_in_python


def added(terms: list[float], start: float | None) -> float:
    """The sum, one rounded addition after the other, by the definition of IEEE 754 alone."""
    total = terms[0] if start is None else start
    for term in terms[1:] if start is None else terms:
        total = float(Fraction(total) + Fraction(term)) if total + term else total + term
    return total


@pytest.mark.parametrize("columns", [1, 2, 3, 8, 9, 21])
def test_definition_against_fractions(columns: int) -> None:
    rng = np.random.default_rng(columns)
    rows, weights, values = (
        rng.standard_normal((5, columns)),
        rng.standard_normal(5),
        rng.standard_normal(columns),
    )
    start = None if columns == 1 else 0.0
    found = order.weighted_sum(weights, rows)
    due = [
        added([w * x for w, x in zip(weights.tolist(), rows[:, j].tolist(), strict=True)], start)
        for j in range(columns)
    ]
    assert found.tolist() == due
    assert order.sum_of_rows(rows).tolist() == [
        added(rows[:, j].tolist(), start) for j in range(columns)
    ]
    out = np.empty(5)
    order.mean_products(rows, values, out)
    for i in range(5):
        products = (rows[i] * values).tolist()
        if columns == 1:
            assert out[i] == products[0]
            continue
        whole = columns // 8 * 8
        both = []
        for lane in (0, 1):
            block = [products[b + k + lane] for b in range(0, whole, 8) for k in (6, 4, 2, 0)]
            both.append(added(block + products[whole + lane :: 2], 0.0))
        assert out[i] == (both[0] + both[1]) / columns


def compared(calls: sums.Sums, n_cases: int, seed: int) -> int:
    """How many of drawn sums have other bits than the definition."""
    rng, wrong = np.random.default_rng(seed), 0
    with np.errstate(all="ignore"):
        for _ in range(n_cases):
            n, columns = int(rng.integers(1, 60)), int(rng.choice(COLUMNS))
            block = (
                np.empty((n, columns + 1)) if rng.random() < 0.2 else None
            )  # rows that lie apart
            rows = draw_numbers(rng, (n, columns))
            if block is not None:
                block[:, :columns] = rows
                rows = block[:, :columns]
            weights, values = draw_numbers(rng, n), draw_numbers(rng, columns)
            positions = int(rng.choice([d for d in range(1, columns + 1) if columns % d == 0]))
            out, due = np.empty(n), np.empty(n)
            calls.mean_products(rows, values, out, positions)
            order.mean_products(rows, values, due, positions)
            contiguous = np.ascontiguousarray(rows)
            wrong += out.tobytes() != due.tobytes()
            wrong += (
                calls.weighted_sum(weights, contiguous).tobytes()
                != order.weighted_sum(weights, rows).tobytes()
            )
            wrong += calls.sum_of_rows(contiguous).tobytes() != order.sum_of_rows(rows).tobytes()
    return wrong


@pytest.mark.parametrize(
    "calls",
    [sums.ORDERED, sums.IN_PYTHON, sums.Sums(*order.DEFINITION)],
    ids=["ordered", "numpy", "definition"],
)
def test_sums_have_the_bits_of_the_definition(calls: sums.Sums) -> None:
    assert compared(calls, 400, 0) == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
@pytest.mark.parametrize("calls", [sums.ORDERED, sums.IN_PYTHON], ids=["ordered", "numpy"])
def test_more_sums_have_the_bits_of_the_definition(calls: sums.Sums, seed: int) -> None:
    assert compared(calls, 2000, seed) == 0


def test_long_rows() -> None:
    """Numpy cuts long rows into buffers where it must convert; the order must not notice."""
    rng = np.random.default_rng(0)
    rows, values = rng.standard_normal((3, 20_011)), rng.standard_normal(20_011)
    for calls in (sums.ORDERED, sums.IN_PYTHON):
        out, due = np.empty(3), np.empty(3)
        calls.mean_products(rows, values, out)
        order.mean_products(rows, values, due)
        assert out.tobytes() == due.tobytes()
        assert (
            calls.weighted_sum(np.ones(3), rows).tobytes()
            == order.weighted_sum(np.ones(3), rows).tobytes()
        )


def reversed_rows(weights, rows):
    return order.weighted_sum(weights[::-1].copy(), rows[::-1].copy())


def fused(weights, rows):
    exact = np.array([Fraction(0)] * rows.shape[1])
    total = np.zeros(rows.shape[1])
    for w, row in zip(weights, rows, strict=True):  # a product that is not rounded
        exact = [
            Fraction(t) + Fraction(w) * Fraction(x)
            for t, x in zip(total.tolist(), row.tolist(), strict=True)
        ]
        total = np.array([float(e) for e in exact])
    return total


def in_column_order(rows, values, out, positions=1):
    out[...] = np.add.accumulate(rows * values, 1)[:, -1] / (rows.shape[1] // positions)


@pytest.mark.parametrize(
    "calls",
    [
        order.DEFINITION._replace(weighted_sum=reversed_rows),
        order.DEFINITION._replace(weighted_sum=fused),
        order.DEFINITION._replace(mean_products=in_column_order),
        order.DEFINITION._replace(sum_of_rows=lambda rows: order.sum_of_rows(rows[::-1])),
        order.DEFINITION._replace(sum_of_rows=lambda rows: np.add.accumulate(rows, 0)[-1]),
    ],
    ids=["reversed", "fused", "one lane", "rows reversed", "without +0"],
)
def test_another_order_is_refused(calls: order.Calls) -> None:
    assert order.keeps_order(order.DEFINITION)
    assert not order.keeps_order(calls)


@pytest.mark.parametrize("size", [0, 1, 2, 5, 8, 33])
def test_all_finite(size: int) -> None:
    rng = np.random.default_rng(size)
    for _ in range(50):
        values = draw_numbers(rng, size)
        with np.errstate(all="ignore"):
            assert all_finite(values) is all_finite_in_python(values) is True
        for bad in (np.inf, -np.inf, np.nan):
            if size:
                values[rng.integers(size)] = bad
                with np.errstate(all="ignore"):
                    assert all_finite(values) is all_finite_in_python(values) is False


def test_spread_writes_each_row() -> None:
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        for _ in range(300):
            n, columns, stride = (
                int(rng.integers(1, 9)),
                int(rng.choice(COLUMNS)),
                int(rng.integers(1, 4)),
            )
            weights, values = draw_numbers(rng, n), draw_numbers(rng, columns)
            found, due = np.full((n * stride, columns), 7.0), np.full((n * stride, columns), 7.0)
            sums.spread(weights, values, found[::stride])
            sums.spread_in_python(weights, values, due[::stride])
            assert found.tobytes() == due.tobytes()
