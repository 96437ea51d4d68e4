"""Issue a refund: the payee's own cause, which the payer puts into its next proposal (docs/protocol.md, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.node.context import Context, load
from penstock.node.ports import UnitOfWork
from penstock.protocol.causes import Refund
from penstock.protocol.errors import BalanceExceeded
from penstock.protocol.position import check_kind, check_live
from penstock.protocol.primitives import Bytes32


@dataclass(frozen=True, slots=True)
class IssueRefund:
    """A refund over an amount, under an id of the operator's choice."""

    channel_id: Bytes32
    refund: Refund


def issue_refund(uow: UnitOfWork, context: Context, command: IssueRefund) -> Refund:
    """Issue a refund once; the very same one again changes nothing.

    Raises
    ------
    UnknownChannel, WrongKind, ChannelUnopened, ChannelClosing, ChannelSettled, CloseSigned
        Nothing can be refunded in this channel.
    CauseAltered, CauseRepeated
        The id belongs to a refund over another amount, or to a payment.
    BalanceExceeded
        The payee's free balance does not cover it beside the refunds that wait already.
    ChainStale, ClosePending
        A close may be on its way.
    """
    position = load(uow, command.channel_id)
    check_kind(position, one_way=False, operation="a refund")
    issued = uow.causes.records(command.channel_id, [command.refund.cause_id]).issued
    if issued.get(command.refund.cause_id) == command.refund:
        return command.refund
    check_live(position)
    context.check_view(command.channel_id)
    waiting = sum(refund.amount for refund in uow.causes.open_refunds(command.channel_id))
    available = position.funds.payee_free(position.base) - waiting
    if command.refund.amount > available:
        raise BalanceExceeded("payee", available, command.refund.amount)
    uow.causes.issue(command.channel_id, command.refund)
    return command.refund
