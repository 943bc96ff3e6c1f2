"""Checks the delivery protocol: every state that a small society can reach under faults.

    python docs/protocol/check.py                      the small instances (seconds)
    python docs/protocol/check.py --large              also larger ones (minutes)
    python docs/protocol/check.py --mutants            also each mutant, and how it fails
    python docs/protocol/check.py --mutants NO_REPEAT  only these mutants

Needs the model checker spin, and gcc: `apt-get install spin gcc`. The exit code is 1 if a result is
unexpected.
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
OVER = "a step ends when all members have finished it"
FOR_EVER = "never ends"
FUTURE = "no frame of a later step arrives"
EQUAL = "frames of one name are equal"
RIGHT = "an accepted frame was computed from the parameters of its step"
TOGETHER = "a target is at its source's step, or one step ahead"


class Instance(NamedTuple):
    """What is checked.

    Attributes:
        name: What the table shows.
        defines: The model's -D options, the graph first.
        cease: Whether the faults cease at some time. If not, no run need end, and only the laws are
            checked. There are far fewer states then, because the network forgets nothing.
    """

    name: str
    defines: tuple[str, ...]
    cease: bool = True


class Mutant(NamedTuple):
    """The protocol with one rule broken.

    Attributes:
        name: The model's -D option.
        about: What the mutant does.
        breaks: The law that spin must find broken, or `FOR_EVER`. "": the mutant is equivalent, and
            must hold.
        cease: Whether the faults cease in the instance on which it shows.
        graph: The graph of this instance.
        local: Whether to check only the laws that members can see in their mail; the others are
            broken sooner.
    """

    name: str
    about: str
    breaks: str
    cease: bool = False
    graph: str = "N=1"
    local: bool = False

    def instances(self) -> list[Instance]:
        """The instances to check. Few crashes come first, for a short story.

        An equivalent mutant must hold with any number of crashes.
        """
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
    Mutant(
        "COMMIT_AFTER_SENDING", "a member sends its urgencies, and commits then", FUTURE, local=True
    ),
    Mutant(
        "COMMIT_IN_TWO_PARTS",
        "a commit has two parts: first the new parameters, then the step's number",
        ONCE,
    ),
    Mutant(
        "RETAINED_LATER",
        "what a member sends at the end of a step becomes durable after the commit",
        EQUAL,
    ),
    Mutant(
        "VOLATILE_RETAINED",
        "a crash forgets what the member sent at the end of the step",
        FOR_EVER,
        cease=True,
    ),
    Mutant("RECOMPUTED", "a member computes its answer from its new parameters", RIGHT),
    Mutant(
        "PREDICTION_RECOMPUTED",
        "an output computes its activation, asked for again, from its new parameters",
        EQUAL,
    ),
    Mutant(
        "ACKNOWLEDGED_ON_RECEIPT",
        "an activation is acknowledged when it arrives",
        FOR_EVER,
        cease=True,
    ),
    Mutant(
        "RELEASED_AT_THE_FIRST_URGENCY",
        "a member commits when it has one follower's urgency",
        TOGETHER,
        graph="FORK",
    ),
    Mutant("NO_REPEAT", "members have no timer", FOR_EVER, cease=True),
    Mutant("ENVIRONMENT_NEVER_REPEATS", "the environment has no timer", FOR_EVER, cease=True),
    Mutant("NEVER_ASKS", "the environment does not ask for a missing commit", FOR_EVER, cease=True),
    Mutant("NO_ANSWER", "an activation of the step just finished is dropped", FOR_EVER, cease=True),
    Mutant("ANSWERS_ANY_STEP", "an activation of any earlier step is answered", EQUAL),
    Mutant(
        "ANSWERS_UNFINISHED",
        "a member answers a question about a step that it has not finished",
        RIGHT,
    ),
    Mutant("LEARNS_AGAIN", "a repeated urgency is learnt from again", ONCE),
    Mutant(
        "STALE_ACCEPTED", "an activation of an earlier step is taken for the current one's", RIGHT
    ),
    Mutant("MAIL_OUTLIVES_THE_STEP", "activations stay in the inbox after the commit", TOGETHER),
    Mutant("SILENT_INPUTS", "an input does not answer, because no urgency is due", OVER),
    Mutant("MAIL_SURVIVES", "mail survives a crash", "", cease=True),
    Mutant(
        "EARLY_URGENCY_DROPPED",
        "an urgency that arrives before the own activation was sent is dropped",
        "",
        cease=True,
    ),
]


class CheckError(Exception):
    """The check itself failed. The message is one line that says what to do."""


class Verdict(NamedTuple):
    """What spin found.

    Attributes:
        broken: The law that is broken, or `FOR_EVER`; "": none.
        states: How many states there are.
        depth: The length of the longest path through them.
        seconds: How long the search took.
        story: How the law came to be broken, line by line.
    """

    broken: str
    states: int
    depth: int
    seconds: float
    story: tuple[str, ...] = ()


class Checker:
    """Checks one instance: spin translates the model to C, gcc compiles it, it searches."""

    def __init__(self, instance: Instance, folder: Path) -> None:
        self._name = instance.name
        self._cease = instance.cease
        self._folder = folder
        self._defines = [
            f"-D{word}" for word in (*instance.defines, *["FAULTS_FOR_EVER"] * (not instance.cease))
        ]
        self._run("spin", "-a", *self._defines, str(MODEL))

    def search(self) -> Verdict:
        """Search every state. If a law is broken, find a short story that breaks it."""
        self._compile("-O1", "-DCOLLAPSE")
        began = time.perf_counter()
        output = self._run_search(1_000_000)
        seconds = time.perf_counter() - began
        states, depth = (
            int(float(_find(output, what)))
            for what in (r"(\S+) states, stored", r"depth reached (\d+)")
        )
        if "errors: 0" not in output:
            story = self._story(depth)
            law = (
                story[-1].removeprefix("broken: ") if story[-1].startswith("broken: ") else FOR_EVER
            )
            return Verdict(law, states, depth, seconds, story)
        if re.search("depth too small|not completed|out of memory", output):
            raise CheckError(
                f"{self._name}: the search was cut off; give it more memory, or check a smaller "
                "instance"
            )
        if self._cease and "-end-" in output[output.index("in init") :].split("\n\n")[0]:
            raise CheckError(f"{self._name}: no run ends, so the laws hold for nothing")
        return Verdict("", states, depth, seconds)

    def _story(self, depth: int) -> tuple[str, ...]:
        """The story with the fewest moves: search for the least depth that breaks the law."""
        self._compile("-O1", "-DREACH")  # a state is searched again if a shorter path leads to it
        least, enough = 0, depth
        while least < enough:
            middle = (least + enough) // 2
            if "errors: 0" in self._run_search(middle):
                least = middle + 1
            else:
                enough = middle
        self._run_search(enough)
        output = self._run(
            "spin", "-t", "-B", *self._defines, "-k", f"{MODEL.name}.trail", str(MODEL)
        )
        story = []
        for line in map(str.strip, output.splitlines()):
            if re.match(r"M\d|all |the |broken: |<<<<<", line):
                story.append(self._name_members(line))
            if line.startswith("broken: "):
                break
        return tuple(story)

    def _name_members(self, line: str) -> str:
        """The line with the members' names instead of their numbers."""
        graph = self._defines[0]
        neurons = {"-DFORK": 2, "-DDIAMOND": 3}.get(graph) or int(graph.removeprefix("-DN="))
        names = ["input", *(f"n{k}" for k in range(1, neurons + 1)), "loss", "environment"]
        line = re.sub(r"M(\d)", lambda found: names[int(found[1])], line)
        return "and again and again:" if line.startswith("<<<<<") else line

    def _compile(self, *how: str) -> None:
        what = [] if self._cease else ["-DSAFETY"]
        self._run("gcc", "-w", "-DNOREDUCE", *what, *how, "-o", "pan", "pan.c")

    def _run_search(self, depth: int) -> str:
        what = ["-a"] if self._cease else []
        return self._run("./pan", *what, f"-m{depth}", "-w20")

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True)
        if done.returncode:
            reason = " ".join((done.stdout + done.stderr).split())[:300]
            raise CheckError(f"{self._name}: {command[0]} failed: {reason}")
        return done.stdout


