"""What a transaction offers for its gas (EIP-1559); all figures in wei per unit of gas."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median_low

from penstock.chain.rpc import Rpc


@dataclass(frozen=True, slots=True)
class FeeSettings:
    """How fees are found.

    Attributes
    ----------
    history_blocks, percentile
        The tip is the median, over so many blocks, of the tip at this percentile of each block's gas: what an
        ordinary transaction paid lately.
    min_priority_fee
        The least tip offered: some nodes drop transactions without one.
    base_fee_multiple
        The base fee rises by at most an eighth a block: twice the next one lasts for six full blocks.
    max_fee_limit
        The most ever offered; above it a transaction waits.
    """

    history_blocks: int = 10
    percentile: int = 50
    min_priority_fee: int = 10**6
    base_fee_multiple: int = 2
    max_fee_limit: int = 500 * 10**9


@dataclass(frozen=True, slots=True)
class Fees:
    """The two fields of a type 2 transaction."""

    max_fee: int
    priority_fee: int


async def market_fees(rpc: Rpc, settings: FeeSettings) -> Fees:
    """Return what the market asks now, within the limit; raises `RpcUnavailable` and `RpcRefused`."""
    history = await rpc.fee_history(settings.history_blocks, settings.percentile)
    paid = [tip for tip in history.tips if tip > 0]
    priority = max(median_low(paid) if paid else 0, settings.min_priority_fee)
    return _limited(Fees(history.next_base_fee * settings.base_fee_multiple + priority, priority), settings)


def raised(old: Fees, market: Fees, settings: FeeSettings) -> Fees | None:
    """Return the fees of a replacement: the market's, and both at least an eighth above the old ones.

    Nodes take a replacement only if both fields rise by a tenth (geth); an eighth is what most wallets add. None
    if the limit leaves no room.
    """
    priority = max(market.priority_fee, _by_an_eighth(old.priority_fee))
    wanted = Fees(max(market.max_fee, _by_an_eighth(old.max_fee), priority), priority)
    limited = _limited(wanted, settings)
    enough = limited.max_fee >= _by_an_eighth(old.max_fee) and limited.priority_fee >= _by_an_eighth(old.priority_fee)
    return limited if enough else None


def _by_an_eighth(fee: int) -> int:
    return fee + -(-fee // 8)


def _limited(fees: Fees, settings: FeeSettings) -> Fees:
    max_fee = min(fees.max_fee, settings.max_fee_limit)
    return Fees(max_fee, min(fees.priority_fee, max_fee))
