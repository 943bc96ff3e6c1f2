"""What of a log stands in a page: its numbers, and as many as fit."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from helpers.record import record

import neuro_actors as na
from neuro_actors.cli.command_line import cli
from neuro_actors.network.activations import ORIGINALS
from neuro_actors.support.files import whole_file
from neuro_actors.viewer.page import render_page
from neuro_actors.viewer.page_data import _formula, collect_page_data
from neuro_actors.viewer.picture import find_picture
from neuro_actors.viewer.selection import PAGE_BYTES, select_steps, spread_evenly
from neuro_actors.viewer.step_values import compute_step_numbers, select_step_values


def decoded(text: str, item: int = 8) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), f"<f{item}")


def test_the_numbers_are_those_of_the_log(logs: dict[str, Path]) -> None:
    log = na.open_log(logs["family"])
    run = collect_page_data(log)
    for shown, info in zip(run["steps"], log.steps, strict=True):
        step = log.step(info.number)
        rows = info.batch + 1
        assert np.array_equal(
            decoded(shown["arrays"]["activations"]).reshape(rows, -1)[:-1].T, step.activations
        )
        v = decoded(shown["arrays"]["signal_urgencies"]).reshape(rows, -1)
        weights = decoded(run["versions"][shown["before"]]["weights"])
        if info.loss is None:
            assert np.isnan(v).all()
            continue
        expected = weights[:, None] * v[:-1].T[log.network.targets]
        assert np.array_equal(
            expected[~np.isnan(step.urgencies)], step.urgencies[~np.isnan(step.urgencies)]
        )
        assert np.array_equal(
            decoded(shown["arrays"]["targets"]).reshape(rows, -1)[:-1].T, step.targets
        )
        if info.mode == "gradient":
            wants = decoded(shown["arrays"]["wants"])
            assert np.array_equal(wants[: len(step.weights)], step.weights)
            learning = ~log.network.is_input
            assert np.array_equal(wants[len(step.weights) :][learning], step.biases[learning])
        else:
            assert np.array_equal(decoded(run["versions"][shown["after"]]["weights"]), step.weights)
            assert np.array_equal(decoded(run["versions"][shown["after"]]["biases"]), step.biases)


def test_the_signal_is_what_the_activation_came_from(logs: dict[str, Path]) -> None:
    log = na.open_log(logs["family"])
    step = log.step(1)
    said = select_step_values(step, compute_step_numbers(log.network, step), [0, 1, 2])
    for k, name in enumerate(log.network.activations):
        if not log.network.is_input[k]:
            assert np.array_equal(
                na.ACTIVATIONS[name].value(said.signals[:-1, k]), said.activations[:-1, k]
            )
    assert said.slopes[-1, log.network.position["ears"]] == 0  # dead


def test_a_log_cut_off_shows_what_stands_before(logs: dict[str, Path], tmp_path: Path) -> None:
    whole = logs["family"].read_bytes()
    (tmp_path / "cut.arrows").write_bytes(whole[: len(whole) * 7 // 10])
    log = na.open_log(tmp_path / "cut.arrows")
    if len(log.steps):
        run = collect_page_data(log)
        assert run["notes"]["complete"] is False
        assert len(run["steps"]) == len(log.steps)


def test_a_partial_log_shows_what_it_has(tmp_path: Path) -> None:
    net = na.Network.layered([2, 3, 1], seed=0)

    async def run(s: na.Simulation) -> None:
        for _ in range(5):
            await s.train_step([[1.0, 2.0]], [[1.0]], optimizer=na.SGD(0.1))

    for name, how in (
        ("every", {"every": 2}),
        ("one", {"neurons": ["h1.0"]}),
        ("forward", {"phases": ["forward"]}),
    ):
        path = tmp_path / f"{name}.arrows"
        record(na.Recording(path, **how), net, run)
        shown = collect_page_data(na.open_log(path))
        assert shown["notes"]["partial"] is True
        assert len(shown["steps"]) == (3 if name == "every" else 5)


@pytest.mark.parametrize("budget", [12e6, 3e6, 1e6, 0.6e6])
def test_a_plan_stays_within_its_budget(budget: float) -> None:
    made = select_steps(1000, 20000, [8] * 500, budget)
    rows = min(8, made.examples) + 1
    synapses = 20000 if made.synapses else 0
    weight = (
        len(made.steps) * made.item * 4 / 3 * (1000 * (5 * rows + 1) + 3 * synapses)
        + synapses * 32 / 3
    )
    assert weight <= budget
    assert made.steps[-1] == 499
    assert len(made.steps) < 2 or made.steps[0] == 0


def test_what_goes_first() -> None:
    assert select_steps(7, 10, [3] * 30, 12e6) == select_steps(7, 10, [3] * 30, 1e6)
    small = select_steps(7, 10, [3] * 30, 12e6)
    assert (small.steps, small.examples, small.item, small.synapses) == (
        list(range(30)),
        3,
        8,
        True,
    )
    digits = select_steps(1000, 20000, [2] * 30, 12e6)
    assert (len(digits.steps), digits.examples, digits.item) == (30, 2, 4)
    examples = select_steps(1000, 20000, [64] * 30, 12e6)
    assert examples.examples < 64
    assert len(examples.steps) >= 24
    wires = select_steps(10_000, 5_000_000, [1] * 3, 12e6)
    assert not wires.synapses
    with pytest.raises(
        na.InputError,
        match=r"^a network of 10,000,000 neurons does not fit into a page of 12 MB: allow more$",
    ):
        select_steps(10_000_000, 10, [1], 12e6)


def test_the_page_without_a_run_is_as_small_as_the_selection_takes_it_for() -> None:
    assert len(render_page({"title": "x"}).encode()) < PAGE_BYTES


def test_spread() -> None:
    assert spread_evenly(5, 9) == [0, 1, 2, 3, 4]
    assert spread_evenly(101, 5) == [0, 25, 50, 75, 100]
    assert spread_evenly(10, 1) == [9]
    assert spread_evenly(0, 1) == []


def test_what_is_a_picture() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(9, 64))
    smooth = np.cumsum(np.cumsum(rng.normal(size=(9, 8, 8)), axis=1), axis=2).reshape(9, 64)
    assert find_picture(smooth) == (8, 8)
    assert find_picture(noise) is None
    assert find_picture(smooth[:, :60]) is None
    assert find_picture(smooth[:, :16]) is None
    assert find_picture(np.zeros((3, 64))) is None


def test_the_command(logs: dict[str, Path], tmp_path: Path) -> None:
    run = CliRunner()
    out = tmp_path / "run.html"
    done = run.invoke(cli, ["view", str(logs["family"]), "-o", str(out)])
    assert (done.exit_code, done.output) == (0, f"{out}: {out.stat().st_size / 1e6:.1f} MB\n")
    before = out.read_bytes()
    refused = run.invoke(cli, ["view", str(logs["family"]), "-o", str(out)])
    problem = f"{str(out)!r} exists already: choose another name, or replace it with --force"
    assert str(refused.exception) == problem  # once, and not as its own reason
    assert run.invoke(cli, ["view", str(logs["family"]), "-o", str(out), "--force"]).exit_code == 0
    assert out.read_bytes() == before  # equal logs, equal pages
    for most, said in (
        (1.5, "rounded"),
        (0.9, "Of each batch, 1 of up to 2 examples is shown"),
        (0.5, "only neurons"),
    ):
        thinned = run.invoke(
            cli, ["view", str(logs["population"]), "-o", str(out), "--force", "--max-mb", str(most)]
        )
        assert said in thinned.output
        assert out.stat().st_size < most * 1e6
    assert list(tmp_path.iterdir()) == [out]


def test_it_is_opened_when_asked_for(
    logs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    out = tmp_path / "a b.html"
    CliRunner().invoke(cli, ["view", str(logs["family"]), "-o", str(out), "--open"])
    assert opened == [out.as_uri()]


def test_nothing_is_left_where_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.html").write_text("old")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk")))
    with (
        pytest.raises(na.LogError, match="disk"),
        whole_file(tmp_path / "x.html", force=True) as file,
    ):
        file.write(b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["x.html"]
    assert (tmp_path / "x.html").read_text() == "old"


def test_what_the_command_refuses(logs: dict[str, Path], tmp_path: Path) -> None:
    run = CliRunner()
    log = str(logs["family"])
    for arguments, complaint in (
        ([log, "-o", str(tmp_path / "no" / "x.html")], "there is no folder"),
        (
            [log, "-o", str(tmp_path / "x.html"), "--picture", "7"],
            "--picture must be rows x columns",
        ),
        (
            [log, "-o", str(tmp_path / "x.html"), "--picture", "7x7"],
            "a picture of 7x7 is 49 inputs, there are 2",
        ),
        ([str(tmp_path / "none.arrows")], "there is no such file"),
        ([log, "-o", log, "--force"], "is the log itself"),
        (["."], "is no log"),
    ):
        done = run.invoke(cli, ["view", *arguments])
        assert isinstance(done.exception, na.NeuroActorsError), done.exception
        assert complaint in str(done.exception)
    assert list(tmp_path.iterdir()) == []


def test_formulas_are_without_remarks() -> None:
    formulas = {name: _formula(known.value) for name, known in ORIGINALS.items()}
    assert formulas["gelu"] == "f(z) = z Φ(z), Φ the normal distribution"
    assert formulas["elu"] == "f(z) = z where z > 0, else e^z − 1"
    assert not [text for text in formulas.values() if "20" in text or ";" in text]


def test_no_curve_of_a_function_that_was_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = na.Network.layered([2, 3, 1], output_activation="identity", seed=1)
    na.train(net, np.ones((4, 2)), np.ones((4, 1)), optimizer=na.SGD(0.1), epochs=1, log=tmp_path / "a.arrows")  # fmt: skip
    log = na.open_log(tmp_path / "a.arrows")
    assert list(collect_page_data(log)["functions"]) == ["identity", "tanh"]
    monkeypatch.setitem(na.ACTIVATIONS, "tanh", na.ACTIVATIONS["sin"])
    monkeypatch.setitem(na.LOSSES, "squared_error", na.LOSSES["huber"])
    page = collect_page_data(log)
    assert (list(page["functions"]), page["losses"]) == (["identity"], {})


def test_a_page_keeps_to_its_megabytes_whatever_its_names_are(tmp_path: Path) -> None:
    """12 MB are 12,000,000 bytes: of the file, with its style and script."""
    names = [f"{chr(0x4E00 + k)}" * 120 for k in range(80)]  # six characters each in JSON
    neurons = [na.Input("x"), *(na.Neuron(name, "tanh") for name in names)]
    network = na.Network(neurons, [na.Synapse("x", name, 0.1) for name in names], names)
    log = tmp_path / "long.arrows"
    na.train(network, np.ones((8, 1)), np.ones((8, 80)), loss="squared_error", optimizer=na.SGD(0.1), epochs=10, batch_size=4, log=log)  # fmt: skip
    for most in (0.6,):
        page = render_page(collect_page_data(na.open_log(log), most))
        assert most * 0.6e6 < len(page.encode()) <= most * 1e6
    assert len(render_page({}).encode()) < PAGE_BYTES


def test_sequences_stay_or_go_as_a_whole() -> None:
    batches, sequences = [2] * 400, [1 + 10 * (k // 10) for k in range(400)]
    for budget in (0.6e6, 1e6, 2e6):
        made = select_steps(200, 900, batches, budget, sequences=sequences)
        assert 0 < len(made.steps) < 400
        assert len(made.steps) % 10 == 0
        assert made.steps[-1] == 399
        for k in range(0, len(made.steps), 10):
            assert made.steps[k : k + 10] == list(range(made.steps[k], made.steps[k] + 10))
    alone = select_steps(5_000, 20_000, batches, 1.5e6, sequences=sequences)
    assert 0 < len(alone.steps) < 10  # not even one fits
    wide = select_steps(200, 900, batches, 2e6, per_row=50_000)
    assert len(wide.steps) < len(select_steps(200, 900, batches, 2e6).steps)
