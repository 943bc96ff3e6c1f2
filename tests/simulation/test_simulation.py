from __future__ import annotations

import gc
import math
import signal

import numpy as np
import pytest
import trio
import trio.testing
from helpers.comparing import same_bits

import neuro_actors as na
from neuro_actors.channels.memory import Memory
from neuro_actors.network import functions
from neuro_actors.neuron.local_rule import LocalRule
from neuro_actors.proof.random_cases import draw_case
from neuro_actors.simulation.plan import batches


def tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


# --- what it gives -----------------------------------------------------------------------------------------------


async def test_shapes_signs_and_types(channels: str, diamond, batch) -> None:
    x, t = batch
    async with na.open_simulation(diamond, channels=channels) as simulation:
        predictions = await simulation.predict(x)
        gradient = await simulation.gradient(x, t)
        with_inputs = await simulation.gradient(x.tolist(), t.tolist(), wrt_inputs=True)
        result = await simulation.train_step(x, t, optimizer=na.SGD(0.01))
        after = await simulation.gradient(x, t)
    assert predictions.shape == (7, 2)
    assert predictions.dtype == np.float64
    assert isinstance(gradient.loss, float)
    assert (gradient.weights.shape, gradient.biases.shape, gradient.inputs) == ((5,), (4,), None)
    assert gradient.biases[0] == 0
    assert with_inputs.inputs.shape == (7, 1)
    assert np.array_equal(gradient.weights, with_inputs.weights)
    assert np.array_equal(gradient.predictions, predictions)
    assert (result.step, result.loss) == (4, gradient.loss)
    assert after.loss < gradient.loss  # it went downhill
    for array in (predictions, gradient.weights, gradient.biases, with_inputs.inputs):
        assert not array.flags.writeable
    assert repr(gradient).startswith("<Gradient: loss ")
    assert repr(result).startswith("<StepResult: step 4, loss ")


async def test_worked_by_hand(channels: str) -> None:
    net = na.Network([na.Input("x"), na.Neuron("y", bias=0.5)], [na.Synapse("x", "y", 2.0)], ["y"])
    async with na.open_simulation(net, channels) as simulation:
        gradient = await simulation.gradient([[1.0], [3.0]], [[2.0], [7.0]], wrt_inputs=True)
        # predictions 2.5 and 6.5, differences +½ and -½, losses ¼ each; ∂/∂a = ±1
        assert (gradient.loss, gradient.predictions.tolist()) == (0.25, [[2.5], [6.5]])
        assert (gradient.weights.tolist(), gradient.biases.tolist()) == ([-1.0], [0.0, 0.0])
        assert gradient.inputs.tolist() == [[1.0], [-1.0]]
        await simulation.train_step([[1.0], [3.0]], [[2.0], [7.0]], optimizer=na.SGD(0.25))
        assert (await simulation.network()).weights.tolist() == [2.25]
    assert net.weights.tolist() == [2.0]


async def test_what_was_learned_outlasts_steps_that_do_not_learn(
    channels: str, diamond, batch
) -> None:
    async with na.open_simulation(diamond, channels) as simulation:
        await simulation.train_step(*batch, optimizer=na.SGD(0.1))
        at_once = await simulation.network()
    async with na.open_simulation(diamond, channels) as simulation:
        await simulation.train_step(*batch, optimizer=na.SGD(0.1))
        await simulation.gradient(*batch)
        await simulation.predict(batch[0])
        assert await simulation.network() == at_once != diamond


async def test_an_input_may_be_an_output_and_an_output_may_feed_others(channels: str) -> None:
    net = na.Network([na.Input("x"), na.Neuron("y")], [na.Synapse("x", "y", 3.0)], ["x", "y"])
    async with na.open_simulation(net, channels) as simulation:
        gradient = await simulation.gradient([[2.0]], [[1.0, 5.0]], wrt_inputs=True)
        assert gradient.predictions.tolist() == [[2.0, 6.0]]
        assert gradient.weights.tolist() == [2 * 1.0 * 2.0]
        assert gradient.inputs.tolist() == [[2 * 1.0 + 2 * 1.0 * 3.0]]
        assert (await simulation.gradient([[2.0]], [[1.0, 5.0]])).inputs is None


