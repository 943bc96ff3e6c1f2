"""The law of delays: what is repeated from one round to another, bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trio
from helpers import forgery
from helpers.all_kinds import both_directions
from helpers.forgery import KIND, NOTE, RECEIVER, SENDER, STEP, VALUE
from helpers.gated_networks import IN_TIME, examples, record

import neuro_actors as na
from neuro_actors.rules import through_time
from neuro_actors.rules.through_time import ThroughTime

RECURRENT = IN_TIME["recurrent"]


def rounds(rows: list[forgery.Row]) -> dict[int, str]:
    return {
        row[STEP]: json.loads(row[NOTE]).get("round", "") for row in rows if row[KIND] == "begin"
    }


def find(rows: list[forgery.Row], round: str, **wanted: Any) -> int:
    """The row of the first step of this round, and of this sender, receiver, kind and note."""
    columns = {"kind": KIND, "sender": SENDER, "receiver": RECEIVER, "note": NOTE}
    step = next(step for step, name in rounds(rows).items() if name == round)
    return next(
        k for k, row in enumerate(rows)
        if row[STEP] == step and all(row[columns[name]] == value for name, value in wanted.items())
    )  # fmt: skip


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[dict[bytes, bytes], list[forgery.Row]]:
    record(tmp_path / "a.arrows", RECURRENT())
    return forgery.read(tmp_path / "a.arrows")


@pytest.mark.parametrize("name", IN_TIME)
@pytest.mark.parametrize("window", [1, 2, 3, None])
def test_windows(name: str, window: int | None, tmp_path: Path) -> None:
    record(tmp_path / "a.arrows", IN_TIME[name](), rule=ThroughTime(window=window))
    assert na.audit(tmp_path / "a.arrows").passed


@pytest.mark.parametrize(("delay", "ticks"), [("before", 1), ("long", 2)])
@pytest.mark.parametrize("tick", [1, 3, 4])
def test_what_a_delay_repeats(recorded, delay: str, ticks: int, tick: int, tmp_path: Path) -> None:
    """By one last bit, and sealed anew: the environment is named, not the delay."""
    metadata, rows = recorded
    k = find(rows, f"tick {tick} of 4", sender="environment", receiver=delay)
    rows[k][VALUE][1] = float(np.nextafter(rows[k][VALUE][1], 2.0))
    lie = forgery.resealed(tmp_path / "b.arrows", metadata, rows).lie
    assert (lie.row, lie.who) == (k, "the environment")
    plural = "s" * (ticks > 1)
    assert lie.where == f"example 2: what to {delay} said {ticks} tick{plural} before"


@pytest.mark.parametrize(("delay", "ticks"), [("before", 1), ("long", 2)])
@pytest.mark.parametrize("tick", [1, 2, 4])
def test_what_comes_back(recorded, delay: str, ticks: int, tick: int, tmp_path: Path) -> None:
    metadata, rows = recorded
    k = find(rows, f"back to tick {tick} of 4", kind="target", note=f"to {delay}")
    rows[k][VALUE][2] = float(np.nextafter(rows[k][VALUE][2], 2.0))
    lie = forgery.resealed(tmp_path / "b.arrows", metadata, rows).lie
    assert (lie.row, lie.who) == (k, "the environment")
    assert lie.where == f"example 3: what {delay} felt {ticks} tick{'s' * (ticks > 1)} later"


def test_all_inputs_receive_the_same_on_the_way_back(recorded, tmp_path: Path) -> None:
    metadata, rows = recorded
    k = find(rows, "back to tick 2 of 4", sender="environment", receiver="x")
    rows[k][VALUE][0] = float(np.nextafter(rows[k][VALUE][0], 2.0))
    lie = forgery.resealed(tmp_path / "b.arrows", metadata, rows).lie
    assert (lie.row, lie.where) == (k, "example 1: what it received in tick 2")


def test_the_loss_node_hands_on_what_it_received(recorded, tmp_path: Path) -> None:
    metadata, rows = recorded
    k = find(rows, "back to tick 2 of 4", kind="urgency", sender="loss", receiver="to before")
    rows[k][VALUE][0] = float(np.nextafter(rows[k][VALUE][0], 2.0))
    lie = forgery.resealed(tmp_path / "b.arrows", metadata, rows).lie
    assert (lie.row, lie.who) == (k, "the loss")


@pytest.mark.parametrize(
    ("round", "member", "where"),
    [
        ("tick 1 of 3, pass 1 of 3", "a back again", "what to a back again said 1 tick later"),
        ("tick 2 of 3, pass 2 of 3", "a back again", "what to a back again said 1 tick later"),
        ("tick 2 of 3, pass 2 of 3", "a forth again", "what to a forth again said 1 tick before"),
        ("back to tick 2 of 3, pass 2 of 3", "x", "what it received in tick 2"),
    ],
)
def test_passes_there_and_back(round: str, member: str, where: str, tmp_path: Path) -> None:
    """What a delay says is what was said last, in this pass or in the one before."""
    case = both_directions(ticks=3)
    log = tmp_path / "a.arrows"
    na.train(case.network, case.x, case.targets, optimizer=na.SGD(0.1), epochs=2, log=log)
    assert na.audit(log).passed
    metadata, rows = forgery.read(log)
    k = find(rows, round, sender="environment", receiver=member)
    rows[k][VALUE][1] = float(np.nextafter(rows[k][VALUE][1], 2.0))
    lie = forgery.resealed(tmp_path / "b.arrows", metadata, rows).lie
    assert (lie.row, lie.where) == (k, f"example 2: {where}")


def test_a_run_with_a_pass_too_few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    case, count = both_directions(ticks=3), through_time.count_passes
    monkeypatch.setattr(through_time, "count_passes", lambda cell: count(cell) - 1)
    na.train(
        case.network,
        case.x,
        case.targets,
        optimizer=na.SGD(0.1),
        epochs=1,
        log=tmp_path / "a.arrows",
    )
    lie = na.audit(tmp_path / "a.arrows").lie
    assert "tick 1 of 3, pass 1 of 2" in str(lie)
    assert "tick 1 of a sequence" in str(lie)


@pytest.mark.parametrize(("delay", "ticks"), [("before", 1), ("long", 2)])
def test_what_is_carried_on_to_the_next_call(delay: str, ticks: int, tmp_path: Path) -> None:
    """It is what was said last, bit for bit, or nothing at all."""
    network, log = RECURRENT(), tmp_path / "a.arrows"
    record(log, network, rule=ThroughTime(carry=True))
    assert na.audit(log).passed
    metadata, rows = forgery.read(log)
    names = rounds(rows)
    second = [step for step, name in names.items() if name == "tick 1 of 4"][1]
    places = {
        row[RECEIVER]: k for k, row in enumerate(rows)
        if row[STEP] == second and row[SENDER] == "environment" and row[KIND] == "activation"
    }  # fmt: skip
    for wrong in (float(np.nextafter(rows[places[delay]][VALUE][1], 2.0)), 0.0):
        forged = [list(row) for row in rows]
        forged[places[delay]][VALUE] = list(rows[places[delay]][VALUE])
        forged[places[delay]][VALUE][1] = wrong
        lie = forgery.resealed(tmp_path / "b.arrows", metadata, forged).lie
        assert lie.row == places[delay]
        assert (
            lie.where == f"example 2: what to {delay} said {ticks} tick{'s' * (ticks > 1)} before"
        )
        (tmp_path / "b.arrows").unlink()


# --- runs that keep another law: every member is honest ----------------------------------------------------------


def test_a_run_without_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment says 0 in place of what was said before."""
    of = through_time.DelayRows.of
    monkeypatch.setattr(
        through_time.DelayRows, "of",
        classmethod(lambda cls, cell: through_time.replace(of(cell), ticks=(9, 9))),
    )  # fmt: skip
    record(tmp_path / "a.arrows", RECURRENT())
    assert str(na.audit(tmp_path / "a.arrows").lie).endswith(": what to before said 1 tick before)")


