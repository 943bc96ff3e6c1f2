"""Newton-CG by local messages: the same steps as with the dense Hessian in one place, and nobody in that place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import pytest
import trio
from helpers.comparing import same_bits
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.channels.memory import Memory
from neuro_actors.channels.routes import read_messages
from neuro_actors.neuron.messages import COMMIT, URGENCY, Step
from neuro_actors.neuron.sums import ORDERED
from neuro_actors.rules import Answer
from neuro_actors.rules.newton import ACCEPT, GRADIENT, PRODUCT, SCALARS, TRIAL
from neuro_actors.support.errors import MessageError

WHOLE = na.SGD(1.0)
ROUNDS = {GRADIENT, PRODUCT, TRIAL, ACCEPT}


def layered(sizes: list[int], seed: int, output: str = "identity") -> na.Network:
    return na.Network.layered(sizes, output_activation=output, seed=seed)


def skipping(seed: int) -> na.Network:
    """Synapses over levels, two outputs of which one feeds the other, and an input that is no neuron's first source."""
    pairs = ["ah", "bh", "hk", "ak", "ky", "hy", "by", "kz", "yz", "cz"]
    w = np.random.default_rng(seed).standard_normal(len(pairs))
    nodes = [na.Input(n) for n in "abc"] + [
        na.Neuron("h", "tanh", 0.1),
        na.Neuron("k", "softplus", -0.2),
        na.Neuron("y"),
        na.Neuron("z", "sin"),
    ]
    return na.Network(
        nodes, [na.Synapse(*pair, weight=v) for pair, v in zip(pairs, w, strict=True)], ["z", "y"]
    )


CASES = {
    "one neuron": (lambda seed: layered([3, 1], seed, "sigmoid"), "cross_entropy", na.rules.NewtonCG(l2=0.01)),
    "hidden": (lambda seed: layered([2, 4, 2], seed), "squared_error", na.rules.NewtonCG(l2=0.001)),
    "damped": (lambda seed: layered([1, 5, 1], seed), "squared_error", na.rules.NewtonCG(damping=0.5, forcing=0.01)),
    "deep": (lambda seed: layered([2, 3, 3, 3], seed), "softmax_cross_entropy", na.rules.NewtonCG(l2=0.01, products=7)),
    "skipping": (skipping, "squared_error", na.rules.NewtonCG(l2=0.01, damping=0.1)),
}  # fmt: skip


class Case(NamedTuple):
    network: na.Network
    x: np.ndarray
    targets: np.ndarray
    loss: str
    rule: na.rules.NewtonCG


def drawn(name: str, seed: int, batch: int = 12) -> Case:
    make, loss, rule = CASES[name]
    network, rng = make(seed), np.random.default_rng(seed)
    return Case(
        network,
        rng.standard_normal((batch, len(network.inputs))),
        rng.dirichlet([1, 1, 1], batch)[:, : len(network.outputs)]
        if "soft" not in loss
        else np.eye(3)[rng.integers(3, size=batch)],
        loss,
        rule,
    )


def flat(network: na.Network, weights: np.ndarray, biases: np.ndarray) -> np.ndarray:
    return np.append(weights, biases[~network.is_input])


