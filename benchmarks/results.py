"""Measures everything and writes RESULTS.md, its figures and results.json into this folder.

It takes ten minutes and 5 GB of memory.

pip install -e ".[bench]"
python benchmarks/results.py [--quick] [--part rivals|growth|recording|import]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
ONE_THREAD = os.environ | {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def run_python(*command: str) -> str:
    """Run Python with one BLAS thread and return its output."""
    return subprocess.run(
        [sys.executable, *command], check=True, capture_output=True, text=True, env=ONE_THREAD
    ).stdout


def run_script(*command: str) -> dict[str, Any]:
    """Run a script and return what it writes with --json."""
    with tempfile.TemporaryDirectory() as folder:
        run_python(*command, "--json", str(Path(folder, "found.json")))
        found: dict[str, Any] = json.loads(Path(folder, "found.json").read_text())
        return found


def measure_import() -> float:
    """Return the seconds of `import neuro_actors`, the median of nine."""
    times = []
    for _ in range(9):
        command = [sys.executable, "-X", "importtime", "-c", "import neuro_actors"]
        lines = subprocess.run(
            command, check=True, capture_output=True, text=True
        ).stderr.splitlines()
        (line,) = [line for line in lines if re.search(r"\| neuro_actors$", line)]
        times.append(int(line.split("|")[1]) / 1e6)
    return median(times)


PARTS: dict[str, Callable[[list[str]], Any]] = {
    "rivals": lambda more: run_script("-m", "neuro_actors", "bench", *more),
    "growth": lambda more: run_script(str(HERE / "growth.py"), *more),
    "recording": lambda more: run_script(str(HERE / "recording.py"), *more)["recording"],
    "import": lambda more: measure_import(),
}


def format_table(rows: list[list[str]]) -> str:
    """Return a Markdown table; its first row is the head."""
    head, *body = rows
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def format_results(found: dict[str, Any]) -> str:
    """Return RESULTS.md."""
    bench, growth, quick = found["rivals"], found["growth"], found["quick"]
    machine, timed = bench["machine"], bench["timed"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    parts = [
        "# Results\n",
        "Made by `python benchmarks/results.py"
        + (" --quick`" if quick else "`")
        + ", which measures everything."
        " A time is that of one gradient: the median of the thread's CPU time, with first and third"
        " quartile, over blocks in which the rivals take turns. (Pykka has many threads, so its"
        " time is that of the clock.) Every gradient was compared with the reference before it was"
        " timed. Take ratios, not absolutes.\n",
        f"{machine['cpu']}, {machine['system']}; BLAS {machine['blas']}, one thread; {versions}.\n",
    ]
    for work, batch in dict.fromkeys((t["work"], t["batch"]) for t in timed):
        here = {t["rival"]: t for t in timed if (t["work"], t["batch"]) == (work, batch)}
        matrices, bundled = here["numpy matrices"]["cpu"], here["bundled"]["cpu"]
        rows = [["", "ms", "quartiles", "/ numpy matrices", "/ bundled", "messages/s"]]
        for name, t in here.items():
            low, high = t["quartiles"]
            speed = f"{t['messages'] / t['cpu']:,.0f}" if t["messages"] else ""
            ratios = [f"{t['cpu'] / matrices:,.3g}", f"{t['cpu'] / bundled:,.3g}"]
            rows.append(
                [
                    name,
                    f"{t['cpu'] * 1e3:,.3f}",
                    f"{low * 1e3:,.3f} to {high * 1e3:,.3f}",
                    *ratios,
                    speed,
                ]
            )
        parts.append(f"## {work}, batch {batch}\n\n{format_table(rows)}\n")
    parts.append("![Time of one gradient](figures/rivals.svg)\n")
    rows = [["synapses", "neurons", "a gradient", "a synapse", "started in", "closed in"]]
    for g in growth["growth"]:
        each = f"{g['seconds'] / g['synapses'] * 1e6:.2f} µs"
        counts = [f"{g['synapses']:,}", f"{g['neurons']:,}", f"{g['seconds'] * 1e3:,.1f} ms", each]
        rows.append([*counts, f"{g['born']:.1f} s", f"{g['closed']:.2f} s"])
    setting = "Ten levels, fan-in ten, sources at random, batch 1, bundled."
    parts.append(f"## How it grows\n\n{setting}\n\n{format_table(rows)}\n")
    if growth["slope"] is not None:
        parts.append(f"Slope on logarithmic axes from 10⁵ synapses on: {growth['slope']:.3f}.\n")
    neuron, synapse = (f"{growth[f'bytes_a_{name}']:,.0f} bytes" for name in ("neuron", "synapse"))
    parts.append(
        "Memory of a running society at batch 1, by least squares: "
        f"{neuron} for a neuron, {synapse} for a synapse.\n"
    )
    parts.append("![Growth](figures/growth.svg)\n")
    parts.append(format_recording(found["recording"]))
    parts.append(
        f"`import neuro_actors`: {found['import']:.2f} s (`-X importtime`, median of 9).\n"
    )
    return "\n".join(parts)


def format_recording(found: list[dict[str, Any]]) -> str:
    """Return the section about recording."""
    head = ["batch", "rows a step", "MB a step", "no log", "every tenth step", "ratio"]
    rows = [[*head, "every step", "its cost", "bare pyarrow", "ratio"]]
    for f in found:
        none, tenth, every, bare = (
            f"{f['seconds'][name] * 1e3:.2f}"
            for name in ("none", "every tenth", "every step", "bare")
        )
        counts = [str(f["batch"]), f"{f['rows']:,}", f"{f['megabytes']:.1f}"]
        tenths = [none, tenth, f"{f['every_tenth']:.2f}"]
        costs = [every, f"{f['cost'] * 1e3:.2f}", bare, f"{f['to_bare']:.2f}"]
        rows.append(counts + tenths + costs)
    return (
        "## What recording costs\n\nTraining steps of 784-128-64-10, in milliseconds. The cost is"
        " what recording adds to a step; bare pyarrow is what a writer adds that gets the same"
        f" record batch ready-made. The last column is their ratio.\n\n{format_table(rows)}\n"
    )


def draw_figures(bench: dict[str, Any], growth: dict[str, Any]) -> None:
    """Draw rivals.svg and growth.svg."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "neuro_actors"
    import matplotlib.pyplot as plt

    from neuro_actors.support.palette import FAINT, INK, KINDS, MUTED

    (HERE / "figures").mkdir(exist_ok=True)
    here = [
        t
        for t in bench["timed"]
        if t["work"].startswith("784-30-10") and t["batch"] == 1 and t["checked"]
    ]
    here.sort(key=lambda t: t["cpu"], reverse=True)
    figure, axis = plt.subplots(figsize=(8, 3.6), layout="constrained")
    ours = [t["rival"].startswith(("bundled", "memory")) for t in here]
    names = [
        f"society, {t['rival']}" if own else t["rival"] for t, own in zip(here, ours, strict=True)
    ]
    bars = axis.barh(
        names,
        [t["cpu"] * 1e3 for t in here],
        color=[KINDS[0] if own else FAINT for own in ours],
    )
    axis.bar_label(bars, [f" {t['cpu'] * 1e3:,.3g} ms" for t in here], fontsize=9)
    axis.set(xscale="log", xlabel="milliseconds a gradient, 784-30-10, one example (logarithmic)")
    axis.margins(x=0.15)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
    figure.savefig(HERE / "figures/rivals.svg", metadata={"Date": None})

    figure, axis = plt.subplots(figsize=(8, 3.6), layout="constrained")
    synapses, seconds = ([g[name] for g in growth["growth"]] for name in ("synapses", "seconds"))
    axis.loglog(synapses, seconds, "o-", color=KINDS[0])
    axis.loglog(
        synapses,
        [seconds[0] * s / synapses[0] for s in synapses],
        "--",
        color=MUTED,
        linewidth=1,
    )
    end = (synapses[-1], seconds[0] * synapses[-1] / synapses[0])
    style = {"color": INK, "textcoords": "offset points", "ha": "right", "fontsize": 9}
    axis.annotate("in proportion", end, (0, -46), **style)
    axis.set(xlabel="synapses", ylabel="seconds a gradient", title="")
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "figures/growth.svg", metadata={"Date": None})


def main() -> None:
    """Measure what is asked for, and write everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="smaller and shorter: about two minutes"
    )
    parser.add_argument(
        "--redraw",
        action="store_true",
        help="measure nothing; write the other files again from results.json",
    )
    parser.add_argument(
        "--part", choices=list(PARTS), help="measure only this part; the others stay"
    )
    arguments = parser.parse_args()
    results = HERE / "results.json"
    found = json.loads(results.read_text()) if arguments.redraw or arguments.part else {}
    for name, part in PARTS.items():
        if not arguments.redraw and arguments.part in (None, name):
            print(f"{name} ...", flush=True)
            found[name] = part(["--quick"] if arguments.quick else [])
    found.setdefault("quick", arguments.quick)
    results.write_text(json.dumps(found, indent=1) + "\n")
    draw_figures(found["rivals"], found["growth"])
    part = HERE / "RESULTS.md.part"
    part.write_text(format_results(found), encoding="utf-8")
    part.replace(HERE / "RESULTS.md")
    print(f"written: {HERE / 'RESULTS.md'}")


if __name__ == "__main__":
    main()
