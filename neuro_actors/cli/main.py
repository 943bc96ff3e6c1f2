"""The command line, `neuro-actors`: its commands stand in `commands`."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import click

from ..support.errors import NeuroActorsError
from ..support.text import printable
from ..support.version import __version__
from .audit import audit
from .bench import bench
from .checkpoint import checkpoint, resume
from .faults import faults
from .log import log
from .output import reader_may_leave
from .trace import trace
from .verify import verify
from .view import view


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(__version__, message="neuro-actors %(version)s")
def cli() -> None:
    """A neural network as a society of independent actors.

    \b
    neuro-actors verify --networks 100         is the gradient exact?
    neuro-actors bench --quick                 how fast is it, beside what?
    neuro-actors faults --schedules 100        does it survive any storm?
    neuro-actors log info run.arrows           what is in this message log?
    neuro-actors log show run.arrows           who told whom what?
    neuro-actors log trace run.arrows …        why did this weight want to change?
    neuro-actors audit run.arrows              did everyone tell the truth?
    neuro-actors view run.arrows --open        watch it
    neuro-actors resume DIR                    go on with a run that was stopped
    """


for command in (verify, bench, log, audit, view, faults, resume, checkpoint):
    cli.add_command(command)
log.add_command(trace)


def main() -> None:
    """Run the command line. Errors are one line and exit code 2; Ctrl-C is 130."""
    if sys.stderr is None:  # closed by whoever called
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 (for as long as the program runs)
    if sys.stdout is None:
        _complain("the output cannot be written: the standard output is closed")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # a terminal may know fewer letters than an id
    result = None
    try:
        with reader_may_leave(), cli.make_context("neuro-actors", sys.argv[1:]) as context:
            result = cli.invoke(context)
            sys.stdout.flush()
    except click.exceptions.Exit as told:
        result = told.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        _complain(error.format_message())
    except NeuroActorsError as error:
        _complain(str(error))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except MemoryError:
        _complain("there is not enough memory for that")
    except OSError as error:
        _complain(f"the output cannot be written: {error.strerror or error}")
    sys.exit(result if isinstance(result, int) else 0)


def _complain(message: str) -> None:
    click.echo(f"neuro-actors: {printable(' '.join(message.split()))}", err=True)
    sys.exit(2)
