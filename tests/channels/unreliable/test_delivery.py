"""The delivery protocol alone, rule by rule, without trio; and frames, byte by byte."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from neuro_actors.channels.unreliable.delivery import CAP, AckTable, DeliveryState, Snapshot
from neuro_actors.channels.unreliable.frames import HEAD, Frame, decode, encode
from neuro_actors.channels.unreliable.step_table import StepTable
from neuro_actors.neuron.messages import Step
from neuro_actors.neuron.optimizers import SGD
from neuro_actors.support.errors import MessageError

# h receives from a (route 1) and b (route 2), and answers on 11 and 12. It sends to y (route 5) and z (route 6), which
# answer on 15 and 16. On 7 it sends its activation to the environment, on 9 its commit.
WIRES = AckTable("h", answers={1: 11, 2: 12}, repeats={15: (5,), 16: (6,)}, first=1.0)
ANSWERS = (15, 16)


def frame(
    route: int, number: int = 1, value: float = 0.0, step_code: int = 0, asks: bool = False
) -> Frame:
    return Frame(route, number, step_code, np.array([value]), asks)


def question(route: int, number: int = 1) -> Frame:
    return Frame(route, number, 0, asks=True)


def after_sending(at: float = 0.0) -> DeliveryState:
    """In step 1 it has received from its sources, and sent."""
    delivery = DeliveryState(WIRES, Snapshot())
    delivery.receive(frame(1))
    delivery.receive(frame(2))
    delivery.mark_sent([frame(5), frame(6), frame(7)], ANSWERS, at)
    return delivery


def finished() -> DeliveryState:
    """It has finished step 1."""
    delivery = after_sending()
    delivery.receive(frame(15))
    delivery.receive(frame(16))
    delivery.finish(("state",), [frame(11, value=1.0), frame(12, value=2.0), frame(9, value=3.0)])
    return delivery


def same(one: Frame | None, other: Frame) -> bool:
    return (
        one is not None
        and one[:3] == other[:3]
        and one.asks == other.asks
        and np.array_equal(one.values, other.values)
    )


def state(delivery: DeliveryState) -> tuple:
    return (
        delivery.number,
        delivery.step_code,
        dict(delivery.mail),
        dict(delivery.sent),
        delivery.deadline,
        delivery.snapshot,
    )


def test_a_repeated_frame_changes_nothing() -> None:
    delivery = DeliveryState(WIRES, Snapshot())
    assert delivery.receive(frame(1, value=4.0)) is None
    assert delivery.missing((1, 2)) == [2]
    assert delivery.receive(frame(1, value=4.0)) is None
    assert delivery.missing((1, 2)) == [2]
    assert delivery.mail[1] == 4.0


def test_early_urgencies_are_stored() -> None:
    delivery = DeliveryState(WIRES, Snapshot())
    delivery.receive(frame(15, value=4.0))
    assert delivery.missing(ANSWERS) == [16]


def test_the_step_before_is_answered_again_and_older_ones_are_dropped() -> None:
    delivery = finished()
    assert same(delivery.receive(frame(1)), frame(11, value=1.0))
    assert same(delivery.receive(frame(2)), frame(12, value=2.0))
    assert delivery.receive(frame(15)) is None  # an urgency needs no answer
    for line in WIRES.answers:
        delivery.receive(frame(line, 2))
    delivery.mark_sent([frame(5, 2), frame(6, 2)], ANSWERS, 0.0)
    delivery.finish((), [frame(11, 2), frame(12, 2)])
    before = state(delivery)
    assert delivery.receive(frame(1)) is None
    assert delivery.receive(question(9)) is None
    assert state(delivery) == before


def test_a_snapshot_holds_what_was_sent_last_and_is_not_acknowledged() -> None:
    snapshot = finished().snapshot
    assert (snapshot.number, snapshot.state) == (1, ("state",))
    assert sorted(snapshot.sent) == [7, 9, 11, 12]  # y and z have answered what was sent to them


def test_after_a_crash_it_answers_as_before() -> None:
    before = finished()
    delivery = DeliveryState(WIRES, before.snapshot)
    assert (delivery.number, delivery.mail, delivery.sent, delivery.deadline) == (
        2,
        {},
        {},
        math.inf,
    )
    assert same(delivery.receive(frame(1)), frame(11, value=1.0))


def test_a_question_is_answered_with_what_was_sent_and_nothing_else() -> None:
    delivery = after_sending()
    assert same(delivery.receive(question(7)), frame(7))  # already sent in this step
    assert delivery.receive(question(9)) is None  # not yet
    delivery = finished()
    assert same(delivery.receive(question(7)), frame(7))
    assert same(delivery.receive(question(9)), frame(9, value=3.0))
    assert delivery.receive(question(7, 2)) is None


def test_at_the_deadline_it_repeats_what_was_not_answered() -> None:
    delivery = after_sending(at=10.0)
    delivery.receive(frame(15))
    assert delivery.take_due(10.9) == []
    (again,) = delivery.take_due(11.0)
    assert same(again, frame(6))
    assert delivery.deadline == 13.0
    assert delivery.take_due(12.9) == []
    assert delivery.take_due(13.0) != []
    for _ in range(10):
        delivery.take_due(delivery.deadline)
    assert delivery.wait == CAP * WIRES.first
    delivery.receive(frame(16))
    assert delivery.take_due(1e9) == []
    assert delivery.deadline == math.inf


def test_mail_does_not_move_the_deadline() -> None:
    delivery = after_sending(at=10.0)
    for line in (1, 2, 15):
        delivery.receive(frame(line))
        assert delivery.deadline == 11.0


def test_it_asks_for_what_answers_nothing_that_it_said() -> None:
    environment = DeliveryState(
        AckTable("environment", answers={}, repeats={7: (), 8: (1, 2)}, first=1.0), Snapshot()
    )
    environment.step_code = 3
    environment.mark_sent([frame(1, step_code=3), frame(2, step_code=3)], (7, 8), 0.0)
    frames = environment.take_due(1.0)
    assert [(t.route, t.asks) for t in frames] == [(7, True), (1, False), (2, False)]
    assert frames[0].step_code == 3


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (frame(1, 2), "it belongs to step 2, the receiver is at step 1"),
        (question(9, 2), "it belongs to step 2, the receiver is at step 1"),
        (frame(3), "this route does not lead to the receiver"),
        (frame(2, step_code=1), "its step code is 1, that of all others in step 1 is 0"),
    ],
)
def test_what_cannot_be_is_an_error_and_changes_nothing(bad: Frame, problem: str) -> None:
    delivery = DeliveryState(WIRES, Snapshot())
    delivery.receive(frame(1))
    before = state(delivery)
    with pytest.raises(MessageError, match=f"^{re.escape(problem)}$"):
        delivery.receive(bad)
    assert state(delivery) == before


# --- frames ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [[], [1.5], [0.1, -0.0, 5e-324, -1e308]])
@pytest.mark.parametrize("asks", [False, True])
def test_a_decoded_frame_is_the_encoded_one(values: list[float], asks: bool) -> None:
    written = Frame(70_000, 2**32 - 1, 65_535, np.array(values), asks)
    data = encode(written)
    assert len(data) == 16 + 8 * len(values) + 4
    read = decode(data)
    assert same(read, written)
    assert read.values.tobytes() == written.values.tobytes()
    assert read.values.dtype == np.float64
    assert read.values.flags.aligned
    assert not read.values.flags.writeable


def test_every_altered_byte_is_noticed() -> None:
    data = encode(frame(5, 3, 0.25))
    for place in range(len(data)):
        for change in range(1, 256):
            altered = bytearray(data)
            altered[place] ^= change
            assert decode(bytes(altered)) is None, (place, change)


def test_every_other_length_is_noticed() -> None:
    data = encode(frame(5, 3, 0.25))
    assert all(decode(data[:size]) is None for size in range(len(data)))
    assert decode(data + b"\0") is None
    assert decode(data + data) is None


def test_noise_is_no_frame() -> None:
    rng = np.random.default_rng(0)
    assert all(decode(rng.bytes(int(size))) is None for size in rng.integers(0, 200, 2000))


def test_a_count_that_lies_takes_no_room() -> None:
    from zlib import crc32

    body = HEAD.pack(0, 0, 1, 5, 2**32 - 1) + bytes(8)
    assert decode(body + crc32(body).to_bytes(4, "little")) is None


def test_step_codes() -> None:
    table = StepTable()
    learn, again = Step(1, "squared_error", SGD(0.1)), Step(2, "squared_error", SGD(0.1))
    assert table.encode(learn) == table.encode(again) == 0
    predict = Step(3)
    assert table.encode(predict) == 1
    assert (
        table.decode(3, 1) is predict
    )  # the same one while it is under way: a rule tells its step by it
    assert table.decode(4, 0) == Step(4, "squared_error", SGD(0.1))
    assert table.decode(3, 0) == Step(3, "squared_error", SGD(0.1))
    with pytest.raises(MessageError, match=r"^step code 2 of step 1 is unknown$"):
        table.decode(1, 2)
    for number in range(
        4, 70_004
    ):  # an optimizer that is another one each time takes no more and more room
        latest = Step(number, "squared_error", SGD(number))
        code = table.encode(latest)
    assert table.decode(70_003, code) is latest
    assert table.decode(70_002, code - 1) == Step(70_002, "squared_error", SGD(70_002))
    with pytest.raises(MessageError, match=r"is unknown$"):
        table.decode(4, code - 20)
