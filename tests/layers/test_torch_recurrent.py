"""Recurrent layers against PyTorch's, in float64: how its two biases are one, `torch_architectures.recurrent` says."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.tiers import need
from helpers.torch_mirror import check_case

need("torch")
from helpers.torch_architectures import recurrent  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("both", [False, True], ids=["", "both directions"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_recurrent(kind: str, layers: int, both: bool) -> None:
    check_case(recurrent(kind, layers, both=both))


def test_directions_that_are_exchanged_are_found() -> None:
    case = recurrent("rnn", both=True)
    parts = case.mirror.parts
    parts[0], parts[3] = (parts[3][0], *parts[0][1:]), (parts[0][0], *parts[3][1:])
    with pytest.raises(AssertionError):
        check_case(case)


def test_another_activation_and_another_loss() -> None:
    case = recurrent("rnn", activation="relu")
    case.loss, case.targets = (
        "softmax_cross_entropy",
        np.eye(2)[np.random.default_rng(1).integers(0, 2, (4, 6))],
    )
    check_case(case)


def test_gates_that_are_exchanged_are_found() -> None:
    case = recurrent("gru")
    parts = case.mirror.parts
    reset, update = parts[0], parts[3]
    parts[0], parts[3] = (reset[0], update[1], *reset[2:]), (update[0], reset[1], *update[2:])
    with pytest.raises(AssertionError):
        check_case(case)
