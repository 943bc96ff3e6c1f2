"""How a message of a cluster lies in a frame.

The law:

1. `encode` turns a message into the fields and the arrays of one frame, and `decode` turns these
   back. Both follow the annotations of the dataclass. The fields are JSON; an array in them is its
   number among the arrays of the frame. No other file knows this.
2. `decode` checks everything that the annotations say: the kind of the message, the names and the
   types of its fields, and that each array is used once. The reader of a message need not check
   this again.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from ..support.errors import WorkerConnectionError
from ..support.text import quote
from .framing import AnyArray
from .worker_messages import KINDS, Message

M = TypeVar("M", bound=Message)
Decoder: TypeAlias = Callable[[Any, list[AnyArray], Iterator[int]], Any]


def encode(message: Message) -> tuple[dict[str, Any], list[AnyArray]]:
    """Return the fields and the arrays of the frame that carries a message.

    Args:
        message: The message. Its arrays are not copied.

    Returns:
        The fields, which are JSON, and the arrays.
    """
    arrays: list[AnyArray] = []
    return {"message": type(message).__name__} | _encode(message, arrays), arrays


def _encode(value: Any, arrays: list[AnyArray]) -> Any:
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return len(arrays) - 1
    if isinstance(value, tuple):
        return [_encode(one, arrays) for one in value]
    if is_dataclass(value):
        return {field.name: _encode(getattr(value, field.name), arrays) for field in fields(value)}
    return value


def decode(held: dict[str, Any], arrays: list[AnyArray]) -> Message:
    """Return the message that a frame carries: the inverse of `encode`.

    Args:
        held: The fields of the frame.
        arrays: The arrays of the frame.

    Raises:
        WorkerConnectionError: These are not the fields and arrays of a message.
    """
    kind: Any = KINDS.get(str(held.get("message")))
    if kind is None:
        raise WorkerConnectionError(
            f"expected a message of a cluster, got a frame with the fields {quote(held)}"
        )
    numbers = iter(range(len(arrays)))
    try:
        content = {name: value for name, value in held.items() if name != "message"}
        message = _decoder(kind)(content, arrays, numbers)
        if (left := next(numbers, None)) is not None:
            raise ValueError(f"array {left} belongs to no field")
    except ValueError as error:
        raise WorkerConnectionError(f"this is not a message {kind.__name__}: {error}") from None
    return message  # type: ignore[no-any-return]


def decode_as(kind: type[M], held: dict[str, Any]) -> M:
    """Return a message without arrays, which must be of a certain kind.

    Args:
        kind: The kind that is expected.
        held: The fields of the frame.

    Raises:
        WorkerConnectionError: These are not the fields of such a message.
    """
    message = decode(held, [])
    if not isinstance(message, kind):
        raise WorkerConnectionError(f"expected {kind.__name__}, got {type(message).__name__}")
    return message


@cache
def _decoder(hint: Any) -> Decoder:
    """Return what reads a value of this type. It raises `ValueError` for anything else."""
    origin, arguments = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return _dataclass_decoder(hint)
    if origin in (np.ndarray, NDArray):  # NDArray is a type alias of its own from numpy 2.5 on
        return _array_decoder(None if hint == AnyArray else np.dtype(np.float64))
    if origin is types.UnionType:
        (inner,) = (_decoder(one) for one in arguments if one is not types.NoneType)
        return lambda value, *rest: None if value is None else inner(value, *rest)
    if origin is tuple and arguments[-1] is Ellipsis:
        each = _decoder(arguments[0])
        return lambda value, *rest: tuple(each(one, *rest) for one in _list(value))
    if origin is tuple:
        decoders = tuple(map(_decoder, arguments))
        return lambda value, *rest: tuple(
            decoder(one, *rest) for decoder, one in zip(decoders, _list(value), strict=True)
        )
    if origin is Literal:
        return lambda value, *_: _checked(value, value in arguments, hint)
    kind = origin or hint  # a type whose values are JSON
    return lambda value, *_: _checked(value, type(value) is kind, kind.__name__)


def _dataclass_decoder(kind: type[Any]) -> Decoder:
    hints = get_type_hints(kind)
    decoders = {field.name: _decoder(hints[field.name]) for field in fields(kind)}

    def decode_fields(value: Any, *rest: Any) -> Any:
        _checked(value, isinstance(value, dict) and value.keys() == decoders.keys(), kind.__name__)
        return kind(**{name: decoder(value[name], *rest) for name, decoder in decoders.items()})

    return decode_fields


def _array_decoder(dtype: np.dtype[Any] | None) -> Decoder:
    def decode_array(value: Any, arrays: list[AnyArray], numbers: Iterator[int]) -> AnyArray:
        _checked(value, type(value) is int and value == next(numbers, None), "the next array")
        array: AnyArray = arrays[value]
        _checked(array.dtype, dtype is None or array.dtype == dtype, f"an array of {dtype}")
        return array

    return decode_array


def _list(value: Any) -> list[Any]:
    _checked(value, isinstance(value, list), "a list")
    return value  # type: ignore[no-any-return]


def _checked(value: Any, good: bool, expected: Any) -> Any:
    if not good:
        raise ValueError(f"{expected} was expected, got {quote(value)}")
    return value
