"""Who asks: the operator by its token, or a party by its signer's signature over the request."""

from __future__ import annotations

import hmac
import re
from typing import Annotated

from fastapi import Depends, Request

from penstock.api.errors import NotPermitted, Unauthenticated
from penstock.node.context import load
from penstock.node.node import Node
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import SignatureFault
from penstock.protocol.messages import Channel
from penstock.protocol.messages import Request as SignedRequest
from penstock.protocol.primitives import Bytes32
from penstock.protocol.signatures import recover

REQUEST_AGE_SECONDS_MAX = 300

_BEARER = re.compile(r"Bearer (\S+)", re.IGNORECASE)
_PENSTOCK = re.compile(r"Penstock issuedAt=(\d{1,15}), ?signature=0x([0-9a-fA-F]{130})", re.IGNORECASE)


# FastAPI would run plain functions in a thread each; these wait for nothing.


async def node_of(request: Request) -> Node:
    """Return the node that this application serves."""
    node: Node = request.app.state.node
    return node


async def channel_id_of(channel_id: str) -> Bytes32:
    """Return the path's channel id; raises `MalformedField`."""
    return Bytes32.parse(channel_id, "channelId")


TheNode = Annotated[Node, Depends(node_of)]
ChannelId = Annotated[Bytes32, Depends(channel_id_of)]


async def check_operator(request: Request) -> None:
    """Check that the operator asks.

    Raises
    ------
    Unauthenticated
        There is no bearer token.
    NotPermitted
        It is another one.
    """
    header = request.headers.get("authorization", "")
    match = _BEARER.fullmatch(header)
    if match is None:
        raise Unauthenticated("the operator's bearer token is missing")
    if not _is_token(request, match[1]):
        raise NotPermitted("this is not the operator's token")


async def check_reader(request: Request, node: TheNode, channel_id: ChannelId) -> None:
    """Check that the operator or a party of the channel asks.

    Raises
    ------
    UnknownChannel
        There is no such channel.
    Unauthenticated
        Nothing, or nothing fresh and readable, says who asks.
    NotPermitted
        Somebody else asks.
    """
    header = request.headers.get("authorization", "")
    if _BEARER.fullmatch(header):
        await check_operator(request)
        return
    position = await node.read(lambda uow, _: load(uow, channel_id))
    check_party(request, position.channel, node.context.domain, node.context.now())


def check_party(request: Request, channel: Channel, domain: Domain, now: int) -> None:
    """Check that a signer of ``channel`` asks; raises `Unauthenticated` or `NotPermitted`."""
    match = _PENSTOCK.fullmatch(request.headers.get("authorization", ""))
    if match is None:
        raise Unauthenticated("the Authorization header is missing or of another form")
    issued_at, signature = int(match[1]), bytes.fromhex(match[2])
    age = abs(now - issued_at)
    if age > REQUEST_AGE_SECONDS_MAX:
        raise Unauthenticated(f"issuedAt is {age} seconds off, expected at most {REQUEST_AGE_SECONDS_MAX}")
    signed = SignedRequest(request.method, _target(request), issued_at)
    _check_signer(channel, domain.digest(signed), signature)


def _check_signer(channel: Channel, digest: Bytes32, signature: bytes) -> None:
    try:
        signer = recover(digest, signature)
    except SignatureFault as error:
        raise Unauthenticated(str(error)) from None
    if signer not in (channel.payer_signer, channel.payee_signer):
        raise NotPermitted(f"the request is signed by {signer}, which is no signer of this channel")


def _target(request: Request) -> str:
    """Return path and query as they were sent: decoding them would make another text of what was signed."""
    path: bytes = request.scope.get("raw_path") or request.url.path.encode()
    query: bytes = request.scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")


def _is_token(request: Request, token: str) -> bool:
    expected: str = request.app.state.operator_token
    return hmac.compare_digest(token.encode(), expected.encode())


Operator = Depends(check_operator)
Reader = Depends(check_reader)
