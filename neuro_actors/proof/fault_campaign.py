"""Random societies in random storms, beside what they come to in calm weather: what `neuro-actors faults` is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
import trio

from ..channels.interface import ChannelsFactory, Recorder
from ..channels.unreliable.engine import UnreliableChannels
from ..channels.unreliable.fault_injection import MAX_CRASHES
from ..channels.unreliable.faults import PLACES, DeadLink, FaultEvent, Kill, Partition
from ..channels.unreliable.invariants import InvariantChecker
from ..channels.unreliable.settings import Unreliable
from ..channels.unreliable.timing import max_step_seconds
from ..network.network import Network
from ..neuron.optimizers import SGD, Adam, Optimizer
from ..simulation.opening import open_simulation
from ..support.errors import NeuroActorsError
from .verify import Case, draw_case

NEURONS, EXAMPLES = 20, 8


@dataclass(frozen=True, slots=True)
class Schedule:
    """One society and its storm. number: by which it is drawn.  steps: of learning, after a gradient and a prediction."""

    number: int
    case: Case
    optimizer: Optimizer
    steps: int
    wrt_inputs: bool
    settings: Unreliable


@dataclass(slots=True)
class Outcome:
    """How a schedule went. problem: what went wrong; nothing did if it is empty.

    counts: see `FaultInjector`.  places: deaths by place.  seconds: of virtual time.  bound: what of it was proved to be enough.
    expected_messages: messages without faults.  fullest: how many frames a mailbox ever held, and may hold.  peak_in_flight: at once.
    """

    schedule: Schedule
    problem: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    bound: float = 0.0
    expected_messages: int = 0
    fullest: tuple[int, int] = 0, 0
    peak_in_flight: int = 0


def draw_schedule(seed: int, number: int) -> Schedule:
    """The schedule of that number in the series of this seed."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
    case = draw_case(int(rng.integers(2**31)), NEURONS, EXAMPLES)
    optimizer = SGD(0.01, momentum=0.9) if rng.random() < 0.5 else Adam(0.01)
    most = {"drop": 0.4, "duplicate": 0.4, "reorder": 0.5, "corrupt": 0.1, "crash": 0.4}
    chances: dict[str, Any] = {}
    for name, value in most.items():
        chances[name] = float(rng.uniform(0, value)) if rng.random() < 0.8 else 0.0
    ids, lines = (
        case.network.ids,
        list(zip(case.network.sources, case.network.targets, strict=True)),
    )
    faults: list[Kill | DeadLink | Partition] = []
    if rng.random() < 0.3:
        source, target = lines[rng.integers(len(lines))]
        faults.append(DeadLink(ids[source], ids[target], 0.0, float(rng.uniform(0.1, 5.0))))
    if rng.random() < 0.2:
        apart = frozenset(name for name in ids if rng.random() < 0.5)
        faults.append(
            Partition(apart, start := float(rng.uniform(0, 1)), start + float(rng.uniform(0.1, 5)))
        )
    for _ in range(int(rng.integers(0, 4))):
        who = str(rng.choice([*ids, "loss"]))
        faults.append(
            Kill(who, str(rng.choice(PLACES)), int(rng.integers(1, 5)), int(rng.integers(1, 3)))
        )
    delay = 0.0 if rng.random() < 0.1 else float(10 ** rng.uniform(-3, -1))
    settings = Unreliable(delay=delay, seed=int(rng.integers(2**31)), faults=faults, **chances)
    return Schedule(
        number, case, optimizer, int(rng.integers(1, 4)), bool(rng.random() < 0.5), settings
    )


