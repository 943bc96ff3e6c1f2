"""Workers are started, watched and ended, by Ray and as plain processes; whatever happens, nothing is left behind."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from helpers.tiers import few
from helpers.worker_processes import HOST, LOOPBACK, PYTHONPATH, SECRET, Traces, cluster_of, driving

import neuro_actors as na
from neuro_actors.cluster import ray_launcher, ray_lifecycle, ray_thread
from neuro_actors.cluster.launcher import WorkerCall, absolute_path
from neuro_actors.cluster.local_processes import plain_processes
from neuro_actors.cluster.ray_launcher import ray_workers


@pytest.fixture(params=["processes", pytest.param("ray", marks=pytest.mark.ray)])
def launcher(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return (lambda run: ray_workers(2, run=run)) if request.param == "ray" else plain_processes


def sigterm_ends_this_process() -> bool:
    """As it does by default: nobody, such as a library in C, has a handler for it."""
    caught = next(
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("SigCgt")
    )
    return not int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1


async def test_workers_live_die_and_are_replaced(
    launcher: Any, traces: Traces, capfd: pytest.CaptureFixture[str]
) -> None:
    before, handler = dict(os.environ), signal.getsignal(signal.SIGTERM)
    async with driving() as driver:
        async with launcher("worker_programs:echo") as cluster:
            a, b = [
                await cluster.start(
                    f"worker {k}", WorkerCall(HOST, driver.port, SECRET, {"rank": k})
                )
                for k in range(2)
            ]
            for rank, worker in enumerate((a, b)):
                wire = await driver.wire(rank)
                assert wire.hello == {"rank": rank, "pid": worker.pid, "threads": "1"}
                await wire.send({"rank": rank})
                assert await wire.receive() == ({"rank": rank}, [])
            assert traces.listening()
            assert set(traces.listening()) <= LOOPBACK
            assert sigterm_ends_this_process()
            assert not a.ended.is_set()
            os.kill(a.pid, signal.SIGKILL)
            with trio.fail_after(60):
                await a.ended.wait()
            assert "SIGKILL" in a.cause or "died" in a.cause
            assert not b.ended.is_set()
            b.kill()
            with trio.fail_after(60):
                await b.ended.wait()
            assert "kill" in b.cause.lower()
            c = await cluster.start("worker 2", WorkerCall(HOST, driver.port, SECRET, {"rank": 2}))
            await (await driver.wire(2)).aclose()  # and the worker ends in order
            with trio.fail_after(60):
                await c.ended.wait()
            d = await cluster.start("worker 3", WorkerCall(HOST, driver.port, SECRET, {"rank": 3}))
            await driver.wire(3)
        assert d.ended.is_set()
        assert d.cause
    assert dict(os.environ) == before
    assert signal.getsignal(signal.SIGTERM) is handler
    assert capfd.readouterr() == ("", "")


async def test_a_worker_that_fails_says_why(
    traces: Traces, capfd: pytest.CaptureFixture[str]
) -> None:
    async with plain_processes("worker_programs:fail") as cluster:
        worker = await cluster.start("worker", WorkerCall(HOST, 1, SECRET, {}))
        await worker.ended.wait()
        assert worker.cause == f"process {worker.pid} ended with code 1"
    assert "it was told to fail" in capfd.readouterr().err


@pytest.mark.ray
async def test_ray_says_what_failed_and_one_run_at_a_time_has_it(
    traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    monkeypatch.setattr(ray._private.worker, "_worker_logs_enabled", False)
    async with ray_workers(1, run="worker_programs:fail_in_a_nursery") as cluster:
        (outer,) = traces.folder.glob("na-*")
        assert outer.stat().st_mode & 0o777 == 0o700  # Ray opens its own folder to everybody
        assert (outer / "r").is_dir()
        lock = threading.Lock()
        functions = {"activations": {"fits": abs, "locks": lambda z: lock}, "losses": {}}
        with pytest.raises(
            na.SimulationError,
            match=r"^worker 'w' cannot be handed the functions 'locks': TypeError: cannot pickle ",
        ):
            await cluster.start("w", WorkerCall(HOST, 1, SECRET, {}, functions))
        worker = await cluster.start("worker", WorkerCall(HOST, 1, SECRET, {}))
        with trio.fail_after(60):
            await worker.ended.wait()
        assert worker.cause == "ValueError: it was told to fail"
        with pytest.raises(
            na.InputError, match=r"^Ray serves another simulation of this process: "
        ):
            async with ray_workers(1):
                pass
        with pytest.raises(
            na.InputError, match=r"^what a worker is called with must be JSON, got "
        ):
            await cluster.start("worker", WorkerCall(HOST, 1, SECRET, {"x": object()}))
    assert not ray._private.worker._worker_logs_enabled  # as it was


async def refused(match: str) -> None:
    with pytest.raises(na.InputError, match=match):
        async with ray_workers(1):
            pass


async def test_ray_is_not_installed(monkeypatch: pytest.MonkeyPatch, traces: Traces) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    await refused(r"^Ray is needed: pip install 'neuro-actors\[ray\]'$")


@pytest.mark.ray
async def test_ray_is_too_old_or_taken(monkeypatch: pytest.MonkeyPatch, traces: Traces) -> None:
    import ray

    with monkeypatch.context() as changed:
        changed.setattr(ray, "__version__", "2.51.9")
        await refused(
            r"^Ray 2\.52 or newer is needed, found 2\.51\.9: pip install -U 'neuro-actors\[ray\]'$"
        )
    with monkeypatch.context() as changed:
        stopped = []
        changed.setattr(ray, "is_initialized", lambda: True)
        changed.setattr(ray, "shutdown", lambda *more, **words: stopped.append(more))
        await refused(r"^Ray runs already in this process: ")
        assert not stopped  # it is not ours


HEAD = """
import os, sys, tempfile
os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=sys.argv[1], RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0", RAY_USAGE_STATS_ENABLED="0")
import ray
ray.init(address="local", num_cpus=1, include_dashboard=False, _node_ip_address="127.0.0.1", object_store_memory=80 << 20,
         _temp_dir=sys.argv[2], log_to_driver=False, logging_level="ERROR")
