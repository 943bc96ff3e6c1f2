"""Zoom, address, presentation, pictures for slides, loss read-out, phone: in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest
from PIL import Image

Look = Callable[..., Any]

pytestmark = pytest.mark.browser


def draw(page: Any) -> None:
    page.evaluate("neuroActors.draw()")


def state(page: Any, what: str) -> Any:
    return page.evaluate(f"neuroActors.state.{what}")


def fragment(page: Any) -> dict[str, list[str]]:
    page.wait_for_timeout(600)
    return parse_qs(page.evaluate("location.hash").lstrip("#"))


def test_it_opens_at_the_beginning_and_zooms(look: Look) -> None:
    page = look("family")
    assert (state(page, "step"), state(page, "t"), state(page, "chosen")) == (0, 0, None)
    box = page.locator("#above").bounding_box()
    left, top = page.evaluate("[neuroActors.drawn.layout.x[2], neuroActors.drawn.layout.y[2]]")
    page.mouse.move(box["x"] + left, box["y"] + top)
    page.mouse.wheel(0, -600)
    by = state(page, "zoom.by")
    assert by > 2
    draw(page)
    at = page.evaluate("neuroActors.corner().x")
    page.mouse.down()
    page.mouse.move(box["x"] + left - 80, box["y"] + top, steps=4)
    page.mouse.up()
    assert page.evaluate("neuroActors.corner().x") == pytest.approx(at + 80, abs=1)
    assert state(page, "chosen") is None  # dragging is no click
    assert float(fragment(page)["zoom"][0].split(",")[0]) == pytest.approx(by, rel=1e-3)
    middle = page.evaluate("""() => {
        neuroActors.draw();
        const l = neuroActors.drawn.layout, c = neuroActors.corner();
        return [...neuroActors.run.network.ids.keys()].map((k) => [k, l.x[k] - c.x, l.y[k] - c.y])
            .filter(([, x, y]) => x > 50 && y > 50 && x < neuroActors.stage.width - 50 && y < neuroActors.stage.height - 50);
    }""")
    k, x, y = middle[0]
    page.mouse.click(box["x"] + x, box["y"] + y)
    assert state(page, "chosen") == {"kind": "neuron", "k": k}
    page.get_by_role("button", name="1:1, the whole network (0)").click()
    assert state(page, "zoom.by") == 1
    page.keyboard.press("+")
    assert state(page, "zoom.by") == 1.5
    page.keyboard.press("0")
    assert state(page, "zoom.by") == 1


def test_an_address_is_a_place_and_a_wrong_one_is_ignored(
    look: Look, pages: dict[str, Path]
) -> None:
    page = look("family")
    assert fragment(page) == {}
    page.evaluate(
        "neuroActors.goStep(2); neuroActors.goTime(3.5); neuroActors.choose({kind: 'neuron', k: 4})"
    )
    page.locator("#settings summary").click()
    page.select_option("#theme", "dark")
    page.select_option("#language", "fr")
    found = fragment(page)
    assert {name: found[name] for name in ("step", "wave", "neuron", "colours", "language")} == {
        "step": ["3"],
        "wave": ["3.5"],
        "neuron": ["face"],
        "colours": ["dark"],
        "language": ["fr"],
    }
    address = page.url
    assert page.evaluate("history.length") <= 2  # the back button leaves the page
    again = look("family")
    again.goto("about:blank")
    again.goto(address)
    again.wait_for_selector("html[data-started]")
    draw(again)
    assert [state(again, one) for one in ("step", "t", "chosen.k", "theme", "language")] == [
        2,
        3.5,
        4,
        "dark",
        "fr",
    ]
    assert again.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 28)"
    again.evaluate("location.hash = '#step=99&wave=-1&neuron=nobody&view=cube&zoom=x'")
    again.wait_for_timeout(200)
    assert [state(again, one) for one in ("step", "t", "chosen", "theme")] == [0, 0, None, "system"]


def test_a_presentation_one_key_a_sentence(look: Look) -> None:
    page = look("family", reduced_motion="reduce")
    page.get_by_role("button", name="Present").click()
    draw(page)
    assert page.locator("#panel").is_hidden()
    assert page.locator("#talkLines").inner_text().split("\n")[0] == "What happens"
    for key in ("Space", "PageDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    draw(page)
    assert state(page, "talk") in (4, 3)  # Enter on the button presses it
    page.keyboard.press("ArrowLeft")
    size = page.evaluate(
        "parseFloat(getComputedStyle(document.querySelector('#talkLines li')).fontSize)"
    )
    assert size >= 24
    seen = []
    for _ in range(40):
        page.keyboard.press("Space")
        draw(page)
        seen.append(page.locator("#talkLines li.now span").inner_text())
        if state(page, "step") == 1:
            break
    assert any("u = −∂L/∂a" in text for text in seen)
    assert state(page, "step") == 1
    assert not [text for text in seen if "undefined" in text or "NaN" in text]
    page.keyboard.press("Escape")
    draw(page)
    assert page.locator("#panel").is_visible()
    assert page.evaluate("document.activeElement.id") == "present"


def test_a_presentation_speaks_of_the_example_on_the_stage(look: Look) -> None:
    """Also where the step has another example than the page opened with."""
    page = look("population")
    page.evaluate("neuroActors.go({...neuroActors.place(), step: 2, talk: 17}); neuroActors.draw()")
    first = page.locator("#talkLines").inner_text()
    lit = page.evaluate("[...neuroActors.drawn.lit.synapses]")
    page.evaluate(
        "neuroActors.presenter._key = ''; neuroActors.presenter.show(17); neuroActors.draw()"
    )
    assert page.locator("#talkLines").inner_text() == first
    assert page.evaluate("[...neuroActors.drawn.lit.synapses]") == lit


def test_pictures_for_slides(look: Look, tmp_path: Path) -> None:
    page = look("family")
    page.evaluate("neuroActors.goTime(3.5); neuroActors.draw()")
    page.locator("#settings summary").click()
    for kind in ("PNG", "SVG"):
        with page.expect_download() as info:
            page.get_by_role("button", name=kind).click()
        name = info.value.suggested_filename
        assert name == f"family-step-1-wave-4.{kind.lower()}"
        info.value.save_as(tmp_path / name)
    with Image.open(tmp_path / "family-step-1-wave-4.png") as picture:
        assert picture.width == 2 * page.evaluate("neuroActors.stage.width")
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 50
    text = (tmp_path / "family-step-1-wave-4.svg").read_text(encoding="utf-8")
    drawing = ElementTree.fromstring(text)
    words = " ".join(node.text or "" for node in drawing.iter("{http://www.w3.org/2000/svg}text"))
    for name in ("eyes", "face", "cat", "Activations go forward"):
        assert name in words
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    "name", ["family", "picture", "population", "storm", "machines", "hostile"]
)
def test_every_stage_becomes_svg(look: Look, name: str) -> None:
    page = look(name)
    page.locator("#settings summary").click()
    for t in (0.5, 3.5, 1e9):
        page.evaluate(f"neuroActors.goTime({t})")
        with page.expect_download() as info:
            page.get_by_role("button", name="SVG").click()
        ElementTree.parse(info.value.path())


def test_the_loss_is_read_out(look: Look) -> None:
    page = look("family")
    box = page.locator("#steps").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 6 * 2, box["y"] + box["height"] / 2)
    draw(page)
    mean = page.evaluate("neuroActors.run.steps[2].mean")
    assert page.locator("#readout").inner_text().startswith(f"step 3: loss {mean:.3}"[:16])
    page.mouse.move(0, 0)
    assert page.locator("#readout").is_hidden()
    page.locator("#steps").focus()
    page.keyboard.press("ArrowRight")
    draw(page)
    assert page.locator("#readout").inner_text().startswith("step 2: loss ")
    assert page.locator("#lossTicks span").count() >= 2
    assert page.locator("#stepTicks span").all_inner_texts()[0] == "1"


def test_the_legend_is_of_what_is_on_the_stage(look: Look) -> None:
    cells, nodes = (look(name).locator("#panel").inner_text() for name in ("population", "family"))
    assert "a cell is a neuron" in cells
    assert "ring: its urgency" not in cells
    assert "ring: its urgency" in nodes
    assert "a cell is a neuron" not in nodes
    for text in (cells, nodes):
        assert "urgency u = −∂L/∂a" in text
    storm = look("storm")
    assert "a message that was lost" in storm.locator("#panel").inner_text()


def test_on_a_phone_a_click_shows_the_panel_and_no_choice_is_cut(look: Look) -> None:
    page = look("family", width=390, height=844)
    x, y = page.evaluate("""() => {
        const l = neuroActors.drawn.layout, box = document.getElementById('above').getBoundingClientRect();
        return [box.left + l.x[2], box.top + l.y[2]];
    }""")
    page.mouse.click(x, y)
    draw(page)
    box = page.locator("#panel h2").bounding_box()
    assert 0 < box["y"] < 844 - box["height"]
    assert page.locator("#panel h2").inner_text() == "eyes"
    page.get_by_role("button", name="Close").click()
    draw(page)
    cut = page.evaluate("""() => {
        const ctx = document.createElement("canvas").getContext("2d");
        return [...document.querySelectorAll("select")].filter((one) => one.checkVisibility()).filter((one) => {
            const style = getComputedStyle(one);
            ctx.font = style.font;
            const most = Math.max(...[...one.options].map((option) => ctx.measureText(option.text).width));
            return most + parseFloat(style.paddingLeft) + parseFloat(style.paddingRight) > one.clientWidth;
        }).map((one) => one.id);
    }""")
    assert cut == []
