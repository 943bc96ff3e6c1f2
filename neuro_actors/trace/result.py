"""The result of a trace, and its text within 80 columns."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from math import log10
from typing import NamedTuple

from ..support.text import escape_controls


class Factor(NamedTuple):
    """One factor of a path's product, for one example.

    Attributes:
        kind: "said": the neuron's activation; "slope": the slope of its activation function, or of
            an interneuron's combination by the activation of the path's source; "weight": the
            weight of the path's synapse into it; "urgency": the urgency that the loss sent to it.
        neuron: The neuron's id.
        value: The factor.
    """

    kind: str
    neuron: str
    value: float


AGREES = 1e-6  # of the total: within a larger bound nothing is said to agree


@dataclass(frozen=True, slots=True)
class Path:
    """One path.

    Attributes:
        nodes: The ids of the neurons along it.
        value: What it adds to the total: its product, or the mean of its products over the
            examples.
        factors: The factors of the product, if one example was traced. Their product is the value.
            Empty over a batch: the mean of products is not the product of means.
    """

    nodes: tuple[str, ...]
    value: float
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Trace:
    """An urgency or a slope, and the paths that it is the sum of. `print(trace)` shows them.

    Attributes:
        about: What it is, in words.
        to_loss: Whether the paths lead to the loss; if not, they end at an output.
        total: The sum over all paths, as the mean over the examples.
        from_log: The same from the urgencies in the log, or None if the log does not contain them.
        bound: The greatest difference of `total` and `from_log` that rounding can cause. It also
            bounds the difference of `total` and the sum of the paths one by one.
        number: The number of paths.
        paths: The greatest paths by absolute value, in that order.
        carried: The sum of |product| over the shown paths, divided by that over all paths.
        examples: The number of examples that the mean was taken over.
        all_shown: Whether all paths that are left out have the value 0.
        proved: How many of `paths` are certainly the greatest: all, unless the search was given up.
        rest: If the search was given up: no other path has a greater absolute value. Else 0.
        over_positions: Whether a path's worth is a sum over positions. Then the paths have no
            factors.
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
    over_positions: bool = False

    @property
    def cut_off(self) -> bool:
        """Whether the search was given up before the greatest paths were certain."""
        return self.proved < len(self.paths) or self.rest > 0

    @property
    def is_mean(self) -> bool:
        """Whether it is a mean over several examples. Then the paths have no factors."""
        return self.examples > 1

    @property
    def has_no_factors(self) -> bool:
        """Whether a path's worth is no product, but a mean or a sum of products."""
        return self.is_mean or self.over_positions

    @property
    def shown(self) -> float:
        """The sum of the paths in `paths`."""
        return float(sum(path.value for path in self.paths))

    def __str__(self) -> str:
        """Return the trace as text; see `format_trace`."""
        return format_trace(self)

    def __repr__(self) -> str:
        paths = f"{len(self.paths):,} of {_format_count(self.number)}"
        return escape_controls(f"<Trace: {self.about}: {self.total:+.6g}; {paths}>")

    def _repr_html_(self) -> str:
        from ..support.markup import block, element, table
        from ..support.palette import sign_colour

        head = f"{self.about}: {self.total:+.6g}"
        largest = max((abs(path.value) for path in self.paths), default=0.0) or 1.0
        rows = []
        for path in self.paths:
            bar = f"width: {90 * abs(path.value) / largest:.0f}px; height: 0.7em"
            style = f"display: inline-block; background: {sign_colour(path.value)}; {bar}"
            way = " → ".join([*path.nodes, *(["loss"] if self.to_loss else [])])
            share = f"{path.value / self.total:.1%}" if self.total else ""
            cells = element("span", f"{path.value:+.6g}"), element("span", "", style=style)
            row = [*cells, element("span", share), way]
            product = [] if self.has_no_factors else [_format_product(path).replace("\xa0", " ")]
            rows.append([*row, *product])
        names = ("worth", "", "share", "path", *([] if self.has_no_factors else ["its factors"]))
        sums = "\n".join(_format_sums(self)) if self.paths else ""
        return block(element("b", head), table(names, rows) if rows else "", element("div", sums))