print(ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.read()
ray.shutdown()
"""


@pytest.mark.ray
async def test_a_cluster_is_joined_with_its_token_only(
    traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = secrets.token_hex(32)
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("PYTHONPATH", PYTHONPATH)  # the head hands it on to its workers
    with tempfile.TemporaryDirectory(prefix="h") as folder:
        head = subprocess.Popen(
            [sys.executable, "-c", HEAD, token, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert head.stdout
            address = (await trio.to_thread.run_sync(head.stdout.readline)).strip()
            with pytest.raises(
                na.InputError,
                match=rf"^the cluster at '{address}' wants its token: give it as `token`, or in RAY_AUTH_TOKEN$",
            ):
                async with ray_workers(1, address=address):
                    pass
            with pytest.raises(
                na.InputError, match=rf"^the cluster at {address} has refused this token$"
            ):
                async with ray_workers(1, address=address, token="0" * 64):
                    pass
            monkeypatch.setenv("RAY_AUTH_TOKEN", token)
            async with (
                driving() as driver,
                ray_workers(1, address=address, run="worker_programs:echo") as cluster,
            ):
                monkeypatch.setattr(ray_launcher, "SECONDS_TO_START", 60.0)
                worker = await cluster.start(
                    "first", WorkerCall(HOST, driver.port, SECRET, {"rank": 0})
                )
                await driver.wire(0)  # it lives, so that the only CPU is taken
                monkeypatch.setattr(ray_launcher, "SECONDS_TO_START", 1.0)
                with pytest.raises(
                    na.SimulationError,
                    match=r"^worker 'second' has not started in 1 seconds: the cluster has no CPU free",
                ):
                    await cluster.start(
                        "second", WorkerCall(HOST, driver.port, SECRET, {"rank": 1})
                    )
                assert not worker.ended.is_set(), worker.cause
            assert worker.ended.is_set()
            with pytest.raises(
                na.SimulationError,
                match=r"^the cluster has no room for 2 workers, with a CPU each, in 1 seconds$",
            ):
                async with ray_workers(2, address=address, spread=True):
                    pass
        finally:
            head.communicate()
        with pytest.raises(
            na.InputError, match=rf"^there is no cluster at {address}: Connection refused$"
        ):
            async with ray_workers(1, address=address):
                pass


def test_what_is_loopback() -> None:
    assert all(
        map(ray_lifecycle._is_loopback, ["127.0.0.1:1", "127.3.2.1:1", "localhost:1", "[::1]:1"])
    )
    assert not any(
        map(
            ray_lifecycle._is_loopback,
            ["127.x.example:1", "localhost.example:1", "10.0.0.1:1", "[fe80::1]:1"],
        )
    )


@pytest.mark.parametrize(
    "address", ["localhost", "auto", "ray://here:1", "here:123456", "here:65536", "here:0", "", 7]
)
async def test_what_is_no_address(address: Any) -> None:
    with pytest.raises(
        na.InputError,
        match=r"^a cluster's address is `host:port`, as `ray start` prints it; got ",
    ):
        async with ray_workers(1, address=address, token="x"):
            pass


async def test_an_address_that_does_not_answer_and_one_that_is_no_cluster(
    monkeypatch: pytest.MonkeyPatch, traces: Traces
) -> None:
    with pytest.raises(na.InputError, match=r"^a local Ray makes a token of its own: "):
        async with ray_workers(1, token="x"):
            pass
    monkeypatch.setattr(ray_lifecycle, "SECONDS_TO_REACH", 0.0)
    with pytest.raises(
        na.InputError,
        match=r"^there is no cluster at 127.0.0.1:9: no process has answered in 0 seconds$",
    ):
        async with ray_workers(1, address="127.0.0.1:9", token="x"):
            pass


@pytest.mark.ray
async def test_two_nodes_spread_strictly_and_one_goes(
    traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cluster_of(2, traces, monkeypatch) as (nodes, others):
        (second,) = others.values()
        async with (
            driving() as driver,
            ray_workers(
                2, address=nodes.address, spread=True, run="worker_programs:echo"
            ) as cluster,
        ):
            workers = [
                await cluster.start(
                    f"worker {k}", WorkerCall(HOST, driver.port, SECRET, {"rank": k})
                )
                for k in range(2)
            ]
            for rank in range(2):
                await driver.wire(rank)
            assert len({worker.node for worker in workers}) == 2
            leaves = next(worker for worker in workers if worker.node == second.node_id)
            await trio.to_thread.run_sync(lambda: nodes.remove_node(second, allow_graceful=False))
            with trio.fail_after(60):
                await leaves.ended.wait()
            assert "node" in leaves.cause
            assert [worker.ended.is_set() for worker in workers] == [
                worker is leaves for worker in workers
            ]


DRIVER = """
import sys, trio
if sys.argv[1] == "ray":
    import ray  # before it could be told that it may serve this machine only
from helpers.worker_processes import driving, HOST, SECRET
from neuro_actors.cluster.launcher import WorkerCall, absolute_path
from neuro_actors.cluster.local_processes import plain_processes
from neuro_actors.cluster.ray_launcher import ray_workers

async def main():
    async with driving() as driver, (ray_workers(1, run="worker_programs:stay") if sys.argv[1] == "ray" else plain_processes("worker_programs:stay")) as cluster:
        await cluster.start("worker", WorkerCall(HOST, driver.port, SECRET, {"rank": 0}))
        await driver.wire(0)
        print("lives", flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


def started(kind: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, kind],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": PYTHONPATH},
    )


@pytest.mark.parametrize("kind", ["processes", pytest.param("ray", marks=pytest.mark.ray)])
@pytest.mark.parametrize("number", few([signal.SIGKILL, signal.SIGINT], 1))
def test_a_driver_that_is_killed_or_interrupted_leaves_nothing(
    kind: str, number: int, traces: Traces
) -> None:
    driver = started(kind)
    assert driver.stdout
    assert driver.stdout.readline() == "lives\n"
    assert len(traces.processes()) > 1
    assert set(traces.listening()) <= LOOPBACK
    driver.send_signal(number)
    _, errors = driver.communicate(timeout=60)
    assert ("KeyboardInterrupt" in errors) == (number == signal.SIGINT)
    assert traces.gone(60)


@pytest.mark.ray
def test_a_program_without_standard_error(traces: Traces) -> None:
    command = ["/bin/sh", "-c", 'exec "$0" -c "$1" ray 2>&-', sys.executable, DRIVER]
    driver = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": PYTHONPATH}
    )
    assert driver.stdout
    assert driver.stdout.readline() == "lives\n"
    driver.send_signal(signal.SIGINT)
    driver.communicate(timeout=60)
    assert traces.gone(60)


