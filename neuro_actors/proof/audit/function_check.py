"""Whether the functions and the rule of these names are here what they were in the run."""

from __future__ import annotations

from collections.abc import Iterable

from ...network import functions
from ...network.function_identity import Comparison, compare
from ...network.known_identity import present_identity
from ...rules import Rule
from ...rules.rule_identity import is_own, rule_identity
from ...support.errors import LogError
from ...support.text import escape_controls
from .step_notes import StepNote


class FunctionCheck:
    """Compares what a log's neurons computed with, with what has the same names here.

    Args:
        path: The path of the log, for errors.
        held: The identities that the log has; None or damaged in older ones.
        exact: Whether bits are promised between there and here.

    Attributes:
        losses: The names of the losses that were compared.
        unchecked: What the log has no identity of.
    """

    def __init__(self, path: str, held: object, exact: bool) -> None:
        self._path, self._held, self._exact = path, held, exact
        self._known_losses = set[tuple[str, str]]()  # with their digests in the notes
        self.losses = set[str]()
        self.unchecked: list[str] = []

    def check_members(
        self, activations: Iterable[str | None], rule: Rule, combinations: Iterable[str] = ()
    ) -> None:
        """Compare the activation functions and the rule with those that the run used.

        Args:
            activations: The names of the activation functions.
            rule: The rule.
            combinations: The names of the combinations.

        Raises:
            LogError: One of them is another one here.
        """
        held = self._held
        found = compare(held, activations, (), combinations, exact=self._exact)
        here = rule_identity(rule)
        there = held.get("rule") if isinstance(held, dict) else None
        if here is not None:
            found.add(f"rule {rule!r}", there, here, exact=self._exact)
        elif there is not None:
            found.problems.append(f"the rule {rule!r} is another one here than in the run")
        elif is_own(rule):
            found.unchecked.append(f"the rule {rule!r}")
        self._take(found, repr(self._path))

    def check_loss(self, note: StepNote) -> None:
        """Compare a step's loss, if it has one, with the one that the run used.

        Args:
            note: What the step was asked for.

        Raises:
            LogError: It is another one here, or there is none of this name.
        """
        name = note.loss
        if name is None or (name, note.identity) in self._known_losses:
            return
        if name not in functions.LOSSES:
            raise LogError(
                f"step {note.number}: the loss {escape_controls(name)!r} is not known here; "
                "--import MODULE imports the module that adds it"
            )
        self._known_losses.add((name, note.identity))
        self.losses.add(name)
        found = Comparison()
        if not note.identity:
            found = compare(self._held, (), [name], exact=self._exact)
        elif not self._exact:
            found.unchecked.append(f"the values of the loss {name!r}")
        elif present_identity(functions.LOSSES[name])["digest"] != note.identity:
            found.problems.append(f"the loss {name!r} is another function here than in the run")
        self._take(found, f"step {note.number}")

    def _take(self, found: Comparison, where: str) -> None:
        """Take over what a comparison has found, or raise its problems, `where` before them."""
        if found.problems:
            raise LogError(
                f"{where}: {'; '.join(found.problems)}. Nothing can be replayed; "
                "--import MODULE imports the module that adds what the run used"
            )
        self.unchecked += found.unchecked
