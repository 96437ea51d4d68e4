"""The client: connect, open channels, find them again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Self

from penstock.client.channel import AsyncChannel
from penstock.client.connecting import Keys, Places, domain_of, open_session
from penstock.client.errors import ChannelNotKept, NodeMisbehaved
from penstock.client.funding import choose_terms
from penstock.client.home import Home
from penstock.client.lane import Lane, Session
from penstock.client.patience import Patience
from penstock.client.recovery import Recovery
from penstock.client.shapes import NodeInfo
from penstock.client.watchers import WatcherAddress, WatcherClient
from penstock.protocol.encoding import Domain
from penstock.protocol.primitives import Address, Bytes32
from penstock.storage import UnitOfWork

_PAGE = 100


class AsyncClient:
    """A payer's client of one node; made by `connect`.

    It keeps its own durable records, looks at the chain over its own endpoint, and checks every answer of the node
    against what it signed.
    """

    def __init__(self, session: Session, payer: Address, watchers: Sequence[WatcherClient] = ()) -> None:
        self._session = session
        self._payer = payer
        self._recovery = Recovery(session, watchers)
        self._channels: dict[Bytes32, AsyncChannel] = {}
        self._info: NodeInfo | None = None

    @classmethod
    @asynccontextmanager
    async def connect(  # noqa: PLR0913 (each by its name)
        cls,
        url: str,
        *,
        key: bytes | str,
        rpc_url: str | Sequence[str],
        home: Path | str | None = None,
        signer_key: bytes | str | None = None,
        contract: Address | str | None = None,
        watchers: Sequence[WatcherAddress | str] = (),
        quorum: int | None = None,
        patience: Patience | None = None,
    ) -> AsyncIterator[Self]:
        """Connect to the node at ``url``, for as long as the ``async with`` block runs.

        Parameters
        ----------
        key
            The payer's private key: 32 bytes, or the same as 0x-hex. It signs deposits and, without ``signer_key``,
            states.
        rpc_url
            Your own Ethereum endpoint (JSON-RPC over HTTP), or several: what is on chain is never taken from the node.
        home
            A directory for records that must not be lost, one for each key; ``~/.penstock/client-<payer>`` by default.
        signer_key
            A session key that signs states in the payer's place, so that ``key`` can stay cold afterwards.
        quorum
            How many of several endpoints must say the same; more than half by default.
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
        WrongChainId, NoContract, ForeignContract, RpcUnavailable, EndpointsDisagree, QuorumImpossible
            The endpoint does not serve this contract, or not enough of them do.
        """
        keys = Keys.read(key, signer_key)
        folder = Home(Path(home) if home is not None else Path.home() / ".penstock" / f"client-{keys.payer.address}")
        trusted = None if contract is None else Address.parse(str(contract), "contract")
        addresses = [WatcherAddress(watcher) if isinstance(watcher, str) else watcher for watcher in watchers]
        endpoints = (rpc_url,) if isinstance(rpc_url, str) else tuple(rpc_url)
        places = Places(url, endpoints, quorum, folder, trusted, addresses, patience or Patience())
        async with open_session(keys, places) as (session, couriers):
            yield cls(session, keys.payer.address, couriers)

    @property
    def payer(self) -> Address:
        """Return the account that pays."""
        return self._payer

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
            named = domain_of(info, self._session.node.url)
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
            (self._payer, self._session.book.signer.address),
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
            if each.payer_signer == self._session.book.signer.address
        ]

    def _take(self, lane: Lane, *, in_step: bool) -> AsyncChannel:
        # One object a channel, so that all calls on it take turns.
        channel = self._channels.get(lane.channel_id)
        if channel is None:
            channel = AsyncChannel(lane, self.node_info, in_step=in_step)
            self._channels[lane.channel_id] = channel
        return channel


def _word(channel_id: Bytes32 | str) -> Bytes32:
    return channel_id if isinstance(channel_id, Bytes32) else Bytes32.parse(channel_id, "channel_id")


def _page(after: Bytes32 | None, uow: UnitOfWork) -> list[Bytes32]:
    return [record.position.channel_id for record in uow.channels.page(after, _PAGE)]
