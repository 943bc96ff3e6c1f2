"""A neuron whose phases are those of the kernel does what the Python rule does, bit for bit, error for error."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from helpers.kernel_cases import Life, draw_life, draw_numbers

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.neuron.kernel_rule import FASTEST_RULE
from neuro_actors.neuron.local_rule import LocalRule
from neuro_actors.neuron.messages import Step
from neuro_actors.neuron.optimizers import SGD, Adam
from neuro_actors.neuron.sums import IN_PYTHON, ORDERED
from neuro_actors.neuron.tangent import TangentRule

pytestmark = pytest.mark.skipif(not na.kernel.in_use, reason=f"no kernel: {na.kernel.reason}")
STEP = Step(1, "squared_error", SGD(0.1))


def compare(n_lives: int, seed: int) -> Counter[str]:
    rng, seen = np.random.default_rng(seed), Counter()
    with np.errstate(all="ignore"):
        for _ in range(n_lives):
            life = draw_life(rng)
            found, due = list(life.results(FASTEST_RULE)), list(life.results(TangentRule))
            assert found == due, life
            seen["errors"] += sum(any(isinstance(part, type) for part in one) for one in due)
            seen["steps"] += len(due)
    return seen


def test_drawn_lives_are_equal() -> None:
    seen = compare(1500, 0)
    assert 0.03 * seen["steps"] < seen["errors"] < 0.4 * seen["steps"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 7))
def test_more_drawn_lives_are_equal(seed: int) -> None:
    compare(2000, seed)


def test_the_kernel_itself_computes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual steps don't reach the Python rule, which would be equal to itself."""
    calls: Counter[str] = Counter()
    for name in ("weighted_sum", "refuse", "learn", "listener_weights"):
        whole = getattr(LocalRule, name, None)
        if whole is not None:
            monkeypatch.setattr(
                LocalRule, name, lambda self, *a, n=name, w=whole: calls.update([n]) or w(self, *a)
            )
    rng = np.random.default_rng(0)
    for name in ("tanh", "sigmoid", "relu", "identity", "leaky_relu", "sin"):
        for optimizer in (None, SGD(0.1), SGD(0.1, 0.9, 0.1), Adam(0.1)):
            rule = FASTEST_RULE(
                "n", functions.activation(name), np.ones(4), np.array([True, False, False])
            )
            for number in range(2):
                step = Step(number + 1, "squared_error", optimizer)
                rule.fire(step, rng.standard_normal((4, 5)), np.empty(5))
                rule.respond(step, rng.standard_normal((2, 5)), np.empty((2, 5)), np.empty(4))
                if number == 0:
                    calls.clear()  # an optimizer's first step starts its state in Python
    assert not calls


def neuron(kind: type[TangentRule] = FASTEST_RULE, fan: int = 3, name: str = "tanh") -> TangentRule:
    return kind(
        "n",
        functions.activation(name),
        np.linspace(-1, 1, fan + 1),
        np.zeros(fan, dtype=bool),
        ORDERED,
    )


ROWS = np.linspace(-2, 2, 16).reshape(4, 4)
ODD = {
    "integers": np.ones((4, 4), dtype=np.int64),
    "float32": np.ones((4, 4), dtype=np.float32),
    "columns first": np.asfortranarray(ROWS),
    "every other": np.repeat(ROWS, 2, 1)[:, ::2],
    "other byte order": ROWS.astype(">f8"),
    "not aligned": np.frombuffer(b"\0" + ROWS.tobytes(), dtype=np.uint8)[1:]
    .view(np.float64)
    .reshape(4, 4),
    "read-only": np.array(ROWS),
    "list": ROWS.tolist(),
    "none": None,
    "no columns": np.ones((4, 0)),
    "no rows": np.ones((0, 4)),
    "too many rows": np.ones((7, 4)),
    "a vector": np.ones(4),
    "three axes": np.ones((4, 4, 1)),
    "subclass": ROWS.view(type("Own", (np.ndarray,), {})),
}
ODD["read-only"].setflags(write=False)


def attempt(call, *arguments) -> tuple:
    try:
        return ("done", call(*arguments))
    except Exception as error:
        return (type(error), str(error))


