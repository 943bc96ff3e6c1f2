"""`neuro-actors verify`."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from .guess import CountingCommand, WholeNumber
from .output import ignore_closed_pipe

if TYPE_CHECKING:
    from rich.console import Console

    from ..proof.verify import Verdict


@click.command(cls=CountingCommand)
@click.option(
    "--networks",
    default=100,
    show_default=True,
    type=WholeNumber(1),
    help="How many networks to draw.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=WholeNumber(0),
    help="Random seed of the first network. Each next network has the next seed.",
)
@click.option(
    "--channels",
    default="bundled",
    show_default=True,
    help="The engine that carries the messages: bundled or memory.",
)
@click.option(
    "--any",
    "any_kind",
    is_flag=True,
    help="Draw networks of any kind: interneurons, positions, fields, frozen parts, delays.",
)
def verify(networks: int, seed: int, channels: str, any_kind: bool) -> None:
    """Check that random societies compute exact gradients.

    \b
    neuro-actors verify --networks 100
    neuro-actors verify --networks 1 --seed 17
    neuro-actors verify --networks 100 --any

    The command draws networks of 1 to 200 neurons and levels, layered and random graphs, with all
    activations and losses, and batches of 1 to 64 examples. Each society computes predictions, a
    gradient and a Hessian-vector product, and learns for two steps. With --any it draws small
    networks with interneurons, positions, receptive fields, frozen parts and delays.

    The proof: each neuron is compared alone. From the messages that it received, matrices in
    numpy compute what it should have sent, in a network of any depth.

    The whole gradient is also compared with matrices, with finite differences for a few parameters,
    and with PyTorch in float64, if it is installed. If a network is so deep that rounding could
    change more than a millionth of the largest entry, the output says so.

    Each difference is given as a fraction of the rounding bound, which is the largest difference
    that rounding alone can cause. So the limit is 1.

    Exit code 1: a difference is larger. The command that draws this network again is printed.
    """
    from rich.console import Console
    from rich.progress import track

    from ..channels.choose_channels import choose_channels
    from ..proof.verify import verify as verify_networks

    choose_channels(channels)
    out, err = Console(highlight=False), Console(stderr=True)
    verdicts = verify_networks(networks, seed, channels=channels, any_kind=any_kind)
    if err.is_terminal:
        verdicts = iter(track(verdicts, "verifying", total=networks, console=err))
    totals = _Totals("--any " if any_kind else "")
    for verdict in verdicts:
        totals.add(verdict)
    with out.capture() as text:
        totals.print_to(out)
    with ignore_closed_pipe():  # the exit code counts, also when nobody reads the output
        click.echo(text.get(), nl=False)
    if totals.failed:
        sys.exit(1)


class _Totals:
    """Counts and largest differences of all networks so far."""

    def __init__(self, options: str) -> None:
        self.options = options  # that draw the same networks again
        self.networks = self.neurons = self.synapses = self.messages = 0
        self.failed: list[Verdict] = []
        self.worst: dict[str, tuple[float, int]] = {}  # what: (greatest use, its seed)
        self.count: Counter[str] = Counter()
        self.depth: dict[str, int] = {}  # what: the greatest depth of a network
        self.too_deep: dict[str, list[int]] = {}  # what: the seeds

    def add(self, verdict: Verdict) -> None:
        network = verdict.case.network
        self.networks += 1
        self.neurons += len(network.ids) - len(network.inputs)
        self.synapses += len(network.weights)
        self.messages += verdict.messages
        for name, difference in verdict.differences.items():
            found = (difference, verdict.seed)
            self.worst[name] = max(self.worst.get(name, (-1.0, 0)), found)
            self.depth[name] = max(self.depth.get(name, 0), network.depth)
            self.count[name] += 1
        for name in verdict.too_deep:
            self.too_deep.setdefault(name, []).append(verdict.seed)
        if not verdict.passed:
            self.failed.append(verdict)

    def print_to(self, out: Console) -> None:
        from rich.table import Table

        out.print(
            f"{self.networks:,} networks, {self.neurons:,} neurons, {self.synapses:,} synapses, "
            f"{self.messages:,} messages"
        )
        title = "use of the rounding bound, difference / bound: 1 is the limit"
        headings = "compared", "networks", "greatest depth", "greatest use", "with seed"
        table = Table(*headings, title=title)
        for name, (use, seed) in self.worst.items():
            cells = self.count[name], self.depth[name], f"{use:.3g}", seed
            table.add_row(name, *map(str, cells))
        out.print(table)
        for seeds, names in self._too_deep():
            shown = ", ".join(map(str, seeds[:5])) + (", …" if len(seeds) > 5 else "")
            out.print(
                f"Too deep or too sensitive to compare as a whole: {names} of {len(seeds)} (seeds "
                f"{shown}). Each of their neurons was compared.",
                markup=False,
            )
        if "PyTorch" not in self.worst:
            advice = "pip install 'neuro-actors[torch]'"
            out.print(f"Not compared with PyTorch, which is not installed: {advice}", markup=False)
        for verdict in self.failed[:10]:
            wrong = verdict.failure or ", ".join(
                f"{name} {d:.3g}" for name, d in verdict.differences.items() if not d <= 1
            )
            command = f"neuro-actors verify {self.options}--networks 1 --seed {verdict.seed}"
            out.print(f"FAILED: {command}   ({wrong})", markup=False)
        if self.failed:
            out.print(f"{len(self.failed)} of {self.networks:,} networks differ.")
        else:
            out.print("All agree.")

    def _too_deep(self) -> list[tuple[list[int], str]]:
        """Return the seeds of networks that were too deep, and the comparisons that lack them."""
        names: dict[tuple[int, ...], list[str]] = {}
        for name, seeds in self.too_deep.items():
            names.setdefault(tuple(seeds), []).append(name)
        return [(list(seeds), ", ".join(same)) for seeds, same in names.items()]
