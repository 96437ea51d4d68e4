"""One-way channels: collecting vouchers, for the operator."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from penstock.api import documents, render
from penstock.api.access import ChannelId, Operator, TheNode
from penstock.api.documents import answers
from penstock.api.errors import MalformedJson, NotPermitted, Unauthenticated
from penstock.api.shapes import CollectionsJson, CollectionsReply, CollectReply
from penstock.api.strict import StrictRoute
from penstock.node.errors import NothingToCollect
from penstock.node.handlers.collections import collect, collect_many, find_due
from penstock.protocol.errors import AmountOutOfRange, MalformedField, UnknownChannel, WrongKind
from penstock.protocol.primitives import UINT128_MAX, parse_int

router = APIRouter(prefix="/v1", tags=["vouchers"], dependencies=[Operator], route_class=StrictRoute)


@router.post(
    "/channels/{channel_id}/collect",
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


@router.post(
    "/collections",
    responses=answers(
        "collections",
        MalformedJson,
        MalformedField,
        AmountOutOfRange,
        Unauthenticated,
        NotPermitted,
        says="The transactions, none if nothing is due; what is under way already is not collected again.",
    ),
)
async def collect_vouchers(
    node: TheNode, body: Annotated[CollectionsJson, Body(openapi_examples=documents.COLLECTIONS)]
) -> CollectionsReply:
    """Collect the newest vouchers of all channels that owe enough, up to 50 in a transaction (the operator)."""
    minimum = parse_int(body.minimum, "minimum", 1, UINT128_MAX)
    # Found beside the payments, written between them.
    found = await node.read(lambda uow, _: find_due(uow, minimum))
    done = await node.write(collect_many, found)
    return CollectionsReply([render.transaction(each) for each in done.transactions], done.left)
