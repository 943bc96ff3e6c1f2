"""A run that was stopped, wherever, and went on: it ends with the bits of an unbroken one."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from helpers.rule_cases import RULES
from helpers.small_network import NET, TARGETS, X
from helpers.tiers import few

import neuro_actors as na
from neuro_actors import rules
from neuro_actors.channels import choose_channels as engines
from neuro_actors.channels.memory import Memory
from neuro_actors.network import functions
from neuro_actors.neuron.local_rule import LocalRule
from neuro_actors.neuron.optimizers import CosineDecay
from neuro_actors.simulation.checkpoint import reading
from neuro_actors.simulation.checkpoint.saving import Saver

STEPS = 6  # of learning, in two epochs, the last batch of each smaller than the others


def train(folder: Path | None = None, **more) -> na.TrainingResult:
    given = {
        "optimizer": na.SGD(0.1, momentum=0.9),
        "epochs": 2,
        "batch_size": 3,
        "validation": (X[:2], TARGETS[:2]),
    } | more
    return na.train(NET, X, TARGETS, checkpoint=folder, **given)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch):
    """broken(k): the run that comes next breaks when k steps are over, and nothing is saved then."""
    after_step, at = Saver.after_step, [0]

    async def breaks(self, simulation) -> None:
        if self._steps_done == at[0]:
            raise ZeroDivisionError
        await after_step(self, simulation)

    monkeypatch.setattr(Saver, "after_step", breaks)
    return lambda k: at.__setitem__(0, k)


# --- bits --------------------------------------------------------------------------------------------------------

NEWTON = rules.NewtonCG(l2=0.01, damping=0.1)
OPTIMIZERS = [
    na.SGD(0.1),
    na.SGD(na.StepDecay(0.2, 2), momentum=0.9, weight_decay=0.01),
    na.Adam(0.05),
    na.Adam(CosineDecay(0.1, 5), weight_decay=0.01),
]


@pytest.mark.parametrize("rule", few([*RULES, NEWTON], 4), ids=repr)
@pytest.mark.parametrize("channels", few(["bundled", "memory"], 1))
def test_stopped_after_every_step_and_gone_on_each_time(
    rule: rules.Rule, channels: str, tmp_path, stop
) -> None:
    more = {"rule": rule, "channels": channels}
    if rule is NEWTON:
        more["optimizer"] = na.SGD(1.0)
    whole = train(**more)
    assert train(tmp_path / "whole", **more) == whole
    folder = tmp_path / "stopped"
    stop(1)
    with pytest.raises(KeyboardInterrupt):
        train(folder, **more)
    for k in range(2, STEPS + 1):
        stop(k)
        with pytest.raises(KeyboardInterrupt):
            na.resume(folder)
    stop(0)
    assert na.resume(folder) == whole
    assert whole.network != NET


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("channels", few(["bundled", "memory"], 1))
def test_optimizers_and_schedules_broken_at_each_step(
    optimizer, channels: str, tmp_path, broken
) -> None:
    whole = train(optimizer=optimizer)
    for k in range(1, STEPS + 1):
        folder = tmp_path / str(k)
        broken(k)
        with pytest.raises(ZeroDivisionError):
            train(folder, optimizer=optimizer, channels=channels, every=2)
        broken(0)
        steps = reading.Checkpoint(folder).metadata["steps"]
        assert steps == (k - 1) // 2 * 2
        assert na.resume(folder, channels="memory" if channels == "bundled" else "bundled") == whole


@pytest.mark.parametrize("sums", ["ordered", "blas"])
def test_without_validation_on_a_wild_network(
    channels: str, sums: str, diamond, batch, tmp_path, stop
) -> None:
    def ask(folder=None):
        more = {
            "optimizer": na.Adam(0.01),
            "epochs": 3,
            "batch_size": 2,
            "seed": 5,
            "sums": sums,
            "channels": channels,
        }
        every = None if folder is None else 1
        return na.train(diamond, *batch, checkpoint=folder, every=every, **more)

    stop(7)
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path)
    stop(0)
    assert na.resume(tmp_path) == ask()
    assert na.resume(tmp_path) == ask()  # finished, it gives its result again


def test_what_is_forgotten_is_seen(tmp_path, stop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above could not pass if anything of this were lost."""

    def goes_wrong(rule: rules.Rule, **forgotten) -> bool:
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        stop(4)
        with pytest.raises(KeyboardInterrupt):
            train(folder, rule=rule)
        stop(0)
        made = reading.MemberRegistry
        monkeypatch.setattr(
            reading,
            "MemberRegistry",
            lambda *more: made(
                *more[:2], *[forgotten.get(str(i), v) for i, v in enumerate(more[2:])]
            ),
        )
        try:
            return na.resume(folder) != train(rule=rule)
        finally:
            monkeypatch.setattr(reading, "MemberRegistry", made)

    perturbed = rules.WeightPerturbation(sigma=0.01, seed=3)
    assert not goes_wrong(perturbed)
    assert goes_wrong(rules.Backpropagation(), **{"0": None})  # what members kept
    assert goes_wrong(perturbed, **{"1": 0})  # the step's number


