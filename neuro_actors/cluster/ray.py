"""`na.Ray`, the cluster that users ask for: Ray starts its workers and watches them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from ..support.errors import InputError
from ..support.hints import explains_fields
from ..support.text import quote
from ..support.validation import as_flag
from .launcher import WorkerLauncher
from .settings import Cluster


@explains_fields
@dataclass(frozen=True, kw_only=True)
class Ray(Cluster):
    """A society on several processes, which Ray starts and watches. Needs the extra `ray`.

    Use it as `na.open_simulation(net, engine=na.Ray(replicas=2, shards=2), micro_batches=8)`. There
    are replicas · shards workers. The bits are those of one process with the same micro-batches. A
    worker that is lost is replaced, and the batch in progress is done again from the committed
    state.

    Attributes:
        replicas: How many copies of the society there are. They share out the micro-batches of each
            batch, and learn the same.
        shards: Between how many workers the neurons of each replica are divided.
        partition: Which neurons are in which shard; None for `na.partition(network, shards)`.
        exact: False allows workers with another numpy or another kind of processor, whose bits may
            differ; a warning says so.
        address: "host:port" of a Ray cluster that runs already. None starts one for this run, on
            this machine, and stops it afterwards.
        token: The token of that cluster; None for RAY_AUTH_TOKEN of the environment. A Ray of this
            run's own has a token of its own.
        host: The address of this machine at which workers reach it; workers listen on the same
            network. The default, loopback, keeps all within this machine. For workers on other
            machines give this machine's name or address in their network. Each listener answers
            only to the secret of the run. Messages are authenticated, but not encrypted.
        spread: Whether to put workers on as many nodes of the cluster as there are.

    Raises:
        InputError: A setting has the wrong type, or is out of range.
    """

    address: str | None = None
    token: str | None = field(default=None, repr=False)
    host: str = "127.0.0.1"
    spread: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "spread", as_flag("Ray: spread", self.spread))
        for name in ("address", "token", "host"):
            value = getattr(self, name)
            if not (isinstance(value, str) and value) and (value is not None or name == "host"):
                got = type(value).__name__ if name == "token" else quote(value)
                raise InputError(f"Ray: {name} must be a text, got {got}")
        if self.host in ("0.0.0.0", "::", "*"):
            problem = "Ray: host must be an address at which workers reach this machine"
            raise InputError(f"{problem}, not {quote(self.host)}")

    def open_launcher(self) -> AbstractAsyncContextManager[WorkerLauncher]:
        """See `Cluster.open_launcher`. Ray is imported only here."""
        from .ray_launcher import ray_workers

        shards = self.shards if self.partition is None else self.partition.shards
        return ray_workers(
            self.replicas * shards, address=self.address, token=self.token, spread=self.spread
        )
