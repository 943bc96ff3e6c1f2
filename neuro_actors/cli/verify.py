"""`neuro-actors verify`."""

from __future__ import annotations

import sys

import click

from .output import reader_may_leave


@click.command()
@click.option(
    "--networks",
    default=100,
    show_default=True,
    type=click.IntRange(1),
    help="How many networks to draw.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="The first one's seed; then the next.",
)
@click.option(
    "--channels",
    default="bundled",
    show_default=True,
    help="The engine that carries mail: bundled or memory.",
)
def verify(networks: int, seed: int, channels: str) -> None:
    """Compare random societies with matrices, finite differences and PyTorch.

    Draws networks of 1 to 200 neurons, layered and wild, of all activations and losses, with batches of 1 to 64
    examples. Each is brought to life, asked for predictions, a gradient and a product of the Hessian with a direction,
    and taught two steps. All of it is compared with a computation by matrices, with finite differences for a few
    parameters, and, where torch is installed, with PyTorch's autograd in float64. Differences are given in units of
    what rounding alone may do.

    Exit code 1 if any difference exceeds it: --networks 1 with the seed that is printed draws the same network again.
    """
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    from ..channels.choose import choose_channels
    from ..proof.verify import verify as verdicts

    choose_channels(channels)
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
    with out.capture() as told:
        out.print(
            f"{count:,} networks, {neurons:,} neurons, {synapses:,} synapses, {messages:,} messages"
        )
        title = "in units of the rounding bound: 1 is the limit"
        table = Table("compared", "largest difference", "of the network with seed", title=title)
        for name, (difference, where) in worst.items():
            table.add_row(name, f"{difference:.3g}", str(where))
        out.print(table)
        if "PyTorch" not in worst:
            out.print(
                "PyTorch is not installed, and was not compared with: pip install 'neuro-actors[torch]'",
                markup=False,
            )
        for verdict in failed[:10]:
            wrong = verdict.failure or ", ".join(
                f"{name} {d:.3g}" for name, d in verdict.differences.items() if not d <= 1
            )
            out.print(
                f"FAILED: neuro-actors verify --networks 1 --seed {verdict.seed}   ({wrong})",
                markup=False,
            )
        if failed:
            out.print(f"{len(failed)} of {count:,} networks differ.")
        else:
            out.print("All agree.")
    with reader_may_leave():  # the verdict stands none the less
        click.echo(told.get(), nl=False)
    if failed:
        sys.exit(1)