async def test_an_example_is_predicted_alike_in_any_batch(channels: str) -> None:
    net = na.Network.layered([9, 12, 3], seed=2)
    x = np.random.default_rng(0).standard_normal((40, 9))
    async with na.open_simulation(net, channels) as simulation:
        whole = await simulation.predict(x)
        for size in (1, 2, 7):
            for start in range(0, 40, size):
                assert np.array_equal(
                    await simulation.predict(x[start : start + size]), whole[start : start + size]
                )


async def test_the_mean_of_the_examples_gradients_is_the_batchs(
    channels: str, diamond, batch
) -> None:
    x, t = batch
    async with na.open_simulation(diamond, channels) as simulation:
        whole = await simulation.gradient(x, t)
        parts = [await simulation.gradient(x[k : k + 1], t[k : k + 1]) for k in range(len(x))]
    limit = na.reference.bound(diamond, x, t)
    for name in ("weights", "biases", "loss"):
        mean = np.mean([getattr(part, name) for part in parts], axis=0)
        assert (np.abs(mean - getattr(whole, name)) <= getattr(limit, name)).all()


# --- one step after another --------------------------------------------------------------------------------------


async def test_steps_asked_for_at_once_go_one_after_another(channels: str, diamond, batch) -> None:
    x, t = batch
    numbers = []
    async with na.open_simulation(diamond, channels) as simulation:

        async def learn() -> None:
            numbers.append((await simulation.train_step(x, t, optimizer=na.SGD(0.01))).step)

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(learn)
        together = await simulation.network()
    async with na.open_simulation(diamond, channels) as simulation:
        for _ in range(5):
            await simulation.train_step(x, t, optimizer=na.SGD(0.01))
        assert await simulation.network() == together
    assert sorted(numbers) == [1, 2, 3, 4, 5]


async def test_simulations_side_by_side(channels: str, batch) -> None:
    nets = [na.Network.layered([1, 4 + k, 2], seed=k) for k in range(4)]
    alone = [
        na.train(net, *batch, optimizer=na.SGD(0.05), epochs=3, batch_size=3).network
        for net in nets
    ]
    ends: dict[int, na.Network] = {}

    async def train(k: int) -> None:
        async with na.open_simulation(nets[k], channels) as simulation:
            for epoch in (1, 2, 3):
                for chosen in batches(7, 3, 0, epoch):
                    await simulation.train_step(
                        batch[0][chosen], batch[1][chosen], optimizer=na.SGD(0.05)
                    )
            ends[k] = await simulation.network()

    async with trio.open_nursery() as nursery:
        for k in range(4):
            nursery.start_soon(train, k)
    assert [ends[k].digest() for k in range(4)] == [net.digest() for net in alone]


async def test_batch_sizes_and_kinds_of_step_may_alternate(channels: str, diamond, batch) -> None:
    x, t = batch
    async with na.open_simulation(diamond, channels) as simulation:
        first = await simulation.gradient(x, t)
        for size in (1, 5, 2):
            await simulation.predict(x[:size])
            await simulation.gradient(x[:size], t[:size], loss="huber", wrt_inputs=True)
        assert same_bits(await simulation.gradient(x, t), first)


async def test_nobody_falls_behind_where_predictions_and_gradients_alternate(
    channels: str, diamond, batch
) -> None:
    """trio runs the tasks that are ready in any order: often enough, each member is the last of a step."""
    async with na.open_simulation(diamond, channels) as simulation:
        for _ in range(200):
            await simulation.predict(batch[0])
            await simulation.gradient(*batch)


async def test_no_mailbox_ever_holds_more_than_its_proven_capacity(channels: str) -> None:
    net = draw_case(7).network
    async with na.open_simulation(net, channels) as simulation:
        for _ in range(3):
            await simulation.gradient(
                np.ones((2, len(net.inputs))), np.ones((2, len(net.outputs))), wrt_inputs=True
            )
        statistics = simulation.statistics()
    fans = dict(zip(net.ids, (net.incoming.sizes + net.outgoing.sizes).tolist(), strict=True))
    for name, fan in fans.items():
        peak, capacity = statistics.mailboxes[name]
        assert (
            capacity == fan + (name in net.outputs) + 1
        )  # the environment sends an input its activation, a neuron a direction
        assert peak <= capacity
    assert max(peak for peak, _ in statistics.mailboxes.values()) > 1
    e, n_in, n_out, n = len(net.weights), len(net.inputs), len(net.outputs), len(net.ids)
    # forward: inputs, synapses, outputs to the loss node and the environment; targets, loss; back: outputs, synapses, inputs; commits
    assert statistics.messages == 3 * (
        n_in + e + 2 * n_out + n_out + 1 + n_out + e + n_in + (n - n_in)
    )


