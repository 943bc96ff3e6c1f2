"""Words that this project no longer uses: each has a standard term instead, which a failure prints.

One list is of names in code (identifiers of Python and JavaScript, and names of files), the other of prose (docstrings,
comments, texts of errors, pages). A name is split at underscores and capitals: `toldTwice` contains "told".
"""

from __future__ import annotations

import ast
import io
import itertools
import re
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import neuro_actors

PACKAGE = Path(neuro_actors.__file__).parent
ROOT = PACKAGE.parent
HERE = Path(__file__)

IDENTIFIERS = {
    "befell": "`fault` or `FaultEvent`",
    "bell": "`countdown`",
    "beware": "`schedule_crash`",
    "blow": "`loss`, `fault`",
    "book": "`batch_sum`, `state`",
    "course": "`plan`",
    "desk": "`port`",
    "doom": "`next_crash`, `crash`",
    "heard": "`activations_in`, `received`, `read_result`",
    "judge": "`loss_node`, `evaluate`, `check`",
    "keeper": "`StatefulRule`, `RayThread`",
    "kept": "`state`, `get_state`",
    "letter": "`frame`, `message`",
    "mortal": "`restartable`",
    "pile": "`inbox`",
    "seat": "`worker_slot`",
    "sheet": "`rows`, `out`",
    "standin": "`proxy`",
    "told": "`message`, `problem`, `text` (an error's words); `sent`; `routes`",
    "twin": "`replica`",
    "weather": "`settings`",
    "world": "`environment`",
}
PROSE = {
    "befall": "a fault occurs, happens",
    "befell": "a fault occurred, happened",
    "bell": "countdown",
    "desk": "port",
    "doom": "planned crash",
    "judge": "loss node; evaluate, check",
    "letter": "frame, message",
    "mortal": "restartable",
    "pile": "inbox",
    "seat": "worker slot",
    "sheet": "output rows",
    "stand-in": "proxy",
    "twin": "replica",
    "weather": "fault injection, settings",
    "whoever": "a noun: the neuron that, a caller who",
    "world": "environment",
}
ONLY_IN = {"cluster": {"wire": "`connection`"}}  # names retired in one folder alone
EXCEPT_IN = {  # words of stories, and names of older versions, by the beginning of a path
    "docs/moved-names.md": {*IDENTIFIERS, *PROSE},
    "neuro_actors/support/own_names.py": {"judge"},
    "tests/support/test_own_names.py": {"judge"},
    "scenarios/": {"letter", "weather"},
    "docs/questions/": {"world"},
}
ALLOWED = re.compile(
    r"bell curve|letters? (?:of the alphabet|and digits|or digits)|(?:capital|lower-case|upper-case|single) letters?",
    re.IGNORECASE,
)

