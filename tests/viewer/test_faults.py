"""A society in a storm on the page: messages that were lost and came later, members that crashed; and none of it in a calm run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.log.fault_log import fault_log_path
from neuro_actors.viewer.fault_events import gather_fault_events
from neuro_actors.viewer.page_data import collect_page_data
from neuro_actors.viewer.selection import select_steps

Look = Callable[..., Any]


def synapse(log: na.log.log.Log, source: str, target: str) -> int:
    return [(s.source, s.target) for s in log.network.synapses].index((source, target))


def ink_at(page: Any, x: float, y: float) -> int:
    """How many of the points around this one are drawn in the ink of crosses and daggers."""
    return page.evaluate(
        """([x, y]) => {
        const { above, ratio } = neuroActors.stage;
        const size = 18;
        const copy = document.createElement("canvas");
        [copy.width, copy.height] = [above.width, above.height];
        const ctx = copy.getContext("2d", { willReadFrequently: true });
        ctx.drawImage(above, 0, 0);
        const { data } = ctx.getImageData((x - size / 2) * ratio, (y - size / 2) * ratio, size * ratio, size * ratio);
        let n = 0;
        for (let k = 0; k < data.length; k += 4) if (data[k + 3] > 200 && data[k] < 60 && data[k + 1] < 60 && data[k + 2] < 70) n++;
        return n;
    }""",
        [x, y],
    )


def test_the_data_of_the_page_contain_every_fault(logs: dict[str, Path]) -> None:
    log = na.open_log(logs["storm"])
    lost = [d for d in log.disturbances if d.what == "lost"]
    again = {
        (d.kind, d.source, d.target, d.step, d.attempt): d.time
        for d in log.disturbances
        if d.what == "repeated"
    }
    assert len(lost) == 6
    shown = {
        step["number"]: step["faults"]
        for step in collect_page_data(log)["steps"]
        if "faults" in step
    }
    assert set(shown) == {1, 2}
    face = [d.time for d in lost if d.target == "face"]
    came = again["activation", "eyes", "face", 1, 3]
    s = synapse(log, "eyes", "face")
    assert shown[1]["forward"] == [
        [s, [pytest.approx(t, abs=6e-4) for t in face], pytest.approx(came, abs=6e-4)]
    ]
    assert [entry[0] for entry in shown[1]["backward"]] == [synapse(log, "face", "cat")]
    assert shown[1]["lost"] == 2
    assert [(log.network.ids[k], place) for k, place, _ in shown[1]["died"]] == [
        ("body", "before fire"),
        ("body", "between urgencies"),
    ]
    assert {name: [entry[0] for entry in shown[2][name]] for name in ("inputs", "to_loss", "loss_to_outputs")} == {
        "inputs": [log.network.position["tail"]], "to_loss": [0], "loss_to_outputs": [0],
    }  # fmt: skip
    assert [(k, place) for k, place, _ in shown[2]["died"]] == [
        (len(log.network.ids), "before commit")
    ]


def test_a_calm_run_leaves_no_trace(logs: dict[str, Path], look: Look) -> None:
    run = collect_page_data(na.open_log(logs["family"]))
    assert not [step for step in run["steps"] if "faults" in step]
    page = look("family")
    assert not page.locator("#faults").is_visible()
    assert "sent again" not in page.locator("#panel").inner_text()
    assert "✕" not in page.locator("#steptext").inner_text()


def test_a_message_that_never_came(logs: dict[str, Path], tmp_path: Path) -> None:
    """In a log that was cut off the message is shown as lost, and no more."""
    (tmp_path / "storm.arrows").write_bytes(logs["storm"].read_bytes())
    raw = fault_log_path(logs["storm"]).read_bytes()
    fault_log_path(tmp_path / "storm.arrows").write_bytes(raw)
    log = na.open_log(tmp_path / "storm.arrows")
    first = next(d for d in log.disturbances if d.target == "face")
    log.disturbances = tuple(d for d in log.disturbances if d.time <= first.time)
    assert gather_fault_events(log)[1]["forward"] == [
        [synapse(log, "eyes", "face"), [pytest.approx(first.time, abs=6e-4)], None]
    ]


def test_a_storm_makes_room_for_itself() -> None:
    """The faults of a step count among its bytes; where a page is too small, there are fewer steps."""
    calm, loud = (select_steps(10, 20, [4] * 200, 1e6, more) for more in (None, [20_000] * 200))
    assert len(calm.steps) == 200
    assert 24 <= len(loud.steps) < 60


def test_the_page_says_what_is_lost_and_who_dies(look: Look, logs: dict[str, Path]) -> None:
    page = look("storm")
    said: dict[tuple[int, str], list[str]] = {}
    for step in (0, 1):
        page.evaluate(f"neuroActors.goStep({step})")
        for wave in range(page.evaluate("neuroActors.waves().count")):
            page.evaluate(f"neuroActors.goTime({wave + 0.5}); neuroActors.draw()")
            text = page.locator("#faults").inner_text()
            if text:
                said.setdefault((step + 1, page.locator("#phase").inner_text()), []).append(text)
                assert text in page.locator("#live").inner_text()
    one, dies = (
        "one message is lost and sent again",
        "{} crashes and restarts from what it had committed",
    )
    assert said[1, "Activations go forward"] == [f"{one} · {dies.format('body')}"]
    assert said[1, "Urgencies come back"] == [one, dies.format("body")]
    assert said[2, "The environment sends the inputs"] == [one]
    assert said[2, "The loss receives the outputs"] == [one]
    assert said[2, "The loss sends urgencies"] == [f"{one} · {dies.format('The loss')}"]
    page.evaluate("neuroActors.goStep(0); neuroActors.draw()")
    assert "✕\u00a02 · †\u00a02" in page.locator("#steptext").inner_text()
    assert "lost: 2, crashed: 2" in page.locator("#steps").get_attribute("aria-valuetext")
    page.evaluate("neuroActors.goStep(2); neuroActors.draw()")
    assert "✕" not in page.locator("#steptext").inner_text()
    for sign in (
        "a message that was lost and sent again",
        "a neuron that crashed and restarted from what it had committed",
    ):
        assert sign in page.locator("#panel .signs").inner_text()


def test_a_lost_message_is_crossed_out_and_comes(look: Look, logs: dict[str, Path]) -> None:
    """The cross stands half way of the message's line, while it is on its way, and on no other line."""
    page, log = look("storm"), na.open_log(logs["storm"])
    page.evaluate("neuroActors.goStep(0)")
    wave = page.evaluate(f"neuroActors.waves().sends[{log.network.position['eyes']}]")

    def crosses(time: float) -> dict[str, int]:
        page.evaluate(f"neuroActors.goTime({wave + time}); neuroActors.draw()")
        ways = page.evaluate(
            "neuroActors.stage._travelling.messages.map((m) => [m.seed, m.c, m.delivery ? m.delivery.lost.length : 0])"
        )
        found = {}
        for s, c, lost in ways:
            weights = np.array([1, 3, 3, 1]) / 8
            name = f"{log.network.synapses[s].source} {log.network.synapses[s].target} {lost}"
            found[name] = ink_at(page, float(weights @ c[0::2]), float(weights @ c[1::2]))
        return found

    found = crosses(0.6)
    assert {name.rsplit(" ", 1)[0]: name.endswith("2") for name in found} == {
        "eyes face": True, "eyes body": False, "ears body": False, "ears cat": False
    }  # fmt: skip
    assert found["eyes face 2"] > 20
    assert max(n for name, n in found.items() if name != "eyes face 2") == 0
    assert crosses(0.05)["eyes face 2"] == 0


