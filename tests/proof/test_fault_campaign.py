"""The campaign of faults draws networks of any kind, too; of a network with delays the society is its cell."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.channels.unreliable.faults import Lose
from neuro_actors.proof.fault_campaign import draw_schedule, run_schedule
from neuro_actors.proof.shrink import shrink


@pytest.mark.parametrize("number", few(range(200), 8))
def test_faults_change_no_bit_of_any_network(number: int) -> None:
    outcome = run_schedule(draw_schedule(18, number, any_kind=True))
    assert outcome.problem == ""
    assert outcome.expected_messages > 0


def test_some_have_delays_and_the_bound_is_that_of_the_cell() -> None:
    schedules = [draw_schedule(18, number, any_kind=True) for number in range(8)]
    delayed = [one for one in schedules if one.case.network.delays]
    assert 0 < len(delayed) < 8
    for one in schedules:
        assert bool(one.society.delayed) == (one in delayed)


def test_plain_schedules_stay_what_they_are() -> None:
    assert not any(draw_schedule(1, number).case.network.interneurons for number in range(5))
    assert draw_schedule(1, 3).case.network == draw_schedule(1, 3, any_kind=False).case.network


@pytest.mark.slow  # hundreds of runs
def test_a_schedule_of_a_network_with_delays_is_shrunk() -> None:
    """To the one loss that matters, of the chance that produced it."""
    schedule = next(
        one
        for one in (draw_schedule(18, number, any_kind=True) for number in range(20))
        if one.case.network.delays and one.settings.drop > 0.1
    )
    settings = replace(schedule.settings, faults=[], crash=0.0)
    schedule = replace(schedule, settings=settings, steps=1)

    def fails(candidate) -> bool:
        found: list = []
        run_schedule(candidate, found.append)
        return any(event.what == "lost" for event in found)

    smaller = shrink(schedule, fails)
    assert smaller.settings.drop == 0.0
    (fault,) = smaller.settings.faults
    assert isinstance(fault, Lose)
    assert isinstance(smaller.settings, na.Unreliable)
