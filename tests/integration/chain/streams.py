"""Endpoints that push: a real chain's, and ones that do it badly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from tests.support.anvil import CHAIN_ID, Chain

Push = Callable[[ServerConnection], Awaitable[None]]


def stream_url(chain: Chain) -> str:
    """Return the address from which a chain pushes."""
    return chain.url.replace("http://", "ws://")


async def push_nothing(_: ServerConnection) -> None:
    """Say nothing after the subscriptions."""


@asynccontextmanager
async def pushing(push: Push = push_nothing, answers: dict[int, Any] | None = None) -> AsyncIterator[str]:
    """Serve a stream: answer the three requests, push, and stay connected; yield the address."""
    replies = {0: hex(CHAIN_ID), 1: "0xa", 2: "0xb"} | (answers or {})

    async def handle(connection: ServerConnection) -> None:
        for _ in range(3):
            number = json.loads(await connection.recv())["id"]
            await connection.send(json.dumps({"jsonrpc": "2.0", "id": number} | _reply(replies[number])))
        await push(connection)
        await connection.wait_closed()

    async with serve(handle, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


def _reply(value: Any) -> dict[str, Any]:
    return {"error": value} if isinstance(value, dict) else {"result": value}


async def push(connection: ServerConnection, subscription: str, result: Any) -> None:
    """Push one notification."""
    params = {"subscription": subscription, "result": result}
    await connection.send(json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params}))


async def eventually(met: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(20):
        while not met():  # noqa: ASYNC110 (what is waited for may be anything)
            await asyncio.sleep(0.01)
