"""Micro-batches: each batch in parts, whose urgencies everybody adds up by one fixed tree, which can be shared out."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
import trio
from helpers import all_kinds
from helpers.batch_parts import at_the_centre, by_halves, sizes
from helpers.broken_off import breaking_off
from helpers.comparing import same_bits
from helpers.small_network import NET, SMALL, TARGETS, X
from helpers.tiers import few

import neuro_actors as na
from neuro_actors import rules
from neuro_actors.channels.unreliable.faults import Kill
from neuro_actors.neuron.kernel_rule import FASTEST_RULE
from neuro_actors.neuron.messages import Step, micro_batch_of
from neuro_actors.neuron.sums import ORDERED
from neuro_actors.neuron.tree_sum import TreeSum
from neuro_actors.proof.random_cases import draw_case
from neuro_actors.rules.micro_batches import MicroBatchNeuron
from neuro_actors.rules.part_rounds import cut
from neuro_actors.rules.rule_json import rule_from_json, rule_to_json
from neuro_actors.simulation import blocking as synchronous
from neuro_actors.simulation.step_result import RoundCollector, StepOutcome

STORM = na.Unreliable(drop=0.2, duplicate=0.2, reorder=0.2, corrupt=0.05, crash=0.2, seed=3)


def counts(batch: int) -> list[int]:
    return sorted({1, 2, 3, 5, 8, batch, batch + 3})


async def learnt(channels, count, steps=3, rule=None, log=None, x=X, targets=TARGETS) -> na.Network:
    async with na.open_simulation(NET, channels, log, rule=rule, micro_batches=count) as simulation:
        for _ in range(steps):
            await simulation.train_step(x, targets, optimizer=na.SGD(0.1, momentum=0.9))
        return await simulation.network()


# --- the tree ----------------------------------------------------------------------------------------------------


def terms(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(count)
    return list(rng.standard_normal((count, 5)) * 10.0 ** rng.integers(-8, 8, (count, 1)))


@pytest.mark.parametrize("count", range(1, 34))
def test_the_tree_is_the_same_whoever_adds(count: int) -> None:
    """In order; in any order; and shared out among two or three, each with a run of terms."""
    values = terms(count)
    expected = by_halves(values)
    tree, most = TreeSum(), 0
    for place, value in enumerate(values):
        tree = tree.add(0, place, value)
        most = max(most, len(tree.blocks))
    assert np.array_equal(tree.total(), expected)
    assert most <= count.bit_length()
    rng = np.random.default_rng(count)
    tree = TreeSum()
    for place in rng.permutation(count).tolist():
        tree = tree.add(0, place, values[place])
    assert np.array_equal(tree.total(), expected)
    for workers in (2, 3):
        for cuts in itertools.islice(itertools.combinations(range(1, count), workers - 1), 40):
            apart = []
            for start, end in itertools.pairwise([0, *cuts, count]):
                own = TreeSum()
                for place in rng.permutation(np.arange(start, end)).tolist():
                    own = own.add(0, place, values[place])
                apart.append(own)
            tree = TreeSum()
            for worker in rng.permutation(workers).tolist():
                for block in apart[worker].blocks:
                    tree = tree.add(*block)
            assert np.array_equal(tree.total(), expected)


def test_the_tree_is_not_a_running_sum() -> None:
    """The test above could not pass by any order."""
    for count in range(5, 34):
        assert not np.array_equal(np.add.accumulate(terms(count))[-1], by_halves(terms(count)))


def test_blocks_are_never_changed_in_place() -> None:
    tree = TreeSum().add(0, 0, np.ones(2))
    before = tree.blocks[0][2]
    assert not before.flags.writeable
    tree.add(0, 1, np.ones(2))
    assert tree.blocks == ((0, 0, before),)
    assert before.tolist() == [1, 1]


def test_parts_follow_each_other_and_the_larger_ones_come_first() -> None:
    for batch in range(1, 20):
        for count in range(1, 23):
            parts = cut(batch, count)
            assert [part.stop - part.start for part in parts] == sizes(batch, count)
            assert [k for part in parts for k in range(batch)[part]] == list(range(batch))


# --- bits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", few(SMALL, 2))
def test_the_bits_are_those_of_the_same_tree_at_the_centre(seed: int) -> None:
    case = draw_case(seed)
    given = case.network, case.x, case.targets, case.loss
    for count in counts(len(case.x)):
        weights, biases, predictions = at_the_centre(*given, count)
        found = {
            name: na.gradient(*given, channels=name, micro_batches=count, wrt_inputs=True)
            for name in ("memory", "bundled")
        }
        one = found["memory"]
        assert same_bits(one, found["bundled"])
        assert np.array_equal(one.weights, weights)
        assert np.array_equal(one.biases, biases)
        assert np.array_equal(one.predictions, predictions)
        expected, bound = na.reference.with_bound(*given, wrt_inputs=True)
        for name in ("loss", "predictions", "weights", "biases", "inputs"):
            difference = np.abs(np.subtract(getattr(one, name), getattr(expected, name)))
            assert (difference <= getattr(bound, name)).all(), (name, count)


@pytest.mark.parametrize("seed", [3, 9, 16])
@pytest.mark.parametrize("count", [2, 5])
def test_in_a_storm(seed: int, count: int) -> None:
    case = draw_case(seed)
    given = case.network, case.x, case.targets, case.loss
    calm, loud = (
        na.gradient(*given, each, micro_batches=count, wrt_inputs=True)
        for each in ("bundled", STORM)
    )
    assert same_bits(calm, loud)


def test_learning_in_both_engines_and_in_a_storm(run_slow: bool) -> None:
    for count in counts(len(X)) if run_slow else (1, 3, len(X)):
        found = [
            synchronous.run(lambda c=c, n=count: learnt(c, n), c)
            for c in ("memory", "bundled", STORM)
        ]
        assert found[0] == found[1] == found[2]
        # what each learns from is the gradient, which was compared above
        network = NET
        optimizer, velocity = (
            na.SGD(0.1, momentum=0.9),
            [(np.zeros_like(p),) for p in (NET.weights, NET.biases)],
        )
        for step in range(3):
            gradient = na.gradient(network, X, TARGETS, micro_batches=count)
            moved = []
            for i, name in enumerate(("weights", "biases")):
                new, velocity[i] = optimizer.update(
                    getattr(network, name), -getattr(gradient, name), velocity[i], step + 1
                )
                moved.append(new)
            network = network.with_parameters(*moved)
        assert network == found[0]


def test_another_rule_of_one_round() -> None:
    rule = rules.FeedbackAlignment(seed=3)
    for count in counts(len(X)):
        weights, biases, _ = at_the_centre(NET, X, TARGETS, "squared_error", count, rule)

        async def society(count=count) -> na.Gradient:
            async with na.open_simulation(NET, rule=rule, micro_batches=count) as simulation:
                return await simulation.gradient(X, TARGETS)

        found = trio.run(society)
        assert np.array_equal(found.weights, weights)
        assert np.array_equal(found.biases, biases)


@pytest.mark.parametrize("count", [None, 1])
def test_one_is_none(count: int | None, tmp_path) -> None:
    """No round, no wrapper: the same log, byte for byte."""
    plain, wrapped = tmp_path / "plain", tmp_path / "wrapped"
    trio.run(learnt, "memory", None, 2, None, plain)
    trio.run(learnt, "memory", count, 2, None, wrapped)
    assert plain.read_bytes() == wrapped.read_bytes()


def test_a_batch_of_one_example_is_what_it_was() -> None:
    plain, parts = (
        na.gradient(NET, X[:1], TARGETS[:1], micro_batches=count, wrt_inputs=True)
        for count in (None, 4)
    )
    assert same_bits(plain, parts)


def test_examples_keep_their_order() -> None:
    """Loss and inputs' gradients, where no division by a size can hide an order: sizes are powers of two."""
    rng = np.random.default_rng(1)
    x, targets = rng.standard_normal((8, 3)), rng.random((8, 2))
    for count in (2, 4, 8):
        size = 8 // count
        one = na.gradient(NET, x, targets, micro_batches=count, wrt_inputs=True)
        parts = [
            na.gradient(NET, x[k : k + size], targets[k : k + size], wrt_inputs=True)
            for k in range(0, 8, size)
        ]
        assert np.array_equal(
            one.inputs, np.concatenate([part.inputs for part in parts]) * (size / 8)
        )
    losses = [na.gradient(NET, x[[k]], targets[[k]]).loss for k in range(8)]
    assert one.loss == np.add.accumulate(losses)[-1] / 8


