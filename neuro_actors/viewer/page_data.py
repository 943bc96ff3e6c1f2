"""Collects what a page shows of a log, as values for JSON.

Arrays are base64 of little-endian numbers.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..network import functions
from ..network.elements_json import combinations_of
from ..network.losses import ORIGINALS
from ..support.errors import InputError
from ..support.means import MAX
from ..support.scalars import as_number, as_whole_number, got
from ..support.text import quote
from . import selection as limits
from .fault_events import gather_fault_events
from .loss_formulas import LOSS_FORMULAS
from .network_elements import elements_of, pack_whole
from .originals import Originals
from .page import render_page
from .page_json import as_json
from .page_steps import Packer, PageSteps, numbers_per_parameter, numbers_per_row
from .page_workers import placement
from .picture import find_picture
from .selection import Selection, select_steps, spread_evenly
from .sequences import place_in_sequence
from .update_history import states_to_replay

if TYPE_CHECKING:
    from ..log.log import Log
    from ..log.steps import StepInfo
    from ..network.network import Network
    from ..support.arrays import Array

CURVE_STEPS = 1000  # points of the loss curve, at most


def collect_page_data(
    log: Log,
    max_mb: float = 12.0,
    shape: tuple[int, int] | str | None = "look",
    originals: Originals | None = None,
) -> dict[str, Any]:
    """Collect the data of a page.

    Args:
        log: The log.
        max_mb: The greatest size of the page in megabytes.
        shape: (rows, columns) if the inputs are a picture, None if not, "look" to find out.
        originals: Larger pictures that the inputs were made from. None: there are none.

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
    network = log.network
    # There is nothing to see in the steps of a partial log that contain commits only, and in the
    # rounds of some rules whose messages have no value of any example.
    steps = [info for info in log.steps if info.only is None and 0 < info.batch <= info.columns]
    if not steps:
        raise InputError(f"{str(log.path)!r}: no step was recorded, so there is nothing to see")
    if isinstance(shape, tuple) and shape[0] * shape[1] != len(network.inputs):
        size = f"a picture of {shape[0]}x{shape[1]} is {shape[0] * shape[1]} inputs"
        raise InputError(f"{size}, there are {len(network.inputs)}")
    budget = max_mb * 1e6
    while True:
        run = _collect(log, steps, budget, shape, originals)
        page = min(len(render_page({}).encode()), limits.PAGE_BYTES)
        excess = page + len(as_json(run)) - max_mb * 1e6
        if excess <= 0:
            return run
        budget -= excess + 1000  # long names, for one, take more than was reckoned with
        if budget < limits.PAGE_BYTES:
            raise InputError(f"the log does not fit into a page of {max_mb:g} MB: allow more")


def _collect(
    log: Log,
    steps: list[StepInfo],
    budget: float,
    shape: tuple[int, int] | str | None,
    originals: Originals | None,
) -> dict[str, Any]:
    """Collect the data of a page of about a size."""
    network = log.network
    faults = gather_fault_events(log)
    fault_bytes = [len(json.dumps(faults.get(info.number))) for info in steps] if faults else None
    held = states_to_replay(steps, network)
    selection = select_steps(
        len(network.ids),
        len(network.weights),
        [info.batch for info in steps],
        budget,
        fault_bytes,
        numbers_per_parameter(steps) + (held or 0),
        numbers_per_row(network),
        _sequences(steps),
    )
    pack, unknown = Packer(selection.item), _unknown(log)
    formulas = _losses(log, steps)
    shown = PageSteps(log, steps, selection, pack, unknown, frozenset(formulas), held is not None)
    collected = shown.collect(faults)
    if shape == "look":
        plain = not network.input_grid and not network.delayed
        shape = find_picture(np.concatenate(shown.inputs)) if plain else None
    return {
        "title": Path(log.path).name,
        "network": _network(log, selection, unknown),
        "placement": placement(log),
        "picture": shape,
        "originals": None
        if originals is None
        else originals.to_json(shown.inputs, [one["inputs"] for one in collected]),
        "item": selection.item,
        "scales": shown.scales.to_json(),
        "functions": _functions(_activations(network) - unknown, shown.reach),
        "losses": {name: text for name, text in formulas.items() if text is not None},
        "versions": shown.versions.packed,
        "steps": collected,
        "replayed": held is not None,
        "curve": _curve(log, steps),
        "notes": _notes(log, steps, selection),
    }


def _sequences(steps: list[StepInfo]) -> list[int] | None:
    """The number of the first step of each step's sequence; None if none goes through time."""
    places = [place_in_sequence(info) for info in steps]
    if not any(places):
        return None
    return [
        info.number if place is None else place.first
        for info, place in zip(steps, places, strict=True)
    ]


def _network(log: Log, selection: Selection, unknown: Set[str]) -> dict[str, Any]:
    network = log.network
    none = np.empty(0)
    kinds = zip(network.activations, network.is_input.tolist(), strict=True)
    pack = pack_whole
    return {
        "ids": network.ids,
        "activations": [None if is_input else name for name, is_input in kinds],
        "outputs": network.output_positions.tolist(),
        "level": pack(network.level),
        "sources": pack(network.sources if selection.synapses else none),
        "targets": pack(network.targets if selection.synapses else none),
        "nSynapses": len(network.weights),
    } | elements_of(network, unknown)


def _unknown(log: Log) -> frozenset[str]:
    """The names of activation functions and combinations that are other ones here."""
    names, combinations = _activations(log.network), set(combinations_of(log.network))
    others = log.compare_functions(names).others
    return frozenset(name for name in names if f"activation {name!r}" in others) | frozenset(
        name for name in combinations if f"combination {name!r}" in others
    )


def _activations(network: Network) -> set[str]:
    """The names of the neurons' activation functions."""
    at = np.flatnonzero(~network.is_interneuron)
    return {network.activations[k] for k in at.tolist()}


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


def _losses(log: Log, steps: list[StepInfo]) -> dict[str, dict[str, str] | None]:
    """The formulas of each loss that is the same here as in the run; None for a user's own."""
    names = {info.loss for info in steps if info.loss is not None}
    others = log.compare_functions([], names).others
    return {
        name: LOSS_FORMULAS[name] if functions.LOSSES[name] is ORIGINALS.get(name) else None
        for name in sorted(names)
        if name in functions.LOSSES and f"loss {name!r}" not in others
    }


def _formula(function: Any) -> str:
    """The formula that an activation's docstring begins with, without its source; else nothing."""
    text = (function.__doc__ or "").strip()
    if not text.startswith("f(z) = "):
        return ""
    return re.split(r"   | \([A-Z]", text)[0].replace("-", "−")


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