def format_trace(trace: Trace) -> str:
    """Return a trace as text: what it is, the greatest paths, and the sums.

    Args:
        trace: The trace.

    Returns:
        Lines of at most 80 columns.
    """
    lines = textwrap.wrap(f"{trace.about}: {trace.total:+.6g}", 80, break_long_words=False)
    if trace.number == 0:
        lines.append("No path leads from there to the loss.")
    elif not trace.paths:
        every = f"Of {_format_count(trace.number)} every one is worth nothing"
        zero = "what the source sent, a weight, a slope, or an urgency is 0"
        lines += textwrap.wrap(f"{every}: on each, {zero}.", 80)
    for path in trace.paths:
        lines += ["", *_format_path(path, trace)]
    if trace.paths:
        lines += ["", *_format_sums(trace)]
    if trace.from_log is not None:
        apart = abs(trace.total - trace.from_log)
        sent = trace.from_log + 0.0  # no minus zero
        text = f"The messages themselves came to {sent:+.6g}: {apart:.1e} apart"
        if apart > trace.bound:
            text += f", MORE THAN ROUNDING MAY DO ({trace.bound:.0e})."
            text += " `neuro-actors audit` names the neuron whose message is wrong"
        elif apart and trace.bound > AGREES * max(abs(trace.total), abs(trace.from_log)):
            text += f". Rounding may do {trace.bound:.0e} along so many paths: that proves nothing,"
            text += " but `neuro-actors audit` proves each message"
        lines += textwrap.wrap(f"{text}.", 80)
    return "\n".join(escape_controls(line) for line in lines)


def _format_path(path: Path, trace: Trace) -> list[str]:
    way = " -> ".join([*path.nodes, *(["loss"] if trace.to_loss else [])])
    share = f"{path.value / trace.total:6.1%}" if trace.total else ""
    head = f"{path.value:+12.6g} {share:>8}  "
    rows = textwrap.wrap(
        way, 80, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
    )
    if trace.has_no_factors:
        return rows
    indent = " " * len(head)
    product = textwrap.fill(
        f"= {_format_product(path)}",
        80,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_on_hyphens=False,
    )
    return [*rows, *product.replace("\xa0", " ").splitlines()]


def _format_product(path: Path) -> str:
    return " · ".join(map(_format_factor, path.factors)) or "1"


def _format_factor(factor: Factor) -> str:
    what = {"said": f"{factor.neuron} said", "weight": "w"}.get(factor.kind, factor.kind)
    return f"{what} {factor.value:.4g}".replace(" ", "\xa0")  # so that no line ends within it


def _format_sums(trace: Trace) -> list[str]:
    count, total = len(trace.paths), f"{trace.shown:+.6g}"
    if trace.all_shown and count == trace.number:
        text = "There is no other path."
        if count > 1:
            text = f"All {_format_count(count)}: {total}."
    else:
        which = "all others are worth nothing" if trace.all_shown else "the greatest first"
        text = f"These {count} of {_format_count(trace.number)} ({which}) come to {total}."
        if not trace.all_shown:
            share = f"{float(f'{100 * trace.carried:.2g}'):g} %"  # 2 digits, 100 as "100"
            text += f" They are {share} of all that came along, whichever its sign."
    notes = [text]
    if trace.cut_off:
        many = f"the first {trace.proved} are" if trace.proved > 1 else "the first is"
        sure = f"{many} surely the greatest" if trace.proved else "there may be greater ones"
        given_up = "The search was given up, it had seen too many paths"
        notes.append(f"{given_up}: {sure}; no other exceeds {trace.rest:.3g}.")
    if trace.over_positions:
        mean = f", and its mean over {trace.examples:,} examples" * trace.is_mean
        notes.append(f"A path's worth is its sum over all positions{mean}.")
    elif trace.is_mean:
        mean = f"A path's worth is its mean over {trace.examples:,} examples."
        how = "--example 1 (in Python: example=1) shows the factors of one example."
        notes.append(f"{mean} {how}")
    return [line for note in notes for line in textwrap.wrap(note, 80)]


def _format_count(number: int) -> str:
    if number < 10**15:
        return f"{number:,} path" + "s" * (number != 1)
    # the logarithm of a whole number exists even if the number is too large for a float
    exponent, fraction = divmod(log10(number), 1)
    return f"{10**fraction:.1f}e{exponent:.0f} paths"
