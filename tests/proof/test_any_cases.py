"""Networks of any kind that are drawn: each combination, field and kind of element is among them."""

from __future__ import annotations

import numpy as np

from neuro_actors.network.activations import BUILT_IN
from neuro_actors.network.cell import make_cell
from neuro_actors.network.combinations import PACKAGE_COMBINATIONS
from neuro_actors.network.dropout import read_dropout
from neuro_actors.network.passes import count_passes
from neuro_actors.proof.any_cases import TAME, draw_any_case
from neuro_actors.proof.random_cases import DRAWN, draw_case
from neuro_actors.proof.reference.unroll import unroll


def test_all_kinds_are_drawn() -> None:
    cases = [draw_any_case(seed) for seed in range(150)]
    networks = [case.network for case in cases]
    nodes = [node for network in networks for node in network.interneurons.values()]
    names = {node.combination for node in nodes}
    dropouts = {name for name in names if read_dropout(name)}
    assert names - dropouts == set(PACKAGE_COMBINATIONS)
    assert len(dropouts) > 5
    fields = [node.field for node in nodes if node.field is not None]
    kinds = {field.name.split()[0] for field in fields}
    assert kinds >= {
        "shift",
        "window",
        "gather",
        "reduce",
        "keys",
        "queries",
        "any",
        "at",
        "broadcast",
    }
    assert any(not field.is_full for field in fields)
    assert any(not field.hears_everywhere for field in fields)
    assert {len(network.input_grid) for network in networks} == {0, 1, 2}
    assert {len(network.output_grid) for network in networks} >= {0, 1, 2}
    assert any(network.frozen_biases[network.n_parameters > 0].any() for network in networks)
    ticks = {ticks for network in networks for _, ticks in network.delays.values()}
    assert ticks == {-2, -1, 1, 2}
    cells = [make_cell(network) for network in networks if network.delays]
    assert {count_passes(cell) for cell in cells} >= {1, 2}
    assert 0.2 < np.mean([bool(network.delays) for network in networks]) < 0.6
    assert {name for network in networks for name in network.activations} == set(BUILT_IN)
    assert len({case.loss for case in cases}) == 7
    assert {1, 6} <= {len(case.x) for case in cases}
    assert 0.1 < np.mean([np.isnan(case.targets).any() for case in cases]) < 0.5


def test_functions_that_are_not_defined_everywhere_hear_what_they_can() -> None:
    """And no optimizer moves them out of there."""
    seen = set()
    for seed in range(60):
        network = draw_any_case(seed).network
        for k in range(len(network.ids)):
            name = network.activations[k]
            if name in TAME:
                seen.add(name)
                (synapse,) = network.incoming.of(k).tolist()
                assert network.activations[network.sources[synapse]] == "sigmoid"
                ends = network.biases[k], network.biases[k] + network.weights[synapse]
                assert 0.3 <= min(ends) <= max(ends) <= 3.5
                assert network.frozen_biases[k]
                assert network.frozen_weights[synapse]
    assert seen == set(TAME)


def test_the_same_seed_draws_the_same_case() -> None:
    one, other = draw_any_case(7), draw_any_case(7)
    assert one.network == other.network
    assert np.array_equal(one.x, other.x)
    assert np.array_equal(one.targets, other.targets, equal_nan=True)
    assert draw_any_case(8).network != one.network


def test_they_are_small_enough_to_be_unrolled() -> None:
    sizes = [
        len(unroll(case.network, case.x.shape[1]).plain.ids)
        for case in map(draw_any_case, range(40))
    ]
    assert max(sizes) < 1000


def test_plain_cases_stay_what_they_are() -> None:
    """Whatever is added to the table of activation functions: a seed in a report draws its case again."""
    cases = [draw_case(seed) for seed in range(1, 4)]
    found = [(c.loss, len(c.x), len(c.network.ids), len(c.network.weights)) for c in cases]
    assert found == [
        ("cross_entropy", 1, 159, 2798),
        ("kl_divergence", 5, 7, 16),
        ("kl_divergence", 45, 4, 5),
    ]
    assert sorted(set(draw_case(2).network.activations)) == [
        "identity",
        "leaky_relu",
        "sigmoid",
        "sin",
    ]
    drawn = set(draw_case(4).network.activations) | set(draw_case(7).network.activations)
    assert drawn == set(DRAWN)
