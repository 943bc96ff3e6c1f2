"""Checks the delivery protocol: every state that a small society can reach, whatever is lost and whoever crashes.

    python docs/protocol/check.py                      the small instances (seconds)
    python docs/protocol/check.py --large              larger ones, too (minutes)
    python docs/protocol/check.py --mutants            and each mutant of the protocol, which must fail, with its story
    python docs/protocol/check.py --mutants NO_REPEAT  only these

Needs the model checker spin, and gcc: `apt-get install spin gcc`. The exit code is 1 if anything is not as it should be.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

MODEL = Path(__file__).resolve().with_name("protocol.pml")
ONCE = "each update is applied exactly once"
OVER = "a step is over when everyone has finished it"
FOR_EVER = "goes on for ever"
FUTURE = "no step from the future"
EQUAL = "frames of one name are equal"
RIGHT = "what is accepted was made of the parameters of its step"
TOGETHER = "a target is where its source is, or one step ahead"


class Instance(NamedTuple):
    """What is checked. defines: what the model is told by -D, the graph first.  cease: whether the faults do, sometime. If
    they do not, nobody is promised an end, and only the laws are checked: there are far fewer states, for the network
    forgets nothing."""

    name: str
    defines: tuple[str, ...]
    cease: bool = True


class Mutant(NamedTuple):
    """The protocol with one rule broken. breaks: the law that spin must find broken, or `FOR_EVER`; empty: an equivalent
    one, which must hold, and `about` says why.  graph, cease: the instance on which it shows.  local: judged by the laws
    alone that members see in their mail, for the others are broken sooner."""

    name: str
    about: str
    breaks: str
    cease: bool = False
    graph: str = "N=1"
    local: bool = False

    def instances(self) -> list[Instance]:
        """On which to look for it, with few crashes first, for a short story; an equivalent one must hold with any number."""
        crashes = [("C=0",), ("C=1",), ("C=2",), ()] if self.breaks else [()]
        defines = (self.graph, "T=2", self.name, *["LOCAL_LAWS"] * self.local)
        return [Instance(self.name, (*defines, *limit), self.cease) for limit in crashes]


SMALL = [
    Instance("chain of 1 neuron, 2 steps", ("N=1", "T=2")),
    Instance("chain of 2 neurons, 2 steps", ("N=2", "T=2"), cease=False),
    Instance("fork, 2 steps", ("FORK", "T=2"), cease=False),
]
LARGE = [
    Instance("chain of 1 neuron, 3 steps", ("N=1", "T=3")),
    Instance("chain of 2 neurons, 2 steps", ("N=2", "T=2")),
    Instance("fork, 1 step", ("FORK", "T=1")),
    Instance("chain of 3 neurons, 3 steps", ("N=3", "T=3"), cease=False),
    Instance("diamond, 3 steps", ("DIAMOND", "T=3"), cease=False),
]
MUTANTS = [
    Mutant("COMMIT_AFTER_SENDING", "it sends its urgencies, and commits then", FUTURE, local=True),
    Mutant("COMMIT_IN_TWO_PARTS", "new parameters first, the number of the step then", ONCE),
    Mutant("RETAINED_LATER", "what it says at the end of a step is kept after the commit", EQUAL),
    Mutant(
        "VOLATILE_RETAINED",
        "a crash forgets what it said at the end of the step",
        FOR_EVER,
        cease=True,
    ),
    Mutant("RECOMPUTED", "it answers out of its new parameters", RIGHT),
    Mutant("PREDICTION_RECOMPUTED", "so does an output, asked for its activation", EQUAL),
    Mutant(
        "ACKNOWLEDGED_ON_RECEIPT",
        "an activation is acknowledged when it arrives",
        FOR_EVER,
        cease=True,
    ),
    Mutant(
        "RELEASED_AT_THE_FIRST_URGENCY", "one follower's urgency is enough", TOGETHER, graph="FORK"
    ),
    Mutant("NO_REPEAT", "members have no timer", FOR_EVER, cease=True),
    Mutant("ENVIRONMENT_NEVER_REPEATS", "the environment has no timer", FOR_EVER, cease=True),
    Mutant("NEVER_ASKS", "the environment does not ask for a missing commit", FOR_EVER, cease=True),
    Mutant("NO_ANSWER", "an activation of the step just finished is dropped", FOR_EVER, cease=True),
    Mutant("ANSWERS_ANY_STEP", "one of any earlier step is answered", EQUAL),
    Mutant("ANSWERS_UNFINISHED", "asked about a step that it has not finished, it answers", RIGHT),
    Mutant("LEARNS_AGAIN", "an urgency that comes again is learnt from again", ONCE),
    Mutant(
        "STALE_ACCEPTED", "an activation of an earlier step is taken for the current one's", RIGHT
    ),
    Mutant("MAIL_OUTLIVES_THE_STEP", "activations are not emptied with the commit", TOGETHER),
    Mutant("SILENT_INPUTS", "an input does not answer, for it has nothing to feel", OVER),
    Mutant("MAIL_SURVIVES", "mail survives a crash", "", cease=True),
    Mutant(
        "EARLY_URGENCY_DROPPED", "an urgency before the own activation is dropped", "", cease=True
    ),
]


class CheckError(Exception):
    """The check itself could not be done; one line that says what to do."""


class Verdict(NamedTuple):
    """What spin says. broken: which law, or `FOR_EVER`; empty: none.  states, depth: how many there are, and how far the
    longest way through them is.  story: how it came to be broken, line by line."""

    broken: str
    states: int
    depth: int
    seconds: float
    story: tuple[str, ...] = ()


class Checker:
    """One instance, in a folder of its own: spin makes a program of the model, gcc compiles it, the program searches."""

    def __init__(self, instance: Instance, folder: Path) -> None:
        self._name = instance.name
        self._cease = instance.cease
        self._folder = folder
        self._defines = [
            f"-D{word}" for word in (*instance.defines, *["FAULTS_FOR_EVER"] * (not instance.cease))
        ]
        self._run("spin", "-a", *self._defines, str(MODEL))

    def verdict(self) -> Verdict:
        """Search every state; where something is broken, tell a short story of it."""
        self._compile("-O1", "-DCOLLAPSE")
        began = time.perf_counter()
        told = self._search(1_000_000)
        seconds = time.perf_counter() - began
        states, depth = (
            int(float(_found(told, what)))
            for what in (r"(\S+) states, stored", r"depth reached (\d+)")
        )
        if "errors: 0" not in told:
            story = self._story(depth)
            law = (
                story[-1].removeprefix("broken: ") if story[-1].startswith("broken: ") else FOR_EVER
            )
            return Verdict(law, states, depth, seconds, story)
        if re.search("depth too small|not completed|out of memory", told):
            raise CheckError(
                f"{self._name}: the search was cut off; give it more memory, or a smaller instance"
            )
        if self._cease and "-end-" in told[told.index("in init") :].split("\n\n")[0]:
            raise CheckError(
                f"{self._name}: no run comes to its end, and so what holds says nothing"
            )
        return Verdict("", states, depth, seconds)

    def _story(self, depth: int) -> tuple[str, ...]:
        """What breaks it in few moves: how deep a search must go, at least, to see it."""
        self._compile("-O1", "-DREACH")  # a state to which there is a shorter way is searched again
        least, enough = 0, depth
        while least < enough:
            middle = (least + enough) // 2
            if "errors: 0" in self._search(middle):
                least = middle + 1
            else:
                enough = middle
        self._search(enough)
        told = self._run(
            "spin", "-t", "-B", *self._defines, "-k", f"{MODEL.name}.trail", str(MODEL)
        )
        story = []
        for line in map(str.strip, told.splitlines()):
            if re.match(r"M\d|all |the |broken: |<<<<<", line):
                story.append(self._named(line))
            if line.startswith("broken: "):
                break
        return tuple(story)

    def _named(self, line: str) -> str:
        """The members by what they are, instead of by number."""
        graph = self._defines[0]
        neurons = {"-DFORK": 2, "-DDIAMOND": 3}.get(graph) or int(graph.removeprefix("-DN="))
        names = ["input", *(f"n{k}" for k in range(1, neurons + 1)), "loss", "environment"]
        line = re.sub(r"M(\d)", lambda found: names[int(found[1])], line)
        return "and so on, for ever:" if line.startswith("<<<<<") else line

    def _compile(self, *how: str) -> None:
        what = [] if self._cease else ["-DSAFETY"]
        self._run("gcc", "-w", "-DNOREDUCE", *what, *how, "-o", "pan", "pan.c")

    def _search(self, depth: int) -> str:
        what = ["-a"] if self._cease else []
        return self._run("./pan", *what, f"-m{depth}", "-w20")

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True)
        if done.returncode:
            raise CheckError(
                f"{self._name}: {command[0]} failed: {' '.join((done.stdout + done.stderr).split())[:300]}"
            )
        return done.stdout


def _found(text: str, what: str) -> str:
    found = re.search(what, text)
    if found is None:
        raise CheckError(f"spin does not say what was expected of it: {what!r}")
    return found[1]


def check(instance: Instance) -> Verdict:
    """Build it, search it, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="protocol-") as folder:
        return Checker(instance, Path(folder)).verdict()


