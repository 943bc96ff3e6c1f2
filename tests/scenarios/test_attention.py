"""The decoder that writes words backwards: its data, and what is read from its messages."""

from __future__ import annotations

import attention
import numpy as np
import pytest
from _french import Say

import neuro_actors as na

from .test_scenarios import run


def test_a_word_of_the_test_is_not_read_before() -> None:
    train, test = attention.make_texts(seed=0)
    assert (
        attention.spell(test[0])
        == f"{attention.spell(test[0])[:4]}>{attention.spell(test[0])[3::-1]}"
    )
    words = [{attention.spell(text) for text in part} for part in (train, test)]
    assert not words[0] & words[1]
    assert len(words[0] | words[1]) == 6**4


def test_the_last_sign_alone_does_not_say_what_is_next() -> None:
    _, test = attention.make_texts(seed=0)
    signs, words = attention.score(attention.guess_without_attention(test), test)
    assert signs < 0.3
    assert words < 0.05
    assert attention.score(test[:, 1:], test) == (1.0, 1.0)


def test_shares_are_those_of_the_textbook_and_no_key_is_later(tmp_path, capsys) -> None:
    net = attention.make_network((3,), seed=0)
    _, test = attention.make_texts(seed=0)
    messages = attention.Messages(net, test[0], na.Recording(tmp_path / "one.arrows"))
    shares = messages.matrix("block1.head1")
    later = np.triu(np.ones(shares.shape, dtype=bool), 1)
    assert np.isnan(shares[later]).all()
    q, k = (
        np.array([messages.said(f"block1.head1.{what}{i}") for i in range(4)]) for what in ("query", "key")
    )  # fmt: skip
    e = np.where(later, 0, np.exp(q.T @ k / 2))
    assert np.nan_to_num(shares) == pytest.approx(e / e.sum(axis=1, keepdims=True), abs=1e-14)
    attention.follow_query("block1.head1", 4, messages, Say())
    out = capsys.readouterr().out
    assert float(out.split(" V: ")[1].split()[0]) < 1e-14
    for name in ("query0", "key3", "match2", "score", "weight", "value1", "heard3"):
        assert f"\n  {name} " in out


@pytest.mark.slow
def test_it_writes_words_that_it_has_not_read(tmp_path) -> None:
    out = run("attention", "--out", str(tmp_path))
    signs, words = map(float, out.split("the society  ")[1].split("\n")[0].split())
    assert signs > 0.98
    assert words > 0.95
    assert "  bada>adab\n" in out
