"""Measures everything anew and writes RESULTS.md, its figures and results.json, here: ten minutes and 5 GB of memory.

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


def ran(*command: str) -> str:
    return subprocess.run(
        [sys.executable, *command], check=True, capture_output=True, text=True, env=ONE_THREAD
    ).stdout


def by_script(*command: str) -> dict[str, Any]:
    """What a script writes with --json."""
    with tempfile.TemporaryDirectory() as folder:
        ran(*command, "--json", str(Path(folder, "found.json")))
        found: dict[str, Any] = json.loads(Path(folder, "found.json").read_text())
        return found


def imported() -> float:
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
    "rivals": lambda more: by_script("-m", "neuro_actors", "bench", *more),
    "growth": lambda more: by_script(str(HERE / "growth.py"), *more),
    "recording": lambda more: by_script(str(HERE / "recording.py"), *more)["recording"],
    "import": lambda more: imported(),
}


def table(rows: list[list[str]]) -> str:
    head, *body = rows
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def written(found: dict[str, Any]) -> str:
    bench, growth, quick = found["rivals"], found["growth"], found["quick"]
    about, timed = bench["machine"], bench["timed"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    parts = [
        "# Results\n",
        "Made by `python benchmarks/results.py"
        + (" --quick`" if quick else "`")
        + ", which measures all of it anew."
        " Times are of one gradient step, medians of the thread's CPU time (Pykka's, which has many threads: by the clock)"
        " over blocks in which the rivals take turns, with first and third quartile. Every gradient was compared with the"
        " reference before it was timed. Take ratios, not absolutes.\n",
        f"{about['cpu']}, {about['system']}; BLAS {about['blas']}, one thread; {versions}.\n",
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
        parts.append(f"## {work}, batch {batch}\n\n{table(rows)}\n")
    parts.append("![Time of one gradient](figures/rivals.svg)\n")
    rows = [["synapses", "neurons", "a gradient", "a synapse", "born in", "closed in"]]
    for g in growth["growth"]:
        each = f"{g['seconds'] / g['synapses'] * 1e6:.2f} µs"
        counts = [f"{g['synapses']:,}", f"{g['neurons']:,}", f"{g['seconds'] * 1e3:,.1f} ms", each]
        rows.append([*counts, f"{g['born']:.1f} s", f"{g['closed']:.2f} s"])
    parts.append(
        f"## How it grows\n\nTen levels, a fan-in of ten wired at random, batch 1, bundled.\n\n{table(rows)}\n"
    )
    if growth["slope"] is not None:
        parts.append(f"Slope on logarithmic axes from 10⁵ synapses on: {growth['slope']:.3f}.\n")
    memory = f"{growth['bytes_a_neuron']:,.0f} bytes a neuron and {growth['bytes_a_synapse']:,.0f} a synapse"
    parts.append(f"Memory of a living society at batch 1, by least squares: {memory}.\n")
    parts.append("![Growth](figures/growth.svg)\n")
    parts.append(recorded(found["recording"]))
    parts.append(
        f"`import neuro_actors`: {found['import']:.2f} s (`-X importtime`, median of 9).\n"
    )
    return "\n".join(parts)


def recorded(found: list[dict[str, Any]]) -> str:
    rows = [["batch", "rows a step", "MB a step", "no log", "every tenth step", "ratio", "every step", "its cost",
             "bare pyarrow", "ratio"]]  # fmt: skip
    for f in found:
        none, tenth, every, bare = (
            f"{f['seconds'][name] * 1e3:.2f}"
            for name in ("none", "every tenth", "every step", "bare")
        )
        rows.append([str(f["batch"]), f"{f['rows']:,}", f"{f['megabytes']:.1f}", none, tenth, f"{f['every_tenth']:.2f}", every,
                     f"{f['cost'] * 1e3:.2f}", bare, f"{f['to_bare']:.2f}"])  # fmt: skip
    return (
        "## What recording costs\n\nTraining steps of 784-128-64-10, milliseconds; the last two: what recording adds,"
        f" and what a bare writer adds that is handed the same record batch ready-made after each step.\n\n{table(rows)}\n"
    )


def drawn(bench: dict[str, Any], growth: dict[str, Any]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "neuro_actors"
    import matplotlib.pyplot as plt

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
        color=["#0072b2" if own else "#b0b0b0" for own in ours],
    )
    axis.bar_label(bars, [f" {t['cpu'] * 1e3:,.3g} ms" for t in here], fontsize=9)
    axis.set(xscale="log", xlabel="milliseconds a gradient, 784-30-10, one example (logarithmic)")
    axis.margins(x=0.15)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
    figure.savefig(HERE / "figures/rivals.svg", metadata={"Date": None})

    figure, axis = plt.subplots(figsize=(8, 3.6), layout="constrained")
    synapses, seconds = ([g[name] for g in growth["growth"]] for name in ("synapses", "seconds"))
    axis.loglog(synapses, seconds, "o-", color="#0072b2")
    axis.loglog(
        synapses,
        [seconds[0] * s / synapses[0] for s in synapses],
        "--",
        color="#b0b0b0",
        linewidth=1,
    )
    axis.annotate("in proportion", (synapses[-1], seconds[0] * synapses[-1] / synapses[0]), (0, -24), color="#808080",
                  textcoords="offset points", ha="right", fontsize=9)  # fmt: skip
    axis.set(xlabel="synapses", ylabel="seconds a gradient", title="")
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "figures/growth.svg", metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="smaller and shorter: some two minutes"
    )
    parser.add_argument(
        "--redraw",
        action="store_true",
        help="measure nothing: from results.json, write the rest again",
    )
    parser.add_argument(
        "--part", choices=list(PARTS), help="measure this part alone; the others stay as they are"
    )
    arguments = parser.parse_args()
    kept = HERE / "results.json"
    found = json.loads(kept.read_text()) if arguments.redraw or arguments.part else {}
    for name, part in PARTS.items():
        if not arguments.redraw and arguments.part in (None, name):
            print(f"{name} …", flush=True)
            found[name] = part(["--quick"] if arguments.quick else [])
    found.setdefault("quick", arguments.quick)
    kept.write_text(json.dumps(found, indent=1) + "\n")
    drawn(found["rivals"], found["growth"])
    aside = HERE / "RESULTS.md.part"
    aside.write_text(written(found))
    aside.replace(HERE / "RESULTS.md")
    print(f"written: {HERE / 'RESULTS.md'}")


if __name__ == "__main__":
    main()