# --- around it ---------------------------------------------------------------------------------------------------


def test_a_run_that_is_finished_says_so_and_does_nothing(tmp_path, capsys) -> None:
    whole = train(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert na.resume(tmp_path) == whole
    assert (
        capsys.readouterr().err
        == f"neuro-actors: the run in {str(tmp_path)!r} is finished; this is its result\n"
    )
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    with pytest.raises(na.InputError, match=r"is finished: there is nothing to log$"):
        na.resume(tmp_path, log=tmp_path / "run.arrows")


def test_a_failure_after_going_on_names_the_right_step(
    channels: str, tmp_path, stop, monkeypatch
) -> None:
    functions_then = dict(functions.ACTIVATIONS)
    monkeypatch.setattr(functions, "ACTIVATIONS", functions_then)
    broken: list[bool] = []

    def slope(z: np.ndarray, a: np.ndarray) -> np.ndarray:
        return np.full_like(z, np.nan) if broken and len(z) == 1 else np.ones_like(z)

    na.add_activation("odd", lambda z: 1.0 * z, slope)
    net = na.Network.layered([3, 2, 2], activation="odd", seed=1)
    stop(4)
    with pytest.raises(KeyboardInterrupt):
        na.train(
            net,
            X,
            TARGETS,
            optimizer=na.SGD(0.1),
            epochs=2,
            batch_size=1,
            channels=channels,
            checkpoint=tmp_path,
        )
    stop(0)
    del functions_then["odd"]
    with pytest.raises(
        na.CheckpointError,
        match=r"neuron 'h1\.0': unknown activation 'odd'.*import the module that adds it",
    ):
        na.resume(tmp_path)
    twice = lambda z, a: np.full_like(z, 2.0)  # noqa: E731
    na.add_activation("odd", lambda z: 1.0 * z, twice, surrogate=True)
    with pytest.raises(
        na.CheckpointError,
        match=r"the activation 'odd' is another function here than in the run "
        r"\(its slope at 0 is 1.0 there, 2.0 here\); its source is another one too",
    ):
        na.resume(tmp_path)
    na.add_activation("odd", lambda z: 1.0 * z, slope)
    broken.append(True)
    with pytest.raises(
        na.SimulationError, match=r"^step 5 failed: .*|^'h1\.\d' failed in step 5: "
    ) as failed:
        na.resume(tmp_path)
    assert "in step 5" in str(failed.value)


def test_a_log_of_the_rest_says_that_it_cannot_be_audited(channels: str, tmp_path, stop) -> None:
    stop(4)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", channels=channels)
    stop(0)
    result = na.resume(tmp_path / "run", log=tmp_path / "rest.arrows")
    train(log=tmp_path / "whole.arrows", channels=channels)
    rest, whole = na.open_log(tmp_path / "rest.arrows"), na.open_log(tmp_path / "whole.arrows")
    assert "resumed" not in whole.about
    first = rest.steps[0].number
    assert rest.about["resumed"] == first - 1 == 5  # with a validation between
    assert [step.number for step in rest.steps] == list(range(first, whole.steps[-1].number + 1))
    assert [rest.step(n).info for n in range(first, len(whole) + 1)] == [
        whole.step(n).info for n in range(first, len(whole) + 1)
    ]
    assert rest.network_at(first - 1 + len(rest)) == result.network
    columns = ["step", "sender", "receiver", "value"]
    table = whole.messages().select(columns)
    assert rest.messages().select(columns).to_pylist() == [
        row for row in table.to_pylist() if row["step"] >= first
    ]
    with pytest.raises(
        na.LogError,
        match=r"rest\.arrows' cannot be audited: the run was resumed after step 5",
    ):
        na.audit(tmp_path / "rest.arrows")
    assert na.audit(tmp_path / "whole.arrows").passed


def test_a_log_of_all_with_checkpoints_is_audited(tmp_path) -> None:
    train(tmp_path / "run", log=tmp_path / "run.arrows", every=1)
    assert na.audit(tmp_path / "run.arrows").passed


class Plain(Memory):
    resume = None  # type: ignore[assignment]

    def __getattribute__(self, name: str):
        if name == "resume":
            raise AttributeError(name)
        return super().__getattribute__(name)


def test_an_engine_of_ones_own(tmp_path, stop) -> None:
    stop(3)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, channels=Plain)
    stop(0)
    match = r"used the channels <class .*Plain'>, which no checkpoint can make again: pass them, or channels='bundled'"
    with pytest.raises(na.CheckpointError, match=match):
        na.resume(tmp_path)
    with pytest.raises(
        na.CheckpointError,
        match=r"^the engine Plain cannot go on after step 3: give it a method resume\(number\)",
    ):
        na.resume(tmp_path, channels=Plain)
    assert na.resume(tmp_path, channels=engines.choose_channels("memory")) == train()


