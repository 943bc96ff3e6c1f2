"""What an engine promises to the members, whatever is inside it; and what is particular to memory channels."""

from __future__ import annotations

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.channels import engine
from neuro_actors.channels.memory import Memory
from neuro_actors.messages import ACTIVATION, COMMIT, URGENCY, Message, Step

STEP = Step(1, loss="squared_error")


async def test_mail_comes_in_synapse_order_with_a_row_of_ones(channels: str, diamond) -> None:
    carriers = engine(channels)(diamond, None)
    ports = {name: carriers.port(name) for name in (*diamond.ids, "loss", "environment")}
    ports["y"].expect(ACTIVATION, 1)
    for k, name in enumerate(("x", "h2", "h1")):  # not in the order of y's synapses: h1, h2, x
        ports[name].broadcast(ACTIVATION, STEP, np.full(2, float(k)))
    await ports["y"].wait(ACTIVATION)
    step, heard = ports["y"].take(ACTIVATION)
    assert step is STEP
    assert heard.tolist() == [[2, 2], [1, 1], [0, 0], [1, 1]]
    assert heard.flags.c_contiguous
    carriers.close()


async def test_inputs_hear_urgencies_only_in_a_step_that_says_so(channels: str, diamond) -> None:
    carriers = engine(channels)(diamond, None)
    y, before = carriers.port("y"), carriers.statistics().messages
    y.send(URGENCY, STEP, np.ones((2, 1)))  # h1, h2
    assert carriers.statistics().messages - before == 2
    y.send(URGENCY, Step(1, loss="squared_error", wrt_inputs=True), np.ones((3, 1)))
    assert carriers.statistics().messages - before == 5
    carriers.close()


async def test_every_message_is_recorded_as_it_is_sent(channels: str, diamond) -> None:
    said: list[Message] = []
    carriers = engine(channels)(diamond, said.append)
    carriers.port("h1").broadcast(ACTIVATION, STEP, np.ones(2))
    assert [(m.sender, m.receiver) for m in said] == [("h1", "y"), ("h1", "loss"), ("h1", "environment")]
    carriers.port("y").send(URGENCY, STEP, np.ones((2, 2)))
    assert [(m.sender, m.receiver) for m in said[3:]] == [("y", "h1"), ("y", "h2")]
    assert str(said[3]) == "urgency 'y' -> 'h1' of step 1"
    carriers.close()


async def test_a_mailbox_is_never_sent_more_than_it_can_hold(diamond) -> None:
    """The proven capacity is a limit: whoever breaks the proof is told whose mailbox it is."""
    carriers = Memory(diamond)
    with pytest.raises(na.SimulationError, match=r"^the mailbox of 'h2' is full"):
        for _ in range(3):
            carriers.port("x").broadcast(ACTIVATION, STEP, np.ones(1))
    carriers.close()


async def test_a_kind_that_a_member_never_hears_is_refused(diamond) -> None:
    carriers = Memory(diamond)
    y = carriers.port("y")
    y.expect(ACTIVATION, 1)
    carriers._mailboxes["y"][0].send_nowait(Message(STEP, COMMIT, "h1", "y", np.ones(2)))
    with pytest.raises(na.MessageError, match=r"^'y' cannot accept commit 'h1' -> 'y' of step 1: it has no synapse for it$"):
        await y.wait(ACTIVATION)
    carriers.close()


def test_names_of_engines() -> None:
    assert engine("memory") is Memory
    assert engine(Memory) is Memory
    with pytest.raises(na.InputError, match=r"^unknown channels 'memry': did you mean 'memory'\?$"):
        engine("memry")
