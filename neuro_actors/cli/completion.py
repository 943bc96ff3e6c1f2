"""What the Tab key completes beside commands, options and files: what the log contains.

A shell calls the program for it; see `docs/completion.md`. A log that cannot be read completes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ..support.errors import NeuroActorsError

if TYPE_CHECKING:
    from ..network.network import Network

MOST = 200  # names that are offered


def complete_neuron(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the ids of neurons that begin so.

    Args:
        context: What the line contains so far.
        parameter: The option that is completed.
        incomplete: The beginning of the id.
    """
    found = (name for network in _network(context) for name in network.ids)
    return [name for name in found if name.startswith(incomplete)][:MOST]


def complete_synapse(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the names of synapses that begin so, with an arrow that no shell takes for itself.

    Args:
        context: What the line contains so far.
        parameter: The option that is completed.
        incomplete: The beginning of the name.
    """
    from ..network.synapse_name import ARROWS

    arrow = next((one for one in ARROWS if one in incomplete), "→")
    found: list[str] = []
    for network in _network(context):
        for a, b in zip(network.sources.tolist(), network.targets.tolist(), strict=True):
            name = f"{network.ids[a]}{arrow}{network.ids[b]}"
            if name.startswith(incomplete):
                found.append(name)
            if len(found) == MOST:
                break
    return found


def complete_format(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the formats of `log export` that begin so.

    Args:
        context: What the line contains so far.
        parameter: The option that is completed.
        incomplete: The beginning of the format.
    """
    from ..log.export import FORMATS

    return [name for name in FORMATS if name.startswith(incomplete)]


def _network(context: click.Context) -> Iterator[Network]:
    """Yield the network of the log that the line names, if there is one."""
    from ..log.reader import LogReader

    # click leaves arguments where they are if the option before the cursor lacks its value
    file = context.params.get("file") or next(iter(context.args), None)
    if file is not None:
        try:
            network = LogReader(file).network
        except NeuroActorsError:
            return
        yield network
