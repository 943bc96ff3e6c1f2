"""`docs/asking.md` tells the truth: its commands print what stands there."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys

import pytest
from helpers.cli_logs import ask
from helpers.paths import ROOT
from helpers.tiers import need

BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "docs" / "asking.md").read_text(), re.DOTALL)
MACHINE = re.compile(
    r"^  (size|versions|sums|digest) .*$|, [\d,]+ bytes$", re.MULTILINE
)  # differs with it, and versions


@pytest.mark.slow
def test_the_commands_print_what_stands_there(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    for name in ("duckdb", "perfetto", "matplotlib"):
        need(name)
    monkeypatch.chdir(tmp_path)
    printed, compared = "", 0
    for language, text in BLOCKS:
        if language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(text, "asking.md", "exec"), {})
            printed = out.getvalue()
        elif language == "bash":
            printed = ""
            for command, *arguments in map(shlex.split, text.splitlines()):
                if command == "python":
                    subprocess.run(
                        [sys.executable, ROOT / arguments[0], *arguments[1:]],
                        check=True,
                        capture_output=True,
                    )
                else:
                    differ = arguments[1] == "diff"
                    printed += ask(
                        *arguments[1:], expected=int(differ), capsys=capsys, monkeypatch=monkeypatch
                    )
        elif language == "text":
            assert MACHINE.sub("", printed) == MACHINE.sub("", text)
            compared += 1
    assert compared == 7
