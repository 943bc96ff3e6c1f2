"""Every equation of a page of a network with interneurons, positions, frozen parameters and delays is computed again.

As in `test_equations.py`, from the numbers on the page alone: a panel is read as it stands in the browser.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import page_networks
from helpers.formulas import read_number
from helpers.panel_reader import Viewer, bracketed, check_sends, section

import neuro_actors as na
from neuro_actors.viewer.page import render_page
from neuro_actors.viewer.page_data import collect_page_data

pytestmark = pytest.mark.browser

VALUES: dict[str, Callable[[np.ndarray], float]] = {
    "a = Σ x": np.sum,
    "a = Π x": np.prod,
    "a = max x": np.max,
    "a = ln Σ eˣ": lambda x: float(np.log(np.exp(x).sum())),
}
SLOPES: dict[str, Callable[[np.ndarray, int], float]] = {
    "1": lambda x, i: 1.0,
    "Π of the others": lambda x, i: float(np.prod(np.delete(x, i))),
    "1 for the first of the greatest, else 0": lambda x, i: float(i == int(np.argmax(x))),
    "e^(x − a)": lambda x, i: float(np.exp(x[i]) / np.exp(x).sum()),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("elements")

    def page(name: str) -> Path:
        path = folder / f"{name.replace(' ', '_')}.html"
        if not path.exists():
            log = page_networks.record(path.with_suffix(".arrows"), name)
            path.write_text(render_page(collect_page_data(na.open_log(log))), "utf-8")
        return path

    return page


def numbers(rows: list[list[str]], column: int) -> np.ndarray:
    return np.array([read_number(row[column]) for row in rows])


def check_combines(panel: dict[str, Any], is_mean: bool) -> tuple[np.ndarray, float]:
    """Check a = g(x) of an interneuron; returns x and a."""
    found = section(panel, "combines")
    assert found is not None
    (table,) = found["tables"]
    x, a = numbers(table["rows"], 1), read_number(table["foot"][0][1])
    (result,) = found["results"]
    assert read_number(result.rpartition(" = ")[2]) == a
    formula = found["formula"]
    if is_mean and formula != "a = Σ x":
        assert formula == "mean of a"
        assert "×" not in result
        return x, a
    if formula == "a = x · m":
        left, mask = re.fullmatch(r"a = (.+) × (.+) = .+", result).groups()
        assert read_number(left) == x[0]
        assert read_number(left) * read_number(mask) == pytest.approx(a, rel=1e-12)
        note = found["notes"][0]
        rate = float(re.search(r"rate ([\d.]+)|nothing", note)[1] or 0)
        assert read_number(mask) == (0 if "m is 0" in note else pytest.approx(1 / (1 - rate)))
        return x, a
    assert VALUES[formula](x) == pytest.approx(a, rel=1e-12, abs=1e-14)
    if formula == "a = ln Σ eˣ":
        assert numbers(table["rows"], 2) == pytest.approx(np.exp(x - a), rel=1e-12)
        assert numbers(table["rows"], 2).sum() == pytest.approx(1)
    if " × " in result or " + " in result:
        terms = re.split(r" [×+] ", result.removeprefix("a = ").rpartition(" = ")[0])
        assert [read_number(one.strip("()")) for one in terms] == x.tolist()
    return x, a


def check_sends_back(viewer: Viewer, panel: dict[str, Any], x: np.ndarray, u: float) -> None:
    """Check what an interneuron sends back: slope times its own urgency."""
    found = section(panel, "sends back")
    if found is None or "to a source: ∂a/∂x · u" not in found["formula"]:
        return
    rule = found["formula"].partition("∂a/∂x = ")[2]
    (table,) = found["tables"]
    for i, (_, slope, of, urgency) in enumerate(table["rows"]):
        if rule == "m":
            combines = section(panel, "combines")["results"][0]
            assert read_number(slope) == read_number(combines.split(" × ")[1].split(" = ")[0])
        else:
            assert SLOPES[rule](x, i) == pytest.approx(read_number(slope), rel=1e-12)
        assert read_number(of) == u
        if urgency != "–":
            viewer.true(f"{bracketed(slope)} × {bracketed(of)} = {urgency}")


def check_urgency(viewer: Viewer, panel: dict[str, Any]) -> float:
    """Check u = Σ urgencies, each of which is w × v, or the slope times the urgency of an interneuron."""
    found = section(panel, "its urgency")
    if found is None:
        return math.nan
    (table,) = found["tables"]
    for name, factor, of, part in table["rows"]:
        if factor:
            viewer.true(f"{bracketed(factor)} × {bracketed(of)} = {part}")
        else:
            assert (
                name == "the loss"
                or re.search("later|earlier", name)
                or panel["of"].startswith("mean of")
            ), name
    viewer.true_sum([row[-1] for row in table["rows"]], table["foot"][0][-1])
    return read_number(table["foot"][0][-1])


def check_why(viewer: Viewer, lines: list[str]) -> int:
    """Check the sentences on interneurons; returns how many there are."""
    number = r"([+−]?[\d.]+(?:·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?)"
    count = 0
    for line in lines:
        if "Its slope to" not in line:
            continue
        u, slope, urgency = re.search(
            rf"has the urgency {number}\. Its slope to .* is {number}, so it sends .* the (?:urgency|part) {number}\.$", line
        ).groups()  # fmt: skip
        viewer.true(f"{bracketed(slope)} × {bracketed(u)} = {urgency}")
        count += 1
    return count


def check_neuron(viewer: Viewer, panel: dict[str, Any]) -> int:
    """Check a neuron's panel; returns the number of the interneurons on its path from the loss."""
    is_mean = panel["of"].startswith("mean of")
    u = check_urgency(viewer, panel)
    if section(panel, "combines"):
        x, _ = check_combines(panel, is_mean)
        check_sends_back(viewer, panel, x, u)
        return check_why(viewer, panel["why"])
    receives, sends = section(panel, "receives"), section(panel, "sends")
    if receives:
        (table,) = receives["tables"]
        for _, weight, x, product in table["rows"]:
            viewer.true(f"{bracketed(weight)} × {bracketed(x)} = {product}")
        (*_, bias), (*_, z) = table["foot"]
        viewer.true_sum([*(row[-1] for row in table["rows"]), bias], z)
        if not is_mean:
            check_sends(viewer, sends, z, sends["results"][0])
    passes = section(panel, "passes on")
    if passes and not is_mean:
        viewer.true(passes["results"][0].removeprefix("v = "))
    return check_why(viewer, panel["why"])


