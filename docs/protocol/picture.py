"""Draws `docs/protocol/step.svg`: a step in which an activation is lost and a neuron crashes.

python docs/protocol/picture.py
"""

from __future__ import annotations

from pathlib import Path

from neuro_actors.support.palette import LOSS_ON_LIGHT

HERE = Path(__file__).resolve().parent
COLUMNS = {"environment": 90, "input": 260, "neuron": 430, "loss": 600}
FORWARD, BACK, GREY, RED = "#222222", LOSS_ON_LIGHT, "#555555", "#b00020"
TITLE = (
    "A step: activations go forward, and each is answered by an urgency after the commit. "
    "One activation is lost; the neuron crashes after its commit; deadlines bring both back."
)
# (from, to, height, the message, colour, how much of the way it comes)
ARROWS = [
    ("environment", "loss", 76, "targets", FORWARD, 1.0),
    ("environment", "input", 100, "x", FORWARD, 1.0),
    ("input", "neuron", 124, "activation", FORWARD, 0.5),
    ("input", "neuron", 176, "activation again", FORWARD, 1.0),
    ("neuron", "loss", 200, "activation", FORWARD, 1.0),
    ("loss", "neuron", 238, "urgency", BACK, 1.0),
    ("loss", "environment", 262, "losses", BACK, 1.0),
    ("input", "neuron", 352, "activation again", FORWARD, 1.0),
    ("neuron", "input", 378, "urgency, from the snapshot", BACK, 1.0),
    ("input", "environment", 416, "urgency", BACK, 1.0),
    ("environment", "neuron", 448, "your commit?", GREY, 1.0),
    ("neuron", "environment", 474, "commit, activation", BACK, 1.0),
]
# (member, height, what happens, colour, whether it is written to the left)
MOMENTS = [
    ("input", 154, "deadline", GREY, True),
    ("loss", 220, "commits", "#222222", False),
    ("neuron", 288, "commits", "#222222", False),
    ("neuron", 310, "crashes", RED, False),
    ("input", 332, "deadline", GREY, True),
    ("input", 398, "commits", "#222222", False),
    ("environment", 434, "deadline", GREY, True),
    ("environment", 500, "the next step", "#222222", False),
]


def arrow(start: str, goal: str, height: int, words: str, colour: str, way: float) -> str:
    """Draw one message, with a cross where it is lost."""
    a, b = COLUMNS[start], COLUMNS[goal]
    side = 1 if b > a else -1
    first, last = a + 5 * side, a + round((b - a) * way) - 5 * side
    dashed = ' stroke-dasharray="6 4"' if colour != FORWARD else ""
    head = "" if way < 1 else f' marker-end="url(#{colour[1:]})"'
    line = f'<path d="M{first} {height}H{last}" stroke="{colour}"{dashed}{head}/>'
    if way < 1:
        line += f'<path d="M{last} {height - 6}l12 12m0 -12l-12 12" stroke="{RED}"/>'
    middle = (
        (a + COLUMNS["input"]) // 2 if goal == "loss" and start == "environment" else (a + b) // 2
    )
    if start == "loss" and goal == "environment":
        middle = (COLUMNS["neuron"] + COLUMNS["loss"]) // 2
    return (
        line
        + f'<text x="{middle}" y="{height - 6}" text-anchor="middle" fill="{colour}">{words}</text>'
    )


def moment(member: str, height: int, words: str, colour: str, left: bool) -> str:
    """Draw what happens at a member."""
    x = COLUMNS[member]
    place = f'x="{x - 10}" text-anchor="end"' if left else f'x="{x + 10}"'
    dot = f'<circle cx="{x}" cy="{height}" r="4" fill="{colour}"/>'
    return dot + f'<text {place} y="{height + 4}" fill="{colour}">{words}</text>'


def picture() -> str:
    """Draw the picture."""
    heads = "".join(
        f'<marker id="{colour[1:]}" viewBox="0 0 10 10" refX="9" refY="5" '
        'markerWidth="7" markerHeight="7" orient="auto">'
        f"<path {shape}/></marker>"
        for colour, shape in (
            (FORWARD, f'd="M0 0L10 5L0 10z" fill="{FORWARD}" stroke="none"'),
            (BACK, f'd="M1 1L9 5L1 9" fill="none" stroke="{BACK}" stroke-width="1.6"'),
            (GREY, f'd="M0 0L10 5L0 10z" fill="{GREY}" stroke="none"'),
        )
    )
    lives = "".join(f'<path d="M{x} 50V520" stroke="#bbbbbb"/>' for x in COLUMNS.values())
    boxes = "".join(
        f'<rect x="{x - 52}" y="20" width="104" height="30" rx="8" '
        'fill="#f3f6f9" stroke="#444444"/>'
        f'<text x="{x}" y="40" text-anchor="middle" fill="#222222">{name}</text>'
        for name, x in COLUMNS.items()
    )
    parts = [
        lives,
        boxes,
        *(arrow(*said) for said in ARROWS),
        *(moment(*happened) for happened in MOMENTS),
    ]
    # so that words can be read on lines
    halo = '<text stroke="#ffffff" stroke-width="2" paint-order="stroke"'
    drawn = "\n".join(parts).replace("<text", halo)
    font = 'font-family="Helvetica, Arial, sans-serif" font-size="13"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 535" {font}>
<title>{TITLE}</title>
<defs>{heads}</defs>
<rect width="700" height="535" fill="#ffffff"/>
<g fill="none" stroke-width="1.5">
{drawn}
</g>
</svg>
"""


if __name__ == "__main__":
    (HERE / "step.svg").write_text(picture(), encoding="utf-8")
    print(HERE / "step.svg")
