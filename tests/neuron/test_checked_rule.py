"""A rule of a user's own: what it does not write is no message and no weight, in whatever engine it lives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import trio
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.neuron import InputRule, LocalRule, LossNode
from neuro_actors.neuron.checked_rule import checked_loss_node, checked_rule
from neuro_actors.neuron.sums import ORDERED

NET = na.Network.layered([2, 3, 2], seed=0)
X, T = np.ones((4, 2)), np.zeros((4, 2))
PLACES = {
    "bundled": {},
    "lanes": {"micro_batches": 4, "in_flight": 2},
    "memory": {"channels": "memory"},
    "faults": {"channels": na.Unreliable(delay=1e-4)},
    "micro-batches": {"micro_batches": 2},
}


class Odd(LocalRule):
    """What is odd about it is a function of its own: odd(rule, method, step, *arrays)."""

    __slots__ = ("held", "odd", "steps")
    STATE = ("state", "held", "steps")

    def __init__(self, odd, *own) -> None:
        super().__init__(*own)
        self.odd, self.held, self.steps = odd, None, 0

    def fire(self, step, activations_in, activation_out):
        super().fire(step, activations_in, activation_out)
        return self.odd(self, "fire", step, activations_in, activation_out)

    def respond(self, step, urgencies_in, urgencies_out, commit_out):
        super().respond(step, urgencies_in, urgencies_out, commit_out)
        self.steps += 1
        return self.odd(self, "respond", step, urgencies_in, urgencies_out, commit_out)

    def conclude(self, step, wanted, commit_out):
        before = commit_out.copy()
        super().conclude(step, wanted, commit_out)
        if step.optimizer is not None and self.odd is forgets_to_conclude:
            commit_out[...] = before


@dataclass(frozen=True)
class OddRule(na.rules.Rule):
    odd: object = None
    of: str = "h1.1"

    def neuron(self, network, k, sums):
        own = na.rules.own(network, k)
        return Odd(self.odd, *own, sums) if own[0] == self.of else LocalRule(*own, sums)


def unwritten(method: str, place: int, which: object):
    """It leaves out some numbers as they were before the call: here they are marked again, as if it had not written."""

    def odd(rule, called, step, *arrays):
        if called == method:
            arrays[place][which] = BEFORE

    return odd


BEFORE = np.array(np.int64(0x7FF8_0000_756E_7365)).view(np.float64)


def forgets_to_conclude(*_):
    pass


async def learn(rule, steps=2, **place):
    async with na.open_simulation(NET, rule=rule, **place) as simulation:
        for _ in range(steps):
            await simulation.train_step(X, T, optimizer=na.SGD(0.1))
        return (await simulation.network()).digest()


def refused(rule, match: str, **place) -> None:
    with pytest.raises(na.SimulationError, match=match):
        trio.run(partial(learn, rule, **place))


@pytest.mark.parametrize("place", few(PLACES))
@pytest.mark.parametrize(
    ("odd", "what"),
    [
        (unwritten("fire", 1, ...), "all of activation_out in fire: write one number for each col"),
        (unwritten("fire", 1, -1), "all of activation_out in fire: "),
        (
            unwritten("respond", 2, ...),
            "all of commit_out in respond: write the new parameters, or",
        ),
        (unwritten("respond", 2, 1), "all of commit_out in respond: "),
    ],
)
def test_numbers_that_are_not_written_are_refused(odd, what: str, place: str) -> None:
    named = r"^'h1\.1' failed in step \d: its rule Odd in step \d: "
    refused(OddRule(odd), named + "it did not write " + what, **PLACES[place])


@pytest.mark.parametrize("place", few(PLACES))
def test_rows_that_are_not_written_are_refused(place: str) -> None:
    odd = unwritten("respond", 1, 0)
    what = "all of urgencies_out in respond: write one row for each source that listens for urgenc"
    refused(OddRule(odd, "y1"), "did not write " + what, **PLACES[place])


def test_a_commit_that_is_forgotten_at_the_end_of_a_batch_is_refused() -> None:
    rule = OddRule(forgets_to_conclude)
    refused(rule, "did not write all of commit_out in respond: .* self.conclude")
    refused(rule, "did not write all of commit_out in conclude", micro_batches=2)


def test_a_rule_that_holds_its_commit_at_the_end_of_a_batch_is_refused() -> None:
    class Keeps(Odd):
        def conclude(self, step, wanted, commit_out):
            LocalRule.conclude(self, step, wanted, commit_out)
            if step.optimizer is not None:  # in micro-batches this is no part of `respond`
                self.held = commit_out

    class KeepsRule(na.rules.Rule):
        def neuron(self, network, k, sums):
            return Keeps(lambda *_: None, *na.rules.own(network, k), sums)

    refused(KeepsRule(), r"failed in step 2: .* it keeps in 'held' an array", micro_batches=2)


def test_numbers_of_the_step_before_are_not_sent_again() -> None:
    """Bundled channels use their arrays again, so they hold the numbers of the step before."""

    class Once(Odd):
        def fire(self, step, activations_in, activation_out):
            if self.steps == 0:
                LocalRule.fire(self, step, activations_in, activation_out)

    class OnceRule(na.rules.Rule):
        def neuron(self, network, k, sums):
            return Once(lambda *_: None, *na.rules.own(network, k), sums)

    refused(OnceRule(), r"'h1\.0' failed in step 2: .* did not write all of activation_out in fire")


def test_what_the_mark_is_computed_into_is_refused() -> None:
    def adds(rule, called, step, *arrays):
        if called == "fire":
            np.add(BEFORE, arrays[1], out=arrays[1])

    refused(OddRule(adds), "did not write all of activation_out")


@pytest.mark.parametrize(
    ("method", "place"), [("fire", 1), ("respond", 1), ("respond", 2)], ids=str
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused_where_they_are_written(
    method: str, place: int, value: float
) -> None:
    def odd(rule, called, step, *arrays):
        if called == method:
            arrays[place][..., 0] = value

    refused(OddRule(odd, "y1"), r"^'y1' failed in .* what it wrote into \w+ is not finite")


@pytest.mark.parametrize("method", ["fire", "respond"])
@pytest.mark.parametrize("place", few(["bundled", "lanes", "memory"], 1))
def test_a_result_that_is_returned_is_refused(method: str, place: str) -> None:
    def odd(rule, called, step, *arrays):
        return arrays[1].copy() if called == method else None

    match = rf"its rule Odd in step \d: {method} returned array.* goes nowhere: write into \w+_out"
    refused(OddRule(odd), match, **PLACES[place])


@pytest.mark.parametrize("method", ["fire", "respond"])
@pytest.mark.parametrize("place", few(["bundled", "memory"], 1))
def test_mail_cannot_be_changed(method: str, place: str) -> None:
    """Neurons with the same sources read it in one array."""

    def odd(rule, called, step, *arrays):
        if called == method:
            arrays[0][...] *= 0.5

    refused(OddRule(odd), r"^'h1\.1' .*read-only", **PLACES[place])


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("place", few(["bundled", "memory"], 1))
def test_an_array_of_the_port_is_not_held(which: int, place: str) -> None:
    """Bundled channels use it again in the next step, memory channels do not."""

    def odd(rule, called, step, *arrays):
        if called == ("fire" if which == 0 else "respond"):
            rule.held = (1, arrays[which][0] if arrays[which].ndim > 1 else arrays[which])

    refused(OddRule(odd, "y1"), "it keeps in 'held' an array that it was handed", **PLACES[place])


def test_urgencies_come_back_in_each_step_with_a_loss() -> None:
    class Deaf(LocalRule):
        def is_answered(self, step):
            return False

    class DeafRule(na.rules.Rule):
        def neuron(self, network, k, sums):
            return Deaf(*na.rules.own(network, k), sums)

    refused(DeafRule(), "is_answered returned False, and urgencies will come back: return step")


@pytest.mark.parametrize("place", few(["bundled", "memory"], 1))
def test_an_input_repeats_what_the_environment_sends(place: str) -> None:
    class Doubling(InputRule):
        def fire(self, step, activations_in, activation_out):
            activation_out[...] = 2.0 * activations_in[0]

    class Doubled(na.rules.Rule):
        def input(self, network, k, sums):
            return Doubling(network.ids[k], sums)

    async def society() -> None:
        async with na.open_simulation(NET, rule=Doubled(), **PLACES[place]) as simulation:
            await simulation.gradient(X, T, wrt_inputs=True)

    with pytest.raises(na.SimulationError, match=r"^'x0' .* fire changed what the environment"):
        trio.run(society)


class OddLoss(LossNode):
    """odd(losses, urgencies_out) is returned."""

    def __init__(self, odd, *own) -> None:
        super().__init__(*own)
        self.odd = odd

    def evaluate(self, step, predictions, targets, urgencies_out):
        losses = super().evaluate(step, predictions, targets, urgencies_out)
        return self.odd(losses, urgencies_out)


@dataclass(frozen=True)
class OddLossRule(na.rules.Rule):
    odd: object

    def loss_node(self, network):
        return OddLoss(self.odd, network.is_input[network.output_positions])


def forgets_a_row(losses, urgencies_out):
    urgencies_out[1] = BEFORE
    return losses


@pytest.mark.parametrize("place", few(PLACES))
@pytest.mark.parametrize(
    ("odd", "match"),
    [
        (forgets_a_row, "it did not write all of urgencies_out in evaluate: write one row for eac"),
        (lambda losses, _: None, r"evaluate returned None: return the loss of each example, floa"),
        (lambda losses, _: losses[:1].mean(), r"evaluate returned np.float64"),
        (lambda losses, _: losses[None], r"evaluate returned an array of float64 of shape \(1, "),
        (lambda losses, _: losses.astype(int), r"evaluate returned an array of int64 of shape"),
        (lambda losses, _: losses * np.inf, r"evaluate returned losses that are not finite"),
    ],
)
def test_a_loss_node_of_ones_own_is_checked(odd, match: str, place: str) -> None:
    refused(
        OddLossRule(odd),
        "^'loss' failed in .*: its rule OddLoss in step .*" + match,
        **PLACES[place],
    )


def test_an_honest_rule_of_ones_own_has_the_bits_of_the_package() -> None:
    expected = trio.run(partial(learn, na.rules.Backpropagation()))
    for rule in (OddRule(lambda *_: None), OddLossRule(lambda losses, _: losses)):
        for place in ("bundled", "memory", "faults"):
            assert trio.run(partial(learn, rule, **PLACES[place])) == expected


def test_the_packages_own_rules_are_not_checked() -> None:
    for rule in (na.rules.Backpropagation(), na.rules.MicroBatches(na.rules.Backpropagation(), 2)):
        for k in range(len(NET.ids)):
            member = rule.member(NET, k, ORDERED)
            assert checked_rule(member) is member
    node = LossNode(np.zeros(2, bool))
    assert checked_loss_node(node) is node
    odd = OddRule().member(NET, NET.ids.index("h1.1"), ORDERED)
    assert checked_rule(odd) is not odd


HONEST = True


class Lazy(LocalRule):
    def respond(self, step, urgencies_in, urgencies_out, commit_out):
        if HONEST or urgencies_in.shape[1] != len(X):  # in trials it is as it was
            super().respond(step, urgencies_in, urgencies_out, commit_out)


@dataclass(frozen=True)
class LazyRule(na.rules.Rule):
    def neuron(self, network, k, sums):
        return Lazy(*na.rules.own(network, k), sums)


def test_an_audit_proves_nothing_by_a_rule_that_writes_nothing(tmp_path, monkeypatch) -> None:
    """The audit compares what the log says with what it computes. That must not be the log itself."""
    log = str(tmp_path / "a.arrows")
    na.train(NET, X, T, optimizer=na.SGD(0.1), epochs=1, rule=LazyRule(), log=log)
    assert na.audit(log).passed
    monkeypatch.setattr(f"{__name__}.HONEST", False)
    assert "did not write all of urgencies_out" in str(na.audit(log).lie)


class Overshooting(LocalRule):
    """It commits other parameters than its state has, which it goes on with."""

    def conclude(self, step, wanted, commit_out):
        super().conclude(step, wanted, commit_out)
        if step.optimizer is not None:
            commit_out[0] += 0.5


@dataclass(frozen=True)
class OvershootingRule(na.rules.Rule):
    def neuron(self, network, k, sums):
        own = na.rules.own(network, k)
        return (Overshooting if own[0] == "h1.1" else LocalRule)(*own, sums)


@pytest.mark.parametrize("place", PLACES)
def test_what_it_commits_is_its_state(place: str) -> None:
    """Otherwise the trained network would have other weights than those that the neuron has."""
    match = r"'h1\.1'.* is not its state.*of parameter 0 these are .* and .*self\.conclude"
    with pytest.raises(na.SimulationError, match=match):
        na.train(
            NET, X, T, optimizer=na.SGD(0.1), epochs=1, rule=OvershootingRule(), **PLACES[place]
        )
    given = NET, X, T
    assert na.gradient(*given, rule=OvershootingRule()).loss == na.gradient(*given).loss


def test_a_nan_of_its_own_code_is_no_matter_of_the_rate() -> None:
    def divides(rule, called, step, *arrays):
        if called == "respond":
            arrays[2][...] = np.nan

    with pytest.raises(na.SimulationError, match="is not finite: look for a division by 0, or"):
        na.gradient(NET, X, T, rule=OddRule(divides))


class Dividing(LocalRule):
    """The package's own method meets the NaN first."""

    def conclude(self, step, wanted, commit_out):
        with np.errstate(all="ignore"):
            super().conclude(step, wanted / np.zeros(len(wanted)), commit_out)


