"""Settlement arithmetic: the mirror of contracts/libraries/Payout.sol (docs/protocol.md, section 2)."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.protocol.messages import State
from penstock.protocol.onchain import OnChain


@dataclass(frozen=True, slots=True)
class Payout:
    """Who gets what, in the token's smallest unit; the four figures sum to what the contract holds (INV-3)."""

    payer_paid: int
    payee_paid: int
    payer_pool: int
    payee_pool: int


def _clamp(value: int, high: int) -> int:
    return max(0, min(value, high))


def settle(onchain: OnChain, state: State) -> Payout:
    """Divide what the contract holds after ``state``; never refuses, whatever the deposits have become.

    A lost deposit eats its owner's locks first; the sum is always `OnChain.held`.
    """
    total = onchain.held
    payer_net = onchain.payer_deposit - onchain.payer_withdrawn - state.paid
    payee_net = onchain.payee_deposit - onchain.payee_withdrawn + state.paid
    payer_share = _clamp(payer_net, total)
    payee_share = total - payer_share
    payer_paid = _clamp(payer_net - state.payer_locked, payer_share)
    payee_paid = _clamp(payee_net - state.payee_locked, payee_share)
    return Payout(payer_paid, payee_paid, payer_share - payer_paid, payee_share - payee_paid)