# --- what is printed -------------------------------------------------------------------------------------------------


def check_instances(instances: list[Instance]) -> bool:
    """Print the table; whether all of them hold."""
    print("instance                       faults       states   depth  seconds  verdict")
    passed = True
    for instance in instances:
        verdict = check(instance)
        faults = "cease" if instance.cease else "for ever"
        print(
            f"{instance.name:<29}  {faults:<8} {verdict.states:>10,} {verdict.depth:>7,} {verdict.seconds:>8.1f}  "
            f"{'BROKEN' if verdict.broken else 'holds'}",
            flush=True,
        )
        for line in verdict.story:
            print(f"    {line}")
        passed = passed and not verdict.broken
    return passed


def check_mutants(mutants: list[Mutant]) -> bool:
    """Tell what becomes of each; whether it is what was expected."""
    passed = True
    for mutant in mutants:
        for instance in mutant.instances():
            verdict = check(instance)
            if verdict.broken:
                break
        as_expected = verdict.broken == mutant.breaks
        passed = passed and as_expected
        print(f"\n{mutant.name}\n  {mutant.about}")
        for line in verdict.story:
            print(f"    {line}")
        print(
            f"  {verdict.broken or f'equivalent: it holds in all of its {verdict.states:,} states'}",
            flush=True,
        )
        if not as_expected:
            print(f"  NOT AS EXPECTED: {mutant.breaks or 'it should hold'}")
    return passed


def main() -> None:
    about, usage = (__doc__ or "").split("\n\n", 1)
    parser = argparse.ArgumentParser(
        description=about, epilog=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--large", action="store_true", help="also the larger instances")
    parser.add_argument(
        "--mutants", nargs="*", metavar="NAME", help="also the mutants: these, or all"
    )
    arguments = parser.parse_args()
    known = {mutant.name: mutant for mutant in MUTANTS}
    for name in arguments.mutants or ():
        if name not in known:
            parser.error(f"there is no mutant {name!r}: choose from {', '.join(known)}")
    for program in ("spin", "gcc"):
        if shutil.which(program) is None:
            parser.error(
                f"{program} is not installed: apt-get install {program}, or see https://spinroot.com"
            )
    try:
        passed = check_instances([*SMALL, *(LARGE if arguments.large else [])])
        if arguments.mutants is not None:
            passed = check_mutants([known[name] for name in arguments.mutants or known]) and passed
    except CheckError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    print("\nAll is as it should be." if passed else "\nNot all is as it should be.")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
