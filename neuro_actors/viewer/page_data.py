"""Collects what a page shows of a log, as values for JSON.

Arrays are base64 of little-endian numbers.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections import Counter
from collections.abc import Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..log.wording import format_call
from ..network import functions
from ..neuron.sums import choose_sums
from ..support.errors import InputError
from ..support.means import MAX
from ..support.scalars import as_number, as_whole_number, got
from ..support.text import quote
from .fault_events import gather_fault_events
from .page_workers import placement, step_placement
from .picture import find_picture
from .scales import Scales
from .selection import Selection, select_steps, spread_evenly
from .step_values import StepValues, read_step_values

if TYPE_CHECKING:
    from ..log.log import Log
    from ..log.steps import StepInfo
    from ..network.network import Network
    from ..support.arrays import Array

CURVE_STEPS = 1000  # points of the loss curve, at most


def collect_page_data(
    log: Log, max_mb: float = 12.0, shape: tuple[int, int] | str | None = "look"
) -> dict[str, Any]:
    """Collect the data of a page.

    Args:
        log: The log.
        max_mb: The greatest size of the page in megabytes.
        shape: (rows, columns) if the inputs are a picture, None if not, "look" to find out.

    Returns:
        Values for JSON; `notes` says what was left out.

    Raises:
        InputError: An argument is wrong, or the log has nothing to show.
        LogError: The log is damaged.
    """
    if not 0 < as_number(max_mb) < math.inf:
        raise InputError(f"max_mb must be a number of megabytes above 0, got {got(max_mb)}")
    max_mb = as_number(max_mb)
    if isinstance(shape, tuple) and len(shape) == 2:
        shape = (
            as_whole_number("a picture's rows", shape[0], 1),
            as_whole_number("its columns", shape[1], 1),
        )
    elif shape is not None and not (isinstance(shape, str) and shape == "look"):
        raise InputError(f"picture must be (rows, columns), None or 'look', got {quote(shape)}")
    network, numbers = log.network, [info.number for info in log.steps]
    earlier = dict(zip(numbers, [0, *numbers], strict=False))
    # There is nothing to see in the steps of a partial log that contain commits only, and in the
    # rounds of some rules whose messages have no value of any example.
    steps = [info for info in log.steps if info.only is None and 0 < info.batch <= info.columns]
    if not steps:
        raise InputError(f"{str(log.path)!r}: no step was recorded, so there is nothing to see")
    if isinstance(shape, tuple) and shape[0] * shape[1] != len(network.inputs):
        size = f"a picture of {shape[0]}x{shape[1]} is {shape[0] * shape[1]} inputs"
        raise InputError(f"{size}, there are {len(network.inputs)}")
    faults = gather_fault_events(log)
    fault_bytes = [len(json.dumps(faults.get(info.number))) for info in steps] if faults else None
    selection = select_steps(
        len(network.ids),
        len(network.weights),
        [info.batch for info in steps],
        max_mb * 1e6,
        fault_bytes,
    )
    pack, unknown = _Packer(selection.item), _unknown(log)
    sums = choose_sums(log.about["numerics"]["sums"])
    versions = _Versions(pack, selection.synapses)
    selected, inputs, reach, scales = [], [], 6.0, Scales(network)
    for k in selection.steps:
        info = steps[k]
        before = log.parameters_at(earlier[info.number])
        values = read_step_values(before, log.step(info.number), selection.examples, unknown, sums)
        after = log.parameters_at(info.number) if info.mode == "train" and info.whole else before
        step = _step(info, values, versions.of(before), versions.of(after), pack, selection)
        if info.number in faults:
            all_of = faults[info.number]
            totals = {name: all_of[name] for name in ("lost", "died")}
            step["faults"] = all_of if selection.synapses else totals
        selected.append(step | step_placement(log, info))
        inputs.append(values.activations[:, network.is_input])
        signals = values.signals[np.isfinite(values.signals)]
        reach = max(reach, float(np.abs(signals).max(initial=0.0)))
        scales.add(before, after, values)
    if shape == "look":
        shape = find_picture(np.concatenate(inputs))
    return {
        "title": Path(log.path).name,
        "network": _network(log, selection),
        "placement": placement(log),
        "picture": shape,
        "item": selection.item,
        "scales": scales.to_json(),
        "functions": _functions(set(network.activations) - unknown, reach),
        "losses": _losses(log, steps),
        "versions": versions.packed,
        "steps": selected,
        "curve": _curve(log, steps),
        "notes": _notes(log, steps, selection),
    }


class _Packer:
    """Encodes numbers as base64, with 8 or 4 bytes each.

    Numbers of 4 bytes reach from 1e-38 to 3e38. If an array has others, all of it is divided by a
    power of two, whose exponent stands before the base64: "40:…". Then numbers that are more than
    1e75 times smaller than the greatest one become 0.
    """

    def __init__(self, item: int) -> None:
        self._kind, self._item = f"<f{item}", item

    def __call__(self, values: Array) -> str:
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


class _Versions:
    """The parameters before and after steps; equal ones are encoded once."""

    def __init__(self, pack: _Packer, synapses: bool) -> None:
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


def _step(
    info: StepInfo,
    values: StepValues,
    before: int,
    after: int,
    pack: _Packer,
    selection: Selection,
) -> dict[str, Any]:
    named = {name: getattr(values, name) for name in StepValues.__slots__}
    arrays = {name: pack(array) for name, array in named.items() if array is not None}
    if not selection.synapses:
        arrays.pop("wants", None)
    loss = float(values.losses[-1])
    return {
        "number": info.number,
        "mode": info.mode,
        "loss": info.loss,
        "optimizer": None if info.optimizer is None else format_call(info.optimizer),
        "batch": info.batch,
        "examples": min(info.batch, selection.examples),
        "wrtInputs": info.wrt_inputs,
        "round": info.round,
        "whole": info.whole,
        "mean": loss if np.isfinite(loss) else None,
        "before": before,
        "after": after,
        "arrays": arrays,
    }


def _network(log: Log, selection: Selection) -> dict[str, Any]:
    network = log.network
    none = np.empty(0)
    kinds = zip(network.activations, network.is_input.tolist(), strict=True)

    def pack(values: Any) -> str:
        return base64.b64encode(np.asarray(values).astype("<i4").tobytes()).decode()

    return {
        "ids": network.ids,
        "activations": [None if is_input else name for name, is_input in kinds],
        "outputs": network.output_positions.tolist(),
        "level": pack(network.level),
        "sources": pack(network.sources if selection.synapses else none),
        "targets": pack(network.targets if selection.synapses else none),
        "nSynapses": len(network.weights),
    }


def _unknown(log: Log) -> frozenset[str]:
    """The names of activation functions that are other ones here than in the run."""
    names = set(log.network.activations)
    others = log.compare_functions(names).others
    return frozenset(name for name in names if f"activation {name!r}" in others)


def _functions(names: Set[str], reach: float) -> dict[str, Any]:
    """Samples of each activation function that is used: the page itself knows no function."""
    near = np.linspace(-6.0, 6.0, 241)
    with np.errstate(all="ignore"):
        far = np.minimum(np.geomspace(6.0, min(reach * 2.0, MAX), 80)[1:], MAX)
    z = np.concatenate([-far[::-1], near, far])
    sampled = {}
    for name in sorted(names):
        known = functions.ACTIVATIONS.get(name)
        if known is not None:
            with np.errstate(all="ignore"):
                a = np.asarray(known.value(z.copy()))
            here = np.isfinite(a)  # a function of one's own may exceed all floats
            sampled[name] = {
                "z": _round(z[here]).tolist(),
                "a": _round(a[here]).tolist(),
                "formula": _formula(known.value),
            }
    return sampled


def _round(values: Array) -> Array:
    """Numbers with nine decimals. Rounding multiplies, so the greatest ones stay as they are."""
    return np.where(np.abs(values) < 1e9, np.clip(values, -1e9, 1e9).round(9), values)


def _losses(log: Log, steps: list[StepInfo]) -> dict[str, str]:
    """The formula of each loss that is used, from the docstrings of the table of losses."""
    names = {info.loss for info in steps if info.loss is not None}
    others = log.compare_functions([], names).others
    names -= {name for name in names if f"loss {name!r}" in others}
    return {
        name: _formula(functions.LOSSES[name].value)
        for name in sorted(names)
        if name in functions.LOSSES
    }


def _formula(function: Any) -> str:
    """The formula that a function's docstring begins with, without source and remarks."""
    text = (function.__doc__ or "").strip()
    return re.split(r"   |;|, p the|, Φ the|, where| over the| \([A-Z]", text)[0]


