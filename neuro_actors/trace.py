"""Why did this weight want to change? Its urgency as a sum over all paths to the loss, out of a message log.

    print(na.trace("run.arrows", weight=("fur", "eyes"), step=7))

A weight's urgency is what its source said, times the urgency of its target's signal; that came back along every path to
the loss, along each multiplied by weights and slopes. Nobody in the society sees a path: each neuron summed what reached
it. Here the sum is taken apart again, and compared with what the messages came to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple

from .errors import InputError

if TYPE_CHECKING:
    from .log.opened import Log


class Factor(NamedTuple):
    """One of those that a path multiplies; value: the mean over the examples.

    kind: "said", what a neuron told its followers; "slope", of its activation function; "weight", of the synapse into
    it; "urgency", what the loss told it.
    """

    kind: str
    neuron: str
    value: float


@dataclass(frozen=True, slots=True)
class Path:
    """One path: the ids along it; what it is worth, the mean over the examples; and the factors of that product (with
    one example their product is the value)."""

    nodes: tuple[str, ...]
    value: float
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """What was asked, and of what it is the sum.

    about: in words.  to_loss: whether the paths lead to the loss, or end at an output.
    total: the sum of all paths, the mean over the examples.  from_log: the same out of the messages that were sent,
    where these say it.  bound: how far rounding alone may bring these apart, and the sum of the paths one by one.
    number: how many paths there are.  paths: the greatest of them, in their order.  carried: of all that came along all
    paths, example by example and whichever its sign, the share that came along these.
    examples: over how many the mean was taken.  all_shown: whether those left out are worth nothing.
    proved: how many of the paths are surely the greatest: all, unless the search was given up.  rest: if it was, no
        other path is greater than this.
    """

    about: str
    to_loss: bool
    total: float
    from_log: float | None
    bound: float
    number: int
    paths: tuple[Path, ...]
    carried: float
    examples: int
    all_shown: bool
    proved: int
    rest: float

    @property
    def cut_off(self) -> bool:
        """Whether the search was given up before it was sure of so many."""
        return self.proved < len(self.paths) or self.rest > 0

    @property
    def shown(self) -> float:
        """What the paths that are shown sum to."""
        return float(sum(path.value for path in self.paths))

    def __str__(self) -> str:
        from .traced import in_words

        return in_words(self)


def trace(
    log: Log | str | PathLike[str],
    *,
    weight: str | Sequence[str] | None = None,
    neuron: str | None = None,
    source: str | None = None,
    output: str | None = None,
    step: int | None = None,
    example: int | None = None,
    limit: int = 8,
) -> Trace:
    """Take apart, path by path, one of three things:

    weight: (source, target) or "source->target", the urgency of that synapse's weight.
    neuron: the urgency of its signal, which is its bias's; of an input, that of what it says.
    source: how the prediction of `output` would change with what this neuron or input says: ∂output/∂activation.

    step: by default the last that has what is needed.  example: one of the batch, from 1 on, or the mean over all.
    limit: how many paths to find, the greatest first. Raises `LogError` or `InputError` where the log does not say.
    """
    from .tracer import Tracer  # with pyarrow, which is imported only where a log is

    if sum(asked is not None for asked in (weight, neuron, source)) != 1:
        raise InputError("ask for one thing: a weight, a neuron or a source")
    tracer = Tracer(log, step, example, to_loss=source is None)
    if weight is not None:
        return tracer.weight(*tracer.synapse(weight), limit)
    if neuron is not None:
        return tracer.neuron(neuron, limit)
    assert source is not None
    return tracer.output(source, output, limit)
