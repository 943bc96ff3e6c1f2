"""An audit: the passes over a log, and the result of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from os import PathLike

from ...log.recording_settings import Recording
from ...network.elements_json import combinations_of
from ...neuron.optimizers import Optimizer
from ...rules.rule_identity import is_own
from ...support.text import escape_controls, list_names
from .lie import Lie
from .locality import ALL_PAIRS, NEIGHBOURS, changed_groups, has_own_functions
from .log_pass import LogPass
from .report import Audit


class Auditor:
    """Audits one log, once.

    Args:
        path: The message log.
        optimizers: Optimizers of the user's own that the run used.

    Raises:
        LogError: The file is no message log, or it is one that cannot be audited.
    """

    def __init__(self, path: str | PathLike[str], optimizers: Sequence[Optimizer] = ()) -> None:
        self._path, self._optimizers = path, optimizers
        self._pass = LogPass(path, optimizers)
        self._not_local: Lie | None = None

    def audit(self, digest: str | None, progress: Callable[[int, int], None] | None) -> Audit:
        """Read the whole log, or up to the first lie.

        Args:
            digest: What the last digest or the complete digest must be, in hexadecimal; None: any.
            progress: Called after each step with the number of bytes read and of all bytes.

        Returns:
            The result.

        Raises:
            LogError: The log needs a function that is not in the tables here.
        """
        lie = self._pass.first_lie(digest, progress)
        if lie is None:
            self._check_locality(progress)
        return self._result(lie, digest)

    def _check_locality(self, progress: Callable[[int, int], None] | None) -> None:
        """Replay again, with other mail for some members, if code of the user's own takes part."""
        log = self._pass
        if not log.exact:
            return
        which = ALL_PAIRS
        if not is_own(log.rule) and not log.has_own_optimizer:
            own = log.network.activations, log.functions.losses, combinations_of(log.network)
            if not has_own_functions(*own):
                return
            which = NEIGHBOURS
        for changed in changed_groups(len(log.network.ids), which):
            again = LogPass(self._path, self._optimizers, changed)
            self._not_local = again.first_lie(None, progress)
            if self._not_local is not None:
                return

    def _result(self, lie: Lie | None, digest: str | None) -> Audit:
        log = self._pass
        complete = lie is None and log.has_end and not (log.is_cut_off or log.last_is_unsealed)
        unproved = sum(entry.count for entry in log.unproved.values())
        last, whole = log.digests
        return Audit(
            passed=complete and not unproved and self._not_local is None,
            exact=log.exact,
            complete=complete,
            neurons=len(log.network.ids),
            steps=log.steps,
            rows=log.rows,
            messages=log.messages,
            given=log.given,
            unproved=unproved,
            digest=last,
            complete_digest="" if lie is not None else whole,
            lie=lie,
            remarks=tuple(escape_controls(remark) for remark in self._remarks(lie is None, digest)),
        )

    def _remarks(self, whole: bool, digest: str | None) -> Iterator[str]:
        """Say what the audit cannot vouch for."""
        log = self._pass
        if not log.exact:
            yield (
                "compared within the rounding bound alone: the log is of another kind of machine "
                f"({'; '.join(log.differences)})"
            )
            if digest is not None and digest.lower() == log.digests[0]:
                yield (
                    "the digest that was given covers what the environment sent, and not what "
                    "neurons said: give the complete digest of the log to have it covered"
                )
        if not log.recording.whole:
            yield f"a partial log: {_parts_of(log.recording)}"
        if log.taken_over:
            yield (
                "what neurons learned in steps that were left out is given, "
                f"in {log.taken_over:,} commits"
            )
        for (kind, reason), entry in log.unproved.items():
            who = log.members[entry.sender]
            yield (
                f"not proved: {entry.count:,} messages of kind {kind} "
                f"(the first: {who}, step {entry.step}): {reason}"
            )
        if log.unchecked:
            names = "; ".join(log.unchecked)
            yield f"not checked, because the log does not tell of them: {names}"
        if self._not_local is not None:
            yield (
                "not proved that neurons are local: where others received other mail, this would "
                f"have changed, though its sender's mail did not ({self._not_local}). Code of the "
                "user's own shares a state that no message carries"
            )
        if not whole and is_own(log.rule):
            yield (
                "the rule is of the user's own: members that share a state, or random numbers "
                "that no seed fixes, look like a lie"
            )
        if whole:
            yield from self._remarks_on_the_end()

    def _remarks_on_the_end(self) -> Iterator[str]:
        log = self._pass
        if log.last_is_unsealed:
            yield (
                f"step {log.last} was broken off: what was sent in it is replayed, but not sealed"
            )
        if log.is_cut_off:
            where = f"behind row {log.rows - 1}" if log.rows else "before its first row"
            yield f"the log is cut off or damaged {where}"
        elif not log.has_end:
            yield "the log has no end: rows may be missing there"
        elif not log.steps:
            yield "the log holds no step"


def _parts_of(recording: Recording) -> str:
    """Say which part of a run was recorded."""
    parts = []
    if recording.every > 1:
        parts.append(f"every {recording.every} steps")
    if recording.neurons is not None:
        parts.append(f"neurons {list_names(recording.neurons)}")
    if recording.layers is not None:
        parts.append(f"levels {', '.join(map(str, recording.layers))}")
    if recording.phases is not None:
        parts.append(f"phases {', '.join(recording.phases)}")
    return "; ".join(parts)
