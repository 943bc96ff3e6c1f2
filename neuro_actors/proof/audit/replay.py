"""Neurons replayed alone: what should each member have sent, given what it received.

The numbers of a step, as they are in the log, are one flat array, `recorded`. Beside it is another
one, `should`, which is equal at first. Each member in turn receives its own mail out of `recorded`,
as channels would deliver it, and overwrites its own numbers in `should`. Nothing passes from one
replayed member to another. Where the two arrays differ in the end, a member lied.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...network.network import Network
from ...neuron.checked_rule import checked_loss_node, checked_rule
from ...neuron.local_rule import LocalRule, NeuronRule
from ...neuron.messages import Step
from ...neuron.neuron_state import NeuronState
from ...neuron.sums import Sums
from ...rules import Rule
from ...rules.micro_batches import MicroBatchNeuron
from ...support.arrays import Array, freeze
from .mail_places import MailMap, MemberRows
from .rounding import RoundingBounds

MAIL = "what they had received is not all recorded"
PARAMETERS = "what their parameters were then is not recorded"
LEARNERS = (LocalRule, MicroBatchNeuron)
ROUNDING = "how far rounding can carry a product with the Hessian is not known"
STATE = "the optimizer's state from steps that were left out is not recorded"
NO_BOUND = "the bound on rounding is not finite"


@dataclass(slots=True)
class Finding:
    """What the replay of one step found.

    Attributes:
        row: The first row that is wrong, or None. Rows count from 0 after the begin row.
        number: Which of the row's numbers is wrong.
        should: What this number should be; or a text that says why there should be none.
        unproved: The rows that could not be replayed, by reason.
        failures: Rows whose sender would have failed instead of sending, with the error.
    """

    row: int | None = None
    number: int = 0
    should: float | str = ""
    unproved: dict[str, list[int]] = field(default_factory=dict)
    failures: list[tuple[int, str]] = field(default_factory=list)

    def leave(self, rows: list[int], reason: str) -> None:
        """Note that some rows could not be replayed.

        Args:
            rows: The rows.
            reason: Why.
        """
        if rows:
            self.unproved.setdefault(reason, []).extend(rows)


@dataclass(frozen=True, slots=True)
class _Replayed:
    """One step that is replayed: its rows, its numbers, and what is found."""

    mail_map: MailMap
    recorded: Array
    mail: list[Array]
    step: Step
    update: int  # the count of updates, 0 where neurons do not learn
    unknown: str  # why new parameters cannot be computed, where that is so
    found: Finding

    @property
    def learns(self) -> bool:
        return self.update > 0

    @property
    def without_learning(self) -> Step:
        """The step for neurons whose update cannot be computed."""
        return replace(self.step, optimizer=None)


class Replay:
    """The rules of all members of a network, each with a state of its own.

    Args:
        network: The network, with its first parameters.
        rule: The learning rule of the run.
        sums: The table of sums of the run.
        exact: Whether bits must be equal. Else numbers may differ as far as rounding can bring
            them apart.
        adds_equally: Whether sums have equal bits here and there, whatever else differs.
        changed: Neurons that receive other mail than they received. What these send is not
            compared, and nobody receives it; see `locality.py`.
    """

    def __init__(
        self,
        network: Network,
        rule: Rule,
        sums: Sums,
        exact: bool,
        adds_equally: bool = False,
        changed: frozenset[int] = frozenset(),
    ) -> None:
        self._exact = exact
        self._changed = changed
        self._has_none = network.n_parameters == 0  # inputs and interneurons learn nothing
        self._frozen = [network.frozen_of(k) for k in range(len(network.ids))]
        self._rules = [rule.member(network, k, sums) for k in range(len(network.ids))]
        self._calls = [checked_rule(member) for member in self._rules]
        self._loss_node = checked_loss_node(rule.loss_node(network))
        # bounds are known under backpropagation alone, whose rules are of these types
        self._bounds = (
            None if exact else RoundingBounds(self._rules, adds_equally=adds_equally)  # type: ignore[arg-type]
        )
        self._knows_parameters = [True] * len(self._rules)
        self._knows_state = [True] * len(self._rules)  # of the optimizer

    def forget(self) -> None:
        """Forget parameters and states: steps were left out in which neurons may have learned."""
        self._knows_parameters = self._has_none.tolist()
        self._knows_state = [False] * len(self._rules)

    def take_over(self, mail_map: MailMap, recorded: Array) -> Finding:
        """Take over, without proof, the parameters that neurons learned in a step left out.

        Frozen ones must be what they were.

        Args:
            mail_map: Where the numbers of each member are.
            recorded: The numbers of the step. Shape (n,).
        """
        found = Finding()
        self.forget()
        np.copyto(mail_map.should, recorded)
        mail_map.slack[...] = 0.0
        for rows in mail_map.parts:
            if rows.commit is not None:
                self._believe(rows, recorded, mail_map)
        self._find_first(mail_map, recorded, found)
        return found

    def step(
        self, mail_map: MailMap, recorded: Array, step: Step, update: int, unknown: str = ""
    ) -> Finding:
        """Replay one step.

        Args:
            mail_map: Where the numbers of each member are.
            recorded: The numbers of the step. Shape (n,).
            step: The step.
            update: The count of updates, 1 where neurons start afresh; 0 where they do not learn.
            unknown: Why `step` has no optimizer although neurons learn.
        """
        found = Finding()
        if update == 1:
            self._start_afresh()
        if step.tangent and self._bounds is not None:
            for rows in mail_map.parts:
                found.leave(_rows_of(rows), ROUNDING)
            found.leave(_rows_of_loss(mail_map), ROUNDING)
            return found
        np.copyto(mail_map.should, recorded)
        mail = mail_map.mail(recorded)
        now = _Replayed(mail_map, recorded, mail, step, update, unknown or STATE, found)
        for rows in mail_map.parts:
            reason = self._why_not(rows, step)
            if reason:
                self._leave(rows, reason, now)
            else:
                self._replay_member(rows, now)
        if mail_map.with_loss:
            self._replay_loss_node(now)
        self._compare(now)
        return found

    # --- one member -------------------------------------------------------------------------------

    def _why_not(self, rows: MemberRows, step: Step) -> str:
        """Say why a member cannot be replayed; empty if it can."""
        if rows.input_values is not None:  # an input whose values are recorded
            return ""
        if rows.block is None:
            return MAIL
        if not self._knows_parameters[rows.member]:
            return PARAMETERS
        return MAIL if step.tangent and rows.direction is None else ""

    def _replay_member(self, rows: MemberRows, now: _Replayed) -> None:
        rule, is_input = self._rules[rows.member], rows.input_values is not None
        if rows.member in self._changed:
            self._live_otherwise(rows, rule, now)
            return
        if now.step.tangent and not is_input:
            self._calls[rows.member].steer(freeze(now.recorded[rows.direction].copy()))
        step = self._step_for(rows, rule, now)
        if not self._send(rows, self._calls[rows.member], step, now):
            return
        learns = now.learns and not self._has_none[rows.member]
        if rows.urgencies_in is not None:
            if learns:
                self._take_parameters(rows, rule, step, now)
        elif rows.response_rows or learns:  # urgencies that it received are missing
            self._leave(rows._replace(activation_row=None), MAIL, now)

    def _live_otherwise(self, rows: MemberRows, rule: NeuronRule, now: _Replayed) -> None:
        """Let a member receive other mail than it received. What it sends goes nowhere."""
        if rows.input_values is not None:
            mail = _other_mail(now.recorded[rows.input_values].reshape(1, -1))
        else:
            assert rows.block is not None
            mail = _other_mail(now.mail[rows.block])
            mail[-1] = 1.0
        back, commit = np.empty_like(rows.urgencies_out), np.empty_like(rows.commit_out)
        try:
            if now.step.tangent and rows.direction is not None:
                rule.steer(freeze(_other_mail(now.recorded[rows.direction])))
            rule.fire(now.step, freeze(mail), np.empty_like(rows.activation_out))
            if rows.urgencies_in is not None:
                urgencies = freeze(_other_mail(now.recorded.take(rows.urgencies_in)))
                rule.respond(now.step, urgencies, back, commit)
        except Exception:  # it may fail under this mail, as it did not under its own
            return

    def _step_for(self, rows: MemberRows, rule: NeuronRule, now: _Replayed) -> Step:
        """Return the step; without its optimizer where the optimizer's state is not known."""
        optimizer = now.step.optimizer
        if not now.learns or self._knows_state[rows.member]:
            return now.step
        if optimizer is None or len(optimizer.start(1)) or not isinstance(rule, LocalRule):
            return now.without_learning
        # this optimizer has no state besides the count of updates
        rule.state = NeuronState(rule.state.parameters, optimizer, (), now.update - 1)
        return now.step

    def _send(self, rows: MemberRows, rule: NeuronRule, step: Step, now: _Replayed) -> bool:
        """Let a member write what it should have sent; False if it would have failed."""
        if rows.input_values is not None:
            activations_in = now.recorded[rows.input_values].reshape(1, -1)
        else:
            assert rows.block is not None
            activations_in = now.mail[rows.block]
        bounds, row = self._bounds, rows.activation_row
        try:
            rule.fire(step, activations_in, rows.activation_out)
            if bounds is not None:
                slack = now.mail_map.margins[rows.member]
                bounds.fire(rows.member, activations_in, slack.activation_out)
            if rows.urgencies_in is None:
                return True
            row = rows.response_rows[0] if rows.response_rows else None
            urgencies_in = now.recorded.take(rows.urgencies_in)
            if bounds is not None and rows.activation_row is not None:
                sent = now.recorded[now.mail_map.rows_of(rows.activation_row)]
                bounds.settle(rows.member, step, sent)
            if bounds is not None:
                bounds.respond(
                    rows.member,
                    step,
                    activations_in,
                    urgencies_in,
                    slack.urgencies_out,
                    slack.commit_out,
                )
            rule.respond(step, urgencies_in, rows.urgencies_out, rows.commit_out)
        except Exception as error:  # also of a user's function
            if row is not None:
                now.found.failures.append((row, str(error) or repr(error)))
            return False
        if rows.scattered is not None:
            now.mail_map.should[rows.scattered] = rows.urgencies_out[rows.order]
            if bounds is not None:
                now.mail_map.slack[rows.scattered] = slack.urgencies_out[rows.order]
        return True

    def _take_parameters(
        self, rows: MemberRows, rule: NeuronRule, step: Step, now: _Replayed
    ) -> None:
        """Go on with the parameters that the member committed."""
        if step.optimizer is None:  # they could not be computed, so they are believed
            if rows.commit is not None:
                now.mail_map.should[rows.commit] = now.recorded[rows.commit]
                now.found.leave(rows.response_rows[-1:], now.unknown)
            self._believe(rows, now.recorded, now.mail_map)
        elif not self._exact and rows.commit is not None and isinstance(rule, LocalRule):
            committed = freeze(now.recorded[rows.commit].copy())  # the other machine's bits
            rule.state = rule.state._replace(parameters=committed)

    def _start_afresh(self) -> None:
        for rule in self._rules:
            if isinstance(rule, LEARNERS):
                rule.state = NeuronState(rule.state.parameters)
        self._knows_state = [True] * len(self._rules)

    def _leave(self, rows: MemberRows, reason: str, now: _Replayed) -> None:
        """Leave a member out; its new parameters are believed."""
        now.found.leave(_rows_of(rows), reason)
        if now.learns and isinstance(self._rules[rows.member], LEARNERS):
            self._believe(rows, now.recorded, now.mail_map)

    def _believe(self, rows: MemberRows, recorded: Array, mail_map: MailMap) -> None:
        """Take over, without proof, the parameters that a member committed; but no frozen ones."""
        k = rows.member
        rule = self._rules[k]
        self._knows_parameters[k], self._knows_state[k] = rows.commit is not None, False
        if rows.commit is not None and isinstance(rule, LEARNERS):
            known, frozen = recorded[rows.commit].copy(), self._frozen[k]
            if frozen is not None:
                known[frozen] = rule.state.parameters[frozen]
                mail_map.should[rows.commit] = known
                mail_map.slack[rows.commit] = 0.0
            rule.state = NeuronState(freeze(known))

    # --- the loss node, and the comparison --------------------------------------------------------

    def _replay_loss_node(self, now: _Replayed) -> None:
        mail_map, recorded = now.mail_map, now.recorded
        rows = _rows_of_loss(mail_map)
        if not rows:
            return
        if mail_map.predictions is None or mail_map.targets is None:
            now.found.leave(rows, MAIL)
            return
        predictions, targets = recorded.take(mail_map.predictions), recorded.take(mail_map.targets)
        urgencies = np.empty((len(mail_map.loss_urgency_rows), mail_map.output_width))
        try:
            losses = self._loss_node.evaluate(now.step, predictions, targets, urgencies)
        except Exception as error:  # also of a user's function
            now.found.failures.append((min(rows), str(error) or repr(error)))
            return
        _write_loss(mail_map, mail_map.should, losses, urgencies)
        if self._bounds is not None:
            bounds = self._bounds.evaluate(self._loss_node, now.step, predictions, targets)
            _write_loss(mail_map, mail_map.slack, *bounds)

    def _compare(self, now: _Replayed) -> None:
        """Find the first row that is wrong."""
        mail_map, recorded, found = now.mail_map, now.recorded, now.found
        if self._exact:
            wrong = mail_map.should.view(np.int64) != recorded.view(np.int64)
        else:
            wrong = ~(np.abs(recorded - mail_map.should) <= mail_map.slack)
            unbounded = ~np.isfinite(mail_map.slack)
            if unbounded.any():
                differs = unbounded & (recorded != mail_map.should)
                places = np.flatnonzero(differs)
                rows = np.searchsorted(mail_map.starts, places, side="right") - 1
                found.leave(sorted(set(rows.tolist())), NO_BOUND)
                wrong &= ~unbounded
        if self._changed:
            wrong &= self._compared(mail_map)
        _note_first(wrong, mail_map, found)
        row, error = min(found.failures, default=(-1, ""))
        if error and (found.row is None or row <= found.row):
            found.row, found.number, found.should = row, 0, f"nothing: {error}"

    def _find_first(self, mail_map: MailMap, recorded: Array, found: Finding) -> None:
        """Find the first row that is wrong, bit for bit."""
        wrong = mail_map.should.view(np.int64) != recorded.view(np.int64)
        _note_first(wrong, mail_map, found)

    def _compared(self, mail_map: MailMap) -> NDArray[np.bool_]:
        """Return which numbers are not those of a member that lives otherwise."""
        compared = np.ones(len(mail_map.should), dtype=bool)
        for rows in mail_map.parts:
            if rows.member in self._changed:
                for row in _rows_of(rows):
                    compared[mail_map.rows_of(row)] = False
        return compared


