"""The proof: from a recorded run, every neuron is replayed alone, out of its own first parameters
and its own mail.

    audit = na.audit("run.arrows")
    assert audit.passed, audit.lie

The audit reads the file once, a step at a time, and asks:

* Are the rows there that must be there, and no others (`expected_rows.py`)?
* Did every member send what it should have sent (`replay.py`)?
* Is what cannot be replayed, what the environment sent and asked for, as it was sealed
  (`log/digest_chain.py`)?

Nothing of the simulation takes part: no task, no channel, no part that knows the whole network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from os import PathLike

from ...neuron.optimizers import Optimizer, check_optimizer
from ...support.errors import InputError
from ...support.hints import explains_arguments
from ...support.signal_exceptions import passes_handler_exceptions
from ...support.text import quote
from ...support.validation import as_list
from .report import Audit


@explains_arguments
@passes_handler_exceptions
def audit(
    path: str | PathLike[str],
    *,
    digest: str | None = None,
    optimizers: Sequence[Optimizer] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Replay each neuron of a message log alone, and compare every message bit for bit.

    The parameters that the neurons learned are compared too. A log that cannot be true is no error:
    `Audit.lie` says what is wrong.

    Args:
        path: The message log.
        digest: What the last digest, or the complete digest, must be, as an earlier audit reported
            it: 64 hexadecimal digits. The complete digest covers what neurons said, too. None: any.
        optimizers: Optimizers of the user's own that the run used. They are found by their `repr`.
        progress: Called now and then with the number of bytes read and of all bytes; once again for
            each further pass over the file (see `locality.py`).

    Returns:
        The result of the audit.

    Raises:
        LogError: The file is no message log, or it needs an activation function, a loss, a rule or
            an optimizer that is not known here, or that is another one here than in the run.
        InputError: An argument is wrong.

    Examples:
        >>> network = na.Network.layered([2, 3, 1])
        >>> x, targets = np.ones((4, 2)), np.zeros((4, 1))
        >>> sgd = na.SGD(0.1)
        >>> result = na.train(network, x, targets, optimizer=sgd, epochs=2, log="run.arrows")
        >>> audit = na.audit("run.arrows")
        >>> audit.passed, audit.exact, audit.steps
        (True, True, 2)
    """
    if digest is not None and not (
        isinstance(digest, str) and re.fullmatch("[0-9a-fA-F]{64}", digest)
    ):
        raise InputError(f"digest: expected 64 hexadecimal digits, got {quote(digest)}")
    optimizers = as_list("optimizers", optimizers)
    for one in optimizers:
        check_optimizer(one)
    if progress is not None and not callable(progress):
        raise InputError(
            f"progress: expected a function of two numbers, or None, got {quote(progress)}"
        )
    from .auditor import Auditor  # it imports pyarrow, which takes time

    return Auditor(path, optimizers).audit(digest, progress)