def test_rounds_are_put_together_by_their_examples() -> None:
    """Two parts, of which each has two rounds, of rows that are wider than the examples."""
    rng = np.random.default_rng(3)

    def outcome(number: int, batch: int) -> StepOutcome:
        return StepOutcome(
            number,
            rng.random((2, 3 * batch)),
            rng.random(batch),
            rng.random((1, 3 * batch)),
            rng.random(4),
        )

    one, other, again, last = (
        outcome(number, batch) for number, batch in ((5, 3), (6, 2), (7, 3), (8, 2))
    )
    together = RoundCollector()
    for part, what in (
        (slice(0, 3), one),
        (slice(3, 5), other),
        (slice(0, 3), again),
        (slice(3, 5), last),
    ):
        together.add(part, what)
    found = together.outcome
    assert found.step == 5
    assert np.array_equal(found.predictions, np.concatenate([one.predictions, other.predictions]))
    assert np.array_equal(found.losses, np.concatenate([one.losses, other.losses]))
    assert np.array_equal(
        found.input_urgencies,
        np.concatenate([again.input_urgencies[:, :3], last.input_urgencies[:, :2]], axis=1),
    )
    assert found.commits is last.commits


# --- what is kept from one to the next ---------------------------------------------------------------------------


def test_a_death_between_any_two_micro_batches(run_slow: bool) -> None:
    """By default around the batch's end, where neurons learn."""
    calm = trio.run(learnt, "bundled", 3, 2)
    for step in range(1, 7) if run_slow else (3, 4):
        for place in ("before fire", "before respond", "before commit", "after commit"):
            storm = na.Unreliable(faults=kills(place, step))
            assert synchronous.run(lambda s=storm: learnt(s, 3, 2), storm) == calm, (step, place)


