"""Other rules than backpropagation: each against its formula in plain numpy, in both engines, on any graph."""

from __future__ import annotations

import numpy as np
import pytest
import trio
from helpers.comparing import same_bits
from helpers.rule_cases import RULES, layered
from helpers.small_network import SMALL
from helpers.tiers import few

import neuro_actors as na
from neuro_actors import rules
from neuro_actors.network.functions import activation
from neuro_actors.neuron.messages import Step
from neuro_actors.neuron.sums import ORDERED
from neuro_actors.proof.random_cases import draw_case
from neuro_actors.rules.rule import stream
from neuro_actors.rules.rule_json import rule_from_json, rule_to_json
from neuro_actors.simulation.plan import batches

OTHERS = RULES[1:]


def gradient(
    network, x, t, rule, loss="squared_error", channels="bundled", wrt_inputs=False, times=1
) -> na.Gradient:
    async def society():
        async with na.open_simulation(network, channels, rule=rule) as simulation:
            return [await simulation.gradient(x, t, loss, wrt_inputs) for _ in range(times)][-1]

    return trio.run(society)


def members(network: na.Network, rule: rules.Rule, level: int) -> list:
    return [
        rule.neuron(network, k, ORDERED) for k in np.flatnonzero(network.level == level).tolist()
    ]


def forward(network: na.Network, x: np.ndarray) -> list[np.ndarray]:
    """What each layer says, (batch, n)."""
    said = [x]
    weights, biases = network.to_matrices()
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        z = said[-1] @ w.T + b
        said.append(np.tanh(z) if k < len(weights) - 1 else 1 / (1 + np.exp(-z)))
    return said


def slopes(said: list[np.ndarray]) -> list[np.ndarray]:
    return [1 - a**2 for a in said[1:-1]] + [said[-1] * (1 - said[-1])]


# --- what holds of all -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_both_engines_give_the_same_bits(rule: rules.Rule, run_slow: bool) -> None:
    batches = set()
    for seed in SMALL if run_slow else SMALL[::2]:
        case = draw_case(seed)
        batches.add(len(case.x))

        async def society(channels: str, case=case, seed=seed):
            async with na.open_simulation(case.network, channels, rule=rule) as simulation:
                predictions = await simulation.predict(case.x)
                felt = seed % 2 == 0 and not isinstance(rule, rules.WeightPerturbation)
                gradient = await simulation.gradient(case.x, case.targets, case.loss, felt)
                for _ in range(2):
                    await simulation.train_step(
                        case.x, case.targets, case.loss, optimizer=na.SGD(1e-4, momentum=0.9)
                    )
                return (
                    predictions,
                    gradient,
                    await simulation.network(),
                    simulation.statistics().messages,
                )

        one, other = (trio.run(society, channels) for channels in ("memory", "bundled"))
        assert np.array_equal(one[0], other[0])
        assert same_bits(one[1], other[1])
        assert one[2] == other[2]
        assert one[2] != case.network
        assert one[3] == other[3]
    assert 1 in batches


@pytest.mark.parametrize("rule", OTHERS, ids=repr)
def test_an_output_may_be_an_input(rule: rules.Rule) -> None:
    nodes = [na.Input("x"), na.Neuron("h"), na.Neuron("y", "identity")]
    synapses = [na.Synapse("x", "h", 0.5), na.Synapse("h", "y", -1.5), na.Synapse("x", "y", 0.25)]
    net = na.Network(nodes, synapses, ["x", "h", "y"])
    x, t = np.array([[1.0], [-0.5]]), np.array([[0.0, 0.5, 1.0], [1.0, -0.5, 0.0]])
    one, other = (
        gradient(net, x, t, rule, channels=channels) for channels in ("memory", "bundled")
    )
    assert same_bits(one, other)
    assert one.loss == na.gradient(net, x, t).loss
    assert one.weights.all()


@pytest.mark.parametrize("rule", OTHERS, ids=repr)
def test_predictions_and_losses_are_those_of_an_ordinary_forward_pass(
    rule: rules.Rule, run_slow: bool
) -> None:
    for seed in SMALL if run_slow else SMALL[::2]:
        case = draw_case(seed)
        expected = na.gradient(case.network, case.x, case.targets, case.loss)
        found = gradient(case.network, case.x, case.targets, rule, case.loss)
        assert np.array_equal(found.predictions, expected.predictions)
        assert found.loss == expected.loss


