"""All that the page shows of a log, as plain values for JSON; arrays are base64 of little-endian numbers."""

from __future__ import annotations

import base64
import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..log.wording import format_call
from ..network import functions
from ..support.errors import InputError
from ..support.text import shown
from ..support.validation import as_whole_number, number
from .fault_events import gather_fault_events
from .picture import find_picture
from .placement import placement, step_placement
from .scales import Scales
from .selection import Selection, select_steps, spread_evenly
from .step_values import StepValues, read_step_values

if TYPE_CHECKING:
    from ..log.log import Log
    from ..log.steps import StepInfo
    from ..support.validation import Array

CURVE_STEPS = 1000  # of which the losses are read, for the curve


def collect_page_data(
    log: Log, max_mb: float = 12.0, shape: tuple[int, int] | str | None = "look"
) -> dict[str, Any]:
    """What the page needs. shape: (rows, columns) of the picture that the inputs are, None if they are none, or "look"."""
    if not 0 < number(max_mb) < math.inf:
        raise InputError(f"max_mb must be a number of megabytes above 0, got {shown(max_mb)}")
    if isinstance(shape, tuple) and len(shape) == 2:
        shape = (
            as_whole_number("a picture's rows", shape[0], 1),
            as_whole_number("its columns", shape[1], 1),
        )
    elif shape is not None and not (isinstance(shape, str) and shape == "look"):
        raise InputError(f"picture must be (rows, columns), None or 'look', got {shown(shape)}")
    network, numbers = log.network, [info.number for info in log.steps]
    earlier = dict(zip(numbers, [0, *numbers], strict=False))
    # A partial log tells in steps of their own what neurons had learnt unseen, and some rules have rounds in which nothing
    # is said of any example: nothing to look at.
    steps = [info for info in log.steps if info.only is None and 0 < info.batch <= info.columns]
    if not steps:
        raise InputError(f"{str(log.path)!r}: no step was recorded, so there is nothing to see")
    if isinstance(shape, tuple) and shape[0] * shape[1] != len(network.inputs):
        raise InputError(
            f"a picture of {shape[0]}x{shape[1]} is {shape[0] * shape[1]} inputs, there are {len(network.inputs)}"
        )
    befell = gather_fault_events(log)
    weather = [len(json.dumps(befell.get(info.number))) for info in steps] if befell else None
    kept = select_steps(
        len(network.ids),
        len(network.weights),
        [info.batch for info in steps],
        max_mb * 1e6,
        weather,
    )
    pack = _Packer(kept.item)
    versions = _Versions(pack, kept.synapses)
    steps_shown, seen, reach, scales = [], [], 6.0, Scales(network)
    for place in kept.steps:
        info = steps[place]
        recorded = log.step(info.number)
        before = log.network_at(earlier[info.number])
        said = read_step_values(before, recorded, kept.examples)
        after = log.network_at(info.number) if info.mode == "train" and info.whole else before
        steps_shown.append(
            _step(info, said, versions.of(before), versions.of(after), pack, kept)
            | step_placement(log, info)
        )
        if info.number in befell:
            told_of = befell[info.number]
            steps_shown[-1]["storm"] = (
                told_of if kept.synapses else {name: told_of[name] for name in ("lost", "died")}
            )
        seen.append(said.activations[:, network.is_input])
        signals = said.signals[np.isfinite(said.signals)]
        reach = max(reach, float(np.abs(signals).max(initial=0.0)))
        scales.add(before, after, said)
    if shape == "look":
        shape = find_picture(np.concatenate(seen))
    return {
        "title": Path(log.path).name,
        "network": _network(log, kept),
        "machines": placement(log),
        "picture": shape,
        "item": kept.item,
        "scales": scales.to_json(),
        "functions": _functions(network.activations, reach),
        "losses": _losses(steps),
        "versions": versions.packed,
        "steps": steps_shown,
        "curve": _curve(log, steps),
        "notes": _notes(log, steps, kept),
    }


class _Packer:
    """Numbers as base64, of 8 or 4 bytes each."""

    def __init__(self, item: int) -> None:
        self._kind = f"<f{item}"

    def __call__(self, values: Array) -> str:
        return base64.b64encode(values.astype(self._kind).tobytes()).decode()


