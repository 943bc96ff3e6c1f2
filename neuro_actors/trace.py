"""Why did this weight want to change? Its urgency as a sum over all paths to the loss, out of a message log.

    print(na.trace("run.arrows", weight=("fur", "eyes"), step=7))

A weight's urgency is what its source said, times the urgency of its target's signal; that came back along every path to
the loss, along each multiplied by weights and slopes. Nobody in the society sees a path: each neuron summed what reached
it. Here the sum is taken apart again, and compared with what the messages came to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from . import functions
from .arrays import Array, as_whole_number, did_you_mean, some
from .errors import InputError, LogError
from .network import Network
from .paths import Found, Paths, reachable
from .sums import named

if TYPE_CHECKING:
    from .log.opened import Log
    from .log.steps import RecordedStep


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
    where these say it.  number: how many paths there are.  paths: the greatest of them.
    examples: over how many the mean was taken.  all_shown: whether those left out are worth nothing.
    cut_off: whether the search was given up before it had found so many.
    """

    about: str
    to_loss: bool
    total: float
    from_log: float | None
    number: int
    paths: tuple[Path, ...]
    examples: int
    all_shown: bool
    cut_off: bool

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
    weight: Sequence[str] | None = None,
    neuron: str | None = None,
    source: str | None = None,
    output: str | None = None,
    step: int | None = None,
    example: int | None = None,
    limit: int = 8,
) -> Trace:
    """Take apart, path by path, one of three things:

    weight: (source, target), the urgency of that synapse's weight.
    neuron: the urgency of its signal, which is its bias's; of an input, that of what it says.
    source: how the prediction of `output` would change with what this neuron or input says: ∂output/∂activation.

    step: by default the last that has what is needed.  example: one of the batch, from 1 on, or the mean over all.
    limit: how many paths to find, the greatest first. Raises `LogError` or `InputError` where the log does not say.
    """
    from .log.opened import Log  # with pyarrow, which is imported only where a log is

    log = log if isinstance(log, Log) else Log(log)
    if sum(asked is not None for asked in (weight, neuron, source)) != 1:
        raise InputError("ask for one thing: a weight, a neuron or a source")
    as_whole_number("limit", limit, 1)
    if step is None:
        fitting = [info.number for info in log.steps if info.whole and (source is not None or info.mode != "predict")]
        if not fitting:
            raise LogError(f"{log.path!r}: it holds no step with urgencies: nothing can be traced")
        step = fitting[-1]
    recorded = log.step(step)
    if recorded.info.mode == "predict" and source is None:
        raise LogError(f"{log.path!r}: step {step} only predicts: nobody was urged in it")
    network = _before(log, step)
    look = _Look(network, recorded, log.about["numerics"]["sums"], example)
    if weight is not None:
        return look.weight(_synapse(network, weight), limit)
    if neuron is not None:
        return look.neuron(_place(network, neuron), limit)
    assert source is not None
    return look.slope(_place(network, source), _output(network, output), limit)


_Part: TypeAlias = tuple[str, int, Array]