def kills(place: str, step: int) -> list[Kill]:
    return [Kill(name, place, step) for name in NET.ids if name not in NET.inputs]


@pytest.mark.parametrize("forgotten", ["done", "examples", "blocks"])
def test_what_is_forgotten_is_seen(forgotten: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above could not pass if anything of it were lost with a neuron."""
    calm = trio.run(learnt, "bundled", 3, 2)
    set_state = MicroBatchNeuron.set_state

    def forgetful(self: MicroBatchNeuron, state: tuple) -> None:
        names = ("rule", "done", "examples", "blocks")
        blank = {"done": 0, "examples": 0, "blocks": ()}
        changed = [
            blank[name] if name == forgotten else part
            for name, part in zip(names, state, strict=True)
        ]
        set_state(self, tuple(changed))

    monkeypatch.setattr(MicroBatchNeuron, "set_state", forgetful)
    storm = na.Unreliable(faults=kills("before fire", 3))
    if forgotten == "done":
        with pytest.raises(na.SimulationError, match=r"'micro-batch 3 of 3' does not follow 0"):
            synchronous.run(lambda: learnt(storm, 3, 2), storm)
    else:
        assert synchronous.run(lambda: learnt(storm, 3, 2), storm) != calm


@pytest.mark.parametrize("at", [1, 2, 3])
async def test_a_cancelled_step_leaves_nothing_behind(at: int, channels: str) -> None:
    scope = trio.CancelScope()
    seen: list[str] = []
    make = breaking_off(channels, scope, at, seen)
    async with na.open_simulation(NET, make, micro_batches=3) as simulation:
        with scope:
            await simulation.train_step(X, TARGETS, optimizer=na.SGD(0.1))
        assert scope.cancelled_caught
        network = await simulation.network()
        assert (network == NET) == (at < 3)  # the last is finished by the society
        assert same_bits(
            await simulation.gradient(X, TARGETS), na.gradient(network, X, TARGETS, micro_batches=3)
        )
    one, two, three = (f"micro-batch {k} of 3" for k in (1, 2, 3))
    assert seen == [*[one, two, three][:at], one, two, three]


def test_checkpoints_go_on_to_the_same_bits(channels: str, tmp_path) -> None:
    more = {
        "optimizer": na.Adam(0.05),
        "epochs": 2,
        "batch_size": 4,
        "micro_batches": 3,
        "channels": channels,
    }
    whole = na.train(NET, X, TARGETS, **more)
    assert whole != na.train(NET, X, TARGETS, **more | {"micro_batches": None})
    assert na.train(NET, X, TARGETS, checkpoint=tmp_path, every=1, **more) == whole
    for file in sorted(tmp_path.glob("*.safetensors"))[:-1]:
        if file.name.startswith("data"):
            continue
        assert na.resume(file) == whole


def test_numbers_must_follow_each_other() -> None:
    rule = rules.MicroBatches(rules.Backpropagation(), 3).neuron(NET, 3, ORDERED)
    mail, commit = np.ones((4, 2)), np.empty(4)

    def run_step(number: int, name: str, fires: bool = True) -> None:
        step = Step(number, "squared_error", round=name, micro_batch=micro_batch_of(name))
        if fires:
            rule.fire(step, mail, np.empty(2))
        rule.respond(step, np.ones((2, 2)), np.empty((0, 2)), commit)

    run_step(1, "micro-batch 1 of 3")
    before = rule.get_state()
    for name in ("micro-batch 3 of 3", "micro-batch 1of 3", "relaxation 1", ""):
        with pytest.raises(na.MessageError, match=r"does not follow 0$|it is no micro-batch$"):
            run_step(2, name)
        assert rule.get_state() == before
    with pytest.raises(
        na.MessageError, match=r"^'h1.0' cannot respond in step 3: it has not fired in that step$"
    ):
        run_step(3, "micro-batch 2 of 3", fires=False)
    run_step(4, "micro-batch 2 of 3")
    run_step(5, "micro-batch 1 of 2")  # it starts anew
    assert rule.get_state()[1:3] == (1, 2)


# --- memory ------------------------------------------------------------------------------------------------------


def test_no_array_is_larger_than_one_micro_batch_needs(
    channels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    net = na.Network.layered([3, 20, 20, 1], seed=1)
    x, targets = rng.standard_normal((1000, 3)), rng.random((1000, 1))
    largest, most = [0], [0]
    fire, respond = FASTEST_RULE.fire, MicroBatchNeuron.respond

    def watched(self, step, activations_in, activation_out) -> None:
        largest[0] = max(largest[0], activations_in.nbytes, activation_out.nbytes)
        fire(self, step, activations_in, activation_out)

    def counted(self, step, urgencies_in, urgencies_out, commit_out) -> None:
        largest[0] = max(largest[0], urgencies_in.nbytes, urgencies_out.nbytes)
        respond(self, step, urgencies_in, urgencies_out, commit_out)
        assert all(
            values.nbytes == commit_out.nbytes for _, _, values in self.batch.sum.tree.blocks
        )
        most[0] = max(most[0], len(self.batch.sum.tree.blocks))

    monkeypatch.setattr(FASTEST_RULE, "fire", watched)
    monkeypatch.setattr(MicroBatchNeuron, "respond", counted)
    na.gradient(net, x, targets, channels=channels, micro_batches=16)
    assert largest[0] == 21 * 63 * 8  # what 20 sources say, and the ones, to 63 examples of 1,000
    assert most[0] == 4  # log2 of 16


def test_memory_is_bounded(channels: str) -> None:
    rng = np.random.default_rng(2)
    net = na.Network.layered([1, 12, 12, 1], seed=1)
    x, targets = rng.standard_normal((8192, 1)), rng.random((8192, 1))

    def peak(count: int) -> int:
        tracemalloc.start()
        na.gradient(net, x, targets, channels=channels, micro_batches=count)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(32) < peak(1) / 8


# --- logs --------------------------------------------------------------------------------------------------------


def recorded(path, rule=None, channels="bundled", optimizers=None) -> None:
    async def society() -> None:
        async with na.open_simulation(
            NET, channels, path, rule=rule, micro_batches=3
        ) as simulation:
            await simulation.predict(X)
            for optimizer in optimizers or [na.SGD(0.1, momentum=0.9)] * 2:
                await simulation.train_step(X, TARGETS, optimizer=optimizer)
            await simulation.gradient(X, TARGETS, wrt_inputs=True)

    synchronous.run(society, channels)


def test_a_log_says_which_micro_batch_it_was(tmp_path) -> None:
    for name, channels in (("memory", "memory"), ("bundled", "bundled"), ("storm", STORM)):
        recorded(tmp_path / name, channels=channels)
        audit = na.audit(tmp_path / name)
        assert (audit.lie, audit.passed, audit.exact, audit.unproved) == (None, True, True, 0)
    log = na.open_log(tmp_path / "storm")
    assert log.about["rule"] == {
        "name": "MicroBatches",
        "rule": {"name": "Backpropagation"},
        "count": 3,
    }
    shown = [(info.mode, info.round, info.batch) for info in log.steps]
    names = ["micro-batch 1 of 3", "micro-batch 2 of 3", "micro-batch 3 of 3"]
    learning = list(zip(["gradient", "gradient", "train"], names, [3, 2, 2], strict=True))
    assert shown == [
        ("predict", "", 7),
        *learning,
        *learning,
        *(("gradient", *rest) for _, *rest in learning),
    ]
    trained, gradient = log.network_at(7), [log.step(number) for number in (8, 9, 10)]
    expected = na.gradient(trained, X, TARGETS, wrt_inputs=True, micro_batches=3)
    assert np.array_equal(-gradient[2].weights, expected.weights)
    assert np.array_equal(
        -np.concatenate([step.felt for step in gradient], axis=1).T / 7, expected.inputs
    )
    first = na.gradient(trained, X[:3], TARGETS[:3])
    assert np.array_equal(
        -gradient[0].weights, first.weights
    )  # before the last, each commits what its own comes to


@pytest.mark.parametrize(
    "optimizers",
    [[na.SGD(lambda k: 0.1 / k) for _ in range(3)], [na.SGD(0.1, momentum=0.5), na.Adam(0.01)] * 2],
)
def test_optimizers_that_start_afresh_are_audited(optimizers, tmp_path) -> None:
    recorded(tmp_path / "a", optimizers=optimizers)
    assert na.audit(tmp_path / "a").passed


class Own:
    """An optimizer of somebody's own, with momentum; equal to itself alone."""

    def start(self, n: int) -> tuple:
        return (np.zeros(n),)

    def update(self, parameters, urgencies, state, count: int) -> tuple:
        velocity = 0.5 * state[0] + urgencies
        return parameters + 0.1 / count * velocity, (velocity,)

    def __repr__(self) -> str:
        return "Own()"


@pytest.mark.slow
def test_somebodys_own_optimizer_is_audited_or_believed(tmp_path) -> None:
    one, other = Own(), Own()
    recorded(tmp_path / "a", optimizers=[one, one, other, other])
    audit = na.audit(tmp_path / "a", optimizers=[Own()])
    assert (audit.lie, audit.passed, audit.unproved) == (None, True, 0)
    audit = na.audit(tmp_path / "a")
    assert (audit.lie, audit.passed, audit.unproved) == (
        None,
        False,
        4 * 6,
    )  # the commits of four steps
    assert any("the optimizer Own() is not known here" in remark for remark in audit.remarks)


def test_another_machine_and_part_of_a_log_are_refused(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(na.Recording(tmp_path / "a", every=2))
    message = r"a log under MicroBatches\(rule=Backpropagation\(\), count=3\) can be audited whole, and on the machine that made it: "
    with pytest.raises(na.LogError, match=message + r"it is a partial log$"):
        na.audit(tmp_path / "a")
    recorded(tmp_path / "b")
    monkeypatch.setattr("neuro_actors.proof.audit.log_pass.differences", lambda *_: ["numpy 9.9"])
    with pytest.raises(na.LogError, match=message + "numpy 9.9$"):
        na.audit(tmp_path / "b")


def test_one_micro_batch_is_traced(tmp_path) -> None:
    recorded(tmp_path / "a")
    trained = na.open_log(tmp_path / "a").network_at(7)
    trace = na.trace(tmp_path / "a", weight=("x0", "h1.0"), step=9)
    found = na.gradient(trained, X[3:5], TARGETS[3:5])
    place = next(
        k
        for k, synapse in enumerate(NET.synapses)
        if (synapse.source, synapse.target) == ("x0", "h1.0")
    )
    assert trace.from_log == -found.weights[place]
    assert abs(trace.total - trace.from_log) <= trace.bound
    assert (
        "at step 9 (gradient of squared_error, micro-batch 2 of 3, mean of 2 examples)"
        in trace.about
    )
    recorded(tmp_path / "b", rules.FeedbackAlignment())
    with pytest.raises(na.InputError, match=r"under backpropagation, not under FeedbackAlignment$"):
        na.trace(tmp_path / "b", neuron="h1.0")


def test_the_commands_and_the_page_show_them(tmp_path) -> None:
    from click.testing import CliRunner

    from neuro_actors.cli.command_line import cli
    from neuro_actors.viewer.page_data import collect_page_data

    recorded(tmp_path / "a")
    shown = CliRunner().invoke(cli, ["log", "show", str(tmp_path / "a")]).output
    assert "step 2: gradient of squared_error, 3 examples, round 'micro-batch 1 of 3'" in shown
    assert (
        "step 4: learn from squared_error, 2 examples, round 'micro-batch 3 of 3', by SGD(learning_rate=0.1"
        in shown
    )
    info = CliRunner().invoke(cli, ["log", "info", str(tmp_path / "a")]).output
    assert "MicroBatches(rule=Backpropagation(), count=3)" in " ".join(info.split())
    page = collect_page_data(na.open_log(tmp_path / "a"))
    names = [f"micro-batch {k} of 3" for k in (1, 2, 3)]
    assert [(step["batch"], step["round"]) for step in page["steps"]] == [
        (7, ""),
        *zip([3, 2, 2] * 3, names * 3, strict=True),
    ]


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "3"])
def test_a_count_is_a_whole_number(count) -> None:
    for asked in (
        lambda: na.gradient(NET, X, TARGETS, micro_batches=count),
        lambda: na.train(NET, X, TARGETS, optimizer=na.SGD(0.1), micro_batches=count),
    ):
        with pytest.raises(
            na.InputError, match=r"^micro_batches must be a whole number of at least 1, got "
        ):
            asked()


