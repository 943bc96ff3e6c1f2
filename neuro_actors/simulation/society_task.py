"""The task in which a society runs for a simulation: its start, its first failure, and its end.

The law:

1. The society runs in one of trio's system tasks, so no interrupt reaches it, and a user's block
   may be left in any way. `has_ended` is set when every member has ended and everything is
   closed.
2. The first failure is kept. It stops the society, and wakes the call that waits for a step.
3. A failure is reported once: by the call that waits for the step, or else by the next call, or
   else when the block is left.
"""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING

import trio

from ..society.step_runner import StepRunner
from ..support.errors import LogError, NeuroActorsError, SimulationError
from ..support.signal_exceptions import is_from_handler

if TYPE_CHECKING:
    from ..log.recorder import LogRecorder


class SocietyTask:
    """The task of one society.

    Attributes:
        runner: Runs the society.
        log: Records its messages, if there is a log.
        failure: Why the society has failed; None while it has not.
        is_reported: Whether a call has raised the failure.
        is_closed: Whether the simulation's block was left.
        has_ended: Set when every member has ended and everything is closed.
        patience: The scope in which a call waits for a step. A failure cancels it.
    """

    def __init__(self, runner: StepRunner, log: LogRecorder | None) -> None:
        """Make the task of a society that has not started yet.

        Args:
            runner: Runs the society.
            log: Records its messages, if there is a log.
        """
        self.runner, self.log = runner, log
        self.failure: SimulationError | None = None
        self.is_reported = self.is_closed = False
        self.has_ended = trio.Event()
        self.patience = trio.CancelScope()
        self._crash: BaseException | None = None  # raised on leaving, beside a failure

    def start(self) -> None:
        """Start the society."""
        trio.lowlevel.spawn_system_task(self._run, name="society", context=copy_context())

    def start_flushing(self, seconds: float) -> None:
        """Write what was recorded now and then, though no other step follows.

        Args:
            seconds: The time between two writes.
        """
        trio.lowlevel.spawn_system_task(self._flush, seconds, name="log")

    # --- failures --------------------------------------------------------------------------------

    def fail(self, reason: str, cause: BaseException | None) -> None:
        """Stop the society, because it has failed. Only the first failure counts.

        Args:
            reason: What is reported.
            cause: The exception that it comes from, if there is one.
        """
        if self.failure is None:  # law 2: what fails while the society ends is a consequence
            self.failure = SimulationError(reason)
            self.failure.__cause__ = cause
        self.patience.cancel()
        self.runner.stop()

    def check(self) -> None:
        """Check that a step may begin.

        Raises:
            SimulationError: The society has failed, or the simulation is closed.
        """
        if self.is_closed:
            raise SimulationError(
                "this simulation is closed: open another one with na.open_simulation"
            )
        if self.failure is not None:
            raise self.report()

    def report(self) -> SimulationError:
        """Return the failure as an error that a call raises."""
        self.is_reported = True
        error = SimulationError(str(self.failure))
        error.__cause__ = None if self.failure is None else self.failure.__cause__
        return error

    def finish_log(self) -> None:
        """Finish the step's rows in the log, if there is one.

        Raises:
            LogError: The log cannot be written. Then the society has failed.
        """
        try:
            if self.log is not None:
                self.log.finish()
        except LogError as error:
            self.fail(str(error), error)
            self.is_reported = True
            raise

    # --- start and end ---------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            await self.runner.run(lambda: self.is_closed)
        except NeuroActorsError as error:
            self.fail(str(error), error.__cause__)
        except BaseException as error:  # a neuron's function raised an interrupt, or trio ends
            self._crash = error
            while isinstance(self._crash, BaseExceptionGroup):
                self._crash = self._crash.exceptions[0]
            self.fail(f"the society broke down: {self._crash!r}", self._crash)
        for part in (self.runner, self.log):
            try:
                if part is not None:
                    part.close()
            except BaseException as error:
                self._crash = self._crash or error
        self.has_ended.set()

    async def _flush(self, seconds: float) -> None:
        assert self.log is not None
        while not self.has_ended.is_set():
            with trio.move_on_after(seconds):
                await self.has_ended.wait()
                return
            try:
                self.log.write_what_waits()
            except Exception as error:  # in a system task it would end the user's program
                self.fail(f"the log cannot be written: {error!r}", error)
                return

    def close(self) -> None:
        """Stop the society: the block is left. Never waits."""
        self.is_closed = True
        if self.runner.under_way and self.failure is None:
            self.is_reported = True  # a call that waits raises it; the user who left knows it
            number = self.runner.under_way[0].number
            self.fail(f"the simulation was closed while step {number} was under way", None)
        self.runner.stop()

    async def wait_ended(self, error: BaseException | None) -> None:
        """Wait until the society has ended, whatever interrupts come.

        Args:
            error: What the block raises, if it raises anything. What else went wrong is added to it
                as a note.

        Raises:
            SimulationError: The society has failed, and no call has reported that.
        """
        more: BaseException | None = None
        while not self.has_ended.is_set():
            try:
                with trio.CancelScope(shield=True):
                    await self.has_ended.wait()
            except KeyboardInterrupt as interrupt:
                more = interrupt
        more = more or self._crash
        if error is None and more is None and not self.is_reported:
            more = self.failure
        if error is not None and isinstance(more, Exception) and not is_from_handler(more):
            error.add_note(f"and on leaving: {more}")
        elif more is not None:
            try:
                raise more
            finally:
                del more  # it refers to this frame
