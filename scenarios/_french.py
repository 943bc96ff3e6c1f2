"""What scenarios print in French (--lang fr), and how numbers are set in French."""

from __future__ import annotations

import re
import string
from argparse import SUPPRESS, ArgumentParser, Namespace
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
    # cats
    """CATS

{train:,} pictures of {size} x {size} pixels to learn from, {test} for the test;
half of them are cats. A society of {society}.
""":
        """DES CHATS

{train:,} images de {size} x {size} pixels pour apprendre, {test} pour le test ;
la moitié sont des chats. Une société : {society}.
""",
    "  epoch {epoch}: loss {loss}, accuracy {right:.3f}, "
    "test loss {test_loss}, test accuracy {test_right:.3f}":
        "  époque {epoch} : perte {loss} (test {test_loss}), "
        "justesse {right:.3f} (test {test_right:.3f})",
    """
{messages:,} messages in {seconds:.1f} s ({speed:,.0f} per second).
The gradient of one step, compared with matrices, in units of the rounding bound
(1 is the limit): before learning {before:.2g}, after {after:.2g}
""":
        """
{messages:,} messages en {seconds:.1f} s ({speed:,.0f} par seconde).
Le gradient d’une étape, comparé à celui des matrices, en unités de la borne
d’arrondi (1 est la limite) : avant d’apprendre {before:.2g}, après {after:.2g}
""",
    """Accuracy on new pictures: {accuracy:.3f}

               said cat   said other
  is cat       {a:8} {b:12}
  is other     {c:8} {d:12}

Calibration: when the society says p, how often is the picture a cat?

  said p        pictures   mean p   are cats""":
        """Justesse sur de nouvelles images : {accuracy:.3f}

               dit chat   dit autre
  est chat     {a:8} {b:11}
  est autre    {c:8} {d:11}

Calibrage : parmi les images où elle dit p, la proportion de chats est-elle p ?

  p annoncé       images  p moyen      chats""",
    "  {low:.1f} to {high:.1f} {count:11} {mean:8.2f} {cats:10.2f}":
        "  {low:.1f} à {high:.1f} {count:12} {mean:8.2f} {cats:10.2f}",
    "\nWatch it learn:": "\nPour la regarder apprendre :",
    "A society learns to see cats; titles: the truth, and p: how sure it is of a cat":
        "Une société apprend à voir des chats ; "
        "titres : la vérité, et p, sa certitude que c’est un chat",
    "right answers, some of them": "des réponses justes",
    "wrong answers, the worst of them": "les pires erreurs",
    "learning": "apprentissage",
    "loss": "perte",
    "accuracy": "justesse",
    "training": "entraînement",
    "test": "test",
    "epoch": "époque",
    "a cat": "un chat",
    "no cat": "pas un chat",
    "{name}, p = {p:.2f}": "{name}, p = {p:.2f}",
    # why_this_weight
    "fur": "poil",
    "whiskers": "moustaches",
    "tail": "queue",
    "voice": "voix",
    "face": "tête",
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

tête a pour sources poil et moustaches, et pour successeurs humeur, regard et
chat. Le poids de la synapse moustaches -> tête devrait changer. Pourquoi ?
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
augmenter selon {more} d’entre eux, diminuer selon {less} ; tête n’en connaît que
la somme.

ET SI ON LE CHANGE ?

L’urgence {total:+.5f} dit de combien la perte baisse par unité dont ce poids
augmente. On change donc un peu ce poids dans ce sens, et pour finir dans le
sens contraire. Rien d’autre ne change, et l’on interroge de nouveau la
société :

  changement   baisse de la perte   urgence x changement   écart""",
    "  {by:+9g} {fall:+15.3e} {expected:+18.3e} {error:7.2%}":
        "  {by:+10g} {fall:+20.3e} {expected:+22.3e} {error:8.2%}",
    """
The smaller the change, the smaller the error: an urgency is a slope.

Any other weight:
""":
        """
Plus le changement est petit, plus l’écart l’est aussi : une urgence est une
pente.

Pour tout autre poids :
""",
    # watch_it_learn
    """WATCH IT LEARN

