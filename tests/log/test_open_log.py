"""What `na.open_log` gives, beside what the society itself said of the same steps."""

from __future__ import annotations

import signal
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
import trio
from helpers.systems import need_kill

import neuro_actors as na
from neuro_actors.proof.random_cases import draw_case


@pytest.fixture
async def run(channels: str, tmp_path):
    """A log, its path, and what came of its steps: predict, gradient, gradient with inputs, three of learning."""
    case = draw_case(5)
    path = tmp_path / "run.arrows"
    async with na.open_simulation(case.network, channels, log=path) as simulation:
        predictions = await simulation.predict(case.x[:1])
        first = await simulation.gradient(case.x, case.targets, case.loss)
        second = await simulation.gradient(case.x, case.targets, case.loss, wrt_inputs=True)
        networks = [case.network]
        for _ in range(3):
            await simulation.train_step(
                case.x, case.targets, case.loss, optimizer=na.SGD(0.01, momentum=0.9)
            )
            networks.append(await simulation.network())
    return case, path, predictions, (first, second), networks


async def test_steps(run) -> None:
    case, path, predictions, _, _ = run
    log = na.open_log(path)
    assert log.complete
    assert log.network == case.network
    assert [step.mode for step in log.steps] == [
        "predict",
        "gradient",
        "gradient",
        "train",
        "train",
        "train",
    ]
    assert [step.batch for step in log.steps] == [1] + [len(case.x)] * 5
    assert [step.wrt_inputs for step in log.steps] == [False, False, True, False, False, False]
    assert [step.update for step in log.steps] == [None, None, None, 1, 2, 3]
    assert all(step.whole for step in log.steps)
    assert np.array_equal(log.step(1).predictions.T, predictions)
    assert len(list(log)) == len(log) == 6


async def test_a_steps_arrays(run) -> None:
    case, path, _, gradients, networks = run
    log = na.open_log(path)
    for number, gradient in enumerate(gradients, 2):
        step = log.step(number)
        assert np.array_equal(step.predictions.T, gradient.predictions)
        assert np.array_equal(step.inputs.T, case.x)
        assert np.array_equal(step.targets.T, case.targets)
        assert step.loss == gradient.loss
        assert np.array_equal(step.weights, -gradient.weights)
        assert np.array_equal(step.biases, -gradient.biases + 0.0)
        has_urgency = ~case.network.is_input[case.network.sources] | step.info.wrt_inputs
        assert np.array_equal(np.isnan(step.urgencies).all(axis=1), ~has_urgency)
        assert not np.isnan(step.urgencies[has_urgency]).any()
    assert np.array_equal(-step.felt.T / len(case.x), gradients[1].inputs)
    assert np.isnan(log.step(2).felt).all()
    is_output = np.isin(np.arange(len(case.network.ids)), case.network.output_positions)
    for k in np.flatnonzero(~case.network.is_input & ~is_output)[:3].tolist():
        assert step.activations[k].shape == (len(case.x),)
    assert np.array_equal(log.step(6).weights, networks[-1].weights)


async def test_the_network_at_any_step(run) -> None:
    _, path, _, _, networks = run
    log = na.open_log(path)
    for step, network in enumerate([networks[0]] * 4 + networks[1:]):
        assert log.network_at(step) == network
    with pytest.raises(na.LogError, match=r"there is no step 7; it holds steps 1 to 6$"):
        log.network_at(7)


async def test_one_neurons_mail(channels: str, diamond, batch, tmp_path) -> None:
    async with na.open_simulation(diamond, channels, log=tmp_path / "a.arrows") as simulation:
        for _ in range(2):
            await simulation.gradient(*batch)
    log = na.open_log(tmp_path / "a.arrows")
    mail = log.messages(neuron="h2", step=2).to_pylist()
    assert [(m["kind"], m["sender"], m["receiver"]) for m in mail] == [
        ("activation", "x", None),
        ("activation", "h2", None),
        ("urgency", "y", "h2"),
        ("commit", "h2", "environment"),
    ]
    assert {m["step"] for m in log.messages(neuron="h2").to_pylist()} == {1, 2}
    assert set(log.messages(phase="loss")["kind"].to_pylist()) == {"target", "loss"}
    assert log.messages(kind="commit", step=1).num_rows == 3
    assert log.messages().schema.names == [
        "step",
        "kind",
        "sender",
        "receiver",
        "time",
        "value",
        "note",
    ]
    assert [
        m["sender"] for m in log.messages(neuron="loss", phase="forward", step=1).to_pylist()
    ] == ["h1", "y"]
    for wrong, match in (
        ({"neuron": "h"}, r"there is no neuron 'h'; did you mean 'h[12]'\?$"),
        ({"phase": "back"}, r"^unknown phase 'back': did you mean 'backward'\?$"),
        ({"kind": "activations"}, r"^unknown kind 'activations': did you mean 'activation'\?$"),
        ({"step": 3}, r"there is no step 3"),
    ):
        with pytest.raises(na.LogError, match=match):
            log.messages(**wrong)


