"""SQL over a log with DuckDB (extra `query`), in a connection that reaches nothing but the log.

The tables are views over the rows of the file, all of which are in memory. The connection reaches
no file, no network and no Python variable, and it takes one SELECT at a time.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..channels.unreliable.faults import FaultEvent
from ..network.elements import ENVIRONMENT, LOSS_NODE
from ..network.network import Network
from ..support.errors import LogError
from ..support.means import MAX, SCALE
from ..support.optional import import_optional
from ..support.text import escape_controls, quote
from .fault_log import to_table
from .schema import columns

MOST_CHARACTERS = 500  # of DuckDB's error text
SETTINGS: dict[str, Any] = {
    "enable_external_access": "false",
    "python_enable_replacements": "false",  # no tables from variables of the program
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "temp_directory": "",  # no file, not even if there is too little memory
    "threads": "1",  # the bits of a sum depend on how it is split up
}

TABLES = {  # name: its columns, and what it is
    "messages": (
        "step, kind, sender, receiver, time, value, mean, note",
        "each message; an activation to all followers once, receiver null",
    ),
    "mail": (
        "step, kind, sender, receiver, time, value, mean",
        "each message once for each receiver",
    ),
    "neurons": (
        "neuron, place, level, activation, combination, bias, frozen, positions, "
        "is_input, is_output, fan_in, fan_out",
        "all neurons and inputs, with the bias that the run began with; combination: of an "
        "interneuron; frozen: the bias",
    ),
    "synapses": (
        "source, target, place, nth, weight, frozen",
        "nth: which of its target's synapses; the weight that the run began with",
    ),
    "steps": (
        "step, mode, loss, examples, optimizer, update, wrt_inputs",
        "what was asked for; loss is its name, optimizer is JSON",
    ),
    "losses": ("step, mode, loss, examples", "the mean loss of each step that has one"),
    "activations": (
        "step, neuron, mean, least, greatest",
        "of each neuron's activation, over the examples",
    ),
    "urgencies": (
        "step, sender, receiver, mean, strength",
        "over the examples; strength: mean of absolute values",
    ),
    "weights": (
        "step, source, target, weight",
        "as learnt in each step; step 0: as the run began",
    ),
    "biases": ("step, neuron, bias", "likewise"),
    "gradients": (
        "step, source, target, urgency",
        "of weights, in gradient steps: -dL/dw; source null: of the bias. Through time: in each "
        "round back those of its tick, in the last round the sum over all ticks",
    ),
    "disturbances": (
        "time, step, what, kind, source, target, attempt, question",
        "the faults of unreliable channels, time in virtual seconds; else empty",
    ),
    "rows": (
        "step, kind, sender, receiver, time, value, note",
        "the file's rows, including begin, seal and end rows",
    ),
}

# What the tables are made of is in a schema of its own, `parts`: SHOW TABLES lists `TABLES` alone.
OF_MODE = "(SELECT step FROM steps WHERE mode = '{}')"
# The mean of a list, which is finite if all its numbers are: see `support/means.py`.
MEAN = """
CREATE MACRO mean_of(numbers) AS CASE
    WHEN NOT isfinite(list_avg(numbers)) AND isfinite(list_avg([x / {scale} for x in numbers]))
    THEN greatest(-{max}, least({max}, list_avg([x / {scale} for x in numbers]) * {scale}))
    ELSE list_avg(numbers)
END;
""".format(scale=f"{SCALE!r}::DOUBLE", max=f"{MAX!r}::DOUBLE")
# The steps whose messages have another number of values than examples; see `example_values.py`.
WIDER_STEPS = """
CREATE SCHEMA parts;
CREATE TABLE parts.wider_steps AS
    SELECT step, min(CASE WHEN examples <= columns THEN examples ELSE 0 END) AS examples FROM (
        SELECT step, TRY_CAST(note->>'$.batch' AS BIGINT) AS examples,
            TRY_CAST(note->>'$.columns' AS BIGINT) AS columns
        FROM rows WHERE kind = 'begin' AND note LIKE '%"columns"%' AND json_valid(note)
    ) GROUP BY step;
"""
RECEIVERS = "CREATE TABLE parts.receivers AS SELECT * FROM receivers;"
SENT = """
CREATE VIEW parts.sent AS
    SELECT rows.*, value AS of_examples FROM rows WHERE sender IS NOT NULL;
"""
SENT_WITH_WIDER_STEPS = """
CREATE VIEW parts.sent AS
    SELECT r.*, CASE WHEN w.examples IS NOT NULL AND kind IN ('activation', 'urgency')
        THEN value[:w.examples] ELSE value END AS of_examples
    FROM rows r LEFT JOIN parts.wider_steps w USING (step) WHERE sender IS NOT NULL;
