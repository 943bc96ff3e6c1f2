"""Whose code an object runs."""

import neuro_actors as na
from neuro_actors.neuron.local_rule import LocalRule
from neuro_actors.support.own_code import has_own_code


def test_a_class_is_a_users_own_if_one_that_it_derives_from_is():
    class Own(LocalRule):
        pass

    Derived = type("Derived", (Own,), {"__module__": LocalRule.__module__})
    assert not has_own_code(LocalRule)
    assert has_own_code(Own)
    assert has_own_code(Derived)


def test_the_members_of_a_society_are_asked_by_class_not_one_by_one():
    has_own_code.cache_clear()
    na.gradient(na.Network.layered([40, 4, 2]), [[0.5] * 40], [[0.0, 1.0]])
    asked = has_own_code.cache_info()
    assert asked.misses < 10
    assert asked.hits >= 40