@pytest.mark.parametrize("odd", list(ODD.values()), ids=list(ODD))
@pytest.mark.parametrize("place", range(5))
def test_arrays_that_the_kernel_does_not_take(odd, place: int) -> None:
    """Whatever a phase is called with, it ends as the Python rule does: no crash, the same bits, the same error."""
    seen = []
    for kind in (FASTEST_RULE, TangentRule):
        rule, arrays = (
            neuron(kind),
            [np.array(ROWS), np.empty(4), np.array(ROWS[:2]), np.empty((3, 4)), np.empty(4)],
        )
        arrays[place] = (
            odd if not isinstance(odd, np.ndarray) or not odd.flags.writeable else odd.copy()
        )
        if isinstance(odd, np.ndarray) and place in (1, 4) and odd.ndim == 2 and odd.size:
            arrays[place] = odd[0].copy()
        with np.errstate(all="ignore"):
            outcome = [
                attempt(rule.fire, STEP, *arrays[:2]),
                attempt(rule.respond, STEP, *arrays[2:]),
            ]
        outcome += [np.asarray(one).tobytes() for one in arrays if isinstance(one, np.ndarray)]
        seen.append((outcome, rule.state.parameters.tobytes()))
    (found, parameters), (due, due_parameters) = seen
    assert [one[0] for one in found[:2]] == [one[0] for one in due[:2]]
    assert parameters == due_parameters
    if all(one[0] == "done" for one in due[:2]):
        assert found == due


@pytest.mark.parametrize("method", ["fire", "respond", "conclude"])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 6])
def test_wrong_numbers_of_arguments(method: str, count: int) -> None:
    with pytest.raises(TypeError):
        getattr(neuron(), method)(*[STEP] * count)


def test_arguments_with_names() -> None:
    seen = []
    for kind in (FASTEST_RULE, TangentRule):
        rule, said, commit = neuron(kind), np.empty(4), np.empty(4)
        rule.fire(STEP, activations_in=ROWS, activation_out=said)
        rule.respond(STEP, ROWS[:2].copy(), commit_out=commit, urgencies_out=np.empty((3, 4)))
        seen.append(
            (said.tobytes(), commit.tobytes(), attempt(lambda one: one.fire(STEP, rows=1), rule))
        )
    assert seen[0] == seen[1]


def test_a_rule_that_was_not_made() -> None:
    """Fields that are missing are an AttributeError, as slots that are not set."""
    rule = FASTEST_RULE.__new__(FASTEST_RULE)
    with pytest.raises(AttributeError):
        rule.fire(STEP, ROWS, np.empty(4))
    with pytest.raises(AttributeError):
        rule.respond(STEP, ROWS, np.empty((3, 4)), np.empty(4))
    with pytest.raises(AttributeError):
        _ = rule.state
    del rule


@pytest.mark.parametrize(
    "field",
    ["state", "function", "listening", "frozen", "positions", "sums", "signal", "activations_in"],
)
@pytest.mark.parametrize("value", [None, 3, "text", (), np.ones(2)], ids=str)
def test_fields_of_another_kind(field: str, value) -> None:
    for before in (True, False):
        outcome = []
        for kind in (FASTEST_RULE, TangentRule):
            rule = neuron(kind)
            if before:
                setattr(rule, field, value)
            with np.errstate(all="ignore"):
                first = attempt(rule.fire, STEP, ROWS, np.empty(4))
                if not before:
                    setattr(rule, field, value)
                second = attempt(rule.respond, STEP, ROWS[:2].copy(), np.empty((3, 4)), np.empty(4))
            outcome.append((first[0], second[0]))
        assert outcome[0] == outcome[1]


def test_a_function_that_replaces_the_neurons_fields() -> None:
    """What is in use is held: code of a user's own may do what it likes with the rule meanwhile."""
    holder = []

    def value(z):
        holder[0].state = holder[0].function = holder[0].listening = None
        gc.collect()
        return np.tanh(z)

    own = na.Activation(value, lambda z, a: 1.0 - a * a)
    for _ in range(50):
        rule = FASTEST_RULE("n", own, np.ones(400), np.ones(399, dtype=bool), ORDERED)
        holder[:] = [rule]
        rule.fire(STEP, np.ones((400, 30)), np.empty(30))
        assert rule.state is None


def test_a_schedule_that_replaces_the_state() -> None:
    holder = []

    def schedule(count):
        if holder:
            holder[0].state = None
            gc.collect()
        return 0.1

    rule = neuron()
    step = Step(1, "squared_error", SGD(schedule, 0.9))
    for _ in range(20):
        rule.fire(step, ROWS, np.empty(4))
        rule.respond(step, ROWS[:2].copy(), np.empty((3, 4)), np.empty(4))
        holder[:] = [rule]
        assert rule.state.parameters.shape == (4,)


def test_a_rule_in_a_circle_is_collected() -> None:
    class Holder(FASTEST_RULE):
        __slots__ = ("__weakref__",)

    import weakref

    rule = Holder("n", functions.activation("tanh"), np.ones(4), np.zeros(3, dtype=bool))
    rule.function = [rule]
    seen = weakref.ref(rule)
    del rule
    gc.collect()
    assert seen() is None


