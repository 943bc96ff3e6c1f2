"""Nobody holds more than is his: a walk over every object that can be reached from a neuron's task."""

from __future__ import annotations

import gc
import types

import numpy as np
import pytest
import trio
from helpers.comparing import same_bits

import neuro_actors as na
from neuro_actors.channels.bundled.bundled_channels import Bundled
from neuro_actors.channels.bundled.countdown import Countdown, Shutdown
from neuro_actors.channels.interface import Channels
from neuro_actors.neuron.kernel_rule import FASTEST_RULE
from neuro_actors.proof.random_cases import draw_case
from neuro_actors.simulation.simulation import Simulation
from neuro_actors.society.failures import FailureCollector

# Where a member ends. A mailbox's ends: one can put mail into the one and take it out of the other, and no more. A countdown: it
# can be decreased. A shutdown: it says whether more will come. A collector: a failure can be reported to it. Its own task, which
# trio gives to each caller.
BORDERS = (
    trio.MemorySendChannel,
    trio.MemoryReceiveChannel,
    Countdown,
    Shutdown,
    FailureCollector,
    trio.lowlevel.Task,
)
# Code is everybody's, and leads everywhere.
COMMON = (
    type,
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.CodeType,
    na.Activation,
)


def is_view_of_rows(array: np.ndarray) -> bool:
    """A view of a few of many rows: what it does not show is not its holder's (numpy lets one look behind it)."""
    return (
        isinstance(array.base, np.ndarray)
        and array.base.base is None
        and array.base.flags.owndata
        and array.size < array.base.size
    )


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
            if (
                isinstance(thing, np.ndarray)
                and thing.base is not None
                and not is_view_of_rows(thing)
            ):
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


async def test_a_neuron_holds_its_own_and_its_neighbours_mailboxes_alone(channels: str) -> None:
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
            assert not [
                thing
                for thing in things
                if isinstance(thing, (na.Network, Simulation, na.Synapse, na.Neuron))
            ]
            assert not [thing for thing in things if isinstance(thing, trio.Nursery)]
            assert {thing for thing in things if isinstance(thing, trio.lowlevel.Task)} <= {
                tasks[name]
            }
            assert not [
                thing for thing in things if hasattr(thing, "statistics") and hasattr(thing, "port")
            ], Channels
            parameters = np.append(current.weights[net.incoming.of(k)], current.biases[k])
            others = set(np.round(current.weights, 12)) - set(np.round(parameters, 12))
            arrays = [
                thing
                for thing in things
                if isinstance(thing, np.ndarray) and thing.dtype == np.float64
            ]
            for array in arrays:
                assert not others & set(np.round(array.ravel(), 12)), (
                    f"{name} holds another's weight"
                )
            if not net.is_input[k]:
                assert any(np.array_equal(array, parameters) for array in arrays)
            neighbours = {net.ids[s] for s in net.sources[net.incoming.of(k)]} | {
                net.ids[s] for s in net.targets[net.outgoing.of(k)]
            }
            strings = {thing for thing in things if isinstance(thing, str) and thing in net.ids}
            assert strings <= neighbours | {name}
            if channels == "bundled":
                continue
            is_output = name in net.outputs
            boxes = [thing for thing in things if isinstance(thing, trio.MemorySendChannel)]
            assert (
                len(boxes) == len(neighbours) + is_output + 1
            )  # the loss for outputs; the environment for all
            assert (
                len([thing for thing in things if isinstance(thing, trio.MemoryReceiveChannel)])
                == 1
            )


def whole(array: np.ndarray) -> np.ndarray:
    return array if array.base is None else array.base


