"""Create the first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    _channels()
    _states()
    _causes()
    _vouchers()
    _watched()
    _receipts()
    _chain_blocks()
    _chain_events()
    _transactions()


def _channels() -> None:
    op.create_table(
        "channels",
        sa.Column("channel_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("payer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("payee", sa.LargeBinary(length=20), nullable=False),
        sa.Column("payer_signer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("payee_signer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("token", sa.LargeBinary(length=20), nullable=False),
        sa.Column("challenge_period_seconds", sa.BigInteger(), nullable=False),
        sa.Column("one_way", sa.Boolean(), nullable=False),
        sa.Column("salt", sa.String(length=40), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_payer_deposit", sa.String(length=40), nullable=False),
        sa.Column("confirmed_payee_deposit", sa.String(length=40), nullable=False),
        sa.Column("confirmed_payer_withdrawn", sa.String(length=40), nullable=False),
        sa.Column("confirmed_payee_withdrawn", sa.String(length=40), nullable=False),
        sa.Column("head_payer_deposit", sa.String(length=40), nullable=False),
        sa.Column("head_payee_deposit", sa.String(length=40), nullable=False),
        sa.Column("head_payer_withdrawn", sa.String(length=40), nullable=False),
        sa.Column("head_payee_withdrawn", sa.String(length=40), nullable=False),
        sa.Column("phase", sa.String(length=10), nullable=False),
        sa.Column("phase_data", sa.JSON(none_as_null=True)),
        sa.Column("promised_payer_total", sa.String(length=40), nullable=False),
        sa.Column("promised_payee_total", sa.String(length=40), nullable=False),
        sa.Column("promised_until", sa.BigInteger()),
        sa.Column("close_paid", sa.String(length=40)),
        sa.Column("sequence", sa.String(length=20)),
        sa.Column("paid", sa.String(length=40)),
        sa.Column("payer_locked", sa.String(length=40)),
        sa.Column("payee_locked", sa.String(length=40)),
        sa.Column("locks_root", sa.LargeBinary(length=32)),
        sa.Column("payer_signature", sa.LargeBinary(length=65)),
        sa.Column("payee_signature", sa.LargeBinary(length=65)),
        sa.Column("highest_seen", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_channels")),
    )
    op.create_index(
        "ix_channels_promised_until",
        "channels",
        ["promised_until"],
        sqlite_where=sa.text("promised_until IS NOT NULL"),
        postgresql_where=sa.text("promised_until IS NOT NULL"),
    )


def _states() -> None:
    op.create_table(
        "states",
        sa.Column("channel_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sequence", sa.String(length=20), nullable=False),
        sa.Column("paid", sa.String(length=40), nullable=False),
        sa.Column("payer_locked", sa.String(length=40), nullable=False),
        sa.Column("payee_locked", sa.String(length=40), nullable=False),
        sa.Column("locks_root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("payer_signature", sa.LargeBinary(length=65), nullable=False),
        sa.Column("payee_signature", sa.LargeBinary(length=65)),
        sa.Column("base", sa.LargeBinary(length=32)),
        sa.Column("causes", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "sequence", name=op.f("pk_states")),
        sqlite_with_rowid=False,
    )


def _causes() -> None:
    op.create_table(
        "causes",
        sa.Column("channel_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("cause_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("type", sa.String(length=12), nullable=False),
        sa.Column("amount", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.String(length=20)),
        sa.PrimaryKeyConstraint("channel_id", "cause_id", name=op.f("pk_causes")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_causes_waiting",
        "causes",
        ["channel_id"],
        sqlite_where=sa.text("sequence IS NULL"),
        postgresql_where=sa.text("sequence IS NULL"),
    )


def _vouchers() -> None:
    op.create_table(
        "vouchers",
        sa.Column("channel_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("paid", sa.String(length=39), nullable=False),
        sa.Column("payer_signature", sa.LargeBinary(length=65), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "paid", name=op.f("pk_vouchers")),
        sqlite_with_rowid=False,
    )


def _watched() -> None:
    op.create_table(
        "watched",
        sa.Column("channel_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("payer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("payee", sa.LargeBinary(length=20), nullable=False),
        sa.Column("payer_signer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("payee_signer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("token", sa.LargeBinary(length=20), nullable=False),
        sa.Column("challenge_period_seconds", sa.BigInteger(), nullable=False),
        sa.Column("one_way", sa.Boolean(), nullable=False),
        sa.Column("salt", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.String(length=20)),
        sa.Column("paid", sa.String(length=40)),
        sa.Column("payer_locked", sa.String(length=40)),
        sa.Column("payee_locked", sa.String(length=40)),
        sa.Column("locks_root", sa.LargeBinary(length=32)),
        sa.Column("payer_signature", sa.LargeBinary(length=65)),
        sa.Column("payee_signature", sa.LargeBinary(length=65)),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("closing_deadline", sa.BigInteger()),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_watched")),
    )
    op.create_index(
        "ix_watched_closing_deadline",
        "watched",
        ["closing_deadline"],
        sqlite_where=sa.text("closing_deadline IS NOT NULL"),
        postgresql_where=sa.text("closing_deadline IS NOT NULL"),
    )


def _receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("channel_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("watcher", sa.String(length=200), nullable=False),
        sa.Column("sequence", sa.String(length=20), nullable=False),
        sa.Column("paid", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=65), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "watcher", name=op.f("pk_receipts")),
        sqlite_with_rowid=False,
    )


def _chain_blocks() -> None:
    op.create_table(
        "chain_blocks",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_chain_blocks")),
    )


def _chain_events() -> None:
    op.create_table(
        "chain_events",
        sa.Column("block_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("block_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("transaction_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("channel_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("block_number", "log_index", name=op.f("pk_chain_events")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_chain_events_channel_id", "chain_events", ["channel_id", "block_number", "log_index"])


def _transactions() -> None:
    op.create_table(
        "transactions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("channel_id", sa.LargeBinary(length=32)),
        sa.Column("sender", sa.LargeBinary(length=20), nullable=False),
        sa.Column("receiver", sa.LargeBinary(length=20), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("deadline", sa.BigInteger()),
        sa.Column("gas_max", sa.BigInteger()),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("nonce", sa.BigInteger()),
        sa.Column("gas_limit", sa.BigInteger()),
        sa.Column("max_fee_per_gas", sa.String(length=40)),
        sa.Column("max_priority_fee_per_gas", sa.String(length=40)),
        sa.Column("raw", sa.LargeBinary()),
        sa.Column("hashes", sa.JSON(), nullable=False),
        sa.Column("signed_at_block", sa.BigInteger()),
        sa.Column("mined_hash", sa.LargeBinary(length=32)),
        sa.Column("block_number", sa.BigInteger()),
        sa.Column("gas_used", sa.BigInteger()),
        sa.Column("gas_price", sa.String(length=40)),
        sa.Column("failure", sa.String(length=400)),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transactions")),
        sa.UniqueConstraint("key", name=op.f("uq_transactions_key")),
        sa.UniqueConstraint("sender", "nonce", name=op.f("uq_transactions_sender_nonce")),
    )
    op.create_index("ix_transactions_channel_id", "transactions", ["channel_id"])
    op.create_index("ix_transactions_sender_status", "transactions", ["sender", "status"])
