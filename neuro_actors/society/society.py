"""All members of a society, each as a task of its own: one for each lane that mail goes along."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import trio

from ..channels.interface import Channels, Supervising
from ..network.elements import LOSS_NODE
from ..network.network import Network
from ..neuron.sums import Sums
from ..rules import Rule
from ..support.errors import SimulationError
from . import actor
from .turn_taking import Turns, born_again

AT_ONCE = 1000  # births


async def run_society(
    network: Network,
    lanes: Sequence[Channels],
    rule: Rule,
    sums: Sums,
    closed: Callable[[], bool],
) -> None:
    """Until the channels are stopped, or a member fails: then all others end, and `SimulationError` names it.

    Births make room for others now and then, and end early if `closed` says that the channels are stopped.
    lanes: each the channels of the whole society; step n goes along lane (n - 1) mod their number (see `channels/lanes.py`).
    """
    failures: list[SimulationError] = []
    n, stride = len(network.ids), len(lanes)
    supervised = [lane for lane in lanes if isinstance(lane, Supervising)]

    def born(k: int) -> None:
        name = network.ids[k]
        if stride == 1 and supervised:
            birth = partial(rule.member, network, k, sums)
            nursery.start_soon(supervised[0].supervise, k, birth, actor.run_neuron, name=name)
        elif stride == 1:
            (member,) = rule.members(network, k, sums, 1)
            nursery.start_soon(actor.run_neuron, member, lanes[0].port(k), name=name)
        else:
            births, turns = partial(rule.members, network, k, sums, stride), Turns(stride)
            for j, member in enumerate(members := births()):
                about: tuple[Any, ...] = turns.life, member, lanes[j].port(k)
                if supervised:
                    about = (
                        supervised[j].supervise,
                        k,
                        partial(born_again, births, members, j),
                        turns.life,
                    )
                nursery.start_soon(turns.all_lives, *about, name=name)

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
                for j, lane in enumerate(lanes):
                    if supervised:
                        birth = partial(rule.loss_node, network)
                        nursery.start_soon(
                            supervised[j].supervise, n, birth, actor.run_loss, name=LOSS_NODE
                        )
                        nursery.start_soon(supervised[j].carry, name="channels")
                    else:
                        nursery.start_soon(
                            actor.run_loss, rule.loss_node(network), lane.loss, name=LOSS_NODE
                        )
    except* SimulationError as group:  # one of this nursery's own: there is none inside it
        failures += [error for error in group.exceptions if isinstance(error, SimulationError)]
    if failures:
        more = f" ({len(failures) - 1} more failed with it)" if len(failures) > 1 else ""
        raise SimulationError(f"{failures[0]}{more}") from failures[0].__cause__


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
