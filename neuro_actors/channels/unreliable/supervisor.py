"""The engine of a society in a storm, and the supervisor of its members (as in Erlang/OTP: one for one)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from trio.lowlevel import enable_ki_protection

from ...network.network import Network
from ...support.errors import SimulationError
from ..interface import Recorder, Statistics, Waiting
from ..memory import connect
from ..routes import Routes
from .delivery import Snapshot
from .fault_injection import FaultInjector
from .faults import FaultEvent
from .invariants import InvariantChecker
from .port import Crashed, RestartableEnvironmentPort, RestartablePort
from .settings import Unreliable
from .step_table import StepTable
from .timing import ack_tables
from .transport import Transport


class UnreliableChannels:
    """The engine: a mailbox of bytes for each member, the storm between them, and what members have committed.

    snapshots: of each member, all that survives its death.  checker: checks the protocol's law at every letter and commit.
    report: is told of each disturbance; else the recorder is.
    """

    def __init__(
        self,
        network: Network,
        recorder: Recorder | None,
        settings: Unreliable,
        checker: InvariantChecker | None = None,
        report: Callable[[FaultEvent], None] | None = None,
    ) -> None:
        self.settings = settings
        self.checker = checker
        lines = Routes(network)
        world = len(network.ids) + 1
        self.injector = FaultInjector(
            settings, lines, report or getattr(recorder, "disturbance", None)
        )
        self.step_table = StepTable()
        self.snapshots = [Snapshot() for _ in range(world)]
        tables = ack_tables(network, lines, settings)
        room = [2 * (len(w.answers) + len(w.repeats)) + 4 for w in tables]
        self.transport = Transport(
            self.injector, lines.receiver.tolist(), lines.sender.tolist(), room, checker
        )
        self._recorder = recorder
        self._recorded: tuple[int, set[int]] = 0, set()
        self._messages = 0
        self._restarts = 0
        self._stride = 1
        mailboxes = self.transport.mailboxes
        self._ports = [
            RestartablePort(self, k, tables[k], mailboxes[k].receive, lines) for k in range(world)
        ]
        self.environment = RestartableEnvironmentPort(
            self, world, tables[world], mailboxes[world].receive, lines
        )
        self._ports.append(self.environment)
        self.loss = self._ports[-2]
        connect(network, lines, self._ports, [None] * len(lines.members))

    def port(self, k: int) -> RestartablePort:
        return self._ports[k]

    @enable_ki_protection
    async def carry(self) -> None:
        await self.transport.run()

    @enable_ki_protection
    async def supervise(
        self,
        member: int,
        birth: Callable[[], Any],
        life: Callable[[Any, Any, int], Awaitable[None]],
    ) -> None:
        """One life after another (as a supervisor of Erlang/OTP's would, one for one, of those that were killed)."""
        port, crashes, finished = self._ports[member], 0, self.snapshots[member].number
        while True:
            rule, snapshot = birth(), self.snapshots[member]
            if not all(callable(getattr(rule, name, None)) for name in ("get_state", "set_state")):
                told = f"{port.node!r}: its rule, {type(rule).__name__}, needs get_state() and set_state() to go on after a death"
                raise SimulationError(
                    f"{told}: derive it from neuron.StatefulRule and name its state in STATE"
                )
            if snapshot.state:
                rule.set_state(snapshot.state)
            port.restart_from(snapshot, rule.get_state)
            try:
                await life(rule, port, snapshot.number)
            except Crashed as crash:
                if finished != self.snapshots[member].number:
                    crashes, finished = 0, self.snapshots[member].number
                crashes += (
                    port.is_in_step
                )  # whoever dies before anything is asked of it has failed in nothing
                if crashes > self.settings.restarts:
                    raise SimulationError(
                        f"{port.node!r} died {crashes} times without finishing step {finished + self._stride}, at last {crash}: "
                        f"Unreliable(restarts={self.settings.restarts}) allows no more"
                    ) from None
                self._restarts += 1
                self.transport.empty_mailbox(member)
            else:
                return

    def commit(self, member: int, snapshot: Snapshot) -> None:
        """Make it durable, by one assignment."""
        if self.checker is not None:
            self.checker.check_commit(member, self.snapshots[member], snapshot)
        self.snapshots[member] = snapshot

    def record(self, step: Any, line: int, values: Any) -> None:
        """What is said for the first time: a member that died may say it again, and says the same."""
        number, recorded = self._recorded
        if number != step.number:
            self._recorded = _, recorded = step.number, set()
        if line not in recorded:
            recorded.add(line)
            self._messages += 1
            if self._recorder is not None:
                self._recorder.message(step, line, values)

    def resume(self, number: int, stride: int = 1) -> None:
        self.snapshots = [Snapshot(number) for _ in self.snapshots]
        self.injector.stride = self._stride = stride
        for port in self._ports:
            port.resume(stride)
        self.environment.restart_from(Snapshot(number), tuple)
        if self.checker is not None:
            self.checker.resume(number, stride)

    def waiting(self) -> Iterator[Waiting]:
        for port in self._ports:
            yield from port.waiting()

    def statistics(self) -> Statistics:
        """messages: those that plain channels would have carried; what else was sent is among the disturbances."""
        mailboxes = {
            port.node: self.transport.mailbox_fill(k) for k, port in enumerate(self._ports)
        }
        return Statistics(
            self._messages, mailboxes, dict(self.injector.counts) | {"restarts": self._restarts}
        )

    @enable_ki_protection
    def stop(self) -> None:
        self.transport.stop()

    def close(self) -> None:
        self.transport.close()