def _note_first(wrong: NDArray[np.bool_], mail_map: MailMap, found: Finding) -> None:
    """Note the first number that is wrong, (n_numbers,), if there is one."""
    if wrong.any():
        first = int(wrong.argmax())
        found.row = int(np.searchsorted(mail_map.starts, first, side="right")) - 1
        found.number = first - int(mail_map.starts[found.row])
        found.should = float(mail_map.should[first])


def _other_mail(values: Array) -> Array:
    """Return other numbers, none of which is large."""
    return 0.75 * values + 0.125


def _rows_of(rows: MemberRows) -> list[int]:
    return (
        [*rows.response_rows]
        if rows.activation_row is None
        else [rows.activation_row, *rows.response_rows]
    )


def _rows_of_loss(mail_map: MailMap) -> list[int]:
    return [row for row in (mail_map.loss_row, *mail_map.loss_urgency_rows.tolist()) if row >= 0]


def _write_loss(mail_map: MailMap, out: Array, losses: Array, urgencies: Array) -> None:
    """Write what the loss node sends into a step's numbers."""
    if mail_map.loss_row >= 0:
        out[mail_map.rows_of(mail_map.loss_row)] = losses
    for row, values in zip(mail_map.loss_urgency_rows.tolist(), urgencies, strict=True):
        if row >= 0:
            out[mail_map.rows_of(row)] = values
