"""Put the application together: routes, problem documents, access log, OpenAPI."""

from __future__ import annotations

import secrets
import time
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penstock import __version__
from penstock.api import documents
from penstock.api.errors import InternalError, MethodUnsupported, RouteUnknown
from penstock.api.metrics import Metrics, metrics_of
from penstock.api.openapi import describe, methods_at
from penstock.api.problems import respond
from penstock.api.routes import channels, collections, exits, payments, service, states, vouchers
from penstock.node.node import Node
from penstock.protocol.errors import MalformedField, PenstockError

log = structlog.get_logger(__name__)

_METHOD_UNSUPPORTED = 405
_SERVER_ERROR = 500


def create_app(node: Node, operator_token: str, registry: CollectorRegistry | None = None) -> FastAPI:
    """Return the application that serves ``node``.

    Parameters
    ----------
    operator_token
        Opens the operator's endpoints.
    registry
        Holds other metrics that are to be shown too.
    """
    # The page at /docs comes with the package: an operator's machine may reach no CDN.
    app = FastAPIOffline(
        title=documents.TITLE,
        description=documents.DESCRIPTION,
        version=__version__,
        openapi_tags=documents.TAGS,
        redoc_url=None,
        # A redirect would have a client send its body, and its signature, twice.
        redirect_slashes=False,
    )
    app.state.node = node
    app.state.operator_token = operator_token
    app.state.metrics = Metrics(node.context.head, registry)
    for module in (channels, payments, states, vouchers, collections, exits, service):
        app.include_router(module.router)
    app.add_exception_handler(PenstockError, _on_fault)
    app.add_exception_handler(RequestValidationError, _on_parameter)
    app.add_exception_handler(HTTPException, _on_http)
    describe(app)
    app.add_middleware(_Observed, metrics=app.state.metrics)
    return app


def _on_fault(request: Request, error: Exception) -> Response:
    assert isinstance(error, PenstockError)
    metrics_of(request).refused(error)
    response = respond(error, request.url.path)
    if response.status_code >= _SERVER_ERROR:
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
    if error.status_code == _METHOD_UNSUPPORTED:
        # The framework names the methods of the first route that fits, not of all.
        allowed = ", ".join(methods_at(request.app, path)) or (error.headers or {}).get("Allow", "")
        return _on_fault(request, MethodUnsupported(request.method, path, allowed))
    return _on_fault(request, RouteUnknown(path))


class _Observed:
    """Measure and log every request; whatever nobody caught becomes a problem document without a trace."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, observe)
        except ClientDisconnect:
            log.debug("the client left", path=scope["path"])
        except Exception:
            request_id = secrets.token_hex(8)
            log.exception("failed", path=scope["path"], request_id=request_id)
            if status:
                raise
            status = _SERVER_ERROR
            await respond(InternalError(request_id), scope["path"])(scope, receive, send)
        finally:
            self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route: Any = scope.get("route")
        # Paths that no route has would fill the metrics with whatever people try.
        self._metrics.answered(scope["method"], getattr(route, "path", "none"), status, seconds)
        log.debug("answered", method=scope["method"], path=scope["path"], status=status, ms=round(seconds * 1000, 2))
