"""Calls of any kind against mpmath; `python tests/programs/fuzz_calls.py --examples 10000` draws more of the same."""

from __future__ import annotations

import pytest
from helpers.tiers import need

import neuro_actors as na


@pytest.mark.parametrize("examples", [15, pytest.param(1500, marks=pytest.mark.slow)])
def test_drawn_calls_give_what_mpmath_gives_or_are_refused(examples: int) -> None:
    for library in ("mpmath", "pandas", "polars"):
        need(library)
    from programs.fuzz_calls import fuzz

    findings, counts = fuzz(seed=16, examples=examples)
    assert findings == []
    assert counts["refused"] > 0


def test_the_fuzz_finds_a_wrong_slope_and_a_lost_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("mpmath", "pandas", "polars"):
        need(library)
    from programs.fuzz_calls import check, draw

    from neuro_actors.network import activations
    from neuro_actors.support import arrays

    cases = [draw(16, number) for number in range(150)]
    masked = next(case for case in cases if case.wrong == "masked rows as x")
    sines = [
        case for case in cases
        if case.call == "reference" and not case.wrong and "sin" in case.network.activations
    ]  # fmt: skip
    assert [check(case) for case in (masked, *sines)] == [""] * (1 + len(sines))
    monkeypatch.setattr(arrays, "_loses_a_mask", lambda *_: False)
    assert check(masked) == "taken: masked rows as x"
    right = activations.ACTIVATIONS["sin"]
    wrong = na.Activation(
        right.value, lambda z, a: right.slope(z, a) * (1 + 1e-11), right.curvature
    )
    monkeypatch.setitem(activations.ACTIVATIONS, "sin", wrong)
    assert any("expected" in check(case) for case in sines)
