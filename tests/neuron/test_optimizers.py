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
    """The same optimizer on one vector of all parameters, fed with the gradients that the society itself reports."""
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
        (
            lambda: na.SGD(1, 5),
            r"^SGD: the learning rate is 1 and momentum is 5: did you mean 1\.5\? Write decimals",
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


# --- what is kept -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda n: na.Adam(n(0.05)),
        lambda n: na.Adam(0.05, beta1=n(0.9), beta2=n(0.99), epsilon=n(1e-4), weight_decay=n(0.1)),
        lambda n: na.SGD(n(0.05), momentum=n(0.9), weight_decay=n(0.1)),
        lambda n: na.SGD(lambda count: n(0.05)),
        lambda n: na.Adam(na.CosineDecay(n(0.05), steps=3, end=n(0.01))),
        lambda n: na.SGD(na.StepDecay(n(0.05), every=2, factor=n(0.3))),
    ],
)
def test_numbers_of_numpy_make_the_bits_of_python_numbers(
    optimizer, diamond, batch, tmp_path
) -> None:
    """NEP 50: a float32 would draw each product of a step down to its own precision."""
    bits = set()
    for k, scalar in enumerate(
        (np.float32, lambda v: np.array(v, np.float32), lambda v: float(np.float32(v)))
    ):
        path = tmp_path / f"{k}.arrows"
        result = na.train(
            diamond, *batch, optimizer=optimizer(scalar), epochs=3, batch_size=2, log=path
        )
        bits.add(result.network.digest())
        assert na.audit(path).passed
    assert len(bits) == 1


def test_a_whole_number_of_numpy_does_not_overflow(diamond, batch) -> None:
    x, t = (array[:1] for array in batch)
    optimizer = na.SGD(na.StepDecay(0.01, np.uint8(100)))
    result = na.train(diamond, x, t, optimizer=optimizer, epochs=300)
    assert len(result.history) == 300
    for wrong in (2.5, np.float32(0.5), True):
        with pytest.raises(na.InputError, match="^StepDecay: every must be"):
            na.StepDecay(0.1, every=wrong)
    assert na.StepDecay(0.1, every=1e3).every == 1000


@pytest.mark.parametrize(
    "rate", [float("nan"), float("inf"), -0.1, None, "0.1", True, np.ones(1), 1j], ids=str
)
def test_a_schedule_that_gives_no_rate_is_named(rate, diamond, batch) -> None:
    with pytest.raises(na.SimulationError, match=r"failed in step 1: the schedule returned"):
        na.train(diamond, *batch, optimizer=na.SGD(lambda count: rate), epochs=1)


class Hoarder:
    """Uses the same arrays for all neurons and updates: parameters, state, and what it starts from."""

    def __init__(self, view: bool) -> None:
        self.view, self.arrays = view, {}

    def buffer(self, name: str, n: int) -> np.ndarray:
        whole = self.arrays.setdefault(
            (name, 0 if self.view else n), np.zeros(64 if self.view else n)
        )
        return whole[:n] if self.view else whole

    def start(self, n: int):
        state = self.buffer("velocity", n)
        state[:] = 0.0
        return (state,)

    def update(self, parameters, urgencies, state, count):
        velocity, new = self.buffer("velocity", len(urgencies)), self.buffer("new", len(urgencies))
        np.add(0.5 * state[0], urgencies, out=velocity)
        np.add(parameters, 0.1 * velocity, out=new)
        return new, (velocity,)


@pytest.mark.parametrize("view", [False, True])
def test_an_optimizer_may_use_its_arrays_again(view: bool, channels: str, diamond, batch) -> None:
    expected = na.train(diamond, *batch, optimizer=na.SGD(0.1, momentum=0.5), epochs=4).network
    found = na.train(diamond, *batch, optimizer=Hoarder(view), epochs=4, channels=channels).network
    assert found.digest() == expected.digest()


def test_what_an_optimizer_remembers_cannot_be_changed_in_place(diamond, batch) -> None:
    class InPlace:
        def start(self, n: int):
            return (np.zeros(n),)

        def update(self, parameters, urgencies, state, count):
            state[0][:] += urgencies
            return parameters + 0.1 * state[0], state

    with pytest.raises(na.SimulationError, match="read-only"):
        na.train(diamond, *batch, optimizer=InPlace(), epochs=2)


