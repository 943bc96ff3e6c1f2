"""Every equation that a page prints is computed again, from the numbers on the page alone.

The panel is read as it stands in the browser. Nothing here uses the page's script or the package's
functions: `helpers/formulas.py` reads the formulas, and the optimizers are written here once more.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.formulas import Formula, read_number
from helpers.in_process_cluster import InProcess
from helpers.panel_reader import Viewer, bracketed, check_sends, section
from helpers.record import record

import neuro_actors as na
from neuro_actors.viewer.page import render_page
from neuro_actors.viewer.page_data import collect_page_data

pytestmark = pytest.mark.browser

XOR = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
ODD = np.array([[0.0], [1.0], [1.0], [0.0]])


@dataclass
class Numbers:
    """What a neuron's panel says."""

    a: float = math.nan
    u: float = math.nan
    v: float = math.nan
    logit: list[str] = field(default_factory=list)
    wants: dict[str, float] = field(default_factory=dict)
    learned: dict[str, list[float]] = field(default_factory=dict)


def check_neuron(viewer: Viewer, panel: dict[str, Any]) -> Numbers:
    """Check each equation of a neuron's panel. Returns its numbers."""
    found, is_mean = Numbers(), panel["of"].startswith("mean of")
    receives = section(panel, "receives")
    inputs: dict[str, str] = {}
    if receives and receives["tables"]:
        assert receives["formula"] == "z = Σ w·x + b"
        (table,) = receives["tables"]
        for name, weight, x, product in table["rows"]:
            viewer.true(f"{bracketed(weight)} × {bracketed(x)} = {product}")
            inputs[name] = x
        (*_, bias), (*_, z) = table["foot"]
        viewer.true_sum([*(row[-1] for row in table["rows"]), bias], z)
    elif receives:
        z = receives["results"][0].removeprefix("z = ")
    sends = section(panel, "sends")
    slope = ""
    if sends:
        result, *logit = sends["results"]
        found.a = read_number(result.rsplit("= ", 1)[1])
        if is_mean:
            assert sends["formula"] == "mean of a"
            assert "(" not in result
            assert sends["marks"] == []
            assert sends["slope"] == ""
            assert logit == []
        elif sends["formula"] != "a":
            slope = check_sends(viewer, sends, z, result)
        found.logit = logit
    urged = section(panel, "its urgency")
    if urged:
        check_urgency(viewer, urged)
        found.u = read_number(
            urged["tables"][0]["foot"][-1][-1] if urged["tables"] else urged["results"][0][4:]
        )
    passes = section(panel, "passes on")
    if passes:
        (result,) = passes["results"]
        found.v = read_number(result.rsplit("= ", 1)[1])
        if is_mean:
            assert passes["formula"] == "mean of v"
            assert "×" not in result
        else:
            assert passes["formula"] == "v = u · f′(z)"
            viewer.true(result.removeprefix("v = "))
            left, right = result.removeprefix("v = ").split(" = ")[0].split(" × ")
            assert read_number(left) == found.u
            assert not slope or read_number(right.strip("()")) == read_number(slope)
    wants = section(panel, "wants, and sends back")
    if wants:
        (table,) = wants["tables"]
        formula = "of a weight: mean of v·x" if is_mean else "of a weight: v·x"
        assert wants["formula"].split("   ") == [formula, "to its source: w·v"]
        v = table["foot"][0][1]
        assert read_number(v) == found.v
        for (name, want, back), (_, weight, *_) in zip(
            table["rows"], receives["tables"][0]["rows"], strict=True
        ):
            if not is_mean:
                viewer.true(f"{bracketed(v)} × {bracketed(inputs[name])} = {want}")
            if back != "–":
                viewer.true(f"{bracketed(weight)} × {bracketed(v)} = {back}")
            found.wants[name] = read_number(want)
    learns = section(panel, "learns")
    if learns:
        check_learns(viewer, learns, found, receives, is_mean)
    check_why(viewer, panel["why"])
    return found


