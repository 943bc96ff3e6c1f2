"""Nobody is kept out: axe-core finds no serious fault, in either theme, on any size, whatever is chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import page_networks

import neuro_actors as na
from neuro_actors.viewer.page import render_page
from neuro_actors.viewer.page_data import collect_page_data

AXE = Path(__file__).parent / "axe" / "axe.min.js"
SIZES = {"projector": (1600, 900), "laptop": (1024, 768), "phone": (390, 844)}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "size"),
    [
        *(("family", size) for size in SIZES),
        ("picture", "laptop"),
        ("storm", "laptop"),
        ("machines", "laptop"),
        ("machines", "phone"),
    ],
)
def test_no_serious_fault(look: Callable[..., Any], name: str, size: str, theme: str) -> None:
    width, height = SIZES[size]
    # axe brings a script of its own, which the page's policy would refuse
    page = look(name, width, height, color_scheme=theme, reduced_motion="reduce", bypass_csp=True)
    check_page(page)


@pytest.mark.parametrize(("name", "theme"), [("recurrent pictures", "dark"), ("gated", "light")])
def test_no_serious_fault_in_networks_that_are_not_plain(
    look: Callable[..., Any], tmp_path: Path, name: str, theme: str
) -> None:
    path = tmp_path / "run.html"
    log = na.open_log(page_networks.record(tmp_path / "run.arrows", name))
    path.write_text(render_page(collect_page_data(log)), "utf-8")
    page = look(
        "", 1024, 768, path=path, color_scheme=theme, reduced_motion="reduce", bypass_csp=True
    )
    last = "neuroActors.goStep(neuroActors.run.steps.length - 1); neuroActors.goTime(1e9)"
    page.evaluate(last)
    check_page(page)


def check_page(page: Any) -> None:
    page.add_script_tag(content=AXE.read_text())
    for act in (
        "choose(null)",
        "choose({kind: 'neuron', k: 1})",
        "choose({kind: 'neuron', k: neuroActors.run.network.n - 2})",
        "choose({kind: 'synapse', k: 0})",
        "choose({kind: 'loss'})",
        "set({why: true, chosen: {kind: 'neuron', k: neuroActors.run.network.n - 1}})",
    ):
        page.evaluate(f"neuroActors.{act}; neuroActors.draw()")
        if act.startswith("set"):
            page.locator("#settings summary").click()
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        faults = [
            (
                fault["id"],
                fault["impact"],
                fault["nodes"][0]["html"][:120],
                fault["nodes"][0]["failureSummary"],
            )
            for fault in found["violations"]
        ]
        assert [fault for fault in faults if fault[1] in ("serious", "critical")] == []
        assert faults == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_small_print(look: Callable[..., Any], theme: str) -> None:
    page = look("family", color_scheme=theme)
    page.evaluate("neuroActors.choose({kind: 'neuron', k: 2}); neuroActors.draw()")
    smallest = page.evaluate("""Math.min(...[...document.querySelectorAll('body *')]
        .filter((node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()) && node.checkVisibility() && !['SCRIPT', 'OPTION', 'STYLE'].includes(node.tagName))
        .map((node) => parseFloat(getComputedStyle(node).fontSize)))""")
    assert smallest >= 12


def test_everything_is_reached_by_tab(look: Callable[..., Any]) -> None:
    page = look("family")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.id || document.activeElement.tagName.toLowerCase()"
            )
        )
    assert {
        "example",
        "find",
        "summary",
        "above",
        "previousStep",
        "previousWave",
        "play",
        "nextWave",
        "nextStep",
        "pace",
        "speed",
        "steps",
        "waves",
        "panel",
    } <= reached
