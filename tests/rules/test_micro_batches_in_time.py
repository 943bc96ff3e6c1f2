"""Micro-batches of sequences: side by side through the ticks, and learnt once, at the end."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trio
from helpers import any_networks, forgery
from helpers.all_kinds import both_directions, memory
from helpers.batch_parts import at_the_centre
from helpers.broken_off import breaking_off
from helpers.comparing import same_bits
from helpers.deep_cases import is_within
from helpers.forgery import NOTE, RECEIVER, SENDER, STEP, VALUE
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.channels.unreliable.faults import Kill
from neuro_actors.neuron.messages import micro_batch_of
from neuro_actors.neuron.time_round import TimeRound
from neuro_actors.proof.random_cases import Case
from neuro_actors.rules.batch_round import BatchRound
from neuro_actors.rules.batch_sum import BatchSum
from neuro_actors.rules.micro_batches import MicroBatchNeuron
from neuro_actors.simulation.blocking import run

STORM = na.Unreliable(drop=0.1, duplicate=0.1, reorder=0.2, crash=0.05, seed=3)
ThroughTime = na.rules.ThroughTime
CASES = [memory(batch=5), memory(batch=5, ticks=3, grid=(3,)), both_directions(batch=5, ticks=3)]
CASE = CASES[0]
NET, X, TARGETS = CASE.network, CASE.x, CASE.targets


def drawn(seed: int) -> Case:
    net, x, targets = any_networks.draw(seed, True)
    rng = np.random.default_rng(seed)
    x, targets = (np.concatenate([rows] * 3) for rows in (x, targets))
    return Case(net, x + rng.standard_normal(x.shape), targets, "squared_error")


# --- bits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", few([3, 2, 5, 8], 1))
@pytest.mark.parametrize("case", CASES, ids=["gates", "positions", "both ways"])
def test_the_bits_are_those_of_the_tree_over_the_parts(case: Case, count: int) -> None:
    check_bits(case, count)
    na.reference.with_bound(case.network, case.x, case.targets, case.loss)  # proves something


@pytest.mark.parametrize("seed", few([*range(30), 70, 206], 4))
def test_any_network_in_parts(seed: int) -> None:
    check_bits(drawn(seed), 3)


def check_bits(case: Case, count: int, window: int | None = None) -> None:
    """The engines, the tree over the parts, and the reference, within its bound where that proves something."""
    rule = ThroughTime(window=window)
    given = case.network, case.x, case.targets, case.loss
    weights, biases, predictions = at_the_centre(*given, count, rule)
    more = {"micro_batches": count, "wrt_inputs": True, "rule": rule}
    found = [na.gradient(*given, channels=one, **more) for one in ("memory", "bundled", STORM)]
    assert same_bits(found[0], found[1])
    assert same_bits(found[0], found[2])
    assert np.array_equal(found[0].weights, weights)
    assert np.array_equal(found[0].biases, biases)
    assert np.array_equal(found[0].predictions, predictions)
    if window is None:
        with suppress(
            na.BoundError
        ):  # of drawn networks, by a maximum whose sources are almost equal
            assert is_within(found[0], *na.reference.with_bound(*given, wrt_inputs=True))
    expected = na.reference.gradient(*given, window=window)
    np.testing.assert_allclose(found[0].weights, expected.weights, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("window", [1, 2])
def test_windows_cut_the_urgencies_of_each(window: int) -> None:
    check_bits(CASE, 2, window)
    cut, whole = (na.gradient(NET, X, TARGETS, rule=ThroughTime(window=w)) for w in (window, None))
    assert not np.allclose(cut.weights, whole.weights)


def test_sequences_of_different_lengths_and_masks() -> None:
    ends = [5, 2, 4, 1, 3]
    behind = (np.arange(5) >= np.array(ends)[:, None])[..., None]
    masked = np.ma.masked_array(TARGETS, behind)
    check_bits(Case(NET, X, masked, "squared_error"), 3)
    lists = [[row[:end] for row, end in zip(rows, ends, strict=True)] for rows in (X, TARGETS)]
    found, other = (
        na.gradient(NET, *given, micro_batches=3, wrt_inputs=True) for given in (lists, (X, masked))
    )
    for name in ("loss", "weights", "biases", "inputs"):  # what is said behind the ends may differ
        assert np.array_equal(getattr(found, name), getattr(other, name)), name
    assert not found.inputs[behind[..., 0]].any()


def test_a_batch_of_one_sequence_is_what_it_was(channels: str, tmp_path: Path) -> None:
    plain, parts = (
        na.gradient(NET, X[:1], TARGETS[:1], channels=channels, micro_batches=m, wrt_inputs=True)
        for m in (None, 4)
    )
    assert same_bits(plain, parts)
    log = tmp_path / "a.arrows"
    learn(channels, 4, log=log, x=X[:1], targets=TARGETS[:1])
    assert na.audit(log).passed


# --- learning --------------------------------------------------------------------------------------


def learn(channels: Any, count: int | None, steps: int = 2, **more: Any) -> na.Network:
    x, targets = more.pop("x", X), more.pop("targets", TARGETS)

    async def live() -> na.Network:
        async with na.open_simulation(NET, channels, micro_batches=count, **more) as simulation:
            for _ in range(steps):
                await simulation.train_step(x, targets, optimizer=na.SGD(0.1, momentum=0.9))
            return await simulation.network()

    return run(live, channels)


@pytest.mark.slow
def test_it_learns_from_the_gradient_in_any_lanes_and_storms() -> None:
    network, optimizer = NET, na.SGD(0.1, momentum=0.9)
    velocity = [(np.zeros_like(p),) for p in (NET.weights, NET.biases)]
    for step in range(2):
        gradient = na.gradient(network, X, TARGETS, micro_batches=3)
        new = []
        for i, (name, frozen) in enumerate(
            [("weights", NET.frozen_weights), ("biases", NET.frozen_biases)]
        ):
            before, wanted = getattr(network, name), -getattr(gradient, name)
            moved, velocity[i] = optimizer.update(before, wanted, velocity[i], step + 1)
            new.append(np.where(frozen, before, moved))
        network = network.with_parameters(*new)
    assert learn("memory", 3) == learn("bundled", 3) == learn(STORM, 3) == network
    for lanes in (2, 3, 7):
        for channels in ("memory", "bundled", STORM):
            assert learn(channels, 3, in_flight=lanes) == network, (lanes, channels)
    assert learn("bundled", None) != network


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_death_anywhere(lanes: int, run_slow: bool) -> None:
    """By default where a first tick is added, where a micro-batch is complete, and where neurons learn."""
    calm = learn("bundled", 2, 1, x=X[:, :2], targets=TARGETS[:, :2])
    for step in range(1, 9) if run_slow else (5, 7, 8):
        for place in ("before fire", "before respond", "before commit", "after commit"):
            kills = [Kill(name, place, step) for name in ("h", "y")]
            storm = na.Unreliable(faults=kills)
            found = learn(storm, 2, 1, x=X[:, :2], targets=TARGETS[:, :2], in_flight=lanes)
            assert found == calm, (step, place)


def test_what_is_forgotten_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above could not pass if the sums over the ticks were lost with a neuron."""
    set_state = MicroBatchNeuron.set_state
    monkeypatch.setattr(MicroBatchNeuron, "set_state", lambda one, state: set_state(one, state[:4]))
    storm = na.Unreliable(faults=[Kill("y", "before fire", 9)])
    with pytest.raises(na.SimulationError, match="'micro-batch 1 of 2, back to tick 2 of 3' does"):
        learn(storm, 2, 1, x=X[:, :3], targets=TARGETS[:, :3])


