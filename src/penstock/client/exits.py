"""Taking money out: withdraw while open, close by agreement, close alone, settle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from penstock.client.errors import (
    CloseNotAgreed,
    CloseUnseen,
    NodeMisbehaved,
    WithdrawalUnseen,
)
from penstock.client.funding import check_relay
from penstock.client.lane import Lane
from penstock.client.payments import Payments
from penstock.client.ports import ChainView
from penstock.client.shapes import NodeInfo
from penstock.protocol.errors import PenstockError, SignatureFault
from penstock.protocol.messages import Close, SignedState, Withdrawal
from penstock.protocol.onchain import Ended
from penstock.protocol.signatures import check_signer
from penstock.storage import Transaction

WITHDRAWAL_MARGIN_SECONDS = 60
"""How long a withdrawal must stay valid at least, so that its transaction has time to be mined; and how far its
deadline stays within the node's limits, since the node's head may be a little older or newer than ours."""


class Exits:
    """All that takes the payer's money out of one channel; callers hold the lane's lock."""

    def __init__(self, lane: Lane, payments: Payments, node_info: Callable[[], Awaitable[NodeInfo]]) -> None:
        self._lane = lane
        self._node_info = node_info
        self._session = lane.session
        self._payments = payments

    async def withdraw(self, amount: int, valid_seconds: int, *, gasless: bool) -> None:
        """Withdraw ``amount``, and return once the chain shows it."""
        await self._payments.get_ready()
        info = await self._node_info()
        if gasless:
            # First, since what is signed counts as withdrawn until it expires.
            check_relay(info, self._session.node.url, amount)
        view = await self._lane.look()
        seconds = _within(valid_seconds, info)
        period = (view.head_time + WITHDRAWAL_MARGIN_SECONDS, view.head_time + seconds)
        withdrawal, ours = await self._lane.run(
            lambda uow: self._session.book.sign_withdrawal(uow, self._lane.channel_id, amount, period)
        )
        theirs = await self._ask_withdrawal(withdrawal, ours, submit=gasless)
        if not gasless:
            await self._session.chain.withdraw(self._lane.terms, withdrawal, ours, theirs)
        view, seen = await self._lane.until(
            lambda view: view.head.payer_withdrawn >= withdrawal.payer_total, self._session.patience.chain_seconds
        )
        if not seen:
            raise WithdrawalUnseen(str(self._lane.channel_id), withdrawal.payer_total, view.head.payer_withdrawn)

    async def close(self, *, gasless: bool) -> None:
        """Close at the newest co-signed state, and return once the chain shows it."""
        view = await self._lane.look()
        if _ended(view):
            return
        try:
            await self._payments.resend()
        except PenstockError as error:
            raise CloseNotAgreed(str(self._lane.channel_id), str(error)) from error
        close, ours = await self._lane.run(lambda uow: self._session.book.sign_close(uow, self._lane.channel_id))
        try:
            theirs = await self._ask_close(close, ours)
        except PenstockError as error:
            raise CloseNotAgreed(str(self._lane.channel_id), str(error)) from error
        if not gasless:
            await self._session.chain.close(self._lane.channel_id, self._lane.terms, close.paid, ours, theirs)
        view, seen = await self._lane.until(_ended, self._session.patience.chain_seconds)
        if not seen:
            raise CloseUnseen(str(self._lane.channel_id), view.head.phase.name)

    async def start_close(self, signed: SignedState | None) -> Transaction:
        """Begin the challenge period, with the newest co-signed state unless another one is given."""
        if signed is None and not self._lane.terms.one_way:
            signed = (await self._payments.position()).newest
        transaction = await self._session.chain.start_close(self._lane.channel_id, self._lane.terms, signed)
        await self._lane.look()
        return transaction

    async def settle(self) -> Transaction:
        """Pay both sides out after the challenge period."""
        transaction = await self._session.chain.settle(self._lane.channel_id, self._lane.terms)
        await self._lane.look()
        return transaction

    async def _ask_withdrawal(self, withdrawal: Withdrawal, ours: bytes, *, submit: bool) -> bytes:
        answered, theirs = await self._session.node.withdraw(withdrawal, ours, submit=submit)
        self._check(withdrawal, answered, theirs, "withdrawals")
        return theirs

    async def _ask_close(self, close: Close, ours: bytes) -> bytes:
        answered, theirs = await self._session.node.close(close, ours)
        self._check(close, answered, theirs, "close")
        return theirs

    def _check(self, asked: Withdrawal | Close, answered: Withdrawal | Close, theirs: bytes, name: str) -> None:
        url, request = self._session.node.url, f"POST /v1/channels/{self._lane.channel_id}/{name}"
        if answered != asked:
            raise NodeMisbehaved(url, request, str(asked), str(answered))
        try:
            check_signer(self._session.book.domain.digest(asked), theirs, self._lane.terms.payee_signer)
        except SignatureFault as error:
            raise NodeMisbehaved(url, request, "the payee's signature", str(error)) from error


def _within(seconds: int, info: NodeInfo) -> int:
    bounds = info.withdrawalWindowSeconds
    if bounds is None:
        return seconds
    return max(min(seconds, bounds.maximum - WITHDRAWAL_MARGIN_SECONDS), bounds.minimum + WITHDRAWAL_MARGIN_SECONDS)


def _ended(view: ChainView) -> bool:
    return isinstance(view.head.phase, Ended)
