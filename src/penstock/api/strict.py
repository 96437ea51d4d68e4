"""Read bodies strictly: one JSON object, every type as declared, nothing coerced.

Pydantic's lax mode would take true for 1 and "3600" for a number, and JSON parsers disagree about keys that stand
twice; what two programs read differently must not be signed for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, get_type_hints

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute

from penstock.api.errors import BodyTooLarge, ContentTypeUnsupported, MalformedJson
from penstock.protocol.errors import MalformedField

BODY_BYTES_MAX = 2**20
_OPENINGS_MAX = 2_000
"""Objects and lists in one body at most, so that nesting is bounded before the parser recurses.

Python's own limit on recursion does not do: py_ecc, which web3 8 imports, raises it beyond what the stack holds.
"""
_INTEGER_DIGITS_MAX = 40
"""Enough for every figure; Python converts longer ones in quadratic time."""


class StrictRoute(APIRoute):
    """A route whose parameter ``body`` is read by `parse_body`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, given a body that was read already."""
        handle = super().get_route_handler()
        shape = get_type_hints(self.endpoint).get("body")
        if shape is None:
            return handle

        async def handle_strictly(request: Request) -> Response:
            raw = await read_body(request)
            return await handle(_ReadRequest(request.scope, raw, parse_body(raw, shape)))

        return handle_strictly


class _ReadRequest(Request):
    """A request whose body was read and parsed."""

    def __init__(self, scope: Any, raw: bytes, parsed: object) -> None:
        super().__init__(scope)
        self._raw = raw
        self._parsed = parsed

    async def body(self) -> bytes:
        return self._raw

    async def json(self) -> object:
        return self._parsed


async def read_body(request: Request) -> bytes:
    """Return the body.

    Raises
    ------
    ContentTypeUnsupported
        It is not announced as JSON.
    BodyTooLarge
        It is longer than `BODY_BYTES_MAX`; no more than that is ever held.
    """
    media_type = request.headers.get("content-type", "none").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise ContentTypeUnsupported(media_type[:80])
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLarge(BODY_BYTES_MAX)
    return bytes(body)


def parse_body(raw: bytes, shape: Any) -> Any:
    """Return the body as an instance of the dataclass ``shape``.

    Raises
    ------
    MalformedJson
        It is no JSON, a key stands twice, a number is not whole, or it holds more than `_OPENINGS_MAX` objects
        and lists.
    MalformedField
        It is no object, or a member is missing or of another type.
    """
    openings = raw.count(b"{") + raw.count(b"[")
    if openings > _OPENINGS_MAX:
        raise MalformedJson(f"it opens {openings} objects and lists, expected at most {_OPENINGS_MAX}")
    try:
        data = json.loads(
            raw.decode(), object_pairs_hook=_object, parse_float=_not_whole, parse_constant=_not_whole, parse_int=_whole
        )
    except json.JSONDecodeError as error:
        raise MalformedJson(f"{error.msg} at character {error.pos}") from None
    except UnicodeDecodeError as error:
        raise MalformedJson(f"it is not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise MalformedJson("it is nested too deeply") from None
    try:
        return msgspec.convert(data, shape)
    except msgspec.ValidationError as error:
        raise _malformed(str(error)) from None
    except UnicodeEncodeError:
        raise MalformedJson("a string holds half a surrogate pair") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedJson(f"the key {twice[:80]!r} stands twice")
    return members


def _whole(text: str) -> int:
    if len(text) > _INTEGER_DIGITS_MAX:
        raise MalformedJson(f"a number has {len(text)} digits")
    return int(text)


def _not_whole(text: str) -> NoReturn:
    raise MalformedJson(f"{text[:80]} is not a whole number")


def _malformed(text: str) -> MalformedField:
    """Put msgspec's sentence, ``Expected `str`, got `int` - at `$.base```, into our error's fields."""
    reason, _, path = text.replace("`", "").partition(" - at ")
    field = path.removeprefix("$").removeprefix(".")
    _, missing, name = reason.partition("missing required field ")
    if missing:
        return MalformedField(f"{field}.{name}".removeprefix("."), "missing", "a value")
    expected, _, got = reason.removeprefix("Expected ").partition(", got ")
    if got:
        return MalformedField(field or "the body", got, expected)
    return MalformedField(field, reason.removeprefix("Invalid enum value "), "a value that /openapi.json names")