@pytest.mark.parametrize("at", [1, 4, 9, 20])
async def test_a_cancelled_step_leaves_nothing_behind(at: int, channels: str) -> None:
    scope, seen = trio.CancelScope(), []
    make = breaking_off(channels, scope, at, seen)
    async with na.open_simulation(NET, make, micro_batches=2) as simulation:
        with scope:
            await simulation.train_step(X, TARGETS, optimizer=na.SGD(0.1))
        assert scope.cancelled_caught
        network = await simulation.network()
        assert (network == NET) == (at < 20)  # the last is finished by the society
        found = await simulation.gradient(X, TARGETS)
    expected = na.gradient(network, X, TARGETS, micro_batches=2, channels=channels)
    assert same_bits(found, expected)
    names = [str(TimeRound.at(place, 5, 1, 2)) for place in range(20)]
    assert seen == names[:at] + names


def test_checkpoints_go_on_to_the_same_bits(channels: str, tmp_path: Path) -> None:
    more = {"optimizer": na.Adam(0.05), "epochs": 2, "batch_size": 3, "micro_batches": 2}
    whole = na.train(NET, X, TARGETS, channels=channels, **more)
    again = na.train(NET, X, TARGETS, channels=channels, checkpoint=tmp_path, every=1, **more)
    assert again == whole
    for file in sorted(tmp_path.glob("[!d]*.safetensors"))[:-1]:
        assert na.resume(file) == whole


