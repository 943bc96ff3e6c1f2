"""Maps of positions, attention as a matrix, time as a strip: in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.page_networks import record

import neuro_actors as na
from neuro_actors.viewer.page import render_page
from neuro_actors.viewer.page_data import collect_page_data

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "axe" / "axe.min.js"
NAMES = ("convolution", "transformer", "gru")
Show = Callable[..., Any]


@pytest.fixture(scope="module")
def grids(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The log of each network with positions or delays; its page lies beside it."""
    folder = tmp_path_factory.mktemp("grids")
    found = {name: record(folder / f"{name}.arrows", name, steps=1) for name in NAMES}
    for path in found.values():
        page = render_page(collect_page_data(na.open_log(path)))
        path.with_suffix(".html").write_bytes(page.encode())
    return found


@pytest.fixture
def show(look: Callable[..., Any], grids: dict[str, Path]) -> Show:
    """show("gru") opens that page, at the end of the step `step`."""

    def opened(name: str, step: int = 1, **how: Any) -> Any:
        page = look(name, path=grids[name].with_suffix(".html"), **how)
        page.evaluate(f"neuroActors.goStep({step}); neuroActors.goTime(1e9); neuroActors.draw()")
        return page

    return opened


def choose(page: Any, name: str) -> int:
    k: int = page.evaluate(f"neuroActors.run.network.ids.indexOf({name!r})")
    assert k >= 0
    page.evaluate(f"neuroActors.choose({{kind: 'neuron', k: {k}}}); neuroActors.draw()")
    return k


def recorded(path: Path, name: str, step: int, example: int = 0) -> tuple[Any, tuple[int, ...]]:
    """A neuron's activations in a step, and the shape of its grid."""
    log = na.open_log(path)
    k = log.network.ids.index(name)
    grid = log.network.grids[log.network.grid[k]]
    n = int(np.prod(grid))
    return log.step(step).activations[k, example * n : (example + 1) * n], grid


def number(text: str) -> float:
    return float(text.split(":")[-1].strip().replace("−", "-").replace("+", ""))


def test_the_map_has_the_numbers_of_the_log_and_a_click_chooses(
    show: Show, grids: dict[str, Path]
) -> None:
    page = show("convolution")
    k = choose(page, "conv.0")
    example = page.evaluate("neuroActors.run.steps[1].inputs.indexOf(neuroActors.state.example)")
    values, grid = recorded(grids["convolution"], "conv.0", 2, example)
    canvas = page.get_by_role("slider", name="activation of conv.0 at its positions")
    box = canvas.bounding_box()
    for row, column in ((0, 0), (4, 2), (5, 5)):
        place = np.ravel_multi_index((row, column), grid)
        at = {"x": (column + 0.5) * box["width"] / 6, "y": (row + 0.5) * box["height"] / 6}
        canvas.hover(position=at)
        text = page.locator(".maps .readout").first.inner_text()
        assert text.startswith(f"position ({row}, {column}): ")
        assert number(text) == pytest.approx(values[place], rel=1e-3, abs=1e-9)
        canvas.click(position=at)
        page.evaluate("neuroActors.draw()")
        assert page.evaluate(f"neuroActors.drawn.view.at({k})") == place
        assert page.evaluate(f"neuroActors.drawn.view.a[{k}]") == values[place]
    canvas.focus()
    for key, there in (("ArrowUp", (4, 5)), ("ArrowLeft", (4, 4)), ("Home", (0, 0))):
        page.keyboard.press(key)
        page.evaluate("neuroActors.draw()")
        assert page.evaluate(f"neuroActors.drawn.view.at({k})") == np.ravel_multi_index(there, grid)
    assert canvas.get_attribute("aria-valuetext").startswith("position (0, 0): ")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "slider"
    assert page.evaluate("neuroActors.state.step") == 1  # the keys moved nothing else


