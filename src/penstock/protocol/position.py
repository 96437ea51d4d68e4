"""A party's position in a channel: what it holds, what it promised, and what may still become final.

A position is immutable; a rule either returns the next one or raises and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from penstock.protocol.errors import (
    ChannelClosing,
    ChannelSettled,
    ChannelUnopened,
    CloseSigned,
    WrongChannel,
    WrongKind,
)
from penstock.protocol.locks import NO_LOCKS, LockSet
from penstock.protocol.messages import Channel, SignedState, SignedVoucher, State, Withdrawal
from penstock.protocol.onchain import Closing, Ended, OnChain, Open, Phase
from penstock.protocol.primitives import Bytes32


@dataclass(frozen=True, slots=True)
class Funds:
    """The totals that count for signing, in the token's smallest unit (docs/protocol.md, section 2)."""

    payer_deposit: int = 0
    payee_deposit: int = 0
    payer_withdrawn: int = 0
    payee_withdrawn: int = 0

    def payer_free(self, state: State) -> int:
        """Return the payer's free balance in ``state``; negative if it is not covered."""
        return self.payer_deposit - self.payer_withdrawn - state.paid - state.payer_locked

    def payee_free(self, state: State) -> int:
        """Return the payee's free balance in ``state``; negative if it is not covered."""
        return self.payee_deposit - self.payee_withdrawn + state.paid - state.payee_locked


def funds_that_count(confirmed: OnChain, head: OnChain, promised: Iterable[Withdrawal]) -> Funds:
    """Combine two views of the chain and the promised withdrawals, each the careful way.

    A deposit counts once confirmed; a withdrawal counts as soon as it is promised or seen. ``promised`` are the
    withdrawals signed whose deadline no *confirmed* block's time has passed.
    """
    promised = tuple(promised)
    return Funds(
        payer_deposit=min(confirmed.payer_deposit, head.payer_deposit),
        payee_deposit=min(confirmed.payee_deposit, head.payee_deposit),
        payer_withdrawn=max(
            confirmed.payer_withdrawn, head.payer_withdrawn, *(promise.payer_total for promise in promised)
        ),
        payee_withdrawn=max(
            confirmed.payee_withdrawn, head.payee_withdrawn, *(promise.payee_total for promise in promised)
        ),
    )


@dataclass(frozen=True, slots=True)
class Position:
    """What one party holds in a channel.

    Attributes
    ----------
    phase
        Of the channel at the chain's head: a close freezes at once, without waiting for confirmations.
    newest
        The newest co-signed state, None before the first.
    unanswered
        Half-signed states numbered above ``newest``: any of them may still become final. Empty for a payee.
    highest_seen
        The highest sequence signed, received or refused: never used again.
    voucher
        One-way channels: the highest voucher.
    close_paid
        The figure of the `Close` that this party signed, None if it signed none.
    """

    channel_id: Bytes32
    channel: Channel
    phase: Phase
    funds: Funds
    newest: SignedState | None = None
    unanswered: tuple[State, ...] = ()
    highest_seen: int = 0
    voucher: SignedVoucher | None = None
    close_paid: int | None = None

    @property
    def base(self) -> State:
        """Return the newest co-signed state, or the state every channel begins with (sequence 0, nothing paid)."""
        return self.newest.state if self.newest else State(self.channel_id, 0, 0)

    @property
    def locks(self) -> LockSet:
        """Return the pending locks of the newest co-signed state."""
        return self.newest.locks if self.newest else NO_LOCKS

    @property
    def possible_finals(self) -> tuple[State, ...]:
        """Return every state that the counterparty could still make final."""
        return (self.base, *self.unanswered)

    @property
    def payer_spendable(self) -> int:
        """Return what the payer can surely still spend: its least free balance over all possible finals."""
        if self.channel.one_way:
            promised = self.voucher.voucher.paid if self.voucher else 0
            return max(0, self.funds.payer_deposit - max(promised, self.funds.payee_withdrawn))
        return max(0, min(self.funds.payer_free(state) for state in self.possible_finals))


def check_kind(position: Position, *, one_way: bool, operation: str) -> None:
    """Check that ``operation`` exists on this kind of channel; raises `WrongKind`."""
    if position.channel.one_way != one_way:
        raise WrongKind(operation, position.channel.kind)


def check_channel(position: Position, channel_id: Bytes32) -> None:
    """Check that a message is of the position's channel; raises `WrongChannel`."""
    if channel_id != position.channel_id:
        raise WrongChannel(str(position.channel_id), str(channel_id))


def check_live(position: Position) -> None:
    """Check that something new may be signed.

    Raises
    ------
    ChannelUnopened, ChannelClosing, ChannelSettled
        The chain's phase is not Open, or no deposit is confirmed.
    CloseSigned
        We signed an agreed close.
    """
    match position.phase:
        case Closing(deadline=deadline):
            raise ChannelClosing(str(position.channel_id), deadline)
        case Ended():
            raise ChannelSettled(str(position.channel_id))
        case Open():
            pass
        case _:
            raise ChannelUnopened(str(position.channel_id))
    if position.funds.payer_deposit + position.funds.payee_deposit == 0:
        raise ChannelUnopened(str(position.channel_id))
    if position.close_paid is not None:
        raise CloseSigned(str(position.channel_id), position.close_paid)
