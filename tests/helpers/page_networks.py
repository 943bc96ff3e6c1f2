"""Logs of networks that are not plain, small enough to look at: `python tests/helpers/page_networks.py FOLDER` writes them and their pages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from helpers import gated_networks

import neuro_actors as na
from neuro_actors.simulation import blocking
from neuro_actors.viewer.page import render_page
from neuro_actors.viewer.page_data import collect_page_data

L = na.layers


def convolution() -> na.Network:
    """Stripes of 6 x 6, by two filters, a maximum of windows, and two classes."""
    h = L.conv2d(L.inputs(1, (6, 6)), 2, 3, "relu", padding=1, name="conv")
    return L.network(L.dense(L.flatten(L.max_pool(h, 3)), 2, name="y"), seed=1)


def gru() -> na.Network:
    return L.network(L.dense(L.gru(L.inputs(1), 2, name="gru"), 1, name="y"), seed=1)


def rnn() -> na.Network:
    return L.network(L.dense(L.rnn(L.inputs(1), 3, name="rnn"), 1, name="y"), seed=1)


def both_ways() -> na.Network:
    """Two layers, one of which hears later ticks: it goes through a sequence twice."""
    x = L.inputs(1)
    h = L.concatenate(L.rnn(x, 2, name="forth"), L.rnn(x, 2, reverse=True, name="back"))
    return L.network(L.dense(h, 1, name="y"), seed=1)


def transformer() -> na.Network:
    block = L.transformer_block(
        L.inputs(4, 5), 2, 6, "gelu", causal=True, dropout=0.1, name="block"
    )
    return L.network(L.dense(block, 2, name="y"), seed=1)


NETWORKS: dict[str, Callable[[], na.Network]] = {
    **gated_networks.NETWORKS,
    **gated_networks.IN_TIME,
    "convolution": convolution,
    "rnn": rnn,
    "gru": gru,
    "both ways": both_ways,
    "transformer": transformer,
}


def record(path: Path, name: str, batch: int = 2, steps: int = 2) -> Path:
    """Write a log: a prediction, a gradient down to the inputs, and some steps of Adam."""
    network = NETWORKS[name]()
    x, targets = gated_networks.examples(network, batch, 5)
    if name == "convolution":
        x = np.zeros((batch, 6, 6, 1))
        x[0::2, ::2], x[1::2, :, ::2] = 1.0, 1.0
        targets = np.eye(2)[np.arange(batch) % 2]

    async def society() -> None:
        async with na.open_simulation(network, log=path) as simulation:
            await simulation.predict(x)
            await simulation.gradient(x, targets, wrt_inputs=True)
            for _ in range(steps):
                await simulation.train_step(x, targets, optimizer=na.Adam(0.05))

    blocking.run(society, "bundled")
    return path


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or NETWORKS:
        path = folder / f"{name.replace(' ', '_')}.arrows"
        path.unlink(missing_ok=True)
        page = render_page(collect_page_data(na.open_log(record(path, name))))
        path.with_suffix(".html").write_text(page)
        print(path.with_suffix(".html"), len(page))


if __name__ == "__main__":
    main()
