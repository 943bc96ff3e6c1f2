"""Calls without `await`: they do nothing, and leaving the block of the simulation says so.

Python itself only warns, when the garbage collector finds the call, and so perhaps never.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from inspect import CORO_CREATED, getcoroutinestate
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import trio
from trio.lowlevel import enable_ki_protection

from ..support.errors import SimulationError

MOST = 100  # calls that are remembered: a program that forgets `await` in a loop forgets it always


class ForgottenCalls:
    """The calls of one simulation that have not begun yet."""

    def __init__(self) -> None:
        self._calls: list[tuple[str, Coroutine[Any, Any, Any]]] = []

    def note(self, name: str, call: Coroutine[Any, Any, Any]) -> None:
        """Note that a method was called.

        Args:
            name: The method's name.
            call: What it has returned.
        """
        self._drop_begun()
        if len(self._calls) < MOST:
            self._calls.append((name, call))

    def _drop_begun(self) -> None:
        self._calls = [
            (name, call) for name, call in self._calls if getcoroutinestate(call) == CORO_CREATED
        ]

    async def find(self) -> SimulationError | None:
        """Return the error that says which call was not awaited, if there is one.

        The block is left: what has not begun by now never will.
        """
        self._drop_begun()
        if self._calls:  # a task that was started for a call begins at the next checkpoint
            await trio.lowlevel.cancel_shielded_checkpoint()
            self._drop_begun()
        if not self._calls:
            return None
        for _, call in self._calls:
            call.close()
        name = self._calls[0][0]
        problem = f"{name}() was called without `await`, so it has done nothing"
        return SimulationError(f"{problem}: write `await simulation.{name}(...)`")


class HasCalls(Protocol):
    """An object whose methods are `awaited`.

    Attributes:
        calls: Its calls.
    """

    calls: ForgottenCalls


_S = TypeVar("_S", bound=HasCalls)
_P = ParamSpec("_P")
_T = TypeVar("_T")


def awaited(
    method: Callable[Concatenate[_S, _P], Coroutine[Any, Any, _T]],
) -> Callable[Concatenate[_S, _P], Coroutine[Any, Any, _T]]:
    """Decorate an async method: a call of it that is not awaited is noted.

    Args:
        method: The method.
    """

    @wraps(method)
    @enable_ki_protection  # an interrupt between its two lines would lose the call
    def call(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> Coroutine[Any, Any, _T]:
        made = method(self, *args, **kwargs)
        self.calls.note(method.__name__, made)
        return made

    return call