def test_in_a_storm(tmp_path, stop) -> None:
    """Members die and are born again, before it was stopped and after."""
    storm = na.Unreliable(drop=0.1, duplicate=0.1, corrupt=0.05, crash=0.2, seed=4)
    whole = train(channels="memory", rule=rules.WeightPerturbation(sigma=0.01))
    more = {"channels": storm, "rule": rules.WeightPerturbation(sigma=0.01)}
    assert train(**more) == whole
    stop(1)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, **more)
    for k in range(2, STEPS + 1):
        stop(k)
        with pytest.raises(KeyboardInterrupt):
            na.resume(tmp_path, channels=storm)
    stop(0)
    with pytest.raises(
        na.CheckpointError,
        match=r"used the channels Unreliable\(.*pass them, or channels='bundled'",
    ):
        na.resume(tmp_path)
    assert na.resume(tmp_path, channels=storm) == whole


@dataclass(frozen=True)
class Halving:
    """An optimizer of somebody's own."""

    rate: float

    def start(self, n_parameters: int):
        return (np.ones(n_parameters),)

    def update(self, parameters, urgencies, state, count):
        return parameters + self.rate * state[0] * urgencies, (state[0] / 2,)


def test_an_optimizer_of_ones_own_is_handed_over_again(tmp_path, stop) -> None:
    stop(3)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, optimizer=Halving(0.5))
    stop(0)
    with pytest.raises(
        na.CheckpointError,
        match=r"the run used the optimizer Halving\(rate=0\.5\), which is none of the package's: na\.resume",
    ):
        na.resume(tmp_path)
    with pytest.raises(
        na.CheckpointError,
        match=r"the run used the optimizer Halving\(rate=0\.5\), not Halving\(rate=0\.25\)",
    ):
        na.resume(tmp_path, optimizer=Halving(0.25))
    whole = train(optimizer=Halving(0.5))
    assert na.resume(tmp_path, optimizer=Halving(0.5)) == whole
    assert na.resume(tmp_path) == whole  # its result needs nothing


class Nostalgic(LocalRule):
    """It tells its sources what its first weights would have them told. It keeps these not: it was made with them."""

    __slots__ = ("first",)

    def __init__(self, *own) -> None:
        super().__init__(*own)
        self.first = self.state.parameters

    def listener_weights(self, parameters, step):
        return super().listener_weights(self.first, step)


