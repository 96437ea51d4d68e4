"""The node's operator endpoints, which ask for the operator's token."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from penstock.cli.errors import Unreachable
from penstock.client.problems import Problem, error_of
from penstock.protocol.primitives import Bytes32

_TIMEOUT_SECONDS = 30
_PAGE = 100


class Operator:
    """Speak to a node as the one who runs it.

    Every method raises `Unreachable` when the node does not answer, and otherwise the error that the node names.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        headers = {"authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_SECONDS, headers=headers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def channels(self) -> list[dict[str, Any]]:
        """Return every channel that the node holds."""
        found: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            query = f"?limit={_PAGE}" + (f"&after={after}" if after else "")
            page = await self._ask("GET", f"/v1/channels{query}")
            found.extend(page["channels"])
            after = page["next"]
            if after is None:
                return found

    async def channel(self, channel_id: Bytes32) -> dict[str, Any]:
        """Return what the node holds of a channel."""
        return await self._ask("GET", f"/v1/channels/{channel_id}")

    async def refund(self, channel_id: Bytes32, amount: int) -> dict[str, Any]:
        """Issue a refund of ``amount`` smallest units for the payer to take."""
        return await self._ask("POST", f"/v1/channels/{channel_id}/refunds", {"amount": str(amount)})

    async def collect(self, channel_id: Bytes32) -> dict[str, Any]:
        """Have the node collect the highest voucher; return the transaction."""
        reply = await self._ask("POST", f"/v1/channels/{channel_id}/collect")
        transaction: dict[str, Any] = reply["transaction"]
        return transaction

    async def collect_all(self, minimum: int) -> dict[str, Any]:
        """Have the node collect from every channel that owes so many smallest units; return what is sent."""
        return await self._ask("POST", "/v1/collections", {"minimum": str(minimum)})

    async def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        try:
            answer = await self._http.request(method, path, json=body)
            if answer.is_success:
                shape: dict[str, Any] = answer.json()
                return shape
            problem = msgspec.json.decode(answer.content, type=Problem)
        except (httpx.HTTPError, ValueError, msgspec.DecodeError) as error:
            raise Unreachable("the node", self._url, str(error) or type(error).__name__) from None
        raise error_of(problem, self._url, answer.status_code)
