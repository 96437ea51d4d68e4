"""Have a transaction sent once, and once more only after it failed for good."""

from __future__ import annotations

from dataclasses import replace

from penstock.node.context import Context
from penstock.node.ports import UnitOfWork
from penstock.node.records import Intent, Transaction, TransactionStatus, attempt_key
from penstock.protocol.primitives import Bytes32

_FRUITLESS = (TransactionStatus.FAILED, TransactionStatus.REVERTED, TransactionStatus.CANCELLED)


def enqueue_once(uow: UnitOfWork, context: Context, intent: Intent) -> Transaction:
    """Return the transaction that carries out a channel's ``intent``: the one under way or done, else a new one.

    A transaction that had no effect is followed by another under the next key, ``<key>:2`` and so on; whoever
    asks again decides that it is worth another try.
    """
    assert intent.channel_id is not None, "an intent of one channel"
    tries = uow.transactions.tries(intent.channel_id, intent.key)
    if tries and not is_fruitless(tries[-1]):
        return tries[-1]
    return context.outbox.enqueue(uow, replace(intent, key=attempt_key(intent.key, len(tries) + 1)))


def under_way(uow: UnitOfWork, channel_id: Bytes32, key: str) -> Transaction | None:
    """Return the newest transaction of a key, alone or in a batch, unless it had no effect."""
    newest = last(uow, channel_id, key)
    return newest if newest and not is_fruitless(newest) else None


def last(uow: UnitOfWork, channel_id: Bytes32, key: str) -> Transaction | None:
    """Return the newest transaction of a key, whatever became of it."""
    tries = uow.transactions.tries(channel_id, key)
    return tries[-1] if tries else None


def is_fruitless(transaction: Transaction) -> bool:
    """Tell whether a transaction ended without an effect."""
    return transaction.status in _FRUITLESS
