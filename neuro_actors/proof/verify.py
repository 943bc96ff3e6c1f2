"""The claim in one command: random societies, neuron by neuron and as a whole.

1. Each neuron on its own mail (`reference/each_neuron.py`): its messages are what exact arithmetic
   makes of the messages that it received, within the rounding of its own sums. That holds in a
   network of any depth, and with the wiring it proves the whole gradient.
2. The network as a whole: the gradient is that of matrices, finite differences and PyTorch, within
   what rounding can do to it (`reference/bounds.py`). Where a network is so deep that this bound
   would prove nothing, the verdict says so.

All differences are in units of what rounding alone can do. So the limit is 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from ..channels.choose_channels import ChannelsChoice
from ..network import functions
from ..network.gradient import Gradient
from ..network.masks import masked_again, skip_masked
from ..network.network import Network
from ..neuron.messages import Step
from ..neuron.optimizers import SGD
from ..simulation.blocking import run
from ..simulation.opening import open_simulation
from ..support.arrays import Array
from ..support.errors import NeuroActorsError
from ..support.signal_exceptions import passes_handler_exceptions
from . import reference
from .any_cases import draw_any_case
from .mail import MailRecorder, recorded
from .random_cases import Case, draw_case
from .reference.bounds import gradient_and_bound, proves_nothing
from .reference.products import product_and_bound
from .reference.step_mail import Mail, greatest_use
from .reference.unroll import as_plain, dropouts_of
from .rounds import compare_step, split_into_steps

RATE, MOMENTUM = 0.05, 0.9
AGREES = 1e-6  # of the greatest entry: within a larger bound nothing agrees as a whole
SAMPLE = 4  # parameters whose gradient is also taken by finite differences


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one case.

    Attributes:
        seed: The seed that the case was drawn from.
        case: The case.
        messages: How many messages the society sent.
        differences: The largest difference of each comparison, by its name, in units of the bound.
        failure: The text of the error, if the society failed.
        too_deep: The names of the comparisons of the network as a whole whose bound proves nothing.
            They are not among `differences`, unless their difference is larger even so.
    """

    seed: int
    case: Case
    messages: int
    differences: dict[str, float]
    failure: str | None = None
    too_deep: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the society did not fail, and no difference is larger than the bound."""
        return self.failure is None and all(
            difference <= 1.0 for difference in self.differences.values()
        )


def verify(
    networks: int = 100,
    seed: int = 0,
    *,
    channels: ChannelsChoice = "bundled",
    torch: bool | None = None,
    any_kind: bool = False,
) -> Iterator[Verdict]:
    """Compare random societies with everything they can be compared with.

    The cases are drawn from `seed`, `seed` + 1 and so on, so each can be drawn again alone.

    Args:
        networks: The number of cases.
        seed: The seed of the first case.
        channels: What carries the messages, as in `neuro_actors.open_simulation`.
        torch: Whether to compare with PyTorch too. None: if it is installed.
        any_kind: Whether to draw networks with interneurons, positions, receptive fields, frozen
            parts and delays. They are smaller. Without it, networks have none of these.

    Yields:
        A verdict for each case.
    """
    with_torch = find_spec("torch") is not None if torch is None else torch
    draw = draw_any_case if any_kind else draw_case
    for k in range(seed, seed + networks):
        yield verify_case(k, draw(k), channels, with_torch)


@passes_handler_exceptions
def verify_case(
    seed: int, case: Case, channels: ChannelsChoice = "bundled", with_torch: bool = False
) -> Verdict:
    """Compare one society with everything it can be compared with.

    Args:
        seed: The seed that the case was drawn from; a direction and a sample are drawn from it too.
        case: The network, the batch and the loss.
        channels: What carries the messages, as in `neuro_actors.open_simulation`.
        with_torch: Whether to compare with PyTorch too.
    """
    network, x, t, loss = case.network, case.x, masked_again(case.targets), case.loss
    optimizer, rng = SGD(RATE, MOMENTUM), np.random.default_rng(seed)
    direction = rng.standard_normal(len(network.weights)), rng.standard_normal(len(network.ids))

    recorder = MailRecorder(network)

    async def society() -> tuple[Array, Gradient, Gradient | None, Network, Network, int]:
        async with open_simulation(network, recorded(channels, recorder)) as simulation:
            predictions = await simulation.predict(x)
            gradient = await simulation.gradient(x, t, loss, wrt_inputs=seed % 2 == 0)
            product = None
            if not network.delays:  # products know no time
                product = await simulation.hessian_vector_product(x, t, *direction, loss)
            await simulation.train_step(x, t, loss, optimizer=optimizer)
            once = await simulation.network()
            await simulation.train_step(x, t, loss, optimizer=optimizer)
            return (
                predictions,
                gradient,
                product,
                once,
                await simulation.network(),
                simulation.statistics().messages,
            )

    try:
        predictions, gradient, product, once, twice, messages = run(society, channels)
    except NeuroActorsError as error:
        return Verdict(seed, case, 0, {}, str(error))
    numbers = [
        rounds[0][0].number for rounds in split_into_steps(recorder.steps) if rounds[-1][0].loss
    ]
    found = _Found(case, direction, predictions, gradient, product, (network, once, twice), numbers)
    differences = found.each_neuron(recorder.steps)
    whole = gradient_and_bound(network, x, t, loss, gradient.inputs is not None, numbers[0])
    differences["finite differences"] = found.finite_differences(
        whole[1].loss, np.random.default_rng(seed)
    )
    too_deep = []
    for name, difference, proves in found.as_a_whole(*whole, with_torch):
        if proves or not difference <= 1.0:
            differences[name] = difference
        else:
            too_deep.append(name)
    return Verdict(seed, case, messages, differences, None, tuple(too_deep))


# --- comparisons ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """What a society computed.

    networks: Before it learned, and after the first and second step. numbers: Of the steps that
    have a loss, the numbers of their first rounds.
    """

    case: Case
    direction: tuple[Array, Array]
    predictions: Array
    gradient: Gradient
    product: Gradient | None
    networks: tuple[Network, Network, Network]
    numbers: list[int]

    def each_neuron(self, steps: list[tuple[Step, Mail]]) -> dict[str, float]:
        """Compare what each member sent with what it should have sent, given what it received.

        And what the society returned with that.
        """
        case, uses = self.case, dict.fromkeys(EACH, 0.0)

        def add(what: str, use: float) -> None:
            uses[what] = max(uses[what], use)

        commits: list[tuple[Gradient, Gradient]] = []
        with_loss = 3 if self.product is None else 4
        for rounds in split_into_steps(steps):
            # the last step is after one of learning
            network = self.networks[len(commits) == with_loss - 1]
            compared = compare_step(network, rounds, case.x, case.targets, self.direction)
            for comparison in compared.rounds:
                for name, use in comparison.uses().items():
                    add(_COMPARED[name], use)
            if compared.gradient is not None:
                commits.append(compared.gradient)
        for name in ("weights", "biases", "inputs"):
            add("each gradient", _difference(self.gradient, *commits[0], name))
        for name in ("weights", "biases"):
            if self.product is not None:
                add("each product", _difference(self.product, *commits[1], name))
            add("each update", _learning_difference(name, self.networks, commits[-2:]))
        return uses

    def as_a_whole(
        self, expected: Gradient, bound: Gradient, with_torch: bool
    ) -> Iterator[tuple[str, float, bool]]:
        """Yield comparisons with another computation of the whole gradient.

        Of each its name, the largest difference, and whether the bound proves something.
        """
        case, gradient, product = self.case, self.gradient, self.product
        data = case.x, masked_again(case.targets)
        given = case.network, *data
        *_, once, twice = self.numbers
        later, later_bound = gradient_and_bound(self.networks[1], *data, case.loss, False, twice)
        proves = not proves_nothing(expected, bound, AGREES)
        later_proves = proves and not proves_nothing(later, later_bound, AGREES)
        masked = bool(dropouts_of(case.network))  # a prediction has no masks
        use = max(
            greatest_use(found, expected.predictions, bound.predictions)
            for found in [gradient.predictions, *[self.predictions] * (not masked)]
        )
        yield "predictions", use, proves
        yield "loss", _difference(gradient, expected, bound, "loss"), proves
        yield "gradient", _differences(gradient, expected, bound), proves
        if product is not None:
            curved, curved_bound = product_and_bound(
                *given, *self.direction, case.loss, self.numbers[1]
            )
            product_proves = not proves_nothing(curved, curved_bound, AGREES)
            use = max(
                _difference(product, curved, curved_bound, name)
                for name in ("weights", "biases", "predictions", "loss")
            )
            yield "product", use, product_proves
        first = expected, bound
        if masked:  # by those of another step
            first = gradient_and_bound(*given, case.loss, False, once)
        use = max(
            _learning_difference(name, self.networks, [first, (later, later_bound)])
            for name in ("weights", "biases")
        )
        yield "learning", use, later_proves
        if with_torch:
            from .torch_oracle import torch_gradient, torch_hessian_vector_product

            plain = case.network, case.x, case.targets
            other = torch_gradient(*plain, case.loss, step=self.numbers[0])
            use = max(
                _difference(gradient, other, bound, name)
                for name in ("predictions", "loss", "weights", "biases", "inputs")
            )
            yield "PyTorch", use, proves
            if product is None:
                return
            other = torch_hessian_vector_product(
                *plain, *self.direction, case.loss, self.numbers[1]
            )
            use = max(_difference(product, other, curved_bound, n) for n in ("weights", "biases"))
            yield "PyTorch's product", use, product_proves

    def finite_differences(self, rounding: float, rng: np.random.Generator) -> float:
        """Compare some derivatives with central differences of the reference's forward pass.

        The unit is a bound of the central differences' own error: the rounding of a loss, and how
        far the first and second differences with h and with 2h disagree. They do where f is curved
        or has a kink.
        """
        case, network = self.case, self.case.network
        n_weights = len(network.weights)
        weights = np.flatnonzero(~network.is_interneuron[network.targets])
        chosen = np.append(weights, n_weights + np.flatnonzero(network.n_parameters))
        worst, h = 0.0, 1e-4
        unrolled, x = as_plain(network, case.x, self.numbers[0])
        for k in rng.permutation(chosen)[:SAMPLE]:
            direction = np.zeros(n_weights + len(network.ids))
            direction[k] = h
            losses = []
            for far in (-2, -1, 0, 1, 2):
                parameters = np.append(network.weights, network.biases) + far * direction
                moved = unrolled.with_parameters(*np.split(parameters, [n_weights]))
                losses.append(_mean_loss(case, reference.predict(moved, x)))
            f = np.array(losses) / h
            first, first_far = (f[3] - f[1]) / 2, (f[4] - f[0]) / 4
            second, second_far = f[3] - 2 * f[2] + f[1], (f[4] - 2 * f[2] + f[0]) / 2
            gradient = self.gradient
            slope = gradient.weights[k] if k < n_weights else gradient.biases[k - n_weights]
            unsure = 2 * abs(first - first_far) + 2 * abs(second_far - 2 * second)
            worst = max(worst, greatest_use(slope, first, unsure + 4 * rounding / h))
        return worst


# What each kind of message is compared as.
_COMPARED = {
    "activations": "each activation",
    "urgencies": "each urgency",
    "loss_urgencies": "each urgency",
    "input_urgencies": "each urgency",
    "losses": "each loss",
}
EACH = (
    *dict.fromkeys(_COMPARED.values()),
    "each gradient",
    "each product",
    "each update",
)


def _mean_loss(case: Case, predictions: Array) -> float:
    """Return the mean over the batch of the sum over an example's rows of outputs.

    Args:
        case: The case.
        predictions: Its predictions. Shape (batch, …, n_outputs), or (batch, rows · n_outputs).
    """
    n = len(case.network.outputs)
    p, t = (values.reshape(-1, n) for values in (predictions, case.targets))
    return float(skip_masked(functions.loss(case.loss), t).value(p, t).sum() / len(case.x))


def _difference(one: Gradient, other: Gradient, bound: Gradient, name: str) -> float:
    a, b, limit = getattr(one, name), getattr(other, name), getattr(bound, name)
    return 0.0 if a is None else greatest_use(a, b, limit)


def _differences(one: Gradient, other: Gradient, bound: Gradient) -> float:
    return max(_difference(one, other, bound, name) for name in ("weights", "biases", "inputs"))


def _learning_difference(
    name: str,
    networks: tuple[Network, Network, Network],
    gradients: list[tuple[Gradient, Gradient]],
) -> float:
    """Compare two steps of momentum descent with steps from gradients that have these bounds."""
    before, once, twice = (getattr(network, name) for network in networks)
    (g1, e1), (g2, e2) = ((getattr(g, name), getattr(b, name)) for g, b in gradients)
    frozen = getattr(networks[0], f"frozen_{name}")
    stays = np.where(frozen, before, 0.0)
    if any((np.where(frozen, moved, 0.0) != stays).any() for moved in (once, twice)):
        return np.inf  # what is frozen never changes, not by a bit
    g1, e1, g2, e2 = (np.where(frozen, 0.0, values) for values in (g1, e1, g2, e2))
    rounding = 4 * reference.EPS
    first = greatest_use(
        once, before - RATE * g1, RATE * e1 + rounding * (np.abs(before) + RATE * np.abs(g1))
    )
    velocity, error = MOMENTUM * g1 + g2, MOMENTUM * e1 + e2
    sizes = np.abs(once) + RATE * (MOMENTUM * np.abs(g1) + np.abs(g2))
    second = greatest_use(twice, once - RATE * velocity, RATE * error + rounding * sizes)
    return max(first, second)
