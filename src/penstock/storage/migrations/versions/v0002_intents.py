"""Give intents a budget, a priority, wishes, items and a life without an account."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.drop_index("ix_transactions_sender_status", "transactions")
    # The defaults are for the rows that are there, and do not stay.
    with op.batch_alter_table("transactions") as table:
        table.alter_column("sender", existing_type=sa.LargeBinary(length=20), nullable=True)
        table.add_column(sa.Column("budget", sa.String(length=40)))
        table.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default="1"))
        table.add_column(sa.Column("empty_hashes", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("started_at", sa.BigInteger()))
        table.add_column(sa.Column("bump", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("cancel", sa.String(length=400)))
    with op.batch_alter_table("transactions") as table:
        for name, type_ in (("priority", sa.Integer()), ("empty_hashes", sa.JSON()), ("bump", sa.Boolean())):
            table.alter_column(name, existing_type=type_, existing_nullable=False, server_default=None)
    op.execute("UPDATE transactions SET sender = NULL WHERE status = 'queued'")
    op.create_index("ix_transactions_status", "transactions", ["status"])
    op.create_table(
        "transaction_items",
        sa.Column("channel_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("transaction_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "key", "transaction_id", name=op.f("pk_transaction_items")),
        sqlite_with_rowid=False,
    )
