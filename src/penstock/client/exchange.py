"""One HTTP exchange with a service that is not trusted: bounded in time and size, repeated until answered."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import anyio
import httpx
import msgspec
from tenacity import AsyncRetrying, retry_if_exception_type, stop_before_delay, wait_random_exponential

from penstock.client.errors import InvalidUrl
from penstock.client.patience import Patience
from penstock.client.problems import Problem

ANSWER_BYTES_MAX = 4 * 2**20
_ANSWER_OPENINGS_MAX = 10_000
"""Objects and lists in one answer at most: it bounds the nesting, on which the parser recurses."""
_EXCERPT = 200
_SERVER_ERRORS = 500
_TOO_MANY_REQUESTS = 429
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0


class NoAnswer(Exception):
    """The service gave no answer, or one that asks to try again; ``str()`` says why."""


class TooLong(Exception):
    """The answer exceeds `ANSWER_BYTES_MAX`, or holds more objects and lists than any honest one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status below 500 and the body."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Tell whether the status is one of success."""
        return 200 <= self.status < 300  # noqa: PLR2004 (HTTP's own classes)


class Exchange:
    """Talk to one service.

    Every request of the protocol may be repeated without harm, so each is, with growing random pauses, until
    ``patience.answer_seconds`` are over.

    Raises
    ------
    InvalidUrl
        ``url`` is no address of an HTTP service.
    """

    def __init__(self, url: str, http: httpx.AsyncClient, patience: Patience) -> None:
        self.url = _checked(url)
        self._http = http
        self._patience = patience

    async def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}) -> Answer:
        """Send a request until it is answered.

        Raises
        ------
        NoAnswer
            Not in time.
        TooLong
            The answer is too large to be read.
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(NoAnswer),
            wait=wait_random_exponential(multiplier=_FIRST_PAUSE_SECONDS, max=_LONGEST_PAUSE_SECONDS),
            stop=stop_before_delay(self._patience.answer_seconds),
            reraise=True,
        )
        return await retrying(self._once, method, path, body, headers)

    async def _once(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        # Uncompressed, so that the bound on the bytes read is one on the bytes kept.
        sent = {"accept-encoding": "identity", **({"content-type": "application/json"} if body else {}), **headers}
        try:
            with anyio.fail_after(self._patience.request_seconds):
                async with self._http.stream(method, self.url + path, content=body, headers=sent) as response:
                    received = await _read(response)
        except TimeoutError as error:
            raise NoAnswer(f"nothing within {self._patience.request_seconds:g} seconds") from error
        except httpx.TransportError as error:
            raise NoAnswer(str(error) or type(error).__name__) from error
        if response.status_code >= _SERVER_ERRORS or response.status_code == _TOO_MANY_REQUESTS:
            raise NoAnswer(f"status {response.status_code}: {_reason(received)}")
        return Answer(response.status_code, received)


def _checked(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidUrl(url, str(error)) from None
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment:
        raise InvalidUrl(url, "expected http:// or https://, a host, and no query")
    return url.rstrip("/")


async def _read(response: httpx.Response) -> bytes:
    received = bytearray()
    async for chunk in response.aiter_raw():
        received += chunk
        if len(received) > ANSWER_BYTES_MAX:
            raise TooLong
    if received.count(b"{") + received.count(b"[") > _ANSWER_OPENINGS_MAX:
        raise TooLong
    return bytes(received)


def _reason(body: bytes) -> str:
    """Return what a problem document says, or else the body's beginning."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        problem = msgspec.json.decode(body, type=Problem)
        if problem.detail:
            return problem.detail[:_EXCERPT]
    return body[:_EXCERPT].decode(errors="replace")
