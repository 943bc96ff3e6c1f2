"""Packages that only some functions need. They are imported when such a function is called."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import NeuroActorsError
from .signal_exceptions import is_from_handler
from .text import quote


def import_optional(
    module: str, missing: str, failure: type[NeuroActorsError] = NeuroActorsError
) -> Any:
    """Import a module of a package that may be missing, or that cannot be used here.

    An import may raise anything: matplotlib raises ValueError where MPLBACKEND names no backend,
    a package with a library that is missing raises OSError.

    Args:
        module: The module's full name.
        missing: What the error says if the package is not installed.
        failure: The error that is raised.

    Raises:
        failure: The module cannot be imported. The text says why.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except Exception as error:
        if is_from_handler(error):
            raise
        name = getattr(error, "name", None) or package
        if isinstance(error, ModuleNotFoundError) and package == name.partition(".")[0]:
            raise failure(missing) from None
        text = quote(" ".join(str(error).split()))[1:-1]
        raise failure(f"{package} cannot be used here: {type(error).__name__}: {text}") from None
