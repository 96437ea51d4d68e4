"""The demo's last word: who had what, who has what, every transaction, and whether a single unit is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType

from penstock.chain.artifacts import artifact
from penstock.chain.create2 import CONDITIONS, PROXY, SALT
from penstock.chain.rpc import Rpc
from penstock.chain.tokens import Token
from penstock.cli.amounts import show_amount
from penstock.cli.anvil import MinedTransaction
from penstock.cli.errors import UnitsMissing
from penstock.cli.output import Json, grid
from penstock.protocol.primitives import Address

DECIMALS = 6

_CONTRACTS = ("Channels", "DevUSDC")


@dataclass(frozen=True, slots=True)
class Holding:
    """What one of them had at first, has now, and must have by the newest co-signed states (smallest units)."""

    who: str
    before: int
    after: int
    expected: int


@dataclass(frozen=True, slots=True)
class Audit:
    """The accounts of the whole demo; ``supply`` is all there is of the token."""

    holdings: Sequence[Holding]
    supply: int
    transactions: Sequence[MinedTransaction]
    names: Mapping[Address, str]

    def check(self) -> None:
        """Check that every unit is where it must be; raises `UnitsMissing`."""
        for holding in self.holdings:
            if holding.after != holding.expected:
                raise UnitsMissing(holding.who, holding.expected, holding.after)
        total = sum(holding.after for holding in self.holdings)
        if total != self.supply:
            raise UnitsMissing("everyone together", self.supply, total)

    def shown(self) -> RenderableType:
        """Return the accounts for people."""
        return Group(self._holdings_table(), "", self._transactions_table())

    def data(self) -> dict[str, Json]:
        """Return the accounts for programs."""
        return {
            "holdings": [
                {"who": h.who, "before": str(h.before), "after": str(h.after), "expected": str(h.expected)}
                for h in self.holdings
            ],
            "supply": str(self.supply),
            "transactions": [
                {
                    "block": each.block,
                    "hash": each.hash,
                    "sender": self._name(each.sender),
                    "call": call_of(each),
                    "gasUsed": each.gas_used,
                    "succeeded": each.succeeded,
                }
                for each in self.transactions
            ],
        }

    def _holdings_table(self) -> RenderableType:
        rows = [
            (h.who, *(show_amount(units, DECIMALS) for units in (h.before, h.after, h.expected))) for h in self.holdings
        ]
        total = [sum(column) for column in zip(*((h.before, h.after, h.expected) for h in self.holdings), strict=True)]
        rows.append(("all together", *(show_amount(units, DECIMALS) for units in total)))
        return grid(("who", "had USDC>", "has USDC>", "must have by the newest states>"), rows, "Money")

    def _transactions_table(self) -> RenderableType:
        rows = [
            (
                str(each.block),
                self._name(each.sender),
                call_of(each) + ("" if each.succeeded else " (failed)"),
                f"{each.gas_used:,}",
            )
            for each in self.transactions
        ]
        rows.append(("", "", "all together", f"{sum(each.gas_used for each in self.transactions):,}"))
        return grid(("block>", "sent by", "call", "gas>"), rows, "Every transaction on the chain")

    def _name(self, account: Address) -> str:
        return self.names.get(account, str(account))


def call_of(transaction: MinedTransaction) -> str:
    """Return what a transaction did, in one word: a function's name, or which contract it deployed."""
    if transaction.receiver in (None, PROXY):
        code = transaction.data.removeprefix(SALT)
        made = [name for name in (*_CONTRACTS, *CONDITIONS) if code.startswith(artifact(name).bytecode)]
        return f"deploy {made[0] if made else 'a contract'}"
    for name in _CONTRACTS:
        if function := artifact(name).interface.names.get(transaction.data[:4]):
            return function
    return "an unknown call"


async def supply_of(rpc: Rpc, token: Address) -> int:
    """Return how much of the development token there is, in smallest units."""
    function = artifact("DevUSDC").interface.function("totalSupply", 0)
    return int(function.decode(await rpc.call(token, function.encode()))[0])


async def balances(rpc: Rpc, token: Address, accounts: Sequence[Address]) -> dict[Address, int]:
    """Return what each account holds of the token, in smallest units."""
    return {account: await Token(rpc, token).balance(account) for account in accounts}