@pytest.mark.ray
def test_a_ctrl_c_while_ray_starts(traces: Traces) -> None:
    driver = started("ray")
    end = time.monotonic() + 60
    while not list(traces.folder.glob("na-*/r/session_*")):
        assert time.monotonic() < end
        time.sleep(0.01)
    driver.send_signal(signal.SIGINT)
    out, errors = driver.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert out == ""
    assert traces.gone(60)


def test_the_thread_that_keeps_ray_hears_a_ctrl_c_afterwards_and_cancellation_too() -> None:
    done = []
    may = threading.Event()

    def slow() -> None:
        assert may.wait(60)
        done.append(threading.current_thread().name)

    async def main() -> None:
        it = ray_thread.RayThread()
        try:
            trio.lowlevel.current_trio_token().run_sync_soon(signal.raise_signal, signal.SIGINT)
            trio.lowlevel.current_trio_token().run_sync_soon(may.set)
            await it.call(slow)
        finally:
            with trio.CancelScope() as scope:
                scope.cancel()
                with pytest.raises(ZeroDivisionError):
                    await it.call(lambda: 1 / 0)
            it.submit(lambda: 1 / 0)
            it.close(lambda: None)
            it._thread.join()

    with pytest.raises(KeyboardInterrupt):
        trio.run(main)
    assert done == ["neuro_actors: Ray"]


