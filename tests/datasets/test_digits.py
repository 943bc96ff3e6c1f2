from __future__ import annotations

import numpy as np
import pytest
from helpers.digests import digest

import neuro_actors as na


def test_the_same_seed_gives_the_same_numbers_on_every_machine() -> None:
    assert digest(na.datasets.digits()) == "28f300b2"
    assert digest(na.datasets.digits(33, noise=0.5, seed=7)) == "67928645"


def test_each_digit_is_drawn_whole_wherever_it_is_shifted() -> None:
    data = na.datasets.digits(1000, noise=0)
    assert data.picture == (8, 8)
    assert (len(data.names), data.names[0], data.names[-1]) == (64, "r0c0", "r7c7")
    assert data.classes == tuple("0123456789")
    assert set(data.x.flat) == {0.0, 1.0}
    which = data.targets.argmax(axis=1)
    assert which.tolist() == [*range(10)] * 100
    for digit in range(10):
        seen = data.x[which == digit]
        assert len(np.unique(seen, axis=0)) == 9  # three shifts down, three to the right
        assert len(set(seen.sum(axis=1))) == 1
    drawn = {digit: data.x[which == digit][0].sum() for digit in range(10)}
    assert len(set(drawn.values())) > 4


def test_noise() -> None:
    calm, noisy = na.datasets.digits(50, noise=0), na.datasets.digits(50, noise=0.3)
    assert np.abs(calm.x - noisy.x).max() == pytest.approx(0.3, abs=0.01)
    assert noisy.x.min() >= 0
    assert noisy.x.max() <= 1


def test_wrong_arguments() -> None:
    with pytest.raises(na.InputError, match="^noise must be a number from 0 to 1, got 1.5"):
        na.datasets.digits(noise=1.5)
    with pytest.raises(na.InputError, match="^n must be"):
        na.datasets.digits(0)


def test_a_society_learns_them() -> None:
    data = na.datasets.digits()
    net = na.Network.layered([64, 12, 10], seed=0)
    learnt = na.train(
        net, *data, loss="softmax_cross_entropy", optimizer=na.Adam(0.02), epochs=10, batch_size=20
    ).network
    new = na.datasets.digits(200, seed=1)
    said = na.predict(learnt, new.x).argmax(axis=1)
    assert np.mean(said == new.targets.argmax(axis=1)) > 0.9
