"""A society under fault injection: whatever occurs, it comes to the same bits."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import trio
from helpers.comparing import same_bits
from helpers.interrupting import interrupt_at_every_place
from helpers.rule_cases import RULES, layered
from helpers.tiers import few
from trio.testing import MockClock

import neuro_actors as na
from neuro_actors import rules
from neuro_actors.channels.unreliable.faults import PLACES, DeadLink, Kill, Lose, Partition
from neuro_actors.channels.unreliable.frames import Frame, encode
from neuro_actors.channels.unreliable.unreliable_channels import UnreliableChannels
from neuro_actors.network import functions
from neuro_actors.proof import fault_campaign
from neuro_actors.proof.random_cases import draw_case

STORM = na.Unreliable(drop=0.3, duplicate=0.3, reorder=0.3, corrupt=0.05, crash=0.3, seed=3)
SMALLEST = na.Network.from_matrices([[[0.5]]], [[0.25]], ["tanh"])


def virtually(society, *args):
    """`trio.run` in virtual time."""
    return trio.run(society, *args, clock=MockClock(autojump_threshold=0))


def run(net: na.Network, x, t, channels, steps: int = 2, rule=None) -> tuple:
    """All results: a gradient, a prediction, the trained parameters; and statistics."""

    async def society():
        async with na.open_simulation(net, channels, rule=rule, patience=1e5) as simulation:
            gradient = await simulation.gradient(x, t)
            predictions = await simulation.predict(x)
            for _ in range(steps):
                await simulation.train_step(x, t, optimizer=na.SGD(0.1, momentum=0.9))
            network = await simulation.network()
            bits = [gradient.weights, gradient.biases, predictions, network.weights, network.biases]
            return b"".join(values.tobytes() for values in bits), simulation.statistics()

    return virtually(society)


def visible(channels: list[UnreliableChannels], settings: na.Unreliable, report=None) -> Callable:
    """Channels that a test can look at afterwards."""

    def make(network, recorder):
        channels.append(UnreliableChannels(network, recorder, settings, report=report))
        return channels[-1]

    return make


@pytest.mark.parametrize("rule", few([*RULES, rules.NewtonCG(l2=0.01)], 3), ids=repr)
def test_any_rule_comes_to_the_same_bits(rule: rules.Rule) -> None:
    net, x, t = layered(3, 4, 3, 2)
    newton = isinstance(rule, rules.NewtonCG)

    def trained(channels) -> na.Network:
        optimizer = na.SGD(1.0) if newton else na.Adam(0.01)
        return na.train(
            net, x, t, optimizer=optimizer, epochs=2, batch_size=2, rule=rule, channels=channels
        ).network

    plain, faulty = trained("memory"), trained(STORM)
    assert np.array_equal(plain.weights, faulty.weights)
    assert np.array_equal(plain.biases, faulty.biases)


@pytest.mark.parametrize("seed", few([0, 2, 3, 4, 6, 9, 10, 11], 4))
def test_all_that_can_be_asked_for(seed: int) -> None:
    case = draw_case(seed, neurons=20, examples=5)
    net, data = case.network, (case.x, case.targets)
    along = np.random.default_rng(seed).standard_normal(len(net.weights)), np.zeros(len(net.ids))
    for wrt_inputs in (False, True):
        assert same_bits(
            *(
                na.gradient(net, *data, case.loss, channels, wrt_inputs)
                for channels in ("memory", STORM)
            )
        )
    assert same_bits(
        *(
            na.hessian_vector_product(net, *data, *along, case.loss, channels)
            for channels in ("memory", STORM)
        )
    )
    assert np.array_equal(na.predict(net, case.x), na.predict(net, case.x, STORM))


@pytest.mark.parametrize("delay", [0.0, 0.01, 3600.0])
@pytest.mark.parametrize("seed", few([0, 2, 3, 4, 6, 9, 10], 3))
def test_without_faults_nothing_is_added_but_empty_urgencies(seed: int, delay: float) -> None:
    """One urgency answers each activation: in a step that predicts and towards inputs it is empty. No member repeats
    anything, however long a frame takes."""
    case = draw_case(seed, neurons=40, examples=5)
    net = case.network
    (_, memory), (_, faultless) = (
        run(net, case.x, case.targets, c) for c in ("memory", na.Unreliable(delay=delay))
    )
    assert faultless.messages == memory.messages
    by_input = (
        int(net.is_input[net.sources].sum())
        + int(net.is_input[net.output_positions].sum())
        + len(net.inputs)
    )
    everyone = len(net.weights) + len(net.outputs) + len(net.inputs)
    empty = 3 * by_input + everyone  # three steps with a loss, and one without
    sent = memory.messages + empty
    assert faultless.disturbances == {"sent": sent, "empty": empty, "restarts": 0}


def test_plain_channels_have_no_disturbances(channels: str, diamond, batch) -> None:
    assert run(diamond, *batch, channels)[1].disturbances is None


@pytest.mark.parametrize("channels", few(["memory", "bundled"], 1))
def test_plain_channels_do_not_even_load_the_protocol(channels: str) -> None:
    code = f"import sys, neuro_actors as na; na.gradient(na.Network.layered([2, 2, 1]), [[1, 2]], [[0]], channels={channels!r}); "
    code += "print([name for name in ('delivery', 'frames', 'fault_injection', 'supervisor', 'port', 'transport') if 'neuro_actors.channels.unreliable.' + name in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def test_the_seed_fixes_all_faults(diamond, batch) -> None:
    def faults(seed: int) -> list:
        disturbances: list = []
        settings = na.Unreliable(
            drop=0.3, duplicate=0.3, reorder=0.3, corrupt=0.1, crash=0.5, seed=seed
        )
        run(diamond, *batch, visible([], settings, disturbances.append))
        return disturbances

    assert faults(1) == faults(1)
    assert faults(1) != faults(2)


def test_hours_of_waiting_pass_in_no_time(diamond, batch) -> None:
    plain = na.train(diamond, *batch, optimizer=na.SGD(0.1), epochs=2)
    slow = na.train(
        diamond,
        *batch,
        optimizer=na.SGD(0.1),
        epochs=2,
        channels=na.Unreliable(delay=1e5, drop=0.3),
    )
    assert np.array_equal(plain.network.weights, slow.network.weights)
    assert plain.history == slow.history
    assert plain.messages == slow.messages


async def test_in_real_time_too(diamond, batch) -> None:
    async with na.open_simulation(
        diamond, na.Unreliable(drop=0.2, delay=1e-4, crash=0.2)
    ) as simulation:
        assert same_bits(await simulation.gradient(*batch), na.gradient(diamond, *batch))


# --- crashes ------------------------------------------------------------------------------------------------------


def test_every_point_of_a_small_society_is_survived(diamond, batch, run_slow: bool) -> None:
    """Each member killed at each place; with --run-slow in each step, the first time and the second that it comes there,
    where nothing is lost, and where enough is that all repeat their frames."""
    steps = (1, 2, 3, 4) if run_slow else (3,)
    learning = max(steps) - 2
    plain, _ = run(diamond, *batch, "memory", learning)
    survived = set()
    # h2 differs from h1 in that it is no output
    members = [name for name in [*diamond.ids, "loss"] if run_slow or name != "h2"]
    points = [*itertools.product(members, PLACES, steps)]
    for (node, place, step), (drop, nth) in itertools.product(
        points, ((0.0, 1), (0.0, 2), (0.6, 1)) if run_slow else ((0.6, 1),)
    ):
        channels: list[UnreliableChannels] = []
        settings = na.Unreliable(drop=drop, faults=[Kill(node, place, step, nth)])
        assert run(diamond, *batch, visible(channels, settings), learning)[0] == plain, settings
        if channels[0].injector.counts["died"]:
            survived.add((node, place, step))
    never = {(node, place) for node in members for place in PLACES}
    never -= {(node, place) for node, place, _ in survived}
    speechless = ("between activations", "at the deadline", "between repeats", "before respond")
    assert never == {("loss", place) for place in speechless} | {
        ("x", "before respond")
    }  # x is not asked what it feels
    assert len(survived) > (150 if run_slow else 30)


def test_every_pair_of_points_of_the_smallest_society_is_survived(run_slow: bool) -> None:
    """Two crashes, of the same member or of two: both in the step that learns, or one in the prediction before it.
    By default one pair of forty."""
    x, t = np.array([[0.5], [-1.0]]), np.array([[1.0], [0.0]])
    plain, _ = run(SMALLEST, x, t, "memory", steps=1)
    members = [*SMALLEST.ids, "loss"]
    points = [Kill(node, place, 3) for node in members for place in PLACES]
    before = [Kill(node, place, 2) for node in members for place in PLACES]
    pairs = [
        *itertools.combinations_with_replacement(points, 2),
        *itertools.product(before, points),
    ]
    twice = 0
    for first, second in pairs if run_slow else pairs[::40]:
        bits, statistics = run(
            SMALLEST, x, t, na.Unreliable(drop=0.3, seed=1, faults=[first, second]), steps=1
        )
        assert bits == plain, (first, second)
        twice += statistics.disturbances.get("died") == 2
    assert twice > (300 if run_slow else 7)


def test_a_neuron_whose_rule_fails_is_not_restarted(
    diamond, batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def poison(z: np.ndarray) -> np.ndarray:
        tries.append(z)
        raise ZeroDivisionError("poison")

    monkeypatch.setattr(
        functions,
        "ACTIVATIONS",
        dict(functions.ACTIVATIONS) | {"tanh": na.Activation(poison, lambda z, a: z)},
    )
    with pytest.raises(
        na.SimulationError, match=r"^'h1' failed in step 1: ZeroDivisionError: poison$"
    ):
        na.gradient(diamond, *batch, channels=STORM)
    assert len(tries) == 1


@pytest.mark.parametrize("parts", [None, 2])
def test_a_neuron_that_restarts_has_the_function_that_it_had(
    parts: int | None, diamond, batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def two_gradients():
        engine = na.Unreliable(faults=[Kill("h1", "before fire", 2 * (parts or 1))])
        async with na.open_simulation(diamond, engine, micro_batches=parts) as simulation:
            first = await simulation.gradient(*batch)
            monkeypatch.setitem(functions.ACTIVATIONS, "tanh", functions.ACTIVATIONS["sin"])
            second = await simulation.gradient(*batch)
            return first, second, simulation.statistics().disturbances["restarts"]

    first, second, restarts = virtually(two_gradients)
    assert restarts == 1
    assert same_bits(first, second)


def test_a_member_that_crashes_again_and_again_is_reported(diamond, batch) -> None:
    kills = [
        Kill("h2", "before commit", 2),
        Kill("h2", "before fire", 2),
        Kill("h2", "before commit", 2),
    ]
    assert (
        run(diamond, *batch, na.Unreliable(faults=kills, restarts=3))[1].disturbances["restarts"]
        == 3
    )
    problem = "'h2' crashed 3 times without finishing step 2, the last time before commit: Unreliable(restarts=2) allows no more"
    with pytest.raises(na.SimulationError, match=f"^{re.escape(problem)}$"):
        run(diamond, *batch, na.Unreliable(faults=kills, restarts=2))


def test_a_member_restarts_with_the_function_that_it_had(
    diamond, batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the table has another one by then."""
    tanh = na.ACTIVATIONS["tanh"]

    async def society(channels) -> str:
        async with na.open_simulation(diamond, channels, patience=1e5) as simulation:
            await simulation.train_step(*batch, optimizer=na.SGD(0.1))
            monkeypatch.setitem(na.ACTIVATIONS, "tanh", na.ACTIVATIONS["sin"])
            await simulation.train_step(*batch, optimizer=na.SGD(0.1))
            monkeypatch.setitem(na.ACTIVATIONS, "tanh", tanh)
            return (await simulation.network()).digest()

    kills = na.Unreliable(faults=[Kill("h2", "before fire", 2), Kill("h1", "before commit", 2)])
    assert "tanh" in diamond.activations
    assert virtually(society, kills) == virtually(society, "memory")