def _find(text: str, what: str) -> str:
    found = re.search(what, text)
    if found is None:
        raise CheckError(f"the output of spin lacks what was expected: {what!r}")
    return found[1]


def check(instance: Instance) -> Verdict:
    """Check an instance, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="protocol-") as folder:
        return Checker(instance, Path(folder)).search()


# --- what is printed ---------------------------------------------------------------------------


def check_instances(instances: list[Instance]) -> bool:
    """Check instances and print the table. Returns whether all of them hold."""
    print("instance                       faults       states   depth  seconds  verdict")
    passed = True
    for instance in instances:
        verdict = check(instance)
        faults = "cease" if instance.cease else "for ever"
        print(
            f"{instance.name:<29}  {faults:<8} {verdict.states:>10,} {verdict.depth:>7,} "
            f"{verdict.seconds:>8.1f}  {'BROKEN' if verdict.broken else 'holds'}",
            flush=True,
        )
        for line in verdict.story:
            print(f"    {line}")
        passed = passed and not verdict.broken
    return passed


def check_mutants(mutants: list[Mutant]) -> bool:
    """Check mutants and print what each breaks. Returns whether all results are as expected."""
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
        equivalent = f"equivalent: it holds in all of its {verdict.states:,} states"
        print(f"  {verdict.broken or equivalent}", flush=True)
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
    print("\nAll results are as expected." if passed else "\nSome results are NOT as expected.")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
