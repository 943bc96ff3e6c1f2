from __future__ import annotations

import io
import re
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.simulation import progress_bar
from neuro_actors.simulation.history import accuracy
from neuro_actors.simulation.plan import batches

XOR_X, XOR_T = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])


def train(channels: str = "memory", **more) -> na.TrainingResult:
    net = na.Network.layered([2, 8, 1], output_activation="sigmoid", seed=1)
    given = {
        "loss": "cross_entropy",
        "optimizer": na.SGD(0.5, momentum=0.9),
        "epochs": 100,
        "batch_size": 2,
        "seed": 3,
    } | more
    return na.train(net, XOR_X, XOR_T, channels=channels, **given)


def test_it_learns_xor(channels: str) -> None:
    result = train(channels, validation=(XOR_X, XOR_T))
    last = result.history[-1]
    assert [epoch.epoch for epoch in result.history] == list(range(1, 101))
    assert last.loss < 0.02 < result.history[0].loss
    assert (last.accuracy, last.validation_accuracy) == (1.0, 1.0)
    predictions = na.predict(result.network, XOR_X)
    assert ((predictions > 0.5) == XOR_T).all()
    assert last.validation_loss == pytest.approx(
        na.gradient(result.network, XOR_X, XOR_T, loss="cross_entropy").loss, rel=1e-14
    )
    assert str(last).startswith("epoch 100: loss 0.0")
    assert result.messages > 100 * 2 * (16 + 8)


def test_a_seed_fixes_every_bit_and_another_changes_the_order() -> None:
    digests = [train(epochs=3, seed=seed).network.digest() for seed in (3, 3, 4)]
    assert digests[0] == digests[1] != digests[2]


def test_the_loop_is_nothing_but_train_steps() -> None:
    import trio

    result = train(epochs=2)
    net = na.Network.layered([2, 8, 1], output_activation="sigmoid", seed=1)

    async def by_hand() -> na.Network:
        async with na.open_simulation(net) as simulation:
            for epoch in (1, 2):
                for chosen in batches(4, 2, 3, epoch):
                    await simulation.train_step(
                        XOR_X[chosen], XOR_T[chosen], "cross_entropy", optimizer=na.SGD(0.5, momentum=0.9)
                    )  # fmt: skip
            return await simulation.network()

    assert trio.run(by_hand) == result.network


def test_batches_cover_every_example_once_an_epoch_in_another_order_each() -> None:
    one, two = (np.concatenate(list(batches(10, 3, 0, epoch))) for epoch in (1, 2))
    assert sorted(one) == sorted(two) == list(range(10))
    assert one.tolist() != two.tolist()
    assert [len(b) for b in batches(10, 3, 0, 1)] == [3, 3, 3, 1]


def test_the_loss_of_an_epoch_weighs_a_smaller_last_batch_rightly() -> None:
    net = na.Network.from_matrices([[[0.0]]], [[0.0]], ["identity"])
    targets = np.array([[1.0], [2.0], [3.0]])
    frozen = na.SGD(1e-300)
    history = na.train(
        net, np.zeros((3, 1)), targets, optimizer=frozen, epochs=1, batch_size=2
    ).history
    assert history[0].loss == pytest.approx((1 + 4 + 9) / 3, rel=1e-15)
    assert history[0].accuracy is None


def own_line(span: tuple[float, float] | None = None) -> na.Activation:
    """The identity, of a user's own, with or without a range."""
    return na.Activation(lambda z: z + 0.0, lambda z, a: 1.0 + 0.0 * z, range=span)


OUTSIDE = r"^{}: output 'y0' has the activation '{}', whose values can be {}: predictions must lie between 0 and 1: give"


