"""The page in a real browser: its numbers are the log's, every control does what it says, nothing leaves."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.viewer.page import render_page as html
from neuro_actors.viewer.page_data import collect_page_data

Look = Callable[..., Any]
RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")


def number(text: str) -> float:
    """A number as the page writes it."""
    plain = re.sub(r"·10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", r"e\1", text).translate(RAISED).lstrip("×+\u2009")
    return float("nan") if plain == "–" else float(plain)


def cells(page: Any, heading: str) -> dict[str, list[float]]:
    """The table under a heading of the panel: its rows' numbers by their names."""
    rows = (
        page.locator("#panel section")
        .filter(has=page.get_by_role("heading", name=re.compile(f"^{heading}")))
        .locator("tr")
        .all()
    )
    found = {
        row.locator("th").first.inner_text(): [td.inner_text() for td in row.locator("td").all()]
        for row in rows[1:]
    }
    return {name: [number(text) for text in texts if text] for name, texts in found.items()}


def choose(page: Any, name: str) -> None:
    page.select_option("#find", label=name)


def all_digits(page: Any) -> None:
    page.locator("#settings summary").click()
    page.select_option("#digits", "17")
    page.locator("#settings summary").click()


def until(page: Any, true: str) -> None:
    """Wait for it. (Playwright's own waiting evaluates strings in the page, which its policy forbids.)"""
    deadline = time.monotonic() + 120  # a safety net: on a busy machine a frame may take a second
    while not page.evaluate(true):
        assert time.monotonic() < deadline, f"it did not come true: {true}"
        page.wait_for_timeout(50)


def drawn(page: Any) -> None:
    """What was asked for is on the screen."""
    page.evaluate("neuroActors.draw()")


def state(page: Any, what: str) -> Any:
    return page.evaluate(f"neuroActors.state.{what}")


def test_the_formula_has_the_numbers_of_the_log(look: Look, logs: dict[str, Path]) -> None:
    page, log = look("family"), na.open_log(logs["family"])
    all_digits(page)
    net = log.network
    for number_of_step, example in ((1, 0), (3, 2), (6, 1)):
        step, before = log.step(number_of_step), log.network_at(number_of_step - 1)
        page.evaluate(
            f"neuroActors.goStep({number_of_step - 1}); "
            f"neuroActors.set({{example: neuroActors.run.steps[{number_of_step - 1}].inputs[{example}]}})"
        )
        for name in ("eyes", "body", "cat"):
            k = net.position[name]
            choose(page, name)
            drawn(page)
            received = cells(page, "receives")
            for s in net.incoming.of(k):
                weight, x = before.weights[s], step.activations[net.sources[s], example]
                assert received[net.ids[net.sources[s]]] == [weight, x, weight * x]
            z = received["z"][0]
            assert (
                na.ACTIVATIONS[net.activations[k]].value(np.array([z]))[0]
                == step.activations[k, example]
            )
            assert (
                number(page.locator("#panel .result").first.inner_text().split("= ")[-1])
                == step.activations[k, example]
            )
            urged = cells(page, "its urgency")
            for s in net.outgoing.of(k):
                assert urged[net.ids[net.targets[s]]][-1] == step.urgencies[s, example]
            if name == "cat":
                assert urged["the loss"] == [step.blame[0, example]]
            if number_of_step < 6:
                learns = cells(page, "learns")
                for s in net.incoming.of(k):
                    assert learns[net.ids[net.sources[s]]][-1] == step.weights[s]
                assert learns["bias b"][-1] == step.biases[k]


