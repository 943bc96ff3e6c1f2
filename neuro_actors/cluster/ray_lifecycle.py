"""Ray itself: found, started for this run or joined, and stopped without a trace. All in the thread of `ray_thread.py`."""

from __future__ import annotations

import atexit
import faulthandler
import ipaddress
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import trio

from ..support.errors import InputError, SimulationError
from ..support.text import shown
from .connection import reason
from .launcher import ONE_THREAD

LEAST_VERSION = (2, 52)  # the first that knows tokens
LOOPBACK = "127.0.0.1"
OBJECT_STORE = 80 << 20  # nothing of ours is kept in it
SECONDS_TO_REACH = 5.0
LONGEST_FOLDER = 28  # sockets lie in it, and their names are limited to 107 bytes
SETTINGS = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_py_gcs_connect_timeout_s": "5",
}
FOLDER = "NEURO_ACTORS_RAY_FOLDER"
SWEEPER = f"""while read -r word; do
  [ "$word" = gone ] && exit
  helpers=$word
done
sleep 1
for place in /proc/[0-9]*; do
  grep -qsF "{FOLDER}=$1" "$place/environ" && grep -qsF RAY_RAYLET_PID= "$place/environ" && kill -9 "${{place#/proc/}}"
done
for one in $helpers; do
  grep -qsE '^ray::|/ray/' "/proc/$one/cmdline" && kill -9 "$one"
done
sleep 1
rm -rf -- "$1"
"""  # its input ends with this process. Two of Ray's own helpers would live on for a minute, and try to report the loss;
# they may overwrite part of their environment with their title, so that they are known by their numbers too


class RayRuntime:
    """What is started by `start`, however far that came, is ended by `stop`.

    died: whether one of its servers has, so that it cannot end the rest in order.
    """

    def __init__(self, workers: int, address: str | None, token: str) -> None:
        self._workers = workers
        self._address = address
        self._loopback = address is None or _is_loopback(address)
        self._changes = {**SETTINGS, "RAY_AUTH_TOKEN": token}
        if self._loopback:
            self._changes["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = (
                "0"  # else Ray takes another address of this machine
            )
        if address is None:
            self._changes |= ONE_THREAD
        self._ray: Any = None  # once it is ours to stop
        self._spoke = True
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.died = False
        self._folder: Path | None = None
        self._sweeper: subprocess.Popen[bytes] | None = None

    def start(self) -> Any:
        """Ray's own module, which is initialised."""
        if self._address is None:
            self._folder = _folder()
            self._changes[FOLDER] = str(self._folder)
        with _environment(self._changes), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray = _imported()
            _read_environment_anew()
            with _said(ray, serves_others=not self._loopback), _somewhere_to_print():
                self._ray = ray
                self._spoke = _speaks(ray, False)
                if self._address is None:
                    self._start_here(ray)
                else:
                    _join(ray, self._address)
        return ray

    def _start_here(self, ray: Any) -> None:
        # in a session of its own: a Ctrl-C is not for it
        command, place = (
            ["/bin/sh", "-c", SWEEPER, "sh", str(self._folder)],
            {"PATH": os.environ.get("PATH", os.defpath)},
        )
        self._sweeper = subprocess.Popen(
            command, stdin=subprocess.PIPE, env=place, start_new_session=True
        )
        assert self._folder is not None
        try:
            ray.init(
                address="local", num_cpus=self._workers, include_dashboard=False, _node_ip_address=LOOPBACK,
                object_store_memory=OBJECT_STORE, _temp_dir=str(self._folder / "r"), log_to_driver=False, logging_level="ERROR",
            )  # fmt: skip
        except Exception as error:
            raise SimulationError(f"Ray cannot be started: {why(error)}") from None
        started: dict[str, list[Any]] = getattr(
            ray._private.worker._global_node, "all_processes", {}
        )
        self._processes = {name: info.process for name, infos in started.items() for info in infos}
        if self._sweeper.stdin is not None and "raylet" in self._processes:
            with suppress(OSError):
                tasks = Path(f"/proc/{self._processes['raylet'].pid}/task").glob("*/children")
                self._sweeper.stdin.write(
                    b" ".join(place.read_bytes().strip() for place in tasks) + b"\n"
                )
                self._sweeper.stdin.flush()
        listens = ray.get_runtime_context().gcs_address
        if not listens.startswith(f"{LOOPBACK}:"):
            raise SimulationError(
                f"Ray {ray.__version__} listens at {listens}, not on loopback alone: it is not used"
            )

    def servers(self) -> list[tuple[str, int]]:
        """Those of a local Ray, without which it is no more: what they are called, and their processes."""
        return [
            (name, self._processes[name].pid)
            for name in ("raylet", "gcs_server")
            if name in self._processes
        ]

    def abandon(self) -> None:
        """`stop` does not come to its end: what is ours ends all the same, and this process can."""
        for process in self._processes.values():
            process.kill()
        if self._ray is not None:
            atexit.unregister(self._ray.shutdown)
        if self._sweeper is not None and self._sweeper.stdin is not None:
            with suppress(OSError):
                self._sweeper.stdin.close()

    def stop(self) -> None:
        """Nothing is left."""
        word = b"" if self.died else b"gone\n"
        try:
            if self._ray is not None:
                try:
                    self._ray.shutdown(wait_for_processes=True)
                except TypeError:  # of an older version, which does not wait
                    word = b""
                    self._ray.shutdown()
                _read_environment_anew()
                _speaks(self._ray, self._spoke)
        finally:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
            if self._sweeper is not None:
                with suppress(OSError):
                    self._sweeper.communicate(word)


