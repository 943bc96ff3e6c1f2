"""Which engine many machines are asked for with."""

from __future__ import annotations

from ..channels.interface import ChannelsFactory
from ..neuron.optimizers import Optimizer
from ..support.errors import InputError
from ..support.text import shown
from .ray import Ray
from .settings import Cluster, check_optimizer


def choose_cluster(
    engine: object, channels: str | ChannelsFactory, optimizer: Optimizer | None = None
) -> Cluster | None:
    """What users hand over as `engine`; None for this process. Raises `InputError` for what is none, or cannot go with one."""
    if engine is None:
        return None
    if engine == "ray":
        engine = Ray()
    if not isinstance(engine, Cluster):
        raise InputError(
            f"engine must be such as na.Ray(replicas=2), 'ray', or None, got {shown(engine)}"
        )
    if optimizer is not None:
        check_optimizer(optimizer)
    if channels != "bundled":
        told = "workers carry mail in bundled channels, and between them by wires of their own"
        raise InputError(f"{told}: leave channels={shown(channels)} out, or engine")
    return engine
