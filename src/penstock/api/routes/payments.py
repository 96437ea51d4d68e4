"""The two endpoints on the path of every payment: a proposal, a voucher."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Body, Request, Response

from penstock.api import documents, render
from penstock.api.access import ChannelId, TheNode
from penstock.api.direct import DirectRoute
from penstock.api.documents import answers
from penstock.api.metrics import metrics_of
from penstock.api.problems import respond
from penstock.api.shapes import StateReply, VoucherReply
from penstock.node.errors import ChainStale, RecordsBehindMark
from penstock.node.handlers.states import Refused, submit_state
from penstock.node.handlers.vouchers import submit_voucher
from penstock.protocol.errors import (
    BalanceExceeded,
    BelowMark,
    CauseAltered,
    CauseNotIssued,
    CauseRepeated,
    ChannelClosing,
    ChannelSettled,
    ChannelUnopened,
    ClosePending,
    CloseSigned,
    Equivocation,
    NoCauses,
    SequenceTooFar,
    SequenceTooLow,
    StateMismatch,
    TooManyCauses,
    UnknownBase,
    VoucherExceedsDeposit,
    VoucherNotHigher,
)
from penstock.protocol.wire import ProposalJson, VoucherJson, proposal_from_json, voucher_from_json

router = APIRouter(prefix="/v1/channels/{channel_id}", route_class=DirectRoute)
log = structlog.get_logger(__name__)


@router.post(
    "/states",
    tags=["states"],
    response_model=StateReply,
    responses=answers(
        "state",
        *documents.SIGNED_BODY_FAULTS,
        ChannelUnopened,
        ChannelClosing,
        ClosePending,
        ChannelSettled,
        CloseSigned,
        SequenceTooLow,
        SequenceTooFar,
        Equivocation,
        UnknownBase,
        NoCauses,
        TooManyCauses,
        CauseRepeated,
        CauseNotIssued,
        CauseAltered,
        StateMismatch,
        BalanceExceeded,
        BelowMark,
        RecordsBehindMark,
        ChainStale,
        says="The co-signed state. The same proposal again gets the same co-signature again.",
    ),
)
async def propose_state(
    request: Request,
    node: TheNode,
    channel_id: ChannelId,
    body: Annotated[ProposalJson, Body(openapi_examples=documents.PROPOSAL)],
) -> StateReply | Response:
    """Propose the next state; the node recomputes it from its base and its causes and co-signs the same bytes only.

    The proposal is persisted before the co-signature leaves. The number of a refused proposal is used up, unless the
    refusal's status is 503: then nothing was looked at, and the same proposal may be sent again. Refusals of
    authentic proposals carry `newest`, the state to build on.
    """
    reply = await node.write(submit_state, proposal_from_json(channel_id, body))
    if isinstance(reply, Refused):
        if isinstance(reply.error, Equivocation):
            log.warning("equivocation", channel=str(channel_id), why=str(reply.error))
        metrics_of(request).refused(reply.error)
        return respond(reply.error, request.url.path, reply.newest)
    metrics_of(request).accepted(repeated=reply.repeated)
    return render.co_signed(reply)


@router.post(
    "/vouchers",
    tags=["vouchers"],
    responses=answers(
        "voucher",
        *documents.SIGNED_BODY_FAULTS,
        ChannelUnopened,
        ChannelClosing,
        ClosePending,
        ChannelSettled,
        VoucherNotHigher,
        VoucherExceedsDeposit,
        ChainStale,
        says="Kept. The very same voucher again gets the same answer.",
    ),
)
async def take_voucher(
    request: Request,  # noqa: ARG001 (every direct endpoint takes the same four)
    node: TheNode,
    channel_id: ChannelId,
    body: Annotated[VoucherJson, Body(openapi_examples=documents.VOUCHER)],
) -> VoucherReply:
    """Pay with a higher voucher; it names the total paid so far."""
    reply = await node.write(submit_voucher, voucher_from_json(channel_id, body))
    return VoucherReply(str(reply.paid), str(reply.remaining))
