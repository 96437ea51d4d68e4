"""One-way channels: vouchers, and collecting them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from penstock.api import documents, render
from penstock.api.access import ChannelId, Operator, Reader, TheNode
from penstock.api.documents import answers
from penstock.api.errors import (
    BodyTooLarge,
    ContentTypeUnsupported,
    MalformedJson,
    NotPermitted,
    Unauthenticated,
)
from penstock.api.shapes import CollectReply, LatestVoucherReply, VoucherReply
from penstock.api.strict import StrictRoute
from penstock.node.errors import ChainStale, NothingToCollect
from penstock.node.handlers.channels import show
from penstock.node.handlers.vouchers import collect, submit_voucher
from penstock.protocol.errors import (
    AmountOutOfRange,
    ChannelClosing,
    ChannelSettled,
    ChannelUnopened,
    HighS,
    MalformedField,
    MalformedSignature,
    UnknownChannel,
    VoucherExceedsDeposit,
    VoucherNotHigher,
    WrongKind,
    WrongSigner,
)
from penstock.protocol.wire import VoucherJson, voucher_from_json, voucher_to_json

router = APIRouter(prefix="/v1/channels/{channel_id}", tags=["vouchers"], route_class=StrictRoute)


@router.post(
    "/vouchers",
    responses=answers(
        "voucher",
        MalformedJson,
        MalformedField,
        AmountOutOfRange,
        BodyTooLarge,
        ContentTypeUnsupported,
        UnknownChannel,
        WrongKind,
        MalformedSignature,
        HighS,
        WrongSigner,
        ChannelUnopened,
        ChannelClosing,
        ChannelSettled,
        VoucherNotHigher,
        VoucherExceedsDeposit,
        ChainStale,
        says="Kept. The very same voucher again gets the same answer.",
    ),
)
async def take_voucher(
    node: TheNode,
    channel_id: ChannelId,
    body: Annotated[VoucherJson, Body(openapi_examples=documents.VOUCHER)],
) -> VoucherReply:
    """Pay with a higher voucher; it names the total paid so far."""
    reply = await node.write(submit_voucher, voucher_from_json(channel_id, body))
    return VoucherReply(str(reply.paid), str(reply.remaining))


@router.get(
    "/vouchers/latest",
    dependencies=[Reader],
    responses=answers(
        "latest_voucher", MalformedField, Unauthenticated, NotPermitted, UnknownChannel, says="The highest voucher."
    ),
)
async def show_voucher(node: TheNode, channel_id: ChannelId) -> LatestVoucherReply:
    """Show the highest voucher: for a client that lost its data."""
    view = await node.read(lambda uow, _: show(uow, channel_id))
    voucher = view.record.position.voucher
    return LatestVoucherReply(voucher_to_json(voucher) if voucher else None)


@router.post(
    "/collect",
    dependencies=[Operator],
    responses=answers(
        "collect",
        MalformedField,
        Unauthenticated,
        NotPermitted,
        UnknownChannel,
        WrongKind,
        NothingToCollect,
        says="The transaction; the same voucher is collected once.",
    ),
)
async def collect_voucher(node: TheNode, channel_id: ChannelId) -> CollectReply:
    """Collect the newest voucher on chain (the operator)."""
    return CollectReply(render.transaction(await node.write(collect, channel_id)))
