"""Make the pictures of the viewer in this folder: record nine runs and photograph their pages.

Each is made in English and in French: the French page shows `view-storm.fr.png` for
`view-storm.png`.

pip install -e ".[test-all]" && python docs/view_pictures.py [view-storm.png ...]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import trio
from pictures import few_colours
from PIL import Image
from playwright.sync_api import sync_playwright
from sklearn.datasets import load_digits

import neuro_actors as na
from neuro_actors.viewer.page import render_page
from neuro_actors.viewer.page_data import collect_page_data

HERE = Path(__file__).parent


def record(path: Path, network: na.Network, batches, loss: str, optimizer, **how) -> Path:
    async def run() -> None:
        async with na.open_simulation(network, log=path, **how) as simulation:
            for x, targets in batches:
                await simulation.train_step(x, targets, loss=loss, optimizer=optimizer)

    trio.run(run)
    return path


FRENCH = {"fur": "poil", "tail": "queue", "eyes": "yeux", "ears": "oreilles"}
FRENCH |= {"face": "tête", "body": "corps", "cat": "chat"}


def chats(folder: Path) -> Path:
    """Record the same run as `cats`, with French names."""
    return cats(folder, FRENCH)


def cats(folder: Path, names: dict[str, str] | None = None) -> Path:
    """Five neurons; ears is dead; a synapse skips a level."""
    neurons = [
        na.Input("fur"),
        na.Input("tail"),
        na.Neuron("eyes", "tanh", 0.1),
        na.Neuron("ears", "relu", -2.0),
    ]
    neurons += [
        na.Neuron("face", "tanh"),
        na.Neuron("body", "tanh"),
        na.Neuron("cat", "sigmoid", -0.3),
    ]
    ends = [
        "fur eyes .5",
        "tail eyes -1",
        "fur ears .4",
        "tail ears .7",
        "eyes face 1.5",
        "eyes body -.5",
        "ears body .8",
    ]
    ends += ["face cat .75", "body cat -.6", "ears cat .5"]
    names = names or {name: name for name in FRENCH}
    network = na.Network(
        [replace(neuron, id=names[neuron.id]) for neuron in neurons],
        [na.Synapse(names[a], names[b], float(w)) for a, b, w in map(str.split, ends)],
        [names["cat"]],
    )
    batch = [[1.0, 0.1], [0.2, 0.9], [0.7, 0.4], [0.1, 0.3]], [[1.0], [0.0], [1.0], [0.0]]
    file = folder / f"{names['cat']}s.arrows"
    return record(file, network, [batch] * 60, "cross_entropy", na.SGD(1.0))


def digits(folder: Path) -> Path:
    x, classes = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, len(x), 16) for _ in range(200)]
    batches = [(x[some] / 16, np.eye(10)[classes[some]]) for some in rows]
    network = na.Network.layered([64, 20, 10], activation="relu", seed=2)
    return record(
        folder / "digits.arrows",
        network,
        batches,
        "softmax_cross_entropy",
        na.SGD(0.1, momentum=0.5),
    )


def thousand(folder: Path) -> Path:
    """A thousand neurons, 20,000 synapses, wired at random from level to level."""
    rng = np.random.default_rng(0)
    sizes = [100, 300, 300, 200, 90, 10]
    first = np.cumsum([0, *sizes])
    pairs = set()
    for k in range(1, len(sizes)):
        for neuron in range(first[k], first[k + 1]):
            chosen = rng.choice(sizes[k - 1], min(sizes[k - 1], 22 if k < 5 else 90), replace=False)
            pairs |= {(neuron, int(first[k - 1] + source)) for source in chosen}
        without_follower = set(range(first[k - 1], first[k])) - {source for _, source in pairs}
        pairs |= {(int(first[k] + rng.integers(sizes[k])), source) for source in without_follower}
    targets, sources = zip(*sorted(pairs), strict=True)
    network = na.Network.from_arrays(sources, targets, activations="relu", seed=0)
    batch = rng.normal(size=(8, 100)), np.eye(10)[rng.integers(0, 10, 8)]
    return record(
        folder / "thousand.arrows", network, [batch] * 30, "softmax_cross_entropy", na.SGD(0.05)
    )


def storm(folder: Path) -> Path:
    """Messages are lost, and neurons crash."""
    network = na.Network.layered([3, 4, 3, 1], output_activation="sigmoid", seed=1)
    rng = np.random.default_rng(0)
    batch = rng.normal(size=(8, 3)), rng.integers(0, 2, (8, 1))
    na.train(
        network,
        *batch,
        loss="cross_entropy",
        optimizer=na.SGD(0.5, momentum=0.9),
        epochs=4,
        batch_size=4,
        channels=na.Unreliable(drop=0.25, duplicate=0.1, crash=0.1, seed=3),
        log=folder / "storm.arrows",
    )
    return folder / "storm.arrows"


def machines(folder: Path) -> Path:
    """Two replicas of two shards; a level is cut in two."""
    rng = np.random.default_rng(0)
    network = na.Network.layered([4, 6, 6, 5, 2], output_activation="sigmoid", seed=1)
    batch = rng.normal(size=(8, 4)), rng.integers(0, 2, (8, 2))
    how = {"engine": na.Ray(replicas=2, shards=2), "micro_batches": 4}
    return record(
        folder / "machines.arrows", network, [batch] * 5, "cross_entropy", na.SGD(0.5), **how
    )


def xor(folder: Path) -> Path:
    """Batches of four, and momentum: the mean of the batch is not what each example wants."""
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    network = na.Network.layered([2, 4, 1], output_activation="sigmoid", seed=1)
    na.train(
        network,
        x,
        np.array([[0.0], [1.0], [1.0], [0.0]]),
        loss="cross_entropy",
        optimizer=na.SGD(0.5, momentum=0.9),
        epochs=60,
        batch_size=4,
        log=folder / "xor.arrows",
    )
    return folder / "xor.arrows"


def convolution(folder: Path) -> Path:
    """Three shapes of 8 x 8, by three filters."""
    y, x = np.mgrid[:8, :8]
    disc = (x - 3.5) ** 2 + (y - 3.5) ** 2 < 7
    shapes = np.stack([disc, np.abs(x - 3.5) < 1.5, np.abs(y - 3.5) < 1.5])[..., None] * 1.0
    h = na.layers.conv2d(
        na.layers.inputs(1, positions=(8, 8)), 3, kernel=3, activation="relu", name="conv"
    )
    h = na.layers.flatten(na.layers.max_pool(h, 2, name="pool"))
    network = na.layers.network(na.layers.dense(h, 3, name="y"), seed=0)
    batches = [(shapes, np.eye(3))] * 12
    file = folder / "convolution.arrows"
    return record(file, network, batches, "softmax_cross_entropy", na.SGD(0.1))


def attention(folder: Path) -> Path:
    """Each of five tokens says which one came before it: it must attend to that one."""
    rng = np.random.default_rng(0)
    words = rng.integers(0, 3, (64, 5))
    x, targets = np.eye(3)[words], np.eye(3)[np.roll(words, 1, axis=1)]
    targets[:, 0] = x[:, 0]
    token = na.layers.inputs(3, positions=5)
    h = na.layers.concatenate(token, na.layers.positions(token, name="place"))
    h = na.layers.dense(h, 4, name="token")
    h = na.layers.attention(h, 1, causal=True, name="look")
    network = na.layers.network(na.layers.dense(h, 3, name="y"), seed=6)
    file = folder / "attention.arrows"
    batches = [(x[k : k + 16], targets[k : k + 16]) for k in (0, 16, 32, 48)] * 8
    return record(file, network, batches, "softmax_cross_entropy", na.Adam(0.05))


def memory(folder: Path) -> Path:
    """A gated unit says at each tick what it heard two ticks before."""
    rng = np.random.default_rng(0)
    x = rng.choice([-1.0, 1.0], (8, 8, 1))
    targets = np.concatenate([np.zeros((8, 2, 1)), x[:, :-2]], axis=1)
    h = na.layers.gru(na.layers.inputs(1), 3, name="gru")
    network = na.layers.network(na.layers.dense(h, 1, name="y"), seed=1)
    file = folder / "memory.arrows"
    return record(file, network, [(x, targets)] * 60, "squared_error", na.Adam(0.03))


PICTURES = {
    "view-learning.png": (
        xor,
        "light",
        "neuroActors.goStep(6); neuroActors.choose({kind: 'synapse', k: 0}); "
        "neuroActors.goTime(neuroActors.waves().learn + 0.85)",
    ),
    "view-messages.png": (
        cats,
        "light",
        "neuroActors.goStep(4); neuroActors.choose({kind: 'neuron', k: 2}); "
        "neuroActors.goTime(7.5)",
    ),
    "view-picture.png": (
        digits,
        "dark",
        "neuroActors.goStep(150); neuroActors.choose({kind: 'neuron', k: 70}); "
        "neuroActors.set({example: neuroActors.run.steps[150].inputs[5]}); "
        "neuroActors.goTime(1e9)",
    ),
    "view-population.png": (
        thousand,
        "light",
        "neuroActors.choose({kind: 'neuron', k: 500}); neuroActors.goTime(11.5)",
    ),
    "view-maps.png": (
        convolution,
        "light",
        "neuroActors.goStep(11); const k = neuroActors.run.network.ids.indexOf('conv.1'); "
        "neuroActors.choose({kind: 'neuron', k}); neuroActors.choosePosition(k, 8); "
        "neuroActors.goTime(1e9)",
    ),
    "view-attention.png": (
        attention,
        "dark",
        "neuroActors.goStep(1e9); const { ids } = neuroActors.run.network; "
        "const k = ids.indexOf('look.head0.weight'); "
        "neuroActors.choose({kind: 'neuron', k}); neuroActors.choosePosition(k, 8); "
        "neuroActors.goTime(1e9)",
    ),
    "view-time.png": (
        memory,
        "light",
        "neuroActors.goStep(neuroActors.run.steps.length - 5); neuroActors.choose({kind: 'neuron', "
        "k: neuroActors.run.network.ids.indexOf('gru.new0')}); neuroActors.goTime(1e9)",
    ),
    "view-storm.png": (storm, "light", "neuroActors.goStep(1); neuroActors.goTime(2.7)"),
    "view-machines.png": (
        machines,
        "light",
        "neuroActors.goStep(2); neuroActors.choose({kind: 'neuron', k: 17}); "
        "neuroActors.goTime(4.45)",
    ),
}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name, sync_playwright() as engine:
        folder = Path(name)
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = engine.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        for picture in sys.argv[1:] or PICTURES:
            make, theme, act = PICTURES[picture]
            log = make(folder)
            french = chats(folder) if make is cats else log
            for locale, goal, path in (
                ("en-GB", picture, log),
                ("fr-FR", picture.replace(".", ".fr."), french),
            ):
                html = path.with_suffix(".html")
                html.write_bytes(render_page(collect_page_data(na.open_log(path))).encode())
                tab = browser.new_page(
                    viewport={"width": 1600, "height": 900}, color_scheme=theme, locale=locale
                )
                tab.goto(html.as_uri())
                tab.wait_for_selector("html[data-started]")
                tab.evaluate(act)
                tab.wait_for_timeout(300)
                tab.screenshot(path=folder / goal)
                tab.close()
                with Image.open(folder / goal) as shot:
                    few_colours(shot).save(HERE / goal, optimize=True)
                print(f"{goal}: {(HERE / goal).stat().st_size / 1000:.0f} kB")
        browser.close()
