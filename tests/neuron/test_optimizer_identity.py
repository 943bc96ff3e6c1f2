"""Which optimizer a `repr` stands for."""

import numpy as np

from neuro_actors.neuron.optimizer_identity import optimizer_identity

GENERATOR = np.random.default_rng(0)


class Own:
    def __init__(self, rate: float) -> None:
        self.rate = rate

    def start(self, n_parameters: int) -> tuple:
        return ()

    def update(self, parameters, urgencies, state, count) -> tuple:
        return parameters + self.rate * urgencies, ()


class Noisy(Own):
    """It makes other updates each time, and a copy of it does so too."""

    def update(self, parameters, urgencies, state, count) -> tuple:
        return parameters + GENERATOR.random(len(parameters)), ()


class OfThree(Own):
    """It is made for neurons of three parameters."""

    def update(self, parameters, urgencies, state, count) -> tuple:
        return parameters + self.rate * urgencies * np.array([1.0, 2.0, 3.0]), ()


def test_an_identity_says_what_updates_are_made() -> None:
    one, same, other = (optimizer_identity(Own(rate)) for rate in (0.5, 0.5, 0.25))
    assert one is not None
    assert one == same
    assert one != other


def test_what_cannot_be_known_has_no_identity() -> None:
    assert optimizer_identity(Noisy(0.5)) is None
    assert optimizer_identity(OfThree(0.5)) is None
