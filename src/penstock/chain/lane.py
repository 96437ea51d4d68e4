"""One account's transactions in flight: confirmed, replaced, cancelled, sent again, and no nonce left out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import count

import structlog

from penstock.chain.account import Account
from penstock.chain.errors import RpcRefused, RpcUnavailable
from penstock.chain.fees import Fees, Progress, ceiling, is_worth_replacing, offer, progress, replacement
from penstock.chain.inclusion import is_nonce_taken, receipt_of, why_reverted
from penstock.chain.metrics import SenderMetrics
from penstock.chain.moment import Moment
from penstock.chain.refusals import Refusal, classify
from penstock.chain.rpc import Receipt, Rpc
from penstock.chain.sending import FINALIZED, SenderSettings, cap_of, pressing
from penstock.failpoints import failpoint
from penstock.node.ports import Database, UnitOfWork
from penstock.node.records import Intent, Outcome, Priority, SignedTransaction, Transaction, Wishes
from penstock.protocol.primitives import Address

log = structlog.get_logger("penstock.sender")

NOWHERE = Address(bytes(18) + b"\xde\xad")
"""What an empty transaction calls: nobody, with nothing."""

_FOREIGN_DEPTH = 3
"""Blocks on a nonce that was used without a receipt of ours, before it counts as taken: receipts may come late."""
_DELEGATION = bytes.fromhex("ef0100")
"""How the code of an account with an EIP-7702 delegation begins: nodes keep one transaction of it at a time."""

Write = Callable[[Callable[[UnitOfWork], None]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a version of a transaction does, and the gas it may take."""

    receiver: Address
    data: bytes
    gas_limit: int
    empty: bool = False


