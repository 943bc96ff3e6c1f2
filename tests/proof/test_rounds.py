"""The rounds of a step through time, each member on its own mail; what goes from tick to tick is a law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.all_kinds import memory
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.proof.mail import MailRecorder, recorded
from neuro_actors.proof.random_cases import Case
from neuro_actors.proof.reference.cells import Cells
from neuro_actors.proof.reference.step_mail import greatest_use
from neuro_actors.proof.rounds import compare_step, split_into_steps
from neuro_actors.simulation.blocking import run

GRIDS = [(), (2,)]


def society(case: Case, window: int | None = None, channels: str = "bundled"):
    """The gradient, and all rounds of a prediction and of the gradient."""
    recorder = MailRecorder(case.network)

    async def live() -> na.Gradient:
        parts = {"rule": na.rules.ThroughTime(window=window)}
        factory = recorded(channels, recorder)
        async with na.open_simulation(case.network, factory, **parts) as simulation:
            await simulation.predict(case.x)
            return await simulation.gradient(case.x, case.targets, case.loss, wrt_inputs=True)

    return run(live, channels), recorder.steps


def uses(case: Case, rounds, window: int | None = None) -> float:
    compared = compare_step(case.network, rounds, case.x, case.targets, window=window)
    return max(max(one.uses().values()) for one in compared.rounds)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("window", [None, 1, 2, 3])
def test_windows(window: int | None, grid: tuple[int, ...], channels: str) -> None:
    """Truncated too: the sum over ticks of what each neuron should have committed."""
    case = memory(grid=grid)
    gradient, rounds = society(case, window, channels)
    predicted, learned = split_into_steps(rounds)
    assert (len(predicted), len(learned)) == (5, 10)
    assert uses(case, predicted) < 0.6
    given = case.network, learned, case.x, case.targets
    compared = compare_step(*given, window=window)
    assert max(max(one.uses().values()) for one in compared.rounds) < 0.6
    expected, bound = compared.gradient
    for name in ("weights", "biases", "inputs", "predictions", "loss"):
        assert greatest_use(*(getattr(g, name) for g in (gradient, expected, bound))) < 0.6, name
    for other in {None, 1, 2, 3} - {window}:
        assert uses(case, learned, other) > 1


@pytest.mark.torch
@pytest.mark.parametrize("window", [None, 1, 2, 3])
def test_windows_are_where_pytorch_detaches(window: int | None) -> None:
    need("torch")
    from neuro_actors.proof.torch_oracle import torch_gradient

    case = memory(ticks=6)
    found, _ = society(case, window)
    other = torch_gradient(case.network, case.x, case.targets, case.loss, window)
    for name in ("weights", "biases", "inputs", "predictions"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(other, name), rtol=1e-11, atol=1e-14
        )


@pytest.mark.parametrize("grid", GRIDS)
def test_any_one_number_that_is_off_is_found(grid: tuple[int, ...]) -> None:
    case, rng = memory(grid=grid), np.random.default_rng(0)
    _, rounds = society(case)
    learned = list(split_into_steps(rounds))[1]
    assert uses(case, learned) < 0.6
    for n, (step, mail) in enumerate(learned):
        names = ["activations"]
        if step.loss is not None:
            names += ["urgencies", "loss_urgencies", "input_urgencies"]
        for name in names:
            values = getattr(mail, name)
            wrong = values.copy()
            wrong[tuple(rng.integers(size) for size in values.shape)] += 1e-9
            other = [*learned[:n], (step, replace(mail, **{name: wrong})), *learned[n + 1 :]]
            assert uses(case, other) > 1, (step.round, name)


def test_what_a_delay_says_is_right_to_the_last_bit() -> None:
    case = memory()
    _, rounds = society(case)
    learned = list(split_into_steps(rounds))[1]
    step, mail = learned[3]
    at = Cells(case.network).of(np.array([case.network.position["gate before"]]))
    wrong = mail.activations.copy()
    wrong[:, at] = np.nextafter(wrong[:, at], np.inf)
    other = [*learned[:3], (step, replace(mail, activations=wrong)), *learned[4:]]
    assert uses(case, other) == np.inf or uses(case, other) > 1


def test_a_tick_that_is_not_counted_is_seen() -> None:
    """The gradient that a society returns is compared with the sum over all ticks."""
    case = memory()
    gradient, rounds = society(case)
    learned = list(split_into_steps(rounds))[1]
    expected, bound = compare_step(case.network, learned, case.x, case.targets).gradient
    mails = [mail for step, mail in learned if step.loss is not None]
    one_less = -mails[-2].weights[: len(gradient.weights)]
    assert greatest_use(gradient.weights, expected.weights, bound.weights) < 0.6
    assert greatest_use(one_less, expected.weights, bound.weights) > 1
