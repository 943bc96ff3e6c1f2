"""The local rule by itself, on figures worked by hand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.neuron import sums
from neuro_actors.neuron.local_rule import LocalRule
from neuro_actors.neuron.messages import Step

LOOK = Step(1, loss="squared_error")


def rule(
    activation="identity", parameters=(2.0, -3.0, 0.5), from_input=(False, False)
) -> LocalRule:
    function = (
        activation
        if isinstance(activation, functions.Activation)
        else functions.activation(activation)
    )
    return LocalRule("h", function, np.array(parameters), np.array(from_input))


class Answer(NamedTuple):
    urgencies: np.ndarray
    commit: np.ndarray


def fire(neuron: LocalRule, step: Step, rows: np.ndarray) -> np.ndarray:
    activation = np.full(rows.shape[1], np.nan)
    neuron.fire(step, rows, activation)
    return activation


def respond(neuron: LocalRule, step: Step, urgencies: np.ndarray) -> Answer:
    n = len(neuron.state.parameters)
    deaf = (
        n - 1 - len(neuron.listening) if neuron.listening is not None and not step.wrt_inputs else 0
    )
    answer = Answer(np.full((n - 1 - deaf, urgencies.shape[1]), np.nan), np.full(n, np.nan))
    neuron.respond(step, urgencies, *answer)
    return answer


def activations_in(*rows) -> np.ndarray:
    return np.array([*rows, np.ones(len(rows[0]))], dtype=float)


def test_worked_by_hand() -> None:
    h = rule()
    # two examples: z = 2·1 - 3·2 + ½ and 2·4 - 3·1 + ½
    assert fire(h, LOOK, activations_in([1, 4], [2, 1])).tolist() == [-3.5, 5.5]
    answer = respond(
        h, LOOK, np.array([[0.5, 1.0], [0.25, -3.0]])
    )  # u = 0.75 and -2, v = u for identity
    assert answer.urgencies.tolist() == [[1.5, -4.0], [-2.25, 6.0]]  # w · v
    assert answer.commit.tolist() == [
        (0.75 * 1 - 2 * 4) / 2,
        (0.75 * 2 - 2 * 1) / 2,
        (0.75 - 2) / 2,
    ]


@pytest.mark.parametrize(("slope", "urgency"), [(1.0, 0.8), (2.5, 2.0), (0.0, 0.0)])
def test_the_sources_figures(slope: float, urgency: float) -> None:
    """A cat seen with p = 0.6: penalty 0.16, urgency 0.8, which the slope turns into the signal's urgency."""
    p, t = np.array([[0.6]]), np.array([[1.0]])
    squared = functions.loss("squared_error")
    assert squared.value(p, t).tolist() == [0.16000000000000003]  # 0.4 in binary is not 0.4
    assert (-squared.slope(p, t)).tolist() == [[0.8]]
    neuron = rule(
        functions.Activation(lambda z: z, lambda z, a: np.full_like(z, slope)), (1.0, 0.0), (False,)
    )
    fire(neuron, LOOK, activations_in([0.6]))
    answer = respond(neuron, LOOK, -squared.slope(p, t).T)
    assert answer.commit[1] == urgency  # the bias's urgency is the signal's
    assert answer.urgencies.tolist() == [[urgency]]


def test_inputs_hear_urgencies_only_when_asked() -> None:
    for wrt_inputs, rows in ((False, [[-3.0]]), (True, [[2.0], [-3.0]])):
        h = rule(from_input=(True, False))
        step = Step(1, loss="squared_error", wrt_inputs=wrt_inputs)
        fire(h, step, activations_in([1], [1]))
        assert respond(h, step, np.array([[1.0]])).urgencies.tolist() == rows


def test_learning_continues_an_equal_description_and_restarts_another() -> None:
    h = rule(parameters=(0.0, 0.0), from_input=(False,))
    moved = []
    for optimizer in (
        na.SGD(1.0, momentum=0.5),
        na.SGD(1.0, momentum=0.5),
        na.SGD(1.0, momentum=0.25),
    ):
        step = Step(1, loss="squared_error", optimizer=optimizer)
        fire(h, step, activations_in([1.0]))
        before = h.state.parameters[0]
        moved.append(respond(h, step, np.array([[1.0]])).commit[0] - before)
    assert moved == [1.0, 1.5, 1.0]


