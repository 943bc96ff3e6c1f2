"""What a log holds: the columns, and the metadata beside them. See also `docs/log-format.md`.

| column   | type                      | meaning                                                   |
| ---      | ---                       | ---                                                       |
| step     | int64                     | number of the step, 1, 2, 3, …                            |
| kind     | dictionary<int8, string>  | begin, activation, target, loss, urgency, commit,         |
|          |                           | tangent, seal, end                                        |
| sender   | dictionary<int32, string> | a neuron, "loss" or "environment"; null in begin, seal    |
|          |                           | and end rows                                              |
| receiver | dictionary<int32, string> | likewise; null where a neuron sends its activation to all |
|          |                           | its followers                                             |
| time     | int32                     | logical time within the step (Lamport): 1 + the greatest  |
|          |                           | that the sender had received; 0 in begin, seal, end rows  |
| value    | list<float64>             | one number per example, and of each per position; then    |
|          |                           | what else the message carries, as in a product step their |
|          |                           | derivatives;                                              |
|          |                           | commit: for each incoming synapse, then for the bias, the |
|          |                           | new parameter, or in a step without learning its urgency, |
|          |                           | in a product step this urgency's derivative; tangent:     |
|          |                           | likewise, the direction; end: rows, steps                 |
| note     | string                    | begin: JSON (see `step_note.py`); target: the output that |
|          |                           | it is for; seal, end: a digest; otherwise null            |
"""

from __future__ import annotations

import base64
import json
import platform
from typing import Any

import numpy as np
import pyarrow as pa

from ..channels.routes import message_kinds
from ..network.elements import ENVIRONMENT, LOSS_NODE, output_positions, positions
from ..network.elements_json import combinations_of, elements_to_json, make_network
from ..network.function_identity import identities, package_losses
from ..network.function_probe import Identity
from ..network.network import Network
from ..support.errors import LogError
from ..support.numerics import PROBED, fingerprint
from ..support.version import __version__
from .placement import Workers
from .recording_settings import Recording

FORMAT = 4
PLAIN_FORMAT = 3  # it is read, too: it has plain neurons alone, which format 4 writes alike
_KINDS = ("begin", "activation", "target", "loss", "urgency", "commit", "tangent", "seal", "end")
CODE = {kind: code for code, kind in enumerate(_KINDS)}  # of the kinds that every log has
KEY, MACHINES = b"neuro_actors", b"neuro_actors_machines"


def row_kinds() -> tuple[str, ...]:
    """Return all kinds of rows in the order of their codes: the dictionary of the column `kind`.

    A kind of message that was added to the table of routes follows behind those that every log
    has, so that these keep their codes.
    """
    return tuple(dict.fromkeys((*_KINDS, *map(str, message_kinds()))))


def kind_codes() -> dict[str, int]:
    """Return the code of each kind of row."""
    return {kind: code for code, kind in enumerate(row_kinds())}


def members(network: Network) -> list[str]:
    """Return all members: the dictionary of the columns `sender` and `receiver`."""
    return [*network.ids, LOSS_NODE, ENVIRONMENT]


def columns() -> Any:
    """Return the Arrow schema, without metadata."""
    names = pa.dictionary(pa.int32(), pa.string())
    fields = [
        pa.field("step", pa.int64(), nullable=False),
        pa.field("kind", pa.dictionary(pa.int8(), pa.string()), nullable=False),
        pa.field("sender", names),
        pa.field("receiver", names),
        pa.field("time", pa.int32(), nullable=False),
        pa.field("value", pa.list_(pa.float64()), nullable=False),
        pa.field("note", pa.string()),
    ]
    return pa.schema(fields)