@pytest.mark.parametrize("name", ["tanh", "gelu"])
@pytest.mark.parametrize(
    "optimizer",
    [None, SGD(0.1), SGD(0.1, 0.9, 0.1), SGD(lambda count: 0.1), Adam(0.1)],
    ids=["gradient", "sgd", "momentum", "schedule", "adam"],
)
@pytest.mark.parametrize("fails", [False, True], ids=["usual", "error"])
def test_no_reference_is_lost_or_held(name: str, optimizer, fails: bool) -> None:
    """Counts of references, and traced memory, are after a thousand steps what they were after some."""
    step = Step(1, "squared_error", optimizer)
    rule, rows, urgencies = neuron(name=name), ROWS.copy(), ROWS[:2].copy()
    said, sent, commit = np.empty(4), np.empty((3, 4)), np.empty(4)
    if fails:
        urgencies[0, 0] = np.inf
    objects = [
        None,
        step,
        optimizer,
        rule.function,
        rows,
        urgencies,
        said,
        sent,
        commit,
        ORDERED,
        type(rule),
        rule,
    ]

    def live(n: int) -> None:
        for _ in range(n):
            rule.fire(step, rows, said)
            attempt(rule.respond, step, urgencies, sent, commit)
        rule.state = rule.state._replace(updates=1)

    with np.errstate(all="ignore"):
        live(50)
        gc.collect()
        tracemalloc.start()
        live(10)
        gc.collect()
        counts, before = (
            [sys.getrefcount(one) for one in objects],
            tracemalloc.get_traced_memory()[0],
        )
        live(1000)
        gc.collect()
        after, more = tracemalloc.get_traced_memory()[0], [sys.getrefcount(one) for one in objects]
        tracemalloc.stop()
    assert max(abs(a - b) for a, b in zip(counts, more, strict=True)) < 20
    assert after - before < 4000


def test_the_fields_are_listed_as_slots_are() -> None:
    slots = [name for kind in TangentRule.__mro__ for name in getattr(kind, "__slots__", ())]
    assert {"id", "state", "signal", "sums"} <= set(slots)


def test_other_sums_are_left_to_python() -> None:
    for kind in (FASTEST_RULE, TangentRule):
        rule = kind(
            "n", functions.activation("tanh"), np.ones(4), np.zeros(3, dtype=bool), IN_PYTHON
        )
        rule.fire(STEP, ROWS, np.empty(4))
        rule.respond(STEP, ROWS[:2].copy(), np.empty((3, 4)), np.empty(4))
        assert rule.state.updates == 1


class Mixed(na.rules.Rule):
    """Every other neuron without the kernel."""

    def neuron(self, network, k, sums):
        return (TangentRule if k % 2 else FASTEST_RULE)(*na.rules.own(network, k), sums)


@pytest.mark.parametrize("channels", ["bundled", "memory"])
@pytest.mark.parametrize("optimizer", [SGD(0.1, 0.9), Adam(0.05)], ids=repr)
def test_a_mixed_society_learns_the_same(channels: str, optimizer) -> None:
    rng = np.random.default_rng(0)
    net = na.Network.layered([5, 7, 6, 3], "tanh", output_activation="sigmoid", seed=1)
    x, targets = rng.standard_normal((9, 5)), rng.random((9, 3))
    results = [
        na.train(
            net,
            x,
            targets,
            optimizer=optimizer,
            epochs=3,
            batch_size=4,
            seed=0,
            rule=rule,
            channels=channels,
        ).network
        for rule in (None, Mixed())
    ]
    assert results[0].weights.tobytes() == results[1].weights.tobytes()
    assert results[0].biases.tobytes() == results[1].biases.tobytes()


def test_a_mutant_of_the_rule_is_seen() -> None:
    """The comparison refuses a rule that is off by one rounding."""

    class Off(TangentRule):
        __slots__ = ()

        def fire(self, step, activations_in, activation_out):
            super().fire(step, activations_in, activation_out)
            activation_out[...] = np.nextafter(activation_out, 9.0)

    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        differs = [
            list(life.results(Off)) != list(life.results(TangentRule))
            for life in (draw_life(rng) for _ in range(20))
        ]
    assert sum(differs) > 15


def test_draws_are_of_all_kinds() -> None:
    rng = np.random.default_rng(0)
    lives: list[Life] = [draw_life(rng) for _ in range(400)]
    assert (
        {life.positions > 1 for life in lives}
        == {life.frozen is None for life in lives}
        == {True, False}
    )
    assert any((draw_numbers(rng, 9) == 0).all() for _ in range(50))
