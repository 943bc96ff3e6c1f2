from __future__ import annotations

import os
import subprocess
import sys

import pytest
import trio
from helpers.cli_logs import run, run_process

import neuro_actors as na
from neuro_actors.cli import command_line as cli
from neuro_actors.cli.output import import_all
from neuro_actors.network.field import Field
from neuro_actors.neuron import local_rule as neuron


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("log") / "run.arrows"
    net = na.Network.layered([2, 2, 1], seed=1)

    async def write() -> None:
        async with na.open_simulation(net, log=path) as simulation:
            for _ in range(3):
                await simulation.train_step([[1.0, 2.0]], [[0.5]], optimizer=na.SGD(0.1))

    trio.run(write)
    return str(path)


def test_verify(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["neuro-actors", "verify", "--networks", "3", "--seed", "1"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert out.startswith("3 networks, ")
    assert "finite differences" in out
    assert out.rstrip().endswith("All agree.")


def test_verify_fails_with_the_seed_that_reproduces_it(
    capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = neuron.spread
    monkeypatch.setattr(
        neuron, "spread", lambda weights, values, out: right(weights * (1 + 1e-9), values, out)
    )
    monkeypatch.setattr(sys, "argv", ["neuro-actors", "verify", "--networks", "2", "--seed", "5"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out = capsys.readouterr().out
    assert ended.value.code == 1
    assert "FAILED: neuro-actors verify --networks 1 --seed 5 " in out.replace("\n", " ")


def test_networks_of_any_kind(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the command that draws one of them again."""
    arguments = ["neuro-actors", "verify", "--any", "--networks", "2", "--seed", "5"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.rstrip().endswith("All agree.")
    scatter = Field.scatter_rows
    monkeypatch.setattr(Field, "scatter_rows", lambda self, rows: 1.001 * scatter(self, rows))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    found = capsys.readouterr().out.replace("\n", " ")
    assert "FAILED: neuro-actors verify --any --networks 1 --seed 5 " in found


def test_show(log: str) -> None:
    lines = run("log", "show", log)[0].splitlines()
    assert lines[0] == "step 1: learn from squared_error, 1 example, by SGD(learning_rate=0.1)"
    assert (
        sum(line.startswith("step 2: ") for line in lines) == (len(lines) - 1) / 3
    )  # and one that ends


def test_show_filters(log: str) -> None:
    def show(*arguments: str) -> list[str]:
        return run("log", "show", log, *arguments)[0].splitlines()

    assert all(line.startswith("step 2: ") for line in show("--step", "2"))
    assert {line.split()[2] for line in show("--step", "2", "--neuron", "h1.0")} == {
        "x0",
        "x1",
        "h1.0",
        "y0",
    }
    assert all(" activation " in line for line in show("--phase", "forward"))
    assert len(show("--phase", "backward")) == 3 * 3
    assert len(show("--limit", "4")) == 4


def test_a_pipe_that_closes_early_is_no_error(log: str) -> None:
    command = f"{sys.executable} -m neuro_actors log show {log} | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


def test_ids_that_the_terminal_cannot_show(tmp_path) -> None:
    net = na.Network([na.Input("х → 1"), na.Neuron("é")], [na.Synapse("х → 1", "é", 1.0)], ["é"])

    async def write() -> None:
        async with na.open_simulation(net, log=tmp_path / "a.arrows") as simulation:
            await simulation.predict([[1.0]])

    trio.run(write)
    command = [sys.executable, "-m", "neuro_actors", "log", "show", str(tmp_path / "a.arrows")]
    done = subprocess.run(
        command, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "latin-1"}, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (
        rb"step 1: \u0445 \u2192 1 told \xe9: activation 1.000".replace(rb"\xe9", b"\xe9")
        in done.stdout
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["log", "show", "none.arrows"], "neuro-actors: 'none.arrows': there is no such file"),
        (["log", "show", "LOG", "--neuron", "h1.11"], "; did you mean 'h1.1'?"),
        (["log", "show", "LOG", "--step", "0"], "Invalid value for '--step'"),
        (["log", "show", "LOG", "--phase", "sideways"], "Invalid value for '--phase'"),
        (["log", "show"], "Missing argument 'FILE'"),
        (["log", "shwo", "LOG"], "No such command 'shwo'"),
        (["verify", "--networks", "0"], "Invalid value for '--networks'"),
        (["verify", "--networks", "many"], "Invalid value for '--networks'"),
        (["verify", "--channels", "memroy"], "unknown channels 'memroy': did you mean 'memory'?"),
        (["verify", "--fast"], "No such option"),
        (["prove"], "No such command 'prove'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, log: str
) -> None:
    ask = run_process if arguments[-1] == "none.arrows" else run
    out, err = ask(*[log if a == "LOG" else a for a in arguments], expected=2)
    assert out == ""
    assert message in err
    assert err.startswith("neuro-actors: ")
    assert err.count("\n") == 1


def commands(group=cli.cli, path=()):
    for name, command in group.commands.items():
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", [path for path, _ in commands()], ids=" ".join)
def test_help_teaches(path: tuple[str, ...]) -> None:
    out, _ = run(*path, "--help")
    assert f"Usage: neuro-actors {' '.join(path)}" in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_first_sentence_is_short_enough_for_the_list() -> None:
    for path, command in commands():
        first = command.help.partition("\n\n")[0].replace("\n", " ").partition(". ")[0]
        assert len(first) <= 60, (path, first)
    for group in ([], ["log"], ["checkpoint"]):
        listed = run(*group, "--help")[0].partition("Commands:")[2]
        assert listed
        assert "..." not in listed


def test_every_option_is_explained() -> None:
    for path, command in commands():
        assert command.help, path
        for parameter in command.params:
            assert getattr(parameter, "help", None) or parameter.param_type_name == "argument", (
                path,
                parameter.name,
            )


def test_version() -> None:
    assert run_process("--version")[0].startswith("neuro-actors 0.")


def test_shell_completion(run_slow: bool) -> None:
    """click's own `main` answers the shell; ours must, too."""
    asked = {"COMP_WORDS": "neuro-actors lo", "COMP_CWORD": "1"}
    command = [sys.executable, "-m", "neuro_actors"]
    variable = "_NEURO_ACTORS_COMPLETE"
    kinds = {"bash_complete": "plain,log\n", "zsh_source": "#compdef"}
    for kind, expected in [*kinds.items()][: 2 if run_slow else 1]:
        done = subprocess.run(
            command,
            env=os.environ | asked | {variable: kind},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(expected)


@pytest.mark.slow
@pytest.mark.parametrize("optimized", ["-OO"])
def test_without_docstrings_and_assertions(optimized: str, tmp_path) -> None:
    code = (
        "import neuro_actors as na\n"
        "net, x, t = na.Network.layered([2, 4, 1], seed=1), [[1.0, 2.0]] * 8, [[1.0]] * 8\n"
        "more = {'log': 'a.arrows', 'checkpoint': 'run'}\n"
        "result = na.train(net, x, t, optimizer=na.Adam(0.1), epochs=3, **more)\n"
        "print(na.audit('a.arrows').passed, na.resume('run') == result)"
    )
    for rest in (["-c", code], *(["-m", "neuro_actors", *words.split()] for words in (
        "--help", "log --help", "verify --networks 2", "audit a.arrows", "log info a.arrows",
        "faults --schedules 2", "checkpoint info run",
    ))):  # fmt: skip
        done = subprocess.run(
            [sys.executable, optimized, *rest],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("True True") or rest[0] == "-m"


def test_a_module_in_the_current_folder_is_imported(tmp_path, monkeypatch) -> None:
    (tmp_path / "rules_of_mine.py").write_text("FOUND = True\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    import_all(["rules_of_mine"])
    assert sys.modules.pop("rules_of_mine").FOUND
    assert sys.path == before
    with pytest.raises(na.InputError, match="^--import 'no_such_module': ModuleNotFoundError"):
        import_all(["no_such_module"])
    with pytest.raises(na.InputError, match="leave off .py: --import rules_of_mine$"):
        import_all(["rules_of_mine.py"])
