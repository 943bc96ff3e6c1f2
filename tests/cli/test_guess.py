from __future__ import annotations

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
        ("xyzzy", "No such command 'xyzzy'; known are audit, "),
    ],
)
def test_an_unknown_command(words: str, message: str) -> None:
    out, err = run(*words.split(), expected=2)
    assert out == ""
    assert err.startswith(f"neuro-actors: {message}")
    assert err.count("\n") == 1


def test_an_unknown_option_is_still_called_one() -> None:
    assert "No such option" in run("--fast", expected=2)[1]
