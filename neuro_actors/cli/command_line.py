"""The command line, `neuro-actors`: the list of its commands, and what becomes of errors."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import shell_complete

from ..support.console import show_all_characters
from ..support.errors import NeuroActorsError
from ..support.text import escape_controls
from ..support.version import __version__
from .audit import audit
from .bench import bench
from .checkpoint import checkpoint, resume
from .demo import demo
from .faults import faults
from .guess import GuessingGroup, explain
from .log import log
from .output import drop_output, ignore_closed_pipe
from .trace import trace
from .verify import verify
from .view import view

COMPLETE = "_NEURO_ACTORS_COMPLETE"  # a variable of the environment


TAB = """\b
The Tab key completes commands, options, files and neurons. In bash:
  eval "$(_NEURO_ACTORS_COMPLETE=bash_source neuro-actors)"
For zsh write zsh_source. In fish:
  _NEURO_ACTORS_COMPLETE=fish_source neuro-actors | source

python -m neuro_actors is the same as neuro-actors.
"""


@click.group(
    cls=GuessingGroup,
    epilog=TAB,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(__version__, message="neuro-actors %(version)s")
def cli() -> None:
    """A neural network in which every neuron is an actor that only sends and receives messages.

    Ask any command for its own help: neuro-actors COMMAND --help

    \b
    neuro-actors demo                          watch a small society learn
    neuro-actors verify --networks 100         is the gradient exact?
    neuro-actors bench --quick                 how fast is it?
    neuro-actors faults --schedules 100        are results equal in spite of faults?
    neuro-actors log info run.arrows           what does this message log contain?
    neuro-actors log show run.arrows           which neuron sent what to which?
    neuro-actors log trace run.arrows …        why does this weight change?
    neuro-actors audit run.arrows              is every message of the log right?
    neuro-actors view run.arrows --open        watch the run in a browser
    neuro-actors resume DIR                    continue a training that was stopped
    """


for command in (demo, verify, bench, log, audit, view, faults, resume, checkpoint):
    cli.add_command(command)
log.add_command(trace)


def main() -> None:
    """Run the command line and exit.

    An error is one line and exit code 2; Ctrl-C is exit code 130.
    """
    if sys.stderr is None:  # the calling program has closed it
        # Not in a `with`: it stays open as long as the program runs.
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    if sys.stdout is None:
        _exit_with_error("the output cannot be written: the standard output is closed")
    show_all_characters()  # of a neuron's name, too
    if not sys.warnoptions:
        # of libraries, such as of a font that lacks a character; this process is ours
        warnings.simplefilter("ignore")
    result: object = None
    try:
        with ignore_closed_pipe():
            result = _run()
            sys.stdout.flush()
    except click.ClickException as error:
        _exit_with_error(explain(error))
    except NeuroActorsError as error:
        _exit_with_error(str(error))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except MemoryError:
        _exit_with_error("there is not enough memory for that")
    except OSError as error:
        drop_output()  # else Python would try to write the rest once more as it ends
        _exit_with_error(f"the output cannot be written: {error.strerror or error}")
    sys.exit(result if isinstance(result, int) else 0)


def _run() -> object:
    """Run the command of the command line, and print its result or its help."""
    if asked := os.environ.get(COMPLETE):  # a shell asks; click's own `main` would answer it
        return shell_complete(cli, {}, "neuro-actors", COMPLETE, asked)
    try:
        with cli.make_context("neuro-actors", sys.argv[1:]) as context:
            return cli.invoke(context)
    except click.exceptions.Exit as wanted:
        return wanted.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 2


def _exit_with_error(message: str) -> None:
    with suppress(OSError):  # the exit code says it even if the standard error cannot be written
        click.echo(f"neuro-actors: {escape_controls(' '.join(message.split()))}", err=True)
    sys.exit(2)
