"""The rounds of a step through time: their order and their names."""

from __future__ import annotations

import pytest

from neuro_actors.neuron.time_round import PREDICTION, TimeRound


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize(("ticks", "passes"), [(1, 1), (3, 1), (2, 2), (3, 4)])
def test_each_place_has_a_name_of_its_own(ticks: int, passes: int, parts: int) -> None:
    n = 2 * ticks * passes * parts
    rounds = [TimeRound.at(place, ticks, passes, parts) for place in range(n)]
    assert [here.place for here in rounds] == list(range(len(rounds)))
    assert [TimeRound.read(str(here)) for here in rounds] == rounds
    assert len(set(map(str, rounds))) == len(rounds)
    forth, back = rounds[: len(rounds) // 2], rounds[len(rounds) // 2 :]
    for part in range(parts):
        assert [(here.tick, here.number) for here in back[part::parts]] == [
            (here.tick, here.number) for here in reversed(forth[part::parts])
        ]
    assert [here.part for here in rounds] == [*range(1, parts + 1)] * (n // parts)
    assert [here.is_last for here in rounds] == [False] * (len(rounds) - 1) + [True]


def test_passes_go_there_and_back() -> None:
    names = [str(TimeRound.at(place, 2, 2)) for place in range(8)]
    assert names == [
        "tick 1 of 2, pass 1 of 2",
        "tick 2 of 2, pass 1 of 2",
        "tick 2 of 2, pass 2 of 2",
        "tick 1 of 2, pass 2 of 2",
        "back to tick 1 of 2, pass 2 of 2",
        "back to tick 2 of 2, pass 2 of 2",
        "back to tick 2 of 2, pass 1 of 2",
        "back to tick 1 of 2, pass 1 of 2",
    ]
    assert [str(TimeRound.at(place, 2, 1)) for place in range(4)] == [
        "tick 1 of 2", "tick 2 of 2", "back to tick 2 of 2", "back to tick 1 of 2"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "",
        "tick 3 of 2",
        "tick 0 of 2",
        "tick 1 of 2, pass 3 of 2",
        "tick 1 of 2, pass 1 of 1",
        "micro-batch 1 of 2",
        "micro-batch 1 of 1, tick 1 of 2",
        "micro-batch 3 of 2, tick 1 of 2",
        "tick 1 of 2, micro-batch 1 of 2",
        "micro-batch 1 of 2, tick 1 of 2 of a prediction",
        "back to tick 1 of 2 of a prediction",
        "tick ١ of 2",
    ],
)
def test_other_names_are_none_of_them(name: str) -> None:
    assert TimeRound.read(name) is None


def test_a_prediction_has_rounds_of_its_own_names() -> None:
    assert TimeRound.read("tick 2 of 3" + PREDICTION) == TimeRound(False, 2, 3)