def checked_token(address: str | None, token: str | None) -> str:
    if address is None:
        if token is not None:
            raise InputError(
                "a local Ray makes a token of its own: leave `token` out, or give the `address` of a cluster"
            )
        return secrets.token_hex(32)
    token = os.environ.get("RAY_AUTH_TOKEN") if token is None else token
    if not token or not isinstance(token, str) or not token.isprintable():
        raise InputError(
            f"the cluster at {shown(address)} wants its token: give it as `token`, or in RAY_AUTH_TOKEN"
        )
    return token


async def check_reachable(address: str) -> None:
    """Ray itself would try for long."""
    match = (
        re.fullmatch(r"\[?([\w.:-]+?)\]?:(\d{1,5})", address) if isinstance(address, str) else None
    )
    if match is None or not 1 <= int(match[2]) <= 65535:
        raise InputError(
            f"a cluster's address is `host:port`, as `ray start` has said it; got {shown(address)}"
        )
    with trio.move_on_after(SECONDS_TO_REACH):
        try:
            stream = await trio.open_tcp_stream(match[1], int(match[2]))
        except (OSError, OverflowError, UnicodeError) as error:
            raise InputError(f"there is no cluster at {address}: {reason(error)}") from None
        await stream.aclose()
        return
    raise InputError(
        f"there is no cluster at {address}: nobody has answered in {SECONDS_TO_REACH:g} seconds"
    )


def _is_loopback(address: str) -> bool:
    """Of `host:port`. A name may lead anywhere, but this one."""
    host = address.rpartition(":")[0].removeprefix("[").removesuffix("]")
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _imported() -> Any:
    """Ray, quiet and of a version that fits."""
    try:
        import ray
    except ImportError as error:
        raise InputError(f"Ray is needed: pip install 'neuro-actors[ray]' ({error})") from None
    found = tuple(int(part) for part in re.findall(r"\d+", ray.__version__)[:2])
    if found < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION))
        raise InputError(
            f"Ray {least} or newer is needed, found {ray.__version__}: pip install -U 'neuro-actors[ray]'"
        )
    if ray.is_initialized():
        raise InputError(
            "Ray runs already in this process: call ray.shutdown() first, or run it in another process"
        )
    return ray