@pytest.mark.parametrize("rule", OTHERS, ids=repr)
@pytest.mark.parametrize(
    "optimizer", [na.SGD(0.1, momentum=0.9, weight_decay=0.01), na.Adam(0.01)], ids=repr
)
def test_optimizers_work_on_what_is_found_in_the_gradients_place(
    rule: rules.Rule, optimizer, channels: str
) -> None:
    net, x, t = layered(3, 4, 3, 2)
    found = gradient(net, x, t, rule, channels=channels)
    learnt = na.train(
        net, x, t, optimizer=optimizer, epochs=1, batch_size=len(x), rule=rule, channels=channels
    )
    order = next(batches(len(x), len(x), 0, 1))
    if not np.array_equal(order, np.arange(len(x))):  # the examples came in another order
        found = gradient(net, x[order], t[order], rule, channels=channels)
    for before, slope, after in (
        (net.weights, found.weights, learnt.network.weights),
        (net.biases, found.biases, learnt.network.biases),
    ):
        expected, _ = optimizer.update(before, -slope, optimizer.start(len(before)), 1)
        assert np.array_equal(
            after, np.where(slope == 0, before, expected) if before is net.biases else expected
        )
    assert np.abs(learnt.network.weights - net.weights).max() > 0


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_its_log_is_proved_and_says_by_which_rule(
    rule: rules.Rule, channels: str, tmp_path
) -> None:
    net, x, t = layered(3, 4, 3, 2)
    log = tmp_path / "log.arrows"
    na.train(
        net,
        x,
        t,
        optimizer=na.SGD(0.1, momentum=0.9),
        epochs=2,
        batch_size=2,
        rule=rule,
        channels=channels,
        log=log,
    )
    audit = na.audit(log)
    assert audit.passed
    assert rule_from_json(rule_to_json(rule)) == rule


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: rules.FeedbackAlignment(seed=-1),
            r"^FeedbackAlignment: seed must be a whole number of at least 0, got -1$",
        ),
        (lambda: rules.FeedbackAlignment(seed=0.5), r"^FeedbackAlignment: seed"),
        (lambda: rules.DirectFeedbackAlignment(seed=-1), r"^DirectFeedbackAlignment: seed"),
        (
            lambda: rules.PredictiveCoding(relaxations=0),
            r"^PredictiveCoding: relaxations must be a whole number of at least 1, got 0$",
        ),
        (
            lambda: rules.PredictiveCoding(rate=-0.1),
            r"^PredictiveCoding: rate must be a number above 0 and at most 1, got -0.1$",
        ),
        (lambda: rules.PredictiveCoding(rate=1.5), r"^PredictiveCoding: rate"),
        (lambda: rules.PredictiveCoding(rate=float("nan")), r"^PredictiveCoding: rate"),
        (lambda: rules.PredictiveCoding(rate=True), r"^PredictiveCoding: rate"),
        (
            lambda: rules.PredictiveCoding(fixed=1),
            r"^PredictiveCoding: fixed must be True or False, got 1$",
        ),
        (
            lambda: rules.WeightPerturbation(sigma=0),
            r"^WeightPerturbation: sigma must be a number above 0, got 0$",
        ),
        (lambda: rules.WeightPerturbation(sigma=float("inf")), r"^WeightPerturbation: sigma"),
        (lambda: rules.WeightPerturbation(sigma="1"), r"^WeightPerturbation: sigma"),
        (lambda: rules.WeightPerturbation(seed=-1), r"^WeightPerturbation: seed"),
    ],
)
def test_bad_settings(make, message: str) -> None:
    with pytest.raises(na.InputError, match=message):
        make()


def test_settings_become_plain_numbers() -> None:
    rule = rules.WeightPerturbation(np.float64(0.5), np.int64(3))
    assert rule_to_json(rule) == {"name": "WeightPerturbation", "sigma": 0.5, "seed": 3}
    assert type(rule.sigma) is float
    assert type(rule.seed) is int


