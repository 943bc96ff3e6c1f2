"""Checks that a whole network is a directed acyclic graph that leads from inputs to outputs.

Each error names the culprit and says what to change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from ..support.arrays import Indices
from ..support.errors import NetworkError
from ..support.text import quote
from . import functions
from .dropout import read_dropout
from .elements import Interneuron, arrow
from .function_names import suggest_activation, suggest_combination
from .graph import Groups, find_cycle, levels
from .own_functions import guarded


def check_activations(ids: Sequence[str], activations: Sequence[str]) -> None:
    """Check that every activation function is in the table; it may not be where a log was read.

    Args:
        ids: The id of each neuron.
        activations: The name of each neuron's activation function.

    Raises:
        NetworkError: One is unknown.
        InputError: What the table has under its name is no `Activation`.
    """
    table = functions.ACTIVATIONS
    with suppress(TypeError):  # of a name that is no string
        names = dict.fromkeys(activations)
        if all(map(table.__contains__, names)):
            for name in names:
                guarded(name, table[name])
            return
    for culprit, name in zip(ids, activations, strict=True):
        if not isinstance(name, str) or name not in functions.ACTIVATIONS:
            known = suggest_activation(name, list(functions.ACTIVATIONS))
            raise NetworkError(f"neuron {culprit!r}: unknown activation {quote(name)}: {known}")


def check_combinations(interneurons: Mapping[int, Interneuron], fan_in: Indices) -> None:
    """Check that every combination is in the table; it may not be where a log was read.

    Args:
        interneurons: The interneurons by position.
        fan_in: How many sources each neuron has. Shape (n_neurons,).

    Raises:
        NetworkError: One is unknown, or a dropout hears several sources.
        InputError: What the table has under its name is no `Combination`.
    """
    table = functions.COMBINATIONS
    for k, node in interneurons.items():
        if read_dropout(node.combination) is not None:
            if fan_in[k] != 1 or (node.field is not None and node.field.width != 1):
                problem = "a dropout hears one source, at one position each"
                raise NetworkError(f"interneuron {node.id!r}: {problem}")
            continue
        if not isinstance(node.combination, str) or node.combination not in table:
            known = suggest_combination(node.combination, list(table))
            raise NetworkError(
                f"interneuron {node.id!r}: unknown combination {quote(node.combination)}: {known}"
            )
        guarded(node.combination, table[node.combination])


def check_synapses(
    ids: Sequence[str], sources: Indices, targets: Indices, is_input: NDArray[np.bool_]
) -> None:
    """Check each synapse: it is no self-loop, does not lead into an input, and occurs once.

    Args:
        ids: The id of each neuron.
        sources: The position of each synapse's source. Shape (n_synapses,).
        targets: The position of each synapse's target. Shape (n_synapses,).
        is_input: Whether each neuron is an input. Shape (n_neurons,).

    Raises:
        NetworkError: One is wrong.
    """

    def refuse(wrong: NDArray[np.bool_], problem: str) -> None:
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            raise NetworkError(
                f"synapse {arrow(ids[sources[first]], ids[targets[first]])} {problem}"
            )

    refuse(
        sources == targets,
        "is a self-loop: a neuron hears itself through a delay alone, na.Delay(…, of=…)",
    )
    refuse(
        is_input[targets],
        "leads into an input: an input receives from the environment alone",
    )
    pairs = sources * len(ids) + targets
    if not np.diff(np.sort(pairs)).all():
        first = np.unique(pairs, return_index=True)[1]
        refuse(
            ~np.isin(np.arange(len(pairs)), first),
            "occurs twice: keep one, with the sum of the weights",
        )


def find_levels(
    ids: Sequence[str], sources: Indices, targets: Indices, outgoing: Groups
) -> Indices:
    """Return the number of synapses on the longest path to each neuron. Shape (n_neurons,).

    Args:
        ids: The id of each neuron.
        sources: The position of each synapse's source. Shape (n_synapses,).
        targets: The position of each synapse's target. Shape (n_synapses,).
        outgoing: The synapses grouped by source.

    Raises:
        NetworkError: The synapses form a cycle.
    """
    level = levels(targets, outgoing, len(ids))
    if level.min(initial=0) < 0:
        nodes = find_cycle(sources, targets, level)
        path = " -> ".join(repr(ids[k]) for k in nodes)
        before = repr(f"{ids[nodes[0]]} before")
        advice = f"na.Delay({before}, of={ids[nodes[0]]!r}), and let {before} be the source"
        raise NetworkError(
            f"the synapses form a cycle: {path}; take one of them away, or let one go through "
            f"time: add {advice}"
        )
    return level


def check_inputs_and_outputs(
    is_named: NDArray[np.bool_], is_input: NDArray[np.bool_], outputs: Sequence[str]
) -> None:
    """Check that there are inputs, neurons and outputs, and that each output is named once.

    Args:
        is_named: Whether each neuron is an input. Shape (n_neurons,).
        is_input: Whether each neuron is an input or a delay. Shape (n_neurons,).
        outputs: The ids of the outputs.

    Raises:
        NetworkError: A kind of member is missing, or an output is named twice.
    """
    if not is_named.any():
        raise NetworkError("the network has no inputs: add at least one na.Input")
    if not outputs:
        raise NetworkError("the network has no outputs: name at least one neuron in outputs=[…]")
    if is_input.all():
        raise NetworkError("the network has only inputs: add at least one na.Neuron")
    if len(set(outputs)) < len(outputs):
        twice = max(outputs, key=outputs.count)
        raise NetworkError(f"output {twice!r} is named twice: name each output once")


def check_paths(
    ids: Sequence[str],
    is_input: NDArray[np.bool_],
    output_positions: Indices,
    incoming: Groups,
    outgoing: Groups,
) -> None:
    """Check that every neuron is on a path from an input to an output.

    In a graph without cycles every walk backwards ends at a neuron without sources, and every walk
    forwards at one without targets. So it is enough to look at these.

    Args:
        ids: The id of each neuron.
        is_input: Whether each neuron is an input. Shape (n_neurons,).
        output_positions: The position of each output. Shape (n_outputs,).
        incoming: The synapses grouped by target.
        outgoing: The synapses grouped by source.

    Raises:
        NetworkError: A neuron is on no such path.
    """
    unreached = np.flatnonzero((incoming.sizes == 0) & ~is_input)
    if len(unreached):
        advice = "give it an incoming synapse, or make it an na.Input"
        raise NetworkError(f"no input reaches neuron {ids[unreached[0]]!r}: {advice}")
    is_output = np.isin(np.arange(len(ids)), output_positions)
    dead_ends = np.flatnonzero((outgoing.sizes == 0) & ~is_output)
    if len(dead_ends):
        advice = "give it an outgoing synapse, name it in outputs, or remove it"
        raise NetworkError(f"no output is reached from {ids[dead_ends[0]]!r}: {advice}")
