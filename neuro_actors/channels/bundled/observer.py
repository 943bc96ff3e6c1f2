"""What bundled channels say about a step: how far it is, who waits for whom, what was sent.

Nothing here carries mail. All follows from the table of routes and from what each port has sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...network.elements import ENVIRONMENT, LOSS_NODE
from ...network.network import Network
from ...neuron.messages import ACTIVATION, URGENCY, MessageKind, Step
from ..interface import Waiting
from ..routes import Moment, RouteBlock, StepKind, count_messages, route_blocks, row_blocks
from ..step_record import Progress
from .countdown import MemberPort


class Observer:
    """Looks at the ports of a society.

    Args:
        network: The network.
        ports: The ports of its neurons, in its order.
        loss: The loss node's port.
    """

    def __init__(self, network: Network, ports: Sequence[MemberPort], loss: MemberPort) -> None:
        self._network, self._ports, self._loss = network, ports, loss
        self._blocks = route_blocks(network)
        self._in_full: dict[StepKind, int] = {}

    def progress(self, step: Step) -> Progress:
        """Return how far a step has come."""
        number = step.number
        sent_activation, finished = np.array(
            [(port.activation_step == number, port.finished_step == number) for port in self._ports]
        ).T
        # an input repeats what the environment sent, so it has fired when the step begins
        return Progress(
            sent_activation | self._network.is_input, finished, self._loss.finished_step == number
        )

    def count_in_full(self, step: Step) -> int:
        """Return how many messages are sent in a step until it has ended."""
        kind = StepKind.of(step)
        if kind not in self._in_full:
            self._in_full[kind] = count_messages(self._blocks, step)
        return self._in_full[kind]

    def count_so_far(self, step: Step) -> int:
        """Return how many messages of a step have been sent until now."""
        return count_messages(self._blocks, step, self.progress(step))

    def rows_sent(self, step: Step) -> dict[str, NDArray[np.bool_]]:
        """Return which rows of a step's record have been sent until now; see `StepRecord.sent`.

        Args:
            step: The step.

        Returns:
            By name of the block of rows. Shape (n_rows,) each.
        """
        progress = self.progress(step)
        return {block.name: block.is_sent(progress) for block in row_blocks(self._network)}

    def mailboxes(self, in_use: bool) -> dict[str, tuple[int, int]]:
        """Return how full the mailbox of each neuron was, and its room; see `Statistics`.

        Its room is all rows that the neuron reads. Those of one moment are there together.

        Args:
            in_use: Whether any message has been sent.
        """
        ids = self._network.ids
        counts = {moment: np.zeros(len(ids) + 2, dtype=np.intp) for moment in Moment}
        for block in self._blocks:
            counts[block.spec.moment] += np.bincount(block.receiver, minlength=len(ids) + 2)
        room = counts[Moment.BEGIN] + counts[Moment.FIRE] + counts[Moment.RESPOND]
        full = np.maximum(counts[Moment.FIRE], counts[Moment.RESPOND]) * in_use
        return dict(zip(ids, zip(full.tolist(), room.tolist(), strict=True), strict=False))

    def waiting(self, step: Step) -> Iterator[Waiting]:
        """Yield which member waits for which others in a step."""
        names = (*self._network.ids, LOSS_NODE, ENVIRONMENT)
        missing: dict[tuple[int, MessageKind], list[str]] = {}
        for block, used in self._missing(step):
            for route in np.flatnonzero(used).tolist():
                receiver = int(block.receiver[route])
                sender = names[block.sender[route]]
                missing.setdefault((receiver, block.spec.kind), []).append(sender)
        for (receiver, kind), senders in sorted(missing.items(), key=lambda item: item[0][0]):
            if self._waits(receiver, kind, step):
                yield Waiting(names[receiver], kind, step.number, tuple(senders))

    def _missing(self, step: Step) -> Iterator[tuple[RouteBlock, NDArray[np.bool_]]]:
        kind, progress = StepKind.of(step), self.progress(step)
        for block in self._blocks:
            missing = np.broadcast_to(block.is_used(kind), len(block)) & ~np.broadcast_to(
                block.is_sent(progress), len(block)
            )
            if missing.any():
                yield block, missing

    def _waits(self, member: int, kind: MessageKind, step: Step) -> bool:
        """Whether a member waits for mail of this kind, and does not only need it later."""
        n = len(self._ports)
        if member == n + 1:  # the environment waits for all of it
            return True
        port = self._loss if member == n else self._ports[member]
        done = (
            port.activation_step if port.waits == ACTIVATION and member < n else port.finished_step
        )
        return kind == port.waits and done < step.number and kind in (ACTIVATION, URGENCY)
