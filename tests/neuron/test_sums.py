"""The sums on which all bits rest."""

import pytest

from neuro_actors.neuron.sums import ORDERED, SUMS


def test_a_name_of_sums_stands_for_the_packages_own():
    """A log, a checkpoint and a worker say by name which sums were used, and nothing more."""
    with pytest.raises(TypeError):
        SUMS["ordered"] = SUMS["blas"]  # type: ignore[index]
    assert SUMS["ordered"] is ORDERED