def _curve(log: Log, steps: list[StepInfo]) -> dict[str, list[Any]]:
    """The mean loss of the steps with the most frequent loss: two losses make no common curve."""
    names = Counter(info.loss for info in steps if info.loss is not None and info.whole)
    usual = max(names, key=names.__getitem__, default=None)
    with_loss = [
        info.number for info in steps if info.loss == usual and usual is not None and info.whole
    ]
    numbers, losses = [], []
    for k in spread_evenly(len(with_loss), CURVE_STEPS):
        loss = log.step(with_loss[k]).loss
        if np.isfinite(loss):
            numbers.append(with_loss[k])
            losses.append(loss)
    return {"steps": numbers, "losses": losses}


def _notes(log: Log, steps: list[StepInfo], selection: Selection) -> dict[str, Any]:
    """What was left out, for the page and for the terminal."""
    return {
        "steps": len(steps),
        "shownSteps": len(selection.steps),
        "batch": max(info.batch for info in steps),
        "shownExamples": selection.examples,
        "digits": 16 if selection.item == 8 else 7,
        "synapses": selection.synapses,
        "complete": log.complete,
        "partial": log.partial is not None,
        "versions": {
            str(key): str(value) for key, value in (log.about.get("versions") or {}).items()
        },
    }


def as_json(values: Any) -> str:
    """Return JSON for a page: it contains no character that begins or ends a tag.

    Args:
        values: Values for JSON; no NaN and no infinity.
    """
    text = json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