async def test_a_step_that_is_cut_into_many_record_batches(
    channels: str, diamond, batch, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of more than 2^27 numbers is."""
    monkeypatch.setattr("neuro_actors.log.log_page.MOST_VALUES", 20)
    async with na.open_simulation(diamond, channels, log=tmp_path / "a.arrows") as simulation:
        first = await simulation.gradient(*batch)
        second = await simulation.gradient(*batch)
    with pa.ipc.open_stream(tmp_path / "a.arrows") as stream:
        assert sum(1 for _ in stream) > 10
    log = na.open_log(tmp_path / "a.arrows")
    assert np.array_equal(log.step(1).weights, -first.weights)
    assert np.array_equal(log.step(2).weights, -second.weights)
    assert log.step(2).info.whole


async def test_batch_sizes_and_kinds_of_steps_may_change_all_the_time(
    channels: str, tmp_path
) -> None:
    case = draw_case(3)
    rng, found = np.random.default_rng(0), []
    async with na.open_simulation(case.network, channels, log=tmp_path / "a.arrows") as simulation:
        for _ in range(40):
            n = int(rng.integers(1, len(case.x) + 1))
            found.append(
                await simulation.gradient(
                    case.x[:n], case.targets[:n], case.loss, wrt_inputs=bool(n % 2)
                )
            )
    for gradient, step in zip(found, na.open_log(tmp_path / "a.arrows"), strict=True):
        assert np.array_equal(step.weights, -gradient.weights)
        assert np.array_equal(step.predictions.T, gradient.predictions)


CHILD = """
import sys, time
import numpy as np, trio
import neuro_actors as na

async def main():
    async with na.open_simulation(na.Network.layered([2, 3, 1], seed=0), log=sys.argv[1]) as simulation:
        while True:
            await simulation.train_step(np.ones((4, 2)), np.ones((4, 1)), optimizer=na.SGD(1e-6))
            print(flush=True)

trio.run(main)
"""


@need_kill
def test_a_run_that_is_killed_leaves_what_it_had_written(tmp_path) -> None:
    """The first step at once, the others when there are 8,192 rows."""
    path = tmp_path / "a.arrows"
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE
    ) as child:
        try:
            child.stdout.readline()
            first = na.open_log(path)
            for _ in range(1999):
                child.stdout.readline()
        finally:
            child.send_signal(signal.SIGKILL)
    assert len(first) >= 1
    for log in (first, na.open_log(path)):
        assert not log.complete
        assert log.digest is None
        assert all(step.whole for step in log.steps)
        assert log.network_at(len(log)) != log.network
    assert len(log) >= 1000


async def test_a_log_that_is_being_written_can_be_read(diamond, batch, tmp_path) -> None:
    async with na.open_simulation(diamond, log=tmp_path / "a.arrows") as simulation:
        await simulation.predict(batch[0])
        log = na.open_log(tmp_path / "a.arrows")
        assert (len(log), log.complete) == (1, False)
    assert na.open_log(tmp_path / "a.arrows").complete


async def test_what_waits_is_written_though_nothing_follows(
    diamond, batch, tmp_path, autojump_clock
) -> None:
    async with na.open_simulation(diamond, log=tmp_path / "a.arrows") as simulation:
        await simulation.predict(batch[0])
        simulation._task.log._written = float("inf")  # as if no time passed
        for _ in range(2):
            await simulation.predict(batch[0])
        assert len(na.open_log(tmp_path / "a.arrows")) == 1
        simulation._task.log._written = 0.0  # as if much time had passed
        await trio.sleep(0.6)
        assert len(na.open_log(tmp_path / "a.arrows")) == 3


async def test_a_log_without_a_step(diamond, tmp_path) -> None:
    async with na.open_simulation(diamond, log=tmp_path / "a.arrows"):
        pass
    log = na.open_log(tmp_path / "a.arrows")
    assert (len(log), log.complete, log.n_rows) == (0, True, 1)
    assert log.network_at(0) == diamond
    assert log.messages().num_rows == 0


async def test_a_network_of_other_functions_is_not_handed_out(
    diamond, batch, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would predict something else than the run learned."""
    async with na.open_simulation(diamond, log=tmp_path / "a.arrows") as simulation:
        await simulation.train_step(*batch, optimizer=na.SGD(0.1))
        learned = await simulation.network()
    log = na.open_log(tmp_path / "a.arrows")
    assert log.network_at(1) == learned
    name = next(name for name in diamond.activations if name != "identity")
    other = na.Activation(lambda z: 3.0 * z, lambda z, a: np.full_like(z, 3.0))
    monkeypatch.setitem(na.ACTIVATIONS, name, other)
    with pytest.raises(na.LogError, match=f"the activation '{name}' is another function here"):
        log.network_at(1)
    assert log.step(1).weights.shape == learned.weights.shape
