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
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidURI, WebSocketException

from penstock.chain.metrics import EndpointMetrics
from penstock.chain.rpc import public_url
from penstock.protocol.crypto import keccak
from penstock.protocol.errors import PenstockError
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.signatures import V_BASE, recover

log = structlog.get_logger("penstock.stream")

_OPEN_SECONDS = 10.0
_PAUSE_SECONDS = 1.0
_PAUSE_SECONDS_MAX = 60.0
_STEADY_SECONDS = 60.0
"""A stream that stood for so long is opened again at once when it ends."""
_MESSAGE_BYTES_MAX = 4 * 2**20
_NAME_MAX = 100
_CHAIN_ID, _HEADS, _WAITING = range(3)
_DYNAMIC_FEE = 2
_FIGURES = ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "value", "r", "s")
_REQUESTS: tuple[tuple[str, list[object]], ...] = (
    ("eth_chainId", []),
    ("eth_subscribe", ["newHeads"]),
    ("eth_subscribe", ["newPendingTransactions", True]),  # whole transactions, not their hashes
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transaction that no block holds yet; that its sender signed it was checked."""

    hash: Bytes32
    sender: Address
    nonce: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who hears what.

    Attributes
    ----------
    on_head
        Called with True when there is a new head, with False when the stream ends.
    on_waiting
        Called with each transaction to ``contract`` that waits; None if nobody wants to know.
    """

    contract: Address
    on_head: Callable[[bool], None]
    on_waiting: Callable[[Waiting], None] | None = None


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
        # Of one connection: what was asked and not answered yet, and the subscriptions by the endpoint's names.
        self._asked: set[int] = set()
        self._subscriptions: dict[str, int] = {}

    async def run(self) -> None:
        """Listen until cancelled; what ends the stream is logged, and it is opened again."""
        loop = asyncio.get_running_loop()
        while True:
            opened = loop.time()
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
            if loop.time() - opened > _STEADY_SECONDS:
                self._pause = _PAUSE_SECONDS
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, _PAUSE_SECONDS_MAX)

    async def _listen(self, connection: ClientConnection) -> None:
        wanted = _REQUESTS if self._listeners.on_waiting else _REQUESTS[:_WAITING]
        self._asked, self._subscriptions = set(range(len(wanted))), {}
        for number, (method, params) in enumerate(wanted):
            request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            await connection.send(json.dumps(request))
        async for message in connection:
            try:
                self._take(json.loads(message))
            except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
                raise _Unusable(f"an unreadable message: {error!r}") from error

    def _take(self, shape: Any) -> None:
        match shape:
            case {"id": int(number), "result": result} if number in self._asked:
                self._asked.remove(number)
                self._answered(number, result)
            case {"id": int(number), "error": error} if number == _WAITING:
                log.warning("closes are not seen while they wait", url=self.url, why=str(error)[:_NAME_MAX])
            case {"id": _, "error": error}:
                raise _Unusable(str(error)[:_NAME_MAX])
            case {"params": {"subscription": str(name), "result": result}}:
                if self._subscriptions.get(name) == _HEADS:
                    self._listeners.on_head(True)  # noqa: FBT003
                elif self._subscriptions.get(name) == _WAITING:
                    self._announced(name, result)

    def _answered(self, number: int, result: str) -> None:
        assert len(result) <= _NAME_MAX, "no name of a subscription"
        if number != _CHAIN_ID:
            self._subscriptions[result] = number
        elif int(result, 16) != self._chain_id:
            raise _Unusable(f"it serves chain {int(result, 16)}, expected {self._chain_id}")
        if number == _HEADS:
            self._connected.set(1)

    def _announced(self, name: str, shape: Any) -> None:
        if isinstance(shape, str):
            del self._subscriptions[name]
            log.warning("closes are not seen while they wait", url=self.url, why="it announces hashes only")
            return
        receiver = shape.get("to")
        if receiver is None or bytes.fromhex(receiver[2:]) != self._listeners.contract:
            return
        try:
            waiting = _waiting(shape, self._listeners.contract, self._chain_id)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, PenstockError) as error:
            log.debug("an unreadable transaction waits", url=self.url, why=repr(error)[:_NAME_MAX])
            return
        if waiting is not None and self._listeners.on_waiting is not None:
            self._listeners.on_waiting(waiting)


def _waiting(shape: Any, receiver: Address, chain_id: int) -> Waiting | None:
    """Read a transaction that its sender has signed for this chain.

    None if it is of another kind than EIP-1559, of another chain, where the contract may stand at the same address, or
    invented.
    """
    if int(shape.get("type", "0x0"), 16) != _DYNAMIC_FEE or int(shape["chainId"], 16) != chain_id:
        return None
    fields = {name: int(shape[name], 16) for name in _FIGURES}
    fields["v"] = int(shape.get("yParity") or shape["v"], 16)
    data = bytes.fromhex((shape.get("input") or shape["data"])[2:])
    rest = {"type": _DYNAMIC_FEE, "to": str(receiver), "data": data, "accessList": shape.get("accessList") or []}
    transaction = TypedTransaction.from_dict(fields | rest)
    transaction_hash = Bytes32(keccak(transaction.encode()))
    if transaction_hash != bytes.fromhex(shape["hash"][2:]):
        return None
    signature = fields["r"].to_bytes(32, "big") + fields["s"].to_bytes(32, "big") + bytes((V_BASE + fields["v"],))
    sender = recover(transaction.hash(), signature)
    return Waiting(transaction_hash, sender, fields["nonce"], data)


def _reason(error: Exception) -> str:
    # The library's own text repeats the whole address, which often holds a key.
    return "the address is not a URL" if isinstance(error, InvalidURI) else str(error) or type(error).__name__