def test_a_crash_belongs_to_the_step_that_it_was_in(diamond, batch) -> None:
    """Also if that step was committed already: it does not count as a crash of the next step."""
    events: list = []
    kills = [
        Kill("h2", "after commit", 1),
        Kill("h2", "between urgencies", 2),
        Kill("h2", "before fire", 3),
    ]
    run(diamond, *batch, visible([], na.Unreliable(faults=kills), events.append))
    assert [(d.kind, d.step, d.attempt) for d in events if d.what == "died"] == [
        (k.place, k.step, 1) for k in kills
    ]


def test_crashes_in_different_steps_do_not_add_up(diamond, batch) -> None:
    kills = [Kill("h2", "before commit", step) for step in (1, 2, 3, 4)]
    assert (
        run(diamond, *batch, na.Unreliable(faults=kills, restarts=1))[1].disturbances["restarts"]
        == 4
    )


# --- particular faults -------------------------------------------------------------------------------------------


def test_a_crash_before_any_mail_arrives_does_not_count(diamond, batch) -> None:
    kills = [
        Kill("h2", "before receive", 5),
        Kill("h2", "before receive", 5),
        Kill("h2", "before receive", 2),
    ]
    assert (
        run(diamond, *batch, na.Unreliable(faults=kills, restarts=1))[0]
        == run(diamond, *batch, "memory")[0]
    )


