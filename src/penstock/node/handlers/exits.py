"""Sign the ways out that both parties sign, and have them carried out (docs/protocol.md, sections 2 and 3)."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.node.context import Context, load, remembered
from penstock.node.errors import RelayUnavailable, RelayWithdrawalTooSmall
from penstock.node.handlers.transactions import enqueue_once, last, under_way
from penstock.node.ports import UnitOfWork
from penstock.node.records import ChannelRecord, Intent, Transaction
from penstock.protocol.errors import UnknownChannel
from penstock.protocol.exits import check_close, check_withdrawal
from penstock.protocol.messages import Channel, Close, Withdrawal
from penstock.protocol.onchain import Ended
from penstock.protocol.signatures import check_signer


@dataclass(frozen=True, slots=True)
class SignWithdrawal:
    """A withdrawal that the payer signed; ``submit`` has the node send it and pay the gas."""

    withdrawal: Withdrawal
    payer_signature: bytes
    submit: bool = False


@dataclass(frozen=True, slots=True)
class WithdrawalSigned:
    """A withdrawal with both signatures, and the transaction if the node sends it."""

    withdrawal: Withdrawal
    payer_signature: bytes
    payee_signature: bytes
    transaction: Transaction | None


@dataclass(frozen=True, slots=True)
class SignClose:
    """An agreed close that the payer signed."""

    close: Close
    payer_signature: bytes


@dataclass(frozen=True, slots=True)
class CloseSigned:
    """A close with both signatures, and the transaction that carries it out."""

    close: Close
    payer_signature: bytes
    payee_signature: bytes
    transaction: Transaction


def sign_withdrawal(uow: UnitOfWork, context: Context, command: SignWithdrawal) -> WithdrawalSigned:
    """Promise a withdrawal; the one promised last gets the same answer again.

    Raises
    ------
    UnknownChannel, MalformedSignature, HighS, WrongSigner
        Nobody who matters asks.
    WrongKind, ChannelUnopened, ChannelClosing, ChannelSettled, CloseSigned
        Nothing new is signed in this channel.
    WithdrawalDeadline, WithdrawalNotHigher, WithdrawalUncovered
        It cannot be promised.
    ChainStale, ClosePending
        A close may be on its way.
    RelayUnavailable, RelayWithdrawalTooSmall
        The node does not pay for submitting it.
    SignerRefusal
        The signature would break a promise.
    """
    withdrawal = command.withdrawal
    record = uow.channels.record(withdrawal.channel_id)
    if record is None:
        raise UnknownChannel(str(withdrawal.channel_id))
    channel = record.position.channel
    check_signer(context.domain.digest(withdrawal), command.payer_signature, channel.payer_signer)
    if command.submit and under_way(uow, withdrawal.channel_id, _withdrawal_key(withdrawal)) is None:
        _check_worth(context, record, withdrawal)
    if record.promised != withdrawal:
        head = context.check_view(withdrawal.channel_id)
        earliest, latest = (head.time + window for window in context.policy.withdrawal_window_seconds)
        check_withdrawal(remembered(uow, context, record.position), withdrawal, earliest, latest)
        uow.channels.promise(withdrawal)
    signature = context.signer.sign_withdrawal(withdrawal)
    transaction = _submit_withdrawal(uow, context, channel, command, signature) if command.submit else None
    return WithdrawalSigned(withdrawal, command.payer_signature, signature, transaction)


def _submit_withdrawal(
    uow: UnitOfWork, context: Context, channel: Channel, command: SignWithdrawal, signature: bytes
) -> Transaction:
    withdrawal = command.withdrawal
    key = _withdrawal_key(withdrawal)
    data = context.calls.withdraw(channel, withdrawal, command.payer_signature, signature)
    intent = Intent(key, "withdraw", context.calls.contract, data, withdrawal.channel_id, withdrawal.deadline)
    return enqueue_once(uow, context, intent)


def _check_worth(context: Context, record: ChannelRecord, withdrawal: Withdrawal) -> None:
    """Check that what it takes out is worth its gas: a payer may ask for one unit as often as there are units."""
    minimum = context.policy.relay_minimum_deposit
    if minimum is None:
        raise RelayUnavailable(str(withdrawal.channel_id))
    head = record.head
    taken = max(0, withdrawal.payer_total - head.payer_withdrawn) + max(
        0, withdrawal.payee_total - head.payee_withdrawn
    )
    if taken < minimum:
        raise RelayWithdrawalTooSmall(taken, minimum)


def _withdrawal_key(withdrawal: Withdrawal) -> str:
    return f"withdraw:{withdrawal.channel_id}:{withdrawal.deadline}:{withdrawal.payer_total}:{withdrawal.payee_total}"


def sign_close(uow: UnitOfWork, context: Context, command: SignClose) -> CloseSigned:
    """Sign an agreed close and have it carried out; the same close again gets the same answer.

    Needs no fresh view of the chain: a close at the newest state's figure is right whatever happened there.

    Raises
    ------
    UnknownChannel, MalformedSignature, HighS, WrongSigner
        Nobody who matters asks.
    WrongKind, ChannelUnopened, ChannelSettled, CloseSigned, CloseUnsettledWork, ClosePaidMismatch
        There is nothing to close by agreement, or not at this figure.
    SignerRefusal
        The signature would break a promise.
    """
    close = command.close
    position = load(uow, close.channel_id)
    channel = position.channel
    check_signer(context.domain.digest(close), command.payer_signature, channel.payer_signer)
    if position.close_paid != close.paid:
        uow.channels.save(check_close(remembered(uow, context, position), close))
    signature = context.signer.sign_close(close)
    data = context.calls.close(channel, close, command.payer_signature, signature)
    key = f"close:{close.channel_id}:{close.paid}"
    intent = Intent(key, "close", context.calls.contract, data, close.channel_id)
    # Nothing more can be closed once the channel has ended: however often it is asked for, no other one is sent.
    ended = last(uow, close.channel_id, key) if isinstance(position.phase, Ended) else None
    transaction = ended or enqueue_once(uow, context, intent)
    return CloseSigned(close, command.payer_signature, signature, transaction)
