"""Which frames answer which, and how long an answer takes at most: out of the network alone."""

from __future__ import annotations

from ...network.network import Network
from ..routes import Routes
from .delivery import CAP, AckTable
from .fault_injection import MAX_HOLD, MAX_LOSSES
from .settings import Unreliable


def ack_tables(network: Network, lines: Routes, settings: Unreliable) -> list[AckTable]:
    """What each member knows of its lines: the neurons, the loss, the environment.

    Without faults a member at level l (the environment 0, an input 1) speaks between l least and l greatest latencies after
    the step began, and by 2 · depth - l greatest ones all answers are there: so nobody repeats itself before. (In virtual
    time, that is: a real clock counts the members' own work, too.)
    """
    n = len(network.ids)
    answers: list[dict[int, int]] = [{} for _ in lines.members]
    repeats: list[dict[int, tuple[int, ...]]] = [{} for _ in lines.members]

    def pair(there: slice, back: slice) -> None:
        for line, answer in zip(range(there.start, there.stop), _all(back, there), strict=True):
            sender, receiver = int(lines.sender[line]), int(lines.receiver[line])
            answers[receiver][line] = answer
            repeats[sender][answer] = (*repeats[sender].get(answer, ()), line)

    pair(lines.inputs, lines.input_urgencies)
    pair(lines.forward, lines.backward)
    pair(lines.to_loss, lines.loss_to_outputs)
    pair(lines.targets, lines.losses)
    pair(lines.directions, lines.commits)
    for line in range(lines.to_environment.start, lines.to_environment.stop):
        repeats[n + 1][line] = ()
    least, most = settings.latency
    depth = network.depth + 2
    level = [*(network.level + 1).tolist(), depth, 0]
    first = [(2 * depth - k) * most - k * least + max(most, 0.05) for k in level]
    return [
        AckTable(*member) for member in zip(lines.members, answers, repeats, first, strict=True)
    ]


def max_step_seconds(network: Network, settings: Unreliable, restarts: int) -> float:
    """A bound on the seconds that one step takes in which there are so many deaths, and no links are dead.

    A frame comes through at its `MAX_LOSSES`-th attempt, attempts are at most the cap apart, and then it travels; a step is a
    chain of frames, forward and back, as long as twice the depth; each death can make one chain begin anew.
    """
    tables = ack_tables(network, Routes(network), settings)
    travels = settings.latency[1] + MAX_HOLD * (settings.delay or 0.01)
    frame = (MAX_LOSSES + 2) * CAP * max(w.first for w in tables) + travels
    return 2 * (network.depth + 4) * frame * (1 + restarts)


def _all(back: slice, there: slice) -> list[int]:
    """The losses answer all targets."""
    size = back.stop - back.start
    return [back.start + (k if size > 1 else 0) for k in range(there.stop - there.start)]
