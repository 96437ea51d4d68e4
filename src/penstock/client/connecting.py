"""Putting a client together: keys, home, contract, records, and what runs in the background."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Self

import anyio
import httpx

from penstock.chain.account import Account
from penstock.chain.contracts import ChannelsContract
from penstock.chain.errors import InvalidKey
from penstock.chain.pool import connect_rpc
from penstock.chain.rpc import Rpc
from penstock.chain.sender import Sender
from penstock.chain.sending import SenderSettings
from penstock.chain.signer import Signer
from penstock.client.book import Book
from penstock.client.contract_chain import ContractChain
from penstock.client.delivery import Delivery
from penstock.client.errors import NodeMisbehaved, UnknownCode
from penstock.client.exchange import Exchange
from penstock.client.home import Home
from penstock.client.lane import Session
from penstock.client.node_api import NodeApi
from penstock.client.patience import Patience
from penstock.client.sending import Sending
from penstock.client.shapes import NodeInfo
from penstock.client.trust import is_shipped_code
from penstock.client.watchers import WatcherAddress, WatcherClient
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import MalformedField, PenstockError
from penstock.protocol.primitives import Address, parse_hex
from penstock.protocol.wire import hex_of
from penstock.storage import Database

_KEY_SIZE = 32
_DELIVERY_PAUSE_SECONDS = 0.25
_DELIVERY_RETRY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Keys:
    """The account that pays, and the key that signs states (32 bytes)."""

    payer: Account
    signer: bytes = field(repr=False)

    @classmethod
    def read(cls, key: bytes | str, signer_key: bytes | str | None) -> Self:
        """Read both keys, bytes or 0x-hex; without ``signer_key`` they are the same. Raises `InvalidKey`."""
        return cls(Account(_key(key)), _key(key if signer_key is None else signer_key))


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything is; ``contract`` is the one the caller trusts, None if it named none."""

    url: str
    rpc_urls: Sequence[str]
    quorum: int | None
    home: Home
    contract: Address | None
    watchers: Sequence[WatcherAddress]
    patience: Patience


@asynccontextmanager
async def open_session(keys: Keys, places: Places) -> AsyncIterator[tuple[Session, list[WatcherClient]]]:
    """Put a session together, with its background work, until the block ends; raises as `AsyncClient.connect`."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient())
        exchange = Exchange(places.url, http, places.patience)
        rpc, contract = await _find_contract(exchange, places, stack)
        signer = Signer(keys.signer, places.home.marks, contract.domain)
        stack.callback(signer.close)
        database = Database(places.home.database_url, barrier=signer.flush)
        stack.callback(database.close)
        await anyio.to_thread.run_sync(database.migrate)
        await stack.enter_async_context(_bare_faults())
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        authorize = partial(_authorization, signer)
        couriers = [WatcherClient(at, http, contract.domain, places.patience, authorize) for at in places.watchers]
        deliveries = [Delivery(database, each, _DELIVERY_PAUSE_SECONDS, _DELIVERY_RETRY_SECONDS) for each in couriers]
        for delivery in deliveries:
            tasks.start_soon(delivery.run)
        sending = Sending(Sender(rpc, [keys.payer], database, SenderSettings()), database, tasks)
        await sending.resume()
        session = Session(
            node=NodeApi(exchange, authorize),
            chain=ContractChain(rpc, contract, keys.payer, database, sending, places.patience),
            database=database,
            book=Book(signer, contract.domain, time.time),
            patience=places.patience,
            evidence_changed=partial(_wake, deliveries),
        )
        yield session, couriers


async def _find_contract(exchange: Exchange, places: Places, stack: AsyncExitStack) -> tuple[Rpc, ChannelsContract]:
    """Return the contract that the caller named, else the one of earlier connections, else the one the node names."""
    home = places.home
    expected, named = home.kept(), None
    if places.contract is None and expected is None:
        expected = named = domain_of(await NodeApi(exchange, _nobody).info(), exchange.url)
    rpc = await connect_rpc(places.rpc_urls, expected.chain_id if expected else None, places.quorum)
    stack.push_async_callback(rpc.close)
    if places.contract is not None:
        expected = Domain(rpc.chain_id, places.contract)
        home.check(expected)
    assert expected is not None, "one of the three names it"
    if named is not None and not is_shipped_code(await rpc.code(named.contract)):
        raise UnknownCode(exchange.url, str(named.contract))
    contract = await ChannelsContract.connect(rpc, expected.contract)
    home.keep(expected)
    return rpc, contract


def domain_of(info: NodeInfo, url: str) -> Domain:
    """Return the contract that the node at ``url`` names; raises `NodeMisbehaved`."""
    try:
        return Domain(info.chainId, Address.parse(info.contract, "contract"))
    except PenstockError as error:
        raise NodeMisbehaved(url, "GET /v1/node", "a contract's address", str(error)) from error


@asynccontextmanager
async def _bare_faults() -> AsyncIterator[None]:
    """Let what the caller's block raises out as it is: a task group would wrap it, and ``except`` would miss it."""
    try:
        yield
    except BaseExceptionGroup as group:
        if len(group.exceptions) > 1:
            raise
        fault = group.exceptions[0]
        raise fault from fault.__cause__


def _nobody(_method: str, _path: str) -> str:
    return ""


def _authorization(signer: Signer, method: str, path: str) -> str:
    issued_at = int(time.time())
    return f"Penstock issuedAt={issued_at}, signature={hex_of(signer.sign_request(method, path, issued_at))}"


def _wake(deliveries: Sequence[Delivery]) -> None:
    for delivery in deliveries:
        delivery.wake()


def _key(key: bytes | str) -> bytes:
    if isinstance(key, bytes):
        return key
    try:
        return parse_hex(key, "key", _KEY_SIZE)
    except MalformedField:
        # From None: the parser's own error repeats what it read, and a key belongs in no message.
        raise InvalidKey(f"not 0x and {2 * _KEY_SIZE} hex digits") from None
