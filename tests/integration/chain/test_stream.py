"""New heads are pushed where an endpoint does so; polling goes on where none does, or none does any more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from prometheus_client import CollectorRegistry
from websockets.asyncio.server import ServerConnection

from penstock.chain.account import Account
from penstock.chain.contracts import ChannelsContract
from penstock.chain.fees import Fees
from penstock.chain.follower import Follower, FollowerSettings
from penstock.chain.metrics import EndpointMetrics
from penstock.chain.rpc import Rpc
from penstock.chain.stream import Listeners, Stream, Waiting
from penstock.node.records import Block
from penstock.protocol.primitives import Address, Bytes32
from penstock.storage.database import Database
from tests.integration.chain.streams import eventually, push, pushing, stream_url
from tests.support.anvil import CHAIN_ID, Chain

pytestmark = pytest.mark.anyio
CONTRACT = Address(b"\xcc" * 20)
PAYER = Account(b"\x11" * 32)


def shape_of(receiver: Address = CONTRACT, chain_id: int = CHAIN_ID, **changes: Any) -> dict[str, Any]:
    """Return a transaction of `PAYER`'s as endpoints announce it."""
    raw, transaction_hash = PAYER.sign_transaction(
        chain_id=chain_id, nonce=7, receiver=receiver, data=b"\x01\x02", gas_limit=50_000, fees=Fees(9, 3)
    )
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    figures = ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "value", "v", "r", "s")
    shape = {name: hex(fields[name]) for name in figures}
    told = {"type": "0x2", "from": str(PAYER.address), "to": str(receiver).lower(), "input": "0x0102"}
    return shape | told | {"hash": str(transaction_hash), "accessList": []} | changes


SHAPE = shape_of()


class Heard:
    """What a stream said."""

    def __init__(self) -> None:
        self.heads: list[bool] = []
        self.waiting: list[Waiting] = []
        self.registry = CollectorRegistry()

    def connected(self, url: str) -> float | None:
        return self.registry.get_sample_value("penstock_endpoint_stream_connected", {"url": url})


@asynccontextmanager
async def listening(url: str, contract: Address = CONTRACT) -> AsyncIterator[Heard]:
    """Listen to a stream until the block ends."""
    heard = Heard()
    listeners = Listeners(contract, heard.heads.append, heard.waiting.append)
    task = asyncio.create_task(Stream(url, CHAIN_ID, listeners, EndpointMetrics(heard.registry)).run())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def following(chain: Chain, database: Database, poll_seconds: float) -> AsyncIterator[tuple[Follower, list[int]]]:
    """Follow a chain; yield the follower and the blocks it has heard of."""
    numbers: list[int] = []

    async def on_change(_: set[Bytes32], head: Block) -> None:
        numbers.append(head.number)

    rpc = await Rpc.connect(chain.url, CHAIN_ID)
    contract = await ChannelsContract.connect(rpc, chain.contract)
    follower = Follower(rpc, contract, database, FollowerSettings(chain.start_block, 1, poll_seconds))
    task = asyncio.create_task(follower.run(on_change))
    try:
        yield follower, numbers
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await rpc.close()


async def test_a_pushed_head_is_followed_at_once(chain: Chain, database: Database) -> None:
    async with following(chain, database, poll_seconds=3600) as (follower, numbers):
        await eventually(lambda: bool(numbers))
        heard: list[bool] = []

        def on_head(pushed: bool) -> None:  # noqa: FBT001
            heard.append(pushed)
            follower.hint(pushed)

        listeners = Listeners(chain.contract, on_head, print)
        task = asyncio.create_task(Stream(stream_url(chain), CHAIN_ID, listeners).run())
        try:
            while True not in heard:
                await asyncio.to_thread(chain.anvil.mine)
                await asyncio.sleep(0.05)
            await asyncio.to_thread(chain.anvil.mine)
            await eventually(lambda: numbers[-1] == chain.anvil.height)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_stream_that_fell_silent_is_polled_past(chain: Chain, database: Database) -> None:
    async with following(chain, database, poll_seconds=0.05) as (follower, numbers):
        await eventually(lambda: bool(numbers))
        follower.hint(True)  # noqa: FBT003

        for _ in range(3):
            await asyncio.to_thread(chain.anvil.mine)
            await eventually(lambda: numbers[-1] == chain.anvil.height)


