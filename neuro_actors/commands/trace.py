"""`neuro-actors log trace`: why did this weight want to change?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from ..errors import InputError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--weight", metavar="A->B", help="The urgency of this synapse's weight.")
@click.option("--neuron", metavar="ID", help="The urgency of this neuron's signal, or of what an input said.")
@click.option("--from", "source", metavar="ID", help="How an output would change with what this neuron or input said.")
@click.option("--to", "output", metavar="ID", help="Which output, with --from.")
@click.option("--step", type=click.IntRange(1), help="The step; by default the last that can be traced.")
@click.option("--example", type=click.IntRange(1), help="One example of the batch, from 1 on, and not the mean.")
@click.option("--paths", default=8, show_default=True, type=click.IntRange(1), help="How many paths, the greatest first.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def trace(
    file: Path,
    weight: str | None,
    neuron: str | None,
    source: str | None,
    output: str | None,
    step: int | None,
    example: int | None,
    paths: int,
    as_json: bool,
) -> None:
    """Why did this weight want to change?

    \b
    neuro-actors log trace run.arrows --weight "h1->y" --step 3
    neuro-actors log trace run.arrows --neuron h1
    neuro-actors log trace run.arrows --from x --to y

    A weight's urgency is the sum over all paths from it to the loss; along each, weights and slopes are multiplied. The
    greatest paths are shown, with their factors, and the exact sum of all, beside what the messages themselves came to.
    """
    from ..log import open_log
    from ..trace import trace as traced

    log = open_log(file)
    ends = None if weight is None else _ends(weight, set(log.network.ids))
    if output is not None and source is None:
        raise InputError("--to goes with --from")
    if sum(asked is not None for asked in (weight, neuron, source)) != 1:
        raise InputError("ask for one thing: --weight A->B, --neuron ID or --from ID")
    found = traced(log, weight=ends, neuron=neuron, source=source, output=output, step=step, example=example, limit=paths)
    if as_json:
        click.echo(json.dumps(asdict(found) | {"shown": found.shown}, indent=1))
    else:
        click.echo(str(found))


def _ends(text: str, ids: set[str]) -> tuple[str, str]:
    """Both ends of a synapse; an id may hold an arrow too."""
    parts = text.split("->")
    pairs = [("->".join(parts[:k]), "->".join(parts[k:])) for k in range(1, len(parts))]
    pairs = [(a.strip(), b.strip()) if a not in ids or b not in ids else (a, b) for a, b in pairs]
    if not pairs:
        raise InputError(f"--weight {text!r}: write both ends of the synapse, A->B (and quote it: the shell knows > too)")
    return next((pair for pair in pairs if set(pair) <= ids), pairs[0])
