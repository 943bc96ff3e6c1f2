"""A member of the society as one trio task: receive, ask the rule, send.

A member has its rule and its port, and nothing else. A Ctrl-C interrupts no member: it goes to the
program's main task, which leaves the simulation's block and so ends all members. An exception that
a signal handler raises in a member is no failure of the member: it ends the society as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from trio.lowlevel import enable_ki_protection

from ..channels.interface import LossPort, NeuronPort
from ..neuron.checked_rule import checked_loss_node, checked_rule
from ..neuron.local_rule import NeuronRule
from ..neuron.loss_node import LossNode
from ..neuron.messages import ACTIVATION, COMMIT, LOSS, URGENCY
from ..neuron.neuron_state import own_copy
from ..support.arrays import freeze
from ..support.errors import NeuroActorsError, SimulationError
from ..support.signal_exceptions import is_from_handler

NO_LOSSES = freeze(np.empty(0))


# the phases of a step, in their order
FIRES, EVALUATES, RESPONDS = range(3)


class MemberFailure(SimulationError):
    """The failure of one member.

    Attributes:
        node: The member's name.
        step: The number of the step.
        phase: What the member did in the step: `FIRES`, `EVALUATES` or `RESPONDS`.
    """

    def __init__(self, node: str, step: int, phase: int, error: Exception) -> None:
        """Make the error that says which member failed in which step.

        Args:
            node: The member's name.
            step: The number of the step.
            phase: What the member did in the step.
            error: What the member failed with; the cause of this error.
        """
        about = str(error).removeprefix(f"{node!r}: ")  # the package's own errors name the neuron
        if not isinstance(error, NeuroActorsError):
            about = f"{type(error).__name__}: {error}"
        super().__init__(f"{node!r} failed in step {step}: {about}")
        self.node, self.step, self.phase = node, step, phase
        self.__cause__ = error


ReportFailure: TypeAlias = Callable[[MemberFailure], None]


@enable_ki_protection
async def run_neuron(report: ReportFailure, rule: NeuronRule, port: NeuronPort) -> None:
    """Run a neuron, step after step, until no more mail will come, or until it fails.

    `receive` shows the mail in the port's arrays `..._in`, and lays out the arrays `..._out` that
    the rule fills in next.

    Args:
        report: Is called with the failure if the neuron fails.
        rule: The neuron's rule.
        port: The neuron's port.
    """
    phase = FIRES
    try:
        rule = checked_rule(rule)
        while (step := await port.receive(ACTIVATION)) is not None:
            if step.tangent:
                rule.steer(port.direction)
            rule.fire(step, port.activations_in, port.activation_out)
            port.send(ACTIVATION, step)
            if rule.is_answered(step):
                if await port.receive(URGENCY) is None:
                    return
                phase = RESPONDS
                rule.respond(step, port.urgencies_in, port.urgencies_out, port.commit_out)
                port.send(URGENCY, step)
                port.send(COMMIT, step)
                phase = FIRES
    except Exception as error:
        if is_from_handler(error):
            raise
        report(MemberFailure(port.node, port.number, phase, error))


@enable_ki_protection
async def run_loss(report: ReportFailure, rule: LossNode, port: LossPort) -> None:
    """Run the loss node, step after step, until no more mail will come, or until it fails.

    In a step that only predicts the loss node sends no losses, in a message all the same. So the
    environment knows that every member has ended the step, before it begins another one.

    Args:
        report: Is called with the failure if the loss node fails.
        rule: Compares predictions with targets.
        port: The loss node's port.
    """
    try:
        rule = checked_loss_node(rule)
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
        report(MemberFailure(port.node, port.number, EVALUATES, error))