# --- what goes wrong ---------------------------------------------------------------------------------------------


async def test_a_failing_neuron_is_one_clear_error(channels: str, failing) -> None:
    before = tasks()
    async with na.open_simulation(failing, channels) as simulation:
        assert (await simulation.predict([[4.0]])).tolist() == [[2.0]]
        with pytest.raises(
            na.SimulationError, match=r"^'h' failed in step 2: ZeroDivisionError: no root$"
        ) as caught:
            await simulation.predict([[-1.0]])
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert tasks() <= before + 2  # the neurons are gone at once
        with pytest.raises(na.SimulationError, match="'h' failed in step 2"):
            await simulation.predict([[4.0]])
        assert await simulation.network() == failing
    assert tasks() == before


@pytest.mark.parametrize(
    ("value", "slope", "match"),
    [
        (
            lambda z: z[:1],
            lambda z, a: z,
            r"'h'.* for its activation in step 1, float64 of shape \(3,\) was expected, got .* \(1,\)",
        ),
        (lambda z: z.astype(int), lambda z, a: z, r"'h'.* got int64 of shape \(3,\)"),
        (
            lambda z: z,
            lambda z, a: z[:, None],
            r"'h'.* for its urgency in step 1, float64 of shape \(3,\) was expected",
        ),
    ],
)
async def test_a_users_function_of_another_shape_is_named(
    channels: str, value, slope, match: str, failing
) -> None:
    functions.ACTIVATIONS["root"] = na.Activation(value, slope)
    async with na.open_simulation(failing, channels) as simulation:
        with pytest.raises(na.SimulationError, match=match):
            await simulation.gradient([[1.0], [2.0], [3.0]], [[0.0]] * 3)


async def test_an_optimizer_that_fails_or_gives_another_shape_is_named(
    channels: str, diamond, batch
) -> None:
    class Cutting(na.SGD):
        def update(self, parameters, urgencies, state, count):
            return parameters[:-1], state

    for optimizer, match in (
        (Cutting(0.1), "for its parameters in step 1"),
        (na.SGD(lambda count: 1 / 0), "ZeroDivisionError"),
    ):
        async with na.open_simulation(diamond, channels) as simulation:
            with pytest.raises(na.SimulationError, match=match):
                await simulation.train_step(*batch, optimizer=optimizer)
            assert await simulation.network() == diamond


async def test_a_failure_that_nobody_waited_for_is_raised_on_leaving(
    channels: str, failing
) -> None:
    with pytest.raises(na.SimulationError, match="'h' failed in step 1"):
        async with na.open_simulation(failing, channels) as simulation:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(simulation.predict, [[-1.0]])
                while not simulation.who_waits():
                    await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
            await trio.testing.wait_all_tasks_blocked()


def test_an_interrupt_that_strikes_a_neuron_is_a_plain_interrupt(channels: str, failing) -> None:
    def interrupted(z: np.ndarray) -> np.ndarray:
        raise KeyboardInterrupt

    functions.ACTIVATIONS["root"] = na.Activation(interrupted, lambda z, a: z)

    async def main() -> None:
        async with na.open_simulation(failing, channels) as simulation:
            await simulation.predict([[1.0]])

    with pytest.raises(KeyboardInterrupt):
        trio.run(main)


