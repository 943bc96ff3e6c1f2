"""The fault events that the page shows: of each step the messages that were lost before they came,
and the crashes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ..channels.routes import Over, route_blocks
from ..log.fault_story import FAILED_ATTEMPT, faults_until_received
from ..network.elements import ENVIRONMENT, LOSS_NODE

if TYPE_CHECKING:
    from ..channels.unreliable.faults import FaultEvent
    from ..log.log import Log
    from ..network.network import Network

SHOWN = {"inputs", "forward", "to_loss", "to_environment", "backward", "loss_to_outputs"}


def gather_fault_events(log: Log) -> dict[int, dict[str, Any]]:
    """Return the fault events of a run.

    Args:
        log: The log.

    Returns:
        By step, empty for a run without faults:

        - lost: How many messages were lost before they came.
        - died: For each crash the member's position (the loss node behind all neurons), where in
          its work it was, and the time in seconds.
        - For each block of routes in `SHOWN` the messages that were lost, where there are any:
          which one, the times of its lost attempts, and the time of the one that came, None in a
          step that was broken off. Which one: the position of the input, or the number of the
          synapse or of the output.
    """
    network = log.network
    shown = _shown_messages(network)
    places = {name: k for k, name in enumerate((*network.ids, LOSS_NODE))}
    found: dict[int, dict[str, Any]] = defaultdict(lambda: {"lost": 0, "died": []})
    messages: dict[tuple[Any, ...], list[FaultEvent]] = defaultdict(list)
    for d in log.disturbances:
        if d.what == "died":
            found[d.step]["died"].append([places[d.source], d.kind, round(d.time, 3)])
            continue
        messages[d.step, d.kind, d.source, d.target].append(d)
    for (number, *name), events in messages.items():
        until = faults_until_received(events)
        lost = [round(d.time, 3) for d in until if d.what in FAILED_ATTEMPT]
        came = next(
            (round(d.time, 3) for d in until if d.what == "repeated" and d.attempt > len(lost)),
            None,
        )
        found[number]["lost"] += len(lost) > 0
        if lost and tuple(name) in shown:
            block, place = shown[tuple(name)]
            found[number].setdefault(block, []).append([place, lost, came])
    return dict(found)


def _shown_messages(network: Network) -> dict[tuple[str, str, str], tuple[str, int]]:
    """Return for each message that the page draws its block of routes, and its number there."""
    members, found = (*network.ids, LOSS_NODE, ENVIRONMENT), {}
    for block in route_blocks(network):
        if block.spec.name in SHOWN:
            numbers = block.receiver if block.spec.over is Over.INPUTS else np.arange(len(block))
            ends = zip(block.source.tolist(), block.target.tolist(), numbers.tolist(), strict=True)
            for source, target, number in ends:
                name = (str(block.spec.kind), members[source], members[target])
                found[name] = block.spec.name, number
    return found