def test_a_rule_that_cannot_say_what_it_keeps_is_refused(diamond, batch) -> None:
    class Bare:
        def __init__(self, rule) -> None:
            self.id, self.is_answered, self.fire, self.respond = (
                rule.id,
                rule.is_answered,
                rule.fire,
                rule.respond,
            )

    class Forgetful(rules.Rule):
        def neuron(self, *own):
            return Bare(super().neuron(*own))

    with pytest.raises(
        na.SimulationError,
        match=r"^'\w+': its rule, Bare, needs get_state\(\) and set_state\(\) to continue after a crash: ",
    ):
        na.train(
            diamond,
            *batch,
            optimizer=na.SGD(0.1),
            rule=Forgetful(),
            channels=na.Unreliable(crash=0.5),
        )


def test_a_frame_of_long_ago_may_find_a_full_mailbox(diamond, batch) -> None:
    async def society() -> int:
        channels: list[UnreliableChannels] = []
        async with na.open_simulation(diamond, visible(channels, na.Unreliable())) as simulation:
            for _ in range(4):
                await simulation.predict(batch[0])
            for _ in range(50):
                channels[0].injector.record_overflow(Frame(4, 1, 0, np.ones(7)), 0.0)
            return simulation.statistics().disturbances["overflowed"]

    assert virtually(society) == 50