def check_urgency(viewer: Viewer, urged: dict[str, Any]) -> None:
    if not urged["tables"]:
        assert urged["formula"] in ("u", "u = Σ urgencies")
        return
    assert urged["formula"] == "u = Σ urgencies"
    (table,) = urged["tables"]
    for name, weight, v, urgency in table["rows"]:
        if name != "the loss":
            viewer.true(f"{bracketed(weight)} × {bracketed(v)} = {urgency}")
    viewer.true_sum([row[-1] for row in table["rows"]], table["foot"][0][-1])


def check_learns(
    viewer: Viewer,
    learns: dict[str, Any],
    found: Numbers,
    receives: dict[str, Any] | None,
    is_mean: bool,
) -> None:
    """Check the table of changes, and the equations of the bias."""
    table = learns["tables"][0]
    weights = (
        {row[0]: row[1] for row in receives["tables"][0]["rows"]}
        if receives and receives["tables"]
        else {}
    )
    for name, *cells in [*table["rows"], *table["foot"]]:
        found.learned[name] = [read_number(cell) for cell in cells]
        if name in weights:
            *_, change, new = cells
            viewer.true(f"{bracketed(weights[name])} + {bracketed(change)} = {new}")
            if (
                is_mean
                and len(cells) == 3
                and name in found.wants
                and "last micro-batch" not in str(learns["notes"])
            ):
                assert found.learned[name][0] == found.wants[name]
    check_update(viewer, learns)


def check_update(viewer: Viewer, learns: dict[str, Any]) -> dict[str, list[float]]:
    """Check the equations of one parameter's update; returns the numbers of each by its formula."""
    steps: dict[str, list[float]] = {}
    for table in learns["tables"]:
        if table["head"][0] == "example":
            wants = [read_number(row[-1]) for row in table["rows"]]
            (label, mean) = table["foot"][0]
            assert label == f"g: mean of the {len(wants)} examples"
            room = 10.0 ** (1 - viewer.digits) * (sum(map(abs, wants)) + abs(read_number(mean)))
            assert np.mean(wants) == pytest.approx(read_number(mean), abs=room + 1e-300)
            steps["g"] = [read_number(mean)]
    for formula, numbers in learns["update"]:
        if " = " in numbers:
            viewer.true(numbers)
        left, _, right = numbers.rpartition(" = ")
        found = re.findall(r"−?\d+(?:\.\d+)?(?:·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?", left.replace(" − ", " + "))
        steps[formula.split(":")[0] if formula.startswith("g:") else formula] = [
            *map(read_number, found),
            read_number(right.lstrip("+").split("→ ")[-1]),
        ]
    return steps


def check_why(viewer: Viewer, lines: list[str]) -> None:
    number = r"([+−]?[\d.]+(?:·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?)"
    for line in lines:
        sends = re.search(
            rf"has the urgency {number} and the slope {number}, so v = {number}\. Through the weight {number} "
            rf"it sends .* the urgency {number}\.$",
            line,
        )
        mean = re.search(
            rf"and v = {number} \(both .*Through the weight {number} it sends .* the urgency {number}\.$",
            line,
        )
        if sends:
            u, slope, v, w, urgency = (text.rstrip(".") for text in sends.groups())
            viewer.true(f"{bracketed(u)} × {bracketed(slope)} = {v}")
            viewer.true(f"{bracketed(w)} × {bracketed(v)} = {urgency}")
        elif mean:
            v, w, urgency = (text.rstrip(".") for text in mean.groups())
            viewer.true(f"{bracketed(w)} × {bracketed(v)} = {urgency}")
        else:
            assert (
                line.startswith(("The loss receives", "That is all that")) or "adds up all" in line
            ), line


def check_synapse(viewer: Viewer, panel: dict[str, Any]) -> dict[str, list[float]]:
    """Check each equation of a synapse's panel; returns the numbers of its update."""
    facts, is_mean = dict(panel["facts"]), panel["of"].startswith("mean of")
    w, x = facts["weight w"], facts["activation, forward"]
    for key, factors in (
        ("w·x", (w, x)),
        ("urgency, back: w·v", (w, facts.get("its v", "–"))),
        ("urgency of the weight: v·x", (facts.get("its v", "–"), x)),
    ):
        text = facts.get(key, "")
        if " = " in text:
            viewer.true(text)
            left = text.split(" = ")[0].split(" × ")
            assert [read_number(one.strip("()")) for one in left] == [
                read_number(one) for one in factors
            ]
    assert ("urgency of the weight: v·x" in facts) != (
        is_mean or "urgency of the weight: mean of v·x" in facts
    ) or ("its v" not in facts)
    learns = section(panel, "learns")
    return check_update(viewer, learns) if learns else {}


