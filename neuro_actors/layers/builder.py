"""What makes a function a builder: its errors begin with its name, and with that of the layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from ..support.errors import InputError
from ..support.hints import explains_arguments
from ..support.text import quote

_P = ParamSpec("_P")
_T = TypeVar("_T")


def builder(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Decorate a function of `na.layers`: the text of an error says which builder refuses.

    It begins with the name of the function, and with `name`, if the call has it: `dense 'h1': …`.
    A call with wrong arguments is explained as in `explains_arguments`.

    Args:
        function: The function.
    """

    @wraps(function)
    def build(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return function(*args, **kwargs)
        except InputError as error:
            name = kwargs.get("name")
            of = f" {quote(name)}" if name and isinstance(name, str) else ""
            text = str(error).removeprefix(f"{function.__name__}: ")  # of a field of that name
            error.args = (f"{function.__name__}{of}: {text}",)
            raise

    return explains_arguments(build)
