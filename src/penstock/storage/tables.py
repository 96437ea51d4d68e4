"""The schema, one for every process that keeps records: node, client and watcher.

A party (node or client) keeps one row a channel with its whole position, and the history beside it. A watcher
keeps the newest evidence a channel. All three keep the chain's events and their own transactions.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from penstock.protocol.primitives import Address, Bytes32

SEQUENCE_DIGITS = 20
"""Of the highest uint64."""
AMOUNT_DIGITS = 39
"""Of the highest uint128."""
FAILURE_MAX = 400
"""Characters of the reason why a transaction failed."""


class Amount(TypeDecorator[int]):
    """An integer of up to 128 bits and a sign, as decimal text: no database has such a number in common."""

    impl = sa.String(AMOUNT_DIGITS + 1)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: sa.Dialect) -> str | None:
        """Write decimal text."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> int | None:
        """Read decimal text."""
        return None if value is None else int(value)


class Padded(TypeDecorator[int]):
    """An unsigned integer padded with zeros to a fixed number of digits, so that text order is number order."""

    impl = sa.String
    cache_ok = True

    def __init__(self, digits: int) -> None:
        """Take the number of digits of the highest value."""
        super().__init__(digits)
        self.digits = digits

    def process_bind_param(self, value: int | None, dialect: sa.Dialect) -> str | None:
        """Write all digits."""
        return None if value is None else f"{value:0{self.digits}d}"

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> int | None:
        """Read all digits."""
        return None if value is None else int(value)


