"""Have a transaction sent once, and once more only after it failed for good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from penstock.node.context import Context
from penstock.node.ports import UnitOfWork
from penstock.node.records import Intent, Transaction, TransactionStatus

_FRUITLESS = (TransactionStatus.FAILED, TransactionStatus.REVERTED)


def enqueue_once(uow: UnitOfWork, context: Context, intent: Intent) -> Transaction:
    """Return the transaction that carries out ``intent``: the one under way or done, else a new one.

    A transaction that had no effect is followed by another under the next key, ``<key>:2`` and so on; whoever
    asks again decides that it is worth another try.
    """
    found = under_way(uow, intent.key)
    return found or context.outbox.enqueue(uow, replace(intent, key=_next_key(uow, intent.key)))


def under_way(uow: UnitOfWork, key: str) -> Transaction | None:
    """Return the newest transaction of a key unless it had no effect."""
    newest = last(uow, key)
    return newest if newest and newest.status not in _FRUITLESS else None


def last(uow: UnitOfWork, key: str) -> Transaction | None:
    """Return the newest transaction of a key, whatever became of it."""
    newest = None
    for candidate in _keys(key):
        found = uow.transactions.get(candidate)
        if found is None:
            break
        newest = found
    return newest


def _next_key(uow: UnitOfWork, key: str) -> str:
    return next(candidate for candidate in _keys(key) if uow.transactions.get(candidate) is None)


def _keys(key: str) -> Iterator[str]:
    yield key
    yield from (f"{key}:{attempt}" for attempt in count(2))
