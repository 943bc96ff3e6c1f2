"""Micro-batches in flight: several at once, along lanes; the same bits, the same log, and no more mail than is proved."""

from __future__ import annotations

import itertools
import re
import signal

import numpy as np
import pyarrow as pa
import pytest
import trio
import trio.testing
from helpers.comparing import same_bits
from helpers.small_network import NET, SMALL, TARGETS, X
from helpers.tiers import few

import neuro_actors as na
from neuro_actors import rules
from neuro_actors.channels.bundled.bundled_channels import Bundled
from neuro_actors.channels.choose_channels import choose_channels
from neuro_actors.channels.memory import Memory
from neuro_actors.channels.routes import Routes
from neuro_actors.channels.unreliable.delivery import AckTable, DeliveryState, Snapshot
from neuro_actors.channels.unreliable.fault_injection import FaultInjector
from neuro_actors.channels.unreliable.faults import PLACES, Kill
from neuro_actors.channels.unreliable.frames import Frame
from neuro_actors.channels.unreliable.invariants import InvariantChecker
from neuro_actors.channels.unreliable.unreliable_channels import UnreliableChannels
from neuro_actors.neuron.messages import Step
from neuro_actors.neuron.sums import ORDERED
from neuro_actors.neuron.tree_sum import TreeSum
from neuro_actors.proof.random_cases import draw_case
from neuro_actors.rules.micro_batches import MicroBatchNeuron
from neuro_actors.simulation import blocking as synchronous
from neuro_actors.society.pipeline import Pipeline, number_before


def late(seed: int):
    """Memory channels whose neurons oversleep at random: they come to their mail in any order."""
    rng = np.random.default_rng(seed)

    def make(network, recorder) -> Memory:
        made = Memory(network, recorder)
        for port in made._ports:

            async def receive(kind, receive=port.receive):
                step = await receive(kind)
                for _ in range(int(rng.integers(6))):
                    await trio.lowlevel.checkpoint()
                return step

            port.receive = receive
        return made

    return make


class Spied:
    """An engine, and what was begun and ended along all of its lanes."""

    def __init__(self, channels: str, at: int = 0, then=lambda: None) -> None:
        self.seen: list[tuple[str, int]] = []
        self.made: list = []
        self._make, self._at, self._then = choose_channels(channels), at, then

    def __call__(self, network, recorder):
        made = self._make(network, recorder)
        self.made.append(made)
        begin, end, lane = made.environment.begin, made.environment.wait_end, len(self.made) - 1
        now = [0]

        def begun(step, *more) -> None:
            begin(step, *more)
            now[0] = step.number
            self.seen.append(("begin", step.number))
            assert (step.number - 1) % count() == lane
            if len([what for what, _ in self.seen if what == "begin"]) == self._at:
                self._then()

        async def ended() -> None:
            await end()
            self.seen.append(("end", now[0]))

        def count() -> int:
            return len(self.made)

        made.environment.begin, made.environment.wait_end = begun, ended
        return made

    @property
    def most(self) -> int:
        """How many were ever under way."""
        under_way = itertools.accumulate(1 if what == "begin" else -1 for what, _ in self.seen)
        return max(under_way)


async def learnt(
    channels, count, lanes, log=None, rule=None, steps=3, patience=np.inf
) -> na.Network:
    more = {"rule": rule, "micro_batches": count, "in_flight": lanes, "patience": patience}
    async with na.open_simulation(NET, channels, log, **more) as simulation:
        await simulation.predict(X)
        for _ in range(steps):
            await simulation.train_step(X, TARGETS, optimizer=na.SGD(0.1, momentum=0.9))
        await simulation.gradient(X, TARGETS, wrt_inputs=True)
        return await simulation.network()