"""
# the same where neurons live at several positions
SENT_WITH_POSITIONS = """
CREATE VIEW parts.sent AS
    SELECT r.*, CASE WHEN w.examples IS NOT NULL AND r.kind IN ('activation', 'urgency')
        THEN r.value[:w.examples * coalesce(n.positions, 1)] ELSE r.value END AS of_examples
    FROM (
        SELECT *, CASE
            WHEN (kind = 'activation' AND sender <> 'environment')
                OR (kind = 'urgency' AND receiver = 'environment')
            THEN sender::VARCHAR ELSE receiver::VARCHAR END AS about
        FROM rows WHERE sender IS NOT NULL
    ) r LEFT JOIN parts.wider_steps w USING (step)
    LEFT JOIN neurons n ON n.neuron::VARCHAR = r.about;
"""
HAS_WEIGHT = "WHERE target NOT IN (SELECT neuron FROM neurons WHERE combination IS NOT NULL)"
VIEWS = f"""
CREATE VIEW messages AS
    SELECT step, kind, sender, receiver, time, value, mean_of(of_examples) AS mean, note
    FROM parts.sent;
CREATE VIEW mail AS
    SELECT * EXCLUDE note FROM messages WHERE receiver IS NOT NULL
    UNION ALL
    SELECT m.* EXCLUDE note REPLACE (r.receiver AS receiver)
    FROM messages m JOIN parts.receivers r USING (sender)
    WHERE m.kind = 'activation' AND m.receiver IS NULL;
CREATE VIEW steps AS
    SELECT step, note->>'$.mode' AS mode, note->>'$.loss' AS loss,
        (note->>'$.batch')::BIGINT AS examples, note->>'$.optimizer' AS optimizer,
        (note->>'$.update')::BIGINT AS update, (note->>'$.wrt_inputs')::BOOLEAN AS wrt_inputs
    FROM rows WHERE kind = 'begin';
CREATE VIEW losses AS
    SELECT r.step, s.mode, mean_of(r.value) AS loss, len(r.value) AS examples
    FROM rows r JOIN steps s USING (step) WHERE r.kind = 'loss' AND len(r.value) > 0;
CREATE VIEW activations AS
    SELECT step, sender AS neuron, mean_of(of_examples) AS mean,
        list_min(of_examples) AS least, list_max(of_examples) AS greatest
    FROM parts.sent WHERE kind = 'activation' AND receiver IS NULL;
CREATE VIEW urgencies AS
    SELECT step, sender, receiver, mean_of(of_examples) AS mean,
        mean_of([abs(x) for x in of_examples]) AS strength
    FROM parts.sent WHERE kind = 'urgency';
CREATE VIEW parts.parameters AS
    SELECT step, sender AS target, unnest(value) AS parameter, generate_subscripts(value, 1) AS nth
    FROM rows WHERE kind = 'commit';
CREATE VIEW weights AS
    SELECT 0 AS step, source, target, weight FROM synapses {{has_weight}}
    UNION ALL
    SELECT step, source, target, parameter FROM parts.parameters JOIN synapses USING (target, nth)
    WHERE step IN {OF_MODE.format("train")};
CREATE VIEW biases AS
    SELECT 0 AS step, neuron, bias FROM neurons WHERE NOT is_input AND combination IS NULL
    UNION ALL
    SELECT step, sender, value[-1] FROM rows
    WHERE kind = 'commit' AND len(value) > 0 AND step IN {OF_MODE.format("train")};
CREATE VIEW gradients AS
    SELECT step, source, target, parameter AS urgency
    FROM parts.parameters LEFT JOIN synapses USING (target, nth)
    WHERE step IN {OF_MODE.format("gradient")};
