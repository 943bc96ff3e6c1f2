"""What timing cannot guard: how much work a neuron does in a step. It is counted, and it is the same on every machine."""

from __future__ import annotations

import builtins
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import trio
from helpers.in_python import leave_out_the_kernel

import neuro_actors as na
from neuro_actors.channels.bundled import countdown
from neuro_actors.network import functions
from neuro_actors.neuron.messages import Message

SIZES = [6, 5, 4, 3]
NEURONS, SYNAPSES = sum(SIZES[1:]), sum(a * b for a, b in pairwise(SIZES))
BACKWARD = SYNAPSES - SIZES[0] * SIZES[1]  # inputs are told no urgencies


class Wakes(trio.abc.Instrument):
    def __init__(self) -> None:
        self.count = Counter()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count[task.name] += 1


class Counted(np.ndarray):
    """An array that counts the universal functions that it meets, by its neuron's rule or any other."""

    calls: Counter = Counter()

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **more):
        self.calls[f"{ufunc.__name__}.{method}"] += 1
        plain = [x.view(np.ndarray) if isinstance(x, Counted) else x for x in inputs]
        if out is not None:
            more["out"] = tuple(x.view(np.ndarray) if isinstance(x, Counted) else x for x in out)
        result = getattr(ufunc, method)(*plain, **more)
        return result.view(Counted) if isinstance(result, np.ndarray) else result


async def counted(channels: str, batch: int, work) -> tuple[Counter, int]:
    """Wake-ups by task, and messages, of one gradient step; `work` is entered around it."""
    net = na.Network.layered(SIZES, seed=0)
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((batch, SIZES[0])), rng.standard_normal((batch, SIZES[-1]))
    async with na.open_simulation(net, channels) as simulation:
        await simulation.gradient(x, t)
        before, wakes = simulation.statistics().messages, Wakes()
        trio.lowlevel.add_instrument(wakes)
        with work:
            await simulation.gradient(x, t)
        trio.lowlevel.remove_instrument(wakes)
        return wakes.count, simulation.statistics().messages - before


@pytest.mark.parametrize("batch", [1, 4])
async def test_wakes_and_messages(channels: str, batch: int) -> None:
    wakes, sent = await counted(channels, batch, pytest.MonkeyPatch.context())
    net = na.Network.layered(SIZES)
    assert {wakes[name] for name in net.ids[SIZES[0] :]} == {2}  # one a phase
    assert {wakes[name] for name in net.inputs} == {1 if channels == "memory" else 0}
    assert wakes["loss"] == (1 if channels == "bundled" else wakes["loss"])
    assert sent == SIZES[0] + SYNAPSES + 3 * SIZES[-1] + 1 + SIZES[-1] + BACKWARD + NEURONS


async def test_python_level_messages() -> None:
    """Memory channels make an object a message; bundled channels make one object a step, for all."""
    made: dict[str, list[object]] = {"message": [], "wake-up": []}

    class Patches:
        def __enter__(self):
            self.patch = pytest.MonkeyPatch()
            send_nowait = trio.MemorySendChannel.send_nowait
            wake_up_init = countdown.WakeUp.__init__

            def send(self, value):
                if isinstance(value, Message):
                    made["message"].append(value)
                send_nowait(self, value)

            def init(self, step):
                made["wake-up"].append(self)
                wake_up_init(self, step)

            self.patch.setattr(trio.MemorySendChannel, "send_nowait", send)
            self.patch.setattr(countdown.WakeUp, "__init__", init)

        def __exit__(self, *_):
            self.patch.undo()

    _, sent = await counted("memory", 3, Patches())
    assert len(made["message"]) == len({id(message) for message in made["message"]}) == sent
    assert not made["wake-up"]
    made["message"].clear()
    await counted("bundled", 3, Patches())
    assert not made["message"]
    assert len(made["wake-up"]) == 1


# Calls that a neuron's rule makes of numpy, forward and backward, tanh's own among them. `n` is a new array.
PER_NEURON = {
    1: {
        "forward": ["multiply.__call__", "add.accumulate", "tanh.__call__"],
        "backward": ["add.accumulate", "multiply.__call__", "subtract.__call__", "multiply.__call__", "multiply.__call__", "multiply.__call__"],
    },
    4: {
        "forward": ["tanh.__call__"],  # and einsum
        "backward": ["add.reduce", "multiply.__call__", "subtract.__call__", "multiply.__call__", "multiply.__call__", "divide.__call__"],  # and einsum
    },
}  # fmt: skip


