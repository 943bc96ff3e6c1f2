"""Random societies under random faults, compared with the same societies without faults.

`neuro-actors faults` runs this. A schedule is one society and its faults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
import trio

from ..channels.interface import ChannelsFactory, Recorder
from ..channels.unreliable.fault_injection import MAX_CRASHES
from ..channels.unreliable.faults import PLACES, DeadLink, Fault, FaultEvent, Kill, Partition
from ..channels.unreliable.invariants import InvariantChecker
from ..channels.unreliable.settings import Unreliable
from ..channels.unreliable.timing import max_step_seconds
from ..channels.unreliable.unreliable_channels import UnreliableChannels
from ..network.cell import make_cell
from ..network.masks import masked_again
from ..network.network import Network
from ..neuron.optimizers import SGD, Adam, Optimizer
from ..simulation.opening import open_simulation
from ..support.errors import NeuroActorsError
from .any_cases import draw_any_case
from .random_cases import Case, draw_case

NEURONS, EXAMPLES = 20, 8  # at most
ANY_NEURONS = 8  # of networks of any kind, before some are added that lead to outputs
MOST = {"drop": 0.4, "duplicate": 0.4, "reorder": 0.5, "corrupt": 0.1, "crash": 0.4}


@dataclass(frozen=True, slots=True)
class Schedule:
    """One society, what it is to do, and its faults.

    Attributes:
        number: The schedule's number in its series.
        case: The network, the data and the loss.
        optimizer: How the society learns.
        steps: How many steps it learns, after a gradient and a prediction.
        wrt_inputs: Whether urgencies reach the inputs in the gradient's step.
        settings: The faults.
    """

    number: int
    case: Case
    optimizer: Optimizer
    steps: int
    wrt_inputs: bool
    settings: Unreliable

    @property
    def society(self) -> Network:
        """The network of the society: of a network with delays its cell."""
        network = self.case.network
        return make_cell(network) if network.delays else network


@dataclass(slots=True)
class Outcome:
    """What came of a schedule.

    Attributes:
        schedule: The schedule.
        problem: What went wrong; "" if nothing did.
        counts: How often each fault occurred; see `FaultInjector`.
        places: How many crashes there were at each place.
        seconds: How long the run took, in virtual time.
        bound: A bound on the virtual seconds of each step, proved before the run.
        expected_messages: How many messages there are without faults.
        fullest: Of the fullest mailbox: how many frames it ever held, and its capacity.
        peak_in_flight: The greatest number of frames that were in flight at once.
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


