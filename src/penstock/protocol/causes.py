"""Why a state changes: the causes a proposal names (docs/protocol.md, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from penstock.protocol.messages import State
from penstock.protocol.primitives import INT128_MAX, INT128_MIN, UINT128_MAX, Bytes32, check_range


@dataclass(frozen=True, slots=True)
class Pay:
    """Money from payer to payee; ``amount`` is 1 to 2^128 - 1 smallest units.

    Raises
    ------
    AmountOutOfRange
        Zero, negative or too large.
    """

    cause_id: Bytes32
    amount: int

    def __post_init__(self) -> None:
        """Check the amount."""
        check_range(self.amount, "amount", 1, UINT128_MAX)


@dataclass(frozen=True, slots=True)
class Refund:
    """Money from payee to payer: issued by the payee, proposed unchanged and once by the payer.

    Raises
    ------
    AmountOutOfRange
        Zero, negative or too large.
    """

    cause_id: Bytes32
    amount: int

    def __post_init__(self) -> None:
        """Check the amount."""
        check_range(self.amount, "amount", 1, UINT128_MAX)


Cause = Pay | Refund


def apply_causes(base: State, sequence: int, causes: Sequence[Cause]) -> State:
    """Return the state numbered ``sequence`` that follows from ``base`` and the causes.

    Both parties call this same function and accept only the same bytes.

    Raises
    ------
    AmountOutOfRange
        ``paid`` would leave int128.
    """
    paid = base.paid
    for cause in causes:
        paid += cause.amount if isinstance(cause, Pay) else -cause.amount
    return replace(base, sequence=sequence, paid=check_range(paid, "paid", INT128_MIN, INT128_MAX))