LOGITS: dict[str, Callable[..., Any]] = {
    "sigmoid_cross_entropy": lambda p: 1 / (1 + np.exp(-p)),
    "softmax_cross_entropy": lambda p: np.exp(p) / np.exp(p).sum(),
}


def check_loss(viewer: Viewer, panel: dict[str, Any], loss: str) -> list[float]:
    """Check the loss and the urgencies that it sends, by its own formulas.

    Returns the probabilities of the outputs, where these are logits.
    """
    formulas = [kind for kind in panel["kinds"] if " = " in kind]
    if panel["of"].startswith("mean of"):
        assert formulas == []
        assert len(panel["tables"][0]["head"]) == 4
        return []
    value, urgency = formulas
    p, *probability, t, u = np.array(
        [[read_number(cell) for cell in row[1:]] for row in panel["tables"][0]["rows"]]
    ).T
    assert value.startswith(f"{loss} = ")
    found = read_number(panel["results"][0].split(": ")[1])
    room = 1e-9 if viewer.digits == 16 else 2e-2
    assert float(Formula(value.removeprefix(f"{loss} = "))(p=p, t=t)) == pytest.approx(
        found, rel=room, abs=1e-12
    )
    assert bool(probability) == (loss in LOGITS)
    for values in probability:
        assert values == pytest.approx(LOGITS[loss](p), rel=room, abs=1e-12)
    expected = Formula(urgency.removeprefix("urgency of an output: −∂L/∂p = "))(p=p, t=t)
    assert np.broadcast_to(expected, u.shape) == pytest.approx(
        u, rel=room, abs=1e-3 if room > 1e-3 else 1e-12
    )
    return probability[0].tolist() if probability else []


# --- the optimizers, once more ------------------------------------------------------------------


def sgd(
    rate: Callable[[int], float], momentum: float = 0.0, decay: float = 0.0
) -> Callable[..., Any]:
    """Return a function that checks one update of SGD and returns its state."""

    def check(
        seen: dict[str, list[float]], g: float, w: float, state: list[float], count: int
    ) -> list[float]:
        if decay:
            values = seen["weight decay: g − λ · w"]
            assert values == near([g, decay, w, g - decay * w])
            g = g - decay * w
        step = g
        if momentum:
            (velocity,) = state or [0.0]
            step = momentum * velocity + g
            assert seen["velocity = momentum · velocity before + g"] == near(
                [momentum, velocity, g, step]
            )
        key = "change = rate · velocity" if momentum else "change = rate · g"
        change = rate(count) * step
        assert seen[key] == near([rate(count), step, change])
        assert seen["new w = w + change"] == near([w, change, w + change])
        return [step]

    return check


def adam(rate: Callable[[int], float], decay: float = 0.0) -> Callable[..., Any]:
    def check(
        seen: dict[str, list[float]], g: float, w: float, state: list[float], count: int
    ) -> list[float]:
        if decay:
            g = g - decay * w
            assert seen["weight decay: g − λ · w"][-1] == near(g)
        m, s = state or [0.0, 0.0]
        new_m, new_s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g * g
        assert seen["m = β₁ · m before + (1 − β₁) · g"] == near([0.9, m, 0.1, g, new_m])
        assert seen["s = β₂ · s before + (1 − β₂) · g²"][:4] == near([0.999, s, 0.001, g])
        hat_m, hat_s = new_m / (1 - 0.9**count), new_s / (1 - 0.999**count)
        assert seen["m̂ = m / (1 − β₁ᵗ)"][-1] == near(hat_m)
        assert seen["ŝ = s / (1 − β₂ᵗ)"][-1] == near(hat_s)
        change = rate(count) * hat_m / (math.sqrt(hat_s) + 1e-8)
        assert seen["change = rate · m̂ / (√ŝ + ε)"] == near(
            [rate(count), hat_m, hat_s, 1e-8, change]
        )
        assert seen["new w = w + change"] == near([w, change, w + change])
        return [new_m, new_s]

    return check


