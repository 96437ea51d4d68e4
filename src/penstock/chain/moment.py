"""The head of the chain at one look, and what is asked about it once at most."""

from __future__ import annotations

from penstock.chain.fees import Fees, FeeSettings, market_fees
from penstock.chain.rpc import Header, Rpc

_INTERVAL_BLOCKS = 16
"""Over so many blocks the time between two is averaged: few enough to notice that a chain has slowed down."""


class Moment:
    """What is known at one look; any method may raise an `RpcFault`."""

    def __init__(self, rpc: Rpc, head: Header, settings: FeeSettings) -> None:
        """Take the head; nothing else is asked before it is needed."""
        self.head = head
        self._rpc = rpc
        self._settings = settings
        self._market: Fees | None = None
        self._block_seconds: int | None = None

    async def market(self) -> Fees:
        """Return what the market asks."""
        if self._market is None:
            history = await self._rpc.fee_history(self._settings.history_blocks, self._settings.percentile)
            self._market = market_fees(history, self._settings)
        return self._market

    async def block_seconds(self) -> int:
        """Return how far blocks were apart lately, at least 1."""
        if self._block_seconds is None:
            earlier = await self._rpc.block(max(self.head.number - _INTERVAL_BLOCKS, 0))
            blocks = self.head.number - earlier.number if earlier else 0
            self._block_seconds = max(1, -(-(self.head.time - earlier.time) // blocks)) if earlier and blocks else 1
        return self._block_seconds
