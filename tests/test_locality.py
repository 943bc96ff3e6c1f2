"""Nobody holds more than is his: a walk over every object that can be reached from a neuron's task."""

from __future__ import annotations

import gc
import types

import numpy as np
import trio

import neuro_actors as na
from neuro_actors.channels import Channels
from neuro_actors.simulation import Simulation

# A mailbox's ends are where a member ends: one can put mail into the one and take it out of the other, and no more.
BORDERS = (trio.MemorySendChannel, trio.MemoryReceiveChannel)
# Code is everybody's, and leads everywhere.
COMMON = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType, na.Activation)


def reachable(*roots: object) -> list[object]:
    seen: dict[int, object] = {}
    waiting = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, COMMON):
            continue
        seen[id(thing)] = thing
        if not isinstance(thing, BORDERS):
            waiting += gc.get_referents(thing)
            if isinstance(thing, np.ndarray) and thing.base is not None:
                waiting.append(thing.base)
    return list(seen.values())


def tasks_of(names: tuple[str, ...]) -> dict[str, trio.lowlevel.Task]:
    found, waiting = {}, [trio.lowlevel.current_root_task()]
    while waiting:
        task = waiting.pop()
        if task.name in names:
            found[task.name] = task
        waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return found


def held(task: trio.lowlevel.Task) -> tuple[object, ...]:
    """The arguments and variables of the frames of a neuron's own functions."""
    frames, coroutine = [], task.coro
    while coroutine is not None and getattr(coroutine, "cr_frame", None) is not None:
        if "neuro_actors" in coroutine.cr_frame.f_code.co_filename:
            frames.append(coroutine.cr_frame.f_locals)
        coroutine = coroutine.cr_await
    return tuple(value for variables in frames for value in variables.values())


async def test_a_neuron_holds_its_own_and_its_neighbours_letter_boxes_alone(channels: str) -> None:
    net = na.Network.layered([3, 4, 4, 2], seed=1)
    x, t = np.random.default_rng(0).standard_normal((5, 3)), np.zeros((5, 2))
    async with na.open_simulation(net, channels) as simulation:
        await simulation.train_step(x, t, optimizer=na.SGD(0.01, momentum=0.9))
        current = await simulation.network()
        tasks = tasks_of(net.ids)
        assert set(tasks) == set(net.ids), "every neuron is a task"
        for k, name in enumerate(net.ids):
            own = held(tasks[name])
            assert own
            things = reachable(*own)
            assert not [thing for thing in things if isinstance(thing, (na.Network, Simulation, na.Synapse, na.Neuron))]
            assert not [thing for thing in things if isinstance(thing, (trio.lowlevel.Task, trio.Nursery))]
            assert not [thing for thing in things if hasattr(thing, "statistics") and hasattr(thing, "port")], Channels
            parameters = np.append(current.weights[net.incoming.of(k)], current.biases[k])
            others = set(np.round(current.weights, 12)) - set(np.round(parameters, 12))
            arrays = [thing for thing in things if isinstance(thing, np.ndarray) and thing.dtype == np.float64]
            for array in arrays:
                assert not others & set(np.round(array.ravel(), 12)), f"{name} holds another's weight"
            if not net.is_input[k]:
                assert any(np.array_equal(array, parameters) for array in arrays)
            boxes = [thing for thing in things if isinstance(thing, trio.MemorySendChannel)]
            neighbours = {net.ids[s] for s in net.sources[net.incoming.of(k)]} | {net.ids[s] for s in net.targets[net.outgoing.of(k)]}
            is_output = name in net.outputs
            assert len(boxes) == len(neighbours) + is_output + 1  # the loss for outputs; the environment for all
            assert len([thing for thing in things if isinstance(thing, trio.MemoryReceiveChannel)]) == 1
            strings = {thing for thing in things if isinstance(thing, str) and thing in net.ids}
            assert strings <= neighbours | {name}


def test_the_walk_would_find_a_leak() -> None:
    net = na.Network.layered([2, 1])

    class Leaky:
        __slots__ = ("hidden",)

    leaky = Leaky()
    leaky.hidden = [{"deep": (net,)}]
    assert any(isinstance(thing, na.Network) for thing in reachable(leaky))
    view = net.weights[:1]
    assert any(thing is net.weights for thing in reachable(view))