def test_one_frame_is_lost_and_sent_again(diamond, batch) -> None:
    disturbances: list = []
    settings = na.Unreliable(faults=[Lose("h2", "y", nth=3)])
    bits, _ = run(diamond, *batch, visible([], settings, disturbances.append))
    assert bits == run(diamond, *batch, "memory")[0]
    meant = [
        (d.what, d.step, d.attempt)
        for d in disturbances
        if (d.kind, d.source, d.target) == ("activation", "h2", "y")
    ]
    assert meant[0] == ("lost", 3, 1)
    assert ("repeated", 3, 2) in meant


@pytest.mark.parametrize("lost", [Lose("h1", "y", kind="urgency", step=2), Lose("h1", "environment", kind="commit"), Lose("y", "loss", kind="target"), Lose("loss", "environment", kind="loss"), Lose("y", "environment"), Lose("environment", "x"), Lose("x", "h2")], ids=repr)  # fmt: skip
def test_a_frame_of_any_kind_may_be_lost(lost: Lose, diamond, batch) -> None:
    bits, statistics = run(diamond, *batch, na.Unreliable(faults=[lost]))
    assert bits == run(diamond, *batch, "memory")[0]
    assert statistics.disturbances["lost"] == 1


@pytest.mark.parametrize("fault", [DeadLink("h2", "y", 0.0, 30.0), Partition(["x", "h1"], 0.0, 30.0), Partition(["loss"], 0.02, 30.0)], ids=["a dead link", "two members cut off", "the loss cut off"])  # fmt: skip
def test_what_is_cut_heals(fault, diamond, batch) -> None:
    async def society():
        async with na.open_simulation(diamond, na.Unreliable(faults=[fault])) as simulation:
            gradient = await simulation.gradient(*batch)
            return gradient, trio.current_time(), simulation.statistics().disturbances["lost"]

    started = virtually(trio_time)
    gradient, ended, lost = virtually(society)
    assert same_bits(gradient, na.gradient(diamond, *batch))
    assert ended - started > 30
    assert lost > 3


async def trio_time() -> float:
    return trio.current_time()


