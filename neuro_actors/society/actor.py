"""A member of the society as one trio task: receive, ask the rule, send.

A member has its rule and its port, and nothing else. A Ctrl-C interrupts no member: it goes to the
program's main task, which leaves the simulation's block and so ends all members. An exception that
a signal handler raises in a member is no failure of the member: it ends the society as it is.
"""

from __future__ import annotations

import numpy as np
from trio.lowlevel import enable_ki_protection

from ..channels.interface import LossPort, NeuronPort
from ..neuron.local_rule import NeuronRule, check_finite_state, own_copy
from ..neuron.loss_node import LossNode
from ..neuron.messages import ACTIVATION, COMMIT, LOSS, URGENCY
from ..support.errors import SimulationError
from ..support.signal_exceptions import is_from_handler
from ..support.validation import freeze

NO_LOSSES = freeze(np.empty(0))


@enable_ki_protection
async def run_neuron(rule: NeuronRule, port: NeuronPort) -> None:
    """Run a neuron, step after step, until no more mail will come.

    `receive` shows the mail in the port's arrays `..._in`, and lays out the arrays `..._out` that
    the rule fills in next.

    Args:
        rule: The neuron's rule.
        port: The neuron's port.

    Raises:
        SimulationError: The neuron failed. The error names the neuron and the step.
    """
    try:
        keeps_more = getattr(rule, "keeps_more", True)
        while (step := await port.receive(ACTIVATION)) is not None:
            if step.tangent:
                rule.steer(port.direction)
            rule.fire(step, port.activations_in, port.activation_out)
            port.send(ACTIVATION, step)
            if rule.is_answered(step):
                if await port.receive(URGENCY) is None:
                    return
                rule.respond(step, port.urgencies_in, port.urgencies_out, port.commit_out)
                if keeps_more and hasattr(rule, "get_state"):
                    check_finite_state(rule.id, "its state", rule.get_state(), step)
                port.send(URGENCY, step)
                port.send(COMMIT, step)
    except Exception as error:
        if is_from_handler(error):
            raise
        raise member_failure(port.node, port.number, error) from error


@enable_ki_protection
async def run_loss(rule: LossNode, port: LossPort) -> None:
    """Run the loss node, step after step, until no more mail will come.

    In a step that only predicts the loss node sends no losses, in a message all the same. So the
    environment knows that every member has ended the step, before it begins another one.

    Args:
        rule: Compares predictions with targets.
        port: The loss node's port.

    Raises:
        SimulationError: The loss node failed. The error names it and the step.
    """
    try:
        while (step := await port.receive(ACTIVATION)) is not None:
            port.losses = NO_LOSSES
            if step.loss is not None:
                losses = rule.evaluate(step, port.activations_in, port.targets, port.urgencies_out)
                port.losses = own_copy(losses)
                port.send(URGENCY, step)
            port.send(LOSS, step)
    except Exception as error:
        if is_from_handler(error):
            raise
        raise member_failure(port.node, port.number, error) from error


def member_failure(name: str, number: int, error: Exception) -> SimulationError:
    """Return the error that says which member failed in which step.

    Args:
        name: The member's name.
        number: The step's number.
        error: What the member failed with.
    """
    text = str(error) if isinstance(error, SimulationError) else f"{type(error).__name__}: {error}"
    return SimulationError(f"{name!r} failed in step {number}: {text}")
