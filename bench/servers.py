"""The servers under load, each in a process of its own on a free port."""

from __future__ import annotations

import multiprocessing
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import structlog
import uvicorn

from bench.workload import DEPOSIT, Lane
from penstock.api.app import create_app
from penstock.protocol.onchain import OnChain, Open
from tests.support.nodes import NOW, new_node

Server = Callable[[Path, Sequence[Lane], socket.socket], None]


def serve_penstock(home: Path, lanes: Sequence[Lane], listening: socket.socket) -> None:
    """Serve a node whose channels are open; the chain stands still."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    with new_node(home) as world:
        onchain = OnChain(Open(), DEPOSIT)
        for lane in lanes:
            world.database.run_sync(lambda uow, lane=lane: uow.channels.add(lane.channel_id, lane.channel, NOW))  # type: ignore[misc]
            world.set_onchain(lane.channel_id, onchain)
        serve_app(create_app(world.node, "unused"), listening)


def serve_app(app: object, listening: socket.socket) -> None:
    """Serve an application on a socket that listens already."""
    config = uvicorn.Config(app, loop="uvloop", http="httptools", lifespan="off", log_config=None, access_log=False)  # type: ignore[arg-type]
    uvicorn.Server(config).run([listening])


@dataclass(frozen=True, slots=True)
class Running:
    """A server under load: where it serves, and its process."""

    port: int
    process: psutil.Process

    @property
    def cpu_seconds(self) -> float:
        """Return the time that it has computed so far; what others do on the machine hardly changes it."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def running(server: Server, lanes: Sequence[Lane]) -> Iterator[Running]:
    """Run a server on fresh records until the block ends."""
    with tempfile.TemporaryDirectory() as home, socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        process = multiprocessing.get_context("fork").Process(target=server, args=(Path(home), lanes, listening))
        process.start()
        try:
            yield Running(listening.getsockname()[1], psutil.Process(process.pid))
        finally:
            process.terminate()
            process.join()
