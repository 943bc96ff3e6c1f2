"""Ray itself: imported, started or joined, and stopped without a trace.

All of this happens in the thread of `ray_thread.py`.
"""

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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import trio

from ..support.errors import InputError, SimulationError
from ..support.optional import import_optional
from ..support.text import quote
from .connection import describe_refusal
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
  grep -qsF "{FOLDER}=$1" "$place/environ" &&
    grep -qsF RAY_RAYLET_PID= "$place/environ" && kill -9 "${{place#/proc/}}"
done
for one in $helpers; do
  grep -qsE '^ray::|/ray/' "/proc/$one/cmdline" && kill -9 "$one"
done
sleep 1
rm -rf -- "$1"
"""
# The input of this script ends with this process. Two of Ray's own helpers would live on for a
# minute, and try to report the loss. They may overwrite part of their environment with their title,
# so the script knows them by their numbers too.


class RayRuntime:
    """Starts Ray or joins a cluster, and stops it.

    `stop` ends all that `start` has started, however far that came.

    Attributes:
        has_failed: Whether one of its servers has ended, so that Ray cannot end the rest in order.
    """

    def __init__(self, workers: int, address: str | None, token: str) -> None:
        """Start nothing yet.

        Args:
            workers: How many workers there are at a time.
            address: Of a cluster that runs already; None for a local Ray.
            token: The token of the cluster, or of the local Ray.
        """
        self._workers = workers
        self._address = address
        self._loopback = address is None or _is_loopback(address)
        self._changes = {**SETTINGS, "RAY_AUTH_TOKEN": token}
        if self._loopback:
            # otherwise Ray takes another address of this machine
            self._changes["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        if address is None:
            self._changes |= ONE_THREAD
        self._ray: Any = None  # once it is ours to stop
        self._was_printing = True
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.has_failed = False
        self._folder: Path | None = None
        self._sweeper: subprocess.Popen[bytes] | None = None

    def start(self) -> Any:
        """Start Ray, or join the cluster.

        Returns:
            Ray's own module, which is initialised.

        Raises:
            InputError: There is no Ray that fits, or the cluster cannot be joined.
            SimulationError: Ray cannot be started.
        """
        if self._address is None:
            self._folder = _make_folder()
            self._changes[FOLDER] = str(self._folder)
        with _changed_environment(self._changes):
            ray = _import_ray()
            _reread_environment()
            with _cluster_mode(ray, serves_others=not self._loopback), _standard_streams():
                self._ray = ray
                self._was_printing = _set_printing(ray, False)
                if self._address is None:
                    self._start_local(ray)
                else:
                    _join(ray, self._address)
        return ray

    def _start_local(self, ray: Any) -> None:
        try:
            self._sweeper = subprocess.Popen(
                ["/bin/sh", "-c", SWEEPER, "sh", str(self._folder)],
                stdin=subprocess.PIPE,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                start_new_session=True,  # a Ctrl-C is not for it
            )
        except OSError as error:  # on Windows there is no shell
            raise SimulationError(
                f"Ray cannot be started here: /bin/sh: {error.strerror or error}"
            ) from None
        assert self._folder is not None
        try:
            ray.init(
                address="local",
                num_cpus=self._workers,
                include_dashboard=False,
                _node_ip_address=LOOPBACK,
                object_store_memory=OBJECT_STORE,
                _temp_dir=str(self._folder / "r"),
                log_to_driver=False,
                logging_level="ERROR",
            )
        except Exception as error:
            raise SimulationError(f"Ray cannot be started: {describe_error(error)}") from None
        started: dict[str, list[Any]] = getattr(
            ray._private.worker._global_node, "all_processes", {}
        )
        self._processes = {name: info.process for name, infos in started.items() for info in infos}
        if self._sweeper.stdin is not None and "raylet" in self._processes:
            with suppress(OSError):
                lists = Path(f"/proc/{self._processes['raylet'].pid}/task").glob("*/children")
                self._sweeper.stdin.write(
                    b" ".join(one.read_bytes().strip() for one in lists) + b"\n"
                )
                self._sweeper.stdin.flush()
        listens = ray.get_runtime_context().gcs_address
        if not listens.startswith(f"{LOOPBACK}:"):
            raise SimulationError(
                f"Ray {ray.__version__} listens at {listens}, not on loopback alone: it is not used"
            )

    def servers(self) -> list[tuple[str, int]]:
        """Return name and process number of the servers that a local Ray needs."""
        return [
            (name, self._processes[name].pid)
            for name in ("raylet", "gcs_server")
            if name in self._processes
        ]

    def abandon(self) -> None:
        """End this run's Ray at once, as `stop` does not return, so that this process can end."""
        for process in self._processes.values():
            process.kill()
        if self._ray is not None:
            atexit.unregister(self._ray.shutdown)
        if self._sweeper is not None and self._sweeper.stdin is not None:
            with suppress(OSError):
                self._sweeper.stdin.close()

    def stop(self) -> None:
        """Stop Ray, and remove all that it has left."""
        word = b"" if self.has_failed else b"gone\n"
        try:
            if self._ray is not None:
                try:
                    self._ray.shutdown(wait_for_processes=True)
                except TypeError:  # of an older version, which does not wait
                    word = b""
                    self._ray.shutdown()
                _reread_environment()
                _set_printing(self._ray, self._was_printing)
        finally:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
            if self._sweeper is not None:
                with suppress(OSError):
                    self._sweeper.communicate(word)


