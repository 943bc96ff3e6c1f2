"""Print the lowest versions that pyproject.toml declares, as constraints for pip.

    python .ci/lowest.py > lowest.txt

Of the package itself and of the extras plot, query and perfetto, which the default tests use. The
test tools, and what is too large to install twice (PyTorch, Ray), are tested at their newest alone.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

EXTRAS = ("plot", "query", "perfetto")

if __name__ == "__main__":
    with (Path(__file__).parents[1] / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    extras = project["optional-dependencies"]
    for needed in [*project["dependencies"], *(one for name in EXTRAS for one in extras[name])]:
        name, lowest = needed.split(">=")  # a bound of another kind must be thought about
        print(f"{name}=={lowest}")
