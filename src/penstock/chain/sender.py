"""Send transactions from durable intents: each lands once, whatever happens to the process or the chain.

An intent gets its nonce and its signed bytes in one database transaction before anything is sent. There is no
counter beside it: the next nonce follows from the rows and the chain. After a crash the stored bytes are sent
again, which the network takes as the same transaction.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from penstock.chain.account import Account
from penstock.chain.errors import (
    CallReverted,
    RpcFault,
    RpcRefused,
    RpcUnavailable,
    TransactionFailed,
    TransactionPending,
)
from penstock.chain.fees import Fees, FeeSettings, market_fees, raised
from penstock.chain.refusals import Refusal, classify
from penstock.chain.reverts import explain
from penstock.chain.rpc import Header, Receipt, Rpc
from penstock.node.ports import Database, UnitOfWork
from penstock.node.records import Intent, Outcome, SignedTransaction, Transaction
from penstock.protocol.errors import PenstockError
from penstock.protocol.primitives import Address

log = structlog.get_logger("penstock.sender")

_BACKOFF_SECONDS_MAX = 10.0
_FOREIGN_DEPTH = 3
"""Blocks on a nonce that was used without a receipt of ours, before it counts as taken: receipts may come late."""


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """How to send.

    Attributes
    ----------
    confirmations
        How many blocks, its own included, make a transaction final.
    poll_seconds
        How often to look at the chain.
    replace_after_blocks
        How long to wait for a transaction before its fees are raised.
    urgent_seconds
        With less than this until a deadline, fees are raised after every block.
    in_flight_max
        How many transactions may be under way; most nodes keep sixteen a sender.
    gas_margin_percent
        Added to the estimated gas: the state may change before it is mined.
    """

    confirmations: int = 1
    poll_seconds: float = 1.0
    replace_after_blocks: int = 3
    urgent_seconds: int = 120
    in_flight_max: int = 16
    gas_margin_percent: int = 25
    fees: FeeSettings = field(default_factory=FeeSettings)


class Sender:
    """Send what was enqueued, from one account; one instance a database and account.

    Attributes
    ----------
    fault
        Why the last look failed, None after a good one: for health.
    """

    def __init__(
        self,
        rpc: Rpc,
        account: Account,
        database: Database,
        settings: SenderSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rpc = rpc
        self._account = account
        self._database = database
        self._settings = settings
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()
        # Only hints, empty after a restart: at which head a transaction was sent last, and which offer too little.
        self._sent_at: dict[int, int] = {}
        self._underpriced: set[int] = set()
        self.fault: str | None = None

    @property
    def address(self) -> Address:
        """Return the account that pays."""
        return self._account.address

    def enqueue(self, uow: UnitOfWork, intent: Intent) -> Transaction:
        """Store an intent in the caller's transaction; it is sent once that has committed.

        Raises
        ------
        KeyReused
            The key belongs to an intent with another content.
        """
        transaction = uow.transactions.add(intent, self.address, int(self._clock()))
        if self._loop is not None:
            # From the writer's thread, before its commit: the next look asks through the writer, after it.
            self._loop.call_soon_threadsafe(self._wake.set)
        return transaction

    async def wait(self, key: str, timeout_seconds: float) -> Transaction:
        """Return an intent's transaction once a block holds it; a reorg may still undo that block.

        Raises
        ------
        TransactionFailed
            It reverted, or was never sent because it would have.
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
        head = await self._rpc.head()
        await self._confirm(head)
        await self._follow_up(head)
        await self._send_queued(head)

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    # Mined: wait until it is deep, take it back if its block vanished ------------------------------------------------

    async def _confirm(self, head: Header) -> None:
        for transaction in await self._database.read(lambda uow: uow.transactions.mined(self.address)):
            await self._check_mined(transaction, head)

    async def _check_mined(self, transaction: Transaction, head: Header) -> None:
        outcome = transaction.outcome
        assert outcome is not None, "what is mined has an outcome"
        receipt = await self._receipt(transaction)
        if receipt is None:
            log.warning("back in flight", key=transaction.intent.key, block=outcome.block_number)
            await self._write(lambda uow: uow.transactions.back_in_flight(transaction.id))
        elif (receipt.hash, receipt.block_number) != (outcome.hash, outcome.block_number):
            await self._mine(transaction, receipt)
        elif head.number - receipt.block_number + 1 >= self._settings.confirmations:
            await self._write(lambda uow: uow.transactions.finish(transaction.id))

    async def _receipt(self, transaction: Transaction) -> Receipt | None:
        """Return the receipt of whichever version was mined, the newest asked first."""
        for transaction_hash in reversed(transaction.hashes):
            receipt = await self._rpc.receipt(transaction_hash)
            if receipt is not None:
                return receipt
        return None

    async def _mine(self, transaction: Transaction, receipt: Receipt) -> None:
        failure = None if receipt.succeeded else await self._explain(transaction, receipt)
        outcome = Outcome(receipt.hash, receipt.block_number, receipt.gas_used, receipt.gas_price, failure)
        await self._write(lambda uow: uow.transactions.mine(transaction.id, outcome))
        self._sent_at.pop(transaction.id, None)
        self._underpriced.discard(transaction.id)
        level = log.info if failure is None else log.warning
        level("mined", key=transaction.intent.key, block=receipt.block_number, gas=receipt.gas_used, failure=failure)

    async def _explain(self, transaction: Transaction, receipt: Receipt) -> str:
        """Find out why a mined transaction reverted, by running it again on the block before it and on its own."""
        if transaction.signed and receipt.gas_used >= transaction.signed.gas_limit:
            return f"it ran out of gas at {receipt.gas_used}"
        intent = transaction.intent
        for block in (receipt.block_number - 1, receipt.block_number):
            try:
                await self._rpc.call(intent.receiver, intent.data, block, self.address)
            except CallReverted as reverted:
                return explain(reverted.data, reverted.reason)
            except RpcFault as fault:
                return f"it reverted, and the reason is lost: {fault}"
        return "it reverted, for a reason that is gone with the state of its moment"

    # In flight: mined, taken, or to be sent again ----------------------------------------------------------------

    async def _follow_up(self, head: Header) -> None:
        next_nonce = await self._rpc.nonce(self.address)
        await self._take_back(next_nonce)
        in_flight = await self._database.read(lambda uow: uow.transactions.in_flight(self.address))
        for at, transaction in enumerate(in_flight):
            signed = _signed(transaction)
            if signed.nonce < next_nonce:
                await self._look_for(transaction, signed, head)
            else:
                # One with a low fee holds up all behind it, so it is as urgent as they are.
                await self._push(transaction, signed, head, urgent=self._is_urgent(in_flight[at:], head))

    async def _take_back(self, next_nonce: int) -> None:
        """Put what a reorg deeper than the confirmations undid back in flight: all later nonces wait for it."""
        for transaction in await self._database.read(lambda uow: uow.transactions.undone(self.address, next_nonce)):
            log.warning("back in flight, from beyond the confirmations", key=transaction.intent.key)
            await self._write(lambda uow, this=transaction.id: uow.transactions.back_in_flight(this))  # type: ignore[misc]

    async def _look_for(self, transaction: Transaction, signed: SignedTransaction, head: Header) -> None:
        receipt = await self._receipt(transaction)
        if receipt is not None:
            await self._mine(transaction, receipt)
            return
        before = head.number - max(_FOREIGN_DEPTH, self._settings.confirmations)
        if before >= 0 and await self._rpc.nonce(self.address, before) > signed.nonce:
            log.warning("nonce taken by a transaction not ours", key=transaction.intent.key, nonce=signed.nonce)
            await self._write(lambda uow: uow.transactions.requeue(transaction.id))

    async def _push(self, transaction: Transaction, signed: SignedTransaction, head: Header, *, urgent: bool) -> None:
        patience = 1 if urgent else self._settings.replace_after_blocks
        late = head.number - signed.signed_at_block >= patience
        if late or transaction.id in self._underpriced:
            replacement = await self._replace(transaction, signed, head)
            if replacement:
                await self._broadcast(transaction, replacement, head)
                return
        if self._sent_at.get(transaction.id) != head.number:
            await self._broadcast(transaction, signed, head)

    def _is_urgent(self, transactions: Iterable[Transaction], head: Header) -> bool:
        deadlines = (transaction.intent.deadline for transaction in transactions)
        return any(d is not None and d - head.time < self._settings.urgent_seconds for d in deadlines)

    async def _replace(
        self, transaction: Transaction, signed: SignedTransaction, head: Header
    ) -> SignedTransaction | None:
        """Sign and store a version with higher fees; None if the limit leaves no room for it."""
        old = Fees(signed.max_fee_per_gas, signed.max_priority_fee_per_gas)
        fees = raised(old, await market_fees(self._rpc, self._settings.fees), self._settings.fees)
        if fees is None:
            log.warning("fee limit reached", key=transaction.intent.key, max_fee=old.max_fee)
            return None
        replacement = self._sign(transaction.intent, signed.nonce, signed.gas_limit, fees, head)
        await self._write(lambda uow: uow.transactions.sign(transaction.id, replacement))
        self._underpriced.discard(transaction.id)
        log.info("fees raised", key=transaction.intent.key, max_fee=fees.max_fee, nonce=signed.nonce)
        return replacement

    async def _broadcast(self, transaction: Transaction, signed: SignedTransaction, head: Header) -> None:
        """Hand the stored bytes over; whatever the answer, the receipt decides."""
        self._sent_at[transaction.id] = head.number
        key = transaction.intent.key
        try:
            await self._rpc.send_raw(signed.raw)
            log.info("sent", key=key, nonce=signed.nonce, hash=str(signed.hash))
        except RpcUnavailable as fault:
            log.warning("sent, perhaps", key=key, nonce=signed.nonce, reason=str(fault))
        except RpcRefused as refusal:
            meaning = classify(refusal.reason)
            if meaning is Refusal.UNDERPRICED:
                self._underpriced.add(transaction.id)
            if meaning not in (Refusal.KNOWN, Refusal.NONCE_USED):
                log.warning("not taken", key=key, nonce=signed.nonce, reason=refusal.reason)

    # Queued: simulate, sign and store, send ------------------------------------------------------------------------

    async def _send_queued(self, head: Header) -> None:
        # Through the writer: whatever was enqueued before this look began is committed by then.
        queued, in_flight = await self._database.run(
            lambda uow: (uow.transactions.queued(self.address), len(uow.transactions.in_flight(self.address)))
        )
        free = self._settings.in_flight_max - in_flight
        for transaction in queued:
            if free <= 0:
                return
            # One that cannot be told now takes no place: enough of them would hold up all behind them.
            gas_limit = await self._simulate(transaction, head)
            if gas_limit is not None:
                signed = await self._assign(transaction, gas_limit, head)
                await self._broadcast(transaction, signed, head)
                free -= 1

    async def _simulate(self, transaction: Transaction, head: Header) -> int | None:
        """Return the gas to allow; None if it fails for good, or cannot be told now."""
        intent = transaction.intent
        if intent.deadline is not None and head.time >= intent.deadline:
            await self._fail(transaction, f"its deadline {intent.deadline} has passed, the head's time is {head.time}")
            return None
        try:
            gas = await self._rpc.estimate_gas(self.address, intent.receiver, intent.data, intent.gas_max)
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

    async def _assign(self, transaction: Transaction, gas_limit: int, head: Header) -> SignedTransaction:
        """Give it the next nonce, sign it and store both at once."""
        fees = await market_fees(self._rpc, self._settings.fees)
        used = await self._rpc.nonce(self.address)

        def work(uow: UnitOfWork) -> SignedTransaction:
            nonce = max(used, uow.transactions.next_nonce(self.address) or 0)
            signed = self._sign(transaction.intent, nonce, gas_limit, fees, head)
            uow.transactions.sign(transaction.id, signed)
            return signed

        signed = await self._database.run(work)
        self._tell()
        return signed

    async def _fail(self, transaction: Transaction, reason: str) -> None:
        log.warning("given up", key=transaction.intent.key, reason=reason)
        await self._write(lambda uow: uow.transactions.fail(transaction.id, reason))

    def _sign(self, intent: Intent, nonce: int, gas_limit: int, fees: Fees, head: Header) -> SignedTransaction:
        raw, transaction_hash = self._account.sign_transaction(
            chain_id=self._rpc.chain_id,
            nonce=nonce,
            receiver=intent.receiver,
            data=intent.data,
            gas_limit=gas_limit,
            fees=fees,
        )
        return SignedTransaction(
            nonce=nonce,
            gas_limit=gas_limit,
            max_fee_per_gas=fees.max_fee,
            max_priority_fee_per_gas=fees.priority_fee,
            raw=raw,
            hash=transaction_hash,
            signed_at_block=head.number,
        )

    async def _write(self, work: Callable[[UnitOfWork], None]) -> None:
        await self._database.run(work)
        self._tell()


def _signed(transaction: Transaction) -> SignedTransaction:
    assert transaction.signed is not None, "what is in flight is signed"
    return transaction.signed
