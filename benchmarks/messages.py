"""How fast do messages go? A training step of the society beside the same step by numpy matrices, and beside bare trio
channels that carry as many objects and do nothing with them. All in alternation in one process; medians of thread CPU time.

    python benchmarks/messages.py [--rounds 15]
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import trio

import neuro_actors as na

CASES = [([64, 32, 10], 1), ([64, 32, 10], 32), ([64, 32, 10], 256), ([784, 30, 10], 1), ([784, 30, 10], 32)]


def by_matrices(weights, biases, x, t) -> None:
    """One step of tanh layers with an identity output, squared error, plain descent; two layers."""
    (w1, w2), (b1, b2) = weights, biases
    hidden = np.tanh(x @ w1.T + b1)
    d2 = 2 * (hidden @ w2.T + b2 - t) / len(x)
    d1 = (d2 @ w2) * (1 - hidden * hidden)
    w2 -= 0.001 * (d2.T @ hidden)
    b2 -= 0.001 * d2.sum(axis=0)
    w1 -= 0.001 * (d1.T @ x)
    b1 -= 0.001 * d1.sum(axis=0)


def bare(count: int) -> None:
    """`count` objects through a memory channel, sent and received without waiting."""
    send, receive = trio.open_memory_channel(count)
    with send, receive:
        for k in range(count):
            send.send_nowait(k)
        for _ in range(count):
            receive.receive_nowait()


def timed(work, repeat: int) -> float:
    start = time.thread_time()
    for _ in range(repeat):
        work()
    return (time.thread_time() - start) / repeat


async def measure(sizes: list[int], batch: int, rounds: int) -> None:
    rng = np.random.default_rng(0)
    net = na.Network.layered(sizes, seed=0)
    x, t = rng.standard_normal((batch, sizes[0])), rng.standard_normal((batch, sizes[-1]))
    weights, biases = net.to_matrices()
    society, matrices, channels = [], [], []
    async with na.open_simulation(net) as simulation:
        await simulation.train_step(x, t, optimizer=na.SGD(0.001))
        before = simulation.statistics().messages
        await simulation.train_step(x, t, optimizer=na.SGD(0.001))
        messages = simulation.statistics().messages - before
        for _ in range(rounds):
            start = time.thread_time()
            for _ in range(3):
                await simulation.train_step(x, t, optimizer=na.SGD(0.001))
            society.append((time.thread_time() - start) / 3)
            matrices.append(timed(lambda: by_matrices(weights, biases, x, t), 20))
            channels.append(timed(lambda: bare(messages), 1))
    s, m, c = map(statistics.median, (society, matrices, channels))
    name = "-".join(map(str, sizes))
    speeds = f"{messages / s:>12,.0f} {s / m:>9.0f} x {s / c:>9.1f} x {messages / c:>12,.0f}"
    print(f"{name:>12} {batch:>6} {messages:>9,} {s * 1e3:>9.2f} {speeds}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print("     network  batch  messages   ms/step   messages/s   / numpy     / bare     bare objects/s")
    for sizes, batch in CASES:
        trio.run(measure, sizes, batch, rounds)


if __name__ == "__main__":
    main()