Two spirals with {points} points each. A society of {size}
learns for {steps} steps. Each neuron sees only its own messages.
""":
        """REGARDEZ-LA APPRENDRE

Deux spirales de {points} points chacune. Une société les apprend en {steps} étapes
({size}).
Chaque neurone ne voit que ses propres messages.
""",
    "Steps recorded: {n}; {megabytes:.1f} MB in {file}\n":
        "Étapes enregistrées : {n} ; {megabytes:.1f} Mo dans {file}\n",
    "  after step   loss of all points   right":
        "  après l’étape   perte sur tous les points   justes",
    "  {step:10} {loss:>20} {right:7.0%}": "  {step:13} {loss:>27} {right:8.0%}",
    "A page that plays it message by message: {file}":
        "Une page qui la rejoue message par message : {file}",
    "A society learns which spiral a point is on":
        "Une société apprend à dire sur quelle spirale se trouve un point",
    "after step {step}": "après l’étape {step}",
    "before learning": "avant d’apprendre",
    "step": "étape",
    "loss of all points; dots: the stages above":
        "perte sur tous les points ; ronds : les stades ci-dessus",
    "and each neuron's activation at the end, from the two inputs up":
        "et l’activation de chaque neurone à la fin, des deux entrées vers le haut",
    "blue: large activation\norange: small activation":
        "bleu : grande activation\norange : petite activation",
    "blue synapse: excitatory\norange synapse: inhibitory":
        "synapse bleue : excitatrice\nsynapse orange : inhibitrice",
    # hierarchy
    "Orders down, urgencies up": "Les ordres descendent, les urgences remontent",
    "can a bakery learn to make what customers ask for, if each post sees only its neighbours?":
        """une boulangerie peut-elle apprendre à faire ce qu’on lui demande, si chaque poste ne voit
        que ses voisins ?""",
    """a bakery with twelve posts on three levels, below the conditions of the day. In the
        second year a station opens across the road, and the demand changes. No message says so;
        only leftovers and empty shelves show it.""":
        """une boulangerie de douze postes sur trois niveaux, sous les conditions du jour. La
        deuxième année, une gare ouvre en face, et la demande change. Aucun message ne le dit ;
        seuls le montrent les invendus et les étagères vides.""",
    "ONE DAY, BEFORE THE POSTS HAVE LEARNT ANYTHING\n":
        "UNE JOURNÉE, AVANT QUE LES POSTES AIENT APPRIS QUOI QUE CE SOIT\n",
    "Day {number}, a Saturday. The conditions are: {shown}.":
        "Jour {number}, un samedi. Les conditions : {shown}.",
    ", ": " ; ",
    "{name} {said:.1f}": "{name} {said:.1f}",
    "\n  Orders go down:\n": "\n  Les ordres descendent :\n",
    "    {post:10} says {said:+.2f} to {followers}": "    {post:10} dit {said:+.2f} à {followers}",
    "\n  The last four posts make goods, and customers ask for them:\n":
        "\n  Les quatre derniers postes fabriquent, et les clients demandent :\n",
    "    {post:12} makes {made:3.0f} {goods:10}; asked for: {asked:3.0f}: {text}":
        "    {post:10} fait {made:3.0f} {goods:10} pour {asked:3.0f} demandés : {text}",
    "\n  Urgencies come up. Each post adds up those of the posts below it:\n":
        "\n  Les urgences remontent. Chaque poste additionne celles des postes du dessous :\n",
    "{value:+.2f}": "{value:+.2f}",
    "    {post:10} receives {received:26} {text}": "    {post:10} reçoit {received:26} {text}",
    "An order is only a number. Its meaning is what its receivers do with it, and they learn.":
        """Un ordre n’est qu’un nombre. Il veut dire ce qu’en font ceux qui le reçoivent, et ceux-ci
        apprennent.""",
    "\nTWO YEARS, IN {n} BAKERIES\n": "\nDEUX ANS, DANS {n} BOULANGERIES\n",
    "Unsold and missing pieces on a day (mean ± sd over bakeries):\n":
        "Pièces par jour, invendues ou manquantes (moyenne ± écart-type) :\n",
    "when": "quand",
    "waste": "écart",
    "the same every day, the best": "la même chose chaque jour, au mieux",
    "the first fortnight": "les deux premières semaines",
    "the last four weeks of the year": "les quatre dernières semaines de l’année",
    "the station opens: a fortnight": "la gare ouvre : deux semaines",
    "the last four weeks of that year": "les quatre dernières semaines de cette année-là",
    "\nWHAT CHANGED: THE MAIN ADVISER OF EACH POST\n":
        "\nCE QUI A CHANGÉ : LE PRINCIPAL CONSEILLER DE CHAQUE POSTE\n",
    "post": "poste",
    "first day": "premier jour",
    "after a year": "après un an",
    "with the station": "avec la gare",
    "{name} {share:.0%}": "{name} {share:.0%}",
    "not {name} {share:.0%}": "contre {name} {share:.0%}",
    '\n(Its share of all weights; "not": the post does the opposite.)\n':
        "\n(Sa part de tous les poids ; « contre » : le poste fait le contraire.)\n",
    "WHAT NO POST KNEW\n": "CE QU’AUCUN POSTE NE SAVAIT\n",
    """The log has {messages:,} messages. No post exchanged messages with more than
        {most} of the {others} other members, the loss node and the five
        conditions included; that post was {post}. An audit replayed each post alone, from its own
        messages: it sent {again}. So
        no post needed anything else. Nothing in the bakery knows what the whole bakery did.""":
        """Le journal contient {messages:,} messages. Aucun poste n’en a échangé avec plus de
        {most} des {others} autres membres, en comptant la perte et les cinq conditions (le plus
        bavard : {post}). Un audit a rejoué chaque poste, seul, à partir de ses propres messages :
        il a redit {again}. Aucun n’avait donc besoin d’autre chose. Rien, dans la boulangerie, ne
        sait ce que faisait la boulangerie entière.""",
    "the same again, bit for bit": "la même chose, au bit près",
    "something else": "autre chose",
    "The log is of the bakery of seed {seed}: {file}":
        "Le journal est celui de la boulangerie de graine {seed} : {file}",
    """that a real business works like this, or should: people know more than their messages,
