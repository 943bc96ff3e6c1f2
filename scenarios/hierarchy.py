"""A bakery in which orders go down, urgencies come up, and nobody oversees it.

Twelve posts: four hear what kind of day it is, four pass orders on, and four in
the field bake. What the customers ask for is seen by each of these four for his
own goods alone. Every evening urgencies go back up, post by post: you should do
more, or less, and how urgently. Each post then heeds its advisers a little more
or a little less. No formula is needed to follow this story.
"""

from __future__ import annotations

import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import NamedTuple

import _common
import _experiment
import numpy as np
import trio

import neuro_actors as na


class Choices(_experiment.Seeds):
    """The seeds, and in which language the figure is."""

    def add_to(self, parser: ArgumentParser) -> None:
        super().add_to(parser)
        parser.add_argument(
            "--lang", choices=("en", "fr"), default="en", help="the figure's language (default en)"
        )


SEEDS = Choices(quick=2, usual=10, full=20)
WORLD = ["weekend", "holidays", "warmth", "rain", "order book"]
HEARS = {
    "direction": WORLD,
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
LEVELS = [WORLD, *(list(HEARS)[k : k + 4] for k in (0, 4, 8))]
YEAR, FORTNIGHT, MONTH = 364, 14, 28  # days
PIECES = 100  # what a post in the field says is counted in hundreds
WHIM = 0.08  # by what share wishes differ from day to day, for no reason
HABIT = na.SGD(0.05)  # how fast a post changes its mind
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"


class Days(NamedTuple):
    """A year: what kind of day each is (days, 5), what is wished on average on such a day (days, 4), and what customers
    really ask for (days, 4), in hundreds of pieces."""

    kind: np.ndarray
    wished: np.ndarray
    asked: np.ndarray


def year(seed: int, station: bool) -> Days:
    """station: once a railway station has opened across the road, croissants go on working days, sandwiches sell in any
    week, and fewer come for bread at the weekend."""
    rng = np.random.default_rng([seed, station])
    weekend = (np.arange(YEAR) % 7 >= 5).astype(float)
    holidays = np.repeat(rng.random(YEAR // 7) < 0.25, 7).astype(float)
    warmth, rain, book = (
        rng.integers(0, 2, YEAR).astype(float),
        (rng.random(YEAR) < 0.3).astype(float),
        rng.random(YEAR),
    )
    work = 1 - weekend
    if station:
        loaves, croissants, sandwiches = (
            1 - 0.4 * weekend - 0.4 * holidays,
            0.5 + 0.8 * work,
            0.5 + 0.7 * work,
        )
    else:
        loaves, croissants = (
            1 + 0.6 * weekend - 0.4 * holidays,
            0.5 + 0.8 * weekend * (1 - 0.6 * rain),
        )
        sandwiches = 0.2 + 0.6 * work * (1 - 0.7 * holidays)
    wished = np.stack(
        [loaves, croissants, 0.2 + 0.4 * weekend + 0.7 * book, sandwiches + 0.3 * warmth], axis=1
    )
    kind = np.stack([weekend, holidays, warmth, rain, book], axis=1)
    return Days(kind, wished, wished * np.exp(rng.normal(0, WHIM, wished.shape)))


def bakery(seed: int) -> na.Network:
    """The posts, and how much each heeds its advisers on the first day: drawn by lot."""
    posts = [na.Neuron(post, activation="identity" if post in GOODS else "tanh") for post in HEARS]
    paths = [na.Synapse(adviser, post) for post, advisers in HEARS.items() for adviser in advisers]
    return na.Network([*map(na.Input, WORLD), *posts], paths, list(GOODS), seed=seed)


def waste(made: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Pieces that stay unsold or are missing, each day. made, asked: (days, 4)."""
    return PIECES * np.abs(made - asked).sum(axis=1)


class Life(NamedTuple):
    """Two years of a bakery, the second after the station has opened.

    waste: each day's, (2 * YEAR,).  fixed: the waste a day in each year if every day the same were baked, and that the
    best for the year.  whims: the waste a day in each year if somebody knew all wishes but the customers' whims.
    """

    waste: np.ndarray
    fixed: tuple[float, float]
    whims: tuple[float, float]

    def over(self, first: int, days: int) -> float:
        """The mean waste a day over so many days, from day `first` on."""
        return float(self.waste[first : first + days].mean())

    @property
    def first(self) -> float:
        return self.over(0, FORTNIGHT)

    @property
    def settled(self) -> float:
        return self.over(YEAR - MONTH, MONTH)

    @property
    def upset(self) -> float:
        return self.over(YEAR, FORTNIGHT)

    @property
    def recovered(self) -> float:
        return self.over(2 * YEAR - MONTH, MONTH)


def measure(seed: int, log: na.Recording | None = None) -> Life:
    """Let a bakery live; one day is one step."""
    years = [year(seed, station) for station in (False, True)]

    async def live() -> np.ndarray:
        async with na.open_simulation(bakery(seed), log=log) as simulation:
            made = [
                (await simulation.train_step([kind], [asked], optimizer=HABIT)).predictions[0]
                for days in years
                for kind, asked in zip(days.kind, days.asked, strict=True)
            ]
        return np.array(made)

    made = trio.run(live)
    fixed = [float(waste(np.median(days.asked, axis=0), days.asked).mean()) for days in years]
    whims = [float(waste(days.wished, days.asked).mean()) for days in years]
    return Life(
        waste(made, np.concatenate([days.asked for days in years])), tuple(fixed), tuple(whims)
    )


def acquaintances(log: na.Log) -> dict[str, set[str]]:
    """With whom each post ever exchanged a message, by the log: each synapse that was used carried an order down and an
    urgency up, and an urgency's row names both."""
    urgencies = log.messages(kind="urgency").select(["sender", "receiver"]).to_pydict()
    met: dict[str, set[str]] = {post: set() for post in HEARS}
    for pair in set(zip(urgencies["sender"], urgencies["receiver"], strict=True)):
        for one, other in (pair, pair[::-1]):
            met.setdefault(one, set()).add(other)
    for (
        post,
        advisers,
    ) in HEARS.items():  # inputs are told no urgencies: what they told is in the step
        met[post] |= set(advisers) & set(WORLD)
    return met


def heeds(network: na.Network, post: str) -> tuple[str, float]:
    """The adviser whom a post heeds most, and which share of its attention he has; below 0 if it does the opposite."""
    k = network.position[post]
    weights = network.weights[network.targets == k]
    most = int(np.argmax(np.abs(weights)))
    share = float(np.abs(weights[most]) / np.abs(weights).sum())
    return network.ids[network.sources[network.targets == k][most]], float(
        np.copysign(share, weights[most])
    )


def in_words(urgency: float) -> str:
    """What an urgency says."""
    size = abs(urgency)
    how = (
        "very urgently"
        if size > 0.5
        else "urgently"
        if size > 0.15
        else "when there is time"
        if size > 0.03
        else ""
    )
    return f"{'more' if urgency > 0 else 'less'}, {how}" if how else "well enough as it is"


def tell_day(log: na.Log, number: int) -> None:
    """One day out of the log: what was said down the house, what was made, and what was said up again."""
    network, step = log.network, log.step(number)
    said = dict(zip(network.ids, step.activations[:, 0], strict=True))
    shown = ", ".join(f"{name} {said[name]:.1f}" for name in WORLD)
    paragraph(f"Day {number}, a Saturday. The world says: {shown}.")
    print("\n  Orders go down:\n")
    for post in [*LEVELS[1], *LEVELS[2]]:
        hear = ", ".join(name for name, advisers in HEARS.items() if post in advisers)
        print(f"    {post:10} says {said[post]:+.2f} to {hear}")
    print("\n  In the field things are made, and customers ask:\n")
    for (post, goods), target, blame in zip(
        GOODS.items(), step.targets[:, 0], step.blame[:, 0], strict=True
    ):
        made, asked = max(PIECES * said[post], 0), PIECES * target
        print(
            f"    {post:12} makes {made:3.0f} {goods:10}; asked for: {asked:3.0f}: {in_words(blame)}"
        )
    print("\n  Urgencies come up. Each post adds up what those below it say:\n")
    ups = zip(network.sources, network.targets, step.urgencies[:, 0], strict=True)
    told: dict[str, dict[str, float]] = {}
    for source, target, urgency in ups:
        told.setdefault(network.ids[source], {})[network.ids[target]] = float(urgency)
    for post in [*LEVELS[2], *LEVELS[1]]:
        heard = " ".join(f"{value:+.2f}" for value in told[post].values())
        print(f"    {post:10} hears {heard:29} {in_words(sum(told[post].values()))}")
    print()


def tell_change(stages: list[na.Network]) -> None:
    """Whom each post heeds most, at each stage."""
    rows = []
    for post in HEARS:
        best = [heeds(network, post) for network in stages]
        rows.append(
            [
                post,
                *(
                    f"{'' if share > 0 else 'not '}{adviser} {abs(share):.0%}"
                    for adviser, share in best
                ),
            ]
        )
    _experiment.print_table(["post", "first day", "after a year", "with the station"], rows)


def main(arguments: Namespace) -> None:
    recording = _common.full_recording(arguments, "hierarchy.arrows")
    _experiment.print_question(
        "Orders down, urgencies up",
        "can a house learn to make what is asked for, if nobody in it sees more than his neighbours?",
        """a bakery of twelve posts on four levels, counting the world's. In the second year a station opens across the
        road, and wishes change. Nobody is told; only leftovers and empty shelves tell.""",
    )
    told = measure(arguments.seed, recording)
    log = na.open_log(recording.path)
    print("ONE DAY, BEFORE ANYBODY HAS LEARNT ANYTHING\n")
    tell_day(log, 6)
    paragraph(
        "An order is only a number, and means what those who hear it make of it. That they will learn."
    )

    others = [(seed,) for seed in arguments.seeds if seed != arguments.seed]
    lives = [told, *(_experiment.run_all("bakeries", measure, others) if others else [])]
    print(f"\nTWO YEARS, IN {len(lives)} BAKERIES\n")
    print("Pieces a day that stay unsold or are missing (mean ± sd over bakeries):\n")
    before, after = (
        ["the same every day, the best", "knowing all but the whims"] for _ in range(2)
    )
    rows = [
        ("the first fortnight", spread([life.first for life in lives])),
        ("the last four weeks of the year", spread([life.settled for life in lives])),
        (f"  {before[0]}", spread([life.fixed[0] for life in lives])),
        (f"  {before[1]}", spread([life.whims[0] for life in lives])),
        ("the station opens: a fortnight", spread([life.upset for life in lives])),
        ("the last four weeks of that year", spread([life.recovered for life in lives])),
        (f"  {after[0]}", spread([life.fixed[1] for life in lives])),
        (f"  {after[1]}", spread([life.whims[1] for life in lives])),
    ]
    _experiment.print_table(["when", "waste"], rows)

    print("\nWHAT CHANGED: WHOM EACH POST HEEDS MOST\n")
    stages = [log.network_at(day) for day in (0, YEAR, 2 * YEAR)]
    tell_change(stages)
    print("\n(A share of its attention; not: it does the opposite of what he says.)\n")

    print("WHAT NO ONE KNEW\n")
    met, audit = acquaintances(log), na.audit(log.path)
    most = max(HEARS, key=lambda post: len(met[post]))
    paragraph(
        f"""By the log of {audit.messages:,} messages nobody spoke with more than {len(met[most])} of the {len(WORLD) + 12}
        others that there are, counting the judge and the world's five voices; that was {most}. And each post, replayed
        alone from its own mail, said {"the same again, bit for bit" if audit.passed else "something else"}: it needed
        nothing else. What the whole house did stands nowhere in it."""
    )
    _experiment.print_finding(finding(lives), NOT_SO)
    paragraph(f"The log is of the bakery of seed {arguments.seed}: {recording.path}")
    draw(log, lives, arguments)


NOT_SO = """that a real business works like this, or should: people know more than their mail, and a post that heeds its
advisers by numbers has no judgement. Nor that every house learns: who hears whom was given, and it was laid out so that
what each product depends on can reach the one who makes it."""


def finding(lives: list[Life]) -> str:
    """What the figures of these bakeries say."""
    learnt = sum(2 * life.settled < life.first and life.settled < life.fixed[0] for life in lives)
    again = sum(
        1.5 * life.settled < life.upset and 2 * life.recovered < life.upset for life in lives
    )
    of = len(lives)
    fall = np.mean([life.settled / life.first for life in lives])
    rise = np.mean([life.recovered / life.upset for life in lives])
    if learnt == again == of:
        return f"""in all {of} bakeries the waste fell, to {fall:.0%} on average and below the best that is the same every
        day; it rose when wishes changed, and fell again, to {rise:.0%}; nobody oversaw it."""
    return f"""not in every bakery: the waste halved, below the best that is the same every day, in {learnt} of {of}; and it
    rose with the upset and halved again in {again} of {of}."""


def spread(values: list[float]) -> str:
    return f"{np.mean(values):.0f} ± {np.std(values):2.0f}"


def paragraph(text: str) -> None:
    print(textwrap.fill(" ".join(text.split()), _experiment.WIDTH))


FRENCH = {
    "A bakery learns by urgencies, and nobody oversees it": "Une boulangerie apprend par urgences, et nul n'en voit l'ensemble",
    "day 1: who heeds whom, drawn by lot": "jour 1 : qui écoute qui, tiré au sort",
    "after a year: who heeds whom": "après un an : qui écoute qui",
    "the station has opened: urgencies": "la gare a ouvert : les urgences",
    "orange, solid: more\nblue, dashed: less": "orange, plein : plus\nbleu, tirets : moins",
    "orange, solid: does as told\nblue, dashed: the opposite": "orange, plein : fait ce qu'on dit\nbleu, tirets : le contraire",
    "mean; grey: each bakery": "moyenne ; en gris : chaque boulangerie",
    "the same every day, the best of these": "la même chose chaque jour, au mieux",
    "knowing all wishes but the whims": "en sachant tout, sauf les caprices",
    " a station opens": " une gare ouvre",
    "week": "semaine",
    "pieces a day": "pièces par jour",
    "waste: unsold or missing": "gâchis : invendus ou manquants",
    "weekend": "week-end", "holidays": "vacances", "warmth": "chaleur", "rain": "pluie", "order book": "commandes",
    "direction": "direction", "shop": "boutique", "office": "bureau", "purchasing": "achats",
    "bakehouse": "fournil", "dough room": "tourage", "cake room": "labo", "kitchen": "cuisine",
    "baker": "boulanger", "apprentice": "apprentie", "confectioner": "pâtissière", "cook": "cuisinier",
    "loaves": "pains", "croissants": "croissants", "cakes": "gâteaux", "sandwiches": "sandwichs",
}  # fmt: skip


def draw(log: na.Log, lives: list[Life], arguments: Namespace) -> None:
    plt = _common.import_pyplot()
    if plt is None:
        return
    say = FRENCH.__getitem__ if arguments.lang == "fr" else str
    day = log.step(YEAR + 3)
    figure = plt.figure(figsize=(11, 7.2), layout="constrained")
    figure.suptitle(say("A bakery learns by urgencies, and nobody oversees it"), fontsize=15)
    above, below = figure.subfigures(2, 1, height_ratios=[1.45, 1])
    panels = above.subplots(1, 3)
    house(panels[0], log.network, log.network.weights, say)
    panels[0].set_title(say("day 1: who heeds whom, drawn by lot"), fontsize=11)
    house(panels[1], log.network, log.network_at(YEAR).weights, say)
    panels[1].set_title(say("after a year: who heeds whom"), fontsize=11)
    house(panels[2], log.network, np.nan_to_num(day.urgencies[:, 0]), say, upwards=True)
    panels[2].set_title(say("the station has opened: urgencies"), fontsize=11)
    curve(below.subplots(), lives, say)
    _common.save_figure(figure, arguments.out, "hierarchy.png")


def house(
    axis, network: na.Network, values: np.ndarray, say: Callable[[str], str], upwards: bool = False
) -> None:
    """The posts, level below level; a line for each synapse, as thick as its value is large."""
    place = {
        name: ((k + 0.5) / len(level), 3.0 - row + (0.14 if row == 0 and k % 2 else 0))
        for row, level in enumerate(LEVELS)
        for k, name in enumerate(level)
    }
    largest = np.abs(values).max()
    for k in np.argsort(np.abs(values)):
        (x, y), (u, v) = (
            place[network.ids[network.sources[k]]],
            place[network.ids[network.targets[k]]],
        )
        size, positive = abs(values[k]) / largest, values[k] > 0
        look = {
            "color": ORANGE if positive else BLUE,
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
    for name, (x, y) in place.items():
        box = {
            "boxstyle": "round,pad=0.25",
            "facecolor": "#eeeeee" if name in WORLD else "white",
            "edgecolor": "#555555",
        }
        goods = f"\n{say(GOODS[name])}" if name in GOODS else ""
        axis.text(
            x,
            y,
            say(name).replace(" ", "\n") + goods,
            ha="center",
            va="center",
            fontsize=7.5,
            bbox=box,
            zorder=5,
        )
    told = (
        "orange, solid: more\nblue, dashed: less"
        if upwards
        else "orange, solid: does as told\nblue, dashed: the opposite"
    )
    axis.text(0.5, -0.55, say(told), ha="center", va="center", fontsize=8.5)
    axis.set(xlim=(-0.04, 1.04), ylim=(-0.75, 3.4))
    axis.axis("off")


def curve(axis, lives: list[Life], say: Callable[[str], str]) -> None:
    """The waste of every bakery, week by week; their mean; and what the best plan without listening would waste."""
    weeks = np.array([life.waste.reshape(-1, 7).mean(axis=1) for life in lives])
    at = np.arange(1, weeks.shape[1] + 1)
    axis.plot(at, weeks.T, color="#bbbbbb", linewidth=0.7)
    axis.plot(
        at, weeks.mean(axis=0), color="black", linewidth=2.2, label=say("mean; grey: each bakery")
    )
    for look, told, pairs in (
        (
            {"color": ORANGE, "linestyle": "--"},
            "the same every day, the best of these",
            [life.fixed for life in lives],
        ),
        (
            {"color": BLUE, "linestyle": ":", "linewidth": 2},
            "knowing all wishes but the whims",
            [life.whims for life in lives],
        ),
    ):
        axis.plot(
            [0.5, 52.5, 52.5, 104.5], np.repeat(np.mean(pairs, axis=0), 2), label=say(told), **look
        )
    axis.axvline(52.5, color=GREEN, linewidth=1.2)
    axis.annotate(
        say(" a station opens"), (52.5, axis.get_ylim()[1]), va="top", color=GREEN, fontsize=10
    )
    axis.set(xlabel=say("week"), ylabel=say("pieces a day"), ylim=(0, None), xlim=(0, 105))
    axis.set_title(say("waste: unsold or missing"), fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=9, loc="upper right")


if __name__ == "__main__":
    _experiment.run(main, __doc__, SEEDS)
