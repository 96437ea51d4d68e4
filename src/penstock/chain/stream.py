"""What an endpoint pushes over a WebSocket: new heads, and transactions that no block holds yet.

Hints, which count for nothing: a head says that it is time to look, a waiting transaction what may come. Without the
stream the follower polls.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from penstock.chain.metrics import EndpointMetrics
from penstock.chain.rpc import public_url
from penstock.protocol.primitives import Address, Bytes32

log = structlog.get_logger("penstock.stream")

_OPEN_SECONDS = 10.0
_PAUSE_SECONDS = 1.0
_PAUSE_SECONDS_MAX = 60.0
_MESSAGE_BYTES_MAX = 4 * 2**20
_CHAIN_ID, _HEADS, _WAITING = range(3)
_REQUESTS: tuple[tuple[str, list[object]], ...] = (
    ("eth_chainId", []),
    ("eth_subscribe", ["newHeads"]),
    ("eth_subscribe", ["newPendingTransactions", True]),  # whole transactions, not their hashes
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transaction that no block holds yet, as one endpoint tells it."""

    hash: Bytes32
    sender: Address
    nonce: int
    receiver: Address
    data: bytes


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who hears what.

    Attributes
    ----------
    on_head
        Called with True when there is a new head, with False when the stream ends.
    on_waiting
        Called with each transaction to ``contract`` that waits.
    """

    contract: Address
    on_head: Callable[[bool], None]
    on_waiting: Callable[[Waiting], None]


class _Unusable(Exception):
    """The endpoint does not serve what is asked for."""


class Stream:
    """One endpoint's stream."""

    def __init__(self, url: str, chain_id: int, listeners: Listeners, metrics: EndpointMetrics | None = None) -> None:
        self.url = public_url(url)
        self._secret_url = url
        self._chain_id = chain_id
        self._listeners = listeners
        self._connected = (metrics or EndpointMetrics()).streams.labels(self.url)
        self._pause = _PAUSE_SECONDS

    async def run(self) -> None:
        """Listen until cancelled; what ends the stream is logged, and it is opened again."""
        while True:
            try:
                async with connect(
                    self._secret_url, open_timeout=_OPEN_SECONDS, max_size=_MESSAGE_BYTES_MAX
                ) as connection:
                    await self._listen(connection)
            except (OSError, TimeoutError, WebSocketException, _Unusable) as error:
                log.warning("no stream, polling goes on", url=self.url, why=_reason(error), seconds=self._pause)
            finally:
                self._connected.set(0)
                self._listeners.on_head(False)  # noqa: FBT003 (a callback has no names)
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, _PAUSE_SECONDS_MAX)

    async def _listen(self, connection: ClientConnection) -> None:
        for number, (method, params) in enumerate(_REQUESTS):
            request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            await connection.send(json.dumps(request))
        subscriptions: dict[str, int] = {}
        async for message in connection:
            try:
                self._take(json.loads(message), subscriptions)
            except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
                raise _Unusable(f"an unreadable message: {error!r}") from error

    def _take(self, shape: Any, subscriptions: dict[str, int]) -> None:
        match shape:
            case {"id": int(number), "result": result}:
                self._answered(number, result, subscriptions)
            case {"id": int(number), "error": error} if number == _WAITING:
                log.warning("closes are not seen while they wait", url=self.url, why=str(error))
            case {"id": _, "error": error}:
                raise _Unusable(str(error))
            case {"params": {"subscription": str(name), "result": result}}:
                if subscriptions.get(name) == _HEADS:
                    self._listeners.on_head(True)  # noqa: FBT003
                elif subscriptions.get(name) == _WAITING:
                    self._announced(result)

    def _answered(self, number: int, result: Any, subscriptions: dict[str, int]) -> None:
        if number != _CHAIN_ID:
            subscriptions[str(result)] = number
        elif int(result, 16) != self._chain_id:
            raise _Unusable(f"it serves chain {int(result, 16)}, expected {self._chain_id}")
        if number == _HEADS:
            self._pause = _PAUSE_SECONDS
            self._connected.set(1)

    def _announced(self, shape: Any) -> None:
        if isinstance(shape, str):
            raise _Unusable("it announces hashes, not whole transactions")
        receiver = shape.get("to")
        if receiver is None or bytes.fromhex(receiver[2:]) != self._listeners.contract:
            return
        data = shape.get("input") or shape["data"]
        self._listeners.on_waiting(
            Waiting(
                hash=Bytes32(bytes.fromhex(shape["hash"][2:])),
                sender=Address(bytes.fromhex(shape["from"][2:])),
                nonce=int(shape["nonce"], 16),
                receiver=self._listeners.contract,
                data=bytes.fromhex(data[2:]),
            )
        )


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
