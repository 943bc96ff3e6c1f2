"""The proof: of a recorded run, every neuron is replayed alone, out of its own first parameters and its own mail.

    audit = na.audit("run.arrows")
    assert audit.passed, audit.lie

One pass over the file, a step at a time: do the rows stand there that must, and no others (`log/checks.py`)? Did
everyone say what it should have said (`replay.py`)? And is what nobody can replay, what the world said and asked for,
as it was sealed (`log/seal.py`)? Nothing of the simulation takes part: no task, no channel, nobody who knows all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from os import PathLike

from ...neuron.optimizers import Optimizer, check_optimizer
from ...support.errors import InputError
from ...support.text import shown
from ...support.validation import as_list
from .report import Audit


def audit(
    path: str | PathLike[str],
    *,
    digest: str | None = None,
    optimizers: Sequence[Optimizer] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Replay each neuron of a message log alone, and compare every message, and everything learnt, bit for bit.

    digest: what the last digest must be, as an earlier audit told it; hexadecimal.
    optimizers: those of somebody's own that the run used; they are found by their `repr`.
    progress: is told, now and then, how many bytes of how many were read.
    Raises `LogError` for what is no message log, or needs an activation or a loss that is not in the tables here.
    """
    if digest is not None and not (
        isinstance(digest, str) and re.fullmatch("[0-9a-fA-F]{64}", digest)
    ):
        raise InputError(f"digest: expected 64 hexadecimal digits, got {shown(digest)}")
    optimizers = as_list("optimizers", optimizers)
    for one in optimizers:
        check_optimizer(one)
    if progress is not None and not callable(progress):
        raise InputError(
            f"progress: expected a function of two numbers, or None, got {shown(progress)}"
        )
    from .auditor import Auditor  # with pyarrow, which is imported only where a log is

    return Auditor(path, optimizers).audit(digest, progress)
