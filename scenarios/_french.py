"""What scenarios print in French (--lang fr), and how numbers are set in French."""

from __future__ import annotations

import re
import string
from argparse import ArgumentParser, Namespace
from typing import Any

NO_BREAK = "\u00a0"

# English: French. {Braces} are filled in. The spaces are plain ones; `Say` sets the others.
TEXTS = {
    # All scenarios.
    "{inputs} inputs, {neurons:,} neurons, {synapses:,} synapses":
        "{inputs} entrées, {neurons:,} neurones, {synapses:,} synapses",
    "\nFigure: {file}": "\nFigure : {file}",
    "\nNo figure: {error}.": "\nPas de figure : {error}.",
    # The experiments.
    "Question: ": "Question : ",
    "Tried:    ": "Essai :    ",
    "Finding:  ": "Résultat : ",
    "It does not follow: ": "Il n’en découle pas : ",
    # why_this_weight
    "fur": "poil",
    "whiskers": "moustaches",
    "tail": "queue",
    "voice": "voix",
    "face": "visage",
    "body": "corps",
    "mood": "humeur",
    "look": "regard",
    "cat": "chat",
    """WHY THIS WEIGHT?

A society of {size} has learnt for {steps} steps what
a cat is. Now it sees another cat: little fur, long whiskers, a tail, a low
voice. It says 'cat' with p = {p:.3f}; the loss is {loss}.

face has the sources fur and whiskers, and the followers mood, look and cat.
Its weight for whiskers wants to change. Why? From the log:
""":
        """POURQUOI CE POIDS ?

Une société ({size}) a appris en {steps} étapes
ce qu’est un chat. Elle en voit maintenant un autre : peu de poil, de longues
moustaches, une queue, une voix grave. Elle dit « chat » avec p = {p:.3f} ;
la perte vaut {loss}.

visage a pour sources poil et moustaches, et pour successeurs humeur, regard
et chat. Le poids par lequel il reçoit moustaches devrait changer. Pourquoi ?
Voici ce que répond neuro-actors log trace, en anglais (said : ce qu’a dit la
source ; slope : la pente ; w : un poids) :
""",
    """
THE LARGEST PATH, FACTOR BY FACTOR

From the loss back to the weight. Each neuron multiplies and passes on:
""":
        """
LE CHEMIN QUI COMPTE LE PLUS, FACTEUR PAR FACTEUR

De la perte jusqu’au poids. Chaque neurone multiplie, puis transmet :
""",
    "the loss sends {neuron} its urgency": "la perte envoie à {neuron} son urgence",
    "the slope of {neuron}": "la pente de {neuron}",
    "the weight of {source} -> {neuron}": "le poids de {source} -> {neuron}",
    "the activation of {source}": "l’activation de {source}",
    "  {text:36} {value:+9.4f}   so far {product:+9.5f}":
        "  {text:36} {value:+9.4f}   produit {product:+9.5f}",
    """
The same for the other paths. Of all {all} paths, {more} say that the weight
should rise, and {less} that it should fall. face knows only the sum.

DOES IT HELP?

The urgency {total:+.5f} says how much the loss falls for each unit by which
this weight rises. So the weight is changed a little in that direction, and at
last against it. Nothing else changes, and the society is asked again:

  weight by   loss falls by   urgency x change   error""":
        """
Il en va de même des autres chemins. Il y en a {all} en tout : le poids devrait
augmenter selon {more} d’entre eux, diminuer selon {less} ; visage n’en connaît que
la somme.

ET SI ON LE CHANGE ?

L’urgence {total:+.5f} dit de combien la perte baisse par unité dont ce poids
augmente. On change donc un peu ce poids dans ce sens, et pour finir dans le
sens contraire. Rien d’autre ne change, et l’on interroge de nouveau la société :

      poids   baisse de perte   urgence x poids   écart""",
    "  {by:+9g} {fall:+15.3e} {expected:+18.3e} {error:7.2%}":
        "  {by:+9g} {fall:+17.3e} {expected:+17.3e} {error:8.2%}",
    """
The smaller the change, the smaller the error: an urgency is a slope.

Any other weight:
""":
        """
Plus le changement est petit, plus l’écart l’est aussi : une urgence est une
pente.

Pour tout autre poids :
""",
}  # fmt: skip


class Say(string.Formatter):
    """Fills values into the texts of a scenario: `say("the loss is {loss:.3f}", loss=0.16)`.

    In French the text is that of `TEXTS`, and numbers have decimal commas.
    """

    def __init__(self, language: str = "en") -> None:
        self.french = language == "fr"

    def __call__(self, text: str, /, **values: Any) -> str:
        return self.vformat(_set_spaces(TEXTS[text]) if self.french else text, (), values)

    def format_field(self, value: Any, format_spec: str) -> str:
        """Format one value; in French, a number as French numbers are."""
        text = format(value, format_spec)
        is_text = isinstance(value, str) or not hasattr(value, "__float__")
        return text if is_text or not self.french else self.number(text)

    def number(self, text: str) -> str:
        """Return a number, already formatted, as it is written in the language."""
        if not self.french:
            return text
        text = text.replace(",", NO_BREAK).replace(".", ",")
        return re.sub(r"^( ?)( *\S+)%$", rf"\2{NO_BREAK}%", text)


def _set_spaces(text: str) -> str:
    """Return a French text with spaces that do not break."""
    return re.sub(r" ([;:!?»%])|(?<=«) ", rf"{NO_BREAK}\1", text)


def add_language(parser: ArgumentParser) -> None:
    """Add --lang."""
    parser.add_argument(
        "--lang", choices=("en", "fr"), default="en", help="language of what is printed"
    )


def language_of(arguments: Namespace) -> Say:
    """Return how the scenario speaks: English, unless --lang says otherwise."""
    return Say(getattr(arguments, "lang", "en"))
