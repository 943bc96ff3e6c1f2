from __future__ import annotations

import numpy as np
import pytest

import neuro_actors as na

OPTIMIZERS = [
    na.SGD(0.1),
    na.SGD(0.05, momentum=0.9),
    na.SGD(na.StepDecay(0.1, every=3), momentum=0.5, weight_decay=0.01),
    na.Adam(0.01),
    na.Adam(na.CosineDecay(0.02, steps=5, end=0.001), beta1=0.8, beta2=0.95, weight_decay=0.1),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
async def test_neurons_learn_as_one_centre_would_bit_for_bit(
    optimizer, channels: str, diamond, batch
) -> None:
    """The same optimiser on one vector of all parameters, fed with the gradients that the society itself reports."""
    net, (x, t) = diamond, batch
    learners = ~net.is_input
    parameters = np.concatenate([net.weights, net.biases[learners]])
    state = optimizer.start(len(parameters))
    async with na.open_simulation(net, channels) as simulation:
        for count in range(1, 9):
            gradient = await simulation.gradient(x, t)
            urgencies = -np.concatenate([gradient.weights, gradient.biases[learners]])
            parameters, state = optimizer.update(parameters, urgencies, state, count)
            await simulation.train_step(x, t, optimizer=optimizer)
            current = await simulation.network()
            assert np.array_equal(
                np.concatenate([current.weights, current.biases[learners]]), parameters
            )


async def test_an_equal_description_continues_and_another_starts_afresh(
    channels: str, diamond, batch
) -> None:
    async def digest(*optimizers) -> str:
        async with na.open_simulation(diamond, channels) as simulation:
            for optimizer in optimizers:
                await simulation.train_step(*batch, optimizer=optimizer)
            return (await simulation.network()).digest()

    one, equal, other = na.Adam(0.01), na.Adam(0.01), na.Adam(0.02)
    assert one is not equal
    assert await digest(one, one, one) == await digest(one, equal, one)
    # after another, the first has been forgotten: its third step is a first one again
    async with na.open_simulation(diamond, channels) as simulation:
        for optimizer in (one, other):
            await simulation.train_step(*batch, optimizer=optimizer)
        between = await simulation.network()
        await simulation.train_step(*batch, optimizer=one)
        end = await simulation.network()
    async with na.open_simulation(between, channels) as simulation:
        await simulation.train_step(*batch, optimizer=one)
        assert await simulation.network() == end


def test_worked_by_hand() -> None:
    sgd = na.SGD(0.5, momentum=0.5, weight_decay=0.25)
    p, state = sgd.update(
        np.array([2.0]), np.array([1.5]), sgd.start(1), 1
    )  # velocity 1.5 - 0.25 · 2 = 1
    assert (p.tolist(), state[0].tolist()) == ([2.5], [1.0])
    p, state = sgd.update(p, np.array([0.625]), state, 2)  # 0.5 · 1 + 0.625 - 0.625
    assert (p.tolist(), state[0].tolist()) == ([2.75], [0.5])
    adam = na.Adam(0.1, epsilon=0.0)
    p, _ = adam.update(np.array([1.0, 1.0]), np.array([3.0, -0.001]), adam.start(2), 1)
    assert p == pytest.approx(
        [1.1, 0.9], rel=1e-12
    )  # the first step is the rate, whatever the size


def test_schedules() -> None:
    assert [na.StepDecay(1.0, every=2)(k) for k in range(1, 6)] == [1.0, 1.0, 0.5, 0.5, 0.25]
    cosine = na.CosineDecay(1.0, steps=4, end=0.5)
    assert [cosine(k) for k in (1, 3, 5, 9)] == pytest.approx([1.0, 0.75, 0.5, 0.5])
    # as documented: `steps` updates on the way, then the end, exactly
    assert [na.CosineDecay(1.0, 10)(k) for k in (1, 11, 12)] == [1.0, 0.0, 0.0]
    assert 0.0 < na.CosineDecay(1.0, 10)(10) < 0.03
    assert [na.CosineDecay(1.0, 1)(k) for k in (1, 2)] == [1.0, 0.0]
    assert na.SGD(na.StepDecay(1.0, every=2)) == na.SGD(na.StepDecay(1.0, every=2))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (
            lambda: na.SGD(0),
            r"^SGD: the learning rate must be a positive number or a schedule, got 0$",
        ),
        (lambda: na.SGD(float("nan")), "learning rate"),
        (lambda: na.SGD("0.1"), "learning rate"),
        (lambda: na.SGD(True), "learning rate"),
        (lambda: na.SGD(0.1, momentum=1), r"^SGD: momentum must be at least 0 and below 1, got 1$"),
        (lambda: na.SGD(0.1, weight_decay=-1), r"^SGD: weight_decay must be at least 0, got -1$"),
        (lambda: na.Adam(-1), r"^Adam: the learning rate"),
        (lambda: na.Adam(beta1=1.0), r"^Adam: beta1"),
        (lambda: na.Adam(beta2=-0.1), r"^Adam: beta2"),
        (lambda: na.StepDecay(0.1, every=0), r"^StepDecay: every must be at least 1, got 0$"),
        (lambda: na.CosineDecay(0.1, steps=0), r"^CosineDecay: steps"),
    ],
)
def test_refused(make, match: str) -> None:
    with pytest.raises(na.InputError, match=match):
        make()
