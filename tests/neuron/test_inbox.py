from __future__ import annotations

import itertools

import numpy as np
import pytest

from neuro_actors import MessageError
from neuro_actors.neuron.inbox import Inbox
from neuro_actors.neuron.messages import ACTIVATION, URGENCY, Message, Step

ONE, TWO = Step(1, loss="squared_error"), Step(2, loss="squared_error")


def mail(
    source: str = "a", values=(1.0, 2.0), step: Step = ONE, target: str = "n", kind=ACTIVATION
) -> Message:
    return Message(step, kind, source, target, np.array(values, dtype=float))


def inbox(**more) -> Inbox:
    made = Inbox("n", ACTIVATION, ["a", "b", "c"], **more)
    made.open(1)
    return made


def test_any_order_of_arrival_gives_the_order_of_the_synapses() -> None:
    messages = [mail(s, (k, k + 0.5)) for k, s in enumerate("abc")]
    for order in itertools.permutations(messages):
        p = inbox(extra=True)
        for message in order:
            assert not p.complete
            p.accept(message)
        assert p.complete
        step, values = p.take()
        assert step is ONE
        assert values.tolist() == [[0, 0.5], [1, 1.5], [2, 2.5], [1, 1]]
        assert values.flags.c_contiguous


REFUSED = {
    "another step": (
        mail("b", step=TWO),
        r"^'n' cannot accept activation 'b' -> 'n' of step 2: it is at step 1$",
    ),
    "a second message on a synapse": (
        mail("a", (3, 4)),
        r"'a' -> 'n' of step 1: it has one from there in this step already$",
    ),
    "a stranger": (mail("z"), r"'z' -> 'n' of step 1: it has no synapse for it$"),
    "somebody else's mail": (
        mail("b", target="m"),
        r"'b' -> 'm' of step 1: it has no synapse for it$",
    ),
    "another kind": (
        mail("n", target="b", kind=URGENCY),
        r"urgency 'b' -> 'n' of step 1: it has no synapse for it$",
    ),
    "another batch size": (mail("b", (1, 2, 3)), r"its shape is \(3,\), expected \(2,\)$"),
    "a matrix": (mail("b", ((1, 2), (3, 4))), r"its shape is \(2, 2\), expected \(2,\)$"),
    "not a number": (mail("b", (1, np.nan)), r"it holds a value that is not finite"),
    "infinity": (mail("b", (np.inf, 1)), r"it holds a value that is not finite"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_and_nothing_changed(case: str) -> None:
    message, match = REFUSED[case]
    p = inbox()
    p.accept(mail("a"))
    with pytest.raises(MessageError, match=match):
        p.accept(message)
    assert p.missing == ("b", "c")
    p.accept(mail("c"))
    p.accept(mail("b"))
    assert p.take()[1].shape == (3, 2)


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("place", range(4))
def test_a_burst_with_a_message_to_refuse_changes_nothing(case: str, place: int) -> None:
    """Wherever it is in the burst, and whether the burst would have completed the inbox or not."""
    bad, _ = REFUSED[case]
    good = [mail("c", (5, 6)), mail("a"), mail("b", (3, 4))]
    for others in (good, [m for m in good if m.source == "a"]):
        p = inbox()
        assert not p.accept_all([*others[:place], bad, *others[place:]])
        assert p.missing == ("a", "b", "c")
        for message in good:
            p.accept(message)
        assert p.take()[1].tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize("known", [None, 2])
@pytest.mark.parametrize("one_by_one", [(), (0,), (1,), (0, 1)])
def test_bursts_give_the_order_of_the_synapses(
    known: int | None, one_by_one: tuple[int, ...]
) -> None:
    """Two bursts; some of them are accepted one by one, in the first round or in the second."""
    messages = [mail(s, (k, k + 0.5)) for k, s in enumerate("abc")]
    for order in itertools.permutations(messages):
        for cut, singly in itertools.product(range(1, 4), range(2)):
            p = Inbox("n", ACTIVATION, ["a", "b", "c"], extra=True)
            for time in range(2):
                p.open(1, known)
                for k, burst in enumerate((order[:cut], order[cut:])):
                    if time == singly and k in one_by_one:
                        for message in burst:
                            p.accept(message)
                    elif burst:
                        assert p.accept_all(burst)
                assert p.complete
                step, values = p.take()
                assert step is ONE
                assert values.tolist() == [[0, 0.5], [1, 1.5], [2, 2.5], [1, 1]]
                assert values.flags.c_contiguous


def test_nothing_is_left_of_the_step_before() -> None:
    p = inbox()
    assert p.accept_all([mail("b"), mail("a"), mail("c")])
    p.take()
    p.open(1)
    for source in "abc":
        p.accept(mail(source, (7, 8)))
    assert p.take()[1].tolist() == [[7, 8]] * 3


def test_a_burst_of_another_size_or_step_than_the_inbox_is_open_for() -> None:
    matrix = ((1, 2), (3, 4))
    for known, messages in (
        (2, [mail("a", (1, 2, 3)), mail("b", (1, 2, 3))]),
        (2, [mail("a", step=TWO), mail("b", step=TWO)]),
        (None, [mail("a", matrix), mail("b", matrix)]),
    ):
        p = Inbox("n", ACTIVATION, ["a", "b", "c"])
        p.open(1, known)
        assert not p.accept_all(messages)
        assert p.missing == ("a", "b", "c")


def test_large_values_whose_square_overflows_are_accepted() -> None:
    p = inbox()
    with np.errstate(over="ignore"):
        p.accept(mail("a", (1e200, -1e300)))
    assert p.missing == ("b", "c")


def test_an_urgency_before_the_activation_went_out_is_refused() -> None:
    p = Inbox("n", URGENCY, ["f"])
    early = mail("n", target="f", kind=URGENCY)
    with pytest.raises(
        MessageError, match=r"^'n' cannot accept urgency 'f' -> 'n' of step 1: it awaits none now"
    ):
        p.accept(early)
    p.open(1, 2)
    p.accept(early)
    assert p.take()[1].tolist() == [[1, 2]]
    with pytest.raises(MessageError, match="it awaits none now"):
        p.accept(early)


def test_a_batch_size_that_is_known_holds_for_the_first_message() -> None:
    p = Inbox("n", URGENCY, ["f"])
    p.open(1, 3)
    with pytest.raises(MessageError, match=r"its shape is \(2,\), expected \(3,\)"):
        p.accept(mail("n", target="f", kind=URGENCY))


def test_what_was_taken_is_gone() -> None:
    p = Inbox("n", ACTIVATION, ["a"])
    for step, batch in ((ONE, 2), (TWO, 3)):
        p.open(step.number)
        p.accept(mail("a", [step.number] * batch, step))
        assert p.take()[1].tolist() == [[step.number] * batch]
        assert not p.complete
