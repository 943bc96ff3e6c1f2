"""na.show: the same page in a notebook."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.viewer.notebook import MOST_STATIC, SCRIPT, static_frame
from neuro_actors.viewer.page import render_page as html
from neuro_actors.viewer.page_data import collect_page_data


def test_without_anywidget_it_says_what_to_install(
    logs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(
        na.NeuroActorsError,
        match=r"^na.show needs anywidget: pip install 'neuro-actors\[notebook\]'$",
    ):
        na.show(logs["family"])


def test_the_widget_holds_the_page(logs: dict[str, Path]) -> None:
    need("anywidget")
    log = na.open_log(logs["family"])
    for shown in (na.show(log, height=500), na.show(str(logs["family"]), height=500)):
        assert shown.page == html(collect_page_data(log))
        assert shown.height == 500


def test_a_front_end_without_widgets_shows_the_same_page_in_a_frame(logs: dict[str, Path]) -> None:
    need("anywidget")
    shown = na.show(logs["hostile"], height=500)
    data, _ = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data  # of widgets, where there are some
    (frame,) = re.findall(r"<iframe [^<>]*></iframe>", data["text/html"])
    assert data["text/html"] == frame  # no name, and no script of the page, is outside of it
    attributes = dict(re.findall(r'(\w+)="([^"]*)"', frame))
    assert unescape(attributes["srcdoc"]) == shown.page
    assert attributes["sandbox"] == "allow-scripts"
    assert "height: 500px" in attributes["style"]
    assert repr(shown) == data["text/plain"] == "<na.show: hostile.arrows>"


def test_a_page_that_is_too_large_is_not_saved_with_the_notebook() -> None:
    assert "iframe" in static_frame("x" * MOST_STATIC, 500)
    text = static_frame("x" * (MOST_STATIC + 1), 500)
    assert text.startswith("<p>This page has 3 MB")
    assert len(text) < 200


def test_the_static_frame_shows_the_page(browser: Any, pages: dict[str, Path]) -> None:
    page = browser.new_page()
    page.set_content(static_frame(pages["family"].read_text("utf-8"), 640))
    frame = page.frame_locator("iframe")
    frame.get_by_role("heading", name="How to read this").wait_for()
    page.close()


def test_its_frame_shows_the_page_and_keeps_to_itself(
    browser: Any, pages: dict[str, Path], tmp_path: Path
) -> None:
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("about:blank")
    page.evaluate(
        """async ([script, text]) => {
            const widget = (await import("data:text/javascript," + encodeURIComponent(script))).default;
            const held = {page: text, height: 640};
            widget.render({model: {get: (name) => held[name], on() {}}, el: document.body});
        }""",
        [SCRIPT, pages["family"].read_text()],
    )
    frame = page.frame_locator("iframe")
    frame.get_by_role("heading", name="How to read this").wait_for()
    frame.locator("#find").select_option(label="eyes")
    frame.get_by_role("heading", name="eyes").wait_for()
    assert page.locator("iframe").bounding_box()["height"] in (640, 642)
    assert page.locator("iframe").get_attribute("sandbox") == "allow-scripts"
    assert complaints == []
    context.close()


@pytest.mark.notebook
@pytest.mark.timeout(120)
def test_in_jupyterlab(browser: Any, logs: dict[str, Path], tmp_path: Path) -> None:
    code = f"import neuro_actors as na\nna.show({str(logs['family'])!r}, height=560)"
    cell = {
        "cell_type": "code",
        "id": "a",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": code,
    }
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "x.ipynb").write_text(json.dumps(notebook))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    private = {
        name: str(tmp_path / name)
        for name in (
            "HOME",
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR",
            "IPYTHONDIR",
        )
    }
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        "--IdentityProvider.token=T",
        f"--ServerApp.root_dir={tmp_path}",
    ]
    with (
        (tmp_path / "lab.txt").open("wb") as output,
        subprocess.Popen(
            command, cwd=tmp_path, env=os.environ | private, stdout=output, stderr=output
        ) as lab,
    ):
        try:
            for _ in range(600):
                with socket.socket() as tried:
                    if tried.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.2)
            context = browser.new_context(viewport={"width": 1300, "height": 900})
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{port}/lab/tree/x.ipynb?token=T&reset")
            page.get_by_text("| Idle").wait_for(timeout=120_000)
            page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
            frame = page.frame_locator(".jp-OutputArea iframe")
            for _ in range(8):
                page.keyboard.press("Control+Enter")
                try:
                    frame.get_by_role("heading", name="How to read this").wait_for(timeout=5000)
                    break
                except Exception:
                    continue
            frame.locator("#find").select_option(label="eyes")
            frame.get_by_role("heading", name="eyes").wait_for(timeout=60_000)
            context.close()
        finally:
            lab.terminate()
