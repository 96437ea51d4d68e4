"""The client: connect, open channels, find them again."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import anyio
import httpx

from penstock.chain.account import Account
from penstock.chain.contracts import ChannelsContract
from penstock.chain.errors import InvalidKey
from penstock.chain.rpc import Rpc
from penstock.chain.sender import Sender, SenderSettings
from penstock.chain.signer import Signer
from penstock.client.book import Book
from penstock.client.channel import AsyncChannel
from penstock.client.contract_chain import ContractChain
from penstock.client.delivery import Delivery
from penstock.client.errors import ChannelNotKept, NodeMisbehaved, UnknownCode
from penstock.client.exchange import Exchange
from penstock.client.funding import choose_terms
from penstock.client.home import Home
from penstock.client.lane import Lane, Session
from penstock.client.node_api import NodeApi
from penstock.client.patience import Patience
from penstock.client.recovery import Recovery
from penstock.client.sending import Sending
from penstock.client.shapes import NodeInfo
from penstock.client.trust import is_shipped_code
from penstock.client.watchers import WatcherAddress, WatcherClient
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import MalformedField, PenstockError
from penstock.protocol.primitives import Address, Bytes32, parse_hex
from penstock.protocol.wire import hex_of
from penstock.storage import Database, UnitOfWork

_KEY_SIZE = 32
_PAGE = 100
_DELIVERY_PAUSE_SECONDS = 0.25
_DELIVERY_RETRY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Parties:
    """Who pays, and which key signs for it."""

    payer: Address
    payer_signer: Address


class AsyncClient:
    """A payer's client of one node; made by `connect`.

    It keeps its own durable records, looks at the chain over its own endpoint, and checks every answer of the node
    against what it signed.
    """

    def __init__(self, session: Session, parties: Parties, watchers: Sequence[WatcherClient] = ()) -> None:
        self._session = session
        self._parties = parties
        self._recovery = Recovery(session, watchers)
        self._channels: dict[Bytes32, AsyncChannel] = {}
        self._info: NodeInfo | None = None

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str,
        *,
        key: bytes | str,
        rpc_url: str,
        home: Path | str | None = None,
        signer_key: bytes | str | None = None,
        contract: Address | str | None = None,
        watchers: Sequence[WatcherAddress | str] = (),
        patience: Patience | None = None,
    ) -> AsyncIterator[Self]:
        """Connect to the node at ``url``, for as long as the ``async with`` block runs.

        Parameters
        ----------
        key
            The payer's private key: 32 bytes, or the same as 0x-hex. It signs deposits and, without ``signer_key``,
            states.
        rpc_url
            Your own Ethereum endpoint (JSON-RPC over HTTP): what is on chain is never taken from the node.
        home
            A directory for records that must not be lost, one for each key; ``~/.penstock/client-<payer>`` by default.
        signer_key
            A session key that signs states in the payer's place, so that ``key`` can stay cold afterwards.
        contract
            The contract you trust. Without it the one that the node names at the first connection, for ever, if its
            code is the one that ships with this version.
        watchers
            Your own watchers, to which the newest state is brought: addresses, or `WatcherAddress`.

        Raises
        ------
        NodeUnreachable, NodeMisbehaved
            At the first connection: the node does not say which contract it works on.
        ForeignHome
            The home belongs to another contract.
        UnknownCode
            At the first connection: the contract that the node names is not the one that ships with this version.
        InvalidKey, SignerInUse, ForeignMarks, HomeUnusable
            The key or the home cannot be used.
        WrongChainId, NoContract, ForeignContract, RpcUnavailable
            The endpoint does not serve this contract.
        """
        account = Account(_key(key))
        signer_bytes = _key(key if signer_key is None else signer_key)
        patience = patience or Patience()
        folder = Home(Path(home) if home is not None else Path.home() / ".penstock" / f"client-{account.address}")
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(httpx.AsyncClient())
            exchange = Exchange(url, http, patience)
            rpc, channels_contract = await _find_contract(exchange, rpc_url, folder, contract, stack)
            domain = channels_contract.domain
            signer = Signer(signer_bytes, folder.marks, domain)
            stack.callback(signer.close)
            database = Database(folder.database_url, barrier=signer.flush)
            stack.callback(database.close)
            await anyio.to_thread.run_sync(database.migrate)
            await stack.enter_async_context(_bare_faults())
            tasks = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(tasks.cancel_scope.cancel)
            authorize = partial(_authorization, signer)
            addresses = [WatcherAddress(w) if isinstance(w, str) else w for w in watchers]
            couriers = [WatcherClient(address, http, domain, patience, authorize) for address in addresses]
            deliveries = [
                Delivery(database, courier, _DELIVERY_PAUSE_SECONDS, _DELIVERY_RETRY_SECONDS) for courier in couriers
            ]
            for delivery in deliveries:
                tasks.start_soon(delivery.run)
            sending = Sending(Sender(rpc, account, database, SenderSettings()), database, tasks)
            await sending.resume()
            chain = ContractChain(rpc, channels_contract, account, database, sending, patience)
            book = Book(signer, domain, time.time)
            session = Session(NodeApi(exchange, authorize), chain, database, book, patience, partial(_wake, deliveries))
            yield cls(session, Parties(account.address, signer.address), couriers)

    @property
    def payer(self) -> Address:
        """Return the account that pays."""
        return self._parties.payer

    @property
    def domain(self) -> Domain:
        """Return the chain and the contract that everything is bound to."""
        return self._session.book.domain

    async def node_info(self) -> NodeInfo:
        """Return what the node says of itself; asked once.

        Raises
        ------
        NodeMisbehaved
            It works on another contract than the one this home belongs to.
        """
        if self._info is None:
            info = await self._session.node.info()
            named = _domain_of(info, self._session.node.url)
            if named != self.domain:
                raise NodeMisbehaved(self._session.node.url, "GET /v1/node", str(self.domain), str(named))
            self._info = info
        return self._info

    async def open_channel(
        self,
        deposit: int,
        *,
        token: Address | str | None = None,
        challenge_period_seconds: int | None = None,
        one_way: bool = False,
        gasless: bool = True,
    ) -> AsyncChannel:
        """Open a channel with the node and return it once the deposit counts for both parties.

        The channel is kept before anything is sent: if this is interrupted, `channels` still lists it, and its
        `deposit` or `wait_until_open` goes on.

        Parameters
        ----------
        deposit
            Smallest units of the token.
        token
            By default the only one that the node takes.
        challenge_period_seconds
            By default a day, or as near to it as the node allows.
        one_way
            Only the payer pays, with vouchers, and the payee can collect at any time.
        gasless
            The node relays a signed transfer (EIP-3009) and pays the gas; otherwise the payer's account does.

        Raises
        ------
        TokenNotChosen, GaslessUnavailable
            The node does not offer that.
        ForeignChannel, TokenNotAllowed, ChallengePeriodOutOfRange
            The node refuses the terms.
        DepositUnconfirmed
            The chain does not show the deposit yet.
        TransactionFailed
            Our own transaction failed.
        """
        info = await self.node_info()
        terms = choose_terms(
            info,
            self._session.node.url,
            (self._parties.payer, self._parties.payer_signer),
            token=Address.parse(str(token), "token") if token is not None else None,
            challenge_period_seconds=challenge_period_seconds,
            one_way=one_way,
        )
        await self._session.database.run(lambda uow: self._session.book.add(uow, terms))
        channel = self._take(Lane(self._session, terms), in_step=True)
        await channel.deposit(deposit, gasless=gasless)
        return channel

    async def channel(self, channel_id: Bytes32 | str) -> AsyncChannel:
        """Return a channel of the local store; raises `ChannelNotKept`."""
        wanted = _word(channel_id)
        if wanted not in self._channels:
            position = await self._session.database.read(lambda uow: uow.channels.get(wanted))
            if position is None:
                raise ChannelNotKept(str(wanted))
            self._take(Lane(self._session, position.channel), in_step=False)
        return self._channels[wanted]

    async def channels(self) -> list[AsyncChannel]:
        """Return every channel of the local store, in the order of their ids."""
        ids: list[Bytes32] = []
        while True:
            after = ids[-1] if ids else None
            page = await self._session.database.read(partial(_page, after))
            if not page:
                return [await self.channel(channel_id) for channel_id in ids]
            ids.extend(page)

    async def recover(self, channel_id: Bytes32 | str) -> AsyncChannel:
        """Rebuild a channel whose records were lost from what the node and the watchers hold, and return it.

        Only what carries our own genuine signature is believed; the highest wins, half-signed too. Numbers go on
        far above everything seen, so that none that was forgotten is met.

        Raises
        ------
        NodeUnreachable, UnknownChannel, NodeMisbehaved
            Nobody knows the channel's terms.
        ForeignChannel
            Another key signs for the payer.
        """
        wanted = _word(channel_id)
        return self._take(await self._recovery.recover(wanted), in_step=False)

    async def recover_all(self, first_block: int = 0) -> list[AsyncChannel]:
        """Recover every channel that the chain says this payer opened from ``first_block`` on; raises as `recover`."""
        terms = await self._session.chain.opened_by(self.payer, first_block)
        return [
            self._take(await self._recovery.recover(self.domain.channel_id(each), each), in_step=False)
            for each in terms
            if each.payer_signer == self._parties.payer_signer
        ]

    def _take(self, lane: Lane, *, in_step: bool) -> AsyncChannel:
        # One object a channel, so that all calls on it take turns.
        channel = self._channels.get(lane.channel_id)
        if channel is None:
            channel = AsyncChannel(lane, self.node_info, in_step=in_step)
            self._channels[lane.channel_id] = channel
        return channel


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


async def _find_contract(
    exchange: Exchange, rpc_url: str, home: Home, contract: Address | str | None, stack: AsyncExitStack
) -> tuple[Rpc, ChannelsContract]:
    """Return the contract that the caller named, else the one of earlier connections, else the one the node names."""
    kept = home.kept()
    named = None
    if contract is None and kept is None:
        named = _domain_of(await NodeApi(exchange, _nobody).info(), exchange.url)
    expected = kept or named
    rpc = await Rpc.connect(rpc_url, expected.chain_id if expected else None)
    stack.push_async_callback(rpc.close)
    if contract is not None:
        expected = Domain(rpc.chain_id, Address.parse(str(contract), "contract"))
        home.check(expected)
    assert expected is not None
    if named is not None and not is_shipped_code(await rpc.code(expected.contract)):
        raise UnknownCode(exchange.url, str(expected.contract))
    found = await ChannelsContract.connect(rpc, expected.contract)
    home.keep(expected)
    return rpc, found


def _nobody(_method: str, _path: str) -> str:
    return ""


def _domain_of(info: NodeInfo, url: str) -> Domain:
    try:
        return Domain(info.chainId, Address.parse(info.contract, "contract"))
    except PenstockError as error:
        raise NodeMisbehaved(url, "GET /v1/node", "a contract's address", str(error)) from error


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


def _word(channel_id: Bytes32 | str) -> Bytes32:
    return channel_id if isinstance(channel_id, Bytes32) else Bytes32.parse(channel_id, "channel_id")


def _page(after: Bytes32 | None, uow: UnitOfWork) -> list[Bytes32]:
    return [record.position.channel_id for record in uow.channels.page(after, _PAGE)]
