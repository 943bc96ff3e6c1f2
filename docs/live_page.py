"""A hook of `mkdocs`: makes `live/xor.html`, the viewer's page of a run of XOR.

The page is made anew with each build, so it is always that of the present viewer.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig

import neuro_actors as na
from neuro_actors.viewer.page import render_page
from neuro_actors.viewer.page_data import collect_page_data

X, TARGETS = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]]


@cache
def page() -> str:
    """Return the page, one HTML file."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "xor.arrows"
        na.train(
            na.Network.layered([2, 3, 2, 1], seed=1),
            X,
            TARGETS,
            loss="sigmoid_cross_entropy",
            optimizer=na.SGD(0.5, momentum=0.9),
            epochs=60,
            log=log,
        )
        return render_page(collect_page_data(na.open_log(log)))


def on_post_build(config: MkDocsConfig) -> None:
    """Write the page beside each language's page `live.html`."""
    for place in Path(config.site_dir).rglob("live.html"):
        goal = place.parent / "live" / "xor.html"
        goal.parent.mkdir(exist_ok=True)
        goal.write_text(page(), encoding="utf-8")
