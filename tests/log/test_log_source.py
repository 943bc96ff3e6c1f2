"""A log that somebody changes while it is open: the numbers it was opened with, or an error. Never the end of the process."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import neuro_actors as na
from neuro_actors.log.follow import FollowingReader
from neuro_actors.log.log_source import LogSource
from neuro_actors.log.reader import LogReader

NET = na.Network.layered([10, 40, 3], seed=0)
X, TARGETS = np.ones((32, 10)), np.zeros((32, 3))


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("log") / "a.arrows"
    na.train(NET, X, TARGETS, optimizer=na.SGD(0.1), epochs=40, batch_size=32, log=path)
    return path.read_bytes()


@pytest.fixture
def path(written: bytes, tmp_path):
    (tmp_path / "a.arrows").write_bytes(written)
    return tmp_path / "a.arrows"


def ask_everything(log: na.log.log.Log) -> None:
    for step in log:
        _ = step.activations
    log.messages()
    log.network_at(20)


@pytest.mark.parametrize("size", [0, 100, 50_000])
def test_a_shortened_log(path, size: int) -> None:
    log, reader = na.open_log(path), LogReader(path)
    os.truncate(path, size)
    with pytest.raises(na.LogError, match="the file has changed since it was opened"):
        ask_everything(log)
    if size == 50_000:
        list(reader.batches())
        assert reader.cut_off


def test_a_log_that_is_overwritten_in_place(path, written: bytes) -> None:
    """As long as before, and every byte in its place but one."""
    log = na.open_log(path)
    at = written.index(log.step(1).activations[0].tobytes()[:8])
    with path.open("r+b") as file:
        file.seek(at)
        file.write(bytes([written[at] ^ 1]))
    with pytest.raises(na.LogError, match="the file has changed since it was opened"):
        log.step(39)  # another batch is read, and then the first again
        ask_everything(log)


def test_a_log_that_is_replaced_or_removed_stays_as_it_was(path, tmp_path) -> None:
    log = na.open_log(path)
    expected = log.messages()
    (tmp_path / "b.arrows").write_bytes(b"other")
    (tmp_path / "b.arrows").replace(path)
    assert log.messages() == expected
    path.unlink()
    assert log.messages() == expected


def test_a_log_that_grows_keeps_what_it_had(path, written: bytes) -> None:
    path.write_bytes(written[: len(written) // 2])
    log = na.open_log(path)
    expected = log.messages()
    with path.open("ab") as file:
        file.write(written[len(written) // 2 :])
    assert log.messages() == expected
    assert na.open_log(path).complete


def test_batches_are_those_of_the_stream_whatever_the_dictionaries(tmp_path) -> None:
    """Foreign writers replace dictionaries on the way, or add to them."""
    path = tmp_path / "a.arrows"
    na.train(NET, X, TARGETS, optimizer=na.SGD(0.1), epochs=9, batch_size=32, log=path)
    with pa.ipc.open_stream(path.read_bytes()) as stream:
        schema, whole = stream.schema, stream.read_all().combine_chunks()
    names = schema.names
    batches = []
    for start in range(0, len(whole), 50):
        part = whole.slice(start, 50).to_batches()[0]
        columns = [
            column.dictionary_decode().dictionary_encode().cast(column.type)
            if pa.types.is_dictionary(column.type)
            else column
            for column in part.columns
        ]
        batches.append(pa.record_batch(columns, schema=schema))
    with pa.ipc.new_stream(path, schema) as stream:
        for batch in batches:
            stream.write_batch(batch)
    log = na.open_log(path)
    assert len(log._batches) == len(batches) > 20
    for k in [*range(len(batches)), 3, 0, -1]:
        assert log._batches[k].select(names).to_pylist() == batches[k].to_pylist()


def test_nothing_is_mapped(path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pa, "memory_map", None)
    log = na.open_log(path)
    maps = Path("/proc/self/maps")
    assert not maps.exists() or str(path) not in maps.read_text()
    assert len(list(log)) == 40


def test_the_file_is_closed_with_the_log(path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []
    monkeypatch.setattr(os, "close", closed.append)
    source = LogSource(path)
    descriptor = source._descriptor
    del source
    monkeypatch.undo()
    os.close(descriptor)
    assert closed == [descriptor]


def test_a_copy_opens_the_file_anew(path, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log = na.open_log("a.arrows")
    monkeypatch.chdir("/")
    for other in (copy.copy(log), copy.deepcopy(log), pickle.loads(pickle.dumps(log))):
        assert other.messages() == log.messages()


def test_following_a_log_that_becomes_shorter(path, written: bytes) -> None:
    path.write_bytes(written[:-500])
    batches = FollowingReader(path).batches()
    next(batches)
    os.truncate(path, 1000)
    with pytest.raises(na.LogError, match="has become shorter"):
        list(batches)
