"""The log of a run on many machines: the table of one process, and in its metadata who lived where."""

from __future__ import annotations

import base64
import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import trio
from click.testing import CliRunner
from helpers.damaged_logs import json_changed
from helpers.in_process_cluster import InProcess

import neuro_actors as na
from neuro_actors.cli.command_line import cli
from neuro_actors.cluster.driver import Driver
from neuro_actors.cluster.pending_step import PendingStep
from neuro_actors.log.schema import KEY, MACHINES
from neuro_actors.neuron.messages import micro_batch_of
from neuro_actors.proof.random_cases import draw_case
from neuro_actors.rules.micro_batches import replica_of

CASE = draw_case(9)
SHARDS = na.partition(CASE.network, 2)


async def recorded(path, micro_batches: int = 3, **engine):
    """A step that learns, one that does not, a prediction."""
    machines = InProcess(**engine) if engine else None
    async with na.open_simulation(
        CASE.network, log=path, micro_batches=micro_batches, engine=machines
    ) as simulation:
        await simulation.train_step(CASE.x, CASE.targets, CASE.loss, optimizer=na.SGD(0.01))
        await simulation.gradient(CASE.x, CASE.targets, CASE.loss, wrt_inputs=True)
        await simulation.predict(CASE.x)
    return path


def table(path: Path) -> tuple[dict, pa.Table]:
    """Metadata and table."""
    with pa.ipc.open_stream(path) as stream:
        return dict(stream.schema.metadata), stream.read_all().replace_schema_metadata()


async def test_the_table_of_one_process_and_who_lived_where(tmp_path: Path) -> None:
    one, many = (
        await recorded(tmp_path / "one.arrows"),
        await recorded(tmp_path / "many.arrows", replicas=2, shards=2),
    )
    (plain, alone), (placed, together) = table(one), table(many)
    assert alone.equals(together)
    held = placed.pop(MACHINES)
    assert placed == plain
    assert json.loads(held) == {
        "replicas": 2,
        "shard": base64.b64encode(SHARDS.shard.astype("<i4").tobytes()).decode(),
    }
    assert na.open_log(one).machines is None
    machines = na.open_log(many).machines
    assert machines is not None
    assert (machines.replicas, machines.shards) == (2, 2)
    assert np.array_equal(machines.shard, SHARDS.shard)
    assert not machines.shard.flags.writeable
    assert repr(machines) == "<Workers: replicas=2, shards=2>"


async def test_a_log_of_one_process_has_the_metadata_it_had(tmp_path: Path) -> None:
    metadata, _ = table(await recorded(tmp_path / "one.arrows"))
    assert list(metadata) == [KEY]
    assert list(json.loads(metadata[KEY])) == [
        "format",
        "versions",
        "numerics",
        "rule",
        "functions",
        "recorded",
        "network",
    ]


async def test_the_replica_of_a_step_is_the_one_that_received_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replicas: dict[int, int] = {}
    tell = Driver._send

    def listening(driver: Driver, round: PendingStep) -> None:
        replicas[round.step.number] = round.replica
        tell(driver, round)

    monkeypatch.setattr(Driver, "_send", listening)
    log = na.open_log(
        await recorded(tmp_path / "many.arrows", replicas=3, shards=2, micro_batches=5)
    )
    machines = log.machines
    assert machines is not None
    assert {step.number: machines.replica(step) for step in log.steps} == replicas
    assert set(replicas.values()) == {0, 1, 2}
    for step in log.steps:
        for k in range(len(CASE.network.ids)):
            assert machines.worker(step, k) == replicas[step.number] * 2 + SHARDS.shard[k]
    with pytest.raises(na.InputError, match="neuron"):
        machines.worker(log.steps[0], len(CASE.network.ids))


def test_micro_batches_are_shared_out_in_runs() -> None:
    parts = [micro_batch_of(f"micro-batch {k} of 8") for k in range(1, 9)]
    assert parts == [(k, 8) for k in range(1, 9)]
    assert [replica_of(part, 3) for part in parts] == [0, 0, 0, 1, 1, 1, 2, 2]
    assert [replica_of(part, 8) for part in parts] == list(range(8))
    # whatever is no micro-batch, and what somebody has damaged
    for name in ("", "learn", "micro-batch 9 of 8", "micro-batch 0 of 8"):
        assert micro_batch_of(name) is None
        assert replica_of(micro_batch_of(name), 3) == 0


async def test_the_audit_does_not_mind(tmp_path: Path) -> None:
    """It is that of one process, to the last digest. Where somebody lived nobody can replay, and nobody vouches for it."""
    one, many = (
        await recorded(tmp_path / "one.arrows"),
        await recorded(tmp_path / "many.arrows", replicas=2, shards=2),
    )
    assert na.audit(many).passed
    assert na.audit(many).digest == na.audit(one).digest
    with_machines(many, {"replicas": 1, "shard": packed(1 - SHARDS.shard)})
    assert na.audit(many).passed


async def test_a_part_of_it(tmp_path: Path) -> None:
    """A partial log tells of everybody, those too whose mail it does not hold."""
    recording = na.Recording(tmp_path / "many.arrows", every=2, neurons=[CASE.network.ids[-1]])
    log = na.open_log((await recorded(recording, replicas=2, shards=2)).path)
    assert log.machines is not None
    assert len(log.machines.shard) == len(CASE.network.ids)


