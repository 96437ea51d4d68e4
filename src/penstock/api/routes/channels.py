"""Register, list and show channels."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response, status

from penstock.api import documents, render
from penstock.api.access import ChannelId, Operator, Reader, TheNode
from penstock.api.documents import answers
from penstock.api.errors import (
    NotPermitted,
    Unauthenticated,
)
from penstock.api.shapes import ChannelReply, ChannelsReply, OpeningJson, RegistrationJson, RegistrationReply
from penstock.api.strict import StrictRoute
from penstock.chain.errors import RpcUnavailable
from penstock.node.errors import (
    AuthorizationReused,
    AuthorizationWindow,
    OpeningRefused,
    RelayDepositTooSmall,
    RelayUnavailable,
)
from penstock.node.handlers.channels import ChannelPage, RegisterChannel, page, show
from penstock.node.opening import open_channel
from penstock.node.outside import Opening
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import (
    ChallengePeriodOutOfRange,
    ForeignChannel,
    InvalidTerms,
    MalformedField,
    TokenNotAllowed,
    UnknownChannel,
    WrongChain,
    WrongSigner,
)
from penstock.protocol.primitives import (
    UINT40_MAX,
    UINT64_MAX,
    UINT128_MAX,
    Address,
    Bytes32,
    check_range,
    parse_hex,
    parse_int,
)
from penstock.protocol.wire import channel_from_json

router = APIRouter(prefix="/v1/channels", tags=["channels"], route_class=StrictRoute)

_WALLET_SIGNATURE_BYTES_MAX = 4096


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses=answers(
        "registration",
        *documents.BODY_FAULTS,
        InvalidTerms,
        WrongChain,
        ForeignChannel,
        TokenNotAllowed,
        ChallengePeriodOutOfRange,
        RelayUnavailable,
        RelayDepositTooSmall,
        AuthorizationWindow,
        AuthorizationReused,
        OpeningRefused,
        WrongSigner,
        RpcUnavailable,
        status=201,
        says="Registered. 200 with the same body if the channel was known already.",
    ),
)
async def register_channel(
    node: TheNode,
    response: Response,
    body: Annotated[RegistrationJson, Body(openapi_examples=documents.REGISTRATION)],
) -> RegistrationReply:
    """Register a channel's terms, before or after they are opened on chain.

    With `opening`, a token transfer that the payer signed (EIP-3009), the node sends the deposit and pays its gas.
    """
    domain = Domain(check_range(body.chainId, "chainId", 0, UINT64_MAX), Address.parse(body.contract, "contract"))
    opening = _opening(body.opening) if body.opening else None
    reply = await open_channel(node, RegisterChannel(domain, channel_from_json(body.channel), opening))
    if not reply.created:
        response.status_code = status.HTTP_200_OK
    return render.registered(reply)


@router.get(
    "",
    dependencies=[Operator],
    responses=answers("channels", MalformedField, Unauthenticated, NotPermitted, says="One page, in the order of ids."),
)
async def list_channels(
    node: TheNode,
    after: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ChannelsReply:
    """List all channels (the operator)."""
    start = Bytes32.parse(after, "after") if after is not None else None
    views = await node.read(lambda uow, _: page(uow, ChannelPage(start, limit)))
    last = str(views[-1].record.position.channel_id) if len(views) == limit else None
    return ChannelsReply([render.channel(view) for view in views], last)


@router.get(
    "/{channel_id}",
    dependencies=[Reader],
    responses=answers(
        "channel", MalformedField, Unauthenticated, NotPermitted, UnknownChannel, says="What the node holds of it."
    ),
)
async def show_channel(node: TheNode, channel_id: ChannelId) -> ChannelReply:
    """Show a channel (its parties and the operator)."""
    return render.channel(await node.read(lambda uow, _: show(uow, channel_id)))


def _opening(shape: OpeningJson) -> Opening:
    return Opening(
        amount=parse_int(shape.amount, "amount", 1, UINT128_MAX),
        auth_salt=Bytes32.parse(shape.authSalt, "authSalt"),
        valid_after=check_range(shape.validAfter, "validAfter", 0, UINT40_MAX),
        valid_before=check_range(shape.validBefore, "validBefore", 0, UINT40_MAX),
        signature=_wallet_signature(shape.signature),
    )


def _wallet_signature(text: str) -> bytes:
    """Read a signature of any length: an ordinary account's has 65 bytes, a wallet contract's whatever it takes."""
    size = len(text) // 2 - 1
    if not 0 < size <= _WALLET_SIGNATURE_BYTES_MAX:
        raise MalformedField("signature", f"{size} bytes", f"1 to {_WALLET_SIGNATURE_BYTES_MAX} bytes of 0x-hex")
    return parse_hex(text, "signature", size)
