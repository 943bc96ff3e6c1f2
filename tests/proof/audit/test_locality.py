"""Rules, optimizers and functions of the user's own that share more than mail are not proved to be local."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.neuron.local_rule import LocalRule
from neuro_actors.neuron.messages import Step
from neuro_actors.proof.audit.locality import (
    ALL_PAIRS,
    NEIGHBOURS,
    changed_groups,
    has_own_functions,
)
from neuro_actors.rules import Answer, Round

Array = NDArray[np.float64]
MODULE_BOARD: dict[str, Array] = {}


class Tied(LocalRule):
    """A neuron that learns from the sum of the urgencies of its layer, found on a board."""

    __slots__ = ("board",)

    def __init__(self, board: dict[str, Array], *own: Any) -> None:
        super().__init__(*own)
        self.board = board

    def conclude(self, step: Step, wanted: Array, commit_out: Array) -> None:
        layer = self.id.partition(".")[0]
        if step.round == "find":
            self.board[self.id] = wanted.copy()
        else:
            shared = [self.board[name] for name in sorted(self.board) if name.startswith(layer)]
            wanted = np.add.reduce([part for part in shared if part.shape == wanted.shape], 0)
        super().conclude(step, wanted, commit_out)


@dataclass(frozen=True)
class OnOneObject(na.rules.Rule):
    """The board belongs to the rule."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "board", {})

    def board_of(self, network: na.Network) -> dict[str, Array]:
        return self.board  # type: ignore[attr-defined, no-any-return]

    def neuron(self, network: na.Network, k: int, sums: Any) -> LocalRule:
        return Tied(self.board_of(network), *na.rules.own(network, k), sums)

    def rounds(self, network: na.Network, x: Array) -> Generator[Round, Answer, None]:
        yield Round(x, "find", learns=False)
        yield Round(x, "learn")


@dataclass(frozen=True)
class InTheClass(OnOneObject):
    BOARD: ClassVar[dict[str, Array]] = {}

    def board_of(self, network: na.Network) -> dict[str, Array]:
        return self.BOARD


@dataclass(frozen=True)
class InTheModule(OnOneObject):
    def board_of(self, network: na.Network) -> dict[str, Array]:
        return MODULE_BOARD


@dataclass(frozen=True)
class Honest(OnOneObject):
    """Each neuron has a board of its own."""

    def board_of(self, network: na.Network) -> dict[str, Array]:
        return {}


@dataclass(frozen=True)
class Herd:
    """An optimizer that pulls all neurons by what all of them wanted in the step before."""

    WANTED: ClassVar[dict[int, list[float]]] = {}  # by the number of the update

    def start(self, n: int) -> tuple[Array, ...]:
        return ()

    def update(self, parameters: Array, urgencies: Array, state: Any, count: int) -> Any:
        if len(parameters) == 5:  # that many an identity has, and no neuron here
            return parameters + 0.1 * urgencies, state
        if count == 1 and 2 in self.WANTED:  # another run, or replay
            self.WANTED.clear()
        self.WANTED.setdefault(count, []).append(float(urgencies.sum()))
        pull = 0.01 * math.fsum(self.WANTED.get(count - 1, []))
        return parameters + 0.1 * urgencies + pull, state


@dataclass(frozen=True)
class HerdSGD(na.SGD):
    """The same, of a class that is derived from one of the package's."""

    start, update, WANTED = Herd.start, Herd.update, Herd.WANTED


def train(path: Path, activation: str = "tanh", **more: Any) -> None:
    net = na.Network.layered([2, 3, 3, 1], activation=activation, seed=1)
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((6, 2)), rng.standard_normal((6, 1))
    more = {"optimizer": na.SGD(0.1), "epochs": 1} | more
    na.train(net, x, t, batch_size=3, log=path, **more)


@pytest.mark.parametrize(
    "rule", [OnOneObject(), InTheClass(), InTheModule()], ids=lambda r: type(r).__name__
)
def test_members_that_share_a_board_are_not_local(rule: na.rules.Rule, tmp_path: Path) -> None:
    train(tmp_path / "a.arrows", rule=rule)
    audit = na.audit(tmp_path / "a.arrows")
    assert (audit.passed, audit.complete, audit.lie) == (False, True, None)
    assert audit.remarks[-1].startswith("not proved that neurons are local: ")
    assert "committed for its weight" in audit.remarks[-1]


def test_a_rule_of_ones_own_that_shares_nothing_is_proved(tmp_path: Path) -> None:
    train(tmp_path / "a.arrows", rule=Honest())
    audit = na.audit(tmp_path / "a.arrows")
    assert (audit.passed, audit.lie, audit.remarks) == (True, None, ())


@pytest.mark.parametrize("optimizer", [Herd(), HerdSGD(0.1)], ids=lambda o: type(o).__name__)
def test_an_optimizer_that_shares_state_does_not_pass(
    optimizer: Herd | HerdSGD, tmp_path: Path
) -> None:
    train(tmp_path / "a.arrows", optimizer=optimizer)
    audit = na.audit(tmp_path / "a.arrows", optimizers=[optimizer])
    assert (audit.passed, audit.complete, audit.lie) == (False, True, None)
    assert audit.remarks[-1].startswith("not proved that neurons are local: ")


@pytest.fixture
def own_functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
    return iter(())


def test_functions_of_ones_own_are_replayed_beside_others(
    own_functions: None, tmp_path: Path
) -> None:
    na.add_activation("cube", lambda z: z**3, lambda z, a: 3.0 * z * z)
    train(tmp_path / "a.arrows", activation="cube")
    assert na.audit(tmp_path / "a.arrows").passed
    last = [0.0]

    def drifting(z: Array) -> Array:  # what it gives depends on what it was asked before
        shift, last[0] = 1e-3 * last[0], float(np.tanh(z).mean()) if len(z) == 3 else 0.0
        return np.tanh(z) + shift

    na.add_activation("drifting", drifting, lambda z, a: 1.0 - np.tanh(z) ** 2)
    last[0] = 0.0
    train(tmp_path / "b.arrows", activation="drifting")
    last[0] = 0.0
    assert not na.audit(tmp_path / "b.arrows").passed


def test_a_function_is_ones_own_if_it_has_replaced_the_package_s(own_functions: None) -> None:
    inputs_too = na.Network.layered([2, 3, 1]).activations
    assert not has_own_functions(inputs_too, ["huber"])
    functions.ACTIVATIONS["tanh"] = functions.ACTIVATIONS["sin"]
    assert has_own_functions(inputs_too, [])
    assert has_own_functions(["sin", "tanh"], [])


def test_any_two_members_are_in_different_halves() -> None:
    for n in (1, 2, 3, 8, 13):
        groups = list(changed_groups(n, ALL_PAIRS))
        for a in range(n):
            for b in range(n):
                assert a == b or any(a in group and b not in group for group in groups)
    assert list(changed_groups(5, NEIGHBOURS)) == [frozenset({0, 2, 4}), frozenset({1, 3})]
