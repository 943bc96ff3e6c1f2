"""Drawn numbers, rules and steps, for the comparison of the kernel with the Python code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from neuro_actors.network import functions
from neuro_actors.network.activations import BUILT_IN
from neuro_actors.neuron.messages import Step
from neuro_actors.neuron.optimizers import SGD, Adam
from neuro_actors.neuron.sums import ORDERED
from neuro_actors.neuron.tangent import TangentRule

COLUMNS = (1, 1, 1, 2, 3, 5, 7, 8, 9, 15, 16, 31, 32, 33, 64, 100, 257, 300)


def _falling(count: int) -> float:
    return 0.1 / count


OPTIMIZERS = (
    None,
    None,
    SGD(0.1),
    SGD(0.1, 0.9),
    SGD(_falling, 0.9, 0.01),
    Adam(0.01),
    Adam(_falling, weight_decay=0.1),
)


def draw_numbers(rng: np.random.Generator, shape: Any) -> np.ndarray:
    """Draw usual numbers, large and tiny ones, denormal ones, or zeros of both signs."""
    numbers = rng.standard_normal(shape)
    match rng.integers(7):
        case 1:
            numbers *= 10.0 ** rng.integers(-320, 300, shape)
        case 2:
            numbers = np.copysign(0.0, numbers)
        case 3:
            numbers *= 30.0
        case 4:
            numbers = np.copysign(5e-324 * rng.integers(0, 5, shape), numbers)
        case 5:
            numbers = np.where(rng.random(shape) < 0.5, numbers, np.copysign(0.0, numbers))
    return numbers


class Life(NamedTuple):
    """A neuron, and what it meets in some steps: `(step, activations_in, urgencies_in, n_out)`."""

    arguments: tuple[Any, ...]
    positions: int
    frozen: np.ndarray | None
    steps: list[tuple[Step, np.ndarray, np.ndarray, int]]
    stride: int

    def make(self, kind: type[TangentRule]) -> TangentRule:
        id, function, parameters, from_input, sums = self.arguments
        rule = kind(id, function, parameters.copy(), from_input, sums)
        rule.positions, rule.frozen = self.positions, self.frozen
        return rule

    def results(self, kind: type[TangentRule]) -> Iterator[tuple[Any, ...]]:
        """Live through the steps, and yield all that can be seen of each, as bits; an error as its text."""
        rule = self.make(kind)
        for step, activations, urgencies, n_out in self.steps:
            columns = activations.shape[1]
            said, commit = np.full(columns, 7.0), np.full(len(activations), 7.0)
            sent = np.full((n_out * self.stride, columns), 7.0)[:: self.stride]
            seen: list[Any] = []
            try:
                rule.fire(step, activations, said)
                seen += [said.tobytes(), rule.signal.tobytes(), rule.activation.tobytes()]
                if step.loss is not None:
                    rule.respond(step, urgencies, sent, commit)
                    seen += [np.ascontiguousarray(sent).tobytes(), commit.tobytes()]
            except Exception as error:
                seen += [type(error), str(error)]
            state = rule.state
            memory = [one.tobytes() for one in state.optimizer_state]
            seen += [
                state.parameters.tobytes(),
                state.parameters.flags.writeable,
                memory,
                state.updates,
            ]
            yield (
                *seen,
                state.optimizer,
                rule.fired is None,
                rule.signal.size,
                rule.activation.size,
            )


def draw_life(rng: np.random.Generator) -> Life:
    """Draw a neuron, and what it meets."""
    fan, columns, followers = (
        int(rng.integers(1, 40)),
        int(rng.choice(COLUMNS)),
        int(rng.integers(1, 6)),
    )
    positions = (
        int(rng.choice([d for d in range(1, columns + 1) if columns % d == 0]))
        if rng.random() < 0.3
        else 1
    )
    from_input = rng.random(fan) < rng.choice([0.0, 0.3, 1.0])
    name = BUILT_IN[rng.integers(len(BUILT_IN))]
    look_up = functions.output_activation if rng.random() < 0.3 else functions.activation
    optimizer, steps = OPTIMIZERS[rng.integers(len(OPTIMIZERS))], []
    for number in range(1, 4):
        if rng.random() < 0.2:  # then it starts afresh
            optimizer = OPTIMIZERS[rng.integers(len(OPTIMIZERS))]
        loss = None if rng.random() < 0.1 else "squared_error"
        step = Step(number, loss, optimizer, wrt_inputs=bool(rng.random() < 0.3))
        rows = np.vstack([draw_numbers(rng, (fan, columns)), np.ones((1, columns))])
        n_out = fan if step.wrt_inputs else int((~from_input).sum())
        steps.append((step, rows, draw_numbers(rng, (followers, columns)), n_out))
    frozen = rng.random(fan + 1) < 0.3 if rng.random() < 0.3 else None
    arguments = ("n", look_up(name), draw_numbers(rng, fan + 1), from_input, ORDERED)
    return Life(arguments, positions, frozen, steps, int(rng.integers(1, 4)))
