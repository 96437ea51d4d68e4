"""Closes that are seen before a block holds them (docs/protocol.md, section 3).

A sighting is a hint: it stops what is new in its channel at once, and is forgotten as soon as its transaction cannot
come any more, would fail, or was announced too long ago. Whether the channel closes, the blocks say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from penstock.chain import calls
from penstock.chain.errors import CallReverted, RpcFault
from penstock.chain.metrics import EndpointMetrics
from penstock.chain.rpc import Rpc
from penstock.chain.stream import Waiting
from penstock.protocol.encoding import Domain
from penstock.protocol.primitives import Bytes32

log = structlog.get_logger("penstock.sightings")

SECONDS_MAX = 600
"""An announcement is good for so long: what no block took by then, most endpoints have dropped."""
_QUEUE_MAX = 256


@dataclass(frozen=True, slots=True)
class _Sighting:
    waiting: Waiting
    seen_at: float


class Sightings:
    """The closes that wait, each looked at through the endpoints that count before it is believed.

    Attributes
    ----------
    transactions
        By channel, the hash of the transaction that would close it: the caller's to read.
    """

    def __init__(
        self,
        rpc: Rpc,
        domain: Domain,
        is_ours: Callable[[Bytes32], Awaitable[bool]],
        clock: Callable[[], float],
        metrics: EndpointMetrics | None = None,
    ) -> None:
        """Note closes of channels that ``is_ours`` knows; ``clock`` gives seconds of any origin."""
        self._rpc = rpc
        self._domain = domain
        self._is_ours = is_ours
        self._clock = clock
        self._metrics = metrics or EndpointMetrics()
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue(_QUEUE_MAX)
        self._seen: dict[Bytes32, _Sighting] = {}
        self.transactions: dict[Bytes32, Bytes32] = {}

    def note(self, waiting: Waiting) -> None:
        """Take a transaction that waits; whether it would close a channel of ours is seen by `run`."""
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull:
            log.debug("too much waits, left out", transaction=str(waiting.hash))

    async def run(self) -> None:
        """Look at what was noted until cancelled."""
        while True:
            waiting = await self._queue.get()
            try:
                await self._consider(waiting)
            except RpcFault as fault:
                log.debug("a waiting close was not looked at", transaction=str(waiting.hash), why=str(fault))

    async def review(self) -> None:
        """Forget what cannot come any more; to be called after each new head is recorded."""
        for channel_id, sighting in list(self._seen.items()):
            try:
                stays = await self._may_come(sighting)
            except RpcFault:
                stays = self._is_recent(sighting)
            if not stays and self._seen.get(channel_id) is sighting:
                del self._seen[channel_id], self.transactions[channel_id]
                log.info("a waiting close is gone", channel_id=str(channel_id))

    async def _consider(self, waiting: Waiting) -> None:
        channel = calls.closing(waiting.data)
        if channel is None:
            return
        channel_id = self._domain.channel_id(channel)
        sighting = _Sighting(waiting, self._clock())
        if not await self._is_ours(channel_id) or not await self._may_come(sighting):
            return
        if channel_id not in self._seen:
            self._metrics.sightings.inc()
            log.warning("a close waits for a block", channel_id=str(channel_id), transaction=str(waiting.hash))
        self._seen[channel_id] = sighting
        self.transactions[channel_id] = waiting.hash

    async def _may_come(self, sighting: _Sighting) -> bool:
        """Return whether its nonce is unused, it would succeed on the newest block, and it is not too old."""
        waiting = sighting.waiting
        if not self._is_recent(sighting) or await self._rpc.nonce(waiting.sender) > waiting.nonce:
            return False
        try:
            await self._rpc.call(waiting.receiver, waiting.data, sender=waiting.sender)
        except CallReverted:
            return False
        return True

    def _is_recent(self, sighting: _Sighting) -> bool:
        return self._clock() - sighting.seen_at <= SECONDS_MAX