def test_the_mean_has_what_the_neurons_made_of_the_batch(look: Look, logs: dict[str, Path]) -> None:
    page, log = look("family"), na.open_log(logs["family"])
    all_digits(page)
    page.evaluate("neuroActors.goStep(5)")
    page.select_option("#example", "-1")
    choose(page, "face")
    drawn(page)
    net, step = log.network, log.step(6)
    (s,) = net.incoming.of(net.position["face"])
    assert cells(page, "wants")["eyes"][0] == step.weights[s]
    text = page.locator("#panel").inner_text()
    assert "mean of 3 examples" in text
    assert "It is not f of the mean of z" in text
    assert cells(page, "wants")["bias b"][0] == pytest.approx(
        step.biases[net.position["face"]], rel=1e-12
    )


def test_a_synapse_and_the_loss(look: Look, logs: dict[str, Path]) -> None:
    page, log = look("family"), na.open_log(logs["family"])
    all_digits(page)
    step = log.step(1)
    page.evaluate("neuroActors.choose({kind: 'synapse', k: 5})")
    page.wait_for_selector("#panel dl.facts")
    facts = {
        row.locator("dt").inner_text(): row.locator("dd").inner_text()
        for row in page.locator("#panel dl.facts div").all()
    }
    assert number(facts["weight w"]) == -0.5
    assert number(facts["urgency, back: w·v"].split(" = ")[1]) == step.urgencies[5, 0]
    assert (
        number(page.locator("#panel .update dd").last.inner_text().split(" = ")[1])
        == step.weights[5]
    )
    assert page.locator("#panel svg.chart").count() == 3
    assert "inhibitory" in page.locator("#panel .kind").inner_text()
    page.keyboard.press("l")
    page.wait_for_selector("#panel h2:has-text('The loss')")
    row = [
        number(td.inner_text()) for td in page.locator("#panel tbody tr").first.locator("td").all()
    ]
    assert row == [step.activations[-1, 0], step.targets[0, 0], step.blame[0, 0]]
    assert (
        number(page.locator("#panel .result").inner_text().removeprefix("loss of this example: "))
        == step.losses[0]
    )
    assert "cross_entropy = −Σ [t ln p" in page.locator("#panel .kind").first.inner_text()


def test_why_leads_back_to_the_loss(look: Look) -> None:
    page = look("family")
    choose(page, "eyes")
    page.get_by_role("button", name="Why?").click()
    drawn(page)
    lines = [li.inner_text() for li in page.locator("#panel .reason li").all()]
    assert lines[0].startswith("The loss receives +0.7")
    assert lines[0].count("cat") == 2
    assert lines[-1].startswith("eyes adds up all that it receives from 2 followers: u = ")
    assert page.evaluate(
        "[...neuroActors.drawn.lit.synapses].map(s => neuroActors.run.network.ids[neuroActors.run.network.sources[s]])"
    ) == ["face", "eyes"]
    assert page.get_by_role("button", name="Why?").get_attribute("aria-pressed") == "true"
    page.keyboard.press("w")
    drawn(page)
    assert page.locator("#panel .reason").count() == 0


def test_a_term_is_lit_with_its_synapse_and_back(look: Look) -> None:
    page = look("family")
    choose(page, "eyes")
    row = page.locator("#panel tr[data-synapse='1']").first
    row.hover()
    until(page, "neuroActors.state.hover?.k === 1")
    assert page.evaluate("[...neuroActors.drawn.lit.synapses]") == [1]
    page.locator("#phase").hover()
    until(page, "neuroActors.state.hover === null")
    middle = page.evaluate("""() => {
        const l = neuroActors.drawn.layout, n = neuroActors.run.network, box = document.getElementById('above').getBoundingClientRect();
        const [a, b] = [n.sources[0], n.targets[0]];
        return [box.left + (l.x[a] + l.x[b]) / 2, box.top + (l.y[a] + l.y[b]) / 2];
    }""")
    page.mouse.move(*middle)
    until(page, "neuroActors.state.hover?.kind === 'synapse'")
    drawn(page)
    assert "lit" in (page.locator("#panel tr[data-synapse='0']").first.get_attribute("class") or "")
    assert page.locator("#tip").inner_text().startswith("fur → eyes")