@pytest.mark.parametrize("seed", [3, 8, 12])
async def test_views_show_what_a_neuron_hears_and_says_and_nothing_wider(seed: int) -> None:
    """Each number of all arrays is marked; a neuron sees the marks of its own synapses alone, each in its place."""
    case = draw_case(seed)
    net = case.network
    office = Bundled(net)
    async with na.open_simulation(net, lambda *_: office) as simulation:
        for wrt_inputs in (False, True):
            await simulation.gradient(case.x, case.targets, case.loss, wrt_inputs=wrt_inputs)
            row, listens = office._forward.row, net.is_input & (not wrt_inputs)
            activations, urgencies = office._forward.values, office._backward.values
            everything = [activations, urgencies, office.commits, office.input_urgencies]
            tasks = tasks_of(net.ids)
            ports = [office.port(k) for k in range(len(net.ids))]
            written: set[int] = set()
            for k, (name, port) in enumerate(zip(net.ids, ports, strict=True)):
                arrays = [
                    t
                    for t in reachable(*held(tasks[name]))
                    if isinstance(t, np.ndarray) and t.base is not None
                ]
                views = [
                    port.activations_in,
                    port.activation_out,
                    port.urgencies_in,
                    port.urgencies_out,
                    port.commit_out,
                ]
                for (
                    array
                ) in arrays:  # of the society's arrays it holds these five views, and no other
                    if any(np.may_share_memory(array, big) for big in everything):
                        assert any(array is view for view in views)
                sources, followers = (
                    net.sources[net.incoming.of(k)],
                    net.targets[net.outgoing.of(k)],
                )
                fans = (
                    1 if net.is_input[k] else len(sources) + 1,
                    len(followers) + (name in net.outputs),
                )
                assert len(port.activations_in) == fans[0]
                assert len(port.urgencies_in) == (0 if listens[k] else fans[1])
                assert len(port.urgencies_out) == (
                    1 if net.is_input[k] else np.count_nonzero(~listens[sources])
                )
                assert np.shares_memory(port.activation_out, activations[row[k]])
                if not net.is_input[k]:
                    assert np.array_equal(
                        port.activations_in, [*activations[row[sources]], np.ones(len(case.x))]
                    )
                for view in (
                    port.activation_out,
                    port.urgencies_out,
                    port.commit_out,
                ):  # each number has one writer
                    first, step = view.__array_interface__["data"][0], view.strides
                    grid = (
                        np.add.outer(
                            *(np.arange(n) * s for n, s in zip(view.shape, step, strict=True))
                        )
                        if view.ndim == 2
                        else np.arange(len(view)) * step[0]
                    )
                    numbers = set((first + grid.ravel()).tolist())
                    assert not numbers & written
                    written |= numbers


@pytest.mark.parametrize("seed", [3, 8, 12])
async def test_poison_in_all_other_rows_changes_nothing(seed: int) -> None:
    """Every row that a neuron has no synapse to is not a number while it works; it says the same."""
    case = draw_case(seed)
    net = case.network
    offices, rules = [], {}
    original = FASTEST_RULE.fire, FASTEST_RULE.respond

    def poisoned(work, port, mine: list[np.ndarray]):
        everything = [
            a
            for a in (
                whole(port.activations_in),
                whole(port.activation_out),
                whole(port.urgencies_in),
                whole(port.urgencies_out),
            )
            if a.size
        ]
        copies = [a.copy() for a in everything]
        keep = [view.copy() for view in mine]
        for a in everything:
            if a.flags.writeable:
                a[...] = np.nan
        for view, values in zip(mine, keep, strict=True):
            view[...] = values
        work()
        said = [view.copy() for view in mine]
        for a, values in zip(everything, copies, strict=True):
            a[...] = values
        for view, values in zip(mine, said, strict=True):
            view[...] = values
        rules[port.node] = rules.get(port.node, 0) + 1

    def fire(self, step, activations_in, activation_out):
        port = offices[0].port(net.position[self.id])
        poisoned(
            lambda: original[0](self, step, activations_in, activation_out),
            port,
            [port.activations_in, port.activation_out],
        )

    def respond(self, step, urgencies_in, urgencies_out, commit_out):
        port = offices[0].port(net.position[self.id])
        poisoned(
            lambda: original[1](self, step, urgencies_in, urgencies_out, commit_out),
            port,
            [port.activations_in, port.urgencies_in, port.urgencies_out],
        )

    expected = na.gradient(net, case.x, case.targets, case.loss)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FASTEST_RULE, "fire", fire)
        patch.setattr(FASTEST_RULE, "respond", respond)

        def office(*arguments) -> Bundled:
            offices.append(Bundled(*arguments))
            return offices[0]

        async with na.open_simulation(net, office) as simulation:
            found = await simulation.gradient(case.x, case.targets, case.loss)
    assert set(rules.values()) == {2}
    assert same_bits(found, expected)


def test_the_walk_would_find_a_leak() -> None:
    net = na.Network.layered([2, 1])

    class Leaky:
        __slots__ = ("hidden",)

    leaky = Leaky()
    leaky.hidden = [{"deep": (net,)}]
    assert any(isinstance(thing, na.Network) for thing in reachable(leaky))
    view = net.weights[:]
    assert any(thing is net.weights for thing in reachable(view))
