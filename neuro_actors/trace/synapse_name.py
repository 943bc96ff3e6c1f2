"""Which synapse a text means, and what to say if there is none."""

from __future__ import annotations

from collections.abc import Sequence

from ..network.elements import arrow
from ..network.network import Network
from ..network.synapse_name import possible_ends
from ..support.errors import InputError
from ..support.text import list_names, quote
from ..support.validation import as_list


def parse_synapse(network: Network, weight: str | Sequence[str]) -> tuple[str, str]:
    """Return the ids of a synapse's source and target.

    Args:
        network: The network.
        weight: Both ids, or both with "->", "→" or ":" between them. Ids may contain these, too;
            then it means the split that is a synapse of the network.

    Raises:
        InputError: It does not name two ends, or it may mean several synapses.
    """
    if not isinstance(weight, str):
        ends = as_list("weight", weight)
        if len(ends) != 2 or not all(isinstance(end, str) for end in ends):
            raise InputError(f"weight: expected the ids of its two ends, got {quote(weight)}")
        return ends[0], ends[1]
    splits = possible_ends(weight)
    known = [(a, b) for a, b in splits if a in network.position and b in network.position]
    pairs = (
        set(zip(network.sources.tolist(), network.targets.tolist(), strict=True))
        if known[1:]
        else set()
    )
    meant = [
        pair for pair in known if tuple(network.position[end] for end in pair) in pairs
    ] or known
    if len(meant) > 1:
        either = " or ".join(arrow(*pair) for pair in meant)
        raise InputError(f"weight {quote(weight)} may be {either}: give both ends, each by itself")
    return meant[0] if meant else splits[-1]


def no_synapse(network: Network, a: int, b: int) -> str:
    """Say that there is no synapse between two neurons, and which others there are.

    Args:
        network: The network.
        a: The position of the source.
        b: The position of the target.
    """
    ids = network.ids
    if (network.sources[network.incoming.of(a)] == b).any():
        return f"there is no synapse {arrow(ids[a], ids[b])}, but there is {arrow(ids[b], ids[a])}"
    onward = [ids[k] for k in network.targets[network.outgoing.of(a)].tolist()]
    into = [ids[k] for k in network.sources[network.incoming.of(b)].tolist()]
    to = list_names(onward) if onward else "no neuron, it is an output"
    from_ = list_names(into) if into else "no neuron, it is an input"
    problem = f"there is no synapse {arrow(ids[a], ids[b])}"
    return f"{problem}: {ids[a]!r} leads to {to}; {ids[b]!r} receives from {from_}"