@pytest.mark.parametrize(
    "rule",
    [
        rules.PredictiveCoding(),
        rules.WeightPerturbation(),
        rules.DirectFeedbackAlignment(),
        rules.NewtonCG(),
    ],
)
def test_rules_with_rounds_of_their_own(rule: rules.Rule) -> None:
    with pytest.raises(
        na.InputError,
        match=rf"^micro_batches: {type(rule).__name__} has rounds of its own, and a batch that is cut needs",
    ):
        na.train(NET, X, TARGETS, optimizer=na.SGD(0.1), rule=rule, micro_batches=2)
    with pytest.raises(
        na.InputError,
        match=r"^MicroBatches: rule must be such as na.rules.Backpropagation\(\), got 'all'$",
    ):
        rules.MicroBatches("all", 2)  # type: ignore[arg-type]


class Stranger:
    id = "h1.0"


class Strange(rules.Rule):
    def neuron(self, network, k, sums):
        return Stranger()


async def test_neurons_whose_learning_is_not_known() -> None:
    async with na.open_simulation(NET, rule=Strange(), micro_batches=2) as simulation:
        with pytest.raises(
            na.InputError,
            match=r"^micro_batches: neurons of Strange are no LocalRule, so what they would",
        ):
            await simulation.gradient(X, TARGETS)


