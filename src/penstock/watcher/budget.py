"""What an answer may cost: bounded by what is at stake, decided without I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.protocol.messages import State
from penstock.protocol.onchain import Closing, OnChain
from penstock.protocol.primitives import Address
from penstock.protocol.watch_policy import Action, Challenge, Collect

_ETHER = 10**18


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """How much to spend on an answer.

    Attributes
    ----------
    minimum_wei
        So much in any case: a unit is defended too as long as gas costs what it usually does.
    maximum_wei
        Never more, whatever is at stake, and so much where a token's price is not known.
    stake_percent
        Of what is at stake: above all of it the answer costs more than it saves.
    units_per_ether
        How many of a token's smallest units are worth one ether, by token.
    """

    minimum_wei: int = 5 * 10**15
    maximum_wei: int = 5 * 10**16
    stake_percent: int = 50
    units_per_ether: Mapping[Address, int] = field(default_factory=dict)

    def budget(self, token: Address, units: int) -> int:
        """Return what may be spent (wei) where so many units are at stake."""
        price = self.units_per_ether.get(token)
        if price is None:
            return self.maximum_wei
        worth = units * _ETHER * self.stake_percent // (100 * price)
        return min(max(worth, self.minimum_wei), self.maximum_wei)


def at_stake(onchain: OnChain, action: Action) -> int:
    """Return how many units an action moves, in comparison with a chain that does not hear of it; at most all."""
    left = onchain.payer_deposit + onchain.payee_deposit - onchain.payer_withdrawn - onchain.payee_withdrawn
    match action:
        case Challenge(evidence=signed) if isinstance(onchain.phase, Closing):
            old, new = onchain.phase.state, signed.state
            return min(abs(new.paid - old.paid) + _locked(old) + _locked(new), left)
        case Collect(evidence=signed):
            return min(signed.voucher.paid, onchain.payer_deposit) - onchain.payee_withdrawn
        case _:
            return 0


def _locked(state: State) -> int:
    return state.payer_locked + state.payee_locked
