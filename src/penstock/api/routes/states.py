"""Two-way channels: proposals and their co-signatures, the newest state, history, refunds."""

from __future__ import annotations

import secrets
from typing import Annotated

import structlog
from fastapi import APIRouter, Body, Query

from penstock.api import documents, render
from penstock.api.access import ChannelId, Operator, Reader, TheNode
from penstock.api.documents import answers
from penstock.api.errors import (
    MalformedJson,
    NotPermitted,
    Unauthenticated,
)
from penstock.api.shapes import HistoryReply, LatestReply, RefundJson
from penstock.api.strict import StrictRoute
from penstock.node.errors import ChainStale
from penstock.node.handlers.channels import show
from penstock.node.handlers.refunds import IssueRefund, issue_refund
from penstock.protocol.causes import Refund
from penstock.protocol.errors import (
    AmountOutOfRange,
    BalanceExceeded,
    CauseAltered,
    CauseRepeated,
    ChannelClosing,
    ChannelSettled,
    ChannelUnopened,
    ClosePending,
    CloseSigned,
    MalformedField,
    UnknownChannel,
    WrongKind,
)
from penstock.protocol.primitives import UINT64_MAX, UINT128_MAX, Bytes32, parse_int
from penstock.protocol.wire import CauseJson, cause_to_json

router = APIRouter(prefix="/v1/channels/{channel_id}", tags=["states"], route_class=StrictRoute)
log = structlog.get_logger(__name__)


@router.get(
    "/states",
    dependencies=[Reader],
    responses=answers(
        "history", MalformedField, Unauthenticated, NotPermitted, UnknownChannel, says="One page, newest first."
    ),
)
async def list_states(
    node: TheNode,
    channel_id: ChannelId,
    before: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> HistoryReply:
    """Show the history of co-signed states with their causes."""
    below = parse_int(before, "before", 0, UINT64_MAX) if before is not None else None
    records = await node.read(lambda uow, _: uow.states.history(channel_id, below, limit))
    last = str(records[-1].signed.state.sequence) if len(records) == limit else None
    return HistoryReply([render.history_item(record) for record in records], last)


@router.get(
    "/states/latest",
    dependencies=[Reader],
    responses=answers(
        "latest", MalformedField, Unauthenticated, NotPermitted, UnknownChannel, says="The newest state."
    ),
)
async def show_latest(node: TheNode, channel_id: ChannelId) -> LatestReply:
    """Show the newest co-signed state: for a client that lost its data, or that missed an answer."""
    return render.latest(await node.read(lambda uow, _: show(uow, channel_id)))


@router.post(
    "/refunds",
    dependencies=[Operator],
    responses=answers(
        "refund",
        MalformedJson,
        MalformedField,
        AmountOutOfRange,
        Unauthenticated,
        NotPermitted,
        UnknownChannel,
        WrongKind,
        ChannelUnopened,
        ChannelClosing,
        ClosePending,
        ChannelSettled,
        CloseSigned,
        CauseAltered,
        CauseRepeated,
        BalanceExceeded,
        ChainStale,
        says="The refund; the payer finds it in its next answer and puts it into its next proposal.",
    ),
)
async def create_refund(
    node: TheNode,
    channel_id: ChannelId,
    body: Annotated[RefundJson, Body(openapi_examples=documents.REFUND)],
) -> CauseJson:
    """Issue a refund (the operator)."""
    cause_id = Bytes32(secrets.token_bytes(32)) if body.id is None else Bytes32.parse(body.id, "id")
    refund = Refund(cause_id, parse_int(body.amount, "amount", 1, UINT128_MAX))
    return cause_to_json(await node.write(issue_refund, IssueRefund(channel_id, refund)))
