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
    assert [state(again, one) for one in ("step", "t", "chosen", "theme")] == [6, 0, None, "system"]
    assert "step 99 is not in this page; this is the nearest" in again.inner_text("#steptext")


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
    assert "ring with a tip: its urgency" not in cells
    assert "ring with a tip: its urgency" in nodes
    assert "a cell is a neuron" not in nodes
    for text in (cells, nodes):
        assert "urgency u = −∂L/∂a" in text
    storm = look("storm")
    assert "a message that was lost" in storm.locator("#panel").inner_text()


def tap(page: Any, k: int) -> None:
    x, y = page.evaluate(f"""() => {{
        const l = neuroActors.drawn.layout, box = document.getElementById('above').getBoundingClientRect();
        return [box.left + l.x[{k}], box.top + l.y[{k}]];
    }}""")
    page.mouse.click(x, y)
    page.wait_for_timeout(200)
    draw(page)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (390, 667), (844, 390)])
def test_on_a_phone_nothing_covers_the_buttons_or_what_is_chosen(
    look: Look, width: int, height: int
) -> None:
    page = look("family", width=width, height=height)
    tap(page, 4)
    assert state(page, "chosen") == {"kind": "neuron", "k": 4}
    covered = page.evaluate("""() => {
        const l = neuroActors.drawn.layout, above = document.getElementById('above').getBoundingClientRect();
        const middle = (box) => [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
        const all = [...document.querySelectorAll('.buttons button, #panel h2, #panel .close, #waves')]
            .map((node) => [node, middle(node.getBoundingClientRect())]);
        const ends = [l.y[4] - l.r[4], l.y[4] + l.r[4]];
        for (const y of ends)
            all.push([document.getElementById('above'), [above.left + l.x[4], above.top + y]]);
        return all.filter(([node, at]) => !node.contains(document.elementFromPoint(...at))).map(([node]) => node.id || node.className);
    }""")
    assert covered == []
    page.get_by_role("button", name="Next wave").click()
    page.get_by_role("button", name="Close").click()


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
@pytest.mark.parametrize("width", [390, 900, 1600])
def test_each_wave_has_its_name_on_the_strip(look: Look, width: int, locale: str) -> None:
    page = look("family", width=width, locale=locale)
    names = page.evaluate("""() => [...document.querySelectorAll('.phase:not(.tight) span, #trackNames span')].map((one) => {
        const {left, right, top, bottom} = one.getBoundingClientRect();
        return {text: one.textContent, left, right, top, bottom};
    })""")
    english = ["back", "forward", "inputs", "learn", "loss’s urgencies", "to loss"]
    french = ["aller", "apprentissage", "entrées", "perte", "retour", "urgences de la perte"]
    assert sorted(one["text"] for one in names) == (english if locale == "en-GB" else french)
    for one in names:
        assert 0 <= one["left"] < one["right"] <= width
        for other in names:
            apart = one["right"] <= other["left"] or other["right"] <= one["left"]
            assert (
                one is other
                or apart
                or one["bottom"] <= other["top"] + 1
                or (other["bottom"] <= one["top"] + 1)
            )


@pytest.mark.parametrize("width", [390, 900, 1600])
@pytest.mark.parametrize("name", ["family", "storm"])
def test_the_society_keeps_its_place_and_names_in_every_wave(
    look: Look, name: str, width: int
) -> None:
    """A longer caption takes no room from the society."""
    page = look(name, width=width, height=844)
    page.evaluate("neuroActors.goStep(1)")
    seen = page.evaluate("""async () => {
        const seen = [], painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        await painted();
        for (let t = 0.5; t < neuroActors.waves().count + 1; t++) {
            neuroActors.goTime(t);
            await painted();
            const texts = [], svg = CanvasRenderingContext2D.prototype, was = svg.fillText;
            svg.fillText = function (text, ...at) { texts.push(text.slice(1, -1)); was.call(this, text, ...at); };
            neuroActors.draw();
            svg.fillText = was;
            seen.push({height: neuroActors.stage.height, lost: neuroActors.run.network.ids.filter((id) => !texts.includes(id))});
        }
        return seen;
    }""")
    assert len(seen) > 5
    assert [one["lost"] for one in seen] == [[]] * len(seen)
    assert len({one["height"] for one in seen}) == 1


def test_what_an_update_is_made_of_is_explained(look: Look) -> None:
    """In the legend, and beside the formula."""
    page = look("picture")  # Adam
    legend = page.locator("#panel .symbols").inner_text()
    for word in ("g\n", "rate\n", "m, s\n", "β₁, β₂\n", "m̂, ŝ\n", "ε\n"):
        assert word in legend
    page.evaluate("neuroActors.choose({kind: 'synapse', k: 0}); neuroActors.draw()")
    page.get_by_role("button", name="What these words mean").click()
    draw(page)
    assert page.locator("#panel .learns .symbols").inner_text() in legend
    assert "the running means of g and of g²" in legend
    page.evaluate("neuroActors.choose(null); neuroActors.goStep(3); neuroActors.draw()")
    page = look("family")
    assert "learning rate" in page.locator("#panel .symbols").inner_text()
    page.evaluate("neuroActors.goStep(6); neuroActors.draw()")  # a prediction
    assert "learning rate" not in page.locator("#panel .symbols").inner_text()


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
