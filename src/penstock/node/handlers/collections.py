"""Collect vouchers on chain, one channel's or many together (one-way channels)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from penstock.node.context import Context, load
from penstock.node.errors import NothingToCollect
from penstock.node.handlers.transactions import is_fruitless, last
from penstock.node.ports import UnitOfWork
from penstock.node.records import (
    BATCH_MAX,
    Intent,
    Item,
    Priority,
    Transaction,
    TransactionStatus,
    attempt_key,
    batch_key,
)
from penstock.protocol.messages import Channel, SignedVoucher
from penstock.protocol.onchain import Closing, Ended
from penstock.protocol.position import Position, check_kind
from penstock.protocol.primitives import Address, Bytes32

COLLECTIONS_MAX = 500
"""Channels that one call collects from: the records are held for a moment only."""


def collect(uow: UnitOfWork, context: Context, channel_id: Bytes32) -> Transaction:
    """Have the newest voucher collected, as far as the deposit covers it; the same total is collected once.

    Raises
    ------
    UnknownChannel, WrongKind
        There are no vouchers in such a channel.
    NothingToCollect
        No voucher pays more than was collected.
    """
    position = load(uow, channel_id)
    check_kind(position, one_way=True, operation="collect")
    due = _due(position)
    if due is None:
        paid = position.voucher.voucher.paid if position.voucher else 0
        raise NothingToCollect(str(channel_id), paid, position.funds.payee_withdrawn)
    newest = last(uow, channel_id, due.key)
    return newest if newest and _may_still_count(uow, newest) else _enqueue(uow, context, [due])


@dataclass(frozen=True, slots=True)
class CollectAll:
    """The wish to collect from every channel that owes at least ``minimum`` smallest units."""

    minimum: int


@dataclass(frozen=True, slots=True)
class Collections:
    """The transactions that collect, and how many channels wait for the next call."""

    transactions: tuple[Transaction, ...]
    left: int


def collect_all(uow: UnitOfWork, context: Context, command: CollectAll) -> Collections:
    """Have the newest vouchers of all channels collected, up to `BATCH_MAX` in a transaction.

    Closing channels come first, then those that owe most; at most `COLLECTIONS_MAX` at once. What is under way
    already is left alone.
    """
    head = uow.chain.cursor()
    found = [due for due in map(_due, uow.channels.uncollected()) if due is not None and due.amount >= command.minimum]
    fresh = [due for due in found if due.is_open_at(head.time if head else 0) and not _is_under_way(uow, due)]
    fresh.sort(key=lambda due: (due.deadline is None, -due.amount))
    taken = fresh[:COLLECTIONS_MAX]
    batches = [batch for urgent in (True, False) for batch in _batches(taken, context.policy.tokens, urgent=urgent)]
    return Collections(tuple(_enqueue(uow, context, batch) for batch in batches), len(fresh) - len(taken))


@dataclass(frozen=True, slots=True)
class _Due:
    """A voucher that pays more than was collected: ``total`` in all, ``amount`` of it new."""

    channel: Channel
    voucher: SignedVoucher
    total: int
    amount: int
    deadline: int | None

    @property
    def channel_id(self) -> Bytes32:
        return self.voucher.voucher.channel_id

    @property
    def key(self) -> str:
        # It names what is taken: what a lost deposit left of a voucher is taken after a top-up, in another one.
        return f"collect:{self.channel_id}:{self.total}"

    def is_open_at(self, time: int) -> bool:
        return self.deadline is None or time < self.deadline


def _due(position: Position) -> _Due | None:
    collected, voucher = position.funds.payee_withdrawn, position.voucher
    total = min(voucher.voucher.paid if voucher else 0, position.funds.payer_deposit)
    if voucher is None or total <= collected or isinstance(position.phase, Ended):
        return None
    deadline = position.phase.deadline if isinstance(position.phase, Closing) else None
    return _Due(position.channel, voucher, total, total - collected, deadline)


def _is_under_way(uow: UnitOfWork, due: _Due) -> bool:
    newest = last(uow, due.channel_id, due.key)
    return newest is not None and _may_still_count(uow, newest)


def _may_still_count(uow: UnitOfWork, transaction: Transaction) -> bool:
    """Tell whether a collection may still have its effect: one in a batch may have been skipped."""
    if is_fruitless(transaction):
        return False
    head, outcome = uow.chain.cursor(), transaction.outcome
    if transaction.status is not TransactionStatus.CONFIRMED or head is None or outcome is None:
        return True
    return head.number < outcome.block_number


def _batches(found: Sequence[_Due], tokens: Collection[Address], *, urgent: bool) -> Iterator[Sequence[_Due]]:
    """Yield what goes together: closing channels apart, and alone what pays in a token that we no longer take."""
    chosen = [due for due in found if (due.deadline is not None) is urgent]
    together = [due for due in chosen if due.channel.token in tokens]
    for at in range(0, len(together), BATCH_MAX):
        yield together[at : at + BATCH_MAX]
    yield from ([due] for due in chosen if due.channel.token not in tokens)


def _enqueue(uow: UnitOfWork, context: Context, batch: Sequence[_Due]) -> Transaction:
    keys = [attempt_key(due.key, len(uow.transactions.tries(due.channel_id, due.key)) + 1) for due in batch]
    deadlines = [due.deadline for due in batch if due.deadline is not None]
    intent = Intent(
        key=keys[0],
        purpose="collect",
        receiver=context.calls.contract,
        data=context.calls.collect(batch[0].channel, batch[0].voucher),
        channel_id=batch[0].channel_id,
        deadline=min(deadlines, default=None),
        priority=Priority.URGENT if deadlines else Priority.ROUTINE,
    )
    if len(batch) == 1:
        return context.outbox.enqueue(uow, intent)
    data = context.calls.collect_many([(due.channel, due.voucher) for due in batch])
    items = [Item(key, due.channel_id) for key, due in zip(keys, batch, strict=True)]
    together = replace(intent, key=batch_key("collect", keys), data=data, channel_id=None)
    return context.outbox.enqueue(uow, together, items)
