"""How fast the viewer's page is, with a thousand neurons and twenty thousand synapses.

Prints its size, the time of its start, and that of its redraws, without a graphics card. Needs
Chromium.

pip install -e ".[test]" && python benchmarks/view.py
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

import neuro_actors as na
from neuro_actors.viewer.page import render_page
from neuro_actors.viewer.page_data import collect_page_data

sys.path.insert(0, str(Path(__file__).parent.parent / "docs"))
from view_pictures import thousand

MEDIAN = """const app = neuroActors; const times = [];
    const median = () => times.sort((a, b) => a - b)[times.length >> 1].toFixed(1);"""
TIMED = """const timed = (act) => {
    const start = performance.now();
    act(); neuroActors.draw();
    times.push(performance.now() - start);
};"""
REDRAWS = {
    "within a wave": """for (let k = 0; k < 50; k++)
        timed(() => { app.state.t = 2.2 + k * 0.01; });""",
    "another step": """for (let k = 0; k < app.run.steps.length; k++)
        timed(() => { app.state.step = k; });""",
    "another neuron": """for (let k = 0; k < 30; k++)
        timed(() => { app.state.chosen = {kind: 'neuron', k: 100 + 29 * k}; });""",
}
FRAMES = """() => {
    neuroActors.choose(null); neuroActors.goTime(0); neuroActors.player.play();
    return new Promise((done) => {
        let n = 0; const start = performance.now();
        const count = () => {
            n++;
            if (performance.now() - start < 3000) requestAnimationFrame(count); else done(n / 3);
        };
        count();
    });
}"""

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name, sync_playwright() as engine:
        log = thousand(Path(name))
        began = time.perf_counter()
        html = log.with_suffix(".html")
        html.write_bytes(render_page(collect_page_data(na.open_log(log))).encode())
        sizes = [f"{path.stat().st_size / 1e6:.1f} MB" for path in (html, log)]
        seconds = time.perf_counter() - began
        print(f"page written in {seconds:.2f} s, {sizes[0]}, from a log of {sizes[1]}")
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = engine.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        tab = browser.new_page(viewport={"width": 1600, "height": 900})
        tab.goto(html.as_uri())
        tab.wait_for_selector("html[data-started]")
        loaded = tab.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        started = tab.evaluate("document.documentElement.dataset.started")
        print(f"start: script {started} ms, whole page {loaded:.0f} ms")
        for what, act in REDRAWS.items():
            median = tab.evaluate(f"() => {{ {MEDIAN} {TIMED} {act} return median(); }}")
            print(f"redraw, {what}: {median} ms (median)")
        print(f"playing: {tab.evaluate(FRAMES):.0f} frames per second")
        browser.close()
