"""The claim in one command must be able to fail: the rule is broken in many ways, and `verify` sees each."""

from __future__ import annotations

import pytest
from helpers.rule_mutants import MUTANTS, OF_BUNDLED, OF_MEMORY, break_it
from helpers.tiers import few

from neuro_actors.proof.verify import draw_case, verify

NETWORKS = 25


def test_societies_are_exact(channels: str, run_slow: bool) -> None:
    networks = NETWORKS if run_slow else 5
    verdicts = list(verify(networks, seed=1, channels=channels, torch=False))
    assert [(v.seed, v.failure, v.differences) for v in verdicts if not v.passed] == []
    assert (
        0 < max(v.differences["gradient"] for v in verdicts) < 1
    )  # rounding is seen, and stays below the bound


def test_cases_are_of_all_kinds() -> None:
    cases = [draw_case(seed) for seed in range(300)]
    sizes = [len(case.network.ids) - len(case.network.inputs) for case in cases]
    assert (min(sizes), max(sizes) > 150) == (1, True)
    assert {case.loss for case in cases} == {
        "squared_error", "absolute_error", "huber", "cross_entropy", "sigmoid_cross_entropy", "softmax_cross_entropy", "kl_divergence"
    }  # fmt: skip
    assert {name for case in cases for name in case.network.activations} >= {
        "relu",
        "gelu",
        "sin",
        "elu",
        "tanh",
    }
    assert {1, 64} <= {len(case.x) for case in cases}
    assert any(
        case.network.outgoing.sizes[case.network.position[case.network.outputs[0]]]
        for case in cases
    )
    skips = [
        (case.network.level[case.network.targets] - case.network.level[case.network.sources]).max()
        for case in cases
    ]
    assert max(skips) > 20


# each mutant once by default: those of the rule in bundled channels, which are the faster ones
BROKEN = [
    *[(mutant, "bundled") for mutant in MUTANTS | OF_BUNDLED],
    *[(mutant, "memory") for mutant in OF_MEMORY],
    *few([(mutant, "memory") for mutant in MUTANTS], 0),
]


@pytest.mark.parametrize(("mutant", "channels"), BROKEN)
def test_each_way_of_breaking_it_is_caught(
    mutant: str, channels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_it(mutant, monkeypatch)
    verdicts = verify(NETWORKS, seed=1, channels=channels, torch=False)
    # by a difference, not by a crash; the first is enough
    assert any(not verdict.passed and verdict.failure is None for verdict in verdicts)
