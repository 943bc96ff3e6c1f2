"""A training plan and a position as JSON and arrays; and back, to equal ones or not at all.

What is the package's own is described by its name and numbers. What is the user's own (an
engine, an optimizer) cannot be made from a description: its `repr` is saved, and `na.resume`
must be given an equal object.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, astuple
from typing import Any

import numpy as np

from ...channels.choose_channels import ChannelsChoice, choose_channels
from ...network import functions
from ...network.elements_json import elements_to_json, make_network
from ...network.examples import as_examples
from ...network.masks import masked_again
from ...network.network import Network
from ...neuron.optimizer_identity import is_own
from ...neuron.optimizer_json import optimizer_from_json, optimizer_to_json
from ...neuron.optimizers import Optimizer, check_optimizer
from ...neuron.sums import choose_sums
from ...rules import Rule
from ...rules.micro_batches import lanes_for
from ...rules.rule_json import check_described, rule_from_json
from ...support.arrays import Array
from ...support.errors import CheckpointError, InputError, NeuroActorsError
from ...support.scalars import as_whole_number
from ..history import Epoch
from ..plan import TrainingPlan, TrainingPosition
from .files import Arrays

OWN = "own"  # the key of the `repr` of an object that is the user's own
ELEMENTS = "network.elements"  # an array that plain networks do not have
IMPORT_ADVICE = "import the module that adds it first (--import MODULE)"


def settings_to_json(plan: TrainingPlan) -> dict[str, Any]:
    """Return all of a plan but network and data.

    Args:
        plan: The plan.

    Returns:
        What JSON can hold, and `plan_from_json` reads.

    Raises:
        InputError: A setting is wrong.
        CheckpointError: A setting cannot be described by a text.
    """
    choose_channels(plan.channels)
    choose_sums(plan.sums)
    channels = plan.channels if isinstance(plan.channels, str) else {OWN: _repr(plan.channels)}
    return {
        "loss": plan.loss,
        "optimizer": _optimizer_to_json(plan.optimizer),
        "rule": _rule_to_json(plan.rule),
        "channels": channels,
        "sums": plan.sums,
        "epochs": plan.epochs,
        "batch_size": plan.batch_size,
        "seed": plan.seed,
        "in_flight": plan.in_flight,
    }


def plan_from_json(
    settings: dict[str, Any],
    network: Network,
    data: Arrays,
    optimizer: Optimizer | None,
    channels: ChannelsChoice | None,
) -> TrainingPlan:
    """Make a plan again.

    Args:
        settings: What `settings_to_json` returned.
        network: The network as it was before the first step.
        data: What `data_to_arrays` returned.
        optimizer: Needed if the run's optimizer is the user's own.
        channels: The engine from here on; None is that of the run.

    Returns:
        The plan.

    Raises:
        CheckpointError: A loss, rule or activation is unknown; or an object of the user's own
            is missing or another one.
        ValueError: No plan has such settings or data. KeyError, TypeError: likewise.
    """
    loss = settings["loss"]
    try:
        functions.loss(loss)
        rule = rule_from_json(settings["rule"])
    except InputError as error:
        raise CheckpointError(f"{error}; {IMPORT_ADVICE}") from None
    axes = rule.fit(data["x"]).axes
    examples = as_examples(network, data["x"], masked_again(data["targets"]), loss, axes=axes)
    validation = None
    if "validation_x" in data:
        x, targets = data["validation_x"], masked_again(data["validation_targets"])
        axes = rule.fit(x).axes
        validation = as_examples(network, x, targets, loss, "validation ", axes)
    return TrainingPlan(
        network=network,
        data=examples,
        validation=validation,
        loss=loss,
        epochs=read_whole_number(settings, "epochs", 1),
        batch_size=read_whole_number(settings, "batch_size", 1),
        seed=read_whole_number(settings, "seed", 0),
        optimizer=_optimizer_from_json(settings["optimizer"], optimizer),
        channels=_channels_from_json(settings["channels"], channels),
        rule=rule,
        sums=settings["sums"],
        in_flight=lanes_for(rule, settings.get("in_flight")),  # older checkpoints lack it
    )


def data_to_arrays(plan: TrainingPlan) -> Arrays:
    """Return the examples of a plan.

    Returns:
        "x" (n, …, n_inputs), "targets" (n, …, n_outputs), and with a validation "validation_x" and
        "validation_targets", shaped likewise.
    """
    arrays = {"x": plan.data[0], "targets": plan.data[1]}
    if plan.validation is not None:
        x, targets = plan.validation
        arrays |= {"validation_x": x, "validation_targets": targets}
    return arrays


def network_to_arrays(network: Network) -> Arrays:
    """Return a network without its parameters.

    Returns:
        Names and activations as JSON in bytes; sources and targets of the synapses, shape
        (n_synapses,); positions of the outputs, shape (n_outputs,). If it is not plain, what it
        has besides, as JSON in bytes; see `network/elements_json.py`.
    """
    texts: dict[str, Any] = {"ids": network.ids, "activations": network.activations}
    if elements := elements_to_json(network):
        texts["elements"] = elements
    numbers = {
        "sources": network.sources,
        "targets": network.targets,
        "outputs": network.output_positions,
    }
    return {
        f"network.{name}": np.frombuffer(json.dumps(values).encode(), dtype=np.uint8)
        for name, values in texts.items()
    } | {f"network.{name}": values.astype(np.int64) for name, values in numbers.items()}


def network_from_arrays(arrays: Arrays, weights: Array, biases: Array) -> Network:
    """Make a network again.

    Args:
        arrays: What `network_to_arrays` returned, perhaps with other arrays beside.
        weights: Its weights. Shape (n_synapses,).
        biases: Its biases. Shape (n_neurons,).

    Returns:
        The network.

    Raises:
        CheckpointError: An activation is not in the table, or the arrays make no network.
    """
    ids, activations = (
        json.loads(arrays[f"network.{name}"].tobytes()) for name in ("ids", "activations")
    )
    sources, targets, outputs = (
        arrays[f"network.{name}"] for name in ("sources", "targets", "outputs")
    )
    try:
        if ELEMENTS in arrays:
            network = make_network(
                read_elements(arrays),
                ids,
                np.bincount(targets, minlength=len(ids)) == 0,
                weights,
                biases,
                activations=tuple(activations),
                sources=sources.astype(np.intp),
                targets=targets.astype(np.intp),
                output_positions=outputs.astype(np.intp),
            )
            network.check_activations()
            return network
        more = {"biases": biases, "activations": activations, "outputs": outputs, "ids": ids}
        return Network.from_arrays(sources, targets, weights, **more)
    except NeuroActorsError as error:
        raise CheckpointError(f"{error}; {IMPORT_ADVICE}") from None


def read_elements(arrays: Arrays) -> dict[str, Any]:
    """Return what a network has besides plain neurons, as JSON; see `network/elements_json.py`.

    Args:
        arrays: What `network_to_arrays` returned, perhaps with other arrays beside.
    """
    held: dict[str, Any] = json.loads(arrays[ELEMENTS].tobytes()) if ELEMENTS in arrays else {}
    return held


def position_to_json(position: TrainingPosition) -> dict[str, Any]:
    """Return a position without its predictions."""
    return {
        "epoch": position.epoch,
        "batches": position.batches_done,
        "total": position.loss_sum,
        "history": [list(asdict(epoch).values()) for epoch in position.history],
    }


def position_from_json(held: dict[str, Any], predictions: Array) -> TrainingPosition:
    """Make a position again.

    Args:
        held: What `position_to_json` returned.
        predictions: Its predictions. Shape (n, n_outputs).

    Returns:
        The position.

    Raises:
        ValueError: No run has such a position. KeyError, TypeError: likewise.
    """
    history = [Epoch(*epoch) for epoch in held["history"]]
    losses = [value for epoch in history for value in astuple(epoch) if value is not None]
    if not all(isinstance(value, (int, float)) for value in [held["total"], *losses]):
        raise ValueError("its losses are no numbers")
    numbers = [epoch.epoch for epoch in history]
    count = len(history)
    if numbers != list(range(1, 1 + count)) or count + 1 != read_whole_number(held, "epoch", 1):
        raise ValueError("its history is not that of the epochs before")
    return TrainingPosition(
        predictions.copy(),
        held["epoch"],
        read_whole_number(held, "batches", 0),
        held["total"],
        history,
    )


def check_position(position: TrainingPosition, plan: TrainingPlan, steps: int) -> None:
    """Check that a position belongs to a plan.

    Args:
        position: The position.
        plan: The plan.
        steps: Number of learning steps that are said to be done.

    Raises:
        ValueError: It does not, or other steps are done there.
    """
    targets, predictions = plan.data[1], position.predictions
    if predictions.shape != targets.shape or predictions.dtype != targets.dtype:
        raise ValueError(f"its predictions are not those of {len(targets)} examples")
    if (
        position.epoch > plan.epochs
        or position.batches_done > plan.steps_per_epoch
        or position.steps_done(plan) != steps
    ):
        raise ValueError(
            f"epoch {position.epoch}, batch {position.batches_done} is no position "
            f"after step {steps} of {plan.steps}"
        )


def read_whole_number(held: dict[str, Any], name: str, least: int, most: float = math.inf) -> int:
    """Return `held[name]`.

    Raises:
        InputError: It is no whole number from `least` to `most`.
        KeyError: There is none.
    """
    return as_whole_number(name, held[name], least, most)


def _optimizer_to_json(optimizer: Optimizer) -> dict[str, Any]:
    check_optimizer(optimizer)
    if is_own(optimizer):
        return {OWN: _repr(optimizer)}
    return optimizer_to_json(optimizer, 1)


def _optimizer_from_json(held: dict[str, Any], given: Optimizer | None) -> Optimizer:
    if OWN not in held:
        found = optimizer_from_json(held)
        if found is None:
            raise ValueError(f"no optimizer is named {held['name']!r}")
        if given is not None and given != found:
            raise CheckpointError(
                f"the run used the optimizer {found!r}, not {given!r}: leave optimizer out"
            )
        return found
    if given is None:
        raise CheckpointError(
            f"the run used the optimizer {held[OWN]}, which is none of the package's: "
            "na.resume(…, optimizer=…)"
        )
    check_optimizer(given)
    if _repr(given) != held[OWN]:
        raise CheckpointError(
            f"the run used the optimizer {held[OWN]}, not {given!r}: pass an equal optimizer"
        )
    return given


def _channels_from_json(held: Any, given: ChannelsChoice | None) -> ChannelsChoice:
    if given is not None:
        choose_channels(given)
        return given
    if isinstance(held, dict):
        raise CheckpointError(
            f"the run used the channels {held[OWN]}, which no checkpoint can make again: "
            "pass them, or channels='bundled'; all give the same bits"
        )
    return held  # type: ignore[no-any-return]


def _rule_to_json(rule: Rule) -> dict[str, Any]:
    held = check_described(rule)
    try:
        rule_from_json(held)
    except InputError as error:
        raise CheckpointError(
            f"the rule cannot be made again from its description: {error}; "
            "a checkpoint needs a rule that is defined in a module, and known there by its name"
        ) from None
    return held


def _repr(thing: object) -> str:
    """Return the object's `repr`, from which an equal object can be recognised.

    Raises:
        CheckpointError: The `repr` contains an address, so it does not say what the object does.
    """
    text = repr(thing)
    if re.search(r" at 0x[0-9a-fA-F]+", text) and not isinstance(thing, type):
        raise CheckpointError(
            f"no checkpoint can say what {text} does, for its repr() does not: "
            "make it, or its schedule, a frozen dataclass"
        )
    return text
