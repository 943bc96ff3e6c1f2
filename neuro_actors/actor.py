"""A member of the society as one trio task: wait, ask the rule, send. All it holds is its rule and its port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from typing import TypeVar

import numpy as np

from .arrays import frozen
from .channels import Port
from .errors import SimulationError
from .judge import LossRule
from .messages import ACTIVATION, COMMIT, LOSS, TARGET, URGENCY
from .neuron import InputRule, LocalRule

_Rule = TypeVar("_Rule")
NONE = frozen(np.empty(0))


async def live(one_step: Callable[[int, _Rule, Port], Awaitable[None]], rule: _Rule, port: Port) -> None:
    """One step after another, until cancelled. Raises `SimulationError`, which names the member, if it fails."""
    for number in count(1):
        try:
            await one_step(number, rule, port)
        except Exception as error:
            told = str(error) if isinstance(error, SimulationError) else f"{type(error).__name__}: {error}"
            raise SimulationError(f"{port.node!r} failed in step {number}: {told}") from error


async def neuron_step(number: int, rule: LocalRule | InputRule, port: Port) -> None:
    """What a neuron does in a step: hear its sources, fire; hear its followers, respond."""
    port.expect(ACTIVATION, number)
    await port.wait(ACTIVATION)
    step, heard = port.take(ACTIVATION)
    activation = rule.fire(step, heard)
    if rule.is_answered(step):
        port.expect(URGENCY, number, len(activation))
    port.broadcast(ACTIVATION, step, activation)
    if rule.is_answered(step):
        await port.wait(URGENCY)
        urgencies, commit = rule.respond(step, port.take(URGENCY)[1])
        port.send(URGENCY, step, urgencies)
        if commit is not None:
            port.broadcast(COMMIT, step, commit)


async def loss_step(number: int, rule: LossRule, port: Port) -> None:
    """What the loss does in a step: hear all outputs and what they should have said, and tell each its urgency.

    In a step that only predicts it has no losses to tell, and tells the environment none: so that the environment,
    before it begins another step, knows that everyone is done with this one.
    """
    port.expect(ACTIVATION, number)
    port.expect(TARGET, number)
    await port.wait(ACTIVATION)
    step, predictions = port.take(ACTIVATION)
    losses = NONE
    if step.loss is not None:
        await port.wait(TARGET)
        urgencies, losses = rule.judge(step, predictions, port.take(TARGET)[1])
        port.send(URGENCY, step, urgencies)
    port.broadcast(LOSS, step, losses)
