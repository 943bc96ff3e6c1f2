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
delays say 0 in tick 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ...log.reader import Rows
from ...network.network import Network
from ...network.passes import count_passes
from ...neuron.time_round import PREDICTION, TimeRound
from ...rules.through_time import ThroughTime
from ...support.arrays import Array, Indices
from .lie import LieFound, lie_in_log
from .mail_places import MailMap
from .step_notes import StepNote

_Said = dict[int, Array]  # by the position of a neuron the numbers of one message


@dataclass(slots=True)
class _Sequence:
    """What is known of the sequence under way."""

    round: TimeRound
    batch: int
    predicts: bool
    loss: str | None = None
    given: dict[int, _Said] = field(default_factory=dict)  # by tick what inputs received
    said: dict[int, _Said] = field(default_factory=dict)  # what the delays' outputs said
    felt: dict[int, _Said] = field(default_factory=dict)  # the urgencies that their inputs sent


class DelayLaw:
    """Checks one step after another of a log.

    Args:
        network: The network's cell.
        rule: The rule of the run.
    """

    def __init__(self, network: Network, rule: ThroughTime) -> None:
        self._network, self._rule, self._passes = network, rule, count_passes(network)
        self._inputs = np.flatnonzero(network.is_input).tolist()
        row = {k: i for i, k in enumerate(network.output_positions.tolist())}
        # each delay's input, its output, that one's row among the outputs, and its ticks
        self._delays = [(k, of, row[of], ticks) for k, (of, ticks) in network.delayed.items()]
        self._sequence: _Sequence | None = None
        self._finished: _Sequence | None = None  # what the next one goes on from

    def check(self, rows: Rows, note: StepNote, mail_map: MailMap) -> None:
        """Check a step.

        Args:
            rows: The rows of the step.
            note: What it was asked for.
            mail_map: Where the numbers of each member are.

        Raises:
            LieFound: It breaks the law.
        """
        sequence = self._sequence = self._next(rows, note)
        if sequence.round.back:
            self._check_back(sequence, sequence.round.tick, rows, mail_map)
        else:
            self._check_forward(sequence, sequence.round.tick, rows, mail_map)
        if self._rule.carry and _following(sequence) is None:
            self._finished = sequence

    # --- the order of rounds ----------------------------------------------------------------------

    def _next(self, rows: Rows, note: StepNote) -> _Sequence:
        """Return the sequence that a step belongs to, with its round."""
        here, known = TimeRound.read(note.round), self._sequence
        predicts = note.round.endswith(PREDICTION)
        after = "tick 1 of a sequence"
        if here is not None and self._begins(here):
            self._expect(rows, note, note.loss is None, "no loss in it")
            return _Sequence(here, note.batch, predicts, said=self._carried_on(note.batch))
        following = None if known is None else _following(known)
        if following is not None:
            after = f"{following}, or {after}"
        if known is None or here is None or here != following or predicts != known.predicts:
            what, said = "round is", note.round or "none"
            raise lie_in_log(note.number, rows.first, what, said, after)
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

    def _carried_on(self, batch: int) -> dict[int, _Said]:
        """Return what was said in the ticks before a sequence: these are 0, -1 and so on."""
        last = self._finished
        if last is None or last.batch != batch:
            return {}
        most, ticks = max(ticks for *_, ticks in self._delays), last.round.ticks
        return {t - ticks: said for t, said in last.said.items() if t > ticks - most}

    def _begins(self, here: TimeRound) -> bool:
        """Return whether a sequence may begin with a round."""
        fits = self._rule.ticks in (None, here.ticks) and here.passes == self._passes
        return fits and here.place == 0

    @staticmethod
    def _expect(rows: Rows, note: StepNote, fits: bool, expected: str) -> None:
        if not fits:
            raise lie_in_log(note.number, rows.first, f"{note.round} is", note.text, expected)

    # --- what is repeated -------------------------------------------------------------------------

    def _check_forward(self, sequence: _Sequence, tick: int, rows: Rows, mail_map: MailMap) -> None:
        given = self._given(rows.values, mail_map)
        delays = [given[k] for k, *_ in self._delays if k in given]
        if not sequence.round.place and not any(one.any() for one in delays):
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


def _following(known: _Sequence) -> TimeRound | None:
    """Return the round that goes on with a sequence; None if it is over."""
    here, place = known.round, known.round.place + 1
    if place == here.ticks * here.passes * (1 if known.predicts else 2):
        return None
    return TimeRound.at(place, here.ticks, here.passes)


def _ago(ticks: int) -> str:
    """Return so many ticks ago as a text; a negative number is one that is still to come."""
    count = abs(ticks)
    return f"{count} tick{'s' * (count > 1)} {'before' if ticks > 0 else 'later'}"
