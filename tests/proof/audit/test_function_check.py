"""Whether functions and the rule are here what they were in the run: each answer by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.network.function_identity import identities
from neuro_actors.network.known_identity import present_identity
from neuro_actors.neuron import LocalRule
from neuro_actors.proof.audit import function_check
from neuro_actors.proof.audit.function_check import FunctionCheck
from neuro_actors.proof.audit.step_notes import StepNote


@dataclass(frozen=True)
class Own(na.rules.Backpropagation):
    def neuron(self, network, k, sums):
        return super().neuron(network, k, sums)


def note(loss: str | None, identity: str = "") -> StepNote:
    return StepNote(3, "", loss, identity, 1, 1, False, False, "", False, None, None, 0)


def test_a_rule_of_the_package_in_place_of_one_s_own_is_another_rule() -> None:
    held = {"points": 1, "rule": {"digest": "0" * 64}}
    with pytest.raises(
        na.LogError, match=r"^'a': the rule Backpropagation\(\) is another one here"
    ):
        FunctionCheck("a", held, True).check_members([], na.rules.Backpropagation())


def test_what_the_log_does_not_tell_of_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for here in (None, {"digest": "0" * 64, "sample": "", "source": None, "curvature": None}):
        monkeypatch.setattr(function_check, "rule_identity", lambda rule, here=here: here)
        check = FunctionCheck("a", identities(["tanh"], []), True)
        check.check_members(["tanh", "sin"], Own())
        assert check.unchecked == ["the activation 'sin'", "the rule Own()"]


def test_a_loss_is_compared_once_for_each_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    huber = present_identity(functions.LOSSES["huber"])["digest"]
    check = FunctionCheck("a", identities([], ["huber"]), True)
    for one in (note(None), note("huber"), note("huber", huber)):
        check.check_loss(one)
    assert (check.losses, check.unchecked) == ({"huber"}, [])
    with pytest.raises(na.LogError, match=r"^step 3: the loss 'huber' is another function here"):
        check.check_loss(note("huber", "0" * 64))
    with pytest.raises(
        na.LogError, match=r"^step 3: the loss 'l9' is not known here; --import MODULE"
    ):
        check.check_loss(note("l9"))
    elsewhere = FunctionCheck("a", identities([], ["huber"]), False)
    for _ in range(2):
        elsewhere.check_loss(note("huber", "0" * 64))
    assert elsewhere.unchecked == ["the values of the loss 'huber'"]


class Scaled(LocalRule):
    FACTOR = 1.0

    def conclude(self, step, wanted, commit_out):
        super().conclude(step, self.FACTOR * wanted if step.optimizer else wanted, commit_out)


class Scaling(na.rules.Rule):
    def neuron(self, network, k, sums):
        return Scaled(*na.rules.own(network, k), sums)


def test_a_rule_whose_neurons_have_changed_says_no_two_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own source is the same, and yet it is another one: that is no reason, but a surprise."""
    log = tmp_path / "a.arrows"
    na.train(
        na.Network.layered([1, 1], seed=0), [[1.0]], [[0.0]],
        optimizer=na.SGD(0.1), epochs=1, rule=Scaling(), log=log,
    )  # fmt: skip
    monkeypatch.setattr(Scaled, "FACTOR", 2.0)
    match = (
        r"a\.arrows': the rule Scaling\(\) is another function here than in the run "
        r"\(\S+ there, \S+ here\), though its source is the same\. Nothing can be replayed; --import"
    )
    with pytest.raises(na.LogError, match=match):
        na.audit(log)
