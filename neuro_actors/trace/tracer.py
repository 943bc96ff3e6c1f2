"""Finds what a trace is made of in a log: parameters, activations, slopes and urgencies of one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from ..log.log import Log
from ..log.recording import Recording
from ..network import functions
from ..network.elements import MAX_SYNAPSE_NAME, arrow
from ..neuron import sums
from ..support.errors import InputError, LogError
from ..support.text import printable, shown
from ..support.validation import Array, as_list, as_whole_number, did_you_mean, some
from .paths import Paths, SynapsePath, downstream_of, influence, slopes
from .result import Factor, Path, Trace


class Tracer:
    """One recorded step, and the questions that can be asked about it; see `trace`."""

    def __init__(
        self, log: str | PathLike[str] | Log, step: int | None, example: int | None, to_loss: bool
    ) -> None:
        log = log if isinstance(log, Log) else Log(log)
        self._log, self._step = log, log.step(_last(log, to_loss) if step is None else step)
        self.info = self._step.info
        rule = log.about["rule"]
        if rule["name"] == "MicroBatches" and isinstance(rule.get("rule"), dict):
            rule = rule["rule"]
        if rule.get("name") != "Backpropagation":
            told = f"urgencies are products along paths under backpropagation, not under {printable(str(rule.get('name')))}"
            raise InputError(f"{str(log.path)!r}: {told}")
        step = self.info.number
        before = [info.number for info in log.steps if info.number < step]
        self.network = log.network_at(before[-1] if before else 0)
        self._sums = sums.named(log.about["numerics"]["sums"])
        self._taught = any(info.mode == "train" for info in log.steps if info.number < step)
        example = None if example is None else as_whole_number("example", example, 1)
        if example is not None and example > self.info.batch:
            raise InputError(f"example {shown(example)}: step {step} has {self.info.batch}")
        self._example = example
        self._chosen = slice(None) if example is None else slice(example - 1, example)

    # --- the questions -------------------------------------------------------------------------------------------

    def weight(self, source: str, target: str, limit: int = 8) -> Trace:
        """Why this weight wanted to change."""
        network = self.network
        a, b = self._place(source), self._place(target)
        if not (network.sources[network.incoming.of(b)] == a).any():
            raise InputError(self._no_synapse(a, b))
        self._need_urgencies()
        reached, slope = self._slopes(b, include=True)
        heard = self._step.activations[a, self._chosen]
        first = (Factor("said", source, _mean(heard)), Factor("slope", target, _mean(slope[b])))
        logged = self._logged(b, slope[b], heard)
        about = f"urgency of the weight {source} -> {target}"
        return self._trace(
            about, b, slope, self._blame(reached), heard * slope[b], first, logged, limit
        )

    def neuron(self, id: str, limit: int = 8) -> Trace:
        """Why this neuron was urged."""
        b = self._place(id)
        self._need_urgencies()
        is_input = bool(self.network.is_input[b])
        reached, slope = self._slopes(b, include=not is_input)
        ones = np.ones(slope.shape[1])
        first = ones if is_input else slope[b]
        factors = () if is_input else (Factor("slope", id, _mean(first)),)
        logged = self._logged(b, first, ones)
        about = f"urgency of what {id} said" if is_input else f"urgency of the signal of {id}"
        return self._trace(about, b, slope, self._blame(reached), first, factors, logged, limit)

    def output(self, source: str, output: str | None = None, limit: int = 8) -> Trace:
        """How much this output changes with what `source` says. The output may be left out where one alone does."""
        a = self._place(source)
        reached, slope = self._slopes(a, include=False)
        led = [name for name in self.network.outputs if reached[self._place(name)]]
        if output is None and len(led) > 1:
            raise InputError(
                f"output: {source!r} leads to {len(led)} outputs, {some(led)}; say which"
            )
        b = self._place(led[0] if output is None else output)
        name = self.network.ids[b]
        if name not in self.network.outputs:
            raise InputError(f"{name!r} is no output; {did_you_mean(name, self.network.outputs)}")
        if not reached[b]:
            raise InputError(
                f"no path leads from {source!r} to the output {name!r}; from there paths lead to {some(led)}"
            )
        one = np.ones(slope.shape[1])
        return self._trace(
            f"slope of {name} by what {source} said",
            a,
            slope,
            {b: one},
            one,
            (),
            None,
            limit,
            to_loss=False,
        )

    def outputs(self, source: str) -> list[str]:
        """The outputs that `source` leads to, those that change most with it first."""
        a = self._place(source)
        reached, slope = self._slopes(a, include=False)
        found = influence(self.network, a, slope).mean(axis=1)
        places = [k for k in self.network.output_positions.tolist() if reached[k]]
        return [self.network.ids[k] for k in sorted(places, key=lambda k: -abs(float(found[k])))]

    def synapse(self, weight: str | Sequence[str]) -> tuple[str, str]:
        """Both ends; of "a->b", where ids may hold arrows themselves, those that are a synapse's."""
        if not isinstance(weight, str):
            ends = as_list("weight", weight)
            if len(ends) != 2 or not all(isinstance(end, str) for end in ends):
                raise InputError(f"weight: expected the ids of its two ends, got {shown(weight)}")
            return ends[0], ends[1]
        if len(weight) > MAX_SYNAPSE_NAME:
            raise InputError(
                f"weight {shown(weight)}: expected the ids of its two ends, as in 'a->b'"
            )
        places = [k for k in range(len(weight)) if weight.startswith("->", k)]
        if not places:
            raise InputError(
                f"weight {shown(weight)}: expected the ids of its two ends, as in 'a->b'"
            )
        splits = [(weight[:k], weight[k + 2 :]) for k in places]
        splits = list(dict.fromkeys([*splits, *((a.strip(), b.strip()) for a, b in splits)]))
        known = [
            (a, b) for a, b in splits if a in self.network.position and b in self.network.position
        ]
        pairs = (
            set(zip(self.network.sources.tolist(), self.network.targets.tolist(), strict=True))
            if known[1:]
            else set()
        )
        there = [
            pair for pair in known if tuple(self.network.position[end] for end in pair) in pairs
        ] or known
        if len(there) > 1:
            told = " or ".join(arrow(*pair) for pair in there)
            raise InputError(
                f"weight {shown(weight)} may be {told}: give both ends, each by itself"
            )
        return there[0] if there else splits[-1]

    # --- what the log holds --------------------------------------------------------------------------------------

    def _place(self, id: str) -> int:
        if not isinstance(id, str) or id not in self.network.position:
            raise InputError(
                f"{self._log.path!r}: there is no neuron {shown(id)}; {did_you_mean(id, self.network.ids)}"
            )
        return self.network.position[id]

    def _no_synapse(self, a: int, b: int) -> str:
        ids, network = self.network.ids, self.network
        if (network.sources[network.incoming.of(a)] == b).any():
            return (
                f"there is no synapse {arrow(ids[a], ids[b])}, but there is {arrow(ids[b], ids[a])}"
            )
        onward = [ids[k] for k in network.targets[network.outgoing.of(a)].tolist()]
        into = [ids[k] for k in network.sources[network.incoming.of(b)].tolist()]
        told = [f"{ids[a]!r} leads to {some(onward) if onward else 'nobody, it is an output'}"]
        told.append(f"{ids[b]!r} hears {some(into) if into else 'the world alone, it is an input'}")
        return f"there is no synapse {arrow(ids[a], ids[b])}: {'; '.join(told)}"

    def _need_urgencies(self) -> None:
        if self.info.loss is None:
            others = [info.number for info in self._log.steps if info.loss is not None]
            near = min(others, key=lambda number: abs(number - self.info.number), default=None)
            told = "no step of the log has any" if near is None else f"step {near} has some"
            raise InputError(
                f"step {self.info.number} only predicts: nobody was urged in it; {told}"
            )

    def _slopes(self, start: int, include: bool) -> tuple[NDArray[np.bool_], Array]:
        """Who follows `start`, and the slopes of these, and of `start` if it is to be included."""
        network = self.network
        reached = downstream_of(network, start)
        where = reached.copy()
        where[start] = include
        self._need_parameters(where & ~network.is_input)
        heard = where | reached
        heard[network.sources[where[network.targets]]] = True
        self._need("activation", network.ids, self._step.activations, heard)
        found = slopes(network, self._step.activations, where, self._sums)
        self._need("slope", network.ids, found, where)
        return reached, found[:, self._chosen]

    def _blame(self, reached: NDArray[np.bool_]) -> Mapping[int, Array]:
        """What the loss told each output that was reached; where the log does not say, as the loss finds it."""
        step, places = self._step, self.network.output_positions
        here, blame = reached[places], step.blame.copy()
        unsaid = here & np.isnan(blame).any(axis=1)
        if unsaid.any() and self.info.loss is not None:
            found = -functions.loss(self.info.loss).slope(step.predictions.T, step.targets.T).T
            blame[unsaid] = found[unsaid]
        self._need("urgency", self.network.outputs, blame, here)
        return {int(k): row[self._chosen] for k, row in zip(places[here], blame[here], strict=True)}

    def _logged(self, k: int, slope: Array, heard: Array) -> float | None:
        """What the neuron made of what its followers, and the loss, told it: the urgency of the weight through which it
        heard that, by the sums that it made itself. None where it is not said what they told."""
        told = [self._step.urgencies[self.network.outgoing.of(k)]]
        told += [
            self._step.blame[[o]]
            for o in np.flatnonzero(self.network.output_positions == k).tolist()
        ]
        rows = np.ascontiguousarray(np.concatenate(told)[:, self._chosen])
        if np.isnan(rows).any():
            return None
        out = np.empty(1)
        self._sums.mean_products(
            np.ascontiguousarray(heard[None]), self._sums.sum_of_rows(rows) * slope, out
        )
        return float(out[0])

    def _need(
        self, what: str, names: Sequence[str], values: Array, where: NDArray[np.bool_]
    ) -> None:
        missing = (
            np.flatnonzero(where & ~np.isfinite(values).all(axis=1))
            if values.shape[1]
            else np.flatnonzero(where)
        )
        if len(missing):
            self._refuse(f"the {what} of {some([names[k] for k in missing.tolist()])}")

    def _need_parameters(self, where: NDArray[np.bool_]) -> None:
        """Refuse neurons whose learning the log may have missed."""
        if (
            self._log.partial is None
            or self.info.number == 1
            or not (self._taught or self._log.partial["every"] > 1)
        ):
            return
        recorded = Recording.from_description(self._log.path, self._log.partial)
        known = recorded.chosen(self.network) & ("commit" in recorded.kinds)
        if (where & ~known).any():
            self._refuse(
                f"what {some([self.network.ids[k] for k in np.flatnonzero(where & ~known).tolist()])} had learnt"
            )

    def _refuse(self, what: str) -> None:
        partial = self._log.partial
        kept = {name: value for name, value in (partial or {}).items() if value not in (None, 1)}
        told = ", ".join(f"{name}={value!r}" for name, value in kept.items())
        why = (
            f"it is partial, recorded with {told}"
            if told
            else "the step was broken off, or the log is damaged"
        )
        raise LogError(
            f"{self._log.path!r}: step {self.info.number} does not tell {what}, which is needed; {why}"
        )

    # --- the answer ----------------------------------------------------------------------------------------------

    def _trace(
        self, about: str, start: int, slope: Array, blame: Mapping[int, Array], first: Array, factors: tuple[Factor, ...],
        logged: float | None, limit: int, to_loss: bool = True,
    ) -> Trace:  # fmt: skip
        limit = as_whole_number("limit", limit, 1)
        with np.errstate(over="ignore", invalid="ignore"):
            ways = Paths(self.network, start, slope, blame)
            size = _mean(np.abs(first) * ways.size)
        if not np.isfinite(size):
            raise LogError(
                f"{self._log.path!r}: in step {self.info.number} products along the paths exceed all numbers"
            )
        found = ways.find_greatest(first, limit + 1)  # one more, to know whether there is one
        told, shown = blame if to_loss else {}, found.ways[:limit]
        paths = tuple(self._path(way, start, slope, told, factors) for way in shown)
        rest = max([found.rest, *(abs(way.value) for way in found.ways[limit:])])
        # each term is rounded with each factor and in each sum that it goes through, on both sides
        roundings = (ways.longest + 1) * (ways.fan + 2) + len(first) + 6
        return Trace(
            about=f"{about} {self._where()}",
            to_loss=to_loss,
            total=_mean(first * ways.total),
            from_log=logged,
            bound=2 * roundings * float(np.finfo(np.float64).eps) * size,
            number=ways.count,
            paths=paths,
            carried=sum(_mean(np.abs(way.products)) for way in shown) / size if size else 0.0,
            examples=len(first),
            all_shown=len(found.ways) <= limit and not found.cut_off,
            proved=min(found.proved, limit),
            rest=rest if found.cut_off and found.proved < limit else 0.0,
        )

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
        way: SynapsePath,
        start: int,
        slope: Array,
        blame: Mapping[int, Array],
        factors: tuple[Factor, ...],
    ) -> Path:
        network, ids = self.network, self.network.ids
        nodes, product = [ids[start]], list(factors)
        for synapse in way.synapses:
            b = int(network.targets[synapse])
            nodes.append(ids[b])
            product.append(Factor("weight", ids[b], float(network.weights[synapse])))
            product.append(Factor("slope", ids[b], _mean(slope[b])))
        if way.end in blame:
            product.append(Factor("urgency", ids[way.end], _mean(blame[way.end])))
        return Path(tuple(nodes), way.value, tuple(product))


def _last(log: Log, to_loss: bool) -> int:
    """The last step that can be traced."""
    fitting = [
        info.number
        for info in log.steps
        if info.whole and info.only is None and (info.loss or not to_loss)
    ]
    if not fitting:
        raise LogError(
            f"{log.path!r}: it holds no {'step with urgencies' if to_loss else 'whole step'}: nothing can be traced"
        )
    return fitting[-1]


def _mean(values: Array) -> float:
    return float(values.mean())
