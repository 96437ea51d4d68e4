"""A watcher's records and policy without processes: a scripted chain goes in, transactions come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from penstock.chain.account import Account
from penstock.chain.signer import Signer
from penstock.node.head import Head
from penstock.node.ports import UnitOfWork
from penstock.node.records import Block, Intent, Item, Outcome, SignedTransaction, Transaction
from penstock.protocol.messages import Channel, Receipt, State
from penstock.protocol.onchain import (
    Challenged,
    ChannelOpened,
    ClosingStarted,
    Collected,
    Event,
    EventRef,
    Settled,
)
from penstock.protocol.primitives import Address, Bytes32
from penstock.protocol.watch_policy import Evidence
from penstock.storage.database import Database
from penstock.watcher.budget import BudgetSettings
from penstock.watcher.guard import Guard
from penstock.watcher.intake import Intake
from penstock.watcher.metrics import Metrics
from tests.support.parties import DOMAIN

WATCHER_KEY = (77).to_bytes(32, "big")
WATCHER = Account(WATCHER_KEY)
PERIOD = 3600
T = TypeVar("T")


class Outbox:
    """Stores intents as the sender does."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock

    def enqueue(self, uow: UnitOfWork, intent: Intent, items: Sequence[Item] = ()) -> Transaction:
        """Store the intent."""
        return uow.transactions.add(intent, self._clock(), items)


@dataclass
class World:
    """One watcher's store and policy, a chain of made-up blocks, and a clock that tests move."""

    database: Database
    signer: Signer
    time: int = 1_000_000
    number: int = 0
    fork: int = 0
    budgets: BudgetSettings | None = None
    trusted: tuple[Address, ...] = ()
    metrics: Metrics = field(init=False)

    def __post_init__(self) -> None:
        """Put the parts together, as `bootstrap` does."""
        self.metrics = Metrics(Head(self.clock, 60))
        outbox = Outbox(self.clock)
        self.guard = Guard(self.database, outbox, DOMAIN.contract, self.metrics, self.clock, self.budgets, self.trusted)
        self.intake = Intake(self.database, self.guard, self.signer, DOMAIN, self.metrics, self.clock)

    def clock(self) -> int:
        """Return the time."""
        return self.time

    def restart(self) -> None:
        """Forget all that is not in the store."""
        self.__post_init__()

    async def block(self, *events: Event, seconds: int = 12, depth: int = 0) -> Block:
        """Follow one more block with these events, on the newest block but ``depth``; then let the guard look."""
        self.time += seconds
        self.fork += bool(depth)
        after = self.number - depth
        self.number = after + 1
        head = Block(self.number, Bytes32(bytes((self.fork,)) + self.number.to_bytes(31, "big")), self.time)
        placed = [(EventRef(head.number, head.hash, Bytes32(bytes(32)), i), event) for i, event in enumerate(events)]
        await self.database.run(lambda uow: uow.chain.advance([head], placed, after=after, confirmations=3, keep=64))
        await self.guard.answer(head)
        return head

    async def look(self) -> None:
        """Let the guard look at the newest block again."""
        head = self.database.read_sync(lambda uow: uow.chain.cursor())
        assert head is not None
        await self.guard.answer(head)

    async def open(self, channel: Channel, deposit: int = 1000) -> Bytes32:
        """Open a channel on the scripted chain."""
        channel_id = DOMAIN.channel_id(channel)
        await self.block(ChannelOpened(channel_id, channel, deposit, 0))
        return channel_id

    def closing(self, channel_id: Bytes32, sequence: int) -> list[Event]:
        """Return what a close in the next block emits."""
        started = ClosingStarted(channel_id, self.time + 12 + PERIOD)
        return [started, challenged(channel_id, sequence)] if sequence else [started]

    async def start_close(self, channel_id: Bytes32, sequence: int = 0) -> int:
        """Start a close in the next block; return its deadline."""
        deadline = self.time + 12 + PERIOD
        await self.block(*self.closing(channel_id, sequence))
        return deadline

    def trust(self, *tokens: Address, budgets: BudgetSettings | None = None) -> None:
        """Go on with other settings."""
        self.trusted, self.budgets = tokens, budgets
        self.restart()

    async def take(self, channel: Channel, evidence: Evidence) -> tuple[Receipt, bytes]:
        """Give the watcher evidence."""
        return await self.intake.take(channel, evidence)

    def transactions(self) -> list[Transaction]:
        """Return all transactions, oldest first."""
        return self.database.read_sync(lambda uow: uow.transactions.recent(1000))[::-1]

    def keys(self) -> list[str]:
        """Return the keys of all transactions, oldest first."""
        return [transaction.intent.key for transaction in self.transactions()]

    def tries(self, key: str, channel_id: Bytes32) -> list[Transaction]:
        """Return a channel's tries of something."""
        return self.database.read_sync(lambda uow: uow.transactions.tries(channel_id, key))

    def sign(self, key: str) -> Transaction:
        """Put a queued transaction in flight."""
        transaction = self._get(key)
        signed = SignedTransaction(
            transaction.id, 1, 1, 1, b"raw", Bytes32(transaction.id.to_bytes(32, "big")), self.number
        )
        self.database.run_sync(lambda uow: uow.transactions.sign(transaction.id, WATCHER.address, signed, self.time))
        return self._get(key)

    def mine(self, key: str, failure: str | None = None) -> None:
        """Put a transaction into the newest block."""
        transaction = self.sign(key)
        assert transaction.hash is not None
        outcome = Outcome(transaction.hash, self.number, 1, 1, failure)
        self.database.run_sync(lambda uow: uow.transactions.mine(transaction.id, outcome))

    def confirm(self, key: str) -> None:
        """Let a mined transaction become final."""
        self.database.run_sync(lambda uow: uow.transactions.finish(self._id(uow, key)))

    def fail(self, key: str) -> None:
        """Let a queued transaction's simulation fail."""
        self.database.run_sync(lambda uow: uow.transactions.fail(self._id(uow, key), "it would revert"))

    def _get(self, key: str) -> Transaction:
        found = self.database.read_sync(lambda uow: uow.transactions.get(key))
        assert found is not None
        return found

    @staticmethod
    def _id(uow: UnitOfWork, key: str) -> int:
        found = uow.transactions.get(key)
        assert found is not None
        return found.id


def challenged(channel_id: Bytes32, sequence: int) -> Challenged:
    """Return the event of a challenge."""
    return Challenged(channel_id, State(channel_id, sequence, 0))


def collected(channel_id: Bytes32, total: int) -> Collected:
    """Return the event of a collection."""
    return Collected(channel_id, total)


def settled(channel_id: Bytes32) -> Settled:
    """Return the event of a settlement."""
    return Settled(channel_id, 1, 2, 0, 0)


@contextmanager
def new_world(directory: Path) -> Iterator[World]:
    """Make a watcher with an empty store."""
    with Database(f"sqlite:///{directory / 'watcher.db'}") as database:
        database.migrate()
        signer = Signer(WATCHER_KEY, directory / "marks.db", DOMAIN)
        yield World(database, signer)
        signer.close()