def test_ctrl_c_at_any_moment_ends_everyone(channels: str, failing, batch) -> None:
    """A real signal while one or the other neuron is at work: a plain interrupt, no hang, and no neuron is struck."""
    calls = finished = 0

    def value(z: np.ndarray) -> np.ndarray:
        nonlocal calls, finished
        calls += 1
        if calls == at:
            signal.raise_signal(signal.SIGINT)
        finished += 1
        return np.tanh(z)

    functions.ACTIVATIONS["root"] = na.Activation(value, lambda z, a: 1 - a * a)
    net = na.Network.layered([1, 4, 4, 2], "root", "root", seed=0)

    async def main() -> None:
        try:
            async with na.open_simulation(net, channels) as simulation:
                for _ in range(10):
                    await simulation.train_step(*batch, optimizer=na.SGD(0.01))
                await trio.sleep_forever()  # so that one that came last is told here
        finally:
            assert tasks() <= 3  # trio's own, and this one

    for at in range(1, 80, 7):
        calls = finished = 0
        with pytest.raises(KeyboardInterrupt):
            trio.run(main)
        assert finished == calls >= at


@pytest.mark.parametrize("value", [lambda p, t: p[:, 0] + math.inf, lambda p, t: p])
async def test_a_users_loss_that_gives_no_finite_losses_is_refused(
    channels: str, value, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        functions, "LOSSES", dict(functions.LOSSES) | {"mine": na.Loss(value, lambda p, t: p)}
    )
    async with na.open_simulation(na.Network.layered([2, 1]), channels) as simulation:
        with pytest.raises(
            na.SimulationError, match=r"'loss' failed in step 1: .*mine: (for )?its losses"
        ):
            await simulation.gradient([[1.0, 2.0]] * 3, [[0.0]] * 3, "mine")


