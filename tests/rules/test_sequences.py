"""Sequences of different lengths, and targets that do not count, in a living society."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from helpers.all_kinds import both_directions, gates, memory, picture
from helpers.cli_logs import run as run_command
from helpers.deep_cases import is_within
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.simulation.blocking import run

ENDS = [5, 2, 4]
CASE = memory(batch=3, ticks=5)
NET = CASE.network
X = [one[:end] for one, end in zip(CASE.x, ENDS, strict=True)]
TARGETS = [one[:end] for one, end in zip(CASE.targets, ENDS, strict=True)]
BEHIND = np.arange(5) >= np.array(ENDS)[:, None]
MASKED = np.ma.masked_array(CASE.targets, BEHIND[..., None])


def same(one: na.Gradient, other: na.Gradient) -> bool:
    names = ("weights", "biases", "inputs", "loss")
    return all(np.array_equal(getattr(one, n), getattr(other, n)) for n in names)


def test_sequences_are_those_of_one_batch_each(channels: str) -> None:
    found = na.gradient(NET, X, TARGETS, wrt_inputs=True, channels=channels)
    alone = [na.gradient(NET, x[None], t[None]) for x, t in zip(X, TARGETS, strict=True)]
    assert found.loss == pytest.approx(sum(one.loss for one in alone) / 3, rel=1e-14)
    np.testing.assert_allclose(found.weights, sum(one.weights for one in alone) / 3, rtol=1e-13)
    assert not found.inputs[BEHIND].any()
    assert found.predictions.shape == (3, 5, 1)
    assert is_within(found, *na.reference.with_bound(NET, X, TARGETS, wrt_inputs=True))


def test_what_sequences_are_filled_up_with_changes_no_bit(channels: str) -> None:
    """And a list is the same as an array whose targets are masked."""
    found = na.gradient(NET, X, TARGETS, wrt_inputs=True, channels=channels)
    for other in (CASE.x, np.where(BEHIND[..., None], 1e3, CASE.x)):
        assert same(na.gradient(NET, other, MASKED, wrt_inputs=True, channels=channels), found)
    masked_anyway = na.gradient(NET, X, CASE.targets, wrt_inputs=True, channels=channels)
    assert same(masked_anyway, found)
    said = na.predict(NET, X, channels=channels)
    assert np.array_equal(said[~BEHIND], na.predict(NET, CASE.x)[~BEHIND])


def test_each_sequence_of_a_list_may_be_masked(channels: str) -> None:
    """Sequences of different lengths whose last ticks alone count; and those of one length."""
    last = np.arange(5) == np.array(ENDS)[:, None] - 1
    masked = np.ma.masked_array(CASE.targets, ~last[..., None])
    found = na.gradient(NET, CASE.x, masked, channels=channels)
    parts = [masked[k, :end] for k, end in enumerate(ENDS)]
    assert np.array_equal(na.gradient(NET, X, parts, channels=channels).weights, found.weights)
    whole = na.gradient(NET, CASE.x, list(masked), channels=channels)
    assert np.array_equal(whole.weights, found.weights)
    assert found.weights.any()
    assert found.loss != na.gradient(NET, X, TARGETS).loss


@pytest.mark.parametrize(
    ("case", "loss"),
    [
        (gates(), "squared_error"),
        (gates(), "softmax_cross_entropy"),
        (picture(), "huber"),
        (memory(grid=(2,)), "absolute_error"),
    ],
    ids=["gates", "softmax", "picture", "memory"],
)
def test_masks_count_rows_in_any_network(case, loss: str, channels: str) -> None:
    """An example, a position, a tick: none of those that are masked has a loss or an urgency."""
    rng = np.random.default_rng(3)
    shape = case.targets.shape
    targets = rng.dirichlet(np.ones(shape[-1]), shape[:-1])
    mask = np.broadcast_to(rng.random(shape[:-1])[..., None] < 0.4, shape)
    assert 0 < mask.mean() < 1
    masked = np.ma.masked_array(targets, mask)
    found = na.gradient(case.network, case.x, masked, loss, channels, wrt_inputs=True)
    expected = na.reference.with_bound(case.network, case.x, masked, loss, wrt_inputs=True)
    assert is_within(found, *expected)
    full = na.gradient(case.network, case.x, targets, loss, channels)
    assert not np.allclose(full.weights, found.weights)


def test_a_loss_counts_rows_of_probabilities_alone() -> None:
    """Targets that do not count need not be what the loss takes."""
    net = na.Network.layered([2, 3], output_activation="sigmoid", seed=0)
    x, targets = np.ones((3, 2)), np.array([[0.2, 0.3, 0.5], [9.0, 9.0, 9.0], [1.0, 0.0, 0.0]])
    with pytest.raises(na.InputError, match="sum to 1|between 0 and 1"):
        na.gradient(net, x, targets, "kl_divergence")
    masked = np.ma.masked_array(targets, targets > 8)
    found = na.gradient(net, x, masked, "kl_divergence")
    two = na.gradient(net, x[[0, 2]], targets[[0, 2]], "kl_divergence")
    np.testing.assert_allclose(found.weights, two.weights * 2 / 3, rtol=1e-14)


def test_a_product_with_the_hessian_counts_what_counts(channels: str) -> None:
    case, rng = gates(), np.random.default_rng(0)
    masked = np.ma.masked_array(case.targets, np.array([[0, 0], [1, 1], [0, 0]]))
    along = rng.standard_normal(len(case.network.weights)), np.zeros(len(case.network.ids))
    found = na.hessian_vector_product(case.network, case.x, masked, *along, channels=channels)
    left = case.x[[0, 2]], case.targets[[0, 2]]
    two = na.hessian_vector_product(case.network, *left, *along)
    np.testing.assert_allclose(found.weights, two.weights * 2 / 3, rtol=1e-12, atol=1e-15)
    expected = na.reference.hessian_vector_product(case.network, case.x, masked, *along)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-12, atol=1e-14)


def test_micro_batches_and_other_rules_leave_out_the_same(channels: str) -> None:
    """What a masked example has to say changes nothing, whatever the rule."""
    net, x = na.Network.layered([2, 3, 1], seed=0), np.random.default_rng(0).normal(size=(4, 2))
    masked = np.ma.masked_array(np.ones((4, 1)), [[0], [1], [0], [1]])
    other = np.where(masked.mask, 5.0, x)
    whole = na.gradient(net, x, masked, channels=channels)
    parts = na.gradient(net, other, masked, channels=channels, micro_batches=2, in_flight=2)
    np.testing.assert_allclose(parts.weights, whole.weights, rtol=1e-13)
    rules = na.rules.NewtonCG(), na.rules.DirectFeedbackAlignment(), na.rules.PredictiveCoding()
    for rule in rules:
        one, two = (
            na.train(
                net, given, masked, optimizer=na.SGD(0.1), epochs=2, rule=rule, channels=channels
            )
            for given in (x, other)
        )
        assert np.array_equal(one.network.weights, two.network.weights), rule
        assert not np.array_equal(one.network.weights, net.weights)


def test_training_resumes_and_measures_what_counts(tmp_path: Path) -> None:
    """A society that is saved and resumed, on sequences that differ in length, goes on to the same bits."""
    rng = np.random.default_rng(1)
    x = [rng.standard_normal((n, 2)) for n in (3, 1, 4, 2)]
    targets = [(one[:, :1] > 0).astype(float) for one in x]
    given = {"optimizer": na.Adam(0.05), "epochs": 3, "batch_size": 2}
    data = x, targets, "sigmoid_cross_entropy"
    whole = na.train(NET, *data, validation=(x, targets), **given)
    saved = na.train(
        NET, *data, validation=(x, targets), checkpoint=tmp_path / "run", every=1, **given
    )
    assert saved == whole
    assert na.resume(tmp_path / "run" / "step-0000000005.safetensors") == whole
    said = na.predict(whole.network, x)
    right = list(chain(*[(s[: len(t)] >= 0) == t for s, t in zip(said, targets, strict=True)]))
    assert whole.history[-1].validation_accuracy == pytest.approx(np.mean(right))
    loss = na.gradient(whole.network, *data).loss
    assert whole.history[-1].validation_loss == pytest.approx(loss, rel=1e-14)


def test_a_log_of_them_is_audited(tmp_path: Path, channels: str) -> None:
    log = tmp_path / "run.arrows"
    na.train(NET, X, TARGETS, optimizer=na.SGD(0.1), epochs=2, log=log, channels=channels)
    assert na.audit(log)
    step = next(one for one in na.open_log(log) if one.info.round == "back to tick 5 of 5")
    assert np.isnan(step.targets).any()
    assert np.isfinite(step.losses).all()
    shown, _ = run_command("log", "show", str(log), "--step", str(step.info.number))
    line = next(line for line in shown.splitlines() if "target of y" in line)
    assert (
        line
        == f"step {step.info.number}: environment told loss: target of y {TARGETS[0][4, 0]:.3f} none none"
    )


@pytest.mark.parametrize(
    ("x", "targets", "message"),
    [
        (X, [TARGETS[0], TARGETS[1], TARGETS[1]], "targets: sequence 2 has 2 ticks, but .* 4"),
        (CASE.x, TARGETS, "targets: sequence 1 has 2 ticks, but its inputs have 5"),
        (X, TARGETS[:2], "x has 3 examples, but targets has 2"),
        ([X[0], X[1][:, :1]], TARGETS[:2], "x: sequences may differ in their length alone"),
        (
            CASE.x,
            CASE.targets[:, 0],
            r"targets: expected shape \(batch, 5 ticks, 1\), one number for each tick and each of",
        ),
        ([X[0], X[1][:0]], TARGETS[:2], "x: sequence 1: expected 1 to 5 ticks, got 0"),
        ([X[0], X[1] * np.nan], TARGETS[:2], r"x: sequence 1: the value at \[0, 0\] is nan"),
        (CASE.x, CASE.targets * np.nan, "targets: the value at .* is nan"),
    ],
)
def test_what_does_not_fit_is_named(x: object, targets: object, message: str) -> None:
    for gradient in (na.gradient, na.reference.gradient):
        with pytest.raises(na.InputError, match=message):
            gradient(NET, x, targets)


def test_a_row_counts_as_a_whole() -> None:
    case = gates()
    mask = np.zeros((3, 2), bool)
    mask[1, 0] = True
    with pytest.raises(na.InputError, match=r"of the outputs at \[1\] some are masked: mask all"):
        na.gradient(case.network, case.x, np.ma.masked_array(case.targets, mask))
    with pytest.raises(na.InputError, match="x: .* some are masked"):
        na.gradient(case.network, np.ma.masked_array(case.x, np.eye(3, dtype=bool)), case.targets)


def test_a_rule_with_a_number_of_ticks_takes_shorter_sequences() -> None:
    found = na.gradient(NET, X, TARGETS, rule=na.rules.ThroughTime(ticks=6))
    assert found.predictions.shape == (3, 6, 1)
    np.testing.assert_allclose(found.weights, na.gradient(NET, X, TARGETS).weights, rtol=1e-14)
    with pytest.raises(na.InputError, match="x: sequence 0: expected 1 to 4 ticks, got 5"):
        na.gradient(NET, X, TARGETS, rule=na.rules.ThroughTime(ticks=4))


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.parametrize("loss", ["squared_error", "softmax_cross_entropy"])
def test_pytorch_weights_them_alike(loss: str) -> None:
    need("torch")
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    rng, tensor = np.random.default_rng(0), lambda a: torch.tensor(a, dtype=torch.float64)
    net = na.layers.network(na.layers.rnn(na.layers.inputs(2), 3), seed=1)
    rnn = torch.nn.RNN(2, 3, batch_first=True, dtype=torch.float64)
    weights = {(s.source, s.target): s.weight for s in net.synapses}
    ids = [f"rnn1.{k}" for k in range(3)]
    with torch.no_grad():
        rnn.weight_ih_l0[:] = tensor([[weights[x, id] for x in net.inputs] for id in ids])
        before = [[weights[f"{of} before", id] for of in ids] for id in ids]
        rnn.weight_hh_l0[:] = tensor(before)
        rnn.bias_ih_l0[:] = rnn.bias_hh_l0[:] = 0.0
    x = [rng.standard_normal((n, 2)) for n in ENDS]
    classes = [rng.integers(0, 3, n) for n in ENDS]
    targets = [np.eye(3)[one] for one in classes]
    padded = torch.nn.utils.rnn.pad_sequence([tensor(one) for one in x], batch_first=True)
    packed = pack_padded_sequence(padded, ENDS, batch_first=True, enforce_sorted=False)
    said, _ = pad_packed_sequence(rnn(packed)[0], batch_first=True)
    total = 0.0
    for k, end in enumerate(ENDS):
        if loss == "squared_error":
            total = total + ((said[k, :end] - tensor(targets[k])) ** 2).sum()
        else:
            wanted = torch.tensor(classes[k])
            total = total + torch.nn.functional.cross_entropy(
                said[k, :end], wanted, reduction="sum"
            )
    (total / len(x)).backward()
    expected, bound = na.reference.with_bound(net, x, targets, loss)
    found = na.gradient(net, x, targets, loss)
    where = {(s.source, s.target): k for k, s in enumerate(net.synapses)}
    for sources, grad in ((net.inputs, rnn.weight_ih_l0.grad), (None, rnn.weight_hh_l0.grad)):
        names = sources or [f"{id} before" for id in ids]
        places = np.array([[where[s, id] for s in names] for id in ids])
        apart = np.abs(found.weights[places] - grad.numpy())
        assert (apart <= bound.weights[places]).all()
    assert abs(found.loss - total.item() / 3) <= bound.loss
    assert expected.loss > 0


# --- windows that go on where the one before ended -------------------------------------------------

CARRY = na.rules.ThroughTime(carry=True)
WINDOWS = [slice(0, 2), slice(2, 3), slice(3, 6), slice(6, 7)]
LONG = memory(batch=2, ticks=7, grid=(2,))


def in_windows(call, rule: na.rules.Rule = CARRY, channels: str = "bundled", **more) -> list:
    """What `call(simulation, x, targets)` returns in each window of the long sequences."""

    async def live() -> list:
        async with na.open_simulation(LONG.network, channels, rule=rule, **more) as simulation:
            parts = [(LONG.x[:, w], LONG.targets[:, w]) for w in WINDOWS]
            return [await call(simulation, *part) for part in parts]

    return run(live, channels)


def test_a_sequence_in_windows_is_the_sequence_as_a_whole(channels: str) -> None:
    said = in_windows(lambda simulation, x, _: simulation.predict(x), channels=channels)
    whole = na.predict(LONG.network, LONG.x)
    assert np.array_equal(np.concatenate(said, axis=1), whole)
    anew = in_windows(lambda s, x, _: s.predict(x), na.rules.ThroughTime(), channels)
    assert not np.array_equal(np.concatenate(anew, axis=1), whole)


def test_urgencies_end_where_a_window_begins(channels: str) -> None:
    """As they do within a call where the rule cuts them: against PyTorch's way and the matrices'."""
    rule = na.rules.ThroughTime(carry=True, ticks=1)
    ticks = [(LONG.x[:, t : t + 1], LONG.targets[:, t : t + 1]) for t in range(7)]

    async def live() -> list[na.Gradient]:
        async with na.open_simulation(LONG.network, channels, rule=rule) as simulation:
            return [await simulation.gradient(*tick, wrt_inputs=True) for tick in ticks]

    found = run(live, channels)
    cut = na.gradient(
        LONG.network, LONG.x, LONG.targets, wrt_inputs=True, rule=na.rules.ThroughTime(window=1)
    )
    assert np.array_equal(np.concatenate([one.inputs for one in found], axis=1), cut.inputs)
    assert np.array_equal(
        np.concatenate([one.predictions for one in found], axis=1), cut.predictions
    )
    np.testing.assert_allclose(sum(one.weights for one in found), cut.weights, rtol=1e-13)


def test_a_society_forgets_when_it_is_asked(channels: str) -> None:
    async def twice(simulation: na.Simulation, x: np.ndarray, targets: np.ndarray) -> np.ndarray:
        await simulation.forget()
        await simulation.train_step(x, targets, optimizer=na.SGD(1e-30))
        await simulation.forget()
        return await simulation.predict(x)

    said = in_windows(twice, channels=channels)
    for one, window in zip(said, WINDOWS, strict=True):
        assert np.array_equal(one, na.predict(LONG.network, LONG.x[:, window]))
    # a rule is a description: it remembers nothing
    assert not CARRY._memory


def test_a_log_of_windows_is_audited(tmp_path: Path, channels: str) -> None:
    log = tmp_path / "a.arrows"

    async def learn(simulation: na.Simulation, x: np.ndarray, targets: np.ndarray) -> None:
        if x.shape[1] == 3:
            await simulation.forget()
        await simulation.train_step(x, targets, optimizer=na.SGD(0.1))

    in_windows(learn, channels=channels, log=log)
    assert na.audit(log)


def test_what_cannot_be_carried_on_is_refused() -> None:
    async def another_batch(simulation: na.Simulation, x: np.ndarray, _: np.ndarray) -> None:
        await simulation.predict(x)
        await simulation.predict(x[:1])

    with pytest.raises(na.InputError, match=r"4 sequences .* has 2: .* simulation.forget\(\)"):
        in_windows(another_batch)
    with pytest.raises(na.InputError, match="na.train shuffles the sequences"):
        na.train(NET, CASE.x, CASE.targets, optimizer=na.SGD(0.1), rule=CARRY)
    with pytest.raises(na.InputError, match="different lengths, and with ThroughTime.carry=True"):
        na.gradient(NET, X, TARGETS, rule=CARRY)
    with pytest.raises(na.InputError, match="'a back again' hears later ticks"):
        na.gradient(both_directions().network, CASE.x[..., :1], CASE.targets, rule=CARRY)
    with pytest.raises(na.InputError, match="carry must be True or False"):
        na.rules.ThroughTime(carry=1)
