"""Withdrawals and agreed closes, and the transactions that carry them out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query

from penstock.api import documents, render
from penstock.api.access import ChannelId, Operator, TheNode
from penstock.api.documents import answers
from penstock.api.errors import (
    NotPermitted,
    Unauthenticated,
)
from penstock.api.shapes import (
    CloseReply,
    CloseRequestJson,
    TransactionsReply,
    WithdrawalReply,
    WithdrawalRequestJson,
)
from penstock.api.strict import StrictRoute
from penstock.chain.errors import CloseContradictsMark
from penstock.node.errors import ChainStale, RecordsBehindMark, RelayUnavailable, RelayWithdrawalTooSmall
from penstock.node.handlers.exits import SignClose, SignWithdrawal, sign_close, sign_withdrawal
from penstock.protocol.errors import (
    ChannelClosing,
    ChannelSettled,
    ChannelUnopened,
    ClosePaidMismatch,
    ClosePending,
    CloseSigned,
    CloseUnsettledWork,
    MalformedField,
    SignerClosed,
    WithdrawalDeadline,
    WithdrawalNotHigher,
    WithdrawalUncovered,
)
from penstock.protocol.primitives import Bytes32
from penstock.protocol.wire import close_from_json, signature_from_json, withdrawal_from_json

router = APIRouter(prefix="/v1", tags=["exits"], route_class=StrictRoute)


@router.post(
    "/channels/{channel_id}/withdrawals",
    responses=answers(
        "withdrawal",
        *documents.SIGNED_BODY_FAULTS,
        ChannelUnopened,
        ChannelClosing,
        ClosePending,
        ChannelSettled,
        CloseSigned,
        WithdrawalDeadline,
        WithdrawalNotHigher,
        WithdrawalUncovered,
        RelayUnavailable,
        RelayWithdrawalTooSmall,
        SignerClosed,
        RecordsBehindMark,
        ChainStale,
        says="Signed by both. The same withdrawal again gets the same signature again.",
    ),
)
async def withdraw(
    node: TheNode,
    channel_id: ChannelId,
    body: Annotated[WithdrawalRequestJson, Body(openapi_examples=documents.WITHDRAWAL)],
) -> WithdrawalReply:
    """Have a withdrawal signed, and sent if `submit`; from now on it counts as withdrawn until its deadline."""
    command = SignWithdrawal(
        withdrawal_from_json(channel_id, body.withdrawal),
        signature_from_json(body.payerSignature, "payerSignature"),
        body.submit,
    )
    return render.withdrawal(await node.write(sign_withdrawal, command))


@router.post(
    "/channels/{channel_id}/close",
    responses=answers(
        "close",
        *documents.SIGNED_BODY_FAULTS,
        ChannelUnopened,
        ChannelSettled,
        CloseSigned,
        CloseUnsettledWork,
        ClosePaidMismatch,
        CloseContradictsMark,
        RecordsBehindMark,
        says="Signed by both, and sent. The same close again gets the same answer again.",
    ),
)
async def close(
    node: TheNode,
    channel_id: ChannelId,
    body: Annotated[CloseRequestJson, Body(openapi_examples=documents.CLOSE)],
) -> CloseReply:
    """Close by agreement at the newest state's `paid`, also while a one-sided close is pending."""
    command = SignClose(
        close_from_json(channel_id, body.paid), signature_from_json(body.payerSignature, "payerSignature")
    )
    return render.close(await node.write(sign_close, command))


@router.get(
    "/transactions",
    dependencies=[Operator],
    responses=answers("transactions", MalformedField, Unauthenticated, NotPermitted, says="Transactions."),
)
async def list_transactions(
    node: TheNode,
    channel: Annotated[str | None, Query(description="Only this channel's, oldest first.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> TransactionsReply:
    """List the node's transactions (the operator)."""
    if channel is not None:
        channel_id = Bytes32.parse(channel, "channel")
        records = await node.read(lambda uow, _: uow.transactions.by_channel(channel_id))
    else:
        records = await node.read(lambda uow, _: uow.transactions.recent(limit))
    return TransactionsReply([render.transaction(record) for record in records])
