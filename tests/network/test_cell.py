"""A network with delays and its cell: from one to the other and back."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.any_networks import draw
from helpers.gated_networks import IN_TIME, NETWORKS

import neuro_actors as na
from neuro_actors.network.cell import check_cell, make_cell, whole_network


@pytest.mark.parametrize("name", IN_TIME)
def test_back_from_the_cell(name: str) -> None:
    network = IN_TIME[name]()
    cell = make_cell(network)
    check_cell(cell)
    assert whole_network(cell) == network
    assert whole_network(cell).inputs == network.inputs
    other = cell.with_parameters(
        np.where(cell.frozen_weights, cell.weights, 0.5), np.where(cell.n_parameters > 0, 0.25, 0.0)
    )
    assert whole_network(other) == network.with_parameters(
        other.weights[: len(network.weights)], other.biases[: len(network.ids)]
    )


def test_drawn_at_random() -> None:
    for seed in range(20):
        network = draw(seed, delays=True)[0]
        assert whole_network(make_cell(network)) == network, seed


def test_a_network_without_delays_is_its_own() -> None:
    network = NETWORKS["gated"]()
    assert whole_network(network) is network


def test_what_is_no_cell() -> None:
    cell = make_cell(IN_TIME["recurrent"]())
    cell.delayed = {k: (of - 1, ticks) for k, (of, ticks) in cell.delayed.items()}
    with pytest.raises(na.NetworkError, match="its delays are not those of a network's cell"):
        check_cell(cell)
