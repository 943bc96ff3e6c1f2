"""Whether delays repeat what they must: the law of a log through time.

No replay of a member can tell, for the environment repeats, from one round to another (see
`rules/through_time.py`). Its messages are sealed, but a forger may seal anew. So in each sequence:

    tick t           what a delay's input receives is, bit for bit, what its output said so many
                     ticks before, when it went through that tick last; 0 where it has not
    back to tick t   all inputs receive what they received in tick t; and the target of a delay's
                     output is the urgency that its input sent so many ticks later, 0 if there was
                     none, or if the window cuts it. The loss node hands it on.

Rounds come in their order, for the same examples. A sequence may be left unfinished. Under a rule
that carries on, a sequence begins where the last one ended that was finished, or anew: then all
delays say 0 in tick 1. Each micro-batch is a sequence of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ...log.reader import Rows
from ...network.examples import widen
from ...network.network import Network
from ...network.passes import count_passes
from ...neuron.time_round import PREDICTION, TimeRound
from ...rules.part_rounds import cut
from ...rules.through_time import ThroughTime
from ...support.arrays import Array, Indices
from .lie import LieFound, lie_in_log
from .mail_places import MailMap
from .step_notes import StepNote

_Said = dict[int, Array]  # by the position of a neuron the numbers of one message


@dataclass(slots=True)
class _Sequence:
    """What is known of a sequence under way."""

    round: TimeRound
    batch: int
    loss: str | None = None
    given: dict[int, _Said] = field(default_factory=dict)  # by tick what inputs received
    said: dict[int, _Said] = field(default_factory=dict)  # what the delays' outputs said
    felt: dict[int, _Said] = field(default_factory=dict)  # the urgencies that their inputs sent


class DelayLaw:
    """Checks one step after another of a log.

    Args:
        network: The network's cell.
        rule: The rule of the run, of a whole batch.
        count: How many micro-batches a batch is cut into.
    """

    def __init__(self, network: Network, rule: ThroughTime, count: int) -> None:
        self._network, self._rule, self._passes = network, rule, count_passes(network)
        self._count = count
        self._inputs = np.flatnonzero(network.is_input).tolist()
        row = {k: i for i, k in enumerate(network.output_positions.tolist())}
        # each delay's input, its output, that one's row among the outputs, and its ticks
        self._delays = [(k, of, row[of], ticks) for k, (of, ticks) in network.delayed.items()]
        self._round: tuple[TimeRound, bool] | None = None  # the last one, and whether it predicts
        self._sequences: dict[int, _Sequence] = {}  # those of the batch, by micro-batch
        self._finished: list[_Sequence] = []  # what the next ones go on from

    def check(self, rows: Rows, note: StepNote, mail_map: MailMap) -> None:
        """Check a step.

        Args:
            rows: The rows of the step.
            note: What it was asked for.
            mail_map: Where the numbers of each member are.

        Raises:
            LieFound: It breaks the law.
        """
        sequence = self._next(rows, note)
        if sequence.round.back:
            self._check_back(sequence, sequence.round.tick, rows, mail_map)
        else:
            self._check_forward(sequence, sequence.round.tick, rows, mail_map)
        if self._rule.carry and self._following is None:
            self._finished = [self._sequences[part] for part in sorted(self._sequences)]

    # --- the order of rounds ----------------------------------------------------------------------

    def _next(self, rows: Rows, note: StepNote) -> _Sequence:
        """Return the sequence that a step belongs to, with its round."""
        here, predicts = TimeRound.read(note.round), note.round.endswith(PREDICTION)
        following, after = self._following, "tick 1 of a sequence"
        if following is not None:
            after = f"{following}, or {after}"
        begins = here is not None and self._begins(here, predicts, note.batch)
        goes_on = self._round is not None and here == following and predicts == self._round[1]
        if here is None or not (begins or goes_on):
            found = note.round or "none"
            raise lie_in_log(note.number, rows.first, "round is", found, after)
        if begins:
            self._sequences = {}
        self._round = here, predicts
        known = self._sequences.get(here.part)
        if known is None:
            self._expect(rows, note, note.loss is None, "no loss in it")
            said = self._carried_on(note.batch, here)
            known = self._sequences[here.part] = _Sequence(here, note.batch, said=said)
            return known
        self._expect(rows, note, note.batch == known.batch, f"of {known.batch} examples")
        if here.back:
            first = not known.round.back
            self._expect(rows, note, first or note.loss == known.loss, f"of {known.loss}")
            self._expect(rows, note, note.loss is not None, "with a loss")
            self._expect(rows, note, note.wrt_inputs, "down to the inputs")
            self._expect(rows, note, here.is_last or note.update == 0, "without learning")
        else:
            self._expect(rows, note, note.loss is None, "without a loss")
        known.round, known.loss = here, note.loss
        return known

    @property
    def _following(self) -> TimeRound | None:
        """The round that goes on with what is under way; None if nothing is."""
        if self._round is None:
            return None
        here, predicts = self._round
        place = here.place + 1
        if place == here.ticks * here.passes * here.parts * (1 if predicts else 2):
            return None
        return TimeRound.at(place, here.ticks, here.passes, here.parts)

    def _carried_on(self, batch: int, here: TimeRound) -> dict[int, _Said]:
        """Return what was said in the ticks before a sequence: these are 0, -1 and so on."""
        total = sum(one.batch for one in self._finished)
        part = cut(total, here.parts)[here.part - 1] if total >= here.parts else slice(0, 0)
        if not self._finished or part.stop - part.start != batch:
            return {}
        most, (last, *_) = max(ticks for *_, ticks in self._delays), self._finished
        ticks, found = last.round.ticks, {}
        for t in (t for t in last.said if t > ticks - most):
            rows = {of: [one.said[t][of] for one in self._finished] for of in last.said[t]}
            whole = {of: np.concatenate(parts) for of, parts in rows.items()}
            found[t - ticks] = {
                of: values[widen(part, len(values) // total)] for of, values in whole.items()
            }
        return found

    def _begins(self, here: TimeRound, predicts: bool, examples: int) -> bool:
        """Return whether a batch may begin with a round of so many examples."""
        fits = self._rule.ticks in (None, here.ticks) and here.passes == self._passes
        few = here.parts < self._count and examples == 1  # as many as there are examples
        is_cut = predicts or here.parts == self._count or few
        return fits and here.place == 0 and is_cut

    @staticmethod
    def _expect(rows: Rows, note: StepNote, fits: bool, expected: str) -> None:
        if not fits:
            raise lie_in_log(note.number, rows.first, f"{note.round} is", note.text, expected)

    # --- what is repeated -------------------------------------------------------------------------

    def _check_forward(self, sequence: _Sequence, tick: int, rows: Rows, mail_map: MailMap) -> None:
        given = self._given(rows.values, mail_map)
        delays = [given[k] for k, *_ in self._delays if k in given]
        is_first = sequence.round.place < sequence.round.parts
        if is_first and not any(one.any() for one in delays):
            sequence.said.clear()  # it begins anew
        for k, of, _, ticks in self._delays:
            before = sequence.said.get(tick - ticks, {})
            where = f"what {self._network.ids[of]} said {_ago(ticks)}"
            self._compare(rows, mail_map, mail_map.parts[k].input_values, before.get(of), where)
        said: _Said = {}
        for _, of, _, _ in self._delays:
            row = mail_map.parts[of].activation_row
            if row is not None:
                said[of] = rows.values[mail_map.rows_of(row)].copy()
        sequence.given[tick], sequence.said[tick] = given, said

    def _check_back(self, sequence: _Sequence, tick: int, rows: Rows, mail_map: MailMap) -> None:
        for k in self._inputs:
            where = f"what it received in tick {tick}"
            places = mail_map.parts[k].input_values
            self._compare(rows, mail_map, places, sequence.given[tick].get(k), where)
        window = self._rule.window
        for k, _, row, ticks in self._delays:
            later = tick + ticks
            is_cut = window is not None and (tick - 1) // window != (later - 1) // window
            felt = {} if is_cut else sequence.felt.get(later, {})
            where = f"what {self._network.ids[k]} felt {_ago(-ticks)}"
            places = None if mail_map.targets is None else mail_map.targets[row]
            self._compare(rows, mail_map, places, felt.get(k), where)
        felt_here: _Said = {}
        for k, *_ in self._delays:
            responses = mail_map.parts[k].response_rows
            if responses:
                felt_here[k] = rows.values[mail_map.rows_of(responses[0])].copy()
        sequence.felt[tick] = felt_here

    def _given(self, recorded: Array, mail_map: MailMap) -> _Said:
        places = ((k, mail_map.parts[k].input_values) for k in self._inputs)
        return {k: recorded[where].copy() for k, where in places if where is not None}

    def _compare(
        self,
        rows: Rows,
        mail_map: MailMap,
        places: slice | Indices | None,
        should: Array | None,
        where: str,
    ) -> None:
        """Compare the numbers at these places with others, None for zeros, bit for bit."""
        if places is None:  # not sent in a step that was broken off
            return
        said = rows.values[places]
        should = np.zeros(len(said)) if should is None else should
        wrong = np.flatnonzero(said.view(np.int64) != should.view(np.int64))
        if not len(wrong):
            return
        i = int(wrong[0])
        first = places.start if isinstance(places, slice) else int(places[0])
        row = int(np.searchsorted(mail_map.starts, first, side="right")) - 1
        lie = mail_map.expected.lie(rows, row + 1, i, float(should[i]), learns=False)
        raise LieFound(replace(lie, where=f"{lie.where}: {where}"))


def _ago(ticks: int) -> str:
    """Return so many ticks ago as a text; a negative number is one that is still to come."""
    count = abs(ticks)
    return f"{count} tick{'s' * (count > 1)} {'before' if ticks > 0 else 'later'}"
