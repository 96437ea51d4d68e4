"""The watcher over HTTP: take evidence, show it to its parties, tell how it is doing."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response, status
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from penstock import __version__
from penstock.api.access import ChannelId, check_party
from penstock.api.errors import InternalError, MethodUnsupported, RouteUnknown
from penstock.api.problems import respond, status_of, title_of
from penstock.api.shapes import ErrorReply, HeadReply
from penstock.api.strict import StrictRoute
from penstock.protocol.errors import MalformedField, PenstockError
from penstock.protocol.wire import EvidenceJson, ReceiptJson, evidence_from_json, evidence_to_json, receipt_to_json
from penstock.watcher.service import Watcher

log = structlog.get_logger("penstock.watcher")

DESCRIPTION = """
Keeps the newest co-signed state or voucher of every channel it is given and answers stale closes with it.

Anybody may send evidence: the signatures are the proof. A receipt is sent once the evidence is on disk.
"""


@dataclass
class WatcherReply:
    """Which chain and contract this watcher looks after, and the account that signs its receipts."""

    version: str
    chainId: int
    contract: str
    address: str


@dataclass
class GasReply:
    """The account's money; `disputesCovered` is what it pays for at twice the current base fee."""

    balanceWei: str
    disputesCovered: int
    low: bool


@dataclass
class HealthReply:
    """Whether the watcher can do its work: `status` is "ok", or "unavailable" for the `reasons` given."""

    status: str
    reasons: list[str]
    head: HeadReply | None
    watchedChannels: int | None
    closingChannels: int | None
    gas: GasReply | None


router = APIRouter(route_class=StrictRoute)


def watcher_of(request: Request) -> Watcher:
    """Return the watcher that this application serves."""
    watcher: Watcher = request.app.state.watcher
    return watcher


TheWatcher = Annotated[Watcher, Depends(watcher_of)]


@router.get("/v1/watcher")
async def show_watcher(watcher: TheWatcher) -> WatcherReply:
    """Show whom to believe: the address that signs the receipts."""
    return WatcherReply(__version__, watcher.domain.chain_id, str(watcher.domain.contract), str(watcher.address))


@router.post("/v1/evidence")
async def take_evidence(watcher: TheWatcher, body: EvidenceJson) -> ReceiptJson:
    """Take the newest state or voucher of a channel; the receipt says what is held."""
    channel, evidence = evidence_from_json(body, watcher.domain)
    receipt, signature = await watcher.intake.take(channel, evidence)
    return receipt_to_json(receipt, signature)


@router.get("/v1/channels/{channel_id}", response_model_exclude_none=True)
async def show_evidence(watcher: TheWatcher, channel_id: ChannelId, request: Request) -> EvidenceJson:
    """Show the evidence held to a signer of the channel: for a party that lost its data."""
    watch = await watcher.show(channel_id)
    check_party(request, watch.channel, watcher.domain, watcher.clock())
    return evidence_to_json(watch.channel, watch.evidence, watcher.domain)


@router.get("/v1/health")
async def show_health(watcher: TheWatcher, response: Response) -> HealthReply:
    """Show whether the watcher can do its work; 503 with the same document while it cannot."""
    health = await watcher.health()
    if health.reasons:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    block = watcher.head.block
    return HealthReply(
        status="unavailable" if health.reasons else "ok",
        reasons=list(health.reasons),
        head=HeadReply(block.number, block.time, watcher.head.lag_seconds) if block else None,
        watchedChannels=health.watched,
        closingChannels=health.closing,
        gas=_gas(watcher),
    )


def _gas(watcher: Watcher) -> GasReply | None:
    money = watcher.gas
    if money.balance_wei is None or money.covered is None:
        return None
    return GasReply(str(money.balance_wei), money.covered, money.low)


@router.get("/metrics", include_in_schema=False)
async def show_metrics(watcher: TheWatcher) -> Response:
    """Show the numbers for Prometheus."""
    await watcher.health()
    return Response(generate_latest(watcher.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/errors/{code}", include_in_schema=False)
async def show_error(code: str, request: Request) -> ErrorReply:
    """Explain an error code: this is what a problem's `type` points to."""
    kind = PenstockError.by_code(code)
    if kind.code != code:
        raise RouteUnknown(request.url.path)
    return ErrorReply(code, title_of(kind), status_of(kind), kind.remedy)


def create_app(watcher: Watcher) -> FastAPI:
    """Return the application that serves ``watcher``."""
    app = FastAPIOffline(title="Penstock watcher", description=DESCRIPTION, version=__version__, redoc_url=None)
    app.state.watcher = watcher
    app.include_router(router)
    app.add_exception_handler(PenstockError, _on_fault)
    app.add_exception_handler(RequestValidationError, _on_parameter)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)
    return app


def _on_fault(request: Request, error: Exception) -> Response:
    assert isinstance(error, PenstockError)
    watcher_of(request).metrics.refused.labels(error.code).inc()
    response = respond(error, request.url.path)
    if response.status_code >= status.HTTP_500_INTERNAL_SERVER_ERROR:
        log.warning("cannot serve", path=request.url.path, code=error.code, why=str(error))
    return response


def _on_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return _on_fault(request, MalformedField(name, repr(first.get("input"))[:80], first["msg"]))


def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == status.HTTP_405_METHOD_NOT_ALLOWED:
        return _on_fault(request, MethodUnsupported(request.method, path, (error.headers or {}).get("Allow", "")))
    return _on_fault(request, RouteUnknown(path))


def _on_bug(request: Request, error: Exception) -> Response:
    """Answer without a trace; the server logs the trace, and the id joins the two."""
    request_id = secrets.token_hex(8)
    log.error("failed", path=request.url.path, request_id=request_id, error=type(error).__name__)
    return respond(InternalError(request_id), request.url.path)
