"""The fault events that the page shows: for each step, the messages that were lost before they came, and the crashes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ..log.fault_story import FAILED_ATTEMPT, faults_until_received

if TYPE_CHECKING:
    from ..channels.unreliable.faults import FaultEvent
    from ..log.log import Log
    from ..network.network import Network


def gather_fault_events(log: Log) -> dict[int, dict[str, Any]]:
    """By step; empty where nobody disturbed the run.

    lost: how many messages were, before they came.  died: (place in the network, the loss
    behind all others; where; when).  inputs, forward, to_loss, to_environment, backward, loss_to_outputs: of messages that were lost: (which,
    the times of the attempts that were, the time of the one that came, or
    None in a step that was broken off); which is an input, a synapse, an output's row.
    """
    network = log.network
    which = _which(network)
    places = {name: k for k, name in enumerate((*network.ids, "loss"))}
    found: dict[int, dict[str, Any]] = defaultdict(lambda: {"lost": 0, "died": []})
    messages: dict[tuple[Any, ...], list[FaultEvent]] = defaultdict(list)
    for d in log.disturbances:
        if d.what == "died":
            found[d.step]["died"].append([places[d.source], d.kind, round(d.time, 3)])
            continue
        messages[d.step, d.kind, d.source, d.target].append(d)
    for (number, *name), befell in messages.items():
        until = faults_until_received(befell)
        lost = [round(d.time, 3) for d in until if d.what in FAILED_ATTEMPT]
        came = next(
            (round(d.time, 3) for d in until if d.what == "repeated" and d.attempt > len(lost)),
            None,
        )
        found[number]["lost"] += len(lost) > 0
        if lost and tuple(name) in which:
            block, place = which[tuple(name)]
            found[number].setdefault(block, []).append([place, lost, came])
    return dict(found)


def _which(network: Network) -> dict[tuple[str, str, str], tuple[str, int]]:
    """The messages that are drawn: where in which block."""
    ids, outputs = network.ids, network.outputs
    found = {
        ("activation", "environment", ids[k]): ("inputs", k)
        for k in range(len(ids))
        if network.is_input[k]
    }
    for row, name in enumerate(outputs):
        found["activation", name, "loss"] = "to_loss", row
        found["activation", name, "environment"] = "to_environment", row
        found["urgency", name, "loss"] = "loss_to_outputs", row
    for s, (source, target) in enumerate(
        zip(network.sources.tolist(), network.targets.tolist(), strict=True)
    ):
        found["activation", ids[source], ids[target]] = "forward", s
        found["urgency", ids[source], ids[target]] = "backward", s
    return found