# --- bits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", few(SMALL, 4))
def test_the_bits_are_those_of_one_after_another(seed: int, channels: str, run_slow: bool) -> None:
    """By default two of the twelve pairs of counts and lanes, other ones for each network."""
    case = draw_case(seed)
    given = case.network, case.x, case.targets, case.loss
    pairs = list(itertools.product((2, 3, 5, 7), (2, 3, 4)))
    for count, lanes in pairs if run_slow else pairs[SMALL.index(seed) % 6 :: 6]:
        alone = na.gradient(*given, channels=channels, micro_batches=count, wrt_inputs=True)
        at_once = na.gradient(
            *given, channels=channels, micro_batches=count, in_flight=lanes, wrt_inputs=True
        )
        assert same_bits(alone, at_once), (count, lanes)


@pytest.mark.parametrize("seed", few(SMALL[:6], 2))
def test_whoever_comes_late(seed: int) -> None:
    case = draw_case(seed)
    given = case.network, case.x, case.targets, case.loss
    for count, lanes in ((2, 2), (5, 3), (7, 7)):
        alone = na.gradient(*given, micro_batches=count)
        assert same_bits(
            alone, na.gradient(*given, channels=late(seed), micro_batches=count, in_flight=lanes)
        )


@pytest.mark.parametrize("optimizer", [na.SGD(0.1, momentum=0.9), na.Adam(0.05)])
@pytest.mark.parametrize("rule", few([None, rules.FeedbackAlignment(seed=3)], 1))
def test_learning(optimizer, rule, run_slow: bool) -> None:
    """In batches of five and two: sizes that no count divides."""
    more = {"optimizer": optimizer, "rule": rule, "epochs": 2, "batch_size": 5}
    for count in range(1, 8) if run_slow else (1, 3):
        alone = na.train(NET, X, TARGETS, micro_batches=count, **more)
        for lanes in (1,) if count == 1 else (2, 3, 4) if run_slow else (2, 4):
            for make in ("memory", "bundled", late(count)):
                assert (
                    na.train(
                        NET, X, TARGETS, micro_batches=count, in_flight=lanes, channels=make, **more
                    )
                    == alone
                )


def test_all_kinds_of_steps_may_follow_each_other(channels: str) -> None:
    """Predictions, gradients of the inputs, batches of other sizes: every lane is in turn the first."""

    async def society(lanes: int) -> list:
        found: list = []
        async with na.open_simulation(
            NET, channels, micro_batches=3, in_flight=lanes
        ) as simulation:
            for size in (7, 1, 2, 5, 4, 7):
                x, targets = X[:size], TARGETS[:size]
                found.append((await simulation.predict(x)).tobytes())
                found.append(
                    (
                        await simulation.gradient(x, targets, wrt_inputs=size % 2 == 0)
                    ).weights.tobytes()
                )
                found.append((await simulation.train_step(x, targets, optimizer=na.Adam(0.1))).step)
                found.append((await simulation.network()).digest())
        return found

    one = trio.run(society, 1)
    for lanes in (2, 3, 5):
        assert trio.run(society, lanes) == one


