"""What each member should send given what it received: right against exact fractions, and every message counts."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from helpers.deep_cases import deep_case, mail_of, skipping_case
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.proof.mail import MailRecorder, recorded
from neuro_actors.proof.random_cases import Case, draw_case
from neuro_actors.proof.reference.each_neuron import each_neuron
from neuro_actors.proof.reference.step_mail import Mail, greatest_use
from neuro_actors.simulation.blocking import run

NUMBERS = ("activations", "urgencies", "loss_urgencies", "input_urgencies", "losses")


def compared(case: Case, mail: Mail, wrt_inputs: bool = True):
    (found,) = each_neuron(case.network, case.x, case.targets, case.loss, mail, wrt_inputs)
    return found


@pytest.mark.parametrize(
    "case", [deep_case("relu", 8, 4), skipping_case(10, 3)], ids=["layers", "skips"]
)
def test_messages_are_within_the_bound_of_what_is_exact(case: Case, channels: str) -> None:
    """Sums and products in fractions: of piecewise linear neurons, or given the slopes."""
    mail, net = mail_of(case, channels=channels), case.network
    found = compared(case, mail)
    slopes = np.zeros_like(mail.activations)
    for k, name in enumerate(net.activations):
        if net.is_input[k]:
            continue
        incoming = net.incoming.of(k)
        for b in range(len(case.x)):
            z = Fraction(float(net.biases[k])) + sum(
                Fraction(float(net.weights[s]))
                * Fraction(float(mail.activations[b, net.sources[s]]))
                for s in incoming
            )
            function = na.ACTIVATIONS[name]
            at = np.array([float(z)])
            slopes[b, k] = function.slope(at, function.value(at))[0]
            if name in ("identity", "relu"):
                exact = max(z, 0) if name == "relu" else z
                gap = abs(Fraction(float(mail.activations[b, k])) - exact)
                assert gap <= found.limit.activations[b, k] / 2  # each of the two may err by half
    for k in np.flatnonzero(~net.is_input).tolist():
        for b in range(len(case.x)):
            u = sum(Fraction(float(mail.urgencies[b, s])) for s in net.outgoing.of(k))
            if k in net.output_positions:
                u += Fraction(float(mail.loss_urgencies[b, list(net.output_positions).index(k)]))
            for s in net.incoming.of(k).tolist():
                exact = u * Fraction(float(slopes[b, k])) * Fraction(float(net.weights[s]))
                gap = abs(Fraction(float(mail.urgencies[b, s])) - exact)
                assert gap <= found.limit.urgencies[b, s]
    assert all(use <= 1 for use in found.uses().values()), found.uses()


@pytest.mark.parametrize("seed", few(range(12), 3))
def test_any_one_number_that_is_off_is_found(seed: int) -> None:
    case = draw_case(seed) if seed % 2 else deep_case("tanh", 30, 4, seed)
    mail, rng = mail_of(case), np.random.default_rng(seed)
    assert max(compared(case, mail).uses().values()) < 0.6
    for name in NUMBERS:
        values = getattr(mail, name)
        where = tuple(rng.integers(size) for size in values.shape)
        wrong = values.copy()
        wrong[where] += 1e-9 * max(np.abs(values).max(), 1e-3)
        uses = compared(case, replace(mail, **{name: wrong})).uses()
        assert max(uses.values()) > 1, name
        wrong[where] = np.nan
        with np.errstate(all="ignore"):
            assert compared(case, replace(mail, **{name: wrong})).uses()[name] == np.inf, name


def test_what_goes_to_inputs_must_not_be_sent_unasked() -> None:
    case = deep_case("tanh", 5, 3)
    mail = mail_of(case, wrt_inputs=False)
    first = case.network.is_input[case.network.sources]
    assert np.isnan(mail.urgencies[:, first]).all()
    assert np.isnan(mail.input_urgencies).all()
    assert all(use <= 1 for use in compared(case, mail, wrt_inputs=False).uses().values())
    assert compared(case, mail, wrt_inputs=True).uses()["urgencies"] == np.inf
    asked = mail_of(case, wrt_inputs=True)
    assert compared(case, asked, wrt_inputs=False).uses()["urgencies"] == np.inf


def test_commits_are_the_gradient() -> None:
    case = deep_case("sin", 20, 4)
    mail = mail_of(case)
    expected, bound = compared(case, mail).gradients(case.network)
    gradient = na.gradient(case.network, case.x, case.targets, wrt_inputs=True)
    assert np.array_equal(mail.gradient(case.network).weights, gradient.weights)
    for name in ("weights", "biases", "inputs", "predictions", "loss"):
        use = greatest_use(*(getattr(one, name) for one in (gradient, expected, bound)))
        assert 0 <= use < 0.6, name


def test_a_kink_that_is_met_exactly_is_no_excuse() -> None:
    """x is 0, so the neuron's signal is exactly 0: relu's slope there is 0, not 1."""
    net = na.Network.from_matrices([[[1.0]], [[2.0]]], [[0.0], [0.5]], ["relu", "identity"])
    case = Case(net, np.zeros((1, 1)), np.ones((1, 1)), "squared_error")
    mail = mail_of(case)
    assert all(use <= 1 for use in compared(case, mail).uses().values())
    assert mail.urgencies[0, 0] == 0
    wrong = mail.urgencies.copy()
    wrong[0, 0] = 1.0  # the urgency 1, times the slope 1, times the weight 1
    assert compared(case, replace(mail, urgencies=wrong)).uses()["urgencies"] > 1


@pytest.mark.parametrize("limit", [np.nan, np.inf])
def test_a_bound_that_is_no_number_proves_nothing(limit: float) -> None:
    """What is compared within it has not been compared, though nothing differs."""
    case = deep_case("tanh", 3, 2)
    found = compared(case, mail_of(case))
    assert found.uses()["urgencies"] < 0.6
    limits = found.limit.urgencies.copy()
    limits[1, 2] = limit
    limited = found._replace(limit=replace(found.limit, urgencies=limits))
    assert limited.uses() == found.uses() | {"urgencies": np.inf}
    assert greatest_use(1.0, 1.0, np.nan) == np.inf


@pytest.mark.parametrize("parts", [{"sums": "blas"}, {"channels": "memory"}])
def test_sums_in_another_order(parts: dict[str, str]) -> None:
    case = deep_case("gelu", 12, 9, batch=17)
    recorder = MailRecorder(case.network)
    factory = recorded(parts.get("channels", "bundled"), recorder)

    async def society() -> None:
        sums = parts.get("sums", "ordered")
        async with na.open_simulation(case.network, factory, sums=sums) as simulation:
            await simulation.gradient(case.x, case.targets, case.loss)

    run(society, "bundled")
    found = compared(case, recorder.steps[0][1], wrt_inputs=False)
    assert all(use <= 1 for use in found.uses().values())