def check_weight(viewer: Viewer, panel: dict[str, Any]) -> tuple[float, float]:
    """Check the panel of a synapse; returns what the example wants of the weight, and what it learned from."""
    facts = dict(panel["facts"])
    for key, text in facts.items():
        if " = " in text:
            viewer.true(text)
        assert key != "urgency of the weight: v·x" or " × " in text
    want = facts.get("urgency of the weight: Σ v·x", "–")
    for table in panel["tables"]:
        if table["head"][0] == "position":
            for _, v, x, product in table["rows"]:
                viewer.true(f"{bracketed(v)} × {bracketed(x)} = {product}")
            viewer.true_sum([row[-1] for row in table["rows"]], table["foot"][0][-1])
            assert table["foot"][0][-1] == want
    learned = math.nan
    learns = section(panel, "learns")
    if learns:
        for table in learns["tables"]:
            if table["head"][0] == "tick":
                viewer.true_sum([row[-1] for row in table["rows"]], table["foot"][0][-1])
                learned = read_number(table["foot"][0][-1])
        for _, text in learns["update"]:
            if " = " in text:
                viewer.true(text)
    return read_number(want.rpartition(" = ")[2] or want), learned


def check_page(viewer: Viewer, step: int, examples: list[int], every: int = 1) -> int:
    """Check all neurons and some synapses in a step; returns the number of interneurons on paths."""
    count = 0
    for example in examples:
        for k in range(0, len(viewer.ids), every):
            count += check_neuron(viewer, viewer.read({"kind": "neuron", "k": k}, step, example))
        for s in range(0, len(viewer.sources), 3 * every):
            check_weight(viewer, viewer.read({"kind": "synapse", "k": s}, step, example))
    return count


