"""Closes that are seen before a block holds them (docs/protocol.md, section 3).

A sighting is a hint: it stops what is new in its channel at once, and is forgotten as soon as its transaction cannot
come any more, would fail, or was announced too long ago. Whether the channel closes, the blocks say.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from penstock.chain import calls
from penstock.chain.errors import CallReverted, RpcFault
from penstock.chain.metrics import EndpointMetrics
from penstock.chain.rpc import BlockId, Rpc
from penstock.chain.stream import Waiting
from penstock.protocol.encoding import Domain
from penstock.protocol.errors import PenstockError
from penstock.protocol.primitives import Address, Bytes32

log = structlog.get_logger("penstock.sightings")

SECONDS_MAX = 600
"""An announcement is good for so long: what no block took by then, most endpoints have dropped."""
_NOTED_MAX = 256
_SEEN_MAX = 256
"""So many are looked at after each block; what is announced beyond is seen when a block holds it."""

_Key = tuple[Bytes32, Address, int]
"""A channel, and the sender and nonce of what would close it: a replacement takes the place of what it replaces."""


@dataclass(frozen=True, slots=True)
class _Sighting:
    channel_id: Bytes32
    waiting: Waiting
    seen_at: float

    @property
    def key(self) -> _Key:
        return self.channel_id, self.waiting.sender, self.waiting.nonce


class Sightings:
    """The closes that wait, each looked at through the endpoints that count before it is believed.

    Attributes
    ----------
    transactions
        By channel, the hash of a transaction that would close it: the caller's to read.
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
        self._noted: deque[_Sighting] = deque(maxlen=_NOTED_MAX)
        self._seen: dict[_Key, _Sighting] = {}
        self._block: BlockId = "latest"
        self._is_new = False
        self._wake = asyncio.Event()
        self.transactions: dict[Bytes32, Bytes32] = {}

    def note(self, waiting: Waiting) -> None:
        """Take a transaction that waits; whether it would close a channel of ours is seen by `run`."""
        channel = calls.closing(waiting.data)
        if channel is not None:
            self._noted.append(_Sighting(self._domain.channel_id(channel), waiting, self._clock()))
            self._wake.set()

    def follow(self, block: int) -> None:
        """Have `run` forget what cannot come any more, now that this block is recorded."""
        self._block = block
        self._is_new = True
        self._wake.set()

    async def run(self) -> None:
        """Look at what was noted, and after each block at what is held, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._is_new:
                self._is_new = False
                await self.review()
            await self.look()

    async def look(self) -> None:
        """Look once at all that was noted; what no endpoint answers for is looked at after the next block."""
        for _ in range(len(self._noted)):
            sighting = self._noted.popleft()
            held = self._seen.get(sighting.key)
            if held is not None and held.waiting.hash == sighting.waiting.hash:
                continue
            try:
                if await self._is_ours(sighting.channel_id) and await self._may_come(sighting):
                    self._hold(sighting)
            except PenstockError as fault:
                log.debug("a waiting close was not looked at", hash=str(sighting.waiting.hash), why=str(fault))
                if self._is_recent(sighting):
                    self._noted.append(sighting)
                return

    async def review(self) -> None:
        """Forget what cannot come any more; without an endpoint that answers, what is too old."""
        answered = True
        for key, sighting in list(self._seen.items()):
            stays = self._is_recent(sighting)
            try:
                stays = stays and (not answered or await self._may_come(sighting))
            except RpcFault:
                answered = False
            if not stays and self._seen.get(key) is sighting:
                del self._seen[key]
                log.info("a waiting close is gone", channel_id=str(sighting.channel_id))
        self._tell()

    def _hold(self, sighting: _Sighting) -> None:
        if sighting.key not in self._seen and len(self._seen) == _SEEN_MAX:
            log.debug("too many closes wait, left out", channel_id=str(sighting.channel_id))
            return
        if sighting.channel_id not in self.transactions:
            self._metrics.sightings.inc()
            log.warning(
                "a close waits for a block",
                channel_id=str(sighting.channel_id),
                transaction=str(sighting.waiting.hash),
            )
        self._seen[sighting.key] = sighting
        self._tell()

    def _tell(self) -> None:
        """Bring what others read up to date, in place."""
        told = {each.channel_id: each.waiting.hash for each in self._seen.values()}
        for gone in self.transactions.keys() - told.keys():
            del self.transactions[gone]
        self.transactions.update(told)

    async def _may_come(self, sighting: _Sighting) -> bool:
        """Return whether its nonce is unused, and it would succeed, after the newest block that is recorded."""
        waiting = sighting.waiting
        if await self._rpc.nonce(waiting.sender, self._block) > waiting.nonce:
            return False
        try:
            await self._rpc.call(self._domain.contract, waiting.data, self._block, sender=waiting.sender)
        except CallReverted:
            return False
        return True

    def _is_recent(self, sighting: _Sighting) -> bool:
        return self._clock() - sighting.seen_at <= SECONDS_MAX