def checked_token(address: str | None, token: str | None) -> str:
    """Return the token of a Ray.

    Args:
        address: Of a cluster that runs already; None for a local Ray.
        token: What the user gives; None for RAY_AUTH_TOKEN of the environment.

    Raises:
        InputError: There is no token, or one for a local Ray.
    """
    if address is None:
        if token is not None:
            raise InputError(
                "a local Ray makes a token of its own: "
                "leave `token` out, or give the `address` of a cluster"
            )
        return secrets.token_hex(32)
    token = os.environ.get("RAY_AUTH_TOKEN") if token is None else token
    if not token or not isinstance(token, str) or not token.isprintable():
        advice = "give it as `token`, or in RAY_AUTH_TOKEN"
        raise InputError(f"the cluster at {quote(address)} wants its token: {advice}")
    return token


async def check_reachable(address: str) -> None:
    """Check that a process answers at the address of a cluster: Ray itself would try for long.

    Raises:
        InputError: None does, or this is not an address.
    """
    match = (
        re.fullmatch(r"\[?([\w.:-]+?)\]?:(\d{1,5})", address) if isinstance(address, str) else None
    )
    if match is None or not 1 <= int(match[2]) <= 65535:
        raise InputError(
            f"a cluster's address is `host:port`, as `ray start` prints it; got {quote(address)}"
        )
    with trio.move_on_after(SECONDS_TO_REACH):
        try:
            stream = await trio.open_tcp_stream(match[1], int(match[2]))
        except (OSError, OverflowError, UnicodeError) as error:
            raise InputError(
                f"there is no cluster at {address}: {describe_refusal(error)}"
            ) from None
        await stream.aclose()
        return
    raise InputError(
        f"there is no cluster at {address}: no process has answered in {SECONDS_TO_REACH:g} seconds"
    )


def _is_loopback(address: str) -> bool:
    """Of `host:port`. A name may lead anywhere, except `localhost`."""
    host = address.rpartition(":")[0].removeprefix("[").removesuffix("]")
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _import_ray() -> Any:
    """Ray, if its version fits and it does not run yet."""
    ray = import_optional("ray", "Ray is needed: pip install 'neuro-actors[ray]'", InputError)
    found = tuple(int(part) for part in re.findall(r"\d+", ray.__version__)[:2])
    if found < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION))
        problem = f"Ray {least} or newer is needed, found {ray.__version__}"
        raise InputError(f"{problem}: pip install -U 'neuro-actors[ray]'")
    if ray.is_initialized():
        raise InputError(
            "Ray runs already in this process: "
            "call ray.shutdown() first, or run it in another process"
        )
    return ray


