"""Scenarios under --lang fr: French texts, set as French is, and the numbers of the English run."""

from __future__ import annotations

import re
import string
from collections import Counter

import _french
import pytest
from helpers.french import faults_of_setting

from .test_scenarios import quick

SPEAKS_FRENCH = [
    "one_cat",
    "why_this_weight",
    "watch_it_learn",
    "hierarchy",
    "attention",
    "convolution",
    "memory",
]
SLOW = {"watch_it_learn", "hierarchy", "attention", "convolution", "memory"}


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("english", _french.TEXTS)
def test_a_text_is_set_as_french_is_and_has_the_same_blanks(english: str) -> None:
    french = _french.TEXTS[english]
    assert faults_of_setting(re.sub(r"\{\w+(:[^}]*)?\}", "x", french)) == []
    assert blanks(french) == blanks(english)
    assert not re.search(r"\b(un|le|les|des|de|chaque) pas\b", french)


def test_numbers_have_decimal_commas_and_spaces_do_not_break() -> None:
    say = _french.Say("fr")
    assert say("after step {step}", step=12) == "après l’étape 12"
    assert say.format_field(-0.25, "+9.3f") == "   -0,250"
    assert say.format_field(1234567.5, ",.1f") == "1\u00a0234\u00a0567,5"
    assert say.format_field(0.5, "7.0%") == "   50\u00a0%"
    assert say.format_field("1.5", "") == "1.5"  # a name or a path
    assert say("\nFigure: {file}", file="x.png") == "\nFigure\u00a0: x.png"
    assert _french.Say()("after step {step}", step=1.5) == "after step 1.5"


def numbers(text: str, thousands: str) -> Counter[str]:
    """The digits of every number of a text, before and behind its decimal mark."""
    return Counter(re.findall(r"\d+", re.sub(rf"(?<=\d){thousands}(?=\d{{3}}\b)", "", text)))


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in SPEAKS_FRENCH]
)
def test_the_same_numbers_in_french(name: str, tmp_path) -> None:
    folders = [tmp_path / "en", tmp_path / "fr"]
    english, french = (
        quick(name, folder, "--lang", folder.name).replace(str(folder), "out") for folder in folders
    )
    assert numbers(french, "\u00a0") == numbers(english, ",")
    unchanged = {line.strip() for line in english.splitlines()} & {
        line.strip() for line in french.splitlines()
    }
    words = {line for line in unchanged if len(re.findall("[a-z]{3,}", line)) > 3}
    trace = {line for line in words if re.search("neuro-actors|slope|messages themselves", line)}
    assert words == trace  # what a command of the package answers is in English
