"""Reads the panel of a page as it stands in the browser, and checks what it prints."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from helpers.formulas import Formula, holds, read_number

READ = """() => {
    const panel = document.getElementById("panel");
    const all = (root, what) => [...root.querySelectorAll(what)];
    const text = (node) => (node === null ? "" : node.textContent);
    const texts = (root, what) => all(root, what).map(text);
    const cells = (row) => [...row.children].map(text);
    const tables = (root) => all(root, "table").map((table) => ({
        head: texts(table, "thead th"), rows: all(table, "tbody tr").map(cells), foot: all(table, "tfoot tr").map(cells),
    }));
    const pairs = (root, what) => all(root, what).map((row) => [text(row.querySelector("dt")), text(row.querySelector("dd"))]);
    const sections = all(panel, "section").map((section) => ({
        title: text(section.querySelector("h3 .what")), formula: text(section.querySelector("h3 .formula")),
        results: texts(section, ".result"), notes: texts(section, ".note"), slope: text(section.querySelector(".slope")),
        tables: tables(section), update: pairs(section, ".update > div"), marks: texts(section, "svg text"),
    }));
    const known = "h3 .formula, dt, .update dd, .facts dd, .result, .slope, svg text, .kind, .reason li";
    const unknown = all(panel, "*").filter((node) => !node.children.length && text(node).includes(" = ") && !node.closest(known)).map(text);
    return {
        title: text(panel.querySelector("h2")), of: text(panel.querySelector(".of")), kinds: texts(panel, ".kind"),
        warnings: texts(panel, ".warn"), facts: pairs(panel, ".facts > div"), results: texts(panel, ".result"),
        tables: tables(panel), why: texts(panel, ".reason li"), sections, unknown,
    };
}"""


class Viewer:
    """A page, whose panel is read.

    Args:
        page: The page in the browser.
        digits: How many digits its numbers have: 4, or 16 for all.
    """

    def __init__(self, page: Any, digits: int) -> None:
        self.page, self.digits = page, digits
        page.locator("#settings summary").click()
        page.select_option("#digits", "17" if digits == 16 else "4")
        page.locator("#settings summary").click()
        page.evaluate("""() => {
            const { network } = neuroActors.run, all = new Set();
            for (let k = 0; k < network.n; k++)
                for (const what of ["receives", "urged", "wants", "learns", "bias"]) all.add(`${what} ${k}`);
            for (let place = 0; place < network.n + network.sources.length; place++) all.add(`batch ${place}`);
            neuroActors.set({ all, why: true, follow: true });
        }""")
        network = page.evaluate(
            "(({ n, sources, targets, outputs, ids, activations }) => ({ n, outputs, ids, activations, "
            "sources: [...sources], targets: [...targets] }))(neuroActors.run.network)"
        )
        self.ids, self.activations = network["ids"], network["activations"]
        self.outputs = network["outputs"]
        self.sources, self.targets = network["sources"], network["targets"]
        self.steps = page.evaluate(
            "neuroActors.run.steps.map(({ number, mode, batch, inputs, examples, loss, learnedFrom }) => "
            "({ number, mode, batch, inputs, examples, loss, learnedFrom }))"
        )

    def read(self, thing: dict[str, Any], step: int, example: int) -> dict[str, Any]:
        """Read the panel of a neuron, a synapse or the loss, at the end of a step."""
        found: dict[str, Any] = self.page.evaluate(
            f"""([chosen, step, example]) => {{
                Object.assign(neuroActors.state, {{ chosen, step, example, t: 1e9 }});
                neuroActors.panel.show(neuroActors.scene(), String(Math.random()));
                return ({READ})();
            }}""",
            [thing, step, example],
        )
        assert found["unknown"] == [], "an equation that no check knows"
        return found

    def true(self, equation: str) -> None:
        holds(equation, self.digits)

    def true_sum(self, terms: list[str], total: str) -> None:
        """Assert that a sum is true; of many terms."""
        values = [read_number(term) for term in terms]
        one = 1e-3 if self.digits == 4 else 1e-13  # a mean may be small beside what it is of
        room = (sum(map(abs, values)) + abs(read_number(total)) + (self.digits == 16)) * one
        assert sum(values) == pytest.approx(read_number(total), abs=room)


def section(panel: dict[str, Any], title: str) -> dict[str, Any] | None:
    return next((one for one in panel["sections"] if one["title"] == title), None)


def bracketed(text: str) -> str:
    """A number as a factor: without + or ×, in brackets."""
    return f"({text.replace('×', '').replace('+', '').strip()})"


def check_sends(viewer: Viewer, sends: dict[str, Any], z: str, result: str) -> str:
    """Check a = f(z), by the name of f and by the formula in the heading; returns f′(z)."""
    result = re.sub(r"^a = z = \+?(.+)", r"a = identity(\1) = \1", result)
    name, argument, a = re.fullmatch(r"a = (\w+)\((.+)\) = (.+)", result).groups()
    assert read_number(argument) == read_number(z)
    slope = sends["slope"].removeprefix("slope here f′(z) = ")
    marks = [mark.split(" = ") for mark in sends["marks"]]
    assert all(read_number(value) == read_number(z if key == "z" else a) for key, value in marks)
    formula = Formula(sends["formula"].removeprefix("a = f(z) = ").split(", Φ")[0])
    x = read_number(z)
    room = 1e-9 if viewer.digits == 16 else 2e-3
    value = float(formula(z=x))
    steep = abs(read_number(slope))
    assert read_number(a) == pytest.approx(value, rel=room, abs=room * (steep * abs(x) + 1e-9))
    known = {
        "tanh": math.tanh,
        "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
        "identity": lambda z: z,
    }
    known |= {"relu": lambda z: max(z, 0.0), "sin": math.sin}
    if name in known:
        assert known[name](x) == pytest.approx(value, rel=1e-12, abs=1e-15)
    if abs(x) > 1e-3 and viewer.digits == 16:  # not at a corner
        h = 1e-6
        derivative = (float(formula(z=x + h)) - float(formula(z=x - h))) / (2 * h)
        assert read_number(slope) == pytest.approx(derivative, rel=1e-6, abs=1e-8)
    return slope