@pytest.mark.parametrize("loss", ["cross_entropy", "kl_divergence"])
@pytest.mark.parametrize(
    ("name", "end"),
    [("identity", -1), ("tanh", -1), ("relu", 2), ("softplus", 2), ("elu", -1), ("gelu", -0.17)],
)
async def test_outputs_that_cannot_match_a_loss_are_refused_before_work(name, end, loss) -> None:
    """Also where the first predictions happen to lie between 0 and 1."""
    net = na.Network.layered([2, 1], output_activation=name).with_parameters([0, 0], [0, 0, 0.5])
    match = OUTSIDE.format(loss, name, end)
    with pytest.raises(na.InputError, match=match):
        na.train(net, XOR_X, XOR_T, loss, optimizer=na.SGD(0.1))
    async with na.open_simulation(net) as simulation:
        with pytest.raises(na.InputError, match=match):
            await simulation.train_step(XOR_X, XOR_T, loss, optimizer=na.SGD(0.1))
        assert simulation.last_step == 0


def test_the_range_of_an_activation_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    net = na.Network.layered([2, 1], output_activation="sin").with_parameters([0, 0], [0, 0, 0.5])

    def run() -> None:
        na.train(net, XOR_X, XOR_T, "cross_entropy", optimizer=na.SGD(1e-3), epochs=1)

    for span in (None, (0, 1), (0.25, 0.5)):  # unknown: each step is checked
        monkeypatch.setitem(na.ACTIVATIONS, "sin", own_line(span))
        run()
    monkeypatch.setitem(na.ACTIVATIONS, "sin", own_line((-1, 1)))
    with pytest.raises(na.InputError, match=OUTSIDE.format("cross_entropy", "sin", -1)):
        run()
    with pytest.raises(
        na.InputError, match=r"^f: range must be a pair \(least, greatest\), or None, got"
    ):
        na.add_activation("f", lambda z: z + 0.0, lambda z, a: 1.0 + 0.0 * z, range=(1, 0))


def test_validation_outside_the_losses_domain_is_refused(monkeypatch) -> None:
    monkeypatch.setitem(na.ACTIVATIONS, "mine", own_line())
    net = na.Network.layered([1, 1], output_activation="mine").with_parameters([1.0], [0, 0])
    with pytest.raises(
        na.InputError, match="^cross_entropy: predictions must lie between 0 and 1, got 2"
    ):
        na.train(
            net,
            [[0.5]],
            [[0.5]],
            "cross_entropy",
            optimizer=na.SGD(1e-9),
            epochs=1,
            validation=([[2.0]], [[1.0]]),
        )


def test_accuracy() -> None:
    assert accuracy(np.array([[0.5], [0.49]]), np.array([[1.0], [1.0]])) == 0.5
    assert accuracy(np.array([[3.0, 5.0], [9.0, 8.0]]), np.array([[0.0, 1.0], [0.0, 1.0]])) == 0.5
    assert accuracy(np.array([[0.9, 0.8], [0.9, 0.2]]), np.array([[1.0, 1.0], [1.0, 1.0]])) == 0.5
    assert accuracy(np.array([[0.9]]), np.array([[0.5]])) is None


