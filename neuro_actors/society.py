"""All members of a society, each as a task of its own."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import trio

from . import actor
from .channels import Channels, Supervising
from .elements import LOSS
from .errors import SimulationError
from .network import Network
from .rules import Rule
from .sums import Sums

AT_ONCE = 1000  # births


async def live_together(
    network: Network, channels: Channels, rule: Rule, sums: Sums, closed: Callable[[], bool], number: int = 0
) -> None:
    """Until the channels are stopped, or a member fails: then all others end, and `SimulationError` names it.

    Births make room for others now and then, and end early if `closed` says that the channels are stopped.
    number: of the step before the first one.
    """
    failures: list[SimulationError] = []
    n = len(network.ids)
    supervised = channels if isinstance(channels, Supervising) else None

    def born(k: int) -> None:
        member = partial(rule.member, network, k, sums)
        if supervised is not None:
            nursery.start_soon(supervised.supervise, k, member, actor.neuron, name=network.ids[k])
        else:
            nursery.start_soon(actor.neuron, member(), channels.port(k), number, name=network.ids[k])

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
                    nursery.start_soon(actor.loss, rule.judge(network), channels.loss, number, name=LOSS)
                else:
                    nursery.start_soon(supervised.supervise, n, partial(rule.judge, network), actor.loss, name=LOSS)
                    nursery.start_soon(supervised.carry, name="channels")
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
