"""One-way channels: vouchers."""

from __future__ import annotations

from fastapi import APIRouter

from penstock.api.access import ChannelId, Reader, TheNode
from penstock.api.documents import answers
from penstock.api.errors import (
    NotPermitted,
    Unauthenticated,
)
from penstock.api.shapes import LatestVoucherReply
from penstock.api.strict import StrictRoute
from penstock.node.handlers.channels import show
from penstock.protocol.errors import (
    MalformedField,
    UnknownChannel,
)
from penstock.protocol.wire import voucher_to_json

router = APIRouter(prefix="/v1/channels/{channel_id}", tags=["vouchers"], route_class=StrictRoute)


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
