"""How far errors carry, by ellipsoids that contain them: as sharp as paths, nearly, and cheap.

An ellipsoid stands for the errors x of some neurons of one example. Its matrix S says how large any
mixture of them can be: |c · x| <= √(c · S c), for each c. Four facts are all that is used.

1. Of x the errors L x have the matrix L S Lᵀ. So terms of both signs cancel, as they do in fact.
2. |x[i]| <= √S[i, i].
3. A box, |y[i]| <= d[i], lies in the ellipsoid of the matrix diag(d) · Σd (Cauchy, Schwarz).
4. A sum x + y lies in that of (1 + b/a) S + (1 + a/b) D, for any a, b > 0, if x lies in that of S
   and y in that of D. The trace of this is least, (a + b)², if a and b are the roots of theirs.

S itself is rounded. Since S is positive semidefinite, |S[i, j]| <= √S[i, i] √S[j, j]. So with
q[i] = Σ_k |L[i, k]| √S[k, k] the computed L S Lᵀ errs by γ q[i] q[j] at most, and adding
γ q[i] Σq to its diagonal outweighs that. Each S is held divided by its trace, so that squares of
small errors are no underflow.

It costs as much as a gradient for each neuron of one level, not of all levels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...support.arrays import Array, Indices
from .matrices import Matrices
from .propagation import CHUNK, BentBySizes
from .rounding import gamma

LEAST_SHARE = 1e-280  # of the trace: what an underflow of a square can lose, and more


class Sums(NamedTuple):
    """The sums of one level: what reaches some neurons from others that are done before.

    Attributes:
        targets: The positions of the neurons. Shape (n_targets,).
        sources: The positions of the others. Shape (n_sources,).
        weights: The matrix between them. Shape (n_targets, n_sources).
        later: The positions of the neurons, among all so far, that later sums need. Shape (n,).
    """

    targets: Indices
    sources: Indices
    weights: Array
    later: Indices


class ByEllipsoids(BentBySizes):
    """Carries errors on by ellipsoids.

    Args:
        matrices: The network.
        slopes: f' of all neurons. Shape (batch, n_neurons).
        with_inputs: Whether `backward` goes as far as to the inputs; else it leaves them at 0.

    Attributes:
        cost: How many multiplications one way takes, about.
    """

    def __init__(self, matrices: Matrices, slopes: Array, with_inputs: bool = True) -> None:
        network = matrices.network
        forward, backward = [], []
        for level, weights in zip(matrices.levels, matrices.weights, strict=True):
            made = ~network.is_input[level.sources]  # inputs have no errors
            forward.append((level.targets, level.sources[made], weights[:, made]))
        for k in range(network.depth, -1 if with_inputs else 0, -1):
            sources = np.flatnonzero(network.level == k)
            synapses = np.flatnonzero(network.level[network.sources] == k)
            followers, column = np.unique(network.targets[synapses], return_inverse=True)
            weights = np.zeros((len(sources), len(followers)))
            weights[np.searchsorted(sources, network.sources[synapses]), column] = network.weights[
                synapses
            ]
            backward.append((sources, followers, weights))
        self._slopes = slopes
        self._forward, forward_cost = _sums(forward)
        self._backward, backward_cost = _sums(backward)
        self.cost = len(slopes) * max(forward_cost, backward_cost)

    def forward(self, signals: Array, activations: Array) -> Array:
        """See `Propagation.forward`."""
        return self._carry(self._forward, signals, activations)

    def backward(self, activations: Array, signals: Array) -> Array:
        """See `Propagation.backward`."""
        return self._carry(self._backward, activations, signals)

    def _carry(self, all_sums: list[Sums], made: Array, made_after: Array) -> Array:
        """Bound the sums' errors, where each sum errs by `made`, and its result · slope by more."""
        errors = made.copy()
        size = max(len(sums.targets) + len(sums.later) for sums in all_sums)
        at_once = max(1, CHUNK // size**2)
        for first in range(0, len(made), at_once):
            rows = slice(first, first + at_once)
            ellipsoid = _Ellipsoid(len(made[rows]))
            for sums in all_sums:
                t = sums.targets
                slopes = self._slopes[rows, t]
                errors[rows, t] += ellipsoid.add_sums(sums, slopes)
                box = np.abs(slopes) * made[rows, t] + made_after[rows, t]
                ellipsoid.add_box(t, box)
        return errors


def _sums(parts: list[tuple[Indices, Indices, Array]]) -> tuple[list[Sums], float]:
    """Find out until when each neuron is needed. Return with it what all this costs."""
    last = {int(k): n for n, (_, sources, _) in enumerate(parts) for k in sources}
    found, active, cost = [], np.empty(0, dtype=np.intp), 0.0
    for n, (targets, sources, weights) in enumerate(parts):
        cost += weights.size * (len(active) + len(targets))
        active = np.concatenate([active, targets])
        active = active[[last.get(int(k), -1) > n for k in active]]
        found.append(Sums(targets, sources, weights, active))
    return found, cost


class _Ellipsoid:
    """The ellipsoid of the errors of some neurons, for each example.

    members: The positions of the neurons. Shape (n,). matrix: Of trace 1, or 0. Shape (batch, n,
    n). root: The root of the true trace. Shape (batch,).
    """

    def __init__(self, batch: int) -> None:
        self.members: Indices = np.empty(0, dtype=np.intp)
        self.matrix, self.root = np.zeros((batch, 0, 0)), np.zeros(batch)

    def add_sums(self, sums: Sums, slopes: Array) -> Array:
        """Add neurons whose errors are slope · Σ weight · error, and drop what is done with.

        Returns:
            Bounds of the errors of the sums. Shape (batch, n_targets).
        """
        place = {int(k): n for n, k in enumerate(self.members)}
        at = np.array([place[int(k)] for k in sums.sources], dtype=np.intp)
        sizes = np.sqrt(np.einsum("bii->bi", self.matrix).clip(0.0) + LEAST_SHARE)
        sizes *= (self.root > 0)[:, None]
        near = self.matrix[:, at]
        across = sums.weights @ near  # (batch, n_targets, n)
        own = np.einsum("bts,ts->bt", across[:, :, at], sums.weights)
        reached = sizes[:, at] @ np.abs(sums.weights).T
        g = float(gamma(2 * len(at) + 16))
        reach = np.sqrt(own.clip(0.0) + g * reached * reached) * self.root[:, None]

        keep_old = np.array([place[int(k)] for k in sums.later if int(k) in place], dtype=np.intp)
        is_later = np.isin(sums.targets, sums.later)
        weights, slopes = sums.weights[is_later], slopes[:, is_later]
        across = slopes[:, :, None] * across[:, is_later]
        corner = (across[:, :, at] @ weights.T) * slopes[:, None, :]
        n, m = len(keep_old), len(weights)
        matrix = np.empty((len(self.root), n + m, n + m))
        matrix[:, :n, :n] = self.matrix[:, keep_old[:, None], keep_old]
        matrix[:, n:, :n] = across[:, :, keep_old]
        matrix[:, :n, n:] = matrix[:, n:, :n].transpose(0, 2, 1)
        matrix[:, n:, n:] = corner
        q = np.concatenate([sizes[:, keep_old], np.abs(slopes) * reached[:, is_later]], axis=1)
        diagonal = np.einsum("bii->bi", matrix)
        diagonal += g * q * q.sum(axis=1, keepdims=True)
        self.members = np.concatenate([self.members[keep_old], sums.targets[is_later]])
        trace = diagonal.sum(axis=1)
        self.matrix = matrix / np.where(trace > 0, trace, 1.0)[:, None, None]
        self.root = self.root * np.sqrt(trace)
        return np.asarray(reach)

    def add_box(self, targets: Indices, made: Array) -> None:
        """Add to the neurons' errors others, each up to a size. Shape (batch, n_targets)."""
        place = {int(k): n for n, k in enumerate(targets)}
        there = np.flatnonzero(np.isin(self.members, targets))
        made = made[:, [place[int(k)] for k in self.members[there]]]
        size = made.sum(axis=1)
        root = self.root + size
        safe = np.where(root > 0, root, 1.0)
        self.matrix *= (self.root / safe)[:, None, None]
        self.matrix[:, there, there] += made / safe[:, None]
        self.root = root
