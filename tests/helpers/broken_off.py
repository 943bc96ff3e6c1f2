"""Channels that break off a step when a certain round begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from neuro_actors.channels.choose_channels import choose_channels
from neuro_actors.neuron.messages import Step


def breaking_off(
    channels: str, scope: trio.CancelScope, at: int, seen: list[str]
) -> Callable[..., Any]:
    """Channels that cancel `scope` when round `at` begins, counted from 1; `seen` receives the rounds' names."""

    def make(network: Any, recorder: Any) -> Any:
        made = choose_channels(channels)(network, recorder)
        begin = made.environment.begin

        def counted(step: Step, *more: Any) -> None:
            begin(step, *more)
            seen.append(step.round)
            if len(seen) == at:
                scope.cancel()

        made.environment.begin = counted
        return made

    return make