async def test_log_info_says_it(tmp_path: Path) -> None:
    path = str(await recorded(tmp_path / "many.arrows", replicas=3, shards=2))
    said = CliRunner().invoke(cli, ["log", "info", path])
    assert "\n  machines  3 replicas x 2 shards: 6 workers\n" in said.output
    said = CliRunner().invoke(cli, ["log", "info", "--json", path])
    assert json.loads(said.output)["machines"] == {"replicas": 3, "shards": 2}
    one = str(await recorded(tmp_path / "one.arrows"))
    assert "machines" not in CliRunner().invoke(cli, ["log", "info", one]).output
    assert (
        json.loads(CliRunner().invoke(cli, ["log", "info", "--json", one]).output)["machines"]
        is None
    )


def packed(shard) -> str:
    return base64.b64encode(np.asarray(shard, "<i4").tobytes()).decode()


DAMAGE = {
    "nothing": (None, "metadata are damaged"),
    "no replicas": ({"replicas": 0, "shard": packed(SHARDS.shard)}, "one or more replicas"),
    "a flag": ({"replicas": True, "shard": packed(SHARDS.shard)}, "one or more replicas"),
    "too many": ({"replicas": 2**31, "shard": packed(SHARDS.shard)}, "one or more replicas"),
    "no shard": ({"replicas": 2}, "metadata are damaged"),
    "no text": ({"replicas": 2, "shard": [0, 1]}, "metadata are damaged"),
    "no base64": ({"replicas": 2, "shard": "§" + packed(SHARDS.shard)[1:]}, "metadata are damaged"),
    "half a number": ({"replicas": 2, "shard": "AAAA"}, "metadata are damaged"),
    "too few": ({"replicas": 2, "shard": packed(SHARDS.shard[1:])}, "a shard for each neuron"),
    "below zero": (
        {"replicas": 2, "shard": packed(np.where(CASE.network.is_input, -1, SHARDS.shard))},
        "each has a neuron",
    ),
    "inputs alone": (
        {"replicas": 2, "shard": packed(np.where(CASE.network.is_input, 2, SHARDS.shard))},
        "each has a neuron",
    ),
    "a gap": ({"replicas": 2, "shard": packed(SHARDS.shard * 2)}, "each has a neuron"),
}


def with_machines(path: Path, held) -> None:
    """The same log, whose metadata say this of the machines."""
    with pa.ipc.open_stream(path.read_bytes()) as stream:
        schema, batches = (
            stream.schema.with_metadata(stream.schema.metadata | {MACHINES: json.dumps(held)}),
            list(stream),
        )
    path.unlink()  # not emptied: a reader of the old log has it mapped into memory
    with pa.ipc.new_stream(path, schema) as stream:
        for batch in batches:
            stream.write_batch(batch.replace_schema_metadata(schema.metadata))


@pytest.fixture(scope="module")
def whole_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "many.arrows"
    return trio.run(partial(recorded, path, replicas=2, shards=2))


@pytest.mark.parametrize(("held", "match"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_reported(held, match: str, whole_log: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(whole_log, tmp_path / "many.arrows"))
    with_machines(path, held)
    with pytest.raises(na.LogError, match=match):
        na.open_log(path)


async def test_any_damage_is_reported_or_does_no_harm(tmp_path: Path) -> None:
    path = await recorded(tmp_path / "many.arrows", replicas=2, shards=2)
    held, refused = json.loads(table(path)[0][MACHINES]), 0
    for seed in range(100):
        with_machines(path, json_changed(held, np.random.default_rng(seed)))
        try:
            log = na.open_log(path)
        except na.LogError:
            refused += 1
            continue
        machines = log.machines
        assert machines is not None
        found = [
            machines.worker(step, k) for step in log.steps for k in range(len(CASE.network.ids))
        ]
        assert 0 <= min(found) <= max(found) < machines.replicas * machines.shards
    assert 30 < refused < 100


async def test_parquet_keeps_it(tmp_path: Path) -> None:
    path = await recorded(tmp_path / "many.arrows", replicas=2, shards=2)
    CliRunner().invoke(cli, ["log", "export", str(path), str(tmp_path / "many.parquet")])
    held = pq.read_schema(tmp_path / "many.parquet").metadata
    assert {key: held[key] for key in (KEY, MACHINES)} == table(path)[0]


async def test_a_difference_is_reported_and_counts_as_no_message(tmp_path: Path) -> None:
    one, many = (
        await recorded(tmp_path / "one.arrows"),
        await recorded(tmp_path / "many.arrows", replicas=3, shards=2),
    )
    said = CliRunner().invoke(cli, ["log", "diff", str(one), str(many)])
    assert said.exit_code == 0
    assert "\n  machines: None / 3 x 2\n" in said.output


async def test_what_cannot_live_on_machines_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(na.InputError, match="4 replicas share out"):
        await recorded(tmp_path / "many.arrows", replicas=4, shards=2)
    assert not (tmp_path / "many.arrows").exists()
