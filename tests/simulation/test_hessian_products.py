"""Products with the Hessian by local messages: exact, whatever carries them, recorded and audited."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import forgery
from helpers.all_kinds import memory
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.channels.routes import read_messages
from neuro_actors.network import activations, functions, losses
from neuro_actors.proof.random_cases import draw_case

SEEDS = range(40)


def direction(network: na.Network, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(len(network.weights)), rng.standard_normal(len(network.ids))


def dense(network: na.Network, x, targets, loss: str) -> np.ndarray:
    """The whole Hessian, weights first and then biases, column by column."""
    n = len(network.weights)
    columns = []
    for one in np.eye(n + len(network.ids)):
        product = na.reference.hessian_vector_product(network, x, targets, one[:n], one[n:], loss)
        columns.append(np.append(product.weights, product.biases))
    return np.array(columns).T


@pytest.mark.parametrize("seed", few(SEEDS, 3))
def test_both_engines_and_the_reference(seed: int) -> None:
    case = draw_case(seed)
    along = direction(case.network, seed)
    arguments = (case.network, case.x, case.targets, *along, case.loss)
    memory, bundled = (
        na.hessian_vector_product(*arguments, channels=channels)
        for channels in ("memory", "bundled")
    )
    expected, bound = (
        na.reference.hessian_vector_product(*arguments),
        na.reference.hessian_vector_bound(*arguments),
    )
    gradient = na.gradient(case.network, case.x, case.targets, case.loss)
    for name in ("weights", "biases", "predictions", "loss"):
        one, other = getattr(memory, name), getattr(bundled, name)
        assert np.array_equal(one, other), name
        assert (np.abs(one - getattr(expected, name)) <= getattr(bound, name)).all(), name
    assert np.array_equal(
        memory.predictions, gradient.predictions
    )  # they are told along with it, to the last bit
    assert memory.loss == gradient.loss
    assert memory.inputs is None


def test_the_bound_is_no_cloak(run_slow: bool) -> None:
    """It is a small part of what it bounds, where that is not itself a difference of nearly equal numbers."""
    parts = []
    for seed in SEEDS if run_slow else SEEDS[::2]:
        case = draw_case(seed)
        arguments = (case.network, case.x, case.targets, *direction(case.network), case.loss)
        product, bound = (
            na.reference.hessian_vector_product(*arguments),
            na.reference.hessian_vector_bound(*arguments),
        )
        size = np.abs(product.weights)
        parts.append(np.median(bound.weights[size > 0] / size[size > 0]) if size.any() else 0.0)
    assert np.median(parts) < 1e-11


@pytest.mark.parametrize(
    "loss",
    [
        "squared_error",
        "cross_entropy",
        "sigmoid_cross_entropy",
        "softmax_cross_entropy",
        "huber",
        "kl_divergence",
    ],
)
def test_it_is_the_derivative_of_the_gradient(loss: str) -> None:
    ending = "sigmoid" if loss in ("cross_entropy", "kl_divergence") else "identity"
    net = na.Network.layered([3, 4, 2], "tanh", ending, seed=1)
    rng = np.random.default_rng(0)
    x, targets = rng.standard_normal((5, 3)), rng.dirichlet(np.ones(2), 5)
    weights, biases = direction(net)
    biases = np.where(net.is_input, 0.0, biases)
    product = na.hessian_vector_product(net, x, targets, weights, biases, loss)
    ends = []
    for h in (1e-5, -1e-5):
        moved = net.with_parameters(net.weights + h * weights, net.biases + h * biases)
        ends.append(na.gradient(moved, x, targets, loss))
    np.testing.assert_allclose(
        product.weights, (ends[0].weights - ends[1].weights) / 2e-5, rtol=1e-5, atol=1e-7
    )
    np.testing.assert_allclose(
        product.biases, (ends[0].biases - ends[1].biases) / 2e-5, rtol=1e-5, atol=1e-7
    )


def test_the_hessian_is_symmetric_and_one_neuron_can_be_worked_out() -> None:
    case = draw_case(16)
    whole = dense(case.network, case.x, case.targets, case.loss)
    np.testing.assert_allclose(whole, whole.T, atol=1e-10 * np.abs(whole).max())
    net = na.Network(
        [na.Input("x"), na.Neuron("y", "identity", bias=1.0)], [na.Synapse("x", "y", 2.0)], ["y"]
    )
    product = na.hessian_vector_product(
        net, [[3.0]], [[0.0]], [1.0], [0.0, 0.0]
    )  # (w x + b)²: 2 x² and 2 x
    assert product.weights.tolist() == [18.0]
    assert product.biases.tolist() == [0.0, 6.0]


def test_an_input_has_no_bias(channels: str, diamond, batch) -> None:
    weights, biases = direction(diamond)
    other = np.where(diamond.is_input, 99.0, biases)
    one, same = (
        na.hessian_vector_product(diamond, *batch, weights, b, channels=channels)
        for b in (biases, other)
    )
    assert np.array_equal(one.weights, same.weights)
    assert not one.biases[diamond.is_input].any()


async def test_between_other_steps(channels: str, diamond, batch) -> None:
    """Nobody learns from it, and what comes before and after is as if it had not been."""
    along = direction(diamond)
    async with na.open_simulation(diamond, channels) as simulation:
        before = await simulation.gradient(*batch)
        product = await simulation.hessian_vector_product(*batch, *along)
        after = await simulation.gradient(*batch, wrt_inputs=True)
        await simulation.train_step(*batch, optimizer=na.SGD(0.1, momentum=0.9))
        again = await simulation.hessian_vector_product(*batch, *along)
        await simulation.train_step(*batch, optimizer=na.SGD(0.1, momentum=0.9))
        learnt = await simulation.network()
    assert np.array_equal(before.weights, after.weights)
    assert not np.array_equal(product.weights, again.weights)
    async with na.open_simulation(diamond, channels) as simulation:
        for _ in range(2):
            await simulation.train_step(*batch, optimizer=na.SGD(0.1, momentum=0.9))
        assert np.array_equal((await simulation.network()).weights, learnt.weights)


async def test_messages_are_those_of_a_gradient_and_one_for_each_neuron(channels: str) -> None:
    net = draw_case(7).network
    x, targets = np.ones((2, len(net.inputs))), np.ones((2, len(net.outputs)))
    async with na.open_simulation(net, channels) as simulation:
        counts = [0]
        for ask in (
            simulation.gradient(x, targets),
            simulation.hessian_vector_product(x, targets, *direction(net)),
        ):
            await ask
            counts.append(simulation.statistics().messages)
    assert counts[2] - 2 * counts[1] == len(net.ids) - len(net.inputs)


async def test_each_message_carries_its_derivative(diamond, batch) -> None:
    """What is said of the examples is what is said without: behind it stands as much again, and directions go to neurons."""
    said: list[dict] = []

    class Overheard:
        def record(self, step, record) -> None:
            for message in read_messages(diamond, step, record):
                said[-1][message[:-1]] = message.values

    from neuro_actors.channels.memory import Memory

    weights, biases = direction(diamond)
    async with na.open_simulation(
        diamond, lambda network, recorder: Memory(network, Overheard())
    ) as simulation:
        said.append({})
        await simulation.gradient(*batch)
        said.append({})
        await simulation.hessian_vector_product(*batch, weights, biases)
    n = len(batch[0])
    plain, curved = said
    for message, values in plain.items():
        if message[0] in ("activation", "urgency"):
            assert curved[message].shape == (2 * n,)
            assert np.array_equal(curved[message][:n], values)
        elif message[0] != "commit":
            assert np.array_equal(curved[message], values)
    tangents = {message[2]: curved[message] for message in curved if message[0] == "tangent"}
    assert set(tangents) == {
        i for i, is_input in zip(diamond.ids, diamond.is_input, strict=True) if not is_input
    }
    for name, values in tangents.items():
        k = diamond.position[name]
        assert values.tolist() == [*weights[diamond.incoming.of(k)], biases[k]]
    assert set(curved) - set(plain) == {m for m in curved if m[0] == "tangent"}


# --- what goes wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "biases", "match"),
    [
        (
            [1.0],
            [0.0] * 4,
            r"^the direction's weights: expected shape \(5,\), one for each synapse, got \(1,\)$",
        ),
        (
            [1.0] * 5,
            [0.0],
            r"^the direction's biases: expected shape \(4,\), one for each neuron, the inputs included, got \(1,\)$",
        ),
        (
            [1.0] * 4 + [np.nan],
            [0.0] * 4,
            r"^the direction's weights: the value at \[4\] is nan; every value must be finite$",
        ),
        (None, [0.0] * 4, r"^the direction's weights: expected an array of numbers"),
    ],
)
def test_directions_that_are_none(
    channels: str, diamond, batch, weights, biases, match: str
) -> None:
    assert (len(diamond.weights), len(diamond.ids)) == (5, 4)
    with pytest.raises(na.InputError, match=match):
        na.hessian_vector_product(diamond, *batch, weights, biases, channels=channels)
    with pytest.raises(na.InputError, match=match):
        na.reference.hessian_vector_product(diamond, *batch, weights, biases)


def test_functions_without_curvature_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
    monkeypatch.setattr(functions, "LOSSES", dict(functions.LOSSES))
    na.add_activation("cube", lambda z: z**3, lambda z, a: 3 * z**2)
    na.add_loss("fourth", lambda p, t: ((p - t) ** 4).sum(axis=1), lambda p, t: 4 * (p - t) ** 3)
    net = na.Network(
        [na.Input("x"), na.Neuron("y", "cube", bias=0.5)], [na.Synapse("x", "y", 0.5)], ["y"]
    )
    ask = ([[1.0]], [[0.0]], [1.0], [0.0, 1.0], "fourth")
    for product in (na.hessian_vector_product, na.reference.hessian_vector_product):
        with pytest.raises(
            na.InputError,
            match=r"needs the curvature of the activation 'cube': na.add_activation\(…, curv",
        ):
            product(net, *ask)
    na.add_activation("cube", lambda z: z**3, lambda z, a: 3 * z**2, curvature=lambda z, a: 6 * z)
    with pytest.raises(
        na.InputError, match=r"needs the curvature of the loss 'fourth': na.add_loss\(…, curvature="
    ):
        na.hessian_vector_product(net, *ask)
    na.add_loss(
        "fourth",
        functions.LOSSES["fourth"].value,
        functions.LOSSES["fourth"].slope,
        curvature=lambda p, t, d: 12 * (p - t) ** 2 * d,
    )
    product = na.hessian_vector_product(
        net, *ask
    )  # a = z³, z = w x + b = 1; the loss is z^12, its second derivative 132
    assert (product.weights.tolist(), product.biases.tolist()) == ([264.0], [0.0, 264.0])
    with pytest.raises(
        na.InputError, match=r"^flat: curvature\(z, a\) must return an array of float64"
    ):
        na.add_activation("flat", lambda z: z, lambda z, a: z, curvature=lambda z, a: 0.0)


@pytest.mark.parametrize("name", activations.BUILT_IN)
def test_curvatures_are_derivatives_of_slopes(name: str) -> None:
    f = functions.ACTIVATIONS[name]
    z = np.array([-30.0, -3.1, -1.1, -0.1, 0.1, 0.7, 2.0, 30.0])
    is_part = name in ("exp", "log", "square", "sqrt", "rsqrt", "reciprocal")
    if is_part:  # of the line, or of all floats
        z = np.abs(z)[1:-1]
    h = 1e-5
    slope = lambda z: f.slope(z, f.value(z))  # noqa: E731
    np.testing.assert_allclose(
        f.curvature(z, f.value(z)), (slope(z + h) - slope(z - h)) / (2 * h), rtol=1e-6, atol=1e-8
    )
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        far = np.array([-1e300, -800.0, 0.0, 800.0, 1e300])
        assert np.isfinite(f.curvature(far, f.value(far))).all() or is_part


@pytest.mark.parametrize("name", losses.BUILT_IN)
def test_curvatures_of_losses(name: str) -> None:
    loss, rng = functions.LOSSES[name], np.random.default_rng(3)
    p, t, d = (
        rng.uniform(0.1, 0.9, (6, 3)),
        rng.dirichlet(np.ones(3), 6),
        rng.standard_normal((6, 3)),
    )
    h = 1e-6
    np.testing.assert_allclose(
        loss.curvature(p, t, d),
        (loss.slope(p + h * d, t) - loss.slope(p - h * d, t)) / (2 * h),
        rtol=1e-6,
        atol=1e-6,
    )
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        for certain in (np.zeros((6, 3)), np.ones((6, 3))):
            assert np.isfinite(loss.curvature(certain, t, d)).all()


# --- recorded and audited ----------------------------------------------------------------------------------------


async def tell(case, channels: str, path) -> None:
    along = direction(case.network, 1)
    async with na.open_simulation(case.network, channels, path) as simulation:
        await simulation.predict(case.x)
        await simulation.hessian_vector_product(case.x, case.targets, *along, case.loss)
        await simulation.train_step(case.x, case.targets, case.loss, optimizer=na.Adam(0.001))
        await simulation.hessian_vector_product(case.x, case.targets, *along, case.loss)
        await simulation.gradient(case.x, case.targets, case.loss, wrt_inputs=True)


@pytest.mark.parametrize("seed", few(range(8), 1))
async def test_a_log_of_products_is_proved(seed: int, tmp_path) -> None:
    case = draw_case(seed)
    for channels in ("memory", "bundled"):
        await tell(case, channels, tmp_path / channels)
        audit = na.audit(tmp_path / channels)
        assert (audit.passed, audit.exact, audit.unproved) == (True, True, 0)
    assert forgery.read(tmp_path / "memory") == forgery.read(
        tmp_path / "bundled"
    )  # batches of rows depend on the clock
    log = na.open_log(tmp_path / "memory")
    assert [info.mode for info in log.steps] == [
        "predict",
        "product",
        "train",
        "product",
        "gradient",
    ]
    first = log.step(2)
    assert first.activations.shape[1] == len(case.x)  # what was said of the examples
    assert np.array_equal(first.activations, log.step(1).activations)
    product = na.hessian_vector_product(
        case.network, case.x, case.targets, *direction(case.network, 1), case.loss
    )
    assert np.array_equal(-first.weights, product.weights)


@pytest.mark.parametrize(
    "recorded",
    [{"phases": ["forward"]}, {"phases": ["backward", "commit"]}, {"every": 2}, {"layers": [1]}],
)
async def test_partial_logs_of_products(recorded: dict, tmp_path) -> None:
    case = draw_case(16)
    await tell(case, "bundled", na.Recording(tmp_path / "a", **recorded))
    audit = na.audit(tmp_path / "a")
    assert audit.lie is None
    assert audit.complete


@pytest.mark.parametrize(
    ("kind", "resealed"),
    few(
        [
            ("tangent", True), ("activation", False), ("urgency", True), ("commit", False),
            ("tangent", False), ("activation", True), ("urgency", False), ("commit", True),
        ],
        4,
    ),
)  # fmt: skip
async def test_a_changed_number_of_a_product_is_found(
    kind: str, resealed: bool, tmp_path, run_slow: bool
) -> None:
    await tell(draw_case(16), "bundled", tmp_path / "a")
    metadata, honest = forgery.read(tmp_path / "a")
    there = [
        k for k, row in enumerate(honest) if row[forgery.STEP] == 2 and row[forgery.KIND] == kind
    ]
    assert there
    for k in there if run_slow else there[::8]:
        for i in range(len(honest[k][forgery.VALUE])):
            rows = [list(row) for row in honest]
            value = list(rows[k][forgery.VALUE])
            value[i] = float(np.nextafter(value[i], 9.0)) if value[i] else 0.5
            rows[k][forgery.VALUE] = value
            forgery.write(
                tmp_path / "b", metadata, forgery.sealed(metadata, rows) if resealed else rows
            )
            lie = na.audit(tmp_path / "b").lie
            if resealed and rows[k][forgery.SENDER] == "environment":
                assert (
                    lie is None or lie.step == 2
                )  # another story may be true too, to the last bit
            else:
                assert lie is not None
                assert lie.step == 2


def test_through_time_there_are_products_by_matrices_alone() -> None:
    """They are the derivative of the gradient, which central differences approach."""
    case, rng = memory(ticks=4), np.random.default_rng(0)
    network, given = case.network, (case.x, case.targets)
    along = rng.standard_normal(len(network.weights)), rng.standard_normal(len(network.ids))
    with pytest.raises(na.InputError, match="know no time: .* na.reference.hessian_vector_product"):
        na.hessian_vector_product(network, *given, *along)
    found, h = na.reference.hessian_vector_product(network, *given, *along), 1e-5
    ahead, behind = (
        na.gradient(
            network.with_parameters(
                np.where(
                    network.is_interneuron[network.targets], 1, network.weights + s * along[0]
                ),
                np.where(network.n_parameters > 0, network.biases + s * along[1], 0),
            ),
            *given,
        )
        for s in (h, -h)
    )
    np.testing.assert_allclose((ahead.weights - behind.weights) / (2 * h), found.weights, atol=1e-7)
