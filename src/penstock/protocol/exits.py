"""Ways out that both parties sign: withdrawals and agreed closes (docs/protocol.md, sections 2 and 3)."""

from __future__ import annotations

from dataclasses import replace

from penstock.protocol.errors import (
    ChannelSettled,
    ChannelUnopened,
    ClosePaidMismatch,
    CloseSigned,
    CloseUnsettledWork,
    WithdrawalDeadline,
    WithdrawalNotHigher,
    WithdrawalUncovered,
)
from penstock.protocol.messages import Close, Withdrawal
from penstock.protocol.onchain import Ended, Unopened
from penstock.protocol.position import Funds, Position, check_channel, check_kind, check_live


def check_withdrawal(position: Position, withdrawal: Withdrawal, earliest: int, latest: int) -> Funds:
    """Check that ``withdrawal`` may be promised; return the funds that count once it is.

    Until a confirmed block's time is past its deadline it counts as withdrawn.

    Raises
    ------
    WrongChannel
        It is of another channel.
    WrongKind, ChannelUnopened, ChannelClosing, ChannelSettled, CloseSigned
        Nothing new is signed in this channel.
    WithdrawalDeadline
        Before ``earliest`` or after ``latest`` (seconds since the epoch).
    WithdrawalNotHigher
        Neither total rises.
    WithdrawalUncovered
        A free balance would be negative in a state that may still become final.
    """
    check_kind(position, one_way=False, operation="a withdrawal")
    check_channel(position, withdrawal.channel_id)
    check_live(position)
    if not earliest <= withdrawal.deadline <= latest:
        raise WithdrawalDeadline(withdrawal.deadline, earliest, latest)
    before = position.funds
    if withdrawal.payer_total <= before.payer_withdrawn and withdrawal.payee_total <= before.payee_withdrawn:
        raise WithdrawalNotHigher(before.payer_withdrawn, before.payee_withdrawn)
    after = replace(
        before,
        payer_withdrawn=max(before.payer_withdrawn, withdrawal.payer_total),
        payee_withdrawn=max(before.payee_withdrawn, withdrawal.payee_total),
    )
    for state in position.possible_finals:
        for party, free in (("payer", after.payer_free(state)), ("payee", after.payee_free(state))):
            if free < 0:
                raise WithdrawalUncovered(party, state.sequence, -free)
    return after


def check_close(position: Position, close: Close) -> Position:
    """Check that an agreed close may be signed; return the position after it, in which nothing else is signed.

    Allowed while a one-sided close is pending too: it ends the dispute at the newest state.

    Raises
    ------
    WrongChannel
        It is of another channel.
    WrongKind, ChannelSettled, ChannelUnopened
        There is nothing to close by agreement.
    CloseSigned
        Another close was signed.
    CloseUnsettledWork
        Locks or unanswered proposals are pending.
    ClosePaidMismatch
        Not at the newest co-signed state's ``paid``.
    """
    check_kind(position, one_way=False, operation="an agreed close")
    check_channel(position, close.channel_id)
    if isinstance(position.phase, Ended):
        raise ChannelSettled(str(position.channel_id))
    if isinstance(position.phase, Unopened):
        raise ChannelUnopened(str(position.channel_id))
    if position.close_paid is not None and position.close_paid != close.paid:
        raise CloseSigned(str(position.channel_id), position.close_paid)
    base = position.base
    locked = base.payer_locked + base.payee_locked
    if locked or position.unanswered:
        raise CloseUnsettledWork(locked, len(position.unanswered))
    if close.paid != base.paid:
        raise ClosePaidMismatch(close.paid, base.paid)
    return replace(position, close_paid=close.paid)