@dataclass(frozen=True)
class DividingRule(na.rules.Rule):
    def neuron(self, network, k, sums):
        return Dividing(*na.rules.own(network, k), sums)


def test_nor_is_one_that_a_method_of_the_package_meets() -> None:
    match = "its urgency in step 1 would not be finite: look for a division by 0, or the like, in"
    with pytest.raises(na.SimulationError, match=match):
        na.train(NET, X, T, optimizer=na.SGD(0.1), epochs=1, rule=DividingRule())


@pytest.mark.parametrize(
    ("value", "slopes", "what"),
    [
        (lambda x: np.where(x[0] > 2, np.nan, x[0]), lambda x, a: np.ones(x.shape), "activation"),
        (lambda x: x[0] * 1.0, lambda x, a: np.where(x > 2, np.nan, 1.0), "slope"),
    ],
)
def test_nor_is_a_nan_of_a_combination(value, slopes, what, monkeypatch) -> None:
    monkeypatch.setattr(functions, "COMBINATIONS", dict(functions.COMBINATIONS))
    na.add_combination("odd", value, slopes, surrogate=True)
    net = na.Network(
        [na.Input("x"), na.Neuron("h", "identity"), na.Interneuron("m", "odd")],
        [na.Synapse("x", "h", 1.0), na.Synapse("h", "m")],
        ["m"],
    )
    match = rf"its {what} in step 1 would not be finite: its function makes nan of \[3\.0\]$"
    with pytest.raises(na.SimulationError, match=match):
        na.gradient(net, [[3.0]], [[1.0]])


