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

COLLECTIONS_MAX = 200
"""Channels that one call collects from: no payment is taken while it is written."""


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
    return newest if newest and _may_still_count(uow, newest, due) else _enqueue(uow, context, [due])


@dataclass(frozen=True, slots=True)
class Collections:
    """The transactions that collect, and how many channels wait for the next call."""

    transactions: tuple[Transaction, ...]
    left: int


def find_due(uow: UnitOfWork, minimum: int) -> list[Bytes32]:
    """Return the channels that owe at least ``minimum`` smallest units and may be collected from.

    The closing ones come first, the nearest deadline before the others, then those that owe most. What is under way
    already is left out, a higher voucher or not.
    """
    head = uow.chain.cursor()
    time = head.time if head else 0
    found = [due for due in map(_due, uow.channels.uncollected()) if due is not None and due.amount >= minimum]
    fresh = [due for due in found if due.is_open_at(time) and not _is_under_way(uow, due)]
    fresh.sort(key=lambda due: (due.deadline is None, due.deadline or 0, -due.amount))
    return [due.channel_id for due in fresh]


def collect_many(uow: UnitOfWork, context: Context, channels: Sequence[Bytes32]) -> Collections:
    """Have the newest vouchers of these channels collected, up to `BATCH_MAX` in a transaction.

    At most `COLLECTIONS_MAX` at once; what is not due any more is left out.
    """
    still = (_due(load(uow, channel_id)) for channel_id in channels[:COLLECTIONS_MAX])
    taken = [due for due in still if due is not None and not _is_under_way(uow, due)]
    sent = [_enqueue(uow, context, batch) for batch in _batches(taken, context.policy.tokens)]
    return Collections(tuple(sent), max(0, len(channels) - COLLECTIONS_MAX))


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
        return f"{_prefix(self.channel_id)}:{self.total}"

    def is_open_at(self, time: int) -> bool:
        return self.deadline is None or time < self.deadline


def _prefix(channel_id: Bytes32) -> str:
    return f"collect:{channel_id}"


def _due(position: Position) -> _Due | None:
    collected, voucher = position.funds.payee_withdrawn, position.voucher
    total = min(voucher.voucher.paid if voucher else 0, position.funds.payer_deposit)
    if voucher is None or total <= collected or isinstance(position.phase, Ended):
        return None
    deadline = position.phase.deadline if isinstance(position.phase, Closing) else None
    return _Due(position.channel, voucher, total, total - collected, deadline)


def _is_under_way(uow: UnitOfWork, due: _Due) -> bool:
    """Tell whether anything is being collected from the channel, this total or a lower one."""
    newest = last(uow, due.channel_id, _prefix(due.channel_id))
    return newest is not None and _may_still_count(uow, newest, due)


def _may_still_count(uow: UnitOfWork, transaction: Transaction, due: _Due) -> bool:
    """Tell whether a collection may still have its effect, in time.

    One in a batch may have been skipped; one from before the close knows nothing of its deadline.
    """
    if is_fruitless(transaction) or transaction.wishes.cancel is not None:
        return False
    outcome = transaction.outcome
    if outcome is None:
        until = transaction.intent.deadline
        return due.deadline is None or (until is not None and until <= due.deadline)
    head = uow.chain.cursor()
    return transaction.status is not TransactionStatus.CONFIRMED or head is None or head.number < outcome.block_number


def _batches(found: Sequence[_Due], tokens: Collection[Address]) -> Iterator[Sequence[_Due]]:
    """Yield what goes together.

    Alone goes what has a deadline, for a batch would be given up at the first of them, and what pays in a token that
    we no longer take.
    """
    together = [due for due in found if due.deadline is None and due.channel.token in tokens]
    yield from ([due] for due in found if due.deadline is not None or due.channel.token not in tokens)
    for at in range(0, len(together), BATCH_MAX):
        yield together[at : at + BATCH_MAX]


def _enqueue(uow: UnitOfWork, context: Context, batch: Sequence[_Due]) -> Transaction:
    keys = [attempt_key(due.key, len(uow.transactions.tries(due.channel_id, due.key)) + 1) for due in batch]
    intent = Intent(
        key=keys[0],
        purpose="collect",
        receiver=context.calls.contract,
        data=context.calls.collect(batch[0].channel, batch[0].voucher),
        channel_id=batch[0].channel_id,
        deadline=batch[0].deadline,
        priority=Priority.ROUTINE if batch[0].deadline is None else Priority.URGENT,
    )
    if len(batch) == 1:
        return context.outbox.enqueue(uow, intent)
    data = context.calls.collect_many([(due.channel, due.voucher) for due in batch])
    items = [Item(key, due.channel_id) for key, due in zip(keys, batch, strict=True)]
    together = replace(intent, key=batch_key("collect", keys), data=data, channel_id=None)
    return context.outbox.enqueue(uow, together, items)
