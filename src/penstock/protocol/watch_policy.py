"""What a watcher does about a channel, decided without I/O (docs/protocol.md, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.protocol.messages import SignedState, SignedVoucher
from penstock.protocol.onchain import Closing, OnChain

Evidence = SignedState | SignedVoucher


@dataclass(frozen=True, slots=True)
class Challenge:
    """Answer a stale close with the newer state before ``deadline``."""

    evidence: SignedState
    deadline: int


@dataclass(frozen=True, slots=True)
class Collect:
    """Collect a voucher before ``deadline``."""

    evidence: SignedVoucher
    deadline: int


@dataclass(frozen=True, slots=True)
class Settle:
    """End a channel whose challenge period is over."""


Action = Challenge | Collect | Settle


def decide(onchain: OnChain, evidence: Evidence, block_time: int) -> Action | None:
    """Return what the chain needs to be told now, None if nothing.

    ``block_time`` is the newest block's time in seconds: a block's time never falls, so once it has reached the
    deadline no challenge can land any more, and a settlement can.
    """
    phase = onchain.phase
    if not isinstance(phase, Closing):
        return None
    if block_time >= phase.deadline:
        return Settle()
    if isinstance(evidence, SignedState):
        newer = evidence.state.sequence > phase.state.sequence
        return Challenge(evidence, phase.deadline) if newer else None
    uncollected = min(evidence.voucher.paid, onchain.payer_deposit) - onchain.payee_withdrawn
    return Collect(evidence, phase.deadline) if uncollected > 0 else None


def is_newer(evidence: Evidence, held: Evidence | None) -> bool:
    """Tell whether ``evidence`` beats what is held: the higher sequence, or the higher voucher."""
    match evidence, held:
        case SignedState(), SignedState():
            return evidence.state.sequence > held.state.sequence
        case SignedVoucher(), SignedVoucher():
            return evidence.voucher.paid > held.voucher.paid
        case _:
            return held is None
