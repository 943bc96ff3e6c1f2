"""A rule that forgets to name what it keeps is refused where its neurons must continue from their state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import trio
from helpers.rule_cases import RULES, layered
from helpers.tiers import few

import neuro_actors as na
from neuro_actors import rules
from neuro_actors.neuron import LocalRule
from neuro_actors.rules import rule_identity
from neuro_actors.rules.dry_run import OPTIMIZER, DryRun
from neuro_actors.rules.state_check import check_state

NET, X, T = layered(3, 4, 2)


class Forgetful(LocalRule):
    """It keeps a trace of its urgencies."""

    __slots__ = ("trace",)

    def __init__(self, *own) -> None:
        super().__init__(*own)
        self.trace = 0.0

    def respond(self, step, urgencies_in, urgencies_out, commit_out):
        self.trace = 0.9 * self.trace + 0.1 * urgencies_in.mean()
        super().respond(step, urgencies_in * (1 + np.tanh(self.trace)), urgencies_out, commit_out)


class Mindful(Forgetful):
    STATE = ("state", "trace")


class Noisy(LocalRule):
    """Its generator is its own, and goes on from step to step."""

    __slots__ = ("random",)

    def __init__(self, *own) -> None:
        super().__init__(*own)
        self.random = np.random.default_rng(len(self.id))

    def fire(self, step, activations_in, activation_out):
        noise = 1e-3 * self.random.standard_normal(activations_in.shape)
        super().fire(step, activations_in + noise, activation_out)


class Scratch(LocalRule):
    """What it notes down is written anew in each step, before it is read."""

    def respond(self, step, urgencies_in, urgencies_out, commit_out):
        self.doubled = 2.0 * urgencies_in
        super().respond(step, self.doubled, urgencies_out, commit_out)


class Peeking(LocalRule):
    """All neurons share a table."""

    SHARED: dict[str, float] = {}

    def respond(self, step, urgencies_in, urgencies_out, commit_out):
        self.SHARED[self.id] = self.SHARED.get(self.id, 0.0) + float(urgencies_in.mean())
        shared = 1 + 0.01 * np.tanh(sum(self.SHARED.values()))
        super().respond(step, urgencies_in * shared, urgencies_out, commit_out)


class Misspelt(Forgetful):
    STATE = ("state", "trase")


@dataclass(frozen=True)
class Makes(rules.Rule):
    kind: str

    def neuron(self, network, k, sums):
        return globals()[self.kind](*rules.own(network, k), sums)


USES: dict[str, dict[str, Any]] = {
    "checkpoint": {},
    "faults": {"channels": na.Unreliable(crash=0.3, seed=1)},
    "lanes": {"micro_batches": 2, "in_flight": 2},
}


def train(rule: rules.Rule, folder, use: str | None = None) -> str:
    more = {} if use is None else USES[use]
    if use == "checkpoint":
        more = {"checkpoint": folder / "run", "every": 1}
    how: dict[str, Any] = {"optimizer": na.SGD(0.1), "epochs": 3, "batch_size": 2}
    return na.train(NET, X, T, **how, rule=rule, **more).network.digest()


@pytest.mark.parametrize("use", few(USES, 1))
@pytest.mark.parametrize(
    ("kind", "match"),
    [
        ("Forgetful", r"^Makes\(kind='Forgetful'\): '\w+\.\d' does something else when its rule, For"
         r".* continues from get_state\(\), .*: it keeps 'trace': name in STATE all that"),
        ("Noisy", r"it keeps 'random': name in STATE"),
        ("Peeking", "depends on more than its mail and what STATE names"),
        ("Misspelt", r"STATE of Misspelt names what it does not have: .*trase"),
    ],
)  # fmt: skip
def test_a_rule_that_forgets_is_refused(kind: str, match: str, use: str, tmp_path) -> None:
    in_parts = "^micro_batches: .* other numbers of the parts"  # which is found first
    with pytest.raises(na.NeuroActorsError, match=f"{match}|{in_parts}"):
        train(Makes(kind), tmp_path, use)
    assert not any(tmp_path.iterdir())


def test_where_nothing_is_lost_nothing_is_refused(tmp_path) -> None:
    assert train(Makes("Forgetful"), tmp_path) == train(Makes("Mindful"), tmp_path)


@pytest.mark.parametrize("kind", few(["Mindful", "Scratch", "LocalRule"], 1))
def test_a_rule_that_names_all_is_right_everywhere(kind: str, tmp_path) -> None:
    expected = train(Makes(kind), tmp_path)
    for use in ("faults", "checkpoint"):
        assert train(Makes(kind), tmp_path, use) == expected


@pytest.mark.parametrize("rule", [*RULES, rules.NewtonCG(l2=0.01)], ids=repr)
def test_a_dry_run_is_a_run(rule: rules.Rule) -> None:
    """The packages's own rules pass the trial; and it is a trial: all rounds of all steps are driven."""
    own = type(f"Own{type(rule).__name__}", (type(rule),), {"__module__": __name__})
    mine = object.__new__(own)
    for name in type(rule).__dataclass_fields__:
        object.__setattr__(mine, name, getattr(rule, name))
    trial = DryRun(mine, NET)
    members = trial.make_members()
    sent = [drive(members) for drive in trial.rounds()]
    assert len(sent) >= 3
    assert all(np.isfinite(part).all() for of in sent for parts in of for part in parts)
    check_state(mine, NET)


@pytest.mark.parametrize(
    "rule",
    [
        rules.Backpropagation(), rules.FeedbackAlignment(), rules.PredictiveCoding(3), rules.NewtonCG(),
        rules.DirectFeedbackAlignment(), rules.WeightPerturbation(),
    ],
    ids=lambda rule: type(rule).__name__,
)  # fmt: skip
def test_the_messages_of_a_dry_run_are_those_of_a_society(rule: rules.Rule) -> None:
    """What members are driven through is what channels carry: they learn the same bits."""
    trial = DryRun(rule, rule_identity.small_network())
    members = trial.make_members()
    for drive in trial.rounds():
        drive(members)
    neurons = np.flatnonzero(~trial.network.is_input).tolist()
    learned = [members[k].get_state()[0].parameters for k in neurons]

    async def society() -> na.Network:
        async with na.open_simulation(trial.network, rule=rule) as simulation:
            for x, targets in trial.batches():
                await simulation.train_step(x.T, targets.T, optimizer=OPTIMIZER)
            return await simulation.network()

    network = trio.run(society)
    found = [np.append(network.weights[network.incoming.of(k)], network.biases[k]) for k in neurons]
    assert np.array_equal(np.concatenate(found), np.concatenate(learned))


def test_a_large_network_is_not_driven(monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(DryRun, "rounds", lambda self: seen.append(self.network) or iter(()))
    check_state(Makes("Mindful"), na.Network.layered([60, 30, 2], seed=0))
    assert len(seen[0].weights) == 20