def arrow_schema(
    network: Network,
    recording: Recording,
    sums: str,
    rule: dict[str, Any] | None = None,
    resumed: int = 0,
    workers: Workers | None = None,
    rule_identity: Identity | None = None,
) -> Any:
    """Return the Arrow schema of a run. Its metadata have all that is known before the first step.

    Args:
        network: The network.
        recording: What is recorded.
        sums: Name of the sums that the neurons use.
        rule: The rule in JSON. None: backpropagation.
        resumed: The step after which the run continued, 0 for a run from the beginning.
        workers: Where each neuron runs. None: in one process.
        rule_identity: What the rule does; see `rules/rule_identity.py`. None: it is one of the
            package's, or that is not known.
    """
    versions = {"neuro-actors": __version__, "numpy": np.__version__, "pyarrow": pa.__version__}
    about = {
        "format": FORMAT,
        "versions": versions | {"python": platform.python_version()},
        "numerics": fingerprint(sums),
        "rule": rule or {"name": "Backpropagation"},
        # What else is in the tables is no part of the run. A loss that is not the package's has its
        # identity in the begin notes.
        "functions": identities(network.activations, (), combinations_of(network))
        | {"losses": package_losses(), "rule": rule_identity},
        "recorded": recording.to_json(),
        "network": {
            "ids": network.ids,
            "activations": network.activations,
            "outputs": network.outputs,
            "is_input": _text(network.is_input, "?"),
            "sources": _text(network.sources, "<i8"),
            "targets": _text(network.targets, "<i8"),
            "weights": _text(network.weights, "<f8"),
            "biases": _text(network.biases, "<f8"),
        }
        | elements_to_json(network),
    }
    if resumed:
        about["resumed"] = resumed
    metadata = {KEY: json.dumps(about)}
    if workers is not None:
        # Beside the rest, which is sealed: so the seals, too, are those of a run in one process.
        metadata[MACHINES] = json.dumps(workers.to_json())
    return columns().with_metadata(metadata)


def about_of(schema: Any) -> dict[str, Any]:
    """Return the metadata of a log's schema.

    Raises:
        LogError: It is not the schema of a message log, or of one in another format.
    """
    text = (schema.metadata or {}).get(KEY)
    if text is None and b"neuro_actors_disturbances" in (schema.metadata or {}):
        raise LogError("it has the disturbances of a log: name the log itself, which is beside it")
    if text is None:
        raise LogError("it is an Arrow stream, but no message log")
    about: dict[str, Any] = json.loads(text)
    if about.get("format") not in (PLAIN_FORMAT, FORMAT):
        known = f"{PLAIN_FORMAT} and {FORMAT}"
        raise LogError(f"it is of log format {about.get('format')!r}, this version reads {known}")
    if not schema.equals(columns()):
        raise LogError("its columns are not those of a message log")
    if not _names_machine(about.get("versions"), about.get("numerics")):
        raise LogError("its metadata do not name the machine of the run, or are damaged")
    return about


def _names_machine(versions: Any, numerics: Any) -> bool:
    """Whether both have the form that `arrow_schema` writes."""
    if not isinstance(versions, dict) or not isinstance(numerics, dict):
        return False
    if not all(isinstance(numerics.get(name, ""), str) for name in PROBED):  # older logs lack them
        return False
    cpu, blas = numerics.get("cpu"), numerics.get("blas", 0)
    texts = [
        *versions.values(),
        *(numerics.get(name) for name in ("numpy", "machine", "sums")),
        "" if blas is None else blas,
    ]
    return isinstance(cpu, list) and all(isinstance(text, str) for text in [*texts, *cpu])


def network_of(about: dict[str, Any]) -> Network:
    """Return the network that a log's metadata describe.

    Raises:
        LogError: They describe none. Other errors can be raised for damaged data.
    """
    held = about["network"]
    is_input, biases = _array(held["is_input"], "?"), _array(held["biases"], "<f8")
    ends = [_array(held[name], "<i8").astype(np.intp) for name in ("sources", "targets")]
    weights = _array(held["weights"], "<f8")
    n = len(held["ids"])
    if not n == len(held["activations"]) == len(is_input) == len(biases):
        raise LogError(
            "its description of the network is damaged: the numbers of neurons and ids differ"
        )
    if not all(isinstance(name, str) for name in held["activations"]):
        raise LogError("its description of the network is damaged: an activation has no name")
    if any(len(end) != len(weights) or ((end < 0) | (end >= n)).any() for end in ends):
        raise LogError("its description of the network is damaged: a synapse has no end")
    if not (
        np.isfinite(weights).all() and np.isfinite(biases).all() and not biases[is_input].any()
    ):
        raise LogError(
            "its description of the network is damaged: its parameters are not those of a network"
        )
    network = make_network(
        {} if about["format"] == PLAIN_FORMAT else held,
        held["ids"],
        is_input,
        weights,
        biases,
        activations=tuple(held["activations"]),
        sources=ends[0],
        targets=ends[1],
        output_positions=output_positions(held["outputs"], positions(held["ids"])),
    )
    if network.delays:
        raise LogError("its description of the network is damaged: a log has a network's cell")
    return network


def _text(array: np.ndarray[Any, Any], dtype: str) -> str:
    return base64.b64encode(array.astype(dtype).tobytes()).decode()


def _array(text: str, dtype: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(text), dtype).copy()
