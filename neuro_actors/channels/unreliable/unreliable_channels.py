"""Channels under fault injection: ports, transport, fault injector and supervisor, put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from trio.lowlevel import enable_ki_protection

from ...network.network import Network
from ..interface import Recorder, Statistics, Waiting
from ..member_mail import make_mail
from ..routes import Routes
from .fault_injection import FaultInjector
from .faults import FaultEvent
from .first_sends import FirstSends
from .invariants import InvariantChecker
from .port import RestartablePort, Shared, UnreliableEnvironmentPort
from .settings import Unreliable
from .snapshots import SnapshotStore
from .step_table import StepTable
from .supervisor import Supervisor
from .timing import ack_tables
from .transport import Transport


class UnreliableChannels:
    """The channels that `na.Unreliable` stands for.

    Args:
        network: The network.
        recorder: Is called with the record of each step and with each fault, if there is one.
        settings: The chances and particular faults.
        checker: Checks the protocol's rules at each frame and commit, if there is one.
        report: Is called with each fault; None: the recorder is.

    Attributes:
        injector: Decides on faults, and counts them.
        transport: Carries frames.
        environment: The environment's port.
        loss: The loss node's port.
    """

    def __init__(
        self,
        network: Network,
        recorder: Recorder | None,
        settings: Unreliable,
        checker: InvariantChecker | None = None,
        report: Callable[[FaultEvent], None] | None = None,
    ) -> None:
        routes = Routes(network)
        if report is None and recorder is not None:
            report = recorder.record_fault
        self.injector = FaultInjector(settings, routes, report)
        tables = ack_tables(network, routes, settings)
        # enough for a frame and its repetition on each route, and some more
        room = [2 * (len(table.answers) + len(table.repeats)) + 4 for table in tables]
        ends = routes.receiver.tolist(), routes.sender.tolist()
        self.transport = Transport(self.injector, *ends, room, checker)
        self._snapshots = SnapshotStore(len(tables), checker)
        self._first_sends = FirstSends(network, routes, recorder)
        self._supervisor = Supervisor(self._snapshots, settings.restarts)
        shared = Shared(
            self.transport, self.injector, StepTable(), self._first_sends, self._snapshots
        )
        mails, environment = make_mail(network, routes, range(len(routes)))
        self._ports = [
            RestartablePort(member, mail, tables[member], shared)
            for member, mail in enumerate(mails)
        ]
        self.environment = UnreliableEnvironmentPort(len(mails), environment, tables[-1], shared)
        self.loss = self._ports[-1]

    def port(self, k: int) -> RestartablePort:
        """See `Channels.port`."""
        return self._ports[k]

    @enable_ki_protection
    async def run(self) -> None:
        """See `Channels.run`."""
        await self.transport.run()

    @enable_ki_protection
    async def run_member(
        self,
        member: int | None,
        create_rule: Callable[[], Any],
        life: Callable[[Any, Any], Awaitable[None]],
    ) -> None:
        """See `Channels.run_member`. A member that crashes restarts from its last commit."""
        port = self.loss if member is None else self._ports[member]
        await self._supervisor.run_member(port, create_rule, life)

    def resume(self, number: int, stride: int = 1) -> None:
        """See `Channels.resume`."""
        self._snapshots.resume(number, stride)
        self.injector.stride = self._supervisor.stride = stride
        for port in self._ports:
            port.resume(stride)
        self.environment.resume(number, stride)

    def waiting(self) -> Iterator[Waiting]:
        """See `Channels.waiting`."""
        for port in self._ports:
            yield from port.waiting()
        yield from self.environment.waiting()

    def statistics(self) -> Statistics:
        """See `Channels.statistics`.

        `messages` are those that channels without faults would have carried. Whatever else was
        sent is in `disturbances`.
        """
        nodes = [*(port.node for port in self._ports), self.environment.node]
        mailboxes = {node: self.transport.mailbox_fill(k) for k, node in enumerate(nodes)}
        counts = dict(self.injector.counts) | {"restarts": self._supervisor.restarts}
        return Statistics(self._first_sends.count, mailboxes, counts)

    @enable_ki_protection
    def stop(self) -> None:
        """See `Channels.stop`."""
        self.transport.stop()

    def close(self) -> None:
        """See `Channels.close`."""
        self._first_sends.finish()
        self.transport.close()
