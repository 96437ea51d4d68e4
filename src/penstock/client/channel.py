"""A channel in the payer's hands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from penstock.client.exits import Exits
from penstock.client.funding import Funding
from penstock.client.lane import Lane
from penstock.client.payments import Payments
from penstock.client.results import Payment, Recorded
from penstock.client.shapes import NodeInfo
from penstock.protocol.messages import Channel, SignedState, SignedVoucher
from penstock.protocol.position import Position
from penstock.protocol.primitives import Bytes32
from penstock.storage import Transaction

WITHDRAWAL_VALID_SECONDS = 3600


class AsyncChannel:
    """Pay in one channel and get the rest back.

    Made by `AsyncClient.open_channel`, `AsyncClient.channel` and `AsyncClient.recover`. Calls may run at the same
    time: they take turns. Amounts are integers in the token's smallest unit.

    Every call may raise `NodeUnreachable` (no answer in time), `NodeMisbehaved` (an answer that an honest node would
    not give), `RpcFault` (our own endpoint does not serve) and whatever the node refuses with.
    """

    def __init__(self, lane: Lane, node_info: Callable[[], Awaitable[NodeInfo]], *, in_step: bool = False) -> None:
        self._lane = lane
        self._node_info = node_info
        self._payments = Payments(lane, in_step=in_step)
        self._funding = Funding(lane)
        self._exits = Exits(lane, self._payments, node_info)

    def __repr__(self) -> str:
        """Name the channel."""
        return f"AsyncChannel({self.id})"

    @property
    def id(self) -> Bytes32:
        """Return the channel's id, the EIP-712 digest of its terms."""
        return self._lane.channel_id

    @property
    def terms(self) -> Channel:
        """Return the terms."""
        return self._lane.terms

    # Off chain --------------------------------------------------------------------------------------------------

    async def pay(self, amount: int, cause_id: Bytes32 | None = None) -> Payment:
        """Pay ``amount``; return once the payee has accepted it.

        What nobody answered before is sent again first, unchanged.

        Parameters
        ----------
        cause_id
            The payment's id, random by default. A repeated call with the same id pays once. Two-way channels only.

        Raises
        ------
        PaymentUnanswered
            The payment may still arrive; it is kept and sent again by the next call.
        CauseRepeated
            A payment with this id was made before.
        BalanceExceeded, VoucherExceedsDeposit
            There is not as much left.
        ChannelUnopened, ChannelClosing, ChannelSettled, CloseSigned
            Nothing new is signed in this channel.
        AmountOutOfRange
            Zero, negative or above 2^128 - 1.
        """
        async with self._lane.lock:
            (payment,) = await self._payments.pay([amount], cause_id)
        return payment

    async def pay_many(self, amounts: Sequence[int]) -> list[Payment]:
        """Pay several amounts, up to 256 in one co-signed state, each state whole or not at all; raises as `pay`."""
        async with self._lane.lock:
            return await self._payments.pay(amounts, None)

    async def resend(self) -> list[Payment]:
        """Send again, unchanged, what nobody answered; return what is accepted now.

        A voucher is sent again too and returns nothing.
        """
        async with self._lane.lock:
            return await self._payments.resend()

    async def take_refunds(self) -> Payment | None:
        """Take every refund that the payee has issued; None if there is none. Raises as `pay`."""
        async with self._lane.lock:
            return await self._payments.take_refunds()

    async def get_in_step(self) -> Position:
        """Compare our records with the node's; return our position after it.

        A genuine newer state, signed by us and forgotten here, is taken over.
        """
        async with self._lane.lock:
            return await self._payments.get_in_step()

    # Our own records --------------------------------------------------------------------------------------------

    async def position(self) -> Position:
        """Return what our own records say, asking nobody."""
        return await self._payments.position()

    async def latest(self) -> SignedState | SignedVoucher | None:
        """Return the newest co-signed state or the highest voucher of our own records; None before the first."""
        position = await self.position()
        return position.voucher if self.terms.one_way else position.newest

    async def history(self, before: int | None = None, limit: int = 100) -> list[Recorded]:
        """Return at most ``limit`` records below sequence (or voucher total) ``before``, newest first."""
        database, channel_id = self._lane.session.database, self.id
        if self.terms.one_way:
            vouchers = await database.read(lambda uow: uow.vouchers.history(channel_id, before, limit))
            return [Recorded(v.signed, (), "signed", v.recorded_at) for v in vouchers]
        states = await database.read(lambda uow: uow.states.history(channel_id, before, limit))
        return [Recorded(s.signed, s.causes, str(s.status), s.recorded_at) for s in states]

    # On chain ---------------------------------------------------------------------------------------------------

    async def look(self) -> Position:
        """Read the channel from the chain over our own endpoint; return our position after it."""
        async with self._lane.lock:
            await self._lane.look()
            return await self._payments.position()

    async def deposit(self, amount: int, *, gasless: bool = True) -> None:
        """Put ``amount`` more in; return once it counts for both parties.

        Parameters
        ----------
        gasless
            The node relays a signed transfer (EIP-3009) and pays the gas; otherwise the payer's account does.

        Raises
        ------
        GaslessUnavailable
            The node does not relay it.
        DepositUnconfirmed
            The chain does not show it yet.
        TransactionFailed
            Our own transaction failed.
        """
        async with self._lane.lock:
            await self._funding.deposit(amount, await self._node_info(), gasless=gasless)

    async def wait_until_open(self) -> None:
        """Wait until a deposit is confirmed and counts for both parties; raises `DepositUnconfirmed`."""
        async with self._lane.lock:
            await self._funding.wait_for(1)

    async def withdraw(
        self, amount: int, *, valid_seconds: int = WITHDRAWAL_VALID_SECONDS, gasless: bool = True
    ) -> None:
        """Take ``amount`` out of the open channel; return once the chain shows it.

        The withdrawal is valid for ``valid_seconds``, or as near to it as the node allows; until it has expired the
        amount counts as withdrawn. Calling again with the same amount sends the same withdrawal again.

        Parameters
        ----------
        gasless
            The node submits it; otherwise the payer's account does.

        Raises
        ------
        GaslessUnavailable
            The node does not pay for submitting it.
        WithdrawalUncovered, WithdrawalDeadline
            It cannot be promised.
        WithdrawalPending
            One of another amount is under way.
        WithdrawalUnseen
            Both signed it, the chain does not show it yet.
        """
        async with self._lane.lock:
            await self._exits.withdraw(amount, valid_seconds, gasless=gasless)

    async def close(self, *, gasless: bool = True) -> None:
        """Close by agreement at the newest co-signed state; return once the chain shows it.

        From the moment it is signed nothing else is signed in this channel.

        Parameters
        ----------
        gasless
            The node submits it; otherwise the payer's account does.

        Raises
        ------
        CloseNotAgreed
            The node does not sign; call again, or `start_close`.
        CloseUnseen
            Both signed it, the chain does not show it yet.
        CloseUnsettledWork
            A payment was refused or is unanswered; another payment that is accepted clears it.
        WrongKind
            The channel is one-way: its payer uses `start_close`.
        """
        async with self._lane.lock:
            await self._exits.close(gasless=gasless)

    async def start_close(self, state: SignedState | None = None) -> Transaction:
        """Begin the challenge period with the newest co-signed state; it needs gas, but no node.

        Parameters
        ----------
        state
            Another co-signed state to begin with; the payee or a watcher answers an old one.

        Raises
        ------
        TransactionFailed
            It reverted, or would.
        """
        async with self._lane.lock:
            return await self._exits.start_close(state)

    async def settle(self) -> Transaction:
        """Pay both sides out once the challenge period is over; anyone may. Raises `TransactionFailed`."""
        async with self._lane.lock:
            return await self._exits.settle()
