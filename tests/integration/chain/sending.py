"""A sender that tests let look step by step, on a chain that mines when it is told to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from penstock.chain import calls
from penstock.chain.account import Account
from penstock.chain.metrics import SenderMetrics
from penstock.chain.rpc import Rpc
from penstock.chain.sender import Sender
from penstock.chain.sending import SenderSettings
from penstock.node.records import Intent, SignedTransaction, Transaction, Wishes
from penstock.protocol.primitives import Address
from penstock.storage.database import Database
from tests.support.anvil import Chain

SETTINGS = SenderSettings(confirmations=2, poll_seconds=0.05)
SOMEBODY = Address(b"\x77" * 20)


def transfer(chain: Chain, amount: int, key: str | None = None, **terms: Any) -> Intent:
    """Return an intent to send tokens to somebody; ``terms`` are an intent's other fields."""
    return Intent(key or f"transfer:{amount}", "transfer", chain.token, calls.transfer(SOMEBODY, amount), **terms)


def with_sender(
    chain: Chain,
    database: Database,
    accounts: Account | Sequence[Account],
    work: Callable[[Sender], Awaitable[Any]],
    settings: SenderSettings = SETTINGS,
    metrics: SenderMetrics | None = None,
) -> Any:
    """Let a sender that has just started do the work."""
    lanes = [accounts] if isinstance(accounts, Account) else accounts

    async def connected(rpc: Rpc) -> Any:
        return await work(Sender(rpc, lanes, database, settings, metrics))

    return chain.run(connected)


def look(
    chain: Chain,
    database: Database,
    accounts: Account | Sequence[Account],
    times: int = 1,
    settings: SenderSettings = SETTINGS,
    metrics: SenderMetrics | None = None,
) -> None:
    """Let a sender that has just started look so many times."""

    async def work(sender: Sender) -> None:
        for _ in range(times):
            await sender.step()

    with_sender(chain, database, accounts, work, settings, metrics)


def enqueue(database: Database, *intents: Intent) -> None:
    """Store intents as a sender does."""
    database.run_sync(lambda uow: [uow.transactions.add(intent, 0) for intent in intents])


def wish(database: Database, intent: Intent, wishes: Wishes) -> None:
    """Ask for something as an operator does."""
    number = stored(database, intent).id
    database.run_sync(lambda uow: uow.transactions.wish(number, wishes))


def stored(database: Database, intent: Intent) -> Transaction:
    """Return what is stored of an intent."""
    transaction = database.read_sync(lambda uow: uow.transactions.get(intent.key))
    assert transaction is not None
    return transaction


def signed(database: Database, intent: Intent) -> SignedTransaction:
    """Return an intent's newest signed version."""
    found = stored(database, intent).signed
    assert found is not None
    return found


def nonce_of(chain: Chain, account: Account) -> int:
    """Return an account's next nonce, as the chain has it."""
    return int(chain.run(lambda rpc: rpc.nonce(account.address)))


def drop(chain: Chain) -> None:
    """Let the pool forget everything."""
    chain.anvil.rpc("anvil_dropAllTransactions")
