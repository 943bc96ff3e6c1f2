"""Real logs, the pages made of them, and a browser to look at these with."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.in_process_cluster import InProcess
from helpers.record import record
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.proof.random_cases import draw_case
from neuro_actors.viewer.page import render_page as html
from neuro_actors.viewer.page_data import collect_page_data

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
STORM = na.Unreliable(
    faults=[
        na.faults.Lose("eyes", "face", step=1),
        na.faults.Lose("eyes", "face", nth=2, step=1),
        na.faults.Lose("face", "cat", step=1, kind="urgency"),
        na.faults.Lose("environment", "tail", step=2),
        na.faults.Lose("cat", "loss", step=2),
        na.faults.Lose("cat", "loss", step=2, kind="urgency"),
        na.faults.Kill("body", "before fire", step=1),
        na.faults.Kill("body", "between urgencies", step=1),
        na.faults.Kill("loss", "before commit", step=2),
    ]
)
HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "שלום",
    "</script><!--",
    "a" * 128,
    "{{x}}&amp;",
]


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """family: skips a level, has a dead neuron; train, gradient to the inputs, predict. picture, thousand, hostile. storm: family, of which messages are
    lost and two die. machines: family on 2 replicas x 2 shards. spread: a wild network on 3 shards."""
    folder = tmp_path_factory.mktemp("logs")
    rng = np.random.default_rng(0)
    neurons = [
        na.Input("fur"),
        na.Input("tail"),
        na.Neuron("eyes", "tanh", 0.1),
        na.Neuron("ears", "relu", -9.0),
    ]
    neurons += [na.Neuron("face"), na.Neuron("body"), na.Neuron("cat", "sigmoid", 0.2)]
    ends = [
        "fur eyes .5",
        "tail eyes 1",
        "fur ears .4",
        "tail ears -.7",
        "eyes face 1.5",
        "eyes body -.5",
        "ears body .8",
    ]
    ends += ["face cat .75", "body cat -.6", "ears cat .5"]
    synapses = [na.Synapse(a, b, float(w)) for a, b, w in map(str.split, ends)]
    x, t = [[1.0, 0.1], [0.2, 0.9], [-1.0, 0.5]], [[1.0], [0.0], [1.0]]

    async def family(s: na.Simulation) -> None:
        for _ in range(5):
            await s.train_step(x, t, loss="cross_entropy", optimizer=na.SGD(0.5))
        await s.gradient(x, t, loss="squared_error", wrt_inputs=True)
        await s.predict(x)

    smooth = np.cumsum(np.cumsum(rng.normal(size=(4, 6, 6)), axis=1), axis=2).reshape(4, 36)

    async def picture(s: na.Simulation) -> None:
        for _ in range(4):
            await s.train_step(
                smooth, np.eye(5)[:4], loss="softmax_cross_entropy", optimizer=na.Adam(0.01)
            )

    sources = np.concatenate(
        [
            np.tile(np.arange(100), 80),
            np.tile(np.arange(100, 180), 90),
            np.repeat(np.arange(180, 270), 10),
        ]
    )
    targets = np.concatenate(
        [
            np.repeat(np.arange(100, 180), 100),
            np.repeat(np.arange(180, 270), 80),
            np.tile(np.arange(270, 280), 90),
        ]
    )

    async def thousand(s: na.Simulation) -> None:
        for _ in range(3):
            await s.train_step(
                rng.normal(size=(2, 100)),
                np.eye(10)[:2],
                loss="softmax_cross_entropy",
                optimizer=na.SGD(0.05),
            )

    async def once(s: na.Simulation) -> None:
        await s.train_step([[1.0, 2.0]], [[0.0]], optimizer=na.SGD(0.1))

    a, b, c, d, e, f = HOSTILE
    bad = na.Network(
        [
            na.Input(a),
            na.Input(c),
            na.Neuron(b),
            na.Neuron(d, "relu", -5),
            na.Neuron(e, "sigmoid"),
            na.Neuron(f, "identity"),
        ],
        [
            na.Synapse(a, b, 0.5),
            na.Synapse(c, b, -0.5),
            na.Synapse(a, d, 0.3),
            na.Synapse(b, e, 1),
            na.Synapse(d, e, 1),
            na.Synapse(e, f, 2),
        ],
        [f],
    )
    made = {
        "family": (na.Network(neurons, synapses, ["cat"]), family),
        "picture": (na.Network.layered([36, 8, 5], seed=0), picture),
        "population": (
            na.Network.from_arrays(sources, targets, activations="relu", seed=0),
            thousand,
        ),
        "hostile": (bad, once),
    }
    found = {name: record(folder / f"{name}.arrows", *what) for name, what in made.items()}
    na.train(
        na.Network(neurons, synapses, ["cat"]), x, t, loss="cross_entropy", optimizer=na.SGD(0.5), epochs=3, batch_size=3,
        channels=STORM, log=folder / "storm.arrows",
    )  # fmt: skip
    many = InProcess(
        replicas=2,
        partition=na.Partition(na.Network(neurons, synapses, ["cat"]), [0, 0, 0, 1, 1, 0, 1]),
    )
    how = {"engine": many, "micro_batches": 3}
    found["machines"] = record(
        folder / "machines.arrows", na.Network(neurons, synapses, ["cat"]), family, **how
    )
    wild = draw_case(5)

    async def three(s: na.Simulation) -> None:
        for _ in range(3):
            await s.train_step(wild.x, wild.targets, wild.loss, optimizer=na.SGD(0.01))

    found["spread"] = record(
        folder / "spread.arrows", wild.network, three, engine=InProcess(shards=3)
    )
    return found | {"storm": folder / "storm.arrows"}


@pytest.fixture(scope="session")
def pages(logs: dict[str, Path]) -> dict[str, Path]:
    """The page of each log."""
    for path in logs.values():
        path.with_suffix(".html").write_bytes(html(collect_page_data(na.open_log(path))).encode())
    return {name: path.with_suffix(".html") for name, path in logs.items()}


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = need("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with playwright.sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def look(browser: Any, pages: dict[str, Path]) -> Iterator[Callable[..., Any]]:
    """look("family") opens that page. Afterwards: no error was logged, and no request left."""
    complaints: list[str] = []
    with contextlib.ExitStack() as stack:

        def opened(
            name: str, width: int = 1600, height: int = 900, path: Path | None = None, **how: Any
        ) -> Any:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                locale=how.pop("locale", "en-GB"),
                **how,
            )
            stack.callback(context.close)
            page = context.new_page()
            page.on(
                "console",
                lambda message: (
                    complaints.append(message.text)
                    if message.type in ("error", "warning")
                    else None
                ),
            )
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "request",
                lambda request: (
                    complaints.append(request.url) if not request.url.startswith("file:") else None
                ),
            )
            page.goto((path or pages[name]).as_uri())
            page.wait_for_selector("html[data-started]")
            return page

        yield opened
    assert complaints == []
