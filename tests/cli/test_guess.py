from __future__ import annotations

from pathlib import Path

import pytest
from helpers.cli_logs import run


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("dmeo", "No such command 'dmeo'; did you mean 'neuro-actors demo'?"),
        ("Demo", "No such command 'Demo'; did you mean 'neuro-actors demo'?"),
        ("plot a.arrows", "No such command 'plot'; did you mean 'neuro-actors log plot'?"),
        ("show a.arrows", "No such command 'show'; did you mean 'neuro-actors log show'?"),
        ("trace", "No such command 'trace'; did you mean 'neuro-actors log trace'?"),
        ("run", "No such command 'run'; did you mean 'neuro-actors demo'?"),
        ("log shwo a.arrows", "No such command 'shwo'; did you mean 'neuro-actors log show'?"),
        ("log verify", "No such command 'verify'; did you mean 'neuro-actors verify'?"),
        ("checkpoint inof", "No such command 'inof'; did you mean 'neuro-actors checkpoint info'?"),
        (
            "train",
            "No such command 'train': a network of your own is trained in Python, by na.train; "
            "for a first look: demo",
        ),
        ("help", "No such command 'help': write --help in its place"),
        (
            "run.arrows",
            "No such command 'run.arrows': the command comes first, such as neuro-actors log show "
            "run.arrows",
        ),
        (
            "log run.arrows",
            "No such command 'run.arrows': the command comes first, such as neuro-actors log show "
            "run.arrows",
        ),
        ("xyzzy", "No such command 'xyzzy'; known are audit, "),
    ],
)
def test_an_unknown_command(words: str, message: str) -> None:
    out, err = run(*words.split(), expected=2)
    assert out == ""
    assert err.startswith(f"neuro-actors: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--no-open", "demo", "xor"],
            "No such option '--no-open'. Write it after the command: neuro-actors demo --no-open",
        ),
        (["verify", "20"], "Got unexpected extra argument (20): write --networks 20"),
        (["faults", "20"], "Got unexpected extra argument (20): write --schedules 20"),
        (
            ["log", "query", "a.arrows", "SELECT", "step", "FROM", "losses"],
            'put the query in quotes: neuro-actors log query run.arrows "SELECT step, loss',
        ),
        (
            ["log", "query", "SELECT step FROM losses", __file__],
            "the log comes first, then the query: neuro-actors log query run.arrows ",
        ),
        (
            ["log", "trace", "a.arrows", "--step", "three"],
            "Invalid value for '--step': 'three' is no whole number: write digits, such as 1",
        ),
        (["view", "page.html"], "'page.html': it is an HTML page, not a message log"),
    ],
)
def test_an_argument_in_the_wrong_place(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("page.html").write_text("<!DOCTYPE html><p>a page</p>")
    _, err = run(*words, expected=2)
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("view", "Missing argument 'FILE': write neuro-actors view FILE"),
        ("log diff a.arrows", "Missing argument 'B': write neuro-actors log diff A B"),
        ("resume", "Missing argument 'DIR': write neuro-actors resume DIR"),
        ("bench --fast", "No such option '--fast': neuro-actors bench --help lists the options"),
        ("log show --folow", "No such option '--folow'. Did you mean '--follow'?"),
        ("log trace a --from x", "No such option '--from': it is --source now"),
        ("log trace a --paths 3", "No such option '--paths': it is --limit now"),
        ("view a --output b", "No such option '--output': it is --out now"),
        ("demo --output b", "No such option '--output': it is --out now"),
    ],
)
def test_what_is_missing_or_unknown_in_a_command(words: str, message: str) -> None:
    _, err = run(*words.split(), expected=2)
    assert err == f"neuro-actors: {message}\n"


def test_what_looks_alike_keeps_its_error() -> None:
    assert "No such option" in run("--fast", "demo", expected=2)[1]
    assert "unexpected extra argument" in run("verify", "much", expected=2)[1]
    assert "Missing argument 'SQL'" in run("log", "query", "a.arrows", expected=2)[1]
    assert "No such option" in run("log", "query", "a", "select", "--x", expected=2)[1]
    assert "0 is not in the range x>=1" in run("verify", "--networks", "0", expected=2)[1]


def test_an_unknown_option_is_still_called_one() -> None:
    assert "No such option" in run("--fast", expected=2)[1]
