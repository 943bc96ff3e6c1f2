"""The table of architectures is what its command makes; nothing is timed here."""

from __future__ import annotations

import re

import pytest
from helpers.paths import BENCHMARKS, DOCS
from helpers.tiers import few, need


def table(page: str = "architectures.md") -> list[list[str]]:
    text = (DOCS / page).read_text(encoding="utf-8")
    lines = text.split("<!-- architectures -->")[1].strip().splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]


def test_the_table_has_times_and_differences_in_each_row() -> None:
    head, _, *rows = table()
    assert head[-5:] == ["in eps", "of the bound", "gradient", "/ PyTorch", "/ scalars"]
    assert len(rows) == 15
    for row in rows:
        assert float(row[5]) < 32, row
        assert 0 < float(row[6]) < 1, row
        assert re.fullmatch(r"\d+\.\d ms", row[7]), row
        assert all(float(ratio) > 0 for ratio in row[8:]), row


def test_the_french_table_has_the_same_numbers() -> None:
    french = table("architectures.fr.md")
    assert [row[1:] for row in french[2:]] == [row[1:] for row in table()[2:]]


@pytest.mark.torch
@pytest.mark.parametrize("name", few([row[0] for row in table()[2:]], 2))
def test_the_counts_are_those_of_today(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And all differences are small today, too; and the graph of numbers finds the same."""
    need("torch")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import architectures

    row = architectures.row(name, rounds=0)
    (shown,) = (shown for shown in table() if shown[0] == name)
    assert list(row[:5]) == shown[:5]
    assert float(row[5]) < 32
    assert float(row[6]) < 1


@pytest.mark.torch
def test_the_table_has_all_of_them() -> None:
    need("torch")
    from helpers.torch_architectures import TABLE

    assert [row[0] for row in table()[2:]] == list(TABLE)


@pytest.mark.torch
def test_a_graph_that_computes_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    need("torch")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import architectures
    import scalars
    from helpers.torch_architectures import experts

    value, _ = scalars.FUNCTIONS["tanh"]
    monkeypatch.setitem(scalars.FUNCTIONS, "tanh", (value, lambda z, a: 1.0 - a * a + 1e-12))
    with pytest.raises(AssertionError, match=r"^weights$"):
        architectures.check_scalars(experts())
