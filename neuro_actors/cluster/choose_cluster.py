"""The cluster that the user asks for by the parameter `engine`."""

from __future__ import annotations

from ..channels.choose_channels import ChannelsChoice
from ..neuron.optimizers import Optimizer
from ..support.errors import InputError
from ..support.text import quote
from .ray import Ray
from .settings import Cluster, check_sendable


def choose_cluster(
    engine: object, channels: ChannelsChoice, optimizer: Optimizer | None = None
) -> Cluster | None:
    """Return the cluster that the user asks for; None for this process.

    Args:
        engine: What the user gave.
        channels: What the user gave.
        optimizer: The optimizer of all steps, if it is known.

    Raises:
        InputError: `engine` is not a cluster, or does not go with the others.
    """
    if engine is None:
        return None
    if engine == "ray":
        engine = Ray()
    if not isinstance(engine, Cluster):
        raise InputError(
            f"engine must be such as na.Ray(replicas=2), 'ray', or None, got {quote(engine)}"
        )
    if optimizer is not None:
        check_sendable(optimizer)
    if channels != "bundled":
        problem = "workers carry mail in bundled channels, and between them by connections"
        raise InputError(f"{problem}: leave channels={quote(channels)} out, or engine")
    return engine
