"""A small transformer, every neuron an actor, learns to write words backwards.

It reads a word letter by letter, then a ">". From there on it says the next
letter, again and again: after "bead>" it says d, after "bead>d" it says a. It
has two blocks, as a large language model has a hundred. No letter hears a later
one.

A fifth of all words is left for the test: so it cannot have them by heart. The
scenario then prints who attends to whom, and follows one letter: which messages
make its scores, the shares, and the sum.
"""

from __future__ import annotations

from argparse import Namespace
from itertools import product

import _common
import _french
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.support.palette import SERIES

L = na.layers
LETTERS, TURN, LENGTH = "abcdef", ">", 4
SIGNS = LETTERS + TURN
TICKS = 2 * LENGTH  # the word, the turn, and all letters of the answer but the last
ANSWER = slice(LENGTH, TICKS)  # where the next letter can be known
NEXT = (np.arange(LENGTH, TICKS), np.arange(LENGTH)[::-1])  # queries, and the keys they need
FEATURES, HEADS, BATCH = 8, 2, 64
LOSS = "softmax_cross_entropy"
TRAINING = _common.Training(epochs=30, rate=0.02, hidden=(16, 16), quick=1)


def make_network(hidden: tuple[int, ...], seed: int) -> na.Network:
    """Return a decoder with a block for each of the numbers of hidden neurons."""
    x = L.inputs(len(SIGNS), positions=TICKS, name="sign")
    h = L.embedding(L.concatenate(x, L.positions(x, name="place")), FEATURES, name="letter")
    for k, n in enumerate(hidden, 1):
        h = L.transformer_block(h, HEADS, n, causal=True, name=f"block{k}")
    return L.network(L.dense(h, len(SIGNS), name="next"), seed=seed)