@pytest.mark.parametrize("name", ["gated", "pictures", "recurrent pictures"])
def test_every_equation_is_true(
    look: Callable[..., Any], made: Callable[[str], Path], name: str
) -> None:
    viewer = open_all(look("", path=made(name)))
    steps = viewer.page.evaluate("neuroActors.run.steps.map((one) => [one.mode, one.back ?? null])")
    gradient = next(k for k, (mode, _) in enumerate(steps) if mode == "gradient")
    assert check_page(viewer, gradient, viewer.steps[gradient]["inputs"][:1]) > 2
    check_page(viewer, gradient, [-1])
    for step in (0, len(steps) - 1):
        check_page(viewer, step, viewer.steps[step]["inputs"][:1])


def open_all(page: Any) -> Viewer:
    """A viewer whose tables show all of their rows."""
    viewer = Viewer(page, 16)
    page.evaluate("""() => {
        const all = new Set(neuroActors.state.all), { network } = neuroActors.run;
        for (let place = 0; place < network.n + network.sources.length; place++)
            for (const what of ["positions", "ticks"]) all.add(`${what} ${place}`);
        neuroActors.set({ all });
    }""")
    return viewer


def test_the_equations_of_a_transformer_are_true(
    look: Callable[..., Any], made: Callable[[str], Path]
) -> None:
    viewer = open_all(look("", path=made("transformer")))
    page = viewer.page
    assert check_page(viewer, 1, [0], every=5) > 20
    (wide,) = page.evaluate(
        "neuroActors.run.network.elements.sizes.flatMap((n, k) => n === 15 ? [k] : [])"
    )
    page.evaluate(f"neuroActors.set({{positions: neuroActors.state.positions.with({wide}, 0)}})")
    check_page(viewer, 1, [1], every=9)
    panel = viewer.read({"kind": "loss"}, 1, 0)
    (table,) = panel["tables"]
    p, t = numbers(table["rows"], 1), numbers(table["rows"], 2)
    assert len(p) == 10
    assert ((p - t) ** 2).sum() == pytest.approx(read_number(panel["results"][0].split(": ")[1]))
    for k in range(len(viewer.ids)):
        if "dropout" in str(viewer.read({"kind": "neuron", "k": k}, 1, 0)["kinds"]):
            check_neuron(viewer, viewer.read({"kind": "neuron", "k": k}, 1, 0))
            rests = section(viewer.read({"kind": "neuron", "k": k}, 0, 0), "combines")
            assert "nothing is left out" in rests["notes"][0]
            break
    else:
        raise AssertionError("no dropout was seen")


def test_a_weight_wants_the_sum_over_positions_and_ticks(
    look: Callable[..., Any], made: Callable[[str], Path]
) -> None:
    """The table of ticks of the step that learns has what each round says of itself."""
    viewer = open_all(look("", path=made("recurrent pictures")))
    last = len(viewer.steps) - 1
    s = viewer.ids.index("a"), viewer.ids.index("x")
    synapse = next(
        k for k, ends in enumerate(zip(viewer.targets, viewer.sources, strict=True)) if ends == s
    )
    thing = {"kind": "synapse", "k": synapse}
    panel = viewer.read(thing, last, 0)
    (ticks,) = [t for t in section(panel, "learns")["tables"] if t["head"][0] == "tick"]
    assert [row[0] for row in ticks["rows"]] == [f"tick {t} of 5" for t in range(1, 6)]
    for tick, (_, want) in enumerate(ticks["rows"], 1):
        step = last - (tick - 1)
        wants = [check_weight(viewer, viewer.read(thing, step, one))[0] for one in (0, 1)]
        assert np.mean(wants) == pytest.approx(read_number(want), rel=1e-12)
    learned = check_weight(viewer, panel)[1]
    equations = dict(section(panel, "learns")["update"])
    m = equations["m = β₁ · m before + (1 − β₁) · g"]
    assert read_number(m.partition(" = ")[0].rpartition(" × ")[2].strip("()")) == learned


def test_of_several_passes_the_last_one_counts(
    look: Callable[..., Any], made: Callable[[str], Path]
) -> None:
    viewer = open_all(look("", path=made("both ways")))
    last = len(viewer.steps) - 1
    panel = viewer.read({"kind": "synapse", "k": 0}, last, 0)
    (ticks,) = [t for t in section(panel, "learns")["tables"] if t["head"][0] == "tick"]
    assert [row[0] for row in ticks["rows"]] == [f"tick {t} of 5" for t in range(1, 6)]
    assert not math.isnan(check_weight(viewer, panel)[1])
    check_page(viewer, last, [0])