def test_the_receptive_field_is_framed_on_its_sources(show: Show) -> None:
    page = show("convolution")
    k = choose(page, "conv.0")
    page.evaluate(f"neuroActors.choosePosition({k}, 7); neuroActors.draw()")
    reach = page.evaluate("[...neuroActors.drawn.reached.get(0)].sort((a, b) => a - b)")
    assert reach == [0, 1, 2, 6, 7, 8, 12, 13, 14]
    assert page.evaluate("neuroActors.drawn.lit.neurons.has(0)")


def test_a_click_on_the_map_of_a_node_chooses_a_position(show: Show) -> None:
    page = show("convolution")
    k = page.evaluate("neuroActors.run.network.ids.indexOf('conv.1')")
    stage = page.locator("#above").bounding_box()
    x, y, r = page.evaluate(f"['x', 'y', 'r'].map((name) => neuroActors.drawn.layout[name][{k}])")
    side = 1.72 * r / 6
    page.mouse.click(stage["x"] + x - 2.5 * side, stage["y"] + y + 1.5 * side)
    page.evaluate("neuroActors.draw()")
    assert page.evaluate("neuroActors.state.chosen") == {"kind": "neuron", "k": k}
    assert page.evaluate(f"neuroActors.drawn.view.at({k})") == 4 * 6


def test_attention_is_a_matrix_with_an_empty_half(show: Show, grids: dict[str, Path]) -> None:
    page = show("transformer")
    menu = page.locator(".heads select")
    heads = [
        text for text in menu.locator("option").all_text_contents() if text.startswith("block")
    ]
    assert len(heads) == 2
    menu.select_option(label=heads[1])
    page.evaluate("neuroActors.draw()")
    assert page.evaluate("neuroActors.run.network.ids[neuroActors.state.chosen.k]") == heads[1]
    assert page.get_by_text("who attends to whom").is_visible()
    canvas = page.get_by_role("slider", name=f"activation of {heads[1]} at its positions")
    box = canvas.bounding_box()
    example = page.evaluate("neuroActors.run.steps[1].inputs.indexOf(neuroActors.state.example)")
    values, grid = recorded(grids["transformer"], heads[1], 2, example)
    assert grid == (15,)
    cell, margin = (box["width"] - 22) / 5, 20
    canvas.click(position={"x": margin + 1.5 * cell, "y": margin + 3.5 * cell})
    page.evaluate("neuroActors.draw()")
    text = page.locator(".maps .readout").first.inner_text()
    assert text.startswith("query 3, key 1: ")
    assert number(text) == pytest.approx(values[7], rel=1e-3)
    before = page.evaluate("neuroActors.state.positions")
    canvas.click(position={"x": margin + 4.5 * cell, "y": margin + 0.5 * cell})
    assert page.evaluate("neuroActors.state.positions") == before  # the first asks no later one


def test_the_strip_scrubs_through_the_ticks(show: Show) -> None:
    page = show("gru")
    page.evaluate("neuroActors.goStep(neuroActors.run.steps.findIndex((one) => one.back))")
    k = choose(page, "gru.new0")
    now = "(({number, tick, back, sequence}) => [tick[0], back, sequence])(neuroActors.run.steps[neuroActors.state.step])"
    strip = page.get_by_role("slider", name="ticks of this sequence")
    box = strip.bounding_box()
    ticks = page.evaluate("neuroActors.run.steps[neuroActors.state.step].tick[1]")
    sequence = page.evaluate(now)[2]
    page.mouse.move(box["x"] + 0.5 * box["width"] / ticks, box["y"] + 28)
    page.mouse.down()
    assert page.evaluate(now) == [1, False, sequence]
    page.mouse.move(box["x"] + 2.5 * box["width"] / ticks, box["y"] + 28)
    assert page.evaluate(now) == [3, False, sequence]
    page.mouse.move(box["x"] + 1.5 * box["width"] / ticks, box["y"] + 52)
    page.mouse.up()
    assert page.evaluate(now) == [2, True, sequence]
    page.evaluate("neuroActors.draw()")
    assert strip.get_attribute("aria-valuetext").startswith(f"back to tick 2 of {ticks}, loss ")
    strip.focus()
    page.keyboard.press("Home")
    assert page.evaluate(now) == [1, False, sequence]
    for _ in range(ticks):
        page.keyboard.press("ArrowRight")
        page.evaluate("neuroActors.draw()")
    assert page.evaluate(now) == [ticks, True, sequence]
    page.keyboard.press("]")
    assert page.evaluate(now)[2] > sequence
    assert page.evaluate("neuroActors.state.chosen.k") == k