async def test_urgencies_of_inputs_that_overflow_are_refused(
    channels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steep = na.Loss(lambda p, t: p[:, 0], lambda p, t: np.full_like(p, 1e200))
    monkeypatch.setattr(functions, "LOSSES", dict(functions.LOSSES) | {"steep": steep})
    net = na.Network([na.Input("x"), na.Neuron("y")], [na.Synapse("x", "y", 1e200)], ["y"])
    async with na.open_simulation(net, channels) as simulation:
        with pytest.raises(na.SimulationError, match="'y' failed in step 1: "):
            await simulation.gradient([[1e-100]], [[0.0]], "steep", wrt_inputs=True)


async def test_urgencies_of_inputs_whose_sum_overflows_are_refused(
    channels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steep = na.Loss(lambda p, t: p[:, 0], lambda p, t: np.full_like(p, 1e200))
    monkeypatch.setattr(functions, "LOSSES", dict(functions.LOSSES) | {"steep": steep})
    synapses = [na.Synapse("x", "y", 1e108), na.Synapse("x", "z", 1e108)]
    net = na.Network([na.Input("x"), na.Neuron("y"), na.Neuron("z")], synapses, ["y", "z"])
    async with na.open_simulation(net, channels) as simulation:
        with pytest.raises(na.SimulationError, match="'x' failed in step 1: "):
            await simulation.gradient([[1e-100]], [[0.0, 0.0]], "steep", wrt_inputs=True)


async def test_what_fails_before_a_step_begins_leaves_no_step(
    channels: str, diamond, batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with na.open_simulation(diamond, channels) as simulation:
        with monkeypatch.context() as patch, pytest.raises(MemoryError):
            patch.setattr(np, "ascontiguousarray", lambda array: (_ for _ in ()).throw(MemoryError))
            await simulation.gradient(*batch)
        with trio.fail_after(60):
            await simulation.predict(batch[0])


async def test_the_collector_is_left_alone_while_somebody_waits(
    channels: str, diamond, batch
) -> None:
    seen = []
    async with trio.open_nursery() as nursery, na.open_simulation(diamond, channels) as simulation:
        nursery.start_soon(simulation.gradient, *batch)
        for _ in range(6):
            seen.append(gc.isenabled())
            await trio.lowlevel.checkpoint()
        await simulation.predict(batch[0])
    assert all(seen)


async def test_a_users_exception_comes_out_as_it_is(channels: str, diamond) -> None:
    before = tasks()
    with pytest.raises(KeyError, match="mine"):
        async with na.open_simulation(diamond, channels):
            raise KeyError("mine")
    assert tasks() == before


async def test_a_users_exception_survives_cancellation(channels: str, diamond) -> None:
    with pytest.raises(ValueError, match="mine"), trio.CancelScope() as scope:
        async with na.open_simulation(diamond, channels):
            scope.cancel()
            raise ValueError("mine")


async def test_leaving_while_others_still_wait_tells_them(
    channels: str, diamond, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []

    async def ask(simulation: na.Simulation) -> None:
        try:
            await simulation.predict([[1.0]])
        except na.SimulationError as error:
            messages.append(str(error))

    async with trio.open_nursery() as nursery, na.open_simulation(diamond, channels) as simulation:
        monkeypatch.setattr(simulation._runner, "wait_end", trio.sleep_forever)
        for _ in range(2):
            nursery.start_soon(ask, simulation)
        while not simulation._runner.under_way:
            await trio.lowlevel.checkpoint()
    assert messages == ["the simulation was closed while step 1 was under way", messages[1]]
    assert messages[1].startswith("this simulation is closed")


def test_under_another_event_loop_it_says_what_to_do(diamond) -> None:
    import asyncio

    async def main() -> None:
        async with na.open_simulation(diamond):
            pass

    with pytest.raises(
        na.SimulationError,
        match=r"needs trio\.run; elsewhere use na\.gradient or na\.train\. In a notebook, write %autoawait",
    ):
        asyncio.run(main())


async def test_functions_and_optimizers_that_write_into_what_they_are_given_are_refused(
    channels: str, failing, batch
) -> None:
    def in_place(z: np.ndarray) -> np.ndarray:
        z *= z
        return z

    functions.ACTIVATIONS["root"] = na.Activation(in_place, lambda z, a: 2 * z)
    async with na.open_simulation(failing, channels) as simulation:
        with pytest.raises(
            na.SimulationError, match="'h' failed in step 1: ValueError: .*read-only"
        ):
            await simulation.predict([[2.0]])

    class InPlace(na.SGD):
        def update(self, parameters, urgencies, state, count):
            parameters += urgencies
            return parameters, state

    net = na.Network.layered([1, 2])
    async with na.open_simulation(net, channels) as simulation:
        with pytest.raises(na.SimulationError, match="ValueError: .*read-only"):
            await simulation.train_step(*batch, optimizer=InPlace(0.1))


async def test_divergence_is_named(channels: str, diamond, batch) -> None:
    async with na.open_simulation(diamond, channels) as simulation:
        with pytest.raises(na.SimulationError, match="finite; a smaller learning rate often helps"):
            for _ in range(100):
                await simulation.train_step(*batch, optimizer=na.SGD(1e60))


async def test_a_loss_outside_its_domain_is_named(channels: str) -> None:
    net = na.Network.layered([1, 1])
    async with na.open_simulation(net, channels) as simulation:
        with pytest.raises(
            na.SimulationError,
            match=r"cross_entropy: predictions must lie between 0 and 1.*'sigmoid'",
        ):
            await simulation.gradient([[1e3]], [[1.0]], loss="cross_entropy")


async def test_a_closed_simulation_says_so(channels: str, diamond) -> None:
    async with na.open_simulation(diamond, channels) as simulation:
        await simulation.predict([[1.0]])
    with pytest.raises(na.SimulationError, match="^this simulation is closed"):
        await simulation.predict([[1.0]])
    assert await simulation.network() == diamond


class Silent(Memory):
    """Loses every activation of h2."""

    def port(self, k: int):
        port = super().port(k)
        if port.node == "h2":
            port._mail.outgoing["activation"].addresses.clear()
        return port


async def test_a_lost_message_is_reported_when_patience_ends(
    diamond, batch, autojump_clock
) -> None:
    async with na.open_simulation(diamond, channels=Silent, patience=60) as simulation:
        assert simulation.who_waits() == ()
        with pytest.raises(
            na.SimulationError, match=r"^step 1 did not end within 60 s:\n"
        ) as caught:
            await simulation.gradient(*batch)
        lines = [line.strip() for line in str(caught.value).splitlines()[1:]]
        assert "y waits for the activation of h2" in lines
        assert "h2 waits for the urgency of y" in lines
        assert "environment waits for the commit of h1, h2, y" in lines
        assert await simulation.network() == diamond


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (
            {"x": [1.0, 2.0]},
            r"^x: expected shape \(batch, 1\), one column for each of 'x', got \(2,\): reshape it with \[:, None\]$",
        ),
        ({"x": [[1.0, 2.0]]}, r"^x: expected shape \(batch, 1\).* got \(1, 2\)$"),
        ({"x": np.empty((0, 1))}, r"got \(0, 1\): a batch holds at least one example"),
        ({"x": [["a"]]}, r"^x: expected real numbers"),
        ({"x": [[1j]]}, r"^x: expected real numbers"),
        ({"x": [[1.0], [math.nan]]}, r"^x: the value at \[1, 0\] is nan"),
        ({"x": [[1.0], [2.0, 3.0]]}, r"^x: expected an array of numbers"),
        (
            {"targets": [[1.0]]},
            r"^targets: expected shape \(batch, 2\), one column for each of 'y', 'h1'",
        ),
        ({"targets": [0, 1, 1]}, r"one-hot with numpy.eye"),
        ({"targets": [[1.0, 2.0]] * 3}, r"^x has 2 examples, but targets has 3"),
        ({"loss": "mse"}, r"^unknown loss 'mse'"),
        ({"loss": None}, r"^unknown loss None"),
        (
            {"loss": "cross_entropy", "targets": [[2.0, 0.0]] * 2},
            r"^cross_entropy: targets must lie between 0 and 1, got 2",
        ),
        (
            {"loss": "softmax_cross_entropy", "targets": [[0.5, 0.4]] * 2},
            r"sum to 1; one sums to 0.9",
        ),
        ({"optimizer": na.SGD}, r"^optimizer must be such as na.SGD\(0.1\)"),
        ({"optimizer": 0.1}, r"^optimizer must be such as na.SGD\(0.1\)"),
    ],
)
async def test_input_is_checked_before_work_starts(
    channels: str, diamond, arguments, match: str
) -> None:
    given = {
        "x": [[1.0], [2.0]],
        "targets": [[1.0, 0.0]] * 2,
        "loss": "squared_error",
        "optimizer": na.SGD(0.1),
    } | arguments
    async with na.open_simulation(diamond, channels) as simulation:
        with pytest.raises(na.InputError, match=match):
            await simulation.train_step(**given)
        assert simulation.statistics().messages == 0
        await simulation.predict([[1.0]])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"network": "net"}, "^network must be an na.Network, got str$"),
        ({"channels": "memroy"}, r"^unknown channels 'memroy': did you mean 'memory'\?$"),
        ({"sums": "bals"}, r"^unknown sums 'bals': did you mean 'blas'\?$"),
        ({"patience": 0}, "^patience must be a positive number of seconds, got 0$"),
        ({"patience": "1"}, "^patience must be a positive number of seconds, got '1'$"),
        ({"channels": 3}, "^unknown channels 3: known are 'bundled', 'memory'$"),
    ],
)
async def test_opening_is_checked(diamond, arguments, match: str) -> None:
    with pytest.raises(na.InputError, match=match):
        async with na.open_simulation(**({"network": diamond} | arguments)):
            pass


