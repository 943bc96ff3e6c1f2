"""The steps of a page: their numbers, packed, and what each of them needs of those before it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from ..log.wording import format_call
from ..neuron.sums import choose_sums
from .contradictions import find_contradictions
from .example_numbers import ExampleNumbers
from .page_workers import step_placement
from .position_rows import PositionRows
from .scales import Scales
from .selection import NUMBERS_PER_NEURON, Selection
from .sequences import place_in_sequence
from .step_values import (
    StepNumbers,
    StepValues,
    compute_step_numbers,
    into_interneurons,
    select_step_values,
)
from .update_history import UpdateHistory, batch_wants, optimizer_settings

if TYPE_CHECKING:
    from ..log.log import Log
    from ..log.steps import RecordedStep, StepInfo
    from ..network.network import Network
    from ..support.arrays import Array


class PageSteps:
    """Collects the steps of a page.

    Args:
        log: The log.
        steps: The steps that have something to show.
        selection: Which of them, and how much of each.
        pack: Encodes arrays.
        unknown: Names of functions and combinations that are other ones here than in the run.
        losses: Names of the losses that are the same here as in the run.
        replays: Whether to replay the optimizers from the first step on.

    Attributes:
        versions: The parameters before and after the steps.
        scales: The scales of colours and sizes.
        inputs: What the inputs were in each step. Shape (rows, input rows).
        reach: The greatest |z|.
    """

    def __init__(
        self,
        log: Log,
        steps: list[StepInfo],
        selection: Selection,
        pack: Packer,
        unknown: frozenset[str],
        losses: frozenset[str],
        replays: bool,
    ) -> None:
        self._log, self._steps, self._selection, self._pack = log, steps, selection, pack
        self._unknown, self._losses, self._replays = unknown, losses, replays
        self._sums = choose_sums(log.about["numerics"]["sums"])
        self._examples, self._history = ExampleNumbers(log), UpdateHistory()
        numbers = [info.number for info in log.steps]
        self._earlier = dict(zip(numbers, [0, *numbers], strict=False))
        self._infos = {info.number: info for info in log.steps}
        self._network: tuple[int, Network] = 0, log.network  # after that step
        positions = PositionRows(log.network.n_positions)
        self._input_rows = positions.index(log.network.is_input)
        self.versions = Versions(pack, selection.synapses)
        self.scales = Scales(log.network)
        self.inputs: list[Array] = []
        self.reach = 6.0

    def collect(self, faults: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the selected steps, as values for JSON.

        Args:
            faults: The fault events by step; see `gather_fault_events`.
        """
        steps, selected = self._steps, self._selection.steps
        if self._selection.examples < max(info.batch for info in steps):
            for k in selected:  # to know which examples occur in many steps
                self._examples.count(self._log.step(steps[k].number))
        found, chosen = [], set(selected)
        for k, info in enumerate(steps[: selected[-1] + 1]):
            is_selected = k in chosen
            if is_selected or (self._replays and info.mode == "train"):
                one = self._step(info, is_selected)
                if is_selected:
                    found.append(one | _faults_of(faults.get(info.number), self._selection))
        places = self._examples.places({number for one in found for number in one["inputs"]})
        for one in found:
            one["inputs"] = [places[number] for number in one["inputs"]]
        return found

    def _step(self, info: StepInfo, is_selected: bool) -> dict[str, Any]:
        log, learns = self._log, info.mode == "train" and info.whole
        last = self._earlier[info.number]
        before = self._network[1] if self._network[0] == last else log.parameters_at(last)
        after = log.parameters_at(info.number) if learns else before
        if info.whole:
            self._network = info.number, after
        step = log.step(info.number)
        numbers = compute_step_numbers(before, step, self._unknown, self._sums)
        learned_from, n_examples = batch_wants(log, info, numbers.wants)
        arrays: dict[str, Array] = {}
        if learns and self._replays:
            parameters = np.concatenate([before.weights, before.biases])
            state = self._history.state_before(info, parameters, learned_from)
            if info.update != 1:  # else it is 0
                arrays |= {f"state{k}": part for k, part in enumerate(state)}
        if not is_selected:
            return {}
        if info.loss is not None and info.batch > 1:
            arrays["wants"] = numbers.wants
        place = place_in_sequence(info)
        if n_examples != info.batch or (place is not None and place.round.is_last):
            arrays["batch_wants"] = learned_from
        known = self._examples.of(step)
        chosen = self._examples.choose(known, self._selection.examples)
        values = select_step_values(step, numbers, chosen)
        self.inputs.append(values.activations[:, self._input_rows])
        signals = values.signals[np.isfinite(values.signals)]
        self.reach = max(self.reach, float(np.abs(signals).max(initial=0.0)))
        self.scales.add(before, after, values)
        first = 0 if self._selection.synapses else len(before.weights)
        loss = float(values.losses[-1])
        return (
            {
                "number": info.number,
                "mode": info.mode,
                "loss": info.loss,
                "optimizer": None if info.optimizer is None else format_call(info.optimizer),
                "update": optimizer_settings(info),
                "batch": info.batch,
                "learnedFrom": n_examples,
                "inputs": [known[k] for k in chosen],
                "examples": len(chosen),
                "wrtInputs": info.wrt_inputs,
                "round": info.round,
                "whole": info.whole,
                "odd": self._odd(before, step, numbers, learned_from),
                "mean": loss if np.isfinite(loss) else None,
                "before": self.versions.of(before),
                "after": self.versions.of(after),
                "arrays": {
                    name: self._pack(getattr(values, name))
                    for name in StepValues.__slots__
                    if name != "messages" or values.messages.size
                }
                | {name: self._pack(array[first:]) for name, array in arrays.items()},
            }
            | step_placement(log, info)
            | _place_of(info)
        )

    def _odd(
        self, network: Network, step: RecordedStep, numbers: StepNumbers, total: Array
    ) -> list[int]:
        """The members that contradict the page's formulas."""
        place = place_in_sequence(step.info)
        earlier = None if place is None else total - numbers.wants
        # NaN is a target that does not count, or, in a partial log, one that is not on record
        is_known = self._log.partial is None or not np.isnan(step.targets).any()
        losses = self._losses if is_known else frozenset[str]()
        odd = find_contradictions(network, step, numbers, self._unknown, losses, earlier)
        if place is None or not network.delayed:
            return odd
        found = set(odd)
        for k, (of, ticks) in network.delayed.items():
            repeated = place.repeated(ticks)
            info = None if repeated is None else self._infos.get(repeated.number)
            if info is None:  # it is not on record, or the rule says what a delay begins with
                continue
            said = self._log.step(info.number).activations[of]
            apart = np.abs(said - step.activations[k])
            if (apart > 0).any():  # it repeats, so there is no rounding
                found.add(k)
        return sorted(found)


