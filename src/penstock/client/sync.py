"""The same client for code without an event loop: each call runs its asynchronous twin in a thread of the client."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from penstock.client.asynchronous import AsyncClient
from penstock.client.channel import WITHDRAWAL_VALID_SECONDS, AsyncChannel
from penstock.client.patience import Patience
from penstock.client.results import Payment, Recorded
from penstock.client.shapes import NodeInfo
from penstock.client.watchers import WatcherAddress
from penstock.protocol.encoding import Domain
from penstock.protocol.messages import Channel as Terms
from penstock.protocol.messages import SignedState, SignedVoucher
from penstock.protocol.position import Position
from penstock.protocol.primitives import Address, Bytes32
from penstock.storage import Transaction

P = ParamSpec("P")
T = TypeVar("T")


class _Portal:
    """Runs coroutines in the client's event loop, from any thread."""

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal

    def call(self, method: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        async def run() -> T:
            return await method(*args, **kwargs)

        return self._portal.call(run)


class Channel:
    """`AsyncChannel`, blocking. May be used from several threads: calls take turns."""

    def __init__(self, channel: AsyncChannel, portal: _Portal) -> None:
        self._channel = channel
        self._call = portal.call

    def __repr__(self) -> str:
        """Name the channel."""
        return f"Channel({self.id})"

    @property
    def id(self) -> Bytes32:
        """Return the channel's id, the EIP-712 digest of its terms."""
        return self._channel.id

    @property
    def terms(self) -> Terms:
        """Return the terms."""
        return self._channel.terms

    def pay(self, amount: int, cause_id: Bytes32 | None = None) -> Payment:
        """Pay ``amount`` smallest units; see `AsyncChannel.pay`."""
        return self._call(self._channel.pay, amount, cause_id)

    def pay_many(self, amounts: Sequence[int]) -> list[Payment]:
        """Pay several amounts, up to 256 in one state; see `AsyncChannel.pay_many`."""
        return self._call(self._channel.pay_many, amounts)

    def resend(self) -> list[Payment]:
        """Send again what nobody answered; see `AsyncChannel.resend`."""
        return self._call(self._channel.resend)

    def take_refunds(self) -> Payment | None:
        """Take every refund that the payee has issued; see `AsyncChannel.take_refunds`."""
        return self._call(self._channel.take_refunds)

    def get_in_step(self) -> Position:
        """Compare our records with the node's; see `AsyncChannel.get_in_step`."""
        return self._call(self._channel.get_in_step)

    def position(self) -> Position:
        """Return what our own records say; see `AsyncChannel.position`."""
        return self._call(self._channel.position)

    def latest(self) -> SignedState | SignedVoucher | None:
        """Return the newest co-signed state or the highest voucher; see `AsyncChannel.latest`."""
        return self._call(self._channel.latest)

    def history(self, before: int | None = None, limit: int = 100) -> list[Recorded]:
        """Return records, newest first; see `AsyncChannel.history`."""
        return self._call(self._channel.history, before, limit)

    def look(self) -> Position:
        """Read the channel from the chain; see `AsyncChannel.look`."""
        return self._call(self._channel.look)

    def deposit(self, amount: int, *, gasless: bool = True) -> None:
        """Put ``amount`` more in; see `AsyncChannel.deposit`."""
        self._call(self._channel.deposit, amount, gasless=gasless)

    def wait_until_open(self) -> None:
        """Wait until a deposit counts for both parties; see `AsyncChannel.wait_until_open`."""
        self._call(self._channel.wait_until_open)

    def withdraw(self, amount: int, *, valid_seconds: int = WITHDRAWAL_VALID_SECONDS, gasless: bool = True) -> None:
        """Take ``amount`` out of the open channel; see `AsyncChannel.withdraw`."""
        self._call(self._channel.withdraw, amount, valid_seconds=valid_seconds, gasless=gasless)

    def close(self, *, gasless: bool = True) -> None:
        """Close by agreement; see `AsyncChannel.close`."""
        self._call(self._channel.close, gasless=gasless)

    def start_close(self, state: SignedState | None = None) -> Transaction:
        """Begin the challenge period; see `AsyncChannel.start_close`."""
        return self._call(self._channel.start_close, state)

    def settle(self) -> Transaction:
        """Pay both sides out after the challenge period; see `AsyncChannel.settle`."""
        return self._call(self._channel.settle)


class Client:
    """`AsyncClient`, blocking; made by `connect`. May be used from several threads."""

    def __init__(self, client: AsyncClient, portal: BlockingPortal) -> None:
        self._client = client
        self._portal = _Portal(portal)
        self._call = self._portal.call

    @classmethod
    @contextmanager
    def connect(  # noqa: PLR0913 (each by its name)
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
    ) -> Iterator[Self]:
        """Connect to the node at ``url`` for as long as the ``with`` block runs; see `AsyncClient.connect`."""
        connecting = partial(
            AsyncClient.connect,
            url,
            key=key,
            rpc_url=rpc_url,
            home=home,
            signer_key=signer_key,
            contract=contract,
            watchers=watchers,
            quorum=quorum,
            patience=patience,
        )
        with start_blocking_portal() as portal, portal.wrap_async_context_manager(connecting()) as client:
            yield cls(client, portal)

    @property
    def payer(self) -> Address:
        """Return the account that pays."""
        return self._client.payer

    @property
    def domain(self) -> Domain:
        """Return the chain and the contract that everything is bound to."""
        return self._client.domain

    def node_info(self) -> NodeInfo:
        """Return what the node says of itself; see `AsyncClient.node_info`."""
        return self._call(self._client.node_info)

    def open_channel(
        self,
        deposit: int,
        *,
        token: Address | str | None = None,
        challenge_period_seconds: int | None = None,
        one_way: bool = False,
        gasless: bool = True,
    ) -> Channel:
        """Open a channel with the node; see `AsyncClient.open_channel`."""
        return self._wrap(
            self._call(
                self._client.open_channel,
                deposit,
                token=token,
                challenge_period_seconds=challenge_period_seconds,
                one_way=one_way,
                gasless=gasless,
            )
        )

    def channel(self, channel_id: Bytes32 | str) -> Channel:
        """Return a channel of the local store; see `AsyncClient.channel`."""
        return self._wrap(self._call(self._client.channel, channel_id))

    def channels(self) -> list[Channel]:
        """Return every channel of the local store; see `AsyncClient.channels`."""
        return [self._wrap(channel) for channel in self._call(self._client.channels)]

    def recover(self, channel_id: Bytes32 | str) -> Channel:
        """Rebuild a channel whose records were lost; see `AsyncClient.recover`."""
        return self._wrap(self._call(self._client.recover, channel_id))

    def recover_all(self, first_block: int = 0) -> list[Channel]:
        """Recover every channel that the chain says this payer opened; see `AsyncClient.recover_all`."""
        return [self._wrap(channel) for channel in self._call(self._client.recover_all, first_block)]

    def _wrap(self, channel: AsyncChannel) -> Channel:
        return Channel(channel, self._portal)
