"""`neuro-actors log trace`: why did this weight want to change?"""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from pathlib import Path

import click

from ..support.errors import InputError

OUTPUTS = 10  # whose slopes are shown, at most


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--weight",
    metavar="A->B",
    multiple=True,
    help="The urgency of this weight. (Or: --weight A --weight B.)",
)
@click.option(
    "--neuron", metavar="ID", help="The urgency of this neuron's signal, or of what an input said."
)
@click.option(
    "--from",
    "source",
    metavar="ID",
    help="How outputs would change with what this neuron or input said.",
)
@click.option("--to", "output", metavar="ID", help="With --from, this output alone.")
@click.option(
    "--step", type=click.IntRange(1), help="The step; by default the last that can be traced."
)
@click.option(
    "--example",
    type=click.IntRange(1),
    help="One example of the batch, from 1 on, and not the mean.",
)
@click.option(
    "--paths",
    default=8,
    show_default=True,
    type=click.IntRange(1),
    help="How many paths, the greatest first.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="As JSON: an object; of several outputs a list."
)
@click.option(
    "--import",
    "modules",
    metavar="MODULE",
    multiple=True,
    help="Import this first: it adds activations or losses.",
)
def trace(
    file: Path,
    weight: tuple[str, ...],
    neuron: str | None,
    source: str | None,
    output: str | None,
    step: int | None,
    example: int | None,
    paths: int,
    as_json: bool,
    modules: tuple[str, ...],
) -> None:
    """Why did this weight want to change?

    \b
    neuro-actors log trace run.arrows --weight "h1->y" --step 3
    neuro-actors log trace run.arrows --neuron h1
    neuro-actors log trace run.arrows --from x --to y

    A weight's urgency is the sum over all paths from it to the loss; along each, weights and slopes are multiplied. The
    greatest paths are shown, with their factors, and the exact sum of all, beside what the messages themselves came to.
    """
    if output is not None and source is None:
        raise InputError("--to goes with --from")
    if (len(weight) > 0) + (neuron is not None) + (source is not None) != 1:
        raise InputError("ask for one thing: --weight A->B, --neuron ID or --from ID")
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:  # whatever a module does
            raise InputError(f"--import {module!r}: {type(error).__name__}: {error}") from None
    from ..trace.tracer import Tracer

    tracer = Tracer(file, step, example, to_loss=source is None)
    left_out = 0
    if weight:
        found = [tracer.weight(*tracer.synapse(weight[0] if len(weight) == 1 else weight), paths)]
    elif neuron is not None:
        found = [tracer.neuron(neuron, paths)]
    else:
        assert source is not None
        led = [output] if output is not None else tracer.outputs(source)
        found, left_out = (
            [tracer.output(source, name, paths) for name in led[:OUTPUTS]],
            max(0, len(led) - OUTPUTS),
        )
    if as_json:
        told = [asdict(one) | {"shown": one.shown, "cut_off": one.cut_off} for one in found]
        click.echo(json.dumps(told if len(told) > 1 else told[0], indent=1))
        return
    click.echo("\n\n".join(map(str, found)))
    if left_out:
        click.echo(f"\nIt leads to {left_out:,} more outputs, less steeply: --to ID shows one.")