# --- bounds ------------------------------------------------------------------------------------------------------


def test_a_flood_takes_no_more_room_than_a_mailbox_has(diamond, batch) -> None:
    async def society(flood: int):
        channels: list[UnreliableChannels] = []
        async with na.open_simulation(
            diamond, visible(channels, na.Unreliable(duplicate=0.5, delay=0))
        ) as simulation:
            stale = np.ones(7)
            transport, names = channels[0].transport, channels[0].injector.names
            route = names.index(("activation", "h2", "y", "h2", "y"))
            for _ in range(flood):
                transport.send(Frame(route, 0, 0, stale))
            return await simulation.gradient(*batch), simulation.statistics()

    expected, plain = virtually(society, 0)
    gradient, flooded = virtually(society, 20_000)
    assert same_bits(gradient, expected)
    room = {name: most for name, (_, most) in plain.mailboxes.items()}
    assert {name: most for name, (_, most) in flooded.mailboxes.items()} == room
    assert flooded.mailboxes["y"][0] == room["y"]
    assert flooded.disturbances["overflowed"] > 10_000


def test_mailboxes_have_room_under_ordinary_faults(run_slow: bool) -> None:
    for number in range(20 if run_slow else 2):
        outcome = fault_campaign.run_schedule(fault_campaign.draw_schedule(2, number))
        assert outcome.problem == ""
        assert outcome.counts["overflowed"] == 0
        assert outcome.seconds < outcome.bound


def test_a_frame_that_cannot_be_is_refused_by_name(diamond, batch) -> None:
    async def society(frame: Frame):
        channels: list[UnreliableChannels] = []
        async with na.open_simulation(diamond, visible(channels, na.Unreliable())) as simulation:
            route = channels[0].injector.names.index(("activation", "h2", "y", "h2", "y"))
            channels[0].transport.mailboxes[3].send.send_nowait(
                encode(frame._replace(route=frame.route or route))
            )
            await simulation.gradient(*batch)

    for frame, problem in [
        (Frame(0, 7, 0, np.ones(7)), "'y' failed in step 1: 'y' cannot accept the activation from 'h2' to 'y': it belongs to step 7, the receiver is at step 1"),
        (Frame(100, 1, 0, np.ones(7)), "'y' failed in step 1: 'y' cannot accept a frame on route 100, of 27: this route does not lead to the receiver"),
        (Frame(0, 1, 0, np.ones(5)), "'y' failed in step 1: 'y' cannot accept activation"),
    ]:  # fmt: skip
        with pytest.raises(na.SimulationError, match=re.escape(problem)):
            virtually(society, frame)


# --- a call that is cancelled, a block that is left ----------------------------------------------------------------


def test_a_call_that_is_cancelled_leaves_a_step_that_is_finished_later(diamond, batch) -> None:
    def ended(channels, cancelled: tuple[float, ...], left: int) -> tuple:
        async def society():
            async with na.open_simulation(diamond, channels) as simulation:
                for patience in cancelled:
                    with trio.move_on_after(patience):
                        await simulation.train_step(*batch, optimizer=na.Adam(0.1))
                for _ in range(left):
                    result = await simulation.train_step(*batch, optimizer=na.Adam(0.1))
                return (await simulation.network()).weights.tobytes(), result

        return virtually(society)

    bits, result = ended(STORM, (0.0, 0.011, 0.5, 100.0), 1)
    assert result.step > 2
    assert bits == ended("memory", (), result.step)[0]


def test_leaving_in_the_middle_leaves_nothing_behind(diamond, batch) -> None:
    async def society() -> int:
        before = trio.lowlevel.current_statistics().tasks_living
        for patience in (0.0, 0.005, 0.02, 0.1):
            with trio.move_on_after(patience):
                async with na.open_simulation(diamond, STORM) as simulation:
                    while True:
                        await simulation.train_step(*batch, optimizer=na.Adam(0.1))
        await trio.lowlevel.checkpoint()
        return trio.lowlevel.current_statistics().tasks_living - before

    assert virtually(society) == 0


def test_an_interrupt_may_strike_anywhere(run_slow: bool) -> None:
    settings = na.Unreliable(drop=0.1, crash=0.1, seed=1)
    interrupt_at_every_place(settings, every=1 if run_slow else 20)