def _place_of(info: StepInfo) -> dict[str, Any]:
    """Where a step is in its sequence, if it goes through time."""
    place = place_in_sequence(info)
    if place is None:
        return {}
    here = place.round
    return {"tick": [here.tick, here.ticks], "back": here.back, "sequence": place.first}


def numbers_per_row(network: Network) -> int:
    """Return how many numbers an example of a step has, beside its loss.

    Args:
        network: The network that ran.
    """
    at = network.n_positions
    into = into_interneurons(network)
    outputs = at[network.output_positions] if len(network.grids) > 1 else at[:0]
    messages = at[network.sources[into]]
    return int(NUMBERS_PER_NEURON * at.sum() + messages.sum() + 2 * outputs.sum())


def numbers_per_parameter(steps: list[StepInfo]) -> int:
    """Return how many numbers of each parameter a step has at most, beside its value."""
    means = any(info.batch > 1 for info in steps)
    return means + any(info.micro_batch is not None for info in steps)


def _faults_of(found: dict[str, Any] | None, selection: Selection) -> dict[str, Any]:
    if found is None:
        return {}
    totals = {name: found[name] for name in ("lost", "died")}
    return {"faults": found if selection.synapses else totals}


class Packer:
    """Encodes numbers as base64, with 8 or 4 bytes each.

    Numbers of 4 bytes reach from 1e-38 to 3e38. If an array has others, all of it is divided by a
    power of two, whose exponent stands before the base64: "40:…". Then numbers that are more than
    1e75 times smaller than the greatest one become 0.
    """

    def __init__(self, item: int) -> None:
        self._kind, self._item = f"<f{item}", item

    def __call__(self, values: Array) -> str:
        """Return an array as text."""
        exponent = _exponent(values) if self._item == 4 else 0
        if exponent:
            with np.errstate(all="ignore"):
                values = np.ldexp(values, -exponent)
        with np.errstate(all="ignore"):
            text = base64.b64encode(values.astype(self._kind).tobytes()).decode()
        return f"{exponent}:{text}" if exponent else text


def _exponent(values: Array) -> int:
    """The power of two to divide an array by, so that it fits into 4 bytes; mostly 0."""
    sizes = np.abs(values[np.isfinite(values) & (values != 0.0)])
    limits = np.finfo(np.float32)
    if not sizes.size or (sizes.min() >= limits.tiny and sizes.max() <= limits.max):
        return 0
    # the greatest becomes 2^126 to 2^127; the page computes 2^exponent, which must not be 0
    return max(int(np.frexp(sizes.max())[1]) - 127, -1000)


class Versions:
    """The parameters before and after steps; equal ones are encoded once."""

    def __init__(self, pack: Packer, synapses: bool) -> None:
        self._pack, self._known = pack, {"": -1}
        self._weights = slice(None if synapses else 0)
        self.packed: list[dict[str, str]] = []

    def of(self, network: Network) -> int:
        """The number of a network's parameters; they are encoded if they are new."""
        key = network.digest()
        if key not in self._known:
            self._known[key] = len(self.packed)
            self.packed.append(
                {
                    "weights": self._pack(network.weights[self._weights]),
                    "biases": self._pack(network.biases),
                }
            )
        return self._known[key]
