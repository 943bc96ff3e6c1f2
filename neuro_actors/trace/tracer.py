"""Reads what a trace needs from a log: parameters, activations, slopes and urgencies of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..log.log import Log
from ..log.recording_settings import Recording
from ..network import functions
from ..network.dropout import read_dropout
from ..neuron import sums
from ..neuron.dropout_rule import draw_mask_of_round
from ..support.arrays import Array, Indices
from ..support.errors import InputError, LogError
from ..support.means import mean_of
from ..support.scalars import as_whole_number
from ..support.text import did_you_mean, escape_controls, list_names, quote
from .gated_paths import GatedPaths, gated_slopes
from .paths import LEAST, Paths, SynapsePath, downstream_of, influence, slopes
from .result import Factor, Path, Trace
from .synapse_name import no_synapse

# of neurons by position: an array, or in a network that is not plain see `gated_slopes`
_Slopes: TypeAlias = Array | dict[int, Array]
# products that exceed all floats are refused in one line, without a warning before it
QUIET = np.errstate(all="ignore")


class Tracer:
    """One recorded step, and the traces that can be made of it; see `trace`.

    Args:
        log: An opened log, or the path of its file.
        step: The step's number. None: the last one that can be traced.
        example: One example of the batch, counted from 1. None: the mean over all.
        to_loss: Whether the step must have urgencies.

    Attributes:
        info: The description of the step.
        network: The network with the parameters that the step began with.

    Raises:
        InputError: The batch has no such example, or the run did not use backpropagation.
        LogError: The log cannot be read, or it has no such step.
    """

    def __init__(
        self, log: str | PathLike[str] | Log, step: int | None, example: int | None, to_loss: bool
    ) -> None:
        log = log if isinstance(log, Log) else Log(log)
        number = _last_traceable_step(log, to_loss) if step is None else step
        self._log, self._step = log, log.step(number)
        self.info = self._step.info
        rule = log.about["rule"]
        if rule["name"] == "MicroBatches" and isinstance(rule.get("rule"), dict):
            rule = rule["rule"]
        self._has_time = rule.get("name") == "ThroughTime"
        if rule.get("name") != "Backpropagation" and not self._has_time:
            other = f"not under {escape_controls(str(rule.get('name')))}"
            problem = f"urgencies are products along paths under backpropagation, {other}"
            raise InputError(f"{str(log.path)!r}: {problem}")
        step = self.info.number
        before = [info.number for info in log.steps if info.number < step]
        self.network = log.parameters_at(before[-1] if before else 0)
        self._sums = sums.choose_sums(log.about["numerics"]["sums"])
        self._has_learnt = any(info.mode == "train" for info in log.steps if info.number < step)
        example = None if example is None else as_whole_number("example", example, 1)
        if example is not None and example > self.info.batch:
            raise InputError(f"example {quote(example)}: step {step} has {self.info.batch}")
        self._example = example
        # the examples that are traced, as columns of the step's arrays
        self._columns = slice(None) if example is None else slice(example - 1, example)
        self._batch = self.info.batch if example is None else 1
        network = self.network
        self._has_positions = bool((network.n_positions > 1).any())
        self._is_plain = not network.interneurons and not self._has_positions

    # --- traces ---------------------------------------------------------------------------------

    @QUIET
    def weight(self, source: str, target: str, limit: int = 8) -> Trace:
        """Trace the urgency of a weight.

        Args:
            source: The id of the synapse's source.
            target: The id of the synapse's target.
            limit: How many paths to return.

        Raises:
            InputError: There is no such synapse, or the step has no urgencies.
            LogError: The log does not contain what is needed.
        """
        network = self.network
        a, b = self._position(source), self._position(target)
        if not (network.sources[network.incoming.of(b)] == a).any():
            raise InputError(no_synapse(network, a, b))
        if b in network.interneurons:
            problem = f"{target!r} is an interneuron, whose synapses have no weights"
            raise InputError(f"{self._log.path!r}: {problem}: ask for the neuron {source!r}")
        self._need_urgencies()
        reached, slope = self._slopes(b, include=True)
        activation = self._values(self._step.activations, a, a)
        first, exponent = _multiply(activation, slope[b])
        factors = (
            Factor("said", source, self._mean(activation)),
            Factor("slope", target, self._mean(slope[b])),
        )
        return self._trace(
            f"urgency of the weight {source} -> {target}",
            b,
            slope,
            self._loss_urgencies(reached),
            first,
            factors,
            self._urgency_from_log(b, slope[b], activation),
            limit,
            exponent=exponent,
            said=activation,
        )

    @QUIET
    def neuron(self, id: str, limit: int = 8) -> Trace:
        """Trace the urgency of a neuron's signal, or of an input's or interneuron's activation.

        Args:
            id: The id of the neuron or input.
            limit: How many paths to return.

        Raises:
            InputError: There is no such neuron, or the step has no urgencies.
            LogError: The log does not contain what is needed.
        """
        b = self._position(id)
        self._need_urgencies()
        has_signal = not self.network.is_input[b] and b not in self.network.interneurons
        reached, slope = self._slopes(b, include=has_signal)
        ones = np.ones(self._width(b))
        first = slope[b] if has_signal else ones
        return self._trace(
            f"urgency of the signal of {id}" if has_signal else f"urgency of what {id} said",
            b,
            slope,
            self._loss_urgencies(reached),
            first,
            (Factor("slope", id, self._mean(first)),) if has_signal else (),
            self._urgency_from_log(b, first, ones),
            limit,
        )

    @QUIET
    def output(self, source: str, output: str | None = None, limit: int = 8) -> Trace:
        """Trace the slope of an output with respect to an activation.

        Args:
            source: The id of the neuron or input whose activation it is.
            output: The id of the output. None: the only one that `source` leads to.
            limit: How many paths to return.

        Raises:
            InputError: There is no such neuron or output, no path leads to the output, or `source`
                leads to several outputs and none is given.
            LogError: The log does not contain what is needed.
        """
        a = self._position(source)
        reached, slope = self._slopes(a, include=False)
        outputs = [name for name in self.network.outputs if reached[self._position(name)]]
        if output is None and len(outputs) > 1:
            raise InputError(
                f"output: {source!r} leads to {len(outputs)} outputs, {list_names(outputs)}; "
                "say which"
            )
        b = self._position(outputs[0] if output is None else output)
        name = self.network.ids[b]
        if name not in self.network.outputs:
            raise InputError(f"{name!r} is no output; {did_you_mean(name, self.network.outputs)}")
        if not reached[b]:
            others = f"from there paths lead to {list_names(outputs)}"
            raise InputError(f"no path leads from {source!r} to the output {name!r}; {others}")
        what = "" if not self._has_positions else ", over all their positions,"
        return self._trace(
            f"slope of {name} by what {source} said{what}",
            a,
            slope,
            {b: np.ones(self._width(b))},
            np.ones(self._width(a)),
            (),
            None,
            limit,
            to_loss=False,
        )

    @QUIET
    def outputs(self, source: str) -> list[str]:
        """Return the outputs that a neuron or input leads to, the steepest first.

        Args:
            source: The id of the neuron or input.

        Raises:
            InputError: There is no such neuron.
            LogError: The log does not contain what is needed.
        """
        a = self._position(source)
        reached, slope = self._slopes(a, include=False)
        outputs = [k for k in self.network.output_positions.tolist() if reached[k]]
        found: Mapping[int, float] | Array
        if isinstance(slope, np.ndarray):
            found = mean_of(influence(self.network, a, slope), axis=1)
        else:
            ends = ({k: np.ones(self._width(k))} for k in outputs)
            totals = [self._mean(self._paths(a, slope, end).total) for end in ends]
            found = dict(zip(outputs, totals, strict=True))
        return [self.network.ids[k] for k in sorted(outputs, key=lambda k: -abs(float(found[k])))]

    # --- what the log contains ------------------------------------------------------------------

    def _position(self, id: str) -> int:
        if not isinstance(id, str) or id not in self.network.position:
            hint = did_you_mean(id, self.network.ids)
            raise InputError(f"{self._log.path!r}: there is no neuron {quote(id)}; {hint}")
        return self.network.position[id]

    def _need_urgencies(self) -> None:
        if self.info.loss is None:
            others = [info.number for info in self._log.steps if info.loss is not None]
            near = min(others, key=lambda number: abs(number - self.info.number), default=None)
            hint = "no step of the log has any" if near is None else f"step {near} has some"
            raise InputError(f"step {self.info.number} only predicts: it has no urgencies; {hint}")

    def _slopes(self, start: int, include: bool) -> tuple[NDArray[np.bool_], _Slopes]:
        """The mask of the neurons downstream of `start`, and their slopes, by position.

        include: whether the slope of `start` is needed, too.
        """
        network = self.network
        reached = downstream_of(network, start)
        where = reached.copy()
        where[start] = include
        self._need_parameters(where & ~network.is_input)
        needed = where | reached
        needed[network.sources[where[network.targets]]] = True
        self._need("activation", network.ids, self._step.activations, needed, network.n_positions)
        names = zip(network.activations, where.tolist(), strict=True)
        self._need_functions([name for name, is_needed in names if is_needed], [])
        if self._is_plain:
            found = slopes(network, self._step.activations, where, self._sums, self.info.loss)
            self._need("slope", network.ids, found, where)
            return reached, found[:, self._columns]
        activations = self._step.activations
        gates = gated_slopes(
            network,
            lambda k: self._values(activations, k, k),
            self._mask,
            np.flatnonzero(where).tolist(),
            self._sums,
            self.info.loss,
        )
        for k, values in gates.items():
            if not np.isfinite(values).all():
                self._refuse(f"the slope of {network.ids[k]}")
        return reached, gates

    def _mask(self, k: int) -> Array:
        """By how much the dropout k multiplied what it received, for the examples traced."""
        info, node = self.info, self.network.interneurons[k]
        dropout = read_dropout(node.combination)
        assert dropout is not None
        columns = info.batch * int(self.network.n_positions[k])
        about = info.number, info.round, info.loss
        return self._values(draw_mask_of_round(dropout, node.id, about, columns)[None], 0, k)

    def _need_functions(self, activations: Sequence[str], losses: Sequence[str]) -> None:
        """Raise `LogError` if functions of these names are other ones here than in the run."""
        problems = self._log.compare_functions(activations, losses).problems
        if problems:
            raise LogError(f"{str(self._log.path)!r}: {'; '.join(problems)}")

    def _loss_urgencies(self, reached: NDArray[np.bool_]) -> Mapping[int, Array]:
        """The urgency of each output in `reached`, (batch,) each.

        It is what the loss sent or, if the log lacks that, what the loss function gives.
        """
        step, outputs = self._step, self.network.output_positions
        here, urgencies = reached[outputs], step.blame.copy()
        positions = self.network.n_positions[outputs]
        missing = here & np.isnan(urgencies[:, : self.info.batch * int(positions[0])]).any(axis=1)
        if missing.any() and self.info.loss is not None and not self._has_time:
            self._need_functions([], [self.info.loss])
            found = -functions.loss(self.info.loss).slope(step.predictions.T, step.targets.T).T
            urgencies[missing] = found[missing]
        self._need("urgency", self.network.outputs, urgencies, here, positions)
        found_rows = np.flatnonzero(here).tolist()
        return {int(outputs[i]): self._values(urgencies, i, int(outputs[i])) for i in found_rows}

    def _urgency_from_log(self, k: int, slope: Array, activation: Array) -> float | None:
        """The urgency of a weight of neuron k, from the urgencies that it received.

        It uses the neuron's own sums. `activation`: of the weight's source. None if the log does
        not contain all the urgencies.
        """
        step = self._step
        received = [(step.urgencies, s) for s in self.network.outgoing.of(k).tolist()]
        received += [
            (step.blame, o) for o in np.flatnonzero(self.network.output_positions == k).tolist()
        ]
        parts = [self._values(values, row, k) for values, row in received]
        rows = np.array(parts).reshape(len(parts), self._width(k))
        if np.isnan(rows).any():
            return None
        out = np.empty(1)
        self._sums.mean_products(
            np.ascontiguousarray(activation[None]),
            self._sums.sum_of_rows(rows) * slope,
            out,
            int(self.network.n_positions[k]),
        )
        return float(out[0])

    def _width(self, k: int) -> int:
        """How many numbers a row of neuron k has of the examples that are traced."""
        return self._batch * int(self.network.n_positions[k])

    def _values(self, values: Array, row: int, k: int) -> Array:
        """The numbers of neuron k, of the examples that are traced, in a row of a step's array."""
        positions = int(self.network.n_positions[k])
        found: Array = values[row, : self.info.batch * positions]
        if self._example is None:
            return found
        return found[(self._example - 1) * positions : self._example * positions]

    def _mean(self, values: Array) -> float:
        """The mean over the examples of the sum over the positions."""
        if len(values) > self._batch:
            values = values.reshape(self._batch, -1).sum(axis=1)
        return _mean(values)

    def _need(
        self,
        what: str,
        names: Sequence[str],
        values: Array,
        where: NDArray[np.bool_],
        positions: Indices | None = None,
    ) -> None:
        """Refuse the step if a value of a neuron in `where` is missing or not finite.

        positions: How many positions each row is about, which may be shorter then. None: one.
        """
        known = np.isfinite(values)
        if positions is not None and self._has_positions:
            known |= np.arange(values.shape[1]) >= self.info.batch * positions[:, None]
        missing = (
            np.flatnonzero(where & ~known.all(axis=1)) if values.shape[1] else np.flatnonzero(where)
        )
        if len(missing):
            self._refuse(f"the {what} of {list_names([names[k] for k in missing.tolist()])}")

    def _need_parameters(self, where: NDArray[np.bool_]) -> None:
        """Refuse the step if neurons in `where` may have learnt what the log does not contain."""
        if (
            self._log.partial is None
            or self.info.number == 1
            or not (self._has_learnt or self._log.partial["every"] > 1)
        ):
            return
        recorded = Recording.from_json(self._log.path, self._log.partial)
        known = recorded.selects(self.network) & ("commit" in recorded.kinds)
        known |= self.network.n_parameters == 0
        if (where & ~known).any():
            unknown = [self.network.ids[k] for k in np.flatnonzero(where & ~known).tolist()]
            self._refuse(f"the parameters of {list_names(unknown)}")

    def _refuse(self, what: str) -> None:
        partial = self._log.partial or {}
        given = {name: value for name, value in partial.items() if value not in (None, 1)}
        settings = ", ".join(f"{name}={value!r}" for name, value in given.items())
        why = (
            f"it is partial, recorded with {settings}"
            if settings
            else "the step was broken off, or the log is damaged"
        )
        problem = f"a trace of step {self.info.number} needs {what}, which the log does not contain"
        raise LogError(f"{self._log.path!r}: {problem}: {why}")

    # --- the result -----------------------------------------------------------------------------

    def _trace(
        self,
        about: str,
        start: int,
        slope: _Slopes,
        ends: Mapping[int, Array],
        first: Array,
        factors: tuple[Factor, ...],
        from_log: float | None,
        limit: int,
        to_loss: bool = True,
        exponent: int = 0,
        said: Array | None = None,
    ) -> Trace:
        """The sum over all paths from `start` to `ends`, each beginning with `first`, (batch,).

        factors: what `first` times two to the power of `exponent` is the product of. said: the
        activation among them.
        """
        limit = as_whole_number("limit", limit, 1)
        all_paths = self._paths(start, slope, ends)
        scaled = self._mean(np.abs(first) * all_paths.size)
        size = float(np.ldexp(scaled, exponent))
        try:
            if not np.isfinite(size):
                raise OverflowError
            # one more, to know whether there is one
            found = all_paths.find_greatest(first, limit + 1)
        except OverflowError:
            problem = f"in step {self.info.number} products along the paths exceed all numbers"
            raise LogError(f"{self._log.path!r}: {problem}") from None
        urgencies, listed = ends if to_loss else {}, found.paths[:limit]
        rest = max([found.rest, *(abs(path.value) for path in found.paths[limit:])])
        # what rounding to multiples of the least float does, on both sides
        lost = float(np.ldexp(self._mean(np.abs(first) * all_paths.lost), exponent))
        lost += LEAST * (2.0 + (1.0 if said is None else self._mean(np.abs(said))))
        # each term is rounded with each factor and in each sum that it goes through, on both sides
        roundings = (all_paths.longest + 1) * (all_paths.fan + 2) + len(first) + 6
        return Trace(
            about=f"{about} {self._where()}",
            to_loss=to_loss,
            total=float(np.ldexp(self._mean(first * all_paths.total), exponent)),
            from_log=from_log,
            bound=2 * roundings * float(np.finfo(np.float64).eps) * size + 2 * lost,
            number=all_paths.count,
            paths=tuple(
                self._path(one, exponent, start, slope, urgencies, factors) for one in listed
            ),
            carried=sum(_mean(np.abs(one.products)) for one in listed) / scaled if scaled else 0.0,
            examples=self._batch,
            all_shown=len(found.paths) <= limit and not found.cut_off,
            proved=min(found.proved, limit),
            rest=(
                float(np.ldexp(rest, exponent)) if found.cut_off and found.proved < limit else 0.0
            ),
            over_positions=self._has_positions,
        )

    def _paths(self, start: int, slope: _Slopes, ends: Mapping[int, Array]) -> Paths:
        if isinstance(slope, np.ndarray):
            return Paths(self.network, start, slope, ends)
        return GatedPaths(self.network, start, slope, ends, self._batch)

    def _where(self) -> str:
        info, batch = self.info, self.info.batch
        which = (
            f"example {self._example} of {batch}"
            if self._example is not None
            else f"mean of {batch} examples"
        )
        task = {"predict": "predict", "train": f"learn from {info.loss}"}.get(
            info.mode, f"{info.mode} of {info.loss}"
        )
        task += f", {info.round}" * bool(info.round)
        return f"at step {info.number} ({task}, {'1 example' if batch == 1 else which})"

    def _path(
        self,
        path: SynapsePath,
        exponent: int,
        start: int,
        slope: _Slopes,
        urgencies: Mapping[int, Array],
        factors: tuple[Factor, ...],
    ) -> Path:
        network, ids = self.network, self.network.ids
        value = float(np.ldexp(path.value, exponent))
        ends = [int(network.targets[synapse]) for synapse in path.synapses]
        nodes = (ids[start], *(ids[b] for b in ends))
        # neither the mean of products nor their sum over positions is a product of means
        if len(path.products) > 1 or self._has_positions:
            return Path(nodes, value, ())
        product = list(factors)
        for synapse, b in zip(path.synapses, ends, strict=True):
            if b in network.interneurons:
                rank = int(np.flatnonzero(network.incoming.of(b) == synapse)[0])
                product.append(Factor("slope", ids[b], _mean(slope[b][rank])))
                continue
            product.append(Factor("weight", ids[b], float(network.weights[synapse])))
            product.append(Factor("slope", ids[b], _mean(slope[b])))
        if path.end in urgencies:
            product.append(Factor("urgency", ids[path.end], _mean(urgencies[path.end])))
        return Path(nodes, value, tuple(product))


def _last_traceable_step(log: Log, to_loss: bool) -> int:
    fitting = [
        info.number
        for info in log.steps
        if info.whole and info.only is None and (info.loss or not to_loss)
    ]
    if not fitting:
        what = "step with urgencies" if to_loss else "whole step"
        raise LogError(f"{log.path!r}: it holds no {what}: nothing can be traced")
    return fitting[-1]


def _multiply(a: Array, b: Array) -> tuple[Array, int]:
    """The product of two arrays, and the power of two that it is to be multiplied by, mostly 0.

    Where a product exceeds all floats, or is less than they can hold, a later factor may make up
    for it.
    """
    product = a * b
    nonzero = (a != 0.0) & (b != 0.0)
    sizes = np.abs(product[nonzero])
    if not len(sizes) or (sizes.min() >= np.finfo(np.float64).tiny and np.isfinite(sizes).all()):
        return product, 0
    (first, one), (second, other) = np.frexp(a), np.frexp(b)
    exponents = one + other
    most = int(exponents[nonzero].max())
    return np.ldexp(first * second, exponents - most), most


def _mean(values: Array) -> float:
    return float(mean_of(values))