async def test_products_with_the_hessian() -> None:
    async with na.open_simulation(NET, micro_batches=2) as simulation:
        with pytest.raises(
            na.InputError,
            match=r"need the rule na.rules.Backpropagation\(\), not MicroBatches\(rule=Backprop",
        ):
            await simulation.hessian_vector_product(
                X, TARGETS, np.ones(len(NET.weights)), np.ones(len(NET.ids))
            )


def test_the_rule_is_described_and_read_again() -> None:
    rule = rules.MicroBatches(rules.FeedbackAlignment(5), np.int64(4))
    assert rule_to_json(rule) == {
        "name": "MicroBatches",
        "rule": {"name": "FeedbackAlignment", "seed": 5},
        "count": 4,
    }
    assert rule_from_json(rule_to_json(rule)) == rule
    deep: dict = {"name": "Backpropagation"}
    for _ in range(900):
        deep = {"name": "MicroBatches", "rule": deep, "count": 2}
    for held in (
        deep,
        {"name": "MicroBatches", "rule": "Backpropagation()", "count": 2},
        {"name": "MicroBatches", "rule": {}, "count": 2},
    ):
        with pytest.raises(na.InputError):
            rule_from_json(held)


class PlainRule(rules.Rule):
    needs_plain = "too plain"


def test_networks_that_cannot_go_through_in_parts_are_refused_before_work() -> None:
    """Under the rule of a whole batch as under that of micro-batches."""
    case, gated = all_kinds.memory(), all_kinds.gates()
    with pytest.raises(
        na.InputError, match=r"^the network has delays, and FeedbackAlignment\(seed"
    ):
        more = {"rule": rules.FeedbackAlignment(), "micro_batches": 2}
        na.gradient(case.network, case.x, case.targets, **more)
    with pytest.raises(na.InputError, match="takes no interneurons, such as 'product': too plain"):
        rules.MicroBatches(PlainRule(), 2).society(gated.network)