and a post that only multiplies numbers does not think. Nor that every such network learns: the
connections were given, and chosen so that the conditions on which a product depends can reach the
post that makes it.""":
        """qu’une vraie entreprise marche ainsi, ou le devrait : les gens en savent plus que leurs
messages, et un poste qui ne fait que multiplier des nombres ne pense pas. Ni que tout réseau de ce
genre apprend : les liens étaient donnés, et choisis pour que les conditions dont dépend un produit
parviennent au poste qui le fabrique.""",
    """in all {of} bakeries the waste fell, to {fall:.0%} on average, and below that of
        the best bakery that makes the same every day; it rose when the demand changed, and fell
        again, to {rise:.0%}; there was no overseer.""":
        """dans les {of} boulangeries, l’écart à la demande est tombé à {fall:.0%} en moyenne, et
        sous celui de la meilleure boulangerie qui fait la même chose chaque jour ; il est
        remonté quand la demande a changé, puis est retombé à {rise:.0%} ;
        personne n’a dirigé la manœuvre.""",
    """not in every bakery: the waste halved, and fell below that of the best bakery that
    makes the same every day, in {learnt} of {of}; it rose with the station and halved again in
    {again} of {of}.""":
        """pas dans toutes les boulangeries : l’écart à la demande est tombé de moitié, et sous
    celui de la meilleure boulangerie qui fait la même chose chaque jour, dans {learnt} sur {of} ;
    il est remonté avec la gare, puis est retombé de moitié, dans {again} sur {of}.""",
    "more, very urgently": "plus, c’est très urgent",
    "more, urgently": "plus, c’est urgent",
    "more, when there is time": "plus, quand on aura le temps",
    "less, very urgently": "moins, c’est très urgent",
    "less, urgently": "moins, c’est urgent",
    "less, when there is time": "moins, quand on aura le temps",
    "good as it is": "c’est bien ainsi",
    "A bakery learns by urgencies, without an overseer":
        "Une boulangerie apprend par urgences, et nul n’en voit l’ensemble",
    "day 1: the weights, at random": "jour 1 : les poids, tirés au sort",
    "after a year: the weights": "après un an : les poids",
    "the station has opened: urgencies": "la gare a ouvert : les urgences",
    "blue, solid: more\norange, dashed: less": "bleu, plein : plus\norange, tirets : moins",
    "blue, solid: follows\norange, dashed: does the opposite":
        "bleu, plein : suit\norange, tirets : fait le contraire",
    "mean; grey: each bakery": "moyenne ; en gris : chaque boulangerie",
    "the same every day, the best of these": "la même chose chaque jour, au mieux",
    "knowing the mean demand": "en connaissant la demande moyenne",
    " a station opens": " une gare ouvre",
    "week": "semaine",
    "pieces a day": "pièces par jour",
    "waste: unsold or missing": "écart à la demande : invendus ou manquants",
    "weekend": "week-end", "holidays": "vacances", "warmth": "chaleur", "rain": "pluie",
    "order book": "commandes",
    "direction": "direction", "shop": "boutique", "office": "bureau", "purchasing": "achats",
    "bakehouse": "fournil", "dough room": "tourage", "cake room": "labo", "kitchen": "cuisine",
    "baker": "boulanger", "apprentice": "apprentie", "confectioner": "pâtissière",
    "cook": "cuisinier",
    "loaves": "pains", "croissants": "croissants", "cakes": "gâteaux", "sandwiches": "sandwichs",
    # one_cat
    """ONE CAT

