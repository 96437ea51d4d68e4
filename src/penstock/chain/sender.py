"""Send transactions from durable intents: each lands once, whatever happens to the process or the chain.

An intent gets its nonce and its signed bytes in one database transaction before anything is sent. There is no
counter beside it: the next nonce follows from the rows and the chain. After a crash the stored bytes are sent
again, which the network takes as the same transaction. docs/transactions.md draws an intent's life.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from penstock.chain.account import Account
from penstock.chain.errors import CallReverted, RpcRefused, TransactionFailed, TransactionPending
from penstock.chain.lane import Lane
from penstock.chain.metrics import SenderMetrics
from penstock.chain.moment import Moment
from penstock.chain.refusals import Refusal, classify
from penstock.chain.reverts import explain
from penstock.chain.rpc import Rpc
from penstock.chain.sending import SenderSettings
from penstock.failpoints import failpoint
from penstock.node.ports import Database, UnitOfWork
from penstock.node.records import Intent, Item, Priority, Transaction
from penstock.protocol.errors import PenstockError
from penstock.protocol.primitives import Address

log = structlog.get_logger("penstock.sender")

_BACKOFF_SECONDS_MAX = 10.0


class Sender:
    """Send what was enqueued, from whichever of its accounts is free; one instance a database.

    With several accounts it serves only what anybody may send: what a party must send itself needs a sender of that
    party's account alone.

    Attributes
    ----------
    fault
        Why the last look failed, None after a good one: for health.
    """

    def __init__(
        self,
        rpc: Rpc,
        accounts: Sequence[Account],
        database: Database,
        settings: SenderSettings,
        metrics: SenderMetrics | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        assert accounts, "somebody must pay"
        self._rpc = rpc
        self._database = database
        self._settings = settings
        self._metrics = metrics or SenderMetrics()
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()
        self._lanes = [Lane(rpc, account, database, settings, self._write, self._metrics) for account in accounts]
        self.fault: str | None = None

    @property
    def address(self) -> Address:
        """Return the first of the accounts that pay."""
        return self._lanes[0].address

    @property
    def addresses(self) -> list[Address]:
        """Return all accounts that pay."""
        return [lane.address for lane in self._lanes]

    def enqueue(self, uow: UnitOfWork, intent: Intent, items: Sequence[Item] = ()) -> Transaction:
        """Store an intent in the caller's transaction, with its items if any; it is sent once that has committed.

        Raises
        ------
        KeyReused
            The key belongs to an intent with another content.
        """
        transaction = uow.transactions.add(intent, int(self._clock()), items)
        if self._loop is not None:
            # From the writer's thread, before its commit: the next look asks through the writer, after it.
            self._loop.call_soon_threadsafe(self._wake.set)
        return transaction

    async def wait(self, key: str, timeout_seconds: float) -> Transaction:
        """Return an intent's transaction once a block holds it; a reorg may still undo that block.

        Raises
        ------
        TransactionFailed
            It reverted, was cancelled, or was never sent because it would have reverted.
        TransactionPending
            Not within ``timeout_seconds``; it is still being sent.
        """
        ends = time.monotonic() + timeout_seconds
        while True:
            changed = self._changed
            transaction = await self._database.read(lambda uow: uow.transactions.get(key))
            if transaction is None:
                raise TransactionFailed(key, "there is no such intent")
            if transaction.failure is not None:
                raise TransactionFailed(key, transaction.failure)
            if transaction.outcome is not None:
                return transaction
            try:
                await asyncio.wait_for(changed.wait(), ends - time.monotonic())
            except TimeoutError:
                raise TransactionPending(key, transaction.status) from None

    async def run(self) -> None:
        """Send for ever; outages of the endpoint or the database are logged and waited out."""
        self._loop = asyncio.get_running_loop()
        pause = self._settings.poll_seconds
        while True:
            self._wake.clear()
            try:
                await self.step()
            except PenstockError as fault:
                self.fault = str(fault)
                log.warning("sending waits", reason=str(fault), seconds=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _BACKOFF_SECONDS_MAX)
                continue
            self.fault = None
            pause = self._settings.poll_seconds
            await self._rest(pause)

    async def step(self) -> None:
        """Look once at everything that is not final."""
        now = Moment(self._rpc, await self._rpc.head(), self._settings.fees)
        for lane in self._lanes:
            await lane.look(now)
        await self._send_queued(now)
        for lane in self._lanes:
            await lane.fill_gaps(now)
        unfinished = await self._database.read(lambda uow: uow.transactions.unfinished())
        self._metrics.count(unfinished, now.head.time, int(self._clock()))

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    # Queued: simulate, sign and store, send ------------------------------------------------------------------------

    async def _send_queued(self, now: Moment) -> None:
        # Through the writer: whatever was enqueued before this look began is committed by then.
        queued = await self._database.run(lambda uow: uow.transactions.queued())
        places = {lane: await lane.free_places() for lane in self._lanes} if queued else {}
        for transaction in queued:
            if await self._is_given_up(transaction, now):
                continue
            failpoint("intent")
            lane = self._free_lane(transaction, places)
            if lane is None:
                continue
            # One that cannot be told now takes no place: enough of them would hold up all behind them.
            gas_limit = await self._simulate(transaction, lane.address)
            signed = None if gas_limit is None else await lane.assign(transaction, gas_limit, now)
            if signed is not None:
                self._tell()
                places[lane] -= 1
                await lane.broadcast(transaction, signed, now)

    def _free_lane(self, transaction: Transaction, places: dict[Lane, int]) -> Lane | None:
        """Return the account with the most room; one that is short of money only if all are.

        Routine leaves an account's last places to urgent ones.
        """
        routine = transaction.intent.priority is Priority.ROUTINE
        free = [lane for lane, n in places.items() if n > (lane.reserve if routine else 0)]
        return max(free, key=lambda lane: (not lane.short, places[lane])) if free else None

    async def _is_given_up(self, transaction: Transaction, now: Moment) -> bool:
        deadline, cancelled = transaction.intent.deadline, transaction.wishes.cancel
        if cancelled is not None:
            await self._fail(transaction, cancelled)
            return True
        if deadline is not None and now.head.time >= deadline:
            await self._fail(transaction, f"its deadline {deadline} has passed, the head's time is {now.head.time}")
            return True
        return False

    async def _simulate(self, transaction: Transaction, sender: Address) -> int | None:
        """Return the gas to allow; None if it fails for good, or cannot be told now."""
        intent = transaction.intent
        try:
            gas = await self._rpc.estimate_gas(sender, intent.receiver, intent.data, intent.gas_max)
        except CallReverted as reverted:
            await self._fail(transaction, explain(reverted.data, reverted.reason))
            return None
        except RpcRefused as refusal:
            if intent.gas_max is not None and classify(refusal.reason) is Refusal.TOO_MUCH_GAS:
                await self._fail(transaction, f"it takes more gas than the {intent.gas_max} that it is worth")
            else:
                log.warning("not sent yet", key=intent.key, reason=refusal.reason)
            return None
        return gas + gas * self._settings.gas_margin_percent // 100

    async def _fail(self, transaction: Transaction, reason: str) -> None:
        log.warning("given up", key=transaction.intent.key, reason=reason)
        await self._write(lambda uow: uow.transactions.fail(transaction.id, reason))

    async def _write(self, work: Callable[[UnitOfWork], None]) -> None:
        await self._database.run(work)
        self._tell()
