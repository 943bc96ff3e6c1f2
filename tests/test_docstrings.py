"""Docstrings of everything public: one for each, Google style, arrays with their shapes, errors named.

A module, class, function or method is public if no part of its name starts with an underscore. What a docstring must have:

* its first line is a sentence: it ends with a full stop;
* an Args section, where there is one, names every parameter, in the order of the signature, and no other;
* the entry of a parameter that is annotated as an array gives its shape in parentheses, such as (batch, n_outputs);
* so does the entry of such a field of a class, under Attributes or in a string below the field;
* where an array is returned, its shape is somewhere in the docstring;
* an own error that a function raises itself is named in its Raises section;
* no line such as "name: text" stands outside a section, and examples are a section Examples, which is shown as code.

A class and its `__init__` share one docstring. A method of a protocol's implementation may say "See `Class.method`."
instead: then that one must have all this.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from helpers.tiers import need

import neuro_actors
from neuro_actors.network import functions

ROOT = Path(neuro_actors.__file__).parent
FOLDERS = sorted({str(path.parent.relative_to(ROOT)) for path in ROOT.rglob("*.py")})

ARRAYS = {"Array", "ArrayLike", "Indices", "NDArray", "ndarray"}
SECTIONS = {"Args", "Attributes", "Returns", "Yields", "Raises", "Examples", "Note", "Warning"}  # fmt: skip
ENTRY = re.compile(r"\*{0,2}(\w+)(?: \([^)]*\))?:(?:\s|$)")
OLD_STYLE = re.compile(r"[a-z]\w*(\([^)]*\))?(, [a-z]\w*(\([^)]*\))?)*: ")
SHAPE = re.compile(
    r"\([^()]*(?:\([^()]*\)[^()]*)*,[^()]*(?:\([^()]*\)[^()]*)*\)|\(\)|any shape|same shape",
    re.IGNORECASE,
)
SEE = re.compile(r"See `([\w.]+)`\.")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Item:
    """One public thing: where it is, what it is, the class that it belongs to."""

    name: str
    node: Documented
    owner: ast.ClassDef | None = None

    @property
    def text(self) -> str:
        return ast.get_docstring(self.node) or ""


def public(tree: ast.Module, name: str) -> Iterator[Item]:
    """The public items of a module, and each `__init__`."""

    def within(body: list[ast.stmt], owner: ast.ClassDef | None, prefix: str) -> Iterator[Item]:
        for node in body:
            if isinstance(node, ast.If | ast.Try):
                yield from within([*node.body, *node.orelse], owner, prefix)
            elif isinstance(node, Function | ast.ClassDef):
                decorators = {ast.unparse(d).split(".")[-1] for d in node.decorator_list}
                if node.name == "__init__" or not node.name.startswith("_"):
                    if not decorators & {"overload", "setter"}:
                        yield Item(f"{prefix}{node.name}", node, owner)
                    if isinstance(node, ast.ClassDef):
                        yield from within(node.body, node, f"{prefix}{node.name}.")

    yield Item(name, tree)
    yield from within(tree.body, None, f"{name}:")


def sections(text: str) -> dict[str, str]:
    """The text of each section; what belongs to none is under ""."""
    found, current = {"": ""}, ""
    for line in text.splitlines():
        if line.rstrip().endswith(":") and line.rstrip()[:-1] in SECTIONS:
            current = line.rstrip()[:-1]
            found.setdefault(current, "")
        elif line and not line.startswith(" ") and current:
            current = ""
            found[""] += f"{line}\n"
        else:
            found[current] += f"{line}\n"
    return {name: textwrap.dedent(body) for name, body in found.items()}


def entries(section: str) -> dict[str, str]:
    """The entries of a section by name: each is "name: text", and may go on in indented lines."""
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if match := ENTRY.match(line):
            name = match[1]
            found[name] = line[match.end() :]
        elif name:
            found[name] += f" {line.strip()}"
    return found


def is_array(annotation: ast.expr | None) -> bool:
    """Whether a value of this annotation is an array or holds some; a function of arrays is none."""
    if annotation is None:
        return False
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Callable":
        return False
    if isinstance(annotation, ast.Name | ast.Attribute):
        return ast.unparse(annotation).split(".")[-1] in ARRAYS
    return any(map(is_array, filter(lambda n: isinstance(n, ast.expr), ast.iter_child_nodes(annotation))))  # fmt: skip


def parameters(node: Function, owner: ast.ClassDef | None) -> list[ast.arg]:
    """The parameters that a caller gives."""
    taken = node.args
    named = [*taken.posonlyargs, *taken.args]
    static = "staticmethod" in map(ast.unparse, node.decorator_list)
    if owner is not None and not static:
        named = named[1:]
    rest = [taken.vararg, *taken.kwonlyargs, taken.kwarg]
    return [*named, *(one for one in rest if one is not None)]


def raised(node: Function, errors: set[str]) -> set[str]:
    """The own errors that the function's own statements raise, those of functions inside it aside."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        one = waiting.pop()
        if isinstance(one, Function | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(one, ast.Raise) and one.exc is not None:
            exc = one.exc.func if isinstance(one.exc, ast.Call) else one.exc
            found |= {ast.unparse(exc).split(".")[-1]} & errors
        waiting += ast.iter_child_nodes(one)
    return found


def complaints(item: Item, everything: dict[str, Item], errors: dict[str, set[str]]) -> list[str]:
    """What is wrong with the docstring of one item."""
    node = item.node
    text = item.text
    if isinstance(node, Function) and node.name == "__init__" and item.owner is not None:
        text = f"{ast.get_docstring(item.owner) or ''}\n\n{text}".strip()
    if see := SEE.match(text):
        seen = everything.get(see[1])
        if seen is None:
            return [f"{item.name}: there is no `{see[1]}` to see"]
        if not seen.text or SEE.match(seen.text):
            return [f"{item.name}: `{see[1]}` has no docstring of its own"]
        text = f"{seen.text}\n\n{text[see.end() :].strip()}".strip()
    if not text.strip():
        return [f"{item.name}: has no docstring"]
    wrong = []
    first = text.strip().split("\n\n")[0]
    if not first.rstrip().endswith((".", ".)")):
        wrong.append(f"its first line is no sentence with a full stop: {first.splitlines()[0]!r}")
    by_section = sections(text)
    wrong += [
        f"{line!r} stands outside a section"
        for line in by_section[""].splitlines()
        if OLD_STYLE.match(line) or line.rstrip() == "Example:"
    ]
    if isinstance(node, Function):
        wrong += _of_function(node, item.owner, by_section, bool(see), errors)
    elif isinstance(node, ast.ClassDef):
        wrong += _of_class(node, by_section)
    return [f"{item.name}: {one}" for one in wrong]


def _of_function(
    node: Function,
    owner: ast.ClassDef | None,
    by_section: dict[str, str],
    is_seen: bool,
    errors: dict[str, set[str]],
) -> list[str]:
    wrong = []
    given = parameters(node, owner)
    documented = entries(by_section.get("Args", ""))
    names = [one.arg for one in given]
    if documented and list(documented) != names and not is_seen:
        wrong.append(f"Args names {list(documented)}, its parameters are {names}")
    wrong += [
        f"Args gives no shape in parentheses for the array `{one.arg}`"
        for one in given
        if is_array(one.annotation) and not SHAPE.search(documented.get(one.arg, ""))
    ]
    if is_array(node.returns) and not SHAPE.search("\n".join(by_section.values())):
        wrong.append("gives no shape in parentheses for the array that it returns")
    named = set(entries(by_section.get("Raises", "")))
    wrong += [
        f"Raises does not name {error}"
        for error in sorted(raised(node, set(errors)))
        if not named & errors[error]
    ]
    return wrong


def _of_class(node: ast.ClassDef, by_section: dict[str, str]) -> list[str]:
    """Its fields that are arrays have shapes."""
    documented = entries(by_section.get("Attributes", "")) | entries(by_section.get("Args", ""))
    wrong = []
    for field, below in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        name = field.target.id
        if name.startswith("_") or not is_array(field.annotation):
            continue
        text = documented.get(name, "")
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            text += str(below.value.value)
        if not SHAPE.search(text):
            wrong.append(f"Attributes gives no shape in parentheses for the array `{name}`")
    return wrong


@cache
def package() -> tuple[dict[str, list[Item]], dict[str, Item], dict[str, set[str]]]:
    """The public items of each folder; all by their name and by `Class.method`; each own error with its bases."""
    by_folder: dict[str, list[Item]] = {folder: [] for folder in FOLDERS}
    everything: dict[str, Item] = {}
    bases: dict[str, list[str]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = list(public(tree, str(place)))
        by_folder[str(place.parent)] += found
        everything |= {item.name.split(":")[-1]: item for item in found}
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [ast.unparse(base) for base in node.bases]
    errors: dict[str, set[str]] = {"NeuroActorsError": {"NeuroActorsError"}}
    for _ in range(len(bases)):
        for name, own in bases.items():
            known = [errors[base] for base in own if base in errors]
            if known:
                errors[name] = {name}.union(*known)
    return by_folder, everything, errors


@pytest.mark.parametrize("folder", FOLDERS)
def test_everything_public_says_what_it_is(folder: str) -> None:
    by_folder, everything, errors = package()
    wrong = [one for item in by_folder[folder] for one in complaints(item, everything, errors)]
    assert not wrong, "\n".join(wrong)


HEAD = '"""A module."""\n'


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f() -> None: pass", "has no docstring"),
        ("class C: pass", "has no docstring"),
        ('class C:\n    """A class."""\n    def m(self) -> None: pass', "m: has no docstring"),
        ('def f() -> None:\n    """does something"""', "no sentence with a full stop"),
        ('def f(x: int) -> None:\n    """Do.\n\n    x: a number.\n    """', "outside a section"),
        (
            'def f() -> None:\n    """Do.\n\n    Example:\n        >>> 1\n    """',
            "outside a section",
        ),
        (
            'def f(x: int, y: int) -> None:\n    """Do.\n\n    Args:\n        x: One.\n    """',
            "Args names ['x'], its parameters are ['x', 'y']",
        ),
        ('def f(x: Array) -> None:\n    """Do."""', "no shape in parentheses for the array `x`"),
        (
            'def f(x: list[Array] | None) -> None:\n    """Do.\n\n    Args:\n        x: Rows (many).\n    """',
            "no shape in parentheses for the array `x`",
        ),
        (
            'def f() -> Array:\n    """Do."""',
            "no shape in parentheses for the array that it returns",
        ),
        (
            'class C:\n    """A class."""\n    def __init__(self, x: Array) -> None: pass',
            "no shape in parentheses for the array `x`",
        ),
        ('class C:\n    """A class."""\n    x: Array', "no shape in parentheses for the array `x`"),
        (
            'def f() -> None:\n    """Do."""\n    raise InputError("no")',
            "Raises does not name InputError",
        ),
        (
            'def f() -> None:\n    """Do.\n\n    Raises:\n        LogError: Never.\n    """\n    raise InputError',
            "Raises does not name InputError",
        ),
        (
            'def f() -> None:\n    """See `Nothing.at_all`."""',
            "there is no `Nothing.at_all` to see",
        ),
    ],
)
def test_what_is_missing_is_found(code: str, expected: str) -> None:
    errors = package()[2]
    items = list(public(ast.parse(HEAD + code), "m"))
    found = [one for item in items for one in complaints(item, {}, errors)]
    assert any(expected in one for one in found), found


