"""Why did this weight want to change? Its urgency as a sum over all paths to the loss.

    print(na.trace("run.arrows", weight=("fur", "eyes"), step=7))

A weight's urgency is the activation of its source, times the urgency of its target's signal. The
latter came back along every path from the target to the loss, multiplied by the weights and slopes
of the path. No neuron of the society sees a path: each one summed what it received. A trace takes
the sum apart again, and compares it with the urgencies that the neurons computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

from ..support.errors import InputError
from ..support.hints import explains_arguments
from ..support.signal_exceptions import passes_handler_exceptions
from .result import Trace
from .synapse_name import parse_synapse

if TYPE_CHECKING:
    from ..log.log import Log


@explains_arguments
@passes_handler_exceptions
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
    """Take an urgency or a slope apart, path by path, from a message log.

    Give exactly one of `weight`, `neuron` and `source`.

    Args:
        log: An opened log, or the path of its file.
        weight: A synapse, as (source, target) or "source->target". The trace is the urgency of its
            weight, −∂L/∂w.
        neuron: The id of a neuron or an input. The trace is the urgency of the neuron's signal,
            −∂L/∂z, which is also that of its bias; for an input, of its activation.
        source: The id of a neuron or an input. The trace is the slope of `output` with respect to
            its activation: ∂output/∂activation.
        output: With `source`: the id of the output. None: the only one that `source` leads to.
        step: The step. None: the last one that the log contains what is needed of.
        example: One example of the batch, counted from 1. None: the mean over all examples.
        limit: How many paths to return, the greatest first.

    Returns:
        The sum and its greatest paths.

    Raises:
        InputError: There is no such synapse, neuron, output or example, not exactly one thing is
            asked for, or the run did not use backpropagation.
        LogError: The log cannot be read, or it does not contain what is needed.

    Examples:
        >>> net = na.Network.from_matrices([[[2.0]], [[0.3]]], [[0.0]] * 2, ["identity"] * 2)
        >>> sgd = na.SGD(0.1)
        >>> result = na.train(net, [[1]], [[1]], optimizer=sgd, epochs=1, log="run.arrows")
        >>> why = na.trace("run.arrows", weight="x0->h1.0", step=1)  # print(why) shows its paths
        >>> why.paths[0].nodes, f"{why.total:+.2f}"
        (('h1.0', 'y0'), '+0.24')
    """
    from .tracer import Tracer  # it imports pyarrow, which takes time

    if sum(asked is not None for asked in (weight, neuron, source)) != 1:
        raise InputError("ask for one thing: a weight, a neuron or a source")
    tracer = Tracer(log, step, example, to_loss=source is None)
    if weight is not None:
        return tracer.weight(*parse_synapse(tracer.network, weight), limit)
    if neuron is not None:
        return tracer.neuron(neuron, limit)
    assert source is not None
    return tracer.output(source, output, limit)
