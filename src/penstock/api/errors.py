"""Faults of HTTP requests, before any use case sees them.

::

    PenstockError
    ├── PeerFault                 the protocol's branch
    │   ├── InputFault            the protocol's branch
    │   │   ├── MalformedJson
    │   │   └── ContentTypeUnsupported
    │   ├── BodyTooLarge
    │   ├── RouteUnknown  MethodUnsupported
    │   └── AccessFault           who asks may not, or does not say who it is
    │       ├── Unauthenticated
    │       └── NotPermitted
    └── InternalError             our own bug
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.protocol.errors import InputFault, PeerFault, PenstockError


@dataclass(eq=False)
class MalformedJson(InputFault):
    """The body is not plain JSON."""

    reason: str
    message = "the body is not the JSON expected: {reason}"
    remedy = "Send one JSON object in UTF-8; amounts are decimal strings, no key stands twice."


@dataclass(eq=False)
class ContentTypeUnsupported(InputFault):
    """The body is not announced as JSON."""

    got: str
    message = "the content type is {got}, expected application/json"
    remedy = "Send the header Content-Type: application/json."


@dataclass(eq=False)
class BodyTooLarge(PeerFault):
    """The body is longer than the node reads (bytes)."""

    maximum: int
    message = "the body is longer than {maximum} bytes"
    remedy = "Split the request."


@dataclass(eq=False)
class RouteUnknown(PeerFault):
    """Nothing is served at this path."""

    path: str
    message = "nothing is served at {path}"
    remedy = "GET /openapi.json names every path; /docs shows them to people."


@dataclass(eq=False)
class MethodUnsupported(PeerFault):
    """The path exists, not with this method."""

    method: str
    path: str
    allowed: str
    message = "{path} does not take {method}, only {allowed}"
    remedy = "Use one of the methods that the Allow header names."


class AccessFault(PeerFault):
    """Who asks may not, or does not say who it is."""


@dataclass(eq=False)
class Unauthenticated(AccessFault):
    """The request does not prove who sends it."""

    reason: str
    message = "the request is not authenticated: {reason}"
    remedy = (
        "Send `Authorization: Bearer <operator token>`, or for your own channel "
        "`Authorization: Penstock issuedAt=<seconds>, signature=0x…` by its payerSigner or payeeSigner."
    )


@dataclass(eq=False)
class NotPermitted(AccessFault):
    """The sender is known and may not do this."""

    reason: str
    message = "this is not permitted: {reason}"
    remedy = "Use the operator's token, or the key of a signer of this very channel."


@dataclass(eq=False)
class InternalError(PenstockError):
    """The node failed; the log says why."""

    request_id: str
    message = "the node failed on request {request_id}"
    remedy = "Send the same request again: everything can be repeated. Give the operator the request's id."