def near(expected: Any) -> Any:
    return pytest.approx(expected, rel=1e-9, abs=1e-15)


# --- the logs ------------------------------------------------------------------------------------


@dataclass
class Run:
    """A log, and what is to be expected of it."""

    make: Callable[[Path], object]
    loss: str | None = None
    optimizer: Callable[..., Any] | None = None
    formula: str = ""


def train(net: na.Network, x: Any, t: Any, **how: Any) -> Callable[[Path], object]:
    return lambda path: na.train(net, x, t, log=path, **how)


def mixed(outputs: int, output: str = "identity", seed: int = 0) -> na.Network:
    """Neurons of all activation functions, one of which is dead."""
    kinds = ["tanh", "sigmoid", "relu", "leaky_relu", "softplus", "elu", "gelu", "sin", "identity"]
    rng = np.random.default_rng(seed)
    hidden = [na.Neuron(f"h {kind}", kind, rng.normal()) for kind in kinds] + [
        na.Neuron("dead", "relu", -50.0)
    ]
    ends = [na.Neuron(f"y{k}", output) for k in range(outputs)]
    synapses = [na.Synapse(x, h.id, rng.normal()) for h in hidden for x in ("x0", "x1")]
    synapses += [na.Synapse(h.id, y.id, rng.normal() / 3) for y in ends for h in hidden]
    return na.Network(
        [na.Input("x0"), na.Input("x1"), *hidden, *ends], synapses, [y.id for y in ends]
    )


RNG = np.random.default_rng(3)
X5, CLASSES = RNG.normal(size=(5, 2)), np.eye(3)[[0, 1, 2, 1, 0]]
SMALL = na.Network.layered([2, 3, 1], output_activation="sigmoid", seed=1)


def gradients(path: Path) -> None:
    async def acts(s: na.Simulation) -> None:
        await s.gradient(X5, CLASSES, loss="squared_error", wrt_inputs=True)
        await s.predict(X5[:2])
        await s.gradient(X5[:1], CLASSES[:1], loss="squared_error")

    record(path, mixed(3), acts)


def workers(path: Path) -> None:
    async def acts(s: na.Simulation) -> None:
        for _ in range(4):
            await s.train_step(XOR, ODD, loss="cross_entropy", optimizer=na.SGD(0.5, 0.9))

    record(path, SMALL, acts, engine=InProcess(replicas=2, shards=2), micro_batches=2)


def pictures(path: Path) -> None:
    rng = np.random.default_rng(0)
    x = np.cumsum(np.cumsum(rng.normal(size=(5, 6, 6)), 1), 2).reshape(5, 36) / 9
    net = na.Network.layered([36, 3, 2], seed=0)
    na.train(
        net, x, np.eye(2)[[0, 1, 0, 1, 1]], optimizer=na.SGD(0.01), epochs=3, batch_size=5, log=path
    )


def population(path: Path) -> None:
    async def acts(s: na.Simulation) -> None:
        for _ in range(2):
            await s.train_step(RNG.normal(size=(2, 30)), np.eye(10)[:2], optimizer=na.Adam(0.01))

    record(path, na.Network.layered([30, 70, 10], activation="relu", seed=0), acts)


