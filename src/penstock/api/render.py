"""From what the use cases return to the shapes of the replies."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.api.shapes import (
    ChannelReply,
    CloseReply,
    HistoryItem,
    LatestReply,
    RegistrationReply,
    StateReply,
    TransactionReply,
    WithdrawalReply,
)
from penstock.node.handlers.channels import ChannelView, Registered
from penstock.node.handlers.exits import CloseSigned, WithdrawalSigned
from penstock.node.handlers.states import CoSigned
from penstock.node.records import ChannelRecord, StateRecord, Transaction
from penstock.protocol.causes import Transfer
from penstock.protocol.onchain import Closing
from penstock.protocol.position import Position
from penstock.protocol.vouchers import highest_paid
from penstock.protocol.wire import (
    CauseJson,
    cause_to_json,
    channel_to_json,
    hex_of,
    signed_state_to_json,
    voucher_to_json,
    withdrawal_to_json,
)


def registered(reply: Registered) -> RegistrationReply:
    """Render a registration: what the chain says, no more, since nobody proved to be a party."""
    record = reply.view.record
    position = record.position
    return RegistrationReply(
        channelId=str(position.channel_id),
        channel=channel_to_json(position.channel),
        phase=position.phase.name,
        payerDeposit=str(position.funds.payer_deposit),
        payeeDeposit=str(position.funds.payee_deposit),
        pendingDeposit=str(_pending(record)),
        transaction=transaction(reply.transaction) if reply.transaction else None,
    )


def channel(view: ChannelView) -> ChannelReply:
    """Render a channel for its parties."""
    position = view.record.position
    funds, phase = position.funds, position.phase
    payer_free, payee_free = _free(position)
    return ChannelReply(
        channelId=str(position.channel_id),
        channel=channel_to_json(position.channel),
        phase=phase.name,
        deadline=phase.deadline if isinstance(phase, Closing) else None,
        payerDeposit=str(funds.payer_deposit),
        payeeDeposit=str(funds.payee_deposit),
        payerWithdrawn=str(funds.payer_withdrawn),
        payeeWithdrawn=str(funds.payee_withdrawn),
        pendingDeposit=str(_pending(view.record)),
        newest=signed_state_to_json(position.newest) if position.newest else None,
        voucher=voucher_to_json(position.voucher) if position.voucher else None,
        highestSeen=str(position.highest_seen),
        payerFree=str(payer_free),
        payeeFree=str(payee_free),
        closePaid=None if position.close_paid is None else str(position.close_paid),
        refunds=causes(view.refunds),
    )


def _pending(record: ChannelRecord) -> int:
    seen = record.head.payer_deposit + record.head.payee_deposit
    return max(0, seen - record.confirmed.payer_deposit - record.confirmed.payee_deposit)


def _free(position: Position) -> tuple[int, int]:
    funds = position.funds
    if position.channel.one_way:
        paid = highest_paid(position)
        return max(0, funds.payer_deposit - paid), paid - funds.payee_withdrawn
    return funds.payer_free(position.base), funds.payee_free(position.base)


def causes(items: Iterable[Transfer]) -> list[CauseJson]:
    """Render causes."""
    return [cause_to_json(cause) for cause in items]


def co_signed(reply: CoSigned) -> StateReply:
    """Render the answer to a proposal."""
    return StateReply(signed_state_to_json(reply.signed), causes(reply.refunds))


def latest(view: ChannelView) -> LatestReply:
    """Render what a payer needs to go on."""
    position = view.record.position
    newest = signed_state_to_json(position.newest) if position.newest else None
    return LatestReply(newest, str(position.highest_seen), causes(view.refunds))


def history_item(record: StateRecord) -> HistoryItem:
    """Render a state of the history."""
    return HistoryItem(signed_state_to_json(record.signed), causes(record.causes), record.recorded_at)


def withdrawal(reply: WithdrawalSigned) -> WithdrawalReply:
    """Render a signed withdrawal."""
    return WithdrawalReply(
        withdrawal=withdrawal_to_json(reply.withdrawal),
        payerSignature=hex_of(reply.payer_signature),
        payeeSignature=hex_of(reply.payee_signature),
        transaction=transaction(reply.transaction) if reply.transaction else None,
    )


def close(reply: CloseSigned) -> CloseReply:
    """Render a signed close."""
    return CloseReply(
        paid=str(reply.close.paid),
        payerSignature=hex_of(reply.payer_signature),
        payeeSignature=hex_of(reply.payee_signature),
        transaction=transaction(reply.transaction),
    )


def transaction(record: Transaction) -> TransactionReply:
    """Render a transaction."""
    outcome = record.outcome
    return TransactionReply(
        key=record.intent.key,
        purpose=record.intent.purpose,
        channelId=str(record.intent.channel_id) if record.intent.channel_id else None,
        status=record.status.value,
        hash=str(record.hash) if record.hash else None,
        blockNumber=outcome.block_number if outcome else None,
        gasUsed=outcome.gas_used if outcome else None,
        gasPrice=str(outcome.gas_price) if outcome else None,
        failure=record.failure,
        createdAt=record.created_at,
    )