def test_a_delay_repeats_and_hands_on(
    look: Callable[..., Any], made: Callable[[str], Path]
) -> None:
    viewer = open_all(look("", path=made("recurrent")))
    ids = viewer.ids.index
    rounds = viewer.page.evaluate("neuroActors.run.steps.map(({tick, back}) => [tick[0], back])")
    last = len(rounds) - 1

    def panel(who: str, step: int) -> dict[str, Any]:
        return viewer.read({"kind": "neuron", "k": ids(who)}, step, 0)

    back = {tick: last - (tick - 1) for tick in range(1, 6)}
    forward = {tick: last - 10 + tick for tick in range(1, 6)}
    assert all(rounds[step] == [tick, True] for tick, step in back.items())
    assert all(rounds[step] == [tick, False] for tick, step in forward.items())
    for delay, of, ticks in (("before", "h", 1), ("long", "y", 2)):
        for tick in (1, 3, 5):
            said = section(panel(delay, back[tick]), "repeats")["results"][0]
            if tick <= ticks:
                assert "nothing to repeat" in said
                assert said.endswith(": 0.")
                continue
            assert f"what {of} sent in tick {tick - ticks}: " in said
            there = panel(of, forward[tick - ticks])
            a = section(there, "combines" if of == "h" else "sends")["results"][0]
            value = said.rpartition(": ")[2].rstrip(".")
            assert read_number(value) == read_number(a.rpartition(" = ")[2])
            u = check_urgency(viewer, panel(delay, back[tick]))
            assert check_urgency(viewer, panel(f"to {delay}", back[tick - ticks])) == u


def test_frozen_parameters_have_an_urgency_and_no_change(
    look: Callable[..., Any], made: Callable[[str], Path]
) -> None:
    viewer = open_all(look("", path=made("gated")))
    last, ids = len(viewer.steps) - 1, viewer.ids.index
    learns = section(viewer.read({"kind": "neuron", "k": ids("h")}, last, 0), "learns")
    cells = {row[0]: row[2] for row in learns["tables"][0]["rows"]}
    assert cells["b"] == "frozen"
    assert read_number(cells["a"]) != 0
    (bias,) = section(viewer.read({"kind": "neuron", "k": ids("g")}, last, 0), "learns")["tables"][
        0
    ]["foot"]
    assert bias[2] == "frozen"
    frozen = next(
        s
        for s, ends in enumerate(zip(viewer.sources, viewer.targets, strict=True))
        if ends == (ids("b"), ids("h"))
    )
    panel = viewer.read({"kind": "synapse", "k": frozen}, last, 0)
    assert "frozen" in panel["kinds"][0]
    facts, learns = dict(panel["facts"]), section(panel, "learns")
    assert "no optimizer moves it" in str(learns["notes"])
    update = dict(learns["update"])
    assert set(update) == {"g", "w"}
    assert read_number(update["w"]) == read_number(facts["weight w"])
    assert read_number(update["g"]) != 0


def test_a_position_is_chosen_and_the_address_has_it(
    look: Callable[..., Any], made: Callable[[str], Path]
) -> None:
    page = look("", path=made("pictures"))
    page.evaluate(
        "neuroActors.goStep(1); neuroActors.choose({kind: 'neuron', k: 5}); neuroActors.choosePosition(5, 1); neuroActors.draw()"
    )
    rows = page.locator("#panel table").first.locator("tbody th").all_inner_texts()
    assert rows[:4] == [f"d at ({r}, {c})" for r in (0, 1) for c in (2, 3)]
    page.locator("#panel table").first.locator("tbody th button").first.click()
    page.evaluate("neuroActors.draw()")
    assert page.evaluate("neuroActors.state.chosen.kind") == "synapse"
    assert page.locator("#panel select").input_value() == "2"
    page.locator("#panel select").select_option("3")
    page.wait_for_timeout(600)  # the address is written a little later
    positions = page.evaluate("neuroActors.state.positions")
    grids = page.evaluate("neuroActors.run.network.elements.grids")
    assert positions[grids.index([4, 4])] == 3
    assert positions[grids.index([2, 2])] == 1
    page.reload()
    page.wait_for_selector("html[data-started]")
    assert page.evaluate("neuroActors.state.positions") == positions