def test_an_answer_uses_the_weights_it_fired_with() -> None:
    h = rule(parameters=(2.0, 0.0), from_input=(False,))
    step = Step(1, loss="squared_error", optimizer=na.SGD(1.0))
    fire(h, step, activations_in([1.0]))
    answer = respond(h, step, np.array([[1.0]]))
    assert (answer.urgencies.tolist(), answer.commit.tolist()) == ([[2.0]], [3.0, 1.0])


def test_it_responds_once_and_only_in_the_step_in_which_it_fired() -> None:
    h = rule()
    urgencies = np.ones((1, 1))
    with pytest.raises(
        na.MessageError, match=r"^'h' cannot respond in step 1: it has not fired in that step$"
    ):
        respond(h, LOOK, urgencies)
    fire(h, LOOK, activations_in([1], [1]))
    with pytest.raises(na.MessageError, match="in step 2"):
        respond(h, Step(2, loss="squared_error"), urgencies)
    respond(h, LOOK, urgencies)
    with pytest.raises(na.MessageError, match="in step 1"):
        respond(h, LOOK, urgencies)


def test_in_a_step_that_only_predicts_nothing_is_stored() -> None:
    h = rule()
    fire(h, Step(1), activations_in([1], [1]))
    assert h.fired is None


def test_what_would_not_be_finite_is_refused_and_changes_nothing() -> None:
    h = rule(parameters=(1e200, 0.0), from_input=(False,))
    with (
        np.errstate(over="ignore"),
        pytest.raises(na.MessageError, match=r"^'h': its activation in step 1 would not be finite"),
    ):
        fire(h, LOOK, activations_in([1e200]))
    h = rule(parameters=(1.0, 0.0), from_input=(False,))
    step = Step(2, loss="squared_error", optimizer=na.SGD(1e300))
    before = h.state
    with np.errstate(over="ignore"):
        fire(h, step, activations_in([1.0]))
    with (
        np.errstate(over="ignore"),
        pytest.raises(na.MessageError, match=r"its parameters in step 2 would not be finite"),
    ):
        respond(h, step, np.array([[1e300]]))
    assert h.state is before
    assert h.fired is not None


@pytest.mark.parametrize("batch", [1, 2])
def test_an_urgency_for_a_source_that_would_not_be_finite_is_refused(batch: int) -> None:
    """The weight makes it too large, though the signal's urgency and the weight's are finite."""
    h = rule(parameters=(1e200, 0.0), from_input=(False,))
    before = h.state
    step = Step(1, loss="squared_error", optimizer=na.SGD(0.1))
    fire(h, step, activations_in([1e-200] * batch))
    with (
        np.errstate(over="ignore"),
        pytest.raises(na.MessageError, match=r"^'h': its urgency in step 1 would not be finite"),
    ):
        respond(h, step, np.full((1, batch), 1e200))
    assert h.state is before


@pytest.mark.parametrize("batch", [1, 2, 3, 8, 33])
@pytest.mark.parametrize("n", [1, 2, 3, 9, 130, 785])
def test_sums_add_in_synapse_order(n: int, batch: int) -> None:
    """Bit for bit what a plain loop gives, for every batch size, 1 among them."""
    rng = np.random.default_rng(n * 100 + batch)
    weights, rows = (
        rng.standard_normal(n),
        rng.standard_normal((n, batch)) * 10.0 ** rng.integers(-9, 9, (n, 1)),
    )
    products, plain = weights[0] * rows[0], rows[0].copy()
    for w, row in zip(weights[1:], rows[1:], strict=True):
        products = products + w * row
        plain = plain + row
    v, mean = rng.standard_normal(batch), np.empty(n)
    ordered = sums.choose_sums("ordered")
    assert np.array_equal(ordered.weighted_sum(weights, rows), products)
    assert np.array_equal(ordered.sum_of_rows(rows), plain)
    ordered.mean_products(rows, v, mean)
    expected = [np.mean(row * v) for row in rows]
    limit = 4 * batch * np.finfo(float).eps * np.abs(rows * v).mean(axis=1)
    assert (np.abs(mean - expected) <= limit).all()
