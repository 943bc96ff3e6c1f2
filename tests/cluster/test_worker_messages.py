"""Messages of a cluster: what is sent arrives, what is no message is refused, and a change changes the version."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuro_actors.cluster import framing
from neuro_actors.cluster.message_codec import _decoder, decode, decode_as, encode
from neuro_actors.cluster.worker_messages import (
    KINDS,
    BatchLearned,
    BatchMean,
    ConcludeBatch,
    CutRows,
    JobFailed,
    JobReady,
    Message,
    PartialSum,
    PeerHello,
    PeerLost,
    RunStep,
    ShardRecord,
    StartJob,
    StepDone,
    Stop,
    WorkerHello,
)
from neuro_actors.neuron.messages import Step
from neuro_actors.rules.batch_round import BatchRound
from neuro_actors.support.arrays import Array
from neuro_actors.support.errors import WorkerConnectionError

ROWS = np.arange(6.0).reshape(2, 3)
PLACES = np.arange(4)
NUMBERS = np.arange(3.0)
RECORD = ShardRecord((ROWS, ROWS + 1, ROWS + 2, NUMBERS))
SAMPLES: list[Message] = [
    WorkerHello(1, 2, 3456, {"numpy": "2.0"}),
    PeerHello(1, 2),
    StartJob(
        1, 0, 2, (("127.0.0.1", 1), ("host", 2)), {"number": 0}, (PLACES, NUMBERS),
        {"name": "Backpropagation"}, "ordered", 4, True, {"name": "SGD"}, 3, (NUMBERS, NUMBERS + 1),
        NUMBERS + 2,
        {"points": 1, "activations": {}},
    ),
    StartJob(1, 0, 1, (), {}, (), {}, "ordered", 1, False, None, 0, (), None, {}),
    RunStep(4, "squared_error", True, False, "second", (2, 3), 2, 3, ROWS, ROWS + 1, NUMBERS),
    RunStep(4, None, False, False, "", None, 3, 1, ROWS, None, None),
    ConcludeBatch(4, 3, {"name": "Adam", "learning_rate": 0.1}),
    ConcludeBatch(4, 3, None),
    Stop(),
    JobReady(1),
    StepDone(1, 4, ROWS, NUMBERS, ROWS + 1, RECORD),
    StepDone(1, 4, ROWS, NUMBERS, None, None),
    BatchLearned(1, 4, "abc", NUMBERS, (NUMBERS + 1, NUMBERS + 2), NUMBERS + 3),
    BatchLearned(1, 4, "abc", None, (), None),
    JobFailed(1, 3, "'h' failed in step 3"),
    PeerLost(1, "worker 2 has closed its connection"),
    CutRows(0, 3, "back", 4, ROWS),
    PartialSum(3, 2, 5, ((1, 0), (0, 2)), (NUMBERS, NUMBERS + 1)),
    BatchMean(3, NUMBERS),
]  # fmt: skip


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    if dataclasses.is_dataclass(a):
        names = [field.name for field in dataclasses.fields(a)]
        return type(a) is type(b) and all(equal(getattr(a, n), getattr(b, n)) for n in names)
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(equal, a, b))
    return type(a) is type(b) and a == b


def through_a_frame(message: Message) -> Message:
    """As a connection carries it."""
    raw = b"".join(framing.FrameWriter(b"key").write(framing.pack(*encode(message))))
    reader = framing.FrameReader(b"key")
    header = reader.read_header(raw[: framing.HEADER_BYTES])
    body = np.frombuffer(bytes(header.padding) + raw[framing.HEADER_BYTES :], np.uint8)
    reader.add_piece(body[header.padding : -framing.MAC_BYTES].data)
    return decode(*reader.read(body))


def test_each_kind_has_a_sample() -> None:
    assert {type(sample).__name__ for sample in SAMPLES} == set(KINDS)


@pytest.mark.parametrize("message", SAMPLES, ids=lambda message: type(message).__name__)
def test_what_is_sent_arrives(message: Message) -> None:
    assert equal(through_a_frame(message), message)


def test_a_step_is_in_its_message() -> None:
    whole, prediction = (one for one in SAMPLES if isinstance(one, RunStep))
    step = Step(4, "squared_error", None, True, False, "second", micro_batch=(2, 3))
    assert whole.step == step
    assert whole.place == BatchRound(2, 1, 2, 3, is_first=False)
    assert prediction.step == Step(4)


def test_a_tick_is_a_part_of_a_batch_or_a_batch_of_its_own() -> None:
    """Of two micro-batches of three ticks this is the ninth round; or its batch is not cut."""
    name = "micro-batch 1 of 2, back to tick 2 of 3"
    sample = next(one for one in SAMPLES if isinstance(one, RunStep))
    for batch, place in (
        (3, BatchRound(3, 8, 1, 2, is_first=False, begins=False, ends=False)),
        (11, BatchRound(11, 0)),
    ):
        more = {"round": name, "micro_batch": (1, 2), "number": 12, "batch": batch}
        assert dataclasses.replace(sample, **more).place == place


@pytest.mark.parametrize("hint", [Array, types.GenericAlias(NDArray, (np.float64,))])
def test_an_array_is_known_however_numpy_spells_its_type(hint: Any) -> None:
    """Up to numpy 2.4 `NDArray[...]` is an `np.ndarray[...]`; from 2.5 on it is an alias."""
    array = np.ones(2)
    assert _decoder(hint)(0, [array], iter(range(1))) is array


def damaged(message: Message, **changes: Any) -> tuple[dict[str, Any], list[Any]]:
    """Its fields, some of them changed; None leaves one out."""
    held, arrays = encode(message)
    held |= changes
    return {name: value for name, value in held.items() if value != "left out"}, arrays


RUN = SAMPLES[4]
REFUSED: list[tuple[tuple[dict[str, Any], list[Any]], str]] = [
    (({}, []), r"^expected a message of a cluster, got a frame with the fields {}$"),
    (({"message": "Job"}, []), r"^expected a message of a cluster"),
    (({"message": ["RunStep"]}, []), r"^expected a message of a cluster"),
    (damaged(RUN, number="left out"), r"^this is not a message RunStep: RunStep was expected, got"),
    (damaged(RUN, more=1), r"^this is not a message RunStep: RunStep was expected, got"),
    (damaged(RUN, number="4"), r"^this is not a message RunStep: int was expected, got '4'$"),
    (damaged(RUN, number=True), r"int was expected, got True$"),
    (damaged(RUN, wrt_inputs=1), r"bool was expected, got 1$"),
    (damaged(RUN, loss=3), r"str was expected, got 3$"),
    (damaged(RUN, x=1), r"the next array was expected, got 1$"),
    (damaged(RUN, x=None), r"the next array was expected, got None$"),
    (damaged(RUN, direction=None), r"^this is not a message RunStep: array 2 belongs to no field$"),
    ((encode(RUN)[0], [ROWS, ROWS]), r"the next array was expected, got 2$"),
    ((encode(RUN)[0], [ROWS, ROWS, PLACES]), r"an array of float64 was expected, got dtype\('int64'\)$"),
    (damaged(SAMPLES[16], direction="up"), r"was expected, got 'up'$"),
    (damaged(SAMPLES[17], blocks=[[1, 0, 2], [0, 2]]), r"^this is not a message PartialSum: "),
    (damaged(SAMPLES[17], blocks=[[1, 0], 3]), r"a list was expected, got 3$"),
    (damaged(SAMPLES[17], blocks={}), r"a list was expected, got {}$"),
    (damaged(SAMPLES[10], record=[0]), r"ShardRecord was expected, got \[0\]$"),
    (damaged(SAMPLES[6], optimizer=[]), r"dict was expected, got \[\]$"),
]  # fmt: skip


@pytest.mark.parametrize(("frame", "match"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_message_is_refused(frame: tuple[dict[str, Any], list[Any]], match: str) -> None:
    with pytest.raises(WorkerConnectionError, match=match):
        decode(*frame)


def test_a_hello_must_be_of_its_kind() -> None:
    held, _ = encode(PeerHello(1, 2))
    assert decode_as(PeerHello, held) == PeerHello(1, 2)
    with pytest.raises(WorkerConnectionError, match=r"^expected WorkerHello, got PeerHello$"):
        decode_as(WorkerHello, held)


def test_a_change_of_a_message_changes_the_version() -> None:
    """Both ends have one version of all messages: the handshake compares `framing.VERSION`.

    If this fails, a message has changed: raise `framing.VERSION`, and enter the new pair here.
    """
    kinds = [*sorted(KINDS.values(), key=lambda kind: kind.__name__), ShardRecord]
    described = {kind.__name__: kind.__annotations__ for kind in kinds}
    digest = hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]
    assert (framing.VERSION, digest) == (6, "7374024b3fee130b")
