"""What an engine promises to the members, whatever is inside it; and what is particular to memory channels."""

from __future__ import annotations

from functools import partial
from itertools import permutations

import numpy as np
import pytest
import trio
import trio.testing
from helpers.comparing import same_bits
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.channels.bundled.bundled_channels import Bundled
from neuro_actors.channels.bundled.countdown import Shutdown, WakeUp
from neuro_actors.channels.choose_channels import choose_channels
from neuro_actors.channels.memory import Memory
from neuro_actors.channels.routes import read_messages
from neuro_actors.network import functions
from neuro_actors.neuron.messages import ACTIVATION, COMMIT, Message, Step
from neuro_actors.neuron.sums import ORDERED
from neuro_actors.proof.random_cases import draw_case
from neuro_actors.society.actor import run_loss, run_neuron

STEP = Step(1, loss="squared_error")


class Overheard:
    """A recorder that keeps what it hears as (kind, sender, receiver, source): values."""

    def __init__(self, network: na.Network) -> None:
        self.network = network
        self.said: dict[tuple[str, str, str, str], list[float]] = {}
        self.count = 0

    def record(self, step, record) -> None:
        for kind, sender, receiver, source, _, values in read_messages(self.network, step, record):
            self.said[kind, sender, receiver, source] = values.tolist()
            self.count += 1


async def receive_mail(
    carriers, node: str, network: na.Network, step: Step, x, targets
) -> tuple[Step, np.ndarray]:
    """Return one neuron's step and mail after each neuron has sent its position in the network."""
    carriers.environment.begin(step, x, targets)
    for k in np.argsort(-network.level, kind="stable")[
        ::-1
    ]:  # in an order that is not that of y's synapses
        port = carriers.port(int(k))
        found = await port.receive(ACTIVATION)
        if port.node == node:
            return found, port.activations_in.copy()
        port.activation_out[...] = float(k)
        port.send(ACTIVATION, step)
    raise AssertionError


async def test_mail_comes_in_synapse_order_with_a_row_of_ones(channels: str, diamond) -> None:
    carriers = choose_channels(channels)(diamond, None)
    if channels == "bundled":  # an input's row is the environment's; it is never woken
        carriers.port(0).early = (WakeUp(STEP),)
    step, received = await receive_mail(
        carriers, "y", diamond, STEP, np.zeros((1, 2)), np.zeros((2, 2))
    )
    assert step is STEP
    assert received.tolist() == [[1, 1], [2, 2], [0, 0], [1, 1]]  # h1, h2, x, and the bias
    assert carriers.port(3).activations_in.flags.c_contiguous
    carriers.close()


@pytest.mark.parametrize("seed", few(range(12), 6))
async def test_both_engines_carry_the_very_same_messages(seed: int) -> None:
    """Every message, by its name and in all its bits; in steps of all kinds."""
    case = draw_case(seed)
    recorded = []
    for make in (Memory, Bundled):
        recorders: list[Overheard] = []

        def listened(network, _, make=make, recorders=recorders):
            recorders.append(Overheard(network))
            return make(network, recorders[0])

        steps = []
        async with na.open_simulation(case.network, listened) as simulation:
            for ask in ("predict", "gradient", "inputs", "learn"):
                recorder = recorders[0]
                recorder.said, before = {}, (recorder.count, simulation.statistics().messages)
                if ask == "predict":
                    await simulation.predict(case.x)
                elif ask == "learn":
                    await simulation.train_step(
                        case.x, case.targets, case.loss, optimizer=na.Adam()
                    )
                else:
                    await simulation.gradient(
                        case.x, case.targets, case.loss, wrt_inputs=ask == "inputs"
                    )
                assert (
                    recorder.count - before[0]
                    == len(recorder.said)
                    == simulation.statistics().messages - before[1]
                )
                steps.append(recorder.said)
        recorded.append(steps)
    for one, other in zip(*recorded, strict=True):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[key], other[key]) for key in one)


async def test_inputs_hear_urgencies_only_in_a_step_that_says_so(
    channels: str, diamond, batch
) -> None:
    async with na.open_simulation(diamond, channels) as simulation:
        counts = []
        for wrt_inputs in (False, True):
            before = simulation.statistics().messages
            await simulation.gradient(*batch, wrt_inputs=wrt_inputs)
            counts.append(simulation.statistics().messages - before)
    # x receives an urgency of each of three followers, and sends one to the environment
    assert counts[1] - counts[0] == 3 + 1