def test_progress_shows_loss_and_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    train(epochs=2, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    first, last = captured.err.splitlines()
    assert first.startswith("step 2 of 4, epoch 1: loss 0.")
    assert last.startswith("step 4 of 4, epoch 2: loss ")
    assert ", accuracy " in last
    train(epochs=1)
    assert capsys.readouterr().err == ""


def test_progress_off_a_terminal_is_a_line_every_few_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(range(10_000))  # of 2 s: the clock is read before each line that may be due
    monkeypatch.setattr(progress_bar, "monotonic", lambda: 1e-3 * next(times))
    train(epochs=50, progress=True)
    assert len(capsys.readouterr().err.splitlines()) == 2  # the first epoch, and the last one
    monkeypatch.setattr(progress_bar, "monotonic", lambda: 0.25 * next(times))
    train(epochs=50, progress=True)
    assert 5 < len(capsys.readouterr().err.splitlines()) < 25
    monkeypatch.setattr(progress_bar, "monotonic", lambda: 6.0 * next(times))
    train(epochs=1, batch_size=1, progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"step 2 of 4: loss \d\.\d{4}", lines[0]), lines
    assert lines[-1].startswith("step 4 of 4, epoch 1: loss ")


def test_progress_on_a_terminal_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "CI", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stderr", Terminal())
    train(epochs=2)
    import sys

    assert "training" in sys.stderr.getvalue()
    assert "step 2 of 4," not in sys.stderr.getvalue()


def test_what_a_server_reads_in_its_logging(caplog, tmp_path) -> None:
    caplog.set_level("INFO", logger="neuro_actors")
    result = train(epochs=2, checkpoint=tmp_path / "run", every=2)
    levels = {record.levelname for record in caplog.records}
    assert levels == {"INFO"}
    assert {record.name for record in caplog.records} == {"neuro_actors.simulation"}
    texts = caplog.messages
    assert texts[0].startswith("training begins: step 0 of 4, cross_entropy, SGD(learning_rate=0.5")
    assert texts[0].endswith(
        "<Network: 2 inputs, 9 neurons, 24 synapses, 1 output; depth 2, fan-in 2 to 8>"
    )
    assert [text for text in texts if text.startswith("epoch")] == list(map(str, result.history))
    written = [text for text in texts if text.startswith("checkpoint written: ")]
    assert written[-1].endswith("step-0000000004.safetensors")
    assert texts[-1] == f"training has finished: {result.messages} messages"
    caplog.clear()
    with pytest.raises(na.SimulationError):
        na.train(na.Network.layered([2, 1]), XOR_X, XOR_T, optimizer=na.SGD(1e300), epochs=20)
    assert re.match(
        r"training has ended early, after step \d+: SimulationError: ", caplog.messages[-1]
    )


def test_logging_has_no_handlers_of_ours() -> None:
    import logging

    names = [name for name in logging.root.manager.loggerDict if name.startswith("neuro_actors")]
    assert "neuro_actors.simulation" in names
    assert not [name for name in names if logging.getLogger(name).handlers]


def test_crashes_of_neurons_are_logged_for_debugging(caplog) -> None:
    caplog.set_level("DEBUG", logger="neuro_actors.channels")
    train(epochs=3, channels=na.Unreliable(crash=0.05, seed=1))
    lines = [record for record in caplog.records if record.name == "neuro_actors.channels"]
    assert lines
    assert all("crashed, and is restarted: " in record.getMessage() for record in lines)


def test_small_losses_are_not_printed_as_0(capsys: pytest.CaptureFixture[str]) -> None:
    texts = {
        (1e-9, 2.5e-7): "epoch 1: loss 1.0000e-09, accuracy 1.000, validation loss 2.5000e-07",
        (0.5, 0.0002): "epoch 1: loss 0.5000, accuracy 1.000, validation loss 0.0002",
        (0.0, 1e300): "epoch 1: loss 0.0000, accuracy 1.000, validation loss 1.0000e+300",
    }
    for (loss, validation), text in texts.items():
        assert str(na.Epoch(1, loss, 1.0, validation)) == text
    arguments = {"loss": "squared_error", "epochs": 2, "progress": True}
    na.train(na.Network.layered([1, 1]), [[1e-6]], [[2e-6]], optimizer=na.SGD(1e-9), **arguments)
    assert re.search(r"loss \d\.\d{4}e-1\d", capsys.readouterr().err)


def test_the_history_can_be_plotted(tmp_path) -> None:
    need("matplotlib").use("Agg")
    train(epochs=3, validation=(XOR_X, XOR_T)).plot(tmp_path / "history.png")
    assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")


def test_a_notebook_shows_the_figure_of_the_history_once(monkeypatch) -> None:
    """It shows what `pyplot` knows at the end of a cell, and what the cell returns."""
    need("matplotlib").use("Agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    result = train(epochs=2)
    shown = result.plot()
    assert plt.get_fignums() == [shown.number]
    plt.close(shown)
    name = "module://matplotlib_inline.backend_inline"
    monkeypatch.setattr(plt, "get_backend", lambda: name)
    assert result.plot().axes
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"epochs": 0}, "^epochs must be a whole number of at least 1, got 0$"),
        ({"epochs": 2.0}, "^epochs must be"),
        ({"batch_size": 0}, "^batch_size must be a whole number of at least 1, got 0$"),
        ({"seed": -1}, "^seed must be a whole number of at least 0, got -1$"),
        ({"loss": "cross"}, r"^unknown loss 'cross': did you mean 'cross_entropy'\?$"),
        (
            {"validation": (XOR_X, XOR_T[:3])},
            "^validation x has 4 examples, but validation targets has 3: each example needs its target$",
        ),
        ({"validation": (XOR_X[:, :1], XOR_T)}, r"^validation x: expected shape \(batch, 2\)"),
        ({"validation": XOR_X}, r"^validation must be a pair \(x, targets\)$"),
        ({"optimizer": "adam"}, "^optimizer must be such as na.SGD"),
    ],
)
def test_refused(arguments, match: str) -> None:
    with pytest.raises(na.InputError, match=match):
        train(**arguments)