def test_a_run_that_hands_nothing_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        ThroughTime, "_handed", lambda self, rows, urgencies, t, columns: np.zeros((2, columns))
    )
    record(tmp_path / "a.arrows", RECURRENT())
    assert "what before felt 1 tick later" in str(na.audit(tmp_path / "a.arrows").lie)


def test_another_window_than_the_one_of_the_run(tmp_path: Path) -> None:
    record(tmp_path / "a.arrows", RECURRENT(), rule=ThroughTime(window=2))
    metadata, rows = forgery.read(tmp_path / "a.arrows")
    metadata[b"neuro_actors"] = metadata[b"neuro_actors"].replace(b'"window": 2', b'"window": 3')
    lie = forgery.resealed(tmp_path / "b.arrows", metadata, rows).lie
    assert lie.where.endswith("what before felt 1 tick later")


# --- the order of rounds -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("round", "other"),
    [
        ("tick 2 of 4", "tick 3 of 4"),
        ("tick 1 of 4", "tick 2 of 4"),
        ("tick 2 of 4", "tick 2 of 5"),
        ("back to tick 4 of 4", "back to tick 3 of 4"),
        ("back to tick 2 of 4", "back to tick 1 of 4"),
        ("back to tick 2 of 4", ""),
        ("tick 3 of 4", "micro-batch 1 of 2"),
    ],
)
def test_rounds_out_of_order(recorded, round: str, other: str, tmp_path: Path) -> None:
    metadata, rows = recorded
    k = find(rows, round, kind="begin")
    rows[k][NOTE] = rows[k][NOTE].replace(
        f', "round": "{round}"', f', "round": "{other}"' if other else ""
    )
    lie = forgery.resealed(tmp_path / "b.arrows", metadata, rows).lie
    assert lie.row == k
    assert lie.what == "round is"


