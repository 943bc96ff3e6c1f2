"""A member of the society as one trio task: wait, ask the rule, send. All it holds is its rule and its port.

A Ctrl-C strikes no member at its work: it goes to the program's main task, which leaves the block and so ends them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np
from trio.lowlevel import enable_ki_protection

from ..channels.interface import LossPort, NeuronPort
from ..neuron.local_rule import NeuronRule
from ..neuron.loss_node import LossNode
from ..neuron.messages import ACTIVATION, COMMIT, LOSS, TANGENT, TARGET, URGENCY, Step
from ..support.errors import SimulationError
from ..support.validation import frozen

NONE = frozen(np.empty(0))


@enable_ki_protection
async def run_neuron(
    rule: NeuronRule,
    port: NeuronPort,
    number: int = 0,
    stride: int = 1,
    turn: Callable[[Step], Awaitable[bool]] | None = None,
) -> None:
    """One step after another, until no more mail will come: hear the sources, fire; hear the followers, respond.

    number: of the last step before.  stride: from the number of one step to the next.  turn: waits until it may respond,
    where it is at several steps at once; False if it never may. Raises `SimulationError`, which names the neuron, if it fails.
    """
    while True:
        number += stride
        try:
            step = await port.receive(ACTIVATION)
            if step is None:
                return
            number = step.number
            if step.tangent and hasattr(
                rule, "direction"
            ):  # who has none stands in, or is an input
                if await port.receive(TANGENT) is None:
                    return
                rule.direction = port.direction
            rule.fire(step, port.activations_in, port.activation_out)
            port.send(ACTIVATION, step)
            if rule.is_answered(step):
                if await port.receive(URGENCY) is None or (
                    turn is not None and not await turn(step)
                ):
                    return
                rule.respond(step, port.urgencies_in, port.urgencies_out, port.commit_out)
                port.send(URGENCY, step)
                port.send(COMMIT, step)
        except Exception as error:
            raise member_failure(port.node, number, error) from error


@enable_ki_protection
async def run_loss(rule: LossNode, port: LossPort, number: int = 0, stride: int = 1) -> None:
    """The same for the loss: hear all outputs and what they should have said, and tell each its urgency.

    In a step that only predicts it has no losses to tell, and tells the environment none: so that the environment,
    before it begins another step, knows that everyone is done with this one.
    """
    while True:
        number += stride
        try:
            step = await port.receive(ACTIVATION)
            if step is None:
                return
            number = step.number
            port.losses = NONE
            if step.loss is not None:
                if await port.receive(TARGET) is None:
                    return
                port.losses = rule.evaluate(
                    step, port.activations_in, port.targets, port.urgencies_out
                )
                port.send(URGENCY, step)
            port.send(LOSS, step)
        except Exception as error:
            raise member_failure(port.node, number, error) from error


def member_failure(name: str, number: int, error: Exception) -> SimulationError:
    told = str(error) if isinstance(error, SimulationError) else f"{type(error).__name__}: {error}"
    return SimulationError(f"{name!r} failed in step {number}: {told}")
