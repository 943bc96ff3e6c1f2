"""Which routes answer which others, and how long answers take: from the network alone."""

from __future__ import annotations

import numpy as np

from ...network.network import Network
from ...support.arrays import Indices
from ...support.errors import InputError
from ..routes import End, Moment, Routes, RouteSpec
from .delivery import CAP, AckTable
from .fault_injection import MAX_HOLD, MAX_LOSSES
from .settings import Unreliable


def ack_tables(network: Network, routes: Routes, settings: Unreliable) -> list[AckTable]:
    """Return one table for each member: the neurons, the loss node, the environment.

    A message that begins a step, or that a firing member sends, must be answered: only the answer
    shows its sender that it has arrived. The receiver asks for a message to the environment, and
    for one that a responding member sends.

    The first deadline is late enough for a run without faults: no member repeats a frame then.
    Write l for a member's level (the environment 0, an input 1), min and max for the least and
    greatest latency. The member sends between l·min and l·max after the step began. All its answers
    have arrived (2·depth - l)·max after the step began. So the wait is (2·depth - l)·max - l·min,
    and a margin. (This holds in virtual time. On a real clock the members' own work counts, too.)

    Raises:
        InputError: A row of the table of routes says no answer, or one that its receiver cannot
            send.
    """
    answers: list[dict[int, int]] = [{} for _ in routes.members]
    repeats: list[dict[int, tuple[int, ...]]] = [{} for _ in routes.members]

    answering = {spec.answered_by for spec in routes.specs}
    for spec in routes.specs:
        _check_answer(spec, routes)
        block = range(*routes.block[spec.name].indices(len(routes)))
        if spec.answered_by:
            back = routes.block[spec.answered_by]
            for route, answer in zip(block, _answers(back, len(block)), strict=True):
                sender, receiver = int(routes.sender[route]), int(routes.receiver[route])
                answers[receiver][route] = answer
                repeats[sender][answer] = (*repeats[sender].get(answer, ()), route)
        elif spec.name not in answering:  # the receiver asks for it
            for route in block:
                repeats[int(routes.receiver[route])][route] = ()
    least, most = settings.latency
    depth = network.depth + 2
    level = [*(network.level + 1).tolist(), depth, 0]
    first = [(2 * depth - k) * most - k * least + max(most, 0.05) for k in level]
    return [
        AckTable(*member) for member in zip(routes.members, answers, repeats, first, strict=True)
    ]


def max_step_seconds(network: Network, settings: Unreliable, restarts: int) -> float:
    """Return a bound on the seconds that one step takes, if no link is dead.

    A frame arrives at its attempt number `MAX_LOSSES + 1` at the latest. Attempts are at most the
    cap apart, and then the frame travels. A step is a chain of frames, forward and back, as long as
    twice the depth. Each crash can make one chain begin anew.

    Args:
        network: The network.
        settings: The chances and delays.
        restarts: How many crashes occur in the step.
    """
    tables = ack_tables(network, Routes(network), settings)
    latency = settings.latency[1] + MAX_HOLD * (settings.delay or 0.01)
    frame = (MAX_LOSSES + 2) * CAP * max(table.first for table in tables) + latency
    return 2 * (network.depth + 4) * frame * (1 + restarts)


def _check_answer(spec: RouteSpec, routes: Routes) -> None:
    """Refuse a row of the table of routes whose messages could be lost for ever."""
    if not spec.answered_by:
        if spec.moment is Moment.RESPOND or spec.receiver is End.ENVIRONMENT:
            return
        problem = "a member that waits for such a message cannot ask for it"
    else:
        answer = next((other for other in routes.specs if other.name == spec.answered_by), None)
        if answer is not None and _is_answer(spec, answer, routes):
            return
        problem = f"answered_by={spec.answered_by!r} cannot answer it, one by one"
    raise InputError(
        f"routes {spec.name!r}: {problem}: set answered_by to the row of a message that the "
        "receiver sends back when it responds, over the same synapses, inputs, neurons or outputs"
    )


def _is_answer(spec: RouteSpec, answer: RouteSpec, routes: Routes) -> bool:
    there, back = routes.block[spec.name], routes.block[answer.name]
    size = back.stop - back.start
    return (
        spec.moment is not Moment.RESPOND
        and answer.moment is Moment.RESPOND
        and size in (1, there.stop - there.start)
        and np.array_equal(routes.sender[there], _spread(routes.receiver[back], there))
        and np.array_equal(routes.receiver[there], _spread(routes.sender[back], there))
    )


def _spread(ends: Indices, block: slice) -> Indices:
    return np.broadcast_to(ends, block.stop - block.start)


def _answers(back: slice, count: int) -> list[int]:
    """The route of the answer to each of `count` routes; all targets have one, the losses."""
    size = back.stop - back.start
    return [back.start + (k if size > 1 else 0) for k in range(count)]
