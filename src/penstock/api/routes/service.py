"""What this node is, how it is doing, and what its errors mean."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response, status
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from penstock import __version__
from penstock.api.access import TheNode
from penstock.api.documents import REPLIES, answers
from penstock.api.errors import RouteUnknown
from penstock.api.metrics import metrics_of
from penstock.api.problems import status_of, title_of
from penstock.api.shapes import ErrorReply, HeadReply, HealthReply, NodeReply, PeriodJson
from penstock.node.node import Node
from penstock.protocol.errors import PenstockError
from penstock.protocol.primitives import ZERO_WORD

router = APIRouter(tags=["service"])


@router.get("/", responses=answers("links", says="Where everything is."))
async def show_links() -> dict[str, str]:
    """Say where everything is."""
    links: dict[str, str] = REPLIES["links"]
    return links | {"version": __version__}


@router.get("/v1/node", responses=answers("node", says="What a payer needs to open a channel with this node."))
async def show_node(node: TheNode) -> NodeReply:
    """Show who this node is and which channels it takes."""
    context = node.context
    policy = context.policy
    return NodeReply(
        version=__version__,
        chainId=context.domain.chain_id,
        contract=str(context.domain.contract),
        payee=str(policy.payee),
        payeeSigner=str(context.signer.address),
        tokens=[str(token) for token in policy.tokens],
        challengePeriodSeconds=PeriodJson(*policy.challenge_period_seconds),
        withdrawalWindowSeconds=PeriodJson(*policy.withdrawal_window_seconds),
        confirmations=policy.confirmations,
        relays=policy.relay_minimum_deposit is not None,
        relayMinimumDeposit=str(policy.relay_minimum_deposit or 0),
        watchers=[courier.url for courier in node.delivery.couriers],
    )


@router.get(
    "/v1/health",
    responses=answers("health", says="The node serves. 503 with the same document while it signs nothing new."),
)
async def show_health(node: TheNode, request: Request, response: Response) -> HealthReply:
    """Show whether the node can serve: the chain's head, the records, the signer, what waits for the watchers."""
    head = node.context.head
    backlog = await _backlog(node)
    signer = _signer(node)
    if backlog is not None:
        metrics_of(request).delivered(backlog)
    serves = head.is_fresh and backlog is not None and signer == "ok"
    if not serves:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    block = head.block
    return HealthReply(
        status="ok" if serves else "unavailable",
        head=HeadReply(block.number, block.time, head.lag_seconds) if block else None,
        database="ok" if backlog is not None else "unavailable",
        signer=signer,
        watcherBacklog=None if backlog is None else sum(backlog.values()),
    )


async def _backlog(node: Node) -> dict[str, int] | None:
    try:
        return await node.delivery.backlog()
    except PenstockError:
        return None


def _signer(node: Node) -> str:
    try:
        node.context.signer.mark(ZERO_WORD)
    except PenstockError:
        return "unavailable"
    return "ok"


@router.get("/metrics", response_class=PlainTextResponse, responses=answers("metrics", says="Prometheus' text format."))
async def show_metrics(node: TheNode, request: Request) -> Response:
    """Show the numbers for Prometheus."""
    metrics = metrics_of(request)
    metrics.delivered(await _backlog(node) or {})
    return Response(metrics.render(), media_type=CONTENT_TYPE_LATEST)


@router.get("/errors/{code}", responses=answers("error", RouteUnknown, says="What the error means."))
async def show_error(code: str, request: Request) -> ErrorReply:
    """Explain an error code: this is what a problem's `type` points to."""
    kind = PenstockError.by_code(code)
    if kind.code != code:
        raise RouteUnknown(request.url.path)
    return ErrorReply(code, title_of(kind), status_of(kind), kind.remedy)
