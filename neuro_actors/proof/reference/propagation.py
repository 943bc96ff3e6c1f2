"""How far errors that are made at each neuron carry, forward to signals and back to activations.

Three ways, with the same results in exact arithmetic if all terms had one sign:

`BySizes` carries each error on through |weight| · |slope|. It costs as much as a gradient. Where
terms of both signs meet they cannot cancel, so at each level the bound grows by a factor that the
error itself does not have: about 2 in a layer of 6 neurons, 9 in one of 100.

`ByPaths` computes, for each example and each two neurons k and m, the sum over all paths

    T[m, k] = ∂(signal of m) / ∂(activation of k),

with all signs, and takes its size only then. So nothing compounds: errors grow as errors do. It
costs as much as a gradient for each neuron.

`ByEllipsoids` (`ellipsoids.py`) keeps the signs, too, and is less sharp by a factor of 2 to 4. It
costs as much as a gradient for each neuron of one level, so it is for networks that are large.

Law: with r the errors made in the signals and g those made in the activations, an error of a signal
is at most r[m] + Σ_k |T[m, k]| (|slope[k]| r[k] + g[k]); with c the errors made in the derivatives
by activations and t those made in the derivatives by signals, an error of a derivative by an
activation is at most c[k] + Σ_m |T[m, k]| (t[m] + |slope[m]| c[m]). T errs too, by the rounding of
its own sums. The computed P = ∂activation/∂activation satisfies P = I + slope · W P + D with
|D| <= γ |slope| |W| |P|. So the exact one is P (I + D)^-1, and what D carries on is at most
γ |W| · (the error that is being bounded). A caller adds that to r and c: it counts the error twice
within the rounding of its sums; see `bounds.py`. What `bent` computes is a backward pass of the
columns of T, with the same law: a caller counts its result once more in c, and its rounding in t.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from ...support.arrays import Array, Indices
from .interneurons import Interneurons
from .matrices import Matrices

CHUNK = 1 << 22  # how many numbers of T are computed at once
HELD = 1 << 25  # how many of them are held, so that they are not computed twice
CHEAP, AFFORDABLE = 1e8, 5e10  # multiplications: less than a second, half a minute on one core


class Propagation(Protocol):
    """Carries errors through a network."""

    def forward(self, signals: Array, activations: Array) -> Array:
        """Bound the errors of the signals.

        Args:
            signals: The errors made in the signals. Shape (batch, n_neurons), not negative.
            activations: The errors made in the activations. The same shape.

        Returns:
            The bounds, of the same shape.
        """

    def backward(self, activations: Array, signals: Array) -> Array:
        """Bound the errors of the derivatives by the activations.

        Args:
            activations: The errors made in the derivatives by activations. Shape (batch,
                n_neurons), not negative.
            signals: The errors made in the derivatives by signals. The same shape.

        Returns:
            The bounds, of the same shape.
        """

    def bent(
        self, signals: Array, activations: Array, bends: Array, loss_bends: Array
    ) -> tuple[Array, Array]:
        """Bound what errors made on the way forward do to the derivatives, by bending slopes.

        An error e of a signal changes its slope, and so the derivative by it by bends · e. An
        error e of an output's activation changes the loss's slope by loss_bends · e. Left out is
        the error that is made in a signal itself, where it bends its own slope.

        Args:
            signals: The errors made in the signals. Shape (batch, n_neurons), not negative.
            activations: The errors made in the activations. The same shape.
            bends: Derivative by the activation, times f''. The same shape, any sign.
            loss_bends: The loss's curvature at outputs, 0 elsewhere. The same shape.

        Returns:
            Bounds of the changes of the derivatives by the activations, and by the signals, each
            of the same shape.
        """


class BentBySizes:
    """What a way to carry errors does about bent slopes if it knows no signs: it takes sizes."""

    _slopes: Array

    def forward(self, signals: Array, activations: Array) -> Array:
        """See `Propagation.forward`."""
        raise NotImplementedError

    def backward(self, activations: Array, signals: Array) -> Array:
        """See `Propagation.backward`."""
        raise NotImplementedError

    def bent(
        self, signals: Array, activations: Array, bends: Array, loss_bends: Array
    ) -> tuple[Array, Array]:
        """See `Propagation.bent`."""
        errors = self.forward(signals, activations)
        made = np.abs(bends) * (errors - signals)
        start = np.abs(loss_bends) * (np.abs(self._slopes) * errors + activations)
        by_activations = self.backward(start, made)
        return by_activations, np.abs(self._slopes) * by_activations + made


class BySizes(BentBySizes):
    """Carries errors on by the sizes of weights and slopes.

    Args:
        matrices: The network.
        slopes: f' of all neurons. Shape (batch, n_neurons).
        partials: The derivatives of interneurons by their sources, see `Matrices.partials`. Shapes
            (batch, n). None: there are no interneurons.
    """

    def __init__(
        self, matrices: Matrices, slopes: Array, partials: list[Array] | None = None
    ) -> None:
        self._levels = matrices.levels
        self._weights = [np.abs(weights) for weights in matrices.weights]
        self._partials = [np.abs(own) for own in partials or matrices.no_partials]
        self._slopes = np.abs(slopes)

    def forward(self, signals: Array, activations: Array) -> Array:
        """See `Propagation.forward`."""
        errors = signals.copy()
        for level, weights, own in zip(self._levels, self._weights, self._partials, strict=True):
            s = level.sources
            carried = self._slopes[:, s] * errors[:, s] + activations[:, s]
            errors[:, level.targets] += carried @ weights.T
            if level.interneurons is not None:
                carried = self._slopes * errors + activations
                errors[:, level.interneurons.targets] += level.interneurons.into(own, carried)
        return errors

    def backward(self, activations: Array, signals: Array) -> Array:
        """See `Propagation.backward`."""
        errors = activations.copy()
        all_levels = zip(self._levels, self._weights, self._partials, strict=True)
        for level, weights, own in reversed(list(all_levels)):
            t = level.targets
            carried = self._slopes[:, t] * errors[:, t] + signals[:, t]
            errors[:, level.sources] += carried @ weights
            if level.interneurons is not None:
                carried = self._slopes * errors + signals
                level.interneurons.add_out_of(own, carried, errors)
        return errors


class _Joined(NamedTuple):
    """The synapses into the interneurons of one level, by rank, grouped in two ways.

    targets: The rank of each interneuron. sources: The rank of each synapse's source; the synapses
    of one target together. starts: Where those of each target begin. partials: Shape
    (n_synapses, batch). order: The synapses sorted by source. back_to: The ranks of the sources,
    once each. back_starts: Where those of each source begin in that order. followers: The rank of
    each synapse's target, in that order.
    """

    targets: Indices
    sources: Indices
    starts: Indices
    partials: Array
    order: Indices
    back_to: Indices
    back_starts: Indices
    followers: Indices

    @classmethod
    def of(cls, among: Interneurons, partials: Array, rank: Indices) -> _Joined:
        sources, targets = rank[among.sources], rank[among.targets]
        order = np.argsort(sources, kind="stable")
        back_to, back_starts = np.unique(sources[order], return_index=True)
        followers = rank[among.followers][order]
        values = np.ascontiguousarray(partials.T)
        return cls(targets, sources, among.starts, values, order, back_to, back_starts, followers)

    def into(self, values: Array, first: int) -> Array:
        """Sum over sources: (n_targets, batch, columns). The rows of `values` begin at `first`."""
        is_there = self.sources >= first
        partials = np.where(is_there[:, None], self.partials, 0.0)
        terms = partials[:, :, None] * values[np.maximum(self.sources - first, 0)]
        return np.add.reduceat(terms, self.starts, axis=0)

    def out_of(self, values: Array) -> Array:
        """Sum over followers, for each of `back_to`. `values` has rows of all ranks."""
        terms = self.partials[self.order, :, None] * values[self.followers]
        return np.add.reduceat(terms, self.back_starts, axis=0)


class ByPaths:
    """Carries errors on by the sums over all paths, with their signs.

    Args:
        matrices: The network.
        slopes: f' of all neurons. Shape (batch, n_neurons).
        with_inputs: Whether `backward` goes as far as to the inputs; else it leaves them at 0.
        partials: The derivatives of interneurons by their sources, see `Matrices.partials`. Shapes
            (batch, n). None: there are no interneurons.

    Attributes:
        cost: How many multiplications T takes, about.
    """

    def __init__(
        self,
        matrices: Matrices,
        slopes: Array,
        with_inputs: bool = True,
        partials: list[Array] | None = None,
    ) -> None:
        network = matrices.network
        self._order = np.argsort(network.level, kind="stable")  # by level: inputs first
        rank = np.empty_like(self._order)
        rank[self._order] = np.arange(len(rank))
        self._slopes = np.ascontiguousarray(slopes.T[self._order])  # (n_neurons, batch)
        self._first = 0 if with_inputs else len(matrices.inputs)
        self._first_made = len(matrices.inputs)  # inputs make no errors
        self._levels: list[tuple[slice, Indices, Array, _Joined | None]] = []
        all_partials = partials or matrices.no_partials
        for level, weights, own in zip(
            matrices.levels, matrices.weights, all_partials, strict=True
        ):
            among = level.interneurons
            by_rank = np.argsort(rank[level.sources])
            first = int(rank[level.targets[0]])
            self._levels.append(
                (
                    slice(first, first + len(level.targets)),
                    rank[level.sources[by_rank]],
                    np.ascontiguousarray(weights[:, by_rank]),
                    None if among is None else _Joined.of(among, own, rank),
                )
            )
        batch = slopes.shape[0]
        edges = [
            w.size + own.shape[1] for w, own in zip(matrices.weights, all_partials, strict=True)
        ]
        later = np.cumsum(edges[::-1])[::-1]
        neurons = np.bincount(network.level)[:-1]
        self.cost = batch * float((later * neurons)[0 if with_inputs else 1 :].sum())
        self._width = max(1, CHUNK // (len(rank) * batch))
        columns = len(rank) - self._first
        self._holds = columns * len(rank) * batch <= HELD
        self._held: list[tuple[int, Array]] = []

    def forward(self, signals: Array, activations: Array) -> Array:
        """See `Propagation.forward`."""
        r, g = self._ranked(signals), self._ranked(activations)
        made = np.abs(self._slopes) * r + g
        errors = r.copy()
        for first, paths in self._paths():
            some = made[first : first + paths.shape[2]]
            errors[first:] += np.einsum("mbk,kb->mb", paths, some)
        return self._unranked(errors)

    def backward(self, activations: Array, signals: Array) -> Array:
        """See `Propagation.backward`."""
        c, t = self._ranked(activations), self._ranked(signals)
        made = t + np.abs(self._slopes) * c
        errors = c.copy()
        for first, paths in self._paths():
            some = np.einsum("mbk,mb->kb", paths, made[first:])
            errors[first : first + paths.shape[2]] += some
        return self._unranked(errors)

    def bent(
        self, signals: Array, activations: Array, bends: Array, loss_bends: Array
    ) -> tuple[Array, Array]:
        """See `Propagation.bent`."""
        slopes, bends, loss_bends = self._slopes, self._ranked(bends), self._ranked(loss_bends)
        made = np.abs(slopes) * self._ranked(signals) + self._ranked(activations)
        by_activations, by_signals = np.zeros_like(made), np.zeros_like(made)
        for first in range(self._first_made, len(made), self._width):
            stop = min(first + self._width, len(made))
            to_signals, to_activations = self._columns(first, stop)
            back = np.zeros((len(made), *to_signals.shape[1:]))
            back[first:] = to_activations * loss_bends[first:, :, None]
            for targets, sources, weights, joined in reversed(self._levels):
                through = back[targets] * slopes[targets, :, None]
                after = max(first, targets.start)
                if after < targets.stop:
                    bent = to_signals[after - first : targets.stop - first]
                    through[after - targets.start :] += bent * bends[after : targets.stop, :, None]
                by_signals[targets] += np.einsum("mbk,kb->mb", np.abs(through), made[first:stop])
                cut = int(np.searchsorted(sources, self._first))
                if cut < len(sources):
                    carried = weights[:, cut:].T @ through.reshape(len(through), -1)
                    back[_as_slice(sources[cut:])] += carried.reshape(-1, *back.shape[1:])
                if joined is not None:
                    slopes_after = np.zeros_like(back)
                    slopes_after[targets] = through
                    back[joined.back_to] += joined.out_of(slopes_after)
            by_activations += np.einsum("mbk,kb->mb", np.abs(back), made[first:stop])
        return self._unranked(by_activations), self._unranked(by_signals)

    def _ranked(self, values: Array) -> Array:
        return np.ascontiguousarray(values.T[self._order])

    def _unranked(self, values: Array) -> Array:
        result = np.empty_like(values)
        result[self._order] = values
        return np.ascontiguousarray(result.T)

    def _paths(self) -> Iterator[tuple[int, Array]]:
        """Yield |T| of some columns after others: the first one's rank, and (rows, batch, columns).

        Rows and columns are neurons by rank. The rows begin at the first column's own.
        """
        if self._held:
            yield from self._held
            return
        for first in range(self._first, len(self._order), self._width):
            stop = min(first + self._width, len(self._order))
            signals, _ = self._columns(first, stop)
            paths = first, np.abs(signals, out=signals)
            if self._holds:
                self._held.append(paths)
            yield paths

    def _columns(self, first: int, stop: int) -> tuple[Array, Array]:
        """Compute T of the columns from `first` to `stop`, level after level.

        And the same of activations by activations. Both have the shape of `_paths`.
        """
        columns, batch = stop - first, self._slopes.shape[1]
        rows = len(self._order) - first
        signals = np.zeros((rows, batch, columns))
        activations = np.zeros_like(signals)
        activations[np.arange(columns), :, np.arange(columns)] = 1.0
        for targets, sources, weights, joined in self._levels:
            cut = int(np.searchsorted(sources, first))
            is_met = joined is not None and bool((joined.sources >= first).any())
            if cut == len(sources) and not is_met:
                continue  # no path of these columns comes here
            here = slice(targets.start - first, targets.stop - first)
            if cut < len(sources):
                near = sources[cut:] - first
                into = activations[_as_slice(near)]
                product = weights[:, cut:] @ into.reshape(len(near), batch * columns)
                signals[here] = product.reshape(-1, batch, columns)
            if joined is not None and is_met:
                signals[joined.targets - first] = joined.into(activations, first)
            activations[here] += signals[here] * self._slopes[targets, :, None]
        return signals, activations


def _as_slice(ranks: Indices) -> slice | Indices:
    """Return a slice for ranks that follow one another: no copy is made then."""
    first, last = int(ranks[0]), int(ranks[-1])
    return slice(first, last + 1) if last - first == len(ranks) - 1 else ranks
