"""A bakery without an overseer learns, relearns, and nobody in it hears more than his neighbours."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

import _common
import hierarchy
import numpy as np
import pytest
from helpers.tiers import few
from matplotlib.text import Text
from one_cat import Overheard

import neuro_actors as na


@pytest.fixture(scope="module")
def script_run(tmp_path_factory) -> tuple[str, Path, Path]:
    """What the script prints, its log, and its folder."""
    folder = tmp_path_factory.mktemp("hierarchy")
    log = folder / "bakery.arrows"
    command = [
        sys.executable,
        hierarchy.__file__,
        "--quick",
        "--log",
        str(log),
        "--out",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout, log, folder


@pytest.mark.parametrize("seed", few(range(100, 104), 1))
def test_waste_falls_rises_with_the_upset_and_falls_again(seed: int) -> None:
    life = hierarchy.measure(seed)
    assert life.first > 1.8 * life.settled
    assert life.fixed[0] > 1.3 * life.settled
    assert life.upset > 1.5 * life.settled
    assert life.upset > 2 * life.recovered
    assert life.fixed[1] > 1.7 * life.recovered
    assert (
        life.settled > 1.2 * life.whims[0]
    )  # nobody knows the whims, or else something has leaked


def test_without_learning_there_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hierarchy, "HABIT", na.SGD(1e-9))
    lives = [hierarchy.measure(0)]
    assert hierarchy.finding(lives).startswith("not in every bakery")
    assert "0 of 1" in hierarchy.finding(lives)


async def test_who_speaks_with_whom_message_by_message() -> None:
    """Overheard in the mailboxes: only neighbours, the loss node and the environment ever exchange a message."""
    engines: list[Overheard] = []

    def engine(net: na.Network, recorder=None) -> Overheard:
        engines.append(Overheard(net, recorder))
        return engines[0]

    days = hierarchy.make_year(0, station=False)
    async with na.open_simulation(hierarchy.make_bakery(0), channels=engine) as simulation:
        await simulation.train_step(days.kind[:1], days.asked[:1], optimizer=hierarchy.HABIT)
    pairs = {(sender, receiver) for _, sender, receiver in engines[0].messages}
    within = {frozenset(pair) for pair in pairs if not {"loss", "environment"} & set(pair)}
    assert within == {
        frozenset((post, adviser))
        for post, advisers in hierarchy.ADVISERS.items()
        for adviser in advisers
    }
    assert {receiver for sender, receiver in pairs if sender == "loss"} == {
        *hierarchy.GOODS,
        "environment",
    }


@pytest.mark.slow
def test_the_log_says_so_too(script_run) -> None:
    met = hierarchy.find_contacts(na.open_log(script_run[1]))
    for post, advisers in hierarchy.ADVISERS.items():
        below = {other for other, sources in hierarchy.ADVISERS.items() if post in sources}
        assert met[post] == {*advisers, *below, *(["loss"] if post in hierarchy.GOODS else [])}
    assert max(len(met[post]) for post in hierarchy.ADVISERS) == 9
    audit = na.audit(script_run[1])
    assert audit.passed
    assert audit.remarks == ()


@pytest.mark.slow
def test_the_day_is_printed_as_it_was(script_run) -> None:
    out, log, _ = script_run
    step = na.open_log(log).step(6)
    position = step.network.position
    assert (
        re.search(r"direction +says (\S+) to", out)[1]
        == f"{step.activations[position['direction'], 0]:+.2f}"
    )
    made, asked = map(
        int, re.search(r"baker +makes +(\d+) loaves +; asked for: +(\d+)", out).groups()
    )
    assert (made, asked) == (round(100 * step.predictions[0, 0]), round(100 * step.targets[0, 0]))
    for made, asked, word in re.findall(r"makes +(\d+) \w+ *; asked for: +(\d+): (more|less)", out):
        assert (word == "more") == (int(asked) > int(made))
    printed = re.search(r"kitchen +receives (\S+)", out)[1]
    assert (
        printed
        == f"{step.urgencies[:, 0][np.flatnonzero(step.network.sources == position['kitchen'])][0]:+.2f}"
    )


def test_words() -> None:
    assert [hierarchy.describe_urgency(u) for u in (0.8, -0.2, 0.05, 0.01)] == [
        "more, very urgently", "less, urgently", "more, when there is time", "good as it is"
    ]  # fmt: skip
    net = hierarchy.make_bakery(0).with_parameters(
        np.where(np.arange(34) == 33, -3.0, 1.0), np.zeros(17)
    )
    assert hierarchy.main_adviser(net, "cook") == ("kitchen", -0.75)


@pytest.mark.slow
def test_the_figure_is_wholly_in_french_if_asked(
    script_run, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = []
    monkeypatch.setattr(_common, "save_figure", lambda figure, *how: figures.append(figure))
    life = hierarchy.measure(0)
    for lang in ("en", "fr"):
        hierarchy.draw(
            na.open_log(script_run[1]), [life], argparse.Namespace(lang=lang, out=tmp_path)
        )
    english, french = ({text.get_text() for text in figure.findobj(Text)} for figure in figures)
    assert "direction" in english & french  # the same in both
    assert (
        not {word for word in english & french if len(word) > 3}
        - {"direction"}
        - {f"{n}" for n in range(999)}
    )
    assert {"baker\nloaves", "week"} <= english
    assert {"boulanger\npains", "semaine"} <= french


@pytest.mark.slow
def test_the_script(script_run) -> None:
    out, log, folder = script_run
    assert max(map(len, (line for line in out.splitlines() if str(folder) not in line))) <= 80
    assert "Finding:  in all 2 bakeries the waste fell" in out
    assert (folder / "hierarchy.png").stat().st_size > 50_000
    assert len(na.open_log(log)) == 2 * hierarchy.YEAR
