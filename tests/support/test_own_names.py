"""A class of a user's own that gives a second meaning to a name of the package is refused where it is defined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.channels.bundled.bundled_channels import Bundled
from neuro_actors.channels.interface import ChannelsDefaults
from neuro_actors.neuron import InputRule, LocalRule, LossNode, NeuronState, StatefulRule
from neuro_actors.neuron.cell import Cell
from neuro_actors.rules.predictive_coding import ValueNode
from neuro_actors.support.own_names import reserved_names

NET, X, T = na.Network.layered([2, 3, 1], seed=0), np.ones((4, 2)), np.zeros((4, 1))


@pytest.mark.parametrize(
    ("base", "body", "message"),
    [
        (LocalRule, {"__slots__": ("state",)}, "declares 'state', which is an attribute of Local"),
        (LocalRule, {"__slots__": "signal"}, "declares 'signal'"),
        (LocalRule, {"sums": None}, "declares 'sums'"),
        (InputRule, {"__slots__": ("id", "own")}, "declares 'id', which is an attribute of Input"),
        (ValueNode, {"__slots__": ("error",)}, "declares 'error', which is an attribute of ValueN"),
        (LossNode, {"from_input": ()}, "declares 'from_input'"),
        (LocalRule, {"learn": 0.1}, "has a setting 'learn', which is a method of LocalRule"),
        (LocalRule, {"__slots__": ("steer",)}, "has a setting 'steer', which is a method of State"),
        (na.rules.Rule, {"input": 3}, "has a setting 'input', which is a method of Rule"),
        (na.rules.Rule, {"__annotations__": {"check": "bool"}}, "has a setting 'check'"),
        (LocalRule, {"KEPT": ("state",)}, "defines 'KEPT', which nothing reads: the name is 'STA"),
        (LocalRule, {"_towards_listeners": lambda *_: None}, "the name is 'listener_weights' now"),
        (StatefulRule, {"restore": lambda *_: None}, "the name is 'set_state' now"),
        (na.rules.Rule, {"judge": lambda *_: None}, "the name is 'loss_node' now"),
        (LossNode, {"judge": lambda *_: None}, "the name is 'evaluate' now"),
        (LocalRule, {"respnd": lambda self, step, a, b, c: None}, "did you mean 'respond'"),
        (na.rules.Rule, {"neurons": lambda self, network, k, sums: None}, "did you mean 'neuron'"),
        (LossNode, {"evaluated": lambda self, s, p, t, u: None}, "did you mean 'evaluate'"),
        (LocalRule, {"STATE": "trace"}, "write a tuple of names, such as STATE = "),
        (LocalRule, {"STATE": ("trace",)}, "leaves 'state' out of STATE"),
        (LocalRule, {"STATE": ("state", "state")}, "names an attribute twice in STATE"),
    ],
)
def test_a_second_meaning_is_refused(base: type, body: dict[str, Any], message: str) -> None:
    with pytest.raises(na.InputError, match=f"^the class Own .*{message}"):
        type("Own", (base,), body)


def test_a_mixin_is_looked_through() -> None:
    mixin = type("Mixin", (), {"fired": False})
    with pytest.raises(na.InputError, match="the class Mixin declares 'fired'"):
        type("Own", (mixin, LocalRule), {})


def test_a_helper_may_have_almost_the_name_of_a_method() -> None:
    class Own(LocalRule):
        def responds(self, step, a, b, c):
            return super().respond(step, a, b, c)

        def respond(self, step, urgencies_in, urgencies_out, commit_out):
            self.responds(step, urgencies_in, urgencies_out, commit_out)

        def concluded(self, step):  # with other parameters
            return None

    assert Own.responds is not Own.respond


def test_other_names_are_free() -> None:
    class Own(LocalRule):
        __slots__ = ("heard", "memory", "trace")
        STATE = ("state", "trace")
        STRENGTH: ClassVar[float] = 0.1
        activation: np.ndarray  # tells a type checker more, and declares nothing

        @property
        def state(self) -> NeuronState:
            return NeuronState(np.empty(0))

        @state.setter
        def state(self, state: NeuronState) -> None: ...

        learn = staticmethod(lambda *_: None)

    @dataclass(frozen=True)
    class Plain(na.rules.Rule):
        feels_inputs: bool = False
        rate: float = 0.1

    assert Own.STRENGTH == Plain().rate == 0.1


def test_each_name_of_the_package_is_reserved() -> None:
    attributes, methods = reserved_names(type("Own", (LocalRule,), {"own": 1}))
    assert set(attributes) == set(Cell.__slots__)
    assert methods["fire"] == "LocalRule"
    assert methods["steer"] == "StatefulRule"
    assert "own" not in methods


class Overwriting(LocalRule):
    """It keeps something of its own in the attribute that has its parameters."""

    def __init__(self, early: bool, *own: Any) -> None:
        super().__init__(*own)
        if early:
            self.state = np.zeros(3)

    def fire(self, step, activations_in, activation_out) -> None:
        super().fire(step, activations_in, activation_out)
        self.state = np.zeros(3)


@dataclass(frozen=True)
class OverwritingRule(na.rules.Rule):
    early: bool

    def neuron(self, network, k, sums):
        return Overwriting(self.early, *na.rules.own(network, k), sums)


@pytest.mark.parametrize("early", [True, False])
def test_a_state_that_is_overwritten_is_refused_under_the_neurons_name(early: bool) -> None:
    message = "'h1.0' failed in step 1: its rule Overwriting in step 1: its attribute 'state' is array.*another name"
    with pytest.raises(na.SimulationError, match=message):
        na.train(NET, X, T, optimizer=na.SGD(0.1), epochs=1, rule=OverwritingRule(early))


class Port:
    """A port around another one."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class OldPort(Port):
    async def wait(self, kind):
        raise AssertionError


class OldArrays(Port):
    @property
    def urgencies(self):
        raise AssertionError


class Engine(ChannelsDefaults):
    """Bundled channels with other ports."""

    port_class: type = Port

    def __init__(self, network, recorder=None) -> None:
        self.inner = Bundled(network, recorder)

    def port(self, k):
        return self.port_class(self.inner.port(k))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.mark.parametrize(("port", "now"), [(OldPort, "receive"), (OldArrays, "urgencies_in")])
@pytest.mark.parametrize("lanes", [{}, {"micro_batches": 2, "in_flight": 2}])
def test_a_port_with_an_old_name_is_refused(port: type, now: str, lanes: dict[str, int]) -> None:
    engine = type("Old", (Engine,), {"port_class": port})
    message = f"the port {port.__name__} defines .*, which nothing reads: the name is '{now}' now"
    with pytest.raises(na.SimulationError, match=message):
        na.train(NET, X, T, optimizer=na.SGD(0.1), epochs=1, channels=engine, **lanes)


def test_a_port_with_other_names_of_its_own_is_used() -> None:
    found, expected = na.gradient(NET, X, T, channels=Engine), na.gradient(NET, X, T)
    assert np.array_equal(found.weights, expected.weights)