def test_maps_of_urgencies_by_a_key(show: Show) -> None:
    page = show("convolution")
    before = page.screenshot()
    page.locator("#above").focus()
    page.keyboard.press("u")
    page.evaluate("neuroActors.draw()")
    assert page.evaluate("neuroActors.state.maps") == "urgencies"
    assert page.screenshot() != before


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1600, 900), (390, 844)])
@pytest.mark.parametrize(
    ("name", "neuron"),
    [("convolution", "conv.0"), ("transformer", "block.head0.weight"), ("gru", "gru.new0")],
)
def test_no_fault_of_accessibility(
    show: Show, name: str, neuron: str, width: int, height: int, theme: str
) -> None:
    page = show(name, width=width, height=height, color_scheme=theme, bypass_csp=True)
    page.add_script_tag(content=AXE.read_text())
    for chosen in (None, neuron):
        if chosen:
            choose(page, chosen)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_legend_has_the_signs_that_are_on_the_stage(show: Show) -> None:
    has = {
        "gru": ("an interneuron", "a dotted synapse is frozen", "grey: into an interneuron"),
        "convolution": ("an interneuron", "a map: ", "grey: into an interneuron"),
    }
    texts = {name: show(name).locator("#panel .signs").inner_text() for name in has}
    for name, signs in has.items():
        for sign in signs:
            assert sign in texts[name]
    assert "a map: " not in texts["gru"]
    assert "a dotted synapse" not in texts["convolution"]


def test_the_address_keeps_the_maps_and_the_position(show: Show) -> None:
    page = show("convolution")
    k = choose(page, "conv.0")
    page.evaluate(f"neuroActors.choosePosition({k}, 9)")
    page.locator("#settings summary").click()
    page.select_option("#maps", "urgencies")
    page.wait_for_timeout(600)
    address = page.url
    assert "maps=urgencies" in address
    page.evaluate("neuroActors.toggleMaps(); neuroActors.choosePosition(0, 0)")
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("html[data-started]")
    assert page.evaluate("neuroActors.state.maps") == "urgencies"
    assert page.evaluate(f"neuroActors.drawn.view.at({k})") == 9


@pytest.mark.parametrize("name", NAMES)
def test_in_french_and_presented(show: Show, name: str) -> None:
    page = show(name, locale="fr-FR")
    page.keyboard.press("t")
    for _ in range(12):
        page.keyboard.press("ArrowRight")
        page.evaluate("neuroActors.draw()")
    page.keyboard.press("Escape")
    page.evaluate("neuroActors.choose(null); neuroActors.draw()")
    text = page.locator("#panel").inner_text()
    assert "undefined" not in text
    assert "interneurone" in text


def test_cells_of_a_population_have_maps(show: Show) -> None:
    page = show("convolution")
    k = page.evaluate("neuroActors.run.network.ids.indexOf('conv.1')")
    colours = page.evaluate(f"""() => {{
        neuroActors.set({{shape: "population"}});
        neuroActors.draw();
        const l = neuroActors.drawn.layout, {{ above, ratio }} = neuroActors.stage;
        const side = Math.floor(2 * l.radius - 6);
        const [x, y] = [l.x[{k}] - side / 2, l.y[{k}] - side / 2];
        const {{ data }} = above.getContext("2d").getImageData(
            x * ratio, y * ratio, side * ratio, side * ratio);
        const values = neuroActors.drawn.map({k}, "activations");
        const found = new Set();
        for (let at = 0; at < data.length; at += 4) found.add(data.slice(at, at + 3).join());
        return [found.size, new Set(values).size];
    }}""")
    assert colours[1] > 3
    assert colours[0] > 3
