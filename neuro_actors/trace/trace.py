"""Why did this weight want to change? Its urgency as a sum over all paths to the loss, out of a message log.

    print(na.trace("run.arrows", weight=("fur", "eyes"), step=7))

A weight's urgency is what its source said, times the urgency of its target's signal; that came back along every path to
the loss, along each multiplied by weights and slopes. Nobody in the society sees a path: each neuron summed what reached
it. Here the sum is taken apart again, and compared with what the messages came to.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

from ..support.errors import InputError
from .result import Trace

if TYPE_CHECKING:
    from ..log.log import Log


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