def test_what_is_added_again_changes_nothing() -> None:
    """A tick of one micro-batch, and the last tick, which makes it complete."""
    names = [str(TimeRound.at(place, 3, 1, 2)) for place in range(12)]
    at = [BatchRound.of(11 + k, name, micro_batch_of(name)) for k, name in enumerate(names)]
    places = range(12)
    assert [(one.base, one.place, one.is_last) for one in at] == [(10, k, k == 11) for k in places]
    assert [one.is_first for one in at] == [k == 6 for k in places]
    total = BatchSum()
    for k in (6, 6, 7, 8, 8, 6, 9, 9, 10, 10, 6, 8, 11, 11, 10):
        total = total.add(at[k], [3, 2][at[k].part - 1], np.array([10.0 ** (k - 6)]))
    assert total.mean().tolist() == [(3 * 10101 + 2 * 101010) / 5]
    assert total.ticks == ()


def test_rules_with_neurons_of_their_own_are_refused() -> None:
    class Own(ThroughTime):
        pass

    with pytest.raises(
        na.InputError, match="micro_batches: Own has rounds of its own, and a batch"
    ):
        na.gradient(NET, X, TARGETS, rule=Own(), micro_batches=2)


# --- windows that go on where the one before ended -------------------------------------------------

CARRY = ThroughTime(carry=True)
LONG = memory(batch=3, ticks=6, grid=(2,))
WINDOWS = [slice(0, 2), slice(2, 3), slice(3, 6)]


async def in_windows(simulation: na.Simulation, examples: slice = slice(None)) -> list[na.Gradient]:
    rows = LONG.x[examples], LONG.targets[examples]
    windows = [[one[:, w] for one in rows] for w in WINDOWS]
    return [await simulation.gradient(*window, wrt_inputs=True) for window in windows]


async def test_each_micro_batch_goes_on_with_its_own_sequences(channels: str) -> None:
    async with na.open_simulation(
        LONG.network, channels, rule=CARRY, micro_batches=2
    ) as simulation:
        found = await in_windows(simulation)
        await simulation.forget()
        again = await in_windows(simulation)
    alone = []
    for part in (slice(0, 2), slice(2, 3)):
        async with na.open_simulation(LONG.network, channels, rule=CARRY) as simulation:
            alone.append(await in_windows(simulation, part))
    for one, two, *parts in zip(found, again, *alone, strict=True):
        assert same_bits(one, two)
        assert np.array_equal(one.weights, (2 * parts[0].weights + parts[1].weights) / 3)
        assert np.array_equal(one.predictions, np.concatenate([p.predictions for p in parts]))
    said = np.concatenate([one.predictions for one in found], axis=1)
    assert np.array_equal(said, na.predict(LONG.network, LONG.x))


async def test_a_prediction_of_all_goes_on_too(channels: str, tmp_path: Path) -> None:
    """It is not cut. So what is carried on is joined, and cut again; the audit knows that."""
    log, said = tmp_path / "a.arrows", []
    more = {"rule": CARRY, "micro_batches": 2, "log": log}
    async with na.open_simulation(LONG.network, channels, **more) as simulation:
        for w in WINDOWS:
            said.append((await simulation.gradient(LONG.x[:, w], LONG.targets[:, w])).predictions)
            if w == WINDOWS[0]:
                said.append(await simulation.predict(LONG.x[:, 2:3]))
                break
        said.append((await simulation.gradient(LONG.x[:, 3:], LONG.targets[:, 3:])).predictions)
        with pytest.raises(na.InputError, match=r"had 6 sequences .* this one has 2"):
            await simulation.gradient(LONG.x[:1, :2], LONG.targets[:1, :2])
    assert np.array_equal(np.concatenate(said, axis=1), na.predict(LONG.network, LONG.x))
    assert na.audit(log).passed
    metadata, rows = forgery.read(log)
    k = find(rows, "micro-batch 2 of 2, tick 1 of 3", sender="environment", receiver="h before")
    rows[k][VALUE][1] = float(np.nextafter(rows[k][VALUE][1], 2.0))
    lie = forgery.resealed(tmp_path / "b.arrows", metadata, rows).lie
    assert (lie.row, lie.who) == (k, "the environment")


# --- logs ------------------------------------------------------------------------------------------


def find(rows: list[forgery.Row], round: str, sender: str, receiver: str, note: Any = None) -> int:
    steps = [row[STEP] for row in rows if f'"{round}"' in (row[NOTE] or "")]
    return next(
        k for k, row in enumerate(rows)
        if row[STEP] in steps and (row[SENDER], row[RECEIVER]) == (sender, receiver)
        and note in (None, row[NOTE])
    )  # fmt: skip


