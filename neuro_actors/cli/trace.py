"""`neuro-actors log trace`: the paths that an urgency is the sum of."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ..support.errors import InputError
from .completion import complete_neuron, complete_synapse
from .guess import WholeNumber
from .output import import_all, to_json

OUTPUTS = 10  # the most outputs whose slopes are shown


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--weight",
    metavar="A:B",
    multiple=True,
    shell_complete=complete_synapse,
    help="The urgency of this weight. Or: 'A->B' in quotes, or --weight A --weight B.",
)
@click.option(
    "--neuron",
    metavar="ID",
    shell_complete=complete_neuron,
    help="The urgency of a neuron's signal, or of an input's activation.",
)
@click.option(
    "--source",
    metavar="ID",
    shell_complete=complete_neuron,
    help="How the outputs change with the activation of this neuron or input.",
)
@click.option(
    "--output",
    metavar="ID",
    shell_complete=complete_neuron,
    help="With --source: only this output.",
)
@click.option(
    "--step", type=WholeNumber(1), help="The step. Default: the last step that can be traced."
)
@click.option(
    "--example",
    type=WholeNumber(1),
    help="One example of the batch: 1, 2, and so on. It shows the factors of each path. "
    "Default: the mean over all examples.",
)
@click.option(
    "--limit",
    default=8,
    show_default=True,
    type=WholeNumber(1),
    help="How many paths to show, the largest first.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object, or a list of them for several outputs.",
)
@click.option(
    "--import",
    "modules",
    metavar="MODULE",
    multiple=True,
    help="Import this module first. It adds activations or losses.",
)
def trace(
    file: Path,
    weight: tuple[str, ...],
    neuron: str | None,
    source: str | None,
    output: str | None,
    step: int | None,
    example: int | None,
    limit: int,
    as_json: bool,
    modules: tuple[str, ...],
) -> None:
    """Explain why a weight changes, path by path.

    \b
    neuro-actors log trace run.arrows --weight h1.0:y0 --step 3
    neuro-actors log trace run.arrows --neuron h1
    neuro-actors log trace run.arrows --source x --output y

    The urgency of a weight is a sum over all paths from it to the loss. Each path
    multiplies the weights and slopes along it. This command prints the largest paths,
    the exact sum over all paths, and the urgency that was sent. With --example it also
    prints the factors of each path. Over a batch a path's worth is a mean of products.
    \f

    Raises:
        InputError: Not exactly one thing is asked for.
    """
    if output is not None and source is None:
        raise InputError("--output goes with --source")
    if (len(weight) > 0) + (neuron is not None) + (source is not None) != 1:
        raise InputError("ask for one thing: --weight A:B, --neuron ID or --source ID")
    import_all(modules)
    from ..trace.synapse_name import parse_synapse
    from ..trace.tracer import Tracer

    tracer = Tracer(file, step, example, to_loss=source is None)
    left_out = 0
    if weight:
        ends = parse_synapse(tracer.network, weight[0] if len(weight) == 1 else weight)
        found = [tracer.weight(*ends, limit)]
    elif neuron is not None:
        found = [tracer.neuron(neuron, limit)]
    else:
        assert source is not None
        outputs = [output] if output is not None else tracer.outputs(source)
        found = [tracer.output(source, name, limit) for name in outputs[:OUTPUTS]]
        left_out = max(0, len(outputs) - OUTPUTS)
    if as_json:
        traces = [asdict(one) | {"shown": one.shown, "cut_off": one.cut_off} for one in found]
        click.echo(to_json(traces if len(traces) > 1 else traces[0], indent=1))
        return
    click.echo("\n\n".join(map(str, found)))
    if left_out:
        click.echo(f"\n{left_out:,} more outputs change less: --output ID shows one of them.")
