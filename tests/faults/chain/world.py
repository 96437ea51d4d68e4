"""A sender behind a hostile network, and the rule that every fault must pass (the table of faults in README.md)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from penstock.chain import calls
from penstock.chain.account import Account
from penstock.chain.fees import Fees
from penstock.chain.pool import open_rpc
from penstock.chain.rpc import Rpc
from penstock.chain.sender import Sender
from penstock.chain.sending import SenderSettings
from penstock.node.records import Intent, Priority, Transaction, TransactionStatus
from penstock.protocol.errors import PenstockError
from penstock.protocol.primitives import Address
from penstock.storage.database import Database
from tests.support.anvil import Chain
from tests.support.fault_proxy import FaultProxy

BLOCK_SECONDS = 12
GWEI = 10**9
ETHER = 10**18
SETTINGS = SenderSettings(confirmations=3, poll_seconds=0.01)
_RPC_TIMEOUT_SECONDS = 0.25
_TICKS_MAX = 300
_RESTART_CHANCE = 0.2


def _units(at: int) -> int:
    """Return how much the transfer with this number moves."""
    return 1 << at % 64


@dataclass
class World:
    """Transfers of 1, 2, 4, 8, ... units to an address of their own: its balance tells which of them happened, and
    whether one happened twice.
    """

    chain: Chain
    proxy: FaultProxy
    database: Database
    database_url: str
    keys: Sequence[bytes]
    seed: int
    settings: SenderSettings = SETTINGS
    intents: list[Intent] = field(default_factory=list)
    foreign_nonces: int = 0

    def __post_init__(self) -> None:
        """Draw every chance from the seed."""
        self.random = random.Random(self.seed)
        self.connect: Callable[[], Rpc] = self._one_endpoint
        self.accounts = [Account(key) for key in self.keys]
        self.receiver = Account.create().address

    def _one_endpoint(self) -> Rpc:
        return open_rpc([self.proxy.url], self.chain.domain.chain_id, _RPC_TIMEOUT_SECONDS)

    @property
    def account(self) -> Account:
        """Return the first account."""
        return self.accounts[0]

    @property
    def time(self) -> int:
        """Return the newest block's time."""
        return self.proxy.time

    def add(self, number: int = 1, *, blocks: int | None = None, budget: int | None = ETHER // 50) -> list[Intent]:
        """Enqueue so many transfers; with ``blocks`` they have a deadline so many blocks ahead."""
        deadline = None if blocks is None else self.time + blocks * BLOCK_SECONDS
        priority = Priority.ROUTINE if blocks is None else Priority.URGENT
        added = []
        for _ in range(number):
            at = len(self.intents)
            data = calls.transfer(self.receiver, _units(at))
            intent = Intent(
                f"transfer:{at}",
                "transfer",
                self.chain.token,
                data,
                deadline=deadline,
                budget=budget,
                priority=priority,
            )
            self.intents.append(intent)
            added.append(intent)
        self.database.run_sync(lambda uow: [uow.transactions.add(intent, 0) for intent in added])
        return added

    def stored(self, intent: Intent) -> Transaction:
        """Return what is stored of an intent."""
        found = self.database.read_sync(lambda uow: uow.transactions.get(intent.key))
        assert found is not None
        return found

    def all_stored(self) -> list[Transaction]:
        """Return all transactions, fillers too."""
        return self.database.read_sync(lambda uow: uow.transactions.recent(1_000_000))

    def run(self, scenario: Callable[[World], Awaitable[None]]) -> None:
        """Play a scenario, then let the faults be over and check the rule."""

        async def played() -> None:
            self._rpc = self.connect()
            try:
                self.restart()
                await scenario(self)
                await self.end()
            finally:
                await self._rpc.close()

        asyncio.run(played())

    def restart(self) -> None:
        """Forget all that is not in the records."""
        self.sender = Sender(self._rpc, self.accounts, self.database, self.settings)

    def unfinished(self) -> int:
        """Return how many transactions are not final."""
        return len(self.database.read_sync(lambda uow: uow.transactions.unfinished()))

    async def steps(self, number: int = 1) -> None:
        """Let the sender look so many times; now and then it is a new one, as after a restart."""
        for _ in range(number):
            if self.random.random() < _RESTART_CHANCE:
                self.restart()
            # What `Sender.run` logs before it looks again.
            with suppress(PenstockError):
                await self.sender.step()

    async def ticks(self, number: int, each: Callable[[], Awaitable[None] | None] | None = None) -> None:
        """Let blocks go by, with a look or two after each; ``each`` is called before each block."""
        for _ in range(number):
            if each is not None and (called := each()) is not None:
                await called
            await self.steps(self.random.choice((1, 1, 2)))
            self.proxy.mine(BLOCK_SECONDS)

    async def end(self) -> None:
        """Let the faults be over, wait until all is final, and check the rule."""
        self.proxy.clear()
        for _ in range(_TICKS_MAX):
            if all(transaction.final for transaction in self.all_stored()):
                break
            await self.ticks(1)
        self.check()
        (last,) = self.add()
        await self.ticks(SETTINGS.confirmations + 6)
        assert self.stored(last).status is TransactionStatus.CONFIRMED, "the next transaction does not land"
        self.check()

    def check(self) -> None:
        """Check that each had one effect or none as its status says, that no nonce is missing, and the budgets."""
        transactions = self.all_stored()
        assert all(t.final for t in transactions), [(t.intent.key, t.status, t.failure) for t in transactions]
        status = {t.intent.key: t.status for t in transactions}
        effect = sum(_units(at) for at, i in enumerate(self.intents) if status[i.key] is TransactionStatus.CONFIRMED)
        facts = [(t.intent.key, t.status, t.failure, t.signed and t.signed.nonce, t.outcome) for t in transactions]
        assert self.balance(self.receiver) == effect, facts
        for account in self.accounts:
            nonce = int(self.proxy.ask("eth_getTransactionCount", str(account.address), "latest"), 16)
            ours = [t.signed.nonce for t in transactions if t.sender == account.address and t.signed]
            assert len(set(ours)) == len(ours)
            assert nonce == len(ours) + (self.foreign_nonces if account is self.account else 0)
        for t in transactions:
            if t.outcome and t.intent.budget:
                assert t.outcome.gas_used * t.outcome.gas_price <= t.intent.budget

    def balance(self, owner: Address) -> int:
        """Return how many tokens an account has."""
        call = {"to": str(self.chain.token), "data": f"0x70a08231{bytes(owner).hex():0>64}"}
        return int(self.proxy.ask("eth_call", call, "latest"), 16)

    def confirmed(self, *intents: Intent) -> bool:
        """Tell whether all these landed."""
        return all(self.stored(intent).status is TransactionStatus.CONFIRMED for intent in intents)

    @property
    def nonce(self) -> int:
        """Return the first account's next nonce."""
        return int(self.proxy.ask("eth_getTransactionCount", str(self.account.address), "latest"), 16)

    def foreign(self, nonce: int, fee: int = 900 * GWEI) -> None:
        """Have the pool hold a transaction of our key that our records do not know."""
        raw, _ = self.account.sign_transaction(
            chain_id=self.chain.domain.chain_id,
            nonce=nonce,
            receiver=self.chain.token,
            data=calls.approve(self.receiver, 0),
            gas_limit=100_000,
            fees=Fees(fee, fee),
        )
        self.proxy.force("0x" + raw.hex())
