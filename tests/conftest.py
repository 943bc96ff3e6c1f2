"""What all tests share: tiers, networks, engines. A new engine is tested by adding its name here."""

from __future__ import annotations

import os
import signal
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # one process a core, and no thread more; before numpy
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.simulation.checkpoint.saving import Saver

pytest.register_assert_rewrite("helpers")

MODULES = {  # of each marker of the second tier: what its tests import
    "slow": (),
    "ray": ("ray",),
    "browser": ("playwright",),
    "docs": ("mkdocs", "material", "mkdocs_static_i18n", "mkdocstrings"),
    "torch": ("torch",),
    "notebook": ("jupyterlab", "anywidget"),
}
LEFT_OUT = pytest.StashKey[int]()

# a shell ignores SIGINT for what it runs in the background
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--run-slow",
        action="store_true",
        help="run all tests: exhaustive cases too, and those of Ray, browser, docs, torch, notebook",
    )
    parser.addoption("--note-passed", metavar="FILE", help="write the ids of tests that passed")
    parser.addoption("--without", metavar="FILE", help="leave out the tests that a file names")
    parser.addoption(
        "--share", metavar="K/N", help="of the slow tests of each file run every N-th, from K on"
    )


class Passed:
    """Notes which tests have passed, for a later run of the rest."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.outcomes: dict[str, bool] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        fine = report.passed and self.outcomes.get(report.nodeid, True)
        self.outcomes[report.nodeid] = fine

    def pytest_sessionfinish(self) -> None:
        self.file.write_text("".join(f"{one}\n" for one, fine in self.outcomes.items() if fine))


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("--note-passed")
    if file and not hasattr(config, "workerinput"):  # a worker's reports reach the first process
        config.pluginmanager.register(Passed(Path(file).absolute()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the slow tests, except with --run-slow."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    if file := config.getoption("--without"):
        passed = set(Path(file).read_text().splitlines())
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in passed])
        items[:] = [item for item in items if item.nodeid not in passed]
    if share := config.getoption("--share"):
        _leave_out_other_shares(config, items, *map(int, share.split("/")))
    if config.getoption("--run-slow"):
        return
    slow = [item for item in items if any(map(item.get_closest_marker, MODULES))]
    config.stash[LEFT_OUT] = len(slow)
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if not any(map(item.get_closest_marker, MODULES))]


def _leave_out_other_shares(
    config: pytest.Config, items: list[pytest.Item], k: int, n: int
) -> None:
    """Of each file's slow tests leave out those of other shares; each test belongs to one."""
    counts: dict[Path, int] = {}
    others = set()
    for item in items:
        if any(map(item.get_closest_marker, MODULES)):
            counts[item.path] = counts.get(item.path, 0) + 1
            if counts[item.path] % n != k % n:
                others.add(item)
    config.hook.pytest_deselected(items=[item for item in items if item in others])
    items[:] = [item for item in items if item not in others]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose marker's modules are not installed, and say how to install them."""
    from helpers.tiers import skip_without  # not before its assertions are rewritten

    for marker in item.iter_markers():
        for module in MODULES.get(marker.name, ()):
            skip_without(module)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take over the count of a worker of pytest-xdist; each collects all tests."""
    output = getattr(node, "workeroutput", {})
    node.config.stash[LEFT_OUT] = output.get("left_out", 0)  # type: ignore[attr-defined]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash.get(LEFT_OUT, 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if count := terminalreporter.config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(
            f"{count} slow tests were left out. All: pip install -e '.[test-all]', then pytest --run-slow"
        )


@pytest.fixture(scope="session")
def run_slow(request: pytest.FixtureRequest) -> bool:
    """Whether a test goes through all of its cases, or through a few."""
    return request.config.getoption("--run-slow")


@pytest.fixture(params=["memory", "bundled"])
def channels(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def diamond() -> na.Network:
    """x -> two hidden neurons -> y, with a skip x -> y; h1 is an output that also feeds y; one inhibitory synapse."""
    return na.Network(
        neurons=[
            na.Input("x"),
            na.Neuron("h1", activation="tanh", bias=0.1),
            na.Neuron("h2", activation="sigmoid", bias=-0.2),
            na.Neuron("y", activation="identity", bias=0.3),
        ],
        synapses=[
            na.Synapse("x", "h1", weight=0.5),
            na.Synapse("x", "h2", weight=-1.5),
            na.Synapse("h1", "y", weight=2.0),
            na.Synapse("h2", "y", weight=-0.75),
            na.Synapse("x", "y", weight=0.25),
        ],
        outputs=["y", "h1"],
    )


@pytest.fixture
def batch(diamond: na.Network) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.standard_normal((7, 1)), rng.standard_normal((7, 2))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """An activation function that fails on negative signals."""
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))

    def root(z: np.ndarray) -> np.ndarray:
        if (z < 0).any():
            raise ZeroDivisionError("no root")
        return np.sqrt(z)

    functions.ACTIVATIONS["root"] = na.Activation(root, lambda z, a: 0.5 / a)
    return na.Network(
        [na.Input("x"), na.Neuron("h", "root"), na.Neuron("y")],
        [na.Synapse("x", "h", 1.0), na.Synapse("h", "y", 1.0)],
        ["y"],
    )


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch):
    """stop(k): the run that comes next is asked to stop when k of its steps are over, as a Ctrl-C would ask it."""
    after_step, at = Saver.after_step, [0]

    async def asked(self, simulation) -> None:
        if self._steps_done == at[0]:
            self.signals.received = 2
        await after_step(self, simulation)

    monkeypatch.setattr(Saver, "after_step", asked)
    return lambda k: at.__setitem__(0, k)
