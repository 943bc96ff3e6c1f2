"""Makes `docs/reference/commands.md` from the commands' own help.

python docs/commands.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from neuro_actors.cli.command_line import cli

PAGE = Path(__file__).parent / "reference" / "commands.md"
HEAD = """# Command line

`python docs/commands.py` makes this page from the `--help` of each command.

Errors are one line, with exit code 2; Ctrl-C is 130.
"""


def contexts(
    command: click.Command, parent: click.Context | None = None
) -> Iterator[click.Context]:
    """The command, and behind it all that it holds, as the command line would call them."""
    name = "neuro-actors" if parent is None else command.name
    width = (
        78 if parent is None else None
    )  # of a terminal of 80 columns, as click has it; those below inherit it
    context = click.Context(
        command, info_name=name, parent=parent, terminal_width=width, **command.context_settings
    )
    yield context
    if isinstance(command, click.Group):
        for held in command.list_commands(context):
            found = command.get_command(context, held)
            assert found is not None
            yield from contexts(found, context)


def page() -> str:
    """The page, in Markdown."""
    parts = [
        f"## {context.command_path}\n\n```text\n{context.get_help()}\n```\n"
        for context in contexts(cli)
    ]
    return "\n".join([HEAD, *parts])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
