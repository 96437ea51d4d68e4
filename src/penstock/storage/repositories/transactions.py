"""Transactions: intents, their nonces and signed bytes, and what the chain said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from penstock.node.records import (
    FINAL_STATUSES,
    Intent,
    Item,
    Outcome,
    Priority,
    SignedTransaction,
    Transaction,
    TransactionStatus,
    Wishes,
)
from penstock.protocol.primitives import Address, Bytes32
from penstock.storage.errors import KeyReused, RecordConflict
from penstock.storage.tables import FAILURE_MAX
from penstock.storage.tables import transaction_items as items_table
from penstock.storage.tables import transactions as table

_QUEUED, _SIGNED, _MINED = TransactionStatus.QUEUED, TransactionStatus.SIGNED, TransactionStatus.MINED
_INTENT = tuple(field.name for field in fields(Intent))
_SIGNING = tuple(field.name for field in fields(SignedTransaction) if field.name not in ("hash", "empty"))

_THIS = table.c.id == sa.bindparam("this")
_OF_SENDER = table.c.sender == sa.bindparam("sender")
_FINAL = table.c.status.in_(FINAL_STATUSES)
_SELECT = sa.select(table)
_ADD = table.insert().returning(*table.c)
_GET = _SELECT.where(table.c.key == sa.bindparam("key"))
_BY_ID = _SELECT.where(_THIS)
_QUEUE = _SELECT.where(table.c.status == _QUEUED).order_by(
    table.c.priority, table.c.deadline.is_(None), table.c.deadline, table.c.id
)
_BY_NONCE = _SELECT.where(_OF_SENDER, table.c.status == sa.bindparam("status")).order_by(table.c.nonce)
_CHANNEL: sa.BindParameter[Bytes32] = sa.bindparam("channel")
_BATCHES = sa.select(items_table.c.transaction_id).where(items_table.c.channel_id == _CHANNEL)
_BY_CHANNEL = _SELECT.where(sa.or_(table.c.channel_id == _CHANNEL, table.c.id.in_(_BATCHES))).order_by(table.c.id)
_ADD_ITEM = items_table.insert()
_RECENT = _SELECT.order_by(table.c.id.desc()).limit(sa.bindparam("limit"))
_UNFINISHED = _SELECT.where(~_FINAL).order_by(table.c.id)
_FROM_NONCE = (_OF_SENDER, table.c.nonce >= sa.bindparam("nonce"))
_UNDONE = _SELECT.where(*_FROM_NONCE, _FINAL).order_by(table.c.nonce)
_NONCES = sa.select(table.c.nonce).where(*_FROM_NONCE).order_by(table.c.nonce)
_UPDATE = table.update().where(_THIS)
_NOT_MINED: dict[str, Any] = {
    "mined_hash": None,
    "block_number": None,
    "gas_used": None,
    "gas_price": None,
    "failure": None,
}


class Transactions:
    """Implements `penstock.node.ports.Transactions`."""

    def __init__(self, connection: sa.Connection) -> None:
        """Work in the connection's transaction."""
        self._connection = connection

    def add(self, intent: Intent, at: int, items: Sequence[Item] = ()) -> Transaction:
        """Store an intent once, with what it does for several channels; again returns what became of it.

        Raises
        ------
        KeyReused
            The key belongs to an intent with another content.
        """
        stored = self.get(intent.key)
        if stored is None:
            values = {"status": _QUEUED, "hashes": [], "empty_hashes": [], "bump": False, "created_at": at}
            values |= {name: getattr(intent, name) for name in _INTENT}
            added = _transaction(self._connection.execute(_ADD, values).one())
            rows = [{"channel_id": i.channel_id, "key": i.key, "transaction_id": added.id} for i in items]
            if rows:
                self._connection.execute(_ADD_ITEM, rows)
            return added
        if stored.intent.content != intent.content:
            raise KeyReused(intent.key, str(stored.intent), str(intent))
        return stored

    def get(self, key: str) -> Transaction | None:
        """Return the intent with this key."""
        row = self._connection.execute(_GET, {"key": key}).one_or_none()
        return None if row is None else _transaction(row)

    def queued(self) -> list[Transaction]:
        """Return the intents without a nonce: the urgent ones first, then those with the nearest deadline."""
        return self._all(_QUEUE, {})

    def in_flight(self, sender: Address) -> list[Transaction]:
        """Return what is signed and in no block, the lowest nonce first."""
        return self._all(_BY_NONCE, {"sender": sender, "status": _SIGNED})

    def mined(self, sender: Address) -> list[Transaction]:
        """Return what a block holds and is not final yet, the lowest nonce first."""
        return self._all(_BY_NONCE, {"sender": sender, "status": _MINED})

    def undone(self, sender: Address, next_nonce: int) -> list[Transaction]:
        """Return what is final although the chain has not used its nonce: a reorg deeper than the confirmations."""
        return self._all(_UNDONE, {"sender": sender, "nonce": next_nonce})

    def unfinished(self) -> list[Transaction]:
        """Return all that is not final, oldest first."""
        return self._all(_UNFINISHED, {})

    def nonces(self, sender: Address, next_nonce: int) -> list[int]:
        """Return the nonces that are taken, of those the chain has not used."""
        return list(self._connection.execute(_NONCES, {"sender": sender, "nonce": next_nonce}).scalars())

    def sign(self, transaction_id: int, sender: Address, signed: SignedTransaction, at: int) -> None:
        """Store a signed version, the first or a replacement with the same nonce; send it only after the commit.

        ``at`` is the head's time. A wish for higher fees is fulfilled by it.
        """
        before = self._expect(transaction_id, _QUEUED, _SIGNED)
        if before.signed and (before.sender, before.signed.nonce) != (sender, signed.nonce):
            raise RecordConflict(
                f"the nonce of transaction {before.intent.key}", str(before.signed.nonce), str(signed.nonce)
            )
        values = {name: getattr(signed, name) for name in _SIGNING}
        if signed.empty:
            values["empty_hashes"] = _appended(before.empty_hashes, signed.hash)
        self._update(
            transaction_id,
            status=_SIGNED,
            sender=sender,
            hashes=_appended(before.hashes, signed.hash),
            started_at=at if before.started_at is None else before.started_at,
            bump=False,
            **values,
        )

    def mine(self, transaction_id: int, outcome: Outcome) -> None:
        """Note that a block holds one version of it."""
        self._expect(transaction_id, _SIGNED, _MINED)
        self._update(
            transaction_id,
            status=_MINED,
            mined_hash=outcome.hash,
            block_number=outcome.block_number,
            gas_used=outcome.gas_used,
            gas_price=outcome.gas_price,
            failure=_shortened(outcome.failure),
        )

    def back_in_flight(self, transaction_id: int) -> None:
        """Note that the block which held it vanished."""
        self._expect(transaction_id, _MINED, *FINAL_STATUSES)
        self._update(transaction_id, status=_SIGNED, **_NOT_MINED)

    def requeue(self, transaction_id: int) -> None:
        """Give up its nonce, which a transaction not ours has taken, and queue it again."""
        self._expect(transaction_id, _SIGNED)
        self._update(transaction_id, status=_QUEUED, sender=None, nonce=None, raw=None, started_at=None)

    def finish(self, transaction_id: int) -> None:
        """Note that a mined one is deep enough: confirmed, cancelled, or reverted if its outcome says so."""
        before = self._expect(transaction_id, _MINED)
        if before.outcome and before.outcome.hash in before.empty_hashes:
            status = TransactionStatus.CANCELLED
        else:
            status = TransactionStatus.CONFIRMED if before.failure is None else TransactionStatus.REVERTED
        self._update(transaction_id, status=status)

    def fail(self, transaction_id: int, reason: str) -> None:
        """Give up an intent of which no version can be mined any more."""
        self._expect(transaction_id, _QUEUED, _SIGNED)
        values = {"status": TransactionStatus.FAILED, "failure": _shortened(reason)}
        self._update(transaction_id, sender=None, nonce=None, raw=None, **values)

    def wish(self, transaction_id: int, wishes: Wishes) -> None:
        """Ask for higher fees, or for an end; an end once asked for stays."""
        before = self._expect(transaction_id, _QUEUED, _SIGNED)
        cancel = before.wishes.cancel or _shortened(wishes.cancel)
        self._update(transaction_id, bump=before.wishes.bump or wishes.bump, cancel=cancel)

    def by_channel(self, channel_id: Bytes32) -> list[Transaction]:
        """Return a channel's transactions, oldest first."""
        return self._all(_BY_CHANNEL, {"channel": channel_id})

    def tries(self, channel_id: Bytes32, key: str) -> list[Transaction]:
        """Return a channel's transactions under ``key`` or ``key:<n>``, alone or as an item, oldest first."""

        def tried(column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
            return sa.or_(column == key, column.startswith(f"{key}:", autoescape=True))

        alone = sa.and_(table.c.channel_id == channel_id, tried(table.c.key))
        in_batch = table.c.id.in_(_BATCHES.where(tried(items_table.c.key)))
        return self._all(_SELECT.where(sa.or_(alone, in_batch)).order_by(table.c.id), {"channel": channel_id})

    def recent(self, limit: int) -> list[Transaction]:
        """Return the newest transactions, newest first."""
        return self._all(_RECENT, {"limit": limit})

    def _all(self, statement: sa.Select[Any], values: dict[str, Any]) -> list[Transaction]:
        return [_transaction(row) for row in self._connection.execute(statement, values)]

    def _expect(self, transaction_id: int, *allowed: TransactionStatus) -> Transaction:
        """Return the transaction; raises `RecordConflict` if its status does not allow the next step."""
        before = _transaction(self._connection.execute(_BY_ID, {"this": transaction_id}).one())
        if before.status not in allowed:
            raise RecordConflict(f"transaction {before.intent.key}", before.status, " or ".join(allowed))
        return before

    def _update(self, transaction_id: int, **values: Any) -> None:
        self._connection.execute(_UPDATE, {"this": transaction_id, **values})


def _appended(hashes: Sequence[Bytes32], newest: Bytes32) -> list[str]:
    return [*(str(known) for known in hashes if known != newest), str(newest)]


def _shortened(text: str | None) -> str | None:
    return None if text is None else text[:FAILURE_MAX]


def _transaction(row: sa.Row[Any]) -> Transaction:
    hashes, empty = _hashes(row.hashes), _hashes(row.empty_hashes)
    intent = {name: getattr(row, name) for name in _INTENT} | {"priority": Priority(row.priority)}
    return Transaction(
        id=row.id,
        intent=Intent(**intent),
        sender=row.sender,
        status=TransactionStatus(row.status),
        hashes=hashes,
        empty_hashes=empty,
        wishes=Wishes(row.bump, row.cancel),
        started_at=row.started_at,
        signed=_signed(row, hashes[-1], hashes[-1] in empty) if row.raw is not None else None,
        outcome=_outcome(row) if row.mined_hash is not None else None,
        failure=row.failure,
        created_at=row.created_at,
    )


def _hashes(texts: list[str]) -> tuple[Bytes32, ...]:
    return tuple(Bytes32(bytes.fromhex(text[2:])) for text in texts)


def _signed(row: sa.Row[Any], newest: Bytes32, empty: bool) -> SignedTransaction:  # noqa: FBT001 (private, named below)
    return SignedTransaction(
        nonce=row.nonce,
        gas_limit=row.gas_limit,
        max_fee_per_gas=row.max_fee_per_gas,
        max_priority_fee_per_gas=row.max_priority_fee_per_gas,
        raw=row.raw,
        hash=newest,
        signed_at_block=row.signed_at_block,
        empty=empty,
    )


def _outcome(row: sa.Row[Any]) -> Outcome:
    return Outcome(row.mined_hash, row.block_number, row.gas_used, row.gas_price, row.failure)
