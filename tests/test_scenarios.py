"""Each scenario runs alone and prints what it promises."""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors import functions

SCENARIOS = Path(__file__).parent.parent / "scenarios"
NAMES = ["one_cat", "lost_letter", "wiring", "cats", "animals", "million"]
QUICK = {"wiring", "cats", "animals"}


def run(name: str, *arguments: str, expected: int = 0, cwd: Path | None = None) -> str:
    command = [sys.executable, str(SCENARIOS / f"{name}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=cwd)
    assert done.returncode == expected, done.stderr
    return done.stdout if expected == 0 else done.stderr


def quick(name: str, folder: Path, *more: str) -> str:
    fewer = ["--quick", "--out", str(folder)] if name in QUICK else ["--neurons", "2000"] if name == "million" else []
    out = run(name, *fewer, *more)
    assert not [line for line in out.splitlines() if len(line) > 80 and str(folder) not in line]
    return out


def shown(log: Path, *arguments: str) -> str:
    """What the command line says of a log."""
    command = [sys.executable, "-m", "neuro_actors", "log", "show", str(log), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout


def test_none_is_forgotten() -> None:
    assert {path.stem for path in SCENARIOS.glob("[a-z]*.py")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_help(name: str) -> None:
    out = run(name, "--help")
    assert "--seed" in out
    assert "--log" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("name", NAMES)
def test_bad_input_is_one_line(name: str, tmp_path) -> None:
    (tmp_path / "mine").write_text("mine")
    wrong = [(["--seed", "-1"], "--seed must be at least 0"), (["--seed", "x"], "invalid int"), (["--log", "mine"], "exists already")]
    if name in QUICK:
        wrong.append((["--out", "mine"], "--out 'mine' cannot be a folder"))
    for arguments, message in wrong:
        err = run(name, *arguments, *(["--quick"] if name in QUICK else []), expected=2, cwd=tmp_path)
        assert err.startswith(f"{name}.py: ")
        assert message in err
        assert err.count("\n") == 1
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize(
    ("command", "first"),
    [
        ([str(SCENARIOS / "cats.py")], "pictures to learn from"),
        ([str(SCENARIOS / "animals.py")], "pictures to learn from"),
        ([str(SCENARIOS / "lost_letter.py")], "A LOST LETTER"),
        ([str(SCENARIOS / "million.py"), "--neurons", "60000"], "synapses, drawn at random"),
    ],
    ids=["cats", "animals", "lost_letter", "million"],
)
def test_an_interrupt_ends_it_without_a_traceback(command: list[str], first: str, tmp_path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )  # fmt: skip
    assert process.stdout is not None
    while first not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")


def test_one_cat(tmp_path) -> None:
    out = quick("one_cat", tmp_path, "--log", str(tmp_path / "cat.arrows"))
    found = re.findall(r"slope +([\d.]+):  p = ([\d.]+), penalty ([\d.]+), urgency ([\d.]+)  ->  signal's urgency ([-\d.]+)", out)
    assert found == [("1", "0.6", "0.16", "0.8", "0.8"), ("2.5", "0.6", "0.16", "0.8", "2.0"), ("0", "0.6", "0.16", "0.8", "0.0")]
    assert "sums what they say: +0.900 -0.100 = +0.800" in out
    before, after = map(float, re.search(r"p was ([\d.]+), now it is ([\d.]+)", out).groups())
    assert before == 0.6
    assert before < after < 1
    assert "step 1: loss told cat: urgency +0.800" in shown(tmp_path / "cat.arrows")


def test_one_cat_is_told_in_the_same_order_every_time(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.syspath_prepend(str(SCENARIOS))
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
    import one_cat

    told = set()
    for _ in range(20):  # trio runs tasks that are ready at once in an order that it draws
        one_cat.story(argparse.Namespace(log=None, seed=0))
        told.add(capsys.readouterr().out)
    assert len(told) == 1


def test_lost_letter(tmp_path) -> None:
    out = quick("lost_letter", tmp_path, "--log", str(tmp_path / "lost.arrows"))
    assert "step 3 did not end within 1 s" in out
    assert "y0 waits for the activation of h1.1" in out
    assert "h1.1 waits for the urgency of y0" in out
    assert "The same bits: yes" in out
    after, undisturbed = re.findall(r"([0-9a-f]{32})…", out)
    assert after == undisturbed
    log = shown(tmp_path / "lost.arrows")  # it ends in the step that was not finished, without the letter
    assert "step 2: h1.1 told y0: activation" in log
    assert "step 3: h1.0 told y0: activation" in log
    assert "step 3: h1.1 told y0: activation" not in log


def test_wiring(tmp_path) -> None:
    out = quick("wiring", tmp_path, "--log", str(tmp_path / "wiring.arrows"))
    assert "step 1: n0 told environment" in shown(tmp_path / "wiring.arrows", "--neuron", "n0")
    assert 0 < float(re.search(r"\(1 is the limit\): (\S+)", out)[1]) < 1
    assert (tmp_path / "wiring.png").stat().st_size > 20_000
    assert quick("wiring", tmp_path / "again", "--seed", "3") != out


def test_cats(tmp_path) -> None:
    out = quick("cats", tmp_path, "--log", str(tmp_path / "cats.arrows"))
    assert "step 7: loss told y0: urgency" in shown(tmp_path / "cats.arrows", "--step", "7", "--neuron", "y0")
    (tmp_path / "cats.arrows").unlink()  # 37 MB
    assert all(float(units) < 1 for units in re.search(r"before learning (\S+), after (\S+)", out).groups())
    assert float(re.search(r"never seen: ([\d.]+)", out)[1]) > 0.85
    assert (tmp_path / "cats.png").stat().st_size > 20_000
    table = [int(n) for n in re.findall(r"is (?:cat|other) +(\d+) +(\d+)", out) for n in n]
    assert sum(table) == 398


def test_animals(tmp_path) -> None:
    out = quick("animals", tmp_path)
    assert float(re.search(r"never seen: ([\d.]+)", out)[1]) > 0.5
    assert (tmp_path / "animals.png").stat().st_size > 20_000
    assert sum(int(n) for n in re.findall(r"^  [a-z]+ +(\d+) +[\d.]+ ", out, re.MULTILINE)) == 1561


def test_million(tmp_path) -> None:
    out = quick("million", tmp_path)
    assert "2,000 neurons, 200 of them inputs; 18,000 synapses" in out
    assert re.search(r"trio counted 2,0\d\d of them, and \d when all was over", out)
    differences = re.findall(r"greatest +(\S+) +largest difference +(\S+)", out)
    assert len(differences) == 3
    assert all(float(difference) <= 1e-13 * float(greatest) for greatest, difference in differences)
    assert run("million", "--neurons", "10", expected=2) == "million.py: --neurons must be at least 1000, got 10\n"


def test_cats_are_learned_as_well_as_by_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within two points of its MLP of the same size, on the same split, in the mean of two seeds."""
    neural_network = pytest.importorskip("sklearn.neural_network")
    monkeypatch.syspath_prepend(str(SCENARIOS))
    import _common
    import cats

    animals, behind = _common.animals(), []
    for seed in (0, 1):
        train, test = cats.split(animals, seed)
        assert not set(train) & set(test)
        flat = animals.pictures.reshape(len(animals.pictures), -1)
        assert len(np.unique(flat[np.concatenate([train, test])], axis=0)) == len(train) + len(test)
        pixels = _common.Pixels.fitted(animals.pictures[train], pool=4)
        x, x_test = pixels(animals.pictures[train]), pixels(animals.pictures[test])
        t, t_test = (animals.classes[rows] == cats.CAT for rows in (train, test))
        net = na.Network.layered([49, cats.HIDDEN, 1], output_activation="sigmoid", seed=seed)
        ours = na.train(
            net, x, t[:, None], loss="cross_entropy", optimizer=cats.OPTIMIZER, epochs=cats.EPOCHS, seed=seed, batch_size=cats.BATCH
        ).network  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it would go on converging
            theirs = neural_network.MLPClassifier((cats.HIDDEN,), max_iter=200, random_state=seed).fit(x, t)
        accuracy = np.mean((na.predict(ours, x_test)[:, 0] >= 0.5) == t_test)
        print(f"seed {seed}: society {accuracy:.3f}, scikit-learn {theirs.score(x_test, t_test):.3f}")
        behind.append(theirs.score(x_test, t_test) - accuracy)
    assert np.mean(behind) <= 0.02