def test_nobody_waits_without_limit_for_a_ray_that_does_not_answer_or_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may, ends = threading.Event(), []

    async def ask(it: ray_thread.RayThread, match: str) -> None:
        with pytest.raises(na.SimulationError, match=match):
            await it.call(lambda: may.wait(60))

    async def hangs() -> None:
        it = ray_thread.RayThread()
        try:
            with monkeypatch.context() as changed:
                changed.setattr(ray_thread, "SECONDS_TO_ANSWER", 0.01)
                await ask(it, r"^Ray has not answered in 0.01 seconds$")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask, it, "^it is lost$")
                await trio.testing.wait_all_tasks_blocked()
                it.fail(na.SimulationError("it is lost"))
            await ask(it, "^it is lost$")
            ended = trio.Event()
            token = trio.lowlevel.current_trio_token()
            it.close(lambda: token.run_sync_soon(ended.set))
            await ended.wait()  # though its thread still hangs
            ends.append("in another thread")
        finally:
            may.set()
            it._thread.join()

    trio.run(hangs)
    assert ends
    may.clear()

    async def interrupted() -> None:
        it = ray_thread.RayThread()
        monkeypatch.setattr(ray_thread, "SECONDS_AFTER_INTERRUPT", 0.01)
        try:
            trio.lowlevel.current_trio_token().run_sync_soon(signal.raise_signal, signal.SIGINT)
            await it.call(lambda: may.wait(60))
        finally:
            ends.append(may.is_set())
            may.set()
            it.close(lambda: None)
            it._thread.join()

    with pytest.raises(KeyboardInterrupt):
        trio.run(interrupted)
    assert ends[1:] == [False]


@pytest.mark.parametrize("name", ["ü", "a b", "x" * 40, "na"])
def test_the_folder_of_rays_sockets(name: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray takes names of plain characters, and not long ones."""
    base = f"/tmp/{name}"
    asked = []
    monkeypatch.setattr(ray_lifecycle.tempfile, "gettempdir", lambda: base)
    monkeypatch.setattr(
        ray_lifecycle.tempfile, "mkdtemp", lambda prefix, dir: asked.append(dir) or str(tmp_path)
    )
    assert ray_lifecycle._make_folder() == tmp_path
    assert asked == [base if name == "na" else "/tmp"]


def test_workers_import_from_where_the_driver_did_at_its_start(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "lib", "/abs"])
    assert absolute_path() == [str(tmp_path), str(tmp_path / "lib"), "/abs"]