async def test_what_was_never_said_is_not_counted(
    channels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken step counts as far as it came; so does one that is asked about on its way."""

    def value(z: np.ndarray) -> np.ndarray:
        on_the_way.append(simulation.statistics().messages)
        if len(on_the_way) == 3:
            raise ZeroDivisionError
        return z

    on_the_way: list[int] = []
    monkeypatch.setattr(
        functions,
        "ACTIVATIONS",
        dict(functions.ACTIVATIONS) | {"mine": na.Activation(value, lambda z, a: 1 + 0 * z)},
    )
    net = na.Network.from_matrices([[[1.0]]] * 3, [[0.0]] * 3, ["identity", "mine", "identity"])
    async with na.open_simulation(net, channels) as simulation:
        await simulation.gradient([[1.0]], [[1.0]])
        await simulation.predict([[1.0]])
        with pytest.raises(na.SimulationError):
            await simulation.gradient([[1.0]], [[1.0]])
        counted = simulation.statistics().messages
    # x told, x to h, h to the second; the targets
    gradient, prediction, broken = 1 + 3 + 2 + 1 + 1 + 1 + 2 + 3, 1 + 3 + 2 + 1, 1 + 1 + 1 + 1
    assert on_the_way == [broken, gradient + broken - 1, gradient + prediction + broken]
    assert counted == gradient + prediction + broken == simulation.statistics().messages


async def test_a_mailbox_is_never_sent_more_than_it_can_hold(diamond) -> None:
    """The proven capacity is a limit: if it is exceeded, the error names the mailbox."""
    carriers = Memory(diamond)
    with pytest.raises(na.SimulationError, match=r"^the mailbox of 'h2' is full"):
        for _ in range(4):
            port = carriers.port(0)
            port.activation_out = np.ones(1)
            port.send(ACTIVATION, STEP)
    carriers.close()


async def test_a_kind_that_a_member_never_hears_is_refused(diamond) -> None:
    carriers = Memory(diamond)
    y = carriers.port(3)
    carriers._mailboxes[3][0].send_nowait(Message(STEP, COMMIT, "h1", "y", np.ones(2)))
    with pytest.raises(
        na.MessageError,
        match=r"^'y' cannot accept commit 'h1' -> 'y' of step 1: it has no synapse for it$",
    ):
        await y.receive(ACTIVATION)
    carriers.close()


def test_names_of_engines() -> None:
    assert (choose_channels("memory"), choose_channels("bundled")) == (Memory, Bundled)
    assert choose_channels(Memory) is Memory
    with pytest.raises(na.InputError, match=r"^unknown channels 'memry': did you mean 'memory'\?$"):
        choose_channels("memry")


async def test_one_pause_serves_all_members_with_this_trio() -> None:
    """What the bundled engine says to trio is undocumented: where it should change, the documented call is used."""
    assert Shutdown().pause is not None


async def test_without_the_pause_it_is_slower_and_the_same(
    diamond, batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = na.gradient(diamond, *batch)
    original = Shutdown.__init__

    def documented(self) -> None:
        original(self)
        self.pause = None

    monkeypatch.setattr(Shutdown, "__init__", documented)
    async with na.open_simulation(diamond, "bundled") as simulation:
        for _ in range(3):
            assert same_bits(await simulation.gradient(*batch), expected)


@pytest.mark.parametrize("middle_of_a_step", [False, True])
async def test_a_society_ends_by_message_even_where_its_block_is_cancelled(
    middle_of_a_step: bool, diamond, batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelling a million tasks would take long, and much memory: nobody's sleep is aborted."""
    aborted = []
    original = Shutdown.abort
    monkeypatch.setattr(
        Shutdown,
        "abort",
        lambda self, raise_cancel: (aborted.append(1), original(self, raise_cancel))[1],
    )
    with trio.CancelScope() as scope:
        async with na.open_simulation(diamond, "bundled") as simulation:
            await simulation.gradient(*batch)
            scope.cancel()
            if middle_of_a_step:
                await simulation.gradient(*batch)
            await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert not aborted


async def test_whoever_waits_waits_for_somebody(channels: str, diamond, batch) -> None:
    """Looked at between any two tasks; in which order these run is drawn, so in many steps."""
    seen = []
    async with na.open_simulation(diamond, channels) as simulation:
        for _ in range(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(simulation.gradient, *batch, "squared_error", True)
                for _ in range(12):
                    await trio.lowlevel.checkpoint()
                    seen += simulation.who_waits()
        assert simulation.who_waits() == ()
    assert all(waiting.missing for waiting in seen)
    kinds = {(waiting.node, waiting.kind) for waiting in seen}
    assert {
        ("environment", "commit"),
        ("environment", "urgency"),
        ("environment", "loss"),
        ("loss", "activation"),
    } <= kinds
    assert ("y", "activation") in kinds


@pytest.mark.parametrize("order", list(permutations(["x", "h", "loss"])))
async def test_members_may_start_in_any_order_after_the_first_step_has_begun(
    order: tuple[str, ...], channels: str
) -> None:
    """The loss node may answer an input that is an output before the input's task has started."""
    net = na.Network([na.Input("x"), na.Neuron("h")], [na.Synapse("x", "h", 0.5)], ["x", "h"])
    x, targets, step = np.full((1, 2), 2.0), np.zeros((2, 2)), Step(1, "squared_error", None, True)
    carriers = choose_channels(channels)(net, None)
    rule, failures = na.rules.Backpropagation(), []
    lives = {
        "x": partial(run_neuron, failures.append, rule.member(net, 0, ORDERED), carriers.port(0)),
        "h": partial(run_neuron, failures.append, rule.member(net, 1, ORDERED), carriers.port(1)),
        "loss": partial(run_loss, failures.append, rule.loss_node(net), carriers.loss),
    }
    carriers.environment.begin(step, x, targets)
    async with trio.open_nursery() as nursery:
        for name in order:
            nursery.start_soon(lives[name])
            await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(carriers.environment.wait_end)
        await trio.testing.wait_all_tasks_blocked()
        ended = len(nursery.child_tasks) == 3  # the members alone
        carriers.stop()
        nursery.cancel_scope.cancel()
    carriers.close()
    assert (ended, failures) == (True, [])
    assert np.array_equal(
        carriers.environment.input_urgencies,
        -na.gradient(net, x.T, targets.T, wrt_inputs=True).inputs.T * 2,
    )
