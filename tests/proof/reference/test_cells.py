"""Cells: what an interneuron combines at each position, read off its field, is what it gathers."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.any_networks import draw
from helpers.tiers import few

from neuro_actors.proof.reference.cells import Cells


@pytest.mark.parametrize("seed", few(range(100), 5))
def test_terms_are_those_that_a_field_gathers(seed: int) -> None:
    network = draw(seed)[0]
    cells, rng = Cells(network), np.random.default_rng(seed)
    values = rng.standard_normal((2, len(cells.owner)))
    if cells.joined is None:
        return
    edges = [*cells.joined.starts, len(cells.joined.sources)]
    found = {
        int(cell): values[:, cells.joined.sources[start:end]]
        for cell, start, end in zip(cells.joined.targets, edges[:-1], edges[1:], strict=True)
    }
    for k, node in network.interneurons.items():
        sources = network.sources[network.incoming.of(k)]
        # rows as members hold them: example after example, position after position in each
        rows = np.stack([values[:, cells.of(np.array([s]))].ravel() for s in sources.tolist()])
        terms_in = rows if node.field is None else node.field.gather_rows(rows, np.nan)
        by_position = terms_in.reshape(len(terms_in), 2, -1)
        for p in range(int(network.n_positions[k])):
            cell = int(cells.first[k]) + p
            terms = by_position[:, :, p]
            terms = terms[~np.isnan(terms).any(axis=1)]
            if len(terms):
                assert np.array_equal(found[cell], terms.T)
            else:
                assert cell in cells.silent


@pytest.mark.parametrize("seed", few(range(100), 3))
def test_what_goes_back_is_what_a_field_scatters(seed: int) -> None:
    network = draw(seed)[0]
    cells, rng = Cells(network), np.random.default_rng(seed)
    for k, node in network.interneurons.items():
        if node.field is None:
            continue
        synapses = network.incoming.of(k)
        n, wide = len(synapses), int(network.n_positions[k])
        sent = rng.standard_normal((n, node.field.width, 2, wide))  # of each term
        terms_in = node.field.positions.T[None, :, None] >= 0
        expected = node.field.scatter_rows((sent * terms_in).reshape(n * node.field.width, -1))
        found = np.zeros((len(cells.synapse), 2))
        assert cells.joined is not None
        edges = [*cells.joined.starts, len(cells.joined.sources)]
        for cell, start, end in zip(cells.joined.targets, edges[:-1], edges[1:], strict=True):
            p = int(cell) - int(cells.first[k])
            if cells.owner[cell] == k:
                terms = sent[:, :, :, p][:, node.field.positions[p] >= 0].reshape(end - start, 2)
                np.add.at(found, cells.joined_ends[start:end], terms)
        for i, synapse in enumerate(synapses.tolist()):
            mine = found[cells.synapse == synapse]  # (positions of the source, examples)
            np.testing.assert_allclose(mine.T.ravel(), expected[i], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("seed", few(range(100), 3))
def test_grids_are_laid_out_and_back(seed: int) -> None:
    network = draw(seed)[0]
    cells, rng = Cells(network), np.random.default_rng(seed)
    values = rng.standard_normal((2, len(cells.owner)))
    assert np.array_equal(cells.per_grid(lambda one: one, values), values)
    (total,) = cells.sum_per_grid(lambda one: (one.sum(axis=0),), values)
    expected, sizes = (
        np.add.reduceat(some.sum(axis=0), cells.first) for some in (values, np.abs(values))
    )
    assert (np.abs(total - expected) <= np.finfo(float).eps * values.size * sizes).all()