def test_who_waits_for_whom(diamond, batch) -> None:
    async def society() -> None:
        settings = na.Unreliable(faults=[DeadLink("h2", "y", 0.0, 1e9)])
        async with na.open_simulation(diamond, settings, patience=100) as simulation:
            await simulation.gradient(*batch)

    with pytest.raises(
        na.SimulationError,
        match=r"(?s)^step 1 did not end within 100 s:.*y waits for the activation of h2",
    ):
        virtually(society)


# --- bad settings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (
            lambda: na.Unreliable("bundled"),
            r"^Unreliable: channels=\"bundled\" has nothing to lose, because its members share arrays and send no frames: use channels=\"memory\"$",
        ),
        (
            lambda: na.Unreliable("ray"),
            r"^Unreliable: channels must be \"memory\", got 'ray'$",
        ),
        (
            lambda: na.Unreliable(drop=1.0),
            r"^Unreliable: drop must be a number of at least 0 and below 1, got 1.0$",
        ),
        (
            lambda: na.Unreliable(crash=-0.1),
            r"^Unreliable: crash must be a number of at least 0 and below 1, got -0.1$",
        ),
        (
            lambda: na.Unreliable(corrupt=float("nan")),
            r"^Unreliable: corrupt must be a number of at least 0 and below 1, got nan$",
        ),
        (
            lambda: na.Unreliable(drop="much"),
            r"^Unreliable: drop must be a number of at least 0 and below 1, got 'much'$",
        ),
        (
            lambda: na.Unreliable(delay=float("inf")),
            r"^Unreliable: delay must be a number of at least 0 and below 1e\+09, got inf$",
        ),
        (
            lambda: na.Unreliable(delay=1e308),
            r"^Unreliable: delay must be a number of at least 0 and below 1e\+09, got 1e\+308$",
        ),
        (
            lambda: na.Unreliable(seed=2**64),
            r"^Unreliable: seed must be a whole number of at least 0 and at most",
        ),
        (lambda: na.Unreliable(seed=-1), r"^Unreliable: seed must be"),
        (lambda: na.Unreliable(restarts=0), r"^Unreliable: restarts must be"),
        (lambda: na.Unreliable(faults="all"), r"^Unreliable: faults must be a list, got 'all'$"),
        (
            lambda: na.Unreliable(faults=["all"]),
            r"^faults must be such as na.faults.Lose\('h1', 'y'\), got 'all'$",
        ),
        (
            lambda: Kill("h1", "before commmit"),
            r"^Kill: unknown place 'before commmit': did you mean 'before commit'",
        ),
        (lambda: Kill("h1", "before commit", step=0), r"^Kill: step must be"),
        (lambda: Kill(3, "before commit"), r"^Kill: a member is named by its id, got 3$"),
        (
            lambda: Lose("h1", "y", kind="urgencies"),
            r"^Lose: unknown kind 'urgencies': did you mean 'urgency'",
        ),
        (lambda: Lose("h1", "y", nth=0), r"^Lose: nth must be"),
        (
            lambda: DeadLink("h1", "y", 2.0, 1.0),
            r"^DeadLink: end must be later than start, got 2.0 to 1.0$",
        ),
        (lambda: Partition("h1"), r"^Partition: members must be a list, got 'h1'$"),
    ],
)
def test_bad_settings(make, problem: str) -> None:
    with pytest.raises(na.InputError, match=problem):
        make()


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Kill("h3", "before commit"), "the network has no neuron 'h3'"),
        (
            Kill("environment", "before commit"),
            "the environment is this program itself; only members of the society can crash",
        ),
        (Lose("h1", "h2"), "no activation goes along 'h1' -> 'h2'"),
        (Lose("x", "y", kind="commit"), "no commit goes along 'x' -> 'y'"),
        (DeadLink("h1", "h2"), "there is no synapse 'h1' -> 'h2'"),
        (Partition(["x", "z"]), "the network has no neuron 'z'"),
    ],
)
def test_faults_of_another_network(fault, problem: str, diamond, batch) -> None:
    with pytest.raises(na.InputError, match=f"^{re.escape(f'{fault}: {problem}')}$"):
        na.gradient(diamond, *batch, channels=na.Unreliable(faults=[fault]))