@pytest.mark.parametrize("more", [{"every": 100}, {"overwrite": True}])
def test_settings_of_checkpoints_without_checkpoints_are_refused_before_work(more) -> None:
    (name,) = more
    match = rf"^{name}=.*say .*checkpoint=\"run\" too, or leave {name} out"
    with pytest.raises(na.InputError, match=match):
        train(progress=True, **more)
    train(epochs=1, overwrite=False, every=None)


def test_overwrite_replaces_the_log_and_the_checkpoints_of_an_earlier_run(tmp_path) -> None:
    """So a notebook's cell can run again."""
    log, folder = tmp_path / "a.arrows", tmp_path / "run"
    for more in ({"log": log}, {"log": na.Recording(log)}, {"log": log, "checkpoint": folder}):
        for overwrite in (True, True):
            train(epochs=1, overwrite=overwrite, **more)
        with pytest.raises(na.NeuroActorsError, match=r"overwrite=True"):
            train(epochs=1, **more)
    assert na.audit(log).passed


class Deaf(io.StringIO):
    """A standard error that cannot be written."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_no_run_fails_for_want_of_a_progress_bar_or_a_note(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, closed = na.Network.layered([2, 2, 1]), io.StringIO()
    closed.close()
    bare = SimpleNamespace(write=len, flush=lambda: None)
    for k, stream in enumerate((Deaf(), closed, bare, None)):
        for progress in (None, True):
            monkeypatch.setattr("sys.stderr", stream)
            folder = tmp_path / f"{k} {progress}"
            more = {"epochs": 2, "progress": progress, "checkpoint": folder}
            result = na.train(net, XOR_X, XOR_T, optimizer=na.SGD(0.1), **more)
            assert na.resume(folder) == result  # and says that it is finished


@pytest.mark.parametrize(
    ("loss", "advice"),
    [
        ("sigmoid_cross_entropy", "or use loss='cross_entropy'"),
        ("softmax_cross_entropy", "'identity'$"),
    ],
)
def test_a_sigmoid_twice_is_warned_of(loss: str, advice: str) -> None:
    given = [[0.5, 1.0]], [[1.0]]
    twice = na.Network.layered([2, 3, 1], output_activation="sigmoid", seed=0)
    match = f"output 'y0' has the activation 'sigmoid'.*{advice}"
    with pytest.warns(UserWarning, match=match) as warned:
        na.train(twice, *given, loss, optimizer=na.SGD(0.1), epochs=1)
    assert [one.filename for one in warned] == [__file__]  # the line that called the package
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        na.train(na.Network.layered([2, 3, 1]), *given, loss, optimizer=na.SGD(0.1), epochs=1)
        na.train(twice, *given, "cross_entropy", optimizer=na.SGD(0.1), epochs=1)
