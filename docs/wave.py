"""Draws `docs/pictures/wave.svg`: a wave of activations, then a wave of urgencies.

python docs/wave.py

The picture moves by CSS alone. Where it does not (on paper, or if the system asks for less
motion), each message stands on its way. The numbers are those of `scenarios/one_cat.py`.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import neuro_actors as na
from neuro_actors.support.palette import NEGATIVE, POSITIVE

PICTURES = Path(__file__).resolve().parent / "pictures"
PLACES = {
    "fur": (64, 118),
    "tail": (64, 238),
    "eyes": (248, 178),
    "face": (436, 110),
    "body": (436, 246),
    "cat": (620, 178),
    "loss": (776, 178),
}
SECONDS = 12
LEARN = 78  # per cent of the time
# The level of waves: the senders, and when they send, in per cent of the time.
FORWARD = [(("fur", "tail"), 3), (("eyes",), 13), (("face", "body"), 23), (("cat",), 33)]
BACK = [(("loss",), 46), (("cat",), 54), (("face", "body"), 62)]
FLIGHT = 7  # per cent of the time that a message is on its way
WORDS = {
    "en": {
        "title": "Activations go from left to right as dots. Then urgencies come back as "
        "arrowheads. Blue is positive, orange is negative. At eyes +0.9 and −0.1 meet: +0.8.",
        "forward": "activations go forward:  a = f(z)",
        "back": "urgencies come back:  u = −∂L/∂a",
        "learn": "each neuron changes its own weights",
        "loss": "loss",
        "key": "● activation    ◁ urgency: say more (+) or less (−)",
        "signs": ("positive", "negative"),
        "names": {name: name for name in PLACES},
    },
    "fr": {
        "title": "Les activations vont de gauche à droite, sous forme de points. Puis les urgences "
        "reviennent, sous forme de pointes. Bleu : positif ; orange : négatif. Chez les yeux, "
        "+0,9 et −0,1 font +0,8.",
        "forward": "les activations avancent :  a = f(z)",
        "back": "les urgences reviennent :  u = −∂L/∂a",
        "learn": "chaque neurone change ses propres poids",
        "loss": "perte",
        "key": "● activation    ◁ urgence : dire plus (+) ou moins (−)",
        "signs": ("positif", "négatif"),
        "names": {
            "fur": "poil",
            "tail": "queue",
            "eyes": "yeux",
            "face": "tête",
            "body": "corps",
            "cat": "chat",
            "loss": "perte",
        },
    },
}


def numbers() -> tuple[na.Network, dict[str, float], dict[str, float]]:
    """Return the network, each neuron's activation, and each neuron's urgency."""
    ends = {
        ("fur", "eyes"): 0.5,
        ("tail", "eyes"): 1.0,
        ("eyes", "face"): 1.5,
        ("eyes", "body"): -0.5,
        ("face", "cat"): 0.75,
        ("body", "cat"): 0.25,
    }
    neurons = [na.Input("fur"), na.Input("tail")]
    neurons += [na.Neuron(name) for name in ("eyes", "face", "body", "cat")]
    synapses = [na.Synapse(*pair, weight) for pair, weight in ends.items()]
    net = na.Network(neurons, synapses, ["cat"])
    names = ["eyes", "face", "body", "cat"]
    said = na.predict(na.Network(neurons, synapses, names), [[1.0, 0.1]])[0]
    activations = {"fur": 1.0, "tail": 0.1, **dict(zip(names, said, strict=True))}
    gradient = na.gradient(net, [[1.0, 0.1]], [[1.0]])
    return net, activations, dict(zip(net.ids, -gradient.biases, strict=True))


def text(value: float, language: str, sign: bool) -> str:
    """Write a number as the language does, with a real minus."""
    shown = f"{value:+.1f}" if sign else f"{value:.1f}"
    shown = shown.replace("-", "−")
    return shown.replace(".", ",") if language == "fr" else shown


def ends(sender: str, receiver: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where a message begins and ends: at the rims of the two circles."""
    (x, y), (to_x, to_y) = PLACES[sender], PLACES[receiver]
    part = 44 / ((to_x - x) ** 2 + (to_y - y) ** 2) ** 0.5
    right, down = round(part * (to_x - x), 1), round(part * (to_y - y), 1)
    return (x + right, y + down), (to_x - right, to_y - down)


