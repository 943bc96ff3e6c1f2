"""A step as the driver knows it: what is asked, of whom, and what has come of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import trio

from ..neuron.messages import Step
from ..support.validation import Array, frozen

NOTHING = frozen(np.empty(0))


@dataclass(slots=True, eq=False)
class PendingStep:
    """A step that has begun. replica: who does it.  last: of its batch, which is `batch`."""

    step: Step
    x: Array
    targets: Array | None
    direction: Array | None
    replica: int
    place: int
    batch: int
    last: bool
    parts: dict[int, list[Array]] = field(default_factory=dict)  # by shard, what was said
    done: trio.Event = field(default_factory=trio.Event)
    predictions: Array = field(default_factory=lambda: NOTHING)
    losses: Array = field(default_factory=lambda: NOTHING)
    input_urgencies: Array = field(default_factory=lambda: NOTHING)
    commits: Array = field(default_factory=lambda: NOTHING)
