"""What calls of the client return."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.protocol.causes import Transfer
from penstock.protocol.messages import SignedState, SignedVoucher
from penstock.protocol.primitives import Bytes32


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment that the payee has accepted.

    Attributes
    ----------
    causes
        What moved: `Pay` and `Refund` with their ids; empty on a one-way channel, whose vouchers have none.
    evidence
        The co-signed state or the voucher that proves it.
    remaining
        What the payer can still spend, in the token's smallest unit.
    """

    channel_id: Bytes32
    amount: int
    causes: tuple[Transfer, ...]
    evidence: SignedState | SignedVoucher
    remaining: int

    @property
    def sequence(self) -> int:
        """Return the state's number; 0 for a voucher, which has none."""
        return self.evidence.state.sequence if isinstance(self.evidence, SignedState) else 0

    @property
    def paid(self) -> int:
        """Return the net amount paid in this channel since its opening."""
        return self.evidence.state.paid if isinstance(self.evidence, SignedState) else self.evidence.voucher.paid


@dataclass(frozen=True, slots=True)
class Recorded:
    """One line of a channel's history.

    Attributes
    ----------
    status
        ``co-signed``, ``unanswered`` or ``refused`` for a state, ``signed`` for a voucher.
    recorded_at
        Seconds since the epoch.
    """

    evidence: SignedState | SignedVoucher
    causes: tuple[Transfer, ...]
    status: str
    recorded_at: int