@pytest.mark.parametrize(
    ("value", "slope", "problem"),
    [
        (lambda z: np.where(z > 2, np.nan, z), lambda z, a: np.ones_like(z), "its activation"),
        (lambda z: z * 1.0, lambda z, a: np.where(z > 2, np.nan, 1.0), "its slope"),
    ],
)
def test_nor_is_a_nan_of_a_function(value, slope, problem, monkeypatch) -> None:
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
    na.add_activation("odd", value, slope)
    net = na.Network([na.Input("x"), na.Neuron("y", "odd")], [na.Synapse("x", "y", 1.0)], ["y"])
    match = f"{problem} in step 1 would not be finite: its function makes nan of the signal 3$"
    with pytest.raises(na.SimulationError, match=match):
        na.gradient(net, [[3.0]], [[1.0]])


def test_nor_is_a_nan_of_a_loss(monkeypatch) -> None:
    monkeypatch.setattr(functions, "LOSSES", dict(functions.LOSSES))
    na.add_loss("odd", lambda p, t: (p**2).sum(axis=1), lambda p, t: p * [0.5] + np.nan)
    with pytest.raises(na.SimulationError, match="the loss makes nan of finite predictions"):
        na.gradient(na.Network.layered([1, 1], seed=0), [[0.0]], [[0.0]], "odd")
