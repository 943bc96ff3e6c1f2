"""Rules of a user's own, checked in each call: what they write, what they return, what they keep.

A rule fills in arrays that it is handed. What these contain before means nothing: it is fresh
memory, or the numbers of the step before. So a number that a rule forgets to write would be sent
all the same, and a commit that it forgets would become the weights. The law:

1. Before each call every number that the rule must write is replaced by a mark, a NaN that no
   computation makes. A mark that is there after the call was not written, and is refused.
2. What was written must be finite, for it would spread, and another neuron would be blamed. So must
   the state be, for what is infinite once stays so.
3. `fire`, `respond` and `conclude` return nothing. A result that is returned goes nowhere.
4. What a rule receives is read-only: neurons with the same sources receive it in one array.
5. The arrays are used again in the next step. So a state must not contain them, or a part of them.
6. Urgencies come back in each step that has a loss, to inputs in a step `wrt_inputs`. A rule that
   says otherwise would wait for ever, or let others wait.
7. `state` of a `LocalRule` is a `NeuronState`. An author who keeps something else under this name
   would replace the parameters.
8. An input repeats what the environment sends. Engines may carry it without a call of `fire`.
9. What a `LocalRule` commits in a step that learns is its state's parameters. Otherwise the trained
   network would have other weights than those that the neurons learned with.

The package's own rules are not checked here. Tests do that once and for all, and a call more would
cost a neuron of few synapses as much as its sums do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..support.arrays import Array
from ..support.errors import MessageError
from ..support.own_code import has_own_code
from ..support.text import quote
from .local_rule import LocalRule, NeuronRule
from .loss_node import LossNode
from .messages import Step
from .neuron_state import FLOAT, OWN_CODE, NeuronState, all_finite, check_finite_state

MARK = np.int64(0x7FF8_0000_756E_7365)
_MARK = np.array(MARK).view(np.float64)

# What is written into each array. It ends the text of an error.
ACTIVATION_OUT = "one number for each column: activation_out[...] = values"
URGENCIES_OUT = "one row for each source that listens for urgencies: urgencies_out[...] = rows"
INPUT_URGENCIES_OUT = "one row, the sum of the urgencies: urgencies_out[0] = values"
LOSS_URGENCIES_OUT = "one row for each output that listens for urgencies: urgencies_out[...] = rows"
COMMIT_OUT = (
    "the new parameters, or in a step without an optimizer their urgencies, for which a LocalRule "
    "has self.conclude(step, wanted, commit_out)"
)


def checked_rule(rule: NeuronRule) -> NeuronRule:
    """Return a rule whose calls are checked.

    Args:
        rule: A neuron's or an input's rule.

    Returns:
        The rule itself if it is the package's, otherwise a `CheckedRule` around it.
    """
    return CheckedRule(rule) if has_own_code(type(rule)) else rule


def checked_loss_node(rule: LossNode) -> LossNode:
    """Return a loss node's rule whose calls are checked.

    Args:
        rule: The loss node's rule.

    Returns:
        The rule itself if it is the package's, otherwise a `CheckedLossNode` around it.
    """
    return CheckedLossNode(rule) if has_own_code(type(rule)) else rule


class CheckedRule:
    """A rule of a user's own. Implements `NeuronRule`.

    Attributes:
        id: The neuron's id.
        rule: The rule.
    """

    def __init__(self, rule: NeuronRule) -> None:
        """Check the calls of a rule.

        Args:
            rule: The rule.
        """
        self.id, self.rule = rule.id, rule
        self._is_input = False
        self._mail: list[Array] = []

    def is_answered(self, step: Step) -> bool:
        """See `NeuronRule.is_answered`.

        Raises:
            MessageError: The rule says otherwise than law 6.
        """
        due = step.loss is not None and (step.wrt_inputs or not self._is_input)
        found = self.rule.is_answered(step)
        if bool(found) is not due:
            problem = f"is_answered returned {quote(found)}, and urgencies will "
            problem += "come back" if due else "not come back"
            advice = "return step.loss is not None"
            self._refuse(step, f"{problem}: {advice}{' and step.wrt_inputs' * self._is_input}")
        return due

    def steer(self, direction: Array) -> None:
        """See `NeuronRule.steer`."""
        self.rule.steer(_read_only(direction))

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """See `NeuronRule.fire`.

        Raises:
            MessageError: The rule breaks a law.
        """
        self._check_attribute(step)
        self._is_input = len(activations_in) == 1
        self._mail = [activations_in, activation_out]
        mail = _read_only(activations_in)
        if self._is_input:  # engines may hold both in one row
            said = np.empty(activation_out.shape)
            self._call(step, "fire", (mail, said), {"activation_out": (said, ACTIVATION_OUT)})
            if not np.array_equal(said, activations_in[0]):
                problem = "fire changed what the environment sends, which an input must repeat"
                advice = "let neurons change it, or change x before the step"
                self._refuse(step, f"{problem}: {advice}")
            activation_out[...] = activations_in[0]
        else:
            outputs = {"activation_out": (activation_out, ACTIVATION_OUT)}
            self._call(step, "fire", (mail, activation_out), outputs)

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """See `NeuronRule.respond`.

        Raises:
            MessageError: The rule breaks a law.
        """
        rows = INPUT_URGENCIES_OUT if self._is_input else URGENCIES_OUT
        outputs = {"urgencies_out": (urgencies_out, rows), "commit_out": (commit_out, COMMIT_OUT)}
        arguments = _read_only(urgencies_in), urgencies_out, commit_out
        self._call(step, "respond", arguments, outputs)
        self._check_state(step, [*self._mail, urgencies_in, urgencies_out, commit_out])
        self._check_commit(step, commit_out)

    def conclude(self, step: Step, wanted: Array, commit_out: Array) -> None:
        """See `LocalRule.conclude`. Without an optimizer `commit_out` holds `wanted` already.

        Raises:
            MessageError: The rule breaks a law.
        """
        assert isinstance(self.rule, LocalRule)
        outputs = {"commit_out": (commit_out, COMMIT_OUT)} if step.optimizer is not None else {}
        self._call(step, "conclude", (wanted, commit_out), outputs)
        self._check_state(step, [commit_out])
        self._check_commit(step, commit_out)

    def get_state(self) -> tuple[Any, ...]:
        """See `NeuronRule.get_state`."""
        return self.rule.get_state()

    def set_state(self, state: tuple[Any, ...]) -> None:
        """See `NeuronRule.set_state`."""
        self.rule.set_state(state)

    def _call(
        self,
        step: Step,
        method: str,
        arguments: tuple[Array, ...],
        outputs: dict[str, tuple[Array, str]],
    ) -> None:
        for out, _ in outputs.values():
            if out.size:  # an input's commit is empty, and read-only
                out[...] = _MARK
        result = getattr(self.rule, method)(step, *arguments)
        if result is not None:
            first = next(iter(outputs), "commit_out")
            problem = f"{method} returned {quote(result)}, which goes nowhere"
            self._refuse(step, f"{problem}: write into {first}[...], and return nothing")
        self._check_attribute(step)
        for name, (out, what) in outputs.items():
            if problem := _problem(out, f"all of {name} in {method}", what):
                self._refuse(step, problem)

    def _check_attribute(self, step: Step) -> None:
        """Check law 7."""
        if isinstance(self.rule, LocalRule):
            state = getattr(self.rule, "state", None)
            if not isinstance(state, NeuronState):
                problem = f"its attribute 'state' is {quote(state)}, and must be a NeuronState"
                advice = "keep what is your own under another name, and name that in STATE"
                self._refuse(step, f"{problem}: {advice}")

    def _check_commit(self, step: Step, commit_out: Array) -> None:
        """Check law 9."""
        if not isinstance(self.rule, LocalRule) or step.optimizer is None:
            return
        parameters = self.rule.state.parameters
        if np.array_equal(commit_out, parameters):
            return
        problem = "what it wrote into commit_out is not its state, state.parameters"
        if parameters.shape == commit_out.shape:
            k = np.flatnonzero(commit_out != parameters)[0]
            found = f"{commit_out[k]:g} and {parameters[k]:g}"
            problem += f": of parameter {k} these are {found}"
        advice = "let self.conclude(step, wanted, commit_out) set both, or write "
        self._refuse(step, f"{problem}; {advice}commit_out[...] = self.state.parameters")

    def _check_state(self, step: Step, arrays: list[Array]) -> None:
        """Check laws 2 and 5, of the attributes that the rule names."""
        for name in getattr(self.rule, "STATE", ()):
            if _contains_any(getattr(self.rule, name, None), arrays):
                problem = f"it keeps in {name!r} an array that it was handed"
                advice = "the next step uses the array again, so keep a copy: numpy.array(values)"
                self._refuse(step, f"{problem}: {advice}")
        if hasattr(self.rule, "get_state"):  # only what is saved needs one
            check_finite_state(self.id, "its state", self.rule.get_state(), step, OWN_CODE)

    def _refuse(self, step: Step, problem: str) -> None:
        kind = type(self.rule).__name__
        raise MessageError(f"{self.id!r}: its rule {kind} in step {step.number}: {problem}")


class CheckedLossNode(LossNode):
    """A loss node of a user's own. Implements what an actor calls of `LossNode`.

    Attributes:
        rule: Its rule.
    """

    __slots__ = ("rule",)

    def __init__(self, rule: LossNode) -> None:
        """Check the calls of a loss node's rule.

        Args:
            rule: The rule.
        """
        self.rule = rule

    def evaluate(
        self, step: Step, predictions: Array, targets: Array, urgencies_out: Array
    ) -> Array:
        """See `LossNode.evaluate`.

        Raises:
            MessageError: The rule has not written all urgencies, or has returned no losses.
        """
        urgencies_out[...] = _MARK
        batch = targets.shape[1]
        losses: Any = self.rule.evaluate(
            step, _read_only(predictions), _read_only(targets), urgencies_out
        )
        problem = _problem(urgencies_out, "all of urgencies_out in evaluate", LOSS_URGENCIES_OUT)
        if not isinstance(losses, np.ndarray) or np.ma.is_masked(losses):
            problem = f"evaluate returned {quote(losses)}"
        elif losses.shape != (batch,) or losses.dtype != FLOAT:
            problem = f"evaluate returned an array of {losses.dtype} of shape {losses.shape}"
        elif not all_finite(losses):
            problem = "evaluate returned losses that are not finite"
        if problem and " returned " in problem:
            problem += f": return the loss of each example, float64 of shape ({batch},)"
        if problem:
            kind = type(self.rule).__name__
            raise MessageError(f"its rule {kind} in step {step.number}: {problem}")
        return losses.copy()  # type: ignore[no-any-return]


def _problem(out: Array, where: str, what: str) -> str:
    """Say what is wrong with an array that was to be written; empty if nothing is."""
    if not np.isfinite(out).all():
        if (out.view(np.int64) == MARK).any():
            return f"it did not write {where}: write {what}"
        name = where.split()[2]
        return f"what it wrote into {name} is not finite{OWN_CODE}"
    return ""


def _read_only(array: Array) -> Array:
    view = array.view()
    view.setflags(write=False)
    return view


def _contains_any(state: Any, arrays: list[Array]) -> bool:
    """Return whether a state contains a part of one of some arrays."""
    if isinstance(state, tuple):
        return any(_contains_any(part, arrays) for part in state)
    return isinstance(state, np.ndarray) and any(np.may_share_memory(state, a) for a in arrays)