def test_a_module_without_a_docstring_is_found() -> None:
    (item,) = public(ast.parse("x = 1"), "m")
    assert complaints(item, {}, {}) == ["m: has no docstring"]


def test_a_good_docstring_is_taken() -> None:
    code = '''
class Base:
    """A thing.

    Attributes:
        x: Numbers. Shape (n,).
        y: More of them. Shape (2 * (n + 1), m).
    """

    x: Array
    y: Array

    def put(self, rows: Array, *more: int) -> None:
        """Put rows.

        Args:
            rows: What to put. Shape
                (n, m).
            more: Numbers.

        Raises:
            InputError: The shape is another one.
        """
        raise NetworkError("no")

class Other(Base):
    """Another thing."""

    def put(self, rows: Array, *more: int) -> None:
        """See `Base.put`."""
        raise InputError("no")

    def _private(self, rows: Array) -> None:
        raise InputError("no")
'''
    items = list(public(ast.parse(HEAD + code), "m"))
    everything = {item.name.split(":")[-1]: item for item in items}
    errors = package()[2]
    assert [one for item in items for one in complaints(item, everything, errors)] == []


EXAMPLES = [path for path in sorted(ROOT.rglob("*.py")) if ">>> " in path.read_text("utf-8")]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_do_what_they_say(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    if "anywidget" in path.read_text("utf-8"):
        need("anywidget")
    for table in ("ACTIVATIONS", "COMBINATIONS", "LOSSES"):  # examples add to them
        monkeypatch.setattr(functions, table, dict(getattr(functions, table)))
    name = ".".join(["neuro_actors", *path.relative_to(ROOT).with_suffix("").parts])
    module = importlib.import_module(name.removesuffix(".__init__"))
    found = doctest.DocTestFinder(exclude_empty=True).find(
        module, globs={"na": neuro_actors, "np": np}
    )
    printed: list[str] = []
    runner = doctest.DocTestRunner()
    for example in found:
        runner.run(example, out=printed.append)
    assert runner.tries > 0
    assert not runner.failures, "".join(printed)
