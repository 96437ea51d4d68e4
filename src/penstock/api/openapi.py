"""The OpenAPI document: FastAPI's, less what this application does differently."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.routing import compile_path

from penstock.api.problems import MEDIA_TYPE

_REPLACED = ("HTTPValidationError", "ValidationError")
"""FastAPI's own answer to bad input, in whose place problem documents are sent."""


_SECURITY = {
    "operator": {"type": "http", "scheme": "bearer", "description": "The operator's token."},
    "party": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": (
            "`Penstock issuedAt=<seconds>, signature=0x…`: a `Request(string method,string path,uint64 issuedAt)` "
            "signed by the channel's payerSigner or payeeSigner, at most 300 seconds ago."
        ),
    },
}


def describe(app: FastAPI) -> None:
    """Have the application describe its problem documents rather than FastAPI's errors."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            document["components"]["securitySchemes"] = _SECURITY
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    _mend(operation["responses"])
                    if "401" in operation["responses"]:
                        # A party reads its own channel; everything else is the operator's.
                        reads_channel = method == "get" and "{channel_id}" in path
                        operation["security"] = [{"operator": []}, *([{"party": []}] if reads_channel else [])]
            for name in _REPLACED:
                document["components"]["schemas"].pop(name, None)
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]


def methods_at(app: FastAPI, path: str) -> list[str]:
    """Return the methods that a path takes, in alphabetical order."""
    found: set[str] = set()
    for template, operations in app.openapi()["paths"].items():
        if compile_path(template)[0].match(path):
            found.update(method.upper() for method in operations)
    return sorted(found)


def _mend(responses: dict[str, Any]) -> None:
    for status, response in list(responses.items()):
        content = response.get("content", {})
        if MEDIA_TYPE in content:
            content.pop("application/json", None)
        elif "HTTPValidationError" in str(content):
            del responses[status]
