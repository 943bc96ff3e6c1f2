"""The numeric fingerprint tells what this machine computes, not only which versions it has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from neuro_actors.kernel import order
from neuro_actors.support import numerics


def afresh(name: str, *arguments: str) -> str:
    return getattr(numerics, name).__wrapped__(*arguments)


@pytest.mark.parametrize("name", ["erf", "exp", "cos", "sin", "tanh"])
def test_the_c_library_is_in_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, function = afresh("_library"), getattr(math, name)
    assert before == afresh("_library")
    monkeypatch.setattr(math, name, lambda z: math.nextafter(function(z), 2.0))
    assert afresh("_library") != before


@pytest.mark.parametrize(
    "name", ["exp", "expm1", "tanh", "log", "sin", "cos", "logaddexp", "log1p"]
)
def test_the_functions_of_numpy_are_in_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, function = afresh("_library"), getattr(np, name)

    def off(*arguments: Any) -> Any:
        found = function(*arguments)
        return np.where(np.arange(found.size) == 77, np.nextafter(found, 9.0), found)

    monkeypatch.setattr(np, name, off)
    assert afresh("_library") != before


def test_the_order_of_sums_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = afresh("_additions", "ordered")
    assert before == afresh("_additions", "ordered") != afresh("_additions", "blas")
    in_order = order.product_sums
    monkeypatch.setattr(order, "product_sums", lambda a, b: in_order(a[:, ::-1], b[::-1]))
    assert afresh("_additions", "ordered") != before


def test_differences_and_what_older_files_lack() -> None:
    here = numerics.fingerprint("ordered")
    assert numerics.differences(here, "ordered") == []
    assert numerics.unchecked(here) == []
    older = {name: value for name, value in here.items() if name not in numerics.PROBED}
    assert numerics.differences(older, "ordered") == []
    assert numerics.unchecked(older) == ["the C library", "the order of sums"]
    assert not numerics.adds_equally(older, "ordered")
    assert numerics.differences(here | {"library": "0" * 64}, "ordered") == [
        "library: its functions give other last bits"
    ]
    assert numerics.differences(here | {"additions": None}, "ordered") == [
        "additions: its sums have other last bits"
    ]
    assert numerics.unchecked(None) == ["the C library", "the order of sums"]
