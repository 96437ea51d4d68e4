"""Transactions: intents, their nonces and signed bytes, and what the chain said."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from penstock.node.records import Intent, Outcome, SignedTransaction, Transaction, TransactionStatus
from penstock.protocol.primitives import Address, Bytes32
from penstock.storage.errors import KeyReused, RecordConflict
from penstock.storage.tables import FAILURE_MAX
from penstock.storage.tables import transactions as table

_QUEUED, _SIGNED, _MINED = TransactionStatus.QUEUED, TransactionStatus.SIGNED, TransactionStatus.MINED
_INTENT = tuple(field.name for field in fields(Intent))
_SIGNING = tuple(field.name for field in fields(SignedTransaction) if field.name != "hash")

_THIS = table.c.id == sa.bindparam("this")
_SELECT = sa.select(table)
_ADD = table.insert().returning(*table.c)
_GET = _SELECT.where(table.c.key == sa.bindparam("key"))
_BY_ID = _SELECT.where(_THIS)
_BY_STATUS = _SELECT.where(table.c.sender == sa.bindparam("sender"), table.c.status == sa.bindparam("status"))
_BY_URGENCY = _BY_STATUS.order_by(table.c.deadline.is_(None), table.c.deadline, table.c.id)
_BY_NONCE = _BY_STATUS.order_by(table.c.nonce)
_BY_CHANNEL = _SELECT.where(table.c.channel_id == sa.bindparam("channel")).order_by(table.c.id)
_RECENT = _SELECT.order_by(table.c.id.desc()).limit(sa.bindparam("limit"))
_UNDONE = _SELECT.where(
    table.c.sender == sa.bindparam("sender"),
    table.c.nonce >= sa.bindparam("nonce"),
    table.c.status.in_((TransactionStatus.CONFIRMED, TransactionStatus.REVERTED)),
).order_by(table.c.nonce)
_HIGHEST_NONCE = sa.select(sa.func.max(table.c.nonce)).where(table.c.sender == sa.bindparam("sender"))
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

    def add(self, intent: Intent, sender: Address, at: int) -> Transaction:
        """Store an intent once; the same one again returns what became of it.

        Raises
        ------
        KeyReused
            The key belongs to an intent with another content, or to another sender's.
        """
        stored = self.get(intent.key)
        if stored is None:
            values = {"sender": sender, "status": _QUEUED, "hashes": [], "created_at": at}
            values |= {name: getattr(intent, name) for name in _INTENT}
            return _transaction(self._connection.execute(_ADD, values).one())
        if (stored.intent, stored.sender) != (intent, sender):
            raise KeyReused(intent.key, f"{stored.intent} from {stored.sender}", f"{intent} from {sender}")
        return stored

    def get(self, key: str) -> Transaction | None:
        """Return the intent with this key."""
        row = self._connection.execute(_GET, {"key": key}).one_or_none()
        return None if row is None else _transaction(row)

    def queued(self, sender: Address) -> list[Transaction]:
        """Return the intents without a nonce, the nearest deadline first."""
        return self._all(_BY_URGENCY, {"sender": sender, "status": _QUEUED})

    def in_flight(self, sender: Address) -> list[Transaction]:
        """Return what is signed and in no block, the lowest nonce first."""
        return self._all(_BY_NONCE, {"sender": sender, "status": _SIGNED})

    def mined(self, sender: Address) -> list[Transaction]:
        """Return what a block holds and is not final yet, the lowest nonce first."""
        return self._all(_BY_NONCE, {"sender": sender, "status": _MINED})

    def undone(self, sender: Address, next_nonce: int) -> list[Transaction]:
        """Return what is final although the chain has not used its nonce: a reorg deeper than the confirmations."""
        return self._all(_UNDONE, {"sender": sender, "nonce": next_nonce})

    def next_nonce(self, sender: Address) -> int | None:
        """Return the number above the highest nonce stored; None if none is, then the chain knows it."""
        highest: int | None = self._connection.execute(_HIGHEST_NONCE, {"sender": sender}).scalar_one()
        return None if highest is None else highest + 1

    def sign(self, transaction_id: int, signed: SignedTransaction) -> None:
        """Store a signed version, the first or a replacement with the same nonce; send it only after the commit."""
        before = self._expect(transaction_id, _QUEUED, _SIGNED)
        if before.signed and before.signed.nonce != signed.nonce:
            raise RecordConflict(
                f"the nonce of transaction {before.intent.key}", str(before.signed.nonce), str(signed.nonce)
            )
        values = {name: getattr(signed, name) for name in _SIGNING}
        hashes = [str(known) for known in before.hashes if known != signed.hash]
        self._update(transaction_id, status=_SIGNED, hashes=[*hashes, str(signed.hash)], **values)

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
        self._expect(transaction_id, _MINED, TransactionStatus.CONFIRMED, TransactionStatus.REVERTED)
        self._update(transaction_id, status=_SIGNED, **_NOT_MINED)

    def requeue(self, transaction_id: int) -> None:
        """Give up its nonce, which a transaction not ours has taken, and queue it again."""
        self._expect(transaction_id, _SIGNED)
        self._update(transaction_id, status=_QUEUED, nonce=None, raw=None)

    def finish(self, transaction_id: int) -> None:
        """Note that a mined one is deep enough: confirmed, or reverted if its outcome says so."""
        before = self._expect(transaction_id, _MINED)
        status = TransactionStatus.CONFIRMED if before.failure is None else TransactionStatus.REVERTED
        self._update(transaction_id, status=status)

    def fail(self, transaction_id: int, reason: str) -> None:
        """Give up a queued intent."""
        self._expect(transaction_id, _QUEUED)
        self._update(transaction_id, status=TransactionStatus.FAILED, failure=_shortened(reason))

    def by_channel(self, channel_id: Bytes32) -> list[Transaction]:
        """Return a channel's transactions, oldest first."""
        return self._all(_BY_CHANNEL, {"channel": channel_id})

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


def _shortened(text: str | None) -> str | None:
    return None if text is None else text[:FAILURE_MAX]


def _transaction(row: sa.Row[Any]) -> Transaction:
    hashes = tuple(Bytes32(bytes.fromhex(text[2:])) for text in row.hashes)
    return Transaction(
        id=row.id,
        intent=Intent(row.key, row.purpose, row.receiver, row.data, row.channel_id, row.deadline, row.gas_max),
        sender=row.sender,
        status=TransactionStatus(row.status),
        hashes=hashes,
        signed=_signed(row, hashes[-1]) if row.raw is not None else None,
        outcome=_outcome(row) if row.mined_hash is not None else None,
        failure=row.failure,
        created_at=row.created_at,
    )


def _signed(row: sa.Row[Any], newest: Bytes32) -> SignedTransaction:
    return SignedTransaction(
        nonce=row.nonce,
        gas_limit=row.gas_limit,
        max_fee_per_gas=row.max_fee_per_gas,
        max_priority_fee_per_gas=row.max_priority_fee_per_gas,
        raw=row.raw,
        hash=newest,
        signed_at_block=row.signed_at_block,
    )


def _outcome(row: sa.Row[Any]) -> Outcome:
    return Outcome(row.mined_hash, row.block_number, row.gas_used, row.gas_price, row.failure)
