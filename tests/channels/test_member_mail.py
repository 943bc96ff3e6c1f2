"""A burst of messages is sorted into the inboxes as if they had come one by one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neuro_actors as na
from neuro_actors.channels.member_mail import MemberMail
from neuro_actors.neuron.inbox import Inbox
from neuro_actors.neuron.messages import (
    ACTIVATION,
    COMMIT,
    LOSS,
    TARGET,
    Message,
    MessageKind,
    Step,
)

STEP, SAME, NEXT = (Step(number, "squared_error") for number in (1, 1, 2))
KINDS: tuple[MessageKind, ...] = (ACTIVATION, TARGET, COMMIT)
GOOD = [
    Message(STEP, kind, sender, "n", np.array([ord(sender) + k, -0.0]))
    for k, kind in enumerate(KINDS)
    for sender in "abc"
]
VALUES = ((1.0, 2.0), (1e300, -1e300), (1.0,), (np.nan, 1.0), (np.inf, 0.0))
DOUBTFUL = st.builds(
    Message,
    st.sampled_from([STEP, STEP, SAME, NEXT]),
    st.sampled_from([*KINDS, LOSS]),
    st.sampled_from("abcz"),
    st.sampled_from("nnm"),
    st.sampled_from(VALUES).map(np.array),
)


def member(opened: int | None) -> MemberMail[int]:
    mail = MemberMail[int]("n")
    mail.inboxes = {kind: Inbox("n", kind, "abc", extra=kind == ACTIVATION) for kind in KINDS}
    for inbox in mail.inboxes.values():
        inbox.open(1, None if inbox.kind is COMMIT else opened)
    return mail


def outcome(mail: MemberMail[int], bursts: list[list[Message]]) -> list[object]:
    """What it comes to: the error, and what is in each inbox."""
    said: list[object] = []
    try:
        for burst in bursts:
            mail.accept_all(burst)
    except na.MessageError as error:
        said.append(str(error))
    for kind, inbox in mail.inboxes.items():
        said += [kind, inbox.missing, inbox.complete]
        if inbox.complete:
            said.append(inbox.take()[1].tobytes())
        else:
            said.append([None if slot is None else slot.tobytes() for slot in inbox._slots])
            said.append(inbox._batch)
    return said


@given(
    st.permutations(GOOD),
    st.integers(1, len(GOOD)),
    st.lists(st.tuples(st.integers(0, len(GOOD)), DOUBTFUL, st.booleans()), max_size=2),
    st.lists(st.integers(1, len(GOOD) + 1), max_size=3),
    st.sampled_from([None, 2]),
    st.booleans(),
)
def test_bursts_are_as_messages_one_by_one(good, count, doubtful, cuts, opened, by_kind) -> None:
    messages = sorted(good, key=lambda m: KINDS.index(m.kind)) if by_kind else good
    messages = messages[:count]
    for place, message, instead in doubtful:
        messages[place : place + instead] = [message]
    if by_kind:  # as members send: all of one kind, then all of another
        cuts = [*cuts, *(k for k, (m, n) in enumerate(pairwise(messages), 1) if m.kind != n.kind)]
    ends = sorted({0, *cuts, len(messages)})
    bursts = [messages[a:b] for a, b in pairwise(ends) if messages[a:b]]
    one_by_one = [[message] for message in messages]
    with np.errstate(over="ignore"):  # squares of large numbers
        assert outcome(member(opened), bursts) == outcome(member(opened), one_by_one)


def test_a_kind_that_a_member_never_receives() -> None:
    mail = member(2)
    good, bad = (Message(STEP, kind, "a", "n", np.ones(2)) for kind in (ACTIVATION, LOSS))
    with pytest.raises(
        na.MessageError,
        match=r"^'n' cannot accept loss 'a' -> 'n' of step 1: it has no synapse for it$",
    ):
        mail.accept_all([good, bad])
    assert mail.inboxes[ACTIVATION].missing == ("b", "c")
