"""A worker: a process that runs one shard of one replica, as long as the driver is there.

The driver's messages say all that it does. `StartJob` starts a society from the committed state,
and ends the one before. `RunStep` is a step of it, without learning. `ConcludeBatch` ends a batch:
the replicas add up, all neurons learn, and the driver receives the result. After a failure a worker
repairs nothing: it reports the failure, drops the batch, and waits for another `StartJob`.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from functools import partial
from typing import Any

import trio

from ..support.errors import WorkerConnectionError
from ..support.numerics import fingerprint
from .connection import connect, serve
from .job import Job
from .message_codec import encode
from .message_stream import receive_message, send_messages
from .peers import SECONDS_TO_CONNECT, Callers
from .worker_messages import ConcludeBatch, Message, RunStep, StartJob, Stop, WorkerHello


def run_worker(host: str, port: int, secret: bytes, about: Mapping[str, Any]) -> None:
    """Be a worker until the driver ends it, or is gone.

    Args:
        host: Where the driver listens.
        port: Where the driver listens.
        secret: The secret of the run.
        about: The `rank` of the worker's slot, and how many workers that slot has had, `start`.
    """
    trio.run(serve_driver, host, port, secret, int(about["rank"]), int(about["start"]))


async def serve_driver(host: str, port: int, secret: bytes, rank: int, start: int = 1) -> None:
    """Do the same as `run_worker`, within trio."""
    callers = Callers()
    async with trio.open_nursery() as nursery:
        own_port = await nursery.start(
            partial(serve, address_towards(host, port), secret, {}, callers.welcome)
        )
        hello, _ = encode(WorkerHello(rank, start, own_port, fingerprint("ordered")))
        driver = await connect(host, port, secret, hello, SECONDS_TO_CONNECT)
        to_driver, queue = trio.open_memory_channel[Message](float("inf"))
        nursery.start_soon(send_messages, driver, queue)
        job: Job | None = None
        try:
            while True:
                match await receive_message(driver):
                    case None | Stop():
                        break
                    case StartJob() as message:
                        if job is not None:
                            await job.stop()
                        callers.drop_before(message.generation)
                        job = Job(message, to_driver)
                        nursery.start_soon(job.run, message.addresses, secret, callers)
                    case RunStep() | ConcludeBatch() as message if job is not None:
                        job.put(message)
        except WorkerConnectionError:  # the driver is gone
            pass
        nursery.cancel_scope.cancel()


def address_towards(host: str, port: int) -> str:
    """Return the address of this machine by which it is reached from there. Nothing is sent."""
    kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(kind, socket.SOCK_DGRAM) as probe:
        probe.connect(address)
        return str(probe.getsockname()[0])