# --- cancellation ------------------------------------------------------------------------------------------------


async def test_a_cancelled_call_leaves_the_step_whole(channels: str, diamond, batch) -> None:
    """Wherever the call is cancelled, the step is done by all neurons or by none, and the next one is right."""
    async with na.open_simulation(diamond, channels) as simulation:
        await simulation.train_step(*batch, optimizer=na.SGD(0.01))
        after_one = await simulation.network()
        await simulation.train_step(*batch, optimizer=na.SGD(0.01))
        after_two = await simulation.network()
    seen = set()
    for ticks in range(-1, 40):
        async with na.open_simulation(diamond, channels) as simulation:
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:

                    async def cancel(ticks=ticks, scope=scope) -> None:
                        for _ in range(ticks):
                            await trio.lowlevel.checkpoint()
                        scope.cancel()

                    if ticks < 0:
                        scope.cancel()
                    nursery.start_soon(cancel)
                    await simulation.train_step(*batch, optimizer=na.SGD(0.01))
                    nursery.cancel_scope.cancel()
            now = await simulation.network()
            seen.add((scope.cancelled_caught, now.digest()))
            assert now in (diamond, after_one)
            await simulation.train_step(*batch, optimizer=na.SGD(0.01))
            assert await simulation.network() == (after_one if now == diamond else after_two)
    assert {
        (True, diamond.digest()),
        (True, after_one.digest()),
        (False, after_one.digest()),
    } <= seen


