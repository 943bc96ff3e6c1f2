"""The viewer's French: set as French is set, and with one word for one thing."""

from __future__ import annotations

import re

from helpers.french import faults_of_setting
from helpers.paths import ROOT

WORDS = (ROOT / "neuro_actors" / "viewer" / "js" / "words.js").read_text(encoding="utf-8")
FRENCH = dict(
    re.findall(r'^    "?([\w ]+?)"?: "([^"]*)",$', WORDS[WORDS.index("  fr: {") :], re.MULTILINE)
)
ENGLISH = dict(
    re.findall(
        r'^    "?([\w ]+?)"?: "([^"]*)",$',
        WORDS[WORDS.index("  en: {") : WORDS.index("  fr: {")],
        re.MULTILINE,
    )
)


def test_each_english_text_has_a_french_one() -> None:
    assert len(ENGLISH) > 150
    assert list(FRENCH) == list(ENGLISH)


def test_apostrophes_and_spaces() -> None:
    faults = {key: faults_of_setting(text) for key, text in FRENCH.items()}
    assert [(key, found) for key, found in faults.items() if found] == []


def test_one_word_for_one_thing() -> None:
    """A step is an « étape », a learning rate a « taux »; « pas » is a negation alone."""
    for key, text in FRENCH.items():
        assert not re.search(r"\b([Uu]n|[Ll]es?|[Dd]e|[Dd]es|[Dd]u|[Cc]e|\{n\}) pas\b", text), key
        assert not re.search(r"\b(suivants|pressé|monde|juge|planter?)\b", text), key
        assert ("étape" in text.lower()) == bool(re.search(r"\bsteps?\b", ENGLISH[key].lower())), (
            key
        )


def test_the_time_line_has_nouns() -> None:
    shown = [
        FRENCH[f"short_{name}"] for name in ("inputs", "forward", "to_loss", "backward", "learn")
    ]
    assert shown == ["entrées", "aller", "perte", "retour", "apprentissage"]
