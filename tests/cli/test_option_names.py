"""One thing has one name over all commands, and where Python has the same call, the same name there."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

import neuro_actors as na
from neuro_actors.cli.command_line import cli
from neuro_actors.cli.guess import OPTIONS_THEN


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


COMMANDS = dict(commands(cli))


def options(path: str) -> set[str]:
    return {name for one in COMMANDS[path].params for name in one.opts if name.startswith("-")}


def test_what_a_command_writes_is_named_by_out() -> None:
    writers = {path for path in COMMANDS if options(path) & {"-o", "--out"}}
    assert writers == {"view", "demo", "log plot"}
    for path in writers:
        assert {"-o", "--out"} <= options(path)


def test_a_trace_has_the_names_of_na_trace() -> None:
    arguments = set(inspect.signature(na.trace).parameters) - {"log"}
    assert {f"--{name}" for name in arguments} == options("log trace") - {"--json", "--import"}


def test_an_older_name_leads_to_one_of_now() -> None:
    for path, names in OPTIONS_THEN.items():
        assert not set(names) & options(path)
        assert set(names.values()) <= options(path)
