"""What extending.md says of rules and engines that are unusual, and on purpose neither wrong nor refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import neuro_actors as na
from neuro_actors.channels.bundled.bundled_channels import Bundled
from neuro_actors.neuron import LocalRule

NET = na.Network.layered([2, 3, 1], seed=0)
X, T = np.random.default_rng(0).standard_normal((8, 2)), np.ones((8, 1))
HOW: dict[str, Any] = {"optimizer": na.SGD(0.1), "epochs": 2, "batch_size": 2}


class LateNeuron(LocalRule):
    """It learns from the urgencies of the step before."""

    __slots__ = ("late",)
    STATE = ("state", "late")

    def __init__(self, *own: Any) -> None:
        super().__init__(*own)
        self.late: tuple[np.ndarray, ...] = ()

    def conclude(self, step, wanted, commit_out) -> None:
        late, self.late = self.late, (wanted.copy(),)
        super().conclude(step, late[0] if late else np.zeros_like(wanted), commit_out)


@dataclass(frozen=True)
class Late(na.rules.Rule):
    def neuron(self, network, k, sums):
        return LateNeuron(*na.rules.own(network, k), sums)


def test_late_urgencies_are_a_state_like_others(tmp_path) -> None:
    log = tmp_path / "run.arrows"
    expected = na.train(NET, X, T, **HOW, rule=Late(), log=log)
    assert expected.network != na.train(NET, X, T, **HOW).network
    assert na.audit(log).passed
    faults = na.Unreliable(crash=0.02, seed=1)
    assert na.train(NET, X, T, **HOW, rule=Late(), channels=faults).network == expected.network
    na.train(NET, X, T, **HOW, rule=Late(), checkpoint=tmp_path / "run", every=7)
    found = na.resume(tmp_path / "run/step-0000000007.safetensors")
    assert found.network == expected.network


class LossyPort:
    """It reads 0 in place of what the first source sent."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    @property
    def activations_in(self) -> np.ndarray:
        mail = self.inner.activations_in.copy()
        mail[0] *= len(mail) == 1  # an input has no source: its only row is the environment's
        return mail

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Lossy(Bundled):
    def port(self, k: int) -> Any:
        port = super().port(k)
        return LossyPort(port)


def test_an_audit_names_the_first_message_that_does_not_follow_from_lost_mail(tmp_path) -> None:
    log = tmp_path / "run.arrows"
    na.train(NET, X, T, **HOW, channels=Lossy, log=log)
    lie = na.audit(log).lie
    assert lie is not None
    assert (lie.step, lie.who, lie.what) == (1, "h1.0", "told its followers the activation")
