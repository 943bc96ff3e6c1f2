"""Neurons replayed alone: out of what each had heard, what should it have said?

A step's numbers, as they stand in the log, are one flat array, `said`. Beside it lies `should`, at first the same. Every
member in turn is handed its own mail out of `said`, as an engine would hand it over, and writes over its own numbers in
`should`; nothing passes from one replayed neuron to another. Where the two arrays differ then, somebody lied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import functions
from .arrays import Array, frozen
from .judge import LossRule
from .log.stage import Part, Stage
from .messages import Step
from .network import Network
from .neuron import InputRule, LocalRule, Memory
from .rounding import Margins
from .sums import Sums

HEARD = "what they had heard is not all recorded"
PARAMETERS = "what their parameters were then is not recorded"
STATE = "what the optimiser kept from steps that were left out is not recorded"


@dataclass(slots=True)
class Finding:
    """What came of one step. row: the first that is wrong, or None.  number: which of its numbers.  reason: why it would
    not have said anything.  unproved: rows that could not be replayed, with the reason."""

    row: int | None = None
    number: int = 0
    should: float | str = ""
    unproved: dict[str, list[int]] | None = None


class Replay:
    """All rules of a network, each with its own state, which nobody else sees.

    exact: whether the bits must be equal; else they may lie as far apart as rounding can bring them.
    """

    def __init__(self, network: Network, sums: Sums, exact: bool) -> None:
        self._exact = exact
        self._rules: list[LocalRule | InputRule] = []
        for k, name in enumerate(network.ids):
            if network.is_input[k]:
                self._rules.append(InputRule(name, sums))
                continue
            incoming = network.incoming.of(k)
            parameters = np.append(network.weights[incoming], network.biases[k])
            from_input = network.is_input[network.sources[incoming]]
            self._rules.append(LocalRule(name, functions.activation(network.activations[k]), parameters, from_input, sums))
        self._judge = LossRule(network.is_input[network.output_positions])
        self._margins = None if exact else Margins(self._rules)
        self._known = [True] * len(self._rules)  # whether a neuron's parameters are
        self._kept = [True] * len(self._rules)  # whether what its optimiser keeps is

    def forget(self) -> None:
        """Steps were left out in which neurons may have learnt."""
        self._known = [isinstance(rule, InputRule) for rule in self._rules]
        self._kept = [False] * len(self._rules)

    def take_over(self, stage: Stage, said: Array) -> None:
        """What neurons had learnt in a step that was left out: it is believed."""
        self.forget()
        for part in stage.parts:
            if part.committed is not None:
                self._believe(part, said)

    def step(self, stage: Stage, said: Array, step: Step, update: int, unknown: str = "") -> Finding:
        """Replay one step. update: the count of updates, 0 where nobody learns.  unknown: why `step` has no optimiser
        though neurons learn."""
        should, rules, margins, learns = stage.should, self._rules, self._margins, update > 0
        np.copyto(should, said)
        if update == 1:
            self._start_afresh()
        optimizer = step.optimizer
        stateless = optimizer is not None and not len(optimizer.start(1))
        refusals: list[tuple[int, str]] = []
        unproved: dict[str, list[int]] = {}
        mail = stage.mail(said)
        bare = Step(step.number, step.loss, None, step.wrt_inputs)
        for part in stage.parts:
            k = part.member
            rule = rules[k]
            if part.told is not None:
                heard = said[part.told].reshape(1, -1)
            elif part.hears is not None and self._known[k]:
                heard = mail[part.hears]
            else:
                self._leave(part, PARAMETERS if part.hears is not None else HEARD, unproved, said, learns)
                continue
            now, row = step, part.spoken
            if learns:
                if not self._kept[k] and stateless and isinstance(rule, LocalRule):
                    rule.memory = Memory(rule.memory.parameters, optimizer, (), update - 1)
                elif not self._kept[k] or optimizer is None:
                    now = bare
            try:
                rule.fire(now, heard, part.speech)
                if margins is not None:
                    margins.fire(k, heard, stage.margins[k].speech)
                row = part.answered[0] if part.answered else None
                if part.ears is not None:
                    urgencies = said.take(part.ears)
                    if margins is not None:
                        margins.respond(k, now, heard, urgencies, stage.margins[k].back, stage.margins[k].commit)
                    rule.respond(now, urgencies, part.back, part.commit)
            except Exception as error:  # of a user's function too
                if row is not None:
                    refusals.append((row, str(error) or repr(error)))
                continue
            if part.ears is None:
                if part.answered or (learns and part.told is None):
                    self._leave(part._replace(spoken=None), HEARD, unproved, said, learns)
            elif part.scattered is not None:
                should[part.scattered] = part.back[part.order]
                if margins is not None:
                    stage.slack[part.scattered] = stage.margins[k].back[part.order]
            if learns and part.ears is not None and isinstance(rule, LocalRule):
                if now is not step or optimizer is None:
                    if part.committed is not None:
                        should[part.committed] = said[part.committed]
                        unproved.setdefault(unknown if optimizer is None else STATE, []).append(part.answered[-1])
                    self._believe(part, said)
                elif margins is not None and part.committed is not None:
                    rule.memory = rule.memory._replace(parameters=frozen(said[part.committed].copy()))
        if stage.judged:
            self._judged(stage, said, step, refusals, unproved)
        return self._compared(stage, said, refusals, unproved)

    def _start_afresh(self) -> None:
        for rule in self._rules:
            if isinstance(rule, LocalRule):
                rule.memory = Memory(rule.memory.parameters)
        self._kept = [True] * len(self._rules)

    def _leave(self, part: Part, reason: str, unproved: dict[str, list[int]], said: Array, learns: bool) -> None:
        """It cannot be replayed; its new parameters are believed."""
        rows = [*part.answered] if part.spoken is None else [part.spoken, *part.answered]
        if rows:
            unproved.setdefault(reason, []).extend(rows)
        if learns and isinstance(self._rules[part.member], LocalRule):
            self._believe(part, said)

    def _believe(self, part: Part, said: Array) -> None:
        k = part.member
        rule = self._rules[k]
        self._known[k], self._kept[k] = part.committed is not None, False
        if part.committed is not None and isinstance(rule, LocalRule):
            rule.memory = Memory(frozen(said[part.committed].copy()))

    def _judged(
        self, stage: Stage, said: Array, step: Step, refusals: list[tuple[int, str]], unproved: dict[str, list[int]]
    ) -> None:
        rows = [row for row in (stage.lost, *stage.blamed.tolist()) if row >= 0]
        if not rows:
            return
        if stage.predictions is None or stage.targets is None:
            unproved.setdefault(HEARD, []).extend(rows)
            return
        predictions, targets = said.take(stage.predictions), said.take(stage.targets)
        back = np.empty((len(stage.blamed), stage.form.batch))
        try:
            losses = self._judge.judge(step, predictions, targets, back)
        except Exception as error:
            refusals.append((min(rows), str(error) or repr(error)))
            return
        sheets = [(stage.should, losses, back)]
        if self._margins is not None:
            sheets.append((stage.slack, *self._margins.judge(self._judge, step, predictions, targets)))
        for sheet, losses, back in sheets:
            if stage.lost >= 0:
                sheet[stage.rows_of(stage.lost)] = losses
            for row, values in zip(stage.blamed.tolist(), back, strict=True):
                if row >= 0:
                    sheet[stage.rows_of(row)] = values

    def _compared(
        self, stage: Stage, said: Array, refusals: list[tuple[int, str]], unproved: dict[str, list[int]]
    ) -> Finding:
        if self._exact:
            wrong = stage.should.view(np.int64) != said.view(np.int64)
        else:
            wrong = ~(np.abs(said - stage.should) <= stage.slack)
        found = Finding(unproved=unproved)
        if wrong.any():
            place = int(wrong.argmax())
            found.row = int(np.searchsorted(stage.starts, place, side="right")) - 1
            found.number, found.should = place - int(stage.starts[found.row]), float(stage.should[place])
        if refusals and (found.row is None or min(refusals)[0] <= found.row):
            found.row, found.number = min(refusals)[0], 0
            found.should = f"nothing: {min(refusals)[1]}"
        return found