def run_schedule(
    schedule: Schedule, report: Callable[[FaultEvent], None] | None = None, patience: float = 1.0
) -> Outcome:
    """Live through it, and through the same without faults, and compare. report: is called with each fault.  patience: for how
    much of the bound each step is waited for."""
    outcome = Outcome(schedule)
    plain = _Run("memory")
    plain.run(schedule)
    outcome.expected_messages = plain.messages
    channels: list[UnreliableChannels] = []

    def make(network: Network, recorder: Recorder | None) -> UnreliableChannels:
        n, outputs = len(network.ids), network.output_positions
        synapses = [*zip(network.sources, network.targets, strict=True), *((k, n) for k in outputs)]
        checker = InvariantChecker(
            [(int(source), int(target)) for source, target in synapses], n + 1
        )
        channels.append(UnreliableChannels(network, recorder, schedule.settings, checker, report))
        return channels[-1]

    faulty = _Run(make)
    outcome.bound = bound(schedule)
    faulty.run(schedule, patience * outcome.bound)
    outcome.seconds = faulty.seconds
    if channels:
        injector, transport = channels[0].injector, channels[0].transport
        outcome.counts, outcome.places, outcome.peak_in_flight = (
            injector.counts,
            injector.crash_places,
            transport.peak_in_flight,
        )
        outcome.fullest = max(
            (transport.mailbox_fill(k) for k in range(len(transport.mailboxes))),
            key=lambda fill: fill[0] / fill[1],
        )
    if faulty.error or plain.error:  # no schedule that is drawn fails in calm weather
        outcome.problem = f"calm: {plain.error or 'well'}; storm: {faulty.error or 'well'}"
    elif faulty.bits != plain.bits:
        outcome.problem = "different bits"
    elif faulty.messages != plain.messages:
        outcome.problem = f"{faulty.messages} messages, expected {plain.messages}"
    elif faulty.left:
        outcome.problem = f"{faulty.left} tasks were left over"
    return outcome


def bound(schedule: Schedule) -> float:
    """Seconds of virtual time in which every step of the schedule must end, however its chances fall."""
    settings, network = schedule.settings, schedule.case.network
    crashes = (MAX_CRASHES if settings.crash else 0) * (len(network.ids) + 1) + sum(
        isinstance(fault, Kill) for fault in settings.faults
    )
    links = [fault.end for fault in settings.faults if isinstance(fault, (DeadLink, Partition))]
    return max([0.0, *links]) + max_step_seconds(network, settings, crashes)


class _Run:
    """One run of a schedule: a gradient, a prediction, and steps of learning."""

    def __init__(self, channels: str | ChannelsFactory) -> None:
        self.channels = channels
        self.bits = b""
        self.error = ""
        self.seconds = 0.0
        self.messages = self.left = 0

    def run(self, schedule: Schedule, patience: float = np.inf) -> None:
        from trio.testing import MockClock

        try:
            trio.run(self._society, schedule, patience, clock=MockClock(autojump_threshold=0))
        except NeuroActorsError as error:
            self.error = str(error)

    async def _society(self, schedule: Schedule, patience: float) -> None:
        case, digest = schedule.case, sha256()
        before = trio.lowlevel.current_statistics().tasks_living
        started = trio.current_time()
        async with open_simulation(case.network, self.channels, patience=patience) as simulation:
            gradient = await simulation.gradient(
                case.x, case.targets, case.loss, schedule.wrt_inputs
            )
            digest.update(
                gradient.weights.tobytes()
                + gradient.biases.tobytes()
                + gradient.predictions.tobytes()
            )
            if gradient.inputs is not None:
                digest.update(gradient.inputs.tobytes())
            digest.update((await simulation.predict(case.x)).tobytes())
            for _ in range(schedule.steps):
                result = await simulation.train_step(
                    case.x, case.targets, case.loss, optimizer=schedule.optimizer
                )
                digest.update(np.float64(result.loss).tobytes())
            network = await simulation.network()
            digest.update(network.weights.tobytes() + network.biases.tobytes())
            self.messages, self.seconds = (
                simulation.statistics().messages,
                trio.current_time() - started,
            )
        self.bits = digest.digest()
        await trio.lowlevel.checkpoint()
        self.left = trio.lowlevel.current_statistics().tasks_living - before