def make_texts(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return texts such as "bead>daeb" to learn from, and others for the test.

    A text is a row of numbers: positions in SIGNS. Shape (n, 2 * LENGTH + 1).
    """
    words = np.array(list(product(range(len(LETTERS)), repeat=LENGTH)))
    turn = np.full((len(words), 1), SIGNS.index(TURN))
    texts = np.concatenate([words, turn, words[:, ::-1]], axis=1)
    texts = texts[np.random.default_rng(seed).permutation(len(texts))]
    n = len(texts) // 5
    return texts[n:], texts[:n]


def encode(texts: np.ndarray) -> np.ndarray:
    """Return 1 for the sign, 0 for all others. Shape (n, length, signs)."""
    return np.eye(len(SIGNS))[texts]


def spell(signs: np.ndarray) -> str:
    """Return the text of some numbers."""
    return "".join(SIGNS[k] for k in signs)


def guess_without_attention(texts: np.ndarray) -> np.ndarray:
    """Return the signs that most often come next in these texts, after a sign at its place.

    Nothing that knows no more than the last sign and its place has more of them right.
    """
    counts, places = np.zeros((TICKS, len(SIGNS), len(SIGNS))), np.arange(TICKS)
    np.add.at(counts, (places, texts[:, :-1], texts[:, 1:]), 1)
    return counts.argmax(axis=2)[places, texts[:, :-1]]


def score(said: np.ndarray, texts: np.ndarray) -> tuple[float, float]:
    """Return how many letters of the answers are right, and how many answers in whole."""
    right = (said == texts[:, 1:])[:, ANSWER]
    return float(right.mean()), float(right.all(axis=1).mean())


def write_backwards(network: na.Network, word: np.ndarray) -> str:
    """Return what the society writes behind a word, letter by letter: it hears what it wrote."""
    text = [*word, SIGNS.index(TURN)]
    for _ in range(LENGTH):
        x = np.zeros((1, TICKS, len(SIGNS)))  # a later letter is not there yet
        x[0, : len(text)] = encode(np.array(text))
        text.append(int(na.predict(network, x)[0, len(text) - 1].argmax()))
    return spell(np.array(text))


def main(arguments: Namespace) -> None:
    say = _french.language_of(arguments)
    epochs, rate, hidden, _ = arguments.training
    train, test = make_texts(arguments.seed)
    net = make_network(hidden, arguments.seed)
    print(
        say(
            """WORDS BACKWARDS

The alphabet has {letters} letters, a word has {length}. Of all {all:,} words the society
reads {train:,}; {test} are for the test. {parameters:,} parameters learn, in a
society of {society}.
""",
            letters=len(LETTERS),
            length=LENGTH,
            all=len(train) + len(test),
            train=len(train),
            test=len(test),
            parameters=_common.count_parameters(net),
            society=_common.describe_size(net, say),
        )
    )
    steps = epochs * -(-len(train) // BATCH)
    result = na.train(
        net,
        encode(train[:, :-1]),
        encode(train[:, 1:]),
        loss=LOSS,
        optimizer=na.Adam(na.CosineDecay(rate, steps)),
        epochs=epochs,
        batch_size=BATCH,
        seed=arguments.seed,
    )
    unknown = (LENGTH - 1) * np.log(len(LETTERS))
    for epoch in sorted({1, 2, 3, 5, 10, epochs}):
        if epoch <= epochs:
            loss = result.history[epoch - 1].loss
            print(say("  epoch {epoch:2}: loss {loss:.2f}", epoch=epoch, loss=loss))
    print(
        say(
            """
A word's letters are drawn, so that the next one cannot be known before the ">".
For all but the first that costs {drawn} ln {letters} = {unknown:.2f}: the loss cannot be less.
{messages:,} messages were sent.
""",
            drawn=LENGTH - 1,
            letters=len(LETTERS),
            unknown=unknown,
            messages=result.messages,
        )
    )
    report(result.network, test, say)
    whole = next(text for text in test if len(set(text[:LENGTH])) == LENGTH)
    show_attention(result.network, whole, arguments)


def report(network: na.Network, test: np.ndarray, say: _french.Say) -> None:
    """Print how many answers are right for words that the society has not read."""
    said = na.predict(network, encode(test[:, :-1])).argmax(axis=2)
    letters, words = score(said, test)
    few, none = score(guess_without_attention(test), test)
    print(
        say(
            """Words that it has not read:            letters right   words right
  the society                         {letters:15.3f} {words:13.3f}
  a table of the last letter alone    {few:15.3f} {none:13.3f}

The table is the best that can be said without attention: which letter comes
next most often in the test, by the last one and its place. Words of the test:
""",
            letters=letters,
            words=words,
            few=few,
            none=none,
        )
    )
    for text in test[:4]:
        print("  " + write_backwards(network, text[:LENGTH]))


# --- who attends to whom --------------------------------------------------------------------------


class Messages:
    """What each neuron said about one text: read from the log of one gradient.

    Attributes:
        text: The text.
        said: What each neuron said at each of its positions.
        pairs: The query and the key of each pair: no key is later. Shape (2, pairs).
    """

    def __init__(self, network: na.Network, text: np.ndarray, recording: na.Recording) -> None:
        self.text = spell(text)
        x, targets = encode(text[None, :-1]), encode(text[None, 1:])
        trio.run(_common.record_gradient, network, x, targets, LOSS, recording)
        self.said = _common.Said(recording)
        self.pairs = np.stack(np.tril_indices(TICKS))

    def matrix(self, head: str) -> np.ndarray:
        """Return the share that each query, a row, gives each key. Shape (queries, keys)."""
        shares = np.full((TICKS, TICKS), np.nan)
        shares[tuple(self.pairs)] = self.said(f"{head}.weight")
        return shares


def show_attention(network: na.Network, text: np.ndarray, arguments: Namespace) -> None:
    """Print who attends to whom in a text, and follow one query."""
    say = _french.language_of(arguments)
    recording = _common.full_recording(arguments, "attention.arrows")
    messages = Messages(network, text, recording)
    heads = [
        f"block{k}.head{h}" for k in range(1, len(arguments.training.hidden) + 1)
        for h in range(HEADS)
    ]  # fmt: skip
    shares = {head: messages.matrix(head)[NEXT].mean() for head in heads}
    best = max(heads, key=shares.__getitem__)
    print(
        say(
            """
WHO ATTENDS TO WHOM

The text is {text}. From the ">" on, each letter asks: which one is next?
It should hear its mirror image before the ">". How much of what it hears comes
from there, on average, in each head:
""",
            text=messages.text,
        )
    )
    for head in heads:
        print(f"  {head} {say.format_field(shares[head], '7.0%')}")
    print(
        say(
            """
{head} in full. A row is a letter that asks. A column is a letter that
answers: the row's own, or an earlier one. A row adds up to 100 %. In brackets:
the share of the letter that comes next.
""",
            head=best,
        )
    )
    print_matrix(messages.matrix(best), messages.text)
    follow_query(best, LENGTH, messages, say)
    draw(heads, messages, arguments)
    print(say("\nEach number of this query is a message. All messages about the text:"))
    print(f"neuro-actors log show {recording.path}")


def print_matrix(shares: np.ndarray, text: str) -> None:
    """Print shares as a matrix. Shape (queries, keys)."""
    print("     " + "".join(f"{sign:>6} " for sign in text[:TICKS]).rstrip())
    marked = set(zip(*NEXT, strict=True))
    for query, row in enumerate(shares):
        numbers = [f"{100 * share:.0f}" for share in row[: query + 1]]
        cells = [
            f"{f'({number})' if (query, key) in marked else f'{number} ':>7}"
            for key, number in enumerate(numbers)
        ]
        print(f"  {text[query]}  {''.join(cells)}".rstrip())


def follow_query(head: str, query: int, messages: Messages, say: _french.Say) -> None:
    """Print the messages that make what one query of a head hears."""
    here, keys, size = messages.pairs[0] == query, query + 1, FEATURES // HEADS

    def said(name: str, where: np.ndarray | slice) -> np.ndarray:
        return np.array([messages.said(f"{head}.{name}{k}")[where] for k in range(size)])

    def show(name: str, values: np.ndarray, style: str = "+.3f") -> None:
        print(f"  {name:8}" + "".join(f"{say.format_field(v, style):>9}" for v in values))

    print(
        say(
            """
ONE QUERY, MESSAGE BY MESSAGE

The society has read {text}. What is next? In this head each letter has a query
(what it looks for), a key (by which it is found) and a value (what it says to
those that find it): {size} neurons for each. The query of "{sign}":
""",
            text=messages.text[:keys],
            size=size,
            sign=messages.text[query],
        )
    )
    asked = said("query", slice(query, keys))[:, 0]
    for k, value in enumerate(asked):
        print(f"  query{k} {say.format_field(value, '+9.3f')}")
    print(say("\nIt is multiplied with each of the keys, number by number:\n"))
    print(" " * 10 + "".join(f"{sign:>9}" for sign in messages.text[:keys]))
    offered = said("key", slice(keys))
    for k, row in enumerate(offered):
        show(f"key{k}", row)
    print()
    for k, row in enumerate(said("match", here)):
        show(f"match{k}", row)
    print(say("\nscore is the sum of these products, divided by √{size}:\n", size=size))
    show("score", messages.said(f"{head}.score")[here])
    shares = messages.said(f"{head}.weight")[here]
    print(
        say(
            """
total receives all scores, and says ln Σ e^score = {total:+.3f}. weight says
e^(score - total). These are the shares; they add up to {sum:.3f}:
""",
            total=messages.said(f"{head}.total")[query],
            sum=shares.sum(),
        )
    )
    show("weight", shares, ".3f")
    print(say("\nEach letter's value counts by its share, and the query hears the sum:\n"))
    values, found = said("value", slice(keys)), said("", query)
    for k, row in enumerate(values):
        show(f"value{k}", row)
    print()
    for k, row in enumerate(said("heard", here)):
        show(f"heard{k}", [*row, found[k]])
    e = np.exp(asked @ offered / np.sqrt(size))
    print(
        say(
            "\nThe same by matrices, softmax(q Kᵀ / √{size}) V: {apart:.0e} apart.",
            size=size,
            apart=np.abs(values @ (e / e.sum()) - found).max(),
        )
    )


def draw(heads: list[str], messages: Messages, arguments: Namespace) -> None:
    """Draw the matrices of all heads."""
    say = _french.language_of(arguments)
    plt = _common.import_pyplot(say)
    if plt is None:
        return
    figure, axes = plt.subplots(
        len(heads) // HEADS, HEADS, figsize=(8, 4 * len(heads) // HEADS), layout="constrained",
        squeeze=False,
    )  # fmt: skip
    figure.suptitle(say("Who attends to whom in {text}", text=messages.text))
    signs = list(messages.text[:TICKS])
    for axis, head in zip(axes.flat, heads, strict=True):
        axis.imshow(np.nan_to_num(messages.matrix(head)), cmap="Greys", vmin=0, vmax=1)
        axis.set_title(head, fontsize=11)
        axis.set_xticks(range(TICKS), signs)
        axis.set_yticks(range(TICKS), signs)
        axis.set(xlabel=say("the letter that answers"), ylabel=say("the letter that asks"))
        axis.plot(*NEXT[::-1], "s", markersize=20, fillstyle="none", color=SERIES[1])
    _common.save_figure(figure, arguments.out, "attention.png", say)


if __name__ == "__main__":
    _common.run(
        main,
        __doc__,
        quick=True,
        out="the figure and the log of one text go",
        training=lambda _: TRAINING,
        french=True,
    )
