"""Neurons replayed alone: out of what each had heard, what should it have said?

A step's numbers, as they stand in the log, are one flat array, `said`. Beside it lies `should`, at first the same. Every
member in turn is handed its own mail out of `said`, as an engine would hand it over, and writes over its own numbers in
`should`; nothing passes from one replayed neuron to another. Where the two arrays differ then, somebody lied.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ...network.network import Network
from ...neuron.local_rule import LocalRule, NeuronRule, NeuronState
from ...neuron.messages import Step
from ...neuron.sums import Sums
from ...rules import Rule
from ...rules.micro_batches import MicroBatchNeuron
from ...support.validation import Array, frozen
from .mail_places import MailMap, MemberRows
from .rounding import Margins

HEARD = "what they had heard is not all recorded"
PARAMETERS = "what their parameters were then is not recorded"
LEARNERS = (LocalRule, MicroBatchNeuron)
ROUNDING = "how far rounding can carry a product with the Hessian is not known"
STATE = "what the optimiser kept from steps that were left out is not recorded"


@dataclass(slots=True)
class Finding:
    """What came of one step.

    row: the first that is wrong, or None.  number: which of its numbers, which `should` be that.
    unproved: by reason, the rows that could not be replayed.  refusals: rows that their senders would not have said, and why.
    """

    row: int | None = None
    number: int = 0
    should: float | str = ""
    unproved: dict[str, list[int]] = field(default_factory=dict)
    refusals: list[tuple[int, str]] = field(default_factory=list)


class Replay:
    """All rules of a network, each with its own state, which nobody else sees.

    exact: whether the bits must be equal; else they may lie as far apart as rounding can bring them.
    """

    def __init__(self, network: Network, rule: Rule, sums: Sums, exact: bool) -> None:
        self._exact = exact
        self._inputs = network.is_input
        self._rules = [rule.member(network, k, sums) for k in range(len(network.ids))]
        self._judge = rule.loss_node(network)
        self._margins = None if exact else Margins(self._rules)  # type: ignore[arg-type]  # under backpropagation alone
        self._known = [True] * len(self._rules)  # whether a neuron's parameters are
        self._kept = [True] * len(self._rules)  # whether what its optimiser keeps is

    def forget(self) -> None:
        """Steps were left out in which neurons may have learnt."""
        self._known = self._inputs.tolist()
        self._kept = [False] * len(self._rules)

    def take_over(self, mail_map: MailMap, said: Array) -> None:
        """What neurons had learnt in a step that was left out: it is believed."""
        self.forget()
        for part in mail_map.parts:
            if part.committed is not None:
                self._believe(part, said)

    def step(
        self, mail_map: MailMap, said: Array, step: Step, update: int, unknown: str = ""
    ) -> Finding:
        """Replay one step. update: the count of updates, 0 where nobody learns.  unknown: why `step` has no optimiser
        though neurons learn."""
        np.copyto(mail_map.should, said)
        if update == 1:
            self._start_afresh()
        found, learns = Finding(), update > 0
        if step.tangent and self._margins is not None:
            found.unproved[ROUNDING] = [
                row
                for part in mail_map.parts
                for row in (part.spoken, *part.answered)
                if row is not None
            ]
            found.unproved[ROUNDING] += [
                row for row in (mail_map.lost, *mail_map.blamed.tolist()) if row >= 0
            ]
            return found
        mail = mail_map.mail(said)
        bare = replace(step, optimizer=None)  # for who cannot be asked to learn
        kept_by_nobody = step.optimizer is not None and not len(step.optimizer.start(1))
        for part in mail_map.parts:
            k = part.member
            rule = self._rules[k]
            if part.told is not None:
                heard = said[part.told].reshape(1, -1)
            elif part.hears is None or not self._known[k]:
                self._leave(part, HEARD if part.hears is None else PARAMETERS, found, said, learns)
                continue
            elif step.tangent and part.steered is None:
                self._leave(part, HEARD, found, said, learns)
                continue
            else:
                heard = mail[part.hears]
            if step.tangent and isinstance(rule, LocalRule):
                rule.direction = frozen(said[part.steered].copy())
            now = step
            if learns and not self._kept[k]:
                if kept_by_nobody and isinstance(rule, LocalRule):
                    rule.state = NeuronState(rule.state.parameters, step.optimizer, (), update - 1)
                else:
                    now = bare
            if self._speaks(rule, part, now, heard, said, mail_map, found):
                if part.ears is None:
                    if part.answered or (learns and part.told is None):
                        self._leave(part._replace(spoken=None), HEARD, found, said, learns)
                elif learns and part.told is None:
                    self._learns(rule, part, now, said, mail_map, found, unknown or STATE)
        if mail_map.judged:
            self._judged(mail_map, said, step, found)
        self._compare(mail_map, said, found)
        return found

    def _speaks(
        self,
        rule: NeuronRule,
        part: MemberRows,
        step: Step,
        heard: Array,
        said: Array,
        mail_map: MailMap,
        found: Finding,
    ) -> bool:
        """Hand it its mail, and let it write what it should have said; False if it would have failed."""
        margins, row = self._margins, part.spoken
        try:
            rule.fire(step, heard, part.speech)
            if margins is not None:
                slack = mail_map.margins[part.member]
                margins.fire(part.member, heard, slack.speech)
            if part.ears is None:
                return True
            row = part.answered[0] if part.answered else None
            urgencies = said.take(part.ears)
            if margins is not None:
                margins.respond(part.member, step, heard, urgencies, slack.back, slack.commit)
            rule.respond(step, urgencies, part.back, part.commit)
        except Exception as error:  # of a user's function too
            if row is not None:
                found.refusals.append((row, str(error) or repr(error)))
            return False
        if part.scattered is not None:
            mail_map.should[part.scattered] = part.back[part.order]
            if margins is not None:
                mail_map.slack[part.scattered] = slack.back[part.order]
        return True

    def _learns(
        self,
        rule: NeuronRule,
        part: MemberRows,
        step: Step,
        said: Array,
        mail_map: MailMap,
        found: Finding,
        why: str,
    ) -> None:
        """It has learnt; or, where it could not be asked to, what it committed is believed."""
        if step.optimizer is None:
            if part.committed is not None:
                mail_map.should[part.committed] = said[part.committed]
                found.unproved.setdefault(why, []).append(part.answered[-1])
            self._believe(part, said)
        elif (
            self._margins is not None and part.committed is not None and isinstance(rule, LocalRule)
        ):
            rule.state = rule.state._replace(
                parameters=frozen(said[part.committed].copy())
            )  # what it went on with there

    def _start_afresh(self) -> None:
        for rule in self._rules:
            if isinstance(rule, LEARNERS):
                rule.state = NeuronState(rule.state.parameters)
        self._kept = [True] * len(self._rules)

    def _leave(
        self, part: MemberRows, reason: str, found: Finding, said: Array, learns: bool
    ) -> None:
        """It cannot be replayed; its new parameters are believed."""
        rows = [*part.answered] if part.spoken is None else [part.spoken, *part.answered]
        if rows:
            found.unproved.setdefault(reason, []).extend(rows)
        if learns and isinstance(self._rules[part.member], LEARNERS):
            self._believe(part, said)

    def _believe(self, part: MemberRows, said: Array) -> None:
        k = part.member
        rule = self._rules[k]
        self._known[k], self._kept[k] = part.committed is not None, False
        if part.committed is not None and isinstance(rule, LEARNERS):
            rule.state = NeuronState(frozen(said[part.committed].copy()))

    def _judged(self, mail_map: MailMap, said: Array, step: Step, found: Finding) -> None:
        """The same for the loss."""
        rows = [row for row in (mail_map.lost, *mail_map.blamed.tolist()) if row >= 0]
        if not rows:
            return
        if mail_map.predictions is None or mail_map.targets is None:
            found.unproved.setdefault(HEARD, []).extend(rows)
            return
        predictions, targets = said.take(mail_map.predictions), said.take(mail_map.targets)
        back = np.empty((len(mail_map.blamed), mail_map.columns))
        try:
            losses = self._judge.evaluate(step, predictions, targets, back)
        except Exception as error:
            found.refusals.append((min(rows), str(error) or repr(error)))
            return
        sheets = [(mail_map.should, losses, back)]
        if self._margins is not None:
            sheets.append(
                (mail_map.slack, *self._margins.judge(self._judge, step, predictions, targets))
            )
        for sheet, losses, back in sheets:
            if mail_map.lost >= 0:
                sheet[mail_map.rows_of(mail_map.lost)] = losses
            for row, values in zip(mail_map.blamed.tolist(), back, strict=True):
                if row >= 0:
                    sheet[mail_map.rows_of(row)] = values

    def _compare(self, mail_map: MailMap, said: Array, found: Finding) -> None:
        """The first row that is wrong."""
        if self._exact:
            wrong = mail_map.should.view(np.int64) != said.view(np.int64)
        else:
            wrong = ~(np.abs(said - mail_map.should) <= mail_map.slack)
        if wrong.any():
            place = int(wrong.argmax())
            found.row = int(np.searchsorted(mail_map.starts, place, side="right")) - 1
            found.number, found.should = (
                place - int(mail_map.starts[found.row]),
                float(mail_map.should[place]),
            )
        row, told = min(found.refusals, default=(-1, ""))
        if told and (found.row is None or row <= found.row):
            found.row, found.number, found.should = row, 0, f"nothing: {told}"
