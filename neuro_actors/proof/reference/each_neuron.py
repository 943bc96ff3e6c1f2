"""What each member of a society should send, given what it received; and what rounding allows it.

Matrices receive the same mail as the neurons: the activations, urgencies and losses that were in
fact sent. So nothing is carried on from neuron to neuron. Each neuron's signal, slope, sums and
products may differ from the matrices' by the rounding of its own sums alone, in a network of any
depth. The matrices take the wiring from the network. So this proves the whole gradient: by the
chain rule each message follows from those before it.

Where neurons live at several positions, each position is one more column of the matrices. What an
interneuron combines is read off its receptive field, number by number (`cells.py`). Of a run
through time each round is a step of the cell, see `network/cell.py`.

The bounds are those of `rounding.py`. The signal of a neuron errs by the rounding of Σ weight ·
activation; that moves f, f' and f'' a little, or over a kink.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ...network.network import Network
from ...support.arrays import Array, Indices
from .bounds import mean_errors
from .cells import Cells
from .interneuron_rounding import bends_errors_of, slopes_errors_of, values_rounding
from .interneurons import value_of_nothing
from .loss_messages import LossMessages
from .matrices import Matrices
from .rounding import (
    curvature_error,
    sent_slope_error,
    sum_error,
    value_error,
    value_moved,
)
from .step_mail import Comparison, Mail, by_neuron, nothing_but


def each_neuron(
    network: Network,
    x: Array,
    targets: Array | None,
    loss: str | None,
    mail: Mail,
    wrt_inputs: bool = False,
    direction: tuple[Array, Array] | None = None,
    masks: Mapping[int, Array] | None = None,
) -> list[Comparison]:
    """Compute what each member should send given what it received, and a bound of the difference.

    Args:
        network: The network, with the parameters of the step.
        x: The values of the inputs. Shape (batch, *positions, n_inputs).
        targets: The targets. Shape (batch, *positions, n_outputs). None in a step that only
            predicts.
        loss: The name of the loss. None in a step that only predicts.
        mail: All messages of the step, as they were sent.
        wrt_inputs: Whether urgencies reach the inputs.
        direction: A value for each weight, shape (n_synapses,), and for each bias, shape
            (n_neurons,), in a step with tangents.
        masks: By the position of each dropout its mask in the step. Shape (batch, positions) each.
            None: they leave nothing out.

    Returns:
        The comparison; in a step with tangents another one of these.
    """
    with np.errstate(all="ignore"):
        expected, limit = _EachNeuron(network, loss, mail, direction, masks or {}).compute(
            x, targets, loss
        )
    found = [Comparison(mail, expected, limit)]
    if mail.tangents and expected.tangents and limit.tangents:
        found.append(Comparison(mail.tangents, expected.tangents, limit.tangents))
    if not wrt_inputs:
        for one in found:
            _leave_out_inputs(network, one.expected)
    return found


class _EachNeuron:
    """What all members compute at once; errors end in `_e`, tangents in `_t`, both in `_te`."""

    def __init__(
        self,
        network: Network,
        loss: str | None,
        mail: Mail,
        direction: tuple[Array, Array] | None,
        masks: Mapping[int, Array],
    ) -> None:
        self.network, self.mail, self.matrices = network, mail, Matrices(network, loss)
        self.cells, self.examples = Cells(network), len(mail.activations)
        self.sizes = [np.abs(weights) for weights in self.matrices.weights]
        self.direction = direction
        self.fan_in = self.cells.spread(network.incoming.sizes + 2)
        self.fan_out = self.cells.spread(network.outgoing.sizes + 2)
        self.has_bias = self.cells.spread(self.matrices.has_bias)
        self.nothing = np.zeros_like(mail.activations)
        joined, sent = self.cells.joined, mail.activations
        self.partials = self.partials_e = np.zeros((self.examples, 0))
        if joined is not None:
            self.partials = joined.partials(sent)
            self.partials_e = slopes_errors_of(joined, sent, self.partials, self.nothing)
        self.factors = np.ones_like(sent)  # of what each cell combines: a dropout's mask
        for k, mask in masks.items():
            self.factors[:, self.cells.of(np.array([k]))] = mask
        if joined is not None:
            self.partials = self.partials * self.factors[:, joined.followers]

    def compute(self, x: Array, targets: Array | None, loss: str | None) -> tuple[Mail, Mail]:
        mail, matrices, cells = self.mail, self.matrices, self.cells
        z, z_e = self._signals(mail.activations)
        a, a_e, slopes, slopes_e = (np.zeros_like(z) for _ in range(4))
        a[:, cells.of(matrices.inputs)] = by_neuron(x)
        among = cells.of(matrices.interneurons)
        a[:, among], a_e[:, among], slopes[:, among] = z[:, among], z_e[:, among], 1.0
        for function, neurons in matrices.functions():
            t = cells.of(neurons)
            a[:, t] = function.value(z[:, t])
            a_e[:, t] = value_moved(function, z[:, t], z_e[:, t])
            a_e[:, t] += value_error(function, z[:, t], a[:, t])
            # the activation that a neuron sent is its own, and exact
            slopes[:, t] = function.slope(z[:, t], mail.activations[:, t])
            slopes_e[:, t] = sent_slope_error(function, z[:, t], mail.activations[:, t], z_e[:, t])
        tangents = _Tangents(self, z, z_e, slopes, slopes_e) if self.direction else None
        if loss is None:
            return nothing_but(mail, a), nothing_but(mail, a_e)
        assert targets is not None
        return self._backward(targets, loss, (a, a_e), (slopes, slopes_e), tangents)

    def _signals(self, sent: Array) -> tuple[Array, Array]:
        matrices, cells = self.matrices, self.cells
        biases = np.where(self.has_bias, cells.spread(self.network.biases), 0.0)
        z = cells.per_grid(lambda a: matrices.into(matrices.weights, a), sent) + biases
        terms = cells.per_grid(lambda a: matrices.into(self.sizes, a), np.abs(sent))
        z_e = sum_error(self.fan_in, terms + np.abs(biases))
        if cells.joined is not None:
            among = cells.joined.targets
            z[:, among] = cells.joined.values(sent) * self.factors[:, among]
            z_e[:, cells.joined.targets] = values_rounding(cells.joined, sent, self.nothing)
        for cell in cells.silent.tolist():
            z[:, cell] = value_of_nothing(self.network, int(cells.owner[cell]))
        return z, z_e

    def sums(self, mail: Mail) -> tuple[Array, Array]:
        """Add up the urgencies that each member received, and bound the rounding."""
        cells = self.cells
        total, terms = np.zeros((2, len(cells.owner), self.examples))
        along = np.nan_to_num(mail.urgencies.T)  # NaN: not sent
        np.add.at(total, cells.source, along)
        np.add.at(terms, cells.source, np.abs(along))
        from_loss, outputs = np.nan_to_num(mail.loss_urgencies.T), self.outputs
        np.add.at(total, outputs, from_loss)
        np.add.at(terms, outputs, np.abs(from_loss))
        return total.T, sum_error(self.fan_out, terms.T)

    @property
    def outputs(self) -> Indices:
        """The cells of the outputs."""
        return self.cells.of(self.matrices.outputs)

    @property
    def inputs(self) -> Indices:
        """The cells of the inputs."""
        return self.cells.of(self.matrices.inputs)

    def through_joined(self, terms: Array) -> Array:
        """Add up what interneurons send back, for each end. Shape (batch, n_ends).

        Args:
            terms: A number for each term of an interneuron. Shape (batch, n_terms).
        """
        found = np.zeros((len(self.cells.synapse), self.examples))
        np.add.at(found, self.cells.joined_ends, terms.T)
        return found.T

    def to_sources(self, parts: list[Part]) -> tuple[Array, Array]:
        """Compute what goes back along synapses: the sum over parts of factor · urgency.

        Returns:
            That, and a bound of its error. Shape (batch, n_ends) each.
        """
        cells, n = self.cells, 2 * len(parts)
        total = error = size = np.zeros((self.examples, len(cells.synapse)))
        for part in parts:
            w = np.where(cells.has_weight, part.weights[cells.synapse], 0.0)
            v, v_e = (values[:, cells.target] for values in part.urgencies)
            total = total + w * v
            error = error + np.abs(w) * v_e
            size = size + np.abs(w) * (np.abs(v) + v_e)
        error = error + sum_error(n, size)
        if cells.joined is None:
            return total, error
        size = np.zeros_like(size)
        for part in parts:
            v, v_e = (values[:, cells.joined.followers] for values in part.urgencies)
            reach, partials = np.abs(v) + v_e, np.abs(part.partials)
            total = total + self.through_joined(part.partials * v)
            error = error + self.through_joined(partials * v_e + part.partials_e * reach)
            size = size + self.through_joined((partials + part.partials_e) * reach)
        terms = np.bincount(cells.joined_ends, minlength=len(cells.synapse))
        return total, error + sum_error(n * (terms + 1), size)

    def means(self, *pairs: tuple[Array, Array]) -> tuple[Array, Array]:
        """Compute mean urgencies of weights and biases: Σ v · a over pairs, and of the first v."""
        matrices, cells, total = self.matrices, self.cells, np.zeros(len(self.network.weights))
        for v, a in pairs:
            (one,) = cells.sum_per_grid(lambda v, a: (matrices.products(v, a),), v, a)
            total = total + one
        own = np.add.reduceat(pairs[0][0].sum(axis=0), cells.first)
        return total / self.examples, np.where(matrices.has_bias, own / self.examples, 0.0)

    def means_errors(self, *values: Array) -> tuple[Array, Array]:
        """Bound their errors: as `mean_errors`, of v with its error, then a with its error, …"""

        def errors(*given: Array) -> tuple[Array, Array]:
            pairs = list(zip(given[::2], given[1::2], strict=True))
            return mean_errors(self.matrices, *pairs, examples=self.examples)

        weights, biases = self.cells.sum_per_grid(errors, *values)
        return weights, biases

    def _backward(
        self,
        targets: Array,
        loss: str,
        activations: tuple[Array, Array],
        slopes: tuple[Array, Array],
        tangents: _Tangents | None,
    ) -> tuple[Mail, Mail]:
        network, mail = self.network, self.mail
        u, u_e = self.sums(mail)
        v = u * slopes[0]
        v_e = u_e * (np.abs(slopes[0]) + slopes[1]) + np.abs(u) * slopes[1]
        v_e += sum_error(2, np.abs(v))
        part = Part(network.weights, self.partials, self.partials_e, (v, v_e))
        to_sources, to_sources_e = self.to_sources([part])
        weights, biases = self.means((v, mail.activations))
        weights_e, biases_e = self.means_errors(v, v_e, mail.activations, self.nothing)
        node = LossMessages(network, loss, mail.activations[:, self.outputs], targets)
        further, further_limit = None, None
        if tangents is not None:
            further, further_limit = tangents.backward(node, (u, u_e), (v, v_e))
        inputs = self.inputs
        (losses, losses_e), (from_loss, from_loss_e) = node.losses(), node.urgencies()
        expected = Mail(
            activations[0], to_sources, from_loss, u[:, inputs], losses, weights, biases, further
        )
        limit = Mail(
            activations[1],
            to_sources_e,
            from_loss_e,
            u_e[:, inputs],
            losses_e,
            weights_e,
            biases_e,
            further_limit,
        )
        return expected, limit


class Part(NamedTuple):
    """A product that goes back along synapses: a factor for each synapse, times an urgency.

    Attributes:
        weights: The factor of each synapse with a weight. Shape (n_synapses,).
        partials: Of each term of an interneuron. Shape (batch, n_terms).
        partials_e: Bounds of their errors. Shape (batch, n_terms).
        urgencies: The urgency of each cell's signal, and a bound of its error. Shapes (batch,
            n_cells).
    """

    weights: Array
    partials: Array
    partials_e: Array
    urgencies: tuple[Array, Array]


class _Tangents:
    """The same for the derivatives along a direction."""

    def __init__(
        self, members: _EachNeuron, z: Array, z_e: Array, slopes: Array, slopes_e: Array
    ) -> None:
        assert members.direction is not None
        assert members.mail.tangents is not None
        self.members, self.mail, self.sent = members, members.mail, members.mail.tangents
        matrices, network, cells = members.matrices, members.network, members.cells
        v, v_bias = members.direction
        self.direction = np.where(matrices.has_weight, v, 0.0)
        v_bias = np.where(members.has_bias, cells.spread(v_bias), 0.0)
        along = matrices.matrices_of(v)
        a, a_t = self.mail.activations, self.sent.activations

        def into(weights: list[Array], along: list[Array], a_t: Array, a: Array) -> Array:
            return cells.per_grid(
                lambda a_t, a: matrices.into(weights, a_t) + matrices.into(along, a), a_t, a
            )

        self.z_t = into(matrices.weights, along, a_t, a) + v_bias
        sizes = [np.abs(values) for values in along]
        terms = into(members.sizes, sizes, np.abs(a_t), np.abs(a)) + np.abs(v_bias)
        self.z_te = sum_error(cells.spread(2 * network.incoming.sizes + 3), terms)
        self.partials_t = self.partials_te = np.zeros((members.examples, 0))
        if (joined := cells.joined) is not None:
            self.partials_t = joined.bends(a, a_t)
            nothing = members.nothing
            self.partials_te = bends_errors_of(joined, a, a_t, nothing, nothing)
            t, partials, size = joined.targets, members.partials, np.abs(a_t)
            self.z_t[:, t] = joined.into(partials, a_t)
            turned = joined.into(members.partials_e, size)
            n = np.diff([*joined.starts, len(joined.sources)]) + 1
            self.z_te[:, t] = turned + sum_error(n, joined.into(np.abs(partials), size) + turned)
        self.slopes, self.slopes_e = slopes, slopes_e
        self.bends, self.bends_e = np.zeros_like(z), np.zeros_like(z)
        for function, neurons in matrices.functions():
            t = cells.of(neurons)
            assert function.curvature is not None
            self.bends[:, t] = function.curvature(z[:, t], self.mail.activations[:, t])
            self.bends_e[:, t] = curvature_error(function, z[:, t], z_e[:, t])

    def backward(
        self,
        node: LossMessages,
        urgencies: tuple[Array, Array],
        signal_urgencies: tuple[Array, Array],
    ) -> tuple[Mail, Mail]:
        members, network = self.members, self.members.network
        (u, u_e), (v, v_e) = urgencies, signal_urgencies
        u_t, u_te = members.sums(self.sent)
        slopes, slopes_e = self.slopes, self.slopes_e
        slope_size = np.abs(slopes) + slopes_e
        reach, bend_size = np.abs(self.z_t) + self.z_te, np.abs(self.bends) + self.bends_e
        a_t = slopes * self.z_t
        a_te = slopes_e * reach + np.abs(slopes) * self.z_te + sum_error(2, np.abs(a_t))
        v_t = u_t * slopes + u * self.bends * self.z_t
        v_te = u_te * slope_size + np.abs(u_t) * slopes_e + u_e * bend_size * reach
        v_te += np.abs(u) * (self.bends_e * reach + np.abs(self.bends) * self.z_te)
        v_te += sum_error(6, np.abs(u_t) * slope_size + (np.abs(u) + u_e) * bend_size * reach)
        a, sent_t, nothing = self.mail.activations, self.sent.activations, members.nothing
        to_sources, to_sources_e = members.to_sources(
            [
                Part(network.weights, members.partials, members.partials_e, (v_t, v_te)),
                Part(self.direction, self.partials_t, self.partials_te, (v, v_e)),
            ]
        )
        weights, biases = members.means((v_t, a), (v, sent_t))
        weights_e, biases_e = members.means_errors(v_t, v_te, a, nothing, v, v_e, sent_t, nothing)
        from_loss, from_loss_e = node.tangents(sent_t[:, members.outputs])
        inputs, losses = members.inputs, self.sent.losses
        expected = Mail(a_t, to_sources, from_loss, u_t[:, inputs], losses, weights, biases)
        limit = Mail(
            a_te,
            to_sources_e,
            from_loss_e,
            u_te[:, inputs],
            np.zeros_like(losses),
            weights_e,
            biases_e,
        )
        return expected, limit


def _leave_out_inputs(network: Network, mail: Mail) -> None:
    """Mark what is sent to an input, or by it, as not sent."""
    cells, outputs = Cells(network), network.output_positions
    mail.urgencies[:, network.is_input[network.sources][cells.synapse]] = np.nan
    from_input = np.repeat(network.is_input[outputs], network.n_positions[outputs])
    mail.loss_urgencies[:, from_input] = np.nan
    mail.input_urgencies[...] = np.nan