async def test_a_state_that_overflows_is_refused_and_nothing_of_the_step_stays(
    channels: str,
) -> None:
    """Adam's mean square was infinite from then on, and the weight never learned again."""
    net = na.Network([na.Input("x"), na.Neuron("y")], [na.Synapse("x", "y", 0.0)], ["y"])
    settings = {"loss": "absolute_error", "optimizer": na.Adam(0.1)}
    async with na.open_simulation(net, channels) as simulation:
        await simulation.train_step([[1.0]], [[1.0]], **settings)
        before = await simulation.network()
        with pytest.raises(
            na.SimulationError,
            match="^'y' failed in step 2: the state of its optimizer in step 2 would not be finite",
        ):
            await simulation.train_step([[1e170]], [[1.0]], **settings)
        assert await simulation.network() == before


def test_a_state_of_an_optimizer_of_ones_own_must_be_finite(diamond, batch) -> None:
    class Counting(Hoarder):
        def update(self, parameters, urgencies, state, count):
            return parameters + 0.1 * urgencies, (np.float64(1.0), "text", 3, (-np.log(state[0]),))

    with pytest.raises(na.SimulationError, match=r"the state of its optimizer in step 1 would not"):
        na.train(diamond, *batch, optimizer=Counting(False), epochs=1)


@pytest.mark.parametrize(
    "returns",
    [
        lambda new, state: None,
        lambda new, state: new,
        lambda new, state: (new, state, 1),
        lambda new, state: (list(new), state),
        lambda new, state: (None, state),
        lambda new, state: (new, None),
        lambda new, state: (new, new),
    ],
)
def test_what_is_no_update_is_refused(returns, diamond, batch) -> None:
    class Odd:
        def start(self, n_parameters):
            return (np.zeros(n_parameters),)

        def update(self, parameters, urgencies, state, count):
            return returns(parameters + urgencies, state)

        def __repr__(self) -> str:
            return "Odd()"

    match = r"the optimizer Odd\(\) returned .* from update: return new parameters, an array of sh"
    with pytest.raises(na.SimulationError, match=match):
        na.train(diamond, *batch, optimizer=Odd(), epochs=1)


@pytest.mark.parametrize("part", ["parameters", "state"])
def test_masked_numbers_of_an_optimizer_are_refused(part: str, diamond, batch) -> None:
    class Masking(Hoarder):
        def update(self, parameters, urgencies, state, count):
            masked = np.ma.masked_greater(parameters, -99.0)
            return (masked, state) if part == "parameters" else (parameters, (masked,))

    with pytest.raises(na.SimulationError, match="'.* failed in step 1: .* some are masked"):
        na.train(diamond, *batch, optimizer=Masking(False), epochs=1)


@pytest.mark.parametrize(
    "state",
    [
        np.full(3, np.inf, np.float32),
        np.float16(np.inf),
        complex(0.0, np.inf),
        [np.array([np.nan])],
        {"mean": (np.longdouble(np.inf),)},
    ],
    ids=lambda state: type(state).__name__,
)
def test_a_state_of_any_type_must_be_finite(state, diamond, batch) -> None:
    class Keeping(Hoarder):
        def update(self, parameters, urgencies, _state, count):
            return parameters + 0.1 * urgencies, (state,)

    with pytest.raises(na.SimulationError, match=r"the state of its optimizer in step 1 would not"):
        na.train(diamond, *batch, optimizer=Keeping(False), epochs=1)


@pytest.mark.parametrize("make", [na.SGD, na.Adam])
async def test_a_schedule_that_counts_its_calls_is_refused(make, diamond, batch) -> None:
    """Each neuron received another rate, and an audit called honest neurons liars."""
    calls = iter(range(1, 1000))

    def counting(count: int) -> float:
        return 0.1 / next(calls)

    match = r"the schedule .*counting.* gave 0.1 for update 1, then 0.05: each neuron asks it, so"
    async with na.open_simulation(diamond) as simulation:
        with pytest.raises(na.InputError, match=match):
            await simulation.train_step(*batch, optimizer=make(counting))
        assert (await simulation.network()) == diamond
        await simulation.train_step(*batch, optimizer=make(lambda count: 0.1 / count))