The society says 'cat' with p = 0.6. It is a cat: the target is 1.
The penalty is (1 - p)². The urgency of p says how much the penalty falls
for each unit by which p rises: 2 (1 - p).

p comes from the signal, through the activation function. The urgency of the
signal is the urgency of p times the slope of that function. So a steep
function gives a larger urgency, and a flat one gives none.
""":
        """UN CHAT

La société dit « chat » avec p = 0,6. C’est bien un chat : la cible est 1.
La perte est (1 - p)². L’urgence de p dit de combien la perte baisse par unité
dont p augmente : 2 (1 - p).

p vient du signal, par la fonction d’activation. L’urgence du signal est celle
de p, multipliée par la pente de cette fonction. Une fonction raide donne donc
une urgence plus grande, une fonction plate n’en donne aucune.
""",
    "  slope {slope:3g}:  p = {p:.2g}, penalty {penalty:.2f}, urgency {urgency:.1f}  ->  "
    "signal's urgency {signal:.1f}":
        "  pente {slope:3g} : p = {p:.2g}, perte {penalty:.2f}, urgence {urgency:.1f}  ->  "
        "urgence du signal {signal:.1f}",
    "eyes": "yeux",
    """
A SMALL FAMILY

  fur  --+0.5--> eyes --+1.5--> face --+0.75--> cat
  tail --+1.0--> eyes --(-0.5)-> body --+0.25--> cat

Activations go forward. Each neuron receives those of its sources, and sends its
own to its followers:
""":
        """
UNE PETITE FAMILLE

  poil  --+0,5--> yeux --+1,5--> tête --+0,75--> chat
  queue --+1,0--> yeux --(-0,5)-> corps --+0,25--> chat

À l’aller, les activations. Chaque neurone reçoit celles de ses sources, et
envoie la sienne à ses successeurs :
""",
    "  {sender:5} told {receiver:12} activation {value:+.3f}":
        "  {sender:5} a dit à {receiver:13} l’activation {value:+.3f}",
    """
fur is large (1.0), tail is small (0.1).

Urgencies go back. Each neuron adds up those that it receives. All slopes are 1
here, so it sends each source the sum times the weight of their synapse:
""":
        """
L’activation de poil est grande (1,0), celle de queue petite (0,1).

Au retour, les urgences. Chaque neurone additionne celles qu’il reçoit. Ici,
toutes les pentes valent 1 : il envoie donc à chaque source cette somme,
multipliée par le poids de leur synapse :
""",
    "  {sender:5} told {receiver:5} urgency {value:+.3f}":
        "  {sender:5} a dit à {receiver:5} l’urgence {value:+.3f}",
    """
