"""A course of training as JSON and arrays, and back: to an equal one, or not at all."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, astuple, fields
from typing import Any

import numpy as np

from ...channels.choose import choose_channels
from ...channels.interface import Engine
from ...network import functions
from ...network.examples import as_examples
from ...network.network import Network
from ...neuron.optimizer_json import KNOWN, described, optimizer_of
from ...neuron.optimizers import Optimizer, check_optimizer
from ...neuron.sums import named
from ...rules import Rule
from ...rules.micro_batches import lanes_for
from ...rules.rule_json import described as rule_described
from ...rules.rule_json import rule_of
from ...support.errors import CheckpointError, InputError, NeuroActorsError
from ...support.validation import Array, as_whole_number
from ..history import Epoch
from ..plan import Course, Place
from .files import Arrays

OWN = "own"  # beside a text: of what is nothing of the package's


def settings(course: Course) -> dict[str, Any]:
    """All of a course but network and data. Raises `InputError` or `CheckpointError` for what no text can describe."""
    choose_channels(course.channels)
    named(course.sums)
    return {
        "loss": course.loss,
        "optimizer": _optimizer(course.optimizer),
        "rule": _rule(course.rule),
        "channels": course.channels
        if isinstance(course.channels, str)
        else {OWN: _text(course.channels)},
        "sums": course.sums,
        "epochs": course.epochs,
        "batch_size": course.batch_size,
        "seed": course.seed,
        "in_flight": course.in_flight,
    }


def course_of(
    run: dict[str, Any],
    network: Network,
    data: Arrays,
    optimizer: Optimizer | None,
    channels: str | Engine | None,
) -> Course:
    """The course that is so described. optimizer, channels: handed over, where they are somebody's own. Raises `ValueError`
    or the like where no course can be."""
    try:
        functions.loss(run["loss"])
        rule = rule_of(run["rule"])
    except InputError as error:
        raise CheckpointError(
            f"{error}; import the module that adds it first (--import MODULE)"
        ) from None
    examples = as_examples(network, data["x"], data["targets"], run["loss"])
    held_out = None
    if "validation_x" in data:
        held_out = as_examples(
            network, data["validation_x"], data["validation_targets"], run["loss"], "validation "
        )
    epochs, batch_size, seed = (
        whole(run, name, least) for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0))
    )
    return Course(
        network, examples, held_out, run["loss"], _optimizer_of(run["optimizer"], optimizer),
        epochs, batch_size, seed, _channels_of(run["channels"], channels), rule, run["sums"],
        lanes_for(rule, run.get("in_flight")),  # which older ones do not tell
    )  # fmt: skip


def data_arrays(course: Course) -> Arrays:
    """Its examples."""
    held = {"x": course.data[0], "targets": course.data[1]}
    if course.held_out is not None:
        held |= {"validation_x": course.held_out[0], "validation_targets": course.held_out[1]}
    return held


def network_arrays(network: Network) -> Arrays:
    """A network, but its parameters."""
    texts = {"ids": network.ids, "activations": network.activations}
    places = {
        "sources": network.sources,
        "targets": network.targets,
        "outputs": network.output_positions,
    }
    return {
        f"network.{name}": np.frombuffer(json.dumps(held).encode(), dtype=np.uint8)
        for name, held in texts.items()
    } | {f"network.{name}": held.astype(np.int64) for name, held in places.items()}


def network_of(arrays: Arrays, weights: Array, biases: Array) -> Network:
    """The network again. Raises `CheckpointError` for an activation that is not in the table."""
    ids, activations = (
        json.loads(arrays[f"network.{name}"].tobytes()) for name in ("ids", "activations")
    )
    sources, targets, outputs = (
        arrays[f"network.{name}"] for name in ("sources", "targets", "outputs")
    )
    more = {"biases": biases, "activations": activations, "outputs": outputs, "ids": ids}
    try:
        return Network.from_arrays(sources, targets, weights, **more)
    except NeuroActorsError as error:
        raise CheckpointError(
            f"{error}; import the module that adds it first (--import MODULE)"
        ) from None


def place_told(place: Place) -> dict[str, Any]:
    """How far a course has come, but the predictions."""
    history = [list(asdict(epoch).values()) for epoch in place.history]
    return {
        "epoch": place.epoch,
        "batches": place.batches,
        "total": place.total,
        "history": history,
    }


def place_of(told: dict[str, Any], predictions: Array) -> Place:
    """The place again. Raises `ValueError` or the like for what is none."""
    history = [Epoch(*epoch) for epoch in told["history"]]
    numbers = [
        told["total"],
        *(value for epoch in history for value in astuple(epoch) if value is not None),
    ]
    if not all(isinstance(value, (int, float)) for value in numbers):
        raise ValueError("its losses are no numbers")
    if [epoch.epoch for epoch in history] != list(range(1, 1 + len(history))) or len(
        history
    ) + 1 != whole(told, "epoch", 1):
        raise ValueError("its history is not that of the epochs before")
    return Place(
        predictions.copy(), told["epoch"], whole(told, "batches", 0), told["total"], history
    )


def check_place(place: Place, course: Course, steps: int) -> None:
    """Raise `ValueError` unless the place lies in the course, after so many steps of learning."""
    targets = course.data[1]
    if place.predictions.shape != targets.shape or place.predictions.dtype != targets.dtype:
        raise ValueError(f"its predictions are not those of {len(targets)} examples")
    if (
        place.epoch > course.epochs
        or place.batches > course.steps_an_epoch
        or place.steps(course) != steps
    ):
        raise ValueError(
            f"epoch {place.epoch}, batch {place.batches} is no place after step {steps} of {course.steps}"
        )


def whole(told: dict[str, Any], name: str, least: int, most: float = math.inf) -> int:
    """That whole number. Raises `InputError` if it is none."""
    return as_whole_number(name, told[name], least, most)


def _optimizer(optimizer: Optimizer) -> dict[str, Any]:
    check_optimizer(optimizer)
    whole: Any = optimizer
    parts = [
        whole,
        *([whole.learning_rate] if callable(getattr(whole, "learning_rate", None)) else []),
    ]
    if not all(
        type(part) in KNOWN.values() for part in parts
    ):  # it, or its schedule, is somebody's own
        return {OWN: _text(optimizer)}
    for part in parts:
        for name in (f.name for f in fields(part)):
            value = getattr(part, name)
            if not isinstance(value, (int, float)) and value not in parts:
                kind, got = type(part).__name__, type(value).__name__
                raise CheckpointError(
                    f"{kind}: a checkpoint holds plain numbers, {name} is of type {got}: hand over float(…)"
                )
    return described(optimizer, 1)


def _optimizer_of(told: dict[str, Any], given: Optimizer | None) -> Optimizer:
    if OWN not in told:
        found = optimizer_of(told)
        if found is None:
            raise ValueError(f"no optimizer is named {told['name']!r}")
        if given is not None and given != found:
            raise CheckpointError(
                f"the run learnt by {found!r}, not by {given!r}: leave optimizer out"
            )
        return found
    if given is None:
        raise CheckpointError(
            f"the run learnt by {told[OWN]}, which is none of the package's: na.resume(…, optimizer=…)"
        )
    check_optimizer(given)
    if _text(given) != told[OWN]:
        raise CheckpointError(
            f"the run learnt by {told[OWN]}, not by {given!r}: hand over an equal optimizer"
        )
    return given


def _channels_of(told: Any, given: str | Engine | None) -> str | Engine:
    if given is not None:
        choose_channels(given)
        return given
    if isinstance(told, dict):
        advice = "hand them over, or channels='bundled'; all give the same bits"
        raise CheckpointError(
            f"the run lived on the channels {told[OWN]}, which no checkpoint can make again: {advice}"
        )
    return told  # type: ignore[no-any-return]


def _rule(rule: Rule) -> dict[str, Any]:
    if not isinstance(rule, Rule):
        raise InputError(
            f"rule must be such as na.rules.FeedbackAlignment(), or None, got {rule!r}"
        )
    told = rule_described(rule)
    try:
        rule_of(told)
    except InputError as error:
        advice = (
            "make it a dataclass in a module, with fields that are numbers, texts or truth values"
        )
        raise CheckpointError(
            f"the rule cannot be told from its description: {error}; {advice}"
        ) from None
    return told


def _text(thing: object) -> str:
    """As it is written; raises `CheckpointError` where that does not say what it does."""
    text = repr(thing)
    if re.search(r" at 0x[0-9a-fA-F]+", text) and not isinstance(thing, type):
        advice = "make it, or its schedule, a frozen dataclass, whose text says what it does"
        raise CheckpointError(
            f"no checkpoint can say what {text} does, for that is not in its text: {advice}"
        )
    return text