class _Look:
    """One step, and which of its examples."""

    def __init__(self, network: Network, step: RecordedStep, sums: str, example: int | None) -> None:
        self.network, self.info, self.sums = network, step.info, named(sums)
        self.which: slice | list[int] = slice(None)
        if example is not None and as_whole_number("example", example, 1) > step.info.batch:
            raise InputError(f"example {example}: step {step.info.number} has {step.info.batch}")
        if example is not None:
            self.which = [example - 1]
        self.step, self.example = step, example
        self.activations = step.activations[:, self.which]

    def weight(self, synapse: int, limit: int) -> Trace:
        network = self.network
        source, target = int(network.sources[synapse]), int(network.targets[synapse])
        self._need(self.activations[source], f"what {network.ids[source]!r} said")
        heard, slopes = self.activations[source], self._slopes(target)
        paths = Paths(network, slopes, target, heard * slopes[target], self._blame(target))
        first = [("said", source, heard), ("slope", target, slopes[target])]
        about = f"urgency of the weight {network.ids[source]} -> {network.ids[target]}"
        return self._told(about, paths, first, slopes, self._signal_urgency(target, slopes, heard), limit)

    def neuron(self, k: int, limit: int) -> Trace:
        network, name = self.network, self.network.ids[k]
        slopes = self._slopes(k)
        own = np.ones(self.activations.shape[1]) if network.is_input[k] else slopes[k]
        paths = Paths(network, slopes, k, own, self._blame(k))
        first = [] if network.is_input[k] else [("slope", k, own)]
        about = f"urgency of what {name} said" if network.is_input[k] else f"urgency of the signal of {name}"
        return self._told(about, paths, first, slopes, self._signal_urgency(k, slopes), limit)

    def slope(self, k: int, output: int, limit: int) -> Trace:
        network, ones = self.network, np.ones(self.activations.shape[1])
        slopes = self._slopes(k)
        paths = Paths(network, slopes, k, ones, {output: ones})
        about = f"slope of {network.ids[output]} by what {network.ids[k]} said"
        return self._told(about, paths, [], slopes, None, limit, to_loss=False)

    # --- what the log says ---------------------------------------------------------------------------------------

    def _slopes(self, start: int) -> Array:
        """f'(z) of every neuron on a path, out of what its sources said, as it computed it itself."""
        network = self.network
        slopes = np.full(self.activations.shape, np.nan)
        for k in reachable(network, start):
            if not network.is_input[k]:
                incoming = network.incoming.of(k)
                heard = self.activations[network.sources[incoming]]
                self._need(heard, f"what {network.ids[k]!r} heard")
                self._need(self.activations[k], f"what {network.ids[k]!r} said")
                parameters = np.append(network.weights[incoming], network.biases[k])
                rows = np.ascontiguousarray(np.vstack([heard, np.ones(heard.shape[1])]))
                signal = self.sums.weighted_sum(parameters, rows)
                function = functions.activation(network.activations[k])
                if not np.allclose(function.value(signal), self.activations[k], rtol=1e-9, atol=1e-12):
                    missing = f"{network.ids[k]!r} had learnt before step {self.info.number}"
                    raise LogError(f"the log does not hold what {missing}: it is partial, or damaged")
                slopes[k] = function.slope(signal, self.activations[k])
        return slopes

    def _blame(self, start: int) -> dict[int, Array]:
        """What the loss told each output that a path may end at."""
        on_the_way, found = set(reachable(self.network, start)), {}
        for row, output in zip(self.step.blame[:, self.which], self.network.output_positions.tolist(), strict=True):
            if output in on_the_way and not (self.network.is_input[output] and not self.info.wrt_inputs):
                self._need(row, f"what the loss told {self.network.ids[output]!r}")
                found[output] = row
        return found

    def _signal_urgency(self, k: int, slopes: Array, times: Array | float = 1.0) -> Array | None:
        """Out of the messages that reached it; None where an input was told none."""
        network, outgoing = self.network, self.network.outgoing.of(k)
        if network.is_input[k] and not self.info.wrt_inputs:
            return None
        rows = [self.step.urgencies[outgoing][:, self.which]]
        if k in network.output_positions:
            rows.append(self.step.blame[network.output_positions == k][:, self.which])
        told = np.ascontiguousarray(np.concatenate(rows))
        self._need(told, f"the urgencies that reached {network.ids[k]!r}")
        urgency = self.sums.sum_of_rows(told)
        return urgency if network.is_input[k] else urgency * slopes[k] * times

    def _need(self, rows: Array, what: str) -> None:
        if np.isnan(rows).any():
            raise LogError(f"the log does not hold {what} in step {self.info.number}: it is partial, or was cut off")

    # --- what came of it -----------------------------------------------------------------------------------------

    def _told(
        self,
        about: str,
        paths: Paths,
        first: list[_Part],
        slopes: Array,
        from_log: Array | None,
        limit: int,
        to_loss: bool = True,
    ) -> Trace:
        found = list(islice(paths.greatest(), limit + 1))
        listed = tuple([self._path(path, first, slopes, to_loss) for path in found[:limit]])
        batch = self.info.batch
        which = f"example {self.example} of {batch}" if self.example is not None else f"mean of {batch} examples"
        task = {"predict": "predict", "gradient": f"gradient of {self.info.loss}", "train": f"learn from {self.info.loss}"}
        where = f"at step {self.info.number} ({task[self.info.mode]}, {'1 example' if batch == 1 else which})"
        total = float(np.mean(paths.total))
        said = None if from_log is None else float(np.mean(from_log))
        examples = self.activations.shape[1]
        all_shown = len(found) <= limit and not paths.cut_off
        return Trace(f"{about} {where}", to_loss, total, said, paths.number, listed, examples, all_shown, paths.cut_off)

    def _path(self, path: Found, first: list[_Part], slopes: Array, to_loss: bool) -> Path:
        network, parts = self.network, list(first)
        for source, target in pairwise(path.nodes):
            outgoing = network.outgoing.of(source)
            synapse = outgoing[network.targets[outgoing] == target]
            parts += [("weight", target, network.weights[synapse]), ("slope", target, slopes[target])]
        if to_loss:
            row = int(np.flatnonzero(network.output_positions == path.nodes[-1])[0])
            parts.append(("urgency", path.nodes[-1], self.step.blame[row, self.which]))
        means = tuple([Factor(kind, network.ids[k], float(np.mean(values))) for kind, k, values in parts])
        return Path(tuple([network.ids[k] for k in path.nodes]), float(np.mean(path.values)), means)


def _before(log: Log, step: int) -> Network:
    """The network as it was when that step began. In a partial log it is known where the step before is."""
    numbers = [info.number for info in log.steps if info.number < step]
    return log.network_at(numbers[-1] if numbers else 0)


def _place(network: Network, name: str) -> int:
    if name not in network.position:
        raise InputError(f"there is no neuron {name!r}; {did_you_mean(name, network.ids)}")
    return network.position[name]


def _output(network: Network, name: str | None) -> int:
    if name is None and len(network.outputs) > 1:
        raise InputError(f"the slope of which output? One of {some(network.outputs, 10)}")
    if name is not None and name not in network.outputs:
        raise InputError(f"there is no output {name!r}; {did_you_mean(name, network.outputs)}")
    return network.position[name or network.outputs[0]]


def _synapse(network: Network, weight: Sequence[str]) -> int:
    if isinstance(weight, str) or len(weight) != 2:
        raise InputError(f"weight must be a pair (source, target), got {weight!r}")
    source, target = (_place(network, name) for name in weight)
    found = network.incoming.of(target)
    here = found[network.sources[found] == source]
    if not len(here):
        heard = [network.ids[k] for k in network.sources[found].tolist()]
        nobody = "it is an input" if not heard else f"{weight[1]!r} hears {some(heard, 5)}"
        raise InputError(f"there is no synapse {weight[0]!r} -> {weight[1]!r}: {nobody}")
    return int(here[0])
