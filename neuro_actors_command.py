"""The console script `neuro-actors`. It stands beside the package, so that it is loaded at once.

To import the package takes a moment. A Ctrl-C in it is no traceback of the module that was just
being imported.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Import the command line, and run it. A Ctrl-C in the import is one line and code 130."""
    try:
        from neuro_actors.cli import main as run_command_line

        run_command_line()
    except KeyboardInterrupt:
        print("neuro-actors: interrupted", file=sys.stderr)
        sys.exit(130)
