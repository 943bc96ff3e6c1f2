"""Each scenario runs alone and prints what it promises."""

from __future__ import annotations

import argparse
import io
import os
import re
import runpy
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from helpers.paths import SCENARIOS
from helpers.systems import need_kill
from helpers.tiers import few, need

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.viewer.page_data import collect_page_data

NAMES = [
    "one_cat",
    "lost_letter",
    "storm",
    "many_machines",
    "wiring",
    "cats",
    "animals",
    "million",
    "spot_the_liar",
    "watch_it_learn",
    "why_this_weight",
    "attention",
    "convolution",
    "memory",
]
EXPERIMENTS = [  # their findings are tested in this folder
    "which_penalty", "uncertain_labels", "adversaries", "newton", "linear_cost", "noisy_posterior", "landscape", "other_rules",
    "hierarchy",
]  # fmt: skip
QUICK = {
    *EXPERIMENTS,
    "storm",
    "many_machines",
    "wiring",
    "cats",
    "animals",
    "watch_it_learn",
    "attention",
    "convolution",
    "memory",
}
# start no process and leave nothing behind in theirs; `million` switches the garbage collector off
QUIET = {"one_cat", "lost_letter", "spot_the_liar", "why_this_weight"}
FOLDER = {*QUICK, "spot_the_liar", "why_this_weight"}  # those that put something into --out


