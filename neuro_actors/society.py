"""All members of a society, each as a task of its own."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import trio

from . import actor, functions
from .channels import Channels
from .elements import LOSS
from .errors import SimulationError
from .judge import LossRule
from .network import Network
from .neuron import InputRule, LocalRule
from .sums import Sums

AT_ONCE = 1000  # births


async def live_together(network: Network, channels: Channels, sums: Sums, closed: Callable[[], bool]) -> None:
    """Until the channels are stopped, or a member fails: then all others end, and `SimulationError` names it.

    Births make room for others now and then, and end early if `closed` says that the channels are stopped.
    """
    failures: list[SimulationError] = []
    n = len(network.ids)
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
                            nursery.start_soon(actor.neuron, _rule(network, k, sums), channels.port(k), name=network.ids[k])
                judge = LossRule(network.is_input[network.output_positions])
                nursery.start_soon(actor.loss, judge, channels.loss, name=LOSS)
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


def _rule(network: Network, k: int, sums: Sums) -> LocalRule | InputRule:
    if network.is_input[k]:
        return InputRule(network.ids[k], sums)
    incoming = network.incoming.of(k)
    parameters = np.append(network.weights[incoming], network.biases[k])
    function = functions.activation(network.activations[k])
    return LocalRule(network.ids[k], function, parameters, network.is_input[network.sources[incoming]], sums)