def test_learning_in_the_midst(recorded, tmp_path: Path) -> None:
    metadata, rows = recorded
    last = max(k for k, row in enumerate(rows) if row[KIND] == "begin")
    learns = json.loads(rows[last][NOTE])
    k = find(rows, "back to tick 2 of 4", kind="begin")
    rows[k][NOTE] = json.dumps(
        json.loads(rows[k][NOTE]) | {"mode": "train", "optimizer": learns["optimizer"], "update": 1}
    )
    assert "without learning" in str(forgery.resealed(tmp_path / "b.arrows", metadata, rows).lie)


def test_a_sequence_may_be_left_unfinished(tmp_path: Path) -> None:
    """A call that is cancelled leaves its rounds; the next one begins a sequence of its own."""
    network = RECURRENT()
    x, targets = examples(network)

    async def society() -> None:
        async with na.open_simulation(network, log=tmp_path / "a.arrows") as simulation:
            for deadline in (3, 6):
                with trio.CancelScope() as scope:
                    step = simulation._begin

                    def begin(*given: Any, scope=scope, step=step, deadline=deadline) -> None:
                        step(*given)
                        if simulation.last_step % 10 == deadline:
                            scope.cancel()

                    simulation._begin = begin  # type: ignore[method-assign]
                    await simulation.gradient(x, targets)
                simulation._begin = step  # type: ignore[method-assign]
            await simulation.train_step(x, targets, optimizer=na.SGD(0.1))

    trio.run(society)
    audit = na.audit(tmp_path / "a.arrows")
    assert audit.passed, str(audit)
    _, rows = forgery.read(tmp_path / "a.arrows")
    assert list(rounds(rows).values()).count("tick 1 of 4") == 3


def test_a_sequence_that_failed(channels: str, tmp_path: Path) -> None:
    network = RECURRENT()
    x, targets = examples(network)

    async def society() -> None:
        async with na.open_simulation(network, channels, log=tmp_path / "a.arrows") as simulation:
            await simulation.gradient(x, targets * [[[1.0], [1e200], [1.0], [1.0]]])

    with pytest.raises(na.SimulationError):
        trio.run(society)
    audit = na.audit(tmp_path / "a.arrows")
    assert audit.lie is None, str(audit)
    assert (audit.complete, audit.steps) == (False, 7)  # in the round back to tick 2


def test_a_rule_of_ones_own_is_not_checked(tmp_path: Path) -> None:
    record(tmp_path / "a.arrows", RECURRENT(), rule=OwnTime())
    audit = na.audit(tmp_path / "a.arrows")
    assert audit.lie is None
    assert any("what delays repeat" in remark for remark in audit.remarks)


class OwnTime(ThroughTime):
    """The same, under another name."""