async def test_without_an_endpoint_that_pushes_polling_goes_on(chain: Chain, database: Database) -> None:
    async with following(chain, database, poll_seconds=0.05) as (follower, numbers):
        listeners = Listeners(chain.contract, follower.hint, print)
        task = asyncio.create_task(Stream("ws://127.0.0.1:1", CHAIN_ID, listeners).run())
        await asyncio.to_thread(chain.anvil.mine)
        await eventually(lambda: bool(numbers) and numbers[-1] == chain.anvil.height)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_stream_is_opened_again_and_the_metric_says_whether_it_is_open() -> None:
    ends = asyncio.Event()

    async def end(connection: ServerConnection) -> None:
        await push(connection, "0xa", {})
        await ends.wait()
        await connection.close()

    async with pushing(end) as url, listening(url) as heard:
        await eventually(lambda: heard.heads == [True])
        assert heard.connected(url) == 1
        ends.set()
        await eventually(lambda: heard.heads[:3] == [True, False, True])


async def test_only_what_goes_to_the_contract_is_told() -> None:
    async def announce(connection: ServerConnection) -> None:
        for shape in (SHAPE | {"to": None}, shape_of(Address(b"\xcd" * 20)), SHAPE):
            await push(connection, "0xb", shape)

    async with pushing(announce) as url, listening(url) as heard:
        await eventually(lambda: bool(heard.waiting))

        told = Waiting(Bytes32(bytes.fromhex(SHAPE["hash"][2:])), PAYER.address, 7, b"\x01\x02")
        assert heard.waiting == [told]


@pytest.mark.parametrize(
    "changes",
    [
        {"hash": "0x" + "11" * 32},
        {"nonce": "0x8"},
        {"input": "0x0103"},
        {"r": "0x5"},
        {"type": "0x0", "gasPrice": "0x9"},
    ],
    ids=["another hash", "another nonce", "another call", "another signature", "another kind"],
)
async def test_what_nobody_signed_is_not_told(changes: dict[str, Any]) -> None:
    async def announce(connection: ServerConnection) -> None:
        await push(connection, "0xb", SHAPE | changes)
        await push(connection, "0xb", SHAPE)

    async with pushing(announce) as url, listening(url) as heard:
        await eventually(lambda: bool(heard.waiting))

        assert len(heard.waiting) == 1
        assert heard.waiting[0].sender == PAYER.address


async def test_what_was_signed_for_another_chain_is_not_told() -> None:
    async def announce(connection: ServerConnection) -> None:
        await push(connection, "0xb", shape_of(chain_id=CHAIN_ID + 1))
        await push(connection, "0xb", SHAPE)

    async with pushing(announce) as url, listening(url) as heard:
        await eventually(lambda: bool(heard.waiting))

        assert [str(each.hash) for each in heard.waiting] == [SHAPE["hash"]]


async def test_whoever_invents_a_sender_is_not_believed() -> None:
    async def announce(connection: ServerConnection) -> None:
        await push(connection, "0xb", SHAPE | {"from": "0x" + "22" * 20})

    async with pushing(announce) as url, listening(url) as heard:
        await eventually(lambda: bool(heard.waiting))

        assert heard.waiting[0].sender == PAYER.address


async def test_hashes_are_left_alone_and_heads_heard() -> None:
    async def announce(connection: ServerConnection) -> None:
        for _ in range(3):
            await push(connection, "0xb", SHAPE["hash"])
        await push(connection, "0xa", {})

    async with pushing(announce) as url, listening(url) as heard:
        await eventually(lambda: bool(heard.heads))

        assert (heard.heads, heard.waiting) == ([True], [])


@pytest.mark.parametrize(
    "answers",
    [{0: "0x5"}, {1: {"code": -32601, "message": "no such method"}}, {0: None}, {0: 7}, {1: "0x" + "a" * 101}],
    ids=["another chain", "no subscriptions", "no chain id", "a number", "a long name"],
)
async def test_an_endpoint_that_does_not_serve_is_left(answers: dict[int, Any]) -> None:
    async def tell(connection: ServerConnection) -> None:
        await push(connection, "0xa", {})

    async with pushing(tell, answers) as url, listening(url) as heard:
        await eventually(lambda: False in heard.heads)

        assert True not in heard.heads
        assert heard.connected(url) == 0


@pytest.mark.parametrize(
    "said",
    [
        "no JSON",
        json.dumps([1]),
        json.dumps({"params": {"subscription": "0xb", "result": SHAPE | {"hash": "0x11"}}}),
        json.dumps({"params": {"subscription": "0xb", "result": SHAPE | {"nonce": None}}}),
    ],
    ids=["no JSON", "a list", "a short hash", "no nonce"],
)
async def test_whatever_it_says_the_process_goes_on(said: str) -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send(said)
        await push(connection, "0xa", {})

    async with pushing(talk) as url, listening(url) as heard:
        await eventually(lambda: bool(heard.heads))

        assert heard.waiting == []


async def test_an_endpoint_without_waiting_transactions_still_pushes_heads() -> None:
    async def tell(connection: ServerConnection) -> None:
        await push(connection, "0xa", {})

    async with pushing(tell, {2: {"code": -32601, "message": "not here"}}) as url, listening(url) as heard:
        await eventually(lambda: heard.heads == [True])