def run(name: str, *arguments: str, expected: int = 0, cwd: Path | None = None) -> str:
    command = [sys.executable, str(SCENARIOS / f"{name}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=cwd)
    assert done.returncode == expected, done.stderr
    return done.stdout if expected == 0 else done.stderr


def run_here(name: str, *arguments: str, expected: int = 0, cwd: Path | None = None) -> str:
    """As `run`, in this process, which has imported what a new one would import first."""
    script = str(SCENARIOS / f"{name}.py")
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
        if cwd is not None:
            patched.chdir(cwd)
        patched.syspath_prepend(str(SCENARIOS))
        patched.setattr(sys, "argv", [script, *arguments])
        patched.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
        patched.setattr(functions, "LOSSES", dict(functions.LOSSES))
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as ended:
            code = ended.code
    assert code == expected, err.getvalue()
    return out.getvalue() if expected == 0 else err.getvalue()


def quick(name: str, folder: Path, *more: str) -> str:
    fewer = ["--quick"] if name in QUICK else ["--neurons", "2000"] if name == "million" else []
    start = run_here if name in QUIET else run
    out = start(name, *fewer, *(["--out", str(folder)] if name in FOLDER else []), *more)
    assert not [line for line in out.splitlines() if len(line) > 80 and str(folder) not in line]
    return out


class ScenarioRun(NamedTuple):
    """What a scenario printed, its log, and the folder for its figures."""

    out: str
    log: Path
    folder: Path


@pytest.fixture(scope="module")
def run_scenario(tmp_path_factory) -> Callable[[str], ScenarioRun]:
    """Runs a scenario, quickly and with a log, once for all tests."""

    @cache
    def once(name: str) -> ScenarioRun:
        folder = tmp_path_factory.mktemp(name)
        log = folder / "run.arrows"
        return ScenarioRun(quick(name, folder, "--log", str(log)), log, folder)

    return once


def test_none_is_forgotten() -> None:
    assert {path.stem for path in SCENARIOS.glob("[a-z]*.py")} == {*NAMES, *EXPERIMENTS}
    for name in EXPERIMENTS:
        for path in (
            f"tests/scenarios/test_{name}.py",
            f"docs/questions/{name}.md",
            f"docs/questions/{name}.fr.md",
            f"docs/pictures/{name}.png",
        ):
            assert (SCENARIOS.parent / path).is_file(), path


@pytest.mark.parametrize("name", [*NAMES, *EXPERIMENTS])
def test_help(name: str, tmp_path) -> None:
    out = run_here(name, "--help", cwd=tmp_path)
    assert "--seed" in out
    assert "--log" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("name", [*NAMES, *EXPERIMENTS])
def test_bad_input_is_one_line(name: str, tmp_path) -> None:
    (tmp_path / "mine").write_text("mine")
    wrong = [
        (["--seed", "-1"], "--seed must be at least 0"),
        (["--seed", "x"], "'x' is no whole number: write digits, such as 3"),
        (["--log", "mine"], "exists already"),
    ]
    wrong.append((["--log-every", "0"], "--log-every must be at least 1"))
    if "french=True" not in (SCENARIOS / f"{name}.py").read_text("utf-8"):
        wrong.append((["--lang", "fr"], "invalid choice: 'fr' (choose from"))
    if name in EXPERIMENTS:
        wrong.append((["--seeds", "0"], "--seeds must be at least 1"))
    if name in FOLDER:
        wrong.append((["--out", "mine"], "--out 'mine' cannot be a folder"))
    fewer = ["--quick"] if name in QUICK else []
    for arguments, message in wrong:
        err = run_here(name, *arguments, *fewer, expected=2, cwd=tmp_path)
        assert err.startswith(f"{name}.py: ")
        assert message in err
        assert err.count("\n") == 1
    assert (tmp_path / "mine").read_text() == "mine"


def test_bad_input_is_one_line_of_a_process_too(tmp_path) -> None:
    (tmp_path / "mine").write_text("mine")
    err = run("cats", "--quick", "--log", "mine", expected=2, cwd=tmp_path)
    assert err == "cats.py: log file 'mine' exists already: choose another name, or --force\n"


@need_kill
@pytest.mark.parametrize(
    ("command", "first"),
    [
        ([str(SCENARIOS / "cats.py")], "pixels to learn from"),
        pytest.param(
            [str(SCENARIOS / "animals.py")], "pictures to learn from", marks=pytest.mark.slow
        ),
        pytest.param([str(SCENARIOS / "lost_letter.py")], "A LOST MESSAGE", marks=pytest.mark.slow),
        pytest.param(
            [str(SCENARIOS / "million.py"), "--neurons", "60000"],
            "synapses, drawn at random",
            marks=pytest.mark.slow,
        ),
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


@pytest.mark.parametrize("buffered", few(["", "1"], 1))
def test_an_output_that_takes_ascii_only_or_nothing(
    buffered: str, tmp_path, run_slow: bool
) -> None:
    """Characters that cannot be shown are escaped; what cannot be written is one line."""
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUNBUFFERED": buffered}

    def called(*words: str, output: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(SCENARIOS / "lost_letter.py"), *words]
        with Path(output or tmp_path / "out.txt").open("w") as out:
            return subprocess.run(
                command, env=environment, stdout=out, stderr=subprocess.PIPE, text=True, check=False
            )

    if run_slow:
        assert called("--help").returncode == 0
    assert called().returncode == 0
    text = (tmp_path / "out.txt").read_text("ascii")
    assert "\\u" in text or "\\x" in text
    if Path("/dev/full").exists():
        for words in ([], ["--help"]) if run_slow else (["--help"],):
            done = called(*words, output="/dev/full")
            assert done.returncode == 2
            assert done.stderr.startswith("lost_letter.py: the output cannot be written: ")
            assert done.stderr.count("\n") == 1


def assert_only_learning_is_unproved(audit: na.Audit) -> None:
    assert audit.complete
    assert audit.lie is None
    assert 0 < audit.unproved < audit.messages / 10
    for remark in audit.remarks:
        assert "not proved" not in remark or (
            "of kind commit" in remark and "the optimizer's state" in remark
        )


def marked(name: str) -> object:
    """The name, with what its run needs: Ray, or more than a second or two."""
    marks = [pytest.mark.ray] if name == "many_machines" else []
    marks += (
        [pytest.mark.slow]
        if name
        in (
            "animals",
            "attention",
            "cats",
            "convolution",
            "memory",
            "million",
            "storm",
            "watch_it_learn",
            "wiring",
        )
        else []
    )
    return pytest.param(name, marks=marks)


@pytest.mark.parametrize("name", [marked(name) for name in NAMES])
def test_its_log_is_proved(name: str, run_scenario) -> None:
    audit = na.audit(run_scenario(name).log)
    assert audit.lie is None
    assert audit.messages > 20
    if name == "lost_letter":  # the step in which the message was lost has no seal
        assert not audit.complete
        assert audit.steps == 3
        assert [remark for remark in audit.remarks if "step 3 was broken off" in remark]
    elif name in ("cats", "watch_it_learn"):
        # partial: all that was said is proved, but not what the optimizer's state made of it
        assert_only_learning_is_unproved(audit)
        every = {"cats": 20, "watch_it_learn": 10}[name]
        assert audit.remarks[0] == f"a partial log: every {every} steps"
    else:
        assert audit.passed
        assert audit.remarks == ()


@pytest.mark.slow
def test_a_log_of_some_steps_and_over_another(tmp_path) -> None:
    log = tmp_path / "cats.arrows"
    quick("cats", tmp_path, "--log", str(log))
    opened = na.open_log(log)
    assert opened.partial is not None
    assert opened.partial["every"] == 20
    assert [info.number for info in opened.steps if info.only is None] == [1, 21, 41, 61, 81, 101]
    assert_only_learning_is_unproved(na.audit(log))  # by SGD with momentum, which is not recorded
    err = run("one_cat", "--log", str(log), expected=2)
    assert (
        err
        == f"one_cat.py: log file {str(log)!r} exists already: choose another name, or --force\n"
    )
    assert len(na.open_log(log)) == len(opened)
    quick("one_cat", tmp_path, "--log", str(log), "--force")
    assert len(na.open_log(log)) == 1


def test_one_cat(run_scenario) -> None:
    out = run_scenario("one_cat").out
    found = re.findall(
        r"slope +([\d.]+):  p = ([\d.]+), penalty ([\d.]+), urgency ([\d.]+)  ->  signal's urgency ([-\d.]+)",
        out,
    )
    assert found == [
        ("1", "0.6", "0.16", "0.8", "0.8"),
        ("2.5", "0.6", "0.16", "0.8", "2.0"),
        ("0", "0.6", "0.16", "0.8", "0.0"),
    ]
    assert "adds up: +0.900 -0.100 = +0.800" in out
    before, after = map(float, re.search(r"p was ([\d.]+), now it is ([\d.]+)", out).groups())
    assert before == 0.6
    assert before < after < 1
    step = na.open_log(run_scenario("one_cat").log).step(1)
    assert step.blame[0, 0] == pytest.approx(0.8)
    assert step.predictions[0, 0] == pytest.approx(0.6)
    assert step.urgencies[2:4, 0] == pytest.approx([0.9, -0.1])  # what face and body told eyes


def test_one_cat_prints_in_the_same_order_every_time(
    monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.syspath_prepend(str(SCENARIOS))
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
    import one_cat

    outputs = set()
    for _ in range(20):  # trio runs tasks that are ready at once in an order that it draws
        one_cat.main(argparse.Namespace(log=None, seed=0))
        outputs.add(capsys.readouterr().out)
    assert len(outputs) == 1


def test_one_lost_message(run_scenario) -> None:
    out = run_scenario("lost_letter").out
    assert "step 3 did not end within 1 s" in out
    assert "y0 waits for the activation of h1.1" in out
    assert "h1.1 waits for the urgency of y0" in out
    assert "The same bits: yes" in out
    after, undisturbed = re.findall(r"([0-9a-f]{32})…", out)
    assert after == undisturbed
    log = na.open_log(
        run_scenario("lost_letter").log
    )  # it ends in the step that was not finished, without the message
    assert [info.whole for info in log.steps] == [True, True, False]
    silent = [
        name
        for name, said in zip(log.network.ids, log.step(3).activations, strict=True)
        if np.isnan(said).any()
    ]
    assert silent == ["h1.1", "y0"]
    assert not np.isnan(log.step(2).activations).any()
    x = np.random.default_rng(0).standard_normal((5, 8, 2))
    assert np.array_equal(log.step(3).inputs, x[2].T)


@pytest.mark.slow
def test_storm(run_scenario) -> None:
    out, log, folder = run_scenario("storm")
    digests = re.findall(r"([0-9a-f]{48})…", out)
    assert len(digests) == 3
    assert len(set(digests)) == 1
    assert "The same bits: yes" in out
    assert "message by message: yes" in out
    calm, stormy = na.open_log(folder / "storm_calm.arrows"), na.open_log(log)
    assert stormy.network_at(len(stormy)).digest().startswith(digests[0])
    assert calm.disturbances == ()
    counts = {
        name.strip(): (int(a.replace(",", "")), int(b.replace(",", "")))
        for name, a, b in re.findall(r"^  +([^\d\n]+?) +([\d,]+) +([\d,]+)$", out, re.MULTILINE)
    }
    assert counts["lost"] == (0, sum(d.what == "lost" for d in stormy.disturbances))
    assert counts["crashes"] == (0, sum(d.what == "died" for d in stormy.disturbances))
    assert (
        min(
            counts[name][1]
            for name in ("lost", "crashes", "sent again", "garbled", "arrived twice", "held back")
        )
        > 5
    )
    assert counts["messages of the society"][0] == counts["messages of the society"][1]
    before, after = counts["frames sent for them"]
    assert (
        counts["sent again"][1] + before < after
    )  # some questions, and more than one answer to some
    lost = counts["lost"][1] / after
    assert lost == pytest.approx(0.3, abs=0.02)
    assert (folder / "storm.png").stat().st_size > 20_000
    assert "leave out --log-every" in run(
        "storm", "--log-every", "2", "--out", str(folder), expected=2
    )


@pytest.mark.ray
def test_many_machines(run_scenario) -> None:
    out, log, folder = run_scenario("many_machines")
    digests = re.findall(r"([0-9a-f]{16})…$", out, re.MULTILINE)
    assert len(digests) == 4
    assert len(set(digests)) == 1
    for line in (
        "The same bits: yes",
        "step by step: yes",
        "messages: yes",
        "each neuron alone: passed",
    ):
        assert line in out
    many = na.open_log(log)
    assert many.network_at(len(many)).digest().startswith(digests[0])
    assert (many.machines.replicas, many.machines.shards) == (2, 2)
    assert (folder / "many_machines.png").stat().st_size > 20_000


@pytest.mark.slow
def test_wiring(run_scenario, tmp_path) -> None:
    out, log, folder = run_scenario("wiring")
    assert np.isfinite(na.open_log(log).step(1).activations).all()
    assert 0 < float(re.search(r"\(1 is the limit\): (\S+)", out)[1]) < 1
    assert (folder / "wiring.png").stat().st_size > 20_000
    assert quick("wiring", tmp_path / "again", "--seed", "3") != out


@pytest.mark.slow
def test_cats(run_scenario) -> None:
    out, log, folder = run_scenario("cats")
    assert "784 inputs, 17 neurons, 12,560 synapses" in out
    assert collect_page_data(na.open_log(log), max_mb=6)["picture"] == (28, 28)
    assert all(
        float(units) < 1 for units in re.search(r"before learning (\S+), after (\S+)", out).groups()
    )
    assert float(re.search(r"new pictures: ([\d.]+)", out)[1]) > 0.85
    assert (folder / "cats.png").stat().st_size > 20_000
    table = [int(n) for n in re.findall(r"is (?:cat|other) +(\d+) +(\d+)", out) for n in n]
    assert sum(table) == 398


@pytest.mark.slow
def test_animals(run_scenario) -> None:
    out, _, folder = run_scenario("animals")
    assert float(re.search(r"new pictures: ([\d.]+)", out)[1]) > 0.5
    assert (folder / "animals.png").stat().st_size > 20_000
    assert sum(int(n) for n in re.findall(r"^  [a-z]+ +(\d+) +[\d.]+ ", out, re.MULTILINE)) == 1561


def test_million(run_scenario) -> None:
    out = run_scenario("million").out
    assert "2,000 neurons, 200 of them inputs; 18,000 synapses" in out
    assert re.search(r"trio counted 2,0\d\d of them, and \d after the end", out)
    differences = re.findall(r"greatest +(\S+) +largest difference +(\S+)", out)
    assert len(differences) == 3
    assert all(float(difference) <= 1e-13 * float(greatest) for greatest, difference in differences)
    assert (
        run_here("million", "--neurons", "10", expected=2)
        == "million.py: --neurons must be at least 1000, got 10\n"
    )


@pytest.mark.parametrize("seed", few([0, 5], 1))
def test_spot_the_liar(seed: int, tmp_path) -> None:
    out = quick("spot_the_liar", tmp_path, "--seed", str(seed))
    honest, forged, clever = (
        tmp_path / f"{name}.arrows" for name in ("honest", "forged", "clever")
    )
    digest = na.open_log(honest).digest
    assert out.count(digest) == 3
    assert "changed 1\n" in out
    rows = re.findall(r"(?:honest|forged)  step 7: body said (.*)", out)
    assert len(rows) == 2
    assert rows[0] == rows[1]
    lie = na.audit(forged).lie
    assert (lie.who, lie.step, lie.where) == ("body", 7, "example 3")
    assert (
        lie.should
        == na.open_log(honest).step(7).activations[na.open_log(honest).network.position["body"], 2]
    )
    assert abs(lie.said - lie.should) <= np.spacing(abs(lie.should))
    for shown in ("who          body", "step 7,", repr(lie.said), repr(lie.should)):
        assert shown in out
    assert na.audit(clever).passed
    assert not na.audit(clever, digest=digest).passed
    assert na.audit(clever).digest in out
    for false, n_rows, n_notes in ((forged, 1, 0), (clever, 2, 21)):  # all else is kept
        with (
            pa.ipc.open_stream(honest.read_bytes()) as one,
            pa.ipc.open_stream(false.read_bytes()) as other,
        ):
            assert one.schema.equals(other.schema, check_metadata=True)
            a, b = one.read_all(), other.read_all()
        assert [len(c) for c in a["step"].chunks] == [len(c) for c in b["step"].chunks]
        differing = {
            name: sum(x != y for x, y in zip(a[name].to_pylist(), b[name].to_pylist(), strict=True))
            for name in a.column_names
        }
        assert {name: n for name, n in differing.items() if n} == {
            k: v for k, v in (("value", n_rows), ("note", n_notes)) if v
        }
    assert "leave out --log-every" in run_here(
        "spot_the_liar", "--log-every", "2", "--out", str(tmp_path), expected=2
    )
    err = run_here(
        "spot_the_liar", "--log", str(forged), "--force", "--out", str(tmp_path), expected=2
    )
    assert "is where a forged log goes" in err


@pytest.mark.slow
def test_watch_it_learn(run_scenario) -> None:
    out, log, folder = run_scenario("watch_it_learn")
    assert (folder / "watch_it_learn.png").stat().st_size > 20_000
    page = (folder / "watch_it_learn.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "run.arrows" in page
    table = [
        (int(step), float(loss))
        for step, loss in re.findall(r"^ +(\d+) +(\d\.\d{4}) +\d+%$", out, re.MULTILINE)
    ]
    assert (table[0][0], table[-1][0]) == (0, 51)
    opened = na.open_log(log)  # the figure and the table are made of what the log holds
    x = np.concatenate([step.inputs for step in opened if step.info.only is None], axis=1)
    arm = np.concatenate([step.targets for step in opened if step.info.only is None], axis=1)
    p = na.predict(opened.network_at(51), x.T).T
    assert -np.mean(np.log(np.where(arm == 1, p, 1 - p))) == pytest.approx(table[-1][1], abs=0.1)


@pytest.mark.slow
def test_it_learns(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """Watched to its end, the society tells the spirals apart; and the page is opened if asked for."""
    monkeypatch.syspath_prepend(str(SCENARIOS))
    import webbrowser

    import _common
    import watch_it_learn

    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(_common, "import_pyplot", lambda say: None)
    watch_it_learn.main(
        argparse.Namespace(
            seed=0,
            log=None,
            log_every=10,
            out=tmp_path,
            open=True,
            training=watch_it_learn.TRAINING,
        )
    )
    assert opened == [(tmp_path / "watch_it_learn.html").as_uri()]
    log = na.open_log(tmp_path / "watch_it_learn.arrows")
    assert Path(log.path).stat().st_size < 5e6
    x, arm = watch_it_learn.spirals(np.random.default_rng(0))
    assert np.mean((na.predict(log.network_at(711), x) > 0.5) == arm) == 1


@pytest.mark.parametrize("seed", few([0, 3], 1))
def test_why_this_weight(seed: int, tmp_path) -> None:
    out = quick("why_this_weight", tmp_path, "--seed", str(seed))
    log = na.open_log(tmp_path / "why_this_weight.arrows")
    trace = na.trace(log, weight=("whiskers", "face"))
    assert str(trace) in out
    assert (trace.number, trace.all_shown) == (3, True)
    network = log.network
    synapse = [(s.source, s.target) for s in network.synapses].index(("whiskers", "face"))
    assert trace.total == pytest.approx(log.step(11).weights[synapse], rel=1e-12)
    walked = [float(value) for value in re.findall(r"so far +(\S+)", out)]
    assert len(walked) == len(trace.paths[0].factors)
    assert walked[-1] == pytest.approx(trace.paths[0].value, abs=1e-5)
    promises = [
        [float(v.rstrip("%")) for v in line.split()]
        for line in out.splitlines()
        if re.fullmatch(r"( +[-+]\S+){3} +\S+%", line)
    ]
    assert len(promises) == 4
    for by, falls, promised, apart in promises:
        assert promised == pytest.approx(trace.total * by, rel=1e-3)
        assert falls * promised > 0
        assert apart < 300 * abs(by)  # in per cent: it shrinks as the change does
    assert [falls > 0 for _, falls, _, _ in promises] == [True, True, True, False]


@pytest.mark.slow
@pytest.mark.parametrize("size", [7, 28])
def test_cats_are_learned_as_well_as_by_scikit_learn(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within two points of its MLP of the same size, on the same split, in the mean of two seeds."""
    neural_network = need("sklearn.neural_network")
    monkeypatch.syspath_prepend(str(SCENARIOS))
    import _common
    import cats

    behind = []
    for seed in (0, 1):
        x, t, x_test, t_test = _common.load_cats(size, seed, standardise=size < 28)
        ours = learn_cats(cats, size, seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it would go on converging
            theirs = neural_network.MLPClassifier((16,), max_iter=200, random_state=seed).fit(
                x, t[:, 0]
            )
        accuracy = np.mean((na.predict(ours, x_test) >= 0.0) == t_test)
        score = theirs.score(x_test, t_test[:, 0])
        print(f"seed {seed}: society {accuracy:.3f}, scikit-learn {score:.3f}")
        behind.append(score - accuracy)
    assert np.mean(behind) <= 0.02


def learn_cats(cats, size: int, seed: int = 0, **changed) -> na.Network:
    """The network that cats.py learns."""
    import _common

    x, t, _, _ = _common.load_cats(size, seed, standardise=size < 28)
    how = cats.training(argparse.Namespace(size=size))._replace(**changed)
    return na.train(
        na.Network.layered([size * size, *how.hidden, 1], seed=seed),
        x,
        t,
        loss=cats.LOSS,
        optimizer=cats.optimizer(size, how.rate),
        epochs=how.epochs,
        seed=seed,
        batch_size=cats.BATCH,
    ).network


@pytest.mark.parametrize(
    ("size", "epochs", "digest"),
    [
        (7, 2, "921341f8"),
        (28, 1, "4ca3e8d7"),
        pytest.param(7, 40, "f9babe22", marks=pytest.mark.slow),
        pytest.param(28, 60, "cb1a97d7", marks=pytest.mark.slow),
    ],
)
def test_cats_have_the_same_bits(
    size: int, epochs: int, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    z = np.linspace(-3, 3, 1001)
    if not sha256(np.tanh(z).tobytes() + np.exp(z).tobytes()).hexdigest().startswith("ca87d09f"):
        pytest.skip("the last bits of this machine's tanh or exp are others")
    monkeypatch.syspath_prepend(str(SCENARIOS))
    import cats

    assert learn_cats(cats, size, epochs=epochs).digest().startswith(digest)


def test_knobs(tmp_path) -> None:
    """--epochs, --rate and --hidden of the scenarios that learn from pictures."""
    out = run_here(
        "cats",
        *["--size", "7", "--epochs", "1", "--rate", "0.1", "--hidden", "3,2", "--lang", "fr"],
        "--out",
        str(tmp_path),
    )
    assert "49 entrées, 6 neurones, 155 synapses" in out
    assert "époque 1" in out
    assert "époque 2" not in out
    for wrong, message in (
        (["--epochs", "0"], "cats.py: --epochs must be at least 1, got 0"),
        (["--rate", "0,5"], "cats.py: argument --rate: '0,5' is no number: write 0.5"),
        (["--rate", "x"], "cats.py: argument --rate: 'x' is no number: write digits, such as 0.1"),
        (["--rate", "-1"], "cats.py: --rate must be a number above 0, got -1"),
        (["--rate", "nan"], "cats.py: --rate must be a number above 0, got nan"),
        (["--hidden", "3,x"], "cats.py: argument --hidden: expected such as 16 or 12,8; got '3,x'"),
        (["--hidden", "0"], "cats.py: argument --hidden: expected such as 16 or 12,8; got '0'"),
    ):
        assert run_here("cats", *wrong, expected=2, cwd=tmp_path) == f"{message}\n"


@pytest.mark.parametrize(
    "name",
    [
        "cats",
        "animals",
        "watch_it_learn",
        "storm",
        "many_machines",
        "attention",
        "convolution",
        "memory",
    ],
)
def test_help_names_the_knobs_and_their_defaults(name: str, tmp_path) -> None:
    out = " ".join(run_here(name, "--help", cwd=tmp_path).split())
    for knob in ("--epochs N", "--rate R", "--hidden N"):
        assert re.search(rf"{knob} [^-]*\(default [\d.,]+\)", out), knob