class Word(TypeDecorator[Bytes32]):
    """Thirty-two bytes."""

    impl = sa.LargeBinary(32)
    cache_ok = True

    def process_bind_param(self, value: Bytes32 | None, dialect: sa.Dialect) -> bytes | None:
        """Write plain bytes."""
        return None if value is None else bytes(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Bytes32 | None:
        """Read a word."""
        return None if value is None else Bytes32(bytes(value))


class Account(TypeDecorator[Address]):
    """An address, twenty bytes."""

    impl = sa.LargeBinary(20)
    cache_ok = True

    def process_bind_param(self, value: Address | None, dialect: sa.Dialect) -> bytes | None:
        """Write plain bytes."""
        return None if value is None else bytes(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Address | None:
        """Read an address."""
        return None if value is None else Address(bytes(value))


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _terms() -> list[sa.Column[Any]]:
    return [
        sa.Column("payer", Account, nullable=False),
        sa.Column("payee", Account, nullable=False),
        sa.Column("payer_signer", Account, nullable=False),
        sa.Column("payee_signer", Account, nullable=False),
        sa.Column("token", Account, nullable=False),
        sa.Column("challenge_period_seconds", sa.BigInteger, nullable=False),
        sa.Column("one_way", sa.Boolean, nullable=False),
        sa.Column("salt", Amount, nullable=False),
    ]


def _onchain(prefix: str) -> list[sa.Column[Any]]:
    names = ("payer_deposit", "payee_deposit", "payer_withdrawn", "payee_withdrawn")
    return [sa.Column(f"{prefix}_{name}", Amount, nullable=False, default=0) for name in names]


def _state() -> list[sa.Column[Any]]:
    return [
        sa.Column("sequence", Padded(SEQUENCE_DIGITS)),
        sa.Column("paid", Amount),
        sa.Column("payer_locked", Amount),
        sa.Column("payee_locked", Amount),
        sa.Column("locks_root", Word),
        sa.Column("payer_signature", sa.LargeBinary(65)),
        sa.Column("payee_signature", sa.LargeBinary(65)),
    ]


def _only_filled(name: str, column: sa.Column[Any]) -> sa.Index:
    """Index only the rows in which ``column`` is filled: few among many."""
    filled = column.is_not(None)
    return sa.Index(name, column, sqlite_where=filled, postgresql_where=filled)


channels = sa.Table(
    "channels",
    metadata,
    sa.Column("channel_id", Word, primary_key=True),
    *_terms(),
    sa.Column("registered_at", sa.BigInteger, nullable=False),
    # What the chain says: deposits and withdrawals at the confirmed depth and at the head, the phase at the head.
    *_onchain("confirmed"),
    *_onchain("head"),
    sa.Column("phase", sa.String(10), nullable=False, default="none"),
    sa.Column("phase_data", sa.JSON(none_as_null=True)),
    # What was promised: withdrawals count as withdrawn until a confirmed block's time is past the deadline.
    sa.Column("promised_payer_total", Amount, nullable=False, default=0),
    sa.Column("promised_payee_total", Amount, nullable=False, default=0),
    sa.Column("promised_until", sa.BigInteger),
    sa.Column("close_paid", Amount),
    # The newest co-signed state, or the highest voucher (then sequence stays empty).
    *_state(),
    sa.Column("highest_seen", Padded(SEQUENCE_DIGITS), nullable=False, default=0),
)
_only_filled("ix_channels_promised_until", channels.c.promised_until)
"""One row a channel: a party's whole position in it."""

states = sa.Table(
    "states",
    metadata,
    sa.Column("channel_id", Word, primary_key=True),
    *(
        sa.Column(c.name, c.type, primary_key=c.name == "sequence", nullable=c.name == "payee_signature")
        for c in _state()
    ),
    sa.Column("base", Word),  # empty for a state recovered from somebody else's records
    sa.Column("causes", sa.LargeBinary, nullable=False),  # as signed with the proposal; see codec.pack_causes
    sa.Column("status", sa.String(10), nullable=False),  # node.records.StateStatus
    sa.Column("recorded_at", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Every state that was signed, with its signatures: the history, and what a payer must count as possibly final."""

causes = sa.Table(
    "causes",
    metadata,
    sa.Column("channel_id", Word, primary_key=True),
    sa.Column("cause_id", Word, primary_key=True),
    sa.Column("type", sa.String(12), nullable=False),
    sa.Column("amount", Amount, nullable=False),
    sa.Column("sequence", Padded(SEQUENCE_DIGITS)),  # the state that applied it; empty while an issued refund waits
    sqlite_with_rowid=False,
)
"""Causes by id: applied ones name their state, issued refunds wait with none."""
_waiting = causes.c.sequence.is_(None)
sa.Index("ix_causes_waiting", causes.c.channel_id, sqlite_where=_waiting, postgresql_where=_waiting)

vouchers = sa.Table(
    "vouchers",
    metadata,
    sa.Column("channel_id", Word, primary_key=True),
    sa.Column("paid", Padded(AMOUNT_DIGITS), primary_key=True),
    sa.Column("payer_signature", sa.LargeBinary(65), nullable=False),
    sa.Column("recorded_at", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Every voucher that was signed or accepted."""

watched = sa.Table(
    "watched",
    metadata,
    sa.Column("channel_id", Word, primary_key=True),
    *_terms(),
    *_state(),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    # Of a channel that is closing at the head, empty otherwise: so that the few disputes are found among many channels.
    sa.Column("closing_deadline", sa.BigInteger),
)
"""A watcher's newest evidence a channel; a voucher has no sequence."""
_only_filled("ix_watched_closing_deadline", watched.c.closing_deadline)

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("channel_id", Word, primary_key=True),
    sa.Column("watcher", sa.String(200), primary_key=True),
    sa.Column("sequence", Padded(SEQUENCE_DIGITS), nullable=False),  # 0 for a voucher
    sa.Column("paid", Amount, nullable=False),  # of the evidence: it tells vouchers apart
    sa.Column("digest", Word, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("signature", sa.LargeBinary(65), nullable=False),
    sqlite_with_rowid=False,
)
"""The newest receipt of each watcher a channel: what a party need not send again."""

chain_blocks = sa.Table(
    "chain_blocks",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hash", Word, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
)
"""The newest blocks that were followed, deep enough to find a reorg's common ancestor; the highest is the cursor."""

chain_events = sa.Table(
    "chain_events",
    metadata,
    sa.Column("block_number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("log_index", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("block_hash", Word, nullable=False),
    sa.Column("transaction_hash", Word, nullable=False),
    sa.Column("channel_id", Word, nullable=False),
    sa.Column("name", sa.String(20), nullable=False),
    sa.Column("fields", sa.JSON, nullable=False),
    sa.Index("ix_chain_events_channel_id", "channel_id", "block_number", "log_index"),
    sqlite_with_rowid=False,
)
"""The contract's events of the canonical chain; a reorg deletes those of the blocks that vanished."""

transactions = sa.Table(
    "transactions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(200), nullable=False, unique=True),
    sa.Column("purpose", sa.String(20), nullable=False),
    sa.Column("channel_id", Word),
    sa.Column("sender", Account),
    sa.Column("receiver", Account, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("deadline", sa.BigInteger),
    sa.Column("gas_max", sa.BigInteger),
    sa.Column("budget", Amount),
    sa.Column("priority", sa.Integer, nullable=False),  # node.records.Priority
    sa.Column("status", sa.String(10), nullable=False),  # node.records.TransactionStatus
    sa.Column("nonce", sa.BigInteger),
    sa.Column("gas_limit", sa.BigInteger),
    sa.Column("max_fee_per_gas", Amount),
    sa.Column("max_priority_fee_per_gas", Amount),
    sa.Column("raw", sa.LargeBinary),
    sa.Column("hashes", sa.JSON, nullable=False),  # every version that was signed, newest last
    sa.Column("empty_hashes", sa.JSON, nullable=False),  # those of them that only use the nonce
    sa.Column("signed_at_block", sa.BigInteger),
    sa.Column("started_at", sa.BigInteger),  # the head's time at the first signing
    sa.Column("bump", sa.Boolean, nullable=False),  # asked for: raise the fees at the next look
    sa.Column("cancel", sa.String(FAILURE_MAX)),  # asked for: why it should not happen
    sa.Column("mined_hash", Word),
    sa.Column("block_number", sa.BigInteger),
    sa.Column("gas_used", sa.BigInteger),
    sa.Column("gas_price", Amount),
    sa.Column("failure", sa.String(FAILURE_MAX)),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("sender", "nonce"),
    sa.Index("ix_transactions_status", "status"),
    sa.Index("ix_transactions_channel_id", "channel_id"),
)
"""Intents: a transaction to be sent, its nonce and its signed bytes in one durable row."""

transaction_items = sa.Table(
    "transaction_items",
    metadata,
    sa.Column("channel_id", Word, primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("transaction_id", sa.Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""What a transaction does for each of several channels, under the key it would have alone."""
