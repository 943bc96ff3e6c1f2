"""Pages of documentation that tell the truth: their code runs, and prints what stands below it."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import shlex
from pathlib import Path
from types import ModuleType

from helpers.cli_logs import run
from helpers.paths import DOCS


def blocks(path: Path) -> list[tuple[str, str]]:
    """The page's code: (language, text)."""
    return re.findall(
        r"^```(\w+)\n(.*?)^```$", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def follow(path: Path, *, ray: bool = True) -> int:
    """Run the page from its top as a reader does who types in all of it: Python in one session, and of the commands those
    that ask a log. What stands in a block of text must be what the block above it prints. Returns how many did.

    ray: without it, blocks that start Ray are left out.
    """
    scope: dict[str, object] = {}
    printed, compared = None, 0
    for language, text in blocks(path):
        if "na.Ray(" in text and not ray:
            printed = None
        elif language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(text, path.name, "exec"), scope)
            printed = out.getvalue()
        elif language == "bash" and text.startswith("neuro-actors ") and ".arrows" in text:
            printed, _ = run(*shlex.split(text)[1:])
            # the digest also seals versions, and the machine
            printed = re.sub(r"[0-9a-f]{64}", "…", printed)
        elif language == "text" and printed is not None:
            assert printed == text, f"{path.name} says {text!r}"
            compared += 1
    return compared


def module(file: str) -> ModuleType:
    """One of the scripts in `docs`."""
    spec = importlib.util.spec_from_file_location(f"docs_{file}", DOCS / f"{file}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made