class Drawing:
    """The parts of the picture, and the keyframes that move them."""

    def __init__(self, language: str) -> None:
        self.language, self.words = language, WORDS[language]
        self.parts: list[str] = []
        self.style: list[str] = []

    def appear(self, start: float, end: float = 97) -> str:
        """Return the class of what is visible from one per cent of the time to another."""
        name = f"t{round(start)}_{round(end)}"
        rule = (
            f"@keyframes {name}{{0%,{start:g}%{{opacity:0}}{start + 1:g}%,{end - 1:g}%{{opacity:1}}"
            f"{end:g}%,100%{{opacity:0}}}}.{name}{{animation:{name} {SECONDS}s infinite}}"
        )
        if rule not in self.style:
            self.style.append(rule)
        return name

    def message(self, sender: str, receiver: str, value: float, start: float, back: bool) -> None:
        """Draw one message: a dot that goes right, or an arrowhead that comes back."""
        (x, y), (to_x, to_y) = ends(sender, receiver)
        drop = 12 if back else -10  # beside the synapse, so that both ways are seen at once
        still_x, still_y = x + 0.36 * (to_x - x), y + 0.36 * (to_y - y) + drop
        name = f"m{len(self.parts)}"
        self.style.append(
            f"@keyframes {name}{{0%,{start:g}%{{transform:translate({x}px,{y + drop}px);opacity:0}}"
            f"{start + 0.6:g}%{{transform:translate({x}px,{y + drop}px);opacity:1}}"
            f"{start + FLIGHT:g}%{{transform:translate({to_x}px,{to_y + drop}px);opacity:1}}"
            f"{start + FLIGHT + 0.6:g}%,100%{{transform:translate({to_x}px,{to_y + drop}px);"
            f"opacity:0}}}}.{name}{{transform:translate({still_x:g}px,{still_y:g}px);"
            f"animation:{name} {SECONDS}s linear infinite}}"
        )
        colour = POSITIVE if value >= 0 else NEGATIVE
        size = 6 + 5 * min(1.0, abs(value))
        shape = (
            f'<path d="M{size:g} {-size:g}L{-size:g} 0L{size:g} {size:g}" fill="#fff" '
            f'stroke="{colour}" stroke-width="3" stroke-linejoin="round"/>'
            if back
            else f'<circle r="{size:g}" fill="{colour}"/>'
        )
        label = text(value, self.language, back)
        self.parts.append(
            f'<g class="{name}">{shape}<text y="{25 if back else -15}" text-anchor="middle" '
            f'font-weight="bold" font-size="15" fill="{colour}" stroke="#fff" stroke-width="4" '
            f'paint-order="stroke">{label}</text></g>'
        )

    def neuron(self, name: str, activation: float, urgency: float | None, numbers_at: dict) -> None:
        """Draw a neuron with the numbers that it has after each wave."""
        x, y = PLACES[name]
        colour = POSITIVE if activation >= 0 else NEGATIVE
        shown = self.words["names"][name]
        self.parts.append(
            f'<circle cx="{x}" cy="{y}" r="33" fill="#fff" stroke="#566373" stroke-width="1.5"/>'
            f'<g class="{self.appear(numbers_at["activation"])}"><circle cx="{x}" cy="{y}" r="32" '
            f'fill="{colour}" fill-opacity="{0.12 + 0.25 * min(1, abs(activation)):.2f}"/>'
            f'<text x="{x}" y="{y + 15}" font-size="13.5">a = '
            f"{text(activation, self.language, False)}</text></g>"
            f'<text x="{x}" y="{y - 2}" font-weight="bold">{shown}</text>'
        )
        if urgency is not None:
            rim = POSITIVE if urgency >= 0 else NEGATIVE
            self.parts.append(
                f'<g class="{self.appear(numbers_at["urgency"])}"><circle cx="{x}" cy="{y}" r="37" '
                f'fill="none" stroke="{rim}" stroke-width="{2 + 4 * abs(urgency):.1f}"/>'
                f'<text x="{x - 30 if numbers_at["sum"] else x}" y="{y - 46}" font-size="13.5" '
                f'font-weight="bold" fill="{rim}">u = '
                f"{numbers_at['sum']}{text(urgency, self.language, True)}</text></g>"
            )