# --- the law of the lanes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [2, 3, 4, 9])
def test_so_many_are_under_way_and_no_more(
    channels: str, lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = [0]
    respond = MicroBatchNeuron.respond

    def counted(self, *mail) -> None:
        respond(self, *mail)
        most[0] = max(most[0], len(self.batch.sum.tree.blocks))

    monkeypatch.setattr(MicroBatchNeuron, "respond", counted)
    spied = Spied(channels)

    async def society() -> na.channels.Statistics:
        async with na.open_simulation(NET, spied, micro_batches=7, in_flight=lanes) as simulation:
            for _ in range(2):
                await simulation.train_step(X, TARGETS, optimizer=na.SGD(0.1))
            assert len(simulation._runner.lanes if lanes > 1 else [1]) == lanes
            return simulation.statistics()

    statistics = trio.run(society)
    assert spied.most == min(lanes, 7)
    assert [number for what, number in spied.seen if what == "begin"] == list(range(1, 15))
    assert [number for what, number in spied.seen if what == "end"] == list(range(1, 15))
    assert most[0] <= 3 + min(lanes, 7)
    for name, (peak, room) in statistics.mailboxes.items():
        k = NET.position.get(name)
        if k is not None:  # room for one step's mail, as in one lane
            assert room == NET.incoming.sizes[k] + NET.outgoing.sizes[k] + (name in NET.outputs) + 1
        assert peak <= room
    assert statistics.messages == sum(made.statistics().messages for made in spied.made)


async def test_a_step_too_many_is_refused() -> None:
    make = lambda recorder: Memory(NET, recorder)  # noqa: E731
    lanes = Pipeline(NET, make, None, rules.Backpropagation(), ORDERED, 2)
    for number in (1, 2):
        lanes.begin(Step(number), X.T, None)
    assert lanes.full
    with pytest.raises(na.SimulationError, match=r"^step 3 cannot begin: 2 are under way$"):
        lanes.begin(Step(3), X.T, None)
    assert [waiting.step for waiting in lanes.who_waits() if waiting.node == "environment"] == [
        1,
        1,
        2,
        2,
    ]
    lanes.close()


def test_every_step_has_its_lane() -> None:
    for count in range(1, 6):
        for number in range(12):
            counting = [number_before(j, count, number) for j in range(count)]
            steps = sorted(base + k * count for base in counting for k in (1, 2))
            assert steps == list(range(number + 1, number + 1 + 2 * count))
            assert all((base + count - 1) % count == j for j, base in enumerate(counting))


@pytest.mark.parametrize("order", list(itertools.permutations(range(1, 5))))
def test_they_may_end_in_any_order_and_the_last_waits(order: tuple[int, ...]) -> None:
    """A neuron's rules alone, of four lanes, over two batches."""
    rng = np.random.default_rng(0)
    activations, urgencies = rng.standard_normal((2, 4, 4, 2)), rng.standard_normal((2, 4, 2, 2))
    rule = rules.MicroBatches(rules.Backpropagation(), 4)
    one, many = rule.members(NET, 3, ORDERED, 1) * 4, rule.members(NET, 3, ORDERED, 4)
    optimizer = na.SGD(0.1, momentum=0.9)

    def run_batch(members, batch: int, order, commits: dict) -> None:
        steps = {
            place: Step(
                4 * batch + place,
                "squared_error",
                optimizer if place == 4 else None,
                round=f"micro-batch {place} of 4",
                micro_batch=(place, 4),
            )
            for place in order
        }
        woken: list[int] = []
        if members is many:
            for place in order:
                many[place - 1].fire(steps[place], activations[batch, place - 1], np.empty(2))
        held = False
        for place in [*order, *([4] if members is many and order[-1] != 4 else [])]:
            member = members[place - 1]
            if members is one:
                member.fire(steps[place], activations[batch, place - 1], np.empty(2))
            elif place == 4 and not held and order[-1] != 4:
                assert member.must_wait(steps[4], lambda: woken.append(1))
                held = True
                continue
            else:
                assert not member.must_wait(steps[place], lambda: woken.append(2))
            commits[batch, place] = np.empty(4)
            member.respond(
                steps[place], urgencies[batch, place - 1], np.empty((0, 2)), commits[batch, place]
            )
        assert woken == [1] * held

    expected: dict = {}
    found: dict = {}
    for batch in (0, 1):
        run_batch(one, batch, (1, 2, 3, 4), expected)
        run_batch(many, batch, order, found)
    for name, commit in expected.items():
        assert np.array_equal(commit, found[name]), name
    assert all(member.get_state()[1:] == (0, 0, ()) for member in many)
    assert {member.batch for member in many} == {many[0].batch}


def test_what_comes_again_changes_nothing() -> None:
    rule = rules.MicroBatches(rules.Backpropagation(), 3)
    members, commit = rule.members(NET, 3, ORDERED, 3), np.empty(4)

    def run_step(place: int) -> None:
        step = Step(
            place,
            "squared_error",
            na.SGD(0.1) if place == 3 else None,
            round=f"micro-batch {place} of 3",
            micro_batch=(place, 3),
        )
        members[place - 1].fire(step, np.ones((4, 2)), np.empty(2))
        members[place - 1].respond(step, np.ones((2, 2)), np.empty((0, 2)), commit)

    for place, count in ((1, 1), (1, 1), (2, 2), (1, 2)):
        run_step(place)
        done = members[0].batch.sum
        assert (done.count, done.weight) == (count, 2 * count)
    run_step(3)
    learnt = members[2].state
    with pytest.raises(na.MessageError, match=r"'micro-batch 3 of 3' does not follow 0$"):
        run_step(3)
    assert members[2].state is learnt


# --- what goes wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", few([1, 3, 5, 2, 4], 3))
@pytest.mark.parametrize("lanes", few([2, 7, 3]))
async def test_a_cancelled_call_leaves_nothing_behind(at: int, lanes: int, channels: str) -> None:
    scope = trio.CancelScope()
    spied = Spied(channels, at, scope.cancel)
    async with na.open_simulation(NET, spied, micro_batches=5, in_flight=lanes) as simulation:
        with scope:
            await simulation.train_step(X, TARGETS, optimizer=na.SGD(0.1))
        assert scope.cancelled_caught
        begun = simulation.last_step
        assert max(at, min(lanes, 5)) <= begun <= 5  # the window is filled at one go
        network = await simulation.network()
        assert [what for what, _ in spied.seen].count(
            "end"
        ) == begun  # the society has finished them
        assert (network == NET) == (begun < 5)  # the last was among them, or nobody has learnt
        found = await simulation.gradient(X, TARGETS)
        assert same_bits(found, na.gradient(network, X, TARGETS, micro_batches=5))
        await simulation.train_step(X, TARGETS, optimizer=na.SGD(0.1))
        wanted = na.train(
            network,
            X,
            TARGETS,
            optimizer=na.SGD(0.1),
            epochs=1,
            batch_size=7,
            micro_batches=5,
            seed=0,
        )
        learnt = await simulation.network()
        assert np.allclose(learnt.weights, wanted.network.weights)  # whose batch was shuffled
    assert spied.most == min(lanes, 5)


@pytest.mark.parametrize("place", [1, 2, 3, 4])
@pytest.mark.parametrize("lanes", few([3, 2, 4], 1))
async def test_a_failure_names_the_neuron_and_the_step(
    place: int, lanes: int, channels: str, failing, tmp_path
) -> None:
    x = np.ones((4, 1))
    x[place - 1] = -1
    tasks = trio.lowlevel.current_statistics().tasks_living
    log = tmp_path / "a"
    with pytest.raises(
        na.SimulationError, match=rf"^'h' failed in step {place}: ZeroDivisionError: no root$"
    ):
        async with na.open_simulation(
            failing, channels, log, micro_batches=4, in_flight=lanes
        ) as simulation:
            await simulation.gradient(x, np.ones((4, 1)))
    await trio.testing.wait_all_tasks_blocked()
    assert trio.lowlevel.current_statistics().tasks_living == tasks
    steps = na.open_log(log).steps
    assert [info.number for info in steps] == list(
        range(1, len(steps) + 1)
    )  # the whole ones, and at most one in part
    assert len(steps) <= place
    assert na.audit(log).lie is None


@pytest.mark.parametrize("held", [True, False])
async def test_leaving_wakes_those_who_wait_for_the_others(held: bool, channels: str) -> None:
    """A step whose mail never comes: the last is held at each neuron, and ends with the society."""
    made: list = []

    def make(network, recorder):
        made.append(choose_channels(channels)(network, recorder))
        if len(made) == 1:
            made[0].environment.begin = lambda *step: None
            made[0].environment.wait_end = trio.sleep_forever
        return made[-1]

    tasks = trio.lowlevel.current_statistics().tasks_living
    message = (
        r"the simulation was closed while step 1 was under way$"
        if held
        else r"step 1 did not end within 0.02 s:"
    )
    patience = np.inf if held else 0.02

    async def ask() -> None:
        with pytest.raises(na.SimulationError, match=message):
            await simulation.gradient(X, TARGETS)

    async with (
        trio.open_nursery() as nursery,
        na.open_simulation(
            NET, make, micro_batches=3, in_flight=3, patience=patience
        ) as simulation,
    ):
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        if held:
            waiting = {
                waiting.node: waiting.missing
                for waiting in simulation.who_waits()
                if waiting.step == 3
            }
            hidden = {name for name in NET.ids if name not in (*NET.inputs, *NET.outputs)}
            assert waiting.keys() == hidden | {"environment"}
            assert all(waiting[name] == NET.outputs for name in hidden)  # which are held themselves
        else:
            while simulation._task.failure is None:
                await trio.sleep(0.01)
    assert re.match(
        message, str(simulation._task.failure)
    )  # and nobody who was woken has done anything
    assert trio.lowlevel.current_statistics().tasks_living == tasks


@pytest.mark.parametrize("at", range(1, 6))
def test_an_interrupt_is_plain_and_leaves_nobody(at: int, channels: str) -> None:
    def struck() -> None:
        signal.raise_signal(signal.SIGINT)

    spied = Spied(channels, at, struck)
    with pytest.raises(KeyboardInterrupt):
        na.train(
            NET,
            X,
            TARGETS,
            optimizer=na.SGD(0.1),
            epochs=1,
            batch_size=7,
            channels=spied,
            micro_batches=5,
            in_flight=3,
        )


# --- in a storm --------------------------------------------------------------------------------------------------


def storm(seed: int, crash: float = 0.3) -> na.Unreliable:
    return na.Unreliable(drop=0.2, duplicate=0.2, reorder=0.2, corrupt=0.05, crash=crash, seed=seed)


@pytest.mark.parametrize("seed", [3, 9, 16])
def test_in_a_storm(seed: int) -> None:
    case = draw_case(seed)
    given = case.network, case.x, case.targets, case.loss
    for count, lanes in ((2, 2), (5, 3)):
        calm = na.gradient(*given, micro_batches=count, wrt_inputs=True)
        found = na.gradient(
            *given, storm(seed), micro_batches=count, in_flight=lanes, wrt_inputs=True
        )
        assert same_bits(calm, found)


@pytest.mark.parametrize("place", few(PLACES, 5))
def test_a_death_in_any_lane(place: str, run_slow: bool) -> None:
    """Of all neurons at once, in each step in turn, while others are under way."""
    calm = trio.run(learnt, "bundled", 3, 1, None, None, 1)
    for step in range(1, 8) if run_slow else (2, 6):
        faults = [Kill(name, place, step) for name in NET.ids if name not in NET.inputs]
        stormy = na.Unreliable(faults=faults)
        assert (
            synchronous.run(lambda s=stormy, w=2 + step % 2: learnt(s, 3, w, steps=1), stormy)
            == calm
        ), step


def forgetful(self, other) -> None:
    self.defers = True


def too_early(self, other) -> None:
    self.batch = other.batch


@pytest.mark.parametrize("joins", [forgetful, too_early])
def test_a_sum_that_is_lost_or_released_too_early_is_seen(
    joins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above could not pass if a crash lost the batch sum, or left in it what was not committed."""
    calm = trio.run(learnt, "bundled", 3, 1, None, None, 1)
    monkeypatch.setattr(MicroBatchNeuron, "join", joins)
    different = False
    for step in (2, 3, 4):  # of learning
        stormy = na.Unreliable(
            faults=[Kill(name, "before commit", step) for name in NET.ids if name not in NET.inputs]
        )
        try:
            different |= (
                synchronous.run(lambda s=stormy: learnt(s, 3, 3, steps=1, patience=20), stormy)
                != calm
            )
        except na.SimulationError:
            different = True
    assert different


def test_the_protocols_law_holds_in_each_lane(run_slow: bool) -> None:
    """One content a name, and no member further than one of its steps before another: see `channels/ledger.py`."""
    n, outputs = len(NET.ids), NET.output_positions.tolist()
    calm = trio.run(learnt, "memory", 5, 1, None, None, 1)
    synapses = [
        *zip(NET.sources.tolist(), NET.targets.tolist(), strict=True),
        *((k, n) for k in outputs),
    ]
    for seed in (0, 1) if run_slow else (0,):

        def make(network, recorder, seed=seed) -> UnreliableChannels:
            return UnreliableChannels(
                network, recorder, storm(seed), InvariantChecker(synapses, n + 1)
            )

        async def society(make=make) -> na.Network:
            return await learnt(make, 5, 3, steps=1)

        assert trio.run(society, clock=trio.testing.MockClock(autojump_threshold=0)) == calm


def test_a_storm_leaves_the_log_as_it_is(tmp_path) -> None:
    stormy = storm(1)
    trio.run(learnt, "memory", 5, 1, tmp_path / "calm")
    synchronous.run(lambda: learnt(stormy, 5, 3, tmp_path / "storm"), stormy)
    assert rows(tmp_path / "storm").equals(rows(tmp_path / "calm"))
    assert na.audit(tmp_path / "storm").passed
    lived = na.open_log(tmp_path / "storm").disturbances
    assert {"died", "lost", "late"} <= {disturbance.what for disturbance in lived}


def test_checkpoints_of_a_storm(tmp_path) -> None:
    more = {
        "optimizer": na.Adam(0.05),
        "epochs": 2,
        "batch_size": 4,
        "micro_batches": 3,
        "in_flight": 2,
    }
    whole = na.train(NET, X, TARGETS, **more)
    na.train(NET, X, TARGETS, checkpoint=tmp_path, every=1, channels=storm(2), **more)
    for file in sorted(tmp_path.glob("step*.safetensors"))[:-1]:
        for channels in (storm(5), "memory"):
            assert na.resume(file, channels=channels).network == whole.network


# --- logs and checkpoints ----------------------------------------------------------------------------------------


def rows(path) -> pa.Table:
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_stream(file).read_all()


@pytest.mark.parametrize("every", [1, 2])
def test_the_log_is_that_of_one_after_another(
    channels: str, every: int, tmp_path, run_slow: bool
) -> None:
    def log(name: str) -> na.Recording:
        return na.Recording(tmp_path / name, every=every)

    trio.run(learnt, channels, 5, 1, log("one"))
    for lanes in (2, 3, 5, 6) if run_slow else (3, 6):
        for make in (channels, late(lanes)) if channels == "memory" else (channels,):
            name = f"{lanes}{callable(make)}"
            trio.run(learnt, make, 5, lanes, log(name))
            assert rows(tmp_path / name).equals(rows(tmp_path / "one"))
            if every == 1:
                audit = na.audit(tmp_path / name)
                assert (audit.lie, audit.passed, audit.exact, audit.unproved) == (
                    None,
                    True,
                    True,
                    0,
                )


def test_checkpoints_go_on_to_the_same_bits(
    channels: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begun(self, *more) -> None:
        begin(self, *more)
        under_way.append((len(self.lanes), len(self.under_way)))

    begin, under_way = Pipeline.begin, []
    monkeypatch.setattr(Pipeline, "begin", begun)
    more = {
        "optimizer": na.Adam(0.05),
        "epochs": 2,
        "batch_size": 4,
        "micro_batches": 3,
        "channels": channels,
    }
    whole = na.train(NET, X, TARGETS, **more)
    assert na.train(NET, X, TARGETS, checkpoint=tmp_path, every=1, in_flight=2, **more) == whole
    made = 0
    for file in sorted(tmp_path.glob("step*.safetensors"))[:-1]:
        under_way.clear()
        assert na.resume(file) == whole
        assert max(under_way) == (2, 2)
        made += 1
    assert made


def test_older_checkpoints_say_nothing_of_lanes() -> None:
    from neuro_actors.simulation.checkpoint.plan_json import plan_from_json, settings_to_json
    from neuro_actors.simulation.plan import TrainingPlan

    rule = rules.MicroBatches(rules.Backpropagation(), 3)
    plan = TrainingPlan(
        network=NET, data=(X, TARGETS), validation=None, loss="squared_error", optimizer=na.SGD(0.1),
        epochs=1, batch_size=7, seed=0, rule=rule, sums="ordered", channels="memory", in_flight=3,
    )  # fmt: skip
    settings, data = settings_to_json(plan), {"x": X, "targets": TARGETS}
    assert plan_from_json(settings, NET, data, None, None).in_flight == 3
    del settings["in_flight"]
    assert plan_from_json(settings, NET, data, None, None).in_flight is None


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [0, -1, 1.5, True, "3"])
def test_it_is_a_whole_number(lanes) -> None:
    for asked in (
        lambda: na.gradient(NET, X, TARGETS, micro_batches=2, in_flight=lanes),
        lambda: na.train(NET, X, TARGETS, optimizer=na.SGD(0.1), micro_batches=2, in_flight=lanes),
    ):
        with pytest.raises(
            na.InputError, match=r"^in_flight must be a whole number of at least 1, got "
        ):
            asked()


@pytest.mark.parametrize("count", [None, 1])
def test_what_is_in_flight_are_micro_batches(count) -> None:
    for asked in (
        lambda: na.gradient(NET, X, TARGETS, micro_batches=count, in_flight=2),
        lambda: na.train(NET, X, TARGETS, optimizer=na.SGD(0.1), micro_batches=count, in_flight=2),
    ):
        with pytest.raises(
            na.InputError,
            match=r"^in_flight=2 needs micro-batches: micro_b",
        ):
            asked()
    assert same_bits(
        na.gradient(NET, X, TARGETS, micro_batches=count, in_flight=1), na.gradient(NET, X, TARGETS)
    )


def test_other_rules_have_one_lane() -> None:
    with pytest.raises(
        na.InputError,
        match=r"^PredictiveCoding\(.*\) goes through one step at a time: leave in_flight out$",
    ):
        rules.PredictiveCoding().members(NET, 3, ORDERED, 2)
    assert len(rules.PredictiveCoding().members(NET, 3, ORDERED, 1)) == 1


def test_engines_that_cannot_be_one_lane_of_several() -> None:
    class Old(Bundled):
        def resume(self, number: int) -> None: ...

    message = r"^the engine Old cannot be one lane of 2: give it a method resume\(number, stride\), or leave in_flight out"
    with pytest.raises(na.InputError, match=message):
        na.gradient(NET, X, TARGETS, channels=Old, micro_batches=3, in_flight=2)
    assert same_bits(na.gradient(NET, X, TARGETS, channels=Old), na.gradient(NET, X, TARGETS))


# --- what the parts promise --------------------------------------------------------------------------------------


def test_which_terms_blocks_hold() -> None:
    tree = TreeSum()
    for place in (5, 0, 1, 2, 3):
        tree = tree.add(0, place, np.ones(1))
    assert [tree.contains(0, place) for place in range(7)] == [True] * 4 + [False, True, False]
    assert [tree.contains(1, place) for place in range(4)] == [True, True, False, False]


def test_the_protocol_in_one_lane_of_three() -> None:
    """Its steps lie three apart: a frame of the step before is answered again, one that goes astray is an error."""
    wires = AckTable("h", answers={1: 11}, repeats={}, first=1.0, stride=3)
    delivery = DeliveryState(wires, Snapshot(2, (), {11: Frame(11, 2, 0, np.zeros(1))}))
    assert delivery.number == 5
    assert delivery.receive(Frame(1, 2, 0, np.ones(1))) == delivery.snapshot.sent[11]
    assert delivery.receive(Frame(1, -1, 0, np.ones(1))) is None
    for number in (3, 4, 6, 8):
        with pytest.raises(
            na.MessageError, match=rf"^it belongs to step {number}, the receiver is at step 5$"
        ):
            delivery.receive(Frame(1, number, 0, np.ones(1)))
    assert not delivery.mail
    delivery.receive(Frame(1, 5, 0, np.ones(1)))
    assert list(delivery.mail) == [1]
    assert delivery.finish((), ()).number == 5
    assert delivery.number == 8


def test_a_storm_remembers_the_attempts_of_the_lanes_step_before() -> None:
    """Or it would lose an answer that is asked for again in the same way for ever."""
    lines = Routes(NET)
    injector = FaultInjector(storm(0), lines)
    injector.stride = 3
    for number in (2, 5, 2, 2):
        injector.inject(Frame(0, number, 0, np.ones(1)), b"....", 0.0)
    assert injector.counts["repeated"] == 2
