"""A rule comes back from its description as an equal one, or is refused before any work."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from functools import partial
from typing import Any

import numpy as np
import pytest
import trio
from helpers.rule_cases import RULES

import neuro_actors as na
from neuro_actors import rules
from neuro_actors.rules.rule_json import rule_from_json, rule_to_json


class Mode(Enum):
    FAST = 1
    SLOW = (2, 3)


class Name(StrEnum):
    A = "a"


class Level(IntEnum):
    ONE = 1


@dataclass(frozen=True)
class Bounds:
    low: float
    high: Any = None


@dataclass(frozen=True)
class Holder(rules.Rule):
    value: Any = None
    more: int = 3
    derived: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "derived", self.more * 2.0)


VALUES = [
    *(None, True, False, 0, 1, 1.0, -0.0, 0.1, 5e-324, 1.7e308, math.inf, -math.inf),
    *(2**53 + 1, -(2**70), 2**4000, "", "None", "null", "inf", "1", "Mode.FAST", "\ud800", "ü\n"),
    *((), (1,), (1, (2.0, None)), [], [1, [2]], (math.inf, "x"), ((), []), {}, {"name": "x"}),
    *({1: (2,), "a": None, None: [1]}, {"float": "inf"}, frozenset({1, 2}), {"a", "b"}),
    *(Mode.FAST, Mode.SLOW, Name.A, Level.ONE, (Mode.SLOW,), Bounds(0.1), Bounds(-1.0, (1, None))),
    *(np.float32(0.1), np.float64(0.1), np.float16(0.1), np.int8(-3), np.uint64(2**64 - 1)),
    *(np.bool_(True), np.float32(np.inf)),
    *(rules.Backpropagation(), rules.PredictiveCoding(fixed=True), (rules.FeedbackAlignment(2),)),
    *(na.SGD(0.1), na.Adam(na.StepDecay(0.1, 10)), Bounds(0.0, Holder((None,)))),
]


def kinds(value: Any) -> Any:
    """The types of a value and of all that it holds."""
    if isinstance(value, dict):
        return dict, [kinds(pair) for pair in value.items()]
    return (
        (type(value), [kinds(part) for part in value])
        if isinstance(value, (tuple, list))
        else (type(value))
    )


@pytest.mark.parametrize(
    "value", VALUES, ids=lambda value: repr(sorted(value) if isinstance(value, set) else value)
)
def test_a_setting_comes_back_equal_and_of_its_type(value: Any) -> None:
    for rule in (Holder(value, 5), rules.MicroBatches(Holder(value), 2)):
        text = json.dumps(rule_to_json(rule), allow_nan=False)
        again = rule_from_json(json.loads(text))
        assert again == rule
        assert type(again) is type(rule)
        inner = getattr(again, "rule", again)
        assert kinds(inner.value) == kinds(value)
        assert repr(inner.value) == repr(value) or isinstance(value, (set, frozenset))
        assert inner.derived == inner.more * 2.0


def test_no_two_settings_have_one_description() -> None:
    texts = [json.dumps(rule_to_json(Holder(value))) for value in VALUES]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_the_packages_own_rules(rule: rules.Rule) -> None:
    held = rule_to_json(rule)
    assert rule_from_json(json.loads(json.dumps(held))) == rule
    assert all(isinstance(value, (bool, int, float, str, dict)) for value in held.values())


@dataclass(frozen=True)
class Nested:
    value: Any


class Local:
    @dataclass(frozen=True)
    class Inner:
        value: int = 1


def test_a_class_within_a_class_is_found() -> None:
    rule = Holder(Local.Inner(2))
    assert rule_from_json(rule_to_json(rule)) == rule


class Settings(rules.Rule):
    """No dataclass: nothing says what it was made with."""

    def __init__(self, rate: float = 0.1) -> None:
        self.rate = rate


class More(Holder):
    """A dataclass without the decorator: nothing says what else it was made with."""

    def __init__(self, rate: float) -> None:
        super().__init__(1)
        object.__setattr__(self, "rate", rate)


@dataclass(frozen=True)
class Changing(rules.Rule):
    value: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", 2.0 * self.value)


@dataclass(frozen=True)
class Alone(rules.Rule):
    """It is equal to itself alone."""

    value: float = 0.0

    def __eq__(self, other: object) -> bool:
        return self is other


def make_local() -> Any:
    @dataclass(frozen=True)
    class Elsewhere:
        value: int = 1

    return Elsewhere()


class Backpropagation(rules.Rule):
    """Another rule of the name of a rule of the package."""


def deep(depth: int) -> Any:
    return (deep(depth - 1),) if depth else 1


REFUSED = [
    (Holder(np.ones(2)), r"Holder\.value cannot be described, got array.*tuple\(array.tolist"),
    (
        Holder(lambda z: z),
        r"Holder\.value cannot be .*lambda.* in place of a function use a frozen",
    ),
    (Holder(na.SGD), r"Holder\.value cannot be described, got <class "),
    (Holder(math.nan), r"Holder\.value cannot be described, got nan: .*NaN is equal to nothing"),
    (Holder(np.float32(math.nan)), r"Holder\.value cannot be described"),
    (Holder((1, [object()])), r"Holder\.value\[…\]\[…\] cannot be described, got <object"),
    (Holder(2**5000), r"Holder\.value cannot be described"),
    (Holder(b"x"), r"Holder\.value cannot be described, got b'x'"),
    (Holder(np.longdouble(1.5)), r"Holder\.value cannot be described"),
    (Holder(make_local()), r"Holder\.value cannot be described: define .*Elsewhere in the module"),
    (Holder(Bounds(object())), r"Holder\.value\.low cannot be described"),
    (Holder(deep(30)), "too deep: a rule has at most 8 values within values"),
    (Settings(), "^Settings has settings that no log or checkpoint can describe: make it a frozen"),
    (More(0.2), "^More has settings that no log or checkpoint can describe"),
    (Changing(), r"^Changing\(value=2\.0\): it cannot be made again from its fields: "),
    (Alone(0.25), r"from its fields Alone\(value=0\.25\) would be made again, which is not eq"),
    (
        Backpropagation(),
        r"has the name of another rule, neuro_actors\.rules\.backpropagation\.Backpropaga",
    ),
]


@pytest.mark.parametrize(("rule", "match"), REFUSED, ids=lambda value: type(value).__name__)
def test_what_cannot_be_described_is_refused_before_work(rule, match: str, tmp_path) -> None:
    net, x, t = na.Network.layered([2, 2, 1], seed=0), np.ones((3, 2)), np.zeros((3, 1))
    how: dict[str, Any] = {"optimizer": na.SGD(0.1), "epochs": 1, "rule": rule}
    for more in ({"log": tmp_path / "a.arrows"}, {"checkpoint": tmp_path / "run"}):
        with pytest.raises(na.NeuroActorsError, match=match):
            na.train(net, x, t, **how, **more)
        assert not any(tmp_path.iterdir())
    na.train(net, x, t, **how)  # in this process it is as good as any other


def test_a_rule_that_is_found_nowhere_can_be_logged(tmp_path) -> None:
    """What is read later says so; a checkpoint could not be resumed."""

    class Unknown(rules.Rule):
        pass

    net, x, t = na.Network.layered([2, 2, 1], seed=0), np.ones((3, 2)), np.zeros((3, 1))
    how: dict[str, Any] = {"optimizer": na.SGD(0.1), "epochs": 1, "rule": Unknown()}
    na.train(net, x, t, **how, log=str(tmp_path / "a.arrows"))
    match = r"a\.arrows' cannot be audited: the rule 'Unknown' is not known here; --import MODULE"
    with pytest.raises(na.LogError, match=match):  # the metadata do say which rule it was
        na.audit(str(tmp_path / "a.arrows"))
    with pytest.raises(na.CheckpointError, match="needs a rule that is defined in a module"):
        na.train(net, x, t, **how, checkpoint=tmp_path / "run")


@pytest.mark.parametrize(
    "held",
    [
        {"name": "Holder", "value": {"enum": "Mode", "member": "GONE"}, "more": 3},
        {"name": "Holder", "value": {"enum": "json", "member": "x"}, "more": 3},
        {"name": "Holder", "value": {"enum": "os.system", "member": "x"}, "more": 3},
        {"name": "Holder", "value": {"dataclass": "np.ndarray", "fields": {}}, "more": 3},
        {"name": "Holder", "value": {"dataclass": "Bounds", "fields": {"x": 1}}, "more": 3},
        {"name": "Holder", "value": {"numpy": "object", "value": 1}, "more": 3},
        {"name": "Holder", "value": {"float": "nan"}, "more": 3},
        {"name": "Holder", "value": {"tuple": 3}, "more": 3},
        {"name": "Holder", "value": {"tuple": [1], "list": [1]}, "more": 3},
        {"name": "Holder", "value": {"set": [{"list": []}]}, "more": 3},
        {"name": "Holder", "value": {}, "more": 3},
        {"name": "Holder", "value": [1], "more": 3},
        {"name": "Holder", "value": {"dict": [[1]]}, "more": 3},
        {"name": "Holder", "value": 1, "more": 3, "other": 1},
        {"name": "Holder", "value": 1},
        {"name": ["Holder"]},
        [],
        None,
    ],
    ids=repr,
)
def test_a_damaged_description_is_refused(held: Any) -> None:
    with pytest.raises(na.InputError):
        rule_from_json(held)


def test_a_rule_that_is_known_with_other_settings_is_said_to_be() -> None:
    assert Holder(1) == rule_from_json(rule_to_json(Holder(1)))
    with pytest.raises(
        na.InputError, match=r"^the rule 'Holder' is known here, but not with these"
    ):
        rule_from_json(rule_to_json(Holder(1)) | {"value": [1]})
    with pytest.raises(na.InputError, match=r"^the rule 'Gone' is not known here$"):
        rule_from_json({"name": "Gone"})


def test_a_rule_with_none_resumes_and_is_audited(tmp_path) -> None:
    net, x, t = na.Network.layered([2, 3, 1], seed=0), np.ones((4, 2)), np.zeros((4, 1))
    rule = Holder((None, Mode.FAST, math.inf))
    log, run = str(tmp_path / "a.arrows"), tmp_path / "run"
    how: dict[str, Any] = {"optimizer": na.SGD(0.1), "epochs": 2, "batch_size": 2, "rule": rule}
    whole = na.train(net, x, t, **how, checkpoint=run, every=1, log=log)
    assert na.audit(log).passed
    assert rule_from_json(na.open_log(log).about["rule"]) == rule
    first = sorted(run.glob("step*"))[0]
    assert na.resume(first).network.digest() == whole.network.digest()


def test_opening_refuses_before_anything_starts(tmp_path) -> None:
    async def society() -> None:
        log = tmp_path / "a.arrows"
        async with na.open_simulation(na.Network.layered([1, 1]), log=log, rule=Holder(object())):
            pytest.fail("it was opened")

    with pytest.raises(na.InputError, match=r"Holder\.value cannot be described"):
        trio.run(partial(society))
    assert not any(tmp_path.iterdir())