def _join(ray: Any, address: str) -> None:
    try:
        client = getattr(ray._raylet, "GcsClient", None)
        if client is not None:
            # This says at once that a token is wrong; what follows would try for 20 seconds.
            client(address=address)
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:
        raise _join_error(address, error) from None


def _join_error(address: str, error: Exception) -> InputError:
    if "uthenticat" in f"{type(error).__name__}{error}" or "token" in str(error).lower():
        return InputError(f"the cluster at {address} has refused this token")
    return InputError(f"the cluster at {address} cannot be joined: {describe_error(error)}")


def _reread_environment() -> None:
    """Ray reads the token once: after another run it would use the token of that run."""
    with suppress(AttributeError):
        raylet: Any = sys.modules["ray"]._raylet
        raylet.Config.initialize("")
        raylet.AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def _cluster_mode(ray: Any, serves_others: bool) -> Iterator[None]:
    """Set for the run whether Ray may serve other machines, which it has read when imported."""
    constants = ray._private.ray_constants
    before = getattr(constants, "ENABLE_RAY_CLUSTER", True)
    constants.ENABLE_RAY_CLUSTER = serves_others
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


def _set_printing(ray: Any, prints: bool) -> bool:
    """Whether Ray prints the output of its processes. Returns whether it did so before."""
    worker = ray._private.worker
    before, worker._worker_logs_enabled = getattr(worker, "_worker_logs_enabled", True), prints
    return bool(before)


@contextmanager
def _standard_streams() -> Iterator[None]:
    """Ray uses standard output and standard error, which a program may be started without."""
    restores = sys.stderr is None and not faulthandler.is_enabled()
    with ExitStack() as stack:
        for name, to in ("stdout", redirect_stdout), ("stderr", redirect_stderr):
            if getattr(sys, name) is None:
                stack.enter_context(to(stack.enter_context(Path(os.devnull).open("w"))))
        try:
            yield
        finally:
            if restores:
                # Ray has enabled it for a file that is closed now, and whose number another file
                # will get.
                faulthandler.disable()


def _make_folder() -> Path:
    """Make a folder for this user only. Ray lets all users write into the folder of its sockets.

    Ray takes names of plain characters only.
    """
    base = tempfile.gettempdir()
    usable = len(os.fsencode(base)) <= LONGEST_FOLDER and re.fullmatch(r"[\w./+-]+", base, re.A)
    try:
        return Path(tempfile.mkdtemp(prefix="na-", dir=base if usable else "/tmp"))
    except OSError as error:
        raise SimulationError(f"Ray needs a folder for its sockets: {error}") from None


@contextmanager
def _changed_environment(changes: dict[str, str]) -> Iterator[None]:
    """The environment that Ray reads and hands on. Afterwards it is as it was before."""
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


def describe_error(error: BaseException) -> str:
    """Return what has happened, on one line."""
    cause = getattr(error, "cause", None)  # raised in a worker
    if isinstance(cause, BaseException):
        while isinstance(cause, BaseExceptionGroup):  # of a nursery: it does not say what happened
            cause = cause.exceptions[0]
        return f"{type(cause).__name__}: {quote(str(cause))[1:-1]}"
    text = " ".join(str(error).split())
    if found := re.search(r"The actor (?:is dead|died) because (.+?\.)(?= |$)", text):
        more = re.search(r"Worker exit detail: (.+?\.)(?= |$)", text)
        text = found[1]
        if more and "connection error" not in more[1]:  # that would tell nothing more
            text += f" {more[1]}"
    elif type(error).__name__ == "ActorUnavailableError":
        text = "it cannot be check_reachable any more: its node may have gone"
    return quote(text.removesuffix(".") or type(error).__name__)[1:-1]
