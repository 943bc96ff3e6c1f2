"""What is to be done in a step, as a small number that a frame carries."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from ...neuron.messages import Step
from ...support.errors import MessageError

SIZE = 16  # codes. Those of the last two steps are needed; the others save a repeated entry.


class StepTable:
    """A table that the environment writes and all members read: which code stands for which step.

    Two steps that differ in their number alone have the same code. The table holds the last `SIZE`
    codes. Codes begin again at 0 after 2**16 of them.
    """

    def __init__(self) -> None:
        self._steps: deque[tuple[int, Step]] = deque(maxlen=SIZE)  # numbered 0
        self._count = 0
        self._latest: Step | None = None

    def encode(self, step: Step) -> int:
        """Return the code of a step that begins now; a new code if the table does not hold it."""
        self._latest, unnumbered = step, replace(step, number=0)
        for code, known in self._steps:
            if known == unnumbered:
                return code
        code = self._count % 2**16
        self._steps.append((code, unnumbered))
        self._count += 1
        return code

    def decode(self, number: int, code: int) -> Step:
        """Return the step of this number and this code.

        Raises:
            MessageError: The table does not hold this code.
        """
        unnumbered = dict(self._steps).get(code)
        if unnumbered is None:
            raise MessageError(f"step code {code} of step {number} is unknown")
        step, latest = replace(unnumbered, number=number), self._latest
        return latest if latest == step else step  # rules recognise the current step by identity