# --- feedback alignment ------------------------------------------------------------------------------------------


def test_feedback_alignment_is_its_formula(channels: str) -> None:
    net, x, t = layered(3, 5, 4, 2)
    rule = rules.FeedbackAlignment(seed=1)
    found = gradient(net, x, t, rule, channels=channels, wrt_inputs=True)
    said = forward(net, x)
    v = -2 * (said[-1] - t) * slopes(said)[-1]
    expected = []
    for level in (3, 2, 1):
        expected.insert(0, -v.T @ said[level - 1] / len(x))
        u = v @ np.array([neuron.feedback[:-1] for neuron in members(net, rule, level)])
        v = u * slopes(said)[level - 2] if level > 1 else u
    assert np.allclose(found.inputs, -u / len(x), rtol=1e-12)
    for ours, theirs in zip(found.to_matrices()[0], expected, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-12, atol=1e-15)
    true = na.gradient(net, x, t)
    assert np.array_equal(found.to_matrices()[0][-1], true.to_matrices()[0][-1])
    assert not np.allclose(found.to_matrices()[0][0], true.to_matrices()[0][0])


def test_feedback_depends_on_nobody_else_and_is_not_the_first_weights() -> None:
    small, large = (na.Network.layered([3, 4, n], seed=7) for n in (2, 9))
    rule = rules.FeedbackAlignment(seed=7)
    k = small.position["y1"]
    assert np.array_equal(
        rule.neuron(small, k, ORDERED).feedback, rule.neuron(large, k, ORDERED).feedback
    )
    wide = na.Network.layered([40, 2], seed=7)
    weights, feedback = (
        wide.weights[wide.incoming.of(41)],
        rule.neuron(wide, 41, ORDERED).feedback[:-1],
    )
    cosine = weights @ feedback / np.linalg.norm(weights) / np.linalg.norm(feedback)
    assert abs(cosine) < 0.5, "equal seeds must not make feedback equal to the first weights"
    drawn = rule.neuron(na.Network.layered([400, 1]), 400, ORDERED).feedback[:-1]
    assert drawn.std() * 20 == pytest.approx(1, abs=0.15)


# --- direct feedback alignment -----------------------------------------------------------------------------------


def test_direct_feedback_is_its_formula(channels: str) -> None:
    net, x, t = layered(3, 5, 4, 2)
    rule = rules.DirectFeedbackAlignment(seed=1)
    found = gradient(net, x, t, rule, channels=channels, wrt_inputs=True)
    said = forward(net, x)
    error = -2 * (said[-1] - t)
    for level, ours in enumerate(found.to_matrices()[0], 1):
        feedback = np.array([neuron.feedback for neuron in members(net, rule, level)])
        v = error @ feedback.T * slopes(said)[level - 1]
        assert np.allclose(ours, -v.T @ said[level - 1] / len(x), rtol=1e-12, atol=1e-15)
    feedback = np.array([rule.input(net, k, ORDERED).feedback for k in range(3)])
    assert np.allclose(found.inputs, -error @ feedback.T / len(x), rtol=1e-12)


def test_outputs_hear_what_concerns_them_and_others_do_not(
    diamond: na.Network, batch, channels: str
) -> None:
    """h1 is an output that feeds y as well: it must not heed y."""
    x, t = batch
    found = gradient(diamond, x, t, rules.DirectFeedbackAlignment(), channels=channels)
    h1 = np.tanh(0.5 * x[:, 0] + 0.1)
    assert found.biases[1] == pytest.approx(np.mean(2 * (h1 - t[:, 1]) * (1 - h1**2)), rel=1e-12)
    assert found.biases[1] != pytest.approx(na.gradient(diamond, x, t).biases[1], rel=1e-3)


