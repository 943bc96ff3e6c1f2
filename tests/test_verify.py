"""The claim in one command must be able to fail: the rule is broken in many ways, and `verify` sees each."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest

from neuro_actors import judge, learning, mail, neuron, sums
from neuro_actors.verify import draw_case, verify

NETWORKS = 25


def test_societies_are_exact(channels: str) -> None:
    verdicts = list(verify(NETWORKS, seed=1, channels=channels, torch=False))
    assert [(v.seed, v.failure, v.differences) for v in verdicts if not v.passed] == []
    assert 0 < max(v.differences["gradient"] for v in verdicts) < 1  # rounding is seen, and stays below the bound


def test_cases_are_of_all_kinds() -> None:
    cases = [draw_case(seed) for seed in range(300)]
    sizes = [len(case.network.ids) - len(case.network.inputs) for case in cases]
    assert (min(sizes), max(sizes) > 150) == (1, True)
    assert {case.loss for case in cases} == {
        "squared_error", "absolute_error", "huber", "cross_entropy", "softmax_cross_entropy", "kl_divergence"
    }  # fmt: skip
    assert {name for case in cases for name in case.network.activations} >= {"relu", "gelu", "sin", "elu", "tanh"}
    assert {1, 64} <= {len(case.x) for case in cases}
    assert any(case.network.outgoing.sizes[case.network.position[case.network.outputs[0]]] for case in cases)
    skips = [(case.network.level[case.network.targets] - case.network.level[case.network.sources]).max() for case in cases]
    assert max(skips) > 20


MUTANTS: dict[str, tuple[ModuleType, str, str]] = {
    "a forgotten slope": (
        neuron, "self.function.slope(fired.signal, fired.activation)", "np.ones_like(urgency)"),
    "a slope taken at the activation": (
        neuron, "slope(fired.signal, fired.activation)", "slope(fired.activation, self.function.value(fired.activation))"),
    "urgency summed over predecessors": (
        neuron, "sums.sum_of_rows(urgencies)", "sums.sum_of_rows(fired.heard)"),
    "mean instead of sum": (
        neuron, "urgency = sums.sum_of_rows(urgencies)", "urgency = sums.sum_of_rows(urgencies) / len(urgencies)"),
    "only the first follower heard": (
        neuron, "sums.sum_of_rows(urgencies)", "sums.sum_of_rows(urgencies[:1])"),
    "a stale weight": (
        neuron, "sums.weighted_sum(self.memory.parameters,", "sums.weighted_sum(_kept.setdefault(self, self.memory.parameters),"),
    "weights already renewed when urgencies are sent back": (
        neuron, "weights = memory.parameters[:-1]",
        "weights = (_learn(memory, step.optimizer, wanted) if step.optimizer else memory).parameters[:-1]"),
    "the wrong sign back": (
        neuron, "np.multiply.outer(weights, signal_urgency)", "-np.multiply.outer(weights, signal_urgency)"),
    "the wrong sign for itself": (
        neuron, "frozen(sums.mean_products(fired.heard, signal_urgency))", "-sums.mean_products(fired.heard, signal_urgency)"),
    "off by one step": (
        neuron, "self.fired = Fired(step, heard, signal, activation)",
        "self.fired = Fired(step, *_kept.get(self, (heard, signal, activation))); _kept[self] = (heard, signal, activation)"),
    "the urgency before the slope for its weights": (
        neuron, "sums.mean_products(fired.heard, signal_urgency)", "sums.mean_products(fired.heard, urgency)"),
    "weights in another order than the synapses": (
        neuron, "weights = memory.parameters[:-1]\n", "weights = memory.parameters[:-1][::-1]\n"),
    "a bias that is not heard": (
        sums, "return np.einsum(\"i,ij->j\", weights, rows)", "return np.einsum(\"i,ij->j\", weights[:-1], rows[:-1])"),
    "the batch's sum instead of its mean": (
        sums, "rows, values) / rows.shape[1])", "rows, values))"),
    "a batch of one summed wrongly": (
        sums, "np.add.accumulate(weights * rows[:, 0])[-1:]", "np.add.accumulate(weights * rows[:, 0])[-2:-1]"),
    "velocity forgotten": (
        neuron, "memory.state, count", "optimizer.start(len(wanted)), count"),
    "a velocity with the wrong factor": (
        learning, "self.momentum * state[0] + urgencies", "(1 - self.momentum) * state[0] + urgencies"),
    "a loss that is upside down": (
        judge, "-loss.slope(p, t)", "loss.slope(p, t)"),
    "mail in another order than the synapses": (
        mail, "np.concatenate(slots + self._extra)", "np.concatenate(slots[::-1] + self._extra)"),
}  # fmt: skip


@pytest.mark.parametrize("mutant", MUTANTS)
def test_each_way_of_breaking_it_is_caught(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, right, wrong = MUTANTS[mutant]
    source = inspect.getsource(module)
    assert source.count(right) >= 1, "the mutant's place is gone: write it anew"
    broken = source.replace(right, wrong) + "\n_kept = {}\n"
    scope: dict[str, object] = {"__name__": module.__name__, "__package__": "neuro_actors"}
    exec(compile(broken, f"<{mutant}>", "exec"), scope)
    for name, value in scope.items():
        original = getattr(module, name, None)
        if inspect.isfunction(value) and value.__module__ == module.__name__:
            monkeypatch.setattr(module, name, value)
        elif inspect.isclass(value) and value.__module__ == module.__name__:
            for attribute, method in vars(value).items():
                if inspect.isfunction(method) and not attribute.startswith("__"):
                    monkeypatch.setattr(original, attribute, method)
    verdicts = list(verify(NETWORKS, seed=1, torch=False))
    assert any(not verdict.passed and verdict.failure is None for verdict in verdicts)  # by a difference, not by a crash