class Lane:
    """Look after what one account has signed.

    Attributes
    ----------
    balance
        What the account has (wei), None before the first look.
    short
        Whether it could not pay for something the last time it was asked to.
    reserve
        How many of its places are for urgent transactions only.
    """

    def __init__(
        self,
        rpc: Rpc,
        account: Account,
        database: Database,
        settings: SenderSettings,
        write: Write,
        metrics: SenderMetrics,
    ) -> None:
        self._rpc = rpc
        self._account = account
        self._database = database
        self._settings = settings
        self._write = write
        self._metrics = metrics
        # Only hints, empty after a restart: at which head a transaction was sent last, and which offer too little.
        self._sent_at: dict[int, int] = {}
        self._underpriced: set[int] = set()
        self._next_nonce = 0
        self.reserve = settings.urgent_reserve
        self.balance: int | None = None
        self.short = False

    @property
    def address(self) -> Address:
        """Return the account."""
        return self._account.address

    async def look(self, now: Moment) -> None:
        """Look once at everything signed that is not final."""
        await self._confirm(now)
        self._next_nonce = await self._rpc.nonce(self.address)
        await self._take_back()
        in_flight = await self._database.read(lambda uow: uow.transactions.in_flight(self.address))
        self.balance = await self._rpc.balance(self.address)
        self._metrics.balance.labels(str(self.address)).set(self.balance)
        for at, transaction in enumerate(in_flight):
            signed = _signed(transaction)
            if signed.nonce < self._next_nonce:
                await self._look_for(transaction, signed, now)
            else:
                await self._push(in_flight[at:], now)

    # Mined: wait until it is deep, take it back if its block vanished ------------------------------------------------

    async def _confirm(self, now: Moment) -> None:
        for transaction in await self._database.read(lambda uow: uow.transactions.mined(self.address)):
            outcome = transaction.outcome
            assert outcome is not None, "what is mined has an outcome"
            receipt = await receipt_of(self._rpc, transaction)
            if receipt is None:
                log.warning("back in flight", key=transaction.intent.key, block=outcome.block_number)
                await self._write(lambda uow, this=transaction.id: uow.transactions.back_in_flight(this))  # type: ignore[misc]
            elif (receipt.hash, receipt.block_number) != (outcome.hash, outcome.block_number):
                await self._mine(transaction, receipt)
            elif await self._is_deep(transaction.intent.purpose, receipt.block_number, now):
                await self._write(lambda uow, this=transaction.id: uow.transactions.finish(this))  # type: ignore[misc]

    async def _is_deep(self, purpose: str, block_number: int, now: Moment) -> bool:
        depth = self._settings.depth_of(purpose)
        if depth == FINALIZED:
            finalized = await self._rpc.block(FINALIZED)
            return finalized is not None and block_number <= finalized.number
        return now.head.number - block_number + 1 >= depth

    async def _mine(self, transaction: Transaction, receipt: Receipt) -> None:
        failure = await self._failure(transaction, receipt)
        failpoint("receipt")
        outcome = Outcome(receipt.hash, receipt.block_number, receipt.gas_used, receipt.gas_price, failure)
        await self._write(lambda uow: uow.transactions.mine(transaction.id, outcome))
        self._forget(transaction)
        self._metrics.mined(transaction, outcome)
        level = log.info if failure is None else log.warning
        level("mined", key=transaction.intent.key, block=receipt.block_number, gas=receipt.gas_used, failure=failure)

    async def _failure(self, transaction: Transaction, receipt: Receipt) -> str | None:
        if receipt.hash in transaction.empty_hashes:
            return transaction.wishes.cancel
        return None if receipt.succeeded else await why_reverted(self._rpc, transaction, receipt, self.address)

    # In flight: mined, taken, or to be sent again ----------------------------------------------------------------

    async def _take_back(self) -> None:
        """Put what a reorg deeper than the confirmations undid back in flight: all later nonces wait for it."""
        next_nonce = self._next_nonce
        for transaction in await self._database.read(lambda uow: uow.transactions.undone(self.address, next_nonce)):
            log.warning("back in flight, from beyond the confirmations", key=transaction.intent.key)
            await self._write(lambda uow, this=transaction.id: uow.transactions.back_in_flight(this))  # type: ignore[misc]

    async def _look_for(self, transaction: Transaction, signed: SignedTransaction, now: Moment) -> None:
        receipt = await receipt_of(self._rpc, transaction)
        if receipt is not None:
            await self._mine(transaction, receipt)
            return
        before = now.head.number - max(_FOREIGN_DEPTH, self._settings.confirmations)
        if before < 0 or await self._rpc.nonce(self.address, before) <= signed.nonce:
            return
        key = transaction.intent.key
        if not await is_nonce_taken(self._rpc, transaction, self.address, before):
            log.warning("mined, but the endpoint has no receipt", key=key, nonce=signed.nonce)
            return
        log.warning("nonce taken by a transaction not ours", key=key, nonce=signed.nonce)
        self._metrics.foreign.inc()
        self._forget(transaction)
        cancelled = transaction.wishes.cancel
        if cancelled or transaction.intent.priority is Priority.FILLER:
            reason = cancelled or "its nonce is used"
            await self._write(lambda uow: uow.transactions.fail(transaction.id, reason))
        else:
            await self._write(lambda uow: uow.transactions.requeue(transaction.id))

    async def _push(self, waiting: Sequence[Transaction], now: Moment) -> None:
        """See to the first of those waiting: a higher fee if it is time for one, else the same bytes again."""
        transaction = await self._with_deadline_kept(waiting[0], now)
        signed = _signed(transaction)
        replaced = None
        if self._may_replace(transaction, now):
            replaced = await self._replace(transaction, signed, waiting[1:], now)
        if replaced is not None:
            await self.broadcast(transaction, replaced, now)
        elif self._sent_at.get(transaction.id) != now.head.number:
            await self.broadcast(transaction, signed, now)

    async def _with_deadline_kept(self, transaction: Transaction, now: Moment) -> Transaction:
        """Cancel what is of no use any more: it would fail, and pay for it."""
        deadline = transaction.intent.deadline
        if transaction.wishes.cancel is not None or deadline is None or now.head.time < deadline:
            return transaction
        reason = f"its deadline {deadline} has passed, the head's time is {now.head.time}"
        await self._write(lambda uow: uow.transactions.wish(transaction.id, Wishes(cancel=reason)))
        log.warning("cancelled", key=transaction.intent.key, reason=reason)
        cancelled = await self._database.read(lambda uow: uow.transactions.get(transaction.intent.key))
        assert cancelled is not None, "no intent is ever deleted"
        return cancelled

    def _may_replace(self, transaction: Transaction, now: Moment) -> bool:
        """Once a block is enough, unless something happened that does not wait for one."""
        signed = _signed(transaction)
        wanted = transaction.wishes.bump or (transaction.wishes.cancel is not None and not signed.empty)
        return wanted or transaction.id in self._underpriced or signed.signed_at_block < now.head.number

    async def _replace(
        self, transaction: Transaction, signed: SignedTransaction, behind: Sequence[Transaction], now: Moment
    ) -> SignedTransaction | None:
        """Sign and store a version with higher fees; None if it is not time for it, or the budget leaves no room."""
        draft = await self._draft(transaction, signed)
        cap, at = await self._terms(transaction, draft, behind, now)
        cap = self._affordable(cap, draft.gas_limit)
        old = Fees(signed.max_fee_per_gas, signed.max_priority_fee_per_gas)
        due = draft.empty != signed.empty or transaction.wishes.bump or transaction.id in self._underpriced
        due = due or now.head.number - signed.signed_at_block >= self._settings.replace_after_blocks
        if not due and at is None:
            return None
        wanted = offer(await now.market(), cap, at)
        if not due and not is_worth_replacing(old, wanted):
            return None
        fees = replacement(old, wanted, ceiling(cap, at))
        if fees is None:
            if self._sent_at.get(transaction.id) != now.head.number:
                self._metrics.at_limit.inc()
                log.warning("fee limit reached", key=transaction.intent.key, max_fee=old.max_fee, limit=cap)
            return None
        replaced = self._sign(draft, signed.nonce, fees, now)
        await self._store(transaction, replaced, now)
        failpoint("bumped")
        self._underpriced.discard(transaction.id)
        self._metrics.bumps.labels(transaction.intent.purpose).inc()
        log.info("fees raised", key=transaction.intent.key, max_fee=fees.max_fee, nonce=signed.nonce)
        return replaced

    async def _draft(self, transaction: Transaction, signed: SignedTransaction) -> Draft:
        if transaction.wishes.cancel is None:
            return Draft(transaction.intent.receiver, transaction.intent.data, signed.gas_limit)
        if signed.empty:
            return Draft(NOWHERE, b"", signed.gas_limit, empty=True)
        return Draft(NOWHERE, b"", await self._rpc.estimate_gas(self.address, NOWHERE, b""), empty=True)

    async def _terms(
        self, transaction: Transaction, draft: Draft, behind: Sequence[Transaction], now: Moment
    ) -> tuple[int, Progress | None]:
        """Return the most to offer, and how far the time is.

        A transaction holds up all behind it, so it is as urgent, and as dear, as the most pressing of them.
        """
        fees = self._settings.fees
        cap = cap_of(transaction.intent, draft.gas_limit, fees)
        urgent = pressing((transaction, *behind), now.head.time)
        if urgent is None:
            return cap, None
        if urgent is not transaction:
            cap = max(cap, cap_of(urgent.intent, _signed(urgent).gas_limit, fees))
        assert urgent.intent.deadline is not None, "what presses has a deadline"
        started_at = urgent.started_at if urgent.started_at is not None else now.head.time
        at = progress(started_at, now.head.time, urgent.intent.deadline, await now.block_seconds(), fees)
        return cap, at

    def _affordable(self, cap: int, gas_limit: int) -> int:
        return cap if self.balance is None else min(cap, self.balance // gas_limit)

    # New ones ------------------------------------------------------------------------------------------------------

    async def free_places(self) -> int:
        """Return how many transactions more may be signed."""
        in_flight = await self._database.read(lambda uow: uow.transactions.in_flight(self.address))
        delegated = (await self._rpc.code(self.address)).startswith(_DELEGATION)
        self.reserve = 0 if delegated else self._settings.urgent_reserve
        return (1 if delegated else self._settings.in_flight_max) - len(in_flight)

    async def assign(self, transaction: Transaction, gas_limit: int, now: Moment) -> SignedTransaction | None:
        """Give an intent the lowest free nonce, sign it and store both at once; None if the account cannot pay."""
        intent = transaction.intent
        draft = Draft(intent.receiver, intent.data, gas_limit)
        cap, at = await self._terms(transaction, draft, (), now)
        fees = offer(await now.market(), cap, at)
        if not await self._can_pay(gas_limit * fees.max_fee, intent.key):
            return None

        def work(uow: UnitOfWork) -> SignedTransaction:
            nonce = _lowest_free(self._held(uow), self._next_nonce)
            failpoint("nonce-chosen")
            signed = self._sign(draft, nonce, fees, now)
            failpoint("signed")
            uow.transactions.sign(transaction.id, self.address, signed, now.head.time)
            return signed

        return await self._database.run(work)

    async def fill_gaps(self, now: Moment) -> None:
        """Use each nonce that nothing of ours holds although later ones wait for it; new intents come before this."""
        for nonce in _gaps(await self._database.read(self._held), self._next_nonce):
            log.warning("a gap in the nonces", account=str(self.address), nonce=nonce)
            self._metrics.gaps.inc()
            fees = offer(await now.market(), self._settings.fees.max_fee_limit, None)
            draft = Draft(NOWHERE, b"", await self._rpc.estimate_gas(self.address, NOWHERE, b""))
            # A key of its own at each head: the same nonce may be missing again after a reorg.
            key = f"fill:{self.address}:{nonce}:{now.head.number}"
            intent = Intent(key, "fill", NOWHERE, b"", priority=Priority.FILLER)
            signed = self._sign(draft, nonce, fees, now)

            def work(
                uow: UnitOfWork, intent: Intent = intent, signed: SignedTransaction = signed
            ) -> Transaction | None:
                if signed.nonce in self._held(uow):
                    return None
                filler = uow.transactions.add(intent, now.head.time)
                uow.transactions.sign(filler.id, self.address, signed, now.head.time)
                return filler

            filler = await self._database.run(work)
            if filler is not None:
                await self.broadcast(filler, signed, now)

    def _held(self, uow: UnitOfWork) -> list[int]:
        return uow.transactions.nonces(self.address, self._next_nonce)

    async def broadcast(self, transaction: Transaction, signed: SignedTransaction, now: Moment) -> None:
        """Hand the stored bytes over; whatever the answer, the receipt decides."""
        failpoint("stored")
        self._sent_at[transaction.id] = now.head.number
        key = transaction.intent.key
        try:
            await self._rpc.send_raw(signed.raw)
            failpoint("sent")
            log.info("sent", key=key, nonce=signed.nonce, hash=str(signed.hash))
        except RpcUnavailable as fault:
            log.warning("sent, perhaps", key=key, nonce=signed.nonce, reason=str(fault))
        except RpcRefused as refusal:
            self._note_refusal(transaction, refusal)

    def _note_refusal(self, transaction: Transaction, refusal: RpcRefused) -> None:
        meaning = classify(refusal.reason)
        if meaning is Refusal.UNDERPRICED:
            self._underpriced.add(transaction.id)
        if meaning is Refusal.NO_FUNDS:
            self._set_short(short=True)
        if meaning not in (Refusal.KNOWN, Refusal.NONCE_USED, Refusal.IN_FLIGHT_LIMIT):
            log.warning("not taken", key=transaction.intent.key, reason=refusal.reason)

    async def _can_pay(self, cost: int, key: str) -> bool:
        """Tell whether the account has what this costs at most, beside all that is in flight."""
        in_flight = await self._database.read(lambda uow: uow.transactions.in_flight(self.address))
        owed = sum(signed.gas_limit * signed.max_fee_per_gas for signed in map(_signed, in_flight))
        balance = self.balance or 0
        short = owed + cost > balance
        if short:
            log.error(
                "out of gas money", account=str(self.address), key=key, balance_wei=balance, needed_wei=owed + cost
            )
        self._set_short(short=short)
        return not short

    def _set_short(self, *, short: bool) -> None:
        self.short = short
        self._metrics.short.labels(str(self.address)).set(int(short))

    def _forget(self, transaction: Transaction) -> None:
        self._sent_at.pop(transaction.id, None)
        self._underpriced.discard(transaction.id)

    async def _store(self, transaction: Transaction, signed: SignedTransaction, now: Moment) -> None:
        await self._write(lambda uow: uow.transactions.sign(transaction.id, self.address, signed, now.head.time))

    def _sign(self, draft: Draft, nonce: int, fees: Fees, now: Moment) -> SignedTransaction:
        raw, transaction_hash = self._account.sign_transaction(
            chain_id=self._rpc.chain_id,
            nonce=nonce,
            receiver=draft.receiver,
            data=draft.data,
            gas_limit=draft.gas_limit,
            fees=fees,
        )
        return SignedTransaction(
            nonce=nonce,
            gas_limit=draft.gas_limit,
            max_fee_per_gas=fees.max_fee,
            max_priority_fee_per_gas=fees.priority_fee,
            raw=raw,
            hash=transaction_hash,
            signed_at_block=now.head.number,
            empty=draft.empty,
        )


def _lowest_free(held: Sequence[int], used: int) -> int:
    taken = set(held)
    return next(nonce for nonce in count(used) if nonce not in taken)


def _gaps(held: Sequence[int], used: int) -> list[int]:
    return sorted(set(range(used, max(held, default=used))) - set(held))


def _signed(transaction: Transaction) -> SignedTransaction:
    assert transaction.signed is not None, "what is in flight is signed"
    return transaction.signed
