"""The command line: `neuro-actors verify`, `neuro-actors bench`, `neuro-actors log show`."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import click

from .arrays import did_you_mean
from .errors import InputError, NeuroActorsError
from .version import __version__

PHASES = {"forward": ("activation",), "backward": ("urgency",), "loss": ("target", "loss"), "commit": ("commit",)}


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(__version__, message="neuro-actors %(version)s")
def cli() -> None:
    """A neural network as a society of independent actors.

    \b
    neuro-actors verify --networks 100         is the gradient exact?
    neuro-actors bench --quick                 how fast is it, beside what?
    neuro-actors log show run.arrows           who told whom what?
    """


@cli.command()
@click.option("--networks", default=100, show_default=True, type=click.IntRange(1), help="How many networks to draw.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="The first one's seed; then the next.")
@click.option("--channels", default="bundled", show_default=True, help="The engine that carries mail: bundled or memory.")
def verify(networks: int, seed: int, channels: str) -> None:
    """Compare random societies with matrices, finite differences and PyTorch.

    Draws networks of 1 to 200 neurons, layered and wild, of all activations and losses, with batches of 1 to 64
    examples. Each is brought to life, asked for predictions and gradients, and taught two steps. All of it is compared
    with a computation by matrices, with finite differences for a few parameters, and, where torch is installed, with
    PyTorch's autograd in float64. Differences are given in units of what rounding alone may do.

    Exit code 1 if any difference exceeds it: --networks 1 with the seed that is printed draws the same network again.
    """
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    from .channels import engine
    from .verify import verify as verdicts

    engine(channels)
    out, err = Console(highlight=False), Console(stderr=True)
    count = neurons = synapses = messages = 0
    failed = []
    worst: dict[str, tuple[float, int]] = {}
    judged = verdicts(networks, seed, channels=channels)
    if err.is_terminal:
        judged = iter(track(judged, "verifying", total=networks, console=err))
    for verdict in judged:
        network = verdict.case.network
        count, neurons = count + 1, neurons + len(network.ids) - len(network.inputs)
        synapses, messages = synapses + len(network.weights), messages + verdict.messages
        for name, difference in verdict.differences.items():
            worst[name] = max(worst.get(name, (-1.0, 0)), (difference, verdict.seed))
        if not verdict.passed:
            failed.append(verdict)
    out.print(f"{count:,} networks, {neurons:,} neurons, {synapses:,} synapses, {messages:,} messages")
    title = "in units of the rounding bound: 1 is the limit"
    table = Table("compared", "largest difference", "of the network with seed", title=title)
    for name, (difference, where) in worst.items():
        table.add_row(name, f"{difference:.3g}", str(where))
    out.print(table)
    if "PyTorch" not in worst:
        out.print("PyTorch is not installed, and was not compared with: pip install 'neuro-actors[torch]'", markup=False)
    for verdict in failed[:10]:
        wrong = verdict.failure or ", ".join(f"{name} {d:.3g}" for name, d in verdict.differences.items() if not d <= 1)
        out.print(f"FAILED: neuro-actors verify --networks 1 --seed {verdict.seed}   ({wrong})", markup=False)
    if failed:
        out.print(f"{len(failed)} of {count:,} networks differ.")
        sys.exit(1)
    out.print("All agree.")


@cli.command()
@click.option("--quick", is_flag=True, help="Fewer and shorter rounds: under two minutes.")
@click.option("--json", "path", type=click.Path(dir_okay=False), default="", help="Write all figures to this file, too.")
def bench(quick: bool, path: str) -> None:
    """Time a society's gradient beside all that computes the same one.

    Beside both engines, bundled and memory: numpy matrices on one thread, and, where they are installed, PyTorch,
    micrograd and Pykka; actors in plain asyncio; trio's own channels carrying as many objects; the neurons' rules
    without any mail. Each gradient is first compared with the reference. Rivals take turns in one process. Times are
    medians of the thread's CPU time, with quartiles; Pykka's, which has many threads, by the clock.
    """
    folder = Path(path).resolve().parent
    if path and not folder.is_dir():
        raise InputError(f"--json {path!r}: there is no folder {str(folder)!r}")
    one_thread = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")
    command = [sys.executable, "-m", "neuro_actors.bench", "quick" if quick else "full", path]
    sys.stdout.flush()
    code = subprocess.run(command, env=os.environ | one_thread, check=False).returncode
    if code:
        raise SystemExit(code)


@cli.group()
def log() -> None:
    """Ask a message log what was said."""


@log.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--neuron", metavar="ID", help="Only what this neuron said or heard.")
@click.option("--step", type=click.IntRange(1), help="Only this step.")
@click.option("--phase", type=click.Choice(list(PHASES)), help="Only activations, urgencies, targets and losses, or commits.")
@click.option("--limit", type=click.IntRange(1), help="At most so many lines.")
def show(file: Path, neuron: str | None, step: int | None, phase: str | None, limit: int | None) -> None:
    """Print messages in words, one a line.

    \b
    neuro-actors log show run.arrows --step 3 --neuron h2
    neuro-actors log show run.arrows --phase backward --limit 20

    A log is written by open_simulation(net, log="run.arrows"), or by a scenario's --log.
    """
    from .log.reader import LogReader
    from .log.schema import members
    from .log.words import in_words

    reader = LogReader(file)
    if neuron is not None and neuron not in members(reader.network):
        raise InputError(f"there is no neuron {neuron!r} in {str(file)!r}; {did_you_mean(neuron, members(reader.network))}")
    shown = 0
    for row in reader.rows():
        if (
            (step is None or row.step == step)
            and (phase is None or row.kind in PHASES[phase])
            and (neuron is None or neuron in (row.sender, row.receiver))
        ):
            click.echo(in_words(row, reader.network))
            shown += 1
            if shown == limit:
                return
    if reader.cut_off:
        click.echo(f"neuro-actors: the log {str(file)!r} is cut off or damaged here; what stands before is whole", err=True)
    elif not shown:
        click.echo("neuro-actors: no message fits", err=True)


def main() -> None:
    """Run the command line. Errors are one line and exit code 2; Ctrl-C is 130."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know fewer letters than an id
    try:
        result = cli.main(prog_name="neuro-actors", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        _complain(error.format_message())
    except NeuroActorsError as error:
        _complain(str(error))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        _complain(f"the output cannot be written: {error.strerror or error}")
    sys.exit(result if isinstance(result, int) else 0)


def _complain(message: str) -> None:
    click.echo(f"neuro-actors: {' '.join(message.split())}", err=True)
    sys.exit(2)
