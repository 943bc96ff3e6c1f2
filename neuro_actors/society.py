"""All members of a society, each as a task of its own."""

from __future__ import annotations

import gc
from collections.abc import Iterator
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


async def live_together(network: Network, channels: Channels, sums: Sums) -> None:
    """Until the channels are stopped, or a member fails: then all others end, and `SimulationError` names it."""
    failures: list[SimulationError] = []
    try:
        async with trio.open_nursery() as nursery:
            # the tasks inherit errstate: what is not finite is refused, with a name
            with collector_off(), np.errstate(all="ignore"):
                for k, name in enumerate(network.ids):
                    nursery.start_soon(actor.neuron, _rule(network, k, sums), channels.port(k), name=name)
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
