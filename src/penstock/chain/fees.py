"""What a transaction offers for its gas (EIP-1559): pure arithmetic; all figures in wei per unit of gas.

docs/transactions.md draws the curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median_low

from penstock.chain.rpc import FeeHistory


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
        The most offered by a transaction without a budget of its own; above it that one waits.
    final_blocks
        So many blocks can still take a transaction before its deadline when it offers its whole budget: one may be
        full, censored or lost in a reorg, all of them rarely are.
    """

    history_blocks: int = 10
    percentile: int = 50
    min_priority_fee: int = 10**6
    base_fee_multiple: int = 2
    max_fee_limit: int = 500 * 10**9
    final_blocks: int = 2


@dataclass(frozen=True, slots=True)
class Fees:
    """The two fields of a type 2 transaction."""

    max_fee: int
    priority_fee: int

    def within(self, cap: int) -> Fees:
        """Return these, each at most ``cap``."""
        max_fee = min(self.max_fee, cap)
        return Fees(max_fee, min(self.priority_fee, max_fee))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the time is from the first signing to the moment at which the whole budget is offered; in seconds."""

    elapsed: int
    window: int

    @property
    def over(self) -> bool:
        """Tell whether that moment has come."""
        return self.elapsed >= self.window


def progress(started_at: int, now: int, deadline: int, block_seconds: int, settings: FeeSettings) -> Progress:
    """Return how far the time is, by the clock of the chain.

    ``block_seconds`` is how far blocks are apart: a block ``final_blocks + 1`` of them before the deadline is the
    last after which ``final_blocks`` more come in time, "before t" being a timestamp below it.
    """
    final_at = deadline - (settings.final_blocks + 1) * block_seconds
    return Progress(now - started_at, final_at - started_at)


def market_fees(history: FeeHistory, settings: FeeSettings) -> Fees:
    """Return what the market asks now."""
    paid = [tip for tip in history.tips if tip > 0]
    priority = max(median_low(paid) if paid else 0, settings.min_priority_fee)
    return Fees(history.next_base_fee * settings.base_fee_multiple + priority, priority)


def offer(market: Fees, cap: int, at: Progress | None) -> Fees:
    """Return what to offer: the market's fees, rising to the cap with the cube of the time.

    A cube stays near the market while there is time, and spends the budget when there is none. Until the end an
    eighth is left for the last replacement, which offers the whole cap in both fields. Without a deadline (None) it
    is the market's, within the cap.
    """
    if at is None:
        return market.within(cap)
    if at.over:
        return Fees(cap, cap)
    last = ceiling(cap, at)
    start = market.within(last)
    share, whole = max(at.elapsed, 0) ** 3, at.window**3
    return Fees(
        start.max_fee + (last - start.max_fee) * share // whole,
        start.priority_fee + (last - start.priority_fee) * share // whole,
    )


def ceiling(cap: int, at: Progress | None) -> int:
    """Return the most to offer now: the cap, less what the last replacement before a deadline must have left."""
    return cap if at is None or at.over else cap * 8 // 9


def replacement(old: Fees, wanted: Fees, cap: int) -> Fees | None:
    """Return the fees of a replacement: those wanted, and both at least an eighth above the old ones.

    Nodes take a replacement only if both fields rise by a tenth (geth); an eighth is what most wallets add. None if
    the cap leaves no room.
    """
    priority = max(wanted.priority_fee, by_an_eighth(old.priority_fee))
    raised = Fees(max(wanted.max_fee, by_an_eighth(old.max_fee), priority), priority)
    return raised if raised.max_fee <= cap else None


def is_worth_replacing(old: Fees, wanted: Fees) -> bool:
    """Tell whether what is wanted has risen by as much as a replacement must."""
    return wanted.max_fee >= by_an_eighth(old.max_fee) or wanted.priority_fee >= by_an_eighth(old.priority_fee)


def by_an_eighth(fee: int) -> int:
    """Return the fee raised by an eighth, rounded up."""
    return fee + -(-fee // 8)