RUNS = {
    "momentum": Run(
        train(SMALL, XOR, ODD, loss="cross_entropy", optimizer=na.SGD(0.5, momentum=0.9), epochs=4, batch_size=4),
        "cross_entropy", sgd(lambda _: 0.5, 0.9), "w + rate · velocity",
    ),
    "adam": Run(
        train(SMALL, XOR, ODD, optimizer=na.Adam(na.CosineDecay(0.1, 6), weight_decay=0.01), epochs=6, batch_size=4),
        "squared_error", adam(lambda t: 0.05 * (1 + math.cos(math.pi * (t - 1) / 6)), 0.01), "w + rate · m̂ / (√ŝ + ε)",
    ),
    "decay": Run(
        train(mixed(2), X5, CLASSES[:, :2], loss="huber", optimizer=na.SGD(na.StepDecay(0.1, 2), 0.5, 0.1), epochs=3, batch_size=5),
        "huber", sgd(lambda t: 0.1 * 0.5 ** ((t - 1) // 2), 0.5, 0.1), "w + rate · velocity",
    ),
    "classes": Run(
        train(mixed(3), X5, CLASSES, loss="softmax_cross_entropy", optimizer=na.SGD(lambda t: 0.1 / t), epochs=2, batch_size=3),
        "softmax_cross_entropy", sgd(lambda t: 0.1 / t), "w + rate · g",
    ),
    "single": Run(
        train(mixed(2), X5, CLASSES[:, :2], loss="sigmoid_cross_entropy", optimizer=na.Adam(0.01), epochs=1, batch_size=1),
        "sigmoid_cross_entropy", adam(lambda _: 0.01), "w + rate · m̂ / (√ŝ + ε)",
    ),
    "divergence": Run(
        train(mixed(2, "sigmoid"), X5, CLASSES[:, :2], loss="kl_divergence", optimizer=na.SGD(0.1, weight_decay=0.1), epochs=2, batch_size=5),
        "kl_divergence", sgd(lambda _: 0.1, 0.0, 0.1), "w + rate · (g − λ·w)",
    ),
    "absolute": Run(
        train(mixed(1), X5, CLASSES[:, :1], loss="absolute_error", optimizer=na.SGD(0.01), epochs=2, batch_size=5),
        "absolute_error", sgd(lambda _: 0.01), "w + rate · g",
    ),
    "gradient": Run(gradients, "squared_error"),
    "pictures": Run(pictures, "squared_error", sgd(lambda _: 0.01), "w + rate · g"),
    "workers": Run(workers, "cross_entropy"),
    "faults": Run(
        train(SMALL, XOR, ODD, loss="cross_entropy", optimizer=na.SGD(0.5, momentum=0.9), epochs=4, batch_size=4,
              channels=na.Unreliable(drop=0.2, crash=0.1, seed=1)),
        "cross_entropy", sgd(lambda _: 0.5, 0.9), "w + rate · velocity",
    ),
    "population": Run(population, "squared_error", adam(lambda _: 0.01), "w + rate · m̂ / (√ŝ + ε)"),
    "gaps": Run(
        lambda path: na.train(SMALL, XOR, ODD, optimizer=na.SGD(0.5, 0.9), epochs=7, batch_size=4, log=na.Recording(path, every=3)),
        "squared_error", None, "w + rate · velocity",
    ),
    "feedback": Run(
        train(na.Network.layered([2, 3, 3, 1], seed=0), XOR, ODD, optimizer=na.SGD(0.1), epochs=2, batch_size=4, rule=na.rules.FeedbackAlignment()),
        "squared_error", sgd(lambda _: 0.1), "w + rate · g",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    folder = tmp_path_factory.mktemp("equations")

    def page(name: str) -> Path:
        path = folder / f"{name}.html"
        if not path.exists():
            RUNS[name].make(folder / f"{name}.arrows")
            path.write_text(
                render_page(collect_page_data(na.open_log(folder / f"{name}.arrows"))), "utf-8"
            )
        return path

    return page


@pytest.mark.parametrize("name", RUNS)
def test_every_equation_is_true(
    look: Callable[..., Any], made: Callable[[str], Path], name: str
) -> None:
    viewer = Viewer(look("", path=made(name)), 16)
    for step, info in enumerate(viewer.steps[:2]):
        examples = info["inputs"] if info["examples"] == info["batch"] else info["inputs"][:2]
        seen = [check_step(viewer, step, example, RUNS[name]) for example in examples]
        mean = check_step(viewer, step, -1, RUNS[name])
        if info["batch"] > 1 and len(examples) == info["batch"]:
            for k, numbers in mean.items():
                check_means([one[k] for one in seen], numbers)
    check_step(viewer, len(viewer.steps) - 1, viewer.steps[-1]["inputs"][0], RUNS[name])


@pytest.mark.parametrize("name", ["momentum", "adam", "decay", "pictures", "population"])
def test_every_equation_is_true_with_few_digits(
    look: Callable[..., Any], made: Callable[[str], Path], name: str
) -> None:
    viewer = Viewer(look("", path=made(name)), 4)
    for example in (viewer.steps[1]["inputs"][1], -1):
        check_step(viewer, 1, example, RUNS[name])


def test_a_page_of_seven_digits_has_true_equations_and_leaves_none_out(
    look: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuro_actors.viewer.selection.PAGE_BYTES", 0)
    log = tmp_path / "a.arrows"
    na.train(SMALL, XOR, ODD, optimizer=na.Adam(0.01), epochs=60, batch_size=4, log=log)
    data = collect_page_data(na.open_log(log), max_mb=0.1)
    assert data["item"] == 4
    path = tmp_path / "a.html"
    path.write_text(render_page(data), "utf-8")
    viewer = Viewer(look("", path=path), 4)
    run = Run(lambda _: None, "squared_error")
    last = len(viewer.steps) - 1
    for example in (1, -1):
        check_step(viewer, last, example, run)
        panel = viewer.read({"kind": "synapse", "k": 0}, last, example)
        assert "change = rate · m̂ / (√ŝ + ε)" in check_synapse(viewer, panel)


def check_step(viewer: Viewer, step: int, example: int, run: Run) -> dict[int, Numbers]:
    """Check the panels of neurons, synapses and the loss. Returns the neurons' numbers."""
    some = [k for k in range(len(viewer.ids)) if viewer.activations[k] is not None or k < 1]
    some = some if len(some) < 20 else [*some[:2], some[5], some[-1]]
    found = {}
    for k in some:
        found[k] = check_neuron(viewer, viewer.read({"kind": "neuron", "k": k}, step, example))
    for s in range(0, len(viewer.sources), max(1, len(viewer.sources) // 4)):
        check_synapse(viewer, viewer.read({"kind": "synapse", "k": s}, step, example))
    panel = viewer.read({"kind": "loss"}, step, example)
    if viewer.steps[step]["loss"] is not None:
        probabilities = check_loss(viewer, panel, str(run.loss))
        for row, k in enumerate(viewer.outputs):
            if k in found:
                logit = [read_number(text.rsplit("= ", 1)[1]) for text in found[k].logit]
                assert logit == probabilities[row : row + 1]
    return found


def check_means(examples: list[Numbers], mean: Numbers) -> None:
    """Check that the numbers of the mean are the means of the examples' numbers."""

    def check(values: list[float], found: float) -> None:
        if not math.isnan(found) and not any(map(math.isnan, values)):
            assert np.mean(values) == pytest.approx(
                found, abs=1e-12 * (sum(map(abs, values)) + 1e-300)
            )

    for what in ("a", "u", "v"):
        check([getattr(one, what) for one in examples], getattr(mean, what))
    for name, want in mean.wants.items():
        check([one.wants[name] for one in examples], want)


@pytest.mark.parametrize("name", [name for name, run in RUNS.items() if run.optimizer])
def test_the_updates_follow_from_each_other(
    look: Callable[..., Any], made: Callable[[str], Path], name: str
) -> None:
    """From the urgencies on the page alone come all velocities, moments, changes and weights."""
    run, viewer = RUNS[name], Viewer(look("", path=made(name)), 16)
    assert run.optimizer is not None
    for s in (0, len(viewer.sources) - 1):
        state: list[float] = []
        after = None
        for step, info in enumerate(viewer.steps):
            panel = viewer.read({"kind": "synapse", "k": s}, step, info["inputs"][0])
            seen, facts = check_synapse(viewer, panel), dict(panel["facts"])
            learns = section(panel, "learns")
            assert learns is not None
            assert learns["formula"] == run.formula
            w = read_number(facts["weight w"])
            assert after in (None, w)
            if "g" in seen:
                g = seen["g"][-1]
            elif info["batch"] == 1:
                g = read_number(facts["urgency of the weight: v·x"].split(" = ")[1])
            state = run.optimizer(seen, g, w, state, step + 1)
            after = seen["new w = w + change"][-1]
            if info["batch"] > 1:
                assert (
                    f"It learns from the mean of the {info['batch']} examples" in learns["notes"][0]
                )


def test_what_is_not_on_record_is_said(
    look: Callable[..., Any], made: Callable[[str], Path]
) -> None:
    viewer = Viewer(look("", path=made("gaps")), 4)
    for step, is_known in ((0, True), (1, False), (2, False)):
        panel = viewer.read({"kind": "synapse", "k": 0}, step, 1)
        learns = section(panel, "learns")
        assert learns is not None
        equations = dict(learns["update"])
        assert ("change = rate · velocity" in equations) == is_known
        assert ("not on record" in str(learns["notes"])) != is_known
        assert ("→" in equations["new w = w + change"]) != is_known


def test_messages_of_another_rule_have_no_formula(
    look: Callable[..., Any], made: Callable[[str], Path]
) -> None:
    viewer = Viewer(look("", path=made("feedback")), 4)
    panel = viewer.read({"kind": "neuron", "k": viewer.ids.index("h2.0")}, 0, 1)
    assert "Another rule made it" in panel["warnings"][0]
    assert section(panel, "passes on") is None
    panel = viewer.read({"kind": "neuron", "k": viewer.ids.index("h1.0")}, 0, 1)
    assert "The messages of its followers are not w·v" in str(section(panel, "its urgency"))


def test_an_example_is_followed_and_missed(
    look: Callable[..., Any], made: Callable[[str], Path]
) -> None:
    page = look("", path=made("momentum"))
    labels = page.locator("#example option").all_inner_texts()
    assert labels == ["(0, 0) → 0", "(0, 1) → 1", "(1, 0) → 1", "(1, 1) → 0", "mean of the batch"]
    page.select_option("#example", "1")
    viewer = Viewer(page, 16)
    for step in range(4):
        panel = viewer.read({"kind": "neuron", "k": 2}, step, 1)
        assert panel["of"] == "example (0, 1), target 1"
        rows = section(panel, "receives")["tables"][0]["rows"]
        assert [read_number(row[2]) for row in rows] == [0.0, 1.0]
        assert section(panel, "over the steps: (0, 1) → 1") is not None
    viewer = Viewer(look("", path=made("classes")), 4)
    step, missing = next(
        (k, number)
        for k, info in enumerate(viewer.steps)
        for number in range(5)
        if number not in info["inputs"]
    )
    panel = viewer.read({"kind": "neuron", "k": 2}, step, missing)
    assert panel["of"].startswith("mean of")
    viewer.page.get_by_role("button", name=re.compile("^Go to step")).click()
    shown = viewer.page.evaluate("neuroActors.state.step")
    assert missing in viewer.steps[shown]["inputs"]
    viewer.page.evaluate("neuroActors.draw()")
    assert viewer.page.locator("#panel .of").inner_text().startswith("example (")


def test_without_a_choice_each_step_shows_an_example_of_its_own(
    look: Callable[..., Any], made: Callable[[str], Path]
) -> None:
    page = look("", path=made("single"))
    seen = set()
    for step in range(5):
        page.evaluate(f"neuroActors.goStep({step}); neuroActors.draw()")
        (own,) = page.evaluate("neuroActors.drawn.info.inputs")
        seen.add(own)
        assert page.evaluate("neuroActors.drawn.view.example") == own
        assert page.input_value("#example") == str(own)
    assert len(seen) == 5
    choose_neuron = "neuroActors.choose({kind: 'neuron', k: 2}); neuroActors.draw()"
    page.evaluate(choose_neuron)
    assert page.get_by_role("heading", name="over the steps: mean of the batch").count() == 1
    page.select_option("#example", "0")
    page.evaluate("neuroActors.draw()")
    assert page.get_by_role("heading", name=re.compile(r"over the steps: \(")).count() == 1


def test_pictures_are_chosen_by_their_looks(
    look: Callable[..., Any], made: Callable[[str], Path]
) -> None:
    page = look("", path=made("pictures"))
    page.evaluate("neuroActors.draw()")
    buttons = page.locator("#panel .thumbnails button")
    assert buttons.count() == 5
    buttons.nth(3).click()
    page.evaluate("neuroActors.draw()")
    assert buttons.nth(3).get_attribute("aria-pressed") == "true"
    number = page.evaluate("neuroActors.state.example")
    assert buttons.nth(3).get_attribute("aria-label").startswith(f"picture {number + 1}")