async def test_a_simulation_cancelled_at_any_checkpoint_leaves_no_task_and_no_half_updated_neuron(
    channels: str, diamond, batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = []
    original = LocalRule.__init__
    monkeypatch.setattr(
        LocalRule, "__init__", lambda self, *a: (original(self, *a), rules.append(self))[0]
    )

    async def states(steps: int) -> list[list[float]]:
        rules.clear()
        async with na.open_simulation(diamond, channels) as simulation:
            for _ in range(steps):
                await simulation.train_step(*batch, optimizer=na.SGD(0.01, momentum=0.9))
        return [[*rule.state.parameters, *np.ravel(rule.state.optimizer_state)] for rule in rules]

    allowed = [await states(steps) for steps in range(4)]
    before = tasks()
    reached = set()
    for ticks in range(60):
        rules.clear()
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:

                async def run() -> None:
                    async with na.open_simulation(diamond, channels) as simulation:
                        for _ in range(3):
                            await simulation.train_step(
                                *batch, optimizer=na.SGD(0.01, momentum=0.9)
                            )

                nursery.start_soon(run)
                for _ in range(ticks):
                    await trio.lowlevel.checkpoint()
                scope.cancel()
        assert tasks() == before
        for k, rule in enumerate(rules):
            state = [*rule.state.parameters, *np.ravel(rule.state.optimizer_state)]
            fits = [steps for steps in range(4) if allowed[steps][k] == state]
            assert fits, f"{rule.id} is half updated after {ticks} ticks"
            reached.add(fits[0])
    assert reached == {0, 1, 2, 3}


async def test_leaving_in_the_middle_of_a_step_ends_every_task(
    channels: str, diamond, batch
) -> None:
    before = tasks()
    with trio.move_on_after(0):
        async with na.open_simulation(diamond, channels) as simulation:
            await simulation.train_step(*batch, optimizer=na.SGD(0.01))
    assert tasks() == before


async def test_each_neuron_is_a_task_and_is_woken_once_a_phase(channels: str) -> None:
    net = na.Network.layered([5, 4, 3, 2], seed=0)

    class Wakes(trio.abc.Instrument):
        def __init__(self) -> None:
            self.steps: dict[str, int] = {}

        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            self.steps[task.name] = self.steps.get(task.name, 0) + 1

    async with na.open_simulation(net, channels) as simulation:
        await simulation.predict(np.ones((1, 5)))
        wakes = Wakes()
        trio.lowlevel.add_instrument(wakes)
        await simulation.gradient(np.ones((1, 5)), np.ones((1, 2)))
        trio.lowlevel.remove_instrument(wakes)
    assert {name: wakes.steps[name] for name in net.ids if name not in net.inputs} == dict.fromkeys(
        net.ids[5:], 2
    )
    # an input repeats what it was told: the bundled engine lets the row itself speak
    assert {wakes.steps.get(name, 0) for name in net.inputs} == {1 if channels == "memory" else 0}


async def test_a_block_without_async_says_what_to_type(diamond) -> None:
    match = r"write `async with na\.open_simulation\(\.\.\.\) as simulation:`"
    with pytest.raises(na.SimulationError, match=match), na.open_simulation(diamond):
        pass
    with pytest.raises(na.SimulationError, match=match):
        await na.open_simulation(diamond)
    with pytest.raises(AttributeError, match=rf"has no 'predict': {match}"):
        await na.open_simulation(diamond).predict([[1.0]])
    with pytest.raises(AttributeError, match="^'open_simulation' object has no attribute 'foo'$"):
        na.open_simulation(diamond).foo()


def test_input_urgencies_may_underflow_under_any_settings_of_numpy() -> None:
    net = na.Network.from_matrices([[[1.1e-320]]], [[0.0]], ["identity"])
    x, targets = np.ones((4, 1)), np.full((4, 1), 0.25)
    expected = na.gradient(net, x, targets, wrt_inputs=True)
    with np.errstate(all="raise"):
        found = na.gradient(net, x, targets, wrt_inputs=True)
    assert found.inputs.tobytes() == expected.inputs.tobytes()