def test_clicks_choose(look: Look) -> None:
    page = look("family")

    def click(place: str) -> None:
        x, y = page.evaluate(f"""() => {{
            const l = neuroActors.drawn.layout, box = document.getElementById('above').getBoundingClientRect(), p = {place};
            return [box.left + p[0], box.top + p[1]];
        }}""")
        page.mouse.click(x, y)

    click("[l.x[2], l.y[2]]")
    assert state(page, "chosen") == {"kind": "neuron", "k": 2}
    click("[l.loss.x, l.loss.y]")
    assert state(page, "chosen") == {"kind": "loss"}
    click("[l.x[2] / 2 + l.x[4] / 2, l.y[2] / 2 + l.y[4] / 2]")
    assert state(page, "chosen") == {"kind": "synapse", "k": 4}
    click("[5, 5]")
    assert state(page, "chosen") is None
    drawn(page)
    assert page.get_by_role("heading", name="How to read this").is_visible()


def test_play_pause_and_steps(look: Look) -> None:
    page = look("family")
    page.select_option("#speed", "0.25")  # so slow that the run cannot end before the pause
    page.get_by_role("button", name="Play").click()
    until(page, "neuroActors.state.t > 0")
    page.get_by_role("button", name="Pause").click()
    at = state(page, "step"), state(page, "t")
    page.wait_for_timeout(300)
    assert (state(page, "step"), state(page, "t")) == at
    page.select_option("#speed", "8")
    # the page itself stops at the second step: a click from here may come after the last one
    page.evaluate("""() => new Promise((done) => {
        const play = document.getElementById("play");
        const look = () => {
            if (neuroActors.state.step < 1) requestAnimationFrame(look);
            else { play.click(); done(); }
        };
        play.click();
        look();
    })""")
    assert (state(page, "step"), state(page, "playing")) == (1, False)
    page.get_by_role("button", name="Next step").click()
    assert state(page, "step") == 2
    page.get_by_role("button", name="Previous step").click()
    assert state(page, "step") == 1
    page.select_option("#pace", "steps")
    page.get_by_role("button", name="Play").click()
    until(page, "neuroActors.state.step === 6 && !neuroActors.state.playing")
    drawn(page)
    assert page.locator("#steptext").inner_text().startswith("Step 7 of 7 · prediction")


def test_single_waves_and_phases_by_key(look: Look) -> None:
    page = look("family", reduced_motion="reduce")
    page.locator("#above").focus()
    page.evaluate("neuroActors.goTime(0)")
    waves = page.evaluate("neuroActors.waves().count")
    for k in range(waves):
        page.keyboard.press("ArrowRight")
        assert state(page, "t") == k + 0.5
    drawn(page)
    assert page.locator("#phase").inner_text() == "Every neuron learns"
    page.keyboard.press("ArrowRight")
    drawn(page)
    assert (state(page, "t"), page.locator("#phase").inner_text()) == (waves, "The step is over")
    page.keyboard.press("ArrowRight")
    assert (state(page, "step"), state(page, "t")) == (1, 0.5)
    page.keyboard.press("ArrowLeft")
    assert (state(page, "step"), state(page, "t")) == (0, waves)
    starts = []
    for _ in range(5):
        page.keyboard.press("Shift+ArrowLeft")
        drawn(page)
        starts.append(page.locator("#phase").inner_text())
    assert starts[0] == "Urgencies come back"
    page.keyboard.press("End")
    assert state(page, "step") == 6
    page.keyboard.press("Home")
    assert state(page, "step") == 0
    page.keyboard.press("ArrowUp")
    assert state(page, "step") == 1
    page.keyboard.press("n")
    page.keyboard.press("n")
    assert state(page, "chosen.k") == 1
    page.keyboard.press("p")
    assert state(page, "chosen.k") == 0
    page.keyboard.press("Escape")
    assert state(page, "chosen") is None
    page.keyboard.press("Space")
    assert state(page, "playing") is True
    page.keyboard.press("Space")
    assert state(page, "playing") is False