FILES = {
    folder: sorted(path for path in (PACKAGE / folder).iterdir() if path.suffix in (".py", ".js"))
    for folder in sorted({str(path.parent.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py")})
}
FILES["viewer/js"] = sorted((PACKAGE / "viewer/js").glob("*.js"))
for top in ("benchmarks", "scenarios", "tests"):
    FILES[top] = sorted(path for path in (ROOT / top).rglob("*.py") if path != HERE)
FILES["docs"] = sorted(path for path in (ROOT / "docs").rglob("*.*") if path.suffix in (".md", ".py"))  # fmt: skip
FILES["README"] = [ROOT / "README.md"]

PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
NAME_OF_JS = re.compile(r"[A-Za-z_$][\w$]*")
COMMENT_OF_JS = re.compile(r"/\*.*?\*/|(?<![:\"'`\\])//[^\n]*", re.DOTALL)
STRING_OF_JS = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`", re.DOTALL)  # fmt: skip
CODE_IN_STRING_OF_JS = re.compile(r"\$\{([^{}]*)\}")

Text = tuple[int, str]  # the line that it begins in, counted from 1


def parts(name: str) -> set[str]:
    """The words of a name in lower case, the singular beside a plural, and each two neighbours as one word."""
    words = [word.lower() for word in PART.findall(name)]
    words += [one + other for one, other in itertools.pairwise(words)]
    return set(words) | {word.removesuffix("s") for word in words}


def names_of_python(tree: ast.AST) -> Iterator[Text]:
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        for field in ("id", "attr", "arg", "name", "asname", "module", "rest"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield line, value
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield from ((line, name) for name in node.names)


def prose_of_python(tree: ast.AST, source: str) -> Iterator[Text]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def line_of(source: str, position: int) -> int:
    return source.count("\n", 0, position) + 1


def texts(
    path: Path, source: str, with_names: bool, with_prose: bool
) -> tuple[list[Text], list[Text]]:
    """The names and the prose of a file, each where it is asked for."""
    if not (with_names or with_prose):
        return [], []
    if path.suffix == ".py":
        tree = ast.parse(source)
        return (
            list(names_of_python(tree)) if with_names else [],
            list(prose_of_python(tree, source)) if with_prose else [],
        )
    if path.suffix == ".js":

        def blank(match: re.Match[str]) -> str:
            return re.sub(r"[^\n]", " ", match[0])

        def code_alone(match: re.Match[str]) -> str:
            inside = {k for m in CODE_IN_STRING_OF_JS.finditer(match[0]) for k in range(*m.span(1))}
            return "".join(c if k in inside or c == "\n" else " " for k, c in enumerate(match[0]))

        comments = [(line_of(source, m.start()), m[0]) for m in COMMENT_OF_JS.finditer(source)]
        source = COMMENT_OF_JS.sub(blank, source)
        strings = [(line_of(source, m.start()), m[0]) for m in STRING_OF_JS.finditer(source)]
        code = STRING_OF_JS.sub(code_alone, source)
        names = [(line_of(code, m.start()), m[0]) for m in NAME_OF_JS.finditer(code)]
        return names, comments + strings
    return [], list(enumerate(source.splitlines(), 1))


@cache
def pattern(word: str) -> re.Pattern[str]:
    return re.compile(rf"\b{word}(?:s|d|ed|ing|en)?\b", re.IGNORECASE)


def may_contain(text: str, words: Iterable[str]) -> bool:
    """Whether the letters of a text contain one of these words; most files have none, and need not be parsed."""
    letters = re.sub(r"[^A-Za-z]+", "", text).lower()
    return any(word.replace("-", "") in letters for word in words)


def found_in(path: Path, source: str, folder: str) -> list[str]:
    """A line for each retired word in a file."""
    aside: set[str] = set()
    for beginning, words in EXCEPT_IN.items():
        if str(path).startswith(beginning):
            aside |= words
    retired = IDENTIFIERS | ONLY_IN.get(folder, {})
    for word in aside:
        retired.pop(word, None)
    names_possible = may_contain(path.stem + source, retired)
    prose_possible = may_contain(source, PROSE)
    names, prose = texts(path, source, names_possible, prose_possible)
    found = [
        (line, f"the name {name!r} contains {word!r}; write {retired[word]}")
        for line, name in [(0, path.stem), *names]
        for word in sorted(parts(name) & set(retired))
    ]
    for line, text in prose:
        text = ALLOWED.sub("", text)
        for word in PROSE:
            if word not in aside and (match := pattern(word).search(text)):
                where = line + text.count("\n", 0, match.start())
                found.append((where, f"the text has {match[0]!r}; write {PROSE[word]}"))
    return [f"{path}:{line}: {text}" for line, text in sorted(set(found))]


@pytest.mark.parametrize("folder", FILES)
def test_no_retired_word_is_used(folder: str) -> None:
    found = [
        line
        for path in FILES[folder]
        for line in found_in(path.relative_to(ROOT), path.read_text(encoding="utf-8"), folder)
    ]
    assert not found, f"{len(found)} retired words\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("file", "source", "expected"),
    [
        ("a.py", "told = 1", "1: the name 'told' contains 'told'; write `message`"),
        ("a.py", "x = 1\ndef as_told_twice(): pass", "2: the name 'as_told_twice'"),
        ("a.py", "class MortalPort: pass", "'MortalPort' contains 'mortal'"),
        ("a.py", "x.bells = 1", "'bells' contains 'bell'"),
        ("a.py", "f(kept=1)", "'kept'"),
        ("a.py", "f'{world}'", "'world'"),
        ("a.py", "import stand_ins", "'stand_ins' contains 'standin'"),
        ("a.py", "def f(course): pass", "'course'"),
        ("pile.py", "", "pile.py:0: the name 'pile'"),
        ("a.py", '"""A module.\n\nWhoever reads it.\n"""', "3: the text has 'Whoever'"),
        ("a.py", "x = 1  # the whole world", "'world'; write environment"),
        ("a.py", "raise E(f'{x} is no judge')", "'judge'"),
        ("a.js", "const toldTwice = 1;", "1: the name 'toldTwice' contains 'told'"),
        ("a.js", "const x = `a ${ world.y } b`;", "the name 'world'"),
        ("a.js", "const x = 1;\n// a stand-in for it", "2: the text has 'stand-in'"),
        ("a.md", "A page.\n\nTwo seats are free.", "3: the text has 'seats'; write worker slot"),
    ],
)
def test_a_retired_word_is_found(file: str, source: str, expected: str) -> None:
    found = found_in(Path(file), source, "docs")
    assert any(expected in line for line in found), found


@pytest.mark.parametrize(
    ("file", "source", "folder"),
    [
        ("a.py", "rewired = 1  # a letter of the alphabet; it is told; kept", "network"),
        ("a.py", "wire = 1  # bellow, seattle, doomsday", "network"),
        ("scenarios/lost_letter.py", "weather = 'a letter'", "scenarios"),
        ("a.js", "const x = 'https://told.it/kept'; // told", "viewer/js"),
    ],
)
def test_other_words_are_not(file: str, source: str, folder: str) -> None:
    assert found_in(Path(file), source, folder) == []


def test_a_word_retired_in_one_folder_is_found_there_alone() -> None:
    assert found_in(Path("a.py"), "wire = 1", "cluster")
    assert not found_in(Path("a.py"), "wire = 1", "network")
