"""A log of what a simulation is made to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

import neuro_actors as na


def record(log: Any, network: na.Network, acts: Callable[[na.Simulation], Any], **how: Any) -> Any:
    async def run() -> None:
        async with na.open_simulation(network, log=log, **how) as simulation:
            await acts(simulation)

    trio.run(run)
    return log
