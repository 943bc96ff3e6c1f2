"""Random societies in random storms, beside what they come to in calm weather: what `neuro-actors faults` is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
import trio

from ..channels.interface import Engine, Recorder
from ..channels.unreliable.fault_injection import DEATHS
from ..channels.unreliable.faults import PLACES, DeadLink, Disturbance, Kill, Partition
from ..channels.unreliable.invariants import Ledger
from ..channels.unreliable.settings import Unreliable
from ..channels.unreliable.supervisor import UnreliableChannels
from ..channels.unreliable.timing import longest
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
    storm: Unreliable


@dataclass(slots=True)
class Verdict:
    """How a schedule went. problem: what went wrong; nothing did if it is empty.

    counts: see `Storm`.  places: deaths by place.  seconds: of virtual time.  bound: what of it was proved to be enough.
    calm: messages without faults.  fullest: how many frames a mailbox ever held, and may hold.  under_way: at once.
    """

    schedule: Schedule
    problem: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    bound: float = 0.0
    calm: int = 0
    fullest: tuple[int, int] = 0, 0
    under_way: int = 0


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
    storm = Unreliable(delay=delay, seed=int(rng.integers(2**31)), faults=faults, **chances)
    return Schedule(
        number, case, optimizer, int(rng.integers(1, 4)), bool(rng.random() < 0.5), storm
    )


def live(
    schedule: Schedule, told: Callable[[Disturbance], None] | None = None, patience: float = 1.0
) -> Verdict:
    """Live through it, and through the same without faults, and compare. told: of each disturbance.  patience: for how
    much of the bound each step is waited for."""
    verdict = Verdict(schedule)
    calm = _Life("memory")
    calm.live(schedule)
    verdict.calm = calm.messages
    channels: list[UnreliableChannels] = []

    def make(network: Network, recorder: Recorder | None) -> UnreliableChannels:
        n, outputs = len(network.ids), network.output_positions
        synapses = [*zip(network.sources, network.targets, strict=True), *((k, n) for k in outputs)]
        ledger = Ledger([(int(source), int(target)) for source, target in synapses], n + 1)
        channels.append(UnreliableChannels(network, recorder, schedule.storm, ledger, told))
        return channels[-1]

    stormy = _Life(make)
    verdict.bound = bound(schedule)
    stormy.live(schedule, patience * verdict.bound)
    verdict.seconds = stormy.seconds
    if channels:
        storm, post = channels[0].storm, channels[0].post
        verdict.counts, verdict.places, verdict.under_way = storm.counts, storm.places, post.most
        verdict.fullest = max(
            (post.fill(k) for k in range(len(post.mailboxes))), key=lambda fill: fill[0] / fill[1]
        )
    if stormy.error or calm.error:  # no schedule that is drawn fails in calm weather
        verdict.problem = f"calm: {calm.error or 'well'}; storm: {stormy.error or 'well'}"
    elif stormy.bits != calm.bits:
        verdict.problem = "different bits"
    elif stormy.messages != calm.messages:
        verdict.problem = f"{stormy.messages} messages, expected {calm.messages}"
    elif stormy.left:
        verdict.problem = f"{stormy.left} tasks were left over"
    return verdict


def bound(schedule: Schedule) -> float:
    """Seconds of virtual time in which every step of the schedule must end, however its chances fall."""
    storm, network = schedule.storm, schedule.case.network
    deaths = (DEATHS if storm.crash else 0) * (len(network.ids) + 1) + sum(
        isinstance(fault, Kill) for fault in storm.faults
    )
    links = [fault.end for fault in storm.faults if isinstance(fault, (DeadLink, Partition))]
    return max([0.0, *links]) + longest(network, storm, deaths)


class _Life:
    """One run of a schedule: a gradient, a prediction, and steps of learning."""

    def __init__(self, channels: str | Engine) -> None:
        self.channels = channels
        self.bits = b""
        self.error = ""
        self.seconds = 0.0
        self.messages = self.left = 0

    def live(self, schedule: Schedule, patience: float = np.inf) -> None:
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
