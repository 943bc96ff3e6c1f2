"""Ways of breaking the local rule and the engines, by name: a module, what is right there, and what is put in its place."""

from __future__ import annotations

import inspect
import re
from types import CellType, FunctionType, ModuleType

import pytest
from helpers.in_python import leave_out_the_kernel

from neuro_actors.channels.bundled import carried_rows, copied_rows
from neuro_actors.channels.bundled import row_layout as layout
from neuro_actors.network import combinations, masks, passes, receptive_field
from neuro_actors.neuron import (
    dropout_rule,
    interneuron_rule,
    loss_node,
    neuron_state,
    sums,
    tangent,
)
from neuro_actors.neuron import inbox as mail
from neuro_actors.neuron import local_rule as neuron
from neuro_actors.neuron import optimizers as learning
from neuro_actors.rules import through_time

MUTANTS: dict[str, tuple[ModuleType, str, str]] = {
    "a forgotten slope": (
        neuron, "self.function.before(step.loss).slope(signal, self.activation)", "np.ones_like(signal)"),
    "a slope taken at the activation": (
        neuron, "slope(signal, self.activation)", "slope(self.activation, self.function.value(self.activation))"),
    "urgency summed over predecessors": (
        neuron, "signal_urgency = sums.sum_of_rows(urgencies_in)", "signal_urgency = sums.sum_of_rows(activations_in)"),
    "mean instead of sum": (
        neuron, "sums.sum_of_rows(urgencies_in)", "sums.sum_of_rows(urgencies_in) / len(urgencies_in)"),
    "only the first follower heard": (
        neuron, "sums.sum_of_rows(urgencies_in)", "sums.sum_of_rows(urgencies_in[:1])"),
    "a stale weight": (
        neuron, "weighted_sum(self.state.parameters,", "weighted_sum(_kept.setdefault(self, self.state.parameters),"),
    "weights already renewed when urgencies are sent back": (
        neuron, "        self.conclude(step, wanted, commit_out)\n",
        "        self.conclude(step, wanted, commit_out)\n        if step.optimizer: spread(self.listener_weights(self.state.parameters, step), signal_urgency, urgencies_out)\n"),
    "the wrong sign back": (
        neuron, "spread(self.listener_weights(state.parameters, step), signal_urgency, urgencies_out)",
        "spread(-self.listener_weights(state.parameters, step), signal_urgency, urgencies_out)"),
    "the wrong sign for itself": (
        neuron, "sums.mean_products(activations_in, signal_urgency,", "sums.mean_products(activations_in, -signal_urgency,"),
    "off by one step": (
        neuron, "self.fired, self.activations_in = step, activations_in\n            self.signal, self.activation = signal, values",
        "self.fired = step; self.activations_in, self.signal, self.activation = _kept.get(self, (activations_in.copy(), signal, values)); _kept[self] = (activations_in.copy(), signal, values)"),
    "the urgency before the slope for its weights": (
        neuron, "sums.mean_products(activations_in, signal_urgency,", "sums.mean_products(activations_in, sums.sum_of_rows(urgencies_in),"),
    "weights in another order than the synapses": (
        neuron, "weights = parameters[:-1]\n", "weights = parameters[:-1][::-1]\n"),
    "a bias that is not heard": (
        sums, "return _einsum(\"i,ij->j\", weights, rows)", "return _einsum(\"i,ij->j\", weights[:-1], rows[:-1])"),
    "the batch's sum instead of its mean": (
        sums, "        out /= len(values) // positions\n", "pass"),
    "a batch of one summed wrongly": (
        sums, "_accumulate(weights * rows.ravel())[-1:]", "_accumulate(weights * rows.ravel())[-2:-1]"),
    "velocity forgotten": (
        neuron_state, "wanted, before, count", "wanted, optimizer.start(len(wanted)), count"),
    "a velocity with the wrong factor": (
        learning, "self.momentum * state[0] + urgencies", "(1 - self.momentum) * state[0] + urgencies"),
    "a tangent without the direction": (
        tangent, "sums.weighted_sum(self.direction, values) + sums", "sums"),
    "a tangent that forgets its sources'": (
        tangent, " + sums.weighted_sum(parameters[:-1], tangents)", ""),
    "a forgotten curvature": (
        tangent, " + total[:batch] * curvature * self.signal_tangent", ""),
    "a tangent sent back without the direction": (
        tangent, "spread(directions, signal_urgency, urgencies_out[:, batch:])", "urgencies_out[:, batch:] = 0"),
    "a tangent for itself that forgets its sources'": (
        tangent, "        commit_out[:-1] += others\n", ""),
    "a loss without curvature": (
        loss_node, "-loss.curvature(p, t, tangents).T", "-0 * loss.curvature(p, t, tangents).T"),
    "a loss that is upside down": (
        loss_node, "-loss.slope(p, t)", "loss.slope(p, t)"),
}  # fmt: skip


