"""Where the repository's folders are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
BENCHMARKS, DOCS, SCENARIOS = ROOT / "benchmarks", ROOT / "docs", ROOT / "scenarios"
PROGRAMS = ROOT / "tests" / "programs"
