"""What was said in a step of the bundled engine, told to a recorder at once: the same lines, and the same bits on them,
as memory channels record one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, Indices
from ..lines import Lines
from ..messages import Step
from ..network import Network
from . import Recorder


@dataclass(frozen=True, slots=True)
class Said:
    """A step, or as much of it as there was.

    activations: (n_neurons, batch), with `spoken` (n_neurons,), True where it was said.
    targets: (n_outputs, batch).  losses: (batch,), with `judged`.
    urgencies: (n_synapses, batch) towards sources, `blame`: (n_outputs, batch) from the loss, `felt`: (n_inputs, batch)
    from inputs; commits: flat; all with `done` (n_neurons,), True for who has finished the step.
    """

    activations: Array
    spoken: NDArray[np.bool_]
    targets: Array
    losses: Array
    judged: bool
    urgencies: Array
    blame: Array
    felt: Array
    commits: Array
    done: NDArray[np.bool_]


def tell(recorder: Recorder, lines: Lines, network: Network, step: Step, said: Said) -> None:
    """Tell the recorder, block after block of the lines."""

    def block(lines_of: slice, rows: Array, which: NDArray[np.bool_] | None = None) -> None:
        places = np.arange(lines_of.start, lines_of.stop)
        if which is not None and not which.all():
            places, rows = places[which], rows[which]
        recorder.messages(step, places, np.full(len(places), rows.shape[1]), rows.ravel())

    inputs, outputs = np.flatnonzero(network.is_input), network.output_positions
    block(lines.told, said.activations[inputs])
    block(lines.forward, said.activations[network.sources], said.spoken[network.sources])
    for shown in (lines.judged, lines.shown):
        block(shown, said.activations[outputs], said.spoken[outputs])
    if step.loss is not None:
        block(lines.wanted, said.targets)
    if said.judged:
        block(lines.lost, said.losses[None])
    if step.loss is None:
        return
    listens = np.ones(len(network.ids), dtype=bool) if step.wrt_inputs else ~network.is_input
    block(lines.backward, said.urgencies, said.done[network.targets] & listens[network.sources])
    block(lines.blamed, said.blame, listens[outputs] & said.judged)
    if step.wrt_inputs:
        block(lines.felt, said.felt, said.done[inputs])
    neurons = np.flatnonzero(~network.is_input)
    fans, finished = network.incoming.sizes[neurons] + 1, said.done[neurons]
    committed: Indices = np.arange(lines.committed.start, lines.committed.stop)
    recorder.messages(step, committed[finished], fans[finished], said.commits[np.repeat(finished, fans)])
