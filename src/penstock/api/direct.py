"""The short way through the framework, for the endpoints on the path of every payment.

FastAPI describes them; its resolving of dependencies and its models for bodies and replies, which would cost more
than checking and signing a state, are not run.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, get_type_hints

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute

from penstock.api.access import channel_id_of, node_of
from penstock.api.strict import parse_body, read_body


class DirectRoute(APIRoute):
    """A route whose endpoint takes ``request``, ``node``, ``channel_id`` and ``body``, and nothing else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that reads, calls and writes."""
        endpoint = self.endpoint
        shape = get_type_hints(endpoint)["body"]

        async def handle(request: Request) -> Response:
            node = await node_of(request)
            channel_id = await channel_id_of(request.path_params["channel_id"])
            body = parse_body(await read_body(request), shape)
            reply = await endpoint(request=request, node=node, channel_id=channel_id, body=body)
            if isinstance(reply, Response):
                return reply
            return Response(msgspec.json.encode(reply), media_type="application/json")

        return handle
