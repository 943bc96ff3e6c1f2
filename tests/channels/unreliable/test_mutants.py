"""Mutants of the delivery protocol: each is caught by the first fifty storms, or is explained as equivalent."""

from __future__ import annotations

import pytest
from helpers.protocol_mutants import CAUGHT, EQUIVALENT
from helpers.tiers import few

from neuro_actors.proof import fault_campaign

FIRST = 50
ORDER = [0, 7, 5, 3, 2, *range(FIRST)]  # first those that catch the most mutants
PATIENCE = 0.25  # of the proved bound: what no storm that goes well takes, see below


def problems(first: int) -> list[str]:
    return [
        fault_campaign.run_schedule(
            fault_campaign.draw_schedule(1, number), patience=PATIENCE
        ).problem
        for number in range(first)
    ]


def test_the_protocol_itself_survives_them(run_slow: bool) -> None:
    first = FIRST if run_slow else 8
    assert problems(first) == [""] * first


@pytest.mark.parametrize("mutant", few(CAUGHT, 10), ids=lambda mutant: mutant.__name__)
def test_caught(mutant, monkeypatch) -> None:
    mutant(monkeypatch.setattr)
    for number in ORDER:
        try:
            problem = fault_campaign.run_schedule(
                fault_campaign.draw_schedule(1, number), patience=PATIENCE
            ).problem
        except Exception as error:  # a mutant may break down in any way
            problem = repr(error)
        if problem:
            return
    pytest.fail("it was not caught")


@pytest.mark.parametrize("mutant", EQUIVALENT, ids=lambda mutant: mutant.__name__)
def test_equivalent(mutant, monkeypatch, run_slow: bool) -> None:
    mutant(monkeypatch.setattr)
    first = 12 if run_slow else 4
    assert problems(first) == [""] * first