def test_without_motion_it_plays_from_rest_to_rest(look: Look) -> None:
    page = look("family", reduced_motion="reduce")
    page.select_option("#speed", "8")
    seen = page.evaluate("""() => new Promise((done) => {
        const seen = new Set();
        const look = () => (seen.add(neuroActors.state.t), neuroActors.state.step < 2 ? requestAnimationFrame(look) : done([...seen]));
        document.getElementById("play").click();
        look();
    })""")
    waves = page.evaluate("neuroActors.waves().count")
    assert set(seen) == {0, waves} | {wave + 0.5 for wave in range(waves)}


def test_a_slider_keeps_its_own_keys_only(look: Look) -> None:
    page = look("family")
    page.locator("#steps").focus()
    page.keyboard.press("ArrowUp")
    assert state(page, "step") == 1
    page.keyboard.press("Space")
    assert state(page, "playing") is True
    page.keyboard.press("n")
    assert state(page, "chosen.k") == 0


def test_a_wave_glides_where_motion_is_welcome(look: Look) -> None:
    page = look("family")
    page.evaluate("neuroActors.goTime(0)")
    seen = page.evaluate("""() => new Promise((done) => {
        const seen = [];
        const look = () => (seen.push(neuroActors.state.t), seen.at(-1) < 0.5 ? requestAnimationFrame(look) : done(seen));
        document.getElementById("nextWave").click();
        look();
    })""")
    assert seen == sorted(seen)
    assert seen[-1] == 0.5
    assert any(0 < t < 0.5 for t in seen)
    assert (
        len(set(seen)) >= len(seen) - 2
    )  # another moment in each frame, of which a busy machine draws few
    page.get_by_role("button", name="Next wave").click()
    page.get_by_role("button", name="Next wave").click()
    until(page, "neuroActors.state.t === 2.5")


def test_scrubbing(look: Look) -> None:
    page = look("family")
    page.locator("#steps").focus()
    page.keyboard.press("ArrowRight")
    assert state(page, "step") == 1
    drawn(page)
    assert page.locator("#steps").get_attribute("aria-valuetext").startswith("Step 2, learning")
    box = page.locator("#waves").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
    assert 0.4 < state(page, "t") / page.evaluate("neuroActors.waves().count") < 0.6
    box = page.locator("#steps").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
    assert state(page, "step") == 6


def test_messages_travel_right_then_left(look: Look) -> None:
    page = look("family")
    travelling = page.evaluate("""() => {
        const out = {};
        for (const t of [1.5, 7.5]) {
            neuroActors.goTime(t); neuroActors.draw();
            out[t] = neuroActors.stage._travelling.messages.map((m) => [m.back, m.value]);
        }
        return out;
    }""")
    assert [back for back, _ in travelling["1.5"]] == [False] * 4
    assert [value for _, value in travelling["1.5"]] == [1.0, 1.0, 0.1, 0.1] or sorted(
        value for _, value in travelling["1.5"]
    ) == [
        0.1,
        0.1,
        1.0,
        1.0,
    ]
    assert travelling["7.5"]
    assert all(back for back, _ in travelling["7.5"])


def test_two_languages(look: Look) -> None:
    page = look("family", locale="fr-FR")
    assert page.locator("html").get_attribute("lang") == "fr"
    assert page.get_by_role("heading", name="Comment lire").is_visible()
    assert "perte 0,8" in page.locator("#steptext").inner_text()
    page.locator("#settings summary").click()
    page.select_option("#language", "en")
    drawn(page)
    assert page.get_by_role("heading", name="How to read this").is_visible()
    assert page.get_by_role("button", name="Play").is_visible()