@pytest.mark.parametrize("which", few(range(3), 2), ids=["gates", "positions", "both ways"])
def test_a_log_is_the_same_in_both_engines_and_passes(which: int, tmp_path: Path) -> None:
    case, tables = CASES[which], []
    for k, (channels, lanes) in enumerate([("memory", 1), ("bundled", 3), (STORM, 2)]):
        log = tmp_path / f"{k}.arrows"

        async def live(channels=channels, lanes=lanes, log=log) -> None:
            more = {"micro_batches": 3, "in_flight": lanes, "log": log}
            async with na.open_simulation(case.network, channels, **more) as simulation:
                await simulation.train_step(case.x, case.targets, optimizer=na.Adam(0.1))
                await simulation.predict(case.x)
                await simulation.gradient(case.x, case.targets)
                await simulation.train_step(case.x[:2], case.targets[:2], optimizer=na.Adam(0.1))

        run(live, channels)
        audit = na.audit(log)
        assert (audit.lie, audit.passed, audit.unproved) == (None, True, 0)
        tables.append(na.open_log(log))
    first = tables[0]
    for other in tables[1:]:
        assert [info.round for info in other.steps] == [info.round for info in first.steps]
        for info in first.steps:
            one, two = first.step(info.number), other.step(info.number)
            for name in ("activations", "urgencies", "weights", "biases", "losses"):
                assert np.array_equal(getattr(one, name), getattr(two, name), equal_nan=True), name
    infos = [info for info in first.steps if info.micro_batch is not None]
    ticks = case.x.shape[1]
    assert infos[0].round.startswith("micro-batch 1 of 3, tick 1 of")
    assert infos[1].micro_batch == (2, 3)
    assert infos[1].tick == (1, ticks)
    assert [info.batch for info in infos[:3]] == [2, 2, 1]


@pytest.mark.parametrize(
    ("round", "sender", "receiver", "note"),
    [
        ("micro-batch 2 of 2, tick 2 of 5", "environment", "h before", None),
        ("micro-batch 1 of 2, tick 5 of 5", "environment", "gate before", None),
        ("micro-batch 2 of 2, back to tick 3 of 5", "environment", "loss", "to h before"),
        ("micro-batch 1 of 2, back to tick 1 of 5", "environment", "x", None),
    ],
)
def test_who_changes_what_is_repeated_is_named(
    round: str, sender: str, receiver: str, note: str | None, tmp_path: Path
) -> None:
    """By one last bit, and sealed anew. Another micro-batch says something else in the same tick."""
    learn("bundled", 2, 1, log=tmp_path / "a.arrows")
    metadata, rows = forgery.read(tmp_path / "a.arrows")
    k = find(rows, round, sender, receiver, note)
    rows[k][VALUE][1] = float(np.nextafter(rows[k][VALUE][1], 2.0))
    lie = forgery.resealed(tmp_path / "b.arrows", metadata, rows).lie
    assert (lie.row, lie.who) == (k, "the environment")


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("micro-batch 2 of 2, tick 1 of 5", "micro-batch 1 of 2, tick 2 of 5"),
        ("micro-batch 2 of 2, tick 3 of 5", "tick 3 of 5"),
        ("micro-batch 1 of 2, tick 1 of 5", "micro-batch 1 of 3, tick 1 of 5"),
    ],
)
def test_rounds_come_in_their_order(was: str, becomes: str, tmp_path: Path) -> None:
    learn("bundled", 2, 1, log=tmp_path / "a.arrows")
    metadata, rows = forgery.read(tmp_path / "a.arrows")
    k = next(k for k, row in enumerate(rows) if f'"{was}"' in (row[NOTE] or ""))
    rows[k][NOTE] = rows[k][NOTE].replace(f'"{was}"', f'"{becomes}"')
    lie = forgery.resealed(tmp_path / "b.arrows", metadata, rows).lie
    assert f"round is {becomes}" in str(lie)
    assert lie.row == k


def test_dropouts_draw_other_masks_in_each_micro_batch(tmp_path: Path) -> None:
    nodes = [na.Input("x"), na.Delay("before", of="d"), na.Neuron("h", "tanh", 0.5)]
    nodes += [na.Interneuron("d", "dropout 0.5"), na.Neuron("y")]
    pairs = [("x", "h"), ("before", "h"), ("h", "d"), ("d", "y")]
    net = na.Network(nodes, [na.Synapse(*pair) for pair in pairs], ["y"], seed=1)
    x, log = np.ones((16, 2, 1)), tmp_path / "a.arrows"
    said = na.gradient(net, x, x, micro_batches=2).predictions[:, 0, 0]
    assert not np.array_equal(said[:8], said[8:])
    na.train(net, x, x, optimizer=na.SGD(0.1), epochs=2, batch_size=16, micro_batches=2, log=log)
    assert na.audit(log).passed
    found = [
        na.train(net, x, x, optimizer=na.SGD(0.1), epochs=2, micro_batches=2, channels=c)
        for c in ("memory", "bundled")
    ]
    assert found[0].network == found[1].network