# what plain networks do not have
OF_ANY_KIND: dict[str, tuple[ModuleType, str, str]] = {
    "a product's slope that forgets those behind": (
        combinations, "before *= behind", "behind *= before"),
    "a maximum whose equals all have a slope": (
        combinations, "slopes[x.argmax(axis=0), np.arange(x.shape[1])] = 1.0", "slopes[x == x.max(axis=0)] = 1.0"),
    "a softmax that is not of the value": (
        combinations, "return np.exp(x - a)", "return np.exp(x - x.max(axis=0))"),
    "an interneuron that hands on urgencies as they are": (
        interneuron_rule, "slopes * total[:batch], step", "0 * slopes + total[:batch], step"),
    "only the first follower of an interneuron heard": (
        interneuron_rule, "self.sums.sum_of_rows(urgencies_in), len(activation)", "self.sums.sum_of_rows(urgencies_in[:1]), len(activation)"),
    "slopes of an interneuron that do not bend": (
        interneuron_rule, "total[batch:] * slopes + total[:batch] *", "total[batch:] * slopes + 0 *"),
    "only the first that hears a position answers": (
        receptive_field, "np.add.accumulate(terms, axis=2)[:, :, -1]", "terms[:, :, 0]"),
    "answers to the wrong positions": (
        receptive_field, "terms = padded[:, :, self._scatter]", "terms = np.roll(padded[:, :, self._scatter], 1, axis=-1)"),
    "one position heard for another": (
        receptive_field, "[:, :, self.positions.T]  # (n, batch, width, positions)", "[:, :, np.roll(self.positions.T, 1, axis=-1)]"),
    "the mean over positions instead of the sum": (
        neuron, "wanted, self.positions)", "wanted)"),
    "a target that does not count is missed": (
        masks, "found[counts] = loss.slope(p[counts], t[counts])",
        "found[...] = loss.slope(p, np.nan_to_num(t, nan=0.5))"),
    "a loss where nothing counts": (
        masks, "found[counts] = loss.value(p[counts], t[counts])",
        "found[...] = loss.value(p, np.nan_to_num(t, nan=0.5))"),
    "a mask of another step": (
        dropout_rule, "return None if loss is None else (number,)", "return None if loss is None else (number + 1,)"),
    "a mask that is not on the way back": (
        dropout_rule, "def slopes(x: Array, a: Array) -> Array:\n        return row", "def slopes(x: Array, a: Array) -> Array:\n        return row * 0 + 1"),
    "a frozen parameter that moves": (
        neuron, "np.where(self.frozen, self.state.parameters, parameters)", "parameters"),
    "a delay that says what it heard a tick too late": (
        through_time, "inputs[row] = delayed[t - later][k]", "inputs[row] = delayed[t - 1][k]"),
    "an urgency of a delay that is handed on a tick too late": (
        through_time, "handed[k] = urgencies[t + later][k]", "handed[k] = urgencies[t + 1][k]"),
    "urgencies of delays that go to other delays": (
        through_time, "= answer.input_urgencies[rows.delays]", "= answer.input_urgencies[rows.delays[::-1]]"),
    "the last tick alone counts": (
        through_time, "total = wanted if here.begins_sum else self.total + wanted", "total = wanted"),
    "a pass less than is needed": (
        passes, "return int(right.max()) + 1", "return int(right.max())"),
    "later ticks heard as earlier ones": (
        through_time, "t - later in delayed:\n                    inputs[row] = delayed[t - later][k]",
        "t - abs(later) in delayed:\n                    inputs[row] = delayed[t - abs(later)][k]"),
    "urgencies of all passes added": (
        through_time, "total = wanted if here.begins_sum else self.total + wanted",
        "total = wanted if (here.number, here.tick) == (here.passes, here.ticks) else self.total + wanted"),
}  # fmt: skip


