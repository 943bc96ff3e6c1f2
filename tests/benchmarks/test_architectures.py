"""The table of architectures is what its command makes; nothing is timed here."""

from __future__ import annotations

import re

import pytest
from helpers.paths import BENCHMARKS, DOCS
from helpers.tiers import need


def table(page: str = "architectures.md") -> list[list[str]]:
    text = (DOCS / page).read_text(encoding="utf-8")
    lines = text.split("<!-- architectures -->")[1].strip().splitlines()
    return [line.strip("| ").split(" | ") for line in lines]


def test_the_table_has_a_time_and_a_difference_in_each_row() -> None:
    head, _, *rows = table()
    assert head[-2:] == ["difference", "time"]
    assert len(rows) == 11
    for row in rows:
        assert float(row[-2]) < 32, row
        assert re.fullmatch(r"[1-9]\d* ×", row[-1]), row


def test_the_french_table_has_the_same_numbers() -> None:
    french = table("architectures.fr.md")
    assert [row[1:] for row in french[1:]] == [row[1:] for row in table()[1:]]


@pytest.mark.torch
def test_the_counts_are_those_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    """And all differences are small today, too."""
    need("torch")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import architectures

    for row, shown in zip(architectures.rows(repeats=0), table()[2:], strict=True):
        assert list(row[:5]) == shown[:5]
        assert float(row[5]) < 32