@pytest.mark.parametrize("batch", [1, 4])
async def test_numpy_calls_of_a_neuron(
    channels: str, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A constant number, whatever its fans: counted at the rule, to which both engines hand arrays that count."""
    from neuro_actors.neuron import sums
    from neuro_actors.neuron.local_rule import LocalRule

    leave_out_the_kernel(monkeypatch)

    calls: Counter = Counter()
    monkeypatch.setattr(Counted, "calls", calls)
    einsum = sums._einsum

    def counting_einsum(subscripts, *operands, out=None):
        calls["einsum"] += 1
        plain = [np.asarray(o).view(np.ndarray) for o in operands]
        return einsum(
            subscripts, *plain, **({} if out is None else {"out": out.view(np.ndarray)})
        ).view(Counted)

    monkeypatch.setattr(sums, "_einsum", counting_einsum)
    fire, respond = LocalRule.fire, LocalRule.respond
    monkeypatch.setattr(
        LocalRule,
        "fire",
        lambda self, step, rows, out: fire(self, step, rows.view(Counted), out),
    )
    monkeypatch.setattr(
        LocalRule, "respond", lambda self, step, u, out, commit: respond(self, step, u.view(Counted), out.view(Counted), commit.view(Counted))
    )  # fmt: skip
    monkeypatch.setattr(functions, "ACTIVATIONS", functions.ACTIVATIONS)
    net = na.Network.layered(SIZES, activation="tanh", output_activation="tanh", seed=0)
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((batch, SIZES[0])), rng.standard_normal((batch, SIZES[-1]))
    async with na.open_simulation(net, channels) as simulation:
        await simulation.gradient(x, t)
        calls.clear()
        await simulation.gradient(x, t)
    expected: Counter = Counter()
    for name in PER_NEURON[batch]["forward"] + PER_NEURON[batch]["backward"]:
        expected[name] += NEURONS
    expected["multiply.__call__"] -= SIZES[1]  # who hears inputs alone has nobody to tell urgencies
    if batch > 1:
        expected["einsum"] = 2 * NEURONS
    assert calls == expected


@pytest.mark.parametrize("batch", [1, 4])
async def test_arrays_allocated_by_the_bundled_engine(batch: int) -> None:
    """No step makes an array that grows with the network, but those that it hands to the user."""
    import tracemalloc

    net = na.Network.layered([200, 300, 10], seed=0)
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((batch, 200)), rng.standard_normal((batch, 10))
    async with na.open_simulation(net, "bundled") as simulation:
        gradients = [await simulation.gradient(x, t) for _ in range(2)]
        tracemalloc.start()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        gradients.append(await simulation.gradient(x, t))
        after, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    result = gradients[-1].weights.nbytes + gradients[-1].biases.nbytes
    assert result <= after - before < 1.5 * result
    assert peak - before < 2 * result


def test_each_update_of_adam_is_elementwise_and_of_constant_count() -> None:
    calls: Counter = Counter()
    Counted.calls = calls
    optimizer = na.Adam(0.01)
    counts = []
    for n in (3, 300):
        calls.clear()
        state = tuple(s.view(Counted) for s in optimizer.start(n))
        optimizer.update(np.ones(n).view(Counted), np.ones(n).view(Counted), state, 1)
        counts.append(builtins.sum(calls.values()))
    assert counts[0] == counts[1]


@pytest.mark.skipif(not na.kernel.in_use, reason=f"no kernel: {na.kernel.reason}")
@pytest.mark.parametrize("optimizer", [None, na.SGD(0.1, 0.9)], ids=repr)
async def test_calls_of_a_neuron_with_the_kernel(
    channels: str, optimizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call of the kernel a phase, and none of numpy's functions."""
    from neuro_actors.neuron.kernel_rule import FASTEST_RULE
    from neuro_actors.neuron.local_rule import LocalRule

    calls: Counter = Counter()
    for kind, name in [
        (FASTEST_RULE, "fire"),
        (FASTEST_RULE, "respond"),
        (LocalRule, "conclude"),
        (LocalRule, "learn"),
    ]:
        whole = getattr(kind, name)
        key = f"{kind.__name__}.{name}"
        monkeypatch.setattr(
            kind, name, lambda *a, key=key, whole=whole: calls.update([key]) or whole(*a)
        )
    net = na.Network.layered(SIZES, activation="tanh", output_activation="identity", seed=0)
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((4, SIZES[0])), rng.standard_normal((4, SIZES[-1]))
    async with na.open_simulation(net, channels) as simulation:
        for _ in range(2):  # the first step of an optimizer begins in Python
            calls.clear()
            if optimizer is None:
                await simulation.gradient(x, t)
            else:
                await simulation.train_step(x, t, optimizer=optimizer)
    kind = FASTEST_RULE.__name__
    assert calls == {f"{kind}.fire": NEURONS, f"{kind}.respond": NEURONS}
