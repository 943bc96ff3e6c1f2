"""The viewer's French: set as French is set, and with one word for one thing."""

from __future__ import annotations

import re

from helpers.french import faults_of_setting
from helpers.paths import ROOT

JS = ROOT / "neuro_actors" / "viewer" / "js"


def texts(file: str) -> tuple[dict[str, str], dict[str, str]]:
    """The English and the French texts of a module."""
    words = (JS / file).read_text(encoding="utf-8")
    english, french = words[words.index("  en: {") :].split("  fr: {")
    pair = r'^    "?([\w ]+?)"?: "([^"]*)",$'
    return dict(re.findall(pair, english, re.M)), dict(re.findall(pair, french, re.M))


ENGLISH, FRENCH = texts("words.js")
ELEMENT_ENGLISH, ELEMENT_FRENCH = texts("element_words.js")
TALK_ENGLISH, TALK_FRENCH = texts("talk_words.js")


def test_each_english_text_has_a_french_one() -> None:
    assert len(ENGLISH) > 150
    assert list(FRENCH) == list(ENGLISH)
    assert len(ELEMENT_ENGLISH) > 40
    assert list(ELEMENT_FRENCH) == list(ELEMENT_ENGLISH)
    assert len(TALK_ENGLISH) > 40
    assert list(TALK_FRENCH) == list(TALK_ENGLISH)


def test_apostrophes_and_spaces() -> None:
    faults = {
        key: faults_of_setting(text)
        for key, text in (FRENCH | ELEMENT_FRENCH | TALK_FRENCH).items()
    }
    assert [(key, found) for key, found in faults.items() if found] == []


def test_one_word_for_one_thing() -> None:
    """A step is an « étape », a learning rate a « taux »; « pas » is a negation alone."""
    english = ENGLISH | ELEMENT_ENGLISH | TALK_ENGLISH
    for key, text in (FRENCH | ELEMENT_FRENCH | TALK_FRENCH).items():
        assert not re.search(r"\b([Uu]n|[Ll]es?|[Dd]e|[Dd]es|[Dd]u|[Cc]e|\{n\}) pas\b", text), key
        assert not re.search(r"\b(suivants|pressé|monde|juge|planter?)\b", text), key
        assert ("étape" in text.lower()) == bool(re.search(r"\bsteps?\b", english[key].lower())), (
            key
        )


def test_the_time_line_has_nouns() -> None:
    shown = [
        FRENCH[f"short_{name}"] for name in ("inputs", "forward", "to_loss", "backward", "learn")
    ]
    assert shown == ["entrées", "aller", "perte", "retour", "apprentissage"]
