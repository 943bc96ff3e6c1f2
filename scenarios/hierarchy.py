"""A bakery in which orders go down and urgencies come up, without an overseer.

The bakery has twelve posts. Four of them know what kind of day it is, four pass
orders on, and four bake. Each of the last four sees what the customers ask for,
but only for its own goods. Every evening urgencies go back up, from post to
post: do more, or do less, and how urgently. Then each post follows each of its
advisers a little more or a little less. The story needs no formula.
"""

from __future__ import annotations

from argparse import Namespace
from typing import NamedTuple

import _common
import _experiment
import _french
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.support.palette import DISC, FAINT, INK, MUTED, NEGATIVE, PAPER, POSITIVE, SERIES

SEEDS = _experiment.Seeds(quick=2, usual=10, full=20)
CONDITIONS = ["weekend", "holidays", "warmth", "rain", "order book"]
ADVISERS = {
    "direction": CONDITIONS,
    "shop": ["weekend", "holidays", "rain"],
    "office": ["weekend", "holidays", "order book"],
    "purchasing": ["holidays", "warmth", "order book"],
    "bakehouse": ["direction", "shop", "office"],
    "dough room": ["direction", "shop", "office"],
    "cake room": ["direction", "office", "purchasing"],
    "kitchen": ["direction", "shop", "purchasing"],
    "baker": ["bakehouse", "dough room"],
    "apprentice": ["bakehouse", "dough room"],
    "confectioner": ["dough room", "cake room"],
    "cook": ["bakehouse", "kitchen"],
}
GOODS = {
    "baker": "loaves",
    "apprentice": "croissants",
    "confectioner": "cakes",
    "cook": "sandwiches",
}
LEVELS = [CONDITIONS, *(list(ADVISERS)[k : k + 4] for k in (0, 4, 8))]
YEAR, FORTNIGHT, MONTH = 364, 14, 28  # days
PIECES = 100  # an output of 1 is so many pieces
WHIM = 0.08  # relative standard deviation of the demand, from day to day
HABIT = na.SGD(0.05)  # how fast a post changes


class Days(NamedTuple):
    """The days of a year.

    Attributes:
        kind: The conditions of each day. Shape (YEAR, 5).
        wished: Mean demand on such a day, in hundreds of pieces. Shape (YEAR, 4).
        asked: Demand on that day, in hundreds of pieces. Shape (YEAR, 4).
    """

    kind: np.ndarray
    wished: np.ndarray
    asked: np.ndarray


