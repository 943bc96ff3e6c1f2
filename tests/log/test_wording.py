from __future__ import annotations

import pytest

import neuro_actors as na
from neuro_actors.log.reader import Row
from neuro_actors.log.wording import describe_row


def test_words(diamond) -> None:
    def said(
        kind: str, value: list[float], sender: str = "h2", receiver: str = "y", note=None
    ) -> str:
        return describe_row(Row(3, kind, sender, receiver, 1, value, note), diamond)

    assert said("activation", [0.7311]) == "step 3: h2 told y: activation 0.731"
    assert said("urgency", [0.24], "y", "h2") == "step 3: y told h2: urgency +0.240"
    assert said("urgency", [-0.5] * 6, "y", "h2") == (
        "step 3: y told h2: urgency -0.500 -0.500 -0.500 … (6 numbers, mean -0.500)"
    )
    assert (
        said("target", [1.0], "environment", "loss", "y")
        == "step 3: environment told loss: target of y 1.000"
    )
    start = "step 3: y told environment:"
    for mode, words, of_bias in (
        ("train", f"{start} new weights for", "new bias"),
        ("gradient", f"{start} urgencies −∂L/∂w of the weights for", "of the bias"),
        ("product", f"{start} change along the direction of the urgencies of the weights for", "of the bias"),
        (None, f"{start} values for", "bias"),
    ):  # fmt: skip
        row = Row(3, "commit", "y", "environment", 1, [1.0, 2.0, 3.0, 0.5], None)
        numbers = f"h1 +1.0000, h2 +2.0000, x +3.0000; {of_bias} +0.5000"
        assert describe_row(row, diamond, mode) == f"{words} {numbers}"
    assert said("tangent", [1.0, 0.5], "environment", "h1") == (
        "step 3: environment told h1: direction for x +1.0000; bias +0.5000"
    )
    row = Row(3, "commit", "h1", "environment", 1, [1.0, 0.5], None)
    assert describe_row(row, diamond, "train").endswith(
        "new weight for x +1.0000; new bias +0.5000"
    )
    assert "urgency −∂L/∂w of the weight for x +1.0000;" in describe_row(row, diamond, "gradient")

    assert said("activation", [2e-6]) == "step 3: h2 told y: activation 2.000e-06"
    assert said("activation", [0.0]) == "step 3: h2 told y: activation 0.000"
    assert said("urgency", [-1e60], "y", "h2") == "step 3: y told h2: urgency -1.000e+60"


@pytest.mark.parametrize(
    "row",
    [
        Row(3, "commit", "nobody", "environment", 1, [1.0, 2.0], None),
        Row(3, "commit", "y", "environment", 1, [1.0], None),
        Row(3, "commit", "y", "environment", 1, [], None),
        Row(3, "begin", None, None, 0, [], "{}"),
        Row(3, "begin", None, None, 0, [], "not JSON"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(row: Row, diamond) -> None:
    with pytest.raises(
        na.LogError, match=rf"^the log is damaged: a {row.kind} row of step 3 makes no sense"
    ):
        describe_row(row, diamond)


def test_what_a_terminal_would_obey_is_shown_instead(diamond) -> None:
    row = Row(3, "target", "environment", "loss", 1, [1.0], "\x1b[2Jy\u202e\n")
    assert (
        describe_row(row, diamond)
        == r"step 3: environment told loss: target of \x1b[2Jy\u202e\n 1.000"
    )