face -> cat is excitatory (+0.75): face should rise, as cat should.
eyes -> body is inhibitory (-0.5): because of body, eyes should fall.
eyes has two followers and adds up: {face:+.3f} {body:+.3f} = {total:+.3f}

From this sum, eyes computes the urgencies of its own bias and weights:

  its bias                  {total:+.3f}        (the sum itself)
  weight of fur -> eyes     {total:+.3f} x 1.0 = {fur:+.3f}   a large activation
  weight of tail -> eyes    {total:+.3f} x 0.1 = {tail:+.3f}   a small one""":
        """
tête -> chat est excitatrice (+0,75) : tête devrait augmenter, comme chat.
yeux -> corps est inhibitrice (-0,5) : à cause de corps, yeux devrait diminuer.
yeux a deux successeurs, et additionne : {face:+.3f} {body:+.3f} = {total:+.3f}

De cette somme, yeux tire les urgences de son biais et de ses poids :

  son biais                 {total:+.3f}        (la somme elle-même)
  poids de poil -> yeux     {total:+.3f} x 1,0 = {fur:+.3f}   une grande activation
  poids de queue -> yeux    {total:+.3f} x 0,1 = {tail:+.3f}   une petite""",
    """
ONE STEP OF LEARNING

Each neuron adds a twentieth of its urgencies to its weights and its bias:
""":
        """
UNE ÉTAPE D’APPRENTISSAGE

Chaque neurone ajoute à ses poids et à son biais un vingtième de leur urgence :
""",
    "  {source:4} -> {target:4}  {old:+.3f} becomes {new:+.3f}":
        "  {source:5} -> {target:5}  {old:+.3f} devient {new:+.3f}",
    """
p was {before:.3f}, now it is {after:.3f}: closer to 1.
No neuron has seen more than its own messages.""":
        """
p valait {before:.3f} ; p vaut maintenant {after:.3f}, plus près de 1.
Aucun neurone n’a vu autre chose que ses propres messages.""",
    "\nThe messages of the family's first gradient:":
        "\nLes messages du premier gradient de la famille :",
    # attention
    """WORDS BACKWARDS

The alphabet has {letters} letters, a word has {length}. Of all {all:,} words the society
reads {train:,}; {test} are for the test. {parameters:,} parameters learn, in a
society of {society}.
""":
        """DES MOTS À L’ENVERS

L’alphabet a {letters} lettres, un mot en a {length}. Des {all:,} mots possibles, la
société lit {train:,} ; {test} sont pour le test. {parameters:,} paramètres apprennent.
La société : {society}.
""",
    "  epoch {epoch:2}: loss {loss:.2f}": "  époque {epoch:2} : perte {loss:.2f}",
    """
A word's letters are drawn, so that the next one cannot be known before the ">".
For all but the first that costs {drawn} ln {letters} = {unknown:.2f}: the loss cannot be less.
{messages:,} messages were sent.
""":
        """
Les lettres d’un mot sont tirées au sort : avant le « > », nul ne peut prévoir
la suivante. Première exceptée, cela coûte {drawn} ln {letters} = {unknown:.2f}, le minimum.
{messages:,} messages ont été envoyés.
""",
    """Words that it has not read:            letters right   words right
  the society                         {letters:15.3f} {words:13.3f}
  a table of the last letter alone    {few:15.3f} {none:13.3f}

The table is the best that can be said without attention: which letter comes
next most often in the test, by the last one and its place. Words of the test:
""":
        """Des mots qu’elle n’a pas lus :       lettres justes   mots justes
  la société                          {letters:15.3f} {words:13.3f}
  une table de la dernière lettre     {few:15.3f} {none:13.3f}

La table est ce qu’on peut faire de mieux sans attention : la lettre qui vient
le plus souvent dans le test, selon la dernière et sa place. Des mots du test :
""",
    """
WHO ATTENDS TO WHOM

The text is {text}. From the ">" on, each letter asks: which one is next?
It should hear its mirror image before the ">". How much of what it hears comes
from there, on average, in each head:
""":
        """
QUI FAIT ATTENTION À QUI