def make_year(seed: int, station: bool) -> Days:
    """Draw a year.

    Args:
        seed: The seed.
        station: Whether a railway station has opened across the road. It changes the demand:
            croissants sell on working days, sandwiches in every week, and bread less at weekends.
    """
    rng = np.random.default_rng([seed, station])
    weekend = (np.arange(YEAR) % 7 >= 5).astype(float)
    holidays = np.repeat(rng.random(YEAR // 7) < 0.25, 7).astype(float)
    warmth = rng.integers(0, 2, YEAR).astype(float)
    rain = (rng.random(YEAR) < 0.3).astype(float)
    orders, work = rng.random(YEAR), 1 - weekend
    if station:
        loaves = 1 - 0.4 * weekend - 0.4 * holidays
        croissants = 0.5 + 0.8 * work
        sandwiches = 0.5 + 0.7 * work
    else:
        loaves = 1 + 0.6 * weekend - 0.4 * holidays
        croissants = 0.5 + 0.8 * weekend * (1 - 0.6 * rain)
        sandwiches = 0.2 + 0.6 * work * (1 - 0.7 * holidays)
    wished = np.stack(
        [loaves, croissants, 0.2 + 0.4 * weekend + 0.7 * orders, sandwiches + 0.3 * warmth], axis=1
    )
    kind = np.stack([weekend, holidays, warmth, rain, orders], axis=1)
    return Days(kind, wished, wished * np.exp(rng.normal(0, WHIM, wished.shape)))


def make_bakery(seed: int) -> na.Network:
    """Return the network of the posts, with random weights."""
    posts = [
        na.Neuron(post, activation="identity" if post in GOODS else "tanh") for post in ADVISERS
    ]
    paths = [
        na.Synapse(adviser, post) for post, advisers in ADVISERS.items() for adviser in advisers
    ]
    return na.Network([*map(na.Input, CONDITIONS), *posts], paths, list(GOODS), seed=seed)


def count_waste(made: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the unsold and the missing pieces of each day. Shape (days,).

    Args:
        made: What was made, in hundreds. Shape (days, 4).
        asked: What was asked for, in hundreds. Shape (days, 4), or (4,) for every day.
    """
    return PIECES * np.abs(made - asked).sum(axis=1)


class Life(NamedTuple):
    """Two years of a bakery; before the second one, the station opens.

    Attributes:
        waste: The waste of each day. Shape (2 * YEAR,).
        fixed: Mean waste in each year of a bakery that makes the same every day, the best choice
            for that year.
        whims: Mean waste in each year of a bakery that knows the mean demand of each day.
    """

    waste: np.ndarray
    fixed: tuple[float, float]
    whims: tuple[float, float]

    def mean_waste(self, first: int, days: int) -> float:
        """Return the mean waste of so many days, from day `first` on."""
        return float(self.waste[first : first + days].mean())

    @property
    def first(self) -> float:
        """Mean waste of the first fortnight."""
        return self.mean_waste(0, FORTNIGHT)

    @property
    def settled(self) -> float:
        """Mean waste of the last month before the station opens."""
        return self.mean_waste(YEAR - MONTH, MONTH)

    @property
    def upset(self) -> float:
        """Mean waste of the fortnight after the station opens."""
        return self.mean_waste(YEAR, FORTNIGHT)

    @property
    def recovered(self) -> float:
        """Mean waste of the last month."""
        return self.mean_waste(2 * YEAR - MONTH, MONTH)


def measure(seed: int, log: na.Recording | None = None) -> Life:
    """Run a bakery for two years; one day is one step."""
    years = [make_year(seed, station) for station in (False, True)]

    async def run() -> np.ndarray:
        async with na.open_simulation(make_bakery(seed), log=log) as simulation:
            made = [
                (await simulation.train_step([kind], [asked], optimizer=HABIT)).predictions[0]
                for days in years
                for kind, asked in zip(days.kind, days.asked, strict=True)
            ]
        return np.array(made)

    made = trio.run(run)
    best = [np.median(days.asked, axis=0) for days in years]
    fixed = [
        float(count_waste(made, days.asked).mean()) for made, days in zip(best, years, strict=True)
    ]
    whims = [float(count_waste(days.wished, days.asked).mean()) for days in years]
    waste = count_waste(made, np.concatenate([days.asked for days in years]))
    return Life(waste, tuple(fixed), tuple(whims))


def find_contacts(log: na.Log) -> dict[str, set[str]]:
    """Return with which members each post has exchanged messages.

    Each synapse carried an order down and an urgency up. The log's row of an urgency names both
    ends.
    """
    urgencies = log.messages(kind="urgency").select(["sender", "receiver"]).to_pydict()
    met: dict[str, set[str]] = {post: set() for post in ADVISERS}
    for pair in set(zip(urgencies["sender"], urgencies["receiver"], strict=True)):
        for one, other in (pair, pair[::-1]):
            met.setdefault(one, set()).add(other)
    for post, advisers in ADVISERS.items():  # an input receives no urgencies
        met[post] |= set(advisers) & set(CONDITIONS)
    return met


def main_adviser(network: na.Network, post: str) -> tuple[str, float]:
    """Return the adviser with the largest weight, and its share of all weights.

    The share is negative if the weight is: the post then does the opposite.
    """
    k = network.position[post]
    weights = network.weights[network.targets == k]
    most = int(np.argmax(np.abs(weights)))
    share = float(np.abs(weights[most]) / np.abs(weights).sum())
    name = network.ids[network.sources[network.targets == k][most]]
    return name, float(np.copysign(share, weights[most]))


def describe_urgency(urgency: float) -> str:
    """Return in words what an urgency says."""
    direction, size = "more" if urgency > 0 else "less", abs(urgency)
    for limit, how in ((0.5, "very urgently"), (0.15, "urgently"), (0.03, "when there is time")):
        if size > limit:
            return f"{direction}, {how}"
    return "good as it is"


def print_day(log: na.Log, number: int, say: _french.Say) -> None:
    """Print one day from the log: the orders, what was made, and the urgencies."""
    network, step = log.network, log.step(number)
    said = dict(zip(network.ids, step.activations[:, 0], strict=True))
    shown = say(", ").join(
        say("{name} {said:.1f}", name=say(name), said=said[name]) for name in CONDITIONS
    )
    day = "Day {number}, a Saturday. The conditions are: {shown}."
    _experiment.print_wrapped(say(day, number=number, shown=shown))
    print(say("\n  Orders go down:\n"))
    for post in [*LEVELS[1], *LEVELS[2]]:
        followers = ", ".join(say(name) for name, advisers in ADVISERS.items() if post in advisers)
        line = "    {post:10} says {said:+.2f} to {followers}"
        print(say(line, post=say(post), said=said[post], followers=followers))
    print(say("\n  The last four posts make goods, and customers ask for them:\n"))
    for (post, goods), target, blame in zip(
        GOODS.items(), step.targets[:, 0], step.blame[:, 0], strict=True
    ):
        made, asked = max(PIECES * said[post], 0), PIECES * target
        line = "    {post:12} makes {made:3.0f} {goods:10}; asked for: {asked:3.0f}: {text}"
        text = say(describe_urgency(blame))
        print(say(line, post=say(post), made=made, goods=say(goods), asked=asked, text=text))
    print(say("\n  Urgencies come up. Each post adds up those of the posts below it:\n"))
    ups = zip(network.sources, network.targets, step.urgencies[:, 0], strict=True)
    received: dict[str, dict[str, float]] = {}
    for source, target, urgency in ups:
        received.setdefault(network.ids[source], {})[network.ids[target]] = float(urgency)
    for post in [*LEVELS[2], *LEVELS[1]]:
        values = received[post].values()
        numbers = " ".join(say("{value:+.2f}", value=value) for value in values)
        line = "    {post:10} receives {received:26} {text}"
        print(say(line, post=say(post), received=numbers, text=say(describe_urgency(sum(values)))))
    print()


def print_advisers(stages: list[na.Network], say: _french.Say) -> None:
    """Print the main adviser of each post at each stage."""
    rows = []
    for post in ADVISERS:
        cells = []
        for network in stages:
            name, share = main_adviser(network, post)
            text = "{name} {share:.0%}" if share > 0 else "not {name} {share:.0%}"
            cells.append(say(text, name=say(name), share=abs(share)))
        rows.append([say(post), *cells])
    head = ["post", "first day", "after a year", "with the station"]
    _experiment.print_table([say(title) for title in head], rows)


def main(arguments: Namespace) -> None:
    recording = _common.full_recording(arguments, "hierarchy.arrows")
    say = _french.language_of(arguments)
    _experiment.print_question(
        say("Orders down, urgencies up"),
        say(QUESTION),
        say(
            """a bakery with twelve posts on three levels, below the conditions of the day. In the
        second year a station opens across the road, and the demand changes. No message says so;
        only leftovers and empty shelves show it."""
        ),
        say,
    )
    recorded = measure(arguments.seed, recording)
    log = na.open_log(recording.path)
    print(say("ONE DAY, BEFORE THE POSTS HAVE LEARNT ANYTHING\n"))
    print_day(log, 6, say)
    line = (
        "An order is only a number. Its meaning is what its receivers do with it, and they learn."
    )
    _experiment.print_wrapped(say(line))

    others = [(seed,) for seed in arguments.seeds if seed != arguments.seed]
    lives = [recorded, *(_experiment.run_all("bakeries", measure, others) if others else [])]
    print(say("\nTWO YEARS, IN {n} BAKERIES\n", n=len(lives)))
    print(say("Unsold and missing pieces on a day (mean ± sd over bakeries):\n"))
    same, mean = say("the same every day, the best"), say("knowing the mean demand")
    rows = [
        (say("the first fortnight"), format_spread([life.first for life in lives])),
        (say("the last four weeks of the year"), format_spread([life.settled for life in lives])),
        (f"  {same}", format_spread([life.fixed[0] for life in lives])),
        (f"  {mean}", format_spread([life.whims[0] for life in lives])),
        (say("the station opens: a fortnight"), format_spread([life.upset for life in lives])),
        (
            say("the last four weeks of that year"),
            format_spread([life.recovered for life in lives]),
        ),
        (f"  {same}", format_spread([life.fixed[1] for life in lives])),
        (f"  {mean}", format_spread([life.whims[1] for life in lives])),
    ]
    _experiment.print_table([say("when"), say("waste")], rows)

    print(say("\nWHAT CHANGED: THE MAIN ADVISER OF EACH POST\n"))
    print_advisers([log.network_at(day) for day in (0, YEAR, 2 * YEAR)], say)
    print(say('\n(Its share of all weights; "not": the post does the opposite.)\n'))

    print(say("WHAT NO POST KNEW\n"))
    met, audit = find_contacts(log), na.audit(log.path)
    most = max(ADVISERS, key=lambda post: len(met[post]))
    _experiment.print_wrapped(
        say(
            """The log has {messages:,} messages. No post exchanged messages with more than
        {most} of the {others} other members, the loss node and the five
        conditions included; that post was {post}. An audit replayed each post alone, from its own
        messages: it sent {again}. So
        no post needed anything else. Nothing in the bakery knows what the whole bakery did.""",
            messages=audit.messages,
            most=len(met[most]),
            others=len(CONDITIONS) + 12,
            post=say(most),
            again=say("the same again, bit for bit" if audit.passed else "something else"),
        )
    )
    _experiment.print_finding(finding(lives, say), say(NOT_SO), say)
    line = "The log is of the bakery of seed {seed}: {file}"
    _experiment.print_wrapped(say(line, seed=arguments.seed, file=recording.path))
    draw(log, lives, arguments)


QUESTION = (
    "can a bakery learn to make what customers ask for, if each post sees only its neighbours?"
)
NOT_SO = """that a real business works like this, or should: people know more than their messages,
and a post that only multiplies numbers does not think. Nor that every such network learns: the
connections were given, and chosen so that the conditions on which a product depends can reach the
post that makes it."""


def finding(lives: list[Life], say: _french.Say = _common.ENGLISH) -> str:
    """Return in one sentence what these bakeries show."""
    learnt = sum(2 * life.settled < life.first and life.settled < life.fixed[0] for life in lives)
    again = sum(
        1.5 * life.settled < life.upset and 2 * life.recovered < life.upset for life in lives
    )
    of = len(lives)
    fall = np.mean([life.settled / life.first for life in lives])
    rise = np.mean([life.recovered / life.upset for life in lives])
    if learnt == again == of:
        return say(
            """in all {of} bakeries the waste fell, to {fall:.0%} on average, and below that of
        the best bakery that makes the same every day; it rose when the demand changed, and fell
        again, to {rise:.0%}; there was no overseer.""",
            of=of,
            fall=fall,
            rise=rise,
        )
    return say(
        """not in every bakery: the waste halved, and fell below that of the best bakery that
    makes the same every day, in {learnt} of {of}; it rose with the station and halved again in
    {again} of {of}.""",
        learnt=learnt,
        again=again,
        of=of,
    )


def format_spread(values: list[float]) -> str:
    """Return mean and standard deviation as text."""
    return f"{np.mean(values):.0f} ± {np.std(values):2.0f}"


def draw(log: na.Log, lives: list[Life], arguments: Namespace) -> None:
    """Draw the figure."""
    say = _french.language_of(arguments)
    plt = _common.import_pyplot(say)
    if plt is None:
        return
    day = log.step(YEAR + 3)
    figure = plt.figure(figsize=(11, 7.2), layout="constrained")
    figure.suptitle(say("A bakery learns by urgencies, without an overseer"), fontsize=15)
    above, below = figure.subfigures(2, 1, height_ratios=[1.45, 1])
    panels = above.subplots(1, 3)
    draw_posts(panels[0], log.network, log.network.weights, say)
    panels[0].set_title(say("day 1: the weights, at random"), fontsize=11)
    draw_posts(panels[1], log.network, log.network_at(YEAR).weights, say)
    panels[1].set_title(say("after a year: the weights"), fontsize=11)
    draw_posts(panels[2], log.network, np.nan_to_num(day.urgencies[:, 0]), say, upwards=True)
    panels[2].set_title(say("the station has opened: urgencies"), fontsize=11)
    draw_waste(below.subplots(), lives, say)
    _common.save_figure(figure, arguments.out, "hierarchy.png", say)


def draw_posts(
    axis, network: na.Network, values: np.ndarray, say: _french.Say, upwards: bool = False
) -> None:
    """Draw the posts, level below level, and a line for each synapse, thicker for larger values.

    Args:
        axis: Where to draw.
        network: The network of the posts.
        values: A value for each synapse. Shape (n_synapses,).
        say: Translates a label.
        upwards: Draw arrows from targets to sources.
    """
    position = {
        name: ((k + 0.5) / len(level), 3.0 - row + (0.14 if row == 0 and k % 2 else 0))
        for row, level in enumerate(LEVELS)
        for k, name in enumerate(level)
    }
    largest = np.abs(values).max()
    for k in np.argsort(np.abs(values)):
        (x, y), (u, v) = (
            position[network.ids[network.sources[k]]],
            position[network.ids[network.targets[k]]],
        )
        size, positive = abs(values[k]) / largest, values[k] > 0
        look = {
            "color": POSITIVE if positive else NEGATIVE,
            "linestyle": "-" if positive else "--",
            "zorder": 1 + size,
        }
        if not upwards:
            axis.plot([x, u], [y, v], linewidth=0.3 + 4.2 * size, **look)
        elif size > 0.02:
            arrow = {
                "arrowstyle": "-|>,head_length=0.45,head_width=0.22",
                "shrinkA": 9,
                "shrinkB": 9,
            }
            axis.annotate(
                "", (x, y), (u, v), arrowprops=arrow | look | {"linewidth": 0.5 + 4 * size}
            )
    for name, (x, y) in position.items():
        box = {
            "boxstyle": "round,pad=0.25",
            "facecolor": DISC if name in CONDITIONS else PAPER,
            "edgecolor": MUTED,
        }
        goods = f"\n{say(GOODS[name])}" if name in GOODS else ""
        axis.text(
            x,
            y,
            say(name).replace(" ", "\n") + goods,
            ha="center",
            va="center",
            fontsize=8.5,
            bbox=box,
            zorder=5,
        )
    legend = (
        "blue, solid: more\norange, dashed: less"
        if upwards
        else "blue, solid: follows\norange, dashed: does the opposite"
    )
    axis.text(0.5, -0.55, say(legend), ha="center", va="center", fontsize=9.5)
    axis.set(xlim=(-0.04, 1.04), ylim=(-0.75, 3.4))
    axis.axis("off")


def draw_waste(axis, lives: list[Life], say: _french.Say) -> None:
    """Draw the waste of every bakery by week, their mean, and the two bakeries to compare with."""
    weeks = np.array([life.waste.reshape(-1, 7).mean(axis=1) for life in lives])
    at = np.arange(1, weeks.shape[1] + 1)
    axis.plot(at, weeks.T, color=FAINT, linewidth=0.7)
    axis.plot(
        at, weeks.mean(axis=0), color=INK, linewidth=2.2, label=say("mean; grey: each bakery")
    )
    for look, label, pairs in (
        (
            {"color": SERIES[0], "linestyle": "--"},
            "the same every day, the best of these",
            [life.fixed for life in lives],
        ),
        (
            {"color": SERIES[1], "linestyle": ":", "linewidth": 2},
            "knowing the mean demand",
            [life.whims for life in lives],
        ),
    ):
        axis.plot(
            [0.5, 52.5, 52.5, 104.5], np.repeat(np.mean(pairs, axis=0), 2), label=say(label), **look
        )
    axis.axvline(52.5, color=SERIES[2], linewidth=1.2)
    axis.annotate(
        say(" a station opens"), (52.5, axis.get_ylim()[1]), va="top", color=SERIES[2], fontsize=10
    )
    axis.set(xlabel=say("week"), ylabel=say("pieces a day"), ylim=(0, None), xlim=(0, 105))
    axis.set_title(say("waste: unsold or missing"), fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=9, loc="upper right")


if __name__ == "__main__":
    _experiment.run(main, __doc__, SEEDS, french=True)
