"""What a network has besides plain neurons, as JSON: in the metadata of logs and checkpoints.

A plain network has none of these entries, and its files are as large as if there were none.

| entry | content |
| --- | --- |
| interneurons | [its position, its combination, its field's place in `fields` or null] of each |
| fields | the different fields: name, grids of sources and interneuron, and positions (base64 of |
| | little-endian int64, row after row, -1 for none) |
| input_grid | the grid of the inputs, if it is not one position |
| frozen | weights and biases: base64 of bytes, 1 if frozen; those of interneurons do not count |
| delays | [its position, that of the neuron that it repeats, how many ticks later] of each |
| delayed | of a cell (see `cell.py`): [position of the input, of the output it repeats, ticks] |
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..support.arrays import Array, Indices
from ..support.errors import NetworkError
from ..support.scalars import as_whole_number
from .cell import check_cell
from .dropout import read_dropout
from .elements import Interneuron, as_ticks
from .field import Field, Grid, as_grid, count_positions
from .network import Network


def combinations_of(network: Network) -> list[str]:
    """Return the names of the combinations of a network's interneurons, sorted; not dropouts."""
    names = {node.combination for node in network.interneurons.values()}
    return sorted(name for name in names if read_dropout(name) is None)


def elements_to_json(network: Network) -> dict[str, Any]:
    """Return the entries, as in the table above; of a plain network none.

    Args:
        network: The network.
    """
    held: dict[str, Any] = {}
    if network.interneurons:
        fields: dict[Field, int] = {}
        held["interneurons"] = [
            [
                k,
                node.combination,
                None if node.field is None else fields.setdefault(node.field, len(fields)),
            ]
            for k, node in network.interneurons.items()
        ]
        if fields:
            held["fields"] = [_field_to_json(field) for field in fields]
    if network.input_grid:
        held["input_grid"] = list(network.input_grid)
    frozen = network.frozen_weights & ~network.is_interneuron[network.targets]
    if frozen.any() or network.frozen_biases.any():
        held["frozen"] = {"weights": _to_text(frozen), "biases": _to_text(network.frozen_biases)}
    for name in ("delays", "delayed"):
        if repeated := getattr(network, name):
            held[name] = [[k, *ends] for k, ends in repeated.items()]
    return held


def make_network(
    held: Mapping[str, Any],
    ids: Sequence[str],
    is_input: NDArray[np.bool_],
    weights: Array,
    biases: Array,
    **more: Any,
) -> Network:
    """Make a network with the elements that these entries describe.

    Args:
        held: An object with these entries, perhaps with others beside them.
        ids: The id of each neuron.
        is_input: Whether each neuron is an input, or a delay. Shape (n_neurons,).
        weights: The weight of each synapse. Shape (n_synapses,).
        biases: The bias of each neuron. Shape (n_neurons,).
        more: The other arguments of `Network._set` that plain networks have.

    Raises:
        NetworkError: This is no network. Other errors can be raised for damaged data.
    """
    n = len(ids)
    fields = [_field_from_json(field) for field in held.get("fields", ())]
    interneurons = {}
    for k, combination, field in held.get("interneurons", ()):
        _position(k, n)
        if is_input[k] or k in interneurons or not isinstance(combination, str):
            raise NetworkError(f"position {k} is no interneuron")
        chosen = None if field is None else fields[_position(field, len(fields))]
        interneurons[k] = Interneuron(ids[k], combination, chosen)
    delays, delayed = (_repeated(held.get(name, ()), n) for name in ("delays", "delayed"))
    for k in (*delays, *delayed):
        if not is_input[k]:
            raise NetworkError(f"position {k} is no delay")
    grid: Grid = as_grid("input_grid", held["input_grid"]) if "input_grid" in held else ()
    inputs = [k for k in np.flatnonzero(is_input).tolist() if k not in delays]
    masks = {}
    if "frozen" in held:
        masks["frozen_weights"] = _mask(held["frozen"]["weights"], len(weights))
        masks["frozen_biases"] = _mask(held["frozen"]["biases"], n)
    network = Network.__new__(Network)
    network._set(
        ids=tuple(ids),
        is_input=is_input,
        weights=weights,
        biases=biases,
        interneurons=interneurons,
        delays=delays,
        input_grids=dict.fromkeys(inputs, grid) if grid else {},
        **masks,
        **more,
    )
    network._check_biases()
    network.delayed = delayed
    if delayed:
        check_cell(network)
    return network


def _field_to_json(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "sources": list(field.sources),
        "grid": list(field.grid),
        "positions": _to_text(field.positions.astype("<i8")),
    }


def _field_from_json(held: Mapping[str, Any]) -> Field:
    grid = tuple(held["grid"])
    found = np.frombuffer(base64.b64decode(held["positions"]), "<i8")
    positions: Indices = found.astype(np.intp).reshape(count_positions(as_grid("grid", grid)), -1)
    return Field(tuple(held["sources"]), grid, positions, str(held["name"]))


def _repeated(held: Sequence[Sequence[int]], n: int) -> dict[int, tuple[int, int]]:
    """By position what a delay repeats, and how many ticks later."""
    found = {}
    for k, of, ticks in held:
        found[_position(k, n)] = _position(of, n), as_ticks("ticks", ticks)
    return found


def _position(value: object, n: int) -> int:
    return as_whole_number("a position", value, 0, n - 1)


def _to_text(array: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def _mask(text: str, n: int) -> NDArray[np.bool_]:
    found = np.frombuffer(base64.b64decode(text), np.uint8)
    if len(found) != n or (found > 1).any():
        raise NetworkError(f"expected {n} truth values")
    return found.astype(bool)