def draw_schedule(seed: int, number: int, any_kind: bool = False) -> Schedule:
    """Draw a schedule.

    Args:
        seed: The series.
        number: The schedule's number in the series.
        any_kind: Whether to draw networks with interneurons, positions, receptive fields, frozen
            parts and delays. Without it, networks have none of these.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
    draw = draw_any_case if any_kind else draw_case
    case = draw(int(rng.integers(2**31)), ANY_NEURONS if any_kind else NEURONS, EXAMPLES)
    optimizer = SGD(0.01, momentum=0.9) if rng.random() < 0.5 else Adam(0.01)
    chances: dict[str, Any] = {}
    for name, most in MOST.items():
        chances[name] = float(rng.uniform(0, most)) if rng.random() < 0.8 else 0.0
    faults = _draw_faults(rng, case.network)
    delay = 0.0 if rng.random() < 0.1 else float(10 ** rng.uniform(-3, -1))
    settings = Unreliable(delay=delay, seed=int(rng.integers(2**31)), faults=faults, **chances)
    steps, wrt_inputs = int(rng.integers(1, 4)), bool(rng.random() < 0.5)
    return Schedule(number, case, optimizer, steps, wrt_inputs, settings)


def _draw_faults(rng: np.random.Generator, network: Network) -> list[Fault]:
    ids, faults = network.ids, list[Fault]()
    synapses = list(zip(network.sources, network.targets, strict=True))
    if rng.random() < 0.3:
        source, target = synapses[rng.integers(len(synapses))]
        faults.append(DeadLink(ids[source], ids[target], 0.0, float(rng.uniform(0.1, 5.0))))
    if rng.random() < 0.2:
        apart = frozenset(name for name in ids if rng.random() < 0.5)
        start = float(rng.uniform(0, 1))
        faults.append(Partition(apart, start, start + float(rng.uniform(0.1, 5))))
    for _ in range(int(rng.integers(0, 4))):
        node, place = str(rng.choice([*ids, "loss"])), str(rng.choice(PLACES))
        faults.append(Kill(node, place, int(rng.integers(1, 5)), int(rng.integers(1, 3))))
    return faults


def run_schedule(
    schedule: Schedule, report: Callable[[FaultEvent], None] | None = None, patience: float = 1.0
) -> Outcome:
    """Run a society with and without its faults, and compare.

    Args:
        schedule: The society and its faults.
        report: Is called with each fault.
        patience: How long each step may take, as a share of the proved bound.
    """
    outcome = Outcome(schedule)
    plain = _Run("memory")
    plain.run(schedule)
    outcome.expected_messages = plain.messages
    made: list[UnreliableChannels] = []

    def make(network: Network, recorder: Recorder | None) -> UnreliableChannels:
        checker = InvariantChecker(_ordered_pairs(network), len(network.ids) + 1)
        made.append(UnreliableChannels(network, recorder, schedule.settings, checker, report))
        return made[-1]

    faulty = _Run(make)
    outcome.bound = bound(schedule)
    faulty.run(schedule, patience * outcome.bound)
    outcome.seconds = faulty.seconds
    for channels in made:
        _note_channels(outcome, channels)
    if faulty.error or plain.error:  # no schedule that is drawn fails without faults
        outcome.problem = (
            f"without faults: {plain.error or 'no error'}; with them: {faulty.error or 'no error'}"
        )
    elif faulty.bits != plain.bits:
        outcome.problem = "different bits"
    elif faulty.messages != plain.messages:
        outcome.problem = f"{faulty.messages} messages, expected {plain.messages}"
    elif faulty.left:
        outcome.problem = f"{faulty.left} tasks were left over"
    return outcome


def _ordered_pairs(network: Network) -> list[tuple[int, int]]:
    """The pairs of members (source, target): of each synapse, and of outputs and the loss node."""
    loss_node = len(network.ids)
    synapses = zip(network.sources.tolist(), network.targets.tolist(), strict=True)
    return [*synapses, *((k, loss_node) for k in network.output_positions.tolist())]


def _note_channels(outcome: Outcome, channels: UnreliableChannels) -> None:
    injector, transport = channels.injector, channels.transport
    outcome.counts, outcome.places = injector.counts, injector.crash_places
    outcome.peak_in_flight = transport.peak_in_flight
    fills = (transport.mailbox_fill(k) for k in range(len(transport.mailboxes)))
    outcome.fullest = max(fills, key=lambda fill: fill[0] / fill[1])


def bound(schedule: Schedule) -> float:
    """Return the virtual seconds in which each step of a schedule must end, whatever is drawn."""
    settings, network = schedule.settings, schedule.society
    crashes = (MAX_CRASHES if settings.crash else 0) * (len(network.ids) + 1) + sum(
        isinstance(fault, Kill) for fault in settings.faults
    )
    ends = [fault.end for fault in settings.faults if isinstance(fault, (DeadLink, Partition))]
    return max([0.0, *ends]) + max_step_seconds(network, settings, crashes)


class _Run:
    """One run of a schedule: a gradient, a prediction, and steps of learning.

    bits: A digest of all results. error: What the run failed with. left: Tasks left over.
    """

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
        data = case.x, masked_again(case.targets), case.loss
        before = trio.lowlevel.current_statistics().tasks_living
        started = trio.current_time()
        async with open_simulation(case.network, self.channels, patience=patience) as simulation:
            gradient = await simulation.gradient(*data, schedule.wrt_inputs)
            for values in (gradient.weights, gradient.biases, gradient.predictions):
                digest.update(values.tobytes())
            if gradient.inputs is not None:
                digest.update(gradient.inputs.tobytes())
            digest.update((await simulation.predict(case.x)).tobytes())
            for _ in range(schedule.steps):
                result = await simulation.train_step(*data, optimizer=schedule.optimizer)
                digest.update(np.float64(result.loss).tobytes())
            network = await simulation.network()
            digest.update(network.weights.tobytes() + network.biases.tobytes())
            self.messages = simulation.statistics().messages
            self.seconds = trio.current_time() - started
        self.bits = digest.digest()
        await trio.lowlevel.checkpoint()
        self.left = trio.lowlevel.current_statistics().tasks_living - before
