"""Rules of a user's own: whether parts of a batch are enough for them, and parameters for a prediction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.neuron import LocalRule, LossNode
from neuro_actors.rules.own_rules import needs_rule

NET = na.Network.layered([3, 4, 1], seed=0)
RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 3))
T = (X[:, :1] > 0) * 1.0
HOW = {"optimizer": na.SGD(0.1), "epochs": 2, "batch_size": 6}


class NormNeuron(LocalRule):
    """Normalises its signal over the batch; in a prediction, by running statistics."""

    __slots__ = ("mean", "var")
    STATE = ("state", "mean", "var")

    def __init__(self, *own) -> None:
        super().__init__(*own)
        self.mean, self.var = 0.0, 1.0

    def fire(self, step, activations_in, activation_out) -> None:
        z = self.sums.weighted_sum(self.state.parameters, activations_in)
        mean, var = self.mean, self.var
        if step.loss is not None:
            mean, var = float(z.mean()), float(z.var())
            self.mean, self.var = 0.9 * self.mean + 0.1 * mean, 0.9 * self.var + 0.1 * var
            self.fired, self.activations_in = step, activations_in
        self.signal = (z - mean) / np.sqrt(var + 1e-5)
        self.activation = self.function.value(self.signal)
        activation_out[...] = self.activation


class ClippedNeuron(LocalRule):
    """Weighs urgencies by how large they are in the whole batch."""

    __slots__ = ()

    def respond(self, step, urgencies_in, urgencies_out, commit_out) -> None:
        super().respond(step, urgencies_in / np.abs(urgencies_in).max(), urgencies_out, commit_out)


class TracingNeuron(LocalRule):
    """Remembers its last mean urgency, and learns by it."""

    __slots__ = ("trace",)
    STATE = ("state", "trace")

    def __init__(self, *own) -> None:
        super().__init__(*own)
        self.trace = np.zeros(1)

    def respond(self, step, urgencies_in, urgencies_out, commit_out) -> None:
        self.trace *= 0.5
        self.trace += urgencies_in.mean()  # in place
        super().respond(step, urgencies_in * (1 + np.tanh(self.trace)), urgencies_out, commit_out)


class SignNeuron(LocalRule):
    """Goes example by example."""

    __slots__ = ()

    def respond(self, step, urgencies_in, urgencies_out, commit_out) -> None:
        super().respond(step, urgencies_in, urgencies_out, commit_out)
        np.sign(urgencies_out, out=urgencies_out)


class FastNeuron(LocalRule):
    """Keeps fast weights, which are 0 at first, so at first it predicts as any neuron."""

    __slots__ = ("fast",)
    STATE = ("state", "fast")

    def __init__(self, *own) -> None:
        super().__init__(*own)
        self.fast = 0.0

    def fire(self, step, activations_in, activation_out) -> None:
        super().fire(step, activations_in, activation_out)
        activation_out += self.fast

    def respond(self, step, urgencies_in, urgencies_out, commit_out) -> None:
        super().respond(step, urgencies_in, urgencies_out, commit_out)
        self.fast = self.fast + 0.1


class NoisyNeuron(LocalRule):
    """Has noise where it learns alone."""

    __slots__ = ()

    def fire(self, step, activations_in, activation_out) -> None:
        super().fire(step, activations_in, activation_out)
        if step.loss is not None:
            activation_out *= 0.5


class DoublingNeuron(LocalRule):
    """Keeps nothing, and fires otherwise."""

    __slots__ = ()

    def fire(self, step, activations_in, activation_out) -> None:
        super().fire(step, activations_in, activation_out)
        activation_out *= 2.0


class CentringLoss(LossNode):
    """Removes the mean over the batch."""

    __slots__ = ()

    def evaluate(self, step, predictions, targets, urgencies_out):
        losses = super().evaluate(step, predictions, targets, urgencies_out)
        urgencies_out -= urgencies_out.mean(axis=1, keepdims=True)
        return losses


class _Own(na.rules.Rule):
    made: type = LocalRule
    node: type = LossNode

    def neuron(self, network, k, sums):
        return self.made(*na.rules.own(network, k), sums)

    def loss_node(self, network):
        return self.node(network.is_input[network.output_positions])


@dataclass(frozen=True)
class Norm(_Own):
    made = NormNeuron


@dataclass(frozen=True)
class Clipped(_Own):
    made = ClippedNeuron


@dataclass(frozen=True)
class Tracing(_Own):
    made = TracingNeuron


@dataclass(frozen=True)
class Signs(_Own):
    made = SignNeuron


@dataclass(frozen=True)
class Fast(_Own):
    made = FastNeuron


@dataclass(frozen=True)
class FastAndSaysSo(_Own):
    made = FastNeuron
    plain_predictions = True


@dataclass(frozen=True)
class Noisy(_Own):
    made = NoisyNeuron


@dataclass(frozen=True)
class Doubling(_Own):
    made = DoublingNeuron


@dataclass(frozen=True)
class Centring(_Own):
    node = CentringLoss


@pytest.mark.parametrize("rule", [Norm(), Clipped(), Tracing(), Centring()], ids=str)
def test_a_rule_that_needs_whole_batches_is_refused_in_parts(rule, channels: str) -> None:
    na.train(NET, X, T, **HOW, rule=rule, channels=channels)
    for how in ({"micro_batches": 3}, {"micro_batches": 2, "in_flight": 2}):
        with pytest.raises(na.InputError, match=r"^micro_batches: .* of the parts of a batch than"):
            na.train(NET, X, T, **HOW, rule=rule, channels=channels, **how)


@pytest.mark.parametrize("rule", [Signs(), Noisy(), Doubling()], ids=str)
def test_another_learns_the_same_in_parts(rule, channels: str) -> None:
    whole = na.train(NET, X, T, **HOW, rule=rule, channels=channels).network
    parts = na.train(NET, X, T, **HOW, rule=rule, channels=channels, micro_batches=3).network
    assert np.allclose(whole.weights, parts.weights, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rule", [Norm(), Fast(), Doubling()], ids=str)
async def test_what_was_learned_is_not_predicted_by_another_rule(rule, channels: str) -> None:
    async with na.open_simulation(NET, channels, rule=rule) as simulation:
        for _ in range(3):
            await simulation.train_step(X, T, optimizer=na.SGD(0.1))
        living, learned = await simulation.predict(X), await simulation.network()
    plain = learned.with_parameters(learned.weights, learned.biases)
    assert not np.allclose(living, na.predict(plain, X))
    for call in (
        lambda: na.predict(learned, X),
        lambda: na.gradient(learned, X, T),
        lambda: na.reference.predict(learned, X),
        lambda: na.reference.with_bound(learned, X, T),
        lambda: na.train(learned, X, T, **HOW),
        lambda: na.train(learned, X, T, **HOW, rule=Signs()),
    ):
        with pytest.raises(
            na.InputError, match=r"^this network learned under .*\(\), whose neurons"
        ):
            call()
    assert na.train(learned, X, T, **HOW, rule=rule).network.needs_rule == repr(rule)


@pytest.mark.parametrize("rule", [Signs(), Noisy(), Tracing(), FastAndSaysSo()], ids=str)
def test_a_network_whose_neurons_predict_by_parameters_is_free(rule) -> None:
    network = na.train(NET, X, T, **HOW, rule=rule).network
    assert (network.needs_rule, na.predict(network, X).shape) == ("", (12, 1))


def test_no_rule_of_the_package_is_needed() -> None:
    for rule in (na.rules.PredictiveCoding(3), na.rules.NewtonCG(), na.rules.WeightPerturbation()):
        assert not needs_rule(rule, NET)
        assert na.train(NET, X, T, **HOW, rule=rule).network.needs_rule == ""


def test_a_network_from_a_log_says_so_too(tmp_path) -> None:
    path = tmp_path / "run.arrows"
    na.train(NET, X, T, **HOW, rule=Norm(), log=path)
    log = na.open_log(path)
    last = log.steps[-1].number
    with pytest.raises(na.InputError, match="^this network learned under Norm"):
        na.predict(log.network_at(last), X)
    assert log.network_at(last).needs_rule == repr(Norm())
    assert np.array_equal(na.predict(log.network_at(0), X), na.predict(NET, X))


def test_a_finished_run_says_so_too(tmp_path) -> None:
    folder = tmp_path / "run"
    made = na.train(NET, X, T, **HOW, rule=Norm(), checkpoint=folder, every=2)
    again = na.resume(folder)
    assert again == made
    with pytest.raises(na.InputError, match="^this network learned under Norm"):
        na.predict(again.network, X)


def test_state_may_be_changed_in_place() -> None:
    """What is kept of it is a copy: a crash, or a checkpoint, does not see what came after."""
    calm = na.train(NET, X, T, **HOW, rule=Tracing()).network
    killed = [na.faults.Kill("h1.0", "before commit", step=step) for step in (2, 3)]
    storm = na.Unreliable(faults=killed)
    assert (
        na.train(NET, X, T, **HOW, rule=Tracing(), channels=storm).network.digest() == calm.digest()
    )


class InfiniteNeuron(TracingNeuron):
    """Lets its own state overflow in the second step."""

    __slots__ = ()

    def respond(self, step, urgencies_in, urgencies_out, commit_out) -> None:
        LocalRule.respond(self, step, urgencies_in, urgencies_out, commit_out)
        self.trace = self.trace + 1e308


@dataclass(frozen=True)
class Infinite(_Own):
    made = InfiniteNeuron


@pytest.mark.parametrize("more", [{}, {"channels": na.Unreliable(crash=0.3, seed=1)}], ids=str)
async def test_a_state_of_ones_own_that_overflows_is_named(more) -> None:
    async with na.open_simulation(NET, rule=Infinite(), **more) as simulation:
        await simulation.train_step(X, T, optimizer=na.SGD(0.1))
        before = await simulation.network()
        with pytest.raises(na.SimulationError, match=r": its state in step 2 would not be finite"):
            await simulation.train_step(X, T, optimizer=na.SGD(0.1))
        assert await simulation.network() == before
