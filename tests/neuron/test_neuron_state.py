"""What a neuron remembers, and how an optimizer changes it."""

import numpy as np

from neuro_actors.neuron.neuron_state import NeuronState, updated_state

PARAMETERS, URGENCIES = np.array([1.0, 2.0]), np.array([0.5, 0.25])


class InPlace:
    """An optimizer that changes what it is handed, and begins with the same objects each time."""

    def __init__(self) -> None:
        self.counts = [0]

    def start(self, n_parameters: int) -> tuple:
        return (self.counts,)

    def update(self, parameters, urgencies, state, count) -> tuple:
        state[0][0] += 1
        return parameters + urgencies, state


def test_an_update_leaves_the_state_before_as_it_was() -> None:
    optimizer = InPlace()
    first = updated_state(NeuronState(PARAMETERS), optimizer, URGENCIES)
    second = updated_state(first, optimizer, URGENCIES)
    another = updated_state(NeuronState(PARAMETERS), optimizer, URGENCIES)
    assert [one.optimizer_state for one in (first, second, another)] == [([1],), ([2],), ([1],)]
    assert optimizer.counts == [0]