# --- predictive coding -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", ["3-4-2", "3-5-4-2", *few(["2-3-4-3-1", "4-3-3-3-3-2"], 0)])
@pytest.mark.parametrize("batch", [1, 6])
def test_fixed_predictions_are_backpropagation_bit_for_bit(
    sizes: str, batch: int, channels: str
) -> None:
    widths = [int(width) for width in sizes.split("-")]
    net, x, t = layered(*widths, batch=batch)
    n_hidden = len(widths) - 2
    true = na.gradient(net, x, t)
    assert same_bits(
        gradient(net, x, t, rules.PredictiveCoding(n_hidden, 1, True), channels=channels), true
    )
    assert same_bits(
        gradient(net, x, t, rules.PredictiveCoding(n_hidden + 3, 1, True), channels=channels), true
    )
    with_inputs = gradient(
        net, x, t, rules.PredictiveCoding(n_hidden + 1, 1, True), channels=channels, wrt_inputs=True
    )
    assert same_bits(with_inputs, na.gradient(net, x, t, wrt_inputs=True))
    if n_hidden > 1:
        early = gradient(
            net, x, t, rules.PredictiveCoding(n_hidden - 1, 1, True), channels=channels
        ).to_matrices()[0]
        assert not early[0].any(), "the first layer has not heard of any error yet"
        assert np.array_equal(early[1], true.to_matrices()[0][1])
    learnt = [
        na.train(
            net, x, t, optimizer=na.Adam(0.05), epochs=4, batch_size=2, rule=rule, channels=channels
        ).network
        for rule in (rules.Backpropagation(), rules.PredictiveCoding(n_hidden, 1, True))
    ]
    assert learnt[0].digest() == learnt[1].digest()


@pytest.mark.parametrize("channels", few(["bundled", "memory"], 1))
def test_fixed_predictions_are_backpropagation_on_any_graph(channels: str, run_slow: bool) -> None:
    for seed in (*SMALL, 7) if run_slow else (*SMALL[1::2], 7):
        case = draw_case(seed)
        enough = rules.PredictiveCoding(max(case.network.depth - 1, 1), 1, True)
        found = gradient(case.network, case.x, case.targets, enough, case.loss, channels)
        assert same_bits(found, na.gradient(case.network, case.x, case.targets, case.loss)), seed


@pytest.mark.parametrize("rate", [0.2, 1.0])
def test_values_relax_down_the_energy(rate: float, channels: str) -> None:
    """Against plain numpy, which moves all values of hidden layers at once."""
    net, x, t = layered(3, 5, 4, 2)
    (w1, w2, w3), (b1, b2, b3) = net.to_matrices()

    def errors(a1, a2):
        m1, m2 = np.tanh(x @ w1.T + b1), np.tanh(a1 @ w2.T + b2)
        y = 1 / (1 + np.exp(-(a2 @ w3.T + b3)))
        return m1, m2, a1 - m1, a2 - m2, y, -2 * (y - t)

    a1 = np.tanh(x @ w1.T + b1)
    a2 = np.tanh(a1 @ w2.T + b2)
    energies = []
    for relaxations in range(1, 7):
        m1, m2, e1, e2, y, e3 = errors(a1, a2)
        energies.append(((y - t) ** 2).sum() + ((e1**2).sum() + (e2**2).sum()) / 2)
        v2, v3 = e2 * (1 - m2**2), e3 * y * (1 - y)
        sent1, sent2 = a1, a2
        a1, a2 = a1 + rate * (v2 @ w2 - e1), a2 + rate * (v3 @ w3 - e2)
        late = [(a1 - m1) * (1 - m1**2), (a2 - m2) * (1 - m2**2), v3]
        found = gradient(
            net, x, t, rules.PredictiveCoding(relaxations, rate), channels=channels
        ).to_matrices()[0]
        for ours, v, sent in zip(found, late, (x, sent1, sent2), strict=True):
            assert np.allclose(ours, -v.T @ sent / len(x), rtol=1e-9, atol=1e-14)
    if rate < 0.5:
        assert (np.diff(energies) < 0).all()