Le texte est {text}. À partir du « > », chaque lettre demande : laquelle
vient après ? Elle devrait écouter son reflet d’avant le « > ». Quelle part de
ce qu’elle entend vient de là, en moyenne, dans chaque tête :
""",
    """
{head} in full. A row is a letter that asks. A column is a letter that
answers: the row's own, or an earlier one. A row adds up to 100 %. In brackets:
the share of the letter that comes next.
""":
        """
{head} en entier. Une ligne est une lettre qui demande, une colonne une
lettre qui répond : elle-même, ou une lettre d’avant. Une ligne fait 100 % en
tout. Entre parenthèses : la part de la lettre qui vient après.
""",
    """
ONE QUERY, MESSAGE BY MESSAGE

The society has read {text}. What is next? In this head each letter has a query
(what it looks for), a key (by which it is found) and a value (what it says to
those that find it): {size} neurons for each. The query of "{sign}":
""":
        """
UNE REQUÊTE, MESSAGE PAR MESSAGE

La société a lu {text}. Et ensuite ? Dans cette tête, chaque lettre a une
requête (ce qu’elle cherche), une clé (par quoi on la trouve) et une valeur (ce
qu’elle dit à qui la trouve) : {size} neurones pour chacune. La requête de « {sign} » :
""",
    "\nIt is multiplied with each of the keys, number by number:\n":
        "\nElle est multipliée par chacune des clés, nombre par nombre :\n",
    "\nscore is the sum of these products, divided by √{size}:\n":
        "\nscore est la somme de ces produits, divisée par √{size} :\n",
    """
total receives all scores, and says ln Σ e^score = {total:+.3f}. weight says
e^(score - total). These are the shares; they add up to {sum:.3f}:
""":
        """
total reçoit tous les scores, et dit ln Σ e^score = {total:+.3f}. weight dit
e^(score - total). Ce sont les parts ; en tout, elles font {sum:.3f} :
""",
    "\nEach letter's value counts by its share, and the query hears the sum:\n":
        "\nLa valeur d’une lettre compte selon sa part ; la requête entend la somme :\n",
    "\nThe same by matrices, softmax(q Kᵀ / √{size}) V: {apart:.0e} apart.":
        "\nLa même chose par matrices, softmax(q Kᵀ / √{size}) V : à {apart:.0e} près.",
    "\nEach number of this query is a message. All messages about the text:":
        "\nChaque nombre de cette requête est un message. Tous ceux du texte :",
    "Who attends to whom in {text}": "Qui fait attention à qui dans {text}",
    "the letter that answers": "la lettre qui répond",
    "the letter that asks": "la lettre qui demande",
    # convolution
    """ONE NEURON, MANY PLACES

{train:,} pictures to learn from, {test} for the test; half of them are cats.

  society                         actors   parameters   right on new ones""":
        """UN NEURONE, BEAUCOUP D’ENDROITS

{train:,} images pour apprendre, {test} pour le test ; la moitié sont des chats.

  société                        acteurs   paramètres    justesse (test)""",
    "  {name:30} {actors:7} {parameters:12,} {accuracy:19.3f}":
        "  {name:30} {actors:7} {parameters:12,} {accuracy:19.3f}",
    "dense, 7 x 7 pixels": "dense, 7 x 7 pixels",
    "dense, 28 x 28 pixels": "dense, 28 x 28 pixels",
    "convolutional, 28 x 28 pixels": "à convolutions, 28 x 28 pixels",
    """
Better than the dense ones by {small:+.3f} and {large:+.3f}.
{messages:,} messages were sent.
""":
        """
L’écart avec les sociétés denses : {small:+.3f} et {large:+.3f}.
{messages:,} messages ont été envoyés.
""",
    """FILTERS

The {n} neurons of the first layer, each with its {taps} weights. ## and ++: what is
dark there makes it say more. == and --: less.
""":
        """LES FILTRES

Les {n} neurones de la première couche, et leurs {taps} poids. ## et ++ : ce qui est
sombre là leur fait dire plus. == et -- : moins.
""",
    """
FEATURE MAPS

