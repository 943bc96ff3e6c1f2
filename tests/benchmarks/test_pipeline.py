"""The simulator of the pipeline obeys simple laws. It is a script of `benchmarks/`; nothing here is timed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from helpers.paths import BENCHMARKS


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import pipeline

    return pipeline


def even(pipeline: ModuleType, shards: int = 1, micro_batches: int = 8, **more: object):
    """A plan in which all shards take as long, forward and back together one unit, and frames no time."""
    each = [0.5 / shards] * shards
    plan = {
        "shards": shards,
        "micro_batches": micro_batches,
        "window": micro_batches,
        "forward": each,
        "back": each,
    }
    none = [0.0] * shards
    return pipeline.Plan(
        **plan | {"learn": none, "parameters": none, "bytes_in": none, "bytes_out": none} | more
    )


def drawn(pipeline: ModuleType, seed: int):
    rng = np.random.default_rng(seed)
    shards, micro_batches = int(rng.integers(1, 6)), int(rng.integers(1, 20))
    costs = dict(
        zip(
            ("hop", "byte", "frame", "round", "add", "keep", "frame_byte", "crossing"),
            rng.random(8) / 20,
            strict=True,
        )
    )
    lists = {
        name: rng.random(shards).tolist()
        for name in ("forward", "back", "learn", "parameters", "bytes_in", "bytes_out")
    }
    counts = {"replicas": int(rng.integers(1, 5)), "shards": shards, "micro_batches": micro_batches}
    return pipeline.Plan(
        **counts, **lists, **costs, window=int(rng.integers(1, 9)), cores=[None, 1, 2, 3][seed % 4]
    )


def test_one_worker_takes_the_sum_of_times(pipeline) -> None:
    plan = even(pipeline, learn=[0.25])
    assert pipeline.seconds(plan) == pytest.approx(8 + 0.25)
    assert pipeline.seconds(replace(plan, round=0.1)) == pytest.approx(8.8 + 0.25)


@pytest.mark.parametrize("shards", [2, 3, 5])
def test_a_window_of_one_is_one_after_another(pipeline, shards: int) -> None:
    assert pipeline.seconds(even(pipeline, shards, window=1)) == pytest.approx(8.0)
    assert (
        pipeline.seconds(even(pipeline, shards, window=1, hop=0.01))
        > 8 + 8 * 2 * (shards - 1) * 0.01
    )


@pytest.mark.parametrize("shards", [2, 3, 5])
@pytest.mark.parametrize("micro_batches", [1, 4, 8, 100])
def test_the_pipelines_efficiency(pipeline, shards: int, micro_batches: int) -> None:
    """M / (M + S - 1)."""
    took = pipeline.seconds(even(pipeline, shards, micro_batches))
    assert micro_batches / took / shards == pytest.approx(
        micro_batches / (micro_batches + shards - 1)
    )


def test_with_many_micro_batches_all_are_busy(pipeline) -> None:
    took = pipeline.seconds(even(pipeline, 4, 1000, window=10))
    assert 0.99 < 1000 / took / 4 < 1


@pytest.mark.parametrize("replicas", [1, 2, 4, 8])
def test_replicas_share_out_what_there_is(pipeline, replicas: int) -> None:
    assert pipeline.seconds(even(pipeline, replicas=replicas)) == pytest.approx(8 / replicas)


def test_replicas_meet_in_a_tree(pipeline) -> None:
    """Up in log2 R hops, and down in as many; the frames before and after are a hop each."""
    for replicas, hops in ((1, 0), (2, 2), (4, 4), (5, 4), (8, 6)):
        plan = even(pipeline, replicas=replicas, micro_batches=replicas, hop=1.0)
        assert pipeline.seconds(plan) == pytest.approx(1 + 1 + hops + 1)


def test_one_core_is_no_faster_than_one_process(pipeline) -> None:
    assert pipeline.seconds(even(pipeline, 3, replicas=2, cores=1)) == pytest.approx(8.0)
    assert pipeline.seconds(even(pipeline, 3, replicas=2, cores=2)) > 3.99


@pytest.mark.parametrize("seed", range(40))
def test_nobody_does_two_things_at_once_nor_before_its_time(pipeline, seed: int) -> None:
    plan = drawn(pipeline, seed)
    made = pipeline.simulate(plan)
    assert pipeline.seconds(plan) >= pipeline.bound(plan) - 1e-9
    for who in {job.who for job in made}:
        own = sorted((job.start, job.end) for job in made if job.who == who)
        assert all(before[1] <= after[0] + 1e-9 for before, after in pairwise(own))
    for job in made:
        assert job.end == pytest.approx(job.start + job.takes)
        assert all(job.start >= earlier.end + delay - 1e-9 for earlier, delay in job.after)
    if plan.cores is not None:
        starts = [job.start for job in made if job.takes]
        assert all(
            sum(job.start <= t < job.end for job in made if job.takes) <= plan.cores for t in starts
        )


@pytest.mark.parametrize("seed", range(10))
def test_no_worker_begins_more_than_its_window(pipeline, seed: int) -> None:
    plan = drawn(pipeline, seed)
    made = pipeline.simulate(plan)
    for who in {job.who for job in made} - {pipeline.DRIVER}:
        begun = [job for job in made if job.who == who and job.what == "forward"]
        over = {job.micro_batch: job.end for job in made if job.who == who and job.what == "back"}
        for job in begun:
            assert (
                sum(other.start <= job.start < over[other.micro_batch] for other in begun)
                <= plan.window
            )


def test_the_command_and_its_picture(tmp_path: Path) -> None:
    command = [
        sys.executable,
        BENCHMARKS / "pipeline.py",
        "--shards",
        "3",
        "--draw",
        tmp_path / "schedule.png",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "3 workers, window 8" in done.stdout
    assert (tmp_path / "schedule.png").read_bytes().startswith(b"\x89PNG")


def test_measured_runs_are_compared(tmp_path: Path) -> None:
    plan = {"micro_batches": 4, "forward": [0.01], "back": [0.01]}
    for name, seconds, code in (("near", 0.085, 0), ("far", 0.2, 1)):
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps({"runs": [{"name": name, "least": seconds, "plan": plan}]}))
        command = [sys.executable, BENCHMARKS / "pipeline.py", "--measured", file]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert f"{0.08 / seconds - 1:+.1%}" in done.stdout
