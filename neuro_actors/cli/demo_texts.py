"""What `neuro-actors demo` prints, in English and in French."""

from __future__ import annotations

import string
from typing import Any

NO_BREAK = "\u00a0"

ENGLISH = {
    "intro xor": """EXCLUSIVE OR

{inputs} inputs, {neurons} neurons and {synapses} synapses learn from {examples} examples:
the answer is 1 where the two inputs differ. No single neuron can do that.
""",
    "intro spirals": """TWO SPIRALS

{inputs} inputs, {neurons} neurons and {synapses} synapses learn from {examples} points of a plane:
on which of two spirals is a point? No straight line separates them.
""",
    "intro cats": """CATS

{inputs} inputs, {neurons} neurons and {synapses:,} synapses learn from {examples:,} silhouettes of
28 x 28 pixels: is it a cat? Half of them are, such as this one:
""",
    "society": """Each neuron is a task of its own. It sees only its own messages:
  forward: activations, from the neurons before it;
  back: urgencies, from the neurons after it. An urgency says how much the loss
  falls per unit by which an activation rises: minus the derivative
  of the loss.
From these alone, each neuron computes how to change its own weights.
""",
    "table": "  epoch    loss                                    right",
    "row": "  {epoch:5} {loss:7.4f}  {bar:30} {right:7.1%}",
    "messages": "\n{messages:,} messages in {seconds:.1f} s.\n",
    "answers xor": "What it says now (sigmoid of its output: the probability of a 1):\n",
    "answer xor": "  inputs {a} and {b}: {p:.2f}, and {target} is right",
    "answers spirals": """New points, which it has never seen: {right} of {all} right ({share:.1%}).
What it says of each point of the plane (dark: the second spiral is probable):
""",
    "answers cats": """New silhouettes, which it has never seen:
{right} of {all} right ({share:.1%}).""",
    "end": """
Every message:  {page}   (open it in a browser)
The log:        {log}

What next?
  neuro-actors log show {log} --limit 20
  neuro-actors log trace {log} --weight {synapse} --step {step} --example {example}
  neuro-actors audit {log}{part}
  neuro-actors demo {next}""",
    "part": """
    (proves a part, and ends with exit code 1: only every {every}th step is recorded,
    so that the log stays small)""",
    "no browser": "\nNo browser was found. Open the page yourself: {page}",
    "mark": "Made by neuro-actors demo. Logs: *.arrows. Pages: *.html, for a browser.\n"
    "The next demo overwrites these files.\n",
}

FRENCH = {
    "intro xor": """OU EXCLUSIF

{inputs} entrées, {neurons} neurones et {synapses} synapses apprennent avec {examples} exemples :
la réponse est 1 si les deux entrées diffèrent. Aucun neurone n’y arrive seul.
""",
    "intro spirals": """DEUX SPIRALES

{inputs} entrées, {neurons} neurones et {synapses} synapses apprennent avec {examples} points :
sur laquelle des deux spirales se trouve un point ? Aucune droite ne les sépare.
""",
    "intro cats": """DES CHATS

{inputs} entrées, {neurons} neurones et {synapses:,} synapses apprennent avec
{examples:,} silhouettes de 28 x 28 pixels : est-ce un chat ? La moitié le sont,
comme celui-ci :
""",
    "society": """Chaque neurone est une tâche à part. Il ne voit que ses propres messages :
  à l’aller, les activations des neurones qui le précèdent ;
  au retour, les urgences des neurones qui le suivent. Une urgence dit de combien
  la perte baisse par unité dont l’activation augmente : c’est l’opposé
  de la dérivée.
Cela suffit à chaque neurone pour calculer comment changer ses propres poids.
""",
    "table": "  époque   perte                                   justes",
    "row": "  {epoch:6} {loss:6.4f}  {bar:30} {right:7.1%}",
    "messages": "\n{messages:,} messages en {seconds:.1f} s.\n",
    "answers xor": "Ce qu’elle répond maintenant (sigmoïde de sa sortie : la probabilité du 1) :\n",
    "answer xor": "  entrées {a} et {b} : {p:.2f} (réponse juste : {target})",
    "answers spirals": "De nouveaux points, jamais vus : {right} justes sur {all} ({share:.1%}).\n"
    "Ce qu’elle répond en chaque point du plan (foncé : sans doute la seconde spirale) :\n",
    "answers cats": "De nouvelles silhouettes, jamais vues : "
    "{right} justes sur {all} ({share:.1%}).",
    "end": """
Tous les messages : {page}   (à ouvrir dans un navigateur)
Le journal :        {log}

Et maintenant ?
  neuro-actors log show {log} --limit 20
  neuro-actors log trace {log} --weight {synapse} --step {step} --example {example}
  neuro-actors audit {log}{part}
  neuro-actors demo {next} --lang fr""",
    "part": """
    (prouve une partie et finit avec le code 1 : une étape sur {every} seulement
    est enregistrée, pour que le journal reste petit)""",
    "no browser": "\nAucun navigateur trouvé. Ouvrez vous-même la page : {page}",
    "mark": "Écrit par neuro-actors demo. Journaux : *.arrows. Pages : *.html, à ouvrir dans un\n"
    "navigateur. La prochaine démonstration remplace ces fichiers.\n",
}


class Teller(string.Formatter):
    """Fills values into a text: `tell("messages", messages=12, seconds=0.1)`.

    In French, numbers have decimal commas.

    Args:
        language: "en" or "fr".
    """

    def __init__(self, language: str) -> None:
        self._french = language == "fr"

    def __call__(self, key: str, /, **values: Any) -> str:
        """Return a text with its values.

        Args:
            key: The text's key in `ENGLISH` and `FRENCH`.
            values: What stands in braces there.
        """
        text = (FRENCH if self._french else ENGLISH)[key]
        if self._french:
            for mark in ":;!?%":
                text = text.replace(f" {mark}", f"{NO_BREAK}{mark}")
        return self.vformat(text, (), values)

    def format_field(self, value: Any, format_spec: str) -> str:
        """Format one value; in French, a number as French numbers are."""
        text = format(value, format_spec)
        if not self._french or isinstance(value, str):
            return text
        return text.replace(",", NO_BREAK).replace(".", ",").replace("%", f"{NO_BREAK}%")