def _join(ray: Any, address: str) -> None:
    try:
        client = getattr(ray._raylet, "GcsClient", None)
        if client is not None:
            client(
                address=address
            )  # which says at once that a token is wrong; what follows would try for 20 seconds
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:
        raise _refused(address, error) from None


def _refused(address: str, error: Exception) -> InputError:
    if "uthenticat" in f"{type(error).__name__}{error}" or "token" in str(error).lower():
        return InputError(f"the cluster at {address} has refused this token")
    return InputError(f"the cluster at {address} cannot be joined: {why(error)}")


def _read_environment_anew() -> None:
    """Ray reads the way of authentication once, and the token once: after another run, those of that run."""
    with suppress(AttributeError):
        raylet: Any = sys.modules["ray"]._raylet
        raylet.Config.initialize("")
        raylet.AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def _said(ray: Any, serves_others: bool) -> Iterator[None]:
    """Ray has read, when it was imported, whether it may serve other machines; here it is said for this run."""
    constants = ray._private.ray_constants
    before = getattr(constants, "ENABLE_RAY_CLUSTER", True)
    constants.ENABLE_RAY_CLUSTER = serves_others
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


def _speaks(ray: Any, aloud: bool) -> bool:
    """Whether it prints, on standard output, what its processes have to say; the driver says what concerns a run.
    Returns whether it did so before."""
    worker = ray._private.worker
    before, worker._worker_logs_enabled = getattr(worker, "_worker_logs_enabled", True), aloud
    return bool(before)


@contextmanager
def _somewhere_to_print() -> Iterator[None]:
    """Ray looks at both, which a program that was started without them does not have."""
    forgetful = sys.stderr is None and not faulthandler.is_enabled()
    with ExitStack() as stack:
        for name, to in ("stdout", redirect_stdout), ("stderr", redirect_stderr):
            if getattr(sys, name) is None:
                stack.enter_context(to(stack.enter_context(Path(os.devnull).open("w"))))
        try:
            yield
        finally:
            if (
                forgetful
            ):  # Ray has enabled it, for a file that is closed now: its number will be another's
                faulthandler.disable()


def _folder() -> Path:
    """For this user only. Ray lets everybody write where it is told to keep its sockets: it is told of a folder in this one."""
    base = tempfile.gettempdir()
    return Path(
        tempfile.mkdtemp(
            prefix="na-", dir=base if len(os.fsencode(base)) <= LONGEST_FOLDER else "/tmp"
        )
    )


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """What Ray reads there, and hands on to what it starts; afterwards it is as it was, and without what Ray put there."""
    before = {name: value for name, value in os.environ.items() if _concerns_ray(name, changes)}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name in [name for name in os.environ if _concerns_ray(name, changes)]:
            del os.environ[name]
        os.environ.update(before)


def _concerns_ray(name: str, changes: dict[str, str]) -> bool:
    return name in changes or name.startswith("RAY_") or name == "PYTHONBREAKPOINT"


def why(error: BaseException) -> str:
    """What has happened, on one line."""
    cause = getattr(error, "cause", None)  # what was raised in a worker
    if isinstance(cause, BaseException):
        while isinstance(
            cause, BaseExceptionGroup
        ):  # of a nursery, which says nothing of what happened
            cause = cause.exceptions[0]
        return f"{type(cause).__name__}: {shown(str(cause))[1:-1]}"
    text = " ".join(str(error).split())
    if found := re.search(r"The actor (?:is dead|died) because (.+?\.)(?= |$)", text):
        more = re.search(r"Worker exit detail: (.+?\.)(?= |$)", text)
        text = found[1] + (
            f" {more[1]}" if more and "connection error" not in more[1] else ""
        )  # which tells nothing more
    elif type(error).__name__ == "ActorUnavailableError":
        text = "it cannot be check_reachable any more: its node may have gone"
    return shown(text.removesuffix(".") or type(error).__name__)[1:-1]