class _Versions:
    """Parameters at some time, each kept once."""

    def __init__(self, pack: _Packer, synapses: bool) -> None:
        self._pack, self._known = pack, {"": -1}
        self._weights = slice(None if synapses else 0)
        self.packed: list[dict[str, str]] = []

    def of(self, network: Any) -> int:
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


def _step(
    info: StepInfo, said: StepValues, before: int, after: int, pack: _Packer, kept: Selection
) -> dict[str, Any]:
    named = {name: getattr(said, name) for name in StepValues.__slots__}
    arrays = {name: pack(values) for name, values in named.items() if values is not None}
    if not kept.synapses:
        arrays.pop("wants", None)
    loss = float(said.losses[-1])
    return {
        "number": info.number,
        "mode": info.mode,
        "loss": info.loss,
        "optimizer": None if info.optimizer is None else format_call(info.optimizer),
        "batch": info.batch,
        "examples": min(info.batch, kept.examples),
        "wrtInputs": info.wrt_inputs,
        "round": info.round,
        "whole": info.whole,
        "mean": loss if np.isfinite(loss) else None,
        "before": before,
        "after": after,
        "arrays": arrays,
    }


def _network(log: Log, kept: Selection) -> dict[str, Any]:
    network = log.network
    none = np.empty(0)
    kinds = zip(network.activations, network.is_input.tolist(), strict=True)

    def places(values: Any) -> str:
        return base64.b64encode(np.asarray(values).astype("<i4").tobytes()).decode()

    return {
        "ids": network.ids,
        "activations": [None if is_input else name for name, is_input in kinds],
        "outputs": network.output_positions.tolist(),
        "level": places(network.level),
        "sources": places(network.sources if kept.synapses else none),
        "targets": places(network.targets if kept.synapses else none),
        "nSynapses": len(network.weights),
    }


def _functions(names: tuple[str, ...], reach: float) -> dict[str, Any]:
    """Each activation function that is used, sampled: the page draws its curve and knows no formula of its own."""
    near = np.linspace(-6.0, 6.0, 241)
    far = np.geomspace(6.0, reach * 2.0, 80)[1:]
    z = np.concatenate([-far[::-1], near, far])
    sampled = {}
    for name in sorted(set(names)):
        known = functions.ACTIVATIONS.get(name)
        if known is not None:
            formula = (known.value.__doc__ or "").strip().split("   ")[0]
            sampled[name] = {
                "z": z.round(9).tolist(),
                "a": known.value(z).round(9).tolist(),
                "formula": formula,
            }
    return sampled


def _losses(steps: list[StepInfo]) -> dict[str, str]:
    """The formula of each loss that judged a step, as the table of losses tells it."""
    known = {info.loss: functions.LOSSES.get(info.loss) for info in steps if info.loss is not None}
    texts = {
        name: (loss.value.__doc__ or "").strip() for name, loss in known.items() if loss is not None
    }
    return {
        name: re.split(r"   |;|, each|, p the|, the pred| over the", text)[0]
        for name, text in texts.items()
    }


def _curve(log: Log, steps: list[StepInfo]) -> dict[str, list[Any]]:
    """The mean loss of those steps that the most usual loss has judged: no two losses make one curve."""
    losses_named = Counter(info.loss for info in steps if info.loss is not None and info.whole)
    usual = max(losses_named, key=losses_named.__getitem__, default=None)
    judged = [
        info.number for info in steps if info.loss == usual and usual is not None and info.whole
    ]
    numbers, losses = [], []
    for place in spread_evenly(len(judged), CURVE_STEPS):
        loss = log.step(judged[place]).loss
        if np.isfinite(loss):
            numbers.append(judged[place])
            losses.append(loss)
    return {"steps": numbers, "losses": losses}


def _notes(log: Log, steps: list[StepInfo], kept: Selection) -> dict[str, Any]:
    """What was left out, for the page and for the terminal."""
    return {
        "steps": len(steps),
        "keptSteps": len(kept.steps),
        "batch": max(info.batch for info in steps),
        "keptExamples": kept.examples,
        "digits": 16 if kept.item == 8 else 7,
        "synapses": kept.synapses,
        "complete": log.complete,
        "partial": log.partial is not None,
        "versions": {
            str(key): str(value) for key, value in (log.about.get("versions") or {}).items()
        },
    }


def as_json(values: Any) -> str:
    """JSON that can stand in a page: no tag can begin or end in it."""
    text = json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