"""


def describe_tables() -> str:
    """Return the tables and their columns as text, in lines of at most 76 columns."""
    lines = [f"{name} ({held})\n    {what}" for name, (held, what) in TABLES.items()]
    return "\n".join(
        line for entry in lines for part in entry.split("\n") for line in _wrapped(part)
    )


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, 76, subsequent_indent=" " * 8)


def connect(network: Network, batches: Sequence[Any], faults: Sequence[FaultEvent] = ()) -> Any:
    """Open a DuckDB connection that has the tables of a log and nothing else.

    Args:
        network: The network that ran.
        batches: The record batches of the log.
        faults: The faults of the run.

    Returns:
        The connection.

    Raises:
        LogError: DuckDB is not installed, or cannot start, as in a folder that has been removed.
    """
    missing = "queries need DuckDB: pip install 'neuro-actors[query]'"
    duckdb = import_optional("duckdb", missing, LogError)
    try:
        connection = duckdb.connect(":memory:", config=SETTINGS)
    except duckdb.Error as error:
        raise LogError(f"DuckDB cannot start: {quote(str(error))[1:-1]}") from None
    tables = {
        "rows": pa.Table.from_batches(batches, schema=columns()),
        "neurons": _neurons(network),
        "synapses": _synapses(network),
        "receivers": _receivers(network),
        "disturbances": to_table(faults),
    }
    for name, rows in tables.items():
        connection.register(name, rows)
    connection.execute(MEAN + WIDER_STEPS + RECEIVERS)
    connection.unregister("receivers")
    are_wider = connection.execute("SELECT count(*) FROM parts.wider_steps").fetchone()[0]
    sent = SENT
    if are_wider:
        sent = SENT_WITH_POSITIONS if (network.n_positions > 1).any() else SENT_WITH_WIDER_STEPS
    connection.execute(sent + VIEWS.format(has_weight=HAS_WEIGHT if network.interneurons else ""))
    connection.execute("SET lock_configuration = true")
    return connection


def run_select(connection: Any, sql: str) -> Any:
    """Prepare one SELECT; its rows are computed when they are read.

    Args:
        connection: A connection of `connect`.
        sql: The query.

    Returns:
        A DuckDB relation.

    Raises:
        LogError: The query is not one SELECT, or it cannot be answered. The message is one line.
    """
    import duckdb

    if not isinstance(sql, str):
        raise LogError(f"a query is one SELECT, as text, got {quote(sql)}")
    try:
        sql.encode()
        statements = connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise LogError("a query is one SELECT: a log is only read")
        return connection.sql(statements[0].query)
    except (duckdb.Error, RuntimeError, UnicodeError) as error:
        raise LogError(query_error(error)) from None


def stream_result(relation: Any, size: int = 2048) -> tuple[Any, Iterator[Any]]:
    """Compute the rows of a query.

    Args:
        relation: The relation of `run_select`.
        size: How many rows a record batch has at most.

    Returns:
        The Arrow schema, and an iterator over record batches.

    Raises:
        LogError: The query fails. The iterator raises it, too.
    """
    import duckdb

    try:
        if hasattr(relation, "to_arrow_reader"):
            reader = relation.to_arrow_reader(size)
        else:  # before 1.5
            reader = relation.fetch_arrow_reader(size)
    except (duckdb.Error, pa.ArrowException, RuntimeError) as error:
        raise LogError(query_error(error)) from None
    return reader.schema, _read(reader)


def _read(reader: Any) -> Iterator[Any]:
    while True:
        try:
            yield reader.read_next_batch()
        except StopIteration:
            return
        except (pa.ArrowException, OSError, RuntimeError) as error:
            raise LogError(query_error(error)) from None


def query_error(error: Exception) -> str:
    """Return the text of DuckDB's error in one line, without its drawing of the position."""
    text = re.sub(r"^\w+ Error: ", "", " ".join(str(error).split("\nLINE ")[0].split()))
    if len(text) > MOST_CHARACTERS:
        text = f"{text[:MOST_CHARACTERS]}…"
    return f"the query cannot be answered: {escape_controls(text)}"


# --- the network's tables -----------------------------------------------------------------------


def _names(network: Network, positions: Any) -> Any:
    """Names of members, each stored once."""
    return pa.DictionaryArray.from_arrays(
        pa.array(positions, pa.int32()), pa.array([*network.ids, LOSS_NODE, ENVIRONMENT])
    )


def _neurons(network: Network) -> Any:
    n = np.arange(len(network.ids))
    activations: list[str | None] = list(network.activations)
    combinations: list[str | None] = [None] * len(n)
    for k, node in network.interneurons.items():
        activations[k], combinations[k] = None, node.combination
    return pa.table(
        {
            "neuron": _names(network, n),
            "place": n,
            "level": network.level,
            "activation": pa.array(activations, pa.string()),
            "combination": pa.array(combinations, pa.string()),
            "bias": network.biases,
            "frozen": network.frozen_biases,
            "positions": network.n_positions,
            "is_input": network.is_input,
            "is_output": np.isin(n, network.output_positions),
            "fan_in": network.incoming.sizes,
            "fan_out": network.outgoing.sizes,
        }
    )


def _synapses(network: Network) -> Any:
    nth = np.empty(len(network.weights), dtype=np.int64)
    incoming = network.incoming
    nth[incoming.order] = np.arange(1, len(nth) + 1) - np.repeat(
        incoming.start[:-1], incoming.sizes
    )
    return pa.table(
        {
            "source": _names(network, network.sources),
            "target": _names(network, network.targets),
            "place": np.arange(len(nth)),
            "nth": nth,
            "weight": network.weights,
            "frozen": network.frozen_weights,
        }
    )


def _receivers(network: Network) -> Any:
    """The receivers of each neuron's activation."""
    n, outputs = len(network.ids), network.output_positions
    loss, environment = (np.full(len(outputs), member) for member in (n, n + 1))
    senders = np.concatenate([network.sources, outputs, outputs])
    receivers = np.concatenate([network.targets, loss, environment])
    return pa.table(
        {"sender": _names(network, senders), "receiver": _names(network, receivers)},
    )
