"""A run on many machines on the page: whose ground a neuron stands on, where its messages cross, who did a step; and none of
it where all lived in one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.viewer.page_data import collect_page_data

Look = Callable[..., Any]
POINT = """([x, y, which]) => {
    const { stage } = neuroActors;
    const copy = document.createElement("canvas");
    const ctx = copy.getContext("2d", { willReadFrequently: true });
    ctx.drawImage(stage[which], Math.round(x * stage.ratio), Math.round(y * stage.ratio), 1, 1, 0, 0, 1, 1);
    return [...ctx.getImageData(0, 0, 1, 1).data];
}"""


def synapse(log: na.log.log.Log, source: str, target: str) -> int:
    return [(s.source, s.target) for s in log.network.synapses].index((source, target))


def drawn(page: Any, act: str = "") -> None:
    page.evaluate(f"{act}; neuroActors.draw()")


def ground(page: Any, log: na.log.log.Log) -> dict[str, tuple[int, ...]]:
    """The colour under each neuron, well above it: there nothing else is drawn."""
    found = {}
    for k, name in enumerate(log.network.ids):
        x, y, r = page.evaluate(f"(({{x, y, r}}) => [x[{k}], y[{k}], r[{k}]])(neuroActors.layout)")
        found[name] = tuple(page.evaluate(POINT, [x, y - r - 2, "below"]))
    return found


def test_what_is_gathered_is_who_lived_where(logs: dict[str, Path]) -> None:
    log = na.open_log(logs["machines"])
    run = collect_page_data(log)
    assert {key: run["placement"][key] for key in ("replicas", "shards")} == {
        "replicas": 2,
        "shards": 2,
    }
    steps = [(step.get("microBatch"), step["replica"]) for step in run["steps"]]
    assert steps == [((1, 3), 0), ((2, 3), 0), ((3, 3), 1)] * 6 + [(None, 0)]
    assert log.machines is not None
    assert [step["replica"] for step in run["steps"]] == [
        log.machines.replica(info) for info in log.steps
    ]


def test_one_process_leaves_no_trace(logs: dict[str, Path], look: Look) -> None:
    run = collect_page_data(na.open_log(logs["family"]))
    assert run["placement"] is None
    assert not [step for step in run["steps"] if "replica" in step or "microBatch" in step]
    page = look("family")
    drawn(page, "neuroActors.choose(null)")
    assert not page.locator("#stepWorkers").is_visible()
    assert "worker" not in page.locator("body").inner_text()
    page.locator("#settings summary").click()
    assert not page.locator("#workers").is_visible()
    page.keyboard.press("m")
    drawn(page)
    assert page.evaluate("neuroActors.state.workers")
    assert set(ground(page, na.open_log(logs["family"])).values()) == {(0, 0, 0, 0)}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_stands_on_its_workers_ground(look: Look, logs: dict[str, Path], theme: str) -> None:
    page, log = look("machines", color_scheme=theme), na.open_log(logs["machines"])
    seen = []
    for step in (0, 2):
        drawn(page, f"neuroActors.goStep({step})")
        found = ground(page, log)
        mine = {
            shard: {
                found[name]
                for name, own in zip(log.network.ids, log.machines.shard, strict=True)
                if own == shard
            }
            for shard in (0, 1)
        }
        assert [len(colours) for colours in mine.values()] == [1, 1]
        seen += [mine[0].pop(), mine[1].pop()]
    assert len(set(seen)) == 4  # on the other replica others do it
    drawn(page, "neuroActors.set({workers: false})")
    assert set(ground(page, log).values()) == {(0, 0, 0, 0)}


def test_a_gate_stands_on_what_crosses_and_on_nothing_else(
    look: Look, logs: dict[str, Path]
) -> None:
    page, log = look("machines"), na.open_log(logs["machines"])
    drawn(page, "neuroActors.goStep(0)")
    shard, network = log.machines.shard, log.network
    crossing = {
        s
        for s in range(len(network.weights))
        if shard[network.sources[s]] != shard[network.targets[s]]
    }
    places = page.evaluate("[...neuroActors.stage.map(neuroActors.drawn).gates]")
    assert {s for s, _ in places} == crossing
    assert 0 < len(crossing) < len(network.weights)
    for _, (x, y) in places:
        assert tuple(page.evaluate(POINT, [x, y, "below"])) == (255, 255, 255, 255)
    drawn(page, "neuroActors.set({workers: false})")
    for _, (x, y) in places:
        assert tuple(page.evaluate(POINT, [x, y, "below"])) != (255, 255, 255, 255)


def test_the_legend_and_the_step_say_who_does_it(look: Look) -> None:
    page = look("machines")
    drawn(page, "neuroActors.goStep(1)")
    assert page.locator("#stepWorkers li").all_inner_texts() == [
        "worker 0 · shard 0",
        "worker 1 · shard 1",
    ]
    assert page.locator("#stepWorkers").get_attribute("aria-label") == "workers of this step"
    assert "micro-batch 2 of 3, on replica 0" in page.locator("#steptext").inner_text()
    drawn(page, "neuroActors.goStep(2)")
    assert page.locator("#stepWorkers li").all_inner_texts() == [
        "worker 2 · shard 0",
        "worker 3 · shard 1",
    ]
    assert page.locator("#steptext").inner_text().endswith("micro-batch 3 of 3, on replica 1")
    assert (
        page.locator("#steps")
        .get_attribute("aria-valuetext")
        .endswith("micro-batch 3 of 3, on replica 1")
    )
    assert page.locator("#stepWorkers .swatch").evaluate_all(
        "nodes => nodes.map((node) => node.className)"
    ) == ["swatch w2", "swatch w3"]
    panel = page.locator("#panel").inner_text()
    assert "worker 3: replica 1, shard 1 (3)" in panel
    assert "synapses cross from one shard to another" in panel
    drawn(page, "neuroActors.goStep(18)")
    assert page.locator("#steptext").inner_text().endswith("prediction · on replica 0")


def test_the_panel_says_where_it_lives_and_what_crosses(look: Look, logs: dict[str, Path]) -> None:
    page, log = look("machines"), na.open_log(logs["machines"])
    page.select_option("#find", label="eyes")
    drawn(page, "neuroActors.goStep(0)")
    assert (
        page.locator("#panel .home").inner_text()
        == "runs on worker 0 (replica 0, shard 0); its other replica runs on worker 2"
    )
    drawn(page, "neuroActors.goStep(2)")
    home = "runs on worker 2 (replica 1, shard 0); its other replica runs on worker 0"
    assert page.locator("#panel .home").inner_text() == home
    assert home in page.locator("#live").inner_text()
    drawn(page, f"neuroActors.choose({{kind: 'synapse', k: {synapse(log, 'eyes', 'face')}}})")
    assert "its messages\nworker 2 ⇄ worker 3" in page.locator("#panel").inner_text()
    drawn(page, f"neuroActors.choose({{kind: 'synapse', k: {synapse(log, 'fur', 'eyes')}}})")
    assert "its messages\nstay on worker 2" in page.locator("#panel").inner_text()


def test_colours_that_fight_can_be_put_away(look: Look) -> None:
    page = look("machines")
    page.locator("#settings summary").click()
    page.select_option("#workers", label="not shown")
    drawn(page)
    assert not page.locator("#stepWorkers").is_visible()
    page.keyboard.press("Escape")
    page.locator("#above").focus()
    page.keyboard.press("m")
    drawn(page)
    assert page.locator("#stepWorkers").is_visible()
    assert page.evaluate("neuroActors.drawn.mapped")


def test_in_french(look: Look) -> None:
    page = look("machines", locale="fr-FR")
    drawn(page, "neuroActors.goStep(2); neuroActors.choose({kind: 'neuron', k: 2})")
    assert page.locator("#stepWorkers li").all_inner_texts() == [
        "processus 2 · fragment 0",
        "processus 3 · fragment 1",
    ]
    assert "micro-lot 3 sur 3, sur la réplique 1" in page.locator("#steptext").inner_text()
    assert (
        page.locator("#panel .home").inner_text()
        == "s’exécute dans le processus 2 (réplique 1, fragment 0)\u202f; son autre réplique s’exécute dans le processus 0"
    )


def contrast(a: list[int], b: list[int]) -> float:
    def bright(colour: list[int]) -> float:
        linear = [
            c / 255 / 12.92 if c / 255 <= 0.03928 else ((c / 255 + 0.055) / 1.055) ** 2.4
            for c in colour
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([bright(a), bright(b)])
    return (high + 0.05) / (low + 0.05)


# what eyes without one of the three cones see of linear red, green, blue (Machado, Oliveira, Fernandes 2009)
SEEN = {
    "all": np.eye(3),
    "no red": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.01182, 0.04294, 0.968881],
        ]
    ),
    "no blue": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.3039],
        ]
    ),
}


def perceived(colour: list[int], eyes: str) -> np.ndarray:
    """In CIE L*a*b*."""
    c = np.array(colour) / 255
    linear = np.clip(
        SEEN[eyes] @ np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4), 0, 1
    )
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ linear
        / [0.9505, 1, 1.089]
    )
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_eyes_can_tell_workers_apart_and_read_text_on_their_ground(
    look: Look, theme: str
) -> None:
    page = look("machines", color_scheme=theme)
    drawn(page)
    colours = page.evaluate("neuroActors.colours")
    tint = page.evaluate(
        "Number(getComputedStyle(document.documentElement).getPropertyValue('--ground'))"
    )
    grounds = [
        [p + (w - p) * tint for p, w in zip(colours["paper"], worker, strict=True)]
        for worker in colours["workers"]
    ]
    for text in ("ink", "muted"):
        assert min(contrast(colours[text], one) for one in grounds) >= 4.5
    for worker in colours["workers"]:  # the text on the plate that names it
        assert max(contrast(worker, colours["ink"]), contrast(worker, colours["paper"])) >= 4.5
    for eyes in SEEN:
        apart = [
            np.linalg.norm(perceived(a, eyes) - perceived(b, eyes))
            for k, a in enumerate(grounds)
            for b in grounds[:k]
        ]
        assert min(apart) > 2.3, eyes  # what is just noticed
