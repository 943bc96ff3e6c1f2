"""Draws networks of any kind: interneurons, positions, receptive fields, frozen parts, delays and
dropouts.

In some cases there are targets that do not count.

They are small, for the reference unrolls them: each neuron at each position and tick.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..network import field
from ..network.cell import make_cell
from ..network.combinations import PACKAGE_COMBINATIONS
from ..network.dropout import show_dropout
from ..network.elements import Delay, Input, Interneuron, Neuron, Synapse
from ..network.field import Field, Grid, count_positions
from ..network.network import Network
from ..support.errors import NetworkError
from .random_cases import DRAWN as WELL_KNOWN
from .random_cases import TARGETS, Case

# Functions that grow fast, or are not defined everywhere. Such a neuron hears a sigmoid alone, and
# its signal is between 0.3 and 3.5. Learning leaves it there, for it does not reach its parameters.
TAME = ("exp", "log", "square", "sqrt", "rsqrt", "reciprocal")
DRAWN = (*WELL_KNOWN, "silu", "softsign", "hardtanh", "hardsigmoid", *TAME)
MOST_POSITIONS = 9
MOST_TICKS = 4
MASKED = 0.3  # the share of cases in which some targets do not count
MOST_FACTORS = 4  # of a product: its size runs away with more


def draw_any_case(seed: int, neurons: int = 12, examples: int = 6) -> Case:
    """Draw a network of any kind, with a batch and a loss that suits it.

    Args:
        seed: The seed. The same seed and limits draw the same case.
        neurons: How many neurons and interneurons are drawn at most. A few more lead to outputs.
        examples: The largest number of examples.
    """
    rng = np.random.default_rng([seed, 18])
    loss = str(rng.choice(list(TARGETS)))
    drawing = _Drawing(rng, int(rng.integers(2, neurons + 1)))
    network = drawing.network("sigmoid" if loss in ("cross_entropy", "kl_divergence") else "")
    if loss == "softmax_cross_entropy" and len(network.outputs) == 1:
        loss = "squared_error"  # a softmax of one number is 1, and all urgencies would be 0
    time = (int(rng.integers(1, MOST_TICKS + 1)),) if network.delays else ()
    batch = int(rng.integers(1, examples + 1))
    x = rng.standard_normal((batch, *time, *network.input_grid, len(network.inputs)))
    rows = batch * count_positions(time) * count_positions(network.output_grid)
    targets = TARGETS[loss](rng, (rows, len(network.outputs)))
    if rng.random() < MASKED:
        targets[rng.random(rows) < 0.4] = np.nan  # these do not count
    return Case(network, x, targets.reshape(batch, *time, *network.output_grid, -1), loss)


class _Drawing:
    """A network while it is drawn.

    nodes: What has been drawn. living: The ids of the neurons by the grid that they live at.
    """

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.rng = rng
        self.nodes: list[Input | Neuron | Interneuron | Delay] = []
        self.synapses: list[Synapse] = []
        self.living: dict[Grid, list[str]] = {}
        self.freezes = rng.random() < 0.4
        self.grid = self._draw_grid()
        self.delays: list[str] = []
        for k in range(int(rng.integers(1, 4))):
            self._add(Input(f"x{k}", self.grid), self.grid)
        if rng.random() < 0.4:
            self.delays = [f"d{k}" for k in range(int(rng.integers(1, 4)))]
        self.living[self.grid] += self.delays
        for k in range(size):
            self._draw(f"n{k}")
        if self.delays and not self._may_repeat():
            self._add_neuron("m", self.grid, self._choose(self.grid))

    def network(self, output_activation: str) -> Network:
        """Lead all that was drawn to outputs, and return the network."""
        rng, repeats = self.rng, self._may_repeat()
        delays = [
            Delay(id, str(rng.choice(repeats)), int(rng.integers(1, 3))) for id in self.delays
        ]
        grids = list(self.living)
        grid = self.grid if self.delays else grids[int(rng.integers(len(grids)))]
        ends = self._lead_to(grid)
        outputs = [id for id in ends if id[0] == "n" and not output_activation]
        rest = [id for id in ends if id not in outputs]
        if rest or not outputs or rng.random() < 0.3:
            for k in range(int(rng.integers(1, 3))):
                name = output_activation or str(rng.choice(DRAWN))
                self._add_neuron(f"y{k}", grid, rest or self._choose(grid), name)
                outputs.append(f"y{k}")
        n = len(self.nodes) + len(delays)
        order, edges = rng.permutation(n), rng.permutation(len(self.synapses))
        synapses = [self.synapses[k] for k in edges]
        ends, seed = [outputs[k] for k in rng.permutation(len(outputs))], int(rng.integers(2**31))
        signs = rng.choice([-1, 1], len(delays)) if rng.random() < 0.5 else np.ones(len(delays))
        for way in (signs, np.full(len(delays), signs[:1].sum())):
            nodes = [
                *self.nodes,
                *(replace(d, ticks=d.ticks * int(s)) for d, s in zip(delays, way, strict=True)),
            ]
            network = Network([nodes[k] for k in order], synapses, ends, seed)
            try:
                make_cell(network)
            except NetworkError:  # a circle of both directions
                continue
            return network
        raise AssertionError("delays of one direction are always possible")

    def _draw_grid(self) -> Grid:
        rng = self.rng
        axes = int(rng.integers(0, 3))
        if axes == 2:
            return int(rng.integers(1, 4)), int(rng.integers(2, 4))
        return (int(rng.integers(2, 6)),) if axes else ()

    def _add(self, node: Input | Neuron | Interneuron, grid: Grid) -> None:
        self.nodes.append(node)
        self.living.setdefault(grid, []).append(node.id)

    def _choose(self, grid: Grid, most: int = 4) -> list[str]:
        """Choose some of the neurons that live at a grid."""
        there = self.living[grid]
        n = int(self.rng.integers(1, min(len(there), most) + 1))
        return [there[k] for k in self.rng.permutation(len(there))[:n]]

    def _draw(self, id: str) -> None:
        """Draw a neuron, or an interneuron with or without a field."""
        rng, grids = self.rng, list(self.living)
        grid = grids[int(rng.integers(len(grids)))]
        kind = rng.random()
        if kind < 0.45:
            self._add_neuron(id, grid, self._choose(grid))
        elif kind < 0.6:
            self._add_interneuron(id, grid, self._choose(grid))
        elif kind < 0.65:
            rate, seed = 0.1 * int(rng.integers(1, 6)), int(rng.integers(3))
            self.synapses.append(Synapse(self._choose(grid, 1)[0], id))
            self._add(Interneuron(id, show_dropout(rate, seed)), grid)
        else:
            found = self._draw_field(grid)
            if len(found.positions) > MOST_POSITIONS:
                found = field.reduce(grid)
            self._add_interneuron(id, found.grid, self._choose(grid, 3), found)

    def _add_neuron(self, id: str, grid: Grid, sources: list[str], name: str = "") -> None:
        rng, freezes = self.rng, self.freezes
        name = name or str(rng.choice(DRAWN))
        if name in TAME:
            before = f"{id} before"
            self._add_neuron(before, grid, sources, "sigmoid")
            self._add(Neuron(id, name, float(rng.uniform(0.3, 1.5)), True), grid)
            self.synapses.append(Synapse(before, id, float(rng.uniform(0.5, 2.0)), True))
            return
        is_frozen = freezes and rng.random() < 0.3
        self._add(Neuron(id, name, 0.5 * float(rng.standard_normal()), bool(is_frozen)), grid)
        for source in sources:
            frozen = bool(freezes and rng.random() < 0.3)
            weight = float(rng.standard_normal()) / len(sources) ** 0.5
            self.synapses.append(Synapse(source, id, weight, frozen))

    def _add_interneuron(
        self, id: str, grid: Grid, sources: list[str], its_field: Field | None = None
    ) -> None:
        names = list(PACKAGE_COMBINATIONS)
        if its_field is not None and not its_field.hears_everywhere:
            names = [n for n in names if np.isfinite(PACKAGE_COMBINATIONS[n].nothing or 0.0)]
        if len(sources) * (1 if its_field is None else its_field.width) > MOST_FACTORS:
            names.remove("product")
        combination = str(self.rng.choice(names))
        self._add(Interneuron(id, combination, its_field), grid)
        self.synapses += [Synapse(source, id) for source in sources]

    def _draw_field(self, grid: Grid) -> Field:
        """Draw a field whose sources live at this grid."""
        ways = _FIELDS if grid else _FIELDS_OF_ONE
        return ways[int(self.rng.integers(len(ways)))](self.rng, grid)

    def _may_repeat(self) -> list[str]:
        """Return what a delay may repeat: neurons and interneurons that live where it does."""
        return [id for id in self.living[self.grid] if id[0] in "nm"]

    def _lead_to(self, grid: Grid) -> list[str]:
        """Lead what has no follower to a grid. Return what has none there then."""
        used = {synapse.source for synapse in self.synapses}
        used |= {node.of for node in self.nodes if isinstance(node, Delay)}
        for there, ids in list(self.living.items()):
            ends = [id for id in ids if id not in used]
            if there == grid or not ends:
                continue
            if there:
                self._add_interneuron(f"r{there}", (), ends, field.reduce(there))
            if grid:
                ends = [f"r{there}"] if there else ends
                wide = field.broadcast(grid)
                self._add_interneuron(f"b{there}", grid, ends, wide)
        used |= {synapse.source for synapse in self.synapses}
        return [id for id in self.living[grid] if id not in used]


def _draw_shift(rng: np.random.Generator, grid: Grid) -> Field:
    by = [int(rng.integers(-1, 2)) for _ in grid]
    return field.shift(grid, by, [int(rng.integers(1, 3)) for _ in grid])


def _draw_window(rng: np.random.Generator, grid: Grid) -> Field:
    kernel = [int(rng.integers(1, min(n, 2) + 1)) for n in grid]
    padding = [int(rng.integers(0, k)) for k in kernel]
    return field.window(grid, kernel, [int(rng.integers(1, 3)) for _ in grid], padding)


def _draw_gather(rng: np.random.Generator, grid: Grid) -> Field:
    n = int(rng.integers(2, 5))
    return field.gather(grid, rng.integers(-1, count_positions(grid), n).tolist())


def _draw_reduce(rng: np.random.Generator, grid: Grid) -> Field:
    return field.reduce(grid, int(rng.integers(len(grid))) if rng.random() < 0.6 else None)


def _draw_pairs(rng: np.random.Generator, grid: Grid) -> Field:
    if len(grid) != 1:
        return _draw_reduce(rng, grid)
    (n,) = grid
    both = field.pairs(n, causal=True) if rng.random() < 0.5 else field.pairs(n, 2)
    by_query, by_key = both
    if by_key.sources != grid or rng.random() < 0.5:
        return by_query
    return by_key


def _draw_table(rng: np.random.Generator, grid: Grid) -> Field:
    """Draw any relation at all."""
    n, width = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    m = count_positions(grid)
    rows = [rng.permutation(np.arange(-width, m)).clip(-1)[:width] for _ in range(n)]
    return Field(grid, n, np.array(rows), "any")


def _draw_at(rng: np.random.Generator, grid: Grid) -> Field:
    return field.at(grid, int(rng.integers(count_positions(grid))))


def _draw_broadcast(rng: np.random.Generator, grid: Grid) -> Field:
    wide = (*grid, int(rng.integers(1, 4)))
    return field.broadcast(wide, tuple(range(len(grid))))


Draw = Callable[[np.random.Generator, Grid], Field]
_FIELDS: list[Draw] = [
    _draw_shift, _draw_window, _draw_gather, _draw_reduce, _draw_pairs, _draw_table, _draw_at,
    _draw_broadcast,
]  # fmt: skip
_FIELDS_OF_ONE: list[Draw] = [_draw_broadcast, _draw_gather]