def test_a_step_that_was_broken_off_between_rounds_leaves_nothing_behind() -> None:
    net, x, _ = layered(3, 4, 2)
    neuron = rules.PredictiveCoding(5, 0.5).neuron(net, 3, ORDERED)
    activations_in = np.concatenate([x.T, np.ones((1, len(x)))])
    back, commit, said = np.empty((0, len(x))), np.empty(4), np.empty(len(x))
    results = []
    for name in ("relaxation 1", "relaxation 2", "relaxation 1"):
        step = Step(1, "squared_error", round=name)
        neuron.fire(step, activations_in, said)
        neuron.respond(step, np.ones((2, len(x))), back, commit)
        results.append((said.copy(), commit.copy()))
    assert all(np.array_equal(a, b) for a, b in zip(results[0], results[2], strict=True))
    assert not np.array_equal(results[0][0], results[1][0])
    assert np.array_equal(
        results[0][0],
        activation("tanh").value(ORDERED.weighted_sum(neuron.state.parameters, activations_in)),
    )


# --- weight perturbation -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 3])
def test_weight_perturbation_is_its_formula(times: int, channels: str) -> None:
    net, x, t = layered(3, 5, 4, 2)
    rule = rules.WeightPerturbation(sigma=0.05, seed=4)
    found = gradient(net, x, t, rule, channels=channels, times=times)
    noise_w, noise_b = np.zeros_like(net.weights), np.zeros_like(net.biases)
    for k in np.flatnonzero(~net.is_input).tolist():
        drawn = stream(4, k, times).standard_normal(int(net.incoming.sizes[k]) + 1)
        noise_w[net.incoming.of(k)], noise_b[k] = drawn[:-1], drawn[-1]
    moved = net.with_parameters(net.weights + 0.05 * noise_w, net.biases + 0.05 * noise_b)
    rise = na.reference.gradient(moved, x, t).loss - na.reference.gradient(net, x, t).loss
    assert np.allclose(found.weights, rise / 0.05 * noise_w, rtol=1e-9)
    assert np.allclose(found.biases, rise / 0.05 * noise_b, rtol=1e-9)


def test_in_the_mean_it_is_the_gradient() -> None:
    net, x, t = layered(2, 3, 1)
    true = na.gradient(net, x, t)

    async def society():
        async with na.open_simulation(net, rule=rules.WeightPerturbation()) as simulation:
            return np.mean([(await simulation.gradient(x, t)).weights for _ in range(600)], axis=0)

    mean = trio.run(society)
    assert mean @ true.weights / np.linalg.norm(mean) / np.linalg.norm(true.weights) > 0.97
    assert np.linalg.norm(mean) / np.linalg.norm(true.weights) == pytest.approx(1, abs=0.2)


def test_nobody_knows_what_an_input_should_feel(channels: str) -> None:
    net, x, t = layered(3, 4, 2)
    with pytest.raises(
        na.InputError,
        match=r"^WeightPerturbation\(.*\) computes no urgencies of inputs: leave wrt_inputs out$",
    ):
        gradient(net, x, t, rules.WeightPerturbation(), channels=channels, wrt_inputs=True)


class Reborn:
    """A neuron's rule that is thrown away after each step; a new one goes on from what it kept."""

    def __init__(self, make) -> None:
        self.make, self.rule = make, make()
        self.id = self.rule.id

    def is_answered(self, step: Step) -> bool:
        return self.rule.is_answered(step)

    def fire(self, *mail) -> None:
        self.rule.fire(*mail)

    def respond(self, *mail) -> None:
        self.rule.respond(*mail)
        state, self.rule = self.rule.get_state(), self.make()
        self.rule.set_state(state)


@pytest.mark.parametrize("rule", [*RULES, rules.NewtonCG(l2=0.01)], ids=repr)
@pytest.mark.parametrize("optimizer", [na.SGD(0.1, momentum=0.9), na.Adam(0.01)], ids=repr)
def test_the_state_is_all_that_a_neuron_needs(rule: rules.Rule, optimizer, monkeypatch) -> None:
    def trained() -> na.Network:
        net, x, t = layered(3, 4, 3, 2)
        optimizer_here = na.SGD(1.0) if isinstance(rule, rules.NewtonCG) else optimizer
        return na.train(
            net, x, t, optimizer=optimizer_here, epochs=3, batch_size=2, rule=rule
        ).network

    expected = trained()
    usual = rules.Rule.member
    monkeypatch.setattr(rules.Rule, "member", lambda self, *own: Reborn(lambda: usual(self, *own)))
    again = trained()
    assert np.array_equal(again.weights, expected.weights)
    assert np.array_equal(again.biases, expected.biases)
