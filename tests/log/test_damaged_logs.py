"""All readers, fed with damaged logs: each reads what it can, or refuses in one line; none takes memory without end.

A long run: FUZZ=5000 python -m pytest -q tests/log/test_damaged_logs.py
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from helpers import damaged_logs
from helpers.systems import peak_memory

import neuro_actors as na
from neuro_actors.log.fault_log import fault_log_path

CASES = int(os.environ.get("FUZZ", "0"))
MOST_MEMORY = 300_000  # kB more than before


@pytest.fixture
def cases(run_slow: bool) -> range:
    return range(CASES or (60 if run_slow else 6))


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("damage", [damaged_logs.bytes_changed, damaged_logs.rows_changed])
@pytest.mark.filterwarnings("error")
def test_readers_work_or_refuse(
    tmp_path: Path,
    damage: Callable[[bytes, np.random.Generator], bytes],
    partial: bool,
    cases: range,
) -> None:
    whole = tmp_path / "whole.arrows"
    log = damaged_logs.whole_log(whole, partial)
    damaged = tmp_path / "damaged.arrows"
    readers = damaged_logs.readers(damaged, whole, tmp_path)
    damaged.write_bytes(log)
    for name, read in readers.items():
        try:
            read()
        except na.NeuroActorsError:
            assert partial, name  # a whole log all of them can read
    messages: list[str] = []
    before = peak_memory()
    for seed in cases:
        damaged.write_bytes(damage(log, np.random.default_rng(seed)))
        for name, read in readers.items():
            try:
                read()
            except na.NeuroActorsError as error:
                messages.append(str(error))
            except Exception as error:
                raise AssertionError(f"seed {seed}: {name}: {error!r}") from error
    assert all("\n" not in line and len(line) < 1000 for line in messages)
    assert peak_memory() < before + MOST_MEMORY


@pytest.mark.parametrize("damage", [damaged_logs.bytes_changed, damaged_logs.rows_changed])
def test_a_damaged_log_that_is_proved_says_what_the_whole_one_says(
    tmp_path: Path,
    damage: Callable[[bytes, np.random.Generator], bytes],
    cases: range,
) -> None:
    """It differs in bytes that no reader looks at, in no row and in no metadata."""
    whole, damaged = tmp_path / "whole.arrows", tmp_path / "damaged.arrows"
    log = damaged_logs.whole_log(whole)
    proved, digest = _content(log), na.audit(whole).complete_digest
    for seed in cases:
        damaged.write_bytes(damage(log, np.random.default_rng(seed)))
        try:
            audit = na.audit(damaged)
        except na.LogError:
            continue
        if audit.passed:
            assert audit.complete_digest == digest, seed
            assert _content(damaged.read_bytes()) == proved, seed


def _content(log: bytes) -> str:
    """All that metadata and rows say, by pyarrow."""
    with pa.ipc.open_stream(log) as stream:
        schema, table = stream.schema, stream.read_all()
    columns = {name: table.column(name).to_pylist() for name in table.schema.names}
    return repr((schema.metadata, columns))


def test_a_file_that_ends_anywhere(tmp_path: Path, run_slow: bool) -> None:
    whole, cut = tmp_path / "whole.arrows", tmp_path / "cut.arrows"
    log = damaged_logs.whole_log(whole)
    messages: list[str] = []
    for end in [*range(64), *range(64, len(log), max(1, len(log) // (150 if run_slow else 60)))]:
        cut.write_bytes(log[:end])
        try:
            opened = na.open_log(cut)
        except na.LogError as error:
            messages.append(str(error))
        else:
            assert not opened.complete
            assert not na.audit(cut).passed
    assert messages
    assert all(line.startswith(repr(str(cut))) for line in messages)


def test_what_tells_of_a_storm(tmp_path: Path, cases: range) -> None:
    log, messages = tmp_path / "run.arrows", []
    second = damaged_logs.stormy_log(log)
    assert na.open_log(log).disturbances
    readers = damaged_logs.readers(log, log, tmp_path)
    for seed in cases:
        fault_log_path(log).write_bytes(
            damaged_logs.bytes_changed(second, np.random.default_rng(seed))
        )
        for name in ("info", "open", "audit", "view", "show"):
            try:
                readers[name]()
            except na.NeuroActorsError as error:
                messages.append(str(error))
            except Exception as error:
                raise AssertionError(f"seed {seed}: {name}: {error!r}") from error
    assert all("\n" not in line and len(line) < 1000 for line in messages)
