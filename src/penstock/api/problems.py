"""Errors as problem documents (RFC 9457), and the one table that gives each its status."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from starlette.responses import Response

from penstock.api import errors as api
from penstock.chain import errors as chain
from penstock.node import errors as node
from penstock.protocol import errors as protocol
from penstock.protocol.errors import PenstockError
from penstock.protocol.messages import SignedState
from penstock.protocol.wire import SignedStateJson, signed_state_to_json
from penstock.storage import errors as storage

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2

# The nearest ancestor that stands here decides. 4xx: the sender's to mend; 503: the same request may succeed later.
STATUS: dict[type[PenstockError], int] = {
    protocol.PeerFault: 422,
    protocol.InputFault: 400,
    protocol.AmountOutOfRange: 422,
    api.ContentTypeUnsupported: 415,
    api.BodyTooLarge: 413,
    api.RouteUnknown: 404,
    api.MethodUnsupported: 405,
    api.Unauthenticated: 401,
    api.NotPermitted: 403,
    protocol.SignatureFault: 400,
    protocol.WrongSigner: 403,
    protocol.UnknownChannel: 404,
    protocol.WrongKind: 409,
    protocol.ChannelUnopened: 409,
    protocol.ChannelClosing: 409,
    protocol.ClosePending: 409,
    protocol.ChannelSettled: 409,
    protocol.CloseSigned: 409,
    protocol.SequenceTooLow: 409,
    protocol.SequenceTooFar: 409,
    protocol.Equivocation: 409,
    protocol.UnknownBase: 409,
    protocol.CauseRepeated: 409,
    protocol.CauseAltered: 409,
    protocol.VoucherNotHigher: 409,
    protocol.CloseFault: 409,
    node.AuthorizationReused: 409,
    node.NothingToCollect: 409,
    protocol.SignerRefusal: 409,
    storage.RecordConflict: 409,
    storage.KeyReused: 409,
    node.NodeFault: 503,
    storage.StorageError: 503,
    chain.KeyFault: 503,
    chain.RpcFault: 503,
    protocol.ChainFault: 503,
    PenstockError: 500,
}


@dataclass
class Problem:
    """What was wrong, what was expected and what to do (RFC 9457).

    ``code`` is stable and names the error; ``values`` are the values that were compared. ``newest`` is the newest
    co-signed state, in refusals of authentic proposals only: what the next proposal builds on.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    remedy: str
    instance: str
    values: dict[str, str] = field(default_factory=dict)
    newest: SignedStateJson | None = None


def status_of(kind: type[PenstockError]) -> int:
    """Return the HTTP status of an error."""
    return next(STATUS[ancestor] for ancestor in kind.__mro__ if ancestor in STATUS)


def title_of(kind: type[PenstockError]) -> str:
    """Return one line that says what kind of error it is, the same for each occurrence."""
    first_line, *_ = (kind.__doc__ or kind.code).splitlines()
    return first_line.rstrip(".")


def problem_of(error: PenstockError, instance: str, newest: SignedState | None = None) -> Problem:
    """Describe one occurrence; ``instance`` is the request's path."""
    kind = type(error)
    return Problem(
        type=f"/errors/{kind.code}",
        title=title_of(kind),
        status=status_of(kind),
        detail=str(error),
        code=kind.code,
        remedy=kind.remedy,
        instance=instance,
        values=error.values(),
        newest=signed_state_to_json(newest) if newest else None,
    )


def respond(error: PenstockError, instance: str, newest: SignedState | None = None) -> Response:
    """Answer with a problem document."""
    problem = problem_of(error, instance, newest)
    headers = {}
    if problem.status == STATUS[node.NodeFault]:
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    if isinstance(error, api.Unauthenticated):
        headers["www-authenticate"] = 'Bearer realm="operator", Penstock realm="channel"'
    if isinstance(error, api.MethodUnsupported):
        headers["allow"] = error.allowed
    shape = msgspec.to_builtins(problem)
    if problem.newest is None:
        del shape["newest"]
    return Response(msgspec.json.encode(shape), problem.status, headers, MEDIA_TYPE)
