"""A residual network, and a mixture of experts, against PyTorch, in float64."""

from __future__ import annotations

import pytest
from helpers.tiers import need
from helpers.torch_mirror import check_case

need("torch")
from helpers.torch_architectures import experts, residual  # noqa: E402

pytestmark = pytest.mark.torch


def test_a_residual_network() -> None:
    check_case(residual())


@pytest.mark.parametrize("grid", [(), (3,)], ids=["one position", "tokens"])
def test_a_mixture_of_experts(grid: tuple[int, ...]) -> None:
    check_case(experts(grid))
