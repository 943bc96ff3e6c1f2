"""What was said in one step, in arrays: as an engine holds it, and as a recorder reads it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..support.validation import Array, Indices


@dataclass(frozen=True, slots=True)
class Unfinished:
    """How far a step came that was broken off.

    spoken, done: (n_neurons,), True for who has sent its activation, and its last word.  judged: whether the loss has.
    """

    spoken: NDArray[np.bool_]
    done: NDArray[np.bool_]
    judged: bool


@dataclass(frozen=True, slots=True)
class Said:
    """All messages of a step. The arrays are the engine's, and hold it until the next step begins.

    activations: a row each, of as many columns as the world told the inputs, the first of them the examples; that of
        neuron k is activations[activation_rows[k]].
    urgencies: likewise; that along synapse s, towards its source, is urgencies[urgency_rows[s]] (meaningless where the
        source hears none), what the loss told the i-th output that listens urgencies[loss_rows[i]].
    targets: (n_outputs, batch).  losses: (batch,), none in a step that predicts.  felt: (n_inputs, batch), of a step
        `wrt_inputs`.  commits: what each neuron committed, one after another, (n_synapses + n_neurons - n_inputs,).
    directions: likewise, of a tangent step, what each was told.
    """

    activations: Array
    activation_rows: Indices
    urgencies: Array
    urgency_rows: Indices
    loss_rows: Indices
    targets: Array
    losses: Array
    felt: Array
    commits: Array
    directions: Array
    unfinished: Unfinished | None = None
