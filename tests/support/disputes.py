"""Two parties with money for gas and a channel between them on a real chain."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.chain import calls
from penstock.chain.account import Account
from penstock.protocol.messages import Channel, Close, SignedState, SignedVoucher, State, Voucher, Withdrawal
from penstock.protocol.primitives import Bytes32
from tests.support.anvil import USDC, Chain

CHALLENGE_PERIOD_SECONDS = 3600


@dataclass(frozen=True)
class Pair:
    """A payer and a payee who sign whatever a test tells them to."""

    chain: Chain
    payer: Account
    payee: Account
    channel: Channel

    @property
    def channel_id(self) -> Bytes32:
        """The id of the channel between them."""
        return self.chain.domain.channel_id(self.channel)

    def deposit(self, amount: int) -> int:
        """Deposit for the payer, who has approved; return the block."""
        return self.send(calls.deposit(self.channel, amount))

    def send(self, data: bytes, sender: Account | None = None) -> int:
        """Send a call to the contract from the payer, or from ``sender``; return the block."""
        return self.chain.send(sender or self.payer, self.chain.contract, data)

    def state(self, sequence: int, paid: int) -> SignedState:
        """Return a co-signed state."""
        state = State(self.channel_id, sequence, paid)
        digest = self.chain.domain.digest(state)
        return SignedState(state, self.payer.sign_digest(digest), self.payee.sign_digest(digest))

    def voucher(self, paid: int) -> SignedVoucher:
        """Return a signed voucher."""
        voucher = Voucher(self.channel_id, paid)
        return SignedVoucher(voucher, self.payer.sign_digest(self.chain.domain.digest(voucher)))

    def withdrawal(self, payer_total: int, payee_total: int, deadline: int) -> bytes:
        """Return the call of a withdrawal that both signed."""
        withdrawal = Withdrawal(self.channel_id, payer_total, payee_total, deadline)
        digest = self.chain.domain.digest(withdrawal)
        return calls.withdraw(self.channel, withdrawal, self.payer.sign_digest(digest), self.payee.sign_digest(digest))

    def agreed_close(self, paid: int) -> bytes:
        """Return the call of a close that both signed."""
        digest = self.chain.domain.digest(Close(self.channel_id, paid))
        return calls.close(self.channel, paid, self.payer.sign_digest(digest), self.payee.sign_digest(digest))


def make_pair(chain: Chain, *, one_way: bool = False, salt: int = 1, deposit: int = 100 * USDC) -> Pair:
    """Fund two new parties and open a channel between them; with ``deposit`` 0 it stays unopened."""
    payer, payee = chain.anvil.new_account(), chain.anvil.new_account()
    channel = Channel(
        payer=payer.address,
        payee=payee.address,
        payer_signer=payer.address,
        payee_signer=payee.address,
        token=chain.token,
        challenge_period_seconds=CHALLENGE_PERIOD_SECONDS,
        one_way=one_way,
        salt=salt,
    )
    chain.mint(payer.address)
    chain.send(payer, chain.token, calls.approve(chain.contract, 2**256 - 1))
    pair = Pair(chain, payer, payee, channel)
    if deposit:
        pair.deposit(deposit)
    return pair
