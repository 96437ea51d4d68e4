"""Putting money in: open a channel and top it up, with the node's gas or the payer's own."""

from __future__ import annotations

import secrets

from penstock.client.errors import DepositUnconfirmed, GaslessUnavailable, NodeMisbehaved, TokenNotChosen
from penstock.client.lane import Lane, Session, poll
from penstock.client.ports import SignedTransfer
from penstock.client.shapes import NodeInfo, OpeningJson
from penstock.protocol.errors import PenstockError
from penstock.protocol.messages import Channel
from penstock.protocol.primitives import DEPOSIT_MAX, UINT128_MAX, Address, Bytes32, check_range, parse_int
from penstock.protocol.wire import hex_of

DEFAULT_CHALLENGE_PERIOD_SECONDS = 86_400
"""A day: long enough to notice a stale close and answer it by hand."""
_WINDOW_SECONDS = 3600
_SALT_BITS = 88


def choose_terms(
    info: NodeInfo,
    url: str,
    parties: tuple[Address, Address],
    *,
    token: Address | None,
    challenge_period_seconds: int | None,
    one_way: bool,
) -> Channel:
    """Return fresh terms of a channel with the node; ``parties`` are the payer and its signer.

    Raises
    ------
    TokenNotChosen
        No token was named, and the node takes several or none.
    NodeMisbehaved
        The node's own description cannot be read.
    InvalidTerms
        The contract would refuse these terms.
    """
    try:
        payee, payee_signer = Address.parse(info.payee, "payee"), Address.parse(info.payeeSigner, "payeeSigner")
        tokens = [Address.parse(text, "tokens") for text in info.tokens]
    except PenstockError as error:
        raise NodeMisbehaved(url, "GET /v1/node", "addresses", str(error)) from error
    if token is None:
        if len(tokens) != 1:
            raise TokenNotChosen(", ".join(map(str, tokens)) or "none")
        token = tokens[0]
    bounds = info.challengePeriodSeconds
    usual = min(max(DEFAULT_CHALLENGE_PERIOD_SECONDS, bounds.minimum), bounds.maximum)
    return Channel(
        payer=parties[0],
        payee=payee,
        payer_signer=parties[1],
        payee_signer=payee_signer,
        token=token,
        challenge_period_seconds=usual if challenge_period_seconds is None else challenge_period_seconds,
        one_way=one_way,
        salt=secrets.randbits(_SALT_BITS),
    )


class Funding:
    """Deposits into one channel; callers hold the lane's lock."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._session: Session = lane.session

    async def deposit(self, amount: int, info: NodeInfo, *, gasless: bool) -> None:
        """Deposit ``amount`` for the payer, and return once it counts for both parties."""
        check_range(amount, "amount", 1, DEPOSIT_MAX)
        view = await self._lane.look()
        before = view.head.payer_deposit
        if gasless:
            check_relay(info, self._session.node.url, amount)
            transfer = await self._sign(amount, before, view.head_time)
            await self._session.node.register(self._session.book.domain, self._lane.terms, _opening(transfer))
        else:
            # First the node, so that terms it refuses cost no gas and bind no money.
            await self._session.node.register(self._session.book.domain, self._lane.terms)
            await self._session.chain.deposit(self._lane.channel_id, self._lane.terms, amount, before)
        await self.wait_for(before + amount)

    async def wait_for(self, total: int) -> None:
        """Wait until deposits of ``total`` are confirmed on chain, as read by ourselves, and count at the node."""
        seconds = self._session.patience.chain_seconds
        view, confirmed = await self._lane.until(lambda view: view.confirmed.payer_deposit >= total, seconds)
        if not confirmed:
            raise DepositUnconfirmed(
                str(self._lane.channel_id), total, view.confirmed.payer_deposit, view.head.payer_deposit
            )
        # The node may ask for more confirmations than we do. Its word decides nothing but when we start to pay.
        seen = 0

        async def counts() -> bool:
            nonlocal seen
            seen = (await self._session.node.show(self._lane.channel_id)).payer_deposit
            return seen >= total

        if not await poll(counts, self._session.patience.poll_seconds, seconds):
            raise DepositUnconfirmed(str(self._lane.channel_id), total, seen, view.head.payer_deposit)

    async def _sign(self, amount: int, before: int, head_time: int) -> SignedTransfer:
        # Within the hour the same deposit gives the same bytes, so a repeated request deposits once. Local chains
        # may run ahead of our clock, so the later of the two times counts.
        now = max(self._session.book.now(), head_time)
        valid_before = (now // _WINDOW_SECONDS + 2) * _WINDOW_SECONDS
        salt = Bytes32(before.to_bytes(16, "big") + valid_before.to_bytes(16, "big"))
        return await self._session.chain.sign_transfer(
            self._lane.channel_id, self._lane.terms, amount, salt, valid_before
        )


def check_relay(info: NodeInfo, url: str, amount: int) -> None:
    """Check that the node at ``url`` pays the gas that moves ``amount`` in or out.

    Raises
    ------
    GaslessUnavailable
        It does not.
    NodeMisbehaved
        Its own description cannot be read.
    """
    if not info.relays:
        raise GaslessUnavailable("it pays no payer's gas")
    try:
        least = parse_int(info.relayMinimumDeposit, "relayMinimumDeposit", 0, UINT128_MAX)
    except PenstockError as error:
        raise NodeMisbehaved(url, "GET /v1/node", "an amount", str(error)) from error
    if amount < least:
        raise GaslessUnavailable(f"it pays for amounts from {least}, this one is {amount}")


def _opening(transfer: SignedTransfer) -> OpeningJson:
    return OpeningJson(
        amount=str(transfer.amount),
        authSalt=str(transfer.auth_salt),
        validAfter=transfer.valid_after,
        validBefore=transfer.valid_before,
        signature=hex_of(transfer.signature),
    )