# what only one engine does
OF_MEMORY = {
    "mail in another order than the synapses": (
        mail, "rows = slots + self._extra", "rows = slots[::-1] + self._extra"),
}  # fmt: skip
OF_BUNDLED = {
    "gathered rows in another order than the synapses": (
        layout, "gathered, copied.values, copied.start", "gathered, copied.values[::-1].copy(), copied.start"),
    "rows that are not carried over": (
        copied_rows, "self.values.take(self._written[start:end], 0)", "np.full((end - start, self.values.shape[1]), 0.5)"),
    "rows written at another distance": (
        carried_rows, "self.values[first : first + length * stride : stride]", "self.values[first : first + length]"),
    "a countdown that ends too early": (
        layout, "self.need = messages[heads]", "self.need = np.maximum(messages[heads] - 1, 1)"),
    "an activation in another's row": (
        carried_rows, "return self.values[row] if", "return self.values[row - (row > len(self._inputs) + 1)] if"),
}  # fmt: skip


def without_layout(code: str) -> str:
    """Return a pattern of this code, wherever its lines are broken."""
    return r"\s*".join(map(re.escape, re.findall(r"\w+|[^\w\s]", code)))


def break_it(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the mutant in the place of what is right; the kernel has its own tests."""
    leave_out_the_kernel(monkeypatch)
    module, right, wrong = (MUTANTS | OF_ANY_KIND | OF_MEMORY | OF_BUNDLED)[mutant]
    source, count = re.subn(
        without_layout(right), lambda found: wrong.strip(), inspect.getsource(module)
    )
    assert count, "the mutant's place is gone: write it anew"
    scope: dict[str, object] = {"__name__": module.__name__, "__package__": module.__package__}
    exec(compile(source, f"<{mutant}>", "exec"), scope)
    monkeypatch.setattr(module, "_kept", {}, raising=False)
    for name, value in scope.items():
        if inspect.isfunction(value) and value.__module__ == module.__name__:
            monkeypatch.setattr(getattr(module, name), "__code__", value.__code__)
        elif inspect.isclass(value) and value.__module__ == module.__name__:
            for attribute, method in vars(value).items():
                if inspect.isfunction(method) and not (
                    attribute.startswith("__") and attribute != "__init__"
                ):
                    monkeypatch.setattr(
                        getattr(module, name), attribute, _of_module(method, module)
                    )


def _of_module(method: FunctionType, module: ModuleType) -> FunctionType:
    closure = method.__closure__ and tuple(_cell(cell, module) for cell in method.__closure__)
    return FunctionType(
        method.__code__, vars(module), method.__name__, method.__defaults__, closure
    )


def _cell(cell: CellType, module: ModuleType) -> CellType:
    """Return a cell with the module's own class, where it holds the class made anew: super() asks for it."""
    value = cell.cell_contents
    if inspect.isclass(value) and value.__module__ == module.__name__:
        return CellType(getattr(module, value.__name__))
    return cell
