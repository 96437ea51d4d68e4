"""Load a server with payments over keep-alive connections, and check every co-signature."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bench.workload import PAYEE_ADDRESS, Request
from penstock.protocol.signatures import recover

_OK = b" 200 "


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured: updates per second, each update's seconds in ascending order, the server's computing time."""

    rate: float
    latencies: list[float]
    cpu_seconds: float = 0.0

    @property
    def cpu_microseconds(self) -> float:
        """Return the server's computing time for each update."""
        return 1e6 * self.cpu_seconds / len(self.latencies)

    def percentile(self, share: float) -> float:
        """Return the time (milliseconds) within which ``share`` of the updates was answered."""
        return 1000 * self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


@dataclass
class _Signed:
    payeeSignature: str


@dataclass
class _Answer:
    state: _Signed


async def run(port: int, lanes: Sequence[Sequence[Request]], rate: float | None = None) -> Result:
    """Send each lane over a connection of its own, one request after the other.

    Parameters
    ----------
    rate
        Requests per second over all lanes, evenly spread; None for as many as possible.
    """
    latencies: list[float] = []
    pause = len(lanes) / rate if rate else 0.0
    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number, lane in enumerate(lanes):
            delay = pause * number / len(lanes)
            tasks.create_task(_run_lane(port, lane, latencies, pause, delay))
    seconds = time.perf_counter() - started
    return Result(len(latencies) / seconds, sorted(latencies))


async def _run_lane(port: int, lane: Sequence[Request], latencies: list[float], pause: float, delay: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(delay)
    due = time.perf_counter()
    for request in lane:
        # Counted from when it was due: a server that falls behind does not slow down its own measurement.
        began = due if pause else time.perf_counter()
        writer.write(request.raw)
        body = await _read(reader)
        latencies.append(time.perf_counter() - began)
        _check(request, body)
        if pause:
            due += pause
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
    writer.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    assert _OK in head.partition(b"\r\n")[0], body
    return body


def _check(request: Request, body: bytes) -> None:
    answer = msgspec.json.decode(body, type=_Answer)
    signature = bytes.fromhex(answer.state.payeeSignature[2:])
    assert recover(request.digest, signature) == PAYEE_ADDRESS, "the co-signature is not the payee's"
