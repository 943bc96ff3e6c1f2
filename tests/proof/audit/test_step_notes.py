"""Which field of a begin note is wrong, and what a run writes there."""

from __future__ import annotations

import json

import pytest

from neuro_actors.proof.audit.step_notes import _wrong_fields

RIGHT = {
    "mode": "gradient", "loss": "huber", "batch": 3, "wrt_inputs": True, "optimizer": None, "update": None,
}  # fmt: skip


def test_a_note_as_a_run_writes_it() -> None:
    assert list(_wrong_fields(RIGHT, json.dumps(RIGHT))) == []


@pytest.mark.parametrize(
    ("changed", "field", "expected"),
    [
        ({"mode": "dream"}, "mode in the ", "one of predict, gradient, train, product"),
        ({"loss": None}, "loss in the ", "the name of a loss"),
        ({"mode": "predict"}, "loss in the ", "null: a step that predicts has no loss"),
        ({"batch": 0}, "batch in the ", "a number of examples"),
        ({"batch": True}, "batch in the ", "a number of examples"),
        ({"wrt_inputs": 1}, "wrt_inputs in the ", "true or false"),
        ({"mode": "product", "loss": "huber"}, "wrt_inputs in the ", "false in a step of this mode"),
        ({"optimizer": {}}, "optimizer in the ", "null: nothing is learnt"),
        ({"more": 1}, "", "with the fields mode, loss, batch, wrt_inputs, optimizer, update, in this order"),
    ],
)  # fmt: skip
def test_the_wrong_field_is_named(changed: dict, field: str, expected: str) -> None:
    note = RIGHT | changed
    what, _, right = next(_wrong_fields(note, json.dumps(note)))
    assert (what, right) == (field, expected)


def test_a_note_of_other_bytes_is_shown_as_a_run_writes_it() -> None:
    assert next(_wrong_fields(RIGHT, json.dumps(RIGHT) + " "))[2] == json.dumps(RIGHT)