@dataclass(frozen=True)
class FirstWeights(rules.Rule):
    def neuron(self, network, k, sums):
        return Nostalgic(*rules.own(network, k), sums)


def test_members_are_made_as_they_were_at_first(channels: str, tmp_path, stop) -> None:
    stop(3)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, rule=FirstWeights(), channels=channels)
    stop(0)
    whole = train(rule=FirstWeights())
    assert na.resume(tmp_path) == whole
    assert whole.network != train().network


@dataclass(frozen=True)
class OwnRule(rules.Rule):
    """A rule that keeps what no file can hold."""

    def neuron(self, network, k, sums):
        made = super().neuron(network, k, sums)
        made.__class__ = type(
            "Odd", (type(made),), {"__slots__": (), "get_state": lambda self: ({1: 2},)}
        )
        return made


@pytest.mark.parametrize(
    ("more", "match"),
    [
        (
            {"optimizer": na.SGD(lambda count: 0.1)},
            r"^no checkpoint can say what SGD\(.*lambda.* does.*a frozen dataclass",
        ),
        ({"optimizer": "adam"}, "^optimizer must be such as"),
        ({"channels": "bundle"}, "^unknown channels 'bundle'"),
        ({"sums": "ordred"}, "^unknown sums 'ordred'"),
        ({"every": 0}, "^every must be a whole number of at least 1, got 0$"),
        ({"rule": 3}, "^rule must be such as"),
        ({"rule": OwnRule()}, r"^'h1\.0' keeps dict '\{1: 2\}', which no checkpoint can hold"),
        ({"channels": lambda *more: 1}, "^no checkpoint can say what <function"),
    ],
)
def test_refused_before_any_work(more, match: str, tmp_path) -> None:
    with pytest.raises(na.NeuroActorsError, match=match):
        train(tmp_path / "run", **more)
    assert not (tmp_path / "run").exists()


def test_another_optimizer_is_refused(tmp_path, stop) -> None:
    stop(2)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path)
    with pytest.raises(
        na.CheckpointError,
        match=r"the run used the optimizer SGD\(learning_rate=0\.1.*, not Adam\(.*: leave optimizer out$",
    ):
        na.resume(tmp_path, optimizer=na.Adam())


def test_another_machine_is_refused_unless_bits_do_not_matter(tmp_path, stop, monkeypatch) -> None:
    stop(3)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path)
    stop(0)
    monkeypatch.setattr(reading, "differences", lambda held, sums: ["numpy: 1.0 there, 2.0 here"])
    match = r"step-0000000003\.safetensors': it was written where last bits may differ \(numpy: 1\.0 there, 2\.0 here\);.*exact=False"
    with pytest.raises(na.CheckpointError, match=match):
        na.resume(tmp_path)
    result = na.resume(tmp_path, exact=False)
    assert result == train()
    assert reading.Checkpoint(tmp_path).metadata["exact"] is False


def test_in_another_thread_it_is_saved_and_no_signal_is_touched(tmp_path) -> None:
    results: list[na.TrainingResult] = []
    thread = threading.Thread(target=lambda: results.append(train(tmp_path, every=1)))
    thread.start()
    thread.join()
    assert results == [train()]


def test_the_description_is_plain_json(tmp_path) -> None:
    train(tmp_path)
    metadata = reading.Checkpoint(tmp_path).metadata
    assert json.loads(json.dumps(metadata)) == metadata


def test_where_no_step_is_left_who_is_not_born_yet_is_saved_too(
    channels: str, tmp_path, stop, monkeypatch
) -> None:
    """Stopped after the last step, it only has to be finished; births may take longer than that."""
    from neuro_actors.society import society

    stop(STEPS)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, channels=channels, validation=None)
    stop(0)
    monkeypatch.setattr(society, "STARTED_AT_ONCE", 1)
    assert na.resume(tmp_path) == train(validation=None)
    assert na.resume(tmp_path) == train(validation=None)
