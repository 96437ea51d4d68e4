"""The money a watcher's promise rests on: without gas no answer reaches the chain."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from penstock.chain.errors import RpcFault
from penstock.chain.rpc import Rpc
from penstock.protocol.primitives import Address
from penstock.watcher.metrics import Metrics

log = structlog.get_logger("penstock.watcher")

GAS_PER_DISPUTE = 120_000
"""A challenge and a settlement, with room: 49,000 and 60,000 gas at most (snapshots/)."""

CHECK_SECONDS = 60
_TIP_WEI = 10**9


def disputes_covered(balance_wei: int, base_fee_wei: int) -> int:
    """Return how many whole disputes ``balance_wei`` pays for at twice the base fee and a tip of 1 gwei."""
    return balance_wei // (GAS_PER_DISPUTE * (2 * base_fee_wei + _TIP_WEI))


class GasMoney:
    """Looks after the accounts that pay; warns while they cover fewer disputes than the reserve."""

    def __init__(self, rpc: Rpc, addresses: Sequence[Address], reserve_disputes: int, metrics: Metrics) -> None:
        self._rpc = rpc
        self._addresses = addresses
        self._reserve = reserve_disputes
        self._metrics = metrics
        self.balance_wei: int | None = None
        self.covered: int | None = None

    @property
    def low(self) -> bool:
        """Tell whether the reserve is known to be short."""
        return self.covered is not None and self.covered < self._reserve

    async def check(self) -> None:
        """Look once; raises `RpcFault`."""
        balances = [await self._rpc.balance(address) for address in self._addresses]
        base_fee = (await self._rpc.head()).base_fee
        self.balance_wei = sum(balances)
        self.covered = sum(disputes_covered(balance, base_fee) for balance in balances)
        self._metrics.gas_balance.set(self.balance_wei)
        self._metrics.disputes_covered.set(self.covered)
        if self.low:
            log.warning(
                "gas money is low",
                accounts=[str(address) for address in self._addresses],
                balance_wei=self.balance_wei,
                disputes_covered=self.covered,
                reserve=self._reserve,
            )

    async def run(self) -> None:
        """Look every minute, for ever."""
        while True:
            try:
                await self.check()
            except RpcFault as fault:
                log.warning("gas money is unknown", reason=str(fault))
            await asyncio.sleep(CHECK_SECONDS)
