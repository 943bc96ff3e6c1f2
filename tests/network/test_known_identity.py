"""The identity of an entry is remembered as it was first asked for, whatever its kind is."""

from __future__ import annotations

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.network import known_identity as module
from neuro_actors.network.known_identity import known_identity, present_identity

TWICE = {
    "activation": lambda f: na.Activation(lambda z: f() * z, lambda z, a: f() + 0 * z),
    "combination": lambda f: na.Combination(
        lambda x: f() * x.sum(axis=0), lambda x, a: np.full(x.shape, f())
    ),
    "loss": lambda f: na.Loss(lambda p, t: f() * (p - t).sum(axis=1), lambda p, t: f() + 0 * p),
}


@pytest.mark.parametrize("kind", TWICE)
def test_the_first_identity_is_remembered(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST", {})
    factor, calls = [2.0], [0]

    def called() -> float:
        calls[0] += 1
        return factor[0]

    entry = TWICE[kind](called)
    first = known_identity(entry, is_new=True)
    assert first["digest"] is not None
    assert first["source"] is not None
    factor[0], calls[0] = 3.0, 0
    assert known_identity(entry) == first
    assert calls[0] == 0
    assert present_identity(entry)["digest"] not in (None, first["digest"])
    first["digest"] = "another"  # each has a copy
    assert known_identity(entry)["digest"] != "another"


@pytest.mark.parametrize("kind", TWICE)
def test_what_gives_other_numbers_the_second_time_has_no_digest(kind: str) -> None:
    calls = [0.0]

    def called() -> float:
        calls[0] += 1.0
        return calls[0]

    assert known_identity(TWICE[kind](called), is_new=True)["digest"] is None


@pytest.mark.parametrize("kind", TWICE)
def test_no_more_are_remembered_than_fit(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST", {})
    monkeypatch.setattr(module, "MOST_KNOWN", 1)
    for factor in (1.0, 2.0):
        known_identity(TWICE[kind](lambda factor=factor: factor))
    assert len(module._FIRST) == 1
