"""One step of a log as the page shows it: what each neuron heard, said, was urged to and wants, for some examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..network import functions
from ..neuron.sums import ORDERED
from ..support.validation import Array

if TYPE_CHECKING:
    from ..network.network import Network


@dataclass(frozen=True, slots=True)
class StepValues:
    """A step's numbers, by rows: each kept example in a row, and in a last one, if the batch has several, their mean
    over the whole batch. NaN where nobody said anything.

    activations, signals, urgencies, slopes, signal_urgencies: (rows, n_neurons): a, z, u, f'(z) and v = u · f'(z).
        In the row of means the slope is that of |f'|: 0 if a neuron let nothing back on any example.
    targets, blame: (rows, n_outputs): what was wanted, and the urgency that the loss told.  losses: (rows,).
    wants: (n_synapses,), the urgency of each weight, or None for a batch of one, where it is v · x.
    """

    activations: Array
    signals: Array
    urgencies: Array
    slopes: Array
    signal_urgencies: Array
    targets: Array
    blame: Array
    losses: Array
    wants: Array | None


def read_step_values(network: Network, recorded: Any, n_examples: int) -> StepValues:
    """What was told in a step. network: as it was before the step, recorded: a `RecordedStep`."""
    a = recorded.activations
    losses = recorded.losses if len(recorded.losses) == a.shape[1] else np.full(a.shape[1], np.nan)
    with np.errstate(all="ignore"):  # a damaged log may hold any numbers
        z, u = _signals(network, a), _urgencies(network, recorded)
        slopes = _slopes(network, z, a)
        v = u * slopes
    wants = None
    if a.shape[1] > 1:  # a step without learning says them itself
        said_so = recorded.info.mode == "gradient"
        wants = (
            recorded.weights if said_so else (a[network.sources] * v[network.targets]).mean(axis=1)
        )

    def rows(values: Array) -> Array:
        kept = values[..., :n_examples].T
        if values.shape[-1] == 1:
            return np.ascontiguousarray(kept)
        return np.concatenate([kept, values.mean(axis=-1)[None]])

    with_mean_of_size = rows(slopes)
    if a.shape[1] > 1:
        with_mean_of_size[-1] = np.abs(slopes).mean(axis=1)
    return StepValues(
        rows(a), rows(z), rows(u), with_mean_of_size, rows(v), rows(recorded.targets), rows(recorded.blame), rows(losses),
        wants,
    )  # fmt: skip


def _signals(network: Network, a: Array) -> Array:
    """z of every neuron by the very sum that it makes itself; NaN for inputs."""
    z = np.full(a.shape, np.nan)
    ones = np.ones((1, a.shape[1]))
    for k in np.flatnonzero(~network.is_input).tolist():
        incoming = network.incoming.of(k)
        heard = np.concatenate([a[network.sources[incoming]], ones])
        z[k] = ORDERED.weighted_sum(np.append(network.weights[incoming], network.biases[k]), heard)
    return z


def _urgencies(network: Network, recorded: Any) -> Array:
    """u of every neuron: the sum of what its followers told it, and the loss if it is an output."""
    u = np.full(recorded.activations.shape, np.nan)
    output = {int(k): row for row, k in enumerate(network.output_positions)}
    for k in range(len(u)):
        heard = recorded.urgencies[network.outgoing.of(k)]
        if k in output:
            heard = np.concatenate([heard, recorded.blame[[output[k]]]])
        u[k] = ORDERED.sum_of_rows(np.ascontiguousarray(heard))
    return u


def _slopes(network: Network, z: Array, a: Array) -> Array:
    """f'(z) of every neuron; NaN for inputs, and where this process does not know the activation function."""
    slopes = np.full(z.shape, np.nan)
    kinds = np.array(network.activations)
    for name in set(network.activations):
        known = functions.ACTIVATIONS.get(name)
        here = (kinds == name) & ~network.is_input
        if known is not None and here.any():
            slopes[here] = known.slope(z[here], a[here])
    return slopes
