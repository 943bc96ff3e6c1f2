"""What each member of a society should send, given what it received; and what rounding allows it.

Matrices receive the same mail as the neurons: the activations, urgencies and losses that were in
fact sent. So nothing is carried on from neuron to neuron. Each neuron's signal, slope, sums and
products may differ from the matrices' by the rounding of its own sums alone, in a network of any
depth. The matrices take the wiring from the network. So this proves the whole gradient: by the
chain rule each message follows from those before it.

The bounds are those of `rounding.py`. The signal of a neuron errs by the rounding of Σ weight ·
activation; that moves f, f' and f'' a little, or over a kink.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from ...network import functions
from ...network.gradient import Gradient
from ...network.network import Network
from ...support.arrays import Array
from ...support.means import mean_of
from .bounds import mean_errors
from .matrices import Matrices
from .rounding import (
    curvature_error,
    loss_slopes_error,
    loss_tangents_error,
    losses_error,
    moved,
    sent_slope_error,
    sum_error,
    value_error,
)


@dataclass(frozen=True, slots=True, eq=False)
class Mail:
    """All messages of one step, in arrays. What the step does not have is NaN, or empty.

    `tangents` holds the derivatives of all messages along a direction, in a step that computes a
    product with the Hessian: they have the same shapes.

    Attributes:
        activations: Of each neuron and input. Shape (batch, n_neurons).
        urgencies: Along each synapse, from its target to its source. Shape (batch, n_synapses).
        loss_urgencies: From the loss node to each output. Shape (batch, n_outputs).
        input_urgencies: From each input to the environment. Shape (batch, n_inputs).
        losses: From the loss node. Shape (batch,).
        weights: The mean urgency of each synapse's weight, or the new weight that its neuron
            learned. Of tangents: the product. Shape (n_synapses,).
        biases: The same for each neuron's bias; 0 for inputs. Shape (n_neurons,).
    """

    activations: Array
    urgencies: Array
    loss_urgencies: Array
    input_urgencies: Array
    losses: Array
    weights: Array
    biases: Array
    tangents: Mail | None = None

    def gradient(self, network: Network, sign: float = -1.0) -> Gradient:
        """Return the gradient that `weights`, `biases` and `input_urgencies` are minus.

        Args:
            network: The network.
            sign: -1, or 1 where these are bounds.
        """
        return Gradient(
            network,
            mean_of(self.losses),
            self.activations[:, network.output_positions],
            sign * self.weights,
            sign * self.biases,
            sign * self.input_urgencies / len(self.losses),
        )


class Comparison(NamedTuple):
    """What the members of a society sent in a step, beside what they should have sent.

    Attributes:
        sent: What was sent.
        expected: What should have been sent, given what each member received. `weights` and
            `biases` are mean urgencies, also in a step in which neurons learn.
        limit: How far rounding can bring the two apart.
    """

    sent: Mail
    expected: Mail
    limit: Mail

    def uses(self) -> dict[str, float]:
        """Return the greatest use of the bound, difference / bound, for each kind of message.

        What is a number though it should be none, or is none though it should be one, uses
        infinitely much. So does what has an infinite bound, for that proves nothing. Commits are
        not among them: see `gradients`.
        """
        uses = {}
        for name in ("activations", "urgencies", "loss_urgencies", "input_urgencies", "losses"):
            sent, expected, limit = (getattr(mail, name) for mail in self)
            is_bounded = (np.isfinite(limit) | np.isnan(expected)).all()
            uses[name] = greatest_use(sent, expected, limit) if is_bounded else np.inf
        return uses

    def gradients(self, network: Network) -> tuple[Gradient, Gradient]:
        """Return the gradient that the neurons should have committed, and a bound of its entries.

        Args:
            network: The network.
        """
        return self.expected.gradient(network), self.limit.gradient(network, sign=1.0)


def each_neuron(
    network: Network,
    x: Array,
    targets: Array | None,
    loss: str | None,
    mail: Mail,
    wrt_inputs: bool = False,
    direction: tuple[Array, Array] | None = None,
) -> list[Comparison]:
    """Compute what each member should send given what it received, and a bound of the difference.

    Args:
        network: The network, with the parameters of the step.
        x: The values of the inputs. Shape (batch, n_inputs).
        targets: The targets. Shape (batch, n_outputs). None in a step that only predicts.
        loss: The name of the loss. None in a step that only predicts.
        mail: All messages of the step, as they were sent.
        wrt_inputs: Whether urgencies reach the inputs.
        direction: A value for each weight, shape (n_synapses,), and for each bias, shape
            (n_neurons,), in a step with tangents.

    Returns:
        The comparison; in a step with tangents another one of these.
    """
    with np.errstate(all="ignore"):
        expected, limit = _EachNeuron(network, loss, mail, direction).compute(x, targets, loss)
    found = [Comparison(mail, expected, limit)]
    if mail.tangents and expected.tangents and limit.tangents:
        found.append(Comparison(mail.tangents, expected.tangents, limit.tangents))
    if not wrt_inputs:
        for one in found:
            _leave_out_inputs(network, one.expected)
    return found


def greatest_use(sent: Array | float, expected: Array | float, limit: Array | float) -> float:
    """Return the largest |sent - expected| / limit; infinity for what is no number.

    Never NaN, which `max` would pass over.

    Args:
        sent: What was found. Any shape. NaN where nothing should be.
        expected: What should be. The same shape. NaN where nothing should be.
        limit: The bounds. The same shape.
    """
    with np.errstate(invalid="ignore"):
        apart = np.abs(np.subtract(sent, expected))
    nothing = np.isnan(sent) & np.isnan(expected)
    with np.errstate(over="ignore"):
        use = apart / np.maximum(limit, np.finfo(np.float64).tiny)
    use = np.where(nothing, 0.0, np.where(np.isfinite(apart) & ~np.isnan(use), use, np.inf))
    return float(np.max(use, initial=0.0))


class _EachNeuron:
    """What all members compute at once; errors end in `_e`, tangents in `_t`, both in `_te`."""

    def __init__(
        self,
        network: Network,
        loss: str | None,
        mail: Mail,
        direction: tuple[Array, Array] | None,
    ) -> None:
        self.network, self.mail, self.matrices = network, mail, Matrices(network, loss)
        self.sizes = [np.abs(weights) for weights in self.matrices.weights]
        self.direction = direction
        self.fan_in, self.fan_out = network.incoming.sizes + 2, network.outgoing.sizes + 2

    def compute(self, x: Array, targets: Array | None, loss: str | None) -> tuple[Mail, Mail]:
        mail, matrices = self.mail, self.matrices
        z, z_e = self._signals(mail.activations)
        a, a_e, slopes, slopes_e = (np.zeros_like(z) for _ in range(4))
        a[:, matrices.inputs] = x
        for function, t in matrices.functions():
            a[:, t] = function.value(z[:, t])
            a_e[:, t] = moved(function.value, z[:, t], z_e[:, t])
            a_e[:, t] += value_error(function, z[:, t], a[:, t])
            # the activation that a neuron sent is its own, and exact
            slopes[:, t] = function.slope(z[:, t], mail.activations[:, t])
            slopes_e[:, t] = sent_slope_error(function, z[:, t], mail.activations[:, t], z_e[:, t])
        tangents = _Tangents(self, z, z_e, slopes, slopes_e) if self.direction else None
        if loss is None:
            return _nothing(mail, a), _nothing(mail, a_e)
        assert targets is not None
        return self._backward(targets, loss, (a, a_e), (slopes, slopes_e), tangents)

    def _signals(self, sent: Array) -> tuple[Array, Array]:
        network, matrices = self.network, self.matrices
        biases = np.where(network.is_input, 0.0, network.biases)
        z = matrices.into(matrices.weights, sent) + biases
        terms = matrices.into(self.sizes, np.abs(sent)) + np.abs(biases)
        return z, sum_error(self.fan_in, terms)

    def _sums(self, mail: Mail) -> tuple[Array, Array]:
        """Add up the urgencies that each member received, and bound the rounding."""
        network = self.network
        total, terms = np.zeros((2, len(network.ids), len(mail.activations)))
        along = np.nan_to_num(mail.urgencies.T)  # NaN: not sent
        np.add.at(total, network.sources, along)
        np.add.at(terms, network.sources, np.abs(along))
        from_loss = np.nan_to_num(mail.loss_urgencies.T)
        np.add.at(total, network.output_positions, from_loss)
        np.add.at(terms, network.output_positions, np.abs(from_loss))
        return total.T, sum_error(self.fan_out, terms.T)

    def _backward(
        self,
        targets: Array,
        loss: str,
        activations: tuple[Array, Array],
        slopes: tuple[Array, Array],
        tangents: _Tangents | None,
    ) -> tuple[Mail, Mail]:
        network, mail, matrices = self.network, self.mail, self.matrices
        u, u_e = self._sums(mail)
        v = u * slopes[0]
        v_e = u_e * (np.abs(slopes[0]) + slopes[1]) + np.abs(u) * slopes[1]
        v_e += sum_error(2, np.abs(v))
        w = network.weights
        to_source = v[:, network.targets]
        to_source_e = v_e[:, network.targets]
        sent = np.abs(mail.activations)
        batch = len(sent)
        weights, biases = matrices.products(v, mail.activations) / batch, v.sum(axis=0) / batch
        weights_e, biases_e = mean_errors(matrices, (v, v_e), (mail.activations, 0.0 * sent))
        p = mail.activations[:, matrices.outputs]
        function = functions.loss(loss)
        losses = function.value(p, targets)
        exact = np.zeros_like(p)
        losses_e = losses_error(function, p, targets, exact)
        from_loss = -function.slope(p, targets)
        from_loss_e = loss_slopes_error(function, p, targets, exact)
        further, further_limit = None, None
        if tangents is not None:
            further, further_limit = tangents.backward(targets, function, (u, u_e), (v, v_e))
        inputs = matrices.inputs
        expected = Mail(
            activations[0], w * to_source, from_loss, u[:, inputs], losses, weights, biases, further
        )
        size = np.abs(w) * (np.abs(to_source) + to_source_e)
        limit = Mail(
            activations[1],
            np.abs(w) * to_source_e + sum_error(2, size),
            from_loss_e,
            u_e[:, inputs],
            losses_e,
            weights_e,
            biases_e,
            further_limit,
        )
        return expected, limit


class _Tangents:
    """The same for the derivatives along a direction."""

    def __init__(
        self, members: _EachNeuron, z: Array, z_e: Array, slopes: Array, slopes_e: Array
    ) -> None:
        assert members.direction is not None
        assert members.mail.tangents is not None
        self.members, self.mail, self.sent = members, members.mail, members.mail.tangents
        matrices, network = members.matrices, members.network
        v, v_bias = members.direction
        self.direction = v
        v_bias = np.where(network.is_input, 0.0, v_bias)
        along = matrices.matrices_of(v)
        a, a_t = self.mail.activations, self.sent.activations
        self.z_t = matrices.into(matrices.weights, a_t) + matrices.into(along, a) + v_bias
        terms = matrices.into(members.sizes, np.abs(a_t)) + np.abs(v_bias)
        terms += matrices.into([np.abs(values) for values in along], np.abs(a))
        self.z_te = sum_error(2 * network.incoming.sizes + 3, terms)
        self.slopes, self.slopes_e = slopes, slopes_e
        self.bends, self.bends_e = np.zeros_like(z), np.zeros_like(z)
        for function, t in matrices.functions():
            assert function.curvature is not None
            self.bends[:, t] = function.curvature(z[:, t], self.mail.activations[:, t])
            self.bends_e[:, t] = curvature_error(function, z[:, t], z_e[:, t])

    def backward(
        self,
        targets: Array,
        loss: functions.Loss,
        urgencies: tuple[Array, Array],
        signal_urgencies: tuple[Array, Array],
    ) -> tuple[Mail, Mail]:
        members, network, matrices = self.members, self.members.network, self.members.matrices
        (u, u_e), (v, v_e) = urgencies, signal_urgencies
        u_t, u_te = members._sums(self.sent)
        slopes, slopes_e = self.slopes, self.slopes_e
        slope_size = np.abs(slopes) + slopes_e
        reach, bend_size = np.abs(self.z_t) + self.z_te, np.abs(self.bends) + self.bends_e
        a_t = slopes * self.z_t
        a_te = slopes_e * reach + np.abs(slopes) * self.z_te + sum_error(2, np.abs(a_t))
        v_t = u_t * slopes + u * self.bends * self.z_t
        v_te = u_te * slope_size + np.abs(u_t) * slopes_e + u_e * bend_size * reach
        v_te += np.abs(u) * (self.bends_e * reach + np.abs(self.bends) * self.z_te)
        v_te += sum_error(6, np.abs(u_t) * slope_size + (np.abs(u) + u_e) * bend_size * reach)
        a, sent_t, t = self.mail.activations, self.sent.activations, network.targets
        w, d = network.weights, self.direction
        to_source = w * v_t[:, t] + d * v[:, t]
        to_source_e = np.abs(w) * v_te[:, t] + np.abs(d) * v_e[:, t]
        size = np.abs(w) * (np.abs(v_t) + v_te)[:, t] + np.abs(d) * (np.abs(v) + v_e)[:, t]
        batch = len(a)
        weights = (matrices.products(v_t, a) + matrices.products(v, sent_t)) / batch
        exact = np.zeros_like(a)
        weights_e, biases_e = mean_errors(
            matrices, (v_t, v_te), (a, exact), (v, v_e), (sent_t, exact)
        )
        p, p_t = a[:, matrices.outputs], sent_t[:, matrices.outputs]
        curvature = loss.curvature
        assert curvature is not None
        from_loss = -curvature(p, targets, p_t)
        nothing = np.zeros_like(p)
        from_loss_e = loss_tangents_error(loss, p, targets, p_t, nothing, nothing)
        expected = Mail(
            a_t,
            to_source,
            from_loss,
            u_t[:, matrices.inputs],
            self.sent.losses,
            weights,
            v_t.sum(axis=0) / batch,
        )
        limit = Mail(
            a_te,
            to_source_e + sum_error(4, size),
            from_loss_e,
            u_te[:, matrices.inputs],
            np.zeros_like(self.sent.losses),
            weights_e,
            biases_e,
        )
        return expected, limit


def _nothing(mail: Mail, activations: Array) -> Mail:
    """Return the mail of a step that only predicts."""
    others = [np.full_like(getattr(mail, f.name), np.nan) for f in fields(Mail)[1:-1]]
    return Mail(activations, *others)


def _leave_out_inputs(network: Network, mail: Mail) -> None:
    """Mark what is sent to an input, or by it, as not sent."""
    mail.urgencies[:, network.is_input[network.sources]] = np.nan
    mail.loss_urgencies[:, network.is_input[network.output_positions]] = np.nan
    mail.input_urgencies[...] = np.nan
