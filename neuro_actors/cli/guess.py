"""Says what to type in place of what cannot be read as a command."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

import click

from ..support.text import quote

# What people type: what they mean.
MEANT = {
    "benchmark": "bench",
    "example": "demo",
    "examples": "demo",
    "html": "view",
    "init": "demo",
    "learn": "demo",
    "new": "demo",
    "play": "demo",
    "run": "demo",
    "start": "demo",
    "test": "verify",
    "tutorial": "demo",
}
NO_COMMAND = {
    "train": "a network of your own is trained in Python, by na.train; for a first look: demo",
    "fit": "a network of your own is trained in Python, by na.train; for a first look: demo",
    "predict": "a network is asked in Python, by na.predict",
    "help": "write --help in its place",
}

# Options of older versions: what they are called now.
OPTIONS_THEN = {
    "log trace": {"--from": "--source", "--to": "--output", "--paths": "--limit"},
    "view": {"--output": "--out"},
    "demo": {"--output": "--out"},
}


class WholeNumber(click.IntRange):
    """A whole number of at least `min`. The error for another text says so."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the number. See `click.IntRange.convert`."""
        try:
            number = int(str(value))
        except ValueError:
            example = f"write digits, such as {int(self.min or 1)}"
            self.fail(f"{quote(value)} is no whole number: {example}", param, ctx)
        return int(super().convert(number, param, ctx))


class CountingCommand(click.Command):
    """A command whose first option is a number; the error for a number alone names the option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. See `click.Command.parse_args`."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if len(given) != 1 or not given[0].isdecimal():
                raise
            option = self.params[0].opts[0]
            raise click.UsageError(f"{error.message}: write {option} {given[0]}", ctx) from None


class GuessingGroup(click.Group):
    """A group of commands whose error for an unknown name says which one was meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options of the group itself. See `click.Group.parse_args`."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            name = next((one for one in given if one in self.commands), None)
            if name is None:
                raise
            known = [one for held in self.commands[name].params for one in held.opts]
            if error.option_name not in known:
                raise
            where = f"Write it after the command: {ctx.command_path} {name} {error.option_name}"
            raise click.UsageError(f"{error.format_message()} {where}", ctx) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names. See `click.Group.resolve_command`."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            name = args[0]
            if error.ctx is not ctx or name in self.commands or name.startswith("-"):
                raise  # of an option
            raise click.UsageError(f"No such command {name!r}{_guess(name, ctx)}", ctx) from None


def explain(error: click.ClickException) -> str:
    """Return the text of an error of the command line, with what to type.

    Args:
        error: The error. Of a missing argument it says how the command is written; of an unknown
            option what it is called now, or if it is like no other, where all are listed.
    """
    text = error.format_message()
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if ctx is None:
        return text
    if isinstance(error, click.MissingParameter):
        words = [piece for piece in ctx.command.collect_usage_pieces(ctx) if piece != "[OPTIONS]"]
        return f"{text.rstrip('.')}: write {' '.join([ctx.command_path, *words])}"
    if isinstance(error, click.NoSuchOption):
        now = OPTIONS_THEN.get(_path_of(ctx).rstrip(), {}).get(error.option_name)
        if now is not None:
            return f"No such option {error.option_name!r}: it is {now} now"
    if isinstance(error, click.NoSuchOption) and not error.possibilities:
        return f"{text.rstrip('.')}: {ctx.command_path} --help lists the options"
    return text


def _guess(name: str, ctx: click.Context) -> str:
    """Return what was meant: a command of this group, of another one, or none."""
    here, anywhere = ctx.command, ctx.find_root().command
    known = {path.split()[-1]: path for path in _paths(anywhere)}
    own = {path.split()[-1]: f"{_path_of(ctx)}{path}" for path in _paths(here)}
    known |= own
    wanted = name.lower()
    if wanted in known:
        return f"; did you mean 'neuro-actors {known[wanted]}'?"
    if wanted.endswith(".arrows"):
        return f": the command comes first, such as neuro-actors log show {name}"
    if wanted in NO_COMMAND:
        return f": {NO_COMMAND[wanted]}"
    if wanted in MEANT:
        return f"; did you mean 'neuro-actors {MEANT[wanted]}'?"
    near = get_close_matches(wanted, own, 1, 0.5) or get_close_matches(wanted, known, 1, 0.6)
    if near:
        return f"; did you mean 'neuro-actors {known[near[0]]}'?"
    return f"; known are {', '.join(sorted(own))}"


def _path_of(ctx: click.Context) -> str:
    """Return the names of the groups and commands down to this one, without the program's."""
    return "".join(f"{part} " for part in ctx.command_path.split()[1:])


def _paths(command: click.Command) -> Iterator[str]:
    """Yield the paths of all commands of a group, such as `log plot`; those nearest last."""
    if not isinstance(command, click.Group):
        return
    for name, held in command.commands.items():
        yield from (f"{name} {path}" for path in _paths(held))
    yield from command.commands
