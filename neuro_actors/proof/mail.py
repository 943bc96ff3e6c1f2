"""Records the messages of a society's steps in arrays, for a comparison of each neuron."""

from __future__ import annotations

import numpy as np

from ..channels.choose_channels import ChannelsChoice, choose_channels
from ..channels.interface import Channels, ChannelsFactory, Recorder
from ..channels.routes import RowBlock, Size, StepKind, row_blocks
from ..channels.step_record import StepRecord
from ..channels.unreliable.faults import FaultEvent
from ..network.network import Network
from ..network.parameter_order import ParameterOrder
from ..neuron.messages import Step
from ..support.arrays import Array
from .reference.cells import Cells
from .reference.step_mail import Mail


class MailRecorder:
    """Keeps all messages of all steps, as they were sent.

    Args:
        network: The network.

    Attributes:
        network: The network of the society.
        steps: Each step that has ended, with its messages.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.steps: list[tuple[Step, Mail]] = []

    def record(self, step: Step, record: StepRecord) -> None:
        """See `Recorder.record`."""
        self.steps.append((step, read_mail(self.network, step, record)))

    def record_fault(self, event: FaultEvent) -> None:
        """See `Recorder.record_fault`. A fault changes no message."""


def recorded(channels: ChannelsChoice, recorder: MailRecorder) -> ChannelsFactory:
    """Return what makes the same channels, which report to this recorder.

    Args:
        channels: What carries the messages.
        recorder: Receives all of them.
    """
    factory = choose_channels(channels)

    def make(network: Network, log: Recorder | None) -> Channels:
        recorder.network = network  # that of the society: of a network with delays its cell
        return factory(network, recorder)

    return make


def read_mail(network: Network, step: Step, record: StepRecord) -> Mail:
    """Return the messages of a step's record in arrays of their own.

    Args:
        network: The network.
        step: The step.
        record: Its record.
    """
    blocks = {block.name: block for block in row_blocks(network)}
    read = "activations", "backward", "loss_to_outputs", "input_urgencies", "commits", "losses"
    rows = {name: _rows(blocks[name], step, record) for name in read}
    cells = Cells(network)
    activations = np.full((len(cells.owner), record.columns), np.nan)
    activations[cells.of(blocks["activations"].sender)] = rows["activations"]
    weights, biases = np.full(len(network.weights), np.nan), np.full(len(network.ids), np.nan)
    if step.loss is not None:
        weights, biases = ParameterOrder(network).by_element(rows["commits"].ravel())
    blocks_of_mail = ("backward", "loss_to_outputs", "input_urgencies")
    columns = [activations, *(rows[name] for name in blocks_of_mail)]
    losses = rows["losses"][0]

    def mail(part: slice, weights: Array, biases: Array, tangents: Mail | None = None) -> Mail:
        a, backward, from_loss, to_environment = (values.T[part] for values in columns)
        return Mail(a, backward, from_loss, to_environment, losses, weights, biases, tangents)

    if not step.tangent:
        return mail(slice(None), weights, biases)
    tangents = mail(slice(record.batch, None), weights, biases)
    nothing = np.full_like(weights, np.nan), np.full_like(biases, np.nan)
    return mail(slice(record.batch), *nothing, tangents)


def _rows(block: RowBlock, step: Step, record: StepRecord) -> Array:
    """Return a copy of a block's rows, one for each position; NaN for what the step lacks."""
    held = record.blocks.get(block.name)
    if block.spec.size is Size.PARAMETERS:
        return np.array(held.values, dtype=np.float64) if held is not None else np.empty(0)
    of_examples = record.batch if step.loss is not None else 0  # a prediction has no losses
    columns = of_examples if block.spec.size is Size.EXAMPLES else record.columns
    used = block.is_used(StepKind.of(step))
    wide = block.n_positions if block.spec.size is not Size.EXAMPLES else np.ones_like(used, int)
    rows = np.full((int(wide.sum()), columns), np.nan)
    if held is None or not used.any():
        return rows
    if held.values.ndim == 1:  # messages of different lengths: numbers, one after another
        starts = np.cumsum(wide) - wide
        n = len(held.values) // int(wide.sum())  # numbers for each position
        messages = [held.values[n * a : n * (a + w)] for a, w in zip(starts, wide, strict=True)]
    else:
        values = (
            held.values[: len(block)]
            if held.places is None
            else held.values.take(held.places, 0, mode="clip")
        )
        if (wide == 1).all():
            rows[used] = values[used]
            return rows
        messages = list(values)
    first = np.cumsum(wide) - wide
    for k in np.flatnonzero(used).tolist():
        # a message has its numbers example after example, and position after position in each
        rows[first[k] : first[k] + wide[k]] = messages[k].reshape(columns, wide[k]).T
    return rows
