"""The faults that the page shows: lost messages and crashes of each step."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ..log.fault_story import FAILED_ATTEMPT, faults_until_received
from ..network.elements import ENVIRONMENT, LOSS_NODE

if TYPE_CHECKING:
    from ..channels.unreliable.faults import FaultEvent
    from ..log.log import Log
    from ..network.network import Network


def gather_fault_events(log: Log) -> dict[int, dict[str, Any]]:
    """Collect the faults of each step, as values for JSON.

    Args:
        log: The log.

    Returns:
        For each step with faults, by its number:

        * `lost`: how many messages were lost before they arrived.
        * `died`: for each crash the member's position in the network (the loss comes last), the
          place in the code, and the time in virtual seconds.
        * for each route (inputs, forward, to_loss, to_environment, backward, loss_to_outputs): for
          each message that was lost its number (of the input, synapse or output), the times of the
          lost attempts, and the time of the attempt that arrived, or None if the step was broken
          off.
    """
    network = log.network
    drawn = _drawn_messages(network)
    positions = {name: k for k, name in enumerate((*network.ids, LOSS_NODE))}
    found: dict[int, dict[str, Any]] = defaultdict(lambda: {"lost": 0, "died": []})
    messages: dict[tuple[Any, ...], list[FaultEvent]] = defaultdict(list)
    for d in log.disturbances:
        if d.what == "died":
            found[d.step]["died"].append([positions[d.source], d.kind, round(d.time, 3)])
            continue
        messages[d.step, d.kind, d.source, d.target].append(d)
    for (number, *name), faults in messages.items():
        until = faults_until_received(faults)
        lost = [round(d.time, 3) for d in until if d.what in FAILED_ATTEMPT]
        arrived = next(
            (round(d.time, 3) for d in until if d.what == "repeated" and d.attempt > len(lost)),
            None,
        )
        found[number]["lost"] += len(lost) > 0
        if lost and tuple(name) in drawn:
            route, k = drawn[tuple(name)]
            found[number].setdefault(route, []).append([k, lost, arrived])
    return dict(found)


def _drawn_messages(network: Network) -> dict[tuple[str, str, str], tuple[str, int]]:
    """The messages that the page draws, by kind, source and target: their route and number."""
    ids, outputs = network.ids, network.outputs
    found = {
        ("activation", ENVIRONMENT, ids[k]): ("inputs", k)
        for k in range(len(ids))
        if network.is_input[k]
    }
    for row, name in enumerate(outputs):
        found["activation", name, LOSS_NODE] = "to_loss", row
        found["activation", name, ENVIRONMENT] = "to_environment", row
        found["urgency", name, LOSS_NODE] = "loss_to_outputs", row
    for s, (source, target) in enumerate(
        zip(network.sources.tolist(), network.targets.tolist(), strict=True)
    ):
        found["activation", ids[source], ids[target]] = "forward", s
        found["urgency", ids[source], ids[target]] = "backward", s
    return found
