"""What a run without checkpoints has in place of a `Saver`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...rules.member_registry import MemberRegistry
    from ..simulation import Simulation


class NoSaver:
    """Takes the place of a `Saver` in a run without checkpoints: it saves nothing.

    Attributes:
        members: None: no member is remembered.
        signals: A context manager that changes nothing.
        messages: 0; see `Saver`.
    """

    def __init__(self) -> None:
        self.members: MemberRegistry | None = None
        self.signals: AbstractContextManager[object] = nullcontext()
        self.messages = 0

    def start(self) -> None:
        """See `Saver.start`."""

    def close(self) -> None:
        """See `Saver.close`."""

    async def after_step(self, simulation: Simulation) -> None:
        """See `Saver.after_step`."""

    async def save_result(self, simulation: Simulation) -> None:
        """See `Saver.save_result`."""
