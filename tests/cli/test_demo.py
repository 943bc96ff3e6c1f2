from __future__ import annotations

import re
import webbrowser
from pathlib import Path

import numpy as np
import pytest
from helpers.cli_logs import run

import neuro_actors as na
from neuro_actors.cli import command_line, demo, demo_texts
from neuro_actors.cli.demo_pictures import draw_bar, draw_map, draw_picture


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    pages: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: pages.append(url) or True)
    return pages


def check(out: str, folder: Path, name: str) -> None:
    assert not [line for line in out.splitlines() if len(line) > 80 and str(folder) not in line]
    assert "\x1b" not in out
    log, page = folder / f"{name}.arrows", folder / f"{name}.html"
    assert f"{log}\n" in out
    suggested = [line.split()[1:] for line in out.splitlines() if "neuro-actors log trace" in line]
    trace, _ = run(*suggested[0])
    assert "worth nothing" not in trace
    is_part = "proves a part, and ends with exit code 1" in out
    run("audit", str(log), expected=int(is_part))
    assert str(page) in out
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert page.stat().st_size < 12.1e6
    assert na.audit(log).lie is None


def test_xor(tmp_path, opened) -> None:
    folder = tmp_path / "new" / "here"
    out, err = run("demo", "-o", str(folder), "--no-open")
    assert err == ""
    check(out, folder, "xor")
    assert "2 inputs, 5 neurons and 12 synapses learn from 4 examples" in out
    assert "inputs 0 and 1: 0.99, and 1 is right" in out
    assert " 100.0%\n" in out
    assert opened == []
    log = na.open_log(folder / "xor.arrows")
    assert log.network.activations[-1] == "identity"
    assert log.steps[-1].loss == "sigmoid_cross_entropy"
    assert abs(log.step(60).blame).max() < 0.02  # the urgency falls as the loss does
    assert na.audit(folder / "xor.arrows").passed


def test_it_opens_the_page_and_overwrites_its_own(tmp_path, opened, monkeypatch) -> None:
    out, _ = run("demo", "xor", "-o", str(tmp_path), "--seed", "1")
    assert opened == [f"{(tmp_path / 'xor.html').as_uri()}#language=en"]
    assert "What next?" in out
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    french, _ = run("demo", "xor", "-o", str(tmp_path), "--seed", "2", "--lang", "fr")
    assert "Aucun navigateur" in french
    assert re.search("entrées 0 et 1\u00a0: (0,9|1,0)", french)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "README.txt",
        "xor.arrows",
        "xor.html",
    ]


def test_a_folder_that_is_not_its_own(tmp_path) -> None:
    (tmp_path / "xor.html").write_text("mine")
    _, err = run("demo", "-o", str(tmp_path), expected=2)
    assert "neuro-actors demo has not made it: choose another one with --out" in err
    assert err.count("\n") == 1
    assert (tmp_path / "xor.html").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1
    _, err = run("demo", "-o", str(tmp_path / "xor.html"), expected=2)
    assert "cannot be a folder: " in err
    (tmp_path / "xor.html").rename(tmp_path / "README.txt")
    run("demo", "-o", str(tmp_path), expected=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["spirals", "cats"])
def test_the_larger_ones(name: str, tmp_path) -> None:
    out, _ = run("demo", name, "-o", str(tmp_path), "--no-open")
    check(out, tmp_path, name)
    log = na.open_log(tmp_path / f"{name}.arrows")
    assert f"{log.network.weights.size:,} synapses" in out
    assert "only every 20th step is recorded" in out


def test_every_demo_has_its_texts_in_both_languages() -> None:
    assert demo_texts.ENGLISH.keys() == demo_texts.FRENCH.keys()
    for key, text in demo_texts.ENGLISH.items():
        fields = [
            sorted(f[1] for f in demo_texts.Teller("en").parse(one) if f[1])
            for one in (text, demo_texts.FRENCH[key])
        ]
        assert fields[0] == fields[1], key
    for name in demo.NAMES:
        assert {f"intro {name}", f"answers {name}"} <= demo_texts.ENGLISH.keys()


def test_each_starts_with_a_network_that_fits() -> None:
    for name in demo.NAMES:
        chosen = demo.choose_demo(name, 3)
        net = na.Network.layered([chosen.data.x.shape[1], *chosen.hidden, 1], seed=3)
        assert chosen.synapse in [(s.source, s.target) for s in net.synapses]


def test_a_log_of_some_steps_is_said_to_prove_a_part() -> None:
    for language in ("en", "fr"):
        tell = demo_texts.Teller(language)
        assert tell("part", every=20).count("20") == 1
        assert "{part}" in (demo_texts.ENGLISH, demo_texts.FRENCH)[language == "fr"]["end"]


def test_pictures() -> None:
    assert draw_bar(0.0) == "#"
    assert draw_bar(1.0) == "#" * 30
    assert draw_picture(np.array([[0, 1, 1.0], [0, 0, 1.0]])) == "     :#"
    rows = draw_map(lambda points: (points[:, 0] > 0).astype(float), 1.0).splitlines()
    assert rows == [" " * 25 + "#" * 20] * 17


def test_an_unknown_demo_is_answered_with_the_names(monkeypatch, capsys) -> None:
    for name, guess in (("foo", ""), ("spiral", "; did you mean 'spirals'?")):
        monkeypatch.setattr("sys.argv", ["neuro-actors", "demo", name])
        with pytest.raises(SystemExit):
            command_line.main()
        expected = f"there is no demo '{name}'; demos are xor, spirals, cats{guess}\n"
        assert capsys.readouterr().err == f"neuro-actors: {expected}"
