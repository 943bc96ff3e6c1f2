"""An exception that a signal handler of the user raises reaches the user's caller, as it is.

A time limit by `signal.alarm` raises its exception between any two instructions of the main thread:
in a neuron's function, in trio, or where the package turns errors into its own. There it would
blame a neuron, break trio, or be lost. So while a function of the package runs:

1. Every Python function that handles a signal is called by `HandlerExceptions`, which notes the
   first exception that one of them raises. Handlers that return are not disturbed.
2. When the function ends, whatever it returns or raises, the noted exception is raised.
3. Inside `trio.run` the exception is only noted, and the run is cancelled in order. In a function
   that a rule has called it is raised at once too: there a society expects any exception, and the
   function may never end. Nor is another one called: neurons that have their mail would go on.

Only the main thread handles signals, so there is no other thread to compete with.
`signal_handlers.py` says how handlers are put back.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from functools import partial, wraps
from types import CodeType, FrameType, TracebackType
from typing import ParamSpec, TypeVar

from .signal_handlers import SignalHandlers

_P = ParamSpec("_P")
_T = TypeVar("_T")

# In these a call of a user's function may raise anything.
CALLERS_OF_FUNCTIONS = (
    "neuro_actors.neuron.",
    "neuro_actors.rules.",
    "neuro_actors.network.",
    "neuro_actors.society.actor",
)

# those with a name; the others cost time, and nobody uses them
SIGNALS = tuple(sorted(signal.valid_signals() & set(signal.Signals)))

_noted: list[BaseException] = []  # of runs in the main thread that are being cancelled


class HandlerExceptions(SignalHandlers):
    """A context manager that raises, at its end, what a signal handler has raised.

    Args:
        cancel: Stops in order what runs inside, because it must not be interrupted anywhere. None:
            the exception is raised where it strikes, too.
    """

    def __init__(self, cancel: Callable[[], None] | None = None) -> None:
        super().__init__()
        self._cancel = cancel
        self._raised: BaseException | None = None

    def __enter__(self) -> HandlerExceptions:
        self.take(_python_handled)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.give_back()
        finally:
            if self._cancel is not None:
                _noted.clear()
        raised, self._raised = self._raised, None
        if raised is None or raised is error:
            return
        context = raised.__context__
        try:
            raise raised
        finally:
            raised.__context__ = context  # not the error that it has caused
            del raised, error  # they refer to this frame

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Call the user's handler, and note what it raises; see the rules above.

        Args:
            number: The signal's number.
            frame: What it has interrupted.
        """
        try:
            self.before[number](number, frame)
        except BaseException as error:
            if not self.is_taken:  # called by a handler that was set in the meantime and stays
                raise
            if self._raised is None:
                self._raised = error
            if self._cancel is None:
                raise
            _noted.append(error)
            self._cancel()
            if _is_in_function_of_user(frame):
                raise


def passes_handler_exceptions(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Decorate a function: an exception of a signal handler passes through it unchanged.

    Functions that users call have it. So have trials of a user's code, which ignore its errors. A
    trio program may reach a trial, and nothing around it notes the exception there.

    Args:
        function: An ordinary function, no async one.
    """

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        with HandlerExceptions():
            return function(*args, **kwargs)

    return call


def raise_noted() -> None:
    """Raise what a handler has raised, if the run in this thread is being cancelled for that."""
    if _noted and threading.current_thread() is threading.main_thread():
        raise _noted[0]


def is_from_handler(error: BaseException) -> bool:
    """Return whether a signal handler has raised an exception, as its traceback says.

    For code that runs in a trio program of the user, where no `HandlerExceptions` can be.

    Args:
        error: An exception that was caught.
    """
    if threading.current_thread() is not threading.main_thread():
        return False
    codes = {_code_of(signal.getsignal(number)) for number in _python_handled()}
    trace = error.__traceback__
    while codes and trace is not None:
        if trace.tb_frame.f_code in codes:
            return True
        trace = trace.tb_next
    return False


def _python_handled() -> list[int]:
    """Return the signals that a Python function handles.

    A Ctrl-C that raises KeyboardInterrupt is left to Python and trio. Trio's own handler must stay
    where it is: at its end a run looks for it, to put Python's back.
    """
    found: list[int] = []
    for number in SIGNALS:
        handler = signal.getsignal(number)
        is_trios = str(getattr(handler, "__module__", "")).startswith("trio.")
        if callable(handler) and handler is not signal.default_int_handler and not is_trios:
            found.append(number)
    return found


def _code_of(handler: object) -> CodeType | None:
    while isinstance(handler, partial):
        handler = handler.func
    function = getattr(handler, "__func__", handler)
    if not hasattr(function, "__code__"):  # an object that can be called
        function = vars(type(handler)).get("__call__")
    code = getattr(function, "__code__", None)
    return code if isinstance(code, CodeType) else None


def _is_in_function_of_user(frame: FrameType | None) -> bool:
    """Return whether code outside the package was interrupted, which a rule has called."""
    outside = False
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in ("neuro_actors", "trio"):
            return outside and module.startswith(CALLERS_OF_FUNCTIONS)
        outside, frame = True, frame.f_back
    return False