def test_the_panel_lists_the_faults(look: Look, logs: dict[str, Path]) -> None:
    page, log = look("storm"), na.open_log(logs["storm"])
    page.evaluate("neuroActors.goStep(0)")
    times = [d.time for d in log.disturbances if d.target == "face" and d.step == 1]
    page.evaluate(
        f"neuroActors.choose({{kind: 'synapse', k: {synapse(log, 'eyes', 'face')}}}); neuroActors.draw()"
    )
    line = page.locator("#panel .faultlist li").inner_text().replace("\u00a0", " ")
    lost, came = (
        [d.time for d in log.disturbances if d.what == "lost" and d.target == "face"],
        times[-1],
    )
    assert (
        line
        == f"activation eyes → face: lost at {lost[0]:.3f} virtual s, {lost[1]:.3f} virtual s; the one sent at {came:.3f} virtual s arrived"
    )
    page.select_option("#find", label="body")
    page.evaluate("neuroActors.draw()")
    lines = [
        li.inner_text().replace("\u00a0", " ") for li in page.locator("#panel .faultlist li").all()
    ]
    died = [d.time for d in log.disturbances if d.what == "died" and d.source == "body"]
    assert lines == [
        f"crashed at {died[0]:.3f} virtual s, before fire; restarted from what it had committed",
        f"crashed at {died[1]:.3f} virtual s, between urgencies; restarted from what it had committed",
    ]
    page.select_option("#find", label="ears")
    page.evaluate("neuroActors.draw()")
    assert page.locator("#panel .faultlist").count() == 0
