"""What was said in one step, in arrays: as an engine holds it, and as a recorder reads it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..support.validation import Array, Indices


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step came that was broken off.

    sent_activation, finished: (n_neurons,), True for who has sent its activation, and its last word.  loss_done: whether the loss has.
    """

    sent_activation: NDArray[np.bool_]
    finished: NDArray[np.bool_]
    loss_done: bool


@dataclass(frozen=True, slots=True)
class StepRecord:
    """All messages of a step. The arrays are the engine's, and hold it until the next step begins.

    activations: a row each, of as many columns as the world told the inputs, the first of them the examples; that of
        neuron k is activations[activation_rows[k]].
    urgencies: likewise; that along synapse s, towards its source, is urgencies[urgency_rows[s]] (meaningless where the
        source hears none), what the loss told the i-th output that listens urgencies[loss_rows[i]].
    targets: (n_outputs, batch).  losses: (batch,), none in a step that predicts.  input_urgencies: (n_inputs, batch), of a step
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
    input_urgencies: Array
    commits: Array
    directions: Array
    progress: Progress | None = None