def test_themes_and_views(look: Look) -> None:
    page = look("family", color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(16, 21, 28)"
    page.locator("#settings summary").click()
    page.select_option("#theme", "light")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.select_option("#view", "population")
    until(page, "neuroActors.drawn.layout.mode === 'population'")
    page.locator("#phase").click()
    assert not page.locator("#settings").evaluate("node => node.open")


def test_a_screen_reader_hears_what_is_chosen_and_nothing_while_it_plays(look: Look) -> None:
    page = look("family")
    choose(page, "ears")
    drawn(page)
    announced = page.locator("#live").inner_text()
    assert announced.startswith("Step 1, The environment sends the inputs")
    assert "ears, relu, level 1: activation 0" in announced
    page.get_by_role("button", name="Play").click()
    page.wait_for_timeout(400)
    assert page.locator("#live").inner_text() == announced
    assert "Dead in this step" in page.locator("#panel .warn").inner_text()


def test_inputs_as_a_picture(look: Look) -> None:
    page = look("picture")
    seen = page.evaluate(
        "({picture: !!neuroActors.drawn.layout.picture, tiles: neuroActors.drawn.layout.tiled.size})"
    )
    assert seen == {"picture": True, "tiles": 8}
    choose(page, "h1.2")
    drawn(page)
    assert page.locator("#panel .images canvas").count() == 3
    page.get_by_role("button", name="show all 36").first.click()
    drawn(page)
    assert page.locator("#panel table").first.locator("tbody tr").count() == 36


def test_a_population(look: Look) -> None:
    page = look("population")
    assert page.evaluate("neuroActors.drawn.layout.mode") == "population"
    choose(page, "n120")
    until(page, "neuroActors.drawn.lit !== null")
    assert page.evaluate("neuroActors.drawn.lit.synapses.size") == 190
    page.get_by_role("button", name="Next step").click()
    page.get_by_role("button", name="Next wave").click()


def test_without_synapses_sums_are_shown(look: Look, logs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "small.html").write_text(
        html(collect_page_data(na.open_log(logs["population"]), 0.5))
    )
    page = look("population", path=tmp_path / "small.html")
    text = page.locator("#panel").inner_text()
    assert "The network is too large for its 16,100 synapses" in text
    choose(page, "n150")
    drawn(page)
    assert "synapses are not in this page" in page.locator("#panel").inner_text()
    step = na.open_log(logs["population"]).step(1)
    assert number(
        page.locator("#panel .result").nth(1).inner_text().split("= ")[-1]
    ) == pytest.approx(step.activations[150, 0], rel=1e-3)
    page.evaluate("neuroActors.goTime(1e9); neuroActors.draw()")
    assert page.evaluate("neuroActors.drawn.waves.urged.filter((wave) => wave > 0).length") == 180
    page.keyboard.press("l")
    page.get_by_role("button", name="Next step").click()


def test_hostile_names_stay_text(look: Look) -> None:
    page = look("hostile")
    for k in range(6):
        page.evaluate(
            f"neuroActors.choose({{kind: 'neuron', k: {k}}}); neuroActors.set({{why: true}}); neuroActors.draw()"
        )
        assert page.locator("#panel h2 bdi").inner_text() == page.evaluate(
            f"neuroActors.run.network.ids[{k}]"
        )
    assert page.locator("img, #panel script, body b").count() == 0


def test_the_greatest_numbers_are_drawn(look: Look, tmp_path: Path) -> None:
    network = na.Network(
        [na.Input("x"), na.Neuron("h", "tanh"), na.Neuron("y")],
        [na.Synapse("x", "h", 9.0), na.Synapse("h", "y", 1.7e308)],
        ["y"],
    )
    log = tmp_path / "huge.arrows"
    x, t = [[1.0], [-1.0]], [[0.0], [0.0]]
    na.train(network, x, t, loss="absolute_error", epochs=3, optimizer=na.SGD(1e-3), log=log)
    path = tmp_path / "huge.html"
    path.write_text(html(collect_page_data(na.open_log(log))))
    page = look("", path=path)
    for name in ("x", "h", "y"):
        choose(page, name)
        assert "NaN" not in page.locator("#panel").inner_text()
    choose(page, "y")
    assert cells(page, "receives")["h"][0] == 1.7e308


def test_phone(look: Look) -> None:
    page = look("family", width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    choose(page, "eyes")
    page.get_by_role("button", name="Close").click()  # the panel
    page.get_by_role("button", name="Next step").click()
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#panel h2").scroll_into_view_if_needed()


@pytest.mark.parametrize("name", ["family", "population"])
def test_it_starts_with_the_numbers_of_one_step(look: Look, name: str) -> None:
    """Of a long run nothing else is decoded: so the page is there at once, however long the run is."""
    run = "neuroActors.run"
    decoded = look(name).evaluate(f"[{run}.steps.length, {run}._views.size, {run}._versions.size]")
    assert decoded[0] > 2
    assert max(decoded[1:]) <= 2


def test_the_legend_names_each_ring_and_the_grey_dots(look: Look) -> None:
    """A neuron that has just sent has a ring without a tip: that one is no urgency."""
    fades, large = "a ring that fades, while the run plays: the neuron", "a large grey dot: the"
    for name, is_picture in (("family", False), ("picture", True)):
        legend = look(name).locator("#panel .signs").inner_text()
        assert fades in legend
        assert "ring with a tip: its urgency" in legend
        assert (large in legend) == is_picture


def test_the_canvas_shows_signs_in_two_colours(look: Look, logs: dict[str, Path]) -> None:
    page, log = look("family"), na.open_log(logs["family"])
    step = log.step(1)
    page.evaluate("neuroActors.goTime(1e9); neuroActors.draw()")
    colours = page.evaluate("""() => {
        const l = neuroActors.drawn.layout, ratio = neuroActors.stage.ratio, canvas = document.getElementById('above');
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        const place = (x, y) => 4 * (Math.round(y * ratio) * canvas.width + Math.round(x * ratio));
        const at = (x, y) => [...pixels.subarray(place(x, y), place(x, y) + 4)];
        return l.drawn.map((k) => ({fill: at(l.x[k] - l.r[k] * 0.5, l.y[k] + l.r[k] * 0.6), ring: at(l.x[k] + l.r[k] + 6, l.y[k])}));
    }""")
    for k, name in enumerate(log.network.ids):
        (red, _, blue, _), value = colours[k]["fill"], step.activations[k, 0]
        assert np.sign(blue - red) == np.sign(value) or value == 0, name
    (red, _, blue, opaque) = colours[log.network.position["cat"]]["ring"]
    assert opaque > 0
    assert np.sign(blue - red) == np.sign(step.blame[0, 0])


@pytest.mark.parametrize("size", [(1600, 900), (390, 844)])
@pytest.mark.parametrize(
    "name", ["family", "picture", "population", "hostile", "machines", "spread"]
)
def test_every_moment_can_be_drawn_at_every_size(
    look: Look, name: str, size: tuple[int, int]
) -> None:
    page = look(name, *size)
    drawn_moments = page.evaluate("""() => {
        const app = neuroActors, n = app.run.network;
        let count = 0;
        for (const shape of ["auto", "nodes", "population"])
            for (const chosen of [null, {kind: "neuron", k: n.n - 1}, {kind: "neuron", k: 0}, {kind: "synapse", k: 0}, {kind: "loss"}])
                for (const step of [0, app.run.steps.length - 1]) {
                    Object.assign(app.state, {shape, chosen, step, why: count % 2 === 0, example: count % 3 - 1});
                    for (let t = 0; t <= app.waves().count; t += 0.5) {
                        app.state.t = t;
                        app.draw();
                        count += 1;
                    }
                }
        return count;
    }""")
    assert drawn_moments > 100
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