def apart(network: na.Network, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    biases = np.zeros(len(network.ids))
    biases[~network.is_input] = w[len(network.weights) :]
    return w[: len(network.weights)], biases


class Iteration(NamedTuple):
    """One Newton iteration in one place, with all parameters in one vector."""

    step: np.ndarray
    products: int
    trials: int
    negative: bool


def in_one_place(case: Case) -> Iteration:
    network, x, targets, loss, rule = case
    n = len(network.weights) + int((~network.is_input).sum())

    def gradient(w: np.ndarray) -> tuple[float, np.ndarray]:
        found = na.reference.gradient(network.with_parameters(*apart(network, w)), x, targets, loss)
        return found.loss + rule.l2 / 2 * w @ w, flat(
            network, found.weights, found.biases
        ) + rule.l2 * w

    w = flat(network, network.weights, network.biases)
    columns = [
        na.reference.hessian_vector_product(network, x, targets, *apart(network, e), loss)
        for e in np.eye(n)
    ]
    start, g = gradient(w)
    size = np.linalg.norm(g)
    hessian = np.array([flat(network, c.weights, c.biases) for c in columns]) + (
        rule.l2 + rule.damping * size
    ) * np.eye(n)
    d, r, p = np.zeros(n), -g, -g
    products, negative = 0, False
    while products < rule.products and np.linalg.norm(r) > min(rule.forcing, np.sqrt(size)) * size:
        products += 1
        q = hessian @ p
        if p @ q <= 0:
            negative = True
            d = d if products > 1 else p
            break
        alpha = r @ r / (p @ q)
        d, before, r = d + alpha * p, r, r - alpha * q
        p = r + r @ r / (before @ before) * p
    t, trials = 1.0, 1
    while gradient(w + t * d)[0] > start + 1e-4 * t * (g @ d):
        t, trials = t / 2, trials + 1
    return Iteration(t * d, products, trials, negative)


@dataclass(frozen=True, slots=True)
class Watched(na.rules.NewtonCG):
    """The same; what its environment sends and receives goes to `seen` too."""

    seen: Callable = print

    def rounds(self, network, x):
        inner = na.rules.NewtonCG.rounds(self, network, x)
        asked = next(inner)
        while True:
            answer = yield asked
            self.seen(asked, answer)
            try:
                asked = inner.send(answer)
            except StopIteration:
                return


def watched(rule: na.rules.NewtonCG) -> tuple[Watched, list]:
    seen: list = []
    return Watched(
        *(getattr(rule, f.name) for f in fields(rule)), seen=lambda *pair: seen.append(pair)
    ), seen


def stepped(
    case: Case, channels="bundled", steps: int = 1, optimizer=WHOLE, rule=None
) -> tuple[na.Network, list[int], list[float]]:
    """After each step: the network at last, the messages so far, the loss before it."""

    async def society():
        async with na.open_simulation(case.network, channels, rule=rule or case.rule) as simulation:
            messages, losses = [], []
            for _ in range(steps):
                losses.append(
                    (
                        await simulation.train_step(
                            case.x, case.targets, case.loss, optimizer=optimizer
                        )
                    ).loss
                )
                messages.append(simulation.statistics().messages)
            return await simulation.network(), messages, losses

    return trio.run(society)


@pytest.mark.parametrize("name", CASES)
def test_its_step_is_that_of_the_dense_hessian(name: str, run_slow: bool) -> None:
    negative = 0
    for seed in range(6 if run_slow else 2):
        case = drawn(name, seed)
        for _ in range(3):  # iterations
            expected = in_one_place(case)
            rule, seen = watched(case.rule)
            after, _, _ = stepped(case, rule=rule)
            rounds = [asked.name for asked, _ in seen]
            assert rounds == [
                GRADIENT,
                *[PRODUCT] * expected.products,
                *[TRIAL] * expected.trials,
                ACCEPT,
            ]
            step = flat(
                after, after.weights - case.network.weights, after.biases - case.network.biases
            )
            assert np.linalg.norm(step - expected.step) <= 1e-9 * np.linalg.norm(expected.step)
            assert np.linalg.norm(expected.step) > 0
            negative += expected.negative
            case = case._replace(network=after)
    assert negative > 0 or name == "one neuron"  # whose loss is convex


def test_a_quadratic_is_solved_at_once() -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((40, 5)) * [1, 2, 3, 0.5, 10]
    y = x @ [1.0, -2, 3, 0, 0.5] + 0.3 + rng.standard_normal(40)
    case = Case(
        layered([5, 1], 0), x, y[:, None], "squared_error", na.rules.NewtonCG(forcing=1e-12)
    )
    after, _, _ = stepped(case)
    solved = np.linalg.lstsq(np.c_[x, np.ones(40)], y, rcond=None)[0]
    assert np.allclose(flat(after, after.weights, after.biases), solved, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("sums", few(["ordered", "blas"], 1))
@pytest.mark.parametrize("batch", [1, 2, 12])
@pytest.mark.parametrize("name", CASES)
def test_engines_are_equal_in_every_bit(name: str, batch: int, sums: str) -> None:
    case = drawn(name, 4, batch)

    async def lived(channels: str):
        async with na.open_simulation(
            case.network, channels, rule=case.rule, sums=sums
        ) as simulation:
            found = [await simulation.gradient(*case[1:4])]
            for _ in range(3):
                await simulation.train_step(*case[1:4], optimizer=WHOLE)
                await simulation.predict(case.x)
            found.append(await simulation.gradient(*case[1:4]))
            return found, (await simulation.network()).digest(), simulation.statistics().messages

    (one, digest, messages), (other, same, as_many) = (
        trio.run(lived, channels) for channels in ("memory", "bundled")
    )
    assert (digest, messages) == (same, as_many)
    assert all(same_bits(a, b) for a, b in zip(one, other, strict=True))
    assert digest != case.network.digest()


@pytest.mark.parametrize("name", CASES)
def test_messages_are_as_many_as_the_rounds_need(name: str) -> None:
    case = drawn(name, 1)
    network, (rule, seen) = case.network, watched(case.rule)
    _, messages, _ = stepped(case, steps=3, rule=rule)
    synapses, inputs, outputs = len(network.synapses), len(network.inputs), len(network.outputs)
    forward = (
        inputs + synapses + 2 * outputs + outputs + 1
    )  # what the loss node and the environment receive, the targets, the losses
    backward = (
        outputs + synapses + inputs + len(network.ids) - inputs
    )  # and what each neuron commits
    assert messages[-1] == len(seen) * (forward + backward)
    assert {asked.name for asked, _ in seen} == ROUNDS


def overheard(case: Case) -> list[tuple[str, dict]]:
    """Of one step of learning, round after round: {(kind, sender, receiver): values}."""
    rounds = []

    class Ear:
        def record(self, step, record) -> None:
            messages = read_messages(case.network, step, record)
            said = {(m.kind, m.sender, m.receiver): m.values for m in messages}
            rounds.append((step.round, said))

    stepped(case, channels=lambda network, _: Memory(network, Ear()))
    return rounds


@pytest.mark.parametrize("name", CASES)
def test_each_share_goes_along_one_synapse(name: str) -> None:
    """Every neuron tells its first source the sum of its tree, and the others 0; taken apart, the first sums are the
    squares of each neuron's own gradient."""
    case = drawn(name, 2)
    network = case.network
    at = na.reference.gradient(network, *case[1:4])
    first = {t: s for s, t in reversed([(s.source, s.target) for s in network.synapses])}
    rounds = overheard(case)
    assert {round for round, _ in rounds} == ROUNDS
    for round, said in rounds:
        sent = {
            (sender, to): values[-SCALARS:]
            for (kind, sender, to), values in said.items()
            if kind == URGENCY
        }
        assert not any(sent["loss", name].any() for name in network.outputs)
        shares = {}
        for k, one in enumerate(network.ids):
            if network.is_input[k]:
                continue
            received = sum(
                (sent[s.target, one] for s in network.synapses if s.source == one),
                np.zeros(SCALARS),
            )
            shares[one] = sent[one, first[one]] - received
            others = [
                sent[one, s.source]
                for s in network.synapses
                if s.target == one and s.source != first[one]
            ]
            assert not np.any(others)
            if round == GRADIENT:
                mine = np.append(at.weights[network.incoming.of(k)], at.biases[k])
                w = np.append(network.weights[network.incoming.of(k)], network.biases[k])
                wanted = [np.sum((mine + case.rule.l2 * w) ** 2), w @ w, 0, 0]
                assert np.allclose(shares[one], wanted, rtol=1e-9, atol=1e-12)
        felt = sum(sent[one, "environment"] for one in network.inputs)
        assert np.allclose(sum(shares.values()), felt, rtol=1e-12)
        assert np.any(felt) == (round != ACCEPT)


@pytest.mark.parametrize("name", CASES)
def test_the_environment_sees_scalars_alone(name: str) -> None:
    """What the rule's environment receives: predictions, losses and, of the inputs, scalars; no urgency, which would tell of
    weights. And what neurons commit tells of nothing before they learn."""
    assert [field.name for field in fields(Answer)] == ["predictions", "losses", "input_urgencies"]
    case = drawn(name, 5)
    rule, seen = watched(case.rule)
    stepped(case, rule=rule, steps=2)
    roots = {
        next(s.source for s in case.network.synapses if s.target == neuron)
        for neuron in case.network.ids[len(case.network.inputs) :]
    }
    for asked, answer in seen:
        columns = len(case.x) * (2 if asked.name == PRODUCT else 1) + SCALARS
        assert (
            asked.inputs.shape
            == answer.input_urgencies.shape
            == (len(case.network.inputs), columns)
        )
        assert answer.predictions.shape == (len(case.network.outputs), columns)
        assert answer.losses.shape == (len(case.x),)
        assert not answer.input_urgencies[:, :-SCALARS].any()
        for one, felt in zip(
            case.network.inputs, answer.input_urgencies[:, -SCALARS:], strict=True
        ):
            assert one in roots or not felt.any()
    for round, said in overheard(case):
        commits = [values for (kind, *_), values in said.items() if kind == COMMIT]
        assert len(commits) == len(case.network.ids) - len(case.network.inputs)
        assert np.any(np.concatenate(commits)) == (round == ACCEPT)


async def ask_for_inputs(case) -> None:
    async with na.open_simulation(case.network, rule=case.rule) as simulation:
        await simulation.gradient(*case[1:4], wrt_inputs=True)


def test_a_gradient_is_minus_the_step_and_nobody_learns() -> None:
    case = drawn("hidden", 0)

    async def society():
        async with na.open_simulation(case.network, rule=case.rule) as simulation:
            found = await simulation.gradient(*case[1:4])
            unchanged = await simulation.network()
            await simulation.train_step(*case[1:4], optimizer=na.SGD(0.5))
            return found, unchanged, await simulation.network()

    found, unchanged, half = trio.run(society)
    assert unchanged.digest() == case.network.digest()
    assert found.loss == pytest.approx(
        na.reference.gradient(case.network, *case[1:4]).loss, rel=1e-14
    )
    with pytest.raises(
        na.InputError, match=r"computes no urgencies of inputs: leave wrt_inputs out$"
    ):
        trio.run(ask_for_inputs, case)
    assert np.array_equal(half.weights, case.network.weights + 0.5 * -found.weights)
    assert np.allclose(
        -flat(half, found.weights, found.biases), in_one_place(case).step, rtol=1e-9, atol=1e-12
    )


def test_unguarded_it_takes_the_whole_step() -> None:
    case = drawn("hidden", 3)
    assert in_one_place(case).negative
    rule, seen = watched(na.rules.NewtonCG(l2=0.01, guarded=False, forcing=1e-10, products=500))
    after, _, _ = stepped(case, rule=rule)
    assert [asked.name for asked, _ in seen][-2:] == [PRODUCT, ACCEPT]
    n = len(after.weights) + int((~after.is_input).sum())
    columns = [
        na.reference.hessian_vector_product(case.network, *case[1:3], *apart(after, e), case.loss)
        for e in np.eye(n)
    ]
    hessian = np.array([flat(after, c.weights, c.biases) for c in columns]) + 0.01 * np.eye(n)
    at = na.reference.gradient(case.network, *case[1:4])
    w = flat(after, case.network.weights, case.network.biases)
    wanted = np.linalg.solve(hessian, -flat(after, at.weights, at.biases) - 0.01 * w)
    assert np.allclose(flat(after, after.weights, after.biases) - w, wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("channels", ["memory", "bundled"])
def test_its_log_is_proved(channels: str, tmp_path) -> None:
    case = drawn("skipping", 0)
    log = tmp_path / "newton.arrows"
    result = na.train(
        case.network,
        *case[1:4],
        optimizer=WHOLE,
        epochs=4,
        batch_size=12,
        rule=case.rule,
        channels=channels,
        log=log,
    )
    audit = na.audit(log)
    assert (audit.passed, audit.lie, audit.remarks) == (True, None, ())
    assert result.history[-1].loss < result.history[0].loss
    opened = na.open_log(log)
    assert {info.round for info in opened.steps} == ROUNDS


def test_what_has_no_curvature_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuro_actors.network.functions.ACTIVATIONS", dict(na.ACTIVATIONS))
    na.add_activation("bent", lambda z: z**2, lambda z, a: 2 * z)
    net = na.Network([na.Input("x"), na.Neuron("y", "bent")], [na.Synapse("x", "y", 0.5)], ["y"])
    with pytest.raises(
        na.InputError,
        match="^a product with the Hessian needs the curvature of the activation 'bent'",
    ):
        stepped(Case(net, np.ones((1, 1)), np.ones((1, 1)), "squared_error", na.rules.NewtonCG()))


@pytest.mark.parametrize(
    "wrong",
    [{"l2": -1}, {"damping": "much"}, {"forcing": np.inf}, {"products": 0}, {"products": True}],
)
def test_wrong_settings_are_refused(wrong: dict) -> None:
    with pytest.raises(na.InputError, match=f"NewtonCG: {next(iter(wrong))} must be"):
        na.rules.NewtonCG(**wrong)


def test_a_vector_that_overflows_is_refused_where_it_is_made():
    net = na.Network.from_matrices([[[1.0]]], [[10.0]], ["identity"])
    rule = na.rules.NewtonCG(l2=1e308).neuron(net, 1, ORDERED)
    step = Step(1, "squared_error", wrt_inputs=True, round=GRADIENT)
    rule.fire(step, np.array([[1.0, *[0.0] * SCALARS]] * 2), np.empty(1 + SCALARS))
    with (
        np.errstate(all="ignore"),
        pytest.raises(MessageError, match=r"^'y0': its state in step 1 would not be finite"),
    ):
        urgencies = np.array([[1.0, *[0.0] * SCALARS]])
        rule.respond(step, urgencies, np.empty((1, 1 + SCALARS)), np.empty(2))
