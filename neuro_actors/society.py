"""All members of a society, each as a task of its own: one for each lane that mail goes along."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import trio

from . import actor
from .channels import Channels, Port, Supervising
from .channels.lanes import before
from .elements import LOSS
from .errors import SimulationError
from .network import Network
from .neuron import NeuronRule
from .rules import Rule
from .rules.rule import Holding
from .sums import Sums
from .turns import Turns

AT_ONCE = 1000  # births


async def live_together(
    network: Network, lanes: Sequence[Channels], rule: Rule, sums: Sums, closed: Callable[[], bool], number: int = 0
) -> None:
    """Until the channels are stopped, or a member fails: then all others end, and `SimulationError` names it.

    Births make room for others now and then, and end early if `closed` says that the channels are stopped.
    lanes: each the channels of the whole society; step n goes along lane (n - 1) mod their number (see `channels/lanes.py`).
    number: of the step before the first one.
    """
    failures: list[SimulationError] = []
    n, stride = len(network.ids), len(lanes)
    numbers = [before(j, stride, number) for j in range(stride)]
    supervised = lanes[0] if isinstance(lanes[0], Supervising) else None

    def born(k: int) -> None:
        name = network.ids[k]
        if supervised is not None:
            nursery.start_soon(supervised.supervise, k, partial(rule.member, network, k, sums), actor.neuron, name=name)
            return
        members = rule.members(network, k, sums, stride)
        if stride == 1:
            nursery.start_soon(actor.neuron, members[0], lanes[0].port(k), number, name=name)
            return
        turns = Turns()
        for member, lane, last in zip(members, lanes, numbers, strict=True):
            nursery.start_soon(_in_one_lane, member, lane.port(k), last, stride, turns, name=name)

    try:
        # the tasks inherit errstate: what is not finite is refused, with a name
        async with trio.open_nursery() as nursery:
            with np.errstate(all="ignore"):
                for first in range(0, n, AT_ONCE):
                    if first:
                        await trio.lowlevel.checkpoint()
                        if closed():
                            break
                    with collector_off():
                        for k in range(first, min(first + AT_ONCE, n)):
                            born(k)
                if supervised is None:
                    for lane, last in zip(lanes, numbers, strict=True):
                        nursery.start_soon(actor.loss, rule.judge(network), lane.loss, last, stride, name=LOSS)
                else:
                    nursery.start_soon(supervised.supervise, n, partial(rule.judge, network), actor.loss, name=LOSS)
                    nursery.start_soon(supervised.carry, name="channels")
    except* SimulationError as group:  # one of this nursery's own: there is none inside it
        failures += [error for error in group.exceptions if isinstance(error, SimulationError)]
    if failures:
        more = f" ({len(failures) - 1} more failed with it)" if len(failures) > 1 else ""
        raise SimulationError(f"{failures[0]}{more}") from failures[0].__cause__


async def _in_one_lane(rule: NeuronRule, port: Port, number: int, stride: int, turns: Turns) -> None:
    try:
        await actor.neuron(rule, port, number, stride, turns.of(rule) if isinstance(rule, Holding) else None)
    finally:
        turns.end()


@contextmanager
def collector_off() -> Iterator[None]:
    """Where a million objects are made at one go, the collector would look through all of them again and again. Never
    across an `await`: it is the whole process's."""
    was_on = gc.isenabled()
    try:
        gc.disable()
        yield
    finally:
        if was_on:
            gc.enable()
