"""Reads the formulas that a page prints by the usual rules of mathematics, and computes them.

A product binds more than a sum, also without a sign between its factors. Σ goes over the product
behind it, ln, tanh and sin over the factor behind them. "A where C, else B" has the least binding.
Names stand for arrays: one number for each output, or a single number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
DIGITS = str.maketrans("⁻" + RAISED, "-0123456789")
TOKEN = re.compile(
    rf"(?P<number>\d+(?:\.\d+)?(?:·10[⁻{RAISED}]+)?)|(?P<power>[{RAISED}]+)"
    r"|(?P<name>where|else|and|sign|max|tanh|sin|ln|Φ|[A-Za-z′])|(?P<sign>[-−+×·/^()\[\]|√Σ,<>≤=])|\s+"
)
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ln": np.log,
    "tanh": np.tanh,
    "sin": np.sin,
    "sign": np.sign,
    "√": np.sqrt,
    "Φ": np.vectorize(lambda z: math.erfc(-z / math.sqrt(2)) / 2),
    "max": np.maximum,
}


def read_number(text: str) -> float:
    """A number as the page writes it: −3.1·10⁻⁵; NaN for –."""
    plain = re.sub(rf"·10([⁻{RAISED}]+)", lambda found: f"e{found[1].translate(DIGITS)}", text)
    plain = plain.replace("−", "-").replace("×", "").replace("\u2009", "").strip()
    return float("nan") if plain == "–" else float(plain)


class Formula:
    """A formula that was read.

    Args:
        text: Such as "−Σ [t ln p + (1 − t) ln(1 − p)]", or "−2 d, d = p − t".
    """

    def __init__(self, text: str) -> None:
        self.main, *definitions = split_definitions(text)
        self.definitions = [text.split(" = ", 1) for text in definitions]

    def __call__(self, **names: Any) -> Any:
        """Compute it.

        Args:
            names: What its names stand for.
        """
        known = dict(names)
        with np.errstate(divide="ignore", invalid="ignore"):  # in the case that does not hold
            for name, text in self.definitions:
                known[name] = _Reader(text, known).whole()
            return _Reader(self.main, known).whole()


def split_definitions(text: str) -> list[str]:
    """Cut "A, d = p − t" at the commas before a definition."""
    return re.split(r", (?=[a-z] = )", text)


class _Reader:
    """Computes while it reads: recursive descent."""

    def __init__(self, text: str, names: dict[str, Any]) -> None:
        self.names, self.at = names, 0
        self.tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(text):
            found = TOKEN.match(text, place)
            assert found, f"cannot read {text[place:]!r} in {text!r}"
            if found.lastgroup:
                self.tokens.append((found.lastgroup, found[0]))
            place = found.end()

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def kind(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        token = self.peek()
        assert not expected or token in expected, (token, expected, self.tokens)
        self.at += 1
        return token

    def whole(self) -> Any:
        value = self.choice()
        assert not self.peek(), (self.tokens, self.at)
        return value

    def choice(self) -> Any:
        value = self.sum()
        if self.peek() != "where":
            return value
        self.take()
        left, sign, right = self.sum(), self.take("<", ">", "≤"), self.sum()
        holds = {"<": left < right, ">": left > right, "≤": left <= right}[sign]
        self.take(",")
        self.take("else")
        return np.where(holds, value, self.choice())

    def sum(self) -> Any:
        value = self.product()
        while self.peek() in ("+", "−"):
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def product(self) -> Any:
        if self.peek() == "−":
            self.take()
            return -self.product()
        value = self.factor()
        while True:
            if self.peek() in ("×", "·"):
                self.take()
                value = value * self.factor()
            elif self.peek() == "/":
                self.take()
                value = value / self.factor()
            elif self.kind() in ("number", "name") or self.peek() in ("(", "[", "|", "√", "Σ"):
                if self.peek() in ("where", "else") or (self.peek() == "|" and self.inside > 0):
                    return value
                value = value * self.factor()
            else:
                return value

    inside = 0  # of how many |…|

    def factor(self) -> Any:
        value = self.atom()
        while self.peek() == "^" or self.kind() == "power":
            if self.kind() == "power":
                value = value ** int(self.take().translate(DIGITS))
            else:
                self.take()
                minus = self.peek() == "−" and bool(self.take())
                exponent = self.atom()
                value = value ** (-exponent if minus else exponent)
        return value

    def atom(self) -> Any:
        kind, token = self.kind(), self.take()
        if kind == "number":
            return read_number(token)
        if token == "Σ":
            return np.sum(self.product())
        if token in ("(", "["):
            held, self.inside = self.inside, 0
            value = self.choice()
            self.inside = held
            self.take(")" if token == "(" else "]")
            return value
        if token == "|":
            self.inside += 1
            value = np.abs(self.sum())
            self.inside -= 1
            self.take("|")
            return value
        if token == "max":
            self.take("(")
            left = self.choice()
            self.take(",")
            right = self.choice()
            self.take(")")
            return np.maximum(left, right)
        if token in FUNCTIONS:
            return FUNCTIONS[token](self.factor())
        if token == "e":
            return math.e
        assert kind == "name", (token, self.tokens)
        return np.asarray(self.names[token])


def holds(equation: str, digits: int) -> None:
    """Assert that "0.5 × (−0.2) + 0.1 = 0" is true, as far as its numbers are rounded.

    Args:
        equation: Numbers alone.
        digits: How many digits they were rounded to; 16: they were not.
    """
    left, right = equation.rsplit(" = ", 1)
    found, expected = _Reader(left.replace("=", ""), {}).whole(), read_number(right)
    numbers = [m for m in TOKEN.finditer(left) if m.lastgroup == "number"]
    room = _unit(expected, digits) + 1e-300
    for number in numbers:
        value = read_number(number[0])
        other = repr(value + _unit(value, digits))
        if "e" in other:
            mantissa, power = other.split("e")
            raised = "".join("⁻" if c == "-" else RAISED[int(c)] for c in str(int(power)))
            other = f"{mantissa}·10{raised}"
        changed = left[: number.start()] + other + left[number.end() :]
        room += abs(_Reader(changed, {}).whole() - found)
    assert abs(found - expected) <= room, f"{equation}: it is {found!r}"


def _unit(value: float, digits: int) -> float:
    """How far a number may be from the one that was rounded to it."""
    if value == 0 or not math.isfinite(value):
        return 0.0
    return float(10.0 ** (math.floor(math.log10(abs(value))) + 1 - digits)) * (
        0.501 if digits < 16 else 8
    )