def picture(language: str = "en") -> str:
    """Return the picture as SVG."""
    net, said, urgencies = numbers()
    drawing = Drawing(language)
    words = drawing.words
    weights = {(s.source, s.target): s.weight for s in net.synapses}
    lines = []
    for (source, target), weight in [*weights.items(), (("cat", "loss"), 1.0)]:
        (x, y), (to_x, to_y) = PLACES[source], PLACES[target]
        dashed = ' stroke-dasharray="7 5"' if weight < 0 else ""
        lines.append(
            f'<path d="M{x} {y}L{to_x} {to_y}" stroke="#9aa7b5" stroke-width="2"{dashed}/>'
        )
    arrive = {"fur": 0.5, "tail": 0.5, "eyes": 10.5, "face": 20.5, "body": 20.5, "cat": 30.5}
    back_at = {"cat": 53.5, "face": 61.5, "body": 61.5, "eyes": 69.5}
    for name, activation in said.items():
        terms = [w * urgencies[target] for (source, target), w in weights.items() if source == name]
        total = " ".join(text(term, language, True) for term in terms) + " = "
        numbers_at = {
            "activation": arrive[name],
            "urgency": back_at.get(name),
            "sum": total if len(terms) > 1 else "",
        }
        drawing.neuron(name, activation, urgencies[name] if name in back_at else None, numbers_at)
    for senders, start in FORWARD:
        for source, target in [*weights, ("cat", "loss")]:
            if source in senders:
                drawing.message(source, target, said[source], start, back=False)
    for senders, start in BACK:
        if senders == ("loss",):
            drawing.message("loss", "cat", urgencies["cat"], start, back=True)
        for (source, target), weight in weights.items():
            if target in senders and source in back_at:
                drawing.message(target, source, weight * urgencies[target], start, back=True)
    x, y = PLACES["loss"]
    loss = "0,16" if language == "fr" else "0.16"
    box = (
        f'<rect x="{x - 38}" y="{y - 30}" width="76" height="60" rx="8" fill="#fff" '
        f'stroke="#566373" stroke-width="1.5"/><text x="{x}" y="{y - 2}" font-weight="bold">'
        f"{words['loss']}</text>"
        f'<text class="{drawing.appear(40.5)}" x="{x}" y="{y + 17}" font-size="13.5">L = {loss}'
        "</text>"
    )
    captions = "".join(
        f'<text class="{drawing.appear(start, end)}" style="opacity:{int(key == "back")}" '
        f'x="420" y="30" font-size="18">{escape(words[key])}</text>'
        for key, start, end in (("forward", 1, 44), ("back", 44, LEARN), ("learn", LEARN, 98))
    )
    plus, minus = words["signs"]
    key = (
        '<g font-size="13.5" text-anchor="start">'
        f'<text x="24" y="324">{escape(words["key"])}</text>'
        f'<circle cx="560" cy="319" r="7" fill="{POSITIVE}"/><text x="573" y="324">{plus}</text>'
        f'<circle cx="670" cy="319" r="7" fill="{NEGATIVE}"/>'
        f'<text x="683" y="324">{minus}</text></g>'
    )
    still = (
        "@media(prefers-reduced-motion:reduce){*{animation:none!important}}"
        "@media print{*{animation:none!important}}"
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 840 340" role="img" '
        'font-family="Helvetica, Arial, sans-serif" font-size="15">\n'
        f"<title>{escape(words['title'])}</title>\n"
        f"<style>{''.join(drawing.style)}{still}</style>\n"
        '<rect width="840" height="340" rx="10" fill="#fff"/>\n'
        f'<g fill="none">{"".join(lines)}</g>\n'
        '<g fill="#16202c" text-anchor="middle">\n'
        + "\n".join([*drawing.parts, box, captions])
        + f"\n{key}</g>\n</svg>\n"
    )


if __name__ == "__main__":
    for language, name in (("en", "wave.svg"), ("fr", "wave.fr.svg")):
        (PICTURES / name).write_text(picture(language), encoding="utf-8")
        print(PICTURES / name)
