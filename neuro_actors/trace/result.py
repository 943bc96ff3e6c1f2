"""What a trace found, and its words, within 80 columns."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from math import log10
from typing import NamedTuple

from ..support.text import printable


class Factor(NamedTuple):
    """One of those that a path multiplies; value: the mean over the examples.

    kind: "said", what a neuron told its followers; "slope", of its activation function; "weight", of the synapse into
    it; "urgency", what the loss told it.
    """

    kind: str
    neuron: str
    value: float


@dataclass(frozen=True, slots=True)
class Path:
    """One path: the ids along it; what it is worth, the mean over the examples; and the factors of that product (with
    one example their product is the value)."""

    nodes: tuple[str, ...]
    value: float
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """What was asked, and of what it is the sum.

    about: in words.  to_loss: whether the paths lead to the loss, or end at an output.
    total: the sum of all paths, the mean over the examples.  from_log: the same out of the messages that were sent,
    where these say it.  bound: how far rounding alone may bring these apart, and the sum of the paths one by one.
    number: how many paths there are.  paths: the greatest of them, in their order.  carried: of all that came along all
    paths, example by example and whichever its sign, the share that came along these.
    examples: over how many the mean was taken.  all_shown: whether those left out are worth nothing.
    proved: how many of the paths are surely the greatest: all, unless the search was given up.  rest: if it was, no
        other path is greater than this.
    """

    about: str
    to_loss: bool
    total: float
    from_log: float | None
    bound: float
    number: int
    paths: tuple[Path, ...]
    carried: float
    examples: int
    all_shown: bool
    proved: int
    rest: float

    @property
    def cut_off(self) -> bool:
        """Whether the search was given up before it was sure of so many."""
        return self.proved < len(self.paths) or self.rest > 0

    @property
    def shown(self) -> float:
        """What the paths that are shown sum to."""
        return float(sum(path.value for path in self.paths))

    def __str__(self) -> str:
        return describe_trace(self)


def describe_trace(trace: Trace) -> str:
    """What was asked, the paths with the greatest first, and what all of them come to."""
    lines = textwrap.wrap(f"{trace.about}: {trace.total:+.6g}", 80, break_long_words=False)
    if trace.number == 0:
        lines.append("No path leads from there to the loss.")
    elif not trace.paths:
        lines.append(
            f"Of {_paths(trace.number)} every one is worth nothing: a slope on it, or an urgency, is 0."
        )
    for path in trace.paths:
        lines += ["", *_lines(path, trace)]
    if trace.paths:
        lines += ["", *_sums(trace)]
    if trace.from_log is not None:
        apart = abs(trace.total - trace.from_log)
        told = f"The messages themselves came to {trace.from_log:+.6g}: {apart:.1e} apart"
        if apart > trace.bound:
            told += f", MORE THAN ROUNDING MAY DO ({trace.bound:.0e}). `neuro-actors audit` tells who said what is not so"
        lines += textwrap.wrap(f"{told}.", 80)
    return "\n".join(printable(line) for line in lines)


def _lines(path: Path, trace: Trace) -> list[str]:
    way = " -> ".join([*path.nodes, *(["loss"] if trace.to_loss else [])])
    share = f"{path.value / trace.total:6.1%}" if trace.total else ""
    head = f"{path.value:+12.6g} {share:>8}  "
    rows = textwrap.wrap(
        way, 80, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
    )
    mean = "~ " if trace.examples > 1 else "= "  # the mean of products is not the product of means
    product = " · ".join(map(_factor, path.factors)) or "1"
    indent = " " * len(head)
    deeper = indent + "  "
    product = textwrap.fill(
        mean + product, 80, initial_indent=indent, subsequent_indent=deeper, break_on_hyphens=False
    )
    return [*rows, *product.replace("\xa0", " ").splitlines()]


def _factor(factor: Factor) -> str:
    what = {"said": f"{factor.neuron} said", "weight": "w"}.get(factor.kind, factor.kind)
    return f"{what} {factor.value:.4g}".replace(" ", "\xa0")  # a line never ends within it


def _sums(trace: Trace) -> list[str]:
    count = len(trace.paths)
    if trace.all_shown and count == trace.number:
        text = (
            f"All {_paths(count)}: {trace.shown:+.6g}." if count > 1 else "There is no other path."
        )
    else:
        which = "all others are worth nothing" if trace.all_shown else "the greatest first"
        text = f"These {count} of {_paths(trace.number)} ({which}) come to {trace.shown:+.6g}."
        if not trace.all_shown:
            text += (
                f" They are {100 * trace.carried:.2g} % of all that came along, whichever its sign."
            )
    notes = [text]
    if trace.cut_off:
        many = f"the first {trace.proved} are" if trace.proved > 1 else "the first is"
        sure = f"{many} surely the greatest" if trace.proved else "there may be greater ones"
        notes.append(
            f"The search was given up, it had seen too many paths: {sure}; no other exceeds {trace.rest:.3g}."
        )
    if trace.examples > 1:
        notes.append(
            "Factors behind ~ are means over the examples; a path's worth is the mean of its products."
        )
    return [line for note in notes for line in textwrap.wrap(note, 80)]


def _paths(number: int) -> str:
    if number < 10**15:
        return f"{number:,} path" + "s" * (number != 1)
    exponent, fraction = divmod(log10(number), 1)  # of any whole number, where floats end
    return f"{10**fraction:.1f}e{exponent:.0f} paths"
