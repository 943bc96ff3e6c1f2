"""Run the code cells of a notebook in IPython, as a kernel does, and print what each printed and returned, as JSON.

A cell that fails ends the program with exit code 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

shell = InteractiveShell.instance()
found: list[dict[str, Any]] = []
for cell in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["cells"]:
    if cell["cell_type"] != "code":
        continue
    with capture_output(display=False) as printed:
        done = shell.run_cell("".join(cell["source"]), store_history=True)
    done.raise_error()
    formats = {} if done.result is None else shell.display_formatter.format(done.result)[0]
    found.append(
        {
            "printed": printed.stdout,
            "formats": sorted(formats),
            "text": formats.get("text/plain", ""),
        }
    )
print(json.dumps(found))
