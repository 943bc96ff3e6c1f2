"""The engine that users ask for: one society on many processes, which Ray starts and watches."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from ..support.errors import InputError
from ..support.text import shown
from ..support.validation import as_flag
from .launcher import WorkerLauncher
from .settings import Cluster


@dataclass(frozen=True, kw_only=True)
class Ray(Cluster):
    """Let a society live on many processes: `na.open_simulation(net, engine=na.Ray(replicas=2, shards=2), micro_batches=8)`.

    The bits are those of one process with the same micro-batches. A worker that dies is replaced, and the batch done again
    from what was committed. Needs the extra `ray`.

    replicas: how many societies share out the micro-batches of each batch, and learn the same.
    shards: between how many workers the neurons of each are partition_for; there are replicas · shards workers.
    partition: how, instead of `na.partition(network, shards)`.
    address: of a Ray cluster that runs already, "host:port"; None starts one for this run, on this machine, and stops it
        afterwards.
    token: the cluster's; by default the environment's RAY_AUTH_TOKEN. (A Ray of this run's own has one of its own.)
    host: at which address of this machine workers reach it, and so on which they listen too. The default, loopback, keeps
        all within this machine: for workers on others give this one's name or address in their network. Whoever listens
        answers to the run's own secret alone; what goes over the network is sealed, but not encrypted.
    spread: put workers on as many nodes of the cluster as there are.
    exact: False lets it run, with a warning, where bits may differ: workers with another numpy or another kind of processor.
    """

    address: str | None = None
    token: str | None = field(default=None, repr=False)
    host: str = "127.0.0.1"
    spread: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        as_flag("Ray: spread", self.spread)
        for name in ("address", "token", "host"):
            value = getattr(self, name)
            if not (isinstance(value, str) and value) and (value is not None or name == "host"):
                raise InputError(
                    f"Ray: {name} must be a text, got {shown(value) if name != 'token' else type(value).__name__}"
                )
        if self.host in ("0.0.0.0", "::", "*"):
            raise InputError(
                f"Ray: host must be an address at which workers reach this machine, not {shown(self.host)}"
            )

    def open_launcher(self) -> AbstractAsyncContextManager[WorkerLauncher]:
        from .ray_launcher import ray_workers  # Ray is imported only where it is asked for

        shards = self.shards if self.partition is None else self.partition.shards
        return ray_workers(
            self.replicas * shards, address=self.address, token=self.token, spread=self.spread
        )
