"""How to send: settings, and what follows from an intent and its deadline without asking anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from penstock.chain.fees import FeeSettings
from penstock.node.records import Intent, Transaction

FINALIZED: Final = "finalized"
Depth = int | Literal["finalized"]


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """How to send.

    Attributes
    ----------
    confirmations
        How many blocks, its own included, make a transaction final.
    depths
        Other depths by purpose; "finalized" waits for the chain's own finality.
    poll_seconds
        How often to look at the chain.
    replace_after_blocks
        How long to wait for a transaction before its fees are raised, deadline or not.
    in_flight_max
        How many transactions an account may have under way; most nodes keep sixteen a sender.
    urgent_reserve
        So many of them only for urgent ones, which then never wait for routine.
    gas_margin_percent
        Added to the estimated gas: the state may change before it is mined.
    """

    confirmations: int = 1
    depths: Mapping[str, Depth] = field(default_factory=dict)
    poll_seconds: float = 1.0
    replace_after_blocks: int = 3
    in_flight_max: int = 16
    urgent_reserve: int = 4
    gas_margin_percent: int = 25
    fees: FeeSettings = field(default_factory=FeeSettings)

    def __post_init__(self) -> None:
        """Check our own settings against each other."""
        assert 0 <= self.urgent_reserve < self.in_flight_max, "routine needs a place too"

    def depth_of(self, purpose: str) -> Depth:
        """Return how deep a transaction must be to be final."""
        return self.depths.get(purpose, self.confirmations)


def cap_of(intent: Intent, gas_limit: int, fees: FeeSettings) -> int:
    """Return the most that an intent may offer for a unit of gas."""
    return fees.max_fee_limit if intent.budget is None else intent.budget // gas_limit


def pressing(transactions: Sequence[Transaction], now: int) -> Transaction | None:
    """Return the one with the nearest deadline that can still be met, None if none has one."""
    still = [
        (t.intent.deadline, t)
        for t in transactions
        if t.intent.deadline is not None and now < t.intent.deadline and t.wishes.cancel is None
    ]
    return min(still, key=lambda pair: pair[0])[1] if still else None
