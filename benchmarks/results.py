"""Measures everything anew and writes RESULTS.md, its figures and results.json, here: ten minutes and 5 GB of memory.

    pip install -e ".[bench]"
    python benchmarks/results.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
ONE_THREAD = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def ran(*command: str) -> str:
    return subprocess.run([sys.executable, *command], check=True, capture_output=True, text=True, env=ONE_THREAD).stdout


def measured(quick: bool) -> tuple[dict[str, Any], dict[str, Any], float]:
    more = ["--quick"] if quick else []
    with tempfile.TemporaryDirectory() as folder:
        bench, growth = Path(folder, "bench.json"), Path(folder, "growth.json")
        print("rivals …", flush=True)
        ran("-m", "neuro_actors", "bench", *more, "--json", str(bench))
        print("growth …", flush=True)
        ran(str(HERE / "growth.py"), *more, "--json", str(growth))
        times = []
        for _ in range(9):
            command = [sys.executable, "-X", "importtime", "-c", "import neuro_actors"]
            lines = subprocess.run(command, check=True, capture_output=True, text=True).stderr.splitlines()
            (line,) = [line for line in lines if re.search(r"\| neuro_actors$", line)]
            times.append(int(line.split("|")[1]) / 1e6)
        return json.loads(bench.read_text()), json.loads(growth.read_text()), median(times)


def table(rows: list[list[str]]) -> str:
    head, *body = rows
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def written(bench: dict[str, Any], growth: dict[str, Any], imported: float, quick: bool) -> str:
    about, timed = bench["machine"], bench["timed"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    parts = [
        "# Results\n",
        "Made by `python benchmarks/results.py" + (" --quick`" if quick else "`") + ", which measures all of it anew."
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
            rows.append([name, f"{t['cpu'] * 1e3:,.3f}", f"{low * 1e3:,.3f} to {high * 1e3:,.3f}", *ratios, speed])
        parts.append(f"## {work}, batch {batch}\n\n{table(rows)}\n")
    parts.append("![Time of one gradient](figures/rivals.svg)\n")
    rows = [["synapses", "neurons", "a gradient", "a synapse", "born in", "closed in"]]
    for g in growth["growth"]:
        each = f"{g['seconds'] / g['synapses'] * 1e6:.2f} µs"
        counts = [f"{g['synapses']:,}", f"{g['neurons']:,}", f"{g['seconds'] * 1e3:,.1f} ms", each]
        rows.append([*counts, f"{g['born']:.1f} s", f"{g['closed']:.2f} s"])
    parts.append(f"## How it grows\n\nTen levels, a fan-in of ten wired at random, batch 1, bundled.\n\n{table(rows)}\n")
    if growth["slope"] is not None:
        parts.append(f"Slope on logarithmic axes from 10⁵ synapses on: {growth['slope']:.3f}.\n")
    memory = f"{growth['bytes_a_neuron']:,.0f} bytes a neuron and {growth['bytes_a_synapse']:,.0f} a synapse"
    parts.append(f"Memory of a living society at batch 1, by least squares: {memory}.\n")
    parts.append("![Growth](figures/growth.svg)\n")
    parts.append(f"`import neuro_actors`: {imported:.2f} s (`-X importtime`, median of 9).\n")
    return "\n".join(parts)


def drawn(bench: dict[str, Any], growth: dict[str, Any]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "neuro_actors"
    import matplotlib.pyplot as plt

    (HERE / "figures").mkdir(exist_ok=True)
    here = [t for t in bench["timed"] if t["work"].startswith("784-30-10") and t["batch"] == 1 and t["checked"]]
    here.sort(key=lambda t: t["cpu"], reverse=True)
    figure, axis = plt.subplots(figsize=(8, 3.6), layout="constrained")
    ours = [t["rival"].startswith(("bundled", "memory")) for t in here]
    names = [f"society, {t['rival']}" if own else t["rival"] for t, own in zip(here, ours, strict=True)]
    bars = axis.barh(names, [t["cpu"] * 1e3 for t in here], color=["#0072b2" if own else "#b0b0b0" for own in ours])
    axis.bar_label(bars, [f" {t['cpu'] * 1e3:,.3g} ms" for t in here], fontsize=9)
    axis.set(xscale="log", xlabel="milliseconds a gradient, 784-30-10, one example (logarithmic)")
    axis.margins(x=0.15)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
    figure.savefig(HERE / "figures/rivals.svg", metadata={"Date": None})

    figure, axis = plt.subplots(figsize=(8, 3.6), layout="constrained")
    synapses, seconds = ([g[name] for g in growth["growth"]] for name in ("synapses", "seconds"))
    axis.loglog(synapses, seconds, "o-", color="#0072b2")
    axis.loglog(synapses, [seconds[0] * s / synapses[0] for s in synapses], "--", color="#b0b0b0", linewidth=1)
    axis.annotate("in proportion", (synapses[-1], seconds[0] * synapses[-1] / synapses[0]), (0, -24), color="#808080",
                  textcoords="offset points", ha="right", fontsize=9)  # fmt: skip
    axis.set(xlabel="synapses", ylabel="seconds a gradient", title="")
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "figures/growth.svg", metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller and shorter: some two minutes")
    parser.add_argument("--redraw", action="store_true", help="measure nothing: from results.json, write the rest again")
    arguments = parser.parse_args()
    if not arguments.redraw:
        bench, growth, imported = measured(arguments.quick)
        found = {"quick": arguments.quick, "bench": bench, "growth": growth, "import_seconds": imported}
        (HERE / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    found = json.loads((HERE / "results.json").read_text())
    bench, growth, imported, quick = (found[name] for name in ("bench", "growth", "import_seconds", "quick"))
    drawn(bench, growth)
    aside = HERE / "RESULTS.md.part"
    aside.write_text(written(bench, growth, imported, quick))
    aside.replace(HERE / "RESULTS.md")
    print(f"written: {HERE / 'RESULTS.md'}")


if __name__ == "__main__":
    main()