A cat of the test, and below it what each of these neurons says about it: a
number for each place; of 2 x 2 places the greatest. The darker, the more.
""":
        """
LES CARTES

Un chat du test et, dessous, ce que chacun de ces neurones en dit : un nombre
par endroit, le plus grand de 2 x 2. Plus c’est sombre, plus il est grand.
""",
    "Filters (blue: positive weights, orange: negative), and what they say":
        "Les filtres (bleu : poids positifs, orange : négatifs), et ce qu’ils disent",
    "a picture": "une image",
    "\nAll messages about this picture:": "\nTous les messages sur cette image :",
    # memory
    """REMEMBER

A sign, {noise} ticks of noise, a question. {steps} steps with {batch} sequences each.
A guess is right in 0.5 of all cases. On {tests} new sequences:

  society        actors   parameters   right before   right after    messages""":
        """SE SOUVENIR

Un signe, {noise} instants de bruit, une question. {steps} étapes de {batch} suites chacune.
Au hasard, la justesse est de 0,5. Sur {tests} nouvelles suites, justesse :

  société       acteurs   paramètres          avant         après    messages""",
    "  {name:13} {actors:7} {parameters:12} {first:14.3f} {last:13.3f} {messages:11,}":
        "  {name:13} {actors:7} {parameters:12} {first:14.3f} {last:13.3f} {messages:11,}",
    "plain": "simple",
    "gated": "à portes",
    "gated, open": "p. ouvertes",
    """
URGENCIES GO BACK IN TIME

The urgency of the answer, as it arrives at what the society remembered at each
tick, after learning. 1: at the tick before the question. Five # fewer: about a
hundredth.
""":
        """
LES URGENCES REMONTENT LE TEMPS

L’urgence de la réponse, telle qu’elle arrive à ce que la société retenait à
chaque instant, après l’apprentissage. 1 : à l’instant d’avant la question.
Cinq # de moins : environ un centième.
""",
    "  tick": "  inst",
    "\nWhat arrives at tick 1, where the sign was:\n":
        "\nCe qui arrive à l’instant 1, celui du signe :\n",
    "  society          before learning   after learning":
        "  société              avant d’apprendre      après",
    """
A GATE THAT KEEPS

{unit} is a unit of the last society. Its gate says how much stays of what the
unit said a tick before; the rest is new. After learning, on average:

  tick     gate   after +   after -""":
        """
UNE PORTE QUI RETIENT

{unit} est une unité de la dernière société. Sa porte dit quelle part reste de ce
que l’unité disait un instant plus tôt ; le reste est nouveau. Après
l’apprentissage, en moyenne :

  inst    porte   après +   après -""",
    "  {tick:4} {gate:8.2f} {plus:+9.2f} {minus:+9.2f}":
        "  {tick:4} {gate:8.2f} {plus:+9.2f} {minus:+9.2f}",
    """
An urgency that goes back through the unit is multiplied by its gate, once for
each tick. By the gates of ticks 2 to {last} alone: {product:.2f} of it arrives.""":
        """
Une urgence qui remonte par l’unité est multipliée par sa porte, une fois par
instant. Par les seules portes des instants 2 à {last}, il en arrive {product:.2f}.""",
    "tick": "instant",
    "the urgency of the answer; dotted: after learning":
        "l’urgence de la réponse ; pointillé : après l’apprentissage",
    "its gate": "sa porte",
    "it says, after +": "elle dit, après +",
    "it says, after -": "elle dit, après -",
    "a unit that keeps the sign": "une unité qui retient le signe",
    "\nAll messages of that society, tick by tick, in one gradient:":
        "\nTous les messages de cette société, instant par instant, dans un gradient :",
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


def add_language(parser: ArgumentParser, french: bool) -> None:
    """Add --lang; --help shows it only where there is a choice."""
    parser.add_argument(
        "--lang",
        choices=("en", "fr") if french else ("en",),
        default="en",
        help="language of what is printed" if french else SUPPRESS,
    )


def language_of(arguments: Namespace) -> Say:
    """Return how the scenario speaks: English, unless --lang says otherwise."""
    return Say(getattr(arguments, "lang", "en"))
